//! A socket and a clock for the [`Session`]: frames in and out, deadlines, connections.

use std::collections::HashMap;
use std::time::{Duration, Instant, SystemTime};

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::error::CapacityError;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};
use uuid::Uuid;

use super::Endpoint;
use super::http::ready_for_tls;
use super::line::{LARGEST, News, Reach};
use super::order::Order;
use super::session::{Closed, Command, Event, Session};
use crate::protocol::Key;

/// Texts that may wait to be written, and events that may wait to be taken in.
const WAITING: usize = 64;

/// For the other side to take a closing frame.
const CLOSING: Duration = Duration::from_secs(2);

/// What the socket's task is asked for.
pub(super) enum Request {
    Submit(Box<Order>, mpsc::Sender<News>),
    Forget(Uuid),
}

/// The task that has the session.
pub(super) struct Socket {
    pub(super) requests: mpsc::Sender<Request>,
    pub(super) reach: Reach,
}

impl Socket {
    /// Starts the task; it ends when every sender of requests is gone.
    pub(super) fn open(endpoint: Endpoint, key: Key) -> Self {
        let (requests, orders) = mpsc::channel(WAITING);
        ready_for_tls();
        let (events, incoming) = mpsc::channel(WAITING);
        let reach = Reach::new(None);
        let driver = Driver {
            endpoint,
            session: Session::new(key, seed()),
            began: Instant::now(),
            listeners: HashMap::new(),
            connection: 0,
            outgoing: None,
            events,
            reach: reach.clone(),
        };
        tokio::spawn(driver.run(orders, incoming));
        Self { requests, reach }
    }
}

/// Something that differs from start to start, for the jitter of pauses.
pub(super) fn seed() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.map_or(1, |time| time.as_nanos() as u64)
}

struct Driver {
    endpoint: Endpoint,
    session: Session,
    began: Instant,
    listeners: HashMap<Uuid, mpsc::Sender<News>>,
    /// Counts connections, so that news of an old one are told from those of the present one.
    connection: u64,
    outgoing: Option<mpsc::Sender<String>>,
    events: mpsc::Sender<(u64, Event)>,
    reach: Reach,
}

impl Driver {
    async fn run(
        mut self,
        mut orders: mpsc::Receiver<Request>,
        mut incoming: mpsc::Receiver<(u64, Event)>,
    ) {
        loop {
            let wake = self.session.wake_at().unwrap_or(Duration::from_hours(1));
            let wake = tokio::time::Instant::from_std(self.began + wake);
            let event = tokio::select! {
                order = orders.recv() => match order {
                    None => return,
                    Some(Request::Forget(id)) => {
                        self.listeners.remove(&id);
                        Event::Forget(id)
                    }
                    Some(Request::Submit(order, listener)) => {
                        self.listeners.insert(order.id, listener);
                        Event::Submit(order)
                    }
                },
                Some((connection, event)) = incoming.recv() => {
                    if connection != self.connection {
                        continue;
                    }
                    event
                }
                () = tokio::time::sleep_until(wake) => Event::Tick,
            };
            let commands = self.session.take(event, self.began.elapsed());
            for command in commands {
                self.carry_out(command);
            }
        }
    }

    fn carry_out(&mut self, command: Command) {
        match command {
            Command::Connect => {
                self.connection += 1;
                let (outgoing, texts) = mpsc::channel(WAITING);
                self.outgoing = Some(outgoing);
                let line = Connection { number: self.connection, events: self.events.clone() };
                tokio::spawn(line.run(self.endpoint.clone(), texts));
            }
            Command::Send(text) => {
                // A line that takes nothing any more is found out by the next ping.
                let sent = self.outgoing.as_ref().map(|outgoing| outgoing.try_send(text));
                if !matches!(sent, Some(Ok(()))) {
                    tracing::debug!("a message could not be handed to the connection");
                }
            }
            Command::HangUp => {
                self.connection += 1;
                self.outgoing = None;
            }
            Command::OutOfReach(why) => {
                self.reach.send_replace(why);
            }
            Command::Sent(id) => self.tell(id, News::Sent),
            Command::Deliver(id, item) => self.tell(id, News::Result(item)),
            Command::End(id, outcome) => {
                self.tell(id, News::End(outcome));
                self.listeners.remove(&id);
            }
        }
    }

    fn tell(&self, id: Uuid, news: News) {
        if let Some(listener) = self.listeners.get(&id)
            && listener.try_send(news).is_err()
        {
            tracing::debug!("nobody waits for task {id} any more");
        }
    }
}

/// One connection from its beginning to its end.
struct Connection {
    number: u64,
    events: mpsc::Sender<(u64, Event)>,
}

type Stream = WebSocketStream<MaybeTlsStream<TcpStream>>;

impl Connection {
    async fn run(self, endpoint: Endpoint, mut texts: mpsc::Receiver<String>) {
        let config = WebSocketConfig::default()
            .max_message_size(Some(LARGEST))
            .max_frame_size(Some(LARGEST));
        let connecting = connect_async_with_config(endpoint.url().as_str(), Some(config), true);
        let stream = tokio::select! {
            connected = connecting => connected,
            // Given up before it was there.
            () = hung_up(&mut texts) => return,
        };
        let closed = match stream {
            Ok((stream, _response)) => {
                self.tell(Event::Opened).await;
                self.carry(stream, &mut texts).await
            }
            Err(error) => Some(closed_by(&error)),
        };
        if let Some(closed) = closed {
            self.tell(Event::Closed(closed)).await;
        }
    }

    async fn tell(&self, event: Event) {
        self.events.send((self.number, event)).await.ok();
    }

    /// Reads and writes until one side closes; `None` when it was ours.
    async fn carry(&self, stream: Stream, texts: &mut mpsc::Receiver<String>) -> Option<Closed> {
        let (mut sink, mut source) = stream.split();
        let write = async {
            while let Some(text) = texts.recv().await {
                if let Err(error) = sink.send(Message::text(text)).await {
                    return Some(closed_by(&error));
                }
                self.tell(Event::Written).await;
            }
            tokio::time::timeout(CLOSING, sink.close()).await.ok();
            None
        };
        let read = async {
            loop {
                match source.next().await {
                    None => return Closed { why: "it closed".to_owned(), ..Closed::default() },
                    Some(Err(error)) => return closed_by(&error),
                    Some(Ok(Message::Text(text))) => {
                        self.tell(Event::Frame(text.as_str().to_owned())).await;
                    }
                    Some(Ok(Message::Binary(bytes))) => {
                        let text = String::from_utf8_lossy(&bytes).into_owned();
                        self.tell(Event::Frame(text)).await;
                    }
                    Some(Ok(Message::Close(frame))) => {
                        let code = frame.as_ref().map(|frame| u16::from(frame.code));
                        let said = frame.map(|frame| frame.reason.as_str().to_owned());
                        let said = said.filter(|said| !said.is_empty());
                        let why = said.unwrap_or_else(|| "it closed the connection".to_owned());
                        return Closed { code, why, ..Closed::default() };
                    }
                    Some(Ok(_)) => {}
                }
            }
        };
        // Both go on at the same time: a long text on its way out must not stop what comes in.
        tokio::select! {
            closed = write => closed,
            closed = read => Some(closed),
        }
    }
}

/// Waits until nobody can send texts any more; those that come are for a connection that is not there.
async fn hung_up(texts: &mut mpsc::Receiver<String>) {
    while texts.recv().await.is_some() {}
}

/// How an error of the socket ends a connection.
fn closed_by(error: &Error) -> Closed {
    match error {
        Error::Http(response) => {
            let status = response.status();
            let passes =
                status.is_server_error() || [401, 402, 403, 408, 429].contains(&status.as_u16());
            Closed {
                status: Some(status.as_u16()),
                why: format!("it answers {status}"),
                is_final: !passes,
                ..Closed::default()
            }
        }
        Error::Capacity(CapacityError::MessageTooLong { .. }) => Closed {
            code: Some(1009),
            why: format!("it sends a message of more than {} MiB", LARGEST >> 20),
            ..Closed::default()
        },
        Error::Url(_) | Error::HttpFormat(_) => Closed {
            why: "its address cannot be used".to_owned(),
            is_final: true,
            ..Closed::default()
        },
        other => Closed { why: other.to_string(), ..Closed::default() },
    }
}
