//! Texts in PNG: tEXt, zTXt, iTXt and eXIf chunks (PNG specification, third edition, 11.3.3).

use std::io::Read as _;

use flate2::read::ZlibDecoder;

use super::{FileTexts, PARAMETERS_TEXT, TASK_TEXT, Texts, exif_block};
use crate::pixels::{Extent, FileError, FileFormat, Picture, encode};

/// What every PNG file begins with.
pub(super) const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1A\n";

/// Whether a tEXt chunk can hold the text.
pub(in crate::pixels) fn is_latin_1(text: &str) -> bool {
    text.chars().all(|sign| u32::from(sign) <= 0xFF)
}

/// Reads the texts of all chunks, also of those behind the picture. Checksums are not looked at: a
/// text that somebody edited by hand is still one.
pub(super) fn read(file: &[u8], texts: &mut FileTexts) {
    let mut rest = file.get(SIGNATURE.len()..).unwrap_or_default();
    while !texts.is_full()
        && let Some((kind, payload, after)) = next_chunk(rest)
    {
        match kind {
            b"tEXt" | b"zTXt" | b"iTXt" => text_chunk(*kind, payload, texts),
            b"eXIf" => exif_block::read(payload, texts),
            b"IEND" => return,
            _ => {}
        }
        rest = after;
    }
}

/// The file with the texts behind its header, where an encoder puts them, and without those of the
/// same names that it had.
pub(in crate::pixels) fn with_png_texts(
    png: &[u8],
    texts: &Texts<'_>,
) -> Result<Vec<u8>, FileError> {
    let mut file = SIGNATURE.to_vec();
    let mut rest = png.get(SIGNATURE.len()..).unwrap_or_default();
    while let Some((kind, payload, after)) = next_chunk(rest) {
        let whole = &rest[..rest.len() - after.len()];
        if !is_replaced(*kind, payload) {
            file.extend(whole);
        }
        if kind == b"IHDR" {
            file.extend(chunks_of(texts)?);
        }
        rest = after;
    }
    file.extend(rest);
    Ok(file)
}

/// The file without any text and without EXIF.
pub(in crate::pixels) fn without_png_texts(png: &[u8]) -> Vec<u8> {
    let mut file = SIGNATURE.to_vec();
    let mut rest = png.get(SIGNATURE.len()..).unwrap_or_default();
    while let Some((kind, _, after)) = next_chunk(rest) {
        if !matches!(kind, b"tEXt" | b"zTXt" | b"iTXt" | b"eXIf") {
            file.extend(&rest[..rest.len() - after.len()]);
        }
        rest = after;
    }
    file.extend(rest);
    file
}

/// The chunks of `texts`, as the encoder writes them: taken out of a file of one pixel.
fn chunks_of(texts: &Texts<'_>) -> Result<Vec<u8>, FileError> {
    let pixel = Picture::from_fn(Extent::new(1, 1), |_, _| [0, 0, 0, u8::MAX]);
    let file = encode(&pixel, FileFormat::Png, *texts)?;
    let mut chunks = Vec::new();
    let mut rest = file.get(SIGNATURE.len()..).unwrap_or_default();
    while let Some((kind, payload, after)) = next_chunk(rest) {
        if is_replaced(*kind, payload) {
            chunks.extend(&rest[..rest.len() - after.len()]);
        }
        rest = after;
    }
    Ok(chunks)
}

/// Whether it is a text chunk of a name of ours.
fn is_replaced(kind: [u8; 4], payload: &[u8]) -> bool {
    let name = until_nul(payload).map(|(keyword, _)| keyword).unwrap_or_default();
    matches!(&kind, b"tEXt" | b"zTXt" | b"iTXt")
        && [TASK_TEXT, PARAMETERS_TEXT].iter().any(|ours| ours.as_bytes() == name)
}

fn next_chunk(rest: &[u8]) -> Option<(&[u8; 4], &[u8], &[u8])> {
    let (length, rest) = rest.split_first_chunk()?;
    let (kind, rest) = rest.split_first_chunk()?;
    let (payload, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
    let (_checksum, rest) = rest.split_first_chunk::<4>()?;
    Some((kind, payload, rest))
}

fn text_chunk(kind: [u8; 4], payload: &[u8], texts: &mut FileTexts) {
    let Some((keyword, rest)) = until_nul(payload) else { return };
    let text = match &kind {
        b"tEXt" => Some(latin_1(rest)),
        b"zTXt" => deflated(rest, texts.room()).map(|text| latin_1(&text)),
        _ => international(rest, texts.room()),
    };
    texts.add(&latin_1(keyword), text);
}

/// The text of an iTXt chunk behind its keyword: two switches, language, translated keyword, text.
fn international(rest: &[u8], room: usize) -> Option<String> {
    let (&compressed, rest) = rest.split_first()?;
    let (_language, _) = until_nul(rest.get(1..)?)?;
    let (_translated, text) = until_nul(until_nul(rest.get(1..)?)?.1)?;
    let text = match compressed {
        0 => text.to_vec(),
        // The method stands before the language.
        _ => inflated(text, room)?,
    };
    String::from_utf8(text).ok()
}

fn until_nul(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|byte| *byte == 0)?;
    Some((&bytes[..end], &bytes[end + 1..]))
}

/// The text of a zTXt chunk behind its keyword: the method, of which there is one, and the data.
fn deflated(rest: &[u8], room: usize) -> Option<Vec<u8>> {
    let (_method, data) = rest.split_first()?;
    inflated(data, room)
}

/// Unpacks at most `room` bytes; more is refused.
fn inflated(data: &[u8], room: usize) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    let read = ZlibDecoder::new(data).take(room as u64 + 1).read_to_end(&mut text);
    (read.is_ok() && text.len() <= room).then_some(text)
}

/// Latin-1, as the specification has it, unless the bytes are UTF-8: several programs write that
/// against the specification, and no sensible Latin-1 text looks like it.
fn latin_1(bytes: &[u8]) -> String {
    std::str::from_utf8(bytes).map_or_else(
        |_not_utf_8| bytes.iter().map(|&byte| char::from(byte)).collect(),
        str::to_owned,
    )
}
