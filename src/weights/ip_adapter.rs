//! IP-Adapters on disk: image projection and one pair of key and value weights for each
//! cross-attention, as published (`image_proj.…`, `ip_adapter.N.…`).
//!
//! Ye et al. 2023. All sizes are read off the tensors. Knows which layer a number means, not what is
//! computed.

use std::collections::BTreeMap;
use std::path::Path;

use super::{Component, Header, Tensor, UnetConfig, VisionConfig, WeightsError};

/// How an adapter makes tokens of what the image encoder says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageProjection {
    /// Plain: one linear layer over the embedding of the whole picture.
    Linear {
        /// Image tokens.
        tokens: usize,
    },
    /// Full-face: two linear layers over every token of the encoder's last layer but one.
    PerToken,
    /// Plus: a perceiver resampler (Alayrac et al. 2022) over the same.
    Resampler(Resampler),
}

/// Sizes of a resampler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resampler {
    /// Image tokens.
    pub tokens: usize,
    /// Channels.
    pub channels: usize,
    /// Channels inside the attention, all heads together.
    pub inner: usize,
    /// Channels inside the feed-forward part.
    pub feed_forward: usize,
    /// Blocks.
    pub depth: usize,
}

impl Resampler {
    /// Channels of a head, in every published adapter.
    pub const HEAD: usize = 64;
}

/// An IP-Adapter, opened but not loaded.
#[derive(Clone, Debug)]
pub struct IpAdapter {
    /// All tensors, under their own names.
    pub component: Component,
    /// How it makes tokens.
    pub projection: ImageProjection,
    /// Channels of what it takes from the image encoder.
    pub features: usize,
    /// Channels of its tokens.
    pub width: usize,
    /// Channels of the cross-attentions it was made for, in the order of [`cross_attentions`].
    pub layers: Vec<usize>,
}

/// A cross-attention of a UNet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrossAttention {
    /// Its diffusers name, `….attn2`.
    pub name: String,
    /// Its channels.
    pub channels: usize,
}

/// The cross-attentions of a UNet in the order of diffusers' `unet.attn_processors`: the levels down,
/// the levels up, and the middle last. Number `2 i + 1` of an adapter belongs to the `i`-th.
#[must_use]
pub fn cross_attentions(config: &UnetConfig) -> Vec<CrossAttention> {
    let levels = config.block_out_channels.len();
    let of = |place: String, level: usize| {
        (0..config.transformer_layers_per_block.at(level)).map(move |block| CrossAttention {
            name: format!("{place}.transformer_blocks.{block}.attn2"),
            channels: config.block_out_channels[level],
        })
    };
    let mut all = Vec::new();
    for (level, kind) in config.down_block_types.iter().enumerate() {
        if kind == "CrossAttnDownBlock2D" {
            for layer in 0..config.layers_per_block {
                all.extend(of(format!("down_blocks.{level}.attentions.{layer}"), level));
            }
        }
    }
    for (step, kind) in config.up_block_types.iter().enumerate() {
        if kind == "CrossAttnUpBlock2D" {
            for layer in 0..=config.layers_per_block {
                all.extend(of(format!("up_blocks.{step}.attentions.{layer}"), levels - 1 - step));
            }
        }
    }
    all.extend(of("mid_block.attentions.0".to_owned(), levels - 1));
    all
}

impl IpAdapter {
    /// Opens `path`. Reads the header only.
    ///
    /// # Errors
    /// When the file is damaged or no IP-Adapter that works from pictures.
    pub fn open(path: &Path) -> Result<Self, WeightsError> {
        let Header { path, tensors, .. } = Header::read(path)?;
        let misfit = |why| WeightsError::Misfit { path: path.clone(), why };
        let shapes = Shapes(&tensors);
        let (layers, width) = shapes.layers().map_err(misfit)?;
        let (projection, features) = shapes.projection(width).map_err(misfit)?;
        let component = Component { name: "IP-Adapter", path, tensors };
        Ok(Self { component, projection, features, width, layers })
    }

    /// Whether `encoder` gives what this adapter takes.
    #[must_use]
    pub fn takes(&self, encoder: &VisionConfig) -> bool {
        match self.projection {
            ImageProjection::Linear { .. } => encoder.projection == Some(self.features),
            ImageProjection::PerToken | ImageProjection::Resampler(_) => {
                encoder.hidden_size == self.features
            }
        }
    }

    /// The published image encoder that the adapter was made for, for messages.
    #[must_use]
    pub const fn usual_encoder(&self) -> &'static str {
        let whole = matches!(self.projection, ImageProjection::Linear { .. });
        match (whole, self.features) {
            (true, 1024) | (false, 1280) => "CLIP ViT-H/14",
            (true, 1280) | (false, 1664) => "CLIP ViT-bigG/14",
            (true, 768) | (false, 1024) => "CLIP ViT-L/14",
            _ => "its CLIP vision model",
        }
    }

    /// Holds the adapter against a UNet.
    ///
    /// # Errors
    /// When it was made for another one.
    pub fn require_fit(&self, config: &UnetConfig) -> Result<(), WeightsError> {
        let misfit = |why| Err(WeightsError::Misfit { path: self.component.path.clone(), why });
        if self.width != config.cross_attention_dim {
            let made_for = match self.width {
                768 => "SD 1.x",
                1024 => "SD 2.x",
                2048 => "SDXL",
                _ => "another model",
            };
            return misfit(format!(
                "this IP-Adapter was made for {made_for}: its image tokens have {} channels, the \
                 model reads {}; choose an IP-Adapter made for this model",
                self.width, config.cross_attention_dim
            ));
        }
        let wanted = cross_attentions(config);
        if !wanted.iter().map(|layer| layer.channels).eq(self.layers.iter().copied()) {
            return misfit(format!(
                "this IP-Adapter was made for a model with {} cross-attentions of other widths, \
                 this one has {}; choose an IP-Adapter made for this model",
                self.layers.len(),
                wanted.len()
            ));
        }
        Ok(())
    }
}

/// The shapes of an adapter's tensors.
struct Shapes<'a>(&'a BTreeMap<String, Tensor>);

impl Shapes<'_> {
    fn sides<const N: usize>(&self, name: &str) -> Result<[usize; N], String> {
        let tensor = self.0.get(name).ok_or_else(|| format!("tensor `{name}` is missing"))?;
        let sides: Vec<usize> = tensor.shape.iter().map(|&side| side as usize).collect();
        <[usize; N]>::try_from(sides)
            .ok()
            .filter(|sides| !sides.contains(&0))
            .ok_or_else(|| format!("tensor `{name}` has the shape {:?}", tensor.shape))
    }

    fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// The channels of all layers, and of the tokens.
    fn layers(&self) -> Result<(Vec<usize>, usize), String> {
        const KEY: &str = ".to_k_ip.weight";
        let count = self.0.keys().filter(|name| name.ends_with(KEY)).count();
        if count == 0 {
            return Err("this file holds no IP-Adapter as it was published".to_owned());
        }
        let mut layers = Vec::with_capacity(count);
        let mut width = 0;
        for index in 0..count {
            let number = 2 * index + 1;
            let [channels, tokens] = self.sides(&format!("ip_adapter.{number}{KEY}"))?;
            let value: [usize; 2] = self.sides(&format!("ip_adapter.{number}.to_v_ip.weight"))?;
            if value != [channels, tokens] || (width != 0 && tokens != width) {
                return Err(format!("the weights of layer {number} do not belong together"));
            }
            layers.push(channels);
            width = tokens;
        }
        Ok((layers, width))
    }

    /// How tokens of `width` channels are made, and of how many channels of the encoder.
    fn projection(&self, width: usize) -> Result<(ImageProjection, usize), String> {
        if self.has("image_proj.proj.weight") {
            let [rows, features] = self.sides("image_proj.proj.weight")?;
            if !rows.is_multiple_of(width) {
                return Err(format!("the projection gives {rows} channels, not tokens of {width}"));
            }
            return Ok((ImageProjection::Linear { tokens: rows / width }, features));
        }
        if self.has("image_proj.proj.3.weight") {
            let [_, features] = self.sides("image_proj.proj.0.weight")?;
            return Ok((ImageProjection::PerToken, features));
        }
        if self.has("image_proj.latents") {
            return self.resampler();
        }
        // What diffusers takes these signs for.
        let perceiver = self.0.keys().any(|name| name.contains("perceiver_resampler."));
        if perceiver || self.has("image_proj.norm.weight") {
            return Err(
                "this is a FaceID adapter, which works from face measurements (insightface) \
                        and not from pictures; choose a plain, Plus or full-face IP-Adapter"
                    .to_owned(),
            );
        }
        Err("this IP-Adapter is of an unknown kind; choose a plain, Plus or full-face one"
            .to_owned())
    }

    fn resampler(&self) -> Result<(ImageProjection, usize), String> {
        let [_, tokens, channels] = self.sides("image_proj.latents")?;
        let [_, features] = self.sides("image_proj.proj_in.weight")?;
        let [inner, _] = self.sides("image_proj.layers.0.0.to_q.weight")?;
        let [feed_forward, _] = self.sides("image_proj.layers.0.1.1.weight")?;
        if !inner.is_multiple_of(Resampler::HEAD) {
            return Err(format!(
                "the resampler's {inner} channels are not heads of {}",
                Resampler::HEAD
            ));
        }
        let query = |index: usize| format!("image_proj.layers.{index}.0.to_q.weight");
        let depth = (0..self.0.len()).take_while(|&index| self.has(&query(index))).count();
        let resampler = Resampler { tokens, channels, inner, feed_forward, depth };
        Ok((ImageProjection::Resampler(resampler), features))
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn golden(name: &str) -> IpAdapter {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/ip_adapter");
        IpAdapter::open(&folder.join(name)).unwrap()
    }

    #[test]
    fn sizes_are_read_off_the_tensors() {
        let plain = golden("plain.safetensors");
        assert_eq!(plain.projection, ImageProjection::Linear { tokens: 4 });
        assert_eq!((plain.features, plain.width, plain.layers.len()), (24, 16, 16));
        let plus = golden("plus.safetensors");
        let sizes = Resampler { tokens: 6, channels: 32, inner: 64, feed_forward: 128, depth: 4 };
        assert_eq!((plus.projection, plus.features), (ImageProjection::Resampler(sizes), 32));
        let face = golden("full-face.safetensors");
        assert_eq!((face.projection, face.features), (ImageProjection::PerToken, 32));
    }

    /// `attn_processors` of diffusers' `UNet2DConditionModel` with the config of SD 1.5.
    #[test]
    fn sd_1_has_sixteen_cross_attentions_the_middle_last() {
        let all = cross_attentions(&UnetConfig::default());
        let channels: Vec<usize> = all.iter().map(|layer| layer.channels).collect();
        let expected =
            [320, 320, 640, 640, 1280, 1280, 1280, 1280, 1280, 640, 640, 640, 320, 320, 320, 1280];
        assert_eq!(channels, expected);
        let name = |index: usize| all[index].name.as_str();
        assert_eq!(name(0), "down_blocks.0.attentions.0.transformer_blocks.0.attn2");
        assert_eq!(name(6), "up_blocks.1.attentions.0.transformer_blocks.0.attn2");
        assert_eq!(name(15), "mid_block.attentions.0.transformer_blocks.0.attn2");
    }

    #[test]
    fn adapters_of_other_models_are_refused_with_the_reason() {
        let plain = golden("plain.safetensors");
        let refused = |change: &dyn Fn(&mut IpAdapter)| {
            let mut adapter = plain.clone();
            change(&mut adapter);
            let narrow = UnetConfig { cross_attention_dim: 16, ..UnetConfig::default() };
            adapter.require_fit(&narrow).unwrap_err().to_string()
        };
        assert!(refused(&|adapter| adapter.width = 2048).contains("made for SDXL"));
        assert!(refused(&|_| ()).contains("cross-attentions of other widths"));
    }

    #[test]
    fn messages_name_the_encoder_that_is_wanted() {
        let wanted = |projection, features| {
            let adapter = IpAdapter {
                component: Component {
                    name: "IP-Adapter",
                    path: PathBuf::new(),
                    tensors: BTreeMap::new(),
                },
                projection,
                features,
                width: 768,
                layers: vec![],
            };
            adapter.usual_encoder()
        };
        let plain = ImageProjection::Linear { tokens: 4 };
        assert_eq!(wanted(plain, 1024), "CLIP ViT-H/14");
        assert_eq!(wanted(plain, 1280), "CLIP ViT-bigG/14");
        assert_eq!(wanted(plain, 768), "CLIP ViT-L/14");
        assert_eq!(wanted(ImageProjection::PerToken, 1280), "CLIP ViT-H/14");
        assert_eq!(wanted(ImageProjection::PerToken, 1024), "CLIP ViT-L/14");
    }
}
