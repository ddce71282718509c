//! Files that cannot be used: each is refused with the reason, and the reason ends with the path.

use std::collections::HashMap;
use std::fs;
use std::ops::Deref;
use std::path::{Path, PathBuf};

use latelier::task::{Architecture, ModelKind};
use latelier::weights::{Detected, Header, LoraError, LoraFile, detect};
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use tempfile::TempDir;

use super::{case_file, tiny};
use crate::support::{golden, scratch};

/// A layer of 8 × 8, and one that takes the text (8 × 16).
const LAYER: &str = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q";
const TEXT_LAYER: &str = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k";

/// Tensors of a file: name, shape, and the number that fills it.
type Tensors<'a> = &'a [(&'a str, &'a [usize], f32)];

/// A file in a folder that goes when it is dropped.
struct Written {
    path: PathBuf,
    _folder: TempDir,
}

impl Written {
    fn new(name: &str, bytes: impl AsRef<[u8]>) -> Self {
        let folder = scratch();
        let path = folder.path().join(format!("{name}.safetensors"));
        fs::write(&path, bytes).unwrap();
        Self { path, _folder: folder }
    }
}

impl Deref for Written {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.path
    }
}

/// Writes a file of f32 tensors, `LAYER` put in for `@` and `TEXT_LAYER` for `#`.
fn write(name: &str, tensors: Tensors<'_>, metadata: &[(&str, &str)]) -> Written {
    let names: Vec<String> = tensors
        .iter()
        .map(|(name, ..)| name.replace('@', LAYER).replace('#', TEXT_LAYER))
        .collect();
    let bytes: Vec<Vec<u8>> = (tensors.iter())
        .map(|(_, shape, number)| number.to_le_bytes().repeat(shape.iter().product()))
        .collect();
    let views = names.iter().zip(tensors).zip(&bytes).map(|((name, (_, shape, _)), bytes)| {
        (name, TensorView::new(Dtype::F32, shape.to_vec(), bytes).unwrap())
    });
    let metadata: HashMap<String, String> =
        metadata.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    Written::new(name, safetensors::serialize(views, Some(metadata)).unwrap())
}

fn opened(path: &Path) -> Result<LoraFile, LoraError> {
    LoraFile::open(path, &tiny())
}

#[track_caller]
fn assert_refused(path: &Path, says: &[&str]) {
    let error = opened(path).and_then(|file| file.load(&|| false).map(drop)).unwrap_err();
    let message = error.to_string();
    for word in says {
        assert!(message.contains(word), "{message:?} does not say {word:?}");
    }
    let name = path.file_name().unwrap().to_str().unwrap();
    assert!(message.ends_with(name), "{message:?} does not end with the path");
}

#[track_caller]
fn assert_tensors_refused(name: &str, tensors: Tensors<'_>, says: &[&str]) {
    assert_refused(&write(name, tensors, &[]), says);
}

#[test]
fn files_that_are_cut_off_or_no_lora_are_refused() {
    let whole = fs::read(case_file("kohya")).unwrap();
    for length in [0, 4, 100, whole.len() - 1] {
        let path = Written::new("cut", &whole[..length]);
        let says = if length < 8 { "not a safetensors file" } else { "cut off" };
        assert_refused(&path, &[says]);
    }
    assert_refused(&scratch().path().join("missing.safetensors"), &["cannot be read"]);
    assert_refused(&golden("tiny-sd1/model.safetensors"), &["holds no LoRA", "alphas_cumprod"]);
    let path = golden("tiny-sd1/latent.safetensors");
    assert_refused(&path, &["holds no LoRA", "`latent`"]);
}

#[test]
fn numbers_that_are_not_finite_are_refused_with_the_tensors_name() {
    for number in [f32::NAN, f32::INFINITY] {
        let up = ("@.lora_up.weight", [8, 4].as_slice(), number);
        let down = ("@.lora_down.weight", [4, 8].as_slice(), 1.0);
        assert_tensors_refused("not-finite", &[down, up], &[LAYER, "lora_up", "not finite"]);
        let alpha = ("@.alpha", [].as_slice(), number);
        let up = ("@.lora_up.weight", [8, 4].as_slice(), 1.0);
        assert_tensors_refused("alpha", &[down, up, alpha], &[".alpha", "not one finite number"]);
    }
    let path = write(
        "alphas",
        &[
            ("@.lora_down.weight", &[4, 8], 1.0),
            ("@.lora_up.weight", &[8, 4], 1.0),
            ("@.alpha", &[2], 1.0),
        ],
        &[],
    );
    assert_refused(&path, &["not one finite number"]);
}

#[test]
fn ranks_and_shapes_must_agree() {
    for (down, up, says) in [
        (&[0, 8], &[8, 0], "rank 0"),
        (&[4, 8], &[8, 3], "rank 4 is needed"),
        (&[4, 9], &[8, 4], "8 inputs"),
        (&[4, 8], &[9, 4], "8 outputs"),
    ] {
        let tensors: Tensors<'_> =
            &[("@.lora_down.weight", down, 1.0), ("@.lora_up.weight", up, 1.0)];
        assert_tensors_refused("shapes", tensors, &[LAYER, says]);
    }
    let hada = |w1b: &'static [usize], w2a: &'static [usize]| {
        [
            ("@.hada_w1_a", [8, 4].as_slice(), 1.0),
            ("@.hada_w1_b", w1b, 1.0),
            ("@.hada_w2_a", w2a, 1.0),
            ("@.hada_w2_b", [4, 8].as_slice(), 1.0),
        ]
    };
    assert_tensors_refused("hada", &hada(&[4, 7], &[8, 4]), &["hada_w1_b", "8 inputs"]);
    assert_tensors_refused("hada", &hada(&[4, 8], &[8, 2]), &["hada_w2_a", "rank 4"]);
    let lokr: Tensors<'_> = &[("@.lokr_w1", &[2, 2], 1.0), ("@.lokr_w2", &[4, 3], 1.0)];
    assert_tensors_refused("lokr", lokr, &["lokr_w1", "8 × 6, not of 8 × 8"]);
    assert_tensors_refused("diff", &[("@.diff", &[8, 7], 1.0)], &[".diff", "8 × 8"]);
}

#[test]
fn tensors_without_their_partner_are_refused() {
    for tensors in [
        [("@.lora_down.weight", &[4, 8])].as_slice(),
        &[("@.lora_up.weight", &[8, 4])],
        &[("@.hada_w1_a", &[8, 4]), ("@.hada_w1_b", &[4, 8]), ("@.hada_w2_a", &[8, 4])],
        &[("@.lokr_w1", &[2, 2])],
        &[("@.lokr_w1", &[2, 2]), ("@.lokr_w2_a", &[4, 2])],
        &[("@.dora_scale", &[8, 1])],
    ] {
        let tensors: Vec<(&str, &[usize], f32)> =
            tensors.iter().map(|(name, shape)| (*name, shape.as_slice(), 1.0)).collect();
        assert_tensors_refused("alone", &tensors, &[LAYER, "stands alone"]);
    }
}

#[test]
fn one_layer_is_changed_once() {
    let down = ("@.lora_down.weight", [4, 8].as_slice(), 1.0);
    let up = ("@.lora_up.weight", [8, 4].as_slice(), 1.0);
    let again = "lora_unet_input_blocks_1_1_transformer_blocks_0_attn1_to_q.lora_down.weight";
    let tensors = [down, up, (again, [4, 8].as_slice(), 1.0)];
    assert_tensors_refused("twice", &tensors, &["changes the same layer as", "input_blocks_1_1"]);
    let tensors = [down, up, ("@.diff", [8, 8].as_slice(), 1.0)];
    assert_tensors_refused("two-methods", &tensors, &["changes the same layer as", ".diff"]);
}

#[test]
fn methods_that_do_not_add_are_refused_by_name() {
    let tensors: Tensors<'_> = &[("@.weight", &[8], 1.0), ("@.on_input", &[], 1.0)];
    assert_tensors_refused("ia3", tensors, &["IA3"]);
    assert_tensors_refused("oft", &[("@.oft_blocks", &[2, 4, 4], 1.0)], &["OFT"]);
    let columns: Tensors<'_> = &[
        ("@.lora_down.weight", &[4, 8], 1.0),
        ("@.lora_up.weight", &[8, 4], 1.0),
        ("@.dora_scale", &[1, 8], 1.0),
    ];
    assert_tensors_refused("dora-columns", columns, &["dora_scale", "columns", "choose another"]);
}

#[test]
fn numbers_of_eight_bits_are_refused() {
    let (bytes, shape) = ([0; 32], vec![4, 8]);
    let view = TensorView::new(Dtype::F8_E4M3, shape, &bytes).unwrap();
    let other = TensorView::new(Dtype::F32, vec![1], &[0; 4]).unwrap();
    let views =
        [(format!("{LAYER}.lora_down.weight"), view), (format!("{LAYER}.lora_up.weight"), other)];
    let path = Written::new("eight", safetensors::serialize(views, None).unwrap());
    assert_refused(
        &path,
        &["lora_down", "stored as", "f16, bf16 and f32 are known", "another LoRA"],
    );
}

#[test]
fn a_file_of_eight_bits_alone_is_a_lora_all_the_same() {
    let bytes = [0; 32];
    let view = |shape: [usize; 2]| TensorView::new(Dtype::F8_E4M3, shape.to_vec(), &bytes).unwrap();
    let views = [
        (format!("{LAYER}.lora_down.weight"), view([4, 8])),
        (format!("{LAYER}.lora_up.weight"), view([8, 4])),
    ];
    let path = Written::new("eight-alone", safetensors::serialize(views, None).unwrap());
    assert_refused(&path, &[LAYER, "stored as", "another LoRA"]);
}

#[test]
fn the_words_own_vectors_are_not_changed_and_told_to_be_left_out() {
    let tensors: Tensors<'_> = &[
        ("@.lora_down.weight", &[4, 8], 1.0),
        ("@.lora_up.weight", &[8, 4], 1.0),
        ("lora_te_text_model_embeddings_token_embedding.diff", &[4, 8], 1.0),
    ];
    let file = opened(&write("vectors", tensors, &[])).unwrap();
    assert_eq!(file.deltas.len(), 1);
    assert_eq!(file.unmatched, ["lora_te_text_model_embeddings_token_embedding.diff"]);
}

/// Files of other families: tensors, metadata, what they were made for, what shows it.
#[test]
fn files_of_other_families_are_refused_and_detected() {
    use Architecture::{FluxDev, Sd1, Sd2, Sd3, Sdxl};
    const SDXL_LAYER: &str =
        "lora_unet_input_blocks_4_1_transformer_blocks_0_attn2_to_k.lora_down.weight";
    let wide = |width: &'static [usize]| {
        vec![("#.lora_down.weight", width, 1.0), ("#.lora_up.weight", [8, 4].as_slice(), 1.0)]
    };
    let one = |name: &'static str| vec![(name, [4, 8].as_slice(), 1.0)];
    let told = |family: &'static str| vec![("ss_base_model_version", family)];
    for (tensors, metadata, architecture, says) in [
        (wide(&[4, 2048]), vec![], Sdxl, "cross-attention width 2048, this model has 16"),
        (vec![(SDXL_LAYER, [4, 2048].as_slice(), 1.0)], vec![], Sdxl, "width 2048"),
        (wide(&[4, 1024]), vec![], Sd2, "cross-attention width 1024, this model has 16"),
        (wide(&[4, 768]), vec![], Sd1, "cross-attention width 768, this model has 16"),
        (
            one("lora_te2_text_model_encoder_layers_0_mlp_fc1.lora_down.weight"),
            vec![],
            Sdxl,
            "lora_te2_",
        ),
        (
            one("lora_unet_double_blocks_0_img_attn_proj.lora_down.weight"),
            vec![],
            FluxDev,
            "double_blocks_0",
        ),
        (
            one("transformer.single_transformer_blocks.0.attn.to_q.lora_A.weight"),
            vec![],
            FluxDev,
            "single_transformer_blocks",
        ),
        (
            one("transformer.transformer_blocks.0.attn.to_q.lora_A.weight"),
            vec![],
            Sd3,
            "transformer_blocks.0",
        ),
        (
            one("lora_unet_joint_blocks_0_x_block_attn_qkv.lora_down.weight"),
            vec![],
            Sd3,
            "joint_blocks",
        ),
        (
            one("lora_unet_input_blocks_4_1_transformer_blocks_1_attn1_to_q.lora_down.weight"),
            vec![],
            Sdxl,
            "transformer_blocks_1_",
        ),
        (one("@.lora_down.weight"), told("sdxl_base_v1-0"), Sdxl, "`sdxl_base_v1-0`"),
        (one("@.lora_down.weight"), told("sd_v2_768_v"), Sd2, "`sd_v2_768_v`"),
        (
            vec![("#.lokr_w1", [2, 32].as_slice(), 1.0), ("#.lokr_w2", [4, 64].as_slice(), 1.0)],
            vec![],
            Sdxl,
            "cross-attention width 2048, this model has 16",
        ),
        (
            vec![
                ("#.hada_w1_a", [8, 4].as_slice(), 1.0),
                ("#.hada_w1_b", [4, 1024].as_slice(), 1.0),
            ],
            vec![],
            Sd2,
            "cross-attention width 1024, this model has 16",
        ),
    ] {
        let path = write("family", &tensors, &metadata);
        assert_refused(&path, &["made for", architecture.label(), says]);
        let detected = detect(&Header::read(&path).unwrap());
        let expected = Detected { kind: ModelKind::Lora, architecture: Some(architecture) };
        assert_eq!(detected, Some(expected), "{tensors:?}");
    }
    let path = write("nowhere", &one("lora_unet_blocks_0_attn_q.lora_down.weight"), &[]);
    assert_refused(&path, &["none of this LoRA's 1 tensors", "lora_unet_blocks_0_attn_q"]);
}

#[test]
fn what_belongs_nowhere_is_listed() {
    let tensors: Tensors<'_> = &[
        ("@.lora_down.weight", &[4, 8], 1.0),
        ("@.lora_up.weight", &[8, 4], 1.0),
        ("@.diff_b", &[8], 1.0),
        ("lora_unet_blocks_0_attn_q.lora_down.weight", &[4, 8], 1.0),
        (&format!("{TEXT_LAYER}.alpha"), &[], 4.0),
        ("step", &[1], 1.0),
    ];
    let file = opened(&write("partly", tensors, &[])).unwrap();
    assert_eq!(file.deltas.len(), 1);
    // The layer has no bias; the second has an alpha only.
    let expected = [
        "lora_unet_blocks_0_attn_q.lora_down.weight",
        &format!("{LAYER}.diff_b"),
        &format!("{TEXT_LAYER}.alpha"),
        "step",
    ];
    assert_eq!(file.unmatched, expected);
}

#[test]
fn every_layout_is_detected_as_a_lora() {
    for entry in fs::read_dir(golden("lora")).unwrap() {
        let path = entry.unwrap().path();
        let detected = detect(&Header::read(&path).unwrap()).unwrap();
        assert_eq!(detected.kind, ModelKind::Lora, "{}", path.display());
    }
    let demo = crate::support::repository(super::DEMO_LORA);
    let expected = Detected { kind: ModelKind::Lora, architecture: Some(Architecture::Sd1) };
    assert_eq!(detect(&Header::read(&demo).unwrap()), Some(expected));
}
