//! The routes: the API by POST and by WebSocket on one path, and result files.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body as Bytes, HttpBody as _, to_bytes};
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{Path, State, WebSocketUpgrade};
use axum::http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HOST, ORIGIN, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use serde_json::Value;
use tokio::time::timeout;

use super::accept::{Caller, Reply};
use super::answer::{Body, ending};
use super::auth::{self, Owner, Surroundings, bearer};
use super::files;
use super::message::read_message;
use super::open_task::{Message, OpenTask};
use super::service::{Phase, Service, fault};
use super::shares::Share;
use super::socket::{Socket, authentication, unauthenticated, wrong_key};
use crate::task::Problem;

/// How long a body may take to arrive.
const BODY: std::time::Duration = std::time::Duration::from_mins(1);

/// Result files in the ration of answers.
const FILES: &str = "files";

const JSON: (HeaderName, &str) = (CONTENT_TYPE, "application/json");

/// What every route knows.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) service: Arc<Service>,
    /// How addresses begin when a request does not say how it reached the server.
    pub(super) base: Arc<str>,
}

/// The routes of a server.
pub(super) fn router(shared: Shared) -> Router {
    let api = post(posted).get(upgraded);
    Router::new()
        .route("/v1", api.clone())
        .route("/v1/", api)
        .route("/files/{pass}/{file}", get(file))
        .fallback(nothing)
        .method_not_allowed_fallback(nothing)
        .with_state(shared)
}

async fn nothing() -> Response {
    let message = "There is nothing here; the API is at /v1, by POST or as a WebSocket.";
    refuse(StatusCode::NOT_FOUND, Problem::new("notFound", message))
}

fn header<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn surroundings(headers: &HeaderMap) -> Surroundings<'_> {
    // A header that is no text is refused like a foreign one.
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    Surroundings { host: text(&HOST), origin: text(&ORIGIN) }
}

impl Shared {
    /// How addresses begin that this client can reach.
    fn base_for(&self, headers: &HeaderMap) -> Arc<str> {
        let plain = |host: &&str| {
            let allowed = |sign: char| sign.is_ascii_alphanumeric() || ".:-[]".contains(sign);
            !host.is_empty() && host.len() < 256 && host.chars().all(allowed)
        };
        let host = header(headers, &HOST).filter(plain);
        // A proxy that speaks TLS for this server says so.
        let secure = headers.get("x-forwarded-proto").is_some_and(|scheme| scheme == "https");
        let scheme = if secure { "https" } else { "http" };
        host.map_or_else(|| Arc::clone(&self.base), |host| format!("{scheme}://{host}").into())
    }

    /// Why a request is refused before its key is looked at.
    fn foreign(&self, headers: &HeaderMap) -> Option<Response> {
        let why = auth::refused(&self.service.keys, surroundings(headers))?;
        Some(refuse(StatusCode::FORBIDDEN, Problem::new("forbidden", format!("Refused: {why}."))))
    }
}

/// A WebSocket, or the advice to open one.
async fn upgraded(
    State(shared): State<Shared>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    if let Some(refused) = shared.foreign(&headers) {
        return refused;
    }
    let Ok(upgrade) = upgrade else {
        let message = "This address takes POST requests and WebSockets.";
        return refuse(StatusCode::METHOD_NOT_ALLOWED, Problem::new("invalidRequest", message));
    };
    let base = shared.base_for(&headers);
    let most = shared.service.limits.message;
    upgrade
        .max_message_size(most)
        .max_frame_size(most)
        .on_upgrade(move |stream| Socket { service: shared.service, stream, base }.run())
}

/// Tasks by POST: everything in one answer, after the slowest.
async fn posted(State(shared): State<Shared>, headers: HeaderMap, body: Bytes) -> Response {
    if let Some(refused) = shared.foreign(&headers) {
        return refused;
    }
    let is_json = || {
        let media_type = header(&headers, &CONTENT_TYPE).unwrap_or_default();
        media_type.to_ascii_lowercase().starts_with("application/json")
    };
    // A web page cannot send JSON to another origin without being asked first.
    if shared.service.keys.is_open() && !is_json() {
        let message = "The body must be sent as Content-Type application/json.";
        return refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, Problem::new("invalidRequest", message));
    }
    let known = header(&headers, &AUTHORIZATION).and_then(bearer);
    // Who has no right to it does not get megabytes read.
    if known.as_ref().is_some_and(|key| shared.service.keys.owner(key).is_none()) {
        return refuse(StatusCode::UNAUTHORIZED, wrong_key());
    }
    let owner = known.as_ref().and_then(|key| shared.service.keys.owner(key));
    let room = match room_for(&shared.service, owner.as_ref(), body.size_hint().upper()).await {
        Ok(room) => room,
        Err(refused) => return *refused,
    };
    let bytes = match received(body, shared.service.limits.message).await {
        Ok(bytes) => bytes,
        Err(refused) => return *refused,
    };
    let mut items = match read_message(&bytes) {
        Ok(items) => items,
        Err(problem) => return refuse(StatusCode::BAD_REQUEST, *problem),
    };
    let asks = match authentication(&items) {
        Ok(asks) => asks,
        Err(problems) => return answer(StatusCode::UNAUTHORIZED, &Body::errors(&problems)),
    };
    if asks.is_some() {
        items.remove(0);
    }
    let Some(key) = known.or(asks.map(|task| task.api_key)) else {
        return refuse(StatusCode::UNAUTHORIZED, unauthenticated());
    };
    let Some(owner) = shared.service.keys.owner(&key) else {
        return refuse(StatusCode::UNAUTHORIZED, wrong_key());
    };
    drop(bytes);
    let caller = Caller { owner, base: shared.base_for(&headers), reach: None };
    all(&shared.service, items, (caller, room)).await
}

/// The bytes of a body, if they come in time and are not too many.
async fn received(body: Bytes, most: usize) -> Result<axum::body::Bytes, Box<Response>> {
    let (status, problem) = match timeout(BODY, to_bytes(body, most)).await {
        Ok(Ok(bytes)) => return Ok(bytes),
        Ok(Err(_too_large)) => {
            let message = format!("The body is cut off or larger than {} MiB.", most >> 20);
            let problem = Problem::new("maxRequestSizeExceeded", message);
            (StatusCode::PAYLOAD_TOO_LARGE, problem)
        }
        Err(_elapsed) => {
            let message = "The body did not arrive in time.";
            (StatusCode::REQUEST_TIMEOUT, Problem::new("requestTimeout", message))
        }
    };
    Err(Box::new(refuse(status, problem)))
}

/// Room for a body of a client that is known by its header, or of a stranger whose key may stand inside.
pub(super) async fn room_for(
    service: &Service,
    owner: Option<&Owner>,
    size: Option<u64>,
) -> Result<Share, Box<Response>> {
    let most = service.limits.message as u64;
    let size = size.map_or(most, |size| size.min(most));
    let (shares, owner) = match owner {
        Some(owner) => (&service.rations.bodies, owner.clone()),
        None => (&service.rations.strangers, Owner::new()),
    };
    timeout(BODY, shares.take(&owner, size)).await.map_err(|_elapsed| Box::new(busy()))
}

/// Too much is held already.
fn busy() -> Response {
    let message = "The server holds as much as it can; send the request again in a while.";
    refuse(StatusCode::SERVICE_UNAVAILABLE, Problem::new("serverUnavailable", message))
}

/// The answers to all tasks of a request, made when all have ended.
async fn all(
    service: &Arc<Service>,
    items: Vec<Value>,
    (caller, room): (Caller, Share),
) -> Response {
    let turn = service.rations.messages.take(&caller.owner, 1).await;
    let (accepting, whose) = (Arc::clone(service), caller.clone());
    let taken = tokio::task::spawn_blocking(move || {
        let _held = (turn, room);
        accepting.accept_all(items, &whose)
    });
    let Ok(replies) = taken.await else {
        return refuse(StatusCode::INTERNAL_SERVER_ERROR, fault());
    };
    let mut messages = Vec::with_capacity(replies.len());
    for reply in replies {
        messages.push(match reply {
            Reply::Now(body) => Message::new(body),
            Reply::Later(open) => waited(service, &open).await,
            Reply::Asked(question) => Message::Asked(question),
        });
    }
    made(service, messages, caller).await
}

/// What came of a task, once it has ended; or the advice to ask again when the server stops before.
async fn waited(service: &Arc<Service>, open: &Arc<OpenTask>) -> Message {
    let mut phase = service.phase.subscribe();
    tokio::select! {
        record = open.ended() => Message::Ended(record),
        _ = phase.wait_for(|phase| *phase == Phase::Closing) => {
            let message = "The server stops; the task is kept. Ask for it with getResponse later.";
            let problem = Problem::new("serverUnavailable", message);
            Message::new(Body::errors(&[open.record.stamped(problem)]))
        }
    }
}

/// One answer out of all messages, as far as that is not too large.
async fn made(service: &Arc<Service>, messages: Vec<Message>, caller: Caller) -> Response {
    let Caller { owner, base, .. } = caller;
    let (weighing, whose) = (Arc::clone(service), owner.clone());
    let weighed = tokio::task::spawn_blocking(move || {
        let most = weighing.rations.answers.of_owner();
        within(messages, most, |message| weighing.weight(message, &whose))
    });
    let Ok((messages, total)) = weighed.await else {
        return refuse(StatusCode::INTERNAL_SERVER_ERROR, fault());
    };
    let share = match timeout(BODY, room_for_answer(service, &owner, total)).await {
        Ok(share) => share,
        Err(_elapsed) => return busy(),
    };
    let service = Arc::clone(service);
    let rendered = tokio::task::spawn_blocking(move || {
        let mut body = Body::default();
        for message in messages {
            body.extend(service.rendered(&message, &owner, &base));
        }
        (status(&body), body.to_full_json())
    });
    match rendered.await {
        Ok((status, json)) => (status, [JSON], held(json.into_bytes(), share)).into_response(),
        Err(_panic) => refuse(StatusCode::INTERNAL_SERVER_ERROR, fault()),
    }
}

/// Room for an answer of that many bytes; small ones need none.
async fn room_for_answer(service: &Service, owner: &Owner, bytes: u64) -> Option<Share> {
    if bytes == 0 { None } else { Some(service.rations.answers.take(owner, bytes).await) }
}

/// The messages, those that would make the answer larger than `most` bytes replaced by advice; how large it
/// becomes. The first is never too large.
pub(super) fn within(
    messages: Vec<Message>,
    most: u64,
    weight: impl Fn(&Message) -> u64,
) -> (Vec<Message>, u64) {
    let mut total = 0;
    let fitting = messages.into_iter().map(|message| {
        let weight = weight(&message);
        if total > 0 && weight > 0 && total + weight > most {
            return message.too_large();
        }
        total += weight;
        message
    });
    let fitting = fitting.collect();
    (fitting, total)
}

/// Bytes that give their share back when they were sent.
pub(super) fn held(bytes: Vec<u8>, share: Option<Share>) -> axum::body::Bytes {
    struct Held {
        bytes: Vec<u8>,
        _share: Option<Share>,
    }
    impl AsRef<[u8]> for Held {
        fn as_ref(&self) -> &[u8] {
            &self.bytes
        }
    }
    axum::body::Bytes::from_owner(Held { bytes, _share: share })
}

/// A result file, as long as its address works.
async fn file(
    State(shared): State<Shared>,
    Path((pass, name)): Path<(String, String)>,
) -> Response {
    let Some((image, until)) = files::read(&shared.service.secret, &pass, &name) else {
        return nothing().await;
    };
    if files::is_over(until) {
        let message = "The time of this address is over.";
        return refuse(StatusCode::GONE, Problem::new("fileExpired", message));
    }
    let service = Arc::clone(&shared.service);
    let find = move || {
        let path = service.references.kept.find(image)?;
        Some((std::fs::metadata(&path).ok()?.len(), path))
    };
    let Some((size, path)) = tokio::task::spawn_blocking(find).await.ok().flatten() else {
        return nothing().await;
    };
    // Whose it is the address does not say: all files together are one owner.
    let files = FILES.to_owned();
    let room = room_for_answer(&shared.service, &files, size);
    let Ok(share) = timeout(BODY, room).await else { return busy() };
    let media_type = files::media_type(ending(&path));
    match tokio::task::spawn_blocking(move || std::fs::read(path).ok()).await.ok().flatten() {
        Some(bytes) => {
            let headers = [
                (CONTENT_TYPE, media_type),
                (CACHE_CONTROL, "private, max-age=3600, immutable"),
                (X_CONTENT_TYPE_OPTIONS, "nosniff"),
            ];
            (headers, held(bytes, share)).into_response()
        }
        None => nothing().await,
    }
}

/// The status that an answer has: that of its first error, unless something came of it.
fn status(body: &Body) -> StatusCode {
    let code = body.errors.first().and_then(|error| error["code"].as_str());
    // The errors of polled tasks are results.
    let polled = body.errors.first().is_some_and(|error| error["status"] == "error");
    match code {
        Some(code) if body.data.is_empty() && !polled => status_of(code),
        _ => StatusCode::OK,
    }
}

/// The status of a code (§ errors of the API's documentation).
fn status_of(code: &str) -> StatusCode {
    match code {
        "taskRateLimitExceeded" => StatusCode::TOO_MANY_REQUESTS,
        "serverUnavailable" | "outOfMemory" | "runtimeMissing" => StatusCode::SERVICE_UNAVAILABLE,
        "taskNotFound" | "imageNotFound" => StatusCode::NOT_FOUND,
        "internalServerError"
        | "inferenceError"
        | "saveFailed"
        | "modelLoadFailed"
        | "uploadFailed" => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::BAD_REQUEST,
    }
}

fn refuse(status: StatusCode, problem: Problem) -> Response {
    answer(status, &Body::errors(&[problem]))
}

fn answer(status: StatusCode, body: &Body) -> Response {
    (status, [JSON], body.to_full_json()).into_response()
}
