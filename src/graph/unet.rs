//! The UNet that predicts noise: an encoder, a middle and a decoder with skip connections.
//!
//! Rombach et al. 2022; the layout is that of diffusers' `UNet2DConditionModel`.

use super::Style;
use super::attention::{Context, Heads, TimestepOrder, TransformerShape};
use super::blocks::{Grouping, Kernel, ResidualContext};
use super::builder::{Builder, Emitted, GraphError, Value};
use super::onnx::{Side, int};
use crate::weights::{Component, UnetConfig};

/// Which inputs the graph has beside latent, timestep and text encoding.
///
/// What LoRAs change comes on top: [`Style::replaceable`](super::Style).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct UnetInputs {
    /// ControlNet residuals: `down_residual_0 …` for each skip connection and `mid_residual`.
    pub control_residuals: bool,
    /// IP-Adapters that work at the same time: each has keys and values of its own for every
    /// cross-attention, `[n, image tokens, channels]`, under the names of [`super::image_key`] and
    /// [`super::image_value`]. Weights are in the values.
    pub image_prompts: usize,
    /// What happens to the decoder's state behind a branch.
    pub deep_feature: DeepFeature,
}

/// The decoder's state in front of the layer that takes a certain skip connection, which `DeepCache` (Ma
/// et al. 2023) uses again. A branch is the number of that skip connection, from the outermost, 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum DeepFeature {
    /// It stays inside.
    #[default]
    Inside,
    /// It is the second output, `deep_feature`.
    Given(usize),
    /// It is an input, `deep_feature`: only the encoder up to that skip connection and the decoder from
    /// its layer on are there, and control residuals only for these.
    Taken(usize),
}

impl DeepFeature {
    /// The same branch on the other side.
    #[must_use]
    pub const fn taken(self) -> Self {
        match self {
            Self::Given(branch) => Self::Taken(branch),
            other => other,
        }
    }
}

/// Channels and downscale (relative to the latent) of every control residual, in input order;
/// the middle's comes last.
#[must_use]
pub fn control_residuals(config: &UnetConfig) -> Vec<(usize, usize)> {
    let mut residuals = config.skips();
    residuals.extend(residuals.last().copied());
    residuals
}

/// Writes the UNet.
///
/// Inputs `sample` `[n, in_channels, h, w]` (scaled as the sampler wants it), `timestep` `[1]` or
/// `[n]`, `encoder_hidden_states` `[n, tokens, cross_attention_dim]` and those of `inputs`.
/// Output `noise_pred` `[n, out_channels, h, w]`. Height and width are multiples of
/// 2^(levels − 1). A branch is less than the number of the config's skip connections.
///
/// # Errors
/// When the checkpoint lacks a tensor or has it in another shape.
pub fn unet(
    component: &Component,
    config: &UnetConfig,
    style: impl Into<Style>,
    inputs: UnetInputs,
) -> Result<Emitted, GraphError> {
    let mut g = Builder::new(component, style);
    let batch = Side::Open("batch");
    let sides =
        |channels| [batch, Side::Fixed(channels), Side::Open("height"), Side::Open("width")];
    let sample = g.input("sample", &sides(config.in_channels));
    let timestep = g.input("timestep", &[Side::Open("timesteps")]);
    let context = g.input(
        "encoder_hidden_states",
        &[batch, Side::Open("tokens"), Side::Fixed(config.cross_attention_dim)],
    );
    let deep = deep_feature_sides(config, inputs.deep_feature);
    let taken = match inputs.deep_feature {
        DeepFeature::Taken(branch) => Some((branch, g.input(DEEP_FEATURE, &deep))),
        _ => None,
    };
    let reach = taken.as_ref().map(|(branch, _)| branch + 1);
    let residuals =
        if inputs.control_residuals { residual_inputs(&mut g, config, reach) } else { vec![] };

    let mut network = Unet::new(g, config, &timestep, context)?;
    network.deep_feature = inputs.deep_feature;
    network.image_prompts = inputs.image_prompts;
    let (noise, given) = network.forward(&sample, &residuals, taken)?;
    network.g.output("noise_pred", &noise, &sides(config.out_channels));
    if let Some(given) = given {
        network.g.output(DEEP_FEATURE, &given, &deep);
    }
    network.g.finish("unet")
}

/// Name of the input and output of [`DeepFeature`].
const DEEP_FEATURE: &str = "deep_feature";

/// The sides of the decoder's state behind a branch: as many cells as the skip connection has, and the
/// channels that the layer before has left.
fn deep_feature_sides(config: &UnetConfig, deep_feature: DeepFeature) -> [Side; 4] {
    let (DeepFeature::Given(branch) | DeepFeature::Taken(branch)) = deep_feature else {
        return residual_sides((0, 1));
    };
    let skips = config.skips();
    let before = skips.len().saturating_sub(branch + 1);
    // The first layer of a level gets what the level below has left.
    let step = before.saturating_sub(1) / (config.layers_per_block + 1);
    let level = config.block_out_channels.len().saturating_sub(step + 1);
    let channels = config.block_out_channels.get(level).copied().unwrap_or_default();
    let downscale = skips.get(branch).map_or(1, |&(_, downscale)| downscale);
    residual_sides((channels, downscale))
}

/// The names of `count` control residuals, in the order of [`control_residuals`].
#[must_use]
pub fn control_residual_names(count: usize) -> Vec<String> {
    let last = count.saturating_sub(1);
    let downs = (0..last).map(|index| format!("down_residual_{index}"));
    downs.chain((count > 0).then(|| "mid_residual".to_owned())).collect()
}

/// The sides of a control residual of so many channels, so many times smaller than the latent.
pub(super) fn residual_sides((channels, downscale): (usize, usize)) -> [Side; 4] {
    const SIDES: [(&str, &str); 8] = [
        ("h0", "w0"),
        ("h1", "w1"),
        ("h2", "w2"),
        ("h3", "w3"),
        ("h4", "w4"),
        ("h5", "w5"),
        ("h6", "w6"),
        ("h7", "w7"),
    ];
    let (height, width) = SIDES[(downscale.ilog2() as usize).min(SIDES.len() - 1)];
    [Side::Open("batch"), Side::Fixed(channels), Side::Open(height), Side::Open(width)]
}

fn residual_inputs(g: &mut Builder<'_>, config: &UnetConfig, reach: Option<usize>) -> Vec<Value> {
    let residuals = control_residuals(config);
    let names = control_residual_names(residuals.len());
    let inputs = names.iter().zip(residuals).take(reach.unwrap_or(usize::MAX));
    inputs.map(|(name, shape)| g.input(name, &residual_sides(shape))).collect()
}

/// The network while it is being written; a `ControlNet` is its first half.
pub(super) struct Unet<'w, 'c> {
    pub(super) g: Builder<'w>,
    config: &'c UnetConfig,
    /// SiLU of the timestep embedding, which every residual block projects.
    time: Value,
    /// The text encoding.
    context: Value,
    deep_feature: DeepFeature,
    image_prompts: usize,
}

impl<'w, 'c> Unet<'w, 'c> {
    /// Begins with what every block needs: the timestep's embedding and the text encoding.
    pub(super) fn new(
        g: Builder<'w>,
        config: &'c UnetConfig,
        timestep: &Value,
        context: Value,
    ) -> Result<Self, GraphError> {
        let (time, deep_feature) = (timestep.clone(), DeepFeature::Inside);
        let mut network = Self { time, g, config, context, deep_feature, image_prompts: 0 };
        network.time = network.time_embedding(timestep)?;
        Ok(network)
    }

    /// The first convolution, over the latent.
    pub(super) fn conv_in(&mut self, sample: &Value) -> Result<Value, GraphError> {
        let sizes = (self.config.in_channels, self.channels(0));
        self.g.conv(sample, "conv_in", sizes, Kernel::SAME)
    }

    fn grouping(&self) -> Grouping {
        Grouping { groups: self.config.norm_num_groups, epsilon: self.config.norm_eps }
    }

    fn channels(&self, level: usize) -> usize {
        self.config.block_out_channels[level]
    }

    /// Width of the timestep embedding.
    fn time_width(&self) -> usize {
        self.channels(0) * 4
    }

    /// The timestep through its two-layer network, and the SiLU in front of every use.
    fn time_embedding(&mut self, timestep: &Value) -> Result<Value, GraphError> {
        let (inside, width) = (self.channels(0), self.time_width());
        let order = TimestepOrder {
            cosine_first: self.config.flip_sin_to_cos,
            freq_shift: self.config.freq_shift,
        };
        let encoding = self.g.timestep_encoding(timestep, inside, order);
        let h = self.g.linear(&encoding, "time_embedding.linear_1", (inside, width))?;
        let h = self.g.silu(&h);
        let h = self.g.linear(&h, "time_embedding.linear_2", (width, width))?;
        Ok(self.g.silu(&h))
    }

    /// The predicted noise, and the deep feature if it is given; `taken` is one that stands for all
    /// that lies deeper.
    fn forward(
        &mut self,
        sample: &Value,
        residuals: &[Value],
        taken: Option<(usize, Value)>,
    ) -> Result<(Value, Option<Value>), GraphError> {
        let x = self.conv_in(sample)?;
        let reach = taken.as_ref().map_or(usize::MAX, |(branch, _)| branch + 1);
        let (x, mut skips) = self.encoder(x, reach)?;
        let x = match taken {
            Some((_, deep)) => deep,
            None => match residuals.last() {
                None => self.middle(&x)?,
                Some(residual) => {
                    let x = self.middle(&x)?;
                    self.g.op("Add", &[&x, residual], vec![])
                }
            },
        };
        for ((skip, _), residual) in skips.iter_mut().zip(residuals) {
            *skip = self.g.op("Add", &[skip, residual], vec![]);
        }
        let (x, given) = self.decoder(x, skips)?;
        let first = self.channels(0);
        let grouping = self.grouping();
        let x = self.g.group_norm(&x, "conv_norm_out", first, grouping)?;
        let x = self.g.silu(&x);
        let sizes = (first, self.config.out_channels);
        Ok((self.g.conv(&x, "conv_out", sizes, Kernel::SAME)?, given))
    }

    /// The levels down; every state is kept with its channels for the decoder. Ends once it has kept
    /// `reach` of them.
    pub(super) fn encoder(
        &mut self,
        mut x: Value,
        reach: usize,
    ) -> Result<(Value, Vec<(Value, usize)>), GraphError> {
        let mut inside = self.channels(0);
        let mut skips = vec![(x.clone(), inside)];
        for (level, kind) in self.config.down_block_types.iter().enumerate() {
            let outside = self.channels(level);
            let name = format!("down_blocks.{level}");
            for layer in 0..self.config.layers_per_block {
                if skips.len() >= reach {
                    return Ok((x, skips));
                }
                x = self.residual(&x, &format!("{name}.resnets.{layer}"), (inside, outside))?;
                if kind == "CrossAttnDownBlock2D" {
                    x = self.transformer(&x, &format!("{name}.attentions.{layer}"), level)?;
                }
                inside = outside;
                skips.push((x.clone(), outside));
            }
            if level + 1 < self.config.block_out_channels.len() && skips.len() < reach {
                let conv = format!("{name}.downsamplers.0.conv");
                x = self.g.conv(&x, &conv, (outside, outside), Kernel::HALVE)?;
                skips.push((x.clone(), outside));
            }
        }
        Ok((x, skips))
    }

    /// What lies between encoder and decoder.
    pub(super) fn middle(&mut self, x: &Value) -> Result<Value, GraphError> {
        let level = self.config.block_out_channels.len() - 1;
        let sizes = (self.channels(level), self.channels(level));
        let x = self.residual(x, "mid_block.resnets.0", sizes)?;
        let x = self.transformer(&x, "mid_block.attentions.0", level)?;
        self.residual(&x, "mid_block.resnets.1", sizes)
    }

    /// The levels up; each residual block takes the skip of the same size beside its input. Without
    /// the inner skips it begins at the layer that takes the innermost there is. Gives the deep feature
    /// too, if it is asked for.
    fn decoder(
        &mut self,
        mut x: Value,
        mut skips: Vec<(Value, usize)>,
    ) -> Result<(Value, Option<Value>), GraphError> {
        let levels = self.config.block_out_channels.len();
        // The skip connections that the layers to come would take if all were there.
        let mut left = self.config.skips().len();
        let mut given = None;
        let mut inside = self.channels(levels - 1);
        for (step, kind) in self.config.up_block_types.iter().enumerate() {
            let level = levels - 1 - step;
            let outside = self.channels(level);
            let name = format!("up_blocks.{step}");
            let mut there = false;
            for layer in 0..=self.config.layers_per_block {
                there = left == skips.len();
                if there {
                    if self.deep_feature == DeepFeature::Given(left.saturating_sub(1)) {
                        given = Some(x.clone());
                    }
                    let Some((skip, width)) = skips.pop() else { break };
                    x = self.g.op("Concat", &[&x, &skip], vec![int("axis", 1)]);
                    let sizes = (inside + width, outside);
                    x = self.residual(&x, &format!("{name}.resnets.{layer}"), sizes)?;
                    if kind == "CrossAttnUpBlock2D" {
                        x = self.transformer(&x, &format!("{name}.attentions.{layer}"), level)?;
                    }
                }
                left = left.saturating_sub(1);
                inside = outside;
            }
            // A deep feature that the next level begins with has been through this.
            if level > 0 && there {
                x = self.g.upsample(&x);
                let conv = format!("{name}.upsamplers.0.conv");
                x = self.g.conv(&x, &conv, (outside, outside), Kernel::SAME)?;
            }
        }
        Ok((x, given))
    }

    fn residual(
        &mut self,
        x: &Value,
        name: &str,
        sizes: (usize, usize),
    ) -> Result<Value, GraphError> {
        let time = Some((&self.time, self.time_width()));
        let context = ResidualContext { grouping: self.grouping(), time };
        self.g.residual_block(x, name, sizes, &context)
    }

    fn transformer(&mut self, x: &Value, name: &str, level: usize) -> Result<Value, GraphError> {
        let shape = TransformerShape {
            heads: Heads { count: self.config.heads(level), channels: self.channels(level) },
            blocks: self.config.transformer_layers_per_block.at(level),
            groups: self.config.norm_num_groups,
            linear_projection: self.config.use_linear_projection,
        };
        let context = Context {
            text: &self.context,
            width: self.config.cross_attention_dim,
            image_prompts: self.image_prompts,
        };
        self.g.spatial_transformer(x, name, &shape, context)
    }
}
