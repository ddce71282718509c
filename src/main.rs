//! Reads the command line, sets up the log and hands over.

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::Parser as _;
use latelier::cli::Arguments;
use latelier::library::Home;
use tracing_subscriber::EnvFilter;

/// What is logged when `LATELIER_LOG` says nothing: the windowing crates warn of harmless things.
const USUAL_LOG: &str = "warn,winit=error,egui_system_font_provider=error";

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let filter = EnvFilter::try_from_env("LATELIER_LOG").unwrap_or_else(|_| USUAL_LOG.into());
    // The WebSocket's own log would hold the messages, and with them the key.
    let quiet =
        ["tungstenite=info", "tokio_tungstenite=info"].map(str::parse).into_iter().flatten();
    let filter = quiet.fold(filter, EnvFilter::add_directive);
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    arguments.carry_out(&Home::locate())
}
