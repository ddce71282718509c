use std::io::Write as _;

use super::*;
use crate::pixels::{Extent, FileFormat, Picture, decode, encode, encode_bare, probe, with_texts};

const TASK: &str = r#"{"positivePrompt":"<a> & 'b' — 狐"}"#;

fn picture(alpha: u8) -> Picture {
    let rgba: Vec<u8> =
        (0..16 * 8_u32).flat_map(|i| [i as u8 * 2, 255 - i as u8, 40, alpha]).collect();
    Picture::from_rgba(Extent::new(16, 8), rgba).unwrap()
}

fn formats() -> [FileFormat; 3] {
    [FileFormat::Png, FileFormat::Jpeg { quality: 90 }, FileFormat::Webp { quality: 90 }]
}

#[test]
fn both_texts_come_back_from_every_format() {
    for format in formats() {
        for alpha in [255, 90] {
            // Even and odd lengths: chunks are padded.
            for parameters in ["a\nSteps: 20", "é£\nSteps: 2", "лиса 狐 🦊\nSteps: 20"] {
                let texts = Texts { task: TASK, parameters: Some(parameters) };
                let bytes = encode(&picture(alpha), format, texts).unwrap();
                let found = file_texts(&bytes);
                let name = if format == FileFormat::Png { PARAMETERS_TEXT } else { USER_COMMENT };
                assert_eq!(found.get(name), Some(parameters), "{format:?}");
                assert_eq!(found.get(TASK_TEXT), Some(TASK), "{format:?}");
                assert_eq!((found.found.len(), found.left_out.len()), (2, 0));
                let plain = encode(&picture(alpha), format, TASK).unwrap();
                assert_eq!(decode(&bytes).unwrap(), decode(&plain).unwrap());
                assert_eq!(probe(&bytes).unwrap().0, Extent::new(16, 8));
            }
        }
    }
    assert!(probe(b"no picture").is_err());
}

#[test]
fn png_has_latin_1_in_text_and_anything_else_in_international_text() {
    for (parameters, kind) in
        [("café", &b"tEXtparameters\0caf\xE9"[..]), ("狐", b"iTXtparameters\0\0\0\0\0")]
    {
        let texts = Texts { task: TASK, parameters: Some(parameters) };
        let bytes = encode(&picture(255), FileFormat::Png, texts).unwrap();
        assert!(bytes.windows(kind.len()).any(|window| window == kind), "{parameters}");
    }
}

#[test]
fn exif_blocks_are_piexif_s_to_the_byte() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/goldens/piexif.json");
    let text = std::fs::read_to_string(file).unwrap();
    let cases: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
    assert_eq!(cases.len(), 3);
    for case in cases {
        let text = case["text"].as_str().unwrap();
        let hex = case["block"].as_str().unwrap();
        let theirs: Vec<u8> = (0..hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
            .collect();
        assert_eq!(theirs, [b"Exif\0\0".as_slice(), &exif_block::block(text)].concat());
        let mut texts = FileTexts::default();
        exif_block::read(&exif_block::block(text), &mut texts);
        assert_eq!(texts.get(USER_COMMENT), Some(text));
    }
}

#[test]
fn webp_has_its_chunks_in_order_and_says_so_in_front() {
    let texts = Texts { task: TASK, parameters: Some("a\nSteps: 20") };
    for (alpha, flags) in [(255, 0x0C), (90, 0x1C)] {
        let file = encode(&picture(alpha), FileFormat::Webp { quality: 90 }, texts).unwrap();
        let mut rest = &file[12..];
        let mut names = Vec::new();
        while let Some((name, length)) = rest.split_at_checked(8).map(|(head, _)| head.split_at(4))
        {
            let length = u32::from_le_bytes(length.try_into().unwrap()) as usize;
            names.push(String::from_utf8(name.to_vec()).unwrap());
            rest = &rest[8 + length + length % 2..];
        }
        assert_eq!(file[20] & 0x3E, flags);
        assert_eq!((names[0].as_str(), rest.len()), ("VP8X", 0));
        assert_eq!(names[names.len() - 2..], ["EXIF", "XMP "]);
        assert_eq!(u32::from_le_bytes(file[4..8].try_into().unwrap()) as usize, file.len() - 8);
    }
}

#[test]
fn a_jpeg_begins_with_jfif_and_has_no_room_for_endless_texts() {
    let texts = Texts { task: TASK, parameters: Some("a\nSteps: 20") };
    let file = encode(&picture(255), FileFormat::Jpeg { quality: 90 }, texts).unwrap();
    assert_eq!(&file[2..4], [0xFF, 0xE0]);
    assert_eq!(&file[20..30], [b"\xFF\xE1".as_slice(), &file[22..24], b"Exif\0\0"].concat());
    let long = "x".repeat(40_000);
    let texts = Texts { task: TASK, parameters: Some(&long) };
    let refused = encode(&picture(255), FileFormat::Jpeg { quality: 90 }, texts);
    assert!(matches!(refused, Err(crate::pixels::FileError::TextTooLong(_))));
}

#[test]
fn texts_put_into_a_file_give_what_encoding_with_them_gives_to_the_byte() {
    let old = Texts { task: "{}", parameters: Some("old 狐\nSteps: 1") };
    for format in formats() {
        for alpha in [255, 90] {
            for parameters in ["a\nSteps: 20", "лиса 狐 🦊\nSteps: 20!"] {
                let texts = Texts { task: TASK, parameters: Some(parameters) };
                let wanted = encode(&picture(alpha), format, texts).unwrap();
                for before in [old, texts, Texts { parameters: None, ..old }] {
                    let file = encode(&picture(alpha), format, before).unwrap();
                    assert_eq!(with_texts(&file, texts).unwrap(), wanted, "{format:?} {alpha}");
                }
            }
        }
    }
    let bare = encode_bare(&picture(255), 90).unwrap();
    let texts = Texts { task: TASK, parameters: Some("b") };
    let wanted = encode(&picture(255), FileFormat::Webp { quality: 90 }, texts).unwrap();
    assert_eq!(with_texts(&bare, texts).unwrap(), wanted);
    assert!(with_texts(b"no picture", texts).is_err());
}

#[test]
fn what_others_wrote_stays_and_half_a_file_is_no_reason_to_panic() {
    for (format, other) in [
        (FileFormat::Png, chunk(b"tEXt", b"Software\0theirs")),
        (FileFormat::Jpeg { quality: 90 }, b"\xFF\xFE\0\x08theirs".to_vec()),
    ] {
        let mut file = encode(&picture(255), format, TASK).unwrap();
        let place = if format == FileFormat::Png { 33 } else { 20 };
        file.splice(place..place, other.clone());
        let texts = Texts { task: "{}", parameters: Some("x") };
        let put = with_texts(&file, texts).unwrap();
        assert!(put.windows(other.len()).any(|window| window == other), "{format:?}");
        assert_eq!(read_task_text(&put).as_deref(), Some("{}"));
        assert_eq!(decode(&put).unwrap(), decode(&file).unwrap());
        for end in 0..file.len() {
            let _ = with_texts(&file[..end], texts);
        }
    }
}

/// A PNG chunk, its checksum wrong.
fn chunk(kind: &[u8], payload: &[u8]) -> Vec<u8> {
    [&(payload.len() as u32).to_be_bytes(), kind, payload, &[0; 4]].concat()
}

fn deflated(bytes: impl Iterator<Item = Vec<u8>>) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    for part in bytes {
        encoder.write_all(&part).unwrap();
    }
    encoder.finish().unwrap()
}

#[test]
fn compressed_texts_are_read_and_bombs_are_left_out() {
    let text = deflated(std::iter::once(b"caf\xE9".to_vec()));
    let utf_8 = deflated(std::iter::once("狐".as_bytes().to_vec()));
    let bomb = deflated(std::iter::repeat_n(vec![b'x'; 1 << 20], 64));
    assert!(bomb.len() < 1 << 17);
    let file = [
        png_chunks::SIGNATURE.to_vec(),
        chunk(b"zTXt", &[b"one\0\0", &*text].concat()),
        chunk(b"iTXt", &[b"two\0\x01\0de\0zwei\0", &*utf_8].concat()),
        chunk(b"zTXt", &[b"bomb\0\0", &*bomb].concat()),
        chunk(b"iTXt", &[b"bomb 2\0\x01\0\0\0", &*bomb].concat()),
        chunk(b"zTXt", b"damaged\0\0no zlib"),
        chunk(b"tEXt", b"no end of the keyword"),
        chunk(b"tEXt", "utf-8\0ключ".as_bytes()),
        chunk(b"IEND", b""),
        chunk(b"tEXt", b"behind the end\0x"),
    ]
    .concat();
    let texts = file_texts(&file);
    let found: Vec<_> =
        texts.found.iter().map(|text| (text.name.as_str(), text.text.as_str())).collect();
    assert_eq!(found, [("one", "café"), ("two", "狐"), ("utf-8", "ключ")]);
    assert_eq!(texts.left_out, ["bomb", "bomb 2", "damaged"]);
    for end in 0..file.len().min(2000) {
        let _ = file_texts(&file[..end]);
    }
}

#[test]
fn many_and_large_texts_are_bounded() {
    let large = chunk(b"tEXt", &[b"a\0".as_slice(), &vec![b'x'; 5 << 20]].concat());
    let many = chunk(b"tEXt", b"b\0y").repeat(1000);
    let texts = file_texts(&[png_chunks::SIGNATURE, &large.repeat(4), &many].concat());
    assert_eq!(texts.left_out, ["a"]);
    assert_eq!(texts.found.len() + texts.left_out.len(), MOST_TEXTS);
}
