//! Files that `torch.save` writes: a ZIP archive since torch 1.6, a row of pickles before.
//!
//! Finds tensors and where their numbers lie in the file. Knows formats, not what the tensors are for.

use std::fs::File;
use std::io::{self, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use zip::{CompressionMethod, ZipArchive};

use super::pickle::{LONGEST, Pickle, PickleError, Storage, Value, View};
use super::{Tensor, TensorType, WeightsError};

/// What a file of before torch 1.6 begins with: its magic number as a pickle.
const OLD: [u8; 15] =
    [0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, b'.'];

/// What every ZIP archive with a member begins with.
const ZIP: [u8; 4] = *b"PK\x03\x04";

/// Storages that an old file may have.
const MOST_STORAGES: usize = 1024;

/// Bytes of an archive that are read to find things in it: the pickle and a directory of a few entries. A long
/// directory is a trap, since each of its entries takes memory.
const MOST_READ: u64 = 2 << 20;

/// Bytes before the numbers of each storage in an old file: how many there are.
const COUNT: u64 = 8;

/// A file of `torch.save`, open.
pub(super) struct TorchFile {
    /// Begins with the pickle that says what the file holds.
    pub(super) pickled: Vec<u8>,
    /// Where the tensors' numbers are.
    pub(super) numbers: Numbers,
}

/// The numbers in a file of `torch.save`.
pub(super) struct Numbers {
    path: PathBuf,
    container: Container,
}

enum Container {
    Archive {
        archive: Box<ZipArchive<BufReader<Bounded>>>,
        /// What the names of all members begin with: `archive/`.
        folder: String,
    },
    /// Storages one after the other.
    Row(Vec<Stored>),
}

/// A storage in an old file.
struct Stored {
    key: String,
    begin: u64,
    /// Bytes.
    length: u64,
}

/// A file of which only so much is read.
struct Bounded {
    file: File,
    left: u64,
}

impl io::Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        let left = self.left.checked_sub(read as u64);
        self.left = left.ok_or_else(|| io::Error::other("its directory is far too long"))?;
        Ok(read)
    }
}

impl io::Seek for Bounded {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

impl TorchFile {
    /// Opens `path` and reads the pickle that says what it holds.
    ///
    /// # Errors
    /// When the file cannot be read or is of another format.
    pub(super) fn open(path: &Path) -> Result<Self, WeightsError> {
        let read = |source| WeightsError::Read { path: path.to_owned(), source };
        let real = path.canonicalize().map_err(read)?;
        let mut file = File::open(&real).map_err(read)?;
        let mut start = Vec::new();
        (&mut file).take(OLD.len() as u64).read_to_end(&mut start).map_err(read)?;
        if start.starts_with(&ZIP) {
            Self::archive(real, file)
        } else if start == OLD {
            Self::row(real, file)
        } else {
            Err(not_torch(path, "it begins like no file of torch.save".to_owned()))
        }
    }

    fn archive(path: PathBuf, file: File) -> Result<Self, WeightsError> {
        const PICKLE: &str = "data.pkl";
        let damaged = |why: String| not_torch(&path, why);
        let mut archive = ZipArchive::new(BufReader::new(Bounded { file, left: MOST_READ }))
            .map_err(|error| damaged(error.to_string()))?;
        let name = archive.file_names().flatten().find(|name| name.ends_with(PICKLE));
        let name = name.map(String::from);
        let name = name.ok_or_else(|| damaged("the archive holds no data.pkl".to_owned()))?;
        let folder = name.trim_end_matches(PICKLE).to_owned();
        let pickled = bytes(&mut archive, &name).map_err(damaged)?;
        if archive.index_for_name(&format!("{folder}byteorder")).is_some() {
            let order = bytes(&mut archive, &format!("{folder}byteorder")).map_err(damaged)?;
            if order.trim_ascii() != b"little" {
                return Err(damaged("its numbers are not little-endian".to_owned()));
            }
        }
        let container = Container::Archive { archive: Box::new(archive), folder };
        Ok(Self { pickled, numbers: Numbers { path, container } })
    }

    fn row(path: PathBuf, mut file: File) -> Result<Self, WeightsError> {
        let read = |source| WeightsError::Read { path: path.clone(), source };
        let mut pickled = Vec::new();
        (&mut file).take(LONGEST as u64).read_to_end(&mut pickled).map_err(read)?;
        // The version of the format, then the kind of machine that wrote it.
        for _ in 0..2 {
            let length = pickle(&path, &pickled)?.length;
            pickled.drain(..length);
        }
        let stored = {
            let content = pickle(&path, &pickled)?;
            let keys = pickle(&path, pickled.get(content.length..).unwrap_or_default())?;
            let left = pickled.len() - content.length - keys.length;
            let begin = file.stream_position().map_err(read)? - left as u64;
            stored_in_row(&mut file, begin, &content, &keys)
        };
        let stored = stored.map_err(|why| not_torch(&path, why))?;
        Ok(Self { pickled, numbers: Numbers { path, container: Container::Row(stored) } })
    }
}

impl Numbers {
    /// Where the numbers of `view` lie.
    ///
    /// # Errors
    /// When they are not there, lie apart from each other, or are of a format that is no weight.
    pub(super) fn locate(&mut self, view: &View<'_>) -> Result<Tensor, WeightsError> {
        self.located(view).map_err(|why| not_torch(&self.path, why))
    }

    fn located(&mut self, view: &View<'_>) -> Result<Tensor, String> {
        let Storage { class, key, .. } = view.storage;
        let dtype = match class.name {
            "FloatStorage" => TensorType::F32,
            "HalfStorage" => TensorType::F16,
            "BFloat16Storage" => TensorType::Bf16,
            other => return Err(format!("its tensor is a {other}, not one of floats")),
        };
        if !is_contiguous(view) {
            return Err("the numbers of its tensor do not lie in a row".to_owned());
        }
        let (begin, length) = match &mut self.container {
            Container::Archive { archive, folder } => {
                let member = stored(archive, &format!("{folder}data/{key}"))?;
                let begin = member.data_start().ok_or("the place of its numbers is not known")?;
                (begin, member.size())
            }
            Container::Row(stored) => {
                let stored = stored.iter().find(|stored| stored.key == key);
                let stored = stored.ok_or("its numbers are missing")?;
                (stored.begin, stored.length)
            }
        };
        let numbers = view.shape.iter().try_fold(1_u64, |product, &side| product.checked_mul(side));
        let bytes = |numbers: u64| numbers.checked_mul(class.bytes);
        let span = numbers.and_then(bytes).zip(bytes(view.start)).and_then(|(size, skipped)| {
            let end = skipped.checked_add(size)?;
            (end <= length).then_some((begin.checked_add(skipped)?, size))
        });
        let (offset, length) = span.ok_or("its tensor is larger than its numbers")?;
        let shape = view.shape.iter().map(|&side| side as i64).collect();
        Ok(Tensor { file: self.path.clone(), dtype, shape, offset, length })
    }
}

/// A short member of an archive.
fn bytes(archive: &mut ZipArchive<BufReader<Bounded>>, name: &str) -> Result<Vec<u8>, String> {
    let member = stored(archive, name)?;
    if member.size() > LONGEST as u64 {
        return Err(format!("its {name} has {} bytes, which is far too long", member.size()));
    }
    let mut bytes = Vec::new();
    member.take(LONGEST as u64).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    Ok(bytes)
}

/// A member that is stored as it is, which is how torch writes all of them: it cannot unfold to
/// more than the file.
fn stored<'a>(
    archive: &'a mut ZipArchive<BufReader<Bounded>>,
    name: &str,
) -> Result<zip::read::ZipFile<'a, BufReader<Bounded>>, String> {
    let member = archive.by_name(name).map_err(|error| format!("{name}: {error}"))?;
    if member.compression() == CompressionMethod::Stored
        && member.size() == member.compressed_size()
    {
        Ok(member)
    } else {
        Err(format!("{name} is compressed, which torch never does"))
    }
}

/// Whether the last side lies in a row, then the one before, and so on.
fn is_contiguous(view: &View<'_>) -> bool {
    let mut expected = 1_u64;
    let sides = view.shape.iter().zip(&view.strides).rev();
    sides.into_iter().all(|(&side, &stride)| {
        let fits = side <= 1 || stride == expected;
        expected = expected.saturating_mul(side);
        fits
    })
}

/// The storages of an old file, which follow each other from `at` on in the order of a list of keys.
fn stored_in_row(
    file: &mut File,
    mut at: u64,
    content: &Pickle<'_>,
    keys: &Pickle<'_>,
) -> Result<Vec<Stored>, String> {
    let there = file.metadata().map_err(|error| error.to_string())?.len();
    let mut row = Vec::new();
    for key in keys.items(keys.root).iter().take(MOST_STORAGES) {
        let storage = content.storages().find(|storage| *key == Value::Text(storage.key));
        let storage = storage.ok_or("it does not say of what kind its numbers are")?;
        let mut count = [0; COUNT as usize];
        file.seek(SeekFrom::Start(at))
            .and_then(|_at| file.read_exact(&mut count))
            .map_err(|error| error.to_string())?;
        let length = u64::from_le_bytes(count).checked_mul(storage.class.bytes);
        let begin = at + COUNT;
        let end = length.and_then(|length| begin.checked_add(length)).unwrap_or(u64::MAX);
        if end > there {
            return Err(format!("the file is cut off: {there} of {end} bytes are there"));
        }
        row.push(Stored { key: storage.key.to_owned(), begin, length: end - begin });
        at = end;
    }
    Ok(row)
}

fn not_torch(path: &Path, why: String) -> WeightsError {
    WeightsError::NotTorch { path: path.to_owned(), why }
}

/// The pickle that `bytes` of the file at `path` begin with.
pub(super) fn pickle<'a>(path: &Path, bytes: &'a [u8]) -> Result<Pickle<'a>, WeightsError> {
    Pickle::read(bytes).map_err(|error| match error {
        PickleError::Runs { global } => WeightsError::Runs { path: path.to_owned(), global },
        other => not_torch(path, other.to_string()),
    })
}
