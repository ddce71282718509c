//! `latelier serve` over real sockets: the API's rules, one short test each.

mod asking;
mod forgery;
mod pictures;
mod rest;
mod restart;
mod rules;
mod secrets;
mod sessions;

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::{SinkExt as _, StreamExt as _};
use latelier::library::Home;
use latelier::pixels::{Extent, FileFormat, Picture, decode, encode, probe};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::support::{demo_task, latelier, scratch};

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(2);

/// The name of the server's log in its folder.
const LOG: &str = "log.txt";

/// The key of most tests.
pub(crate) const KEY: &str = "test-key-4711";

/// A home folder and the server in it.
pub(crate) struct Served {
    pub(crate) home: Home,
    /// `127.0.0.1:port`.
    pub(crate) address: String,
    process: Child,
    arguments: Vec<String>,
    folder: tempfile::TempDir,
}

impl Served {
    /// A server in a fresh home that takes [`KEY`].
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::open(&[&["--key", KEY][..], arguments].concat())
    }

    /// A server in a fresh home with exactly these arguments.
    pub(crate) fn open(arguments: &[&str]) -> Self {
        let folder = scratch();
        let home = Home::at(folder.path().join("home"));
        let arguments: Vec<String> = arguments.iter().map(|&one| one.to_owned()).collect();
        let (process, address) = start(folder.path(), &arguments);
        Self { home, address, process, arguments, folder }
    }

    /// Kills the server as a power cut would.
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Starts it again in the same home.
    pub(crate) fn restart(&mut self) {
        (self.process, self.address) = start(self.folder.path(), &self.arguments);
    }

    /// Asks it to end, and waits for that; its exit code and what it logged.
    pub(crate) fn stop(&mut self) -> (Option<i32>, String) {
        // SAFETY: a signal to our own child, which was not waited for.
        #[expect(unsafe_code, reason = "the standard library sends no SIGTERM")]
        let sent = unsafe { libc::kill(self.process.id().cast_signed(), libc::SIGTERM) };
        assert_eq!(sent, 0);
        let code = self.process.wait().unwrap().code();
        (code, fs::read_to_string(self.folder.path().join(LOG)).unwrap())
    }

    pub(crate) fn connect(&self) -> Socket {
        Socket::open(&self.address, None)
    }

    /// A connection that has authenticated.
    pub(crate) fn client(&self) -> Socket {
        let mut socket = self.connect();
        socket.authenticate(KEY, None);
        socket
    }

    /// Posts `body` with [`KEY`]; status and answer.
    pub(crate) fn post(&self, body: &Value) -> (u16, Value) {
        self.post_text(body.to_string(), Some(&format!("Bearer {KEY}")))
    }

    pub(crate) fn post_text(&self, body: String, authorization: Option<&str>) -> (u16, Value) {
        let mut request = http()
            .post(format!("http://{}/v1?sdk=test", self.address))
            .header("content-type", "application/json");
        if let Some(authorization) = authorization {
            request = request.header("authorization", authorization);
        }
        let (status, bytes) = sent(request.body(body));
        (status, serde_json::from_slice(&bytes).unwrap())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// The process and the address on its first line.
fn start(folder: &Path, arguments: &[String]) -> (Child, String) {
    let log = File::options().create(true).append(true).open(folder.join(LOG)).unwrap();
    let mut command = latelier();
    command.env("LATELIER_HOME", folder.join("home")).env("LATELIER_LOG", "latelier=debug");
    command.args(["serve", "--listen", "127.0.0.1:0"]).args(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
    let mut process = command.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let urls: Vec<&str> = line.split_whitespace().collect();
    let [socket, rest] = urls[..] else {
        panic!("{line:?} {}", fs::read_to_string(folder.join(LOG)).unwrap())
    };
    let address = rest.strip_prefix("http://").unwrap().strip_suffix("/v1").unwrap().to_owned();
    assert_eq!(socket, format!("ws://{address}/v1"));
    (process, address)
}

/// A client without proxies.
pub(crate) fn http() -> reqwest::Client {
    rustls::crypto::ring::default_provider().install_default().ok();
    reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap()
}

/// Status and body of a request.
pub(crate) fn sent(request: reqwest::RequestBuilder) -> (u16, Vec<u8>) {
    runtime().block_on(async {
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.bytes().await.unwrap().to_vec())
    })
}

pub(crate) fn fetched(url: &str) -> (u16, Vec<u8>) {
    sent(http().get(url))
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// A WebSocket whose calls wait.
pub(crate) struct Socket {
    runtime: Runtime,
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Socket {
    /// A connection to `address`; `origin` is what a browser would say.
    pub(crate) fn open(address: &str, origin: Option<&str>) -> Self {
        Self::try_open(address, origin).unwrap()
    }

    pub(crate) fn try_open(address: &str, origin: Option<&str>) -> Result<Self, String> {
        let runtime = runtime();
        let mut request =
            format!("ws://{address}/v1?sdk=js&version=1").into_client_request().unwrap();
        if let Some(origin) = origin {
            request.headers_mut().insert("origin", origin.parse().unwrap());
        }
        let connected = runtime.block_on(tokio_tungstenite::connect_async(request));
        let (stream, _) = connected.map_err(|error| error.to_string())?;
        Ok(Self { runtime, stream })
    }

    /// Authenticates; the session's name.
    pub(crate) fn authenticate(&mut self, key: &str, session: Option<&str>) -> String {
        let mut task = json!({ "taskType": "authentication", "apiKey": key });
        if let Some(session) = session {
            task["connectionSessionUUID"] = session.into();
        }
        self.send(&json!([task]));
        let reply = self.receive();
        assert_eq!(reply["data"].as_array().map(Vec::len), Some(1), "{reply}");
        assert!(reply["data"][0].get("taskUUID").is_none(), "{reply}");
        reply["data"][0]["connectionSessionUUID"].as_str().unwrap().to_owned()
    }

    pub(crate) fn send(&mut self, message: &Value) {
        self.send_text(message.to_string());
    }

    pub(crate) fn send_text(&mut self, text: String) {
        self.send_frame(Message::text(text));
    }

    pub(crate) fn send_frame(&mut self, frame: Message) {
        self.runtime.block_on(self.stream.send(frame)).unwrap();
    }

    /// The next message; panics when the connection ends.
    pub(crate) fn receive(&mut self) -> Value {
        self.receive_or_end().unwrap()
    }

    /// The next message, or the code with which the connection was closed (1006 when it broke).
    pub(crate) fn receive_or_end(&mut self) -> Result<Value, u16> {
        self.runtime.block_on(async {
            loop {
                let frame = timeout(PATIENCE, self.stream.next()).await.expect("nothing came");
                match frame {
                    Some(Ok(Message::Text(text))) => {
                        return Ok(serde_json::from_str(&text).unwrap());
                    }
                    Some(Ok(Message::Close(close))) => {
                        return Err(close.map_or(1005, |close| close.code.into()));
                    }
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return Err(1006),
                }
            }
        })
    }

    /// Sends one task and returns the first result or error that comes.
    pub(crate) fn ask(&mut self, task: &Value) -> Value {
        self.send(&json!([task]));
        self.receive()
    }

    /// Receives `count` results, whatever stands between them.
    pub(crate) fn results(&mut self, count: usize) -> Vec<Value> {
        let mut results = Vec::new();
        while results.len() < count {
            let message = self.receive();
            assert!(message.get("errors").is_none(), "{message}");
            results.extend(message["data"].as_array().unwrap().iter().cloned());
        }
        results
    }

    /// Goes away without a word.
    pub(crate) fn vanish(self) {
        drop(self);
    }
}

/// A small task with further members.
pub(crate) fn task(mut members: Value) -> Value {
    let mut task = demo_task();
    task["steps"] = json!(1);
    task.as_object_mut().unwrap().append(members.as_object_mut().unwrap());
    task
}

/// A neighbouring task.
pub(crate) fn neighbour(name: &str, mut members: Value) -> Value {
    members["taskType"] = name.into();
    members["taskUUID"] = uuid::Uuid::new_v4().to_string().into();
    members
}

/// `getResponse` for an earlier task.
pub(crate) fn poll(task: &Value) -> Value {
    json!({ "taskType": "getResponse", "taskUUID": task["taskUUID"] })
}

/// A PNG of that size as a data URI.
pub(crate) fn picture(width: u32, height: u32) -> String {
    drawn(width, height, |x, y| [x as u8, y as u8, 90, 255])
}

/// The same, all white.
pub(crate) fn white(width: u32, height: u32) -> String {
    drawn(width, height, |_, _| [255; 4])
}

fn drawn(width: u32, height: u32, pixel: impl Fn(u32, u32) -> [u8; 4]) -> String {
    let picture = Picture::from_fn(Extent::new(width, height), pixel);
    let bytes = encode(&picture, FileFormat::Png, "{}").unwrap();
    format!("data:image/png;base64,{}", STANDARD.encode(bytes))
}

/// Format and size of a picture file that decodes.
pub(crate) fn kind(bytes: &[u8]) -> (Extent, &'static str) {
    decode(bytes).unwrap();
    probe(bytes).unwrap()
}

/// The code of the first error.
#[track_caller]
pub(crate) fn code(answer: &Value) -> &str {
    answer["errors"][0]["code"].as_str().unwrap_or_else(|| panic!("{answer}"))
}
