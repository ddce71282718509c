//! The schedulers' documented names, and the sampler and sigma spacing behind each.
//!
//! Names are exact: capitals and spaces count. Each draws the same numbers as the diffusers class of that name.

use super::nearest::nearest;
use crate::sampling::{Sampler, SigmaSpacing};

/// One documented scheduler name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SchedulerRow {
    /// As tasks write it.
    pub name: &'static str,

    /// The short name this one is another spelling of, for lists that show each scheduler once.
    pub alias_of: Option<&'static str>,

    /// How the local engine does it; `None` while it does not.
    pub recipe: Option<(Sampler, SigmaSpacing)>,
}

impl SchedulerRow {
    /// The row of exactly that name.
    #[must_use]
    pub fn find(name: &str) -> Option<&'static Self> {
        SCHEDULERS.iter().find(|row| row.name == name)
    }

    /// Up to three names that `name` may have meant, best first.
    #[must_use]
    pub fn nearest(name: &str) -> Vec<&'static str> {
        nearest(name, SCHEDULERS.iter().map(|row| row.name))
    }

    /// The rows the local engine does, each scheduler once.
    pub fn local() -> impl Iterator<Item = &'static Self> {
        SCHEDULERS.iter().filter(|row| row.recipe.is_some() && row.alias_of.is_none())
    }
}

/// The name that stands for the model's own scheduler.
pub(super) const DEFAULT: &str = "Default";

/// A name the local engine does not do yet.
const fn later(name: &'static str) -> SchedulerRow {
    SchedulerRow { name, alias_of: None, recipe: None }
}

/// A name the local engine does.
const fn now(name: &'static str, sampler: Sampler, spacing: SigmaSpacing) -> SchedulerRow {
    SchedulerRow { name, alias_of: None, recipe: Some((sampler, spacing)) }
}

impl SchedulerRow {
    const fn alias_of(self, short: &'static str) -> Self {
        Self { alias_of: Some(short), ..self }
    }
}

use Sampler::{Ddim, DpmPp2M, Euler, EulerAncestral, Heun, Lcm, UniPc};
use SigmaSpacing::{Karras, Model};

/// All 75 names of the API's list of 2026 in its order, then four from its older pages.
///
/// `DPM++` and `DPMSolverMultistepScheduler` say no order; diffusers' class of that name is of
/// order 2 unless told otherwise, so they are DPM++ 2M. `UniPC` is of order 2 for the same reason.
pub const SCHEDULERS: &[SchedulerRow] = &[
    now("DDIM", Ddim, Model),
    now("DDIMScheduler", Ddim, Model).alias_of("DDIM"),
    later("DDPMScheduler"),
    later("DEISMultistepScheduler"),
    later(DEFAULT),
    now("DPM++", DpmPp2M, Model),
    now("DPM++ 2M", DpmPp2M, Model),
    later("DPM++ 2M Beta"),
    later("DPM++ 2M Exponential"),
    now("DPM++ 2M Karras", DpmPp2M, Karras),
    later("DPM++ 2M SDE"),
    later("DPM++ 2M SDE Beta"),
    later("DPM++ 2M SDE Exponential"),
    later("DPM++ 2M SDE Karras"),
    later("DPM++ 2M SDE Uniform"),
    later("DPM++ 2M Uniform"),
    later("DPM++ 3M"),
    later("DPM++ 3M Beta"),
    later("DPM++ 3M Exponential"),
    later("DPM++ 3M Karras"),
    later("DPM++ 3M SDE Uniform"),
    later("DPM++ 3M Uniform"),
    later("DPM++ Beta"),
    later("DPM++ Exponential"),
    now("DPM++ Karras", DpmPp2M, Karras),
    later("DPM++ SDE"),
    later("DPM++ SDE Beta"),
    later("DPM++ SDE Exponential"),
    later("DPM++ SDE Karras"),
    later("DPM++ Uniform"),
    later("DPM++ Uniform Beta"),
    later("DPM++ Uniform Exponential"),
    later("DPM++ Uniform Karras"),
    later("DPMSolverMultistepInverse"),
    now("DPMSolverMultistepScheduler", DpmPp2M, Model).alias_of("DPM++"),
    later("DPMSolverSinglestepScheduler"),
    later("EDMDPMSolverMultistepScheduler"),
    later("EDMEulerScheduler"),
    now("Euler", Euler, Model),
    now("Euler a", EulerAncestral, Model),
    later("Euler Beta"),
    later("Euler Exponential"),
    now("Euler Karras", Euler, Karras),
    now("EulerAncestralDiscreteScheduler", EulerAncestral, Model).alias_of("Euler a"),
    now("EulerDiscreteScheduler", Euler, Model).alias_of("Euler"),
    later("FlowMatchEulerDiscreteScheduler"),
    now("Heun", Heun, Model),
    now("HeunDiscreteScheduler", Heun, Model).alias_of("Heun"),
    now("Heun Karras", Heun, Karras),
    later("IPNDMScheduler"),
    later("IPNDM Uniform"),
    later("IPNDM Uniform Beta"),
    later("IPNDM Uniform Exponential"),
    later("IPNDM Uniform Karras"),
    later("KDPM2AncestralDiscreteScheduler"),
    later("KDPM2DiscreteScheduler"),
    now("LCM", Lcm, Model),
    now("LCMScheduler", Lcm, Model).alias_of("LCM"),
    later("LMS"),
    later("LMSDiscreteScheduler").alias_of("LMS"),
    later("LMS Karras"),
    later("PNDMScheduler"),
    later("TCDScheduler"),
    now("UniPC", UniPc, Model),
    now("UniPC 2M", UniPc, Model),
    now("UniPC 2M Karras", UniPc, Karras),
    later("UniPC 2M Uniform"),
    later("UniPC 3M"),
    later("UniPC 3M Karras"),
    later("UniPC 3M Uniform"),
    now("UniPC Karras", UniPc, Karras),
    later("UniPC Uniform"),
    later("UniPC Uniform Beta"),
    later("UniPC Uniform Exponential"),
    later("UniPC Uniform Karras"),
    now("UniPCMultistepScheduler", UniPc, Model).alias_of("UniPC"),
    later("DDIMInverseScheduler"),
    later("DPMSolverSDEScheduler"),
    later("KarrasVeScheduler"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_75_documented_names_and_four_older_ones_each_once() {
        let mut names: Vec<_> = SCHEDULERS.iter().map(|row| row.name).collect();
        assert_eq!(names.len(), 75 + 4);
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), 75 + 4);
    }

    #[test]
    fn an_alias_names_a_row_and_does_the_same() {
        let aliases: Vec<_> =
            SCHEDULERS.iter().filter_map(|row| Some((row, row.alias_of?))).collect();
        for (row, short) in &aliases {
            let named = SchedulerRow::find(short)
                .unwrap_or_else(|| panic!("{} is an alias of nothing", row.name));
            assert_eq!((named.recipe, named.alias_of), (row.recipe, None), "{}", row.name);
        }
        // The seven of the document, and DPM++.
        assert_eq!(aliases.len(), 8);
    }

    #[test]
    fn names_say_what_their_recipes_do() {
        for row in SCHEDULERS {
            let Some((sampler, spacing)) = row.recipe else { continue };
            assert_eq!(spacing == Karras, row.name.ends_with("Karras"), "{}", row.name);
            let begins = match sampler {
                Euler => "Euler",
                EulerAncestral => "EulerA",
                Ddim => "DDIM",
                DpmPp2M => "DPM",
                UniPc => "UniPC",
                Lcm => "LCM",
                Heun => "Heun",
            };
            let name = row.name.replace("Euler a", "EulerA");
            assert!(name.starts_with(begins), "{} → {sampler:?}", row.name);
            assert!(
                !["SDE", "3M", "Uniform", "Beta", "Exponential"]
                    .iter()
                    .any(|word| name.contains(word)),
                "{name}"
            );
        }
        assert_eq!(SCHEDULERS.iter().filter(|row| row.recipe.is_some()).count(), 22);
    }

    #[test]
    fn names_are_exact_and_the_nearest_are_offered() {
        assert!(SchedulerRow::find("Euler a").is_some());
        assert!(SchedulerRow::find("euler a").is_none());
        assert_eq!(SchedulerRow::nearest("euler a")[0], "Euler a");
        assert_eq!(SchedulerRow::nearest("default")[0], "Default");
        // Both seen in users' code.
        assert!(
            SchedulerRow::nearest("DPMSolverMultistep").contains(&"DPMSolverMultistepScheduler")
        );
        assert_eq!(SchedulerRow::nearest("DPM++2M Karras")[0], "DPM++ 2M Karras");
        assert!(SchedulerRow::nearest("xyzzy").is_empty());
    }

    #[test]
    fn local_lists_each_scheduler_once() {
        assert!(SchedulerRow::local().all(|row| row.recipe.is_some()));
        assert!(SchedulerRow::local().any(|row| row.name == "Euler"));
        assert!(SchedulerRow::local().all(|row| row.name != "EulerDiscreteScheduler"));
    }
}
