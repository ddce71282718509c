//! What every sampler must do, and the whole loops of diffusers they must equal.

use std::convert::Infallible;
use std::ops::ControlFlow;

use super::{
    Denoiser, Halt, Latent, NoiseLevel, NoiseSource as _, OnStep, Outside, Prediction, Sampler,
    Schedule, SchedulerConfig, SigmaSpacing, TorchRng, goldens, guide, model_input,
};

/// Knows the answer, so every sampler must land on it.
struct Oracle(f32);

impl Denoiser for Oracle {
    type Error = Infallible;

    fn denoise(&mut self, noisy: &Latent, _level: NoiseLevel) -> Result<Latent, Self::Error> {
        Ok(Latent::from_elem(noisy.dim(), self.0))
    }
}

/// Fails when asked for the `n`th time.
struct Failing(usize);

impl Denoiser for Failing {
    type Error = &'static str;

    fn denoise(&mut self, noisy: &Latent, _level: NoiseLevel) -> Result<Latent, Self::Error> {
        self.0 = self.0.checked_sub(1).ok_or("out of memory")?;
        Ok(noisy.clone())
    }
}

/// Every sampler with every spacing it can use, on a model whose every loop ends without noise.
fn combinations() -> impl Iterator<Item = (Sampler, SigmaSpacing)> {
    Sampler::ALL.iter().flat_map(|s| s.spacings().iter().map(|spacing| (*s, *spacing)))
}

fn noiseless_end() -> SchedulerConfig {
    SchedulerConfig { set_alpha_to_one: Some(true), ..SchedulerConfig::default() }
}

/// Runs a loop from seeded noise.
fn run<D: Denoiser>(
    schedule: &Schedule,
    denoiser: &mut D,
    on_step: &mut OnStep<'_>,
) -> Result<Latent, Halt<D::Error>> {
    let mut noise = TorchRng::new(42);
    let x = noise.randn((1, 3, 2, 3)) * schedule.init_noise_sigma();
    schedule.sampler().sample(
        schedule,
        denoiser,
        x,
        &mut Outside { noise: &mut noise, on_step, masked: None },
    )
}

#[test]
fn every_sampler_lands_on_the_oracle_answer() {
    for (sampler, spacing) in combinations() {
        for steps in [1, 2, 3, 7, 20, 50] {
            let schedule = Schedule::new(&noiseless_end(), sampler, spacing, steps).unwrap();
            let x = run(&schedule, &mut Oracle(0.25), &mut |_| ControlFlow::Continue(())).unwrap();
            let worst = x.iter().map(|x| (x - 0.25).abs()).fold(0.0, f32::max);
            assert!(worst < 2e-5, "{sampler:?} {spacing:?}, {steps} steps: {worst}");
        }
    }
}

#[test]
fn every_sampler_counts_the_users_steps() {
    for (sampler, spacing) in combinations() {
        for steps in [1, 2, 9] {
            let schedule = Schedule::new(&noiseless_end(), sampler, spacing, steps).unwrap();
            let mut seen = Vec::new();
            run(&schedule, &mut Oracle(0.5), &mut |step| {
                assert!(step.denoised.iter().all(|d| (d - 0.5).abs() < 1e-3));
                seen.push((step.index, step.total));
                ControlFlow::Continue(())
            })
            .unwrap();
            let expected: Vec<_> = (0..steps).map(|index| (index, steps)).collect();
            assert_eq!(seen, expected, "{sampler:?} {spacing:?}");
        }
    }
}

#[test]
fn every_sampler_stops_when_told() {
    for (sampler, spacing) in combinations() {
        let schedule = Schedule::new(&noiseless_end(), sampler, spacing, 5).unwrap();
        let mut steps = 0;
        let result = run(&schedule, &mut Oracle(0.0), &mut |step| {
            steps += 1;
            if step.index == 1 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        assert_eq!(result, Err(Halt::Stopped), "{sampler:?} {spacing:?}");
        assert_eq!(steps, 2, "{sampler:?} {spacing:?}");
    }
}

#[test]
fn every_sampler_passes_a_failure_on() {
    for (sampler, spacing) in combinations() {
        let schedule = Schedule::new(&noiseless_end(), sampler, spacing, 5).unwrap();
        let asked = schedule.levels.len() - 1;
        for n in 0..asked {
            let result = run(&schedule, &mut Failing(n), &mut |_| ControlFlow::Continue(()));
            assert_eq!(result, Err(Halt::Failed("out of memory")), "{sampler:?} {spacing:?}");
        }
        let enough = run(&schedule, &mut Failing(asked), &mut |_| ControlFlow::Continue(()));
        assert!(enough.is_ok(), "{sampler:?} {spacing:?} asks more often than it has levels");
    }
}

/// The network of `tests/goldens/sampling/loops.py`.
struct Toy {
    prediction: Prediction,
    guided: bool,
}

impl Toy {
    fn output(x: &Latent, timestep: f32, bias: f32) -> Latent {
        let (_, channels, _, _) = x.dim();
        let phase = (0.3 * (0.003 * f64::from(timestep)).cos()) as f32;
        Latent::from_shape_fn(x.dim(), |(batch, channel, row, column)| {
            let neighbour = x[(batch, (channel + 1) % channels, row, column)];
            (0.9 * x[(batch, channel, row, column)] + 0.25 * neighbour + phase + bias).tanh()
        })
    }
}

impl Denoiser for Toy {
    type Error = Infallible;

    fn denoise(&mut self, noisy: &Latent, level: NoiseLevel) -> Result<Latent, Self::Error> {
        let input = model_input(noisy, level.sigma);
        let mut output = Self::output(&input, level.timestep, 0.0);
        if self.guided {
            output = guide(&output, &Self::output(&input, level.timestep, 0.1), 5.0);
        }
        Ok(self.prediction.denoised(noisy, output, level.sigma))
    }
}

/// The start of one golden loop: noise, or a picture with noise on it.
fn golden_start(schedule: &Schedule, first: usize, noise: &mut TorchRng) -> Latent {
    let noise = noise.randn((1, 3, 2, 3));
    if first == 0 {
        return noise * schedule.init_noise_sigma();
    }
    let ramp = (0..18_u8).map(|i| -1.0 + 2.0 * f32::from(i) / 17.0).collect();
    let picture = Latent::from_shape_vec((1, 3, 2, 3), ramp).unwrap();
    picture + noise * schedule.levels[0].sigma
}

/// Largest difference to diffusers, as a share of the largest golden value.
fn golden_difference(
    (config, guided): (&SchedulerConfig, bool),
    sampler: Sampler,
    spacing: SigmaSpacing,
    row: &[f32],
) -> f32 {
    let (first, next_draw, expected) = (row[1] as usize, row[2], &row[3..]);
    let schedule = Schedule::new(config, sampler, spacing, row[0] as usize).unwrap();
    let schedule = schedule.from_step(first).unwrap();
    let mut noise = TorchRng::new(42);
    let x = golden_start(&schedule, first, &mut noise);
    let mut toy = Toy { prediction: schedule.prediction(), guided };
    let on_step = &mut |_: super::Step<'_>| ControlFlow::Continue(());
    let mut outside = Outside { noise: &mut noise, on_step, masked: None };
    let x = sampler.sample(&schedule, &mut toy, x, &mut outside).unwrap();
    assert!((noise.normals(1)[0] - next_draw).abs() < 1e-6, "not as many draws as diffusers");
    let size = expected.iter().fold(0.0_f32, |size, e| size.max(e.abs()));
    let worst = x.iter().zip(expected).fold(0.0_f32, |worst, (x, e)| worst.max((x - e).abs()));
    assert_eq!(x.len(), expected.len());
    worst / size
}

/// How far a loop may be from diffusers. At the σ = 4096 of a model with pure noise, neighbouring
/// f32 values lie 2.4e-4 apart, and latents in variance-exploding form round to that on both sides.
fn tolerance(config: &str, sampler: Sampler) -> f32 {
    let exploding = matches!(sampler, Sampler::Euler | Sampler::EulerAncestral);
    if config == "zero_snr" && exploding { 2.5e-4 } else { 1e-5 }
}

/// `tests/goldens/sampling/loops.py`.
#[test]
fn whole_loops_equal_those_of_diffusers() {
    let configs = goldens::configs();
    let mut loops = 0;
    for (name, table) in goldens::read("loops.safetensors") {
        let (config, sampler, spacing) = goldens::parse(&name);
        let limit = tolerance(config, sampler);
        let guided = config == "guided";
        let config = &configs[if guided { "demo" } else { config }];
        for row in table.rows() {
            let difference = golden_difference((config, guided), sampler, spacing, row);
            let (steps, first) = (row[0], row[1]);
            assert!(difference < limit, "{name}, {steps} steps from {first}: {difference}");
            loops += 1;
        }
    }
    assert_eq!(loops, 1285);
}
