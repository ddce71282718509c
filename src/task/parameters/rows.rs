//! The rows themselves, in the order of the API document.

use super::super::{
    AceType, ControlMode, DeliveryMethod, ModelKind, OutputFormat, OutputType, PromptWeighting,
    TaskType,
};
use super::DefaultValue::{
    Boolean as Switch, Float as Number, Integer as Whole, OfModel, Random, Word,
};
use super::Kind::{
    Air, Boolean, Group, Image, Images, Object, Objects, Scheduler, Text, Url, Uuid,
};
use super::{DefaultValue, Kind, Local, ParameterRow};

/// Seeds are signed 64-bit numbers on the service's side.
const GREATEST_SEED: u64 = i64::MAX as u64;

const PROMPT: Kind = Text { min: 2, max: 3000 };

/// A row for something the local engine does later; the methods below change that and the rest.
const fn row(
    name: &'static str,
    label: &'static str,
    kind: Kind,
    help: &'static str,
) -> ParameterRow {
    ParameterRow {
        name,
        label,
        kind,
        default: DefaultValue::Absent,
        required: false,
        alternative: None,
        local: Local::Later,
        help,
    }
}

impl ParameterRow {
    const fn default(self, default: DefaultValue) -> Self {
        Self { default, ..self }
    }

    const fn required(self) -> Self {
        Self { required: true, ..self }
    }

    const fn or(self, alternative: &'static str) -> Self {
        Self { alternative: Some(alternative), ..self }
    }

    const fn now(self) -> Self {
        Self { local: Local::Now, ..self }
    }
}

const fn integer(min: u64, max: u64) -> Kind {
    Kind::Integer { min, max: Some(max), multiple: 1 }
}

const fn at_least(min: u64) -> Kind {
    Kind::Integer { min, max: None, multiple: 1 }
}

const fn float(min: f64, max: f64) -> Kind {
    Kind::Float { min, max }
}

const fn words(words: &'static [&'static str]) -> Kind {
    Kind::Words { words }
}

/// A side of the result.
const SIDE: Kind = Kind::Integer { min: 128, max: Some(2048), multiple: 64 };

/// Pixels added to a side.
const GROWTH: Kind = Kind::Integer { min: 0, max: None, multiple: 64 };

/// Every documented parameter of `imageInference`.
pub const PARAMETERS: &[ParameterRow] = &[
    // The envelope.
    row("taskType", "Task", words(TaskType::WORDS), "What is asked for: imageInference.")
        .required()
        .now(),
    row("taskUUID", "Task UUID", Uuid, "Names the task for ever; a fresh UUID v4 for every task.")
        .required()
        .now(),
    row("outputType", "Delivery", words(OutputType::WORDS), "How the answer carries the picture.")
        .default(Word("URL"))
        .now(),
    row(
        "outputFormat",
        "Format",
        words(OutputFormat::WORDS),
        "File format. PNG keeps every pixel; JPG is smaller.",
    )
    .default(Word("JPG"))
    .now(),
    row(
        "outputQuality",
        "Quality",
        integer(20, 99),
        "Higher keeps more detail and makes larger files. PNG ignores it.",
    )
    .default(Whole(95))
    .now(),
    row(
        "uploadEndpoint",
        "Upload to",
        Url,
        "The finished picture is sent to this address with HTTP PUT.",
    )
    .now(),
    row(
        "checkNSFW",
        "Check for adult content",
        Boolean,
        "Says whether the picture may show adult content.",
    )
    .default(Switch(false))
    .now(),
    row(
        "includeCost",
        "Include cost",
        Boolean,
        "The answer says what the picture cost; 0 on this machine.",
    )
    .default(Switch(false))
    .now(),
    // What to draw.
    row("positivePrompt", "Prompt", PROMPT, "What to draw. __BLANK__ draws without a prompt.")
        .required()
        .now(),
    row(
        "negativePrompt",
        "Negative prompt",
        PROMPT,
        "What to avoid. Ignored at a guidance scale of 1 and below.",
    )
    .now(),
    // What to start from.
    row(
        "seedImage",
        "Seed image",
        Image,
        "The picture to start from: for variations, inpainting and outpainting.",
    )
    .now(),
    row("maskImage", "Mask", Image, "White is repainted, black stays. Needs a seed image.").now(),
    row(
        "maskMargin",
        "Mask margin",
        integer(32, 128),
        "Zooms into the masked area with this many pixels around it.",
    )
    .now(),
    row(
        "strength",
        "Strength",
        float(0.0, 1.0),
        "Low stays close to the seed image, high leaves it.",
    )
    .default(Number(0.8))
    .now(),
    row(
        "referenceImages",
        "Reference images",
        Images { min: 0, max: 1 },
        "A picture the model looks at: FLUX.1 Kontext and ACE++.",
    ),
    row("outpaint", "Outpaint", Object, "Grows the picture. Width and height are the final size.")
        .now(),
    row("outpaint.top", "Top", GROWTH, "New rows above, in pixels.").now(),
    row("outpaint.right", "Right", GROWTH, "New columns to the right, in pixels.").now(),
    row("outpaint.bottom", "Bottom", GROWTH, "New rows below, in pixels.").now(),
    row("outpaint.left", "Left", GROWTH, "New columns to the left, in pixels.").now(),
    row(
        "outpaint.blur",
        "Seam blur",
        integer(0, 32),
        "Blurs the border between old and new, in pixels.",
    )
    .default(Whole(0))
    .now(),
    // How to draw it.
    row("height", "Height", SIDE, "Height of the result in pixels, in steps of 64.")
        .required()
        .now(),
    row("width", "Width", SIDE, "Width of the result in pixels, in steps of 64.").required().now(),
    row("model", "Model", Air(ModelKind::Checkpoint), "The checkpoint to draw with.")
        .required()
        .now(),
    row("vae", "VAE", Air(ModelKind::Vae), "An autoencoder to use instead of the model's own."),
    row("steps", "Steps", integer(1, 100), "More steps give more detail and take longer.")
        .default(Whole(20))
        .now(),
    row(
        "scheduler",
        "Scheduler",
        Scheduler,
        "How noise becomes a picture step by step. Absent: the model's own.",
    )
    .default(OfModel)
    .now(),
    row(
        "seed",
        "Seed",
        integer(1, GREATEST_SEED),
        "The same seed gives the same picture. Absent: a new one each time.",
    )
    .default(Random)
    .now(),
    row(
        "CFGScale",
        "Guidance",
        float(0.0, 50.0),
        "How closely the prompt is followed. Off at 1 and below.",
    )
    .default(Number(7.0))
    .now(),
    row(
        "clipSkip",
        "CLIP skip",
        integer(0, 2),
        "Leaves out this many of the text encoder's last layers.",
    )
    .default(Whole(0))
    .now(),
    row(
        "promptWeighting",
        "Prompt weighting",
        words(PromptWeighting::WORDS),
        "Reads emphasis inside prompts: word+ with compel, (word:1.5) with sdEmbeds.",
    )
    .now(),
    row(
        "numberResults",
        "Pictures",
        integer(1, 20),
        "How many pictures. The seed grows by one for each.",
    )
    .default(Whole(1))
    .now(),
    // Special abilities and speed.
    row("advancedFeatures", "Advanced features", Group, "Special abilities of some models."),
    row(
        "advancedFeatures.layerDiffuse",
        "Transparency",
        Boolean,
        "Draws on a transparent background (FLUX; PNG or WEBP).",
    )
    .default(Switch(false)),
    row(
        "acceleratorOptions",
        "Acceleration",
        Group,
        "Leaves out work that changes little from step to step.",
    ),
    row(
        "acceleratorOptions.teaCache",
        "TeaCache",
        Boolean,
        "Faster drawing with transformers: FLUX and SD 3.",
    )
    .default(Switch(false)),
    row(
        "acceleratorOptions.teaCacheDistance",
        "Distance",
        float(0.0, 1.0),
        "Low keeps quality, high is faster.",
    )
    .default(Number(0.5)),
    row(
        "acceleratorOptions.deepCache",
        "DeepCache",
        Boolean,
        "Faster drawing with UNets: SD 1.x, SD 2.x and SDXL.",
    )
    .default(Switch(false))
    .now(),
    row(
        "acceleratorOptions.deepCacheInterval",
        "Interval",
        at_least(1),
        "Steps between two full passes; more is faster.",
    )
    .default(Whole(3))
    .now(),
    row(
        "acceleratorOptions.deepCacheBranchId",
        "Branch",
        at_least(0),
        "The branch still computed; 0 is the fastest.",
    )
    .default(Whole(0))
    .now(),
    // Identity and reference (FLUX).
    row("puLID", "PuLID", Object, "Draws the person of a photograph (FLUX.1 dev)."),
    row("puLID.inputImages", "Face", Images { min: 1, max: 1 }, "One clear picture of the face.")
        .required(),
    row("puLID.idWeight", "Identity", float(0.0, 3.0), "Higher looks more like the person.")
        .default(Number(1.0)),
    row(
        "puLID.trueCFGScale",
        "Identity guidance",
        float(0.0, 10.0),
        "Higher keeps more of the face.",
    ),
    row(
        "puLID.CFGStartStep",
        "Start step",
        integer(0, 10),
        "The first step that looks at the face.",
    )
    .or("CFGStartStepPercentage"),
    row(
        "puLID.CFGStartStepPercentage",
        "Start",
        integer(0, 100),
        "The first step that looks at the face, in percent.",
    )
    .or("CFGStartStep"),
    row("acePlusPlus", "ACE++", Object, "Stays true to a reference image (FLUX.1 Fill)."),
    row(
        "acePlusPlus.type",
        "Keep",
        words(AceType::WORDS),
        "What stays the same: a face, an object, or all but the mask.",
    )
    .default(Word("portrait")),
    row("acePlusPlus.inputImages", "Picture", Images { min: 0, max: 1 }, "The picture to edit."),
    row(
        "acePlusPlus.inputMasks",
        "Mask",
        Images { min: 0, max: 1 },
        "White where to edit, black where to keep.",
    ),
    row(
        "acePlusPlus.repaintingScale",
        "Repainting",
        float(0.0, 1.0),
        "0 keeps the identity, 1 follows the prompt.",
    )
    .default(Number(0.0)),
    // Further models.
    row("refiner", "Refiner", Object, "A second SDXL model finishes the picture."),
    row("refiner.model", "Model", Air(ModelKind::Checkpoint), "The refiner.").required(),
    row("refiner.startStep", "Start step", integer(2, 100), "The step at which it takes over.")
        .or("startStepPercentage"),
    row(
        "refiner.startStepPercentage",
        "Start",
        integer(1, 99),
        "When it takes over, in percent of the steps.",
    )
    .or("startStep"),
    row("embeddings", "Embeddings", Objects, "Textual inversions: words the model learned later.")
        .now(),
    row("embeddings[].model", "Model", Air(ModelKind::Embedding), "The embedding.")
        .required()
        .now(),
    row(
        "embeddings[].weight",
        "Weight",
        float(-4.0, 4.0),
        "Its strength; negative turns it round.",
    )
    .default(Number(1.0))
    .now(),
    row("controlNet", "ControlNet", Objects, "Guide pictures: edges, depth, poses and others.")
        .now(),
    row("controlNet[].model", "Model", Air(ModelKind::ControlNet), "The ControlNet.")
        .required()
        .now(),
    row("controlNet[].guideImage", "Guide image", Image, "The guide, already preprocessed.")
        .required()
        .now(),
    row(
        "controlNet[].weight",
        "Weight",
        float(0.0, 1.0),
        "0 ignores the guide, 1 follows it fully.",
    )
    .default(Number(1.0))
    .now(),
    row("controlNet[].startStep", "Start step", integer(1, 100), "The first guided step.")
        .or("startStepPercentage")
        .now(),
    row(
        "controlNet[].startStepPercentage",
        "Start",
        integer(0, 99),
        "Where guiding begins, in percent of the steps.",
    )
    .or("startStep")
    .now(),
    row("controlNet[].endStep", "End step", integer(2, 100), "The last guided step.")
        .or("endStepPercentage")
        .now(),
    row(
        "controlNet[].endStepPercentage",
        "End",
        integer(1, 100),
        "Where guiding ends, in percent of the steps.",
    )
    .or("endStep")
    .now(),
    row(
        "controlNet[].controlMode",
        "Mode",
        words(ControlMode::WORDS),
        "Which counts more: the prompt or the guide.",
    )
    .now(),
    row("lora", "LoRA", Objects, "Small changes of the model towards a style or a subject.").now(),
    row("lora[].model", "Model", Air(ModelKind::Lora), "The LoRA.").required().now(),
    row("lora[].weight", "Weight", float(-4.0, 4.0), "Its strength; negative turns it round.")
        .default(Number(1.0))
        .now(),
    row("ipAdapters", "IP-Adapters", Objects, "Pictures used like prompts.").now(),
    row("ipAdapters[].model", "Model", Air(ModelKind::IpAdapter), "The IP-Adapter.")
        .required()
        .now(),
    row("ipAdapters[].guideImage", "Guide image", Image, "The picture to follow.").required().now(),
    row(
        "ipAdapters[].weight",
        "Weight",
        float(0.0, 1.0),
        "0 ignores the picture, 1 follows it fully.",
    )
    .default(Number(1.0))
    .now(),
    // How the service delivers.
    row(
        "deliveryMethod",
        "Wait",
        words(DeliveryMethod::WORDS),
        "Whether the connection waits; this machine always does.",
    )
    .default(Word("sync"))
    .now(),
    row(
        "ttl",
        "Time to live",
        at_least(60),
        "Seconds the result's address lives; only with output type URL.",
    ),
    row("webhookURL", "Webhook", Url, "This address is told when a picture is ready."),
];
