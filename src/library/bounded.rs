//! Files that anybody may have put there, read whole: only those that end, and only up to a bound. Knows
//! nothing of what is in them.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

/// The bytes of the file at `path`; `None` when they are more than `most`.
///
/// # Errors
/// When it cannot be read, or is a folder, a pipe or a device.
pub(super) fn read_bounded(path: &Path, most: u64) -> io::Result<Option<Vec<u8>>> {
    // Before it is opened: opening a pipe waits for who writes into it.
    let file = fs::metadata(path)?;
    if !file.is_file() {
        return Err(io::Error::other("it is no file that can be read to its end"));
    }
    if file.len() > most {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    // Its length may be a lie, or grow.
    File::open(path)?.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= most).then_some(bytes))
}
