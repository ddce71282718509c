//! The pictures that tasks name: those inside a task are taken out and kept, those at addresses fetched,
//! until every one has a name in the library.

use std::io;
use std::sync::Arc;

use tokio::runtime::Handle;

use super::auth::Owner;
use super::fetch::Fetcher;
use super::shares::Shares;
use super::uploads::{self, Hold, Keeping, Needed};
use crate::jobs::{Cancel, PictureSource};
use crate::library::Pictures;
use crate::pixels::{Picture, probe};
use crate::task::{ImageRef, Problem, Task};

/// Most pixels of a picture that a client gives: 160 MB once it is decoded.
const MOST_PIXELS: u64 = 40_000_000;

/// Pictures that are decoded at a time; one key never has all of them.
const DECODERS: usize = 3;

/// The pictures of a server.
#[derive(Debug)]
pub(super) struct References {
    pub(super) kept: Pictures,
    fetcher: Fetcher,
    /// Pictures that are decoded at a time, however many clients send some.
    decoding: Shares,
    runtime: Handle,
    needed: Arc<Needed>,
}

/// Every picture that a task of the local engine names, with its place.
pub(super) fn places(task: &mut Task) -> Vec<(String, &mut ImageRef)> {
    let mut found = Vec::new();
    let single = [("seedImage", &mut task.seed_image), ("maskImage", &mut task.mask_image)];
    for (place, image) in single {
        found.extend(image.as_mut().map(|image| (place.to_owned(), image)));
    }
    for (index, control) in task.control_net.iter_mut().flatten().enumerate() {
        let image = control.guide_image.as_mut();
        found.extend(image.map(|image| (format!("controlNet[{index}].guideImage"), image)));
    }
    for (index, adapter) in task.ip_adapters.iter_mut().flatten().enumerate() {
        let image = adapter.guide_image.as_mut();
        found.extend(image.map(|image| (format!("ipAdapters[{index}].guideImage"), image)));
    }
    found
}

impl References {
    pub(super) fn new(kept: Pictures, fetcher: Fetcher, runtime: Handle) -> Self {
        let decoding = Shares::new(DECODERS, DECODERS - 1);
        Self { kept, fetcher, decoding, runtime, needed: Arc::default() }
    }

    /// Keeps the pictures that the task names from being cleared away, if they are there; they count as
    /// used now. Asks the disk.
    pub(super) fn hold(&self, task: &mut Task) -> Vec<Hold> {
        places(task).into_iter().filter_map(|(_, image)| self.hold_one(image)).collect()
    }

    /// The same for one picture; `None` when it is not named by UUID.
    pub(super) fn hold_one(&self, image: &ImageRef) -> Option<Hold> {
        let ImageRef::Uuid(uuid) = image else { return None };
        let hold = self.needed.hold(*uuid);
        let found = self.kept.find(*uuid);
        if let Some(path) = found.filter(|path| path.starts_with(self.kept.kept_in())) {
            uploads::touch(&path);
        }
        Some(hold)
    }

    /// Clears away what clients brought too long ago; how many pictures went.
    pub(super) fn sweep(&self, keeping: Keeping) -> io::Result<usize> {
        uploads::sweep(self.kept.kept_in(), keeping, &self.needed)
    }

    /// What is wrong with a reference before anything is fetched or decoded.
    pub(super) fn problem(&self, place: &str, image: &ImageRef) -> Option<Problem> {
        let why = match image {
            ImageRef::Uuid(uuid) if self.kept.find(*uuid).is_none() => {
                format!("{place}: no picture {uuid} is here (any more); upload it again.")
            }
            ImageRef::Url(address) if !is_http(address) => {
                format!(
                    "{place} must be at an http or https address; files are not read for clients."
                )
            }
            _ => return None,
        };
        let problem = Problem::at("invalid", place, why);
        Some(Problem { json_type: Some("string".to_owned()), ..problem })
    }

    /// Keeps the pictures inside the task and names them instead. Not for threads that serve sockets: it
    /// waits for its turn, and decodes.
    pub(super) fn take_out(
        &self,
        owner: &Owner,
        task: &mut Task,
    ) -> Result<Vec<Hold>, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut holds = Vec::new();
        for (place, image) in places(task) {
            match self.inline(owner, (&place, image)) {
                Ok(Some(hold)) => {
                    *image = ImageRef::Uuid(hold.picture);
                    holds.push(hold);
                }
                Ok(None) => {}
                Err(problem) => problems.push(*problem),
            }
        }
        if problems.is_empty() { Ok(holds) } else { Err(problems) }
    }

    /// The name of a picture that comes inside a message; `None` for any other.
    pub(super) fn inline(
        &self,
        owner: &Owner,
        (place, image): (&str, &ImageRef),
    ) -> Result<Option<Hold>, Box<Problem>> {
        match image.bytes() {
            None => Ok(None),
            Some(Ok(bytes)) => self.keep(owner, (place, &bytes)).map(Some),
            Some(Err(error)) => Err(unusable(place, &error)),
        }
    }

    /// Fetches what the task names by address, one after the other.
    pub(super) async fn fetch(
        &self,
        owner: &Owner,
        task: &mut Task,
    ) -> Result<Vec<Hold>, Box<Problem>> {
        let mut holds = Vec::new();
        for (place, image) in places(task) {
            if let ImageRef::Url(address) = &image {
                let hold = self.fetched(owner, (&place, address)).await?;
                *image = ImageRef::Uuid(hold.picture);
                holds.push(hold);
            }
        }
        Ok(holds)
    }

    /// The name of the picture at an address.
    pub(super) async fn fetched(
        &self,
        owner: &Owner,
        (place, address): (&str, &str),
    ) -> Result<Hold, Box<Problem>> {
        let bytes = self.fetcher.get(address).await.map_err(|error| unusable(place, &error))?;
        tokio::task::block_in_place(|| self.keep(owner, (place, &bytes)))
    }

    /// Keeps a picture file.
    fn keep(&self, owner: &Owner, (place, bytes): (&str, &[u8])) -> Result<Hold, Box<Problem>> {
        let (extent, _) = probe(bytes).map_err(|error| unusable(place, &error))?;
        let pixels = u64::from(extent.width) * u64::from(extent.height);
        if pixels > MOST_PIXELS {
            let why = format!("{extent} is too large; pictures may have 40 million pixels");
            return Err(unusable(place, &why));
        }
        let _turn = self.runtime.block_on(self.decoding.take(owner, 1));
        let keep = || self.kept.keep(bytes).map_err(|error| unusable(place, &error));
        let hold = self.needed.hold(keep()?);
        // The same picture may have been here before, and have been cleared away just now.
        match self.kept.find(hold.picture) {
            Some(path) if path.starts_with(self.kept.kept_in()) => uploads::touch(&path),
            Some(_) => {}
            None => drop(keep()?),
        }
        Ok(hold)
    }

    /// Sends the file `bytes` to an address that a client named.
    pub(super) async fn send(
        &self,
        address: &str,
        bytes: &[u8],
        media_type: &'static str,
    ) -> Result<(), String> {
        let sent = self.fetcher.put(address, bytes, media_type).await;
        sent.map_err(|error| error.to_string())
    }
}

/// Whether the task still names a picture by its address.
pub(super) fn has_addresses(task: &mut Task) -> bool {
    places(task).iter().any(|(_, image)| matches!(image, ImageRef::Url(_)))
}

fn is_http(address: &str) -> bool {
    let starts = |scheme: &str| {
        address.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    starts("http://") || starts("https://")
}

fn unusable(place: &str, why: &dyn std::fmt::Display) -> Box<Problem> {
    let problem = Problem::at("invalid", place, format!("{place} cannot be used: {why}."));
    Box::new(Problem { json_type: Some("string".to_owned()), ..problem })
}

/// The pictures as the engine sees them: by name only. Whatever a task named otherwise has been brought
/// in before.
#[derive(Clone, Debug)]
pub struct KeptOnly(pub Pictures);

impl PictureSource for KeptOnly {
    fn open(&self, image: &ImageRef, cancel: &Cancel) -> Result<Picture, String> {
        match image {
            ImageRef::Uuid(_) => self.0.open(image, cancel),
            _ => Err("only pictures that are kept here can be used".to_owned()),
        }
    }

    fn file(&self, image: &ImageRef) -> Result<Option<Vec<u8>>, String> {
        match image {
            ImageRef::Uuid(_) => self.0.file(image),
            _ => Ok(None),
        }
    }
}
