//! The CLIP text model: token ids to one vector a token.
//!
//! Radford et al. 2021; the layout is that of `transformers`' `CLIPTextModel`.

use super::Style;
use super::attention::{Heads, Qkv};
use super::builder::{Builder, Emitted, GraphError, Value};
use super::onnx::{Side, int};
use crate::weights::{Activation, ClipConfig, Component};

/// Slope of CLIP's quick GELU.
const QUICK_GELU: f32 = 1.702;

/// Writes the text model.
///
/// Inputs `input_ids` `[n, tokens]` (i64, `tokens` = `max_position_embeddings`); `key_bias`
/// `[n, 1, 1, tokens]`, which is added to every attention score of a token: 0 shows it, a large
/// negative number hides it from the others; `known` `[n, tokens, 1]`, which is 1 for a token of the
/// table and 0 for one whose vector stands in `learned` `[n, tokens, hidden_size]`, else 0. Output
/// `hidden_states` `[n, tokens, hidden_size]` after the final layer norm. `skip` leaves out that
/// many of the last layers (`clipSkip`).
///
/// # Errors
/// When the checkpoint lacks a tensor or has it in another shape.
pub fn clip_text(
    component: &Component,
    config: &ClipConfig,
    style: impl Into<Style>,
    skip: usize,
) -> Result<Emitted, GraphError> {
    const ROOT: &str = "text_model";
    let mut g = Builder::new(component, style);
    let tokens = config.max_position_embeddings;
    let channels = config.hidden_size;

    let ids = g.integer_input("input_ids", &[Side::Open("batch"), Side::Fixed(tokens)]);
    let mut x = token_embeddings(&mut g, &ids, config)?;
    let one = Side::Fixed(1);
    let hidden = g.input("key_bias", &[Side::Open("batch"), one, one, Side::Fixed(tokens)]);
    let causal = g.causal_mask(tokens);
    let mask = g.op("Add", &[&causal, &hidden], vec![]);
    let shape = EncoderLayer {
        channels,
        heads: config.num_attention_heads,
        inner: config.intermediate_size,
        activation: config.hidden_act,
        epsilon: config.layer_norm_eps,
    };
    for layer in 0..config.num_hidden_layers.saturating_sub(skip) {
        x = g.encoder_layer(&x, &format!("{ROOT}.encoder.layers.{layer}"), &shape, Some(&mask))?;
    }
    let x =
        g.layer_norm(&x, &format!("{ROOT}.final_layer_norm"), channels, config.layer_norm_eps)?;

    let sides = [Side::Open("batch"), Side::Fixed(tokens), Side::Fixed(channels)];
    g.output("hidden_states", &x, &sides);
    g.finish("clip_text")
}

/// Token and position embeddings. The table is looked up as stored: casting all of it to f32
/// first would cost a copy of the largest tensor of the network.
fn token_embeddings(
    g: &mut Builder<'_>,
    ids: &Value,
    config: &ClipConfig,
) -> Result<Value, GraphError> {
    let channels = config.hidden_size;
    let tokens = config.max_position_embeddings;
    let table = g.weight_as_stored(
        "text_model.embeddings.token_embedding.weight",
        &[config.vocab_size, channels],
    )?;
    let rows = g.op("Gather", &[&table, ids], vec![int("axis", 0)]);
    let rows = g.op("Cast", &[&rows], vec![int("to", super::onnx::DataType::Float as i64)]);
    let positions =
        g.weight("text_model.embeddings.position_embedding.weight", &[tokens, channels])?;
    let sides = |last| [Side::Open("batch"), Side::Fixed(tokens), Side::Fixed(last)];
    let (known, learned) = (g.input("known", &sides(1)), g.input("learned", &sides(channels)));
    // Times 1 and plus 0 change no bit.
    let rows = g.op("Mul", &[&rows, &known], vec![]);
    let rows = g.op("Add", &[&rows, &learned], vec![]);
    Ok(g.op("Add", &[&rows, &positions], vec![]))
}

/// Shape of a layer of CLIP's two encoders.
pub(super) struct EncoderLayer {
    pub(super) channels: usize,
    pub(super) heads: usize,
    /// Channels inside the feed-forward part.
    pub(super) inner: usize,
    pub(super) activation: Activation,
    /// Of the layer norms.
    pub(super) epsilon: f32,
}

impl Builder<'_> {
    /// Self-attention and a feed-forward part, each around a residual; `mask` as for
    /// [`attention`](Self::attention).
    pub(super) fn encoder_layer(
        &mut self,
        x: &Value,
        name: &str,
        shape: &EncoderLayer,
        mask: Option<&Value>,
    ) -> Result<Value, GraphError> {
        let &EncoderLayer { channels, heads: count, inner, activation, epsilon } = shape;
        let sizes = (channels, channels);
        let h = self.layer_norm(x, &format!("{name}.layer_norm1"), channels, epsilon)?;
        let qkv = Qkv {
            q: self.linear(&h, &format!("{name}.self_attn.q_proj"), sizes)?,
            k: self.linear(&h, &format!("{name}.self_attn.k_proj"), sizes)?,
            v: self.linear(&h, &format!("{name}.self_attn.v_proj"), sizes)?,
        };
        let h = self.attention(&qkv, Heads { count, channels }, mask);
        let h = self.linear(&h, &format!("{name}.self_attn.out_proj"), sizes)?;
        let x = self.op("Add", &[x, &h], vec![]);

        let h = self.layer_norm(&x, &format!("{name}.layer_norm2"), channels, epsilon)?;
        let h = self.linear(&h, &format!("{name}.mlp.fc1"), (channels, inner))?;
        let h = match activation {
            Activation::QuickGelu => self.swish(&h, QUICK_GELU),
            Activation::Gelu => self.gelu(&h),
        };
        let h = self.linear(&h, &format!("{name}.mlp.fc2"), (inner, channels))?;
        Ok(self.op("Add", &[&x, &h], vec![]))
    }
}
