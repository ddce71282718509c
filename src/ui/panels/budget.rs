//! Asks before a task is sent that would pass the day's limit.

use eframe::egui;
use egui::{Id, Label, Modal, RichText, Ui};

use crate::state::Action;
use crate::ui::theme::{self, palette, space};
use crate::ui::widgets::text_button;
use crate::ui::{Cx, words};

const WIDTH: f32 = 400.0;

pub(super) fn ui(ui: &Ui, cx: &mut Cx<'_>) {
    let Some(question) = &cx.world.engines.question else { return };
    let colours = palette(ui);
    let pictures = words::pictures(question.parcel.pictures());
    let price =
        question.estimate().map(|estimate| format!(" for about {}", words::price(estimate)));
    let hosts = question.parcel.hosts();
    let what = format!("{pictures}{} from {hosts}", price.unwrap_or_default());
    let frame = super::floating(ui).inner_margin(20);
    let modal = Modal::new(Id::unique("budget")).frame(frame).backdrop_color(colours.veil);
    let response = modal.show(ui.ctx(), |ui| {
        ui.set_width(WIDTH);
        ui.spacing_mut().item_spacing.y = space::GAP;
        let title = RichText::new("Send it all the same?").font(theme::button());
        ui.label(title.color(colours.text));
        ui.add(Label::new(RichText::new(what).color(colours.text)).wrap());
        let why = format!("Nothing was sent yet: {}.", question.why);
        ui.add(Label::new(RichText::new(why).color(colours.dim)).wrap());
        ui.add_space(space::GAP);
        ui.horizontal(|ui| {
            let no = text_button(ui, "Do not send").clicked();
            let yes = text_button(ui, "Send all the same").clicked();
            yes.then_some(true).or(no.then_some(false))
        })
        .inner
    });
    let answer = response.inner.or(response.should_close().then_some(false));
    cx.actions.extend(answer.map(Action::AnswerBudget));
}
