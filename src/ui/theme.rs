//! The look: every colour, font, size and distance, for dark and light.
//!
//! The only file with colour literals. Greys are neutral so that they never tint the judgement of
//! a picture; the one accent marks what acts or is chosen.

#![expect(clippy::disallowed_methods, reason = "this is the one place where colours are made")]

use std::sync::Arc;

use eframe::egui;
use egui::epaint::FontColorTransferFunction;
use egui::style::{HandleShape, ScrollAnimation, ScrollStyle, TextCursorStyle, WidgetVisuals};
use egui::{
    Color32, CornerRadius, FontData, FontDefinitions, FontFamily, FontId, Margin, Shadow, Stroke,
    Style, TextStyle, Theme, Ui, vec2,
};

/// The colours of one theme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Palette {
    /// Bars at the edge of the window.
    pub window: Color32,
    /// Behind the picture.
    pub surround: Color32,
    /// Form, gallery, queue.
    pub panel: Color32,
    /// Rows, cards, the chosen segment.
    pub raised: Color32,
    /// A raised thing under the pointer.
    pub raised_hover: Color32,
    /// Where one types.
    pub field: Color32,
    /// Lines of one pixel.
    pub line: Color32,
    /// A line under the pointer.
    pub line_hover: Color32,
    /// What is read first.
    pub text: Color32,
    /// Labels, captions.
    pub dim: Color32,
    /// Hints, disabled things.
    pub faint: Color32,
    /// What acts or is chosen.
    pub accent: Color32,
    /// The accent under the pointer.
    pub accent_hover: Color32,
    /// Text on the accent.
    pub on_accent: Color32,
    /// Behind selected text.
    pub accent_weak: Color32,
    /// Works.
    pub ok: Color32,
    /// Does not work.
    pub error: Color32,
    /// Works, but not as asked for.
    pub caution: Color32,
    /// Words that weigh less.
    pub lowered: Color32,
    /// Words that the model learned later.
    pub learned: Color32,
    /// Knob and filled part of a slider.
    pub knob: Color32,
    /// The filled part of a slider's rail.
    pub rail_fill: Color32,
    /// Below a floating thing.
    pub shadow: Color32,
    /// Over everything behind a sheet, and over what is cut off a picture.
    pub veil: Color32,
    /// Over the masked part of a picture.
    pub mask: Color32,
    /// Around a rectangle of the mask.
    pub mask_line: Color32,
    /// Behind what a picture grows by.
    pub ghost: Color32,
    /// Stripes on it.
    pub ghost_stripe: Color32,
    /// Where the seam between old and new is blurred.
    pub seam: Color32,
    /// Between pixels that are drawn large.
    pub pixel_grid: Color32,
}

/// The dark theme.
pub const DARK: Palette = Palette {
    window: Color32::from_rgb(0x1a, 0x1a, 0x1a),
    surround: Color32::from_rgb(0x12, 0x12, 0x12),
    panel: Color32::from_rgb(0x20, 0x20, 0x20),
    raised: Color32::from_rgb(0x2a, 0x2a, 0x2a),
    raised_hover: Color32::from_rgb(0x33, 0x33, 0x33),
    field: Color32::from_rgb(0x17, 0x17, 0x17),
    line: Color32::from_rgb(0x33, 0x33, 0x33),
    line_hover: Color32::from_rgb(0x4a, 0x4a, 0x4a),
    text: Color32::from_rgb(0xe8, 0xe8, 0xe8),
    dim: Color32::from_rgb(0xa3, 0xa3, 0xa3),
    faint: Color32::from_rgb(0x6f, 0x6f, 0x6f),
    accent: Color32::from_rgb(0xf0, 0xa4, 0x45),
    accent_hover: Color32::from_rgb(0xf6, 0xb4, 0x62),
    on_accent: Color32::from_rgb(0x22, 0x15, 0x03),
    accent_weak: Color32::from_rgb(0x5c, 0x43, 0x24),
    ok: Color32::from_rgb(0x6f, 0xbf, 0x73),
    error: Color32::from_rgb(0xf0, 0x76, 0x6c),
    caution: Color32::from_rgb(0xe0, 0xc0, 0x5a),
    lowered: Color32::from_rgb(0x6c, 0xb8, 0xb0),
    learned: Color32::from_rgb(0x86, 0xac, 0xe8),
    knob: Color32::from_rgb(0xe8, 0xe8, 0xe8),
    rail_fill: Color32::from_rgb(0xa3, 0xa3, 0xa3),
    shadow: Color32::from_black_alpha(0x70),
    veil: Color32::from_black_alpha(0x8c),
    // 48 %.
    mask: Color32::from_rgba_premultiplied(0x7a, 0x22, 0x2e, 0x7a),
    mask_line: Color32::from_rgb(0xff, 0x46, 0x60),
    // The accent at 5, 11 and 15 %.
    ghost: Color32::from_rgba_premultiplied(0x0c, 0x08, 0x03, 0x0d),
    ghost_stripe: Color32::from_rgba_premultiplied(0x1a, 0x12, 0x08, 0x1c),
    seam: Color32::from_rgba_premultiplied(0x24, 0x19, 0x0a, 0x26),
    pixel_grid: Color32::from_rgba_premultiplied(0x14, 0x14, 0x14, 0x28),
};

/// The light theme.
pub const LIGHT: Palette = Palette {
    window: Color32::from_rgb(0xec, 0xec, 0xec),
    surround: Color32::from_rgb(0xd6, 0xd6, 0xd6),
    panel: Color32::from_rgb(0xf6, 0xf6, 0xf6),
    raised: Color32::from_rgb(0xff, 0xff, 0xff),
    raised_hover: Color32::from_rgb(0xe9, 0xe9, 0xe9),
    field: Color32::from_rgb(0xff, 0xff, 0xff),
    line: Color32::from_rgb(0xd4, 0xd4, 0xd4),
    line_hover: Color32::from_rgb(0xb4, 0xb4, 0xb4),
    text: Color32::from_rgb(0x1c, 0x1c, 0x1c),
    dim: Color32::from_rgb(0x5d, 0x5d, 0x5d),
    faint: Color32::from_rgb(0x94, 0x94, 0x94),
    accent: Color32::from_rgb(0xc2, 0x6a, 0x00),
    accent_hover: Color32::from_rgb(0xa9, 0x5c, 0x00),
    on_accent: Color32::from_rgb(0xff, 0xff, 0xff),
    accent_weak: Color32::from_rgb(0xf6, 0xdf, 0xc2),
    ok: Color32::from_rgb(0x2e, 0x7d, 0x32),
    error: Color32::from_rgb(0xc6, 0x28, 0x28),
    caution: Color32::from_rgb(0x9a, 0x72, 0x00),
    lowered: Color32::from_rgb(0x1f, 0x77, 0x6e),
    learned: Color32::from_rgb(0x2b, 0x5f, 0xb4),
    knob: Color32::from_rgb(0x1c, 0x1c, 0x1c),
    rail_fill: Color32::from_rgb(0x5d, 0x5d, 0x5d),
    shadow: Color32::from_black_alpha(0x30),
    veil: Color32::from_black_alpha(0x59),
    // 42 %.
    mask: Color32::from_rgba_premultiplied(0x61, 0x0d, 0x1d, 0x6b),
    mask_line: Color32::from_rgb(0xe6, 0x1e, 0x46),
    // The accent at 5, 11 and 15 %.
    ghost: Color32::from_rgba_premultiplied(0x0a, 0x05, 0x00, 0x0d),
    ghost_stripe: Color32::from_rgba_premultiplied(0x15, 0x0c, 0x00, 0x1c),
    seam: Color32::from_rgba_premultiplied(0x1d, 0x10, 0x00, 0x26),
    pixel_grid: Color32::from_rgba_premultiplied(0x14, 0x14, 0x14, 0x28),
};

/// Light and dark squares behind what is transparent, the same in both themes.
pub const CHECKERBOARD: [Color32; 2] =
    [Color32::from_rgb(0xcc, 0xcc, 0xcc), Color32::from_rgb(0x99, 0x99, 0x99)];

/// A picture's own colours.
pub const UNTINTED: Color32 = Color32::WHITE;

/// The colours in use where `ui` draws.
#[must_use]
pub fn palette(ui: &Ui) -> &'static Palette {
    of(ui.visuals().dark_mode)
}

/// The colours of the dark or the light theme.
#[must_use]
pub const fn of(dark: bool) -> &'static Palette {
    if dark { &DARK } else { &LIGHT }
}

/// Distances in points; everything sits on a grid of 4.
pub mod space {
    /// From a panel's edge to its contents.
    pub const PANEL: f32 = 12.0;
    /// Between neighbours in a row.
    pub const GAP: f32 = 8.0;
    /// Between rows.
    pub const ROW_GAP: f32 = 4.0;
    /// Between sections.
    pub const SECTION: f32 = 16.0;
    /// Height of a control.
    pub const ROW: f32 = 28.0;
    /// Width of the labels' column.
    pub const LABEL: f32 = 92.0;
    /// Width of a typed number.
    pub const NUMBER: f32 = 56.0;
    /// Height of a line of caption.
    pub const CAPTION: f32 = 16.0;
    /// Height of the top bar.
    pub const TOP_BAR: f32 = 44.0;
    /// Height of the queue.
    pub const QUEUE: f32 = 76.0;
    /// Width of the form at first start.
    pub const FORM: f32 = 336.0;
    /// Width of the gallery at first start.
    pub const GALLERY: f32 = 296.0;
}

/// Radius of fields and rows.
pub const RADIUS: u8 = 6;
/// Radius of floating bars and sheets.
pub const RADIUS_FLOATING: u8 = 8;
/// Width of lines.
pub const LINE: f32 = 1.0;
/// Width of the ring around what is chosen or has the focus.
pub const RING: f32 = 2.0;

const SEMIBOLD: &str = "semibold";
const ICONS: &str = "icons";

/// Text of 13 points.
#[must_use]
pub const fn body() -> FontId {
    FontId::new(13.0, FontFamily::Proportional)
}

/// Text of 13 points, semibold.
#[must_use]
pub fn strong() -> FontId {
    FontId::new(13.0, FontFamily::Name(SEMIBOLD.into()))
}

/// Captions of 11.5 points.
#[must_use]
pub const fn caption() -> FontId {
    FontId::new(11.5, FontFamily::Proportional)
}

/// Section titles: 12 points, semibold.
#[must_use]
pub fn title() -> FontId {
    FontId::new(12.0, FontFamily::Name(SEMIBOLD.into()))
}

/// The big button, headings of sheets: 14 points, semibold.
#[must_use]
pub fn button() -> FontId {
    FontId::new(14.0, FontFamily::Name(SEMIBOLD.into()))
}

/// The one large line of an empty canvas.
#[must_use]
pub fn display() -> FontId {
    FontId::new(20.0, FontFamily::Name(SEMIBOLD.into()))
}

/// Text whose signs are all of one width, 12 points: JSON.
#[must_use]
pub const fn code() -> FontId {
    FontId::new(12.0, FontFamily::Monospace)
}

/// Icons of `size` points; 18 where nothing else is said.
#[must_use]
pub fn icon(size: f32) -> FontId {
    FontId::new(size, FontFamily::Name(ICONS.into()))
}

/// Sets fonts and both themes; once, before the first frame.
pub fn install(ctx: &egui::Context) {
    ctx.set_fonts(fonts());
    ctx.style_mut_of(Theme::Dark, |style| restyle(style, &DARK, true));
    ctx.style_mut_of(Theme::Light, |style| restyle(style, &LIGHT, false));
}

fn fonts() -> FontDefinitions {
    let mut fonts = FontDefinitions::default();
    let files: [(&str, &[u8]); 3] = [
        ("Inter", include_bytes!("../../assets/fonts/Inter-Regular.ttf")),
        ("Inter SemiBold", include_bytes!("../../assets/fonts/Inter-SemiBold.ttf")),
        ("Material Symbols", include_bytes!("../../assets/fonts/MaterialSymbolsRounded.ttf")),
    ];
    for (name, bytes) in files {
        fonts.font_data.insert(name.to_owned(), Arc::new(FontData::from_static(bytes)));
    }
    let fallback = fonts.families.get(&FontFamily::Proportional).cloned().unwrap_or_default();
    let chain = |first: &[&str]| -> Vec<String> {
        first.iter().map(|name| (*name).to_owned()).chain(fallback.iter().cloned()).collect()
    };
    fonts.families.insert(FontFamily::Proportional, chain(&["Inter", "Material Symbols"]));
    fonts
        .families
        .insert(FontFamily::Name(SEMIBOLD.into()), chain(&["Inter SemiBold", "Material Symbols"]));
    fonts.families.insert(FontFamily::Name(ICONS.into()), chain(&["Material Symbols"]));
    fonts
}

fn restyle(style: &mut Style, colours: &Palette, dark: bool) {
    style.text_styles = [
        (TextStyle::Body, body()),
        (TextStyle::Button, body()),
        (TextStyle::Monospace, body()),
        (TextStyle::Small, caption()),
        (TextStyle::Heading, button()),
    ]
    .into();
    style.animation_time = 0.1;
    style.explanation_tooltips = false;
    style.scroll_animation = ScrollAnimation::duration(0.1);
    style.interaction.selectable_labels = false;
    style.interaction.tooltip_delay = 0.4;
    restyle_spacing(style);
    restyle_visuals(&mut style.visuals, colours, dark);
}

fn restyle_spacing(style: &mut Style) {
    let spacing = &mut style.spacing;
    spacing.item_spacing = vec2(space::GAP, space::ROW_GAP);
    spacing.button_padding = vec2(8.0, 4.0);
    spacing.interact_size = vec2(space::ROW, space::ROW);
    spacing.menu_margin = Margin::same(6);
    spacing.window_margin = Margin::same(16);
    spacing.icon_width = 14.0;
    spacing.icon_spacing = 8.0;
    spacing.slider_rail_height = 4.0;
    spacing.tooltip_width = 320.0;
    spacing.combo_height = 360.0;
    spacing.scroll = ScrollStyle { bar_width: 6.0, floating_width: 3.0, ..ScrollStyle::floating() };
    spacing.scroll.fade.strength = 0.0;
}

fn restyle_visuals(visuals: &mut egui::Visuals, colours: &Palette, dark: bool) {
    *visuals = if dark { egui::Visuals::dark() } else { egui::Visuals::light() };
    // Light text on a dark ground looks bolder than it is; egui's own curve overdoes it for Inter.
    visuals.text_options.color_transfer_function =
        if dark { FontColorTransferFunction::Gamma(0.85) } else { FontColorTransferFunction::Off };
    let look = |fill: Color32, line: Color32, ink: Color32| WidgetVisuals {
        bg_fill: fill,
        weak_bg_fill: fill,
        bg_stroke: Stroke::new(LINE, line),
        corner_radius: CornerRadius::same(RADIUS),
        fg_stroke: Stroke::new(LINE, ink),
        expansion: 0.0,
    };
    visuals.widgets.noninteractive = look(colours.panel, colours.line, colours.text);
    visuals.widgets.inactive = look(colours.field, colours.line, colours.text);
    visuals.widgets.hovered = look(colours.field, colours.line_hover, colours.text);
    visuals.widgets.active = look(colours.raised, colours.accent, colours.text);
    visuals.widgets.open = look(colours.field, colours.line_hover, colours.text);
    visuals.selection.bg_fill = colours.accent_weak;
    visuals.selection.stroke = Stroke::new(LINE, colours.text);
    visuals.hyperlink_color = colours.accent;
    visuals.weak_text_color = Some(colours.faint);
    visuals.faint_bg_color = colours.raised;
    visuals.extreme_bg_color = colours.field;
    visuals.text_edit_bg_color = Some(colours.field);
    visuals.error_fg_color = colours.error;
    visuals.warn_fg_color = colours.caution;
    visuals.panel_fill = colours.panel;
    visuals.window_fill = colours.panel;
    visuals.window_stroke = Stroke::new(LINE, colours.line);
    visuals.window_corner_radius = CornerRadius::same(RADIUS_FLOATING);
    visuals.menu_corner_radius = CornerRadius::same(RADIUS_FLOATING);
    let shadow = Shadow { offset: [0, 6], blur: 20, spread: 0, color: colours.shadow };
    visuals.window_shadow = shadow;
    visuals.popup_shadow = shadow;
    visuals.text_cursor =
        TextCursorStyle { stroke: Stroke::new(1.5, colours.accent), ..Default::default() };
    visuals.handle_shape = HandleShape::Circle;
    visuals.disabled_alpha = 0.45;
}
