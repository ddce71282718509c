//! The mask on the graphics card: white with the mask as opacity, in squares, of which only what
//! changed is sent.

use eframe::egui;
use egui::{
    Color32, ColorImage, Context, Painter, Pos2, Rect, TextureHandle, TextureOptions, pos2,
};

use crate::pixels::{Extent, Mask, Rectangle};
use crate::state::Painting;

/// Pixels a side of a square.
const SIDE: u32 = 1024;
const WHOLE: Rect = Rect { min: Pos2::ZERO, max: pos2(1.0, 1.0) };

/// The squares of the mask that was shown last.
#[derive(Default)]
pub(super) struct MaskOverlay {
    extent: Option<Extent>,
    squares: Vec<Square>,
}

struct Square {
    place: Rectangle,
    texture: TextureHandle,
}

impl MaskOverlay {
    /// Brings the squares up to date; once a frame.
    pub(super) fn sync(&mut self, ctx: &Context, painting: &mut Painting) {
        let changed = painting.take_changed();
        let Some(mask) = painting.mask().map(crate::pixels::PaintedMask::mask) else {
            self.extent = None;
            self.squares.clear();
            return;
        };
        if self.extent != Some(mask.extent()) {
            self.rebuild(ctx, mask);
        } else if let Some(changed) = changed {
            for square in &mut self.squares {
                square.update(mask, changed);
            }
        }
    }

    fn rebuild(&mut self, ctx: &Context, mask: &Mask) {
        let extent = mask.extent();
        let steps = |side: u32| (0..side).step_by(SIDE as usize);
        let places = steps(extent.height)
            .flat_map(|y| steps(extent.width).map(move |x| Rectangle::new(x, y, SIDE, SIDE)));
        let square = |place: Rectangle| {
            let place = place.within(extent)?;
            let image = image(mask, place);
            let texture = ctx.load_texture("mask", image, TextureOptions::LINEAR);
            Some(Square { place, texture })
        };
        self.squares = places.filter_map(square).collect();
        self.extent = Some(extent);
    }

    /// Draws the mask over `place`.
    pub(super) fn paint(&self, painter: &Painter, place: Rect, tint: Color32) {
        let Some(Extent { width, height }) = self.extent else { return };
        let scale = place.size() / egui::vec2(width as f32, height as f32);
        let corner = |x: u32, y: u32| place.min + egui::vec2(x as f32, y as f32) * scale;
        for Square { place, texture } in &self.squares {
            let rect =
                Rect::from_min_max(corner(place.x, place.y), corner(place.right(), place.bottom()));
            if painter.clip_rect().intersects(rect) {
                painter.image(texture.id(), rect, WHOLE, tint);
            }
        }
    }
}

impl Square {
    fn update(&mut self, mask: &Mask, changed: Rectangle) {
        let (x, y) = (changed.x.max(self.place.x), changed.y.max(self.place.y));
        let width = changed.right().min(self.place.right()).saturating_sub(x);
        let height = changed.bottom().min(self.place.bottom()).saturating_sub(y);
        if width > 0 && height > 0 {
            let at = [(x - self.place.x) as usize, (y - self.place.y) as usize];
            let image = image(mask, Rectangle::new(x, y, width, height));
            self.texture.set_partial(at, image, TextureOptions::LINEAR);
        }
    }
}

fn image(mask: &Mask, place: Rectangle) -> ColorImage {
    let width = mask.extent().width as usize;
    let columns = place.x as usize..place.right() as usize;
    let rows = mask.bytes().chunks_exact(width.max(1)).skip(place.y as usize);
    let pixels = rows
        .take(place.height as usize)
        .flat_map(|row| row.get(columns.clone()).unwrap_or_default())
        .map(|&value| Color32::from_white_alpha(value))
        .collect();
    ColorImage::new([place.width as usize, place.height as usize], pixels)
}
