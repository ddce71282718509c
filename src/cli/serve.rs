//! `latelier serve`: the API over the local engine, for other programs.

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use super::{BAD_USAGE, DONE, EngineArgs, FAILED, ModelFolders};
use crate::engine::{LocalEngine, LocalGuides, SearchPath, Settings as EngineSettings};
use crate::jobs::Worker;
use crate::library::{Home, JournalFolder, Library, Pictures, Results};
use crate::protocol::Key;
use crate::server::{Equipment, KeptOnly, Limits, ServeError, ServedResults, Server, Settings};

/// Arguments of `latelier serve`.
///
/// Exit code 0: it was stopped. 1: it could not go on. 2: it could not start as it was told to.
#[derive(Clone, Debug, Args)]
pub struct ServeArgs {
    /// Where to listen; port 0 takes any, and the first line on standard output says which
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:7862")]
    listen: SocketAddr,

    /// A key that is accepted; can be given several times. `LATELIER_SERVE_KEY` keeps it out of the
    /// list of processes. Without one every key is accepted, from this machine
    #[arg(long = "key", value_name = "KEY", value_parser = key)]
    keys: Vec<GivenKey>,

    /// Where pictures are written [default: the results folder of Latelier's home]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Let clients name pictures and upload addresses inside this machine and its network
    #[arg(long)]
    allow_private_addresses: bool,

    /// Days for which pictures that clients bring are kept after their last use
    #[arg(long, value_name = "DAYS", default_value_t = 30)]
    keep_uploads: u64,

    /// Most GiB of pictures that clients bring; beyond, those used longest ago go first, but never one
    /// that a waiting task needs
    #[arg(long, value_name = "GIB", default_value_t = 8)]
    uploads_limit: u64,

    /// Seconds without a word before a connection is closed
    #[arg(long, hide = true, value_name = "S")]
    idle_timeout: Option<u64>,

    /// Seconds in which a connection has to send the head of a request, and a WebSocket to authenticate
    #[arg(long, hide = true, value_name = "S")]
    authentication_timeout: Option<u64>,

    /// Seconds for which a session keeps what was not delivered
    #[arg(long, hide = true, value_name = "S")]
    session_timeout: Option<u64>,

    /// Most MiB of a message
    #[arg(long, hide = true, value_name = "MIB")]
    message_limit: Option<usize>,

    /// Most connections at a time
    #[arg(long, hide = true, value_name = "N")]
    connection_limit: Option<usize>,

    /// Most unfinished tasks of one key
    #[arg(long, hide = true, value_name = "N")]
    task_limit: Option<usize>,

    #[command(flatten)]
    models: ModelFolders,
}

/// What was given as a key; looked at later, since refusing an argument would repeat it.
#[derive(Clone, Debug)]
struct GivenKey(Option<Key>);

#[expect(clippy::unnecessary_wraps, reason = "the signature that clap asks for")]
fn key(text: &str) -> Result<GivenKey, std::convert::Infallible> {
    Ok(GivenKey(Key::new(text)))
}

impl ServeArgs {
    /// Every key that was given; `None` when one of them is none, which must not open the server to all.
    fn keys(&self) -> Option<Vec<Key>> {
        let from_environment =
            std::env::var_os("LATELIER_SERVE_KEY").filter(|text| !text.is_empty());
        let from_environment = from_environment.map(|text| text.to_str().and_then(Key::new));
        self.keys.iter().map(|given| given.0.clone()).chain(from_environment).collect()
    }

    fn limits(&self) -> Limits {
        let usual = Limits::default();
        let seconds = |given: Option<u64>, usual| given.map_or(usual, Duration::from_secs);
        Limits {
            idle: seconds(self.idle_timeout, usual.idle),
            authentication: seconds(self.authentication_timeout, usual.authentication),
            session: seconds(self.session_timeout, usual.session),
            message: self.message_limit.map_or(usual.message, |mib| mib << 20),
            connections: self.connection_limit.unwrap_or(usual.connections),
            uploads_age: Duration::from_hours(self.keep_uploads.saturating_mul(24).min(1 << 20)),
            uploads_bytes: self.uploads_limit.saturating_mul(1 << 30),
            tasks_of_key: self.task_limit.unwrap_or(usual.tasks_of_key),
            ..usual
        }
    }
}

pub(super) fn serve(args: &ServeArgs, engine: &EngineArgs, home: &Home) -> anyhow::Result<u8> {
    let Some(keys) = args.keys() else {
        return refuse(&"--key and LATELIER_SERVE_KEY take visible characters without spaces");
    };
    let library = match Library::open(home, &args.models.folders) {
        Ok(library) => library,
        Err(error) => return refuse(&error),
    };
    if let Some(trouble) = library.trouble() {
        writeln!(io::stderr(), "{trouble}")?;
    }
    let out = args.out.clone().unwrap_or_else(|| home.results_dir());
    // Held for as long as the server runs: it says to others that somebody writes in these folders.
    let _journal = match JournalFolder::open(home, &out) {
        Ok(journal) => journal,
        Err(error) => return refuse(&error),
    };
    let pictures = Pictures::served(home, std::slice::from_ref(&out));
    let keeper = ServedResults(Results::in_folder(home, &out, pictures.clone()));
    let library = Arc::new(library);
    let folders = Arc::clone(&library);
    let settings = EngineSettings {
        models: Arc::new(move || folders.folders()),
        ..engine.settings(home, Arc::new(keeper), Arc::new(KeptOnly(pictures.clone())), false)
    };
    let search = SearchPath::usual(&home.runtime_dir());
    let equipment = Equipment {
        home: home.clone(),
        library,
        pictures,
        models: args.models.folders.clone(),
        provider: Box::new(Worker::start("local", move || LocalEngine::new(settings))?),
        guides: Arc::new(LocalGuides { search, threads: engine.threads() }),
    };
    let settings = Settings {
        listen: args.listen,
        keys,
        allow_private: args.allow_private_addresses,
        limits: args.limits(),
    };
    let server = match Server::start(settings, equipment) {
        Ok(server) => server,
        Err(error @ ServeError::System(_)) => {
            writeln!(io::stderr(), "{error}")?;
            return Ok(FAILED);
        }
        Err(error) => return refuse(&error),
    };
    let address = server.address();
    let mut out = io::stdout().lock();
    writeln!(out, "ws://{address}/v1 http://{address}/v1")?;
    out.flush()?;
    drop(out);
    server.run();
    Ok(DONE)
}

fn refuse(error: &dyn std::fmt::Display) -> anyhow::Result<u8> {
    writeln!(io::stderr(), "{error}")?;
    Ok(BAD_USAGE)
}
