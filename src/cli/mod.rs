//! The command line: what each command takes and which exit code it gives.

mod account;
mod bench;
mod bench_cache;
mod bench_index;
mod bench_serve;
mod doctor;
mod engines;
mod explain;
mod guide;
mod models;
mod run;
mod serve;
mod show;
mod window;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::engine::{ClassifierPath, Mode, SearchPath, Settings};
use crate::jobs::{Keeper, PictureSource};
use crate::library::Home;
use crate::task::EngineKind;

pub use bench::BenchArgs;
pub use bench_cache::BenchCacheArgs;
pub use bench_index::BenchIndexArgs;
pub use bench_serve::BenchServeArgs;
pub use engines::Engines;
pub use guide::GuideArgs;
pub use run::RunArgs;
pub use serve::ServeArgs;
pub use show::ShowArgs;

/// All fine.
const DONE: u8 = 0;
/// Some task failed, or generation is not possible.
const FAILED: u8 = 1;
/// The command itself cannot be carried out as it was given.
const BAD_USAGE: u8 = 2;

/// A desktop studio for making images with diffusion models, on your own machine.
///
/// Without a command the window opens. `LATELIER_HOME` moves every file that the program keeps.
#[derive(Debug, Parser)]
#[command(name = "latelier", version)]
pub struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,

    #[command(flatten)]
    engine: EngineArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make the pictures of a task file and print the API's answer
    Run(RunArgs),
    /// Say how a picture was made, by this program, A1111, Forge, ComfyUI or InvokeAI
    Show(ShowArgs),
    /// Make the guide for a ControlNet of a picture and print its path
    Guide(GuideArgs),
    /// Offer the local engine to other programs, as the Runware API
    Serve(ServeArgs),
    /// The models that tasks can name
    Models {
        #[command(subcommand)]
        action: models::Action,
    },
    /// The key of the remote service
    Key {
        #[command(subcommand)]
        action: account::KeyAction,
    },
    /// What the remote service was paid, by day and model
    Costs(account::CostsArgs),
    /// Say what is found on this machine; exit code 0 only when pictures can be made
    Doctor(ModelFolders),
    /// Time one network, for comparisons with other engines
    #[command(hide = true)]
    Bench(BenchArgs),
    /// Make tasks with and without `DeepCache`: time and difference
    #[command(hide = true)]
    BenchCache(BenchCacheArgs),
    /// Time the index of results with many pictures
    #[command(hide = true)]
    BenchIndex(BenchIndexArgs),
    /// A server under load or under malformed messages: time and memory
    #[command(hide = true)]
    BenchServe(BenchServeArgs),
}

/// Where models are looked for.
#[derive(Clone, Debug, Args)]
pub struct ModelFolders {
    /// A further folder with models; can be given several times
    #[arg(long = "models", value_name = "DIR")]
    folders: Vec<PathBuf>,
}

/// How the local engine works.
#[derive(Clone, Debug, Args)]
pub struct EngineArgs {
    /// Threads of the CPU kernels [default: all]
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=512))]
    threads: Option<u16>,

    /// How weights are held [default: chosen from the work]
    #[arg(long, global = true, value_enum)]
    mode: Option<ModeArg>,
}

/// How weights are held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ModeArg {
    /// Packed ahead: fastest steps
    Fast,
    /// Read from the file as they are used: ready at once, least memory
    LowMemory,
}

impl From<ModeArg> for Mode {
    fn from(arg: ModeArg) -> Self {
        match arg {
            ModeArg::Fast => Self::Fast,
            ModeArg::LowMemory => Self::LowMemory,
        }
    }
}

/// Which engine makes the pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum EngineArg {
    /// ONNX Runtime on this machine
    Local,
    /// The Runware service
    Remote,
}

impl From<EngineArg> for EngineKind {
    fn from(arg: EngineArg) -> Self {
        match arg {
            EngineArg::Local => Self::Local,
            EngineArg::Remote => Self::Remote,
        }
    }
}

impl EngineArgs {
    fn threads(&self) -> usize {
        let all = || std::thread::available_parallelism().map_or(1, usize::from);
        self.threads.map_or_else(all, usize::from)
    }

    /// The engine's settings for `home`, pictures coming from `pictures` and going to `keeper`.
    #[must_use]
    pub fn settings(
        &self,
        home: &Home,
        keeper: Arc<dyn Keeper>,
        pictures: Arc<dyn PictureSource>,
        previews: bool,
    ) -> Settings {
        Settings {
            search: SearchPath::usual(&home.runtime_dir()),
            classifier: ClassifierPath::usual(&home.runtime_dir()),
            device: wanted_device(),
            threads: self.threads(),
            mode: self.mode.map(Mode::from),
            together: None,
            previews,
            keeper,
            pictures,
            models: {
                let home = home.clone();
                Arc::new(move || vec![home.models_dir()])
            },
        }
    }
}

fn wanted_device() -> Option<String> {
    std::env::var("LATELIER_DEVICE").ok().filter(|device| !device.is_empty())
}

impl Arguments {
    /// Carries out the command; without one, opens the window.
    ///
    /// # Errors
    /// When standard output is gone, or there is no display for the window.
    pub fn carry_out(&self, home: &Home) -> anyhow::Result<ExitCode> {
        let code = match &self.command {
            None => window::window(&self.engine, home)?,
            Some(Command::Run(args)) => run::run(args, &self.engine, home)?,
            Some(Command::Show(args)) => show::show(args, home)?,
            Some(Command::Guide(args)) => guide::guide(args, &self.engine, home)?,
            Some(Command::Serve(args)) => serve::serve(args, &self.engine, home)?,
            Some(Command::Models { action }) => models::models(action, home)?,
            Some(Command::Key { action }) => account::key(*action, home)?,
            Some(Command::Costs(args)) => account::costs(*args, home)?,
            Some(Command::Doctor(folders)) => doctor::doctor(folders, home)?,
            Some(Command::Bench(args)) => bench::bench(args, &self.engine, home)?,
            Some(Command::BenchCache(args)) => bench_cache::bench_cache(args, &self.engine, home)?,
            Some(Command::BenchServe(args)) => bench_serve::bench_serve(*args, home)?,
            Some(Command::BenchIndex(args)) => bench_index::bench_index(*args, home)?,
        };
        Ok(ExitCode::from(code))
    }
}
