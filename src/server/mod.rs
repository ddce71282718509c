//! The API over the local engine: WebSocket and HTTP on one address.
//!
//! Knows tasks, the library and a provider it is given; not which engine that is.
//!
//! | file | holds |
//! |---|---|
//! | `listener` | connections: how many, and how long they may be silent |
//! | `http`, `socket` | the two ways in |
//! | `auth`, `limits`, `shares` | who may come in, and how much; what each key has of it |
//! | `message`, `accept`, `dialect` | from a message to tasks that are written down |
//! | `service`, `open_task`, `store` | what becomes of a task; what of it lies on disk |
//! | `queue`, `work` | who is next; the thread that feeds the engine |
//! | `session`, `outbox` | what a client has not received yet |
//! | `references`, `fetch`, `address` | pictures that tasks name, and from where they may come |
//! | `uploads` | which of them are needed, and when the others go |
//! | `answer`, `past`, `files`, `sign`, `models` | what answers say |

mod accept;
mod address;
mod answer;
mod auth;
mod dialect;
mod fetch;
mod files;
mod http;
mod limits;
mod listener;
mod message;
mod models;
mod open_task;
mod outbox;
mod past;
mod queue;
mod references;
mod service;
mod session;
mod shares;
mod sign;
mod signals;
mod socket;
mod store;
mod uploads;
mod work;

#[cfg(test)]
mod tests;

pub use limits::Limits;
pub use references::KeptOnly;
pub use store::StoreError;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, Once};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::runtime::{Handle, Runtime};
use tokio::sync::watch;

use self::auth::Keys;
use self::fetch::Fetcher;
use self::http::{Shared, router};
use self::listener::{Door, FAREWELL};
use self::open_task::OpenTasks;
use self::queue::Waiting;
use self::references::References;
use self::service::{Phase, Service};
use self::session::Sessions;
use self::shares::Rations;
use self::signals::Signals;
use self::store::Store;
use crate::jobs::{Cancel, Failure, GuideMaker, ImageRecord, Keeper, Provider};
use crate::library::{Annotators, Home, Library, Pictures, Results};
use crate::protocol::Key;

/// How often what is too old is cleared away.
const SWEEP: Duration = Duration::from_secs(30);

/// What a server is told when it starts.
pub struct Settings {
    /// Where it listens; port 0 takes any.
    pub listen: SocketAddr,
    /// Keys that are accepted; any when there are none.
    pub keys: Vec<Key>,
    /// Whether clients may name addresses inside a network.
    pub allow_private: bool,
    /// Bounds and deadlines.
    pub limits: Limits,
}

/// What a server works with.
pub struct Equipment {
    /// Where its promises lie.
    pub home: Home,
    /// The models that tasks can name.
    pub library: Arc<Library>,
    /// Where pictures are found by name.
    pub pictures: Pictures,
    /// Further folders of models.
    pub models: Vec<PathBuf>,
    /// Makes the pictures.
    pub provider: Box<dyn Provider>,
    /// Makes guides.
    pub guides: Arc<dyn GuideMaker>,
}

/// Why a server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Everybody could use it.
    #[error(
        "{0} can be reached from other machines; give the server a --key, or let it listen on 127.0.0.1"
    )]
    NeedsKey(SocketAddr),

    /// The address is taken, or not this machine's.
    #[error("cannot listen on {address} ({source}); choose another address or port")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },

    /// Its folder cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),

    /// The system gives no threads, or something else it needs.
    #[error("the server cannot run: {0}")]
    System(#[from] io::Error),
}

/// A running server.
pub struct Server {
    service: Arc<Service>,
    runtime: Runtime,
    listener: TcpListener,
    address: SocketAddr,
    worker: Option<JoinHandle<()>>,
    signals: Signals,
}

impl Server {
    /// Opens the address and takes up what was left when the last server stopped.
    ///
    /// # Errors
    /// When the address or the folder cannot be used.
    pub fn start(settings: Settings, equipment: Equipment) -> Result<Self, ServeError> {
        let listen = settings.listen;
        if settings.keys.is_empty() && !listen.ip().is_loopback() {
            return Err(ServeError::NeedsKey(listen));
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .max_blocking_threads(32)
            .thread_name("server")
            .enable_all()
            .build()?;
        // From here on a signal asks for an orderly end.
        let signals = runtime.block_on(async { Signals::new() })?;
        let (service, provider) = service(settings, equipment, runtime.handle().clone())?;
        let service = Arc::new(service);
        let failed = |source| ServeError::Listen { address: listen, source };
        let listener = runtime.block_on(TcpListener::bind(listen)).map_err(failed)?;
        let address = listener.local_addr()?;
        let left = service.resume()?;
        if left > 0 {
            tracing::info!("{left} tasks go on that were left when the server stopped");
        }
        let on_thread = Arc::clone(&service);
        let worker = thread::Builder::new().name("served work".to_owned()).spawn(move || {
            work::work_through(&on_thread, provider.as_ref());
        })?;
        Ok(Self { service, runtime, listener, address, worker: Some(worker), signals })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until the process is asked to end, by an interrupt or a termination signal; a second one
    /// does not wait for the running task. What is not finished goes on at the next start.
    ///
    /// A call that returns has ended orderly.
    pub fn run(mut self) {
        let shared = Shared {
            service: Arc::clone(&self.service),
            base: format!("http://{}", self.address).into(),
        };
        let service = Arc::clone(&self.service);
        let door = Door::new(self.listener, &service.limits);
        let worker = self.worker.take();
        let signals = &mut self.signals;
        self.runtime.block_on(async {
            let serving = tokio::spawn(door.serve(router(shared), service.phase.subscribe()));
            let sweeping = tokio::spawn(sweep(Arc::clone(&service)));
            signals.next().await;
            tracing::info!("the server stops");
            wind_down(&service, worker, signals).await;
            service.phase.send_replace(Phase::Closing);
            sweeping.abort();
            // It has a deadline of its own.
            serving.await.ok();
        });
        self.runtime.shutdown_timeout(FAREWELL);
    }
}

/// The server without its sockets, and the provider that it feeds.
fn service(
    settings: Settings,
    equipment: Equipment,
    runtime: Handle,
) -> Result<(Service, Box<dyn Provider>), StoreError> {
    let Settings { listen: _, keys, allow_private, limits } = settings;
    let Equipment { home, library, pictures, models, provider, guides } = equipment;
    let (store, secret) = Store::open(&home, limits.answers)?;
    let service = Service {
        sessions: Sessions::new(limits.session),
        rations: Rations::new(&limits),
        limits,
        keys: Keys::new(&keys, secret.clone()),
        secret,
        library,
        annotators: Annotators::new(&home, &models),
        guides,
        references: References::new(pictures, Fetcher::new(allow_private), runtime.clone()),
        store,
        open: OpenTasks::default(),
        queue: Waiting::new(),
        runtime,
        running: Mutex::default(),
        phase: watch::channel(Phase::Serving).0,
    };
    Ok((service, provider))
}

/// Lets the running task end, for a while.
async fn wind_down(service: &Arc<Service>, worker: Option<JoinHandle<()>>, signals: &mut Signals) {
    service.phase.send_replace(Phase::Ending);
    service.queue.close();
    let Some(worker) = worker else { return };
    let mut ended = tokio::task::spawn_blocking(move || worker.join().is_ok());
    tokio::select! {
        _ = &mut ended => return,
        () = tokio::time::sleep(service.limits.stop) => {}
        () = signals.next() => {}
    }
    service.interrupt();
    // An operator that runs cannot be interrupted for a moment.
    ended.await.ok();
}

async fn sweep(service: Arc<Service>) {
    loop {
        tokio::time::sleep(SWEEP).await;
        service.sessions.sweep(Instant::now());
        let service = Arc::clone(&service);
        let swept = tokio::task::spawn_blocking(move || service.sweep());
        if let Ok(Err(error)) = swept.await {
            tracing::warn!("the server's folder could not be cleared up: {error}");
        }
    }
}

/// Makes `rustls` find its cryptography.
fn crypto() {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        // An error only says that there is one already.
        rustls::crypto::ring::default_provider().install_default().ok();
    });
}

/// Keeps the server's pictures. Sending them to a client's address is the server's own business, so that
/// the engine never waits for it.
pub struct ServedResults(pub Results);

impl Keeper for ServedResults {
    fn keep(&self, record: &ImageRecord) -> Result<PathBuf, Failure> {
        self.0.keep(record)
    }

    fn deliver(&self, _record: &ImageRecord, _cancel: &Cancel) -> Result<(), Failure> {
        Ok(())
    }
}
