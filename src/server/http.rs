//! The routes: the API by POST and by WebSocket on one path, and result files.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body as Bytes, to_bytes};
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{Path, State, WebSocketUpgrade};
use axum::http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HOST, ORIGIN, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::accept::{Caller, Reply, read_message};
use super::answer::{Body, ending};
use super::auth::{self, Owner, Surroundings, bearer};
use super::files;
use super::open_task::OpenTask;
use super::service::{Phase, Service};
use super::socket::{Socket, authentication, unauthenticated, wrong_key};
use crate::task::Problem;

/// How long a body may take to arrive.
const BODY: std::time::Duration = std::time::Duration::from_mins(1);

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
    let body = all(&shared.service, items, (owner, shared.base_for(&headers))).await;
    answer(status(&body), &body)
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

/// The answers to all tasks of a request.
async fn all(service: &Arc<Service>, items: Vec<Value>, (owner, base): (Owner, Arc<str>)) -> Body {
    let caller = Caller { owner, base, reach: None };
    let (accepting, whose) = (Arc::clone(service), caller.clone());
    let taken = tokio::task::spawn_blocking(move || accepting.accept_all(items, &whose));
    let mut body = Body::default();
    for reply in taken.await.unwrap_or_default() {
        body.extend(match reply {
            Reply::Now(body) => body,
            Reply::Later(open) => waited(service, &open, &caller).await,
        });
    }
    body
}

/// What came of a task, once it has ended; or the advice to ask again when the server stops before.
async fn waited(service: &Arc<Service>, open: &Arc<OpenTask>, caller: &Caller) -> Body {
    let mut phase = service.phase.subscribe();
    tokio::select! {
        () = open.ended() => {}
        _ = phase.wait_for(|phase| *phase == Phase::Closing) => {
            let message = "The server stops; the task is kept. Ask for it with getResponse later.";
            return Body::errors(&[open.stamped(Problem::new("serverUnavailable", message))]);
        }
    }
    let (service, caller, uuid) = (Arc::clone(service), caller.clone(), open.uuid);
    let read = tokio::task::spawn_blocking(move || {
        let record = service.store.read(uuid, &caller.owner)?;
        Some(service.body(&record, &caller.base))
    });
    read.await.ok().flatten().unwrap_or_default()
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
    let read = move || {
        let path = shared.service.references.kept.find(image)?;
        Some((files::media_type(ending(&path)), std::fs::read(&path).ok()?))
    };
    match tokio::task::spawn_blocking(read).await.ok().flatten() {
        Some((media_type, bytes)) => {
            let headers = [
                (CONTENT_TYPE, media_type),
                (CACHE_CONTROL, "private, max-age=3600, immutable"),
                (X_CONTENT_TYPE_OPTIONS, "nosniff"),
            ];
            (headers, bytes).into_response()
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
        "taskNotFound" => StatusCode::NOT_FOUND,
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
    // With errors alone `data` is there all the same, empty, as the API has it.
    let json = if body.data.is_empty() {
        json!({ "data": [], "errors": body.errors }).to_string()
    } else {
        body.to_json()
    };
    let json = if body.is_empty() { Body::default().to_json() } else { json };
    (status, [(CONTENT_TYPE, "application/json")], json).into_response()
}
