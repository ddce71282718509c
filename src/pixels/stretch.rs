//! Bringing a picture to another size, to the bit as Pillow does it.
//!
//! For networks that were fed through Pillow; what people look at is scaled by `fit`.

use std::ops::Range;

use super::{Extent, Picture};

/// Bits behind the point of a weight: 8 of a value, 2 to spare for sums above 255.
const FRACTION: u32 = 32 - 8 - 2;

impl Picture {
    /// The picture at `extent`, each side scaled by itself with Pillow's bilinear filter: a triangle as
    /// wide as two of the new pixels where the picture shrinks, two of its own where it grows. Alpha
    /// becomes 255: it is dropped, not painted over.
    #[must_use]
    pub fn stretched(&self, extent: Extent) -> Self {
        let own = self.extent();
        if own.area() == 0 {
            return self.clone();
        }
        self.resampled(extent, (0..extent.width, 0..extent.height), Filter::Bilinear)
    }

    /// The middle square of `side` pixels of the picture, scaled with Pillow's bicubic filter until its
    /// shorter side has `side` pixels and the longer one its share of them, rounded down: what CLIP's
    /// image processor (`transformers` 5) leaves of it. What is transparent lies on white.
    #[must_use]
    pub fn middle_square(&self, side: u32) -> Self {
        let Extent { width, height } = self.extent();
        let shorter = width.min(height);
        if shorter == 0 || side == 0 {
            return self.clone();
        }
        let longer = |own: u32| (u64::from(side) * u64::from(own) / u64::from(shorter)) as u32;
        let whole = Extent::new(longer(width), longer(height));
        let middle = |length: u32| (length - side) / 2..(length - side) / 2 + side;
        let part = (middle(whole.width), middle(whole.height));
        self.on_white().resampled(whole, part, Filter::Bicubic)
    }

    /// The picture lying on white, opaque, as Pillow's `alpha_composite` rounds it.
    fn on_white(&self) -> Self {
        let opaque = |pixel: &[u8]| pixel[3] == u8::MAX;
        if self.rgba().chunks_exact(4).all(opaque) {
            return self.clone();
        }
        let over = |value: u8, alpha: u8| {
            let (value, alpha) = (u32::from(value), u32::from(alpha));
            let sum = (value * alpha + 255 * (255 - alpha)) * 128 + (128 << 7);
            ((((sum >> 8) + sum) >> 8) >> 7) as u8
        };
        let pixels = self.rgba().chunks_exact(4);
        let rgba: Vec<u8> = pixels
            .flat_map(|pixel| {
                [0, 1, 2, 3].map(|at| if at < 3 { over(pixel[at], pixel[3]) } else { u8::MAX })
            })
            .collect();
        Self::from_rgba(self.extent(), rgba).unwrap_or_else(|| self.clone())
    }

    /// The part `(columns, rows)` of the picture at `whole` size; no more than that is computed.
    fn resampled(&self, whole: Extent, part: (Range<u32>, Range<u32>), filter: Filter) -> Self {
        let own = self.extent();
        let (columns, rows) = part;
        let extent = Extent::new(columns.len() as u32, rows.len() as u32);
        let columns = windows((own.width, whole.width), columns, filter);
        let rows = windows((own.height, whole.height), rows, filter);
        let upright = (self.rgba().to_vec(), own);
        let (mut rgba, _) = if columns_first(own, whole) {
            scaled(turned(scaled(turned(upright), &rows)), &columns)
        } else {
            turned(scaled(turned(scaled(upright, &columns)), &rows))
        };
        rgba.iter_mut().skip(3).step_by(4).for_each(|alpha| *alpha = u8::MAX);
        Self::from_rgba(extent, rgba).unwrap_or_else(|| self.clone())
    }
}

/// One of Pillow's filters.
#[derive(Clone, Copy)]
enum Filter {
    /// A triangle.
    Bilinear,
    /// Keys' cubic (1981) with a = −0.5.
    Bicubic,
}

impl Filter {
    /// How far it reaches, in pixels of the coarser side.
    const fn reach(self) -> f64 {
        match self {
            Self::Bilinear => 1.0,
            Self::Bicubic => 2.0,
        }
    }

    /// Its height at `far` ≥ 0, in Pillow's order of operations.
    fn at(self, far: f64) -> f64 {
        const A: f64 = -0.5;
        match self {
            Self::Bilinear => (1.0 - far).max(0.0),
            Self::Bicubic if far < 1.0 => ((A + 2.0) * far - (A + 3.0)) * far * far + 1.0,
            Self::Bicubic if far < 2.0 => (((far - 5.0) * far + 8.0) * far - 4.0) * A,
            Self::Bicubic => 0.0,
        }
    }
}

/// Whether Pillow (13.0, found by trying) brings the columns to their new length before the rows: when
/// it takes away more than twice as many rows as columns. Rounding between both makes a difference.
fn columns_first(own: Extent, new: Extent) -> bool {
    let less = |own: u32, new: u32| i64::from(own) - i64::from(new);
    let (columns, rows) = (less(own.width, new.width), less(own.height, new.height));
    rows > 0 && rows > 2 * columns
}

/// The pixels that one new pixel is made of.
struct Window {
    first: usize,
    /// In parts of 2 to the power of [`FRACTION`].
    weights: Vec<i32>,
}

/// The windows of the pixels `part` of a side of `own` pixels that gets `new`.
fn windows(sides: (u32, u32), part: Range<u32>, filter: Filter) -> Vec<Window> {
    let fixed = |weight: f64| (weight * f64::from(1 << FRACTION)).round() as i32;
    (shares(sides, part, filter).into_iter())
        .map(|(first, weights)| Window { first, weights: weights.into_iter().map(fixed).collect() })
        .collect()
}

/// For each of the pixels `part` the first one that it is made of, and the weights of that and those
/// behind it.
fn shares((own, new): (u32, u32), part: Range<u32>, filter: Filter) -> Vec<(usize, Vec<f64>)> {
    let scale = f64::from(own) / f64::from(new);
    let widening = scale.max(1.0);
    let reach = filter.reach() * widening;
    let narrowing = 1.0 / widening;
    part.map(|at| {
        let centre = (f64::from(at) + 0.5) * scale;
        // Casts cut off, and what is below 0 becomes 0.
        let first = (centre - reach + 0.5) as u32;
        let end = ((centre + reach + 0.5) as u32).min(own);
        let height = |pixel: u32| filter.at(((f64::from(pixel) - centre + 0.5) * narrowing).abs());
        // Multiplied by what is divided by, in Pillow's order: halves are rounded as there.
        let share = 1.0 / (first..end).map(height).sum::<f64>();
        (first as usize, (first..end).map(|pixel| height(pixel) * share).collect())
    })
    .collect()
}

/// The pixels of `windows` in every row; rounded to bytes, as Pillow does between both sides.
fn scaled((rgba, own): (Vec<u8>, Extent), windows: &[Window]) -> (Vec<u8>, Extent) {
    let new = Extent { width: windows.len() as u32, ..own };
    let mut bytes = Vec::with_capacity(new.area() * 4);
    for row in rgba.chunks_exact(own.width as usize * 4) {
        for Window { first, weights } in windows {
            let mut sums = [1 << (FRACTION - 1); 4];
            for (pixel, weight) in row.chunks_exact(4).skip(*first).zip(weights) {
                for (sum, value) in sums.iter_mut().zip(pixel) {
                    *sum += i32::from(*value) * weight;
                }
            }
            bytes.extend(sums.map(|sum| (sum >> FRACTION).clamp(0, 255) as u8));
        }
    }
    (bytes, new)
}

/// `plane`, one number a pixel and row by row, brought from `own` to `new` with the same filter, as
/// Pillow scales pictures of 32-bit floats; nothing is rounded. Empty when `plane` does not fit `own`.
#[must_use]
pub fn stretched_plane(plane: &[f32], own: Extent, new: Extent) -> Vec<f32> {
    if plane.len() != own.area() || own.area() == 0 {
        return Vec::new();
    }
    if own == new {
        return plane.to_vec();
    }
    let (columns, rows) = (
        shares((own.width, new.width), 0..new.width, Filter::Bilinear),
        shares((own.height, new.height), 0..new.height, Filter::Bilinear),
    );
    let wide: Vec<f32> = (plane.chunks_exact(own.width as usize))
        .flat_map(|row| {
            columns.iter().map(|(first, weights)| {
                let pairs = row[*first..].iter().zip(weights);
                pairs.map(|(value, weight)| f64::from(*value) * weight).sum::<f64>() as f32
            })
        })
        .collect();
    let mut stretched = Vec::with_capacity(new.area());
    let width = new.width as usize;
    for (first, weights) in &rows {
        let mut sums = vec![0.0_f64; width];
        for (row, weight) in wide.chunks_exact(width.max(1)).skip(*first).zip(weights) {
            sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += f64::from(*value) * weight);
        }
        stretched.extend(sums.into_iter().map(|sum| sum as f32));
    }
    stretched
}

/// Rows become columns.
fn turned((rgba, extent): (Vec<u8>, Extent)) -> (Vec<u8>, Extent) {
    let (width, height) = (extent.width as usize, extent.height as usize);
    let mut turned = Vec::with_capacity(rgba.len());
    for x in 0..width {
        for y in 0..height {
            let at = (y * width + x) * 4;
            turned.extend_from_slice(&rgba[at..at + 4]);
        }
    }
    (turned, Extent::new(extent.height, extent.width))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(values: &[u8]) -> Picture {
        let rgba: Vec<u8> = values.iter().flat_map(|value| [*value, 0, 0, 9]).collect();
        Picture::from_rgba(Extent::new(values.len() as u32, 1), rgba).unwrap()
    }

    fn reds(picture: &Picture) -> Vec<u8> {
        picture.rgba().chunks_exact(4).map(|pixel| pixel[0]).collect()
    }

    /// Numbers of Pillow 13.0: `Image.fromarray(row).resize(size, Image.Resampling.BILINEAR)`.
    #[test]
    fn rows_come_out_as_pillow_scales_them() {
        let source = row(&[0, 10, 200, 255, 3, 77, 128]);
        let cases: [(u32, &[u8]); 3] = [
            (3, &[47, 158, 79]),
            (7, &[0, 10, 200, 255, 3, 77, 128]),
            (11, &[0, 5, 27, 148, 220, 255, 95, 23, 70, 105, 128]),
        ];
        for (width, expected) in cases {
            assert_eq!(reds(&source.stretched(Extent::new(width, 1))), expected);
        }
        let tall = source.stretched(Extent::new(3, 4));
        assert_eq!(reds(&tall), [47, 158, 79].repeat(4));
        assert!(tall.rgba().chunks_exact(4).all(|pixel| pixel[3] == 255));
    }

    /// `tests/goldens/ip_adapter.py`: the very bytes that CLIP's image processor leaves of pictures.
    #[test]
    fn middle_squares_are_what_the_reference_leaves_of_pictures() {
        use sha2::Digest as _;
        let goldens = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens");
        let text = std::fs::read_to_string(goldens.join("ip_adapter/seen.json")).unwrap();
        let entries: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
        assert!(entries.len() >= 24);
        for entry in &entries {
            let name = entry["picture"].as_str().unwrap();
            let picture = crate::pixels::decode(&std::fs::read(goldens.join(name)).unwrap());
            let side = entry["side"].as_u64().unwrap() as u32;
            let seen = picture.unwrap().middle_square(side);
            assert_eq!(seen.extent(), Extent::new(side, side));
            let rgb: Vec<u8> = (seen.rgba().chunks_exact(4))
                .flat_map(|pixel| [pixel[0], pixel[1], pixel[2]])
                .collect();
            let expected = entry["seen"].as_str().unwrap();
            let pairs = (0..32).map(|at| &expected[2 * at..2 * at + 2]);
            let expected: Vec<u8> =
                pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect();
            assert!(sha2::Sha256::digest(&rgb)[..] == expected, "{name} at {side}");
        }
    }

    #[test]
    fn extreme_shapes_cost_no_more_than_their_middle() {
        let thin = Picture::from_fn(Extent::new(20_000, 1), |x, _| [(x / 100) as u8, 9, 9, 255]);
        let seen = thin.middle_square(224);
        assert_eq!(seen.extent(), Extent::new(224, 224));
        assert!(seen.rgba().chunks_exact(4).all(|pixel| (98..=101).contains(&pixel[0])));
        let dot = Picture::from_fn(Extent::new(1, 1), |_, _| [7, 8, 9, 255]).middle_square(32);
        assert!(dot.rgba().chunks_exact(4).all(|pixel| pixel == [7, 8, 9, 255]));
    }
}
