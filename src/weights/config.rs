//! The JSON configs of a diffusers model, reduced to what shapes its networks.
//!
//! A value that would change the computation and is not implemented is refused by name.

use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::WeightsError;

/// A number for all blocks or one for each.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum PerBlock {
    /// The same everywhere.
    All(usize),
    /// By level, outermost first.
    Each(Vec<usize>),
}

impl PerBlock {
    /// The number of level `level`; the last one where the list is short.
    #[must_use]
    pub fn at(&self, level: usize) -> usize {
        match self {
            Self::All(number) => *number,
            Self::Each(numbers) => numbers.get(level).or(numbers.last()).copied().unwrap_or(1),
        }
    }
}

/// Non-linearity of the text encoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// `x · σ(1.702 x)`.
    QuickGelu,
    /// `x · Φ(x)`, by the error function.
    Gelu,
}

/// `text_encoder/config.json` (CLIP text model).
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct ClipConfig {
    /// Channels.
    pub hidden_size: usize,
    /// Channels inside the feed-forward part.
    pub intermediate_size: usize,
    /// Layers.
    pub num_hidden_layers: usize,
    /// Heads.
    pub num_attention_heads: usize,
    /// Tokens in a chunk, with start and end.
    pub max_position_embeddings: usize,
    /// Entries of the token table.
    pub vocab_size: usize,
    /// Non-linearity.
    pub hidden_act: Activation,
    /// Epsilon of the layer norms.
    pub layer_norm_eps: f32,
}

impl Default for ClipConfig {
    /// CLIP ViT-L/14, the text encoder of SD 1.x.
    fn default() -> Self {
        Self {
            hidden_size: 768,
            intermediate_size: 3072,
            num_hidden_layers: 12,
            num_attention_heads: 12,
            max_position_embeddings: 77,
            vocab_size: 49408,
            hidden_act: Activation::QuickGelu,
            layer_norm_eps: 1e-5,
        }
    }
}

/// Bounds far above every published network: a config is a stranger's file, and these numbers decide
/// how much is reserved.
const MOST_LEVELS: usize = 8;
const MOST_LAYERS: usize = 32;

/// `unet/config.json` (`UNet2DConditionModel`).
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default)]
pub struct UnetConfig {
    /// Latent channels in; 9 for inpainting models.
    pub in_channels: usize,
    /// Latent channels out.
    pub out_channels: usize,
    /// Channels by level.
    pub block_out_channels: Vec<usize>,
    /// Kinds of the encoder's levels.
    pub down_block_types: Vec<String>,
    /// Kinds of the decoder's levels, innermost first.
    pub up_block_types: Vec<String>,
    /// Residual blocks a level (one more in the decoder).
    pub layers_per_block: usize,
    /// Channels of the text encoding.
    pub cross_attention_dim: usize,
    /// Heads by level; diffusers gives this key the number of heads, not their width.
    pub attention_head_dim: PerBlock,
    /// Heads by level under its proper name, where a config has it.
    pub num_attention_heads: Option<PerBlock>,
    /// Transformer blocks by level.
    pub transformer_layers_per_block: PerBlock,
    /// Whether the transformers' projections are linear layers rather than 1 × 1 convolutions.
    pub use_linear_projection: bool,
    /// Groups of the group norms.
    pub norm_num_groups: usize,
    /// Epsilon of the residual blocks' group norms.
    pub norm_eps: f32,
    /// Cosine before sine in the timestep encoding.
    pub flip_sin_to_cos: bool,
    /// Shift of the timestep encoding's frequencies.
    pub freq_shift: f32,
    /// Extra conditioning (SDXL); not of SD 1.x.
    pub addition_embed_type: Option<String>,
    /// Class conditioning; not implemented.
    pub class_embed_type: Option<String>,
    /// Non-linearity, `silu`.
    pub act_fn: String,
}

impl Default for UnetConfig {
    /// SD 1.x.
    fn default() -> Self {
        let down =
            ["CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"];
        let up = ["UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"];
        Self {
            in_channels: 4,
            out_channels: 4,
            block_out_channels: vec![320, 640, 1280, 1280],
            down_block_types: down.map(ToOwned::to_owned).to_vec(),
            up_block_types: up.map(ToOwned::to_owned).to_vec(),
            layers_per_block: 2,
            cross_attention_dim: 768,
            attention_head_dim: PerBlock::All(8),
            num_attention_heads: None,
            transformer_layers_per_block: PerBlock::All(1),
            use_linear_projection: false,
            norm_num_groups: 32,
            norm_eps: 1e-5,
            flip_sin_to_cos: true,
            freq_shift: 0.0,
            addition_embed_type: None,
            class_embed_type: None,
            act_fn: "silu".to_owned(),
        }
    }
}

impl UnetConfig {
    /// Attention heads of `level`, outermost 0.
    #[must_use]
    pub fn heads(&self, level: usize) -> usize {
        self.num_attention_heads.as_ref().unwrap_or(&self.attention_head_dim).at(level)
    }

    /// Channels of the encoder's states that the decoder takes beside its own, outermost first.
    #[must_use]
    pub fn skip_channels(&self) -> Vec<usize> {
        self.skips().into_iter().map(|(channels, _)| channels).collect()
    }

    /// Those channels, and how many times smaller than the latent each state is.
    #[must_use]
    pub fn skips(&self) -> Vec<(usize, usize)> {
        let channels = &self.block_out_channels;
        let mut skips = vec![(channels.first().copied().unwrap_or_default(), 1)];
        for (level, &width) in channels.iter().enumerate() {
            skips.extend(std::iter::repeat_n((width, 1 << level), self.layers_per_block));
            if level + 1 < channels.len() {
                skips.push((width, 2 << level));
            }
        }
        skips
    }

    pub(super) fn unsupported(&self) -> Option<String> {
        const KNOWN: [&str; 4] =
            ["CrossAttnDownBlock2D", "DownBlock2D", "UpBlock2D", "CrossAttnUpBlock2D"];
        let levels = self.block_out_channels.len();
        if levels == 0
            || self.down_block_types.len() != levels
            || self.up_block_types.len() != levels
        {
            return Some("`block_out_channels` and the block types differ in length".to_owned());
        }
        if levels > MOST_LEVELS || self.layers_per_block > MOST_LAYERS {
            return Some(format!(
                "a network of {levels} levels with {} layers each is larger than any that is known",
                self.layers_per_block
            ));
        }
        if let Some(kind) = (self.down_block_types.iter().chain(&self.up_block_types))
            .find(|kind| !KNOWN.contains(&kind.as_str()))
        {
            return Some(format!("block type `{kind}` is not known"));
        }
        let heads_divide = (0..levels).all(|level| {
            let heads = self.heads(level);
            heads > 0 && self.block_out_channels[level].is_multiple_of(heads)
        });
        if !heads_divide || self.norm_num_groups == 0 {
            return Some("heads do not divide the channels, or `norm_num_groups` is 0".to_owned());
        }
        if let Some(kind) = self.addition_embed_type.as_ref().or(self.class_embed_type.as_ref()) {
            return Some(format!("conditioning `{kind}` is not on the local engine yet"));
        }
        (self.act_fn != "silu").then(|| format!("`act_fn` `{}` is not known", self.act_fn))
    }
}

/// `vae/config.json` (`AutoencoderKL`).
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default)]
pub struct VaeConfig {
    /// Channels by level, outermost first.
    pub block_out_channels: Vec<usize>,
    /// Residual blocks a level (one more in the decoder).
    pub layers_per_block: usize,
    /// Channels of the latent.
    pub latent_channels: usize,
    /// Groups of the group norms.
    pub norm_num_groups: usize,
    /// The sampler's latent is the encoder's times this.
    pub scaling_factor: f32,
    /// Non-linearity, `silu`.
    pub act_fn: String,
}

impl Default for VaeConfig {
    /// The autoencoder of SD 1.x.
    fn default() -> Self {
        Self {
            block_out_channels: vec![128, 256, 512, 512],
            layers_per_block: 2,
            latent_channels: 4,
            norm_num_groups: 32,
            scaling_factor: 0.18215,
            act_fn: "silu".to_owned(),
        }
    }
}

impl VaeConfig {
    /// Pixels a latent cell covers on each side.
    #[must_use]
    pub fn downscale(&self) -> usize {
        1 << (self.block_out_channels.len().saturating_sub(1))
    }
}

/// The three configs of a checkpoint.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Configs {
    pub(super) text_encoder: ClipConfig,
    pub(super) unet: UnetConfig,
    pub(super) vae: VaeConfig,
}

impl Configs {
    /// Reads `*/config.json` of a diffusers folder.
    pub(super) fn read(folder: &Path) -> Result<Self, WeightsError> {
        let unet: UnetConfig = read_json(&folder.join("unet/config.json"))?;
        if let Some(why) = unet.unsupported() {
            return Err(WeightsError::Config { path: folder.join("unet/config.json"), why });
        }
        let vae: VaeConfig = read_json(&folder.join("vae/config.json"))?;
        if vae.block_out_channels.is_empty() || vae.act_fn != "silu" {
            let why = "`block_out_channels` is empty or `act_fn` is not `silu`".to_owned();
            return Err(WeightsError::Config { path: folder.join("vae/config.json"), why });
        }
        if vae.block_out_channels.len() > MOST_LEVELS || vae.layers_per_block > MOST_LAYERS {
            let why = "it describes a network larger than any that is known".to_owned();
            return Err(WeightsError::Config { path: folder.join("vae/config.json"), why });
        }
        let text_encoder = read_json(&folder.join("text_encoder/config.json"))?;
        Ok(Self { text_encoder, unet, vae })
    }
}

/// Reads one JSON file into `T`.
pub(super) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, WeightsError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| WeightsError::Read { path: path.to_owned(), source })?;
    serde_json::from_str(&text)
        .map_err(|error| WeightsError::Config { path: path.to_owned(), why: error.to_string() })
}
