//! Texts in WebP: the `EXIF` and `XMP ` chunks behind the picture, announced by flags in `VP8X`
//! (RFC 9649, 2.7 and 2.7.1.5).

use super::{FileTexts, Texts, exif_block, xmp_packet};
use crate::pixels::Extent;

/// Bytes of a chunk's name and length.
const CHUNK_HEADER: usize = 8;

/// Flags of the `VP8X` chunk.
const HAS_XMP: u8 = 0x04;
const HAS_EXIF: u8 = 0x08;

/// Puts the texts at the end of a WebP file, and the header that announces them at the beginning
/// where the encoder wrote none. `extent` is the picture's.
pub(in crate::pixels) fn with_webp_texts(
    webp: &[u8],
    extent: Extent,
    texts: &Texts<'_>,
) -> Vec<u8> {
    let flags = HAS_XMP | if texts.parameters.is_some() { HAS_EXIF } else { 0 };
    let chunks = webp.get(12..).unwrap_or_default();
    let mut body = b"WEBPVP8X".to_vec();
    if let Some(extended) = chunks.strip_prefix(b"VP8X") {
        body.extend(extended);
        // The flags stand behind the name and the length.
        if let Some(present) = body.get_mut(4 + CHUNK_HEADER) {
            *present |= flags;
        }
    } else {
        body.extend(10_u32.to_le_bytes());
        body.extend([flags, 0, 0, 0]);
        body.extend(&(extent.width - 1).to_le_bytes()[..3]);
        body.extend(&(extent.height - 1).to_le_bytes()[..3]);
        body.extend(chunks);
    }
    if let Some(parameters) = texts.parameters {
        push_chunk(&mut body, *b"EXIF", &exif_block::block(parameters));
    }
    push_chunk(&mut body, *b"XMP ", xmp_packet::packet(texts.task).as_bytes());
    let mut file = b"RIFF".to_vec();
    file.extend((body.len() as u32).to_le_bytes());
    file.extend(body);
    file
}

/// The file without its EXIF and XMP chunks, of which there can be one each.
pub(in crate::pixels) fn without_webp_texts(webp: &[u8]) -> Vec<u8> {
    let mut file = webp.get(..12).unwrap_or(webp).to_vec();
    let mut rest = webp.get(12..).unwrap_or_default();
    while let Some((name, payload, after)) = next_chunk(rest) {
        if !matches!(name, b"EXIF" | b"XMP ") {
            let start = file.len();
            push_chunk(&mut file, *name, payload);
            if name == b"VP8X"
                && let Some(flags) = file.get_mut(start + CHUNK_HEADER)
            {
                *flags &= !(HAS_XMP | HAS_EXIF);
            }
        }
        rest = after;
    }
    file
}

fn push_chunk(body: &mut Vec<u8>, name: [u8; 4], payload: &[u8]) {
    body.extend(name);
    body.extend((payload.len() as u32).to_le_bytes());
    body.extend(payload);
    // Chunks begin at even places.
    body.resize(body.len() + payload.len() % 2, 0);
}

/// Reads the texts of a WebP file's chunks.
pub(super) fn read(file: &[u8], texts: &mut FileTexts) {
    let chunks = file.strip_prefix(b"RIFF").and_then(|rest| rest.get(4..));
    let Some(mut rest) = chunks.and_then(|rest| rest.strip_prefix(b"WEBP")) else { return };
    while let Some((name, payload, after)) = next_chunk(rest) {
        match name {
            b"EXIF" => exif_block::read(payload, texts),
            b"XMP " => xmp_packet::read(payload, texts),
            _ => {}
        }
        rest = after;
    }
}

fn next_chunk(rest: &[u8]) -> Option<(&[u8; 4], &[u8], &[u8])> {
    let (name, rest) = rest.split_first_chunk()?;
    let (length, rest) = rest.split_first_chunk()?;
    let (payload, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    Some((name, payload, rest.get(payload.len() % 2..).unwrap_or_default()))
}
