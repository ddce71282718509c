//! Changes of a whole mask: grown and shrunk by a distance, filled from a place, chosen by colour.

use super::{Extent, Mask, Picture};

/// From this value a pixel belongs to the mask where only yes or no is possible.
const INSIDE: u8 = 128;

impl Mask {
    /// The mask with everything repainted that lies within `pixels` of what is (128 and more); the
    /// next pixel is covered by what is left of the distance, so that edges stay smooth.
    #[must_use]
    pub fn grown_by(&self, pixels: u32) -> Self {
        let reach = pixels as f32 + 1.0;
        let distances = distances(&self.bytes, self.extent);
        let grown = |(&own, distance): (&u8, f32)| {
            own.max(((reach - distance.sqrt()).clamp(0.0, 1.0) * 255.0).round() as u8)
        };
        let bytes = self.bytes.iter().zip(distances).map(grown).collect();
        Self { extent: self.extent, bytes }
    }

    /// The mask without what lies within `pixels` of what is kept; the picture's border is no edge.
    #[must_use]
    pub fn shrunk_by(&self, pixels: u32) -> Self {
        self.inverted().grown_by(pixels).inverted()
    }

    /// White where it was black.
    #[must_use]
    pub fn inverted(&self) -> Self {
        let bytes = self.bytes.iter().map(|value| u8::MAX - value).collect();
        Self { extent: self.extent, bytes }
    }

    /// The mask filled from a place outside of it up to its edges (128 and more), as a bucket does.
    /// From a place inside, what hangs together with it is taken away.
    #[must_use]
    pub fn filled_at(&self, x: u32, y: u32) -> Self {
        let at = y as usize * self.extent.width as usize + x as usize;
        let inside = self.bytes.get(at).is_some_and(|&value| value >= INSIDE);
        // Taking away takes the soft edge along.
        let least = if inside { 1 } else { INSIDE };
        let same = |at: usize| self.bytes.get(at).is_some_and(|&v| (v >= least) == inside);
        let region = connected(self.extent, (x, y), same);
        let paint = |(&own, filled): (&u8, bool)| match (filled, inside) {
            (false, _) => own,
            (true, false) => u8::MAX,
            (true, true) => 0,
        };
        let bytes = self.bytes.iter().zip(region).map(paint).collect();
        Self { extent: self.extent, bytes }
    }

    /// Where `picture` has the colour it has at (`x`, `y`): no channel further away than
    /// `tolerance` (0–255). Only what hangs together with that place, unless `everywhere`.
    #[must_use]
    pub fn of_colour(
        picture: &Picture,
        (x, y): (u32, u32),
        tolerance: u8,
        everywhere: bool,
    ) -> Self {
        let extent = picture.extent();
        let pixel = |at: usize| picture.rgba().get(at * 4..at * 4 + 3);
        let wanted = pixel(y as usize * extent.width as usize + x as usize);
        let same = |at: usize| match (pixel(at), wanted) {
            (Some(pixel), Some(wanted)) => {
                pixel.iter().zip(wanted).all(|(a, b)| a.abs_diff(*b) <= tolerance)
            }
            _ => false,
        };
        let chosen = if everywhere {
            (0..extent.area()).map(same).collect()
        } else {
            connected(extent, (x, y), same)
        };
        let bytes = chosen.into_iter().map(|chosen| if chosen { u8::MAX } else { 0 }).collect();
        Self { extent, bytes }
    }

    /// Both together: the lighter of each pixel. `None` when the sizes differ.
    #[must_use]
    pub fn with(&self, other: &Self) -> Option<Self> {
        let lighter = |(&own, &other): (&u8, &u8)| own.max(other);
        let bytes = self.bytes.iter().zip(&other.bytes).map(lighter).collect();
        (self.extent == other.extent).then_some(Self { extent: self.extent, bytes })
    }

    /// This one where the other is black. `None` when the sizes differ.
    #[must_use]
    pub fn without(&self, other: &Self) -> Option<Self> {
        let darker = |(&own, &other): (&u8, &u8)| own.min(u8::MAX - other);
        let bytes = self.bytes.iter().zip(&other.bytes).map(darker).collect();
        (self.extent == other.extent).then_some(Self { extent: self.extent, bytes })
    }
}

/// The pixels that hang together with `from` by their sides, row by row; none when `from` is not
/// one of those that belong.
fn connected(
    Extent { width, height }: Extent,
    from: (u32, u32),
    belongs: impl Fn(usize) -> bool,
) -> Vec<bool> {
    let (width, height) = (width as usize, height as usize);
    let mut found = vec![false; width * height];
    let mut rows = vec![(from.0 as usize, from.1 as usize)];
    while let Some((x, y)) = rows.pop() {
        let row = y * width;
        let open = |found: &[bool], x: usize, row: usize| {
            found.get(row + x).is_some_and(|found| !found) && belongs(row + x)
        };
        if x >= width || y >= height || !open(&found, x, row) {
            continue;
        }
        let left = (0..x).rev().take_while(|&x| open(&found, x, row)).last().unwrap_or(x);
        let right = (x..width).take_while(|&x| open(&found, x, row)).last().unwrap_or(x);
        if let Some(run) = found.get_mut(row + left..=row + right) {
            run.fill(true);
        }
        for next in [y.checked_sub(1), (y + 1 < height).then_some(y + 1)].into_iter().flatten() {
            let mut in_run = false;
            for x in left..=right {
                let is_open = open(&found, x, next * width);
                if is_open && !in_run {
                    rows.push((x, next));
                }
                in_run = is_open;
            }
        }
    }
    found
}

/// The squared distance of each pixel to the nearest one that belongs to the mask, by the lower
/// envelope of parabolas (Felzenszwalb and Huttenlocher, 2012); infinite where there is none.
fn distances(bytes: &[u8], Extent { width, height }: Extent) -> Vec<f32> {
    let (width, height) = (width as usize, height as usize);
    let mut plane: Vec<f32> =
        bytes.iter().map(|&value| if value >= INSIDE { 0.0 } else { f32::INFINITY }).collect();
    let mut envelope = Envelope::default();
    let mut line = Vec::new();
    for x in 0..width {
        line.clear();
        line.extend(plane.iter().skip(x).step_by(width).copied());
        envelope.lower(&mut line);
        for (value, lowered) in plane.iter_mut().skip(x).step_by(width).zip(&line) {
            *value = *lowered;
        }
    }
    for row in plane.chunks_exact_mut(width.max(1)).take(height) {
        envelope.lower(row);
    }
    plane
}

/// Room for one line's parabolas: where each stands, how high, and from where it is the lowest.
#[derive(Default)]
struct Envelope {
    parabolas: Vec<(f32, f32, f32)>,
}

impl Envelope {
    /// Replaces each value by the least of all values plus the squared distance to them.
    fn lower(&mut self, line: &mut [f32]) {
        self.parabolas.clear();
        for (at, &height) in line.iter().enumerate().filter(|(_, height)| height.is_finite()) {
            let at = at as f32;
            let mut from = f32::NEG_INFINITY;
            while let Some(&(other, other_height, other_from)) = self.parabolas.last() {
                // In f64, since squares of thousands leave few digits.
                let (p, q) = (f64::from(at), f64::from(other));
                let rise = f64::from(height) + p * p - f64::from(other_height) - q * q;
                from = (rise / (2.0 * (p - q))) as f32;
                if from > other_from {
                    break;
                }
                self.parabolas.pop();
                from = f32::NEG_INFINITY;
            }
            self.parabolas.push((at, height, from));
        }
        let mut lowest = 0;
        for (at, value) in line.iter_mut().enumerate() {
            let at = at as f32;
            while self.parabolas.get(lowest + 1).is_some_and(|(_, _, from)| *from <= at) {
                lowest += 1;
            }
            if let Some((foot, height, _)) = self.parabolas.get(lowest) {
                *value = height + (at - foot) * (at - foot);
            }
        }
    }
}

#[cfg(test)]
mod tests;
