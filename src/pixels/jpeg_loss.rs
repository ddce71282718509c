//! What a JPEG file would lose, without the file: for networks that were fed through one.
//!
//! ITU-T T.81 (baseline) and JFIF with the chroma at half size, in the whole numbers of libjpeg's
//! default transform, so that the pixels are its own to the bit. Nothing is entropy-coded, since that
//! part loses nothing.

use super::{Extent, Picture};

/// Samples a side of a block.
const SIDE: usize = 8;

/// A block's samples or coefficients, row by row.
type Block = [i32; SIDE * SIDE];

/// T.81, table K.1: steps of luminance at quality 50, by frequency.
const LUMA: Block = [
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56,
    14, 17, 22, 29, 51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113,
    92, 49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
];

/// T.81, table K.2: steps of chrominance at quality 50; 99 where the table ends.
const CHROMA: Block = [
    17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99,
    47, 66, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
];

/// The cosine waves of T.81, A.3.3, times 2¹³ · √8, frequency by sample: the first half of each, the
/// second mirrors it, odd frequencies with the sign turned. Not each rounded by itself: they are the
/// sums of rounded constants that the factorisation of Loeffler, Ligtenberg and Moschytz (1989) has.
const WAVES: [[i32; SIDE / 2]; SIDE] = [
    [8192, 8192, 8192, 8192],
    [11363, 9633, 6437, 2260],
    [10703, 4433, -4433, -10703],
    [9633, -2259, -11362, -6436],
    [8192, -8192, -8192, 8192],
    [6437, -11362, 2261, 9633],
    [4433, -10704, 10704, -4433],
    [2260, -6436, 9633, -11363],
];

/// Bits that are dropped after each of the two directions: to the frequencies, which stay eight times
/// too large, and back.
const FORTH: [u32; 2] = [11, 15];
const BACK: [u32; 2] = [11, 18];

impl Picture {
    /// The picture as it comes back from a JPEG file of `quality` 1–100 with chroma at half size;
    /// alpha becomes 255.
    #[must_use]
    pub fn after_jpeg(&self, quality: u8) -> Self {
        let extent = self.extent();
        if extent.area() == 0 {
            return self.clone();
        }
        let [luma, blue, red] = Plane::of(self);
        let luma = luma.after_steps(&steps(&LUMA, quality));
        let chroma = |plane: &Plane| {
            plane.halved().after_steps(&steps(&CHROMA, quality)).doubled(luma.width, luma.height)
        };
        let (blue, red) = (chroma(&blue), chroma(&red));
        let mut rgba = Vec::with_capacity(extent.area() * 4);
        for ((y, cb), cr) in luma.values.iter().zip(&blue.values).zip(&red.values) {
            let (cb, cr) = (cb - 128, cr - 128);
            // JFIF's 1.402, 0.34414, 0.71414 and 1.772 in parts of 2¹⁶.
            let parts = [91_881 * cr, -22_554 * cb - 46_802 * cr, 116_130 * cb];
            rgba.extend(parts.map(|part| (y + rounded(part, 16)).clamp(0, 255) as u8));
            rgba.push(u8::MAX);
        }
        Self::from_rgba(extent, rgba).unwrap_or_else(|| self.clone())
    }
}

/// `value` in parts of 2 to the power of `bits`, halves up.
const fn rounded(value: i32, bits: u32) -> i32 {
    (value + (1 << (bits - 1))) >> bits
}

/// The steps of a table at another quality, as libjpeg scales them.
fn steps(table: &Block, quality: u8) -> Block {
    let quality = i32::from(quality.clamp(1, 100));
    let percent = if quality < 50 { 5000 / quality } else { 200 - 2 * quality };
    table.map(|step| ((step * percent + 50) / 100).clamp(1, 255))
}

/// One component of a picture, 0–255.
struct Plane {
    width: usize,
    height: usize,
    values: Vec<i32>,
}

impl Plane {
    /// Luminance and both chrominances, as JFIF has them, in parts of 2¹⁶.
    fn of(picture: &Picture) -> [Self; 3] {
        const WEIGHTS: [[i32; 3]; 3] =
            [[19_595, 38_470, 7_471], [-11_059, -21_709, 32_768], [32_768, -27_439, -5_329]];
        // Chrominance lies around 128, its halves rounded down.
        const OFFSETS: [i32; 3] =
            [1 << 15, (128 << 16) + (1 << 15) - 1, (128 << 16) + (1 << 15) - 1];
        let Extent { width, height } = picture.extent();
        [0, 1, 2].map(|component| {
            let value = |pixel: &[u8]| {
                let parts = WEIGHTS[component].iter().zip(pixel).map(|(w, v)| w * i32::from(*v));
                (parts.sum::<i32>() + OFFSETS[component]) >> 16
            };
            let values = picture.rgba().chunks_exact(4).map(value).collect();
            Self { width: width as usize, height: height as usize, values }
        })
    }

    /// The value there; beyond the edge the nearest inside.
    fn at(&self, x: usize, y: usize) -> i32 {
        self.values[y.min(self.height - 1) * self.width + x.min(self.width - 1)]
    }

    fn from_fn(width: usize, height: usize, value: impl Fn(usize, usize) -> i32) -> Self {
        let value = &value;
        let values = (0..height).flat_map(|y| (0..width).map(move |x| value(x, y))).collect();
        Self { width, height, values }
    }

    /// Half the size: means of four, halves rounded up and down in turn.
    fn halved(&self) -> Self {
        Self::from_fn(self.width.div_ceil(2), self.height.div_ceil(2), |x, y| {
            let sum: i32 = [(0, 0), (1, 0), (0, 1), (1, 1)]
                .iter()
                .map(|(dx, dy)| self.at(2 * x + dx, 2 * y + dy))
                .sum();
            (sum + if x.is_multiple_of(2) { 1 } else { 2 }) / 4
        })
    }

    /// Twice the size: three parts of the nearest and one of the next in both directions, halves
    /// rounded up and down in turn.
    fn doubled(&self, width: usize, height: usize) -> Self {
        let beside = |at: usize, end: usize| {
            let next = if at.is_multiple_of(2) { (at / 2).saturating_sub(1) } else { at / 2 + 1 };
            (at / 2, next.min(end - 1))
        };
        Self::from_fn(width, height, |x, y| {
            let ((near_x, next_x), (near_y, next_y)) =
                (beside(x, self.width), beside(y, self.height));
            let column = |x: usize| 3 * self.at(x, near_y) + self.at(x, next_y);
            let sum = 3 * column(near_x) + column(next_x);
            (sum + if x.is_multiple_of(2) { 8 } else { 7 }) / 16
        })
    }

    /// What comes back when every block's frequencies are rounded to `steps`.
    fn after_steps(&self, steps: &Block) -> Self {
        let mut after = Self { values: vec![0; self.values.len()], ..*self };
        for top in (0..self.height).step_by(SIDE) {
            for left in (0..self.width).step_by(SIDE) {
                let block =
                    std::array::from_fn(|at| self.at(left + at % SIDE, top + at / SIDE) - 128);
                let block = after_steps(&block, steps);
                for (at, value) in block.iter().enumerate() {
                    let (x, y) = (left + at % SIDE, top + at / SIDE);
                    if x < self.width && y < self.height {
                        after.values[y * self.width + x] = (value + 128).clamp(0, 255);
                    }
                }
            }
        }
        after
    }
}

/// A block to its frequencies, each rounded to its step, halves away from 0, and back.
fn after_steps(block: &Block, steps: &Block) -> Block {
    let rows = transposed(&to_frequencies(block, FORTH[0]));
    let mut frequencies = transposed(&to_frequencies(&rows, FORTH[1]));
    for (value, step) in frequencies.iter_mut().zip(steps) {
        // Eight times too large, so is the step they are counted in.
        let count = (value.abs() + 4 * step) / (8 * step);
        *value = value.signum() * count * step;
    }
    let columns = transposed(&to_samples(&transposed(&frequencies), BACK[0]));
    to_samples(&columns, BACK[1])
}

/// What the wave of `frequency` is at `sample`.
const fn wave(frequency: usize, sample: usize) -> i32 {
    if sample < SIDE / 2 {
        WAVES[frequency][sample]
    } else if frequency.is_multiple_of(2) {
        WAVES[frequency][SIDE - 1 - sample]
    } else {
        -WAVES[frequency][SIDE - 1 - sample]
    }
}

/// The frequencies of every row, less `bits`.
fn to_frequencies(rows: &Block, bits: u32) -> Block {
    std::array::from_fn(|at| {
        let (row, frequency) = (&rows[at / SIDE * SIDE..][..SIDE], at % SIDE);
        rounded((0..SIDE).map(|sample| row[sample] * wave(frequency, sample)).sum(), bits)
    })
}

/// The samples of every row of frequencies, less `bits`.
fn to_samples(rows: &Block, bits: u32) -> Block {
    std::array::from_fn(|at| {
        let (row, sample) = (&rows[at / SIDE * SIDE..][..SIDE], at % SIDE);
        rounded((0..SIDE).map(|frequency| row[frequency] * wave(frequency, sample)).sum(), bits)
    })
}

fn transposed(block: &Block) -> Block {
    std::array::from_fn(|at| block[at % SIDE * SIDE + at / SIDE])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(width: u32, height: u32, value: impl Fn(u32, u32) -> [u8; 3]) -> Picture {
        let rgba: Vec<u8> = (0..width * height)
            .flat_map(|i| {
                let [r, g, b] = value(i % width, i / width);
                [r, g, b, 77]
            })
            .collect();
        Picture::from_rgba(Extent::new(width, height), rgba).unwrap()
    }

    #[test]
    fn even_grey_stays_and_so_does_the_size() {
        for (width, height) in [(1, 1), (17, 9), (32, 16)] {
            let grey = picture(width, height, |_, _| [90; 3]);
            let after = grey.after_jpeg(75);
            assert_eq!(after.extent(), grey.extent());
            assert!(after.rgba().chunks_exact(4).all(|pixel| pixel == [90, 90, 90, 255]));
        }
    }

    /// The `image` crate's encoder keeps chroma whole; on greys that makes no difference.
    #[test]
    fn greys_come_back_as_from_a_real_file() {
        let waves = picture(40, 24, |x, y| {
            let value = 128.0 + 90.0 * (x as f32 / 3.0).sin() * (y as f32 / 4.0).cos();
            [value as u8; 3]
        });
        let mut file = Vec::new();
        let rgb: Vec<u8> = waves.rgba().chunks_exact(4).flat_map(|p| [p[0], p[1], p[2]]).collect();
        image::codecs::jpeg::JpegEncoder::new_with_quality(&mut file, 75)
            .encode(&rgb, 40, 24, image::ExtendedColorType::Rgb8)
            .unwrap();
        let file = crate::pixels::decode(&file).unwrap();
        let ours = waves.after_jpeg(75);
        let far = |a: &Picture, b: &Picture| {
            (a.rgba().iter().zip(b.rgba())).map(|(a, b)| a.abs_diff(*b)).max().unwrap()
        };
        assert!(far(&ours, &file) <= 3, "{}", far(&ours, &file));
        assert!(far(&ours, &waves) > 8, "something was lost");
    }
}
