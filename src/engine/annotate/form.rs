//! What an annotator takes: found out from its file, and made of a picture.

use ndarray::Array4;

use super::{AnnotateError, pose, unknown};
use crate::engine::session::{Network, Port};
use crate::pixels::{Extent, Picture};
use crate::task::Preprocessor;

/// Means and deviations of `ImageNet`'s pictures, red first, of 0–1.
const IMAGENET: ([f32; 3], [f32; 3]) = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);

/// From 0–1 to −1–1.
const CENTRED: ([f32; 3], [f32; 3]) = ([0.5; 3], [0.5; 3]);

/// Left at 0–1.
const PLAIN: ([f32; 3], [f32; 3]) = ([0.0; 3], [1.0; 3]);

/// Back to 0–255.
const BYTES: ([f32; 3], [f32; 3]) = ([0.0; 3], [1.0 / 255.0; 3]);

/// The shorter side at which pictures are shown where the network takes any (ControlNet's
/// `detect_resolution`), and the longest side.
const SHORTER_SIDE: f64 = 512.0;
const LONGEST_SIDE: f64 = 1536.0;

/// The longest fixed side that makes sense, and the most outputs.
const LARGEST_FIXED: i64 = 4096;
const MOST_OUTPUTS: usize = 16;

/// How pictures reach a network.
pub(super) struct Form {
    /// The input's name.
    pub(super) input: String,
    /// Outputs that are read.
    pub(super) outputs: usize,
    /// Three, or four with one of ones.
    channels: usize,
    /// The sides, where they are fixed.
    width: Option<u32>,
    height: Option<u32>,
    /// What open sides may have to be multiples of, the likeliest first.
    multiples: &'static [u32],
    means: [f32; 3],
    deviations: [f32; 3],
    blue_first: bool,
    is_person: bool,
}

impl Form {
    /// The form of `network`, which is asked for guides of that type.
    pub(super) fn of(network: &Network, preprocessor: Preprocessor) -> Result<Self, AnnotateError> {
        let (inputs, outputs) = (network.inputs(), network.outputs());
        let [input] = inputs.as_slice() else {
            return Err(unknown(preprocessor, &format!("it takes {} inputs", inputs.len())));
        };
        let wanted = if preprocessor == Preprocessor::Mlsd { 4 } else { 3 };
        let (height, width) = sides(input, wanted).map_err(|why| unknown(preprocessor, &why))?;
        if outputs.is_empty() || outputs.len() > MOST_OUTPUTS {
            return Err(unknown(preprocessor, &format!("it gives {} outputs", outputs.len())));
        }
        if let Some((name, other)) =
            outputs.iter().find_map(|port| Some((&port.name, port.other_type.as_ref()?)))
        {
            let why = format!("its output {name} is {other}, not 32-bit floats");
            return Err(unknown(preprocessor, &why));
        }
        if preprocessor == Preprocessor::Openpose && (height.is_none() || width.is_none()) {
            return Err(unknown(preprocessor, "the size of its picture is left open"));
        }
        let hed = preprocessor == Preprocessor::Softedge && outputs.len() > 1;
        let (means, deviations) = match preprocessor {
            Preprocessor::Lineart => PLAIN,
            Preprocessor::Softedge => {
                if hed {
                    BYTES
                } else {
                    PLAIN
                }
            }
            Preprocessor::LineartAnime | Preprocessor::Mlsd => CENTRED,
            _ => IMAGENET,
        };
        Ok(Self {
            input: input.name.clone(),
            outputs: outputs.len(),
            channels: wanted,
            width,
            height,
            multiples: match preprocessor {
                // Vision transformers of patches of 14, then everything else.
                Preprocessor::Depth => &[14, 32],
                // A U-Net that halves eight times.
                Preprocessor::LineartAnime => &[256],
                _ => &[32],
            },
            means,
            deviations,
            blue_first: preprocessor == Preprocessor::Softedge && !hed,
            is_person: preprocessor == Preprocessor::Openpose,
        })
    }

    /// The sizes at which a picture of `own` may be shown, the best first.
    pub(super) fn sizes(&self, own: Extent) -> Vec<Extent> {
        let of = |multiple: u32| {
            let open = open_size(own, multiple);
            Extent::new(self.width.unwrap_or(open.width), self.height.unwrap_or(open.height))
        };
        let mut sizes: Vec<Extent> = self.multiples.iter().map(|&multiple| of(multiple)).collect();
        sizes.dedup();
        sizes
    }

    /// What the network takes for `picture` shown at `extent`.
    pub(super) fn values(&self, picture: &Picture, extent: Extent) -> Array4<f32> {
        let shown =
            if self.is_person { pose::shown(picture, extent) } else { picture.stretched(extent) };
        let (width, height) = (extent.width as usize, extent.height as usize);
        let rgba = shown.rgba();
        Array4::from_shape_fn((1, self.channels, height, width), |(_, channel, y, x)| {
            if channel == 3 {
                // A byte of 1 among bytes, as M-LSD was trained with it.
                return (1.0 / 255.0 - CENTRED.0[0]) / CENTRED.1[0];
            }
            let colour = if self.blue_first { 2 - channel } else { channel };
            let value = f32::from(rgba[(y * width + x) * 4 + colour]) / 255.0;
            (value - self.means[channel]) / self.deviations[channel]
        })
    }
}

/// Height and width of the pictures that `input` takes, `None` where they are open.
fn sides(input: &Port, channels: usize) -> Result<(Option<u32>, Option<u32>), String> {
    let Port { name, shape, other_type } = input;
    if let Some(other) = other_type {
        return Err(format!("its input {name} is {other}, not 32-bit floats"));
    }
    let open_or = |side: i64, wanted: i64| side < 0 || side == wanted;
    let &[batch, depth, height, width] = shape.as_slice() else {
        return Err(format!("its input {name} has the shape {shape:?}, not four sides"));
    };
    let wanted = channels as i64;
    if !open_or(batch, 1) || !open_or(depth, wanted) {
        let hint = if width == wanted { "; channels have to come before rows" } else { "" };
        return Err(format!(
            "its input {name} has the shape {shape:?}, not [1, {channels}, height, width]{hint}"
        ));
    }
    let fixed = |side: i64| match side {
        ..=-1 => Ok(None),
        1..=LARGEST_FIXED => Ok(Some(side as u32)),
        _ => Err(format!("its input {name} has a side of {side} pixels")),
    };
    Ok((fixed(height)?, fixed(width)?))
}

/// The size nearest to the shape of `own` with the usual shorter side, in multiples.
fn open_size(own: Extent, multiple: u32) -> Extent {
    let (width, height) = (f64::from(own.width), f64::from(own.height));
    let scale = (SHORTER_SIDE / width.min(height)).min(LONGEST_SIDE / width.max(height));
    let side = |length: f64| {
        let count = (length * scale / f64::from(multiple)).round() as u32;
        count.max(1) * multiple
    };
    Extent::new(side(width), side(height))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(shape: &[i64]) -> Port {
        Port { name: "image".to_owned(), shape: shape.to_vec(), other_type: None }
    }

    #[test]
    fn open_sizes_keep_the_shape_and_stay_small() {
        let size = |width, height, multiple| open_size(Extent::new(width, height), multiple);
        assert_eq!(size(512, 512, 32), Extent::new(512, 512));
        assert_eq!(size(1920, 1080, 14), Extent::new(910, 518));
        assert_eq!(size(64, 64, 14), Extent::new(518, 518));
        assert_eq!(size(1, 16_384, 32), Extent::new(32, 1536));
        assert_eq!(size(300, 200, 256), Extent::new(768, 512));
    }

    #[test]
    fn shapes_that_are_no_picture_say_why() {
        assert_eq!(sides(&port(&[1, 3, -1, 384]), 3), Ok((None, Some(384))));
        assert_eq!(sides(&port(&[-1, -1, -1, -1]), 4), Ok((None, None)));
        let why = |shape: &[i64]| sides(&port(shape), 3).unwrap_err();
        assert!(why(&[1, 256, 256, 3]).contains("channels have to come before rows"));
        assert!(why(&[1, 3, 0, 8]).contains("side of 0"));
        assert!(why(&[1, 3, 100_000, 8]).contains("side of 100000"));
        assert!(why(&[2, 3, 8, 8]).contains("[2, 3, 8, 8]"));
        assert!(why(&[1, 1000]).contains("four sides"));
        let halves = Port { other_type: Some("f16".to_owned()), ..port(&[1, 3, 8, 8]) };
        assert!(sides(&halves, 3).unwrap_err().contains("f16"));
    }
}
