//! Errands over HTTP: one POST for each message, the key in a header.

use std::error::Error as _;
use std::sync::Once;
use std::time::{Duration, Instant};

use reqwest::header::CONTENT_TYPE;
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::errand::Errand;
use super::line::{LARGEST, News, Reach};
use super::order::{Order, Outcome, Say};
use super::socket::seed;
use super::{Endpoint, retry_after};
use crate::protocol::{Key, Reply, ServiceError};

/// To reach the service.
const CONNECT: Duration = Duration::from_secs(15);

/// For an answer to a question or the acknowledgement of a task, its pictures on the way up included.
const ANSWER: Duration = Duration::from_mins(1);

/// For the answer to a task that is answered when its pictures are ready.
const SYNC_ANSWER: Duration = Duration::from_mins(3);

/// Single requests to the service.
#[derive(Clone)]
pub(super) struct Http {
    client: Client,
    endpoint: Endpoint,
    key: Key,
    began: Instant,
}

/// What came back.
struct Answer {
    reply: Reply,
    /// How long a busy service wants to be left alone.
    pause: Option<Duration>,
}

/// Why there is no answer.
enum Trouble {
    /// The service was not even reached.
    NotSent(String),
    /// The connection broke or the time was up.
    Lost(String),
    /// More than is taken, on this side or the other.
    TooLarge,
}

impl Trouble {
    /// Why the service is out of reach, if it is.
    fn of_the_line(&self) -> Option<String> {
        match self {
            Self::NotSent(why) | Self::Lost(why) => Some(why.clone()),
            Self::TooLarge => None,
        }
    }
}

impl Http {
    pub(super) fn new(endpoint: Endpoint, key: Key) -> Result<Self, String> {
        // A redirect would carry the key elsewhere, or turn the request into another one.
        let client = client(Policy::none(), endpoint.is_encrypted());
        let client = client.map_err(|error| reason(&error))?;
        Ok(Self { client, endpoint, key, began: Instant::now() })
    }

    /// Carries an order out; ends early when nobody listens any more.
    pub(super) async fn carry(self, order: Order, news: mpsc::Sender<News>, reach: Reach) {
        let sync = order.task.get("deliveryMethod").is_none_or(|method| method == "sync");
        let patience = if sync { SYNC_ANSWER } else { ANSWER };
        let mut errand = Errand::new(order, seed(), self.now());
        loop {
            let say = errand.due(self.now());
            if let Some(outcome) = errand.outcome() {
                news.send(News::End(outcome.clone())).await.ok();
                return;
            }
            let Some(say) = say else {
                let wake = tokio::time::Instant::from_std(self.began + errand.wake_at());
                tokio::select! {
                    () = tokio::time::sleep_until(wake) => continue,
                    () = news.closed() => return,
                }
            };
            if errand.is_first_sent_by(say) {
                news.send(News::Sent).await.ok();
            }
            let patience = if say == Say::Task { patience } else { ANSWER };
            let posted = tokio::select! {
                posted = self.post(errand.message(say).to_string(), patience) => posted,
                () = news.closed() => return,
            };
            reach.send_if_modified(|told| {
                let trouble = posted.as_ref().err().and_then(Trouble::of_the_line);
                let is_new = *told != trouble;
                *told = trouble;
                is_new
            });
            self.take(posted, say, &mut errand, &news).await;
        }
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    async fn take(
        &self,
        posted: Result<Answer, Trouble>,
        say: Say,
        errand: &mut Errand,
        news: &mpsc::Sender<News>,
    ) {
        let now = self.now();
        let Answer { reply, pause } = match posted {
            Ok(answer) => answer,
            Err(Trouble::NotSent(why)) => return errand.turned_back(say, &why, now),
            Err(Trouble::Lost(why)) => return errand.lost_for_a_while(&why, now),
            Err(Trouble::TooLarge) => return errand.end(Outcome::TooLarge),
        };
        let of_it = |uuid: Option<Uuid>| uuid == Some(errand.id()) || uuid.is_none();
        let (data, errors): (Vec<_>, Vec<_>) = (
            reply.data.into_iter().filter(|item| of_it(item.task_uuid())).collect(),
            reply.errors.into_iter().filter(|error| of_it(error.task_uuid)).collect(),
        );
        for item in data {
            if errand.hear(&item, now) {
                news.send(News::Result(item)).await.ok();
            }
        }
        errand.leave_alone_for(pause);
        for error in errors {
            errand.hear_error(error, now);
        }
        match say {
            Say::Task => errand.answered_at_once(now),
            Say::GetResponse => errand.answered(now),
        }
    }

    async fn post(&self, body: String, patience: Duration) -> Result<Answer, Trouble> {
        let request = self
            .client
            .post(self.endpoint.url().clone())
            .bearer_auth(self.key.reveal())
            .header(CONTENT_TYPE, "application/json")
            .timeout(patience)
            .body(body);
        let response = request.send().await.map_err(|error| trouble(&error))?;
        let status = response.status();
        let pause = retry_after::asked_by(status, response.headers());
        let text = body_of(response).await?;
        let text = self.key.hidden_in(&text);
        let reply = match Reply::read(&text) {
            Ok(reply) if status.is_success() || !reply.errors.is_empty() => reply,
            Err(error) if status.is_success() => return Err(Trouble::Lost(error.to_string())),
            _ if status == StatusCode::PAYLOAD_TOO_LARGE => return Err(Trouble::TooLarge),
            _ => Reply { data: Vec::new(), errors: vec![of_status(status)] },
        };
        Ok(Answer { reply, pause })
    }
}

/// What a status without words of its own says.
fn of_status(status: StatusCode) -> ServiceError {
    let code = match status.as_u16() {
        401 => "unauthorized",
        402 => "paymentRequired",
        403 => "forbidden",
        429 => "rateLimitExceeded",
        // What took too long may have been taken all the same.
        408 | 500.. => "serviceUnavailable",
        _ => "invalidAddress",
    };
    ServiceError::new(code, format!("It answers {status} without a word of explanation."))
}

async fn body_of(mut response: Response) -> Result<String, Trouble> {
    let mut bytes = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(|error| trouble(&error))? {
        if bytes.len() + piece.len() > LARGEST {
            return Err(Trouble::TooLarge);
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn trouble(error: &reqwest::Error) -> Trouble {
    if error.is_connect() {
        return Trouble::NotSent(reason(error));
    }
    let why = if error.is_timeout() { "it takes too long".to_owned() } else { reason(error) };
    Trouble::Lost(why)
}

/// A client with the room's limits; TLS by rustls over ring. What is not encrypted goes through no proxy:
/// that would be another machine that reads the key.
pub(super) fn client(redirects: Policy, encrypted: bool) -> reqwest::Result<Client> {
    ready_for_tls();
    let builder = Client::builder();
    let builder = if encrypted { builder } else { builder.no_proxy() };
    builder
        .connect_timeout(CONNECT)
        .redirect(redirects)
        // It would tell the next server an address that may hold a key.
        .referer(false)
        .user_agent(concat!("Latelier/", env!("CARGO_PKG_VERSION")))
        .build()
}

/// Chooses ring for TLS; once for the process.
pub(super) fn ready_for_tls() {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        // An error only says that there is one already.
        rustls::crypto::ring::default_provider().install_default().ok();
    });
}

/// The innermost cause: reqwest's own words repeat the address.
pub(super) fn reason(error: &reqwest::Error) -> String {
    let mut cause = error.source();
    while let Some(inner) = cause.and_then(std::error::Error::source) {
        cause = Some(inner);
    }
    cause.map_or_else(|| "the answer cannot be read".to_owned(), ToString::to_string)
}
