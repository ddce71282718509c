//! Reads the command line, sets up the log and hands over.

use std::process::ExitCode;

use clap::Parser as _;
use latelier::cli::Arguments;
use latelier::library::Home;
use tracing_subscriber::EnvFilter;

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let filter = EnvFilter::try_from_env("LATELIER_LOG").unwrap_or_else(|_| "warn".into());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    arguments.carry_out(&Home::locate())
}
