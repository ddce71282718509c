//! The way to the service, by WebSocket or HTTP: orders in, results and an end out.

use tokio::sync::{mpsc, watch};
use uuid::Uuid;

use super::http::Http;
use super::order::{Order, Outcome};
use super::socket::{Request, Socket};
use super::{Endpoint, RemoteSettings};
use crate::protocol::Item;

/// Largest message that is taken, in bytes.
pub(super) const LARGEST: usize = 128 << 20;

/// News of an order.
#[derive(Debug)]
pub(super) enum News {
    /// A result, each once.
    Result(Item),
    /// The service is out of reach for a while, and why; `None`: it is not any more.
    OutOfReach(Option<String>),
    /// The task is about to be sent for the first time; once.
    Sent,
    /// Nothing more comes.
    End(Outcome),
}

/// Why the service is out of reach at the moment.
pub(super) type Reach = watch::Sender<Option<String>>;

/// A way to the service.
pub(super) enum Line {
    Socket(Socket),
    Http(Http),
}

/// The news of one order. Dropping it forgets the order: nothing more is sent or asked for it.
pub(super) struct Awaited {
    news: mpsc::Receiver<News>,
    reach: watch::Receiver<Option<String>>,
    forget: Option<(mpsc::Sender<Request>, Uuid)>,
}

impl Line {
    /// The way that `settings` name. Must be called inside a tokio runtime.
    pub(super) fn open(settings: &RemoteSettings) -> Result<Self, String> {
        let (endpoint, key): (Endpoint, _) = (settings.endpoint.clone(), settings.key.clone());
        if endpoint.is_socket() {
            return Ok(Self::Socket(Socket::open(endpoint, key)));
        }
        Http::new(endpoint, key).map(Self::Http)
    }

    pub(super) const fn is_socket(&self) -> bool {
        matches!(self, Self::Socket(_))
    }

    /// Carries an order out.
    pub(super) async fn carry(&self, order: Order) -> Awaited {
        // Each result comes once, and so do the sending and the end.
        let (sender, news) = mpsc::channel(order.expected + 3);
        match self {
            Self::Socket(socket) => {
                let (requests, id) = (socket.requests.clone(), order.id);
                let reach = Awaited::reach_of(&socket.reach);
                // When the socket's task is gone, so is the sender, and the news end.
                requests.send(Request::Submit(Box::new(order), sender)).await.ok();
                Awaited { news, reach, forget: Some((requests, id)) }
            }
            Self::Http(http) => {
                let line = Reach::new(None);
                let reach = line.subscribe();
                tokio::spawn(http.clone().carry(order, sender, line));
                Awaited { news, reach, forget: None }
            }
        }
    }
}

impl Awaited {
    /// Tells of the trouble that there is already, too.
    fn reach_of(line: &Reach) -> watch::Receiver<Option<String>> {
        let mut reach = line.subscribe();
        if reach.borrow().is_some() {
            reach.mark_changed();
        }
        reach
    }

    /// The next news; `None` when the line is gone.
    pub(super) async fn next(&mut self) -> Option<News> {
        tokio::select! {
            biased;
            news = self.news.recv() => news,
            Ok(()) = self.reach.changed() => {
                Some(News::OutOfReach(self.reach.borrow_and_update().clone()))
            }
        }
    }
}

impl Drop for Awaited {
    fn drop(&mut self) {
        if let Some((requests, id)) = &self.forget {
            requests.try_send(Request::Forget(*id)).ok();
        }
    }
}
