//! Pictures to and from the bytes of image files.

use std::io::Cursor;

use image::ImageReader;
use image::codecs::jpeg::JpegEncoder;

use super::text_chunk::{PNG_KEYWORD, with_jpeg_text, with_webp_text};
use super::{Extent, Picture};

/// Longest side of a picture that is read, in pixels.
const LONGEST_SIDE: u32 = 16_384;

/// Memory a decoder may take, in bytes.
const DECODE_MEMORY: u64 = 2 << 30;

/// A file format to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileFormat {
    /// Lossless, with alpha where the picture has any.
    Png,
    /// Lossy, without alpha.
    Jpeg {
        /// 1–100.
        quality: u8,
    },
    /// Lossy, with alpha where the picture has any.
    Webp {
        /// 1–100.
        quality: u8,
    },
}

/// Why a picture cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The file cannot be read.
    #[error("the picture cannot be read: {0}")]
    Read(#[from] std::io::Error),

    /// The bytes are no PNG, JPEG or WebP picture, or a damaged one.
    #[error("not a picture that can be read (PNG, JPEG or WebP): {0}")]
    Decode(#[from] image::ImageError),

    /// The PNG encoder refused.
    #[error("cannot write PNG: {0}")]
    Png(#[from] png::EncodingError),

    /// The WebP encoder refused.
    #[error("cannot write WebP: {0}")]
    Webp(String),

    /// The text is too long for the file format.
    #[error("the task is too long to be kept inside a JPEG file ({0} bytes)")]
    TextTooLong(usize),
}

/// Writes `picture` with `task`, a JSON text, in the file: an iTXt chunk in PNG, XMP in JPEG and
/// WebP.
///
/// # Errors
/// When the encoder refuses or the text does not fit the format.
pub fn encode(picture: &Picture, format: FileFormat, task: &str) -> Result<Vec<u8>, FileError> {
    match format {
        FileFormat::Png => encode_png(picture, task),
        FileFormat::Jpeg { quality } => {
            let Extent { width, height } = picture.extent();
            let mut bytes = Vec::new();
            JpegEncoder::new_with_quality(&mut bytes, quality).encode(
                &without_alpha(picture),
                width,
                height,
                image::ExtendedColorType::Rgb8,
            )?;
            with_jpeg_text(&bytes, task)
        }
        FileFormat::Webp { quality } => encode_webp(picture, quality, task),
    }
}

fn encode_webp(picture: &Picture, quality: u8, task: &str) -> Result<Vec<u8>, FileError> {
    let Extent { width, height } = picture.extent();
    let rgb;
    let encoder = if is_opaque(picture) {
        rgb = without_alpha(picture);
        webp::Encoder::from_rgb(&rgb, width, height)
    } else {
        webp::Encoder::from_rgba(picture.rgba(), width, height)
    };
    let bytes = encoder
        .encode_simple(false, f32::from(quality))
        .map_err(|error| FileError::Webp(format!("{error:?}")))?;
    Ok(with_webp_text(&bytes, (width, height), task))
}

fn is_opaque(picture: &Picture) -> bool {
    picture.rgba().chunks_exact(4).all(|pixel| pixel[3] == u8::MAX)
}

fn encode_png(picture: &Picture, task: &str) -> Result<Vec<u8>, FileError> {
    let Extent { width, height } = picture.extent();
    let opaque = is_opaque(picture);
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_color(if opaque { png::ColorType::Rgb } else { png::ColorType::Rgba });
    encoder.add_itxt_chunk(PNG_KEYWORD.to_owned(), task.to_owned())?;
    let mut writer = encoder.write_header()?;
    if opaque {
        writer.write_image_data(&without_alpha(picture))?;
    } else {
        writer.write_image_data(picture.rgba())?;
    }
    writer.finish()?;
    Ok(bytes)
}

fn without_alpha(picture: &Picture) -> Vec<u8> {
    picture.rgba().chunks_exact(4).flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect()
}

/// Reads a PNG, JPEG or WebP picture of at most 16 384 pixels a side.
///
/// # Errors
/// When the bytes are something else, damaged, or larger than that.
pub fn decode(bytes: &[u8]) -> Result<Picture, FileError> {
    let mut reader = ImageReader::new(Cursor::new(bytes))
        .with_guessed_format()
        .map_err(image::ImageError::from)?;
    let mut limits = image::Limits::default();
    limits.max_image_width = Some(LONGEST_SIDE);
    limits.max_image_height = Some(LONGEST_SIDE);
    limits.max_alloc = Some(DECODE_MEMORY);
    reader.limits(limits);
    let rgba = reader.decode()?.into_rgba8();
    let extent = Extent::new(rgba.width(), rgba.height());
    Picture::from_rgba(extent, rgba.into_raw()).ok_or_else(|| {
        FileError::Decode(image::ImageError::Limits(image::error::LimitError::from_kind(
            image::error::LimitErrorKind::DimensionError,
        )))
    })
}

/// The size of a picture, from the beginning of its file alone.
///
/// # Errors
/// When the bytes do not begin like a PNG, JPEG or WebP picture.
pub fn extent_of(bytes: &[u8]) -> Result<Extent, FileError> {
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format();
    let (width, height) = reader.map_err(image::ImageError::from)?.into_dimensions()?;
    Ok(Extent::new(width, height))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pixels::read_task_text;

    const TASK: &str = r#"{"positivePrompt":"<a> & 'b' — 狐 \"quoted\"","seed":9007199254740993}"#;

    fn gradient(alpha: u8) -> Picture {
        let rgba: Vec<u8> =
            (0..16 * 8).flat_map(|i| [i as u8 * 2, 255 - i as u8, 40, alpha]).collect();
        Picture::from_rgba(Extent::new(16, 8), rgba).unwrap()
    }

    #[test]
    fn a_png_gives_back_its_pixels_and_its_task() {
        for alpha in [255, 90] {
            let bytes = encode(&gradient(alpha), FileFormat::Png, TASK).unwrap();
            assert_eq!(decode(&bytes).unwrap(), gradient(alpha));
            assert_eq!(extent_of(&bytes[..bytes.len() - 30]).unwrap(), Extent::new(16, 8));
            assert_eq!(read_task_text(&bytes).as_deref(), Some(TASK));
        }
    }

    #[test]
    fn a_jpeg_gives_back_its_task_and_nearly_its_pixels() {
        let bytes = encode(&gradient(255), FileFormat::Jpeg { quality: 95 }, TASK).unwrap();
        assert_eq!(read_task_text(&bytes).as_deref(), Some(TASK));
        let back = decode(&bytes).unwrap();
        assert_eq!(back.extent(), Extent::new(16, 8));
        let far = (back.rgba().iter().zip(gradient(255).rgba())).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(far.unwrap() < 24, "{far:?}");
    }

    #[test]
    fn a_webp_gives_back_its_task_and_nearly_its_pixels_alpha_included() {
        // Texts of even and odd length: chunks are padded.
        for (alpha, text) in [(255, TASK.to_owned()), (90, TASK.to_owned() + " ")] {
            let bytes = encode(&gradient(alpha), FileFormat::Webp { quality: 95 }, &text).unwrap();
            assert_eq!(read_task_text(&bytes), Some(text));
            let back = decode(&bytes).unwrap();
            let original = gradient(alpha);
            let pairs = back.rgba().iter().zip(original.rgba());
            let far: u32 = pairs.map(|(a, b)| u32::from(a.abs_diff(*b))).sum();
            assert!(far < 8 * original.rgba().len() as u32, "{far}");
            assert!(back.rgba().chunks_exact(4).all(|pixel| pixel[3] == alpha));
        }
    }

    #[test]
    fn lower_quality_makes_smaller_files() {
        let noisy: Vec<u8> =
            (0..64 * 64 * 4_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8 | 3).collect();
        let picture = Picture::from_rgba(Extent::new(64, 64), noisy).unwrap();
        let size = |format| encode(&picture, format, "{}").unwrap().len();
        let jpeg = |quality| size(FileFormat::Jpeg { quality });
        let webp = |quality| size(FileFormat::Webp { quality });
        assert!(jpeg(20) < jpeg(60) && jpeg(60) < jpeg(99));
        assert!(webp(20) < webp(60) && webp(60) < webp(99));
    }

    #[test]
    fn a_text_too_long_for_jpeg_is_refused_and_fits_png() {
        let long = "x".repeat(70_000);
        let jpeg = encode(&gradient(255), FileFormat::Jpeg { quality: 95 }, &long);
        assert!(matches!(jpeg, Err(FileError::TextTooLong(_))));
        let png = encode(&gradient(255), FileFormat::Png, &long).unwrap();
        assert_eq!(read_task_text(&png), Some(long));
    }

    #[test]
    fn junk_and_half_a_file_are_refused() {
        assert!(decode(b"not a picture").is_err());
        let bytes = encode(&gradient(255), FileFormat::Png, TASK).unwrap();
        assert!(decode(&bytes[..bytes.len() / 2]).is_err());
        assert_eq!(read_task_text(b"\x89PNG\r\n\x1a\n\0\0"), None);
    }
}
