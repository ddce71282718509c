//! What a neighbouring task takes, field by field: rows of the same kind as `imageInference`'s.

use crate::task::{DefaultValue, Kind, Local, ParameterRow};

/// One documented field. Members of objects are called `settings.seed`.
#[derive(Clone, Copy, Debug)]
pub(super) enum Field {
    /// A field with a range.
    Row(ParameterRow),
    /// An array of plain values, its JSON type as the API names it; its items are checked when read.
    List(&'static str, &'static str),
    /// A text that no message may repeat.
    Secret(&'static str),
}

impl Field {
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Row(row) => row.name,
            Self::List(name, _) | Self::Secret(name) => name,
        }
    }

    pub(super) const fn is_required(&self) -> bool {
        match self {
            Self::Row(row) => row.required,
            Self::List(..) => false,
            Self::Secret(_) => true,
        }
    }

    /// The same field, which has to be there.
    pub(super) const fn required(self) -> Self {
        match self {
            Self::Row(row) => Self::Row(ParameterRow { required: true, ..row }),
            other => other,
        }
    }

    /// The same field with what is used when it is absent.
    pub(super) const fn default(self, default: DefaultValue) -> Self {
        match self {
            Self::Row(row) => Self::Row(ParameterRow { default, ..row }),
            other => other,
        }
    }
}

/// A field of that kind.
pub(super) const fn field(name: &'static str, kind: Kind) -> Field {
    Field::Row(ParameterRow {
        name,
        label: "",
        kind,
        default: DefaultValue::Absent,
        required: false,
        alternative: None,
        local: Local::Now,
        help: "",
    })
}

/// A whole number within a range.
pub(super) const fn integer(name: &'static str, min: u64, max: u64) -> Field {
    field(name, Kind::Integer { min, max: Some(max), multiple: 1 })
}

/// A whole number of at least `min`.
pub(super) const fn at_least(name: &'static str, min: u64) -> Field {
    field(name, Kind::Integer { min, max: None, multiple: 1 })
}

/// Any number within a range.
pub(super) const fn float(name: &'static str, min: f64, max: f64) -> Field {
    field(name, Kind::Float { min, max })
}

/// Free text of so many characters.
pub(super) const fn text(name: &'static str, min: u32, max: u32) -> Field {
    field(name, Kind::Text { min, max })
}

/// One of a few words.
pub(super) const fn word(name: &'static str, words: &'static [&'static str]) -> Field {
    field(name, Kind::Words { words })
}

/// A switch.
pub(super) const fn switch(name: &'static str) -> Field {
    field(name, Kind::Boolean)
}

/// A picture.
pub(super) const fn image(name: &'static str) -> Field {
    field(name, Kind::Image)
}

/// An object whose members have fields of their own.
pub(super) const fn object(name: &'static str) -> Field {
    field(name, Kind::Object)
}

/// The AIR of a model; its grammar is checked when it is read.
pub(super) const fn model() -> Field {
    text("model", 3, 300)
}

/// `taskUUID`, which nearly every task has to have.
pub(super) const TASK: &[Field] = &[field("taskUUID", Kind::Uuid).required()];
