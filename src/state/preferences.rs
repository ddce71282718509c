//! What the user decided once for all pictures: which engine, how it works, how large the window draws.
//! Saved between runs. No key is kept here.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::jobs::{LocalWish, RemoteWish};
use crate::task::EngineKind;

/// Remote models that are remembered.
const REMEMBERED: usize = 12;

/// Smallest and largest scale, in per cent, and what one step changes.
const SCALES: std::ops::RangeInclusive<u16> = 75..=200;
const SCALE_STEP: u16 = 5;

/// Decisions that outlive the form.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Preferences {
    /// Who makes the pictures.
    pub engine: EngineKind,

    /// How the local engine works.
    pub local: LocalWish,

    /// Where the remote engine is; the usual service while empty.
    pub remote_address: String,

    /// Whether the key may travel to another machine without encryption.
    pub remote_in_clear: bool,

    /// US dollars a day from which on the window asks before it sends.
    pub daily_limit: Option<f64>,

    /// How large everything is drawn, 75–200 %.
    pub scale_percent: u16,

    /// Shortcuts that are not the usual ones: what one does, and its keys.
    pub shortcuts: BTreeMap<String, String>,

    /// Models that were used on the service, the latest first.
    pub recent_models: Vec<String>,

    /// The model that the form had on the other engine.
    pub other_model: Option<String>,
}

impl Default for Preferences {
    fn default() -> Self {
        Self {
            engine: EngineKind::Local,
            local: LocalWish::default(),
            remote_address: String::new(),
            remote_in_clear: false,
            daily_limit: None,
            scale_percent: 100,
            shortcuts: BTreeMap::new(),
            recent_models: Vec::new(),
            other_model: None,
        }
    }
}

impl Preferences {
    /// Which service is wished for.
    #[must_use]
    pub fn remote(&self) -> RemoteWish {
        let address = self.remote_address.trim();
        let address = (!address.is_empty()).then(|| address.to_owned());
        RemoteWish { address, in_clear: self.remote_in_clear }
    }

    /// Draws everything so many steps larger.
    pub fn rescale(&mut self, steps: i32) {
        let by = steps * i32::from(SCALE_STEP);
        let percent = i32::from(self.scale_percent) + by;
        let (least, most) = (i32::from(*SCALES.start()), i32::from(*SCALES.end()));
        self.scale_percent = u16::try_from(percent.clamp(least, most)).unwrap_or(100);
    }

    /// The factor by which everything is drawn larger; 1 is the usual.
    #[must_use]
    pub fn scale(&self) -> f32 {
        f32::from(self.scale_percent.clamp(*SCALES.start(), *SCALES.end())) / 100.0
    }

    /// Remembers that a model of the service was used.
    pub fn remember_model(&mut self, air: &str) {
        self.recent_models.retain(|known| known != air);
        self.recent_models.insert(0, air.to_owned());
        self.recent_models.truncate(REMEMBERED);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_stays_within_its_bounds() {
        let mut preferences = Preferences::default();
        preferences.rescale(-99);
        assert_eq!(preferences.scale_percent, 75);
        preferences.rescale(99);
        assert_eq!(preferences.scale_percent, 200);
        preferences.scale_percent = 9000;
        assert!((preferences.scale() - 2.0).abs() < 1e-6);
    }

    #[test]
    fn the_latest_model_comes_first_and_once() {
        let mut preferences = Preferences::default();
        for air in ["a:1@1", "b:1@1", "a:1@1"] {
            preferences.remember_model(air);
        }
        assert_eq!(preferences.recent_models, ["a:1@1", "b:1@1"]);
    }
}
