//! Pictures that tasks start from: brought in once, kept by content, found again by UUID.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use url::Url;
use uuid::{Builder, Uuid};

use super::results::write_atomically;
use super::{Home, read_picture};
use crate::jobs::PictureSource;
use crate::pixels::{self, FileError, Picture};
use crate::task::ImageRef;

/// Largest picture file that is read, in bytes.
const LARGEST_FILE: u64 = 256 << 20;

/// Endings of picture files, in the order in which they are looked for.
const ENDINGS: [&str; 3] = ["png", "jpg", "webp"];

/// Why a picture cannot be brought in.
#[derive(Debug, thiserror::Error)]
pub enum BringInError {
    /// The file cannot be read, or the copy cannot be written.
    #[error("{0}")]
    Disk(#[from] io::Error),

    /// The file holds no picture.
    #[error("{0}")]
    Picture(#[from] FileError),

    /// The file is larger than any picture should be.
    #[error("the file has {0} MiB; pictures may have 256")]
    TooLarge(u64),
}

/// The pictures of the home folder: inputs kept by content, and results.
#[derive(Clone, Debug)]
pub struct Pictures {
    inputs: PathBuf,
    folders: Vec<PathBuf>,
}

impl Pictures {
    /// The pictures of `home`, and those in `further` folders of results.
    #[must_use]
    pub fn new(home: &Home, further: &[PathBuf]) -> Self {
        let inputs = home.inputs_dir();
        let mut folders = vec![inputs.clone(), home.results_dir()];
        folders.extend_from_slice(further);
        Self { inputs, folders }
    }

    /// Copies the picture at `path` into the library; the same content gets the same UUID.
    ///
    /// # Errors
    /// When the file is no picture or the library cannot be written.
    pub fn bring_in(&self, path: &Path) -> Result<Uuid, BringInError> {
        let length = fs::metadata(path)?.len();
        if length > LARGEST_FILE {
            return Err(BringInError::TooLarge(length >> 20));
        }
        self.keep(&fs::read(path)?)
    }

    /// Keeps the picture file `bytes` in the library; the same content gets the same UUID.
    ///
    /// # Errors
    /// When the bytes are no picture or the library cannot be written.
    pub fn keep(&self, bytes: &[u8]) -> Result<Uuid, BringInError> {
        pixels::decode(bytes)?;
        let uuid = content_uuid(bytes);
        let place = self.inputs.join(format!("{uuid}.{}", ending(bytes)));
        if !place.is_file() {
            fs::create_dir_all(&self.inputs)?;
            write_atomically(&place, bytes)?;
        }
        Ok(uuid)
    }

    /// The file of that picture.
    #[must_use]
    pub fn find(&self, uuid: Uuid) -> Option<PathBuf> {
        let places = self.folders.iter().flat_map(|folder| {
            ENDINGS.iter().map(move |ending| folder.join(format!("{uuid}.{ending}")))
        });
        places.into_iter().find(|path| path.is_file())
    }
}

impl PictureSource for Pictures {
    fn open(&self, image: &ImageRef) -> Result<Picture, String> {
        let text = |error: &dyn std::fmt::Display| error.to_string();
        match image {
            ImageRef::Uuid(uuid) => {
                let path = self.find(*uuid).ok_or_else(|| {
                    format!("no picture {uuid} is in the library; give the picture itself instead")
                })?;
                read_picture(&path).map_err(|error| text(&error))
            }
            ImageRef::DataUri { .. } | ImageRef::Base64(_) => {
                let bytes =
                    image.bytes().unwrap_or(Ok(Vec::new())).map_err(|error| text(&error))?;
                pixels::decode(&bytes).map_err(|error| text(&error))
            }
            ImageRef::Url(url) => from_url(url),
        }
    }
}

/// Reads a `file:` address. Others need the network, which this engine does not use.
fn from_url(text: &str) -> Result<Picture, String> {
    let url = Url::parse(text).map_err(|error| format!("{text} is no address: {error}"))?;
    if url.scheme() != "file" {
        return Err(format!(
            "{}: addresses are not yet fetched by the local engine; give the picture itself",
            url.scheme()
        ));
    }
    let path = url.to_file_path().map_err(|()| format!("{text} names no file"))?;
    let length = fs::metadata(&path).map_err(|error| format!("{error}: {}", path.display()))?.len();
    if length > LARGEST_FILE {
        return Err(format!("the file has {} MiB; pictures may have 256", length >> 20));
    }
    read_picture(&path).map_err(|error| format!("{error}: {}", path.display()))
}

/// A version 4 UUID made of the content's SHA-256, so that equal files are kept once.
fn content_uuid(bytes: &[u8]) -> Uuid {
    let digest = Sha256::digest(bytes);
    let mut random = [0; 16];
    random.copy_from_slice(&digest[..16]);
    Builder::from_random_bytes(random).into_uuid()
}

fn ending(bytes: &[u8]) -> &'static str {
    if bytes.starts_with(b"\x89PNG") {
        "png"
    } else if bytes.starts_with(b"RIFF") {
        "webp"
    } else {
        "jpg"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pixels::{Extent, FileFormat, encode};

    #[test]
    fn a_picture_is_kept_once_and_found_by_its_uuid() {
        let folder = tempfile::tempdir().unwrap();
        let pictures = Pictures::new(&Home::at(folder.path().join("home")), &[]);
        let picture =
            Picture::from_rgba(Extent::new(2, 1), vec![1, 2, 3, 255, 4, 5, 6, 255]).unwrap();
        let file = folder.path().join("picture of mine.PNG");
        fs::write(&file, encode(&picture, FileFormat::Png, "{}").unwrap()).unwrap();

        let uuid = pictures.bring_in(&file).unwrap();
        assert_eq!(uuid.get_version_num(), 4);
        assert_eq!(pictures.bring_in(&file).unwrap(), uuid);
        assert_eq!(fs::read_dir(&pictures.inputs).unwrap().count(), 1);
        assert_eq!(pictures.open(&ImageRef::Uuid(uuid)), Ok(picture.clone()));

        let url = Url::from_file_path(&file).unwrap().to_string();
        assert_eq!(pictures.open(&ImageRef::Url(url)), Ok(picture.clone()));
        let inline = ImageRef::data_uri("image/png", &fs::read(&file).unwrap());
        assert_eq!(pictures.open(&inline), Ok(picture));
    }

    #[test]
    fn what_is_no_picture_is_refused_with_a_reason() {
        let folder = tempfile::tempdir().unwrap();
        let pictures = Pictures::new(&Home::at(folder.path()), &[]);
        let file = folder.path().join("text.png");
        fs::write(&file, "no picture").unwrap();
        assert!(matches!(pictures.bring_in(&file), Err(BringInError::Picture(_))));
        let missing = pictures.open(&ImageRef::Uuid(Uuid::new_v4())).unwrap_err();
        assert!(missing.contains("library"), "{missing}");
        let far = pictures.open(&ImageRef::Url("http://example.org/a.png".to_owned()));
        assert!(far.unwrap_err().contains("not yet fetched"));
    }
}
