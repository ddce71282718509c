//! What is decoded, how large, and what is hidden.

use super::decoding::{decode, preview_image};
use super::*;
use crate::library::Home;
use crate::pixels::{FileFormat, encode};

fn wide() -> Picture {
    let extent = Extent::new(600, 60);
    Picture::from_rgba(extent, vec![200; extent.area() * 4]).unwrap()
}

#[test]
fn no_texture_is_larger_than_the_card_takes_and_the_extent_stays_the_files() {
    let folder = tempfile::tempdir().unwrap();
    let thumbnails = Thumbnails::new(&Home::at(folder.path()));
    let file = folder.path().join("wide.png");
    std::fs::write(&file, encode(&wide(), FileFormat::Png, "{}").unwrap()).unwrap();
    let sources = [
        Source::Memory(wide()),
        Source::File(file.clone()),
        Source::Result(Uuid::from_u128(1), file, Some(wide().extent())),
    ];
    for source in &sources {
        for (size, side, width) in [
            (Size::Whole, 300, 300),
            (Size::Whole, 4096, 600),
            (Size::Thumbnail, 4096, 256),
            (Size::Covered, 4096, 12),
        ] {
            let (image, extent) = decode(source, (size, side), &thumbnails).unwrap();
            assert_eq!((image.width(), extent), (width, wide().extent()), "{size:?}");
        }
    }
}

#[test]
fn the_limit_is_the_cards_or_our_own() {
    assert_eq!([2048, 16_384].map(within), [2048, 4096]);
}

#[test]
fn previews_of_checked_jobs_are_a_few_pixels() {
    assert_eq!(preview_image(&wide(), true).size, [12, 1]);
    assert_eq!(preview_image(&wide(), false).size, [600, 60]);
}

#[test]
fn what_several_panels_wish_for_is_decoded_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("wide.png");
    std::fs::write(&file, encode(&wide(), FileFormat::Png, "{}").unwrap()).unwrap();
    let thumbnails = Thumbnails::new(&Home::at(folder.path()));
    let mut textures = Textures::start(&egui::Context::default(), &thumbnails).unwrap();
    for _ in 0..3 {
        let look = textures.look_in_file(Uuid::from_u128(1), &file, Size::Whole);
        assert!(matches!(look, Look::Coming));
    }
    textures.end_frame();
    let patience = std::time::Duration::from_mins(1);
    textures.decoded.recv_timeout(patience).unwrap();
    let again = textures.decoded.recv_timeout(std::time::Duration::from_millis(400));
    assert!(again.is_err(), "decoded twice");
}
