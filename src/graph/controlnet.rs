//! A `ControlNet`: a UNet's encoder and middle that see a guide picture and say what to add to the
//! states of another UNet.
//!
//! Zhang et al. 2023; the layout is that of diffusers' `ControlNetModel`. The guide's convolutions
//! are a network of their own, because what they give is the same at every step.

use super::Dialect;
use super::blocks::Kernel;
use super::builder::{Builder, Emitted, GraphError, Value};
use super::onnx::{Side, int};
use super::unet::{Unet, control_residual_names, control_residuals, residual_sides};
use crate::weights::ControlNet;

/// Colour channels of a guide.
const RGB: usize = 3;

fn sides(batch: &'static str, channels: usize) -> [Side; 4] {
    [Side::Open(batch), Side::Fixed(channels), Side::Open("height"), Side::Open("width")]
}

/// Writes the convolutions over the guide: `guide` `[1, 3, 8h, 8w]`, its colours in 0 … 1 and in the
/// order the network wants, to `embedding` `[1, channels, h, w]`.
///
/// # Errors
/// When the file lacks a tensor or has it in another shape.
pub fn controlnet_guide(net: &ControlNet, dialect: Dialect) -> Result<Emitted, GraphError> {
    const NAME: &str = "controlnet_cond_embedding";
    let mut g = Builder::new(&net.network, dialect);
    let mut x = g.input("guide", &sides("guides", RGB));
    let mut inside = net.guide_channels.first().copied().unwrap_or_default();
    x = g.conv(&x, &format!("{NAME}.conv_in"), (RGB, inside), Kernel::SAME)?;
    x = g.silu(&x);
    for (step, &outside) in net.guide_channels.iter().skip(1).enumerate() {
        let block = 2 * step;
        x = g.conv(&x, &format!("{NAME}.blocks.{block}"), (inside, inside), Kernel::SAME)?;
        x = g.silu(&x);
        let halving = format!("{NAME}.blocks.{}", block + 1);
        x = g.conv(&x, &halving, (inside, outside), Kernel::HALVE)?;
        x = g.silu(&x);
        inside = outside;
    }
    let channels = net.encoder.block_out_channels.first().copied().unwrap_or_default();
    x = g.conv(&x, &format!("{NAME}.conv_out"), (inside, channels), Kernel::SAME)?;
    g.output("embedding", &x, &sides("guides", channels));
    g.finish("controlnet_guide")
}

/// Writes the network.
///
/// Inputs as for [`unet`](super::unet()), then `guide_embedding` `[1, channels, h, w]` from
/// [`controlnet_guide`] and `scales` `[residuals]`, what each residual is multiplied by. Outputs are
/// the residuals in the order and under the names of [`control_residuals`], only the first `reach` of
/// them if it says so.
///
/// # Errors
/// When the file lacks a tensor or has it in another shape.
pub fn controlnet(
    net: &ControlNet,
    dialect: Dialect,
    reach: Option<usize>,
) -> Result<Emitted, GraphError> {
    let config = &net.encoder;
    let shapes = control_residuals(config);
    let mut g = Builder::new(&net.network, dialect);
    let sample = g.input("sample", &sides("batch", config.in_channels));
    let timestep = g.input("timestep", &[Side::Open("timesteps")]);
    let context = g.input(
        "encoder_hidden_states",
        &[Side::Open("batch"), Side::Open("tokens"), Side::Fixed(config.cross_attention_dim)],
    );
    let first = config.block_out_channels.first().copied().unwrap_or_default();
    let guide = g.input("guide_embedding", &sides("guides", first));
    let scales = g.input("scales", &[Side::Fixed(shapes.len())]);

    let mut network = Unet::new(g, config, &timestep, context)?;
    let x = network.conv_in(&sample)?;
    let x = network.g.op("Add", &[&x, &guide], vec![]);
    let (x, skips) = network.encoder(x, reach.unwrap_or(usize::MAX))?;
    let mut states: Vec<Value> = skips.into_iter().map(|(state, _)| state).collect();
    if reach.is_none_or(|reach| reach > states.len()) {
        states.push(network.middle(&x)?);
    }
    let mut g = network.g;
    let names = control_residual_names(shapes.len());
    for (index, ((state, name), &shape)) in states.iter().zip(&names).zip(&shapes).enumerate() {
        let conv = match name.as_str() {
            "mid_residual" => "controlnet_mid_block".to_owned(),
            _ => format!("controlnet_down_blocks.{index}"),
        };
        let (channels, _) = shape;
        let residual = g.conv(state, &conv, (channels, channels), Kernel::POINT)?;
        let scale = picked(&mut g, &scales, index);
        let mut residual = g.op("Mul", &[&residual, &scale], vec![]);
        if net.pools {
            residual = pooled(&mut g, &residual);
        }
        g.output(name, &residual, &residual_sides(shape));
    }
    g.finish("controlnet")
}

/// Entry `index` of `values`, `[1]`.
fn picked(g: &mut Builder<'_>, values: &Value, index: usize) -> Value {
    let index = g.integers(&[index as i64]);
    g.op("Gather", &[values, &index], vec![int("axis", 0)])
}

/// Every channel's mean over height and width, in each place.
fn pooled(g: &mut Builder<'_>, x: &Value) -> Value {
    let shape = g.op("Shape", &[x], vec![]);
    let axes = g.integers(&[2, 3]);
    let mean = g.op("ReduceMean", &[x, &axes], vec![int("keepdims", 1)]);
    g.op("Expand", &[&mean, &shape], vec![])
}
