//! Textual inversions: pictures and encodings of the reference, files of every kind, and what is refused.

use std::convert::Infallible;
use std::fs;

use latelier::engine::{Input, Interrupt, Mode, Network};
use latelier::graph::{self, Dialect};
use latelier::prompt::{Chunk, Encoder, LEARNED, Learned, Syntax, Tokenizer, Vocabulary};
use latelier::weights::{Checkpoint, Embedding};
use ndarray::{Array2, Array3, Array4, Axis, Ix3, s};
use serde_json::{Value, json};

use crate::support::{
    Answered, assert_same_picture, demo_task, difference, golden, latelier, relative_error,
    repository, run_tasks, runtime, scratch, tensors,
};

fn goldens(part: &str) -> Vec<Value> {
    let text = fs::read_to_string(golden("embeddings.json")).unwrap();
    let all: Value = serde_json::from_str(&text).unwrap();
    all[part].as_array().unwrap().clone()
}

/// Runs `tasks` with the goldens' files in the library, beside the demo model's add-ons.
fn run(tasks: &[Value], out: &std::path::Path, further: &[&str]) -> Answered {
    let files = golden("embeddings");
    let mut arguments = vec!["--models", files.to_str().unwrap(), "--out", out.to_str().unwrap()];
    arguments.extend(further);
    run_tasks(&json!(tasks), &arguments)
}

#[test]
fn pictures_with_embeddings_are_those_of_diffusers_in_both_modes() {
    let entries = goldens("pictures");
    assert_eq!(entries.len(), 9);
    for mode in ["fast", "low-memory"] {
        let out = scratch();
        let tasks: Vec<Value> = (entries.iter())
            .map(|entry| {
                let mut task = demo_task();
                let members = entry["task"].as_object().unwrap().clone();
                task.as_object_mut().unwrap().extend(members);
                task
            })
            .collect();
        let answer = run(&tasks, out.path(), &["--mode", mode]);
        assert_eq!(answer.code, 0, "{}", answer.json);
        for (entry, made) in entries.iter().zip(answer.pictures()) {
            let name = entry["picture"].as_str().unwrap();
            assert_same_picture(
                &format!("{name}, {mode}"),
                &made,
                &golden("embeddings").join(name),
            );
        }
    }
}

/// The text encoder itself, with vectors of two embeddings, weighted, and where the text is cut.
#[test]
fn text_encodings_with_learned_vectors_are_those_of_diffusers() {
    let demo = Checkpoint::open(&repository("assets/models/demo"), None).unwrap();
    let width = demo.text_config.hidden_size;
    let emitted = graph::clip_text(&demo.text_encoder, &demo.text_config, Dialect::Cpu, 0).unwrap();
    let runtime = runtime();
    let interrupt = Interrupt::new(&runtime).unwrap();
    let mut network = Network::on_cpu(&runtime, &emitted, Mode::Fast, 1, &interrupt).unwrap();
    let tokenizer = Tokenizer::from_folder(&repository("assets/models/demo/tokenizer")).unwrap();
    let expected = tensors("embeddings.safetensors");
    let texts = goldens("texts");
    assert_eq!(texts.len(), expected.len());
    for (index, entry) in texts.iter().enumerate() {
        let (mut learned, mut rows) = (Vec::new(), Vec::new());
        for (word, weight) in entry["weights"].as_object().unwrap() {
            let stem = word.trim_matches(['<', '>']);
            let path = format!("assets/models/demo/addons/embedding-{stem}.safetensors");
            let embedding = Embedding::open(&repository(&path)).unwrap();
            let weight = weight.as_f64().unwrap() as f32;
            rows.extend(embedding.read().unwrap().into_iter().map(|number| number * weight));
            learned.push(Learned { words: vec![word.clone()], vectors: embedding.vectors });
        }
        let encode =
            |chunk: &Chunk| -> Result<Array2<f32>, Infallible> {
                let is_learned = |token: usize| chunk.ids[token] >= LEARNED;
                let ids = Array2::from_shape_fn((1, 77), |(_, token)| {
                    if is_learned(token) { 5 } else { chunk.ids[token] }
                });
                let bias = Array4::<f32>::zeros((1, 1, 1, 77));
                let known = Array3::from_shape_fn((1, 77, 1), |(_, token, _)| {
                    if is_learned(token) { 0.0_f32 } else { 1.0 }
                });
                let vectors = Array3::from_shape_fn((1, 77, width), |(_, token, channel)| {
                    let row = chunk.ids[token] - LEARNED;
                    if row < 0 { 0.0_f32 } else { rows[row as usize * width + channel] }
                });
                let inputs = vec![
                    ("input_ids", Input::Integers(ids.view().into_dyn())),
                    ("key_bias", Input::Floats(bias.view().into_dyn())),
                    ("known", Input::Floats(known.view().into_dyn())),
                    ("learned", Input::Floats(vectors.view().into_dyn())),
                ];
                let states = network.run(inputs, &interrupt).unwrap();
                let states = states.into_dimensionality::<Ix3>().unwrap();
                Ok(states.index_axis(Axis(0), 0).to_owned())
            };
        let text = entry["text"].as_str().unwrap();
        let vocabulary = Vocabulary::new(&tokenizer, &learned);
        let encoding = Encoder::new(vocabulary, encode).text(text, Syntax::Plain).unwrap();
        let quarter = encoding.slice(s![.., ..;4]).to_owned().into_dyn();
        let error = relative_error(&quarter, &expected[&format!("text.{index}")]);
        assert!(error < 1e-4, "{text}: off by {error}");
    }
}

fn taxi(model: &str, prompt: &str) -> Value {
    let mut task = demo_task();
    task["positivePrompt"] = json!(prompt);
    task["steps"] = json!(3);
    task["embeddings"] = json!([{ "model": model }]);
    task
}

/// One engine, one job after the other: the same words with other vectors are encoded anew.
#[test]
fn every_kind_of_file_and_word_gives_the_same_picture_and_each_weight_another() {
    let out = scratch();
    let mut tasks = vec![
        taxi("local:demo-taxi@1", "a <taxi>, 3d style"),
        taxi("local:demo-taxi@1", "a <TAXI>, 3d style"),
        taxi("local:demo-taxi@1", "a embedding-taxi, 3d style"),
        taxi("local:a1111@1", "a yellow cab, 3d style"),
        taxi("local:a1111-old@1", "a a1111-old, 3d style"),
        taxi("local:original@1", "a original, 3d style"),
        taxi("local:diffusers@1", "a <cab>, 3d style"),
        taxi("local:rows@1", "a <cab>, 3d style"),
    ];
    let same = tasks.len();
    for weight in [0.0, 0.7, -1.0] {
        let mut task = taxi("local:demo-taxi@1", "a <taxi>, 3d style");
        task["embeddings"][0]["weight"] = json!(weight);
        tasks.push(task);
    }
    let mut plain = taxi("local:demo-taxi@1", "a <taxi>, 3d style");
    plain.as_object_mut().unwrap().remove("embeddings");
    tasks.push(plain);
    let answer = run(&tasks, out.path(), &[]);
    assert_eq!(answer.code, 0, "{}", answer.json);
    let pictures = answer.pictures();
    for other in &pictures[1..same] {
        assert_eq!(difference(&pictures[0], other), (0, 0.0));
    }
    for (index, one) in pictures[same - 1..].iter().enumerate() {
        for other in &pictures[same + index..] {
            assert!(difference(one, other).0 > 2, "{index}");
        }
    }
}

/// With weights in the prompt, in a text of two chunks, in either prompt, several at once.
#[test]
fn embeddings_stand_wherever_words_do() {
    let out = scratch();
    let mut weighted = taxi("local:demo-taxi@1", "a (<taxi>)1.3 and a green apple, 3d style");
    weighted["promptWeighting"] = json!("compel");
    weighted["embeddings"] = json!([{ "model": "local:demo-taxi@1" }, { "model": "local:demo-green-apple@1", "weight": 0.8 }]);
    let mut long = taxi("local:demo-taxi@1", &format!("{}(embedding-taxi:1.2)", "fox ".repeat(74)));
    long["promptWeighting"] = json!("sdEmbeds");
    long["negativePrompt"] = json!("[taxi]");
    let mut unguided = taxi("local:demo-taxi@1", "a bus");
    unguided["CFGScale"] = json!(1);
    let answer = run(&[weighted, long, unguided], out.path(), &[]);
    assert_eq!(answer.code, 0, "{}", answer.json);
}

#[test]
fn what_cannot_be_used_is_refused_before_anything_is_computed() {
    let out = scratch();
    for (model, parts) in [
        ("local:wide@1", ["vectors of 768 numbers", "text encoder takes 128", "wide.pt"]),
        ("local:nan@1", ["some of it is no number", "damaged", "nan.pt"]),
        ("local:runs-exec@1", ["exec`; it was not run", "asks to run", "runs-exec.pt"]),
        ("local:several@1", ["several tensors", "cannot be used", "several.bin"]),
    ] {
        let answer = run(&[taxi(model, "a fox")], out.path(), &[]);
        assert_eq!(answer.code, 1, "{model}");
        let error = &answer.json["errors"][0];
        assert_eq!(error["parameter"], json!("embeddings[0].model"), "{error}");
        for part in parts {
            assert!(error["message"].as_str().unwrap().contains(part), "{part}: {error}");
        }
    }
    assert!(!out.path().join("it-ran").exists());
}

/// Elsewhere these endings belong to models that are read by nobody here.
#[test]
fn torch_files_are_looked_at_in_folders_of_embeddings_only() {
    let folder = scratch();
    for place in ["other", "Embeddings/deep"] {
        fs::create_dir_all(folder.path().join(place)).unwrap();
        let file = folder.path().join(place).join(format!("{}.pt", place.replace('/', "-")));
        fs::copy(golden("embeddings/a1111.pt"), file).unwrap();
    }
    let output =
        latelier().args(["models", "list", "--models"]).arg(folder.path()).output().unwrap();
    let listed = String::from_utf8(output.stdout).unwrap();
    assert!(listed.contains("Embeddings-deep") && !listed.contains("other"), "{listed}");
    let line = listed.lines().find(|line| line.contains("Embeddings-deep")).unwrap();
    assert!(line.contains("embedding") && line.contains("SD 1.x"), "{line}");
}
