//! What a card needs to know of its row before it is drawn.

use uuid::Uuid;

use super::Stack;
use crate::state::{GuideSlot, StackDraft, StackRow};
use crate::task::{ImageRef, ModelKind, Problem};
use crate::ui::Cx;
use crate::ui::panels::form::sentence;

/// A row of a stack as its card shows it.
#[derive(Clone, Debug)]
pub(in crate::ui::panels::form) struct RowFacts {
    /// The parameter of its stack.
    pub(super) parameter: &'static str,
    /// Its place in the form.
    pub(super) index: usize,
    /// Its own name.
    pub(super) id: Uuid,
    /// Whether it stays out of the task.
    pub(super) off: bool,
    /// What people call the model; a second one of the same model has a number.
    pub(super) name: String,
    /// The model's identifier.
    pub(super) air: String,
    /// Whether the library has it.
    pub(super) known: bool,
    /// What is wrong with it: in few words and in full.
    pub(super) trouble: Option<(String, String)>,
    /// Where its guide goes and the guide, for rows that follow one.
    pub(super) guide: Option<(GuideSlot, Option<ImageRef>)>,
    /// How many rows the stack has.
    pub(super) count: usize,
}

/// What all rows have.
struct Plain {
    id: Uuid,
    off: bool,
    air: String,
    guide: Option<(GuideSlot, Option<ImageRef>)>,
}

impl RowFacts {
    /// Those of a stack, in the form's order.
    pub(super) fn all(cx: &Cx<'_>, stack: Stack) -> Vec<Self> {
        let plain = plain(&cx.draft.stacks, stack.kind);
        let mut on = 0;
        let mut rows: Vec<Self> = Vec::with_capacity(plain.len());
        for (index, row) in plain.iter().enumerate() {
            let place = format!("{}[{on}]", stack.parameter);
            on += usize::from(!row.off);
            let trouble = if row.off { None } else { trouble(cx, &place) };
            let before = plain.iter().take(index).filter(|other| other.air == row.air).count();
            let card = cx.world.card(&row.air);
            let name = card.map_or_else(|| row.air.clone(), |card| card.name.clone());
            rows.push(Self {
                parameter: stack.parameter,
                index,
                id: row.id,
                off: row.off,
                name: if before == 0 { name } else { format!("{name} {}", before + 1) },
                air: row.air.clone(),
                known: card.is_some(),
                trouble,
                guide: row.guide.clone(),
                count: plain.len(),
            });
        }
        rows
    }
}

/// What is wrong at a place of the task. What only is missing is no mistake: its control says what to do.
fn trouble(cx: &Cx<'_>, place: &str) -> Option<(String, String)> {
    let wrong =
        |problem: &&Problem| problem.is_within(place) && !problem.code.starts_with("missing");
    let problem = cx.world.problems.iter().find(wrong)?;
    Some((sentence(problem), problem.message.clone()))
}

fn plain(stacks: &StackDraft, kind: ModelKind) -> Vec<Plain> {
    fn of<T>(row: &StackRow<T>, air: Option<&String>) -> Plain {
        let air = air.cloned().unwrap_or_default();
        Plain { id: row.id(), off: row.off, air, guide: None }
    }
    match kind {
        ModelKind::Lora => {
            stacks.loras.iter().map(|row| of(row, row.says.model.as_ref())).collect()
        }
        ModelKind::Embedding => {
            stacks.embeddings.iter().map(|row| of(row, row.says.model.as_ref())).collect()
        }
        ModelKind::ControlNet => {
            let guided = |row: &StackRow<crate::task::ControlNet>| Plain {
                guide: Some((GuideSlot::Control(row.id()), row.says.guide_image.clone())),
                ..of(row, row.says.model.as_ref())
            };
            stacks.controls.iter().map(guided).collect()
        }
        ModelKind::IpAdapter => {
            let guided = |row: &StackRow<crate::task::IpAdapter>| Plain {
                guide: Some((GuideSlot::ImagePrompt(row.id()), row.says.guide_image.clone())),
                ..of(row, row.says.model.as_ref())
            };
            stacks.image_prompts.iter().map(guided).collect()
        }
        ModelKind::Checkpoint | ModelKind::Vae => Vec::new(),
    }
}
