//! `latelier models`: what tasks can name, what a file is, and folders that are looked through.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, Subcommand, ValueEnum};

use super::show::printable;
use super::{BAD_USAGE, DONE, FAILED, ModelFolders};
use crate::library::{Added, Addition, Home, Library};
use crate::task::{Air, Catalog as _, ModelCard, ModelKind};
use crate::weights::{Checkpoint, Embedding, LoraFile, Summary};

/// Signs of a trainer's text that are shown.
const SHOWN: usize = 240;

/// What to do with models.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum Action {
    /// List them: AIR, kind, architecture, name
    List(ModelFolders),
    /// Add a model or a folder of models, also that of ComfyUI, A1111 or Forge; nothing is copied
    Add(AddArgs),
    /// Take off the list what was added; no file is touched
    Remove {
        /// As it was added
        path: PathBuf,
    },
    /// Say what a model is
    Info(InfoArgs),
}

/// What is added.
#[derive(Clone, Debug, Args)]
pub(super) struct AddArgs {
    /// A `.safetensors` file, an embedding as `.pt` or `.bin`, a diffusers folder, or a folder of models
    path: PathBuf,

    /// What tasks are to call the model [default: local:<file name>@1]
    #[arg(long)]
    air: Option<Air>,

    /// What the model is, where its file does not tell
    #[arg(long, value_enum)]
    kind: Option<KindArg>,
}

/// Which model is told of.
#[derive(Clone, Debug, Args)]
pub(super) struct InfoArgs {
    /// An AIR of the library, or a path
    model: String,

    /// With this checkpoint: which layers of a LoRA fit it
    #[arg(long, value_name = "AIR")]
    checkpoint: Option<Air>,

    #[command(flatten)]
    folders: ModelFolders,
}

/// Kinds of models.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum KindArg {
    Checkpoint,
    Lora,
    Controlnet,
    Embedding,
    Vae,
    IpAdapter,
}

impl From<KindArg> for ModelKind {
    fn from(kind: KindArg) -> Self {
        match kind {
            KindArg::Checkpoint => Self::Checkpoint,
            KindArg::Lora => Self::Lora,
            KindArg::Controlnet => Self::ControlNet,
            KindArg::Embedding => Self::Embedding,
            KindArg::Vae => Self::Vae,
            KindArg::IpAdapter => Self::IpAdapter,
        }
    }
}

pub(super) fn models(action: &Action, home: &Home) -> anyhow::Result<u8> {
    let none = ModelFolders { folders: Vec::new() };
    let folders = match action {
        Action::List(folders) | Action::Info(InfoArgs { folders, .. }) => folders,
        Action::Add(_) | Action::Remove { .. } => &none,
    };
    let library = match Library::open(home, &folders.folders) {
        Ok(library) => library,
        Err(error) => return refuse(&error),
    };
    match action {
        Action::List(_) => list(&library),
        Action::Add(args) => add(&library, args),
        Action::Remove { path } => remove(&library, path),
        Action::Info(args) => info(&library, args),
    }
}

fn refuse(why: &dyn std::fmt::Display) -> anyhow::Result<u8> {
    writeln!(io::stderr(), "{}", printable(&why.to_string()))?;
    Ok(BAD_USAGE)
}

fn list(library: &Library) -> anyhow::Result<u8> {
    let mut out = io::stdout().lock();
    for card in library.models().iter() {
        write_card(&mut out, card)?;
    }
    if let Some(trouble) = library.trouble() {
        writeln!(io::stderr(), "{trouble}")?;
    }
    for fault in library.faults() {
        writeln!(io::stderr(), "cannot be used: {}", printable(&fault.why))?;
    }
    Ok(DONE)
}

fn write_card(out: &mut impl Write, card: &ModelCard) -> io::Result<()> {
    writeln!(
        out,
        "{:<32} {:<11} {:<9} {:<24} {}",
        card.air.to_string(),
        card.kind.to_string(),
        card.architecture.label(),
        printable(&card.name),
        printable(&card.path.display().to_string())
    )
}

fn add(library: &Library, args: &AddArgs) -> anyhow::Result<u8> {
    let AddArgs { path, air, kind } = args;
    let kind = kind.map(ModelKind::from);
    let addition = Addition { path: path.clone(), air: air.clone(), kind };
    let added = match library.add(&addition) {
        Ok(added) => added,
        Err(error) => return refuse(&error),
    };
    let mut out = io::stdout().lock();
    match added {
        Added::Model(card) => {
            writeln!(out, "added:")?;
            write_card(&mut out, &card)?;
        }
        Added::Folder { path, program, models } => {
            let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
            for card in &models {
                *kinds.entry(card.kind.to_string()).or_insert(0) += 1;
            }
            let kinds: Vec<String> =
                kinds.iter().map(|(kind, count)| format!("{kind}: {count}")).collect();
            let program = program.map(|program| format!(" of {program}")).unwrap_or_default();
            writeln!(out, "added the folder{program} ({}): {}", kinds.join(", "), path.display())?;
        }
    }
    Ok(DONE)
}

fn remove(library: &Library, path: &Path) -> anyhow::Result<u8> {
    match library.remove(path) {
        Ok(true) => Ok(DONE),
        Ok(false) => refuse(&format!("it was not added: {}", path.display())),
        Err(error) => refuse(&error),
    }
}

fn info(library: &Library, args: &InfoArgs) -> anyhow::Result<u8> {
    let card = args.model.parse::<Air>().ok().and_then(|air| library.model(&air));
    let path = match &card {
        Some(card) => card.path.clone(),
        None => PathBuf::from(&args.model),
    };
    let Ok(real) = path.canonicalize() else {
        let why = "it is neither the AIR of a model of the library nor a file";
        return refuse(&format!(
            "{why}; `latelier models list` shows what is there: {}",
            args.model
        ));
    };
    let same = |card: &&Arc<ModelCard>| card.path.canonicalize().is_ok_and(|path| path == real);
    let card = card.or_else(|| library.models().iter().find(same).cloned());
    let mut out = io::stdout().lock();
    if let Some(card) = &card {
        about_card(&mut out, card)?;
    }
    writeln!(out, "File          {}", real.display())?;
    let told = about_file(&mut out, &real)?;
    let fits = match &args.checkpoint {
        Some(air) => with_checkpoint(&mut out, library, air, &real)?,
        None => true,
    };
    Ok(if told && fits { DONE } else { FAILED })
}

fn about_card(out: &mut impl Write, card: &ModelCard) -> io::Result<()> {
    writeln!(out, "AIR           {}", card.air)?;
    writeln!(out, "Name          {}", printable(&card.name))?;
    writeln!(out, "Kind          {}", card.kind)?;
    writeln!(out, "Architecture  {}", card.architecture.label())?;
    if card.vectors > 0 {
        writeln!(out, "In a prompt   {} tokens", card.vectors)?;
    }
    if !card.trigger_words.is_empty() {
        writeln!(out, "Words         {}", printable(&card.trigger_words.join(", ")))?;
    }
    if card.kind == ModelKind::Checkpoint {
        let defaults = &card.defaults;
        writeln!(
            out,
            "Defaults      {}, {} steps, guidance {}, {}",
            defaults.extent, defaults.steps, defaults.cfg_scale, defaults.scheduler
        )?;
    }
    Ok(())
}

/// Says what lies at `path`; whether it can be read.
fn about_file(out: &mut impl Write, path: &Path) -> io::Result<bool> {
    let is = |ending: &str| path.extension().is_some_and(|own| own.eq_ignore_ascii_case(ending));
    if path.is_dir() {
        return about_folder(out, path);
    }
    if is("pt") || is("bin") {
        return match Embedding::open(path).and_then(|embedding| {
            embedding.read()?;
            Ok(embedding)
        }) {
            Ok(Embedding { vectors, width, .. }) => {
                writeln!(out, "Tensors       1: {vectors} vectors of {width} numbers")?;
                Ok(true)
            }
            Err(error) => cannot(out, &error),
        };
    }
    match Summary::of(path) {
        Ok(summary) => about_tensors(out, &summary).map(|()| true),
        Err(error) => cannot(out, &error),
    }
}

fn cannot(out: &mut impl Write, why: &dyn std::fmt::Display) -> io::Result<bool> {
    writeln!(out, "Unusable      {}", printable(&why.to_string()))?;
    Ok(false)
}

fn about_folder(out: &mut impl Write, path: &Path) -> io::Result<bool> {
    if !path.join("model_index.json").is_file() {
        let weights = path.join("diffusion_pytorch_model.safetensors");
        return match Summary::of(&weights) {
            Ok(summary) => about_tensors(out, &summary).map(|()| true),
            Err(error) => cannot(out, &error),
        };
    }
    match Checkpoint::open(path, None) {
        Ok(Checkpoint { text_encoder, unet, vae, .. }) => {
            for part in [text_encoder, unet, vae] {
                let (count, size) = (part.parameters(), part.stored_bytes());
                let name = format!("{}:", part.name);
                writeln!(
                    out,
                    "Part          {name:<13} {} numbers, {}",
                    large(count),
                    bytes(size)
                )?;
            }
            Ok(true)
        }
        Err(error) => cannot(out, &error),
    }
}

fn about_tensors(out: &mut impl Write, summary: &Summary) -> io::Result<()> {
    let Summary { tensors, parameters, formats, lora, trigger_words, tags, said, .. } = summary;
    let formats: Vec<String> =
        formats.iter().map(|(format, count)| format!("{format} × {count}")).collect();
    let size = bytes(summary.bytes);
    writeln!(
        out,
        "Tensors       {tensors}: {}, {} numbers, {size}",
        formats.join(", "),
        large(*parameters)
    )?;
    if let Some(lora) = lora {
        let ranks: Vec<String> = lora.ranks.iter().map(ToString::to_string).collect();
        let alpha = lora.alpha.as_ref().map(|alpha| format!(", alpha {}", printable(alpha)));
        if !ranks.is_empty() {
            writeln!(out, "Rank          {}{}", ranks.join(", "), alpha.unwrap_or_default())?;
        }
        let layers: Vec<String> =
            lora.layers.iter().map(|(part, count)| format!("{part} ({count} layers)")).collect();
        writeln!(out, "Changes       {}", layers.join(", "))?;
    }
    if !trigger_words.is_empty() {
        writeln!(out, "Trigger       {}", short(&trigger_words.join(", ")))?;
    }
    for (name, text) in said {
        writeln!(out, "{name:<13} {}", short(text))?;
    }
    let tags: Vec<String> = tags.iter().map(|(tag, count)| format!("{tag} ({count})")).collect();
    if !tags.is_empty() {
        writeln!(out, "Tags          {}", short(&tags.join(", ")))?;
    }
    Ok(())
}

/// Says which layers of the LoRA at `path` fit the checkpoint; whether it can be used with it.
fn with_checkpoint(
    out: &mut impl Write,
    library: &Library,
    air: &Air,
    path: &Path,
) -> anyhow::Result<bool> {
    let Some(card) = library.model(air) else {
        return Ok(cannot(out, &format!("{air} is not in the library"))?);
    };
    let checkpoint = match Checkpoint::open(&card.path, card.config.as_deref()) {
        Ok(checkpoint) => checkpoint,
        Err(error) => return Ok(cannot(out, &error)?),
    };
    match LoraFile::open(path, &checkpoint) {
        Ok(LoraFile { deltas, unmatched, .. }) => {
            let changed = deltas.len();
            writeln!(
                out,
                "With {air}: {changed} tensors are changed, {} of the file fit nowhere",
                unmatched.len()
            )?;
            for key in unmatched.iter().take(10) {
                writeln!(out, "  {}", printable(key))?;
            }
            Ok(true)
        }
        Err(error) => Ok(cannot(out, &error)?),
    }
}

/// One line of a trainer's text, cut where it is long.
fn short(text: &str) -> String {
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut shown: String = line.chars().take(SHOWN).collect();
    if shown.len() < line.len() {
        shown.push('…');
    }
    printable(&shown)
}

fn bytes(count: u64) -> String {
    const UNITS: [&str; 3] = ["KiB", "MiB", "GiB"];
    let mut size = count as f64 / 1024.0;
    let mut unit = 0;
    while size >= 1024.0 && unit + 1 < UNITS.len() {
        size /= 1024.0;
        unit += 1;
    }
    format!("{size:.1} {}", UNITS[unit])
}

/// `4.3 million`, as people count weights.
fn large(count: u64) -> String {
    match count {
        0..1_000_000 => count.to_string(),
        _ => format!("{:.1} million", count as f64 / 1e6),
    }
}
