//! Pictures to and from the bytes of image files.

use std::io::Cursor;

use image::ImageReader;
use image::codecs::jpeg::JpegEncoder;

use super::text::{
    PARAMETERS_TEXT, TASK_TEXT, Texts, is_latin_1, with_jpeg_texts, with_png_texts,
    with_webp_texts, without_any_jpeg_texts, without_jpeg_texts, without_png_texts,
    without_webp_texts,
};
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
    #[error("the text is too long to be kept inside a JPEG file ({0} bytes)")]
    TextTooLong(usize),
}

/// Writes `picture` with `texts` in the file. The task: an iTXt chunk in PNG, XMP in JPEG and WebP.
/// A1111's settings as A1111 writes them: in PNG tEXt, or iTXt for what is not Latin-1; `UserComment`
/// of EXIF in JPEG and WebP.
///
/// # Errors
/// When the encoder refuses or the text does not fit the format.
pub fn encode<'a>(
    picture: &Picture,
    format: FileFormat,
    texts: impl Into<Texts<'a>>,
) -> Result<Vec<u8>, FileError> {
    let texts = &texts.into();
    match format {
        FileFormat::Png => encode_png(picture, texts),
        FileFormat::Jpeg { quality } => {
            let Extent { width, height } = picture.extent();
            let mut bytes = Vec::new();
            JpegEncoder::new_with_quality(&mut bytes, quality).encode(
                &without_alpha(picture),
                width,
                height,
                image::ExtendedColorType::Rgb8,
            )?;
            with_jpeg_texts(&bytes, texts)
        }
        FileFormat::Webp { quality } => encode_webp(picture, quality, texts),
    }
}

fn encode_webp(picture: &Picture, quality: u8, texts: &Texts<'_>) -> Result<Vec<u8>, FileError> {
    Ok(with_webp_texts(&encode_bare(picture, quality)?, picture.extent(), texts))
}

/// Writes `picture` as WebP of that quality (1–100) with nothing but its pixels.
///
/// # Errors
/// When the encoder refuses.
pub fn encode_bare(picture: &Picture, quality: u8) -> Result<Vec<u8>, FileError> {
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
    Ok(bytes.to_vec())
}

fn is_opaque(picture: &Picture) -> bool {
    picture.rgba().chunks_exact(4).all(|pixel| pixel[3] == u8::MAX)
}

fn encode_png(picture: &Picture, texts: &Texts<'_>) -> Result<Vec<u8>, FileError> {
    let Extent { width, height } = picture.extent();
    let opaque = is_opaque(picture);
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_color(if opaque { png::ColorType::Rgb } else { png::ColorType::Rgba });
    encoder.add_itxt_chunk(TASK_TEXT.to_owned(), texts.task.to_owned())?;
    match texts.parameters {
        Some(text) if is_latin_1(text) => {
            encoder.add_text_chunk(PARAMETERS_TEXT.to_owned(), text.to_owned())?;
        }
        Some(text) => encoder.add_itxt_chunk(PARAMETERS_TEXT.to_owned(), text.to_owned())?,
        None => {}
    }
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

/// Size and format (`PNG`, `JPEG` or `WebP`) of a picture file, from its header alone.
///
/// # Errors
/// When the bytes are something else.
pub fn probe(bytes: &[u8]) -> Result<(Extent, &'static str), FileError> {
    let reader = ImageReader::new(Cursor::new(bytes))
        .with_guessed_format()
        .map_err(image::ImageError::from)?;
    let name = match reader.format() {
        Some(image::ImageFormat::Png) => "PNG",
        Some(image::ImageFormat::Jpeg) => "JPEG",
        _ => "WebP",
    };
    let (width, height) = reader.into_dimensions()?;
    Ok((Extent::new(width, height), name))
}

/// The picture file `file` (PNG, JPEG or WebP) with `texts` where [`encode`] would put them, in place of
/// those that stand there already. The pixels and everything else stay as they are to the byte.
///
/// # Errors
/// When the bytes are no such file, or the text does not fit the format.
pub fn with_texts<'a>(file: &[u8], texts: impl Into<Texts<'a>>) -> Result<Vec<u8>, FileError> {
    let texts = &texts.into();
    match probe(file)? {
        (_, "PNG") => with_png_texts(file, texts),
        (_, "JPEG") => with_jpeg_texts(&without_jpeg_texts(file), texts),
        (extent, _) => Ok(with_webp_texts(&without_webp_texts(file), extent, texts)),
    }
}

/// The picture file `file` (PNG, JPEG or WebP) without any text, EXIF or XMP in it, whoever wrote it. The
/// pixels and their colour space stay as they are to the byte.
///
/// # Errors
/// When the bytes are no such file.
pub fn without_texts(file: &[u8]) -> Result<Vec<u8>, FileError> {
    Ok(match probe(file)? {
        (_, "PNG") => without_png_texts(file),
        (_, "JPEG") => without_any_jpeg_texts(file),
        _ => without_webp_texts(file),
    })
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
            assert_eq!(probe(&bytes[..bytes.len() - 30]).unwrap(), (Extent::new(16, 8), "PNG"));
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
            let bytes =
                encode(&gradient(alpha), FileFormat::Webp { quality: 95 }, text.as_str()).unwrap();
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
        let jpeg = encode(&gradient(255), FileFormat::Jpeg { quality: 95 }, long.as_str());
        assert!(matches!(jpeg, Err(FileError::TextTooLong(_))));
        let png = encode(&gradient(255), FileFormat::Png, long.as_str()).unwrap();
        assert_eq!(read_task_text(&png), Some(long));
    }

    #[test]
    fn the_size_is_known_without_decoding() {
        for format in [FileFormat::Png, FileFormat::Jpeg { quality: 95 }] {
            let bytes = encode(&gradient(255), format, TASK).unwrap();
            assert_eq!(probe(&bytes).unwrap().0, Extent::new(16, 8), "{format:?}");
        }
        assert!(probe(b"no picture").is_err());
    }

    #[test]
    fn junk_and_half_a_file_are_refused() {
        assert!(decode(b"not a picture").is_err());
        let bytes = encode(&gradient(255), FileFormat::Png, TASK).unwrap();
        assert!(decode(&bytes[..bytes.len() / 2]).is_err());
        assert_eq!(read_task_text(b"\x89PNG\r\n\x1a\n\0\0"), None);
    }
}
