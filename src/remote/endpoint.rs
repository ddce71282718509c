//! Where the service is: an address, the transport that it means, and whether a key may travel there.

use std::fmt;
use std::net::IpAddr;

use url::{Host, Url};

use crate::jobs::RemoteWish;

/// The address of a service.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    url: Url,
    host: String,
}

/// Why an address cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// No address, or of another kind.
    #[error(
        "the service's address must begin with wss://, ws://, https:// or http:// and name a host, such as {}",
        Endpoint::SERVICE
    )]
    NoAddress,

    /// A name or password in front of the host.
    #[error(
        "the service's address must not hold a name or password; the key goes into RUNWARE_API_KEY"
    )]
    Credentials,

    /// The key would travel in clear.
    #[error(
        "the key would travel to {0} where everybody on the way can read it; use wss:// or https://, or allow it with --insecure"
    )]
    InClear(String),
}

impl Endpoint {
    /// The service itself.
    pub const SERVICE: &'static str = RemoteWish::SERVICE;

    /// Reads an address: `ws` and `wss` mean the WebSocket, `http` and `https` single requests. What is
    /// not encrypted may go to this machine only, unless `insecure`.
    ///
    /// # Errors
    /// When it is no such address, or the key would travel in clear.
    pub fn parse(text: &str, insecure: bool) -> Result<Self, EndpointError> {
        let url = Url::parse(text.trim()).map_err(|_ignored| EndpointError::NoAddress)?;
        let host = url.host_str().filter(|host| !host.is_empty()).map(str::to_owned);
        let host = host.ok_or(EndpointError::NoAddress)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(EndpointError::Credentials);
        }
        match url.scheme() {
            "wss" | "https" => {}
            "ws" | "http" if insecure || is_this_machine(&url) => {}
            "ws" | "http" => return Err(EndpointError::InClear(host)),
            _ => return Err(EndpointError::NoAddress),
        }
        let host = url.port().map_or(host.clone(), |port| format!("{host}:{port}"));
        Ok(Self { url, host })
    }

    /// Host and port, for people and for notes; the rest of the address stays out of messages.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The address without what may hold a secret, to be found again by.
    #[must_use]
    pub fn address(&self) -> String {
        let mut url = self.url.clone();
        url.set_query(None);
        url.set_fragment(None);
        url.into()
    }

    pub(super) const fn url(&self) -> &Url {
        &self.url
    }

    /// Whether nobody on the way can read what is sent.
    pub(super) fn is_encrypted(&self) -> bool {
        ["https", "wss"].contains(&self.url.scheme())
    }

    pub(super) fn is_socket(&self) -> bool {
        ["ws", "wss"].contains(&self.url.scheme())
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({}://{})", self.url.scheme(), self.host)
    }
}

fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_chooses_the_transport() {
        for (text, socket, host) in [
            (Endpoint::SERVICE, true, "ws-api.runware.ai"),
            ("https://api.runware.ai/v1", false, "api.runware.ai"),
            ("ws://127.0.0.1:8791/v1", true, "127.0.0.1:8791"),
            (" http://localhost:1/v1 ", false, "localhost:1"),
            ("ws://[::1]:9/v1?sdk=x", true, "[::1]:9"),
        ] {
            let endpoint = Endpoint::parse(text, false).unwrap();
            assert_eq!((endpoint.is_socket(), endpoint.host()), (socket, host), "{text}");
        }
    }

    #[test]
    fn its_address_is_kept_without_what_may_be_secret() {
        let endpoint = Endpoint::parse("wss://host:7/v1?token=secret#here", false).unwrap();
        assert_eq!(endpoint.address(), "wss://host:7/v1");
    }

    #[test]
    fn a_key_does_not_travel_in_clear_unless_asked() {
        let far = "ws://192.168.0.7/v1?token=secret";
        let error = Endpoint::parse(far, false).unwrap_err();
        assert_eq!(error, EndpointError::InClear("192.168.0.7".to_owned()));
        assert!(!error.to_string().contains("secret"));
        assert!(Endpoint::parse(far, true).is_ok());
        assert!(!format!("{:?}", Endpoint::parse(far, true)).contains("secret"));
        let named = Endpoint::parse("wss://me:secret@host/v1", false).unwrap_err();
        assert_eq!(named, EndpointError::Credentials);
        for text in ["", "localhost:80", "ftp://x/v1", "ws://", "/v1"] {
            assert_eq!(Endpoint::parse(text, true), Err(EndpointError::NoAddress), "{text}");
        }
    }
}
