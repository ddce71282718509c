//! IP-Adapters: what an image encoder says of a picture, to the keys and values that every
//! cross-attention of a UNet attends to beside those of the text.
//!
//! Ye et al. 2023; the resampler is Alayrac et al.'s (2022). They depend on the picture alone, so they are
//! computed once a run, and the UNet takes them as inputs.

use super::Dialect;
use super::attention::{Heads, Qkv};
use super::builder::{Builder, Emitted, GraphError, Value};
use super::onnx::{Side, int};
use crate::weights::{ImageProjection, IpAdapter, Resampler};

/// Epsilon of the layer norms (torch's default).
const EPSILON: f32 = 1e-5;

/// Name of the UNet's input for the keys of adapter `index` in cross-attention `layer`.
#[must_use]
pub fn image_key(layer: &str, index: usize) -> String {
    format!("{layer}.image_key_{index}")
}

/// The same for the values.
#[must_use]
pub fn image_value(layer: &str, index: usize) -> String {
    format!("{layer}.image_value_{index}")
}

/// Writes the network of one adapter, for the CPU: it runs once a picture.
///
/// Input `features`: `[1, features]` for a plain adapter, else `[1, tokens, features]`. Output
/// `keys_and_values` `[1, image tokens, …]`: the keys and the values of each cross-attention, one
/// behind the other, in the order of [`IpAdapter::layers`].
///
/// # Errors
/// When the file lacks a tensor or has it in another shape.
pub fn image_prompt(adapter: &IpAdapter) -> Result<Emitted, GraphError> {
    let mut g = Builder::new(&adapter.component, Dialect::Cpu);
    let (one, features) = (Side::Fixed(1), Side::Fixed(adapter.features));
    let sides = match adapter.projection {
        ImageProjection::Linear { .. } => vec![one, features],
        ImageProjection::PerToken | ImageProjection::Resampler(_) => {
            vec![one, Side::Open("tokens"), features]
        }
    };
    let features = g.input("features", &sides);
    let tokens = match adapter.projection {
        ImageProjection::Linear { tokens } => linear_tokens(&mut g, &features, adapter, tokens)?,
        ImageProjection::PerToken => per_token(&mut g, &features, adapter)?,
        ImageProjection::Resampler(shape) => resampled(&mut g, &features, adapter, &shape)?,
    };
    let mut parts = Vec::with_capacity(adapter.layers.len() * 2);
    for (index, &channels) in adapter.layers.iter().enumerate() {
        for part in ["to_k_ip", "to_v_ip"] {
            let name = format!("ip_adapter.{}.{part}", 2 * index + 1);
            parts.push(g.linear(&tokens, &name, (adapter.width, channels))?);
        }
    }
    let all = g.op("Concat", &parts.iter().collect::<Vec<_>>(), vec![int("axis", 2)]);
    let channels = adapter.layers.iter().sum::<usize>() * 2;
    g.output("keys_and_values", &all, &[one, Side::Open("image_tokens"), Side::Fixed(channels)]);
    g.finish("image_prompt")
}

fn linear_tokens(
    g: &mut Builder<'_>,
    features: &Value,
    adapter: &IpAdapter,
    tokens: usize,
) -> Result<Value, GraphError> {
    let width = adapter.width;
    let h = g.linear(features, "image_proj.proj", (adapter.features, tokens * width))?;
    let rows = g.integers(&[1, tokens as i64, width as i64]);
    let h = g.op("Reshape", &[&h, &rows], vec![]);
    g.layer_norm(&h, "image_proj.norm", width, EPSILON)
}

fn per_token(
    g: &mut Builder<'_>,
    features: &Value,
    adapter: &IpAdapter,
) -> Result<Value, GraphError> {
    let (inside, width) = (adapter.features, adapter.width);
    let h = g.linear(features, "image_proj.proj.0", (inside, inside))?;
    let h = g.gelu(&h);
    let h = g.linear(&h, "image_proj.proj.2", (inside, width))?;
    g.layer_norm(&h, "image_proj.proj.3", width, EPSILON)
}

fn resampled(
    g: &mut Builder<'_>,
    features: &Value,
    adapter: &IpAdapter,
    shape: &Resampler,
) -> Result<Value, GraphError> {
    const ROOT: &str = "image_proj";
    let &Resampler { tokens, channels, depth, .. } = shape;
    let x = g.linear(features, &format!("{ROOT}.proj_in"), (adapter.features, channels))?;
    let mut latents = g.weight(&format!("{ROOT}.latents"), &[1, tokens, channels])?;
    for layer in 0..depth {
        latents = resampler_block(g, &x, &latents, (&format!("{ROOT}.layers.{layer}"), shape))?;
    }
    let h = g.linear(&latents, &format!("{ROOT}.proj_out"), (channels, adapter.width))?;
    g.layer_norm(&h, &format!("{ROOT}.norm_out"), adapter.width, EPSILON)
}

/// The latents look at the features and at themselves, then pass a feed-forward part, each around a
/// residual.
fn resampler_block(
    g: &mut Builder<'_>,
    x: &Value,
    latents: &Value,
    (name, shape): (&str, &Resampler),
) -> Result<Value, GraphError> {
    let &Resampler { channels, inner, feed_forward, .. } = shape;
    let seen = g.layer_norm(x, &format!("{name}.0.norm1"), channels, EPSILON)?;
    let own = g.layer_norm(latents, &format!("{name}.0.norm2"), channels, EPSILON)?;
    let all = g.op("Concat", &[&seen, &own], vec![int("axis", 1)]);
    let both = format!("{name}.0.to_kv");
    let sizes = (channels, inner * 2);
    let qkv = Qkv {
        q: g.linear(&own, &format!("{name}.0.to_q"), (channels, inner))?,
        k: g.linear_rows(&all, &both, sizes, 0..inner)?,
        v: g.linear_rows(&all, &both, sizes, inner..inner * 2)?,
    };
    let heads = Heads { count: inner / Resampler::HEAD, channels: inner };
    let h = g.attention(&qkv, heads, None);
    let h = g.linear(&h, &format!("{name}.0.to_out"), (inner, channels))?;
    let latents = g.op("Add", &[latents, &h], vec![]);
    let h = g.layer_norm(&latents, &format!("{name}.1.0"), channels, EPSILON)?;
    let h = g.linear(&h, &format!("{name}.1.1"), (channels, feed_forward))?;
    let h = g.gelu(&h);
    let h = g.linear(&h, &format!("{name}.1.3"), (feed_forward, channels))?;
    Ok(g.op("Add", &[&latents, &h], vec![]))
}
