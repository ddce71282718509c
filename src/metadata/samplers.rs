//! What other programs call our schedulers. Each of theirs is a sampler and a choice of steps
//! ("schedule"); a name of ours says both.
//!
//! Facts from A1111 1.10.1 (`sd_samplers*.py`, `sd_schedulers.py`), Forge, ComfyUI (`samplers.py`)
//! and InvokeAI 6.14 (`schedulers.py`).

use crate::task::SchedulerRow;

/// A sampler under its names. `ours` is a scheduler with the model's own choice of steps.
struct Row {
    ours: &'static str,
    /// A1111 or Forge.
    a1111: Option<&'static str>,
    comfy: &'static [&'static str],
    /// Also the names of before version 3, which begin with `k_` there.
    invoke: &'static [&'static str],
    /// A1111's choice of steps where it says "Automatic"; `None` is the model's own.
    automatic: Option<&'static str>,
}

const fn row(
    ours: &'static str,
    a1111: Option<&'static str>,
    comfy: &'static [&'static str],
    invoke: &'static [&'static str],
) -> Row {
    Row { ours, a1111, comfy, invoke, automatic: None }
}

impl Row {
    const fn automatic(self, schedule: &'static str) -> Self {
        Self { automatic: Some(schedule), ..self }
    }
}

const ROWS: &[Row] = &[
    row("DDIM", Some("DDIM"), &["ddim"], &["ddim"]),
    row("DDPMScheduler", Some("DDPM"), &["ddpm"], &["ddpm"]),
    row("DEISMultistepScheduler", Some("DEIS"), &["deis"], &["deis"]),
    row("DPM++ 2M", Some("DPM++ 2M"), &["dpmpp_2m"], &["dpmpp_2m", "dpmpp_2"]).automatic("Karras"),
    row(
        "DPM++ 2M SDE",
        Some("DPM++ 2M SDE"),
        &["dpmpp_2m_sde", "dpmpp_2m_sde_gpu"],
        &["dpmpp_2m_sde"],
    )
    .automatic("Exponential"),
    row("DPM++ 3M", None, &[], &["dpmpp_3m"]),
    row("DPM++ SDE", Some("DPM++ SDE"), &["dpmpp_sde", "dpmpp_sde_gpu"], &["dpmpp_sde"])
        .automatic("Karras"),
    row("DPMSolverSinglestepScheduler", None, &[], &["dpmpp_2s"]),
    row("Euler", Some("Euler"), &["euler"], &["euler"]),
    row("Euler a", Some("Euler a"), &["euler_ancestral"], &["euler_a"]),
    row("Heun", Some("Heun"), &["heun"], &["heun"]),
    row("IPNDMScheduler", Some("IPNDM"), &["ipndm"], &[]),
    row(
        "KDPM2AncestralDiscreteScheduler",
        Some("DPM2 a"),
        &["dpm_2_ancestral"],
        &["kdpm_2_a", "dpm_2_a"],
    )
    .automatic("Karras"),
    row("KDPM2DiscreteScheduler", Some("DPM2"), &["dpm_2"], &["kdpm_2", "dpm_2"])
        .automatic("Karras"),
    row("LCM", Some("LCM"), &["lcm"], &["lcm"]),
    row("LMS", Some("LMS"), &["lms"], &["lms"]),
    row("PNDMScheduler", Some("PLMS"), &[], &["pndm", "plms"]),
    row("TCDScheduler", Some("TCD"), &[], &["tcd"]),
    row("UniPC", Some("UniPC"), &["uni_pc", "uni_pc_bh2"], &["unipc"]),
];

/// A1111's samplers that walk the timesteps themselves and look at no schedule.
const OWN_STEPS: [&str; 3] = ["DDIM", "PLMS", "UniPC"];

/// A1111's schedules: identifier, label, another spelling.
const SCHEDULES: [(&str, &str, &str); 12] = [
    ("automatic", AUTOMATIC, ""),
    ("uniform", "Uniform", ""),
    ("karras", "Karras", ""),
    ("exponential", "Exponential", ""),
    ("polyexponential", "Polyexponential", ""),
    ("sgm_uniform", "SGM Uniform", "SGMUniform"),
    ("kl_optimal", "KL Optimal", ""),
    ("align_your_steps", "Align Your Steps", ""),
    ("simple", "Simple", ""),
    ("normal", "Normal", ""),
    ("ddim", "DDIM", ""),
    ("beta", "Beta", ""),
];

const AUTOMATIC: &str = "Automatic";

/// The schedules that end our names.
const ENDINGS: [&str; 3] = ["Karras", "Exponential", "Beta"];

/// A scheduler of ours, if there is one, and what there is to say about it.
pub(super) type Found = (Option<&'static str>, Option<String>);

/// A1111's sampler and schedule for one of our names; a name it has nothing for stays as it is.
pub(super) fn to_a1111(scheduler: &SchedulerRow) -> (&'static str, &'static str) {
    let name = scheduler.alias_of.unwrap_or(scheduler.name);
    let split = ENDINGS
        .into_iter()
        .find_map(|ending| Some((name.strip_suffix(ending)?.strip_suffix(' ')?, Some(ending))));
    let (base, ending) = split.unwrap_or((name, None));
    let base = match base {
        // diffusers' class of that name is of order 2 unless told otherwise.
        "DPM++" => "DPM++ 2M",
        "UniPC 2M" => "UniPC",
        base => base,
    };
    match ROWS.iter().find(|row| row.ours == base) {
        Some(Row { a1111: Some(sampler), automatic, .. }) => {
            (sampler, ending.unwrap_or(if automatic.is_some() { "Uniform" } else { AUTOMATIC }))
        }
        _ => (scheduler.name, AUTOMATIC),
    }
}

/// Splits A1111's names as A1111 does: before 1.9 the sampler's name ended with the schedule. A
/// schedule that is the sampler's own is "Automatic", and so is an unknown one.
pub(super) fn a1111_pair<'a>(sampler: &'a str, schedule: Option<&str>) -> (&'a str, &'static str) {
    let known =
        |wanted: &str| SCHEDULES.iter().find(|(name, label, _)| [*name, *label].contains(&wanted));
    let mut label = schedule.and_then(known).map_or(AUTOMATIC, |(_, label, _)| *label);
    let mut base = sampler;
    for (name, schedule, alias) in SCHEDULES {
        let mut ended = [schedule, name, alias].into_iter().filter(|ending| !ending.is_empty());
        let rest = ended.find_map(|ending| base.strip_suffix(ending)?.strip_suffix(' '));
        if let Some(rest) = rest {
            base = rest;
            label = schedule;
        }
    }
    let own = ROWS.iter().find(|row| row.a1111 == Some(base)).and_then(|row| row.automatic);
    (base, if own == Some(label) { AUTOMATIC } else { label })
}

/// Our scheduler for A1111's names.
pub(super) fn from_a1111(sampler: &str, schedule: Option<&str>) -> Found {
    let (base, label) = a1111_pair(sampler, schedule);
    let Some(row) = ROWS.iter().find(|row| row.a1111 == Some(base)) else {
        return unknown(sampler);
    };
    if OWN_STEPS.contains(&base) {
        return (Some(row.ours), None);
    }
    let known =
        |given: &str| SCHEDULES.iter().any(|(name, label, _)| [*name, *label].contains(&given));
    let label = match (label, schedule) {
        (AUTOMATIC, Some(given)) if !known(given) => given,
        (AUTOMATIC, _) => row.automatic.unwrap_or("Normal"),
        (label, _) => label,
    };
    combined(row.ours, label)
}

/// Our scheduler for ComfyUI's `sampler_name` and `scheduler`.
pub(super) fn from_comfy(sampler: &str, scheduler: &str) -> Found {
    let Some(row) = ROWS.iter().find(|row| row.comfy.contains(&sampler)) else {
        return unknown(sampler);
    };
    let label = SCHEDULES.iter().find(|(name, ..)| *name == scheduler).map(|(_, label, _)| *label);
    combined(row.ours, label.unwrap_or(scheduler))
}

/// Our scheduler for InvokeAI's name, of any version.
pub(super) fn from_invoke(name: &str) -> Found {
    let old = name.strip_prefix("k_").unwrap_or(name);
    let (base, label) = match old.strip_suffix("_k") {
        Some(base) => (base, "Karras"),
        None => (old, "Normal"),
    };
    match ROWS.iter().find(|row| row.invoke.contains(&base)) {
        Some(row) => combined(row.ours, label),
        None => unknown(name),
    }
}

fn unknown(sampler: &str) -> Found {
    (None, Some(format!("Sampler: {sampler} (no scheduler here does the same)")))
}

/// The name that says both, if there is one; otherwise the sampler with the model's own steps.
fn combined(ours: &'static str, label: &str) -> Found {
    if ["Normal", "Uniform"].contains(&label) {
        return (Some(ours), None);
    }
    let both = format!("{ours} {label}");
    match SchedulerRow::find(&both).filter(|_| ENDINGS.contains(&label)) {
        Some(row) => (Some(row.name), None),
        None => (Some(ours), Some(format!("Schedule: {label} ({ours} has the model's own here)"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_names_a_scheduler_and_no_name_stands_twice() {
        let mut theirs = Vec::new();
        for row in ROWS {
            assert!(SchedulerRow::find(row.ours).is_some(), "{}", row.ours);
            theirs.extend(row.a1111.map(|name| ("A1111", name)));
            theirs.extend(row.comfy.iter().map(|name| ("ComfyUI", *name)));
            theirs.extend(row.invoke.iter().map(|name| ("InvokeAI", *name)));
        }
        let all = theirs.len();
        theirs.sort_unstable();
        theirs.dedup();
        assert_eq!(theirs.len(), all);
    }

    #[test]
    fn what_is_written_for_a1111_is_read_back_as_the_same_sampler_and_steps() {
        for row in SchedulerRow::local() {
            let (sampler, schedule) = to_a1111(row);
            let (back, note) = from_a1111(sampler, Some(schedule));
            let back = SchedulerRow::find(back.unwrap()).unwrap();
            // A1111's UniPC looks at no schedule.
            if row.name.starts_with("UniPC") {
                assert_eq!((back.name, note), ("UniPC", None));
            } else {
                assert_eq!((back.recipe, note), (row.recipe, None), "{}", row.name);
            }
        }
    }

    #[test]
    fn every_name_of_invoke_and_comfy_is_mapped_or_noted() {
        for (name, ours) in [
            ("euler_k", Some("Euler Karras")),
            ("dpmpp_2m_k", Some("DPM++ 2M Karras")),
            ("dpmpp_2m_sde_k", Some("DPM++ 2M SDE Karras")),
            ("unipc_k", Some("UniPC Karras")),
            ("k_euler_a", Some("Euler a")),
            ("k_lms", Some("LMS")),
            ("plms", Some("PNDMScheduler")),
            ("k_dpmpp_2", Some("DPM++ 2M")),
            ("er_sde", None),
        ] {
            let (found, note) = from_invoke(name);
            assert_eq!(found, ours, "{name}");
            assert_eq!(note.is_some(), ours.is_none(), "{name}");
        }
        for (sampler, scheduler, ours, noted) in [
            ("euler", "normal", Some("Euler"), false),
            ("euler_ancestral", "karras", Some("Euler a"), true),
            ("dpmpp_2m", "karras", Some("DPM++ 2M Karras"), false),
            ("dpmpp_2m_sde_gpu", "exponential", Some("DPM++ 2M SDE Exponential"), false),
            ("euler", "beta", Some("Euler Beta"), false),
            ("uni_pc", "sgm_uniform", Some("UniPC"), true),
            ("res_multistep", "normal", None, true),
        ] {
            let (found, note) = from_comfy(sampler, scheduler);
            assert_eq!((found, note.is_some()), (ours, noted), "{sampler} {scheduler}");
        }
    }
}
