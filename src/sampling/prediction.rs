//! What a network predicts (noise, velocity or the latent itself) and how the clean latent follows.
//!
//! Knows the variance-exploding form only: `noisy` = x₀ + σ · noise.

use ndarray::Zip;

use super::Latent;

/// What a diffusion network's output means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, strum::EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum Prediction {
    /// The noise ε.
    Epsilon,
    /// The velocity v = α·ε − σ·x₀ of Salimans and Ho (2022), with α² + σ² = 1.
    #[strum(serialize = "v_prediction")]
    Velocity,
    /// The clean latent x₀.
    Sample,
}

impl Prediction {
    /// The clean latent that `output`, the network's answer to [`model_input`], stands for.
    pub fn denoised(self, noisy: &Latent, output: Latent, sigma: f32) -> Latent {
        let (skip, out) = match self {
            Self::Epsilon => (1.0, -sigma),
            Self::Velocity => {
                let sigma = f64::from(sigma);
                let variance = sigma * sigma + 1.0;
                ((1.0 / variance) as f32, (-sigma / variance.sqrt()) as f32)
            }
            Self::Sample => return output,
        };
        let mut denoised = output;
        Zip::from(&mut denoised).and(noisy).for_each(|d, &x| *d = x * skip + *d * out);
        denoised
    }
}

/// What the network is shown: `noisy` brought to unit variance, `noisy` / √(σ² + 1).
pub fn model_input(noisy: &Latent, sigma: f32) -> Latent {
    let scale = f64::from(sigma).hypot(1.0) as f32;
    noisy / scale
}
