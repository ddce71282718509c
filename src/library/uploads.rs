//! Which pictures a service already has: a small file of hosts, contents and names.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

use super::Home;
use super::results::write_cache;
use crate::jobs::Uploads;

/// Most pictures that are remembered for a host; the names do not live for ever anyway.
const MOST: usize = 4096;

/// Host → SHA-256 of the file, in hexadecimal → name.
type Names = BTreeMap<String, BTreeMap<String, Uuid>>;

/// The notes of a home folder. What is lost is uploaded again, so nothing here fails.
#[derive(Debug)]
pub struct UploadNotes {
    file: PathBuf,
    names: Mutex<Names>,
}

impl UploadNotes {
    /// Reads the notes of `home`; damaged ones are begun anew.
    #[must_use]
    pub fn of(home: &Home) -> Self {
        let file = home.uploads_file();
        let names = fs::read(&file).ok().and_then(|json| serde_json::from_slice(&json).ok());
        Self { file, names: Mutex::new(names.unwrap_or_default()) }
    }

    fn names(&self) -> MutexGuard<'_, Names> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn hexadecimal(content: &[u8; 32]) -> String {
    content.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

impl Uploads for UploadNotes {
    fn find(&self, host: &str, content: &[u8; 32]) -> Option<Uuid> {
        self.names().get(host)?.get(&hexadecimal(content)).copied()
    }

    fn note(&self, host: &str, content: &[u8; 32], name: Option<Uuid>) {
        let mut names = self.names();
        let of_host = names.entry(host.to_owned()).or_default();
        match name {
            None => {
                of_host.remove(&hexadecimal(content));
            }
            Some(name) => {
                if of_host.len() >= MOST {
                    of_host.clear();
                }
                of_host.insert(hexadecimal(content), name);
            }
        }
        let json = serde_json::to_vec_pretty(&*names).unwrap_or_default();
        let folder = self.file.parent().map_or(Ok(()), fs::create_dir_all);
        if let Err(error) = folder.and_then(|()| write_cache(&self.file, &json)) {
            tracing::info!("uploads are not remembered, {error}: {}", self.file.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_after_a_restart_for_their_host_only() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path().join("home"));
        let (one, name) = ([7; 32], Uuid::from_u128(1));
        UploadNotes::of(&home).note("a", &one, Some(name));
        let again = UploadNotes::of(&home);
        assert_eq!((again.find("a", &one), again.find("b", &one)), (Some(name), None));
        assert_eq!(again.find("a", &[8; 32]), None);
        again.note("a", &one, None);
        assert_eq!(UploadNotes::of(&home).find("a", &one), None);
        fs::write(home.uploads_file(), "{").unwrap();
        assert_eq!(UploadNotes::of(&home).find("a", &one), None);
    }
}
