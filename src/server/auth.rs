//! Who may come in: keys, and where a browser's page comes from.

use std::net::SocketAddr;

use sha2::{Digest as _, Sha256};

use super::sign::{Secret, same};
use crate::protocol::Key;

/// Whose a task is: the key's name under the server's secret, never the key.
pub(super) type Owner = String;

/// The keys that are accepted; any when there are none.
pub(super) struct Keys {
    digests: Vec<[u8; 32]>,
    secret: Secret,
}

impl Keys {
    pub(super) fn new(keys: &[Key], secret: Secret) -> Self {
        Self { digests: keys.iter().map(digest).collect(), secret }
    }

    /// Whether everybody is let in.
    pub(super) const fn is_open(&self) -> bool {
        self.digests.is_empty()
    }

    /// Who comes with that key; `None` when it is refused. Takes the same time for every wrong key.
    pub(super) fn owner(&self, key: &Key) -> Option<Owner> {
        let digest = digest(key);
        let mut known = self.is_open();
        for accepted in &self.digests {
            known |= same(accepted, &digest);
        }
        known.then(|| self.secret.name("owner", &[key.reveal().as_bytes()]))
    }
}

fn digest(key: &Key) -> [u8; 32] {
    Sha256::digest(key.reveal().as_bytes()).into()
}

/// The key of an `Authorization` header.
pub(super) fn bearer(header: &str) -> Option<Key> {
    let (scheme, key) = header.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| Key::new(key)).flatten()
}

/// What a request says about itself that a web page of a stranger cannot change.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Surroundings<'a> {
    /// The name the server was called by.
    pub(super) host: Option<&'a str>,
    /// The page that sends the request, if a browser does.
    pub(super) origin: Option<&'a str>,
}

/// Why a request is refused before its key is looked at. A server without keys must not be used by web
/// pages: neither across origins nor by a name that was made to point here.
pub(super) fn refused(keys: &Keys, surroundings: Surroundings<'_>) -> Option<&'static str> {
    if !keys.is_open() {
        return None;
    }
    if surroundings.host.is_some_and(|host| !is_here(host)) {
        return Some("without a key this server only answers to localhost and 127.0.0.1");
    }
    let foreign = |origin: &str| {
        let host = origin.split_once("://").map_or(origin, |(_, host)| host);
        !is_here(host)
    };
    surroundings
        .origin
        .is_some_and(foreign)
        .then_some("without a key this server is not for web pages of other machines")
}

/// Whether a host, with or without a port, names this machine.
fn is_here(host: &str) -> bool {
    if let Ok(address) = host.parse::<SocketAddr>() {
        return address.ip().is_loopback();
    }
    let name = host.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok());
    let name = name.map_or(host, |(name, _)| name).trim_start_matches('[').trim_end_matches(']');
    let loopback = |name: &str| name.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    name.eq_ignore_ascii_case("localhost") || loopback(name)
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;

    fn keys(texts: &[&str]) -> Keys {
        let keys: Vec<Key> = texts.iter().filter_map(|text| Key::new(text)).collect();
        Keys::new(&keys, Secret::new(Zeroizing::new([7; 32])))
    }

    #[test]
    fn only_given_keys_come_in_and_each_is_somebody_else() {
        let keys = keys(&["one", "two"]);
        let owner = |text: &str| keys.owner(&Key::new(text).unwrap());
        assert!(owner("one").is_some() && owner("one") != owner("two"));
        assert_eq!((owner("three"), owner("on")), (None, None));
        assert!(!owner("one").unwrap().contains("one"));
    }

    #[test]
    fn bearer_headers_are_read() {
        let read = |header| bearer(header).map(|key| key.reveal().to_owned());
        assert_eq!(read("Bearer k-1").as_deref(), Some("k-1"));
        assert_eq!(read("bearer  k-1").as_deref(), Some("k-1"));
        assert_eq!((read("Basic k-1"), read("Bearer"), read("Bearer ")), (None, None, None));
    }

    #[test]
    fn without_a_key_web_pages_of_strangers_are_refused() {
        let open = keys(&[]);
        let verdict = |host, origin| refused(&open, Surroundings { host, origin }).is_none();
        for host in ["127.0.0.1:80", "localhost", "LOCALHOST:9", "[::1]:5", "127.0.0.1"] {
            assert!(verdict(Some(host), None), "{host}");
        }
        for host in ["evil.example", "evil.example:80", "10.0.0.1:80", "127.0.0.1.evil.example"] {
            assert!(!verdict(Some(host), None), "{host}");
        }
        assert!(verdict(Some("localhost"), Some("http://localhost:3000")));
        for origin in ["https://evil.example", "null"] {
            assert!(!verdict(Some("localhost"), Some(origin)), "{origin}");
        }
        let elsewhere =
            Surroundings { host: Some("studio.example"), origin: Some("https://a.example") };
        assert_eq!(refused(&keys(&["one"]), elsewhere), None);
    }
}
