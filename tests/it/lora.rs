//! LoRA files of every layout: which tensors they change, and by how much, against diffusers, peft and
//! lycoris-lora (`tests/goldens/lora.py`).

mod refused;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::PathBuf;

use latelier::weights::{
    Checkpoint, Factors, LoadedLora, LoraFile, Target, TargetPart, Tensor, add_deltas,
};
use ndarray::{ArrayD, IxDyn};

use crate::support::{golden, relative_error, repository, tensors};

/// What f32 arithmetic in another order costs.
const TOLERANCE: f32 = 1e-5;

const DEMO_LORA: &str = "assets/models/demo/addons/lora-outline.safetensors";

fn demo() -> Checkpoint {
    Checkpoint::open(&repository("assets/models/demo"), None).unwrap()
}

fn tiny() -> Checkpoint {
    let folder = golden("tiny-sd1");
    Checkpoint::open(&folder.join("model.safetensors"), Some(&folder.join("config"))).unwrap()
}

fn case_file(case: &str) -> PathBuf {
    golden("lora").join(format!("{case}.safetensors"))
}

fn base<'a>(checkpoint: &'a Checkpoint, target: &Target) -> &'a Tensor {
    let component = match target.part {
        TargetPart::Unet => &checkpoint.unet,
        TargetPart::TextEncoder => &checkpoint.text_encoder,
    };
    &component.tensors[&target.tensor]
}

fn numbers(tensor: &Tensor) -> ArrayD<f32> {
    let shape: Vec<usize> = tensor.shape.iter().map(|&side| side as usize).collect();
    let numbers = tensor.read_f32(&mut File::open(&tensor.file).unwrap()).unwrap();
    ArrayD::from_shape_vec(IxDyn(&shape), numbers).unwrap()
}

/// The tensor with the changes, computed in one go and in rows of other heights.
fn changed(base: &ArrayD<f32>, deltas: &[(f32, &Factors)]) -> ArrayD<f32> {
    let shape = base.shape().to_vec();
    let columns: usize = shape[1..].iter().product();
    let mut whole = base.clone();
    add_deltas(whole.as_slice_mut().unwrap(), &shape, deltas, 0..shape[0]);
    for height in [1, 7, 32] {
        let mut parts = base.clone();
        let chunks = parts.as_slice_mut().unwrap().chunks_mut(height * columns);
        for (i, part) in chunks.enumerate() {
            let start = i * height;
            add_deltas(part, &shape, deltas, start..start + part.len() / columns);
        }
        assert!(parts == whole, "rows of {height} of {shape:?} differ");
    }
    whole
}

fn part_of(name: &str) -> TargetPart {
    if name == "unet" { TargetPart::Unet } else { TargetPart::TextEncoder }
}

/// The golden tensors by case and weight.
fn goldens() -> BTreeMap<(String, String), BTreeMap<Target, ArrayD<f32>>> {
    let mut cases: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
    for (name, tensor) in tensors("lora.safetensors") {
        let [case, weight, part, tensor_name] = *name.splitn(4, '/').collect::<Vec<_>>().as_slice()
        else {
            panic!("{name}");
        };
        let target = Target { part: part_of(part), tensor: tensor_name.to_owned() };
        let key = (case.to_owned(), weight.to_owned());
        cases.entry(key).or_default().insert(target, tensor);
    }
    cases
}

#[track_caller]
fn assert_changes(
    tiny: &Checkpoint,
    what: &str,
    loras: &[(f32, &LoadedLora)],
    expected: &BTreeMap<Target, ArrayD<f32>>,
) {
    for (target, expected) in expected {
        let deltas: Vec<_> = (loras.iter())
            .filter_map(|(weight, lora)| Some((*weight, lora.deltas.get(target)?)))
            .collect();
        let found = changed(&numbers(base(tiny, target)), &deltas);
        let error = relative_error(&found, expected);
        assert!(error < TOLERANCE, "{what}, {target:?}: off by {error}");
    }
}

#[test]
fn files_of_every_layout_change_the_weights_as_the_reference_does() {
    let tiny = tiny();
    let mut seen = BTreeSet::new();
    for ((case, weight), expected) in goldens() {
        if case.contains("stack") {
            continue;
        }
        let file = LoraFile::open(&case_file(&case), &tiny).unwrap();
        assert_eq!(file.unmatched, Vec::<String>::new(), "{case}");
        let lora = file.load(&|| false).unwrap();
        assert!(lora.deltas.keys().eq(expected.keys()), "{case}: {:#?}", lora.deltas.keys());
        let number = weight.parse().unwrap();
        assert_changes(&tiny, &format!("{case} × {weight}"), &[(number, &lora)], &expected);
        seen.insert(case);
    }
    assert_eq!(seen.len(), 22);
}

#[test]
fn a_weight_of_nothing_changes_nothing() {
    let tiny = tiny();
    for case in ["kohya", "dora", "loha", "lokr", "full"] {
        let lora = LoraFile::open(&case_file(case), &tiny).unwrap().load(&|| false).unwrap();
        for (target, factors) in &lora.deltas {
            let base = numbers(base(&tiny, target));
            assert_eq!(changed(&base, &[(0.0, factors)]), base, "{case} {target:?}");
        }
    }
}

#[test]
fn stacked_files_add_up() {
    let tiny = tiny();
    let goldens = goldens();
    let open = |case| LoraFile::open(&case_file(case), &tiny).unwrap().load(&|| false).unwrap();
    let stacks: [(&str, &[(f32, &str)]); 2] = [
        ("stack", &[(0.5, "kohya"), (-1.0, "original"), (2.0, "linear-layer")]),
        ("dora-stack", &[(0.5, "dora"), (2.0, "dora-two")]),
    ];
    for (name, stack) in stacks {
        let loras: Vec<_> = stack.iter().map(|(weight, case)| (*weight, open(case))).collect();
        let loras: Vec<_> = loras.iter().map(|(weight, lora)| (*weight, lora)).collect();
        assert_changes(&tiny, name, &loras, &goldens[&(name.to_owned(), "1.0".to_owned())]);
    }
}

#[test]
fn every_tensor_of_the_demo_lora_finds_its_layer() {
    let demo = demo();
    let lora = LoraFile::open(&repository(DEMO_LORA), &demo).unwrap();
    assert_eq!(lora.deltas.len(), 56);
    assert_eq!(lora.unmatched, Vec::<String>::new());
    assert!(lora.deltas.keys().all(|target| target.part == TargetPart::Unet));
    assert!(lora.deltas.values().all(|delta| delta.rank() == Some(8)));
    for (target, factors) in &lora.load(&|| false).unwrap().deltas {
        let base = numbers(base(&demo, target));
        assert_ne!(changed(&base, &[(1.0, factors)]), base, "{target:?}");
    }
}

#[test]
fn trigger_words_come_from_the_metadata() {
    let tiny = tiny();
    let words = |case| LoraFile::open(&case_file(case), &tiny).unwrap().trigger_words;
    assert_eq!(words("kohya"), ["tok woman", "blue hat"]);
    assert_eq!(words("original"), Vec::<String>::new());
}
