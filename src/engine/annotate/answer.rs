//! What an annotator gives, read as a guide of the picture's size.
//!
//! Values are scaled before they become bytes, with the filter of `pixels::stretched_plane`.

use ndarray::{ArrayD, ArrayView2, ArrayView3, Axis, Ix3, Ix4};

use super::palette::ADE20K;
use super::{AnnotateError, pose, segments, unknown};
use crate::pixels::{Extent, Picture, Stopped, stretched_plane};
use crate::task::{Preprocess, Preprocessor};

/// A colour of a direction has at least so many channels; a fourth says how sure it is.
const DIRECTION: usize = 3;

/// What a network gave.
pub(super) struct Answer {
    /// The size at which it saw the picture.
    pub(super) sent: Extent,
    pub(super) outputs: Vec<ArrayD<f32>>,
    /// The size of the guide.
    pub(super) extent: Extent,
}

impl Answer {
    /// The guide. `stop` is asked now and then.
    pub(super) fn read(
        &self,
        preprocess: &Preprocess,
        stop: &dyn Fn() -> bool,
    ) -> Result<Picture, AnnotateError> {
        if self.outputs.iter().flatten().any(|value| !value.is_finite()) {
            return Err(AnnotateError::NotNumbers);
        }
        let preprocessor = preprocess.preprocessor;
        match preprocessor {
            Preprocessor::Depth => Ok(self.depth(&self.only_plane(preprocessor)?)),
            Preprocessor::Normalbae => self.normals(preprocessor),
            // Ink on paper becomes white on black.
            Preprocessor::Lineart => self.line(preprocessor, |paper| 1.0 - paper),
            Preprocessor::LineartAnime => self.line(preprocessor, |paper| 0.5 - paper / 2.0),
            Preprocessor::Softedge if self.outputs.len() > 1 => self.sides(preprocessor),
            Preprocessor::Softedge => self.line(preprocessor, |edge| edge),
            Preprocessor::Seg => self.classes(preprocessor, stop),
            Preprocessor::Openpose => pose::read(self, preprocess.hands_and_face),
            Preprocessor::Mlsd => segments::read(&self.planes(0, preprocessor)?, self.extent),
            Preprocessor::Canny
            | Preprocessor::Tile
            | Preprocessor::Shuffle
            | Preprocessor::Scribble => Err(unknown(preprocessor, "this type has no networks")),
        }
    }

    /// An output as planes: `[1, C, H, W]`, or `[1, H, W]` for one plane.
    pub(super) fn planes(
        &self,
        output: usize,
        preprocessor: Preprocessor,
    ) -> Result<ArrayView3<'_, f32>, AnnotateError> {
        let wrong = || {
            let shapes: Vec<_> = self.outputs.iter().map(ArrayD::shape).collect();
            unknown(preprocessor, &format!("it gives {shapes:?}"))
        };
        let output = self.outputs.get(output).ok_or_else(wrong)?;
        if let Ok(planes) = output.view().into_dimensionality::<Ix4>() {
            let one = planes.len_of(Axis(0)) == 1 && !planes.is_empty();
            return if one { Ok(planes.index_axis_move(Axis(0), 0)) } else { Err(wrong()) };
        }
        match output.view().into_dimensionality::<Ix3>() {
            Ok(plane) if plane.len_of(Axis(0)) == 1 && !plane.is_empty() => Ok(plane),
            _ => Err(wrong()),
        }
    }

    /// The only plane of the first output.
    fn only_plane(&self, preprocessor: Preprocessor) -> Result<Vec<f32>, AnnotateError> {
        let planes = self.planes(0, preprocessor)?;
        if planes.len_of(Axis(0)) != 1 {
            let why = format!("it gives {} planes, not one", planes.len_of(Axis(0)));
            return Err(unknown(preprocessor, &why));
        }
        Ok(self.scaled(&planes.index_axis(Axis(0), 0)))
    }

    /// A plane at the size of the guide.
    fn scaled(&self, plane: &ArrayView2<'_, f32>) -> Vec<f32> {
        let (height, width) = plane.dim();
        let values: Vec<f32> = plane.iter().copied().collect();
        stretched_plane(&values, Extent::new(width as u32, height as u32), self.extent)
    }

    /// The farthest black, the nearest white.
    fn depth(&self, depth: &[f32]) -> Picture {
        let least = depth.iter().copied().fold(f32::INFINITY, f32::min);
        let most = depth.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        // Of one depth everything is far.
        let scale = if most > least { 1.0 / (most - least) } else { 0.0 };
        self.grey(depth.iter().map(|value| (value - least) * scale))
    }

    /// Lines by `rule`, which gives 1 for white.
    fn line(
        &self,
        preprocessor: Preprocessor,
        rule: impl Fn(f32) -> f32,
    ) -> Result<Picture, AnnotateError> {
        if self.outputs.len() > 1 {
            let why = format!("it gives {} outputs, not one", self.outputs.len());
            return Err(unknown(preprocessor, &why));
        }
        Ok(self.grey(self.only_plane(preprocessor)?.into_iter().map(rule)))
    }

    /// Directions of surfaces as colours, −1–1 as 0–255.
    fn normals(&self, preprocessor: Preprocessor) -> Result<Picture, AnnotateError> {
        let last = self.outputs.len() - 1;
        let planes = self.planes(last, preprocessor)?;
        let count = planes.len_of(Axis(0));
        if !(DIRECTION..=DIRECTION + 1).contains(&count) {
            let why = format!("it gives {count} planes, not 3 or 4");
            return Err(unknown(preprocessor, &why));
        }
        let axis = |of: usize| self.scaled(&planes.index_axis(Axis(0), of));
        let (x, y, z) = (axis(0), axis(1), axis(2));
        let byte = |value: f32| byte(f32::midpoint(value, 1.0));
        let rgba: Vec<u8> = (x.iter().zip(&y).zip(&z))
            .flat_map(|((&x, &y), &z)| [byte(x), byte(y), byte(z), u8::MAX])
            .collect();
        Ok(self.picture(rgba))
    }

    /// HED's side outputs: the mean of their logits, made probabilities.
    fn sides(&self, preprocessor: Preprocessor) -> Result<Picture, AnnotateError> {
        let shape = self.outputs.first().map(ArrayD::shape);
        if self.outputs.iter().all(|output| Some(output.shape()) == shape) {
            let why = "it gives several maps of one size; export the last one alone";
            return Err(unknown(preprocessor, why));
        }
        let mut sums = vec![0.0_f32; self.extent.area()];
        for output in 0..self.outputs.len() {
            let planes = self.planes(output, preprocessor)?;
            let plane = self.scaled(&planes.index_axis(Axis(0), 0));
            sums.iter_mut().zip(plane).for_each(|(sum, value)| *sum += value);
        }
        let count = self.outputs.len() as f32;
        Ok(self.grey(sums.into_iter().map(|sum| 1.0 / (1.0 + (-sum / count).exp()))))
    }

    /// The colour of the likeliest class at each pixel, the first of equals.
    fn classes(
        &self,
        preprocessor: Preprocessor,
        stop: &dyn Fn() -> bool,
    ) -> Result<Picture, AnnotateError> {
        let planes = self.planes(0, preprocessor)?;
        let count = planes.len_of(Axis(0));
        if count != ADE20K.len() {
            let why = format!("it gives {count} classes, not the {} of ADE20K", ADE20K.len());
            return Err(unknown(preprocessor, &why));
        }
        let mut best = vec![(f32::NEG_INFINITY, [0_u8; 3]); self.extent.area()];
        for (plane, colour) in planes.outer_iter().zip(ADE20K) {
            if stop() {
                return Err(Stopped.into());
            }
            for (best, value) in best.iter_mut().zip(self.scaled(&plane)) {
                if value > best.0 {
                    *best = (value, colour);
                }
            }
        }
        Ok(self.picture(best.iter().flat_map(|(_, [r, g, b])| [*r, *g, *b, u8::MAX]).collect()))
    }

    fn grey(&self, values: impl Iterator<Item = f32>) -> Picture {
        self.picture(values.map(byte).flat_map(|grey| [grey, grey, grey, u8::MAX]).collect())
    }

    fn picture(&self, rgba: Vec<u8>) -> Picture {
        let black = || Picture::from_fn(self.extent, |_, _| [0, 0, 0, u8::MAX]);
        Picture::from_rgba(self.extent, rgba).unwrap_or_else(black)
    }
}

/// 0–1 as a byte.
fn byte(value: f32) -> u8 {
    (value.clamp(0.0, 1.0) * 255.0).round() as u8
}
