//! Texts in an EXIF block (CIPA DC-008, 4.6: a TIFF structure): `UserComment` is written the way
//! piexif does it for A1111, which some readers compare byte by byte; four tags are read.

use exif::{Field, In, Reader, Tag, Value};

use super::{FileTexts, USER_COMMENT};

/// A big-endian TIFF with one tag in its first directory, the place of the Exif directory, and one
/// tag there: `UserComment` of type UNDEFINED. Its count and its value follow.
const BEFORE_COUNT: &[u8] = b"MM\0*\0\0\0\x08\0\x01\x87\x69\0\x04\0\0\0\x01\0\0\0\x1A\0\0\0\0\
    \0\x01\x92\x86\0\x07";

/// Where the value begins, in bytes from the start: right behind the tag.
const VALUE_AT: u32 = 40;

/// Names of the character code of a `UserComment` (4.6.6, table 9).
const UNICODE: &[u8] = b"UNICODE\0";
const ASCII: &[u8] = b"ASCII\0\0\0";
const UNDEFINED: &[u8] = &[0; 8];

/// Tags that programs write texts to, with the names they are found under.
const TAGS: [(Tag, &str); 4] = [
    (Tag::UserComment, USER_COMMENT),
    (Tag::ImageDescription, "ImageDescription"),
    (Tag::Make, "Make"),
    (Tag::Model, "Model"),
];

/// The block whose `UserComment` is `text`, in UTF-16 of big byte order.
pub(super) fn block(text: &str) -> Vec<u8> {
    let mut comment = UNICODE.to_vec();
    comment.extend(text.encode_utf16().flat_map(u16::to_be_bytes));
    let mut block = BEFORE_COUNT.to_vec();
    block.extend((comment.len() as u32).to_be_bytes());
    block.extend(VALUE_AT.to_be_bytes());
    block.extend(comment);
    block
}

/// Reads the texts of a block. Blocks with errors in them, as piexif's which lacks the end of its
/// last directory, give what can be read.
pub(super) fn read(block: &[u8], texts: &mut FileTexts) {
    if block.len() > super::MOST_TEXT {
        return texts.add("EXIF", None);
    }
    let block = block.strip_prefix(b"Exif\0\0").unwrap_or(block);
    let mut reader = Reader::new();
    let read = reader.continue_on_error(true).read_raw(block.to_vec());
    let Ok(exif) = read.or_else(|error| error.distill_partial_result(|_errors| ())) else {
        return texts.add("EXIF", None);
    };
    for (tag, name) in TAGS {
        if let Some(Field { value, .. }) = exif.get_field(tag, In::PRIMARY) {
            match value {
                Value::Undefined(bytes, _) => texts.add(name, Some(user_comment(bytes))),
                Value::Ascii(lines) => {
                    let text = lines.join(&b'\n');
                    texts.add(name, Some(String::from_utf8_lossy(&text).into_owned()));
                }
                _ => texts.add(name, None),
            }
        }
    }
}

/// The text of a `UserComment`. Without a known code, or with none at all, it is taken as UTF-8.
fn user_comment(bytes: &[u8]) -> String {
    if let Some(units) = bytes.strip_prefix(UNICODE) {
        return utf_16(units);
    }
    let coded = bytes.strip_prefix(ASCII).or_else(|| bytes.strip_prefix(UNDEFINED));
    let text = String::from_utf8_lossy(coded.unwrap_or(bytes));
    text.trim_end_matches('\0').to_owned()
}

/// UTF-16 in the byte order in which more characters are ASCII: the standard does not say which one
/// is meant, and both are seen. A byte order mark decides.
fn utf_16(bytes: &[u8]) -> String {
    let (pairs, _) = bytes.as_chunks::<2>();
    let ascii = |high: usize, low: usize| {
        pairs.iter().filter(|pair| pair[high] == 0 && (1..0x80).contains(&pair[low])).count()
    };
    let little = match pairs.first() {
        Some([0xFF, 0xFE]) => true,
        Some([0xFE, 0xFF]) => false,
        _ => ascii(1, 0) > ascii(0, 1),
    };
    let unit = if little { u16::from_le_bytes } else { u16::from_be_bytes };
    let units = pairs.iter().map(|pair| unit(*pair));
    let text: String =
        char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    text.trim_start_matches('\u{FEFF}').trim_end_matches('\0').to_owned()
}
