//! Texts in JPEG: EXIF and XMP in APP1 segments, and comments, all in front of the first scan
//! (ITU-T T.81, B.1.1; CIPA DC-008, 4.7).

use super::{FileTexts, Texts, exif_block, xmp_packet};
use crate::pixels::FileError;

/// The start-of-image marker.
pub(super) const START: &[u8] = &[0xFF, 0xD8];

const APP0: u8 = 0xE0;
const APP1: u8 = 0xE1;
/// Photoshop's, with IPTC texts.
const APP13: u8 = 0xED;
const COMMENT: u8 = 0xFE;
const START_OF_SCAN: u8 = 0xDA;
const END_OF_IMAGE: u8 = 0xD9;

const EXIF_HEADER: &[u8] = b"Exif\0\0";

/// Longest segment, its length field included.
const LONGEST_SEGMENT: usize = 0xFFFF;

/// Puts the texts behind the JFIF segment that an encoder begins a file with.
pub(in crate::pixels) fn with_jpeg_texts(
    jpeg: &[u8],
    texts: &Texts<'_>,
) -> Result<Vec<u8>, FileError> {
    let after_jfif = match jpeg.get(START.len()..) {
        Some([0xFF, APP0, high, low, ..]) => {
            START.len() + 2 + usize::from(u16::from_be_bytes([*high, *low]))
        }
        _ => START.len(),
    };
    let (head, rest) = jpeg.split_at(jpeg.len().min(after_jfif));
    let mut file = head.to_vec();
    if let Some(parameters) = texts.parameters {
        push_segment(&mut file, &[EXIF_HEADER, &exif_block::block(parameters)].concat())?;
    }
    let packet = xmp_packet::packet(texts.task);
    push_segment(&mut file, &[xmp_packet::JPEG_HEADER, packet.as_bytes()].concat())?;
    file.extend(rest);
    Ok(file)
}

/// The file without its EXIF block and without our XMP packet; what others say in XMP stays.
pub(in crate::pixels) fn without_jpeg_texts(jpeg: &[u8]) -> Vec<u8> {
    without_segments(jpeg, |marker, payload| marker == APP1 && is_replaced(payload))
}

/// The file without EXIF, XMP, IPTC, comments: whatever says something in words.
pub(in crate::pixels) fn without_any_jpeg_texts(jpeg: &[u8]) -> Vec<u8> {
    without_segments(jpeg, |marker, _| matches!(marker, APP1 | APP13 | COMMENT))
}

/// The file without the segments in front of the first scan that `leaves_out` names by marker and payload.
fn without_segments(jpeg: &[u8], leaves_out: impl Fn(u8, &[u8]) -> bool) -> Vec<u8> {
    let mut file = START.to_vec();
    let mut rest = jpeg.get(START.len()..).unwrap_or_default();
    while let [0xFF, marker, high, low, ..] = *rest {
        let length = 2 + usize::from(u16::from_be_bytes([high, low]));
        // A scan follows, or a marker that an encoder does not put in front of one.
        if !matches!(marker, APP0..=0xEF | COMMENT) || length > rest.len() {
            break;
        }
        let (whole, after) = rest.split_at(length);
        let payload = whole.get(4..).unwrap_or_default();
        if !leaves_out(marker, payload) {
            file.extend(whole);
        }
        rest = after;
    }
    file.extend(rest);
    file
}

/// Whether an APP1 segment gives way to ours.
fn is_replaced(payload: &[u8]) -> bool {
    let ours = |packet| {
        let mut texts = FileTexts::default();
        xmp_packet::read(packet, &mut texts);
        !texts.found.is_empty()
    };
    payload.starts_with(EXIF_HEADER)
        || payload.strip_prefix(xmp_packet::JPEG_HEADER).is_some_and(ours)
}

fn push_segment(file: &mut Vec<u8>, payload: &[u8]) -> Result<(), FileError> {
    let length = 2 + payload.len();
    if length > LONGEST_SEGMENT {
        return Err(FileError::TextTooLong(payload.len()));
    }
    file.extend([0xFF, APP1]);
    file.extend((length as u16).to_be_bytes());
    file.extend(payload);
    Ok(())
}

/// Reads the texts of the segments in front of the first scan.
pub(super) fn read(file: &[u8], texts: &mut FileTexts) {
    let mut rest = &file[START.len().min(file.len())..];
    while let [0xFF, marker, after @ ..] = rest {
        match *marker {
            // Any marker may be preceded by fill bytes.
            0xFF => rest = &rest[1..],
            START_OF_SCAN | END_OF_IMAGE => return,
            // Markers without a segment.
            0x01 | 0xD0..=0xD7 => rest = after,
            marker => {
                let [high, low, ..] = *after else { return };
                let length = usize::from(u16::from_be_bytes([high, low]));
                let Some(payload) = after.get(2..length) else { return };
                segment(marker, payload, texts);
                rest = &after[length..];
            }
        }
    }
}

fn segment(marker: u8, payload: &[u8], texts: &mut FileTexts) {
    if marker == COMMENT {
        return texts.add("Comment", Some(String::from_utf8_lossy(payload).into_owned()));
    }
    if marker != APP1 {
        return;
    }
    if let Some(packet) = payload.strip_prefix(xmp_packet::JPEG_HEADER) {
        xmp_packet::read(packet, texts);
    } else if payload.starts_with(EXIF_HEADER) {
        exif_block::read(payload, texts);
    }
}
