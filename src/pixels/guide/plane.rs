//! Planes of a picture: one number a pixel, row by row.

use crate::pixels::Picture;

/// Weights of red, green and blue in grey, of 32 768: ITU-R 601-2, as OpenCV rounds them.
const GREY: [u32; 3] = [9_798, 19_235, 3_735];

/// The greys of `picture`, to the bit those of OpenCV's `COLOR_RGB2GRAY`.
pub(super) fn greys(picture: &Picture) -> Vec<u8> {
    let grey = |pixel: &[u8]| {
        let sum: u32 = GREY.iter().zip(pixel).map(|(weight, &v)| weight * u32::from(v)).sum();
        ((sum + (1 << 14)) >> 15) as u8
    };
    picture.rgba().chunks_exact(4).map(grey).collect()
}

/// One channel of `picture`, 0–255: 0 red, 1 green, 2 blue.
pub(super) fn channel(picture: &Picture, channel: usize) -> Vec<f32> {
    picture.rgba().iter().skip(channel).step_by(4).map(|&value| f32::from(value)).collect()
}
