//! The room as a whole: laws over its tables, the documents' examples, one test a kind of problem.

mod documented;
mod laws;
mod portability;
mod reading;
mod refusing;
mod resolving;
mod seeds;

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::*;
use crate::pixels::Extent;

const UUID: &str = "a770f077-f413-47de-9dac-be0b26a35da6";
const SD1: &str = "civitai:4384@128713";
const SDXL: &str = "civitai:101055@128078";
const REFINER: &str = "civitai:101055@128080";
const FLUX: &str = "runware:101@1";

/// A catalog that has models of every architecture and kind the documents' examples name.
struct Shelf;

impl Catalog for Shelf {
    fn model(&self, air: &Air) -> Option<Arc<ModelCard>> {
        use Architecture::{FluxDev, FluxFill, FluxKontext, FluxSchnell, Sd1, Sdxl, SdxlRefiner};
        use ModelKind::{Checkpoint, ControlNet, Embedding, IpAdapter, Lora, Vae};
        let (kind, architecture, scheduler) = match air.to_string().as_str() {
            SD1 | "civitai:4201@130090" | "test:damaged@1" => (Checkpoint, Sd1, "Euler"),
            "test:pndm@1" => (Checkpoint, Sd1, "PNDMScheduler"),
            "test:typo@1" => (Checkpoint, Sd1, "euler"),
            SDXL => (Checkpoint, Sdxl, "Euler"),
            REFINER => (Checkpoint, SdxlRefiner, "Euler"),
            "runware:100@1" => (Checkpoint, FluxSchnell, "Euler"),
            FLUX => (Checkpoint, FluxDev, "FlowMatchEulerDiscreteScheduler"),
            "runware:102@1" => (Checkpoint, FluxFill, "Euler"),
            "runware:106@1" => (Checkpoint, FluxKontext, "Euler"),
            "runware:13090@1" | "runware:6638@1" => (Lora, Sd1, ""),
            "runware:120@2" => (Lora, FluxDev, ""),
            "runware:120@4" => (Vae, FluxDev, ""),
            "civitai:38784@44716" => (ControlNet, Sd1, ""),
            "runware:55@6" => (IpAdapter, Sd1, ""),
            "civitai:1044536@1172007" | "civitai:993446@1113094" => (Embedding, Sd1, ""),
            _ => return None,
        };
        let wrong = air.source() == "test" && air.id() == "typo";
        Some(Arc::new(ModelCard {
            air: air.clone(),
            name: format!("{architecture} test"),
            kind,
            architecture,
            defaults: ModelDefaults {
                extent: Extent::new(512, 768),
                steps: if wrong { 0 } else { 25 },
                cfg_scale: if wrong { 51.0 } else { 7.5 },
                scheduler: scheduler.to_owned(),
            },
            examples: Vec::new(),
            trigger_words: if kind == Embedding {
                vec!["<learned>".to_owned(), "learned".to_owned()]
            } else {
                Vec::new()
            },
            vectors: 0,
            fault: (air.id() == "damaged").then(|| "it is cut off: damaged.safetensors".to_owned()),
            path: PathBuf::new(),
            config: None,
        }))
    }
}

/// The least a local task needs.
fn least() -> Value {
    json!({
        "taskType": "imageInference", "taskUUID": UUID, "positivePrompt": "a red fox",
        "height": 512, "width": 768, "model": SD1,
    })
}

/// That task with other fields.
fn with(changes: &Value) -> Value {
    let mut task = least();
    let (Value::Object(task_members), Value::Object(changes)) = (&mut task, changes) else {
        panic!("changes are an object");
    };
    task_members.extend(changes.clone());
    task
}

/// That task without one of its fields.
fn without(name: &str) -> Value {
    let mut task = least();
    task.as_object_mut().unwrap().shift_remove(name).unwrap();
    task
}

fn read(json: &Value) -> Task {
    Task::from_json(json).unwrap_or_else(|problems| panic!("{json} → {problems:?}"))
}

fn local(json: &Value) -> Result<Request, Vec<Problem>> {
    resolve(&read(json), &Shelf, EngineKind::Local, 77)
}

fn remote(json: &Value) -> Result<Request, Vec<Problem>> {
    resolve(&read(json), &Shelf, EngineKind::Remote, 77)
}

/// The only problem.
fn only(result: Result<Request, Vec<Problem>>) -> Problem {
    let mut problems = result.unwrap_err();
    assert_eq!(problems.len(), 1, "{problems:?}");
    problems.remove(0)
}

fn codes(result: Result<Request, Vec<Problem>>) -> Vec<String> {
    result.unwrap_err().into_iter().map(|problem| problem.code).collect()
}

fn picture() -> ImageRef {
    "59a2edc2-45e6-429f-be5f-7ded59b92046".parse().unwrap()
}

/// A task with every field set to something that is not its default. No `..`: a new field has to
/// be decided here too.
fn full() -> Task {
    let text = |text: &str| Some(text.to_owned());
    Task {
        task_type: Some(TaskType::ImageInference),
        task_uuid: text(UUID),
        output_type: Some(OutputType::DataUri),
        output_format: Some(OutputFormat::Webp),
        output_quality: Some(80),
        upload_endpoint: text("https://example.org/put"),
        check_nsfw: Some(true),
        include_cost: Some(true),
        positive_prompt: text("a red fox"),
        negative_prompt: text("blurry"),
        seed_image: Some(picture()),
        mask_image: Some(picture()),
        mask_margin: Some(64),
        strength: Some(0.7),
        reference_images: Some(vec![picture()]),
        outpaint: Some(full_outpaint()),
        height: Some(1024),
        width: Some(768),
        model: text(SD1),
        vae: text("civitai:1@2"),
        steps: Some(30),
        scheduler: text("Euler a"),
        seed: Some(9_007_199_254_740_993),
        cfg_scale: Some(7.5),
        clip_skip: Some(1),
        prompt_weighting: Some(PromptWeighting::Compel),
        number_results: Some(4),
        advanced_features: Some(AdvancedFeatures { layer_diffuse: Some(true), extra: Map::new() }),
        accelerator_options: Some(full_acceleration()),
        pu_lid: Some(full_pu_lid()),
        ace_plus_plus: Some(full_ace()),
        refiner: Some(Refiner {
            model: text(REFINER),
            start_step: Some(20),
            start_step_percentage: Some(80),
            extra: Map::new(),
        }),
        embeddings: Some(vec![Embedding {
            model: text("civitai:1044536@1172007"),
            weight: Some(1.5),
            extra: Map::new(),
        }]),
        control_net: Some(vec![full_control_net()]),
        lora: Some(vec![Lora {
            model: text("runware:13090@1"),
            weight: Some(-0.5),
            extra: Map::new(),
        }]),
        ip_adapters: Some(vec![IpAdapter {
            model: text("runware:55@6"),
            guide_image: Some(picture()),
            weight: Some(0.6),
            extra: Map::new(),
        }]),
        delivery_method: Some(DeliveryMethod::Async),
        ttl: Some(60),
        webhook_url: text("https://example.org/hook"),
        extra: Map::new(),
    }
}

fn full_outpaint() -> Outpaint {
    Outpaint {
        top: Some(64),
        right: Some(128),
        bottom: Some(192),
        left: Some(256),
        blur: Some(8),
        extra: Map::new(),
    }
}

fn full_acceleration() -> AcceleratorOptions {
    AcceleratorOptions {
        tea_cache: Some(true),
        tea_cache_distance: Some(0.6),
        deep_cache: Some(true),
        deep_cache_interval: Some(2),
        deep_cache_branch_id: Some(1),
        extra: Map::new(),
    }
}

fn full_pu_lid() -> PuLid {
    PuLid {
        input_images: Some(vec![picture()]),
        id_weight: Some(2.0),
        true_cfg_scale: Some(1.5),
        cfg_start_step: Some(3),
        cfg_start_step_percentage: Some(10),
        extra: Map::new(),
    }
}

fn full_ace() -> AcePlusPlus {
    AcePlusPlus {
        kind: Some(AceType::LocalEditing),
        input_images: Some(vec![picture()]),
        input_masks: Some(vec![picture()]),
        repainting_scale: Some(0.5),
        extra: Map::new(),
    }
}

fn full_control_net() -> ControlNet {
    ControlNet {
        model: Some("civitai:38784@44716".to_owned()),
        guide_image: Some(picture()),
        weight: Some(0.9),
        start_step: Some(2),
        start_step_percentage: Some(10),
        end_step: Some(20),
        end_step_percentage: Some(90),
        control_mode: Some(ControlMode::Balanced),
        extra: Map::new(),
    }
}
