//! `latelier show`: how a picture was made, for people or as a task.

use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;

use clap::Args;
use serde_json::Value;
use uuid::Uuid;

use super::{BAD_USAGE, DONE, FAILED, ModelFolders};
use crate::library::{Home, Library};
use crate::metadata::{self, Carried, Origin};
use crate::pixels::probe;
use crate::task::ParameterRow;

/// Longest value that is shown of what is no text, in characters.
const LONGEST_VALUE: usize = 200;

/// Arguments of `latelier show`.
///
/// Exit code 0: something was shown. 1: the picture does not say how it was made. 2: there is no
/// picture.
#[derive(Clone, Debug, Args)]
pub struct ShowArgs {
    /// A PNG, JPEG or WebP picture
    #[arg(value_name = "PICTURE")]
    picture: PathBuf,

    /// Print the tasks that `latelier run` would make the picture of
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    models: ModelFolders,
}

pub(super) fn show(args: &ShowArgs, home: &Home) -> anyhow::Result<u8> {
    let path = args.picture.display();
    let bytes = match fs::read(&args.picture) {
        Ok(bytes) => bytes,
        Err(error) => {
            writeln!(io::stderr(), "cannot be read ({error}): {path}")?;
            return Ok(BAD_USAGE);
        }
    };
    let (extent, format) = match probe(&bytes) {
        Ok(probed) => probed,
        Err(error) => {
            writeln!(io::stderr(), "{error}: {path}")?;
            return Ok(BAD_USAGE);
        }
    };
    let Some(mut carried) = metadata::read(&bytes) else {
        writeln!(
            io::stderr(),
            "The picture ({}×{}, {format}) does not say how it was made. Programs that send pictures \
             on often take that out: {path}",
            extent.width,
            extent.height
        )?;
        return Ok(FAILED);
    };
    let library = match Library::open(home, &args.models.folders) {
        Ok(library) => library,
        Err(error) => {
            writeln!(io::stderr(), "{error}")?;
            return Ok(BAD_USAGE);
        }
    };
    carried.take_models(&library.models());
    if args.json {
        print_tasks(&mut carried)?;
    } else {
        let picture = format!("{}×{}, {format}", extent.width, extent.height);
        print_rows(&rows(&carried, picture)?, &carried)?;
    }
    Ok(DONE)
}

/// Prints the task alone; what is not in it goes to standard error.
fn print_tasks(carried: &mut Carried) -> anyhow::Result<()> {
    for note in &carried.notes {
        writeln!(io::stderr(), "note ({}): {}", carried.origin, printable(note))?;
    }
    carried.task.task_uuid.get_or_insert_with(|| Uuid::new_v4().to_string());
    let mut out = io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, &[&carried.task])?;
    writeln!(out)?;
    Ok(())
}

/// What is shown, each with its label.
fn rows(carried: &Carried, picture: String) -> serde_json::Result<Vec<(String, String)>> {
    let version = carried.version.as_ref().map(|version| format!(" {version}"));
    let mut rows = vec![
        ("Picture".to_owned(), picture),
        ("Made by".to_owned(), format!("{}{}", carried.origin, version.unwrap_or_default())),
    ];
    if carried.origin == Origin::Unknown {
        rows.push(("Text".to_owned(), carried.text.clone()));
        return Ok(rows);
    }
    if let Some(name) = &carried.model {
        rows.push(("Its model".to_owned(), name.clone()));
    }
    for lora in &carried.loras {
        rows.push(("Its LoRA".to_owned(), format!("{} ({})", lora.name, lora.weight)));
    }
    if let Value::Object(members) = serde_json::to_value(&carried.task)? {
        let told = members.iter().filter(|(name, _)| *name != "taskType");
        rows.extend(told.map(|(name, value)| (label(name), shown(value))));
    }
    Ok(rows)
}

fn label(name: &str) -> String {
    ParameterRow::find(name).map_or(name, |row| row.label).to_owned()
}

/// Texts as they are, pictures inside the task and objects cut short.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) if !text.starts_with("data:") => text.clone(),
        other => {
            let text = other.to_string();
            let mut short: String = text.chars().take(LONGEST_VALUE).collect();
            if short.len() < text.len() {
                short.push('…');
            }
            short
        }
    }
}

fn print_rows(rows: &[(String, String)], carried: &Carried) -> io::Result<()> {
    let width = rows.iter().map(|(label, _)| label.chars().count()).max().unwrap_or(0);
    let mut out = io::stdout().lock();
    for (label, value) in rows {
        let mut label = label.as_str();
        for line in printable(value).lines().chain(value.is_empty().then_some("")) {
            writeln!(out, "{label:<width$}  {line}")?;
            label = "";
        }
    }
    if !carried.notes.is_empty() {
        writeln!(out, "\nNotes:")?;
    }
    for note in &carried.notes {
        writeln!(out, "  {}", printable(note))?;
    }
    Ok(())
}

/// The text without signs that a terminal would obey: a picture may come from anywhere.
pub(super) fn printable(text: &str) -> String {
    let shown = |sign: char| if sign.is_control() && sign != '\n' { '\u{FFFD}' } else { sign };
    text.chars().map(shown).collect()
}
