//! Malformed messages for a while: made from valid ones by a seeded generator, so that a run can be
//! repeated.

use std::io::{self, Write as _};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use uuid::Uuid;

use super::{BenchServeArgs, Server};

/// Messages of one connection before the next is opened.
const MESSAGES: usize = 200;

/// How long an answer is waited for: most messages have one, some end the connection.
const ANSWER: Duration = Duration::from_secs(5);

/// What was sent and what came back.
#[derive(Default)]
struct Counts {
    messages: AtomicU64,
    answers: AtomicU64,
    connections: AtomicU64,
    told: AtomicBool,
}

/// Floods the server until the time is over.
pub(super) async fn flood(
    server: &Server,
    args: BenchServeArgs,
    how_long: Duration,
) -> anyhow::Result<()> {
    let counts = Counts::default();
    let started = Instant::now();
    let over = |share: f64| started.elapsed() >= how_long.mul_f64(share);
    let floods = (0..args.connections).map(|number| {
        let (counts, over) = (&counts, &over);
        let mut dice = Dice::new(args.seed.wrapping_add(u64::from(number) << 32));
        async move {
            while !over(1.0) {
                // One connection in eight speaks no WebSocket at all.
                if dice.below(8) == 0 {
                    by_http(server, &mut dice, counts).await;
                } else {
                    by_socket(server, &mut dice, counts).await?;
                }
                if over(0.5) && !counts.told.swap(true, Ordering::SeqCst) {
                    server.tell("middle")?;
                }
            }
            anyhow::Ok(())
        }
    });
    try_join_all(floods).await?;
    let count = |count: &AtomicU64| count.load(Ordering::SeqCst);
    writeln!(
        io::stdout(),
        "{} messages over {} connections in {:.0} s, {} answers",
        count(&counts.messages),
        count(&counts.connections),
        started.elapsed().as_secs_f64(),
        count(&counts.answers)
    )?;
    Ok(())
}

async fn by_socket(server: &Server, dice: &mut Dice, counts: &Counts) -> anyhow::Result<()> {
    let mut socket = server.connect("flood").await?;
    counts.connections.fetch_add(1, Ordering::SeqCst);
    for _ in 0..MESSAGES {
        let bytes = malformed(dice);
        let message = match String::from_utf8(bytes) {
            Ok(text) if dice.below(4) > 0 => Message::text(text),
            Ok(text) => Message::binary(text.into_bytes()),
            Err(error) => Message::binary(error.into_bytes()),
        };
        if socket.send(message).await.is_err() {
            return Ok(());
        }
        counts.messages.fetch_add(1, Ordering::SeqCst);
        match timeout(ANSWER, socket.next()).await {
            Ok(Some(Ok(_))) => {
                counts.answers.fetch_add(1, Ordering::SeqCst);
            }
            Ok(_) => return Ok(()),
            Err(_silent) => {}
        }
    }
    Ok(())
}

/// A request, or what only begins like one.
async fn by_http(server: &Server, dice: &mut Dice, counts: &Counts) {
    let Ok(mut stream) = TcpStream::connect(&server.address).await else { return };
    counts.connections.fetch_add(1, Ordering::SeqCst);
    let body = malformed(dice);
    let mut request = format!(
        "POST /v1 HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer flood\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        server.address,
        body.len()
    )
    .into_bytes();
    request.extend(body);
    if dice.below(3) == 0 {
        damage(&mut request, dice);
    }
    counts.messages.fetch_add(1, Ordering::SeqCst);
    if stream.write_all(&request).await.is_err() {
        return;
    }
    // The server may wait for the rest of what was cut off; this side then goes away.
    stream.shutdown().await.ok();
    let mut answer = Vec::new();
    let read = timeout(ANSWER, stream.read_to_end(&mut answer)).await;
    if matches!(read, Ok(Ok(length)) if length > 0) {
        counts.answers.fetch_add(1, Ordering::SeqCst);
    }
}

/// A message that nobody should send.
fn malformed(dice: &mut Dice) -> Vec<u8> {
    match dice.below(6) {
        0 => (0..dice.below(2000)).map(|_| dice.next() as u8).collect(),
        1 => "[{\"a\":".repeat(dice.below(500) as usize + 1).into_bytes(),
        2 => format!("[{}]", "1e999,".repeat(dice.below(50) as usize + 1)).into_bytes(),
        3 => json!([{ "taskType": "imageInference", "taskUUID": dice.next(), "width": -1 }])
            .to_string()
            .into_bytes(),
        _ => {
            let mut bytes = valid(dice).to_string().into_bytes();
            damage(&mut bytes, dice);
            bytes
        }
    }
}

/// A message as it should be, but for its model: nothing is to be made.
fn valid(dice: &mut Dice) -> serde_json::Value {
    let task = Uuid::from_u64_pair(dice.next(), dice.next());
    match dice.below(5) {
        0 => {
            json!([{ "taskType": "imageUpload", "taskUUID": task, "image": "iVBORw0KGgoAAAANSUhEUg==" }])
        }
        1 => json!([{ "taskType": "modelSearch", "taskUUID": task, "search": "demo", "limit": 3 }]),
        2 => json!([{ "taskType": "getResponse", "taskUUID": task }]),
        3 => json!([{ "taskType": "controlNetPreprocess", "taskUUID": task, "inputImage": task,
            "preProcessorType": "canny", "lowThresholdCanny": 3 }]),
        _ => json!([{ "taskType": "imageInference", "taskUUID": task, "model": "local:none@1",
            "positivePrompt": "a red apple", "width": 128, "height": 128, "steps": 1,
            "lora": [{ "model": "local:none@2", "weight": 0.5 }], "inputs": { "seedImage": task } }]),
    }
}

/// Cuts, changes, repeats or inserts something somewhere.
fn damage(bytes: &mut Vec<u8>, dice: &mut Dice) {
    for _ in 0..=dice.below(4) {
        if bytes.is_empty() {
            return;
        }
        let at = dice.below(bytes.len() as u64) as usize;
        match dice.below(4) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, dice.next() as u8),
            2 => bytes.extend_from_within(at..),
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = b"\"\\{}[],:0-\x00\xff"[dice.below(12) as usize];
                }
            }
        }
    }
}

/// A generator that is the same every time (Marsaglia's xorshift, 2003).
struct Dice(u64);

impl Dice {
    const fn new(seed: u64) -> Self {
        Self(seed ^ 0x9e37_79b9_7f4a_7c15)
    }

    const fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    const fn below(&mut self, most: u64) -> u64 {
        self.next() % most
    }
}
