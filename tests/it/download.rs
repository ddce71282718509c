//! Models from the network: they go on where they stopped, also after a restart, and are held against
//! their checksum before they have their name.

mod others;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use latelier::library::{DownloadStage, DownloadState, Downloads, Home};
use sha2::{Digest as _, Sha256};

use crate::support::scratch;

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// A server of one file. Each answer ends after so many bytes, but for those behind the given ones.
pub(crate) struct FileServer {
    pub(crate) address: String,
    /// Where the ranges began that were asked for.
    pub(crate) asked: Arc<Mutex<Vec<usize>>>,
    /// Bytes after which further answers wait until it is raised.
    gate: Arc<AtomicUsize>,
}

impl FileServer {
    pub(crate) fn start(body: Vec<u8>, cuts: Vec<usize>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address =
            format!("http://{}/files/tiny.safetensors?key=secret", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let gate = Arc::new(AtomicUsize::new(usize::MAX));
        let (seen, open) = (Arc::clone(&asked), Arc::clone(&gate));
        let serve = move || {
            let mut cuts = cuts.into_iter();
            for stream in listener.incoming() {
                let (body, cut, seen, open) =
                    (body.clone(), cuts.next(), Arc::clone(&seen), Arc::clone(&open));
                let answer = move || answer(&mut stream.unwrap(), &body, cut, (&seen, &open));
                thread::Builder::new().name("answer".to_owned()).spawn(answer).unwrap();
            }
        };
        thread::Builder::new().name("file server".to_owned()).spawn(serve).unwrap();
        Self { address, asked, gate }
    }

    /// Sends no byte behind this one until it is raised.
    pub(crate) fn hold_at(&self, byte: usize) {
        self.gate.store(byte, Ordering::SeqCst);
    }
}

fn answer(
    stream: &mut TcpStream,
    body: &[u8],
    cut: Option<usize>,
    (asked, gate): (&Mutex<Vec<usize>>, &AtomicUsize),
) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).unwrap_or(0) == 0 {
            return;
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap().to_lowercase();
    let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name));
    let range = field("range: bytes=").and_then(|range| range.trim_end_matches('-').parse().ok());
    let matches = field("if-range: ").is_some_and(|tag| tag == "\"v1\"");
    let from: usize = range.filter(|_| matches).unwrap_or(0);
    asked.lock().unwrap().push(from);
    let (status, extra) = if from > 0 {
        let whole = body.len();
        ("206 Partial Content", format!("Content-Range: bytes {from}-{}/{whole}\r\n", whole - 1))
    } else {
        ("200 OK", String::new())
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nETag: \"v1\"\r\n{extra}Connection: close\r\n\r\n",
        body.len() - from
    );
    if stream.write_all(head.as_bytes()).is_err() {
        return;
    }
    let end = cut.map_or(body.len(), |cut| (from + cut).min(body.len()));
    let mut at = from;
    while at < end {
        if at >= gate.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_millis(5));
            continue;
        }
        let next = (at + 4096).min(end);
        if stream.write_all(&body[at..next]).is_err() {
            return;
        }
        at = next;
    }
}

/// Bytes that are no model, all different enough.
fn bytes(count: usize) -> Vec<u8> {
    (0..count).map(|at| (at * 31 + at / 251) as u8).collect()
}

fn digest(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    for byte in Sha256::digest(bytes) {
        write!(text, "{byte:02x}").unwrap();
    }
    text
}

fn open(home: &Home) -> Downloads {
    Downloads::open(home, Box::new(|_| {})).unwrap()
}

#[track_caller]
fn wait(downloads: &Downloads, what: impl Fn(&DownloadState) -> bool) -> DownloadState {
    let end = Instant::now() + PATIENCE;
    loop {
        let states = downloads.states();
        if let Some(state) = states.iter().find(|state| what(state)) {
            return state.clone();
        }
        assert!(Instant::now() < end, "it did not happen: {states:?}");
        thread::sleep(Duration::from_millis(10));
    }
}

fn is_done(state: &DownloadState) -> bool {
    matches!(state.stage, DownloadStage::Done(_))
}

/// Notes and parts that are left.
fn unfinished(home: &Home) -> usize {
    let Ok(files) = fs::read_dir(home.models_dir().join(".downloads")) else { return 0 };
    files.filter(|file| file.as_ref().unwrap().file_name() != "lock").count()
}

#[track_caller]
fn wait_for_none(downloads: &Downloads) {
    let end = Instant::now() + PATIENCE;
    while !downloads.states().is_empty() {
        assert!(Instant::now() < end, "still there: {:?}", downloads.states());
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_broken_line_is_taken_up_where_it_broke() {
    let folder = scratch();
    let home = Home::at(folder.path());
    let body = bytes(200_000);
    let server = FileServer::start(body.clone(), vec![50_000, 30_000]);
    let downloads = open(&home);
    downloads.add(&server.address, &digest(&body)).unwrap();
    let state = wait(&downloads, is_done);
    let DownloadStage::Done(path) = &state.stage else { panic!() };
    assert_eq!(path, &home.models_dir().join("tiny.safetensors"));
    assert_eq!(fs::read(path).unwrap(), body);
    let asked = server.asked.lock().unwrap().clone();
    assert_eq!(asked.len(), 3);
    assert!(asked[1] > 0 && asked[2] > asked[1], "{asked:?}");
    assert_eq!(unfinished(&home), 0);
}

#[test]
fn it_waits_when_told_and_goes_on_after_a_restart() {
    let folder = scratch();
    let home = Home::at(folder.path());
    let body = bytes(300_000);
    let server = FileServer::start(body.clone(), Vec::new());
    server.hold_at(100_000);
    let downloads = open(&home);
    let id = downloads.add(&server.address, "").unwrap();
    wait(&downloads, |state| state.got >= 90_000);
    downloads.pause(id).unwrap();
    wait(&downloads, |state| state.stage == DownloadStage::Paused);
    drop(downloads);

    let downloads = open(&home);
    let state = wait(&downloads, |state| state.id == id);
    assert_eq!(state.stage, DownloadStage::Paused, "it was told to wait");
    assert!(state.got >= 90_000 && state.whole == Some(300_000), "{state:?}");
    downloads.resume(id).unwrap();
    wait(&downloads, |state| state.stage == DownloadStage::Running);
    drop(downloads);

    // What ran goes on by itself.
    server.hold_at(usize::MAX);
    let downloads = open(&home);
    wait(&downloads, is_done);
    assert_eq!(fs::read(home.models_dir().join("tiny.safetensors")).unwrap(), body);
    assert!(server.asked.lock().unwrap().iter().skip(1).all(|from| *from >= 90_000));
}

#[test]
fn another_file_than_expected_gets_no_name_and_an_existing_one_is_not_touched() {
    let folder = scratch();
    let home = Home::at(folder.path());
    let body = bytes(10_000);
    let server = FileServer::start(body.clone(), Vec::new());
    let downloads = open(&home);
    let id = downloads.add(&server.address, &digest(b"something else")).unwrap();
    let failed = wait(&downloads, |state| matches!(state.stage, DownloadStage::Failed(_)));
    assert!(format!("{failed:?}").contains(&digest(&body)), "{failed:?}");
    assert!(!home.models_dir().join("tiny.safetensors").exists());
    downloads.forget(id).unwrap();
    wait_for_none(&downloads);
    assert_eq!(unfinished(&home), 0);

    fs::write(home.models_dir().join("tiny.safetensors"), "mine").unwrap();
    downloads.add(&server.address, "").unwrap();
    let failed = wait(&downloads, |state| matches!(state.stage, DownloadStage::Failed(_)));
    assert!(format!("{failed:?}").contains("there already"), "{failed:?}");
    assert_eq!(fs::read(home.models_dir().join("tiny.safetensors")).unwrap(), b"mine");
}

#[test]
fn what_is_no_address_or_no_checksum_is_told_at_once_and_addresses_stay_private() {
    let folder = scratch();
    let home = Home::at(folder.path());
    let downloads = open(&home);
    for address in ["", "ftp://x/y", "model.safetensors"] {
        assert!(downloads.add(address, "").unwrap_err().to_string().contains("address"));
    }
    assert!(downloads.add("http://127.0.0.1:9/x", "abc").unwrap_err().to_string().contains("64"));
    assert!(downloads.states().is_empty());
    let server = FileServer::start(bytes(10), Vec::new());
    server.hold_at(0);
    downloads.add(&server.address, "").unwrap();
    let state = wait(&downloads, |state| state.whole.is_some());
    assert!(!format!("{state:?}").contains("secret"), "{state:?}");
    assert_private(&home.models_dir().join(".downloads"));
}

#[cfg(unix)]
fn assert_private(folder: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    assert_eq!(fs::metadata(folder).unwrap().permissions().mode() & 0o777, 0o700);
}

#[cfg(not(unix))]
fn assert_private(_folder: &Path) {}
