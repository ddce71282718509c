//! Attention in the three dialects, and the transformer blocks around it.

use super::blocks::{Grouping, Kernel};
use super::builder::{Builder, GraphError, Value};
use super::ip_adapter::{image_key, image_value};
use super::onnx::{Side, int, ints};

/// Heads and channels of one attention.
#[derive(Clone, Copy)]
pub(super) struct Heads {
    pub(super) count: usize,
    pub(super) channels: usize,
}

impl Heads {
    const fn width(self) -> usize {
        self.channels / self.count
    }
}

/// Queries, keys and values, each `[n, tokens, channels]`.
pub(super) struct Qkv {
    pub(super) q: Value,
    pub(super) k: Value,
    pub(super) v: Value,
}

/// What a cross-attention attends to.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    /// The text encoding, `[n, tokens, width]`.
    pub(super) text: &'a Value,
    pub(super) width: usize,
    /// IP-Adapters beside it; their keys and values become inputs of the graph.
    pub(super) image_prompts: usize,
}

/// Epsilon of the group norm in front of a transformer (diffusers `Transformer2DModel`).
const TRANSFORMER_NORM_EPSILON: f32 = 1e-6;

/// Epsilon of the layer norms inside (diffusers `BasicTransformerBlock`).
const LAYER_NORM_EPSILON: f32 = 1e-5;

impl Builder<'_> {
    /// `softmax(q kᵀ / √width + mask) v`, heads side by side in the last side.
    /// `mask` is added to the scores and broadcasts to `[n, heads, queries, keys]`.
    pub(super) fn attention(&mut self, qkv: &Qkv, heads: Heads, mask: Option<&Value>) -> Value {
        if self.dialect.microsoft() {
            let absent = Self::absent();
            let mut inputs = vec![&qkv.q, &qkv.k, &qkv.v];
            if let Some(mask) = mask {
                // Bias, key padding mask, then the mask that is added.
                inputs.extend([&absent, &absent, mask]);
            }
            let attributes = vec![int("num_heads", heads.count as i64)];
            return self.microsoft("MultiHeadAttention", &inputs, attributes);
        }
        self.explicit_attention(qkv, heads, mask)
    }

    fn explicit_attention(&mut self, qkv: &Qkv, heads: Heads, mask: Option<&Value>) -> Value {
        let split = self.integers(&[0, 0, heads.count as i64, heads.width() as i64]);
        let mut by_head = |value: &Value, perm: &[i64]| {
            let value = self.op("Reshape", &[value, &split], vec![]);
            self.op("Transpose", &[&value], vec![ints("perm", perm)])
        };
        let q = by_head(&qkv.q, &[0, 2, 1, 3]);
        let k = by_head(&qkv.k, &[0, 2, 3, 1]);
        let v = by_head(&qkv.v, &[0, 2, 1, 3]);
        let scale = self.scalar((heads.width() as f32).sqrt().recip());
        let q = self.op("Mul", &[&q, &scale], vec![]);
        // A mask belongs to short sequences, which need no slicing.
        let mixed = if self.slices_attention() && mask.is_none() {
            let parts = self.query_slices(&q);
            let parts: Vec<Value> =
                parts.iter().map(|q| self.weighted_values(q, &k, &v, None)).collect();
            self.op("Concat", &parts.iter().collect::<Vec<_>>(), vec![int("axis", 2)])
        } else {
            self.weighted_values(&q, &k, &v, mask)
        };
        let mixed = self.op("Transpose", &[&mixed], vec![ints("perm", &[0, 2, 1, 3])]);
        let joined = self.integers(&[0, 0, heads.channels as i64]);
        self.op("Reshape", &[&mixed, &joined], vec![])
    }

    /// Four slices of the queries, by which memory for the weights falls. Halved twice: cut into four at
    /// once, the last of 5, 6 or 9 queries (a picture of 192² at SD 1.x's deepest level) would be empty.
    fn query_slices(&mut self, q: &Value) -> Vec<Value> {
        let halves = self.split(q, 2, 2);
        halves.iter().flat_map(|half| self.split(half, 2, 2)).collect()
    }

    fn weighted_values(&mut self, q: &Value, k: &Value, v: &Value, mask: Option<&Value>) -> Value {
        let mut scores = self.op("MatMul", &[q, k], vec![]);
        if let Some(mask) = mask {
            scores = self.op("Add", &[&scores, mask], vec![]);
        }
        let weights = self.op("Softmax", &[&scores], vec![int("axis", -1)]);
        self.op("MatMul", &[&weights, v], vec![])
    }

    /// Attention of `x` to `context` (or to itself) with its four projections.
    pub(super) fn attention_layer(
        &mut self,
        x: &Value,
        name: &str,
        heads: Heads,
        context: Option<Context<'_>>,
    ) -> Result<Value, GraphError> {
        let channels = heads.channels;
        let Context { text: source, width, image_prompts } =
            context.unwrap_or(Context { text: x, width: channels, image_prompts: 0 });
        let qkv = Qkv {
            q: self.linear(x, &format!("{name}.to_q"), (channels, channels))?,
            k: self.linear(source, &format!("{name}.to_k"), (width, channels))?,
            v: self.linear(source, &format!("{name}.to_v"), (width, channels))?,
        };
        let mut mixed = self.attention(&qkv, heads, None);
        for index in 0..image_prompts {
            let sides = [Side::Open("batch"), Side::Any, Side::Fixed(channels)];
            let k = self.input(&image_key(name, index), &sides);
            let v = self.input(&image_value(name, index), &sides);
            let image = self.attention(&Qkv { q: qkv.q.clone(), k, v }, heads, None);
            mixed = self.op("Add", &[&mixed, &image], vec![]);
        }
        self.linear(&mixed, &format!("{name}.to_out.0"), (channels, channels))
    }

    /// Self-attention, cross-attention and a gated feed-forward part, each around a residual.
    fn transformer_block(
        &mut self,
        x: &Value,
        name: &str,
        heads: Heads,
        context: Context<'_>,
    ) -> Result<Value, GraphError> {
        let channels = heads.channels;
        let h = self.layer_norm(x, &format!("{name}.norm1"), channels, LAYER_NORM_EPSILON)?;
        let h = self.attention_layer(&h, &format!("{name}.attn1"), heads, None)?;
        let x = self.op("Add", &[&h, x], vec![]);
        let h = self.layer_norm(&x, &format!("{name}.norm2"), channels, LAYER_NORM_EPSILON)?;
        let h = self.attention_layer(&h, &format!("{name}.attn2"), heads, Some(context))?;
        let x = self.op("Add", &[&h, &x], vec![]);
        let h = self.layer_norm(&x, &format!("{name}.norm3"), channels, LAYER_NORM_EPSILON)?;
        let h = self.gated_feed_forward(&h, &format!("{name}.ff.net"), channels)?;
        Ok(self.op("Add", &[&h, &x], vec![]))
    }

    /// GEGLU: one half of the projection gates the other. The halves are rows of one stored
    /// weight, read as two, so that nothing is split at run time.
    fn gated_feed_forward(
        &mut self,
        x: &Value,
        name: &str,
        channels: usize,
    ) -> Result<Value, GraphError> {
        let inner = channels * 4;
        let projection = format!("{name}.0.proj");
        let sizes = (channels, inner * 2);
        let h = self.linear_rows(x, &projection, sizes, 0..inner)?;
        let gate = self.linear_rows(x, &projection, sizes, inner..inner * 2)?;
        let gate = self.gelu(&gate);
        let h = self.op("Mul", &[&h, &gate], vec![]);
        self.linear(&h, &format!("{name}.2"), (inner, channels))
    }

    /// Transformer blocks over the pixels of `x`, `[n, channels, h, w]`, around a residual.
    pub(super) fn spatial_transformer(
        &mut self,
        x: &Value,
        name: &str,
        shape: &TransformerShape,
        context: Context<'_>,
    ) -> Result<Value, GraphError> {
        let TransformerShape { heads, blocks, groups, linear_projection } = *shape;
        let channels = heads.channels;
        let grouping = Grouping { groups, epsilon: TRANSFORMER_NORM_EPSILON };
        let sizes = (channels, channels);
        let proj_in = format!("{name}.proj_in");
        let proj_out = format!("{name}.proj_out");

        let mut h = self.group_norm(x, &format!("{name}.norm"), channels, grouping)?;
        if linear_projection {
            h = self.pixels_to_tokens(&h, channels);
            h = self.linear(&h, &proj_in, sizes)?;
        } else {
            h = self.conv(&h, &proj_in, sizes, Kernel::POINT)?;
            h = self.pixels_to_tokens(&h, channels);
        }
        for block in 0..blocks {
            let block = format!("{name}.transformer_blocks.{block}");
            h = self.transformer_block(&h, &block, heads, context)?;
        }
        if linear_projection {
            h = self.linear(&h, &proj_out, sizes)?;
            h = self.tokens_to_pixels(&h, x);
        } else {
            h = self.tokens_to_pixels(&h, x);
            h = self.conv(&h, &proj_out, sizes, Kernel::POINT)?;
        }
        Ok(self.op("Add", &[&h, x], vec![]))
    }

    /// `[n, c, h, w]` → `[n, h·w, c]`.
    fn pixels_to_tokens(&mut self, x: &Value, channels: usize) -> Value {
        let flat = self.integers(&[0, channels as i64, -1]);
        let h = self.op("Reshape", &[x, &flat], vec![]);
        self.op("Transpose", &[&h], vec![ints("perm", &[0, 2, 1])])
    }

    /// `[n, h·w, c]` → the shape of `like`, `[n, c, h, w]`.
    fn tokens_to_pixels(&mut self, x: &Value, like: &Value) -> Value {
        let h = self.op("Transpose", &[x], vec![ints("perm", &[0, 2, 1])]);
        let shape = self.op("Shape", &[like], vec![]);
        self.op("Reshape", &[&h, &shape], vec![])
    }

    /// The VAE's attention: one head over all pixels, around a residual.
    pub(super) fn pixel_attention(
        &mut self,
        x: &Value,
        name: &str,
        channels: usize,
        grouping: Grouping,
    ) -> Result<Value, GraphError> {
        let h = self.group_norm(x, &format!("{name}.group_norm"), channels, grouping)?;
        let h = self.pixels_to_tokens(&h, channels);
        let h = self.attention_layer(&h, name, Heads { count: 1, channels }, None)?;
        let h = self.tokens_to_pixels(&h, x);
        Ok(self.op("Add", &[&h, x], vec![]))
    }

    /// An additive mask that hides later tokens, `[1, 1, tokens, tokens]`.
    pub(super) fn causal_mask(&mut self, tokens: usize) -> Value {
        let values: Vec<f32> = (0..tokens * tokens)
            .map(|at| if at % tokens > at / tokens { f32::MIN } else { 0.0 })
            .collect();
        self.floats("causal mask", &[1, 1, tokens as i64, tokens as i64], &values)
    }

    /// The sinusoidal encoding of timesteps `[n]` in `channels` numbers: `[n, channels]`
    /// (Vaswani et al. 2017, as in DDPM).
    pub(super) fn timestep_encoding(
        &mut self,
        timestep: &Value,
        channels: usize,
        order: TimestepOrder,
    ) -> Value {
        const LONGEST_PERIOD: f64 = 10_000.0;
        let half = channels / 2;
        // In f32 and in this order, as diffusers computes it: at timestep 999 an ulp is visible.
        let slope = -LONGEST_PERIOD.ln() as f32;
        let frequencies: Vec<f32> = (0..half)
            .map(|i| (slope * i as f32 / (half as f32 - order.freq_shift)).exp())
            .collect();
        let frequencies = self.floats("timestep frequencies", &[1, half as i64], &frequencies);
        let column = self.integers(&[-1, 1]);
        let timestep = self.op("Reshape", &[timestep, &column], vec![]);
        let angle = self.op("Mul", &[&timestep, &frequencies], vec![]);
        let sine = self.op("Sin", &[&angle], vec![]);
        let cosine = self.op("Cos", &[&angle], vec![]);
        let both = if order.cosine_first { [&cosine, &sine] } else { [&sine, &cosine] };
        self.op("Concat", &both, vec![int("axis", -1)])
    }
}

/// How the timestep encoding is laid out.
#[derive(Clone, Copy)]
pub(super) struct TimestepOrder {
    pub(super) cosine_first: bool,
    pub(super) freq_shift: f32,
}

/// Shape of a spatial transformer.
pub(super) struct TransformerShape {
    pub(super) heads: Heads,
    pub(super) blocks: usize,
    pub(super) groups: usize,
    pub(super) linear_projection: bool,
}
