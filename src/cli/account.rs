//! `latelier key` and `latelier costs`: the account of the remote service.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use clap::{Args, Subcommand};
use jiff::{ToSpan as _, Zoned};

use super::{BAD_USAGE, DONE, FAILED};
use crate::library::{Home, KEY_VARIABLE, KeyPlace, KeyStore, Ledger, Spending, dollars};
use crate::protocol::Key;

/// What to do with the key of the remote service.
#[derive(Clone, Copy, Debug, Subcommand)]
pub(super) enum KeyAction {
    /// Keep a key, typed or read from standard input, in the system's keyring
    Set,
    /// Delete the key that is kept
    Forget,
    /// Say whether there is a key, and where; never shows it
    Status,
}

/// Arguments of `latelier costs`.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct CostsArgs {
    /// Days to look back
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=3650))]
    days: u16,
}

pub(super) fn key(action: KeyAction, home: &Home) -> anyhow::Result<u8> {
    let store = KeyStore::of(home);
    let done = match action {
        KeyAction::Set => return set(&store),
        KeyAction::Forget => store.forget().map(|found| {
            let text = if found { "The key is deleted." } else { "No key was kept." };
            text.to_owned()
        }),
        KeyAction::Status => store.find().map(|found| match found {
            Some((_, place)) => format!("There is a key {}.", place.describe()),
            None => {
                format!("There is no key. Keep one with latelier key set, or set {KEY_VARIABLE}.")
            }
        }),
    };
    tell(done)
}

fn tell(done: Result<String, crate::library::KeyError>) -> anyhow::Result<u8> {
    match done {
        Ok(text) => {
            writeln!(io::stdout(), "{text}")?;
            Ok(DONE)
        }
        Err(error) => {
            writeln!(io::stderr(), "{error}")?;
            Ok(FAILED)
        }
    }
}

fn set(store: &KeyStore) -> anyhow::Result<u8> {
    let text = if io::stdin().is_terminal() {
        rpassword::prompt_password("Key of the remote service: ")?
    } else {
        let mut line = String::new();
        io::stdin().lock().read_line(&mut line)?;
        line
    };
    let Some(key) = Key::new(&text) else {
        writeln!(io::stderr(), "That is no key: it has to be one word of printable ASCII.")?;
        return Ok(BAD_USAGE);
    };
    tell(store.keep(&key).map(|place| match place {
        KeyPlace::File(_) => {
            format!("The key is kept {}, which only you can read.", place.describe())
        }
        _ => format!("The key is kept {}.", place.describe()),
    }))
}

pub(super) fn costs(args: CostsArgs, home: &Home) -> anyhow::Result<u8> {
    let today = Zoned::now().date();
    let first = today.checked_sub(i32::from(args.days - 1).days())?;
    let ledger = Ledger::open(home).and_then(|ledger| ledger.spending_since(first));
    let rows = match ledger {
        Ok(rows) => rows,
        Err(error) => {
            writeln!(io::stderr(), "{error}")?;
            return Ok(FAILED);
        }
    };
    let mut out = io::stdout().lock();
    let width = rows.iter().map(|row| row.model.len()).max().unwrap_or(0);
    for row in &rows {
        let Spending { day, model, results, usd } = row;
        let word = match (row.is_of_pictures(), *results) {
            (true, 1) => "picture ",
            (true, _) => "pictures",
            (false, 1) => "result  ",
            (false, _) => "results ",
        };
        writeln!(out, "{day}  {model:width$}  {results:>6} {word}  {}", dollars(*usd))?;
    }
    let count = |of_pictures| -> u64 {
        rows.iter().filter(|row| row.is_of_pictures() == of_pictures).map(|row| row.results).sum()
    };
    let others = match count(false) {
        0 => String::new(),
        1 => " and 1 other result".to_owned(),
        others => format!(" and {others} other results"),
    };
    let usd: f64 = rows.iter().map(|row| row.usd).sum();
    let pictures = count(true);
    writeln!(out, "{pictures} pictures{others} in {} days: {}", args.days, dollars(usd))?;
    Ok(DONE)
}
