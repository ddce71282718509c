//! Encodings against those of compel and `sd_embed` (golden files), and what cannot be encoded.

use std::convert::Infallible;
use std::path::Path;

use safetensors::SafeTensors;

use super::*;
use crate::prompt::Tokenizer;
use crate::prompt::{TokenCount, count};

const TOLERANCE: f32 = 1e-5;

/// What the script of the goldens stores for one prompt.
#[derive(serde::Deserialize)]
struct Golden {
    text: String,
    syntax: String,
    /// Parts and weights as the reference parses them; nothing where the reference fails.
    parsed: Option<Vec<Clause>>,
    blend: bool,
    normalise: bool,
    /// Tokens of the text in each chunk.
    chunks: Option<Vec<usize>>,
    /// Name of the tensor.
    toy: Option<String>,
}

#[derive(serde::Deserialize)]
struct Clause {
    segments: Vec<(String, f64)>,
    weight: f64,
}

impl Golden {
    fn syntax(&self) -> Syntax {
        match self.syntax.as_str() {
            "compel" => Syntax::Compel,
            "sdEmbeds" => Syntax::SdEmbeds,
            _ => Syntax::Plain,
        }
    }

    /// What the reference reads: texts with weights, whether blended, whether with normalised weights.
    fn reading(&self) -> Option<Reading> {
        let clauses = self.parsed.as_ref()?.iter();
        let texts = clauses.map(|c| (Weighted { segments: c.segments.clone() }, c.weight));
        Some((texts.collect(), self.blend, self.normalise))
    }
}

type Reading = (Vec<(Weighted, f64)>, bool, bool);

fn reading(read: Conditioning) -> Reading {
    match read {
        Conditioning::Single(text) => (vec![(text, 1.0)], false, false),
        Conditioning::Blend { texts, normalise } => (texts, true, normalise),
        Conditioning::And(texts) => (texts, false, false),
    }
}

/// Equal but for the last digit of a weight, which the reader of JSON rounds.
fn same(left: &Reading, right: &Reading) -> bool {
    let close = |left: f64, right: f64| (left - right).abs() <= 1e-14 * right.abs();
    let part = |((text, weight), (other, number)): (&(String, f64), &(String, f64))| {
        text == other && close(*weight, *number)
    };
    let text = |((text, weight), (other, number)): (&(Weighted, f64), &(Weighted, f64))| {
        close(*weight, *number)
            && text.segments.len() == other.segments.len()
            && text.segments.iter().zip(&other.segments).all(part)
    };
    left.0.len() == right.0.len()
        && left.0.iter().zip(&right.0).all(text)
        && (left.1, left.2) == (right.1, right.2)
}

fn folder(name: &str) -> String {
    format!("{}/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn list(name: &str) -> Vec<Golden> {
    let path = folder(&format!("tests/goldens/{name}"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn goldens() -> Vec<Golden> {
    let goldens = list("prompts.json");
    for (syntax, least) in [("compel", 30), ("sdEmbeds", 20), ("plain", 2)] {
        assert!(goldens.iter().filter(|golden| golden.syntax == syntax).count() >= least);
    }
    goldens
}

fn tokenizer() -> Tokenizer {
    Tokenizer::from_folder(Path::new(&folder("assets/models/demo/tokenizer"))).unwrap()
}

/// The toy encoder of `tests/goldens/prompts.py`: a wave for each token and place, and a mean over the visible
/// tokens before it.
fn toy(chunk: &Chunk) -> Array2<f32> {
    let wave = |place: usize, channel: usize| {
        let id = (chunk.ids[place] % 997) as f64;
        let channel = channel as f64;
        (0.037 * id * (channel + 1.0) + 0.13 * place as f64 + channel).sin()
    };
    Array2::from_shape_fn((CHUNK, 6), |(place, channel)| {
        let (mut sum, mut weights) = (0.0, 0.0);
        for before in (0..=place).filter(|&before| chunk.mask[before]) {
            let weight = 1.0 / (1 + place - before) as f64;
            sum += weight * wave(before, channel);
            weights += weight;
        }
        (0.5 * wave(place, channel) + sum / weights) as f32
    })
}

#[expect(clippy::unnecessary_wraps, reason = "an encoder can fail")]
fn encode(chunk: &Chunk) -> Result<Array2<f32>, Infallible> {
    Ok(toy(chunk))
}

fn tensor(file: &SafeTensors<'_>, name: &str) -> Array2<f32> {
    let view = file.tensor(name).unwrap();
    let values = view.data().chunks(4).map(|b| f32::from_le_bytes(b.try_into().unwrap()));
    Array2::from_shape_vec((view.shape()[0], view.shape()[1]), values.collect()).unwrap()
}

#[test]
fn prompts_are_read_as_the_references_read_them() {
    let random = list("prompts_random.json");
    assert!(random.len() >= 800);
    for golden in goldens().into_iter().chain(random) {
        let read = parse(&golden.text, golden.syntax()).ok().map(reading);
        let reference = golden.reading();
        let same = match (&read, &reference) {
            (Some(read), Some(reference)) => same(read, reference),
            (read, reference) => read.is_none() && reference.is_none(),
        };
        assert!(same, "{}: {:?}: {read:?} for {reference:?}", golden.syntax, golden.text);
    }
}

#[test]
fn encodings_are_those_of_the_references() {
    let tokenizer = tokenizer();
    let mut encoder = Encoder::new(&tokenizer, encode);
    let bytes = std::fs::read(folder("tests/goldens/prompts.safetensors")).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    for golden in goldens() {
        let Some(name) = &golden.toy else { continue };
        let encoding = encoder.text(&golden.text, golden.syntax()).unwrap();
        let reference = tensor(&file, name);
        assert_eq!(encoding.dim(), reference.dim(), "{}", golden.text);
        let far = (&encoding - &reference).iter().fold(0.0_f32, |far, v| far.max(v.abs()));
        let largest = reference.iter().fold(1.0_f32, |most, value| most.max(value.abs()));
        assert!(far <= TOLERANCE * largest, "{far} apart: {}: {}", golden.syntax, golden.text);
    }
}

#[test]
fn chunks_are_cut_where_the_references_cut() {
    let tokenizer = tokenizer();
    for golden in goldens() {
        let Some(chunks) = golden.chunks.clone() else { continue };
        let found =
            count(Vocabulary::from(&tokenizer), &golden.text, &[], golden.syntax()).unwrap();
        assert_eq!(found.chunks, chunks, "{}: {}", golden.syntax, golden.text);
        assert!(found.tokens >= chunks.iter().sum(), "{}", golden.text);
    }
    let cut = count(Vocabulary::from(&tokenizer), &"a ".repeat(100), &[], Syntax::Plain).unwrap();
    assert_eq!(cut, TokenCount { tokens: 100, chunks: vec![75], borders: vec![150] });
    assert!(cut.is_cut());
    let several = |operator: &str| {
        let text = format!(r#"("a", "a- fox").{operator}()"#);
        count(Vocabulary::from(&tokenizer), &text, &[], Syntax::Compel).unwrap().chunks
    };
    let fox = tokenizer.ids("fox").len();
    assert_eq!((several("and"), several("blend")), (vec![1, 1 + fox], vec![1 + fox]));
}

#[test]
fn the_shorter_prompt_is_filled_with_the_empty_text() {
    let tokenizer = tokenizer();
    let mut encoder = Encoder::new(&tokenizer, encode);
    let short = encoder.text("a fox", Syntax::Compel).unwrap();
    let empty = encoder.text("", Syntax::Compel).unwrap();
    let filled = encoder.pad_to(short.clone(), 3 * CHUNK, Syntax::Compel).unwrap();
    assert_eq!(filled, concatenate![Axis(0), short, empty, empty]);
}

#[test]
fn an_encoder_of_another_shape_is_refused() {
    let tokenizer = tokenizer();
    let encode = |_: &Chunk| Ok::<_, Infallible>(Array2::zeros((76, 4)));
    let error = Encoder::new(&tokenizer, encode).text("a", Syntax::Plain).unwrap_err();
    assert!(matches!(error, EncodeError::Shape { rows: 76, channels: 4 }), "{error}");
}

#[test]
fn a_weight_down_needs_a_token() {
    let tokenizer = tokenizer();
    let error = Encoder::new(&tokenizer, encode).text("a \"\"- b", Syntax::Compel).unwrap_err();
    let nothing = PromptError::NothingToWeight { text: String::new() };
    assert!(matches!(&error, EncodeError::Prompt(found) if *found == nothing), "{error}");
}
