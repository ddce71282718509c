//! Remembers which pictures may show adult content, in a small file beside each of them.
//!
//! A picture without such a file was not checked, or nothing was found. The file comes before the
//! picture, so that no picture is ever seen without it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::Home;
use super::results::write_atomically;
use crate::jobs::NsfwScore;

/// What follows the picture's UUID in the file's name.
const ENDING: &str = ".nsfw.json";

/// Writes the verdict on the picture at `picture`.
///
/// # Errors
/// When the disk is full or the folder cannot be written.
pub(super) fn write_verdict(picture: &Path, verdict: NsfwScore) -> io::Result<()> {
    write_atomically(&place(picture), &serde_json::to_vec(&verdict)?)
}

fn place(picture: &Path) -> PathBuf {
    picture.with_extension(ENDING.trim_start_matches('.'))
}

/// The verdict on the picture at `picture`; `None` when nothing was found in it, or it was not
/// checked.
#[must_use]
pub fn read_verdict(picture: &Path) -> Option<NsfwScore> {
    let place = place(picture);
    place.is_file().then(|| verdict(&place)).flatten().map(|(_, score)| score)
}

/// The pictures of the results folder that may show adult content; none when there is no folder yet.
///
/// # Errors
/// When the folder cannot be listed.
pub fn list_verdicts(home: &Home) -> io::Result<Vec<(Uuid, NsfwScore)>> {
    let entries = match fs::read_dir(home.results_dir()) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let verdicts = entries.map(|entry| Ok(verdict(&entry?.path())));
    verdicts.filter_map(Result::transpose).collect()
}

fn verdict(file: &Path) -> Option<(Uuid, NsfwScore)> {
    let image_uuid = file.file_name()?.to_str()?.strip_suffix(ENDING)?;
    let image_uuid = Uuid::parse_str(image_uuid).ok()?;
    // A damaged one still says that there was something to hide.
    let unreadable = NsfwScore { score: 1.0, threshold: NsfwScore::THRESHOLD };
    let bytes = fs::read(file).ok();
    let verdict = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    Some((image_uuid, verdict.unwrap_or(unreadable)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_come_back_and_a_damaged_one_still_hides_its_picture() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path());
        assert_eq!(list_verdicts(&home).unwrap(), []);
        fs::create_dir(home.results_dir()).unwrap();
        let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let picture = |image_uuid: Uuid| home.results_dir().join(format!("{image_uuid}.png"));
        let found = NsfwScore { score: 0.75, threshold: 0.5 };
        write_verdict(&picture(one), found).unwrap();
        fs::write(place(&picture(other)), "{").unwrap();
        fs::write(home.results_dir().join("note.nsfw.json"), "{}").unwrap();
        let mut verdicts = list_verdicts(&home).unwrap();
        verdicts.sort_by_key(|(image_uuid, _)| *image_uuid);
        assert_eq!(verdicts[0], (one, found));
        assert!(verdicts[1].0 == other && verdicts[1].1.is_adult());
        assert_eq!(verdicts.len(), 2);
    }
}
