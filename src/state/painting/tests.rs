use super::*;

const START: Extent = Extent::new(64, 32);

fn draft() -> Draft {
    Draft { seed_image: Some(Uuid::from_u128(1)), ..Draft::default() }
}

fn white() -> Mask {
    Mask::from_bytes(START, vec![255; START.area()]).unwrap()
}

#[test]
fn painting_makes_the_mask_and_taking_all_away_unmakes_it() {
    let (mut painting, mut draft) = (Painting::default(), draft());
    assert!(painting.hand_out(Some(START)).is_none(), "no start picture is known yet");
    assert_eq!(painting.settle(&mut draft, Some(START)), None);
    let mask = painting.hand_out(Some(START)).unwrap();
    mask.begin(Brush::default(), Ink::Add, [9.0, 9.0]);
    painting.settle(&mut draft, Some(START));
    assert_eq!(draft.mask.shape, MaskShape::Painted, "while the stroke is drawn");
    assert_eq!(painting.to_save(), None);
    painting.hand_out(Some(START)).unwrap().end_stroke();
    painting.settle(&mut draft, Some(START));
    assert!(painting.to_save().is_some());
    painting.hand_out(Some(START)).unwrap().undo();
    painting.settle(&mut draft, Some(START));
    assert_eq!(draft.mask.shape, MaskShape::Nowhere);
    painting.hand_out(Some(START)).unwrap().redo();
    painting.settle(&mut draft, Some(START));
    assert_eq!(draft.mask.shape, MaskShape::Painted);
}

#[test]
fn a_form_that_loses_its_mask_empties_it_and_undo_brings_it_back() {
    let (mut painting, mut draft) = (Painting::default(), draft());
    painting.settle(&mut draft, Some(START));
    painting.fill_rectangle(Some(START), Rectangle::new(2, 2, 9, 9), Ink::Add);
    painting.settle(&mut draft, Some(START));
    draft.mask.shape = MaskShape::Nowhere;
    painting.settle(&mut draft, Some(START));
    assert_eq!(draft.mask.shape, MaskShape::Nowhere);
    assert!(painting.mask().unwrap().mask().bytes().iter().all(|&value| value == 0));
    painting.hand_out(Some(START)).unwrap().undo();
    painting.settle(&mut draft, Some(START));
    assert_eq!(draft.mask.shape, MaskShape::Painted);
}

#[test]
fn a_mask_of_the_library_is_read_and_stays_it_until_it_is_painted_on() {
    let (mut painting, mut draft) = (Painting::default(), draft());
    let kept = Uuid::from_u128(7);
    draft.mask.shape = MaskShape::Kept(kept);
    assert_eq!(painting.settle(&mut draft, None), None, "the start picture's size is not known");
    let (ticket, source) = painting.settle(&mut draft, Some(START)).unwrap();
    assert_eq!(source, MaskSource::Kept(kept));
    assert_eq!(painting.settle(&mut draft, Some(START)), None, "asked once");
    assert!(painting.hand_out(Some(START)).is_none(), "nothing is painted meanwhile");
    assert!(painting.arrived(ticket, Some(white())));
    painting.settle(&mut draft, Some(START));
    assert_eq!(draft.mask.shape, MaskShape::Kept(kept));
    assert!(!painting.mask().unwrap().can_undo());
    painting.fill_rectangle(Some(START), Rectangle::new(0, 0, 5, 5), Ink::Remove);
    painting.settle(&mut draft, Some(START));
    assert_eq!(draft.mask.shape, MaskShape::Painted);
}

#[test]
fn after_a_restart_the_saved_pixels_come_back_or_the_form_is_told() {
    let (mut painting, mut draft) = (Painting::default(), draft());
    draft.mask.shape = MaskShape::Painted;
    let (ticket, source) = painting.settle(&mut draft, Some(START)).unwrap();
    assert_eq!(source, MaskSource::Saved(Uuid::from_u128(1)));
    assert!(painting.arrived(ticket, Some(white())));
    painting.settle(&mut draft, Some(START));
    assert_eq!(draft.mask.shape, MaskShape::Painted);
    assert_eq!(painting.to_save().unwrap().2, &white());
}

#[test]
fn pixels_for_another_picture_are_thrown_away() {
    let (mut painting, mut draft) = (Painting::default(), draft());
    draft.mask.shape = MaskShape::Painted;
    let (ticket, _) = painting.settle(&mut draft, Some(START)).unwrap();
    draft.start_from(Some(Uuid::from_u128(2)));
    painting.settle(&mut draft, Some(START));
    assert!(!painting.arrived(ticket, Some(white())));
    assert!(painting.mask().is_none());
    assert!(painting.hand_out(Some(START)).is_some());
}

#[test]
fn a_change_made_elsewhere_is_one_step() {
    let (mut painting, mut draft) = (Painting::default(), draft());
    painting.settle(&mut draft, Some(START));
    painting.fill_rectangle(Some(START), Rectangle::new(0, 0, 5, 5), Ink::Add);
    painting.settle(&mut draft, Some(START));
    let before = painting.mask().unwrap().mask().clone();
    let ticket = painting.ticket(Some(START)).unwrap();
    assert!(painting.is_waiting());
    assert!(painting.arrived(ticket, Some(white())));
    painting.hand_out(Some(START)).unwrap().undo();
    assert_eq!(painting.mask().unwrap().mask(), &before);
}

#[test]
fn masks_of_very_large_pictures_are_smaller_than_they() {
    assert_eq!(Painting::extent_over(Extent::new(4096, 9)), Extent::new(4096, 9));
    assert_eq!(Painting::extent_over(Extent::new(12_000, 6000)), Extent::new(4096, 2048));
    assert_eq!(Painting::extent_over(Extent::new(1, 100_000)), Extent::new(1, 4096));
}

#[test]
fn no_two_masks_have_the_same_numbers_and_each_is_saved() {
    let (mut painting, mut draft) = (Painting::default(), draft());
    let mut numbers = Vec::new();
    for round in 0..3 {
        for seed_image in [1, 2] {
            draft.start_from(Some(Uuid::from_u128(seed_image)));
            painting.settle(&mut draft, Some(START));
            let place = Rectangle::new(round, 0, 5, 5);
            painting.fill_rectangle(Some(START), place, Ink::Add);
            painting.settle(&mut draft, Some(START));
            let (uuid, number, _) = painting.to_save().unwrap();
            assert!(!numbers.contains(&(uuid, number)), "{round}");
            numbers.push((uuid, number));
        }
    }
}

#[test]
fn a_form_that_speaks_of_the_painted_mask_again_gets_it_and_no_other() {
    let saved = MaskSource::Saved(Uuid::from_u128(1));
    for other in [MaskShape::Kept(Uuid::from_u128(7)), MaskShape::Nowhere] {
        let (mut painting, mut draft) = (Painting::default(), draft());
        painting.settle(&mut draft, Some(START));
        painting.fill_rectangle(Some(START), Rectangle::new(2, 2, 9, 9), Ink::Add);
        painting.settle(&mut draft, Some(START));
        draft.mask.shape = other;
        if let Some((ticket, _)) = painting.settle(&mut draft, Some(START)) {
            painting.arrived(ticket, Some(white()));
        }
        painting.settle(&mut draft, Some(START));
        draft.mask.shape = MaskShape::Painted;
        let (ticket, source) = painting.settle(&mut draft, Some(START)).unwrap();
        assert_eq!(source, saved, "{other:?}");
        assert_eq!(painting.to_save(), None, "what is saved is not written over meanwhile");
        assert!(painting.arrived(ticket, Some(white())));
    }
}

#[test]
fn a_form_that_loses_its_mask_while_it_is_changed_keeps_its_history() {
    let (mut painting, mut draft) = (Painting::default(), draft());
    painting.settle(&mut draft, Some(START));
    painting.fill_rectangle(Some(START), Rectangle::new(2, 2, 9, 9), Ink::Add);
    painting.settle(&mut draft, Some(START));
    let before = painting.mask().unwrap().mask().clone();
    let ticket = painting.ticket(Some(START)).unwrap();
    draft.mask.shape = MaskShape::Nowhere;
    painting.settle(&mut draft, Some(START));
    assert!(!painting.arrived(ticket, Some(white())), "nobody waits for it any more");
    painting.hand_out(Some(START)).unwrap().undo();
    assert_eq!(painting.mask().unwrap().mask(), &before);
}
