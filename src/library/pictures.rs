//! Pictures that tasks start from: brought in once, kept by content, found again by UUID.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest as _, Sha256};
use url::Url;
use uuid::{Builder, Uuid};

use super::bounded::read_bounded;
use super::network::{self, Limits};
use super::results::{ENDINGS, write_atomically};
use super::{Home, read_picture};
use crate::jobs::{Cancel, PictureSource};
use crate::pixels::{self, Extent, FileError, Picture};
use crate::task::ImageRef;

/// Largest picture file that is read, in bytes.
const LARGEST_FILE: u64 = 256 << 20;

/// Bytes of a picture file within which its size stands; cameras put previews in front of it.
const HEADER: u64 = 1 << 20;

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
    #[error("the file is larger than 256 MiB, the most that pictures may have")]
    TooLarge,
}

/// The pictures of the home folder: inputs kept by content, and results.
#[derive(Clone, Debug)]
pub struct Pictures {
    inputs: PathBuf,
    folders: Vec<PathBuf>,
    /// What was last found at each address: a saved task names the very picture it used.
    fetched: Arc<Mutex<BTreeMap<String, Uuid>>>,
}

impl Pictures {
    /// The pictures of `home`, and those in `further` folders of results.
    #[must_use]
    pub fn new(home: &Home, further: &[PathBuf]) -> Self {
        let inputs = home.inputs_dir();
        let mut folders = vec![inputs.clone(), home.results_dir(), home.served_pictures_dir()];
        folders.extend_from_slice(further);
        Self { inputs, folders, fetched: Arc::default() }
    }

    /// The same pictures; new ones are kept apart, since what clients of `latelier serve` bring does not
    /// stay for ever.
    #[must_use]
    pub fn served(home: &Home, further: &[PathBuf]) -> Self {
        Self { inputs: home.served_pictures_dir(), ..Self::new(home, further) }
    }

    /// The folder in which new pictures are kept.
    #[must_use]
    pub fn kept_in(&self) -> &Path {
        &self.inputs
    }

    /// Copies the picture at `path` into the library; the same content gets the same UUID.
    ///
    /// # Errors
    /// When the file is no picture or the library cannot be written.
    pub fn bring_in(&self, path: &Path) -> Result<Uuid, BringInError> {
        self.keep(&read_bounded(path, LARGEST_FILE)?.ok_or(BringInError::TooLarge)?)
    }

    /// Keeps the picture file `bytes` in the library; the same content gets the same UUID.
    ///
    /// # Errors
    /// When the bytes are no picture or the library cannot be written.
    pub fn keep(&self, bytes: &[u8]) -> Result<Uuid, BringInError> {
        self.keep_decoded(bytes).map(|(uuid, _)| uuid)
    }

    fn keep_decoded(&self, bytes: &[u8]) -> Result<(Uuid, Picture), BringInError> {
        let picture = pixels::decode(bytes)?;
        let uuid = content_uuid(bytes);
        let place = self.inputs.join(format!("{uuid}.{}", ending(bytes)));
        if !place.is_file() {
            fs::create_dir_all(&self.inputs)?;
            write_atomically(&place, bytes)?;
        }
        Ok((uuid, picture))
    }

    /// The size of a picture that is at hand; `None` for one that would have to be fetched, or is
    /// none.
    #[must_use]
    pub fn size_of(&self, image: &ImageRef) -> Option<Extent> {
        let file = |path: &Path| {
            if !path.is_file() {
                return None;
            }
            let mut beginning = Vec::new();
            File::open(path).ok()?.take(HEADER).read_to_end(&mut beginning).ok()?;
            Some(pixels::probe(&beginning).ok()?.0)
        };
        match image {
            ImageRef::Uuid(uuid) => file(&self.find(*uuid)?),
            ImageRef::Url(address) => file(&Url::parse(address).ok()?.to_file_path().ok()?),
            ImageRef::DataUri { .. } | ImageRef::Base64(_) => {
                Some(pixels::probe(&image.bytes()?.ok()?).ok()?.0)
            }
        }
    }

    /// The name in the library of a picture that a task carries inside itself or has had fetched
    /// from an address; `None` for one that has such a name already.
    ///
    /// # Errors
    /// When the picture inside the task is none, or the library cannot be written.
    pub(super) fn kept_name(&self, image: &ImageRef) -> Result<Option<Uuid>, BringInError> {
        if let ImageRef::Url(address) = image {
            let fetched = self.fetched.lock().unwrap_or_else(PoisonError::into_inner);
            return Ok(fetched.get(address).copied());
        }
        match image.bytes() {
            Some(Ok(bytes)) => self.keep(&bytes).map(Some),
            _ => Ok(None),
        }
    }

    /// Reads or fetches what lies at `address` and keeps it.
    fn fetch(&self, address: &str, cancel: &Cancel) -> Result<Picture, String> {
        self.keep_fetched(address, &read_address(address, cancel)?)
    }

    /// Keeps what was read at `address`, so that saved tasks name it.
    fn keep_fetched(&self, address: &str, bytes: &[u8]) -> Result<Picture, String> {
        let kept = self.keep_decoded(bytes).map_err(|error| error.to_string());
        let (uuid, picture) = kept.map_err(|error| format!("{error}: {}", without_key(address)))?;
        let mut fetched = self.fetched.lock().unwrap_or_else(PoisonError::into_inner);
        fetched.insert(address.to_owned(), uuid);
        Ok(picture)
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
    fn open(&self, image: &ImageRef, cancel: &Cancel) -> Result<Picture, String> {
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
            ImageRef::Url(address) => self.fetch(address, cancel),
        }
    }

    fn file(&self, image: &ImageRef) -> Result<Option<Vec<u8>>, String> {
        match image {
            ImageRef::Uuid(uuid) => self
                .find(*uuid)
                .map(|path| fs::read(&path).map_err(|error| format!("{error}: {}", path.display())))
                .transpose(),
            ImageRef::Url(address) if address.to_ascii_lowercase().starts_with("file:") => {
                let bytes = read_address(address, &Cancel::default())?;
                self.keep_fetched(address, &bytes)?;
                Ok(Some(bytes))
            }
            _ => Ok(None),
        }
    }

    fn fetched(&self, image: &ImageRef, cancel: &Cancel) -> Result<Option<Vec<u8>>, String> {
        let ImageRef::Url(address) = image else { return Ok(None) };
        let bytes = read_address(address, cancel)?;
        self.keep_fetched(address, &bytes)?;
        Ok(Some(bytes))
    }
}

/// The bytes at a `file:`, `http:` or `https:` address.
fn read_address(address: &str, cancel: &Cancel) -> Result<Vec<u8>, String> {
    let url = Url::parse(address).map_err(|error| format!("this is no address: {error}"))?;
    if url.scheme() != "file" {
        return network::get(address, &Limits::PICTURE, cancel).map_err(|error| error.to_string());
    }
    let path = url.to_file_path().map_err(|()| "this address names no file".to_owned())?;
    let at_path = |error: io::Error| format!("{error}: {}", path.display());
    let bytes = read_bounded(&path, LARGEST_FILE).map_err(at_path)?;
    bytes.ok_or_else(|| format!("{}: {}", BringInError::TooLarge, path.display()))
}

/// An address for people: the path of a file, the host of anything else, which may hold a key.
fn without_key(address: &str) -> String {
    let url = Url::parse(address).ok();
    let path = url.as_ref().and_then(|url| url.to_file_path().ok());
    let host = || url.as_ref().and_then(|url| url.host_str().map(str::to_owned));
    path.map(|path| path.display().to_string()).or_else(host).unwrap_or_default()
}

/// A version 4 UUID made of the content's SHA-256, so that equal files are kept once.
fn content_uuid(bytes: &[u8]) -> Uuid {
    let digest = Sha256::digest(bytes);
    let mut random = [0; 16];
    random.copy_from_slice(&digest[..16]);
    Builder::from_random_bytes(random).into_uuid()
}

/// The ending of the name of a picture file of these bytes, without the dot.
pub(super) fn ending(bytes: &[u8]) -> &'static str {
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
    use crate::pixels::{FileFormat, encode};

    #[test]
    fn a_picture_is_kept_once_and_found_by_its_uuid() {
        let folder = tempfile::tempdir().unwrap();
        let pictures = Pictures::new(&Home::at(folder.path().join("home")), &[]);
        let picture =
            Picture::from_rgba(Extent::new(2, 1), vec![1, 2, 3, 255, 4, 5, 6, 255]).unwrap();
        let file = folder.path().join("picture of mine.PNG");
        let home = Home::at(folder.path().join("home"));
        fs::write(&file, encode(&picture, FileFormat::Png, "{}").unwrap()).unwrap();

        let open = |image: ImageRef| pictures.open(&image, &Cancel::default());
        let uuid = pictures.bring_in(&file).unwrap();
        assert_eq!(uuid.get_version_num(), 4);
        assert_eq!(pictures.bring_in(&file).unwrap(), uuid);
        assert_eq!(fs::read_dir(&pictures.inputs).unwrap().count(), 1);
        assert_eq!(open(ImageRef::Uuid(uuid)), Ok(picture.clone()));

        // What a client brings lies apart, and is found all the same.
        let bytes = fs::read(&file).unwrap();
        let served = Pictures::served(&home, &[]);
        assert_eq!(served.keep(&bytes).unwrap(), uuid);
        assert_eq!(fs::read_dir(served.kept_in()).unwrap().count(), 1);
        fs::remove_dir_all(&pictures.inputs).unwrap();
        assert_eq!(open(ImageRef::Uuid(uuid)), Ok(picture.clone()));

        let url = Url::from_file_path(&file).unwrap().to_string();
        let address = ImageRef::Url(url);
        assert_eq!(pictures.kept_name(&address).unwrap(), None);
        assert_eq!(open(address.clone()), Ok(picture.clone()));
        assert_eq!(pictures.kept_name(&address).unwrap(), Some(uuid), "as it was when fetched");
        let inline = ImageRef::data_uri("image/png", &fs::read(&file).unwrap());
        assert_eq!(pictures.size_of(&inline), Some(Extent::new(2, 1)));
        assert_eq!(pictures.size_of(&ImageRef::Uuid(uuid)), Some(Extent::new(2, 1)));
        assert_eq!(open(inline), Ok(picture));
    }

    #[cfg(unix)]
    #[test]
    fn what_has_no_end_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let pictures = Pictures::new(&Home::at(folder.path()), &[]);
        assert!(matches!(pictures.bring_in(Path::new("/dev/zero")), Err(BringInError::Disk(_))));
        let address = ImageRef::Url("file:///dev/zero".to_owned());
        let endless = pictures.open(&address, &Cancel::default()).unwrap_err();
        assert!(endless.contains("no file") && endless.contains("/dev/zero"), "{endless}");
        assert_eq!(pictures.size_of(&address), None);
        let large = folder.path().join("large.png");
        File::create(&large).unwrap().set_len(LARGEST_FILE + 1).unwrap();
        assert!(matches!(pictures.bring_in(&large), Err(BringInError::TooLarge)));
    }

    #[test]
    fn what_is_no_picture_is_refused_with_a_reason() {
        let folder = tempfile::tempdir().unwrap();
        let pictures = Pictures::new(&Home::at(folder.path()), &[]);
        let file = folder.path().join("text.png");
        fs::write(&file, "no picture").unwrap();
        assert!(matches!(pictures.bring_in(&file), Err(BringInError::Picture(_))));
        let open = |image: ImageRef| pictures.open(&image, &Cancel::default());
        let missing = open(ImageRef::Uuid(Uuid::new_v4())).unwrap_err();
        assert!(missing.contains("library"), "{missing}");
        let url = Url::from_file_path(&file).unwrap().to_string();
        let no_picture = open(ImageRef::Url(url + "?key=secret")).unwrap_err();
        assert!(no_picture.contains("text.png") && !no_picture.contains("secret"), "{no_picture}");
    }
}
