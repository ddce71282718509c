//! Bringing a picture to another size without keeping its shape, to the bit as Pillow does it.
//!
//! For networks that were fed through Pillow; what people look at is scaled by `fit`.

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
        let upright = (self.rgba().to_vec(), own);
        let (mut rgba, _) = if columns_first(own, extent) {
            scaled(turned(scaled(turned(upright), extent.height)), extent.width)
        } else {
            turned(scaled(turned(scaled(upright, extent.width)), extent.height))
        };
        rgba.iter_mut().skip(3).step_by(4).for_each(|alpha| *alpha = u8::MAX);
        Self::from_rgba(extent, rgba).unwrap_or_else(|| self.clone())
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

/// The windows of all `new` pixels of a side of `own`.
fn windows(own: u32, new: u32) -> Vec<Window> {
    let fixed = |weight: f64| (weight * f64::from(1 << FRACTION)).round() as i32;
    (triangles(own, new).into_iter())
        .map(|(first, weights)| Window { first, weights: weights.into_iter().map(fixed).collect() })
        .collect()
}

/// For each of `new` pixels of a side of `own` the first one that it is made of, and the weights of
/// that and those behind it.
fn triangles(own: u32, new: u32) -> Vec<(usize, Vec<f64>)> {
    let scale = f64::from(own) / f64::from(new);
    let reach = scale.max(1.0);
    let narrowing = 1.0 / reach;
    (0..new)
        .map(|at| {
            let centre = (f64::from(at) + 0.5) * scale;
            // Casts cut off, and what is below 0 becomes 0.
            let first = (centre - reach + 0.5) as u32;
            let end = ((centre + reach + 0.5) as u32).min(own);
            let triangle = |pixel: u32| {
                let far = ((f64::from(pixel) - centre + 0.5) * narrowing).abs();
                (1.0 - far).max(0.0)
            };
            // Multiplied by what is divided by, in Pillow's order: halves are rounded as there.
            let share = 1.0 / (first..end).map(triangle).sum::<f64>();
            let weights = (first..end).map(|pixel| triangle(pixel) * share).collect();
            (first as usize, weights)
        })
        .collect()
}

/// Every row brought to `width` pixels; rounded to bytes, as Pillow does between both sides.
fn scaled((rgba, own): (Vec<u8>, Extent), width: u32) -> (Vec<u8>, Extent) {
    if own.width == width {
        return (rgba, own);
    }
    let windows = windows(own.width, width);
    let new = Extent { width, ..own };
    let mut bytes = Vec::with_capacity(new.area() * 4);
    for row in rgba.chunks_exact(own.width as usize * 4) {
        for Window { first, weights } in &windows {
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
    let (columns, rows) = (triangles(own.width, new.width), triangles(own.height, new.height));
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
}
