//! Which engines there are to be, how they are wished for, and what is known before they work.
//!
//! Knows no engine: whoever starts the program gives an [`EngineMaker`].

use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use url::Url;

use super::{Failure, Provider};
use crate::pixels::Extent;
use crate::task::{EngineKind, ModelCard, Request};

/// How the local engine holds weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MemoryMode {
    /// Packed ahead: the fastest steps.
    Fast,
    /// Read from the file as they are used: ready at once, least memory.
    LowMemory,
}

/// How the local engine is to work.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct LocalWish {
    /// The only device beside the CPU, by its key; any that works when `None`.
    pub device: Option<String>,

    /// How weights are held; chosen from the work when `None`.
    pub memory: Option<MemoryMode>,
}

/// Which service the remote engine is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct RemoteWish {
    /// Where it is; the usual service when `None`.
    pub address: Option<String>,

    /// Whether the key may travel to another machine without encryption.
    pub in_clear: bool,
}

impl RemoteWish {
    /// The usual service.
    pub const SERVICE: &'static str = "wss://ws-api.runware.ai/v1";

    /// The wish for the service that a job was sent to, by the address that was written down with it.
    #[must_use]
    pub fn of(service: &str, in_clear: bool) -> Self {
        let address = (service != Self::SERVICE).then(|| service.to_owned());
        Self { address, in_clear }
    }

    /// The address as it is written down with jobs: in one spelling, without anything that could hold a
    /// secret. What is no address is no service, and stays one that nobody can be asked at.
    #[must_use]
    pub fn service(&self) -> String {
        let Some(address) = &self.address else { return Self::SERVICE.to_owned() };
        let Ok(mut url) = Url::parse(address.trim()) else {
            return address.split(['?', '#', '@']).next().unwrap_or_default().to_owned();
        };
        url.set_query(None);
        url.set_fragment(None);
        // Refused when it is to be used.
        let bare = url.set_username("").and_then(|()| url.set_password(None));
        if bare.is_err() { format!("{}:", url.scheme()) } else { url.into() }
    }

    /// The host of the service, for people.
    #[must_use]
    pub fn host(&self) -> String {
        let service = self.service();
        if service == Self::SERVICE {
            return "Runware".to_owned();
        }
        let url = Url::parse(&service).ok();
        let host = url.and_then(|url| {
            let host = url.host_str()?.to_owned();
            Some(url.port().map_or(host.clone(), |port| format!("{host}:{port}")))
        });
        host.unwrap_or(service)
    }
}

/// An engine that is wished for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum EngineOrder {
    /// This machine.
    Local(LocalWish),
    /// A service.
    Remote(RemoteWish),
}

impl EngineOrder {
    /// Which of the two it is.
    #[must_use]
    pub const fn kind(&self) -> EngineKind {
        match self {
            Self::Local(_) => EngineKind::Local,
            Self::Remote(_) => EngineKind::Remote,
        }
    }
}

/// Asks a service for checkpoints by words; blocks.
pub type ModelSearcher = Arc<dyn Fn(&str) -> Result<Vec<ModelCard>, Failure> + Send + Sync>;

/// An engine that was started.
pub struct MadeEngine {
    /// Makes pictures.
    pub provider: Box<dyn Provider>,

    /// How many jobs it is given at a time.
    pub at_once: usize,

    /// Finds models that the library has not.
    pub search: Option<ModelSearcher>,
}

/// A device that the local engine could run on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferedDevice {
    /// What a [`LocalWish`] calls it.
    pub key: String,

    /// For people.
    pub name: String,
}

/// What would make a request fit into memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryAdvice {
    /// This size, which takes so many bytes.
    Size(Extent, u64),
    /// Weights in the other mode, which takes so many bytes.
    LowMemory(u64),
}

/// What a request takes of this machine's memory, known before anything is loaded; in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryNeed {
    /// How weights would be held.
    pub mode: MemoryMode,

    /// The most that is resident at any moment.
    pub peak: u64,

    /// What the system can still give; `None` where it does not say.
    pub available: Option<u64>,

    /// What would make it fit, if it does not; the mildest first.
    pub advice: Vec<MemoryAdvice>,
}

impl MemoryNeed {
    /// Whether it will fit, as far as anybody knows.
    #[must_use]
    pub fn fits(&self) -> bool {
        self.available.is_none_or(|available| self.peak <= available)
    }
}

/// Makes engines when they are first needed, and says what they would do. Every method may take a
/// while: not for the UI thread.
pub trait EngineMaker: Send + Sync {
    /// Starts an engine.
    ///
    /// # Errors
    /// Why there is none, for the user: no key, an address that cannot be used.
    fn make(&self, order: &EngineOrder) -> Result<MadeEngine, Failure>;

    /// The memory that `request` takes on this machine; `None` where its model cannot be read.
    fn memory(&self, request: &Request, wish: &LocalWish) -> Option<MemoryNeed>;

    /// Devices that the local engine offers, the CPU among them.
    fn devices(&self) -> Vec<OfferedDevice>;

    /// What a model of the library needs besides and is not there, in a sentence.
    fn lacks(&self, card: &ModelCard, folders: &[PathBuf]) -> Option<String>;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(address: &str) -> RemoteWish {
        RemoteWish { address: Some(address.to_owned()), in_clear: false }
    }

    #[test]
    fn one_service_has_one_address_and_none_that_is_secret() {
        for (typed, service) in [
            ("wss://ws-api.runware.ai/v1", RemoteWish::SERVICE),
            (" ws://127.0.0.1:9/v1?token=secret#x ", "ws://127.0.0.1:9/v1"),
            ("ws://127.0.0.1:7862", "ws://127.0.0.1:7862/"),
            ("WS://Host:80/v1", "ws://host/v1"),
            ("wss://me:secret@host/v1", "wss://host/v1"),
            ("me:secret@host", "me:"),
            ("no address?token=secret", "no address"),
        ] {
            assert_eq!(wish(typed).service(), service, "{typed}");
        }
        assert_eq!(RemoteWish::default().service(), RemoteWish::SERVICE);
        // The same engine, whoever wishes for it.
        assert_eq!(RemoteWish::of(RemoteWish::SERVICE, false), RemoteWish::default());
        assert_eq!(RemoteWish::default().host(), "Runware");
        assert_eq!(wish("ws://127.0.0.1:9/v1").host(), "127.0.0.1:9");
    }
}
