//! AIR, the identifier of a model: `source:id@version`, such as `civitai:4384@128713`.
//!
//! Only the short form; the API does not use the long `urn:air:` one. Text is allowed in all three parts.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The identifier of one version of one model.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Air {
    source: String,
    id: String,
    version: String,
}

/// Why a text is no AIR.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AirError {
    /// No `:` after the source.
    #[error("it has no `:` after its source; an AIR reads source:id@version")]
    NoColon,

    /// No `@` before the version.
    #[error("it has no `@` before its version; an AIR reads source:id@version")]
    NoAt,

    /// A part that is empty, begins with a sign or holds a sign other than `_`, `.`, `-`: source, id or version.
    #[error(
        "its {0} must begin with a letter or digit and hold only letters, digits, `_`, `.` and `-`"
    )]
    Part(&'static str),
}

impl Air {
    /// `local:<id>@<version>`, for a file that has no published identifier. `id` is used as it
    /// is: the library makes it of allowed characters.
    #[must_use]
    pub(crate) fn local(id: &str, version: u32) -> Self {
        Self { source: "local".to_owned(), id: id.to_owned(), version: version.to_string() }
    }

    /// Who published the model: `civitai`, `runware`, …
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The model at its source.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The version of the model.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }
}

impl FromStr for Air {
    type Err = AirError;

    fn from_str(text: &str) -> Result<Self, AirError> {
        let (source, rest) = text.split_once(':').ok_or(AirError::NoColon)?;
        let (id, version) = rest.split_once('@').ok_or(AirError::NoAt)?;
        Ok(Self {
            source: part("source", source)?,
            id: part("id", id)?,
            version: part("version", version)?,
        })
    }
}

/// One part of an AIR, if its characters are allowed.
fn part(part: &'static str, text: &str) -> Result<String, AirError> {
    let begins_well = text.starts_with(|first: char| first.is_ascii_alphanumeric());
    let allowed = |sign: char| sign.is_ascii_alphanumeric() || matches!(sign, '_' | '.' | '-');
    if begins_well && text.chars().all(allowed) {
        Ok(text.to_owned())
    } else {
        Err(AirError::Part(part))
    }
}

impl fmt::Display for Air {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}@{}", self.source, self.id, self.version)
    }
}

impl fmt::Debug for Air {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Air({self})")
    }
}

impl Serialize for Air {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Air {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse()
            .map_err(|error| serde::de::Error::custom(format!("`{text}` is no AIR: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_id_seen_in_the_documents_is_read_and_written_back() {
        // Digits in the API documents; text in newer pages.
        for text in [
            "civitai:4384@128713",
            "runware:101@1",
            "rundiffusion:110@101",
            "runware:z-image@turbo",
            "alibaba:qwen-image@2.0",
            "runware:controlnet-preprocess@canny",
            "imagineart:1.5-pro@0",
        ] {
            let air: Air = text.parse().unwrap();
            assert_eq!(air.to_string(), text);
            assert_eq!(
                serde_json::from_value::<Air>(serde_json::to_value(&air).unwrap()).unwrap(),
                air
            );
        }
        let air: Air = "alibaba:qwen-image@2.0".parse().unwrap();
        assert_eq!((air.source(), air.id(), air.version()), ("alibaba", "qwen-image", "2.0"));
    }

    #[test]
    fn what_is_no_air_says_why() {
        let error = |text: &str| text.parse::<Air>().unwrap_err();
        assert_eq!(error("dreamshaper"), AirError::NoColon);
        assert_eq!(error("civitai:4384"), AirError::NoAt);
        for (text, part) in [
            (":1@2", "source"),
            ("civitai:@1", "id"),
            ("civitai:1@", "version"),
            ("civitai:1@2@3", "version"),
            ("urn:air:sd1:checkpoint:civitai:4384@128713", "id"),
            ("civitai: 4384@1", "id"),
            ("civitai:-1@1", "id"),
            ("civitäi:1@1", "source"),
        ] {
            assert_eq!(error(text), AirError::Part(part), "{text}");
        }
        let shown = serde_json::from_str::<Air>("\"civitai:4384\"").unwrap_err().to_string();
        assert!(shown.contains("`civitai:4384` is no AIR"), "{shown}");
    }
}
