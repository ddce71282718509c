//! One WebSocket: authentication first, then tasks in and results out, each in its own frame.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::ws::{CloseFrame, Message as Frame, WebSocket};
use serde_json::{Value, json};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant as Deadline, timeout, timeout_at};

use super::accept::{Caller, Reply};
use super::answer::Body;
use super::auth::Owner;
use super::message::read_message;
use super::open_task::Message;
use super::service::{Phase, Service, fault};
use super::session::Attached;
use super::shares::Share;
use crate::protocol::{AnyTask, Authentication};
use crate::task::Problem;

/// Codes with which connections are closed (RFC 6455, section 7.4.1).
const GOING_AWAY: u16 = 1001;
const POLICY: u16 = 1008;
const TOO_BIG: u16 = 1009;

/// Most bytes of a message before a key was given.
const MOST_OF_A_STRANGER: usize = 1 << 20;

/// How long the other side may take to answer a farewell.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// How long a farewell is on its way where no answer can be read.
const HEARD: Duration = Duration::from_millis(500);

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
        let reach = Some(Arc::clone(&attached.outbox));
        let mut talk = Talk {
            caller: Caller { owner: owner.clone(), base: Arc::clone(&self.base), reach },
            service: Arc::clone(&self.service),
            taking: JoinSet::new(),
            making: JoinSet::new(),
            waiting: None,
        };
        if !rest.is_empty()
            && let Err(end) = self.heard(rest, &mut talk).await
        {
            return end;
        }
        let mut phase = self.service.phase.subscribe();
        let mut idle = Deadline::now() + self.service.limits.idle;
        loop {
            if let Err(end) = self.send_ready(attached, &mut talk).await {
                return end;
            }
            if !attached.outbox.is_attached(attached.connection) {
                return End(Some((POLICY, "the session goes on in another connection")));
            }
            if talk.is_quiet() && *phase.borrow_and_update() == Phase::Closing {
                return End(Some((GOING_AWAY, "the server stops")));
            }
            // What is finished and what was heard come before the deadline for silence.
            let went_on = tokio::select! {
                biased;
                Some(made) = talk.making.join_next() => self.send_made(made).await,
                Some(_) = talk.taking.join_next() => {
                    talk.take_waiting();
                    Ok(())
                }
                frame = self.stream.recv(), if talk.waiting.is_none() => {
                    self.hear(frame, &mut talk, attached).await
                }
                () = attached.outbox.news.notified() => continue,
                _ = phase.changed() => continue,
                () = tokio::time::sleep_until(idle), if talk.is_quiet() => {
                    Err(End(Some((GOING_AWAY, "nothing was heard for too long"))))
                }
            };
            if let Err(end) = went_on {
                return end;
            }
            idle = Deadline::now() + self.service.limits.idle;
        }
    }

    /// What came in.
    async fn hear(
        &mut self,
        frame: Option<Result<Frame, axum::Error>>,
        talk: &mut Talk,
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
            Ok(items) => self.heard(items, talk).await,
            Err(problem) => self.send_body(&Body::errors(&[*problem])).await,
        }
    }

    /// Answers a ping at once, whatever else is being done, and hands tasks over.
    async fn heard(&mut self, items: Vec<Value>, talk: &mut Talk) -> Result<(), End> {
        if items.iter().all(is_ping) {
            let pong = Body::data(vec![json!({ "taskType": "ping", "pong": true })]);
            return self.send_body(&pong).await;
        }
        talk.take(items);
        Ok(())
    }

    /// Sends what the session has to say, up to the first message that has to be made.
    async fn send_ready(
        &mut self,
        attached: &Attached<Message>,
        talk: &mut Talk,
    ) -> Result<(), End> {
        while talk.making.is_empty()
            && let Some((number, message)) = attached.outbox.next(attached.connection)
        {
            match message {
                Message::Body(body) => self.send_numbered(number, body.to_json()).await?,
                message => talk.make(number, message),
            }
        }
        Ok(())
    }

    async fn send_made(&mut self, made: Result<Made, JoinError>) -> Result<(), End> {
        // A panic in there is in the log; the message stays in the session.
        let Made { number, text, share } = made.map_err(|_panic| End(None))?;
        let sent = self.send_numbered(number, text).await;
        drop(share);
        sent
    }

    /// Sends a message of the session; the pong to the ping behind it says that it arrived.
    async fn send_numbered(&mut self, number: u64, text: String) -> Result<(), End> {
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
        let End(Some((code, reason))) = end else { return };
        let reason = (*reason).into();
        let close = Frame::Close(Some(CloseFrame { code: *code, reason }));
        // Whoever closes with something unread makes the system throw away what was sent.
        if self.send(close).await.is_err() {
            return;
        }
        if *code == TOO_BIG {
            // The rest of that message is never read: a moment for the farewell to be heard.
            tokio::time::sleep(HEARD).await;
        } else {
            let taken = async { while let Some(Ok(_)) = self.stream.recv().await {} };
            timeout(LAST_WORDS, taken).await.ok();
        }
    }
}

/// What a connection is doing besides listening.
struct Talk {
    service: Arc<Service>,
    caller: Caller,
    /// The message whose tasks are being accepted.
    taking: JoinSet<()>,
    /// The message that is being made to be sent.
    making: JoinSet<Made>,
    /// Came while another was being taken; nothing is listened to until its turn has come.
    waiting: Option<Vec<Value>>,
}

/// A message of the session as it is sent.
struct Made {
    number: u64,
    text: String,
    share: Option<Share>,
}

impl Talk {
    fn is_quiet(&self) -> bool {
        self.taking.is_empty() && self.making.is_empty() && self.waiting.is_none()
    }

    /// Hands tasks over, away from the threads that serve sockets: it asks the disk.
    fn take(&mut self, items: Vec<Value>) {
        if !self.taking.is_empty() {
            self.waiting = Some(items);
            return;
        }
        let (service, caller) = (Arc::clone(&self.service), self.caller.clone());
        self.taking.spawn(async move {
            let turn = service.rations.messages.take(&caller.owner, 1).await;
            let outbox = caller.reach.clone();
            let taken = tokio::task::spawn_blocking(move || {
                let _turn = turn;
                push_all(service.accept_all(items, &caller), &caller);
            });
            if let (Err(_panic), Some(outbox)) = (taken.await, outbox) {
                outbox.push(Message::new(Body::errors(&[fault()])));
            }
        });
    }

    fn take_waiting(&mut self) {
        if let Some(items) = self.waiting.take() {
            self.take(items);
        }
    }

    /// Makes a message, once there is room for it.
    fn make(&mut self, number: u64, message: Message) {
        let (service, caller) = (Arc::clone(&self.service), self.caller.clone());
        self.making.spawn(async move {
            let (weighing, whose) = (Arc::clone(&service), caller.owner.clone());
            let weight = {
                let message = message.clone();
                tokio::task::spawn_blocking(move || weighing.weight(&message, &whose))
            };
            let share = match weight.await.unwrap_or_default() {
                0 => None,
                weight => Some(service.rations.answers.take(&caller.owner, weight).await),
            };
            let made = tokio::task::spawn_blocking(move || {
                service.rendered(&message, &caller.owner, &caller.base).to_json()
            });
            let text = made.await.unwrap_or_else(|_panic| Body::errors(&[fault()]).to_json());
            Made { number, text, share }
        });
    }
}

/// Leaves answers that are there already in the session; the others come when they are ready.
fn push_all(replies: Vec<Reply>, caller: &Caller) {
    let Some(reach) = &caller.reach else { return };
    for reply in replies {
        match reply {
            Reply::Now(body) => reach.push(Message::new(body)),
            Reply::Asked(question) => reach.push(Message::Asked(question)),
            Reply::Later(_) => {}
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
