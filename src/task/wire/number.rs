//! Floats on the wire: a whole number is written without a fraction, the way the API's own examples do.

use serde::Serializer;

/// Whole numbers up to 2⁵³ are exact in an `f64`, so they may be written as integers.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// The JSON number for `value`: `7` for 7.0, `7.5` for 7.5; `None` for what JSON cannot write.
pub(in super::super) fn to_json(value: f64) -> Option<serde_json::Number> {
    if value.fract() == 0.0 && value.abs() <= EXACT {
        Some(serde_json::Number::from(value as i64))
    } else {
        serde_json::Number::from_f64(value)
    }
}

/// For `#[serde(serialize_with)]` on an optional float.
#[expect(clippy::ref_option, reason = "the signature serde asks for")]
pub(in super::super) fn serialize<S: Serializer>(
    value: &Option<f64>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) if value.fract() == 0.0 && value.abs() <= EXACT => {
            serializer.serialize_i64(*value as i64)
        }
        Some(value) => serializer.serialize_f64(*value),
        None => serializer.serialize_none(),
    }
}
