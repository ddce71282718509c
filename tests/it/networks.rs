//! Each network alone, in every dialect and mode, against diffusers and transformers.

use latelier::engine::{Input, Interrupt, Mode, Network};
use latelier::graph::{self, Dialect, Emitted, UnetInputs};
use latelier::weights::Checkpoint;
use ndarray::{ArrayD, Axis, IxDyn};

use crate::support::{relative_error, repository, runtime, tensors};

/// What f32 arithmetic in another order costs.
const TOLERANCE: f32 = 1e-4;

fn demo() -> Checkpoint {
    Checkpoint::open(&repository("assets/models/demo"), None).unwrap()
}

/// Runs `emit`'s graph of every dialect in every mode; gives each answer with its name.
pub(crate) fn everywhere(
    emit: impl Fn(Dialect) -> Emitted,
    inputs: impl Fn() -> Vec<(&'static str, Input<'static>)>,
) -> Vec<(String, ArrayD<f32>)> {
    let runtime = runtime();
    let interrupt = Interrupt::new(&runtime).unwrap();
    let mut answers = Vec::new();
    for dialect in Dialect::ALL {
        for mode in [Mode::Fast, Mode::LowMemory] {
            let mut network =
                Network::on_cpu(&runtime, &emit(dialect), mode, 1, &interrupt).unwrap();
            let answer = network.run(inputs(), &interrupt).unwrap();
            answers.push((format!("{dialect:?} {mode:?}"), answer));
        }
    }
    answers
}

pub(crate) fn leaked(array: &ArrayD<f32>) -> Input<'static> {
    Input::Floats(Box::leak(Box::new(array.clone())).view())
}

#[track_caller]
pub(crate) fn assert_close(what: &str, answers: &[(String, ArrayD<f32>)], expected: &ArrayD<f32>) {
    for (place, answer) in answers {
        let error = relative_error(answer, expected);
        assert!(error < TOLERANCE, "{what}, {place}: off by {error}");
    }
}

#[test]
fn the_text_encoder_gives_the_reference_hidden_states() {
    let demo = demo();
    let golden = tensors("networks.safetensors");
    let ids = golden["clip.ids"].mapv(|id| id as i64);
    let width = demo.text_config.hidden_size;
    for (skip, expected) in [(0, "clip.hidden"), (1, "clip.hidden_skip1")] {
        let answers = everywhere(
            |dialect| {
                graph::clip_text(&demo.text_encoder, &demo.text_config, dialect, skip).unwrap()
            },
            || {
                vec![
                    ("input_ids", Input::Integers(Box::leak(Box::new(ids.clone())).view())),
                    ("key_bias", leaked(&ArrayD::zeros(IxDyn(&[3, 1, 1, 77])))),
                    ("known", leaked(&ArrayD::ones(IxDyn(&[3, 77, 1])))),
                    ("learned", leaked(&ArrayD::zeros(IxDyn(&[3, 77, width])))),
                ]
            },
        );
        assert_close(expected, &answers, &golden[expected]);
    }
}

fn encodings(golden: &std::collections::BTreeMap<String, ArrayD<f32>>) -> ArrayD<f32> {
    golden["clip.hidden"].slice_axis(Axis(0), (0..2).into()).to_owned()
}

#[test]
fn the_unet_predicts_the_reference_noise_at_two_sizes_and_four_timesteps() {
    let demo = demo();
    let golden = tensors("networks.safetensors");
    let context = encodings(&golden);
    for size in ["16x16", "16x24"] {
        for timestep in [1.0_f32, 123.5, 500.0, 999.0] {
            let answers = everywhere(
                |dialect| {
                    let inputs = UnetInputs::default();
                    graph::unet(&demo.unet, &demo.unet_config, dialect, inputs).unwrap()
                },
                || {
                    vec![
                        ("sample", leaked(&golden[&format!("unet.{size}.sample")])),
                        ("timestep", leaked(&ArrayD::from_elem(IxDyn(&[1]), timestep))),
                        ("encoder_hidden_states", leaked(&context)),
                    ]
                },
            );
            let name = format!("unet.{size}.t{timestep}");
            assert_close(&name, &answers, &golden[&name]);
        }
    }
}

#[test]
fn control_residuals_enter_where_the_reference_adds_them() {
    const NAMES: [&str; 6] = [
        "down_residual_0",
        "down_residual_1",
        "down_residual_2",
        "down_residual_3",
        "down_residual_4",
        "down_residual_5",
    ];
    let demo = demo();
    let golden = tensors("networks.safetensors");
    let context = encodings(&golden);
    assert_eq!(graph::control_residuals(&demo.unet_config).len(), NAMES.len() + 1);
    let answers = everywhere(
        |dialect| {
            let inputs = UnetInputs { control_residuals: true, ..UnetInputs::default() };
            graph::unet(&demo.unet, &demo.unet_config, dialect, inputs).unwrap()
        },
        || {
            let mut inputs = vec![
                ("sample", leaked(&golden["unet.16x16.sample"])),
                ("timestep", leaked(&ArrayD::from_elem(IxDyn(&[1]), 500.0))),
                ("encoder_hidden_states", leaked(&context)),
                ("mid_residual", leaked(&golden["unet.residual.mid"])),
            ];
            for (index, name) in NAMES.iter().enumerate() {
                inputs.push((name, leaked(&golden[&format!("unet.residual.{index}")])));
            }
            inputs
        },
    );
    assert_close("residuals", &answers, &golden["unet.16x16.t500.residuals"]);
    let without = &golden["unet.16x16.t500"];
    assert!(relative_error(&answers[0].1, without) > 0.01, "the residuals change nothing");
}

#[test]
fn the_decoder_gives_the_reference_picture() {
    let demo = demo();
    let golden = tensors("networks.safetensors");
    for size in ["16x16", "12x16"] {
        let answers = everywhere(
            |dialect| graph::vae_decoder(&demo.vae, &demo.vae_config, dialect).unwrap(),
            || vec![("latent", leaked(&golden[&format!("vae.decode.{size}.latent")]))],
        );
        let expected = golden[&format!("vae.decode.{size}")].clone().insert_axis(Axis(0));
        assert_close(size, &answers, &expected);
    }
}

#[test]
fn the_encoder_gives_the_reference_moments() {
    let demo = demo();
    let golden = tensors("networks.safetensors");
    let picture = golden["vae.encode.picture"].mapv(|byte| byte / 255.0 * 2.0 - 1.0);
    let picture = picture.permuted_axes(IxDyn(&[2, 0, 1])).insert_axis(Axis(0));
    let picture = picture.as_standard_layout().into_owned();
    let answers = everywhere(
        |dialect| graph::vae_encoder(&demo.vae, &demo.vae_config, dialect).unwrap(),
        || vec![("image", leaked(&picture))],
    );
    assert_close("moments", &answers, &golden["vae.encode.moments"].clone().insert_axis(Axis(0)));
}
