//! One download at work: asks for the rest of the file, writes it, checks it, puts it in its place.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use reqwest::header::{
    CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderMap, IF_RANGE, LAST_MODIFIED, RANGE,
};
use reqwest::{Response, StatusCode};
use sha2::{Digest as _, Sha256};
use url::Url;
use uuid::Uuid;

use super::entries::{Note, Shared};
use super::{DownloadStage, naming};
use crate::jobs::Cancel;
use crate::library::network::{self, NetworkError};

/// How often a broken line is tried again, and how long it rests before: twice as long each time.
const ATTEMPTS: u32 = 5;
const PAUSE: Duration = Duration::from_secs(2);

/// How often progress is told.
const TOLD_EVERY: Duration = Duration::from_millis(200);

/// Why a download stopped.
#[derive(Debug, thiserror::Error)]
enum Stopped {
    /// It was told to wait, or to be forgotten.
    #[error("it waits")]
    Told,
    /// The network.
    #[error("{0}")]
    Network(#[from] NetworkError),
    /// The disk.
    #[error("it cannot be written ({0}); free some space, then let it go on")]
    Disk(#[from] io::Error),
    /// Another file than expected.
    #[error(
        "its SHA-256 checksum is {found}, not {wanted}: what was sent is damaged or another file. It \
         was thrown away; check the address, then let it begin anew"
    )]
    Checksum {
        /// Of what was sent.
        found: String,
        /// As the user gave it.
        wanted: String,
    },
    /// Fewer bytes than announced.
    #[error("the line broke after {got} of {whole} bytes")]
    Short {
        /// Bytes that are there.
        got: u64,
        /// Bytes that there should be.
        whole: u64,
    },
    /// What is there is of another file.
    #[error("the file at the address has changed meanwhile; let it begin anew")]
    Changed,
    /// A page to read, to sign in or to agree to something.
    #[error(
        "{0} sends a web page, not a file: sign in or agree there with a browser, then give the address \
         of the file itself, with a key if it wants one"
    )]
    Page(String),
    /// A file that is read nowhere.
    #[error(
        "`{0}` has no ending that Latelier reads (.safetensors; of embeddings also .pt and .bin): look \
         for the model in that form, or fetch it with a browser, name it so and add it by its path"
    )]
    NoModel(String),
    /// The place is taken.
    #[error("a file of that name is there already; move it away, then let it go on: {}", .0.display())]
    Taken(PathBuf),
}

impl Stopped {
    /// Whether the same may work in a moment.
    fn passes(&self) -> bool {
        match self {
            Self::Network(error) => error.passes(),
            Self::Short { .. } | Self::Changed => true,
            _ => false,
        }
    }
}

/// Carries a download to its end, or as far as it goes.
pub(super) fn run(shared: &Shared, id: Uuid) {
    if let Some(stage) = carried(shared, id) {
        shared.end(id, stage);
    }
    shared.sweep(id);
}

/// How it ended; `None` when it waits or was given up.
fn carried(shared: &Shared, id: Uuid) -> Option<DownloadStage> {
    let mut attempt = 1;
    loop {
        let (note, stop) = shared.at_work(id)?;
        match bring(shared, &note, &stop).and_then(|()| finish(shared, id)) {
            Ok(path) => return Some(DownloadStage::Done(path)),
            // It may have been told to go on meanwhile.
            Err(Stopped::Told) if shared.stops(id) => return None,
            Err(Stopped::Told) => {}
            Err(error) if error.passes() && attempt < ATTEMPTS => {
                tracing::info!("attempt {attempt} to download: {error}");
                rest(PAUSE * 2_u32.pow(attempt - 1), &stop);
                attempt += 1;
            }
            Err(error) => {
                tracing::warn!("download: {error}");
                return Some(DownloadStage::Failed(error.to_string()));
            }
        }
    }
}

fn rest(time: Duration, stop: &Cancel) {
    let end = Instant::now() + time;
    while Instant::now() < end && !stop.is_cancelled() {
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Brings what is missing of the file.
fn bring(shared: &Shared, note: &Note, stop: &Cancel) -> Result<(), Stopped> {
    let id = note.id;
    let part = shared.part(id);
    let mut file = File::options().create(true).append(true).open(&part)?;
    let mut got = file.metadata()?.len();
    if note.whole == Some(got) && got > 0 {
        return Ok(());
    }
    if note.whole.is_some_and(|whole| got > whole) {
        throw_away(shared, id, &file)?;
        got = 0;
    }
    shared.change(id, |entry| entry.got = got);
    let url = Url::parse(&note.address).map_err(|_ignored| NetworkError::NoAddress)?;
    let stopped = network::stream(&url, stop, async |client, host| {
        let mut request = client.get(url.clone());
        if let Some(tag) = note.tag.as_ref().filter(|_| got > 0) {
            // Another file than before comes whole.
            request = request.header(RANGE, format!("bytes={got}-")).header(IF_RANGE, tag);
        }
        let mut response = match network::answered(request, host).await {
            // The file has become shorter than what is there.
            Err(NetworkError::Status { status: StatusCode::RANGE_NOT_SATISFIABLE, .. })
                if got > 0 =>
            {
                throw_away(shared, id, &file)?;
                return Err(Stopped::Changed);
            }
            answered => answered?,
        };
        if is_page(response.headers()) {
            return Err(Stopped::Page(host.to_owned()));
        }
        let in_part = response.status() == StatusCode::PARTIAL_CONTENT;
        if in_part && !continues(response.headers(), note, got) {
            throw_away(shared, id, &file)?;
            return Err(Stopped::Changed);
        }
        let name = note.name.clone().unwrap_or_else(|| name(&response));
        if naming::place(&name).is_none() {
            return Err(Stopped::NoModel(name));
        }
        if !in_part {
            throw_away(shared, id, &file)?;
        }
        learn(shared, id, name, &response);
        let (mut told, mut untold) = (Instant::now(), 0);
        loop {
            // What came before the line fell silent is told, too.
            let piece = network::piece(&mut response, host);
            if let Ok(piece) = tokio::time::timeout(TOLD_EVERY, piece).await {
                let Some(piece) = piece? else { return Ok(()) };
                file.write_all(&piece)?;
                untold += piece.len() as u64;
                shared.change(id, |entry| entry.got += piece.len() as u64);
            }
            if untold > 0 && told.elapsed() >= TOLD_EVERY {
                shared.tell();
                (told, untold) = (Instant::now(), 0);
            }
        }
    });
    match stopped {
        Err(Stopped::Network(NetworkError::Cancelled)) => Err(Stopped::Told),
        result => result,
    }
}

/// Nobody knows what of it is right.
fn throw_away(shared: &Shared, id: Uuid, part: &File) -> io::Result<()> {
    part.set_len(0)?;
    shared.change(id, |entry| entry.got = 0);
    Ok(())
}

fn is_page(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    kind.trim_start().get(..9).is_some_and(|kind| kind.eq_ignore_ascii_case("text/html"))
}

/// Whether the part that is sent goes on where `got` bytes of the noted file end. Not every server that
/// sends parts looks at `If-Range`; one that does must repeat an `ETag`, but no date (RFC 9110, 15.3.7).
fn continues(headers: &HeaderMap, note: &Note, got: u64) -> bool {
    let range = headers.get(CONTENT_RANGE).and_then(|value| value.to_str().ok());
    let Some((bytes, whole)) =
        range.and_then(|range| range.strip_prefix("bytes ")?.split_once('/'))
    else {
        return false;
    };
    let begin = bytes.split('-').next().and_then(|begin| begin.parse().ok());
    let same_length = note.whole.is_none_or(|noted| whole.parse() == Ok(noted));
    let same_tag = match tag(headers) {
        Some(tag) => note.tag == Some(tag),
        None => note.tag.as_ref().is_some_and(|tag| !tag.starts_with('"')),
    };
    begin == Some(got) && (got == 0 || (same_length && same_tag))
}

/// What the server or, behind all redirects, the address calls the file.
fn name(response: &Response) -> String {
    let named = naming::named(response.headers());
    named.unwrap_or_else(|| naming::name_in(Some(response.url())))
}

/// Notes what the server says of the file.
fn learn(shared: &Shared, id: Uuid, name: String, response: &Response) {
    let length = response.content_length();
    // The rest of a file need not be marked again.
    let is_rest = response.status() == StatusCode::PARTIAL_CONTENT;
    shared.change(id, |entry| {
        entry.note.whole = length.map(|length| entry.got + length);
        let known = entry.note.tag.take().filter(|_| is_rest);
        entry.note.tag = tag(response.headers()).or(known);
        entry.note.name = Some(name);
    });
    if let Err(error) = shared.keep(id) {
        tracing::warn!("a download is not written down: {error}");
    }
    shared.tell();
}

/// A strong mark of this very file: a weak one is not enough to put parts together.
fn tag(headers: &HeaderMap) -> Option<String> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let strong = text(ETAG).filter(|tag| !tag.starts_with("W/"));
    strong.or_else(|| text(LAST_MODIFIED)).map(str::to_owned)
}

/// Checks what is there and puts it in its place.
fn finish(shared: &Shared, id: Uuid) -> Result<PathBuf, Stopped> {
    let (note, stop) = shared.at_work(id).ok_or(Stopped::Told)?;
    let part = shared.part(id);
    let got = fs::metadata(&part)?.len();
    if let Some(whole) = note.whole.filter(|whole| *whole != got) {
        return Err(Stopped::Short { got, whole });
    }
    if let Some(wanted) = &note.sha256 {
        shared.change(id, |entry| entry.stage = DownloadStage::Checking);
        shared.tell();
        let found = sha256(&part, &stop)?;
        if found != *wanted {
            fs::remove_file(&part)?;
            shared.change(id, |entry| {
                (entry.got, entry.note.whole, entry.note.tag) = (0, None, None);
            });
            shared.keep(id)?;
            return Err(Stopped::Checksum { found, wanted: wanted.clone() });
        }
    }
    let name = note.name.unwrap_or_else(|| naming::name_in(None));
    let place = naming::place(&name).map(|place| shared.models.join(place));
    let place = place.ok_or(Stopped::NoModel(name))?;
    if place.exists() {
        return Err(Stopped::Taken(place));
    }
    File::options().append(true).open(&part)?.sync_all()?;
    // It may have its name when the program ends before the note is gone.
    shared.change(id, |entry| (entry.note.whole, entry.note.placing) = (Some(got), true));
    shared.keep(id)?;
    if let Err(error) = give_name(&part, &place) {
        shared.change(id, |entry| entry.note.placing = false);
        shared.keep(id)?;
        return Err(error);
    }
    Ok(place)
}

/// Gives the part its name; never to what another file is called, also when that came just now. The part
/// may still be there afterwards.
fn give_name(part: &Path, place: &Path) -> Result<(), Stopped> {
    static RENAMING: Mutex<()> = Mutex::new(());
    if let Some(folder) = place.parent() {
        fs::create_dir_all(folder)?;
    }
    match fs::hard_link(part, place) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            Err(Stopped::Taken(place.to_owned()))
        }
        // Some file systems have no second names. At least no two downloads meet.
        Err(_) => {
            let _one = RENAMING.lock().unwrap_or_else(PoisonError::into_inner);
            if place.exists() {
                return Err(Stopped::Taken(place.to_owned()));
            }
            match fs::rename(part, place) {
                Err(error) if error.kind() == io::ErrorKind::CrossesDevices => carry(part, place),
                renamed => Ok(renamed?),
            }
        }
    }
}

/// Brings the part to its place on another disk.
fn carry(part: &Path, place: &Path) -> Result<(), Stopped> {
    let name = place.file_name().unwrap_or_default().to_string_lossy();
    let beside = place.with_file_name(format!(".{name}.part"));
    let carried = fs::copy(part, &beside)
        .and_then(|_| File::open(&beside)?.sync_all())
        .and_then(|()| fs::rename(&beside, place));
    if carried.is_err() {
        fs::remove_file(&beside).ok();
    }
    Ok(carried?)
}

fn sha256(file: &Path, stop: &Cancel) -> Result<String, Stopped> {
    let mut file = File::open(file)?;
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        if stop.is_cancelled() {
            return Err(Stopped::Told);
        }
        let count = file.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        digest.update(&buffer[..count]);
    }
    let mut text = String::new();
    for byte in digest.finalize() {
        // Writing to a String cannot fail.
        write!(text, "{byte:02x}").ok();
    }
    Ok(text)
}
