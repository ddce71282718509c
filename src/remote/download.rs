//! Result files: fetched at once, since their addresses do not live for ever.

use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, Url};

use super::backoff::Backoff;
use super::http::{client, reason};
use super::socket::seed;

/// Redirects that are followed.
const REDIRECTS: usize = 5;

/// For one attempt.
const WHOLE: Duration = Duration::from_mins(2);

/// Attempts before it is given up.
const TRIES: u32 = 5;

/// Most bytes of a result file.
const LARGEST: usize = 256 << 20;

/// Fetches result files; the key does not go along.
#[derive(Clone)]
pub(super) struct Downloads {
    client: Client,
}

/// Why an attempt failed, and whether another one may help.
struct Trouble {
    why: String,
    passes: bool,
}

impl Downloads {
    pub(super) fn new() -> Result<Self, String> {
        let client = client(Policy::limited(REDIRECTS), true).map_err(|error| reason(&error))?;
        Ok(Self { client })
    }

    /// The bytes at `address`.
    ///
    /// # Errors
    /// Why they cannot be had, naming the host only.
    pub(super) async fn fetch(&self, address: &str) -> Result<Vec<u8>, String> {
        let url = Url::parse(address).ok().filter(|url| ["http", "https"].contains(&url.scheme()));
        let url = url.ok_or("the address of the picture is no http(s) address")?;
        let host = url.host_str().unwrap_or_default().to_owned();
        let mut backoff = Backoff::new(seed());
        loop {
            match tokio::time::timeout(WHOLE, self.attempt(url.clone())).await {
                Ok(Ok(bytes)) => return Ok(bytes),
                Ok(Err(Trouble { why, passes: false })) => return Err(format!("{host} {why}")),
                failed => {
                    let why = match failed {
                        Ok(Err(trouble)) => trouble.why,
                        _ => "takes too long".to_owned(),
                    };
                    if backoff.failures() + 1 >= TRIES {
                        return Err(format!("{host} {why}"));
                    }
                    tracing::info!("a result file is fetched again: {host} {why}");
                }
            }
            backoff.fail();
            tokio::time::sleep(backoff.pause()).await;
        }
    }

    async fn attempt(&self, url: Url) -> Result<Vec<u8>, Trouble> {
        let lost = |error: &reqwest::Error| Trouble {
            why: format!("cannot be reached ({})", reason(error)),
            passes: !error.is_redirect() && !error.is_builder(),
        };
        let mut response = self.client.get(url).send().await.map_err(|error| lost(&error))?;
        let status = response.status();
        if !status.is_success() {
            let passes = status.is_server_error() || [408, 429].contains(&status.as_u16());
            return Err(Trouble { why: format!("answers {status}"), passes });
        }
        let mut bytes = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(|error| lost(&error))? {
            if bytes.len() + piece.len() > LARGEST {
                let why = format!("sends more than {} MiB", LARGEST >> 20);
                return Err(Trouble { why, passes: false });
            }
            bytes.extend_from_slice(&piece);
        }
        Ok(bytes)
    }
}
