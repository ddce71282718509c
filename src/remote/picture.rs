//! From a result to a picture that is kept: its bytes, its place among the job's pictures, its receipt.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::RemoteSettings;
use super::download::Downloads;
use crate::jobs::{
    Failure, FailureKind, ImageRecord, Job, NsfwScore, Owed, Paid, Progress, Receipt,
};
use crate::pixels;
use crate::protocol::Item;
use crate::task::{DeliveredImage, ImageRef};

/// The pictures of one job as they arrive.
pub(super) struct Arrivals {
    job: Job,
    settings: RemoteSettings,
    downloads: Downloads,
    began: Instant,
    /// Not yet arrived.
    owed: Vec<Owed>,
}

/// What became of a result: news for the listener, and what went wrong with it.
pub(super) struct Arrived {
    pub(super) news: Option<Progress>,
    pub(super) failure: Option<Failure>,
}

impl Arrivals {
    pub(super) fn new(job: Job, settings: RemoteSettings, downloads: Downloads) -> Self {
        let owed = job.owed.clone();
        Self { job, settings, downloads, began: Instant::now(), owed }
    }

    /// Fetches and keeps the picture of a result.
    pub(super) async fn take(&mut self, item: Item) -> Arrived {
        let failed = |failure| Arrived { news: None, failure: Some(failure) };
        let Some(place) = self.place_of(&item) else {
            tracing::warn!("a picture more than was asked for: {:?}", item.image_uuid());
            return Arrived { news: None, failure: None };
        };
        let elapsed = self.began.elapsed();
        // It is paid for, whatever becomes of it on its way here.
        note_receipt(&self.job, &self.settings, &item, (place, elapsed));
        let bytes = match self.bytes_of(&item).await {
            Ok(bytes) => bytes,
            Err(why) => return failed(self.not_fetched(&why)),
        };
        let (job, settings) = (self.job.clone(), self.settings.clone());
        let keep = move || keep(&job, &settings, &item, (place, bytes.into(), elapsed));
        match tokio::task::spawn_blocking(keep).await {
            Ok(Ok(arrived)) => arrived,
            Ok(Err(why)) => failed(self.not_fetched(&why)),
            Err(panic) => failed(
                Failure::new(
                    FailureKind::Interrupted,
                    "A picture could not be kept because of a fault in Latelier itself; the log says \
                     more. `latelier run --resume` fetches it again without paying twice",
                )
                .with_details(panic.to_string()),
            ),
        }
    }

    /// Which of the owed pictures it is: the one written down under its name before a restart, else by
    /// its seed, since picture k has the task's seed and k; else the first.
    fn place_of(&mut self, item: &Item) -> Option<Owed> {
        let name = item.image_uuid();
        let named = self.owed.iter().position(|owed| Some(owed.image_uuid) == name);
        let offset = item.seed().zip(self.job.request.task.seed);
        let offset = offset.and_then(|(own, first)| own.checked_sub(first));
        let seeded = self.owed.iter().position(|owed| Some(u64::from(owed.index)) == offset);
        let place = named.or(seeded).unwrap_or(0);
        let owed = (place < self.owed.len()).then(|| self.owed.remove(place))?;
        Some(Owed { image_uuid: name.unwrap_or(owed.image_uuid), ..owed })
    }

    async fn bytes_of(&self, item: &Item) -> Result<Vec<u8>, String> {
        let inside = |image: ImageRef| {
            let bytes = image.bytes().unwrap_or_else(|| Ok(Vec::new()));
            bytes.map_err(|error| error.to_string())
        };
        match item.image() {
            Some(DeliveredImage::Url(address)) => self.downloads.fetch(&address).await,
            Some(DeliveredImage::Base64Data(text)) => inside(ImageRef::Base64(text)),
            Some(DeliveredImage::DataUri(text)) => {
                let image: Result<ImageRef, _> = text.parse();
                image
                    .map_err(|error| format!("the picture cannot be read: {error}"))
                    .and_then(inside)
            }
            None => Err("the result holds no picture".to_owned()),
        }
    }

    /// It was made and billed: the job stays in the journal, so that it can be asked for again.
    fn not_fetched(&self, why: &str) -> Failure {
        let headline = format!(
            "A picture was made and could not be fetched from {} ({why}). `latelier run --resume` asks \
             for it again without paying twice",
            self.settings.endpoint.host()
        );
        Failure::new(FailureKind::Interrupted, headline)
    }
}

/// Decodes and keeps a picture file.
///
/// # Errors
/// When the bytes are no picture.
fn keep(
    job: &Job,
    settings: &RemoteSettings,
    item: &Item,
    (place, file, elapsed): (Owed, Arc<[u8]>, Duration),
) -> Result<Arrived, String> {
    let picture = pixels::decode(&file).map_err(|error| error.to_string())?;
    let request = &job.request;
    // Pictures come in any order: of several, one without a seed of its own could be any of them.
    let counted = request.task.seed.filter(|_| request.number_results == 1);
    let mut record = ImageRecord {
        image_uuid: place.image_uuid,
        request: Arc::clone(request),
        index: place.index,
        seed: item.seed().or(counted),
        nsfw: item.nsfw().filter(|_| request.check_nsfw).map(NsfwScore::of_verdict),
        cost: item.cost(),
        file: Some(file),
        path: None,
        elapsed,
        speed_up: None,
        picture,
    };
    // Its name is on disk before it is: after a crash it is known for the picture that was owed.
    let named = settings.journal.as_ref().map_or(Ok(()), |journal| journal.name(job.id, place));
    let kept = named.and_then(|()| settings.keeper.keep(&record));
    let (path, failure) = match kept {
        Ok(path) => (Some(path), None),
        Err(failure) => (None, Some(still_owed(failure))),
    };
    record.path = path;
    Ok(Arrived { news: Some(Progress::Image(Arc::new(record))), failure })
}

/// A picture that was paid for and could not be saved stays in the journal.
fn still_owed(failure: Failure) -> Failure {
    let Failure { headline, details, .. } = failure;
    let headline =
        format!("{headline}. `latelier run --resume` then fetches it without paying twice");
    Failure::new(FailureKind::Interrupted, headline).with_details(details)
}

fn note_receipt(
    job: &Job,
    settings: &RemoteSettings,
    item: &Item,
    (place, time): (Owed, Duration),
) {
    let (Some(receipts), Some(usd)) = (&settings.receipts, item.cost()) else { return };
    receipts.note(Receipt {
        task: job.id,
        result: place.image_uuid,
        paid: Paid::Picture {
            model: job.request.model.air.clone(),
            extent: job.request.extent,
            steps: job.request.task.steps,
        },
        usd,
        time,
    });
}
