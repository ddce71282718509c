//! Weighted prompts through the real text encoder, and in tasks.

use std::convert::Infallible;
use std::fs;

use latelier::engine::{Input, Interrupt, Mode, Network};
use latelier::graph::{self, Dialect};
use latelier::prompt::{Chunk, Encoder, Syntax, Tokenizer};
use latelier::weights::Checkpoint;
use ndarray::{Array2, Array3, Array4, Axis, Ix3, s};
use serde_json::{Value, json};

use crate::support::{
    demo_task, difference, golden, relative_error, repository, run_tasks, runtime, scratch, tensors,
};

#[test]
fn weighted_prompts_get_the_encodings_of_the_reference_packages() {
    let demo = Checkpoint::open(&repository("assets/models/demo"), None).unwrap();
    let emitted = graph::clip_text(&demo.text_encoder, &demo.text_config, Dialect::Cpu, 0).unwrap();
    let runtime = runtime();
    let interrupt = Interrupt::new(&runtime).unwrap();
    let mut network = Network::on_cpu(&runtime, &emitted, Mode::Fast, 1, &interrupt).unwrap();
    let encode =
        |chunk: &Chunk| -> Result<Array2<f32>, Infallible> {
            let ids = Array2::from_shape_fn((1, 77), |(_, token)| chunk.ids[token]);
            let bias = Array4::from_shape_fn((1, 1, 1, 77), |(.., token)| {
                if chunk.mask[token] { 0.0 } else { -1e9_f32 }
            });
            let known = Array3::ones((1, 77, 1));
            let learned = Array3::zeros((1, 77, demo.text_config.hidden_size));
            let inputs = vec![
                ("input_ids", Input::Integers(ids.view().into_dyn())),
                ("key_bias", Input::Floats(bias.view().into_dyn())),
                ("known", Input::Floats(known.view().into_dyn())),
                ("learned", Input::Floats(learned.view().into_dyn())),
            ];
            let states = network.run(inputs, &interrupt).unwrap();
            let states = states.into_dimensionality::<Ix3>().unwrap();
            Ok(states.index_axis(Axis(0), 0).to_owned())
        };
    let tokenizer = Tokenizer::from_folder(&repository("assets/models/demo/tokenizer")).unwrap();
    let mut encoder = Encoder::new(&tokenizer, encode);

    let expected = tensors("prompts.safetensors");
    let text = fs::read_to_string(golden("prompts.json")).unwrap();
    let entries: Vec<Value> = serde_json::from_str(&text).unwrap();
    let mut compared = 0;
    for entry in &entries {
        let Some(name) = entry["real"].as_str() else { continue };
        let syntax = match entry["syntax"].as_str().unwrap() {
            "compel" => Syntax::Compel,
            "sdEmbeds" => Syntax::SdEmbeds,
            _ => Syntax::Plain,
        };
        let encoding = encoder.text(entry["text"].as_str().unwrap(), syntax).unwrap();
        let quarter = encoding.slice(s![.., ..;4]).to_owned().into_dyn();
        let error = relative_error(&quarter, &expected[name]);
        assert!(error < 1e-4, "{}: off by {error}", entry["text"]);
        compared += 1;
    }
    assert!(compared >= 10, "{compared}");
}

#[test]
fn weighting_changes_the_picture_only_when_it_is_asked_for() {
    let out = scratch();
    let task = |prompt: &str, weighting: Option<&str>| {
        let mut task = demo_task();
        task["positivePrompt"] = json!(prompt);
        task["steps"] = json!(6);
        task["CFGScale"] = json!(5);
        if let Some(weighting) = weighting {
            task["promptWeighting"] = json!(weighting);
        }
        task
    };
    let long = format!("a red apple, {}", "on a blue background, ".repeat(30));
    let tasks = json!([
        task("a red apple", None),
        task("a red apple", Some("compel")),
        task("a red+++ apple", Some("compel")),
        task("a (red:1.6) apple", Some("sdEmbeds")),
        task(&long, Some("compel")),
    ]);
    let answer = run_tasks(&tasks, &["--out", out.path().to_str().unwrap()]);
    assert_eq!(answer.code, 0, "{}", answer.json);
    let made = answer.pictures();
    assert_eq!(difference(&made[0], &made[1]), (0, 0.0), "no weights, no change");
    for other in &made[2..] {
        assert!(difference(&made[0], other).1 > 0.5);
    }
}

#[test]
fn a_prompt_its_syntax_refuses_names_the_parameter() {
    let mut task = demo_task();
    task["promptWeighting"] = json!("compel");
    task["positivePrompt"] = json!("(\"a cat\", \"a dog\").blend(1, -1)");
    let answer = run_tasks(&json!([task]), &[]);
    assert_eq!((answer.code, answer.error_codes()), (1, vec!["invalidPositivePrompt"]));
}
