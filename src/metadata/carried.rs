//! What a picture carries, in this program's words, and the ways fields get there.

use std::fmt;
use std::sync::Arc;

use crate::pixels::Extent;
use crate::task::{BLANK_PROMPT, Lora, ModelCard, ModelKind, PromptWeighting, Task, TaskType};

/// Most notes of one picture.
const MOST_NOTES: usize = 64;

/// Longest note, in characters.
const LONGEST_NOTE: usize = 300;

/// Most LoRAs of one picture.
const MOST_LORAS: usize = 32;

/// Which program wrote the settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// This one; the task is exact.
    Latelier,
    /// AUTOMATIC1111's Stable Diffusion web UI, or one of the many that write alike.
    A1111,
    /// Forge, which grew out of A1111.
    Forge,
    /// ComfyUI.
    ComfyUi,
    /// InvokeAI.
    InvokeAi,
    /// A program whose settings are not understood.
    Unknown,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Latelier => "Latelier",
            Self::A1111 => "A1111",
            Self::Forge => "Forge",
            Self::ComfyUi => "ComfyUI",
            Self::InvokeAi => "InvokeAI",
            Self::Unknown => "unknown program",
        })
    }
}

/// A LoRA as another program names it.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedLora {
    /// Name or file name.
    pub name: String,
    /// Strength.
    pub weight: f64,
}

/// What a picture file says about how it was made.
#[derive(Clone, Debug, PartialEq)]
pub struct Carried {
    /// Who wrote it.
    pub origin: Origin,

    /// The program's version, if it is told.
    pub version: Option<String>,

    /// The fields that could be taken over. Complete and exact for [`Origin::Latelier`]; otherwise
    /// without `taskUUID`, and without `model` and `lora` until [`Carried::take_models`].
    pub task: Task,

    /// The checkpoint as another program names it: a name or a file name.
    pub model: Option<String>,

    /// The LoRAs as another program names them.
    pub loras: Vec<NamedLora>,

    /// Whether it was made from another picture, which the file does not hold.
    pub from_picture: bool,

    /// The text itself.
    pub text: String,

    /// What could not be taken over, a sentence or `name: value` each.
    pub notes: Vec<String>,
}

impl Carried {
    pub(super) fn new(origin: Origin, text: &str) -> Self {
        let task = Task { task_type: Some(TaskType::ImageInference), ..Task::default() };
        Self {
            origin,
            version: None,
            task,
            model: None,
            loras: Vec::new(),
            from_picture: false,
            text: text.to_owned(),
            notes: Vec::new(),
        }
    }

    /// Adds a note, cut to one readable line, unless it is already there.
    pub(super) fn note(&mut self, note: &str) {
        let mut line: String = note.chars().take(LONGEST_NOTE).collect();
        if line.len() < note.len() {
            line.push('…');
        }
        let line = line.replace(['\n', '\r'], " ");
        if self.notes.len() >= MOST_NOTES || self.notes.contains(&line) {
            return;
        }
        let last = self.notes.len() + 1 == MOST_NOTES;
        self.notes.push(if last { "and more".to_owned() } else { line });
    }

    /// Takes the prompts; no prompt at all is a blank one.
    pub(super) fn take_prompts(&mut self, positive: &str, negative: &str) {
        let positive = if positive.trim().is_empty() { BLANK_PROMPT } else { positive };
        self.task.positive_prompt = Some(positive.to_owned());
        self.task.negative_prompt =
            Some(negative.to_owned()).filter(|text| !text.trim().is_empty());
    }

    /// Says in which notation the prompts are, if any of `signs` is in them.
    pub(super) fn take_weighting(&mut self, weighting: PromptWeighting, signs: &[char]) {
        let prompts = [&self.task.positive_prompt, &self.task.negative_prompt];
        if prompts.into_iter().flatten().any(|prompt| prompt.contains(signs)) {
            self.task.prompt_weighting = Some(weighting);
        }
    }

    /// Takes a seed that is in the range tasks have; notes any other.
    pub(super) fn take_seed(&mut self, text: &str) {
        match text.trim().parse::<i64>() {
            Ok(seed) if seed > 0 => self.task.seed = Some(seed as u64),
            _ => self.note(&format!("Seed: {text} (seeds here go from 1 to 2⁶³ − 1)")),
        }
    }

    /// Takes the scheduler of that name, and says what is not quite the same about it.
    pub(super) fn take_scheduler(&mut self, (name, note): (Option<&'static str>, Option<String>)) {
        self.task.scheduler = name.map(str::to_owned);
        if let Some(note) = note {
            self.note(&note);
        }
    }

    pub(super) fn take_lora(&mut self, name: &str, weight: f64) {
        if self.loras.len() < MOST_LORAS {
            self.loras.push(NamedLora { name: name.to_owned(), weight });
        } else {
            self.note(&format!("LoRA: {name}"));
        }
    }

    /// Uses the size of the picture itself, when nothing else was told.
    pub(super) fn take_size_of(&mut self, extent: Option<Extent>) {
        if let Some(extent) = extent {
            self.task.width = Some(extent.width);
            self.task.height = Some(extent.height);
            self.note("the size is that of the picture; its settings tell none");
        }
    }

    /// Finds the checkpoint and the LoRAs among `models` by their names or their files' names, and
    /// puts their identifiers into the task; notes those that are not there.
    pub fn take_models(&mut self, models: &[Arc<ModelCard>]) {
        if let Some(name) = self.model.clone() {
            match find(models, ModelKind::Checkpoint, &name) {
                Some(card) => self.task.model = Some(card.air.to_string()),
                None => self.note(&format!("the model `{name}` is not in the library")),
            }
        }
        let mut loras = Vec::new();
        for NamedLora { name, weight } in self.loras.clone() {
            match find(models, ModelKind::Lora, &name) {
                Some(card) => loras.push(Lora {
                    model: Some(card.air.to_string()),
                    weight: Some(weight),
                    ..Lora::default()
                }),
                None => self.note(&format!("the LoRA `{name}` is not in the library")),
            }
        }
        if !loras.is_empty() {
            self.task.lora = Some(loras);
        }
    }
}

/// The model of that name, of that identifier, or whose file has that name; case does not count.
fn find<'a>(models: &'a [Arc<ModelCard>], kind: ModelKind, name: &str) -> Option<&'a ModelCard> {
    // Some programs write a path below their folder of models.
    let file = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let stem = [".safetensors", ".ckpt"].iter().find_map(|end| file.strip_suffix(end));
    let wanted = stem.unwrap_or(file).to_lowercase();
    let named = |card: &ModelCard| {
        card.air.to_string() == name || card.name.to_lowercase() == wanted || card.name == name
    };
    let filed = |card: &ModelCard| {
        // A folder's name may have a dot; only a file's ending is none of its name.
        let file = card.path.file_name().map(|file| file.to_string_lossy().to_lowercase());
        file.is_some_and(|file| file.strip_suffix(".safetensors").unwrap_or(&file) == wanted)
    };
    let cards = || models.iter().map(AsRef::as_ref).filter(|card: &&ModelCard| card.kind == kind);
    cards().find(|card| named(card)).or_else(|| cards().find(|card| filed(card)))
}
