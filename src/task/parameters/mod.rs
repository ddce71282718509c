//! One row for each documented parameter: type, range, default, label, help, and whether the local engine does it.
//!
//! Validation reads nothing but this table; so do the window's controls and tooltips.

mod rows;

use serde_json::Value;

use super::{ModelKind, Problem, check};
pub use rows::PARAMETERS;

/// One documented parameter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ParameterRow {
    /// The documented name; members of objects as `outpaint.top`, of arrays as `lora[].weight`.
    pub name: &'static str,

    /// The name in the window.
    pub label: &'static str,

    /// What it takes.
    pub kind: Kind,

    /// What is used when it is absent.
    pub default: DefaultValue,

    /// Whether it must be there (a member: whenever its object is).
    pub required: bool,

    /// The member of the same object that says the same in another unit; never both.
    pub alternative: Option<&'static str>,

    /// Whether the local engine does it.
    pub local: Local,

    /// A sentence or two for the tooltip.
    pub help: &'static str,
}

/// Whether the local engine does what a parameter asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Local {
    /// It does.
    Now,
    /// It does not yet; a task that asks for it is refused.
    Later,
}

/// What a parameter takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// A UUID v4.
    Uuid,
    /// Free text of so many characters.
    Text {
        /// Least number of characters.
        min: u32,
        /// Greatest number of characters.
        max: u32,
    },
    /// An `http` or `https` address.
    Url,
    /// The identifier of a model of that kind.
    Air(ModelKind),
    /// A name of [`super::SCHEDULERS`].
    Scheduler,
    /// One of a few words.
    Words {
        /// The documented words.
        words: &'static [&'static str],
    },
    /// A picture: UUID, data URI, base64 or address.
    Image,
    /// So many pictures.
    Images {
        /// Least number of pictures.
        min: u32,
        /// Greatest number of pictures.
        max: u32,
    },
    /// `true` or `false`.
    Boolean,
    /// A whole number.
    Integer {
        /// The least.
        min: u64,
        /// The greatest, if the document gives one.
        max: Option<u64>,
        /// What it has to be a multiple of.
        multiple: u64,
    },
    /// Any number; whole ones may be written without a fraction.
    Float {
        /// The least.
        min: f64,
        /// The greatest.
        max: f64,
    },
    /// An object that asks for one feature.
    Object,
    /// An object that only holds switches together; each is judged by itself.
    Group,
    /// An array of objects.
    Objects,
}

/// What is used for an absent parameter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum DefaultValue {
    /// Nothing: the feature is off, or the parameter is required.
    Absent,
    /// What the model recommends.
    OfModel,
    /// A random number.
    Random,
    /// That switch.
    Boolean(bool),
    /// That whole number.
    Integer(u32),
    /// That number.
    Float(f64),
    /// That word.
    Word(&'static str),
}

impl Kind {
    /// The JSON type, as the API's errors name it.
    #[must_use]
    pub const fn json_type(self) -> &'static str {
        match self {
            Self::Uuid
            | Self::Text { .. }
            | Self::Url
            | Self::Air(_)
            | Self::Scheduler
            | Self::Words { .. }
            | Self::Image => "string",
            Self::Images { .. } => "string[]",
            Self::Boolean => "boolean",
            Self::Integer { .. } => "integer",
            Self::Float { .. } => "float",
            Self::Object | Self::Group => "object",
            Self::Objects => "object[]",
        }
    }
}

impl ParameterRow {
    /// The row of a parameter, by its documented name or a place in a task: `lora[].weight` and
    /// `lora[0].weight` are the same row.
    #[must_use]
    pub fn find(path: &str) -> Option<&'static Self> {
        PARAMETERS.iter().find(|row| is_place_of(row.name, path))
    }

    /// Everything wrong with the JSON `value` at `path` by this row: its type, its range. Objects are
    /// only looked at from outside.
    #[must_use]
    pub fn problems(&'static self, path: &str, value: &Value) -> Vec<Problem> {
        check::json(path, self, value)
    }

    /// The problem that `path` is not there.
    #[must_use]
    pub fn missing(&self, path: &str) -> Problem {
        check::missing(path, self)
    }
}

/// Whether `path` is the row's name with numbers between the brackets, or an item of its array.
fn is_place_of(name: &str, path: &str) -> bool {
    let mut name = name.split('.');
    let mut path = path.split('.');
    loop {
        match (name.next(), path.next()) {
            (None, None) => return true,
            (Some(name), Some(place)) if same_member(name, place) => {}
            _ => return false,
        }
    }
}

/// `lora[]` and `lora[0]` are the same member; so are `lora` and `lora[0]`.
fn same_member(name: &str, place: &str) -> bool {
    let name = name.strip_suffix("[]").unwrap_or(name);
    place.strip_prefix(name).is_some_and(|index| {
        let digits = index.strip_prefix('[').and_then(|index| index.strip_suffix(']'));
        index.is_empty()
            || digits.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_and_help_are_there_once() {
        let names: BTreeSet<_> = PARAMETERS.iter().map(|row| row.name).collect();
        assert_eq!(names.len(), PARAMETERS.len());
        for row in PARAMETERS {
            assert!(!row.label.is_empty() && row.help.ends_with('.'), "{}", row.name);
            assert!(row.help.len() <= 160, "{}: a tooltip is short", row.name);
        }
    }

    #[test]
    fn every_default_is_allowed() {
        for row in PARAMETERS {
            let allowed = match (row.default, row.kind) {
                (DefaultValue::Absent, _)
                | (DefaultValue::OfModel, Kind::Scheduler)
                | (DefaultValue::Boolean(_), Kind::Boolean) => true,
                (DefaultValue::Integer(value), Kind::Integer { min, max, multiple }) => {
                    let value = u64::from(value);
                    value >= min && max.is_none_or(|max| value <= max) && value % multiple == 0
                }
                (DefaultValue::Float(value), Kind::Float { min, max }) => {
                    (min..=max).contains(&value)
                }
                (DefaultValue::Word(word), Kind::Words { words }) => words.contains(&word),
                (DefaultValue::Random, Kind::Integer { .. }) => row.name == "seed",
                _ => false,
            };
            assert!(allowed, "{}: {:?} is not allowed by {:?}", row.name, row.default, row.kind);
            assert!(!row.required || row.default == DefaultValue::Absent, "{}", row.name);
        }
    }

    #[test]
    fn ranges_begin_and_end_on_their_multiples() {
        for row in PARAMETERS {
            match row.kind {
                Kind::Integer { min, max, multiple } => {
                    assert!(max.is_none_or(|max| min < max), "{}", row.name);
                    assert!(
                        min % multiple == 0 && max.is_none_or(|max| max % multiple == 0),
                        "{}",
                        row.name
                    );
                }
                Kind::Float { min, max } => assert!(min < max, "{}", row.name),
                Kind::Text { min, max } => assert!(min < max, "{}", row.name),
                Kind::Words { words } => assert!(!words.is_empty(), "{}", row.name),
                _ => {}
            }
        }
    }

    #[test]
    fn alternatives_go_both_ways_within_one_object() {
        let mut pairs = 0;
        for row in PARAMETERS {
            let Some(alternative) = row.alternative else { continue };
            let (object, own) = row.name.rsplit_once('.').unwrap();
            let other = ParameterRow::find(&format!("{object}.{alternative}")).unwrap();
            assert_eq!(other.alternative, Some(own), "{}", row.name);
            pairs += 1;
        }
        // Refiner start, ControlNet start and end, PuLID start.
        assert_eq!(pairs, 2 * 4);
    }

    #[test]
    fn members_follow_a_row_of_their_object() {
        for row in PARAMETERS {
            let Some((object, _)) = row.name.rsplit_once('.') else { continue };
            let kind = ParameterRow::find(object)
                .unwrap_or_else(|| panic!("{} has no object", row.name))
                .kind;
            let is_array = object.ends_with("[]");
            assert_eq!(kind == Kind::Objects, is_array, "{}", row.name);
            assert!(is_array || matches!(kind, Kind::Object | Kind::Group), "{}", row.name);
        }
    }

    #[test]
    fn the_local_engine_does_the_rows_of_this_release() {
        let now: Vec<_> =
            PARAMETERS.iter().filter(|row| row.local == Local::Now).map(|row| row.name).collect();
        let expected = [
            "taskType",
            "taskUUID",
            "outputType",
            "outputFormat",
            "outputQuality",
            "uploadEndpoint",
            "checkNSFW",
            "includeCost",
            "positivePrompt",
            "negativePrompt",
            "seedImage",
            "maskImage",
            "maskMargin",
            "strength",
            "outpaint",
            "outpaint.top",
            "outpaint.right",
            "outpaint.bottom",
            "outpaint.left",
            "outpaint.blur",
            "height",
            "width",
            "model",
            "steps",
            "scheduler",
            "seed",
            "CFGScale",
            "clipSkip",
            "promptWeighting",
            "numberResults",
            "acceleratorOptions.deepCache",
            "acceleratorOptions.deepCacheInterval",
            "acceleratorOptions.deepCacheBranchId",
            "embeddings",
            "embeddings[].model",
            "embeddings[].weight",
            "controlNet",
            "controlNet[].model",
            "controlNet[].guideImage",
            "controlNet[].weight",
            "controlNet[].startStep",
            "controlNet[].startStepPercentage",
            "controlNet[].endStep",
            "controlNet[].endStepPercentage",
            "controlNet[].controlMode",
            "lora",
            "lora[].model",
            "lora[].weight",
            "ipAdapters",
            "ipAdapters[].model",
            "ipAdapters[].guideImage",
            "ipAdapters[].weight",
            "deliveryMethod",
        ];
        assert_eq!(now, expected);
    }

    #[test]
    fn places_find_their_rows() {
        let name = |path: &str| ParameterRow::find(path).map(|row| row.name);
        assert_eq!(name("lora[0].weight"), Some("lora[].weight"));
        assert_eq!(name("lora[].weight"), Some("lora[].weight"));
        assert_eq!(name("controlNet[12]"), Some("controlNet"));
        assert_eq!(name("referenceImages[0]"), Some("referenceImages"));
        assert_eq!(name("loras[0].weight"), None);
        assert_eq!(name("lora[x].weight"), None);
        assert_eq!(name("weight"), None);
    }
}
