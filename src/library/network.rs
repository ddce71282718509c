//! Pictures over HTTP: fetched and sent with deadlines, a bound on their size, and an ear for
//! cancel. Knows addresses and bytes, not tasks.

use std::error::Error as _;
use std::io;
use std::sync::Once;
use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Response, StatusCode, Url};

use crate::jobs::Cancel;

/// How long and how much a transfer may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// To reach the server.
    pub(super) connect: Duration,
    /// Between two pieces of an answer.
    pub(super) silence: Duration,
    /// For one attempt in all.
    pub(super) whole: Duration,
    /// Most bytes of an answer.
    pub(super) bytes: u64,
    /// Before the second attempt to send; longer before each further one.
    pub(super) pause: Duration,
}

impl Limits {
    /// For pictures: generous for a slow line, and an end for a server that never finishes.
    pub(super) const PICTURE: Self = Self {
        connect: Duration::from_secs(10),
        silence: Duration::from_secs(15),
        whole: Duration::from_mins(2),
        bytes: 64 << 20,
        pause: Duration::from_secs(1),
    };

    /// For models: only silence ends it.
    const MODEL: Self = Self {
        silence: Duration::from_mins(1),
        whole: Duration::MAX,
        bytes: u64::MAX,
        ..Self::PICTURE
    };
}

/// Redirects that are followed.
const REDIRECTS: usize = 5;

/// How often a picture is sent before that is given up.
const ATTEMPTS: u32 = 3;

/// How often a running transfer looks whether it was cancelled.
const CANCEL_POLL: Duration = Duration::from_millis(30);

/// Why a transfer failed. Names the host only: the rest of an address may hold a key.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// Not an http or https address.
    #[error("this is no http(s) address")]
    NoAddress,

    /// The job was cancelled.
    #[error("cancelled")]
    Cancelled,

    /// A deadline passed.
    #[error("{host} took too long ({what}); try again later")]
    TooSlow {
        /// The server.
        host: String,
        /// Which deadline.
        what: String,
    },

    /// More bytes than a picture should have.
    #[error("what {host} sends is larger than {mib} MiB, the most that is fetched")]
    TooLarge {
        /// The server.
        host: String,
        /// The bound.
        mib: u64,
    },

    /// The server sends from one address to the next.
    #[error("{host} redirects more than {REDIRECTS} times; give the final address")]
    Redirects {
        /// The server.
        host: String,
    },

    /// The server refuses.
    #[error("{host} answers {status}; check the address and whether it may be used")]
    Status {
        /// The server.
        host: String,
        /// Such as `404 Not Found`.
        status: StatusCode,
    },

    /// The server cannot be reached, or the connection broke.
    #[error("{host} cannot be reached ({why}); check the address and the connection")]
    Broken {
        /// The server.
        host: String,
        /// In the words of the layer that failed.
        why: String,
    },

    /// The system gives no sockets.
    #[error("the network cannot be used: {0}")]
    System(#[from] io::Error),
}

impl NetworkError {
    /// Whether another attempt may help.
    pub(super) fn passes(&self) -> bool {
        match self {
            Self::TooSlow { .. } | Self::Broken { .. } => true,
            Self::Status { status, .. } => {
                status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS
            }
            _ => false,
        }
    }
}

/// Fetches what lies at `address`.
///
/// # Errors
/// When it cannot be had within `limits`, or the job is cancelled.
pub(super) fn get(
    address: &str,
    limits: &Limits,
    cancel: &Cancel,
) -> Result<Vec<u8>, NetworkError> {
    let url = parsed(address)?;
    let host = host_of(&url);
    within(limits, &host, cancel, async {
        let client = client(limits, Policy::limited(REDIRECTS))?;
        let response = sent(client.get(url), &host, limits).await?;
        body(response, &host, limits).await
    })
}

/// Sends `bytes` to `address` with PUT; tries again when the server is busy or the line breaks.
///
/// # Errors
/// When no attempt succeeded within `limits`, or the job is cancelled.
pub(super) fn put(
    address: &str,
    bytes: &[u8],
    media_type: &str,
    (limits, cancel): (&Limits, &Cancel),
) -> Result<(), NetworkError> {
    let url = parsed(address)?;
    let host = host_of(&url);
    let mut attempt = 1;
    loop {
        let sent = within(limits, &host, cancel, async {
            // A redirect could turn it into a GET that says nothing of the picture.
            let client = client(limits, Policy::none())?;
            let request = client.put(url.clone()).header(CONTENT_TYPE, media_type);
            sent(request.body(bytes.to_vec()), &host, limits).await.map(|_| ())
        });
        match sent {
            Err(error) if error.passes() && attempt < ATTEMPTS => {
                tracing::info!("attempt {attempt} to send a picture: {error}");
                pause(limits.pause * attempt, cancel)?;
                attempt += 1;
            }
            other => return other,
        }
    }
}

/// Runs a transfer that may take hours with a client whose silence ends it; `work` gets the client and
/// the server's name.
///
/// # Errors
/// Those of `work`, and when it is cancelled or the system gives no sockets.
pub(super) fn stream<T, E: From<NetworkError>>(
    url: &Url,
    cancel: &Cancel,
    work: impl AsyncFnOnce(&Client, &str) -> Result<T, E>,
) -> Result<T, E> {
    let (limits, host) = (Limits::MODEL, host_of(url));
    let client = client(&limits, Policy::limited(REDIRECTS))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(NetworkError::System)?;
    let outcome = runtime.block_on(async {
        tokio::select! {
            biased;
            () = cancelled(cancel) => Err(NetworkError::Cancelled.into()),
            outcome = work(&client, &host) => outcome,
        }
    });
    // A name lookup that hangs must not hold us.
    runtime.shutdown_background();
    outcome
}

/// The answer to `request`, whose bytes are taken [`piece`] by piece.
///
/// # Errors
/// When the server cannot be reached or refuses.
pub(super) async fn answered(
    request: RequestBuilder,
    host: &str,
) -> Result<Response, NetworkError> {
    sent(request, host, &Limits::MODEL).await
}

/// The next bytes of an answer; `None` behind the last.
///
/// # Errors
/// When the line breaks or falls silent.
pub(super) async fn piece(
    response: &mut Response,
    host: &str,
) -> Result<Option<Vec<u8>>, NetworkError> {
    let piece = response.chunk().await.map_err(|error| broken(&error, host, &Limits::MODEL))?;
    Ok(piece.map(|bytes| bytes.to_vec()))
}

fn parsed(address: &str) -> Result<Url, NetworkError> {
    let url = Url::parse(address).map_err(|_ignored| NetworkError::NoAddress)?;
    let usable = ["http", "https"].contains(&url.scheme()) && url.host_str().is_some();
    usable.then_some(url).ok_or(NetworkError::NoAddress)
}

fn host_of(url: &Url) -> String {
    url.host_str().unwrap_or_default().to_owned()
}

/// A client with these limits; TLS by rustls over ring.
fn client(limits: &Limits, redirects: Policy) -> Result<Client, NetworkError> {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        // An error only says that there is one already.
        rustls::crypto::ring::default_provider().install_default().ok();
    });
    Client::builder()
        .connect_timeout(limits.connect)
        .read_timeout(limits.silence)
        .redirect(redirects)
        // It would tell the next server the address with the key in it.
        .referer(false)
        .user_agent(concat!("Latelier/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| NetworkError::System(io::Error::other(reason(&error))))
}

/// Runs `transfer` on this thread until it ends, time is up, or the job is cancelled.
fn within<T>(
    limits: &Limits,
    host: &str,
    cancel: &Cancel,
    transfer: impl Future<Output = Result<T, NetworkError>>,
) -> Result<T, NetworkError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let outcome = runtime.block_on(async {
        tokio::select! {
            biased;
            () = cancelled(cancel) => Err(NetworkError::Cancelled),
            outcome = tokio::time::timeout(limits.whole, transfer) => outcome.unwrap_or_else(|_| {
                let what = format!("{} s in all", limits.whole.as_secs_f32());
                Err(NetworkError::TooSlow { host: host.to_owned(), what })
            }),
        }
    });
    // A name lookup that hangs must not hold us.
    runtime.shutdown_background();
    outcome
}

async fn cancelled(cancel: &Cancel) {
    while !cancel.is_cancelled() {
        tokio::time::sleep(CANCEL_POLL).await;
    }
}

fn pause(duration: Duration, cancel: &Cancel) -> Result<(), NetworkError> {
    let end = std::time::Instant::now() + duration;
    while std::time::Instant::now() < end {
        if cancel.is_cancelled() {
            return Err(NetworkError::Cancelled);
        }
        std::thread::sleep(CANCEL_POLL.min(duration));
    }
    Ok(())
}

async fn sent(
    request: RequestBuilder,
    host: &str,
    limits: &Limits,
) -> Result<Response, NetworkError> {
    let response = request.send().await.map_err(|error| broken(&error, host, limits))?;
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    Err(NetworkError::Status { host: host.to_owned(), status })
}

/// The answer's bytes, given up as soon as they are too many.
async fn body(
    mut response: Response,
    host: &str,
    limits: &Limits,
) -> Result<Vec<u8>, NetworkError> {
    let too_large = || NetworkError::TooLarge { host: host.to_owned(), mib: limits.bytes >> 20 };
    if response.content_length().is_some_and(|length| length > limits.bytes) {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(|error| broken(&error, host, limits))? {
        if (bytes.len() + piece.len()) as u64 > limits.bytes {
            return Err(too_large());
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

fn broken(error: &reqwest::Error, host: &str, limits: &Limits) -> NetworkError {
    let host = host.to_owned();
    if error.is_redirect() {
        return NetworkError::Redirects { host };
    }
    if error.is_timeout() {
        let (what, limit) = if error.is_connect() {
            ("to connect", limits.connect)
        } else {
            ("without a word", limits.silence)
        };
        return NetworkError::TooSlow { host, what: format!("{} s {what}", limit.as_secs_f32()) };
    }
    NetworkError::Broken { host, why: reason(error) }
}

/// The innermost cause: reqwest's own words repeat the address.
fn reason(error: &reqwest::Error) -> String {
    let mut cause = error.source();
    while let Some(inner) = cause.and_then(std::error::Error::source) {
        cause = Some(inner);
    }
    cause.map_or_else(|| "the answer cannot be read".to_owned(), ToString::to_string)
}

#[cfg(test)]
mod tests;
