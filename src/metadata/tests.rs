//! Goldens of `tests/goldens/a1111.py` and `carried.py`, and files that mean harm.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use super::*;
use crate::pixels::{Extent, FileFormat, Picture, Texts, encode};
use crate::task::{
    Air, Architecture, Catalog, EngineKind, ModelCard, ModelDefaults, ModelKind, Request, Weighted,
    resolve,
};

fn golden(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/goldens").join(path)
}

fn golden_json(path: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(golden(path)).unwrap()).unwrap()
}

/// A library of one checkpoint.
struct One(Arc<ModelCard>);

impl Catalog for One {
    fn model(&self, air: &Air) -> Option<Arc<ModelCard>> {
        (self.0.air == *air).then(|| Arc::clone(&self.0))
    }
}

fn card(kind: ModelKind, name: &str, file: &str) -> Arc<ModelCard> {
    Arc::new(ModelCard {
        air: Air::local(file, 1),
        name: name.to_owned(),
        kind,
        architecture: Architecture::Sd1,
        defaults: ModelDefaults {
            extent: Extent::new(512, 512),
            steps: 20,
            cfg_scale: 7.0,
            scheduler: "Euler".to_owned(),
        },
        examples: Vec::new(),
        trigger_words: Vec::new(),
        vectors: 0,
        fault: None,
        path: PathBuf::from(format!("models/{file}.safetensors")),
        config: None,
    })
}

/// The request of a golden's task, complete with what A1111 knows nothing of.
fn request(task: &Value, model: &str) -> Request {
    let mut task = task.clone();
    task["taskType"] = json!("imageInference");
    task["taskUUID"] = json!("f5a6a2c2-8e62-4d32-a0dc-1ce8a30f4d8f");
    task["model"] = json!("local:m@1");
    let members = task.as_object_mut().unwrap();
    members.entry("positivePrompt").or_insert(json!("__BLANK__"));
    if members.contains_key("seedImage") {
        members["seedImage"] = json!("0d1e7a1c-5a92-4f2d-9f3b-6c1d2e3f4a5b");
    }
    let task = Task::from_json(&task).unwrap();
    resolve(&task, &One(card(ModelKind::Checkpoint, model, "m")), EngineKind::Local, 1).unwrap()
}

#[test]
fn our_text_is_the_one_that_a1111_itself_writes() {
    let golden = golden_json("a1111.json");
    let written = golden["written"].as_array().unwrap();
    assert!(written.len() > 30);
    for case in written {
        let request = request(&case["task"], case["model"].as_str().unwrap());
        let expected = case["text"].as_str().unwrap().replace("VERSION", env!("CARGO_PKG_VERSION"));
        assert_eq!(parameters(&request, Some(request.seed)), expected);
    }
}

#[test]
fn loras_stand_in_the_text_as_a1111_reads_them() {
    let mut request =
        request(&json!({ "positivePrompt": "a fox", "width": 512, "height": 512 }), "m");
    let worn = |file, weight| Weighted { model: card(ModelKind::Lora, "Its name", file), weight };
    // A name with a colon could not be told from its weight.
    request.loras = vec![worn("ink_outline", 0.75), worn("a:b", 1.0), worn("old film", -1.0)];
    let text = parameters(&request, Some(7));
    assert!(text.starts_with("a fox <lora:ink_outline:0.75> <lora:old film:-1>\n"), "{text}");
    let carried = a1111::read(&text).unwrap();
    let loras: Vec<_> =
        carried.loras.iter().map(|lora| (lora.name.as_str(), lora.weight)).collect();
    assert_eq!(loras, [("ink_outline", 0.75), ("old film", -1.0)]);
}

#[test]
fn what_a1111_reads_in_our_text_are_the_task_s_own_values() {
    let golden = golden_json("a1111.json");
    for case in golden["written"].as_array().unwrap() {
        let (task, parsed) = (&case["task"], &case["parsed"]);
        let text = |name: &str| parsed[name].as_str().unwrap_or_default();
        for (name, theirs) in [
            ("steps", "Steps"),
            ("CFGScale", "CFG scale"),
            ("seed", "Seed"),
            ("width", "Size-1"),
            ("height", "Size-2"),
            ("strength", "Denoising strength"),
        ] {
            if let Some(value) = task.get(name) {
                assert_eq!(text(theirs), value.to_string(), "{name}");
            }
        }
        assert_eq!(text("Model"), case["model"].as_str().unwrap());
        if case["lossless"].as_bool().unwrap() {
            for (name, theirs) in
                [("positivePrompt", "Prompt"), ("negativePrompt", "Negative prompt")]
            {
                let prompt = task.get(name).map_or("", |prompt| prompt.as_str().unwrap());
                assert_eq!(text(theirs), prompt);
            }
        }
    }
}

#[test]
fn our_reader_takes_texts_apart_as_a1111_does() {
    let golden = golden_json("a1111.json");
    let defaults = golden["defaults"].as_object().unwrap();
    let mut with_pairs = 0;
    for case in
        ["written", "read", "random"].iter().flat_map(|part| golden[part].as_array().unwrap())
    {
        let text = case["text"].as_str().unwrap();
        let parsed = a1111_text::parse(text);
        with_pairs += usize::from(!parsed.pairs.is_empty());
        let mut ours = Map::new();
        for (name, value) in &parsed.pairs {
            // A1111 takes every value of this form for a size.
            if let Some((width, height)) = a1111_text::size(value) {
                ours.insert(format!("{name}-1"), json!(width));
                ours.insert(format!("{name}-2"), json!(height));
            } else {
                ours.insert(name.clone(), json!(value));
            }
        }
        ours.insert("Prompt".to_owned(), json!(parsed.prompt));
        ours.insert("Negative prompt".to_owned(), json!(parsed.negative));
        for (name, value) in case["parsed"].as_object().unwrap() {
            // Not from the text: what A1111 concludes from it.
            if !["Emphasis", "Downcast alphas_cumprod", "Pad conds v0"].contains(&name.as_str())
                && !name.starts_with("Old ")
            {
                assert_eq!(ours.get(name), Some(value), "{name} in {text:?}");
            }
        }
        for (name, value) in &ours {
            let theirs = case["parsed"].get(name).or(defaults.get(name));
            assert_eq!(Some(value), theirs, "{name} in {text:?}");
        }
    }
    assert!(with_pairs > 150, "{with_pairs}");
}

#[test]
fn samplers_are_split_as_a1111_does() {
    let mut compared = 0;
    for case in golden_json("a1111.json")["samplers"].as_array().unwrap() {
        let text = |at: usize| case[at].as_str();
        // A1111 takes its first sampler for an unknown one; what we have nothing for is noted.
        let known = |sampler: &&str| samplers::from_a1111(sampler, None).0.is_some();
        let Some(sampler) = text(0).filter(known) else { continue };
        compared += 1;
        let (base, label) = samplers::a1111_pair(sampler, text(1));
        assert_eq!((Some(base), Some(label)), (text(2), text(3)), "{case}");
    }
    assert_eq!(compared, 13 * 7);
    assert_eq!(samplers::from_a1111("DPM++ 2M", None).0, Some("DPM++ 2M Karras"));
    assert_eq!(samplers::from_a1111("DPM++ 2M", Some("Uniform")), (Some("DPM++ 2M"), None));
    assert!(samplers::from_a1111("Euler", Some("Turbo")).1.unwrap().contains("Turbo"));
    assert_eq!(samplers::from_a1111("Nobody's", None).0, None);
}

#[test]
fn pictures_of_other_programs_say_what_was_put_into_them() {
    let expected = golden_json("carried.json");
    let files = expected.as_object().unwrap();
    assert!(files.len() >= 20);
    for (name, expected) in files {
        let bytes = fs::read(golden("carried").join(name)).unwrap();
        let Some(carried) = read(&bytes) else {
            assert!(expected.is_null(), "{name} carries nothing");
            continue;
        };
        assert_eq!(json!(carried.origin.to_string()), expected["origin"], "{name}");
        let mut task = serde_json::to_value(&carried.task).unwrap();
        assert_eq!(task.as_object_mut().unwrap().remove("taskType"), Some(json!("imageInference")));
        assert_eq!(task, expected["task"], "{name}");
        let or_null = |value: Option<&String>| value.map_or(Value::Null, |text| json!(text));
        assert_eq!(&or_null(carried.model.as_ref()), &expected["model"], "{name}");
        assert_eq!(&or_null(carried.version.as_ref()), &expected["version"], "{name}");
        assert_eq!(carried.from_picture, expected["fromPicture"] == true, "{name}");
        let loras: Vec<(&str, f64)> =
            carried.loras.iter().map(|lora| (lora.name.as_str(), lora.weight)).collect();
        let named = expected["loras"].as_array().map_or(&[][..], Vec::as_slice);
        let named: Vec<(&str, f64)> = (named.iter())
            .map(|lora| (lora[0].as_str().unwrap(), lora[1].as_f64().unwrap()))
            .collect();
        assert_eq!(loras, named, "{name}");
        if expected["anyNotes"] != true {
            let mut notes: Vec<&str> = carried.notes.iter().map(String::as_str).collect();
            let noted = expected["notes"].as_array().map_or(&[][..], Vec::as_slice);
            let mut noted: Vec<&str> = noted.iter().map(|note| note.as_str().unwrap()).collect();
            notes.sort_unstable();
            noted.sort_unstable();
            assert_eq!(notes, noted, "{name}");
        }
    }
}

#[test]
fn models_are_found_by_name_by_file_and_by_identifier() {
    let models = [
        card(ModelKind::Checkpoint, "DreamShaper 8", "dreamshaper_8"),
        card(ModelKind::Lora, "Fur", "fur_v2"),
        card(ModelKind::Checkpoint, "Fur", "other"),
    ];
    let taken = |model: &str, lora: &str| {
        let mut carried = Carried::new(Origin::A1111, "");
        carried.model = Some(model.to_owned());
        carried.take_lora(lora, 0.5);
        carried.take_models(&models);
        (carried.task.model, carried.task.lora.map(|loras| loras.len()), carried.notes.len())
    };
    let dream = Some("local:dreamshaper_8@1".to_owned());
    for name in [
        "dreamshaper_8",
        "sub\\DreamShaper_8.safetensors",
        "dreamshaper 8",
        "local:dreamshaper_8@1",
    ] {
        assert_eq!(taken(name, "fur"), (dream.clone(), Some(1), 0), "{name}");
    }
    assert_eq!(taken("fur", "x/fur_v2.safetensors").0.as_deref(), Some("local:other@1"));
    assert_eq!(taken("nobody's", "nobody's"), (None, None, 2));
}

fn png(texts: Texts<'_>) -> Vec<u8> {
    let picture = Picture::from_rgba(Extent::new(2, 1), vec![9; 8]).unwrap();
    encode(&picture, FileFormat::Png, texts).unwrap()
}

#[test]
fn a_picture_made_here_is_exact_and_falls_back_to_the_other_text() {
    let text = "fox\nSteps: 5, Sampler: Euler, CFG scale: 7, Seed: 3, Size: 64x64, RNG: CPU";
    let task = r#"{"taskType":"imageInference","seed":9007199254740993,"positivePrompt":"fox"}"#;
    let read = |task| read(&png(Texts { task, parameters: Some(text) })).unwrap();
    let exact = read(task);
    assert_eq!((exact.origin, exact.task.seed), (Origin::Latelier, Some(9007199254740993)));
    assert_eq!((exact.text.as_str(), exact.notes.len()), (task, 0));
    let newer = read(r#"{"taskType":"imageInference","unheardOf":1}"#);
    assert_eq!((newer.origin, newer.task.seed), (Origin::A1111, Some(3)));
    assert!(newer.notes[0].contains("does not understand"), "{:?}", newer.notes);
    assert!(super::read(&png("".into())).is_none());
}

/// Reads a PNG with `texts` and holds the time.
#[track_caller]
fn survives(keyword: &[u8], text: &[u8]) -> Option<Carried> {
    let mut file = png("".into());
    let chunk = [keyword, b"\0", text].concat();
    let mut bytes = (chunk.len() as u32).to_be_bytes().to_vec();
    bytes.extend(b"tEXt");
    bytes.extend(chunk);
    bytes.extend([0; 4]);
    // Behind the signature and the header.
    file.splice(33..33, bytes);
    let started = Instant::now();
    let carried = read(&file);
    // Seconds at most, even unoptimized on a busy machine; what is not linear takes hours.
    assert!(started.elapsed() < Duration::from_mins(1), "{:?}", started.elapsed());
    carried
}

#[test]
fn texts_that_mean_harm_cost_little() {
    const MEGABYTE: usize = 1 << 20;
    // Runs that a backtracking reader would go over again and again.
    for piece in ["a", " a", "a:", "ab:1,", "\"\\", "<lora:", "<", "[", "\n", "ab:\"", "Hires x:1,"]
    {
        let text = piece.repeat((MEGABYTE - 8) / piece.len());
        survives(b"parameters", text.as_bytes());
        survives(b"Dream", format!("\"{text}\" {text}").as_bytes());
    }
    let nested = "[".repeat(MEGABYTE);
    let object = "{\"a\":".repeat(MEGABYTE / 8);
    for text in [nested, object, "NaN".repeat(MEGABYTE), "{}".to_owned(), "[]".to_owned()] {
        for keyword in ["prompt", "invokeai_metadata", "sd-metadata", "latelier"] {
            let carried = survives(keyword.as_bytes(), text.as_bytes());
            // An empty object is metadata that says nothing.
            assert!(carried.is_none() || text == "{}", "{keyword}");
        }
    }
}

#[test]
fn graphs_that_mean_harm_cost_little() {
    // Each node links to the next ones a hundredfold; each is a sampler and a text.
    let mut nodes = Map::new();
    for at in 0..4000 {
        let mut inputs = Map::new();
        for way in 0..20 {
            inputs.insert(format!("way{way}"), json!([((at + way) % 4000).to_string(), 0]));
        }
        for name in ["positive", "negative", "latent_image", "model", "seed", "text", "clip"] {
            inputs.insert(name.to_owned(), json!([((at * 7 + 1) % 4000).to_string(), 0]));
        }
        nodes.insert(at.to_string(), json!({"class_type": "KSamplerTextEncode", "inputs": inputs}));
    }
    let carried = survives(b"prompt", Value::Object(nodes).to_string().as_bytes()).unwrap();
    assert!(carried.notes.len() <= 64);

    // One long text that a thousand nodes use.
    let mut nodes = json!({"s": {"class_type": "Primitive", "inputs": {"value": "x".repeat(1 << 20)}},
        "k": {"class_type": "KSampler", "inputs": {"seed": 1, "positive": ["c0", 0], "latent_image": ["k", 0]}}});
    for at in 0..1000 {
        let next = format!("c{}", at + 1);
        nodes[format!("c{at}")] = json!({"class_type": "Combine", "inputs": {"a": [format!("e{at}"), 0], "b": [next, 0]}});
        nodes[format!("e{at}")] =
            json!({"class_type": "CLIPTextEncode", "inputs": {"text": ["s", 0], "clip": ["k", 0]}});
    }
    let carried = survives(b"prompt", nodes.to_string().as_bytes()).unwrap();
    assert_eq!(carried.task.positive_prompt.as_deref(), Some("__BLANK__"));
    assert!(carried.notes.contains(&"node e0: its text has 1048576 bytes".to_owned()));
}

#[test]
fn damaged_files_are_read_without_a_panic() {
    let mut state = 1_u64;
    let mut random = move |below: usize| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let mut understood = 0;
    for entry in fs::read_dir(golden("carried")).unwrap() {
        let whole = fs::read(entry.unwrap().path()).unwrap();
        for end in (0..whole.len()).step_by(7) {
            let _ = read(&whole[..end]);
        }
        for _ in 0..300 {
            let mut bytes = whole.clone();
            for _ in 0..=random(4) {
                let at = random(bytes.len());
                bytes[at] = random(256) as u8;
            }
            understood += usize::from(read(&bytes).is_some());
        }
    }
    assert!(understood > 1000, "{understood}");
}
