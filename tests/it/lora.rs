//! LoRA files of every layout: which tensors they change, and by how much.

use latelier::weights::{Checkpoint, LoraFile, TargetPart, add_deltas};

use crate::support::repository;

fn demo() -> Checkpoint {
    Checkpoint::open(&repository("assets/models/demo"), None).unwrap()
}

#[test]
fn every_tensor_of_the_demo_lora_finds_its_layer() {
    let path = repository("assets/models/demo/addons/lora-outline.safetensors");
    let lora = LoraFile::open(&path, &demo()).unwrap();
    assert_eq!(lora.deltas.len(), 56);
    assert_eq!(lora.unmatched, Vec::<String>::new());
    assert!(lora.deltas.keys().all(|target| target.part == TargetPart::Unet));
    assert!(lora.deltas.values().all(|delta| delta.rank() == Some(8)));
    assert_eq!(lora.load().unwrap().deltas.len(), 56);
}

/// Adds in one go, and in rows of several heights.
#[test]
fn a_weight_changed_in_parts_is_the_same_to_the_bit() {
    let demo = demo();
    let path = repository("assets/models/demo/addons/lora-outline.safetensors");
    let lora = LoraFile::open(&path, &demo).unwrap().load().unwrap();
    for (target, factors) in &lora.deltas {
        let shape: Vec<usize> =
            demo.unet.tensors[&target.tensor].shape.iter().map(|&side| side as usize).collect();
        let columns: usize = shape[1..].iter().product();
        let deltas = [(0.7, factors), (-1.3, factors)];
        let base: Vec<f32> = (0..shape[0] * columns).map(|i| (i as f32).sin()).collect();
        let mut whole = base.clone();
        add_deltas(&mut whole, &shape, &deltas, 0..shape[0]);
        assert_ne!(whole, base);
        for height in [1, 7, 32] {
            let mut parts = base.clone();
            for (i, part) in parts.chunks_mut(height * columns).enumerate() {
                let start = i * height;
                add_deltas(part, &shape, &deltas, start..start + part.len() / columns);
            }
            assert!(whole == parts, "{} in rows of {height}", target.tensor);
        }
    }
}
