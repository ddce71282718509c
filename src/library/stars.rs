//! Remembers which pictures are starred: an empty file `<imageUUID>.star` beside each of them.
//!
//! The results folder is the truth: a star survives a rebuilt index, and moves with its picture when the
//! folder is copied.

use std::fs;
use std::io;
use std::path::PathBuf;

use uuid::Uuid;

use super::Home;

/// What follows the picture's UUID in the file's name.
pub(super) const ENDING: &str = "star";

/// Stars that picture of the results folder, or takes its star away.
///
/// # Errors
/// When the folder cannot be written.
pub fn set_star(home: &Home, image_uuid: Uuid, starred: bool) -> io::Result<()> {
    let place = place(home, image_uuid);
    if starred {
        return fs::write(place, []);
    }
    match fs::remove_file(place) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn place(home: &Home, image_uuid: Uuid) -> PathBuf {
    home.results_dir().join(format!("{image_uuid}.{ENDING}"))
}

/// The starred pictures of the results folder; none when there is no folder yet.
///
/// # Errors
/// When the folder cannot be listed.
pub fn list_stars(home: &Home) -> io::Result<Vec<Uuid>> {
    let entries = match fs::read_dir(home.results_dir()) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut starred = Vec::new();
    for entry in entries {
        let name = entry?.file_name();
        let image_uuid =
            name.to_str().and_then(|name| name.strip_suffix(ENDING)?.strip_suffix('.'));
        starred.extend(image_uuid.and_then(|name| Uuid::parse_str(name).ok()));
    }
    Ok(starred)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_come_back_and_are_taken_away() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path());
        assert!(list_stars(&home).unwrap().is_empty());
        fs::create_dir(home.results_dir()).unwrap();
        let [one, other] = [1, 2].map(Uuid::from_u128);
        for (image_uuid, starred) in [(one, true), (other, true), (one, true), (other, false)] {
            set_star(&home, image_uuid, starred).unwrap();
        }
        set_star(&home, other, false).unwrap();
        fs::write(home.results_dir().join("note.star"), "").unwrap();
        assert_eq!(list_stars(&home).unwrap(), [one]);
    }
}
