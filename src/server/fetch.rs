//! Pictures from and to addresses that clients name: http(s) only, public addresses only, bounded.
//!
//! The name is resolved here, every address it has is judged, and the connection is made to exactly those
//! addresses, so that nothing can be swapped in between; each redirect is judged anew. No proxy is used:
//! it would resolve names by itself.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, LOCATION};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode, Url};
use tokio::time::timeout;

use super::address::is_public;

/// Redirects that are followed.
const REDIRECTS: usize = 5;

/// Most bytes of a picture file.
const LARGEST: usize = 64 << 20;

/// Deadlines: to connect, between two pieces, for all of it.
const CONNECT: Duration = Duration::from_secs(10);
const SILENCE: Duration = Duration::from_secs(15);
const WHOLE: Duration = Duration::from_mins(1);

/// How often a picture is sent before that is given up.
const ATTEMPTS: u32 = 3;

/// Why a transfer failed. Names the host only: the rest of an address may hold a key.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error("only http and https addresses are fetched")]
    Scheme,
    #[error("{0} is an address inside a network, which this server does not fetch from")]
    Private(String),
    #[error("{0} has no address")]
    Unknown(String),
    #[error("{0} took too long; try again later")]
    TooSlow(String),
    #[error("what {0} sends is larger than 64 MiB, the most that is fetched")]
    TooLarge(String),
    #[error("{0} redirects too often, or to nowhere; give the final address")]
    Redirects(String),
    #[error("{0} answers {1}; check the address and whether it may be used")]
    Status(String, StatusCode),
    #[error("{0} cannot be reached; check the address and the connection")]
    Broken(String),
}

impl FetchError {
    /// Whether another attempt may help.
    fn passes(&self) -> bool {
        match self {
            Self::TooSlow(_) | Self::Broken(_) => true,
            Self::Status(_, status) => {
                status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS
            }
            _ => false,
        }
    }
}

/// Fetches and sends for clients.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fetcher {
    /// Which addresses may be connected to.
    allowed: fn(&SocketAddr) -> bool,
}

impl Fetcher {
    /// A fetcher for public addresses, or for all.
    pub(super) fn new(allow_private: bool) -> Self {
        Self { allowed: if allow_private { |_| true } else { |address| is_public(address.ip()) } }
    }

    /// What lies at `address`.
    pub(super) async fn get(self, address: &str) -> Result<Vec<u8>, FetchError> {
        let mut url = parsed(address)?;
        let host = host_of(&url);
        let transfer = async {
            for _ in 0..=REDIRECTS {
                let response = self.client(&url).await?.get(url.clone()).send().await;
                let response = response.map_err(|error| broken(&error, &url))?;
                if !response.status().is_redirection() {
                    return body(accepted(response, &url)?, &url).await;
                }
                url = next(&response, &url)?;
            }
            Err(FetchError::Redirects(host_of(&url)))
        };
        timeout(WHOLE, transfer).await.unwrap_or(Err(FetchError::TooSlow(host)))
    }

    /// Sends the picture file `bytes` with PUT, three times if need be. Redirects are not followed: they
    /// could turn it into a GET that says nothing of the picture.
    pub(super) async fn put(
        self,
        address: &str,
        bytes: &[u8],
        media_type: &'static str,
    ) -> Result<(), FetchError> {
        let url = parsed(address)?;
        let mut attempt = 1;
        loop {
            let transfer = async {
                let request = self.client(&url).await?.put(url.clone());
                let request = request.header(CONTENT_TYPE, media_type).body(bytes.to_vec());
                let response = request.send().await.map_err(|error| broken(&error, &url))?;
                accepted(response, &url).map(|_| ())
            };
            let sent = timeout(WHOLE, transfer).await;
            match sent.unwrap_or_else(|_| Err(FetchError::TooSlow(host_of(&url)))) {
                Err(error) if error.passes() && attempt < ATTEMPTS => {
                    tracing::info!("attempt {attempt} to send a picture: {error}");
                    tokio::time::sleep(Duration::from_secs(attempt.into())).await;
                    attempt += 1;
                }
                other => return other,
            }
        }
    }

    /// A client that can only reach the addresses that `url`'s host has now, all of them judged.
    async fn client(self, url: &Url) -> Result<Client, FetchError> {
        let host = host_of(url);
        let addresses = addresses(url).await?;
        if !addresses.iter().all(self.allowed) {
            return Err(FetchError::Private(host));
        }
        super::crypto();
        Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            .connect_timeout(CONNECT)
            .read_timeout(SILENCE)
            .user_agent(concat!("Latelier/", env!("CARGO_PKG_VERSION")))
            .resolve_to_addrs(&host, &addresses)
            .build()
            .map_err(|error| broken(&error, url))
    }
}

/// The addresses of the URL's host; at least one.
async fn addresses(url: &Url) -> Result<Vec<SocketAddr>, FetchError> {
    let host = host_of(url);
    let port = url.port_or_known_default().unwrap_or(443);
    // IPv6 addresses stand between brackets.
    let literal = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    if let Ok(address) = literal {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let found = timeout(CONNECT, tokio::net::lookup_host((host.as_str(), port))).await;
    let found = found.map_err(|_elapsed| FetchError::TooSlow(host.clone()))?;
    let found: Vec<_> = found.map(Iterator::collect).unwrap_or_default();
    if found.is_empty() { Err(FetchError::Unknown(host)) } else { Ok(found) }
}

fn parsed(address: &str) -> Result<Url, FetchError> {
    let url = Url::parse(address).map_err(|_ignored| FetchError::Scheme)?;
    let usable = ["http", "https"].contains(&url.scheme()) && url.host_str().is_some();
    usable.then_some(url).ok_or(FetchError::Scheme)
}

fn host_of(url: &Url) -> String {
    url.host_str().unwrap_or_default().to_owned()
}

/// Where a redirect leads.
fn next(response: &Response, from: &Url) -> Result<Url, FetchError> {
    let target = response.headers().get(LOCATION).and_then(|target| target.to_str().ok());
    let target = target.and_then(|target| from.join(target).ok());
    let target = target.ok_or_else(|| FetchError::Redirects(host_of(from)))?;
    parsed(target.as_str())
}

fn accepted(response: Response, url: &Url) -> Result<Response, FetchError> {
    let status = response.status();
    if status.is_success() { Ok(response) } else { Err(FetchError::Status(host_of(url), status)) }
}

/// The answer's bytes, given up as soon as they are too many.
async fn body(mut response: Response, url: &Url) -> Result<Vec<u8>, FetchError> {
    let too_large = || FetchError::TooLarge(host_of(url));
    if response.content_length().is_some_and(|length| length > LARGEST as u64) {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(|error| broken(&error, url))? {
        if bytes.len() + piece.len() > LARGEST {
            return Err(too_large());
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

fn broken(error: &reqwest::Error, url: &Url) -> FetchError {
    tracing::debug!("a transfer failed: {}", error.is_connect());
    if error.is_timeout() {
        FetchError::TooSlow(host_of(url))
    } else {
        FetchError::Broken(host_of(url))
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};

    use super::*;

    fn get(fetcher: Fetcher, address: &str) -> Result<Vec<u8>, FetchError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(fetcher.get(address))
    }

    fn refused(address: &str) -> FetchError {
        get(Fetcher::new(false), address).unwrap_err()
    }

    /// A server that answers one request with these header lines and the body `picture`.
    fn server(head: String) -> SocketAddr {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let serve = move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 4096];
            assert!(stream.read(&mut request).unwrap() > 0);
            let answer = format!("HTTP/1.1 {head}\r\nContent-Length: 7\r\n\r\npicture");
            stream.write_all(answer.as_bytes()).unwrap();
        };
        std::thread::Builder::new().name("test server".to_owned()).spawn(serve).unwrap();
        address
    }

    #[test]
    fn every_redirect_is_judged_anew() {
        // The rule: 127.0.0.1 stands for the internet, the rest of 127/8 for the network inside.
        let outside = Fetcher { allowed: |address| address.ip() == IpAddr::from([127, 0, 0, 1]) };
        let target = server("200 OK".to_owned());
        let first = server(format!("302 Found\r\nLocation: http://{target}/a.png"));
        assert_eq!(get(outside, &format!("http://{first}/")).unwrap(), b"picture");
        for inside in ["http://127.0.0.2:1/a.png", "//127.0.0.3:1/"] {
            let first = server(format!("307 Temporary Redirect\r\nLocation: {inside}"));
            let error = get(outside, &format!("http://{first}/")).unwrap_err();
            assert!(matches!(error, FetchError::Private(_)), "{inside}: {error}");
        }
        let first = server("302 Found\r\nLocation: file:///etc/passwd".to_owned());
        let error = get(outside, &format!("http://{first}/")).unwrap_err();
        assert!(matches!(error, FetchError::Scheme), "{error}");
    }

    #[test]
    fn only_http_addresses_outside_are_fetched() {
        for address in ["file:///etc/passwd", "ftp://example.org/a", "data:,a", "nothing"] {
            assert!(matches!(refused(address), FetchError::Scheme), "{address}");
        }
        for address in [
            "http://127.0.0.1:1/a.png?key=secret",
            "http://[::1]/",
            "http://localhost/",
            "http://10.1.2.3/",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://169.254.169.254/",
            "http://[::ffff:127.0.0.1]/",
        ] {
            let error = refused(address);
            assert!(matches!(error, FetchError::Private(_)), "{address}: {error}");
            assert!(!error.to_string().contains("secret"));
        }
    }
}
