//! Textual inversions: vectors that stand in a prompt where words would (Gal et al. 2022).
//!
//! Reads `.safetensors`, and `.pt` and `.bin` without running anything of them. Knows files, not prompts.

use std::fs::File;
use std::path::Path;

use super::pickle::Value;
use super::torch::{self, TorchFile};
use super::{Header, Tensor, WeightsError};
use crate::task::Architecture;

/// More vectors than any prompt has room for.
const MOST_VECTORS: i64 = 1024;
/// Wider than any text encoder.
const WIDEST: i64 = 16_384;

/// The keys of SDXL's two text encoders, which name no word.
const ENCODERS: [&str; 2] = ["clip_l", "clip_g"];
const FOR_SDXL: &str = "it is made for the two text encoders of SDXL";
const SEVERAL: &str = "it holds several tensors and does not say which is meant";

/// A textual inversion file: what it is, without its numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Embedding {
    /// The word that the file itself gives it, `<taxi>`; that of A1111's `name`.
    pub name: Option<String>,
    /// How many vectors, and so tokens of a prompt, at least 1.
    pub vectors: usize,
    /// Numbers in each: the width of the text encoder it is for.
    pub width: usize,
    tensor: Tensor,
}

impl Embedding {
    /// Reads what the file at `path` is.
    ///
    /// # Errors
    /// When the file cannot be read, is no embedding for one text encoder, or asks to run something.
    pub fn open(path: &Path) -> Result<Self, WeightsError> {
        let torch = path.extension().is_some_and(|extension| {
            ["pt", "bin"].iter().any(|torch| extension.eq_ignore_ascii_case(torch))
        });
        let (name, tensor) = if torch { in_torch(path)? } else { in_safetensors(path)? };
        let unusable = |why| WeightsError::Embedding { path: path.to_owned(), why };
        let (vectors, width) = match *tensor.shape.as_slice() {
            [width] => (1, width),
            [vectors, width] => (vectors, width),
            _ => return Err(unusable(format!("its tensor has the shape {:?}", tensor.shape))),
        };
        if vectors == 0 || width == 0 {
            return Err(unusable("it is empty".to_owned()));
        }
        if !(1..=MOST_VECTORS).contains(&vectors) || !(1..=WIDEST).contains(&width) {
            return Err(unusable(format!("{vectors} vectors of {width} numbers are too much")));
        }
        if tensor.length != (vectors * width) as u64 * tensor.dtype.bytes() {
            return Err(unusable("its header contradicts itself".to_owned()));
        }
        // Words that nobody can write in a prompt are none; A1111 names what it starts with `*`.
        let name = name.map(|name| name.trim().to_owned());
        let name = name.filter(|name| name.chars().any(char::is_alphanumeric));
        Ok(Self { name, vectors: vectors as usize, width: width as usize, tensor })
    }

    /// The family whose text encoder has this width, if one has.
    #[must_use]
    pub fn architecture(&self) -> Option<Architecture> {
        super::detect::architecture_of_width(self.width as i64)
    }

    /// The numbers, vector after vector.
    ///
    /// # Errors
    /// When they cannot be read, or one of them is no number.
    pub fn read(&self) -> Result<Vec<f32>, WeightsError> {
        let path = || self.tensor.file.clone();
        let read = |source| WeightsError::Read { path: path(), source };
        let mut file = File::open(&self.tensor.file).map_err(read)?;
        let numbers = self.tensor.read_f32(&mut file).map_err(read)?;
        if numbers.iter().all(|number| number.is_finite()) {
            Ok(numbers)
        } else {
            let why = "some of it is no number; the file is damaged".to_owned();
            Err(WeightsError::Embedding { path: path(), why })
        }
    }

    /// Whether these tensors can only be a textual inversion: few, flat, and named as such.
    pub(super) fn is_in(header: &Header) -> bool {
        let mut names = header.tensors.keys().map(String::as_str);
        let flat = header.tensors.values().all(|tensor| tensor.shape.len() <= 2);
        let alone = header.tensors.len() == 1;
        let named = names.all(|name| name == "emb_params" || ENCODERS.contains(&name));
        flat && !header.tensors.is_empty() && (alone || named)
    }
}

fn in_safetensors(path: &Path) -> Result<(Option<String>, Tensor), WeightsError> {
    let header = Header::read(path)?;
    let unusable = |why: &str| {
        let why = why.to_owned();
        WeightsError::Embedding { path: path.to_owned(), why }
    };
    let mut tensors = header.tensors.iter();
    let (key, tensor) = match (header.tensors.get("emb_params"), tensors.next(), tensors.next()) {
        (Some(tensor), ..) => ("emb_params", tensor),
        (None, Some((key, tensor)), None) => (key.as_str(), tensor),
        (None, Some(_), Some(_))
            if ENCODERS.iter().all(|key| header.tensors.contains_key(*key)) =>
        {
            return Err(unusable(FOR_SDXL));
        }
        (None, None, _) => return Err(unusable("it holds no tensor of floats")),
        _ => return Err(unusable(SEVERAL)),
    };
    let own = header.metadata.get("name").cloned();
    Ok((own.or_else(|| (!is_unnamed(key)).then(|| key.to_owned())), tensor.clone()))
}

fn in_torch(path: &Path) -> Result<(Option<String>, Tensor), WeightsError> {
    let TorchFile { pickled, mut numbers } = TorchFile::open(path)?;
    let content = torch::pickle(path, &pickled)?;
    let unusable = |why: &str| {
        let why = why.to_owned();
        WeightsError::Embedding { path: path.to_owned(), why }
    };
    let own = match content.member(content.root, "name") {
        Some(Value::Text(name)) => Some(name),
        _ => None,
    };
    // A1111 keeps it under a name of its own; diffusers saves a dictionary of it alone.
    let holder = content.member(content.root, "string_to_param");
    let members = content.members(holder.unwrap_or(content.root));
    let parameters = holder.and_then(|holder| content.member(holder, "_parameters"));
    let members = parameters.map_or(members, |parameters| content.members(parameters));
    let mut tensors = members.iter().filter_map(|&(key, value)| Some((key, content.view(value)?)));
    let (key, view) = match (tensors.next(), tensors.next(), content.view(content.root)) {
        (Some((key, view)), None, _) => (Some(key), view),
        (None, None, Some(view)) => (None, view),
        (Some(_), Some(_), _)
            if ENCODERS
                .iter()
                .all(|key| members.iter().any(|(name, _)| *name == Value::Text(key))) =>
        {
            return Err(unusable(FOR_SDXL));
        }
        (Some(_), Some(_), _) => return Err(unusable(SEVERAL)),
        (None, ..) => return Err(unusable("it holds no textual inversion of A1111 or diffusers")),
    };
    let token = match key {
        Some(Value::Text(key)) if holder.is_none() && !is_unnamed(key) => Some(key),
        _ => None,
    };
    Ok((own.or(token).map(ToOwned::to_owned), numbers.locate(view)?))
}

/// Whether a key says what the tensor is and not what it is called.
fn is_unnamed(key: &str) -> bool {
    key == "emb_params" || ENCODERS.contains(&key)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn repository(path: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
    }

    fn golden(name: &str) -> PathBuf {
        repository("tests/goldens/embeddings").join(name)
    }

    fn refusal(name: &str) -> String {
        let read = Embedding::open(&golden(name)).and_then(|embedding| embedding.read());
        read.unwrap_err().to_string()
    }

    #[test]
    fn every_kind_of_file_gives_the_same_vectors() {
        let add_on = repository("assets/models/demo/addons/embedding-taxi.safetensors");
        let taxi = Embedding::open(&add_on).unwrap();
        assert_eq!((taxi.vectors, taxi.width, taxi.name.as_deref()), (2, 128, None));
        let expected = taxi.read().unwrap();
        let files = [
            ("a1111.pt", Some("yellow cab"), 0.0),
            ("a1111-half.pt", Some("yellow cab"), 0.0),
            ("original.pt", None, 0.0),
            ("diffusers.bin", Some("<cab>"), 0.0),
            ("diffusers-bf16.bin", Some("<cab>"), 2e-3),
            ("parameter.bin", Some("<cab>"), 0.0),
            ("rows.bin", Some("<cab>"), 0.0),
        ];
        for (name, word, tolerance) in files {
            let old = name.replacen('.', "-old.", 1);
            for name in [name, &old] {
                let found = Embedding::open(&golden(name)).unwrap();
                assert_eq!((found.vectors, found.width), (2, 128), "{name}");
                assert_eq!(found.name.as_deref(), word, "{name}");
                let far = found
                    .read()
                    .unwrap()
                    .iter()
                    .zip(&expected)
                    .fold(0.0, |far, (a, b)| f32::max(far, (a - b).abs()));
                assert!(far <= tolerance, "{name}: {far}");
            }
        }
        for name in ["diffusers-one.bin", "diffusers-one-old.bin"] {
            let one = Embedding::open(&golden(name)).unwrap();
            assert_eq!((one.vectors, one.name.as_deref()), (1, Some("<one>")));
            assert_eq!(one.read().unwrap(), expected[..128]);
        }
    }

    #[test]
    fn what_is_no_embedding_is_refused_with_the_reason() {
        for (name, reason) in [
            ("nothing.pt", "no textual inversion"),
            ("several.bin", "several tensors"),
            ("several-old.bin", "several tensors"),
            ("nan.pt", "no number"),
            ("nan-old.pt", "no number"),
            ("double.pt", "DoubleStorage"),
            ("double-old.pt", "DoubleStorage"),
            ("turned.pt", "in a row"),
            ("turned-old.pt", "in a row"),
        ] {
            let refusal = refusal(name);
            assert!(refusal.contains(reason) && refusal.ends_with(name), "{refusal}");
        }
        assert_eq!(
            Embedding::open(&golden("wide.pt")).unwrap().architecture(),
            Some(Architecture::Sd1)
        );
        let picture = golden("taxi.png");
        assert!(Embedding::open(&picture).unwrap_err().to_string().contains("not a safetensors"));
    }

    #[test]
    fn nothing_in_a_file_is_run() {
        let mut traps = 0;
        for entry in std::fs::read_dir(golden("")).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let Some(trap) = name.strip_prefix("runs-") else { continue };
            let error = Embedding::open(&path).unwrap_err();
            let asked = match trap.trim_end_matches(".pt").trim_end_matches("-old") {
                "system" | "inst-plain" | "stack-global" | "obj" | "build" => {
                    Some("posix.system|os.system")
                }
                "open" => Some("io.open|builtins.open|__builtin__.open"),
                "exec" => Some("builtins.exec|__builtin__.exec"),
                "loads" => Some("torch.storage._load_from_bytes"),
                "newobj" => Some("subprocess.Popen"),
                _ => None,
            };
            match (error, asked) {
                (WeightsError::Runs { global, .. }, Some(asked)) => {
                    assert!(asked.split('|').any(|name| name == global), "{name}: {global}");
                }
                (WeightsError::NotTorch { why, .. }, None) => {
                    assert!(why.contains("instruction"), "{name}: {why}");
                }
                (error, _) => panic!("{name}: {error}"),
            }
            traps += 1;
        }
        assert_eq!(traps, 15);
        for folder in [golden(""), std::env::current_dir().unwrap()] {
            assert!(!folder.join("it-ran").exists(), "something was run");
        }
    }

    /// What is left of a file, or a changed bit, is an embedding or an error.
    #[test]
    fn damaged_files_are_errors_and_nothing_worse() {
        let folder = tempfile::tempdir().unwrap();
        let mut state = 1_u64;
        let mut random = move || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 33) as usize
        };
        let mut refused = 0;
        for name in ["a1111.pt", "original.pt", "a1111-old.pt", "original-old.pt", "diffusers.bin"]
        {
            let whole = std::fs::read(golden(name)).unwrap();
            let path = folder.path().join(name);
            for round in 0..600 {
                let mut bytes = whole.clone();
                if round % 3 == 0 {
                    bytes.truncate(random() % whole.len());
                } else {
                    // Most of a file is numbers, which are any.
                    for _ in 0..=random() % 4 {
                        let at = random() % whole.len();
                        bytes[at] ^= 1 << (random() % 8);
                    }
                }
                std::fs::write(&path, &bytes).unwrap();
                let read = Embedding::open(&path).and_then(|embedding| embedding.read());
                refused += usize::from(read.is_err());
            }
        }
        assert!(refused > 1000, "{refused}");
    }
}
