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

    /// Serves until the phase is [`Phase::Closing`], and then until every connection has ended, those of
    /// sockets as well, or [`FAREWELL`] is over.
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

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use axum::extract::WebSocketUpgrade;
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::sync::oneshot;
    use tokio::task::JoinHandle;

    use super::*;

    const PATIENCE: Duration = Duration::from_mins(1);
    const SHORT: Duration = Duration::from_millis(200);

    /// A door with room for one connection.
    async fn narrow(router: Router) -> (SocketAddr, watch::Sender<Phase>, JoinHandle<()>) {
        let inner = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = inner.local_addr().unwrap();
        let limits =
            Limits { connections: 1, authentication: SHORT, send: SHORT, ..Limits::default() };
        let (phase, watched) = watch::channel(Phase::Serving);
        let serving = tokio::spawn(Door::new(inner, &limits).serve(router, watched));
        (address, phase, serving)
    }

    async fn asked(address: SocketAddr, path: &str, further: &str) -> TcpStream {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: here\r\n{further}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }

    async fn all_of(mut stream: TcpStream) -> String {
        let mut text = String::new();
        timeout(PATIENCE, stream.read_to_string(&mut text)).await.unwrap().unwrap();
        text
    }

    fn on_a_runtime(test: impl Future<Output = ()>) {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
    }

    #[test]
    fn who_is_silent_or_takes_nothing_gives_the_place_back() {
        on_a_runtime(async {
            let much = || async { vec![b'x'; 64 << 20] };
            let router = Router::new().route("/", get(|| async { "here" }));
            let (address, _phase, _serving) = narrow(router.route("/much", get(much))).await;
            let silent = TcpStream::connect(address).await.unwrap();
            let mut slow = TcpStream::connect(address).await.unwrap();
            slow.write_all(b"GET / HT").await.unwrap();
            let greedy = asked(address, "/much", "").await;
            let answer = all_of(asked(address, "/", "Connection: close\r\n").await).await;
            assert!(answer.ends_with("here"), "{answer}");
            drop((silent, slow, greedy));
        });
    }

    #[test]
    fn the_end_waits_for_the_last_words_of_websockets() {
        on_a_runtime(async {
            let (speak, heard) = oneshot::channel::<()>();
            let heard = Arc::new(std::sync::Mutex::new(Some(heard)));
            let upgraded = move |upgrade: WebSocketUpgrade| {
                let heard = heard.lock().unwrap().take().unwrap();
                async move {
                    upgrade.on_upgrade(|mut socket| async move {
                        heard.await.unwrap();
                        socket.send("last words".into()).await.unwrap();
                    })
                }
            };
            let (address, phase, mut serving) =
                narrow(Router::new().route("/", get(upgraded))).await;
            let upgrade = "Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                           Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
            let mut stream = asked(address, "/", upgrade).await;
            let mut beginning = [0; 12];
            stream.read_exact(&mut beginning).await.unwrap();
            assert_eq!(&beginning, b"HTTP/1.1 101");
            phase.send_replace(Phase::Closing);
            assert!(timeout(SHORT, &mut serving).await.is_err(), "it did not wait");
            speak.send(()).unwrap();
            serving.await.unwrap();
            let mut rest = Vec::new();
            stream.read_to_end(&mut rest).await.unwrap();
            assert!(rest.ends_with(b"last words"), "{rest:?}");
        });
    }
}
