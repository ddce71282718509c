//! Edges of a mask that fade.

use super::Mask;

impl Mask {
    /// Each value the mean of the square of `2 × radius + 1` pixels around it, so that edges fade
    /// over `radius` pixels on either side. Beyond the picture its border goes on, so that a white
    /// border stays white. Rows first, each pass rounded to bytes, as Pillow's `BoxBlur` does.
    #[must_use]
    pub fn softened(&self, radius: u32) -> Self {
        if radius == 0 || self.extent.area() == 0 {
            return self.clone();
        }
        let (width, height) = (self.extent.width as usize, self.extent.height as usize);
        let mut rows = vec![0; self.bytes.len()];
        for (from, to) in self.bytes.chunks_exact(width).zip(rows.chunks_exact_mut(width)) {
            blur_row(from, to, radius);
        }
        let bytes = blur_columns(&rows, (width, height), radius);
        Self { extent: self.extent, bytes }
    }
}

/// The mean of `count` values that add up to `sum`, rounded.
const fn mean(sum: u64, count: u64) -> u8 {
    ((2 * sum + count) / (2 * count)) as u8
}

/// The places a window over `0..length` loses and gains when it moves on to each next place, the
/// border repeated.
fn moves(length: usize, radius: usize) -> impl Iterator<Item = (usize, usize)> {
    let last = length.saturating_sub(1);
    (0..length).map(move |at| (at.saturating_sub(radius), (at + radius + 1).min(last)))
}

fn blur_row(from: &[u8], to: &mut [u8], radius: u32) {
    let (Some(&first), Some(&last)) = (from.first(), from.last()) else { return };
    let (reach, count) = (radius as usize, 2 * u64::from(radius) + 1);
    // The window around place 0: the border left of it and itself, then `radius` to the right.
    let right = from.iter().skip(1).take(reach);
    let missing = reach.saturating_sub(from.len() - 1) as u64;
    let mut sum = u64::from(first) * (u64::from(radius) + 1)
        + right.map(|&value| u64::from(value)).sum::<u64>()
        + u64::from(last) * missing;
    let value = |at: usize| u64::from(from.get(at).copied().unwrap_or_default());
    for (to, (lost, gained)) in to.iter_mut().zip(moves(from.len(), reach)) {
        *to = mean(sum, count);
        sum = sum + value(gained) - value(lost);
    }
}

fn blur_columns(from: &[u8], (width, height): (usize, usize), radius: u32) -> Vec<u8> {
    let (reach, count) = (radius as usize, 2 * u64::from(radius) + 1);
    let row = |at: usize| from.get(at * width..(at + 1) * width).unwrap_or_default();
    let mut sums = vec![0_u64; width];
    let mut add = |at: usize, times: u64| {
        sums.iter_mut().zip(row(at)).for_each(|(sum, &value)| *sum += u64::from(value) * times);
    };
    add(0, u64::from(radius) + 1);
    (1..=reach.min(height - 1)).for_each(|at| add(at, 1));
    add(height - 1, reach.saturating_sub(height - 1) as u64);
    let mut to = Vec::with_capacity(from.len());
    for (lost, gained) in moves(height, reach) {
        to.extend(sums.iter().map(|&sum| mean(sum, count)));
        let changes = row(gained).iter().zip(row(lost));
        for (sum, (&gained, &lost)) in sums.iter_mut().zip(changes) {
            *sum = *sum + u64::from(gained) - u64::from(lost);
        }
    }
    to
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pixels::{Extent, Rectangle, decode};

    /// White on the rectangles, black elsewhere.
    fn from_rectangles(extent: Extent, rectangles: &[Rectangle]) -> Mask {
        let width = extent.width as usize;
        let mut bytes = vec![0; extent.area()];
        for drawn in rectangles.iter().filter_map(|drawn| drawn.within(extent)) {
            let rows = bytes.chunks_exact_mut(width.max(1));
            for row in rows.skip(drawn.y as usize).take(drawn.height as usize) {
                if let Some(row) = row.get_mut(drawn.x as usize..drawn.right() as usize) {
                    row.fill(u8::MAX);
                }
            }
        }
        Mask { extent, bytes }
    }

    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Golden {
        file: String,
        extent: Extent,
        rectangles: Vec<Rectangle>,
        feather: u32,
    }

    #[test]
    fn drawn_masks_are_those_of_pillow() {
        let folder = format!("{}/tests/goldens", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(format!("{folder}/masks.json")).unwrap();
        let goldens: Vec<Golden> = serde_json::from_str(&text).unwrap();
        assert!(goldens.len() >= 8);
        for golden in goldens {
            let mask = from_rectangles(golden.extent, &golden.rectangles);
            let found = mask.softened(golden.feather).to_picture();
            let bytes = std::fs::read(format!("{folder}/masks/{}", golden.file)).unwrap();
            assert!(found == decode(&bytes).unwrap(), "{}", golden.file);
        }
    }

    #[test]
    fn rectangles_that_touch_the_border_do_not_fade_there() {
        let extent = Extent::new(40, 20);
        let mask = from_rectangles(extent, &[Rectangle::new(0, 0, 20, 99)]).softened(6);
        let row: Vec<u8> = mask.bytes[..40].to_vec();
        assert_eq!(row[..14], [255; 14]);
        assert_eq!(row[26..], [0; 14]);
        assert!(row[14..26].windows(2).all(|pair| pair[0] > pair[1]), "{row:?}");
        assert!(mask.bytes.chunks(40).all(|other| other == row));
        assert!(mask.repaints(19, 9) && !mask.repaints(20, 9), "halfway lies where it was drawn");
    }

    #[test]
    fn nothing_drawn_is_black_and_a_single_pixel_can_be_softened() {
        let mask = from_rectangles(Extent::new(3, 2), &[Rectangle::new(7, 0, 5, 5)]);
        assert_eq!(mask.softened(64).bytes, [0; 6]);
        let mask = from_rectangles(Extent::new(1, 1), &[Rectangle::new(0, 0, 1, 1)]);
        assert_eq!(mask.softened(64).bytes, [255]);
    }
}
