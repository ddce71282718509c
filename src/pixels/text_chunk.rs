//! The text a picture file carries: iTXt in PNG (PNG specification 11.3.4.5), XMP in an APP1
//! segment of JPEG (XMP specification part 3, 1.1.3).

use std::io::Cursor;

use super::FileError;

/// Keyword of the chunk that holds the task.
pub(super) const PNG_KEYWORD: &str = "latelier";

const XMP_HEADER: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
const OPEN: &str = "<latelier:task>";
const CLOSE: &str = "</latelier:task>";

/// Longest payload of a JPEG segment, its length field included.
const LONGEST_SEGMENT: usize = 0xFFFF;

/// Puts an XMP packet with `text` behind the start of a JPEG file.
pub(super) fn with_jpeg_text(jpeg: &[u8], text: &str) -> Result<Vec<u8>, FileError> {
    let packet = format!(
        "<x:xmpmeta xmlns:x=\"adobe:ns:meta/\">\
         <rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">\
         <rdf:Description rdf:about=\"\" xmlns:latelier=\"urn:latelier:task:1\">\
         {OPEN}{}{CLOSE}</rdf:Description></rdf:RDF></x:xmpmeta>",
        escaped(text)
    );
    let length = 2 + XMP_HEADER.len() + packet.len();
    if length > LONGEST_SEGMENT {
        return Err(FileError::TextTooLong(text.len()));
    }
    let (start, rest) = jpeg.split_at(jpeg.len().min(2));
    let mut bytes = start.to_vec();
    bytes.extend([0xFF, 0xE1]);
    bytes.extend((length as u16).to_be_bytes());
    bytes.extend(XMP_HEADER);
    bytes.extend(packet.as_bytes());
    bytes.extend(rest);
    Ok(bytes)
}

/// The task text inside the bytes of a PNG or JPEG file, if it carries one.
#[must_use]
pub fn read_task_text(file: &[u8]) -> Option<String> {
    if file.starts_with(b"\x89PNG") {
        let reader = png::Decoder::new(Cursor::new(file)).read_info().ok()?;
        let chunk = reader.info().utf8_text.iter().find(|chunk| chunk.keyword == PNG_KEYWORD)?;
        return chunk.get_text().ok();
    }
    let packet = jpeg_xmp(file)?;
    let (_, rest) = packet.split_once(OPEN)?;
    let (text, _) = rest.split_once(CLOSE)?;
    Some(unescaped(text))
}

/// The XMP packet among the segments in front of the first scan.
fn jpeg_xmp(file: &[u8]) -> Option<&str> {
    let mut rest = file.strip_prefix(&[0xFF, 0xD8])?;
    while let [0xFF, marker, high, low, ..] = *rest {
        let length = usize::from(u16::from_be_bytes([high, low]));
        let payload = rest.get(4..2 + length)?;
        if marker == 0xE1
            && let Some(packet) = payload.strip_prefix(XMP_HEADER)
        {
            return std::str::from_utf8(packet).ok();
        }
        if marker == 0xDA {
            return None;
        }
        rest = &rest[2 + length..];
    }
    None
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}
