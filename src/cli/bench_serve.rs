//! `latelier bench-serve`: a server under load, and under nonsense; its time and its memory.
//!
//! Starts a server of its own in a folder that is gone afterwards.

mod flood;

use std::fs;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use futures_util::future::try_join_all;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use uuid::Uuid;

use super::DONE;
use crate::library::Home;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_mins(30);

/// Arguments of `latelier bench-serve`.
#[derive(Clone, Copy, Debug, Args)]
pub struct BenchServeArgs {
    /// Tasks in all
    #[arg(long, default_value_t = 1000)]
    tasks: u32,

    /// Connections that send them, each with a key of its own
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=256))]
    connections: u32,

    /// Send malformed messages for so many seconds instead
    #[arg(long, value_name = "SECONDS")]
    flood: Option<u64>,

    /// Where the malformed messages begin
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

pub(super) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

pub(super) fn bench_serve(args: BenchServeArgs, home: &Home) -> anyhow::Result<u8> {
    fs::create_dir_all(home.root())?;
    let folder = tempfile::Builder::new().prefix("bench-serve-").tempdir_in(home.root())?;
    let server = Server::start(folder.path())?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async {
        make(&server, 1, "warm").await?;
        server.tell("start")?;
        match args.flood {
            Some(seconds) => flood::flood(&server, args, Duration::from_secs(seconds)).await,
            None => load(&server, args).await,
        }
    })?;
    server.tell("end")?;
    runtime.block_on(make(&server, 1, "after"))?;
    writeln!(io::stdout(), "the server still makes pictures")?;
    Ok(DONE)
}

/// Every connection sends its share at once and waits for the results.
async fn load(server: &Server, args: BenchServeArgs) -> anyhow::Result<()> {
    let started = Instant::now();
    let done = AtomicU32::new(0);
    let half = args.tasks / 2;
    let shares = (0..args.connections).map(|number| {
        let done = &done;
        async move {
            let share =
                args.tasks / args.connections + u32::from(number < args.tasks % args.connections);
            let key = format!("key-{number}");
            let mut socket = server.connect(&key).await?;
            send_tasks(&mut socket, share).await?;
            for _ in 0..share {
                result(&mut socket).await?;
                if done.fetch_add(1, Ordering::SeqCst) + 1 == half {
                    server.tell("middle")?;
                }
            }
            anyhow::Ok(())
        }
    });
    try_join_all(shares).await?;
    let seconds = started.elapsed().as_secs_f64();
    let each = seconds * 1000.0 / f64::from(args.tasks.max(1));
    writeln!(
        io::stdout(),
        "{} tasks from {} connections: {seconds:.1} s, {each:.1} ms each",
        args.tasks,
        args.connections
    )?;
    Ok(())
}

async fn make(server: &Server, count: u32, key: &str) -> anyhow::Result<()> {
    let mut socket = server.connect(key).await?;
    send_tasks(&mut socket, count).await?;
    for _ in 0..count {
        result(&mut socket).await?;
    }
    Ok(())
}

async fn send_tasks(socket: &mut Socket, count: u32) -> anyhow::Result<()> {
    for seed in 1..=count {
        let task = json!([{
            "taskType": "imageInference", "taskUUID": Uuid::new_v4(), "model": "local:demo@1",
            "positivePrompt": "a red apple", "width": 128, "height": 128, "steps": 1, "CFGScale": 1,
            "seed": seed, "outputType": "base64Data", "outputFormat": "JPG",
        }]);
        socket.send(Message::text(task.to_string())).await?;
    }
    Ok(())
}

/// Waits for one picture.
async fn result(socket: &mut Socket) -> anyhow::Result<()> {
    loop {
        let frame = tokio::time::timeout(PATIENCE, socket.next()).await.context("no answer")?;
        match frame.context("the connection ended")?? {
            Message::Text(text) => {
                let answer: Value = serde_json::from_str(&text)?;
                ensure!(answer["data"][0]["imageBase64Data"].is_string(), "{answer}");
                return Ok(());
            }
            Message::Close(close) => bail!("closed: {close:?}"),
            _ => {}
        }
    }
}

/// The server in a process of its own.
pub(super) struct Server {
    process: Child,
    pub(super) address: String,
}

impl Server {
    fn start(home: &std::path::Path) -> anyhow::Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .args(["serve", "--listen", "127.0.0.1:0"])
            .env("LATELIER_HOME", home)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        BufReader::new(process.stdout.take().context("no output")?).read_line(&mut line)?;
        let address = line.split_whitespace().nth(1).context("the server did not start")?;
        let address = address.trim_start_matches("http://").trim_end_matches("/v1").to_owned();
        Ok(Self { process, address })
    }

    /// A connection that has authenticated.
    pub(super) async fn connect(&self, key: &str) -> anyhow::Result<Socket> {
        let (mut socket, _) = connect_async(format!("ws://{}/v1", self.address)).await?;
        let first = json!([{ "taskType": "authentication", "apiKey": key }]);
        socket.send(Message::text(first.to_string())).await?;
        socket.next().await.context("no answer to the key")??;
        Ok(socket)
    }

    /// Prints the server's memory: all that is resident, and what no file holds.
    pub(super) fn tell(&self, when: &str) -> anyhow::Result<()> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()));
        let mib = |name: &str| {
            let line = status.as_ref().ok()?.lines().find(|line| line.starts_with(name))?;
            let kib: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
            Some(format!("{:.1} MiB", kib / 1024.0))
        };
        let [resident, anonymous, threads] = ["VmRSS:", "RssAnon:", "Threads:"].map(|name| {
            if name == "Threads:" {
                let line = status.as_ref().ok()?.lines().find(|line| line.starts_with(name))?;
                return line.split_whitespace().nth(1).map(str::to_owned);
            }
            mib(name)
        });
        let shown = |value: Option<String>| value.unwrap_or_else(|| "unknown".to_owned());
        writeln!(
            io::stdout(),
            "{when:>8}: resident {}, anonymous {}, {} threads",
            shown(resident),
            shown(anonymous),
            shown(threads)
        )?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}
