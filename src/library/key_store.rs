//! Where the key of the remote service is kept: the system's keyring, else a file that nobody else may
//! read. Knows nothing of the service.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use super::Home;
use super::results::write_privately;
use crate::protocol::Key;

/// The environment variable that goes before everything that is kept; the service's own tools read it too.
pub const KEY_VARIABLE: &str = "RUNWARE_API_KEY";

/// The entry's name in the keyring.
const SERVICE: &str = "latelier";
const ACCOUNT: &str = "runware";

/// How long the keyring may take: its owner may have to type a password.
const PATIENCE: Duration = Duration::from_mins(1);

/// Where a key was found, or put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyPlace {
    /// The environment variable `RUNWARE_API_KEY`.
    Environment,
    /// The system's keyring.
    Keyring,
    /// This file.
    File(PathBuf),
}

/// Why a key cannot be kept or found. Never holds the key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The variable holds something else.
    #[error("{KEY_VARIABLE} holds no key: it has to be one word of printable ASCII")]
    Variable,

    /// What was typed is none.
    #[error("that is no key: it has to be one word of printable ASCII")]
    NoKey,

    /// The file holds something else.
    #[error("the file holds no key; set it again with latelier key set: {}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
    },

    /// The file cannot be read, written or deleted.
    #[error("the key's file cannot be used ({source}): {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// The keyring refuses.
    #[error("the system's keyring refuses ({0}); set {KEY_VARIABLE} instead")]
    Keyring(String),
}

/// The key's places for one home folder.
///
/// A home that `LATELIER_HOME` names keeps everything inside itself, its key too; only the user's own
/// has its key in the keyring.
#[derive(Clone, Debug)]
pub struct KeyStore {
    file: PathBuf,
    keyring: bool,
}

impl KeyStore {
    /// The places that belong to `home`.
    #[must_use]
    pub fn of(home: &Home) -> Self {
        Self { file: home.key_file(), keyring: !home.is_portable() }
    }

    /// The key, and where it was found: the variable, the keyring, the file. May take until the user has
    /// unlocked the keyring.
    ///
    /// # Errors
    /// When a place holds something that is no key. A keyring that cannot be had is only logged.
    pub fn find(&self) -> Result<Option<(Key, KeyPlace)>, KeyError> {
        if let Some(text) = std::env::var_os(KEY_VARIABLE).filter(|text| !text.is_empty()) {
            let key = text.to_str().and_then(Key::new).ok_or(KeyError::Variable)?;
            return Ok(Some((key, KeyPlace::Environment)));
        }
        if self.keyring {
            match on_keyring(keyring::Entry::get_password) {
                Ok(text) => {
                    let key = Key::new(&text);
                    let key = key.ok_or_else(|| KeyError::Keyring("it holds no key".to_owned()))?;
                    return Ok(Some((key, KeyPlace::Keyring)));
                }
                Err(Refusal::NoEntry | Refusal::NoKeyring) => {}
                Err(Refusal::Other(why)) => tracing::info!("the keyring cannot be asked: {why}"),
            }
        }
        let key = self.read_file()?;
        Ok(key.map(|key| (key, KeyPlace::File(self.file.clone()))))
    }

    /// Keeps `key` in the keyring or, where there is none, in the file.
    ///
    /// # Errors
    /// When neither can be written.
    pub fn keep(&self, key: &Key) -> Result<KeyPlace, KeyError> {
        if self.keyring {
            let kept = key.clone();
            match on_keyring(move |entry| entry.set_password(kept.reveal())) {
                Ok(()) => {
                    self.delete_file()?;
                    return Ok(KeyPlace::Keyring);
                }
                // One that is there and refuses may hold an older key, which would go before the file.
                Err(Refusal::Other(why)) => return Err(KeyError::Keyring(why)),
                Err(Refusal::NoEntry | Refusal::NoKeyring) => {}
            }
        }
        let written = write_privately(&self.file, key.reveal().as_bytes());
        written.map_err(|source| self.failed(source))?;
        Ok(KeyPlace::File(self.file.clone()))
    }

    /// Keeps the key that `text` is, as a person typed it.
    ///
    /// # Errors
    /// When it is none, or cannot be written.
    pub fn keep_text(&self, text: &str) -> Result<KeyPlace, KeyError> {
        self.keep(&Key::new(text).ok_or(KeyError::NoKey)?)
    }

    /// Where the key is; `None` without one. May take until the user has unlocked the keyring.
    ///
    /// # Errors
    /// As [`Self::find`].
    pub fn place(&self) -> Result<Option<KeyPlace>, KeyError> {
        Ok(self.find()?.map(|(_, place)| place))
    }

    /// Deletes the key from keyring and file; whether there was one.
    ///
    /// # Errors
    /// When one of them keeps it.
    pub fn forget(&self) -> Result<bool, KeyError> {
        let mut found = self.delete_file()?;
        if self.keyring {
            match on_keyring(keyring::Entry::delete_credential) {
                Ok(()) => found = true,
                Err(Refusal::Other(why)) => return Err(KeyError::Keyring(why)),
                // Without a keyring nothing was put there.
                Err(Refusal::NoEntry | Refusal::NoKeyring) => {}
            }
        }
        Ok(found)
    }

    fn read_file(&self) -> Result<Option<Key>, KeyError> {
        match std::fs::read(&self.file) {
            Ok(bytes) => {
                let text = zeroize::Zeroizing::new(bytes);
                let key = std::str::from_utf8(&text).ok().and_then(Key::new);
                key.map(Some).ok_or_else(|| KeyError::Damaged { path: self.file.clone() })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(self.failed(source)),
        }
    }

    fn delete_file(&self) -> Result<bool, KeyError> {
        match std::fs::remove_file(&self.file) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(source) => Err(self.failed(source)),
        }
    }

    fn failed(&self, source: io::Error) -> KeyError {
        KeyError::File { path: self.file.clone(), source }
    }
}

/// Why the keyring did not do what was asked.
#[derive(Debug)]
enum Refusal {
    /// It holds no key.
    NoEntry,
    /// This machine has none.
    NoKeyring,
    /// It is there and does not do it.
    Other(String),
}

/// Asks the keyring on a thread of its own, and not for ever: the bus behind it may be dead.
fn on_keyring<T: Send + 'static>(
    ask: impl FnOnce(&keyring::Entry) -> keyring::Result<T> + Send + 'static,
) -> Result<T, Refusal> {
    let (sender, answer) = sync_channel(1);
    let work = move || {
        let asked = keyring::Entry::new(SERVICE, ACCOUNT).and_then(|entry| ask(&entry));
        // Nobody listens any more when it took too long.
        sender.send(asked).ok();
    };
    let started = thread::Builder::new().name("keyring".to_owned()).spawn(work);
    started.map_err(|error| Refusal::Other(error.to_string()))?;
    match answer.recv_timeout(PATIENCE) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(keyring::Error::NoEntry)) => Err(Refusal::NoEntry),
        Ok(Err(keyring::Error::NoDefaultStore)) => Err(Refusal::NoKeyring),
        Ok(Err(error)) => Err(Refusal::Other(error.to_string())),
        Err(RecvTimeoutError::Timeout) => Err(Refusal::Other("it does not answer".to_owned())),
        Err(RecvTimeoutError::Disconnected) => Err(Refusal::Other("it failed".to_owned())),
    }
}

impl KeyPlace {
    /// For people.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::Environment => format!("in the environment variable {KEY_VARIABLE}"),
            Self::Keyring => "in the system's keyring".to_owned(),
            Self::File(path) => format!("in {}", path_text(path)),
        }
    }
}

fn path_text(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_portable_home_keeps_its_key_in_a_file_that_nobody_else_reads() {
        let folder = tempfile::tempdir().unwrap();
        let store = KeyStore { file: folder.path().join("home/key"), keyring: false };
        assert!(store.read_file().unwrap().is_none());
        let key = Key::new("secret-1").unwrap();
        assert_eq!(store.keep(&key).unwrap(), KeyPlace::File(store.file.clone()));
        assert_eq!(store.read_file().unwrap(), Some(key));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(&store.file).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        assert!(store.forget().unwrap());
        assert!(!store.forget().unwrap());
    }

    #[test]
    fn what_is_no_key_is_told_without_showing_it() {
        let folder = tempfile::tempdir().unwrap();
        let store = KeyStore { file: folder.path().join("key"), keyring: false };
        std::fs::write(&store.file, "two words").unwrap();
        let error = store.read_file().unwrap_err();
        assert!(matches!(error, KeyError::Damaged { .. }));
        assert!(!error.to_string().contains("two words"));
    }
}
