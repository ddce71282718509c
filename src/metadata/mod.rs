//! What the texts of a picture file mean: the task it was made with, in this program's words,
//! whichever program wrote it; and the text A1111 reads, for pictures made here.
//!
//! Pure. Does not know which models are there ([`Carried::take_models`] is told), nor where files
//! lie. Files are anybody's: time and memory are bounded, and what cannot be taken over is noted.
//!
//! | file | holds |
//! |---|---|
//! | `carried` | [`Carried`], what was read, and how fields get into it |
//! | `a1111`, `a1111_text` | the settings of A1111 and Forge; their grammar, both directions |
//! | `comfy`, `comfy_graph` | ComfyUI: from a graph of nodes to settings; walking such graphs |
//! | `invoke` | InvokeAI, also of before version 3 |
//! | `samplers` | each program's names for our schedulers |

mod a1111;
mod a1111_text;
mod carried;
mod comfy;
mod comfy_graph;
mod invoke;
mod json;
mod samplers;

#[cfg(test)]
mod tests;

use crate::pixels::{FileTexts, PARAMETERS_TEXT, TASK_TEXT, USER_COMMENT, file_texts, probe};
use crate::task::Task;

pub use a1111_text::parameters;
pub use carried::{Carried, NamedLora, Origin};

/// EXIF tags in which ComfyUI keeps its graph, as `prompt:{…}`.
const COMFY_TAGS: [&str; 3] = ["Model", "Make", "ImageDescription"];

/// Reads what the bytes of a picture file carry; `None` when there is nothing about how it was made.
#[must_use]
pub fn read(file: &[u8]) -> Option<Carried> {
    let texts = file_texts(file);
    let mut carried = exact(&texts).or_else(|| of_others(&texts))?;
    for name in &texts.left_out {
        carried.note(&format!("the text `{name}` is damaged or too long"));
    }
    if carried.origin == Origin::Latelier {
        return Some(carried);
    }
    if texts.get(TASK_TEXT).is_some_and(|task| !task.is_empty()) {
        carried.note("the picture has a task of Latelier that this version does not understand");
    }
    if carried.task.width.is_none() {
        carried.take_size_of(probe(file).ok().map(|(extent, _)| extent));
    }
    if carried.from_picture {
        carried.note("it was made from another picture, which the file does not hold");
    }
    Some(carried)
}

/// The task a picture of this program carries.
fn exact(texts: &FileTexts) -> Option<Carried> {
    let text = texts.get(TASK_TEXT)?;
    let task = Task::from_json(&json::parse(text)?).ok()?;
    Some(Carried { task, ..Carried::new(Origin::Latelier, text) })
}

fn of_others(texts: &FileTexts) -> Option<Carried> {
    let comfy = || {
        let tagged = |tag: &&str| texts.get(tag)?.strip_prefix("prompt:");
        texts.get("prompt").or_else(|| COMFY_TAGS.iter().find_map(tagged))
    };
    let a1111 = || texts.get(USER_COMMENT).and_then(a1111::read);
    invoke::read(texts)
        .or_else(a1111)
        .or_else(|| texts.get(PARAMETERS_TEXT).and_then(a1111::read))
        .or_else(|| comfy().and_then(comfy::read))
        .or_else(|| texts.get(PARAMETERS_TEXT).map(unknown))
}

fn unknown(text: &str) -> Carried {
    let mut carried = Carried::new(Origin::Unknown, text);
    carried.note("its settings are written in a way that Latelier does not know");
    carried
}
