//! A model in memory: its sessions, made when they are first needed and kept warm.

mod dress;
mod prompts;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use dress::Held;
pub(super) use prompts::Prompts;

use super::control::Warm;
use super::device::{Chosen, DeviceKind};
use super::image_encoder::Features;
use super::image_prompt::{ImageKeys, Opened, Viewing};
use super::lora::Stack;
use super::preview::Preview;
use super::replacements::Replacements;
use super::session::{Interrupt, Network, Placement, SessionError, release_freed_memory};
use super::text::Encodings;
use super::vae::Posterior;
use super::{EngineError, Mode, Runtime, vae};
use crate::graph::{
    DeepFeature, Dialect, Emitted, GraphError, Style, UnetInputs, clip_text, unet, vae_decoder,
    vae_encoder,
};
use crate::pixels::Picture;
use crate::prompt::Tokenizer;
use crate::sampling::Latent;
use crate::task::ModelCard;
use crate::weights::{Checkpoint, TokenizerSource};

/// A network of a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// Token ids to text encodings.
    TextEncoder,
    /// The denoiser.
    Unet,
    /// Its outer layers, for the calls between whole ones.
    OuterUnet,
    /// Latents to pixels.
    VaeDecoder,
    /// Pixels to latents.
    VaeEncoder,
}

impl Part {
    const COUNT: usize = 5;

    const fn name(self) -> &'static str {
        match self {
            Self::TextEncoder => "text encoder",
            Self::Unet => "UNet",
            Self::OuterUnet => "UNet's outer layers",
            Self::VaeDecoder => "VAE decoder",
            Self::VaeEncoder => "VAE encoder",
        }
    }
}

/// Where and how a model's networks are run.
#[derive(Clone, Debug)]
pub(super) struct Environment {
    pub(super) runtime: Runtime,
    pub(super) device: Chosen,
    pub(super) threads: usize,
}

impl Environment {
    /// A session of what `emit` writes; on the CPU where the device refuses the whole network.
    ///
    /// # Errors
    /// When a tensor is missing, memory does not suffice, or `interrupt` was used.
    pub(super) fn open(
        &mut self,
        name: &'static str,
        mode: Mode,
        interrupt: &Interrupt,
        emit: impl Fn(Dialect) -> Result<Emitted, GraphError>,
    ) -> Result<Network, EngineError> {
        let make = |device: DeviceKind| Ok((emit(device.dialect())?, Replacements::default()));
        self.open_with(name, mode, interrupt, make).map(|(network, _)| network)
    }

    /// The same for a network some of whose weights are replaced: `make` writes it for a device and
    /// gives its constants.
    fn open_with(
        &mut self,
        name: &'static str,
        mode: Mode,
        interrupt: &Interrupt,
        make: impl Fn(DeviceKind) -> Result<(Emitted, Replacements), EngineError>,
    ) -> Result<(Network, Emitted), EngineError> {
        loop {
            let Self { runtime, device, threads } = &*self;
            let (emitted, constants) = make(device.kind)?;
            let placement =
                Placement { device: device.kind, mode, threads: *threads, strict: false };
            let started = std::time::Instant::now();
            let source = (name, &emitted);
            match Network::open_with(runtime, source, constants, placement, interrupt) {
                Ok(network) => {
                    let seconds = started.elapsed().as_secs_f64();
                    tracing::debug!(part = name, mode = mode.name(), seconds, "loaded");
                    return Ok((network, emitted));
                }
                Err(SessionError::Interrupted) => return Err(SessionError::Interrupted.into()),
                Err(error) if device.kind == DeviceKind::Cpu => return Err(error.into()),
                Err(error) => {
                    // The small probe passed and the whole network does not: say so and go on.
                    let why = format!("{}: {error}", device.kind);
                    tracing::warn!("{why}");
                    self.device.passed_over.push(why);
                    self.device.kind = DeviceKind::Cpu;
                }
            }
        }
    }
}

/// What a sampling loop asks.
pub(super) struct Denoisers<'a> {
    pub(super) unet: &'a mut Network,
    /// The UNet's outer layers, where they are used.
    pub(super) outer: Option<&'a mut Network>,
    pub(super) controls: &'a mut Warm,
}

/// An open checkpoint and the sessions made of it so far.
pub(super) struct Loaded {
    environment: Environment,
    path: PathBuf,
    checkpoint: Checkpoint,
    tokenizer: Arc<Tokenizer>,
    networks: [Option<Held>; Part::COUNT],
    stack: Stack,
    /// Last layers that the text encoder is written without.
    clip_skip: usize,
    /// What the UNet is written to take.
    unet_inputs: UnetInputs,
    controls: Warm,
    encodings: Encodings,
    /// What image encoders said of pictures.
    features: Features,
    preview: Option<Preview>,
}

impl Loaded {
    /// Opens the checkpoint of `card`: reads headers and tokenizer, makes no session yet.
    pub(super) fn open(environment: Environment, card: &ModelCard) -> Result<Self, EngineError> {
        let checkpoint = Checkpoint::open(&card.path, card.config.as_deref())?;
        let tokenizer = match &checkpoint.tokenizer {
            TokenizerSource::Folder(folder) => Tokenizer::from_folder(folder)?,
            TokenizerSource::ClipL => Tokenizer::clip_l()?,
        };
        Ok(Self {
            environment,
            path: card.path.clone(),
            checkpoint,
            tokenizer: Arc::new(tokenizer),
            networks: [const { None }; Part::COUNT],
            stack: Stack::default(),
            clip_skip: 0,
            unet_inputs: UnetInputs::default(),
            controls: Warm::default(),
            encodings: Encodings::default(),
            features: Features::default(),
            preview: None,
        })
    }

    /// Whether this is the model of `card`.
    pub(super) fn is(&self, card: &ModelCard) -> bool {
        self.path == card.path
    }

    /// The checkpoint.
    pub(super) const fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// What the networks run on, and why not on something better.
    pub(super) const fn device(&self) -> &Chosen {
        &self.environment.device
    }

    /// The network `part`, loaded in `mode` if it is not there yet. One that is there in fast
    /// mode is kept: it has paid for its packing.
    ///
    /// # Errors
    /// When the checkpoint lacks a tensor, memory does not suffice, or `interrupt` was used.
    pub(super) fn network(
        &mut self,
        part: Part,
        mode: Mode,
        interrupt: &Interrupt,
    ) -> Result<&mut Network, EngineError> {
        let slot = part as usize;
        let keep = self.networks[slot].as_ref().is_some_and(|held| {
            (held.mode == mode || held.mode == Mode::Fast) && self.can_wear(part, held)
        });
        if !keep {
            self.unload(part);
            let held = self.load(part, mode, interrupt)?;
            self.networks[slot] = Some(held);
        }
        self.dress(part, interrupt)?;
        match &mut self.networks[slot] {
            Some(held) => Ok(&mut held.network),
            // Filled above.
            None => Err(EngineError::Session(SessionError::Interrupted)),
        }
    }

    /// The mode `part` is held in, if it is loaded.
    pub(super) fn held(&self, part: Part) -> Option<Mode> {
        self.networks[part as usize].as_ref().map(|held| held.mode)
    }

    /// Whether the `ControlNet` at `path` is loaded in fast mode.
    pub(super) fn is_packed(&self, path: &Path) -> bool {
        self.controls.is_packed(path)
    }

    /// Frees the network `part`.
    pub(super) fn unload(&mut self, part: Part) {
        if self.networks[part as usize].take().is_some() {
            release_freed_memory();
        }
    }

    fn load(&mut self, part: Part, mode: Mode, interrupt: &Interrupt) -> Result<Held, EngineError> {
        let mut environment = self.environment.clone();
        let made = environment.open_with(part.name(), mode, interrupt, |device| {
            let emitted = self.emit(part, device, mode)?;
            let constants = self.constants(part, device, &emitted, interrupt)?;
            Ok((emitted, constants))
        });
        self.environment = environment;
        let (network, emitted) = made?;
        Ok(self.hold(part, (mode, network), emitted))
    }

    fn emit(&self, part: Part, device: DeviceKind, mode: Mode) -> Result<Emitted, GraphError> {
        let Checkpoint { text_encoder, text_config, unet_config, vae, vae_config, .. } =
            &self.checkpoint;
        let dialect = device.dialect();
        let style = Style { dialect, replaceable: self.replaceable(part, device, mode) };
        match part {
            Part::TextEncoder => clip_text(text_encoder, text_config, style, self.clip_skip),
            Part::Unet => unet(&self.checkpoint.unet, unet_config, style, self.unet_inputs),
            Part::OuterUnet => {
                let deep_feature = self.unet_inputs.deep_feature.taken();
                let inputs = UnetInputs { deep_feature, ..self.unet_inputs };
                unet(&self.checkpoint.unet, unet_config, style, inputs)
            }
            Part::VaeDecoder => vae_decoder(vae, vae_config, dialect),
            Part::VaeEncoder => vae_encoder(vae, vae_config, dialect),
        }
    }

    /// How many control residuals the UNet's outer layers take, if they are used at all.
    pub(super) const fn reach(&self) -> Option<usize> {
        match self.unet_inputs.deep_feature {
            DeepFeature::Given(branch) | DeepFeature::Taken(branch) => Some(branch + 1),
            DeepFeature::Inside => None,
        }
    }

    /// The `ControlNets` that are warm, the checkpoint they are for and where they run.
    pub(super) fn controls(&mut self) -> (&mut Warm, &Checkpoint, &mut Environment) {
        (&mut self.controls, &self.checkpoint, &mut self.environment)
    }

    /// What a sampling loop asks, loaded as [`network`](Self::network) does.
    pub(super) fn denoisers(
        &mut self,
        mode: Mode,
        interrupt: &Interrupt,
    ) -> Result<Denoisers<'_>, EngineError> {
        self.network(Part::Unet, mode, interrupt)?;
        if self.reach().is_some() {
            self.network(Part::OuterUnet, mode, interrupt)?;
        }
        let Self { networks, controls, .. } = self;
        let places = [Part::Unet as usize, Part::OuterUnet as usize];
        match networks.get_disjoint_mut(places) {
            Ok([Some(unet), outer]) => Ok(Denoisers {
                unet: &mut unet.network,
                outer: outer.as_mut().map(|outer| &mut outer.network),
                controls,
            }),
            // Loaded above.
            _ => Err(EngineError::Session(SessionError::Interrupted)),
        }
    }

    /// Decides what the UNet is written to take; one that was loaded for something else is freed.
    pub(super) fn shape_unet(&mut self, inputs: UnetInputs) {
        if self.unet_inputs != inputs {
            self.unet_inputs = inputs;
            self.unload(Part::Unet);
            self.unload(Part::OuterUnet);
        }
    }

    /// The keys and values of `prompts`, in both halves if `guided`.
    pub(super) fn image_keys(
        &mut self,
        prompts: &[Opened],
        guided: bool,
        interrupt: &Interrupt,
    ) -> Result<ImageKeys, EngineError> {
        let Self { environment, features: known, checkpoint, .. } = self;
        let mut viewing = Viewing { environment, interrupt, known, guided };
        viewing.keys(prompts, &checkpoint.unet_config)
    }

    /// What the encoder makes of `picture`: the distribution of its latent.
    pub(super) fn encode_picture(
        &mut self,
        picture: &Picture,
        mode: Mode,
        interrupt: &Interrupt,
    ) -> Result<Posterior, EngineError> {
        let scaling_factor = self.checkpoint.vae_config.scaling_factor;
        let encoder = self.network(Part::VaeEncoder, mode, interrupt)?;
        Ok(vae::encode(encoder, picture, scaling_factor, interrupt)?)
    }

    /// The picture of a finished latent.
    pub(super) fn decode(
        &mut self,
        latent: &Latent,
        mode: Mode,
        interrupt: &Interrupt,
    ) -> Result<Picture, EngineError> {
        let scaling_factor = self.checkpoint.vae_config.scaling_factor;
        let decoder = self.network(Part::VaeDecoder, mode, interrupt)?;
        Ok(vae::decode(decoder, latent, scaling_factor, interrupt)?)
    }

    /// The map that shows latents, fitted to this model's decoder on first use.
    pub(super) fn preview(
        &mut self,
        mode: Mode,
        interrupt: &Interrupt,
    ) -> Result<Preview, EngineError> {
        if let Some(preview) = &self.preview {
            return Ok(preview.clone());
        }
        let scaling_factor = self.checkpoint.vae_config.scaling_factor;
        let channels = self.checkpoint.vae_config.latent_channels;
        let decoder = self.network(Part::VaeDecoder, mode, interrupt)?;
        let preview = Preview::fit(decoder, channels, scaling_factor, interrupt)?;
        self.preview = Some(preview.clone());
        Ok(preview)
    }
}
