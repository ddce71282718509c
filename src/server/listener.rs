//! The door: so many connections at a time, each of which has to say soon what it wants and to take what it
//! is sent; the next ones wait in the system's queue.

use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Sleep, sleep, timeout};

use super::limits::Limits;
use super::service::Phase;

/// Before another attempt when the system refuses, out of file descriptors for example.
const PAUSE: Duration = Duration::from_millis(200);

/// How long connections may take to end when the server stops.
pub(super) const FAREWELL: Duration = Duration::from_secs(5);

/// See the top of the file.
pub(super) struct Door {
    inner: TcpListener,
    room: Arc<Semaphore>,
    connections: u32,
    /// For the lines before a body: from the opening of a connection, or from its last answer.
    head: Duration,
    /// For the other side to take anything of what it is sent.
    send: Duration,
}

impl Door {
    pub(super) fn new(inner: TcpListener, limits: &Limits) -> Self {
        let connections = u32::try_from(limits.connections).unwrap_or(u32::MAX).max(1);
        let room = Arc::new(Semaphore::new(connections as usize));
        Self { inner, room, connections, head: limits.authentication, send: limits.send }
    }

    /// Serves until the phase is [`Phase::Closing`], and then until every connection has ended, WebSockets
    /// as well, or [`FAREWELL`] is over.
    pub(super) async fn serve(self, router: Router, phase: watch::Receiver<Phase>) {
        let mut over = phase.clone();
        tokio::select! {
            () = self.let_in(&router, &phase) => {}
            _ = over.wait_for(|phase| *phase == Phase::Closing) => {}
        }
        let Self { inner, room, connections, .. } = self;
        drop(inner);
        if timeout(FAREWELL, room.acquire_many(connections)).await.is_err() {
            tracing::info!("connections are cut that did not end in time");
        }
    }

    async fn let_in(&self, router: &Router, phase: &watch::Receiver<Phase>) {
        loop {
            // The semaphore is never closed.
            let Ok(permit) = Arc::clone(&self.room).acquire_owned().await else { continue };
            match self.inner.accept().await {
                Ok((stream, _)) => {
                    // Frames are small; they must not wait for one another.
                    stream.set_nodelay(true).ok();
                    let counted =
                        Counted { stream, send: self.send, stalled: None, _permit: permit };
                    let router = TowerToHyperService::new(router.clone());
                    tokio::spawn(speak(counted, self.head, (router, phase.clone())));
                }
                Err(error) => {
                    tracing::warn!("a connection could not be accepted: {error}");
                    sleep(PAUSE).await;
                }
            }
        }
    }
}

/// Requests of one connection and their answers; a WebSocket goes on by itself.
async fn speak(
    counted: Counted,
    head: Duration,
    (router, mut phase): (TowerToHyperService<Router>, watch::Receiver<Phase>),
) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(head);
    let mut connection = pin!(http.serve_connection(TokioIo::new(counted), router).with_upgrades());
    tokio::select! {
        ended = connection.as_mut() => return told(ended),
        _ = phase.wait_for(|phase| *phase == Phase::Closing) => {}
    }
    connection.as_mut().graceful_shutdown();
    told(connection.await);
}

fn told(ended: hyper::Result<()>) {
    if let Err(error) = ended {
        tracing::debug!("a connection ended: {error}");
    }
}

/// A connection that gives its place back when it ends, and ends when nobody takes what it sends.
struct Counted {
    stream: TcpStream,
    send: Duration,
    /// Runs while the other side takes nothing.
    stalled: Option<Pin<Box<Sleep>>>,
    _permit: OwnedSemaphorePermit,
}

impl Counted {
    /// The outcome of sending, unless nothing has moved for too long.
    fn unless_stalled<T>(
        &mut self,
        sent: Poll<io::Result<T>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if sent.is_ready() {
            self.stalled = None;
            return sent;
        }
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(self.send)));
        match stalled.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let sent = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.unless_stalled(sent, context)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let sent = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.unless_stalled(sent, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
