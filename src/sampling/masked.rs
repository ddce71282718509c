//! Repainting a part: everything else is put back after each step, as noisy as the step has left it.
//!
//! Lugmayr et al. (2022), `RePaint`, without its resampling; what diffusers does with a UNet of 4
//! channels.

use ndarray::{Array2, Zip};

use super::Latent;

/// What stays, and where.
#[derive(Clone, Debug)]
pub struct Masked {
    /// Clean latents of the whole picture, `[batch, channels, h, w]`.
    pub known: Latent,

    /// The noise that the run began with; it serves every step.
    pub noise: Latent,

    /// Which cells are repainted, `[h, w]`.
    pub repaint: Array2<bool>,
}

impl Masked {
    /// Puts the known cells back into `x`, which is in variance-exploding form at `sigma`.
    pub fn put_back(&self, x: &mut Latent, sigma: f32) {
        let (batch, channels, ..) = x.dim();
        for n in 0..batch {
            for c in 0..channels {
                let at = ndarray::s![n, c, .., ..];
                Zip::from(x.slice_mut(at))
                    .and(self.known.slice(at))
                    .and(self.noise.slice(at))
                    .and(&self.repaint)
                    .for_each(|x, known, noise, &repaint| {
                        if !repaint {
                            *x = known + noise * sigma;
                        }
                    });
            }
        }
    }

    /// Puts the known cells back into a finished latent.
    pub fn finish(&self, x: &mut Latent) {
        self.put_back(x, 0.0);
    }
}
