//! `latelier bench --worker`: one network under a stopwatch that another program holds.
//!
//! Speaks line by line on standard input and output: `run`, `run 4` (latents in one call of the
//! UNet, 2 when not said), `weigh 0.5` (puts the LoRAs on with that weight) and `quit` in, `@@` and
//! JSON out.

use std::io::{self, BufRead as _, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use clap::{Args, ValueEnum};
use ndarray::{Array1, Array2, Array3, Array4};
use serde_json::json;

use super::{DONE, EngineArgs};
use crate::engine::{Input, Interrupt, Mode, Network, Part, Runtime, SearchPath, Workbench};
use crate::library::Home;
use crate::pixels::Extent;
use crate::task::{Architecture, ModelCard, ModelDefaults, ModelKind, Weighted};

/// Arguments of `latelier bench`.
#[derive(Clone, Debug, Args)]
pub struct BenchArgs {
    /// Answer `run` and `quit` lines on standard input
    #[arg(long, required = true)]
    worker: bool,

    /// The network to time
    #[arg(long, value_enum)]
    part: PartArg,

    /// The checkpoint: a diffusers folder or a single file
    #[arg(long, value_name = "PATH")]
    model: PathBuf,

    /// A LoRA to put on at `weigh` lines; several for a stack
    #[arg(long, value_name = "PATH")]
    lora: Vec<PathBuf>,

    /// Side of the picture in pixels
    #[arg(long, default_value_t = 512)]
    size: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum PartArg {
    Unet,
    Vae,
    Clip,
}

/// Channels of a latent, tokens of a chunk: those of SD 1.x and of the demo model.
const LATENT_CHANNELS: usize = 4;
const TOKENS: usize = 77;
/// Latents in a call with guidance.
const GUIDED: usize = 2;

pub(super) fn bench(args: &BenchArgs, engine: &EngineArgs, home: &Home) -> anyhow::Result<u8> {
    let started = Instant::now();
    let cpu = cpu_seconds();
    let runtime = Runtime::find(&SearchPath::usual(&home.runtime_dir()))?;
    let mode = engine.mode.map_or(Mode::Fast, Mode::from);
    let mut bench =
        Workbench::open(runtime, &card(&args.model, ModelKind::Checkpoint)?, engine.threads())?;
    bench.network(args.part.into(), mode)?;
    let text_channels = bench.checkpoint().unet_config.cross_attention_dim;

    let mut out = io::stdout().lock();
    let mut ready = memory();
    ready["ready"] = json!(mode.name());
    ready["load_wall"] = json!(started.elapsed().as_secs_f64());
    ready["load_cpu"] = json!(cpu_seconds() - cpu);
    answer(&mut out, &ready)?;
    for line in io::stdin().lock().lines() {
        let line = line?;
        let mut words = line.split_whitespace();
        let (started, cpu) = (Instant::now(), cpu_seconds());
        match words.next() {
            Some("run") => {
                let batch = words.next().map_or(Ok(GUIDED), str::parse)?;
                let work = Work { part: args.part, side: args.size / 8, batch, text_channels };
                let (network, interrupt) = bench.network(args.part.into(), mode)?;
                work.run(network, interrupt)?;
            }
            Some("weigh") => {
                let weight = words.next().map_or(Ok(1.0), str::parse)?;
                bench.wear(&args.stack(weight)?)?;
                bench.network(args.part.into(), mode)?;
            }
            Some("quit") => break,
            _ => continue,
        }
        let mut figures = memory();
        figures["wall"] = json!(started.elapsed().as_secs_f64());
        figures["cpu"] = json!(cpu_seconds() - cpu);
        figures["load"] = json!(load_average());
        answer(&mut out, &figures)?;
    }
    Ok(DONE)
}

/// A card for a file outside the library.
fn card(path: &Path, kind: ModelKind) -> anyhow::Result<ModelCard> {
    let defaults = ModelDefaults {
        extent: Extent::new(512, 512),
        steps: 20,
        cfg_scale: 7.0,
        scheduler: "Euler".to_owned(),
    };
    Ok(ModelCard {
        air: "local:bench@1".parse()?,
        name: "bench".to_owned(),
        kind,
        architecture: Architecture::Sd1,
        defaults,
        examples: Vec::new(),
        trigger_words: Vec::new(),
        vectors: 0,
        fault: None,
        path: path.to_owned(),
        config: None,
    })
}

impl BenchArgs {
    /// The LoRAs, each with `weight`.
    fn stack(&self, weight: f32) -> anyhow::Result<Vec<Weighted>> {
        let lora =
            |path: &PathBuf| Ok(Weighted { model: Arc::new(card(path, ModelKind::Lora)?), weight });
        self.lora.iter().map(lora).collect()
    }
}

impl From<PartArg> for Part {
    fn from(part: PartArg) -> Self {
        match part {
            PartArg::Unet => Self::Unet,
            PartArg::Vae => Self::VaeDecoder,
            PartArg::Clip => Self::TextEncoder,
        }
    }
}

fn answer(out: &mut impl Write, figures: &serde_json::Value) -> io::Result<()> {
    writeln!(out, "@@{figures}")?;
    out.flush()
}

/// The work that every engine is given.
struct Work {
    part: PartArg,
    /// Latent cells a side.
    side: usize,
    /// Latents in one call of the UNet.
    batch: usize,
    text_channels: usize,
}

impl Work {
    /// One call: `batch` latents for the UNet, two prompts for the text encoder, one picture.
    fn run(&self, network: &mut Network, interrupt: &Interrupt) -> anyhow::Result<()> {
        let Self { part, side, batch, text_channels } = *self;
        let wave = |index: usize| (index as f32 * 0.37).sin();
        let latent = |batch: usize| {
            Array4::from_shape_fn((batch, LATENT_CHANNELS, side, side), |(n, c, y, x)| {
                wave(((n * LATENT_CHANNELS + c) * side + y) * side + x)
            })
        };
        match part {
            PartArg::Unet => {
                let context = Array3::from_shape_fn((batch, TOKENS, text_channels), |(n, t, c)| {
                    wave((n * TOKENS + t) * text_channels + c)
                });
                let timestep = Array1::from_elem(1, 500.0_f32);
                let sample = latent(batch);
                network.run(
                    vec![
                        ("sample", Input::Floats(sample.view().into_dyn())),
                        ("timestep", Input::Floats(timestep.view().into_dyn())),
                        ("encoder_hidden_states", Input::Floats(context.view().into_dyn())),
                    ],
                    interrupt,
                )?;
            }
            PartArg::Vae => {
                let latent = latent(1);
                network
                    .run(vec![("latent", Input::Floats(latent.view().into_dyn()))], interrupt)?;
            }
            PartArg::Clip => {
                let ids =
                    Array2::from_shape_fn((2, TOKENS), |(n, t)| ((n * TOKENS + t) * 97) as i64);
                let bias = Array4::<f32>::zeros((2, 1, 1, TOKENS));
                let known = Array3::<f32>::ones((2, TOKENS, 1));
                let learned = Array3::<f32>::zeros((2, TOKENS, text_channels));
                let inputs = vec![
                    ("input_ids", Input::Integers(ids.view().into_dyn())),
                    ("key_bias", Input::Floats(bias.view().into_dyn())),
                    ("known", Input::Floats(known.view().into_dyn())),
                    ("learned", Input::Floats(learned.view().into_dyn())),
                ];
                network.run(inputs, interrupt)?;
            }
        }
        Ok(())
    }
}

/// CPU seconds of this process, all threads.
fn cpu_seconds() -> f64 {
    // What `sysconf(_SC_CLK_TCK)` says on Linux.
    const TICKS: f64 = 100.0;
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The fields behind the name, which may hold spaces: state is the first of them.
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let times = fields.split_whitespace().skip(11).take(2);
    times.filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / TICKS
}

fn load_average() -> f64 {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().and_then(|load| load.parse().ok()).unwrap_or(0.0)
}

/// Peak and anonymous memory in MiB.
fn memory() -> serde_json::Value {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mib = |key: &str| -> f64 {
        let line = status.lines().find_map(|line| line.strip_prefix(key));
        let kib = line.and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok());
        kib.unwrap_or(0.0) / 1024.0
    };
    json!({ "peak_mib": mib("VmHWM:"), "anon_mib": mib("RssAnon:"), "file_mib": mib("RssFile:") })
}
