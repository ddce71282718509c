//! The value of a parameter as far as checks look into it, whether it comes from JSON or from a task.

use super::wire::{
    AceType, ControlMode, DeliveryMethod, ImageRef, OutputFormat, OutputType, PromptWeighting,
    TaskType,
};

/// A value as far as checks look into it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape<'a> {
    Boolean(bool),
    Integer(i128),
    Float(f64),
    Text(&'a str),
    /// A picture that was already told apart.
    Image,
    /// An array of so many items; the items follow by themselves.
    List(usize),
    Object,
}

impl From<&bool> for Shape<'_> {
    fn from(value: &bool) -> Self {
        Self::Boolean(*value)
    }
}

impl From<&u32> for Shape<'_> {
    fn from(value: &u32) -> Self {
        Self::Integer(i128::from(*value))
    }
}

impl From<&u64> for Shape<'_> {
    fn from(value: &u64) -> Self {
        Self::Integer(i128::from(*value))
    }
}

impl From<&f64> for Shape<'_> {
    fn from(value: &f64) -> Self {
        Self::Float(*value)
    }
}

impl<'a> From<&'a String> for Shape<'a> {
    fn from(value: &'a String) -> Self {
        Self::Text(value)
    }
}

impl From<&ImageRef> for Shape<'_> {
    fn from(_: &ImageRef) -> Self {
        Self::Image
    }
}

impl From<&Vec<ImageRef>> for Shape<'_> {
    fn from(images: &Vec<ImageRef>) -> Self {
        Self::List(images.len())
    }
}

/// The enums over documented words are texts.
macro_rules! texts {
    ($($name:ident),+) => {
        $(impl From<&$name> for Shape<'_> {
            fn from(word: &$name) -> Self {
                Self::Text(word.as_str())
            }
        })+
    };
}

texts!(TaskType, OutputType, OutputFormat, DeliveryMethod, PromptWeighting, ControlMode, AceType);
