//! The autoencoder between pixels and latents.
//!
//! Rombach et al. 2022; the layout is that of diffusers' `AutoencoderKL`.

use super::Dialect;
use super::blocks::{Grouping, Kernel, ResidualContext};
use super::builder::{Builder, Emitted, GraphError, Value};
use super::onnx::Side;
use crate::weights::{Component, VaeConfig};

/// Epsilon of every group norm of the autoencoder.
const EPSILON: f32 = 1e-6;

/// Colour channels of a picture.
const RGB: usize = 3;

fn sides(channels: usize) -> [Side; 4] {
    [Side::Open("batch"), Side::Fixed(channels), Side::Open("height"), Side::Open("width")]
}

const fn residual(config: &VaeConfig) -> ResidualContext<'static> {
    ResidualContext { grouping: grouping(config), time: None }
}

const fn grouping(config: &VaeConfig) -> Grouping {
    Grouping { groups: config.norm_num_groups, epsilon: EPSILON }
}

/// Writes the decoder: `latent` `[n, latent_channels, h, w]` (divided by the scaling factor) to
/// `image` `[n, 3, 8h, 8w]`, about −1 … 1.
///
/// # Errors
/// When the checkpoint lacks a tensor or has it in another shape.
pub fn vae_decoder(
    component: &Component,
    config: &VaeConfig,
    dialect: Dialect,
) -> Result<Emitted, GraphError> {
    let mut g = Builder::new(component, dialect);
    let latent_channels = config.latent_channels;
    let channels = &config.block_out_channels;
    let (first, last) = (channels[0], channels[channels.len() - 1]);

    let mut x = g.input("latent", &sides(latent_channels));
    if g.has("post_quant_conv.weight") {
        x = g.conv(&x, "post_quant_conv", (latent_channels, latent_channels), Kernel::POINT)?;
    }
    x = g.conv(&x, "decoder.conv_in", (latent_channels, last), Kernel::SAME)?;
    x = middle(&mut g, &x, "decoder.mid_block", last, config)?;
    let mut inside = last;
    for (step, &outside) in channels.iter().rev().enumerate() {
        let name = format!("decoder.up_blocks.{step}");
        for layer in 0..=config.layers_per_block {
            let block = format!("{name}.resnets.{layer}");
            x = g.residual_block(&x, &block, (inside, outside), &residual(config))?;
            inside = outside;
        }
        if step + 1 < channels.len() {
            x = g.upsample(&x);
            let conv = format!("{name}.upsamplers.0.conv");
            x = g.conv(&x, &conv, (outside, outside), Kernel::SAME)?;
        }
    }
    let x = g.group_norm(&x, "decoder.conv_norm_out", first, grouping(config))?;
    let x = g.silu(&x);
    let x = g.conv(&x, "decoder.conv_out", (first, RGB), Kernel::SAME)?;
    g.output("image", &x, &sides(RGB));
    g.finish("vae_decoder")
}

/// Writes the encoder: `image` `[n, 3, 8h, 8w]` in −1 … 1 to `moments`
/// `[n, 2·latent_channels, h, w]`, mean and log-variance of the latent before scaling.
///
/// # Errors
/// When the checkpoint lacks a tensor or has it in another shape.
pub fn vae_encoder(
    component: &Component,
    config: &VaeConfig,
    dialect: Dialect,
) -> Result<Emitted, GraphError> {
    let mut g = Builder::new(component, dialect);
    let moments = config.latent_channels * 2;
    let channels = &config.block_out_channels;
    let (first, last) = (channels[0], channels[channels.len() - 1]);

    let mut x = g.input("image", &sides(RGB));
    x = g.conv(&x, "encoder.conv_in", (RGB, first), Kernel::SAME)?;
    let mut inside = first;
    for (level, &outside) in channels.iter().enumerate() {
        let name = format!("encoder.down_blocks.{level}");
        for layer in 0..config.layers_per_block {
            let block = format!("{name}.resnets.{layer}");
            x = g.residual_block(&x, &block, (inside, outside), &residual(config))?;
            inside = outside;
        }
        if level + 1 < channels.len() {
            let conv = format!("{name}.downsamplers.0.conv");
            x = g.conv(&x, &conv, (outside, outside), Kernel::HALVE_ASYMMETRIC)?;
        }
    }
    x = middle(&mut g, &x, "encoder.mid_block", last, config)?;
    let x = g.group_norm(&x, "encoder.conv_norm_out", last, grouping(config))?;
    let x = g.silu(&x);
    let mut x = g.conv(&x, "encoder.conv_out", (last, moments), Kernel::SAME)?;
    if g.has("quant_conv.weight") {
        x = g.conv(&x, "quant_conv", (moments, moments), Kernel::POINT)?;
    }
    g.output("moments", &x, &sides(moments));
    g.finish("vae_encoder")
}

/// Two residual blocks around an attention over all pixels.
fn middle(
    g: &mut Builder<'_>,
    x: &Value,
    name: &str,
    channels: usize,
    config: &VaeConfig,
) -> Result<Value, GraphError> {
    let sizes = (channels, channels);
    let x = g.residual_block(x, &format!("{name}.resnets.0"), sizes, &residual(config))?;
    let x = g.pixel_attention(&x, &format!("{name}.attentions.0"), channels, grouping(config))?;
    g.residual_block(&x, &format!("{name}.resnets.1"), sizes, &residual(config))
}
