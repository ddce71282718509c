//! Small versions of the results, so that a grid of them needs no large file.
//!
//! A cache: what is missing, damaged or older than its picture is made again.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::results::{UNFINISHED, write_cache};
use super::{Home, read_picture};
use crate::pixels::{self, FileError, Picture};

/// WebP quality, 1–100.
const QUALITY: u8 = 82;

/// The thumbnails of a home folder, as `<imageUUID>.webp`.
#[derive(Clone, Debug)]
pub struct Thumbnails {
    folder: PathBuf,
}

impl Thumbnails {
    /// Longest side of a thumbnail in pixels; smaller pictures are their own.
    pub const SIDE: u32 = 256;

    /// Those of `home`; the folder is made when the first one comes.
    #[must_use]
    pub fn new(home: &Home) -> Self {
        Self { folder: home.thumbnails_dir() }
    }

    /// Makes the thumbnail of a picture that was just finished.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep(&self, image_uuid: Uuid, picture: &Picture) -> Result<(), FileError> {
        match picture.shrunk(Self::SIDE) {
            Some(small) => self.write(image_uuid, &small),
            None => Ok(()),
        }
    }

    /// The picture in the file at `path` with its longest side at most 256 pixels.
    ///
    /// # Errors
    /// When there is no thumbnail and the file is gone or no picture.
    pub fn read(&self, image_uuid: Uuid, path: &Path) -> Result<Picture, FileError> {
        if let Some(small) = self.kept(image_uuid, path) {
            return Ok(small);
        }
        let picture = read_picture(path)?;
        let Some(small) = picture.shrunk(Self::SIDE) else { return Ok(picture) };
        if let Err(error) = self.write(image_uuid, &small) {
            tracing::warn!("no thumbnail of {}: {error}", path.display());
        }
        Ok(small)
    }

    /// The thumbnail on disk, unless it is damaged or older than the picture.
    fn kept(&self, image_uuid: Uuid, path: &Path) -> Option<Picture> {
        let file = self.file(image_uuid);
        let written = |path: &Path| fs::metadata(path).and_then(|file| file.modified()).ok();
        if written(&file)? < written(path)? {
            return None;
        }
        read_picture(&file).ok()
    }

    fn write(&self, image_uuid: Uuid, small: &Picture) -> Result<(), FileError> {
        let bytes = pixels::encode_bare(small, QUALITY)?;
        fs::create_dir_all(&self.folder)?;
        write_cache(&self.file(image_uuid), &bytes)?;
        Ok(())
    }

    fn file(&self, image_uuid: Uuid) -> PathBuf {
        self.folder.join(format!("{image_uuid}.webp"))
    }

    /// Takes away the thumbnails of pictures that are not among `present`; returns how many.
    ///
    /// # Errors
    /// When the folder is there and cannot be listed.
    pub fn sweep(&self, present: &HashSet<Uuid>) -> io::Result<usize> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
            Err(error) => return Err(error),
        };
        let mut swept = 0;
        for entry in entries {
            let path = entry?.path();
            let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
            let needed = Uuid::try_parse(name).is_ok_and(|uuid| present.contains(&uuid));
            // What is being written belongs to somebody who still runs, or to nobody: not ours.
            if !needed && !name.starts_with(UNFINISHED) && fs::remove_file(&path).is_ok() {
                swept += 1;
            }
        }
        Ok(swept)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pixels::{Extent, FileFormat, encode};

    fn picture(side: u32) -> Picture {
        let extent = Extent::new(side, side / 2);
        Picture::from_rgba(extent, vec![120; extent.area() * 4]).unwrap()
    }

    #[test]
    fn a_thumbnail_is_made_on_need_used_and_made_again_when_damaged() {
        let folder = tempfile::tempdir().unwrap();
        let thumbnails = Thumbnails::new(&Home::at(folder.path()));
        let path = folder.path().join("large.png");
        fs::write(&path, encode(&picture(600), FileFormat::Png, "").unwrap()).unwrap();
        let uuid = Uuid::new_v4();
        let small = Extent::new(256, 128);
        assert_eq!(thumbnails.read(uuid, &path).unwrap().extent(), small);
        let file = thumbnails.file(uuid);

        // The thumbnail is what is read, not the picture.
        let other = pixels::encode_bare(&picture(40), 90).unwrap();
        fs::write(&file, other).unwrap();
        assert_eq!(thumbnails.read(uuid, &path).unwrap().extent(), Extent::new(40, 20));

        fs::write(&file, "half a file").unwrap();
        assert_eq!(thumbnails.read(uuid, &path).unwrap().extent(), small);
        assert_eq!(read_picture(&file).unwrap().extent(), small);
    }

    #[test]
    fn a_picture_newer_than_its_thumbnail_gets_another() {
        let folder = tempfile::tempdir().unwrap();
        let thumbnails = Thumbnails::new(&Home::at(folder.path()));
        let path = folder.path().join("large.png");
        fs::write(&path, encode(&picture(600), FileFormat::Png, "").unwrap()).unwrap();
        let uuid = Uuid::new_v4();
        thumbnails.write(uuid, &picture(40)).unwrap();
        let old = fs::File::options().append(true).open(thumbnails.file(uuid)).unwrap();
        old.set_modified(std::time::UNIX_EPOCH).unwrap();
        assert_eq!(thumbnails.read(uuid, &path).unwrap().extent(), Extent::new(256, 128));
    }

    #[test]
    fn a_small_picture_needs_no_thumbnail_and_those_of_the_vanished_are_swept() {
        let folder = tempfile::tempdir().unwrap();
        let thumbnails = Thumbnails::new(&Home::at(folder.path()));
        assert_eq!(thumbnails.sweep(&HashSet::new()).unwrap(), 0);
        let [small, here, gone] = [Uuid::new_v4(), Uuid::new_v4(), Uuid::new_v4()];
        thumbnails.keep(small, &picture(256)).unwrap();
        assert!(!thumbnails.file(small).exists());
        for uuid in [here, gone] {
            thumbnails.keep(uuid, &picture(600)).unwrap();
        }
        assert_eq!(thumbnails.sweep(&HashSet::from([here])).unwrap(), 1);
        assert!(thumbnails.file(here).exists() && !thumbnails.file(gone).exists());
    }
}
