//! The text a picture file carries: iTXt in PNG (PNG specification 11.3.4.5), XMP in an APP1
//! segment of JPEG (XMP specification part 3, 1.1.3) or in a chunk of WebP (RFC 9649, 2.7.1.5).

use std::io::Cursor;

use super::FileError;

/// Keyword of the chunk that holds the task.
pub(super) const PNG_KEYWORD: &str = "latelier";

const XMP_HEADER: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
const OPEN: &str = "<latelier:task>";
const CLOSE: &str = "</latelier:task>";

/// Longest payload of a JPEG segment, its length field included.
const LONGEST_SEGMENT: usize = 0xFFFF;

/// The XMP packet that carries `text`.
fn xmp_packet(text: &str) -> String {
    format!(
        "<x:xmpmeta xmlns:x=\"adobe:ns:meta/\">\
         <rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">\
         <rdf:Description rdf:about=\"\" xmlns:latelier=\"urn:latelier:task:1\">\
         {OPEN}{}{CLOSE}</rdf:Description></rdf:RDF></x:xmpmeta>",
        escaped(text)
    )
}

/// Puts an XMP packet with `text` behind the start of a JPEG file.
pub(super) fn with_jpeg_text(jpeg: &[u8], text: &str) -> Result<Vec<u8>, FileError> {
    let packet = xmp_packet(text);
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

/// Bytes of a RIFF chunk's name and length.
const CHUNK_HEADER: usize = 8;

/// Flags of a WebP file's `VP8X` chunk.
const HAS_XMP: u8 = 0x04;

/// Puts a chunk with an XMP packet at the end of a WebP file, and the header that announces it at
/// the beginning where the encoder wrote none. `width` and `height` are the picture's.
pub(super) fn with_webp_text(webp: &[u8], (width, height): (u32, u32), text: &str) -> Vec<u8> {
    let chunks = webp.get(12..).unwrap_or_default();
    let mut body = b"WEBPVP8X".to_vec();
    if let Some(extended) = chunks.strip_prefix(b"VP8X") {
        body.extend(extended);
        // The flags stand behind the name and the length.
        if let Some(flags) = body.get_mut(4 + CHUNK_HEADER) {
            *flags |= HAS_XMP;
        }
    } else {
        body.extend(10_u32.to_le_bytes());
        body.extend([HAS_XMP, 0, 0, 0]);
        body.extend(&(width - 1).to_le_bytes()[..3]);
        body.extend(&(height - 1).to_le_bytes()[..3]);
        body.extend(chunks);
    }
    let packet = xmp_packet(text);
    body.extend(b"XMP ");
    body.extend((packet.len() as u32).to_le_bytes());
    body.extend(packet.as_bytes());
    if packet.len() % 2 == 1 {
        body.push(0);
    }
    let mut file = b"RIFF".to_vec();
    file.extend((body.len() as u32).to_le_bytes());
    file.extend(body);
    file
}

/// The XMP packet among the chunks of a WebP file.
fn webp_xmp(file: &[u8]) -> Option<&str> {
    let mut rest = file.strip_prefix(b"RIFF")?.get(4..)?.strip_prefix(b"WEBP")?;
    loop {
        let name = rest.get(..4)?;
        let length = u32::from_le_bytes(rest.get(4..CHUNK_HEADER)?.try_into().ok()?) as usize;
        let payload = rest.get(CHUNK_HEADER..CHUNK_HEADER.checked_add(length)?)?;
        if name == b"XMP " {
            return std::str::from_utf8(payload).ok();
        }
        rest = rest.get(CHUNK_HEADER + length + length % 2..)?;
    }
}

/// The task text inside the bytes of a PNG, JPEG or WebP file, if it carries one.
#[must_use]
pub fn read_task_text(file: &[u8]) -> Option<String> {
    if file.starts_with(b"\x89PNG") {
        let reader = png::Decoder::new(Cursor::new(file)).read_info().ok()?;
        let chunk = reader.info().utf8_text.iter().find(|chunk| chunk.keyword == PNG_KEYWORD)?;
        return chunk.get_text().ok();
    }
    let packet = jpeg_xmp(file).or_else(|| webp_xmp(file))?;
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
