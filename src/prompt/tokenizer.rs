//! CLIP's tokenizer: lower-cased byte-level BPE with an end-of-word mark.
//!
//! Radford et al. 2021; the pieces are put together as `transformers`' `CLIPTokenizer` does.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use tokenizers::models::bpe::{BPE, Merges, Vocab};
use tokenizers::normalizers::replace::ReplacePattern;
use tokenizers::normalizers::{Lowercase, NFC, Replace, Sequence as Normalizers};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::sequence::Sequence as PreTokenizers;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::tokenizer::SplitDelimiterBehavior;

/// How CLIP cuts text into words.
const WORDS: &str = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+";

const START: &str = "<|startoftext|>";
const END: &str = "<|endoftext|>";

/// The tokenizer's files cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the tokenizer cannot be used: {why}, in {}", path.display())]
pub struct TokenizerError {
    /// The folder with `vocab.json` and `merges.txt`.
    pub path: PathBuf,
    /// What is wrong.
    pub why: String,
}

/// Turns text into token ids.
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    start: i64,
    end: i64,
    pad: i64,
}

/// Ids that are no part of a text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Marks {
    pub(super) start: i64,
    pub(super) end: i64,
    pub(super) pad: i64,
}

impl Tokenizer {
    /// Reads `vocab.json` and `merges.txt` (and the padding token of `tokenizer_config.json`).
    ///
    /// # Errors
    /// When a file is missing or damaged.
    pub fn from_folder(folder: &Path) -> Result<Self, TokenizerError> {
        let fail = |why: String| TokenizerError { path: folder.to_owned(), why };
        let read = |name: &str| {
            std::fs::read_to_string(folder.join(name))
                .map_err(|error| fail(format!("{name}: {error}")))
        };
        let vocab: BTreeMap<String, u32> = serde_json::from_str(&read("vocab.json")?)
            .map_err(|error| fail(format!("vocab.json: {error}")))?;
        let vocab = vocab.into_iter().collect();
        let merges = merges(&read("merges.txt")?);
        let config = read("tokenizer_config.json").unwrap_or_default();
        Self::new(vocab, merges, pad_token(&config).as_deref()).map_err(fail)
    }

    /// The tokenizer of CLIP ViT-L/14, which every SD 1.x checkpoint uses.
    ///
    /// # Errors
    /// Never in practice: the files are inside the program.
    pub fn clip_l() -> Result<Self, TokenizerError> {
        let merges = merges(include_str!("../../assets/tokenizers/clip-l/merges.txt"));
        Self::new(clip_vocabulary(&merges), merges, Some(END))
            .map_err(|why| TokenizerError { path: PathBuf::from("assets/tokenizers/clip-l"), why })
    }

    fn new(vocab: Vocab, merges: Merges, pad: Option<&str>) -> Result<Self, String> {
        let text = |error: tokenizers::Error| error.to_string();
        let id = |token: &str| {
            vocab.get(token).map(|&id| i64::from(id)).ok_or_else(|| format!("no token `{token}`"))
        };
        let (start, end) = (id(START)?, id(END)?);
        let pad = pad.map_or(Ok(end), id)?;
        let model = BPE::builder()
            .vocab_and_merges(vocab, merges)
            .unk_token(END.to_owned())
            .end_of_word_suffix("</w>".to_owned())
            .build()
            .map_err(text)?;
        let mut inner = tokenizers::Tokenizer::new(model);
        let spaces = Replace::new(ReplacePattern::Regex(r"\s+".to_owned()), " ").map_err(text)?;
        inner
            .with_normalizer(Some(Normalizers::new(vec![
                NFC.into(),
                spaces.into(),
                Lowercase.into(),
            ])))
            .map_err(text)?;
        let words = Split::new(
            SplitPattern::Regex(WORDS.to_owned()),
            SplitDelimiterBehavior::Removed,
            true,
        )
        .map_err(text)?;
        let bytes = ByteLevel::default().add_prefix_space(false);
        inner.with_pre_tokenizer(Some(PreTokenizers::new(vec![words.into(), bytes.into()])));
        Ok(Self { inner, start, end, pad })
    }

    /// The token ids of `text` alone, without start and end.
    #[must_use]
    pub fn ids(&self, text: &str) -> Vec<i64> {
        // The tokenizer can fail only on unknown bytes, and CLIP's vocabulary has all of them.
        let encoding = self.inner.encode_fast(text, false);
        encoding
            .map(|found| found.get_ids().iter().map(|&id| i64::from(id)).collect())
            .unwrap_or_default()
    }

    /// Where the token of each of [`Self::ids`] lies in `text`, in bytes.
    pub(super) fn spans(&self, text: &str) -> Vec<Range<usize>> {
        let encoding = self.inner.encode(text, false);
        let spans = |&(start, end): &(usize, usize)| start..end;
        encoding.map(|found| found.get_offsets().iter().map(spans).collect()).unwrap_or_default()
    }

    /// The ids that open, close and fill a chunk.
    pub(super) fn marks(&self) -> Marks {
        Marks { start: self.start, end: self.end, pad: self.pad }
    }

    /// The token of an id as the vocabulary spells it: `</w>` stands at the end of a word.
    pub(super) fn token(&self, id: i64) -> Option<String> {
        self.inner.id_to_token(u32::try_from(id).ok()?)
    }

    /// One chunk of `length` ids: start, as many of the text's as fit, end, padding.
    #[must_use]
    pub fn chunk(&self, text: &str, length: usize) -> Vec<i64> {
        let mut ids = vec![self.start];
        ids.extend(self.ids(text).into_iter().take(length.saturating_sub(2)));
        ids.push(self.end);
        ids.resize(length, self.pad);
        ids
    }
}

/// The pairs of `merges.txt`; its first line names a version.
fn merges(text: &str) -> Merges {
    text.lines()
        .filter(|line| !line.starts_with("#version"))
        .filter_map(|line| line.split_once(' '))
        .map(|(left, right)| (left.to_owned(), right.to_owned()))
        .collect()
}

/// `pad_token` of a `tokenizer_config.json`, which is a text or an object with one.
fn pad_token(config: &str) -> Option<String> {
    let config: serde_json::Value = serde_json::from_str(config).ok()?;
    let pad = config.get("pad_token")?;
    pad.as_str().or_else(|| pad.get("content")?.as_str()).map(ToOwned::to_owned)
}

/// CLIP's vocabulary in the order its authors gave it: every byte, every byte at the end of a
/// word, the merges, start and end.
fn clip_vocabulary(merges: &Merges) -> Vocab {
    let bytes: Vec<String> = byte_signs().map(String::from).collect();
    let words_ends = bytes.iter().map(|byte| format!("{byte}</w>"));
    let merged = merges.iter().map(|(left, right)| format!("{left}{right}"));
    let tokens = bytes.iter().cloned().chain(words_ends).chain(merged);
    tokens.chain([START.to_owned(), END.to_owned()]).zip(0..).collect()
}

/// The printable sign that stands for each byte, in the order of GPT-2's table: printable bytes
/// first, the others moved up behind Latin-1.
fn byte_signs() -> impl Iterator<Item = char> {
    const SHIFT: u32 = 256;
    let printable = |byte: &u32| matches!(byte, 33..=126 | 161..=172 | 174..=255);
    let others = (0..SHIFT).filter(move |byte| !printable(byte)).count() as u32;
    (0..SHIFT).filter(printable).chain(SHIFT..SHIFT + others).filter_map(char::from_u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    struct Golden {
        text: String,
        ids: Vec<i64>,
    }

    fn goldens(name: &str) -> Vec<Golden> {
        let path = format!("{}/tests/goldens/{name}", env!("CARGO_MANIFEST_DIR"));
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    }

    #[test]
    fn the_demo_tokenizer_gives_the_ids_of_the_reference() {
        let folder = format!("{}/assets/models/demo/tokenizer", env!("CARGO_MANIFEST_DIR"));
        let tokenizer = Tokenizer::from_folder(Path::new(&folder)).unwrap();
        let goldens = goldens("tokens.json");
        assert!(goldens.len() >= 10);
        for golden in goldens {
            assert_eq!(tokenizer.chunk(&golden.text, 77), golden.ids, "{}", golden.text);
        }
    }

    #[test]
    fn clip_l_gives_the_ids_of_the_reference() {
        let tokenizer = Tokenizer::clip_l().unwrap();
        let goldens = goldens("tokens_clip_l.json");
        assert!(goldens.len() >= 10);
        for golden in goldens {
            assert_eq!(tokenizer.chunk(&golden.text, 77), golden.ids, "{}", golden.text);
        }
    }

    #[test]
    fn a_folder_without_a_vocabulary_is_named() {
        let Err(error) = Tokenizer::from_folder(Path::new("/nowhere/tokenizer")) else {
            panic!("there is no such folder");
        };
        assert!(error.to_string().contains("/nowhere/tokenizer"), "{error}");
    }
}
