//! The task of the form as JSON: seen, copied, edited, pasted.

use eframe::egui;
use egui::text::{ByteIndex, LayoutJob, LayoutSection, TextFormat};
use egui::{
    Align2, Event, Frame, Id, Label, Margin, Rect, RichText, Role, ScrollArea, Sense, Stroke,
    TextEdit, Ui, WidgetInfo, Window, vec2,
};
use uuid::Uuid;

use crate::state::{Place, SheetProblem, TaskSheet, TokenKind, tokens};
use crate::ui::theme::{self, palette, space};
use crate::ui::widgets::{IconButton, paint_elided, text_button, tip};
use crate::ui::{Cx, icons};

const WIDTH: f32 = 460.0;
const SHEET: &str = "task sheet";
/// Names the task while nothing is sent; a job gets a fresh name.
const NAME: Uuid = Uuid::from_u128(0x1a7e_11e5_0000_4000_8000_0000_0000_0001);

/// Opens the sheet for a task that was pasted where no text is written.
pub(in crate::ui) fn listen(ui: &Ui, cx: &mut Cx<'_>) {
    if ui.text_edit_focused() {
        return;
    }
    let pasted = ui.input(|input| {
        input.events.iter().find_map(|event| match event {
            Event::Paste(text) if TaskSheet::looks_like_a_task(text) => Some(text.clone()),
            _ => None,
        })
    });
    if let Some(text) = pasted {
        cx.view.task_sheet.offer(&text);
    }
}

/// Opens or closes the sheet.
pub(in crate::ui) fn toggle(cx: &mut Cx<'_>) {
    let open = !cx.view.task_sheet.open;
    cx.view.task_sheet = TaskSheet::new(open);
}

pub(super) fn ui(ui: &Ui, cx: &mut Cx<'_>) {
    if !cx.view.task_sheet.open {
        return;
    }
    let frame = super::floating(ui).inner_margin(12);
    let screen = ui.ctx().content_rect();
    let window = Window::new("Task")
        .id(Id::unique(SHEET))
        .title_bar(false)
        .frame(frame)
        .default_width(WIDTH.min(screen.width() * 0.5))
        .max_height(screen.height() - space::TOP_BAR - 2.0 * space::PANEL)
        .default_pos(screen.left_top() + vec2(space::FORM + 16.0, space::TOP_BAR + 12.0))
        .resizable(true);
    if editing(ui) {
        // Before the field lays it out.
        ui.input_mut(|input| {
            for event in &mut input.events {
                if let Event::Paste(text) = event {
                    cx.view.task_sheet.shorten_pasted(text);
                }
            }
        });
    } else {
        let task = cx.world.task_of(cx.draft, NAME);
        cx.view.task_sheet.show(task);
    }
    window.show(ui.ctx(), |ui| {
        ui.spacing_mut().item_spacing.y = space::GAP;
        let closed = head(ui, cx);
        field(ui, cx);
        problems(ui, cx);
        foot(ui, cx);
        if closed {
            cx.view.task_sheet.open = false;
        }
    });
}

/// Where the sheet lies, while it is open.
pub(super) fn place(ui: &Ui, cx: &Cx<'_>) -> Option<Rect> {
    let place = ui.memory(|memory| memory.area_rect(Id::unique(SHEET)));
    place.filter(|_| cx.view.task_sheet.open)
}

fn editing(ui: &Ui) -> bool {
    ui.memory(|memory| memory.has_focus(Id::unique("task text")))
}

/// The title, and what is done with the whole text; whether the sheet is closed.
fn head(ui: &mut Ui, cx: &Cx<'_>) -> bool {
    let colours = palette(ui);
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 2.0;
        let size = vec2((ui.available_width() - 2.0 * (space::ROW + 2.0)).max(60.0), space::ROW);
        let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
        let title = if cx.view.task_sheet.offered { "Pasted task" } else { "Task" };
        response.widget_info(|| WidgetInfo::labeled(Role::Heading, true, title));
        let at = (rect.left_center(), Align2::LEFT_CENTER);
        paint_elided(ui, at, title, (theme::button(), colours.text), rect.width());
        let copy = IconButton::new(icons::COPY, "Copy the task").hint("Copy, pictures in full");
        if copy.show(ui).clicked() {
            ui.ctx().copy_text(cx.view.task_sheet.full_text());
        }
        IconButton::new(icons::CLOSE, "Close the task").hint("Close (Ctrl J)").show(ui).clicked()
    })
    .inner
}

/// The text; each change that makes it a task changes the form.
fn field(ui: &mut Ui, cx: &mut Cx<'_>) {
    let colours = palette(ui);
    let wrong = !cx.view.task_sheet.problems.is_empty();
    let line = if wrong { colours.error } else { colours.line };
    let frame = Frame::new()
        .fill(colours.field)
        .stroke(Stroke::new(theme::LINE, line))
        .corner_radius(theme::RADIUS)
        .inner_margin(Margin::same(8));
    let errors: Vec<Place> = marked(cx).iter().map(|problem| problem.place).collect();
    let changed = frame
        .show(ui, |ui| {
            let area = ScrollArea::both().max_height(ui.ctx().content_rect().height() - 280.0);
            area.auto_shrink([false, true])
                .show(ui, |ui| {
                    let mut layout = |ui: &Ui, text: &dyn egui::TextBuffer, width: f32| {
                        let job = coloured(ui, text.as_str(), &errors, width);
                        ui.fonts_mut(|fonts| fonts.layout_job(job))
                    };
                    let edit = TextEdit::multiline(&mut cx.view.task_sheet.text)
                        .id(Id::unique("task text"))
                        .layouter(&mut layout)
                        .frame(Frame::NONE)
                        .font(theme::code())
                        .lock_focus(true)
                        .desired_rows(12)
                        .desired_width(f32::INFINITY);
                    ui.add(edit).accessible_name("Task as JSON").changed()
                })
                .inner
        })
        .inner;
    if changed {
        cx.view.task_sheet.tidy();
        let task = cx.view.task_sheet.check();
        if let Some(task) = task.filter(|_| !cx.view.task_sheet.offered) {
            take_over(cx, &task);
        }
    }
}

/// Puts the task into the form; what it was before can be had back.
fn take_over(cx: &mut Cx<'_>, task: &crate::task::Task) {
    let sent = cx.world.task_of(cx.draft, NAME);
    let before = cx.draft.clone();
    *cx.draft = before.edited(&sent, task);
    if *cx.draft != before {
        cx.view.task_sheet.before.get_or_insert_with(|| Box::new(before));
    }
}

/// What is wrong: with the text, or else with the form that it became.
fn marked(cx: &Cx<'_>) -> Vec<SheetProblem> {
    let sheet = &cx.view.task_sheet;
    if !sheet.problems.is_empty() || sheet.offered {
        return sheet.problems.clone();
    }
    let of_form = |problem: &crate::task::Problem| SheetProblem {
        message: problem.message.clone(),
        place: sheet.place(problem),
    };
    cx.world.problems.iter().map(of_form).collect()
}

/// One line for each problem, the place in front; always room for one.
fn problems(ui: &mut Ui, cx: &Cx<'_>) {
    const MOST: usize = 4;
    let colours = palette(ui);
    let found = marked(cx);
    let is_task = cx.view.task_sheet.problems.is_empty();
    if found.is_empty() {
        let says = if cx.view.task_sheet.offered {
            "This is a task. The form changes when you say so."
        } else {
            "As it would be sent; a change here changes the form. The seed is drawn for each job \
             unless it is locked."
        };
        ui.add(Label::new(RichText::new(says).font(theme::caption()).color(colours.faint)).wrap());
    }
    for SheetProblem { message, place } in found.iter().take(MOST) {
        let text = format!("Line {}, column {}: {message}", place.line, place.column);
        let colour = if is_task { colours.caution } else { colours.error };
        ui.add(Label::new(RichText::new(text).font(theme::caption()).color(colour)).wrap());
    }
    if found.len() > MOST {
        let text = format!("and {} more", found.len() - MOST);
        ui.add(Label::new(RichText::new(text).font(theme::caption()).color(colours.faint)));
    }
}

/// What can be done: taken over, brought back, written anew.
fn foot(ui: &mut Ui, cx: &mut Cx<'_>) {
    ui.horizontal(|ui| {
        if cx.view.task_sheet.offered {
            let possible = cx.view.task_sheet.problems.is_empty();
            let put = ui.add_enabled_ui(possible, |ui| text_button(ui, "Put into the form")).inner;
            if put.clicked() {
                cx.view.task_sheet.offered = false;
                if let Some(task) = cx.view.task_sheet.check() {
                    take_over(cx, &task);
                }
            }
            let discard = text_button(ui, "Leave the form as it is");
            if discard.clicked() {
                cx.view.task_sheet = TaskSheet::new(true);
            }
            return;
        }
        if !cx.view.task_sheet.problems.is_empty() {
            let back = text_button(ui, "Write the form's task again");
            let clicked = back.clicked();
            tip(ui, back, "What is written here is not a task: the form is as it was");
            if clicked {
                let task = cx.world.task_of(cx.draft, NAME);
                cx.view.task_sheet.write(task);
            }
        }
        if cx.view.task_sheet.before.is_some()
            && text_button(ui, "Back to the form as it was").clicked()
            && let Some(before) = cx.view.task_sheet.before.take()
        {
            *cx.draft = *before;
            let task = cx.world.task_of(cx.draft, NAME);
            cx.view.task_sheet.write(task);
        }
    });
}

/// JSON in the house's colours; lines with something wrong are underlined.
fn coloured(ui: &Ui, text: &str, errors: &[Place], width: f32) -> LayoutJob {
    let colours = palette(ui);
    let mut job = LayoutJob { text: text.to_owned(), ..LayoutJob::default() };
    job.wrap.max_width = width;
    let mut start = 0;
    let mut push = |range: std::ops::Range<usize>, colour, underlined: bool| {
        let mut format = TextFormat::simple(theme::code(), colour);
        if underlined {
            format.underline = Stroke::new(1.5, colours.error);
        }
        let byte_range = ByteIndex(range.start)..ByteIndex(range.end);
        job.sections.push(LayoutSection { leading_space: 0.0, byte_range, format });
    };
    for token in tokens(text) {
        if token.range.start > start {
            push(start..token.range.start, colours.text, false);
        }
        let colour = match token.kind {
            TokenKind::Key => colours.learned,
            TokenKind::Text => colours.text,
            TokenKind::Value => colours.accent,
            TokenKind::Sign => colours.faint,
            TokenKind::Unknown => colours.error,
        };
        let wrong = token.kind == TokenKind::Key && !errors.is_empty() && {
            errors.contains(&Place::of(text, token.range.start))
        };
        start = token.range.end;
        push(token.range, colour, wrong);
    }
    if start < text.len() || text.is_empty() {
        push(start..text.len(), colours.text, false);
    }
    job
}
