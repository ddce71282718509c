//! `latelier doctor`: what is found on this machine, and whether pictures can be made.

use std::io::{self, Write};

use super::show::printable;
use super::{DONE, FAILED, ModelFolders, wanted_device};
use crate::engine::{ClassifierPath, SearchPath, diagnose};
use crate::library::{Home, Library};
use crate::task::ModelKind;

pub(super) fn doctor(folders: &ModelFolders, home: &Home) -> anyhow::Result<u8> {
    let mut out = io::stdout().lock();
    writeln!(out, "Latelier        {}", env!("CARGO_PKG_VERSION"))?;
    writeln!(out, "Home            {}", home.root().display())?;
    let runtime = runtime(&mut out, home)?;
    classifier(&mut out, home)?;
    let models = models(&mut out, folders, home)?;
    let possible = runtime && models;
    let verdict = if possible { "Pictures can be made." } else { "Pictures cannot be made yet." };
    writeln!(out, "\n{verdict}")?;
    Ok(if possible { DONE } else { FAILED })
}

/// Says what is known of ONNX Runtime; whether a session ran.
fn runtime(out: &mut impl Write, home: &Home) -> io::Result<bool> {
    let search = SearchPath::usual(&home.runtime_dir());
    let report = match diagnose(&search, wanted_device().as_deref()) {
        Ok(report) => report,
        Err(error) => {
            writeln!(out, "ONNX Runtime    {error}")?;
            for line in error.details().lines() {
                writeln!(out, "                {line}")?;
            }
            return Ok(false);
        }
    };
    writeln!(out, "ONNX Runtime    {}", report.version)?;
    writeln!(out, "Library         {}", report.library.display())?;
    writeln!(out, "Providers       {}", report.providers.join(", "))?;
    for why in &report.passed_over {
        writeln!(out, "Passed over     {}", why.replace('\n', " "))?;
    }
    match &report.works {
        Ok(()) => writeln!(out, "Runs on         {} (a session was run)", report.device)?,
        Err(why) => writeln!(out, "Runs on         nothing: {why}")?,
    }
    Ok(report.works.is_ok())
}

/// Says whether pictures can be checked for adult content; they can be made all the same.
fn classifier(out: &mut impl Write, home: &Home) -> io::Result<()> {
    match ClassifierPath::usual(&home.runtime_dir()).find() {
        Ok(file) => writeln!(out, "checkNSFW       {}", file.path().display()),
        Err(error) => {
            writeln!(out, "checkNSFW       {error}")?;
            for line in error.details().lines() {
                writeln!(out, "                {line}")?;
            }
            Ok(())
        }
    }
}

/// Lists the models; whether a checkpoint that this engine can use is among them.
fn models(out: &mut impl Write, folders: &ModelFolders, home: &Home) -> io::Result<bool> {
    let library = match Library::open(home, &folders.folders) {
        Ok(library) => library,
        Err(error) => {
            writeln!(out, "Models          {error}")?;
            return Ok(false);
        }
    };
    if let Some(trouble) = library.trouble() {
        writeln!(out, "Models          {trouble}")?;
    }
    let models = library.models();
    let usable = || models.iter().filter(|card| card.fault.is_none());
    for card in usable() {
        let (label, name) = (card.architecture.label(), printable(&card.name));
        writeln!(out, "Model           {} ({}, {label}): {name}", card.air, card.kind)?;
    }
    for fault in library.faults() {
        writeln!(out, "Cannot be used  {}", printable(&fault.why))?;
    }
    Ok(usable().any(|card| card.kind == ModelKind::Checkpoint && card.architecture.is_local()))
}
