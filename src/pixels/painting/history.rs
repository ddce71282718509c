//! Steps that can be undone: the squares of the mask that each one touched, as they were before.

use std::collections::VecDeque;

use super::super::{Extent, Mask, Rectangle};
use super::TILE;

/// Most bytes that all remembered steps take together; the oldest are forgotten first.
const MOST_BYTES: usize = 96 << 20;

/// A square of a mask, smaller at its right and lower border.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tile {
    number: u32,
    place: Rectangle,
    pixels: Pixels,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Pixels {
    /// All of one value, which most squares are.
    Even(u8),
    Each(Vec<u8>),
}

impl Tile {
    /// The numbers of the tiles that `place` touches, row by row.
    pub(super) fn numbers(place: Rectangle, extent: Extent) -> impl Iterator<Item = u32> {
        let columns = extent.width.div_ceil(TILE);
        let across = place.x / TILE..place.right().div_ceil(TILE);
        (place.y / TILE..place.bottom().div_ceil(TILE))
            .flat_map(move |row| across.clone().map(move |column| row * columns + column))
    }

    /// The left upper corner of the tile of that number.
    fn corner(number: u32, extent: Extent) -> [u32; 2] {
        let columns = extent.width.div_ceil(TILE).max(1);
        [number % columns * TILE, number / columns * TILE]
    }

    /// Its middle, in pixels, were it as large as the others.
    pub(super) fn middle(number: u32, extent: Extent) -> [f32; 2] {
        Self::corner(number, extent).map(|side| (side + TILE / 2) as f32)
    }

    pub(super) fn read(mask: &Mask, number: u32) -> Self {
        let [x, y] = Self::corner(number, mask.extent);
        let empty = Rectangle::new(x, y, 0, 0);
        let place = Rectangle::new(x, y, TILE, TILE).within(mask.extent).unwrap_or(empty);
        let mut pixels = Vec::with_capacity(place.width as usize * place.height as usize);
        for y in place.y..place.bottom() {
            let row = y as usize * mask.extent.width as usize;
            let columns = row + place.x as usize..row + place.right() as usize;
            pixels.extend_from_slice(mask.bytes.get(columns).unwrap_or_default());
        }
        let first = pixels.first().copied().unwrap_or(0);
        let even = pixels.iter().all(|&value| value == first);
        Self {
            number,
            place,
            pixels: if even { Pixels::Even(first) } else { Pixels::Each(pixels) },
        }
    }

    /// Where it lies on the mask.
    pub(super) const fn place(&self) -> Rectangle {
        self.place
    }

    /// The pixel at that place of the tile, counted row by row.
    pub(super) fn value(&self, at: usize) -> u8 {
        match &self.pixels {
            Pixels::Even(value) => *value,
            Pixels::Each(pixels) => pixels.get(at).copied().unwrap_or(0),
        }
    }

    /// All its pixels together.
    fn sum(&self) -> u64 {
        match &self.pixels {
            Pixels::Even(value) => {
                u64::from(*value) * u64::from(self.place.width) * u64::from(self.place.height)
            }
            Pixels::Each(pixels) => pixels.iter().map(|&value| u64::from(value)).sum(),
        }
    }

    fn write(&self, mask: &mut Mask) {
        let width = self.place.width as usize;
        for (row, y) in (self.place.y..self.place.bottom()).enumerate() {
            let start = y as usize * mask.extent.width as usize + self.place.x as usize;
            let Some(target) = mask.bytes.get_mut(start..start + width) else { continue };
            match &self.pixels {
                Pixels::Even(value) => target.fill(*value),
                Pixels::Each(pixels) => {
                    if let Some(source) = pixels.get(row * width..(row + 1) * width) {
                        target.copy_from_slice(source);
                    }
                }
            }
        }
    }

    const fn bytes(&self) -> usize {
        let pixels = match &self.pixels {
            Pixels::Even(_) => 0,
            Pixels::Each(pixels) => pixels.len(),
        };
        pixels + size_of::<Self>()
    }
}

/// One step: what lay there before.
#[derive(Clone, Debug, Default)]
pub(super) struct Edit {
    tiles: Vec<Tile>,
}

impl Edit {
    pub(super) const fn new(tiles: Vec<Tile>) -> Self {
        Self { tiles }
    }

    /// All that lies under `place`.
    pub(super) fn under(mask: &Mask, place: Rectangle) -> Self {
        let read = |number| Tile::read(mask, number);
        Self { tiles: Tile::numbers(place, mask.extent).map(read).collect() }
    }

    /// Only what `after` has otherwise.
    pub(super) fn without_same(mut self, after: &Mask) -> Self {
        self.tiles.retain(|tile| Tile::read(after, tile.number) != *tile);
        self
    }

    /// All its pixels together.
    pub(super) fn sum(&self) -> u64 {
        self.tiles.iter().map(Tile::sum).sum()
    }

    /// All pixels of `mask` together that lie on its tiles.
    pub(super) fn sum_of(&self, mask: &Mask) -> u64 {
        self.tiles.iter().map(|tile| Tile::read(mask, tile.number).sum()).sum()
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.tiles.is_empty()
    }

    /// The rectangle around all its tiles.
    pub(super) fn place(&self) -> Option<Rectangle> {
        self.tiles.iter().fold(None, |all, tile| Some(super::join(all, tile.place)))
    }

    /// Puts its pixels into the mask; returns those that were there.
    pub(super) fn put_into(self, mask: &mut Mask) -> Self {
        let swap = |tile: Tile| {
            let there = Tile::read(mask, tile.number);
            tile.write(mask);
            there
        };
        Self { tiles: self.tiles.into_iter().map(swap).collect() }
    }

    fn bytes(&self) -> usize {
        self.tiles.iter().map(Tile::bytes).sum()
    }
}

/// What can be undone and done again, the last step last.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    done: VecDeque<Edit>,
    undone: Vec<Edit>,
    bytes: usize,
}

impl History {
    /// Remembers a new step; what was undone before cannot be done again.
    pub(super) fn push(&mut self, edit: Edit) {
        if !edit.is_empty() {
            self.undone.clear();
            self.put_undo(edit);
        }
    }

    pub(super) fn put_undo(&mut self, edit: Edit) {
        self.bytes += edit.bytes();
        self.done.push_back(edit);
        while self.bytes > MOST_BYTES && self.done.len() > 1 {
            let forgotten = self.done.pop_front().map_or(0, |edit| edit.bytes());
            self.bytes -= forgotten;
        }
    }

    pub(super) fn put_redo(&mut self, edit: Edit) {
        self.undone.push(edit);
    }

    pub(super) fn take_undo(&mut self) -> Option<Edit> {
        let edit = self.done.pop_back()?;
        self.bytes -= edit.bytes();
        Some(edit)
    }

    pub(super) fn take_redo(&mut self) -> Option<Edit> {
        self.undone.pop()
    }

    pub(super) fn can_undo(&self) -> bool {
        !self.done.is_empty()
    }

    pub(super) const fn can_redo(&self) -> bool {
        !self.undone.is_empty()
    }
}
