//! The brush: how much of a pixel it covers, by the distance from the line it is drawn along.

/// A round brush.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Brush {
    /// Width of a dab in pixels, 1–1024.
    pub size: f32,

    /// The share of its radius within which it covers fully, 0–1; from there it fades to its edge.
    pub hardness: f32,

    /// What a stroke covers at most, 0–1, however often it crosses itself.
    pub opacity: f32,
}

impl Default for Brush {
    fn default() -> Self {
        Self { size: 64.0, hardness: 0.8, opacity: 1.0 }
    }
}

impl Brush {
    /// Least and greatest [`Self::size`].
    pub const SIZES: std::ops::RangeInclusive<f32> = 1.0..=1024.0;

    /// The brush with every number inside its range.
    #[must_use]
    pub fn within_range(self) -> Self {
        let share = |value: f32, otherwise| {
            if value.is_finite() { value.clamp(0.0, 1.0) } else { otherwise }
        };
        let size = if self.size.is_finite() { self.size } else { Self::default().size };
        Self {
            size: size.clamp(*Self::SIZES.start(), *Self::SIZES.end()),
            hardness: share(self.hardness, 1.0),
            opacity: share(self.opacity, 1.0),
        }
    }

    /// The distance at which it covers nothing any more, in pixels.
    #[must_use]
    pub fn reach(&self) -> f32 {
        (self.size / 2.0).max(self.fade_from() + 1.0)
    }

    /// Where the edge begins to fade: over a pixel at least, so that nothing looks jagged.
    fn fade_from(&self) -> f32 {
        let radius = self.size / 2.0;
        (radius * self.hardness).min(radius - 0.5).max(0.0)
    }

    /// The covered share of a pixel whose middle lies `distance` pixels from the line, 0–1: one
    /// inside, falling along 1 − t²(3 − 2t) to nothing at the edge.
    pub(super) fn cover(&self, distance: f32) -> f32 {
        let from = self.fade_from();
        let t = ((distance - from) / (self.reach() - from)).clamp(0.0, 1.0);
        1.0 - t * t * (3.0 - 2.0 * t)
    }
}
