//! A scripted service for what the real one would never say: WebSocket and HTTP on one address.

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use axum::Router;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use latelier::pixels::{Extent, FileFormat, Picture, encode};
use serde_json::{Value, json};
use uuid::Uuid;

/// The key that tests use.
pub(crate) const KEY: &str = "test-key-that-must-not-show-0451";

/// What the service does about a message.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// Sends a frame, or puts it into the body.
    Say(Value),
    /// The same with a text that need not be JSON.
    Text(String),
    /// Waits.
    Wait(Duration),
    /// Closes the connection with a code.
    Close(u16),
    /// Ends the connection without a word.
    Drop,
    /// Answers with that status (HTTP only).
    Status(u16),
    /// Puts that header to the answer (HTTP only).
    Header(&'static str, String),
}

/// A message of the client.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// Connections before this one; over HTTP requests.
    pub(crate) connection: usize,
    /// Messages of the same task before this one, on any connection.
    pub(crate) before: usize,
    pub(crate) task: Value,
}

impl Call {
    pub(crate) fn kind(&self) -> &str {
        self.task["taskType"].as_str().unwrap()
    }

    pub(crate) fn uuid(&self) -> &str {
        self.task["taskUUID"].as_str().unwrap_or_default()
    }

    /// A result of the task: a small picture with that number as name and colour.
    pub(crate) fn image(&self, number: u8) -> Value {
        json!({
            "taskType": "imageInference", "taskUUID": self.task["taskUUID"],
            "imageUUID": self.name(number), "imageBase64Data": base64(&picture(number)), "cost": 0.0013,
            "seed": self.task["seed"].as_u64().unwrap_or(5) + u64::from(number),
        })
    }

    pub(crate) fn name(&self, number: u8) -> Uuid {
        let task = Uuid::try_parse(self.uuid()).unwrap().as_u128();
        Uuid::from_u128(task ^ (u128::from(number) + 1))
    }

    pub(crate) fn error(&self, code: &str) -> Value {
        json!({ "errors": [{ "code": code, "message": "As the script has it", "taskUUID": self.task["taskUUID"] }] })
    }
}

pub(crate) fn data(items: &[Value]) -> Value {
    json!({ "data": items })
}

/// A PNG of one colour.
pub(crate) fn picture(number: u8) -> Vec<u8> {
    let picture = Picture::from_fn(Extent::new(64, 64), |_, _| [number, 90, 200, 255]);
    encode(&picture, FileFormat::Png, "{}").unwrap()
}

pub(crate) fn base64(bytes: &[u8]) -> String {
    let latelier::task::DeliveredImage::Base64Data(text) =
        latelier::task::DeliveredImage::base64(bytes)
    else {
        unreachable!()
    };
    text
}

type Script = dyn Fn(&Call) -> Option<Vec<Act>> + Send + Sync;

/// What all connections share.
struct Inner {
    script: Box<Script>,
    calls: Mutex<Vec<Value>>,
    connections: Mutex<usize>,
}

/// The service; it ends with the test's process.
pub(crate) struct Peer {
    address: String,
    inner: Arc<Inner>,
}

impl Peer {
    /// Starts a service; where the script says `None`, it does what a good one would: takes every key,
    /// answers pings, knows no task that is asked for.
    pub(crate) fn start(
        script: impl Fn(&Call) -> Option<Vec<Act>> + Send + Sync + 'static,
    ) -> Self {
        let script: Box<Script> = Box::new(script);
        let (calls, connections) = (Mutex::default(), Mutex::default());
        let inner = Arc::new(Inner { script, calls, connections });
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let for_thread = Arc::clone(&inner);
        let serve = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async {
                let routes = Router::new()
                    .route("/v1", get(socket).post(request))
                    .route("/files/{number}", get(file))
                    .with_state(for_thread);
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                axum::serve(listener, routes).await.unwrap();
            });
        };
        thread::Builder::new().name("peer".to_owned()).spawn(serve).unwrap();
        Self { address, inner }
    }

    pub(crate) fn socket_url(&self) -> String {
        format!("ws://{}/v1", self.address)
    }

    pub(crate) fn http_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Every message so far, but for keys and pings.
    pub(crate) fn calls(&self) -> Vec<Value> {
        let calls = self.inner.calls.lock().unwrap().clone();
        let of_tasks = |call: &Value| {
            !["authentication", "ping"].contains(&call["taskType"].as_str().unwrap())
        };
        calls.into_iter().filter(of_tasks).collect()
    }

    /// The messages of that type.
    pub(crate) fn calls_of(&self, kind: &str) -> Vec<Value> {
        self.calls().into_iter().filter(|call| call["taskType"] == kind).collect()
    }

    pub(crate) fn connections(&self) -> usize {
        *self.inner.connections.lock().unwrap()
    }
}

impl Inner {
    fn connected(&self) -> usize {
        let mut connections = self.connections.lock().unwrap();
        *connections += 1;
        *connections - 1
    }

    fn acts(&self, connection: usize, task: Value) -> Vec<Act> {
        let mut calls = self.calls.lock().unwrap();
        let same = |call: &&Value| call["taskUUID"] == task["taskUUID"];
        let before = calls.iter().filter(same).count();
        calls.push(task.clone());
        drop(calls);
        let call = Call { connection, before, task };
        (self.script)(&call).unwrap_or_else(|| usual(&call))
    }
}

fn usual(call: &Call) -> Vec<Act> {
    match call.kind() {
        "authentication" => {
            let given = call.task["connectionSessionUUID"].as_str().map(str::to_owned);
            let name = given.unwrap_or_else(|| Uuid::new_v4().to_string());
            vec![Act::Say(data(&[
                json!({ "taskType": "authentication", "connectionSessionUUID": name }),
            ]))]
        }
        "ping" => vec![Act::Say(data(&[json!({ "taskType": "ping", "pong": true })]))],
        "getResponse" => vec![Act::Say(call.error("taskNotFound"))],
        _ => Vec::new(),
    }
}

async fn socket(State(inner): State<Arc<Inner>>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.max_message_size(256 << 20).on_upgrade(move |socket| talk(inner, socket))
}

async fn talk(inner: Arc<Inner>, mut socket: WebSocket) {
    let connection = inner.connected();
    while let Some(Ok(message)) = socket.recv().await {
        let Message::Text(text) = message else { continue };
        let tasks: Vec<Value> = serde_json::from_str(&text).unwrap();
        for task in tasks {
            for act in inner.acts(connection, task) {
                match act {
                    Act::Say(frame) => socket.send(Message::text(frame.to_string())).await.unwrap(),
                    Act::Text(text) => socket.send(Message::text(text)).await.unwrap(),
                    Act::Wait(time) => tokio::time::sleep(time).await,
                    Act::Close(code) => {
                        let frame = CloseFrame { code, reason: "as the script has it".into() };
                        socket.send(Message::Close(Some(frame))).await.ok();
                        return;
                    }
                    Act::Drop => return,
                    Act::Status(_) | Act::Header(..) => panic!("a WebSocket has no status"),
                }
            }
        }
    }
}

async fn request(State(inner): State<Arc<Inner>>, given: HeaderMap, body: String) -> Response {
    assert_eq!(given["authorization"], format!("Bearer {KEY}"));
    let connection = inner.connected();
    let tasks: Vec<Value> = serde_json::from_str(&body).unwrap();
    let (mut status, mut text) = (StatusCode::OK, String::new());
    let mut headers = HeaderMap::new();
    for task in tasks {
        for act in inner.acts(connection, task) {
            match act {
                Act::Say(frame) => text = frame.to_string(),
                Act::Text(words) => text = words,
                Act::Wait(time) => tokio::time::sleep(time).await,
                Act::Header(name, value) => {
                    headers.insert(name, value.parse().unwrap());
                }
                Act::Status(code) => status = StatusCode::from_u16(code).unwrap(),
                Act::Close(_) | Act::Drop => panic!("HTTP has no close"),
            }
        }
    }
    (status, headers, text).into_response()
}

async fn file(Path(number): Path<u8>) -> Response {
    picture(number).into_response()
}
