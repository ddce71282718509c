//! A bad line: a proxy between a client and a server that cuts, stays silent, doubles and garbles.
//!
//! It knows TCP and, on the server's side of a WebSocket, where a frame begins and ends (RFC 6455, 5.2).

use std::collections::VecDeque;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// What happens to one connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fault {
    /// After so many bytes of the server's frames the connection ends.
    pub(crate) cut_after: Option<usize>,
    /// After so many bytes of the server's frames nothing comes any more.
    pub(crate) silent_after: Option<usize>,
    /// Every frame comes twice.
    pub(crate) doubled: bool,
    /// These texts come as frames of their own after the first frame of the server.
    pub(crate) said: Vec<String>,
}

/// The proxy; it ends with the test's process.
pub(crate) struct BadLine {
    address: String,
    shared: Arc<Shared>,
}

struct Shared {
    server: Mutex<String>,
    faults: Mutex<VecDeque<Fault>>,
    down: AtomicBool,
    connections: AtomicUsize,
    open: Mutex<Vec<TcpStream>>,
}

impl BadLine {
    /// A line to the server at `address` (`127.0.0.1:port`): the first connections have these faults, the
    /// others none.
    pub(crate) fn to(address: &str, faults: Vec<Fault>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let own = listener.local_addr().unwrap().to_string();
        let shared = Arc::new(Shared {
            server: Mutex::new(address.to_owned()),
            faults: Mutex::new(faults.into()),
            down: AtomicBool::new(false),
            connections: AtomicUsize::new(0),
            open: Mutex::default(),
        });
        let accepting = Arc::clone(&shared);
        let accept = move || {
            for stream in listener.incoming() {
                accepting.take(&stream.unwrap());
            }
        };
        spawn(accept);
        Self { address: own, shared }
    }

    pub(crate) fn socket_url(&self) -> String {
        format!("ws://{}/v1", self.address)
    }

    pub(crate) fn http_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Leads to another server from now on.
    pub(crate) fn lead_to(&self, address: &str) {
        address.clone_into(&mut self.shared.server.lock().unwrap());
    }

    /// Breaks every connection and takes no new one, until it is up again.
    pub(crate) fn set_down(&self, down: bool) {
        self.shared.down.store(down, Ordering::SeqCst);
        if down {
            for stream in self.shared.open.lock().unwrap().drain(..) {
                stream.shutdown(Shutdown::Both).ok();
            }
        }
    }

    /// Connections so far, refused ones left out.
    pub(crate) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }
}

impl Shared {
    fn take(&self, client: &TcpStream) {
        let address = self.server.lock().unwrap().clone();
        if self.down.load(Ordering::SeqCst) {
            return;
        }
        let Ok(server) = TcpStream::connect(address) else { return };
        self.connections.fetch_add(1, Ordering::SeqCst);
        let fault = self.faults.lock().unwrap().pop_front().unwrap_or_default();
        let both = || (client.try_clone().unwrap(), server.try_clone().unwrap());
        self.open
            .lock()
            .unwrap()
            .extend([client.try_clone().unwrap(), server.try_clone().unwrap()]);
        let (mut from, mut to) = both();
        spawn(move || {
            std::io::copy(&mut from, &mut to).ok();
            to.shutdown(Shutdown::Write).ok();
        });
        let (to, from) = both();
        spawn(move || {
            Answering { from, to, fault, passed: 0 }.run();
        });
    }
}

fn spawn(work: impl FnOnce() + Send + 'static) {
    thread::Builder::new().name("bad line".to_owned()).spawn(work).unwrap();
}

/// The server's side of a connection.
struct Answering {
    from: TcpStream,
    to: TcpStream,
    fault: Fault,
    passed: usize,
}

impl Answering {
    fn run(mut self) {
        self.carry();
        self.to.shutdown(Shutdown::Both).ok();
        self.from.shutdown(Shutdown::Both).ok();
    }

    /// `None` when the connection is over.
    fn carry(&mut self) -> Option<()> {
        let head = self.head()?;
        self.to.write_all(&head).ok()?;
        if !head.starts_with(b"HTTP/1.1 101") {
            std::io::copy(&mut self.from, &mut self.to).ok()?;
            return None;
        }
        let mut first = true;
        loop {
            let frame = self.frame()?;
            for _ in 0..=usize::from(self.fault.doubled) {
                self.pass(&frame)?;
            }
            if std::mem::take(&mut first) {
                for text in std::mem::take(&mut self.fault.said) {
                    self.pass(&text_frame(&text))?;
                }
            }
        }
    }

    /// The answer to the handshake, up to its empty line.
    fn head(&mut self) -> Option<Vec<u8>> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.bytes(1)?[0]);
        }
        Some(head)
    }

    /// One frame, header and all.
    fn frame(&mut self) -> Option<Vec<u8>> {
        let mut frame = self.bytes(2)?;
        let more = match frame[1] & 0x7F {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        frame.extend(self.bytes(more)?);
        let length = match more {
            0 => usize::from(frame[1] & 0x7F),
            _ => frame[2..].iter().fold(0, |length, byte| length << 8 | usize::from(*byte)),
        };
        frame.extend(self.bytes(length)?);
        Some(frame)
    }

    fn bytes(&mut self, count: usize) -> Option<Vec<u8>> {
        let mut bytes = vec![0; count];
        self.from.read_exact(&mut bytes).ok()?;
        Some(bytes)
    }

    /// Lets a frame through as far as the fault does.
    fn pass(&mut self, frame: &[u8]) -> Option<()> {
        let before = self.passed;
        self.passed += frame.len();
        if let Some(limit) = self.fault.silent_after.filter(|limit| self.passed > *limit) {
            return self.to.write_all(&frame[..limit.saturating_sub(before).min(frame.len())]).ok();
        }
        if let Some(limit) = self.fault.cut_after.filter(|limit| self.passed > *limit) {
            self.to.write_all(&frame[..limit - before]).ok()?;
            return None;
        }
        self.to.write_all(frame).ok()
    }
}

/// A whole text frame as servers send it.
fn text_frame(text: &str) -> Vec<u8> {
    let mut frame = vec![0x81, 126];
    frame.extend((text.len() as u16).to_be_bytes());
    frame.extend(text.as_bytes());
    frame
}
