//! One WebSocket: authentication first, then tasks in and results out, each in its own frame.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::ws::{CloseFrame, Message as Frame, WebSocket};
use serde_json::{Value, json};
use tokio::time::{Instant as Deadline, timeout, timeout_at};

use super::accept::{Caller, Reply, read_message};
use super::answer::Body;
use super::auth::Owner;
use super::open_task::{Message, Reach};
use super::service::{Phase, Service};
use super::session::Attached;
use crate::protocol::{AnyTask, Authentication};
use crate::task::Problem;

/// Codes with which connections are closed (RFC 6455, section 7.4.1).
const GOING_AWAY: u16 = 1001;
const POLICY: u16 = 1008;
const TOO_BIG: u16 = 1009;

/// Most bytes of a message before a key was given.
const MOST_OF_A_STRANGER: usize = 1 << 20;

/// A connection from its upgrade to its end.
pub(super) struct Socket {
    pub(super) service: Arc<Service>,
    pub(super) stream: WebSocket,
    /// How addresses begin that this client can reach.
    pub(super) base: Arc<str>,
}

/// Why a connection ends.
struct End(Option<(u16, &'static str)>);

impl Socket {
    /// Talks until one side ends it.
    pub(super) async fn run(mut self) {
        let deadline = Deadline::now() + self.service.limits.authentication;
        let (owner, attached, rest) = match self.authenticated(deadline).await {
            Ok(known) => known,
            Err(end) => return self.close(&end).await,
        };
        let end = self.talk(&owner, &attached, rest).await;
        self.service.sessions.leave(&attached, Instant::now());
        self.close(&end).await;
    }

    /// Waits for `authentication`; tasks before it are refused.
    async fn authenticated(
        &mut self,
        deadline: Deadline,
    ) -> Result<(Owner, Attached<Message>, Vec<Value>), End> {
        loop {
            let frame = timeout_at(deadline, self.stream.recv()).await;
            let frame = frame
                .map_err(|_elapsed| End(Some((POLICY, "not authenticated in time"))))?
                .and_then(Result::ok);
            let bytes = match frame.ok_or(End(None))? {
                Frame::Text(text) => text.as_bytes().to_vec(),
                Frame::Binary(bytes) => bytes.to_vec(),
                Frame::Close(_) => return Err(End(None)),
                Frame::Ping(_) | Frame::Pong(_) => continue,
            };
            if bytes.len() > MOST_OF_A_STRANGER {
                return Err(End(Some((TOO_BIG, "authenticate first"))));
            }
            let mut items = match read_message(&bytes) {
                Ok(items) => items,
                Err(problem) => {
                    self.send_body(&Body::errors(&[*problem])).await?;
                    continue;
                }
            };
            match authentication(&items) {
                Ok(Some(task)) => {
                    let Some(owner) = self.service.keys.owner(&task.api_key) else {
                        self.send_body(&Body::errors(&[wrong_key()])).await?;
                        continue;
                    };
                    let wanted = task.connection_session_uuid.as_deref();
                    let sessions = &self.service.sessions;
                    let attached = sessions.attach(&owner, wanted, Instant::now());
                    let reply = json!({
                        "taskType": "authentication", "connectionSessionUUID": attached.session,
                    });
                    if let Err(end) = self.send_body(&Body::data(vec![reply])).await {
                        self.service.sessions.leave(&attached, Instant::now());
                        return Err(end);
                    }
                    items.remove(0);
                    return Ok((owner, attached, items));
                }
                Ok(None) => self.send_body(&Body::errors(&[unauthenticated()])).await?,
                Err(problems) => self.send_body(&Body::errors(&problems)).await?,
            }
        }
    }

    /// Tasks in, results out.
    async fn talk(&mut self, owner: &Owner, attached: &Attached<Message>, rest: Vec<Value>) -> End {
        let reach = Reach { outbox: Arc::clone(&attached.outbox), base: Arc::clone(&self.base) };
        let base = Arc::clone(&self.base);
        let caller = Caller { owner: owner.clone(), base, reach: Some(reach) };
        let mut phase = self.service.phase.subscribe();
        let mut idle = Deadline::now() + self.service.limits.idle;
        if !rest.is_empty()
            && let Err(end) = self.take(rest, &caller).await
        {
            return end;
        }
        loop {
            while let Some((number, message)) = attached.outbox.next(attached.connection) {
                if let Err(end) = self.send_numbered(number, message).await {
                    return end;
                }
            }
            if !attached.outbox.is_attached(attached.connection) {
                return End(Some((POLICY, "the session goes on in another connection")));
            }
            if *phase.borrow_and_update() == Phase::Closing {
                return End(Some((GOING_AWAY, "the server stops")));
            }
            tokio::select! {
                frame = self.stream.recv() => {
                    idle = Deadline::now() + self.service.limits.idle;
                    if let Err(end) = self.hear(frame, &caller, attached).await {
                        return end;
                    }
                }
                () = attached.outbox.news.notified() => {}
                _ = phase.changed() => {}
                () = tokio::time::sleep_until(idle) => {
                    return End(Some((GOING_AWAY, "nothing was heard for too long")));
                }
            }
        }
    }

    /// What came in.
    async fn hear(
        &mut self,
        frame: Option<Result<Frame, axum::Error>>,
        caller: &Caller,
        attached: &Attached<Message>,
    ) -> Result<(), End> {
        let bytes = match frame.ok_or(End(None))? {
            Ok(Frame::Text(text)) => text.as_bytes().to_vec(),
            Ok(Frame::Binary(bytes)) => bytes.to_vec(),
            Ok(Frame::Pong(number)) => {
                if let Ok(number) = number.as_ref().try_into() {
                    attached.outbox.confirm(attached.connection, u64::from_be_bytes(number));
                }
                return Ok(());
            }
            Ok(Frame::Ping(_)) => return Ok(()),
            Ok(Frame::Close(_)) => return Err(End(None)),
            Err(error) => {
                let too_big = error.to_string().contains("too long");
                return Err(End(too_big.then_some((TOO_BIG, "the message is too large"))));
            }
        };
        match read_message(&bytes) {
            Ok(items) => self.take(items, caller).await,
            Err(problem) => self.send_body(&Body::errors(&[*problem])).await,
        }
    }

    /// Hands tasks over, away from the threads that serve sockets: it asks the disk.
    async fn take(&mut self, items: Vec<Value>, caller: &Caller) -> Result<(), End> {
        if items.iter().all(is_ping) {
            let pong = Body::data(vec![json!({ "taskType": "ping", "pong": true })]);
            return self.send_body(&pong).await;
        }
        let (service, for_task) = (Arc::clone(&self.service), caller.clone());
        let taken = tokio::task::spawn_blocking(move || {
            push_all(service.accept_all(items, &for_task), &for_task);
        });
        taken.await.map_err(|_panic| End(None))
    }

    /// Sends a message of the session; the pong to the ping behind it says that it arrived.
    async fn send_numbered(&mut self, number: u64, message: Message) -> Result<(), End> {
        let text = match message {
            Message::Text(text) => text.to_string(),
            Message::Picture { record, index, base } => {
                let service = Arc::clone(&self.service);
                let read = move || service.picture(&record, index, &base);
                let picture = tokio::task::spawn_blocking(read).await.ok().flatten();
                // A picture whose file was deleted meanwhile.
                let Some(picture) = picture else { return Ok(()) };
                Body::data(vec![picture]).to_json()
            }
        };
        self.send(Frame::text(text)).await?;
        self.send(Frame::Ping(number.to_be_bytes().to_vec().into())).await
    }

    async fn send_body(&mut self, body: &Body) -> Result<(), End> {
        self.send(Frame::text(body.to_json())).await
    }

    async fn send(&mut self, frame: Frame) -> Result<(), End> {
        let sent = timeout(self.service.limits.send, self.stream.send(frame)).await;
        sent.map_err(|_elapsed| End(None))?.map_err(|_broken| End(None))
    }

    async fn close(mut self, end: &End) {
        if let End(Some((code, reason))) = end {
            let reason = (*reason).into();
            self.send(Frame::Close(Some(CloseFrame { code: *code, reason }))).await.ok();
        }
    }
}

/// Leaves answers that are there already in the session; the others come when they are ready.
fn push_all(replies: Vec<Reply>, caller: &Caller) {
    let Some(reach) = &caller.reach else { return };
    for reply in replies {
        if let Reply::Now(body) = reply {
            reach.outbox.push(body.to_message());
        }
    }
}

fn is_ping(item: &Value) -> bool {
    item.get("taskType").and_then(Value::as_str) == Some("ping")
}

/// The authentication that a message begins with; `None` when it begins otherwise.
pub(super) fn authentication(items: &[Value]) -> Result<Option<Authentication>, Vec<Problem>> {
    let first = items.first().unwrap_or(&Value::Null);
    if first.get("taskType").and_then(Value::as_str) != Some("authentication") {
        return Ok(None);
    }
    match AnyTask::from_json(first)? {
        AnyTask::Authentication(task) => Ok(Some(task)),
        _ => Ok(None),
    }
}

/// The answer to a key that is not accepted.
pub(super) fn wrong_key() -> Problem {
    let message = "This API key is not accepted here; give one that the server was started with.";
    let task_type = Some("authentication".to_owned());
    Problem { task_type, ..Problem::at("invalid", "apiKey", message) }
}

/// The answer to tasks before any key.
pub(super) fn unauthenticated() -> Problem {
    let message = "Authenticate first: the first task has to be authentication, with apiKey.";
    let task_type = Some("authentication".to_owned());
    Problem { task_type, ..Problem::at("missing", "apiKey", message) }
}
