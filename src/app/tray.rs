//! What the user does with results' files: star, delete, bring back.
//!
//! On the reader's thread, so that a listing never comes between a deletion and its end.

use uuid::Uuid;

use super::news::News;
use super::sentence;
use crate::library::{Home, Index, Trash, TrashError, disown, set_star};
use crate::state::{GalleryOrder, Tone};

/// Does `order`; returns what the window has to hear. Orders that are not about the files themselves are
/// done elsewhere.
pub(super) fn carry_out(home: &Home, index: &Index, order: GalleryOrder) -> Vec<News> {
    match order {
        GalleryOrder::Star(images, starred) => star(home, &images, starred),
        GalleryOrder::Delete(images) => delete(home, index, images),
        GalleryOrder::Restore(images) => restore(home, index, &images),
        GalleryOrder::EmptyTrash => empty_trash(home),
        GalleryOrder::Export(..) | GalleryOrder::Reveal(_) | GalleryOrder::CopyPicture(_) => {
            Vec::new()
        }
    }
}

fn star(home: &Home, images: &[Uuid], starred: bool) -> Vec<News> {
    let failed = images.iter().find_map(|image| set_star(home, *image, starred).err());
    let told = failed.map(|error| {
        let folder = home.results_dir();
        let text = format!("The star could not be kept ({error}): {}", folder.display());
        News::Said(Tone::Failed, text)
    });
    // What is on disk is the truth.
    let told = told.into_iter().flat_map(|told| [told, News::LookAgain]);
    std::iter::once(News::StarsKept).chain(told).collect()
}

fn delete(home: &Home, index: &Index, images: Vec<Uuid>) -> Vec<News> {
    let trash = Trash::of(home);
    // First: what is only half deleted when the power fails is not made again.
    disown(home, &images);
    let (gone, failed) = each(&images, |image| trash.put(image));
    if let Err(error) = index.forget(&gone) {
        // The next look at the folder finds out.
        tracing::warn!("{error}");
    }
    let still_there = failed.iter().map(|(image, _)| *image).collect();
    let mut news = vec![News::Deleted(images)];
    if let Some(said) = told("could not be deleted", &failed) {
        news.extend([News::NotDeleted(still_there), said, News::LookAgain]);
    }
    news
}

fn restore(home: &Home, index: &Index, images: &[Uuid]) -> Vec<News> {
    let trash = Trash::of(home);
    let (back, failed) = each(images, |image| trash.restore(image));
    // Before the window hears of them: it asks what they were made with.
    let read = index.survey().and_then(|mut survey| {
        survey.unread.retain(|image| back.contains(&image.image_uuid));
        index.read(&survey.unread, |_| true)
    });
    if let Err(error) = read {
        tracing::warn!("{error}");
    }
    let is_there = |(image, why): &(Uuid, TrashError)| match why {
        TrashError::Move { .. } => Some(*image),
        TrashError::Gone { .. } => None,
    };
    let still_there = failed.iter().filter_map(is_there).collect();
    let mut news = vec![News::Restored(back), News::NotRestored(still_there)];
    news.extend(told("could not be brought back", &failed));
    // Their stars are on disk again.
    news.push(News::LookAgain);
    news
}

fn empty_trash(home: &Home) -> Vec<News> {
    let trash = Trash::of(home);
    let (tone, text) = match trash.empty() {
        Ok(()) => (Tone::Done, "The trash is empty".to_owned()),
        Err(error) => {
            let folder = trash.folder().display();
            (Tone::Failed, format!("The trash could not be emptied ({error}): {folder}"))
        }
    };
    vec![News::Said(tone, text)]
}

/// The pictures with which it was done, and the others with the reason.
fn each(
    images: &[Uuid],
    work: impl Fn(Uuid) -> Result<(), TrashError>,
) -> (Vec<Uuid>, Vec<(Uuid, TrashError)>) {
    let (mut done, mut failed) = (Vec::new(), Vec::new());
    for image in images {
        match work(*image) {
            Ok(()) => done.push(*image),
            Err(error) => failed.push((*image, error)),
        }
    }
    (done, failed)
}

/// What is said of those with which it was not done.
fn told(what: &str, failed: &[(Uuid, TrashError)]) -> Option<News> {
    let (_, first) = failed.first()?;
    let count = failed.len();
    let pictures = if count == 1 { "A picture".to_owned() } else { format!("{count} pictures") };
    Some(News::Said(Tone::Failed, format!("{pictures} {what}. {}", sentence(first))))
}
