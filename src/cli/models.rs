//! `latelier models`: what tasks can name.

use std::io::{self, Write as _};

use clap::Subcommand;

use super::{BAD_USAGE, DONE, ModelFolders};
use crate::library::{Home, Library};

/// What to do with models.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum Action {
    /// List them: AIR, kind, architecture, name
    List(ModelFolders),
}

pub(super) fn models(action: &Action, home: &Home) -> anyhow::Result<u8> {
    let Action::List(folders) = action;
    let library = match Library::open(home, &folders.folders) {
        Ok(library) => library,
        Err(error) => {
            writeln!(io::stderr(), "{error}")?;
            return Ok(BAD_USAGE);
        }
    };
    let mut out = io::stdout().lock();
    for card in library.models().iter() {
        writeln!(
            out,
            "{:<32} {:<11} {:<9} {:<24} {}",
            card.air.to_string(),
            card.kind.to_string(),
            card.architecture.label(),
            card.name,
            card.path.display()
        )?;
    }
    if let Some(trouble) = library.trouble() {
        writeln!(io::stderr(), "{trouble}")?;
    }
    for fault in library.faults() {
        writeln!(io::stderr(), "cannot be used: {}", fault.why)?;
    }
    Ok(DONE)
}
