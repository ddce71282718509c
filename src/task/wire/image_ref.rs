//! A picture inside a task: a typed handle, told apart once when the task is read.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

/// How the base64 text of a PNG, a JPEG and a WebP file begins: the formats the API takes.
/// Nothing else in a task's picture field is bare base64, so a file path is never mistaken for one.
const BEGINNINGS: [&str; 3] = ["iVBORw0KGgo", "/9j/", "UklGR"];

/// Reads base64 with or without its closing `=` signs: both are seen in the wild.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// A picture, in one of the four documented forms. Written exactly as it was read,
/// except that a UUID in capitals comes out in small letters.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum ImageRef {
    /// An uploaded picture or an earlier result.
    Uuid(Uuid),

    /// `data:<media type>;base64,<text>`.
    DataUri {
        /// Between `data:` and `;base64,`, such as `image/png`.
        media_type: String,
        /// The file's bytes as base64.
        base64: String,
    },

    /// The file's bytes as base64, the format known from the bytes alone.
    Base64(String),

    /// Where the picture can be fetched: `http`, `https` or `file`.
    Url(String),
}

/// Why a text is no picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImageRefError {
    /// None of the four forms.
    #[error(
        "it is neither a UUID, nor a data URI, nor the base64 text of a PNG, JPG or WEBP file, nor an http(s) address"
    )]
    UnknownForm,

    /// `data:` without `;base64,`, or with something other than an image.
    #[error("a data URI has to read data:image/…;base64, followed by the picture")]
    NotAnImageUri,

    /// A character outside the alphabet, or a length no base64 text has.
    #[error("its base64 text is damaged")]
    DamagedBase64,
}

impl ImageRef {
    /// The picture file `bytes` as a data URI of `media_type`.
    #[must_use]
    pub fn data_uri(media_type: &str, bytes: &[u8]) -> Self {
        Self::DataUri { media_type: media_type.to_owned(), base64: STANDARD.encode(bytes) }
    }

    /// The file's bytes when the task itself carries them; `None` for a UUID or an address.
    #[must_use]
    pub fn bytes(&self) -> Option<Result<Vec<u8>, ImageRefError>> {
        match self {
            Self::DataUri { base64, .. } | Self::Base64(base64) => {
                Some(LENIENT.decode(base64).or(Err(ImageRefError::DamagedBase64)))
            }
            Self::Uuid(_) | Self::Url(_) => None,
        }
    }
}

impl FromStr for ImageRef {
    type Err = ImageRefError;

    fn from_str(text: &str) -> Result<Self, ImageRefError> {
        if let Some(uri) = text.strip_prefix("data:") {
            let (media_type, base64) =
                uri.split_once(";base64,").ok_or(ImageRefError::NotAnImageUri)?;
            if !media_type.starts_with("image/") {
                return Err(ImageRefError::NotAnImageUri);
            }
            check_base64(base64)?;
            return Ok(Self::DataUri {
                media_type: media_type.to_owned(),
                base64: base64.to_owned(),
            });
        }
        if ["http://", "https://", "file://"].iter().any(|scheme| starts_with(text, scheme)) {
            return Ok(Self::Url(text.to_owned()));
        }
        if let Some(uuid) = hyphenated(text) {
            return Ok(Self::Uuid(uuid));
        }
        if BEGINNINGS.iter().any(|beginning| text.starts_with(beginning)) {
            check_base64(text)?;
            return Ok(Self::Base64(text.to_owned()));
        }
        Err(ImageRefError::UnknownForm)
    }
}

/// Whether `text` begins with `prefix`, in capitals or not.
fn starts_with(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

/// A UUID in its hyphenated form; the other forms `Uuid` reads could be something else here.
pub(in super::super) fn hyphenated(text: &str) -> Option<Uuid> {
    let hyphens = [8, 13, 18, 23].iter().all(|&at| text.as_bytes().get(at) == Some(&b'-'));
    (text.len() == 36 && hyphens).then(|| Uuid::try_parse(text).ok()).flatten()
}

/// Looks at every character once; nothing is decoded, so megabytes cost next to nothing.
fn check_base64(text: &str) -> Result<(), ImageRefError> {
    let body = text.strip_suffix("==").or_else(|| text.strip_suffix('=')).unwrap_or(text);
    let in_alphabet = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/';
    if body.is_empty() || body.len() % 4 == 1 || !body.bytes().all(in_alphabet) {
        return Err(ImageRefError::DamagedBase64);
    }
    Ok(())
}

impl fmt::Display for ImageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uuid(uuid) => write!(f, "{uuid}"),
            Self::DataUri { media_type, base64 } => write!(f, "data:{media_type};base64,{base64}"),
            Self::Base64(text) | Self::Url(text) => f.write_str(text),
        }
    }
}

impl fmt::Debug for ImageRef {
    /// Sizes instead of the megabytes themselves.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uuid(uuid) => write!(f, "Uuid({uuid})"),
            Self::DataUri { media_type, base64 } => {
                write!(f, "DataUri({media_type}, {} characters)", base64.len())
            }
            Self::Base64(text) => write!(f, "Base64({} characters)", text.len()),
            Self::Url(url) => write!(f, "Url({url})"),
        }
    }
}

impl Serialize for ImageRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Base64(text) | Self::Url(text) => serializer.serialize_str(text),
            Self::Uuid(_) | Self::DataUri { .. } => serializer.collect_str(self),
        }
    }
}

impl<'de> Deserialize<'de> for ImageRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORMS: [&str; 5] = [
        "59a2edc2-45e6-429f-be5f-7ded59b92046",
        "data:image/png;base64,iVBORw0KGgoAAAANSUhEUg==",
        "/9j/4AAQSkZJRg==",
        "UklGRiQAAABXRUJQ",
        "https://example.org/a%20cat.png?size=2;base64,",
    ];

    #[test]
    fn every_form_is_written_as_it_was_read() {
        for text in FORMS {
            let image: ImageRef = text.parse().unwrap();
            assert_eq!(image.to_string(), text);
            assert_eq!(serde_json::to_value(&image).unwrap(), serde_json::json!(text));
        }
    }

    #[test]
    fn forms_are_told_apart() {
        let kinds = FORMS.map(|text| match text.parse().unwrap() {
            ImageRef::Uuid(_) => 'u',
            ImageRef::DataUri { .. } => 'd',
            ImageRef::Base64(_) => 'b',
            ImageRef::Url(_) => 'a',
        });
        assert_eq!(kinds, ['u', 'd', 'b', 'b', 'a']);
    }

    #[test]
    fn what_is_none_of_them_is_refused() {
        let refused = |text: &str| text.parse::<ImageRef>().unwrap_err();
        // A bare word, a file path and 32 hexadecimal digits could all be base64 to a careless reader.
        for text in
            ["", "string", "pictures/cat.png", "photos/cat0", "59a2edc245e6429fbe5f7ded59b92046"]
        {
            assert_eq!(refused(text), ImageRefError::UnknownForm, "{text}");
        }
        assert_eq!(refused("data:text/plain;base64,QUJD"), ImageRefError::NotAnImageUri);
        assert_eq!(refused("data:image/png,rawbytes"), ImageRefError::NotAnImageUri);
        assert_eq!(refused("data:image/png;base64,"), ImageRefError::DamagedBase64);
        assert_eq!(refused("data:image/png;base64,iVBOR w0K"), ImageRefError::DamagedBase64);
        assert_eq!(refused("iVBORw0KGgo…"), ImageRefError::DamagedBase64);
        assert_eq!(refused("/9j/A"), ImageRefError::DamagedBase64);
    }

    #[test]
    fn inline_bytes_come_back() {
        let image = ImageRef::data_uri("image/png", b"\x89PNG\r\n\x1a\n");
        assert_eq!(image.to_string(), "data:image/png;base64,iVBORw0KGgo=");
        assert_eq!(image.bytes(), Some(Ok(b"\x89PNG\r\n\x1a\n".to_vec())));
        let unpadded: ImageRef = "iVBORw0KGgo".parse().unwrap();
        assert_eq!(unpadded.bytes(), image.bytes());
        assert_eq!(FORMS[0].parse::<ImageRef>().unwrap().bytes(), None);
    }

    #[test]
    fn debug_tells_the_size_only() {
        let long = ImageRef::Base64("iVBORw0KGgo".repeat(1000));
        assert_eq!(format!("{long:?}"), "Base64(11000 characters)");
        let uri = ImageRef::data_uri("image/png", &[0; 3000]);
        assert_eq!(format!("{uri:?}"), "DataUri(image/png, 4000 characters)");
    }
}
