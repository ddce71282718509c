//! Classifier-free guidance: pushes a prediction away from the unconditional one.
//!
//! Ho and Salimans (2022), in the form where scale 1 means no guidance.

use ndarray::Zip;

use super::Latent;

/// `uncond` + `scale` · (`cond` − `uncond`); works on network outputs and on clean latents alike.
pub fn guide(uncond: &Latent, cond: &Latent, scale: f32) -> Latent {
    Zip::from(uncond).and(cond).map_collect(|&u, &c| u + scale * (c - u))
}
