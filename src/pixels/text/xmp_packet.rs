//! The task in an XMP packet (XMP specification part 1): one element of a namespace of its own.

use super::{FileTexts, TASK_TEXT};

/// What stands before the packet in a JPEG segment (XMP specification part 3, 1.1.3).
pub(super) const JPEG_HEADER: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";

const OPEN: &str = "<latelier:task>";
const CLOSE: &str = "</latelier:task>";

/// The packet that carries `task`.
pub(super) fn packet(task: &str) -> String {
    format!(
        "<x:xmpmeta xmlns:x=\"adobe:ns:meta/\">\
         <rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">\
         <rdf:Description rdf:about=\"\" xmlns:latelier=\"urn:latelier:task:1\">\
         {OPEN}{}{CLOSE}</rdf:Description></rdf:RDF></x:xmpmeta>",
        escaped(task)
    )
}

/// Reads the task of a packet; packets of others hold nothing for us.
pub(super) fn read(packet: &[u8], texts: &mut FileTexts) {
    let Ok(packet) = std::str::from_utf8(packet) else { return };
    let inside = packet.split_once(OPEN).and_then(|(_, rest)| rest.split_once(CLOSE));
    if let Some((task, _)) = inside {
        texts.add(TASK_TEXT, Some(unescaped(task)));
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}
