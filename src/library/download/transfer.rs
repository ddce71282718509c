//! One download at work: asks for the rest of the file, writes it, checks it, puts it in its place.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use reqwest::header::{
    CONTENT_DISPOSITION, CONTENT_RANGE, ETAG, HeaderMap, IF_RANGE, LAST_MODIFIED, RANGE,
};
use reqwest::{Response, StatusCode};
use sha2::{Digest as _, Sha256};
use url::Url;
use uuid::Uuid;

use super::{DownloadStage, Note, Shared};
use crate::jobs::Cancel;
use crate::library::network::{self, NetworkError};

/// How often a broken line is tried again, and how long it rests before: twice as long each time.
const ATTEMPTS: u32 = 5;
const PAUSE: Duration = Duration::from_secs(2);

/// How often progress is told.
const TOLD_EVERY: Duration = Duration::from_millis(200);

/// Longest name of a file.
const LONGEST_NAME: usize = 180;

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
    /// The place is taken.
    #[error("a file of that name is there already; move it away, then let it go on: {}", .0.display())]
    Taken(PathBuf),
}

impl Stopped {
    /// Whether the same may work in a moment.
    fn passes(&self) -> bool {
        match self {
            Self::Network(error) => error.passes(),
            Self::Short { .. } => true,
            _ => false,
        }
    }
}

/// Carries a download to its end, or as far as it goes.
pub(super) fn run(shared: &Shared, id: Uuid) {
    let mut attempt = 1;
    let stage = loop {
        let Some((note, stop)) = entry(shared, id) else { return };
        match bring(shared, &note, &stop).and_then(|()| finish(shared, id)) {
            Ok(path) => break DownloadStage::Done(path),
            // It may have been told to go on meanwhile.
            Err(Stopped::Told) if shared.stops(id) => return,
            Err(Stopped::Told) => {}
            Err(error) if error.passes() && attempt < ATTEMPTS => {
                tracing::info!("attempt {attempt} to download: {error}");
                rest(PAUSE * 2_u32.pow(attempt - 1), &stop);
                attempt += 1;
            }
            Err(error) => {
                tracing::warn!("download: {error}");
                break DownloadStage::Failed(error.to_string());
            }
        }
    };
    if matches!(stage, DownloadStage::Done(_)) {
        shared.clear(id);
    }
    shared.end(id, stage);
}

fn entry(shared: &Shared, id: Uuid) -> Option<(Note, Cancel)> {
    let entries = shared.entries();
    let entry = entries.iter().find(|entry| entry.note.id == id)?;
    Some((entry.note.clone(), entry.stop.clone()))
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
        // Nobody knows what of it is right.
        file.set_len(0)?;
        got = 0;
    }
    let url = Url::parse(&note.address).map_err(|_ignored| NetworkError::NoAddress)?;
    let stopped = network::stream(&url, stop, async |client, host| {
        let mut request = client.get(url.clone());
        if let Some(tag) = note.tag.as_ref().filter(|_| got > 0) {
            // Another file than before comes whole.
            request = request.header(RANGE, format!("bytes={got}-")).header(IF_RANGE, tag);
        }
        let mut response = match network::answered(request, host).await {
            // The file has become shorter than what is there: it begins anew.
            Err(NetworkError::Status { status: StatusCode::RANGE_NOT_SATISFIABLE, .. })
                if got > 0 =>
            {
                file.set_len(0)?;
                return Ok(Err(Stopped::Short { got: 0, whole: got }));
            }
            answered => answered?,
        };
        let status = response.status();
        let begins_at =
            if status == StatusCode::PARTIAL_CONTENT { begins_at(&response) } else { Some(0) };
        if begins_at != Some(got) {
            file.set_len(0)?;
            file.seek(SeekFrom::Start(0))?;
            if status == StatusCode::PARTIAL_CONTENT {
                let whole = note.whole.unwrap_or(got);
                return Ok(Err(Stopped::Short { got: 0, whole }));
            }
        }
        let there = file.metadata()?.len();
        shared.change(id, |entry| entry.got = there);
        learn(shared, note, &response);
        let mut told = Instant::now();
        while let Some(piece) = network::piece(&mut response, host).await? {
            file.write_all(&piece)?;
            let length = piece.len() as u64;
            shared.change(id, |entry| entry.got += length);
            if told.elapsed() >= TOLD_EVERY {
                shared.tell();
                told = Instant::now();
            }
        }
        Ok::<_, Stopped>(Ok(()))
    });
    match stopped {
        Err(Stopped::Network(NetworkError::Cancelled)) => Err(Stopped::Told),
        Err(error) => Err(error),
        Ok(result) => result,
    }
}

/// Where the part of the file begins that is sent.
fn begins_at(response: &Response) -> Option<u64> {
    let range = response.headers().get(CONTENT_RANGE)?.to_str().ok()?;
    range.strip_prefix("bytes ")?.split('-').next()?.parse().ok()
}

/// Notes what the server says of the file.
fn learn(shared: &Shared, note: &Note, response: &Response) {
    let headers = response.headers();
    let length = response.content_length();
    let tag = tag(headers);
    let name = named(headers).unwrap_or_else(|| name_in(Some(response.url())));
    let name = note.name.clone().unwrap_or(name);
    shared.change(note.id, |entry| {
        entry.note.whole = length.map(|length| entry.got + length);
        entry.note.tag = tag;
        entry.note.name = Some(name);
    });
    shared.keep(note.id);
    shared.tell();
}

/// A strong mark of this very file: a weak one is not enough to put parts together.
fn tag(headers: &HeaderMap) -> Option<String> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let strong = text(ETAG).filter(|tag| !tag.starts_with("W/"));
    strong.or_else(|| text(LAST_MODIFIED)).map(str::to_owned)
}

/// The name that the server gives to the file.
fn named(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(CONTENT_DISPOSITION)?.to_str().ok()?;
    let (_, rest) = text.split_once("filename=")?;
    let name = rest.split(';').next()?.trim().trim_matches('"');
    clean(name)
}

/// The name that the address gives to the file.
pub(super) fn name_in(url: Option<&Url>) -> String {
    let last = url.and_then(|url| url.path_segments()?.next_back().map(str::to_owned));
    last.and_then(|name| clean(&name)).unwrap_or_else(|| "model.safetensors".to_owned())
}

/// A name without anything that leads elsewhere.
fn clean(name: &str) -> Option<String> {
    let name = name.rsplit(['/', '\\']).next()?.replace("%20", " ");
    let allowed = |sign: char| !sign.is_control() && !r#"<>:"|?*%"#.contains(sign);
    let name: String = name.chars().filter(|sign| allowed(*sign)).take(LONGEST_NAME).collect();
    let name = name.trim().trim_start_matches('.').to_owned();
    (!name.is_empty()).then_some(name)
}

/// Checks what is there and puts it in its place.
fn finish(shared: &Shared, id: Uuid) -> Result<PathBuf, Stopped> {
    let (note, stop) = entry(shared, id).ok_or(Stopped::Told)?;
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
            shared.keep(id);
            return Err(Stopped::Checksum { found, wanted: wanted.clone() });
        }
    }
    let place = shared.models.join(note.name.unwrap_or_else(|| name_in(None)));
    if place.exists() {
        return Err(Stopped::Taken(place));
    }
    File::options().append(true).open(&part)?.sync_all()?;
    fs::rename(&part, &place)?;
    Ok(place)
}

fn sha256(file: &std::path::Path, stop: &Cancel) -> Result<String, Stopped> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_nowhere_else() {
        for (text, name) in [
            ("https://x/a/model.safetensors?token=1", "model.safetensors"),
            ("https://x/a/my%20model.safetensors", "my model.safetensors"),
            ("https://x/..%2f..%2fetc", "2f..2fetc"),
            ("https://x/", "model.safetensors"),
        ] {
            assert_eq!(name_in(Url::parse(text).ok().as_ref()), name, "{text}");
        }
        let named = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_DISPOSITION, text.parse().unwrap());
            named(&headers)
        };
        assert_eq!(
            named("attachment; filename=\"../a b.safetensors\""),
            Some("a b.safetensors".to_owned())
        );
        assert_eq!(named("attachment"), None);
    }
}
