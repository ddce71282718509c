//! The CLIP vision model: a picture to one vector, or to one for each of its patches.
//!
//! Radford et al. 2021, after Dosovitskiy et al. 2021; the layout is that of `transformers`'
//! `CLIPVisionModelWithProjection`.

use super::Dialect;
use super::builder::{Builder, Emitted, GraphError, Value};
use super::clip::EncoderLayer;
use super::onnx::{Side, int, ints};
use crate::weights::{ImageEncoder, VisionConfig};

/// Colour channels of a picture.
const RGB: usize = 3;

/// What the network tells of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VisionOutput {
    /// The picture as a whole, projected: `[1, projection]`.
    Embedding,
    /// The hidden states before the last layer: `[1, 1 + patches, hidden_size]`.
    Penultimate,
}

/// Writes the network, for the CPU: it runs once a picture.
///
/// Input `pixels` `[1, 3, side, side]`, normalised as CLIP wants it. Output `features`, whose shape
/// `output` gives.
///
/// # Errors
/// When the file lacks a tensor or has it in another shape.
pub fn clip_vision(encoder: &ImageEncoder, output: VisionOutput) -> Result<Emitted, GraphError> {
    const ROOT: &str = "vision_model";
    let ImageEncoder { component, config } = encoder;
    let mut g = Builder::new(component, Dialect::Cpu);
    let channels = config.hidden_size;
    let side = Side::Fixed(config.side);
    let pixels = g.input("pixels", &[Side::Fixed(1), Side::Fixed(RGB), side, side]);
    let x = embeddings(&mut g, &pixels, config)?;
    // The name is misspelt in every file.
    let mut x = g.layer_norm(&x, &format!("{ROOT}.pre_layrnorm"), channels, config.epsilon)?;
    let shape = EncoderLayer {
        channels,
        heads: config.heads,
        inner: config.intermediate_size,
        activation: config.activation,
        epsilon: config.epsilon,
    };
    let layers = match output {
        VisionOutput::Embedding => config.layers,
        VisionOutput::Penultimate => config.layers.saturating_sub(1),
    };
    for layer in 0..layers {
        x = g.encoder_layer(&x, &format!("{ROOT}.encoder.layers.{layer}"), &shape, None)?;
    }
    match output {
        VisionOutput::Penultimate => {
            let tokens = (config.side / config.patch).pow(2) + 1;
            let sides = [Side::Fixed(1), Side::Fixed(tokens), Side::Fixed(channels)];
            g.output("features", &x, &sides);
        }
        VisionOutput::Embedding => {
            let first = g.integers(&[0]);
            let x = g.op("Gather", &[&x, &first], vec![int("axis", 1)]);
            let x =
                g.layer_norm(&x, &format!("{ROOT}.post_layernorm"), channels, config.epsilon)?;
            let projection = config.projection.unwrap_or_default();
            let x = g.linear(&x, "visual_projection", (channels, projection))?;
            let flat = g.integers(&[1, projection as i64]);
            let x = g.op("Reshape", &[&x, &flat], vec![]);
            g.output("features", &x, &[Side::Fixed(1), Side::Fixed(projection)]);
        }
    }
    g.finish("clip_vision")
}

/// One token for the picture and one for each patch, with their positions.
fn embeddings(
    g: &mut Builder<'_>,
    pixels: &Value,
    config: &VisionConfig,
) -> Result<Value, GraphError> {
    const ROOT: &str = "vision_model.embeddings";
    let VisionConfig { hidden_size: channels, patch, side, .. } = *config;
    let tokens = (side / patch).pow(2) + 1;
    let kernel =
        g.weight(&format!("{ROOT}.patch_embedding.weight"), &[channels, RGB, patch, patch])?;
    let step = [patch as i64, patch as i64];
    let attributes = vec![ints("kernel_shape", &step), ints("strides", &step)];
    let patches = g.op("Conv", &[pixels, &kernel], attributes);
    let flat = g.integers(&[1, channels as i64, -1]);
    let patches = g.op("Reshape", &[&patches, &flat], vec![]);
    let patches = g.op("Transpose", &[&patches], vec![ints("perm", &[0, 2, 1])]);
    let whole = g.weight(&format!("{ROOT}.class_embedding"), &[1, 1, channels])?;
    let all = g.op("Concat", &[&whole, &patches], vec![int("axis", 1)]);
    let positions =
        g.weight(&format!("{ROOT}.position_embedding.weight"), &[1, tokens, channels])?;
    Ok(g.op("Add", &[&all, &positions], vec![]))
}
