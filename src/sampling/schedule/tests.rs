//! Levels against diffusers, and what no schedule can be made of.

use super::*;
use crate::sampling::goldens;

/// `tests/goldens/sampling/schedules.py`.
#[test]
fn levels_equal_those_of_diffusers() {
    let configs = goldens::configs();
    let mut schedules = 0;
    for (name, table) in goldens::read("schedules.safetensors") {
        let (config, sampler, spacing) = goldens::parse(&name);
        let mut rows = table.rows();
        while let Some(&[steps, start]) = rows.next() {
            let steps = steps as usize;
            let schedule = Schedule::new(&configs[config], sampler, spacing, steps).unwrap();
            let close = |ours: f32, theirs: f32, least: f32| {
                let share = (ours - theirs).abs() / theirs.max(least);
                assert!(share < 1e-5, "{name}, {steps} steps: {ours}, not {theirs}");
            };
            close(schedule.init_noise_sigma(), start, 0.0);
            let evaluations = if sampler == Sampler::Heun { 2 * steps - 1 } else { steps };
            assert_eq!(schedule.levels.len(), evaluations + 1, "{name}");
            for level in schedule.levels.iter().step_by(if steps > 20 { 10 } else { 1 }) {
                let Some(&[sigma, timestep]) = rows.next() else { panic!("{name}: too short") };
                close(level.sigma, sigma, 1e-6);
                close(level.timestep, timestep, 1.0);
            }
            schedules += 1;
        }
    }
    assert_eq!(schedules, 1231);
}

fn message(config: &SchedulerConfig, sampler: Sampler, steps: usize) -> String {
    let schedule = Schedule::new(config, sampler, SigmaSpacing::Model, steps);
    schedule.unwrap_err().to_string()
}

#[test]
fn step_counts_out_of_range_are_refused_with_the_range() {
    let config = SchedulerConfig::default();
    assert_eq!(
        message(&config, Sampler::Lcm, 51),
        "Lcm takes 1 to 50 steps with this model, not 51"
    );
    for sampler in Sampler::ALL {
        assert!(message(&config, *sampler, 0).contains("takes 1 to"), "{sampler:?}");
        assert!(message(&config, *sampler, 1001).contains("not 1001"), "{sampler:?}");
        assert!(message(&config, *sampler, usize::MAX).contains("takes 1 to"), "{sampler:?}");
    }
}

#[test]
fn levels_that_do_not_exist_are_refused() {
    let config = SchedulerConfig::default();
    // The offset moves the first of a thousand steps to timestep 1000, which was never trained.
    assert!(message(&config, Sampler::Ddim, 1000).contains("`steps_offset`"));
    let leading = SchedulerConfig {
        timestep_spacing: Some("leading".to_owned()),
        ..SchedulerConfig::default()
    };
    assert!(message(&leading, Sampler::DpmPp2M, 999).contains("1 to 998 steps"));
}

#[test]
fn pure_noise_and_predicted_noise_are_refused() {
    let config = SchedulerConfig {
        rescale_betas_zero_snr: Some(true),
        timestep_spacing: Some("trailing".to_owned()),
        ..SchedulerConfig::default()
    };
    assert!(message(&config, Sampler::Ddim, 20).contains("`prediction_type`"));
    assert!(Schedule::new(&config, Sampler::Euler, SigmaSpacing::Model, 20).is_ok());
}

#[test]
fn a_spacing_the_sampler_does_not_have_is_refused() {
    let config = SchedulerConfig::default();
    for sampler in [Sampler::Ddim, Sampler::Lcm, Sampler::EulerAncestral] {
        let refused = Schedule::new(&config, sampler, SigmaSpacing::Karras, 20);
        assert!(matches!(refused, Err(ScheduleError::Spacing { .. })), "{sampler:?}");
    }
}

#[test]
fn a_late_start_keeps_the_rest_of_the_levels() {
    let config = SchedulerConfig::default();
    for sampler in Sampler::ALL {
        let whole = Schedule::new(&config, *sampler, SigmaSpacing::Model, 10).unwrap();
        let late = whole.clone().from_step(4).unwrap();
        assert_eq!(late.steps(), 6);
        assert!(whole.levels.ends_with(&late.levels), "{sampler:?}");
        assert_eq!(whole.clone().from_step(0).as_ref(), Some(&whole));
        assert_eq!(whole.from_step(10), None);
    }
}
