//! What `controlNetPreprocess` asks for beside the picture: the type of guide and its parameters.
//!
//! Knows which parameter belongs to which type and within which limits; not how a guide is made.

use super::wire::number;
use super::{Preprocessor, Problem};
use crate::pixels::{Extent, GuideRule, Picture, TILE_RATES};

/// Canny's thresholds where the task gives none (API page, `controlNetPreprocess`).
const LOW_THRESHOLD: u8 = 100;
const HIGH_THRESHOLD: u8 = 200;

/// The parameters of a guide; what is absent has the documented default.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Preprocess {
    /// `preProcessorType`.
    pub preprocessor: Preprocessor,

    /// Pixels from left to right, at most the picture's; alone it keeps the shape.
    pub width: Option<u32>,

    /// Pixels from top to bottom, at most the picture's; alone it keeps the shape.
    pub height: Option<u32>,

    /// `lowThresholdCanny`, 0–255, 100 when absent: edges go on above it.
    pub low_threshold: Option<u8>,

    /// `highThresholdCanny`, 0–255, above the low one, 200 when absent: edges begin above it.
    pub high_threshold: Option<u8>,

    /// `includeHandsAndFaceOpenPose`: whether the skeleton has fingers and a face.
    pub hands_and_face: bool,

    /// Ours: how many times smaller a tile is, 1–8, 1 when absent.
    pub down_sampling: Option<f32>,

    /// Ours: where `shuffle` takes everything, 0 when absent.
    pub seed: Option<u64>,
}

impl Preprocess {
    /// A guide of that type, all its parameters at their defaults.
    #[must_use]
    pub const fn new(preprocessor: Preprocessor) -> Self {
        Self {
            preprocessor,
            width: None,
            height: None,
            low_threshold: None,
            high_threshold: None,
            hands_and_face: false,
            down_sampling: None,
            seed: None,
        }
    }

    /// Everything that is wrong with the parameters for a picture of the size `own`; nothing is
    /// ignored, so a parameter of another type is wrong, too.
    #[must_use]
    pub fn problems(&self, own: Extent) -> Vec<Problem> {
        let mut problems = self.misplaced();
        problems.extend(self.reversed());
        for (name, wanted, own) in
            [("width", self.width, own.width), ("height", self.height, own.height)]
        {
            if wanted.is_some_and(|wanted| wanted == 0 || wanted > own) {
                let message =
                    format!("{name} has to be between 1 and {own}: guides are only made smaller.");
                problems.push(ranged(name, (1.0, own.into()), message));
            }
        }
        let (least, most) = (*TILE_RATES.start(), *TILE_RATES.end());
        if self.down_sampling.is_some_and(|rate| !TILE_RATES.contains(&rate)) {
            let message = format!("downSampling has to be between {least} and {most}.");
            problems.push(ranged("downSampling", (least.into(), most.into()), message));
        }
        problems
    }

    /// Parameters that belong to another type.
    fn misplaced(&self) -> Vec<Problem> {
        let of_type = [
            ("lowThresholdCanny", self.low_threshold.is_some(), Preprocessor::Canny),
            ("highThresholdCanny", self.high_threshold.is_some(), Preprocessor::Canny),
            ("includeHandsAndFaceOpenPose", self.hands_and_face, Preprocessor::Openpose),
            ("downSampling", self.down_sampling.is_some(), Preprocessor::Tile),
            ("seed", self.seed.is_some(), Preprocessor::Shuffle),
        ];
        (of_type.into_iter())
            .filter(|(_, given, owner)| *given && *owner != self.preprocessor)
            .map(|(name, _, owner)| {
                let message =
                    format!("{name} belongs to {owner}; leave it out for {}.", self.preprocessor);
                Problem::at("invalid", name, message)
            })
            .collect()
    }

    /// Canny's thresholds, low and high.
    fn thresholds(&self) -> (u8, u8) {
        (self.low_threshold.unwrap_or(LOW_THRESHOLD), self.high_threshold.unwrap_or(HIGH_THRESHOLD))
    }

    /// What is wrong with the thresholds.
    fn reversed(&self) -> Option<Problem> {
        let (low, high) = self.thresholds();
        if low < high {
            return None;
        }
        let message =
            format!("lowThresholdCanny ({low}) has to be below highThresholdCanny ({high}).");
        Some(ranged("lowThresholdCanny", (0.0, 255.0), message))
    }

    /// The size at which the guide of a picture of `own` is made: the asked one, the missing side
    /// in proportion, at least one pixel.
    #[must_use]
    pub fn extent(&self, own: Extent) -> Extent {
        let in_proportion = |wanted: u32, of: u32, side: u32| {
            let length = f64::from(wanted) * f64::from(side) / f64::from(of.max(1));
            (length.round() as u32).clamp(1, side.max(1))
        };
        match (self.width, self.height) {
            (Some(width), Some(height)) => Extent::new(width, height),
            (Some(width), None) => Extent::new(width, in_proportion(width, own.width, own.height)),
            (None, Some(height)) => {
                Extent::new(in_proportion(height, own.height, own.width), height)
            }
            (None, None) => own,
        }
    }

    /// What the guide is made of: `picture` over white, at the asked size. Where both sides are given
    /// what stands out is cut off evenly, as a task does with its pictures.
    #[must_use]
    pub fn source(&self, picture: &Picture) -> Picture {
        let picture = picture.over_white();
        picture.reduced(self.extent(picture.extent())).unwrap_or(picture)
    }

    /// The rule that needs no network, for the types that have one.
    #[must_use]
    pub fn rule(&self) -> Option<GuideRule> {
        Some(match self.preprocessor {
            Preprocessor::Canny => {
                let (low, high) = self.thresholds();
                GuideRule::Canny { low, high }
            }
            Preprocessor::Tile => GuideRule::Tile { rate: self.down_sampling.unwrap_or(1.0) },
            Preprocessor::Shuffle => GuideRule::Shuffle { seed: self.seed.unwrap_or(0) },
            Preprocessor::Scribble => GuideRule::Scribble,
            Preprocessor::Softedge => GuideRule::SoftEdge,
            Preprocessor::Lineart => GuideRule::Lineart,
            Preprocessor::Depth
            | Preprocessor::Mlsd
            | Preprocessor::Normalbae
            | Preprocessor::Openpose
            | Preprocessor::Seg
            | Preprocessor::LineartAnime => return None,
        })
    }
}

/// A value outside its range.
fn ranged(name: &str, (min, max): (f64, f64), message: String) -> Problem {
    Problem {
        min: number::to_json(min),
        max: number::to_json(max),
        ..Problem::at("invalid", name, message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: Extent = Extent::new(640, 480);

    fn named(preprocess: Preprocess) -> Vec<String> {
        (preprocess.problems(OWN).iter())
            .map(|problem| serde_json::to_value(problem).unwrap())
            .map(|problem| problem["parameter"].as_str().unwrap().to_owned())
            .collect()
    }

    #[test]
    fn the_documented_types_have_no_problem_with_their_defaults() {
        assert_eq!(Preprocessor::ALL.len(), 12);
        for &preprocessor in Preprocessor::ALL {
            assert_eq!(Preprocess::new(preprocessor).problems(OWN), [], "{preprocessor}");
        }
        let rule = Preprocess::new(Preprocessor::Canny).rule();
        assert_eq!(rule, Some(GuideRule::Canny { low: 100, high: 200 }));
    }

    #[test]
    fn reversed_thresholds_and_sizes_that_grow_are_named() {
        let canny = Preprocess::new(Preprocessor::Canny);
        let reversed = Preprocess { low_threshold: Some(200), ..canny };
        assert_eq!(named(reversed), ["lowThresholdCanny"]);
        assert_eq!(named(Preprocess { high_threshold: Some(100), ..canny }), ["lowThresholdCanny"]);
        let larger = Preprocess { width: Some(641), height: Some(0), ..canny };
        assert_eq!(named(larger), ["width", "height"]);
        let tile = Preprocess::new(Preprocessor::Tile);
        for rate in [0.5, 8.5, f32::NAN] {
            assert_eq!(named(Preprocess { down_sampling: Some(rate), ..tile }), ["downSampling"]);
        }
    }

    #[test]
    fn a_parameter_of_another_type_is_not_ignored() {
        let all = Preprocess {
            low_threshold: Some(1),
            high_threshold: Some(2),
            hands_and_face: true,
            down_sampling: Some(2.0),
            seed: Some(3),
            ..Preprocess::new(Preprocessor::Depth)
        };
        let names = [
            "lowThresholdCanny",
            "highThresholdCanny",
            "includeHandsAndFaceOpenPose",
            "downSampling",
            "seed",
        ];
        assert_eq!(named(all), names);
    }

    #[test]
    fn one_side_alone_keeps_the_shape() {
        let of = |width, height| {
            Preprocess { width, height, ..Preprocess::new(Preprocessor::Tile) }.extent(OWN)
        };
        assert_eq!(of(None, None), OWN);
        assert_eq!(of(Some(320), None), Extent::new(320, 240));
        assert_eq!(of(None, Some(1)), Extent::new(1, 1));
        assert_eq!(of(Some(100), Some(50)), Extent::new(100, 50));
    }
}
