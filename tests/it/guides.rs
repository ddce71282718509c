//! `latelier guide`: the program's guides against the references, and everything it has to refuse.

use std::fs;
use std::path::Path;
use std::process::Output;

use latelier::engine::{LocalGuides, SearchPath};
use latelier::jobs::{Cancel, GuideMaker as _, GuideOrder};
use latelier::library::{Home, Pictures, read_picture};
use latelier::pixels::{Extent, FileFormat, Picture, encode};
use latelier::task::{Preprocess, Preprocessor};
use serde_json::Value;
use url::Url;

use crate::support::{difference, golden, home, latelier, png_of_size, repository, scratch};

fn guide(arguments: &[&str]) -> Output {
    latelier().arg("guide").args(arguments).output().unwrap()
}

/// The exit code and what was said on standard error; nothing was printed or written.
#[track_caller]
fn refused(folder: &Path, arguments: &[&str]) -> (i32, String) {
    let out = folder.join("guide.png");
    let output = guide(&[arguments, &["--out", out.to_str().unwrap()]].concat());
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
    assert!(!out.exists());
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn guides_are_those_of_the_references_and_only_the_path_is_printed() {
    let folder = scratch();
    let text = fs::read_to_string(golden("guides.json")).unwrap();
    let entries: Vec<Value> = serde_json::from_str(&text).unwrap();
    let small = |entry: &&Value| !entry["source"].as_str().unwrap().ends_with("large.png");
    let out = folder.path().join("a guide.png");
    let out = out.to_str().unwrap();
    for entry in entries.iter().filter(small).step_by(2) {
        let rule = entry["rule"].as_str().unwrap();
        let source = golden(entry["source"].as_str().unwrap());
        let mut arguments = vec![source.to_str().unwrap().to_owned()];
        // To make it smaller is all that the tile of rate 1 does.
        let kind = if rule == "reduced" { "tile" } else { rule };
        arguments.extend(["--type".to_owned(), kind.to_owned()]);
        for option in ["low", "high", "width", "height", "seed"] {
            if let Some(value) = entry.get(option) {
                arguments.extend([format!("--{option}"), value.to_string()]);
            }
        }
        if let Some(rate) = entry.get("rate") {
            arguments.extend(["--down-sampling".to_owned(), rate.to_string()]);
        }
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let output = guide(&[&arguments, &["--out", out][..]].concat());
        assert_eq!(output.status.code(), Some(0), "{entry}: {output:?}");
        assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("{out}\n"));
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
        let (most, mean) = difference(Path::new(out), &golden(entry["guide"].as_str().unwrap()));
        let exact = ["canny", "scribble"].contains(&rule);
        assert!(most <= u8::from(!exact) && mean < 0.01, "{entry}: {most}, {mean}");
    }
}

#[test]
fn a_picture_may_be_an_address_or_in_the_library() {
    let folder = scratch();
    let source = golden("guides/texture.png");
    let out = folder.path().join("guide.png");
    let address = Url::from_file_path(&source).unwrap().to_string();
    let output = guide(&[&address, "--type", "canny", "--out", out.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let of_address = fs::read(&out).unwrap();

    let home = Home::at(folder.path().join("home"));
    let uuid = Pictures::new(&home, &[]).bring_in(&source).unwrap().to_string();
    let mut command = latelier();
    command.env("LATELIER_HOME", home.root()).args(["guide", &uuid, "--type", "canny", "--out"]);
    let output = command.arg(&out).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(fs::read(&out).unwrap(), of_address);

    let (code, said) =
        refused(scratch().path(), &["7a4a0e6a-6a9f-4a8e-8b3f-0d6a1c2b3e4f", "--type", "canny"]);
    assert_eq!(code, 2);
    assert!(said.contains("is in the library"), "{said}");
}

#[test]
fn what_is_no_picture_is_refused_by_its_path() {
    let folder = scratch();
    let good = fs::read(golden("guides/texture.png")).unwrap();
    let bad: [(&str, &[u8]); 5] = [
        ("text.png", b"no picture"),
        ("empty.png", b""),
        ("half.png", &good[..good.len() / 2]),
        ("vast.png", &png_of_size(20_000, 20_000)),
        ("flat.png", &png_of_size(64, 0)),
    ];
    for (name, bytes) in bad {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        let (code, said) = refused(folder.path(), &[path.to_str().unwrap(), "--type", "canny"]);
        assert_eq!(code, 2, "{name}: {said}");
        assert!(said.trim_end().ends_with(name), "{said}");
    }
    let (code, said) = refused(folder.path(), &["/nowhere/at/all.png", "--type", "tile"]);
    assert_eq!(code, 2);
    assert!(said.trim_end().ends_with("/nowhere/at/all.png"), "{said}");
}

#[test]
fn wrong_parameters_are_refused_by_name() {
    let folder = scratch();
    let source = golden("guides/texture.png");
    let cases: [(&[&str], &str); 9] = [
        (&["--type", "canny", "--low", "200", "--high", "100"], "lowThresholdCanny"),
        (&["--type", "canny", "--low", "200"], "highThresholdCanny"),
        (&["--type", "canny", "--low", "256"], "--low"),
        (&["--type", "canny", "--width", "113"], "width"),
        (&["--type", "canny", "--height", "0"], "height"),
        (&["--type", "scribble", "--low", "1"], "lowThresholdCanny belongs to canny"),
        (&["--type", "tile", "--down-sampling", "nan"], "downSampling"),
        (&["--type", "tile", "--seed", "1"], "seed belongs to shuffle"),
        (&["--type", "sketch"], "lineart_anime"),
    ];
    for (arguments, part) in cases {
        let arguments = [&[source.to_str().unwrap()], arguments].concat();
        let (code, said) = refused(folder.path(), &arguments);
        assert_eq!(code, 2, "{arguments:?}: {said}");
        assert!(said.contains(part), "{arguments:?}: {said}");
    }
}

#[test]
fn the_picture_itself_and_places_that_are_none_are_not_written_to() {
    let folder = scratch();
    let picture = Picture::from_fn(Extent::new(1, 1), |_, _| [9, 9, 9, 255]);
    let bytes = encode(&picture, FileFormat::Png, "").unwrap();
    let source = folder.path().join("picture.png");
    fs::write(&source, &bytes).unwrap();
    let source_name = source.to_str().unwrap();
    let places = ["picture.png", "guide.jpg", "guide", "nowhere/guide.png"];
    for place in places {
        let out = folder.path().join(place);
        let output = guide(&[source_name, "--type", "tile", "--out", out.to_str().unwrap()]);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{place}: {said}");
        assert!(said.trim_end().ends_with(place), "{said}");
    }
    assert_eq!(fs::read(&source).unwrap(), bytes);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    for preprocessor in Preprocessor::ALL {
        let out = folder.path().join("guide.png");
        let kind = preprocessor.as_str();
        let output = guide(&[source_name, "--type", kind, "--out", out.to_str().unwrap()]);
        let needs_network =
            ["depth", "mlsd", "normalbae", "openpose", "seg", "lineart_anime"].contains(&kind);
        assert_eq!(output.status.code(), Some(i32::from(needs_network)), "{kind}: {output:?}");
        if !needs_network {
            assert_eq!(read_picture(&out).unwrap().extent(), Extent::new(1, 1), "{kind}");
        }
    }
}

/// A models folder with one annotator, a stand-in of `tests/goldens/annotators.py`.
fn models_with(preprocessor: &str, stand_in: &str) -> tempfile::TempDir {
    let models = scratch();
    let folder = models.path().join("annotators");
    fs::create_dir(&folder).unwrap();
    fs::copy(golden(stand_in), folder.join(format!("{preprocessor}.onnx"))).unwrap();
    models
}

#[test]
fn networks_draw_what_their_references_draw() {
    let text = fs::read_to_string(golden("annotators.json")).unwrap();
    let entries: Vec<Value> = serde_json::from_str(&text).unwrap();
    let mut offences = Vec::new();
    for entry in &entries {
        let word = |name: &str| entry[name].as_str().unwrap();
        let models = models_with(word("type"), word("model"));
        let source = golden(word("source"));
        let out = models.path().join("guide.png");
        let mut arguments = vec![source.to_str().unwrap(), "--type", word("type")];
        arguments.extend(["--models", models.path().to_str().unwrap()]);
        arguments.extend(["--out", out.to_str().unwrap()]);
        arguments.extend(entry["hands"].as_bool().unwrap().then_some("--hands-and-face"));
        let output = guide(&arguments);
        assert_eq!(output.status.code(), Some(0), "{entry}: {output:?}");
        assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("{}\n", out.display()));
        let found = read_picture(&out).unwrap();
        let expected = read_picture(&golden(word("guide"))).unwrap();
        assert_eq!(found.extent(), expected.extent(), "{entry}");
        let pixels = || found.rgba().chunks_exact(4).zip(expected.rgba().chunks_exact(4));
        let far = |(a, b): (&[u8], &[u8])| a.iter().zip(b).map(|(a, b)| a.abs_diff(*b)).max();
        let most = pixels().filter_map(far).max().unwrap();
        let other = pixels().filter(|pair| far(*pair) > Some(1)).count();
        let drawn = expected.rgba().chunks_exact(4).filter(|pixel| pixel[..3] != [0; 3]).count();
        let share = other as f64 / drawn as f64;
        // Maps are numbers; of drawings some pixels of borders are OpenCV's own; of two classes that
        // are nearly equal either may win.
        let allowed = match word("type") {
            "openpose" => share < 0.02,
            "mlsd" => share < 0.002,
            "seg" => share < 0.001,
            _ => most <= 1,
        };
        if !allowed {
            offences.push(format!("{}: {most}, {share:.5}", entry["guide"]));
        }
    }
    assert!(offences.is_empty(), "{offences:#?}");
}

#[test]
fn a_type_whose_network_is_missing_says_what_belongs_where() {
    let folder = scratch();
    let source = golden("guides/point.png");
    for kind in ["depth", "mlsd", "normalbae", "openpose", "seg", "lineart_anime"] {
        let (code, said) = refused(folder.path(), &[source.to_str().unwrap(), "--type", kind]);
        assert_eq!(code, 1, "{kind}: {said}");
        assert!(said.contains(&format!("{kind}.onnx")), "{said}");
        assert!(said.trim_end().ends_with("annotators"), "{said}");
    }
    let arguments = [source.to_str().unwrap(), "--type", "depth", "--rule"];
    let (code, said) = refused(folder.path(), &arguments);
    assert_eq!(code, 2, "{said}");
}

#[test]
fn files_that_are_no_such_network_are_refused_by_their_path() {
    let folder = scratch();
    let source = golden("guides/texture.png");
    let cases = [
        ("depth", "corrupt", "cannot be used"),
        ("depth", "channels-last", "channels have to come before rows"),
        ("depth", "flat", "not four sides"),
        ("depth", "integers", "not 32-bit floats"),
        ("depth", "not-numbers", "not numbers"),
        ("depth", "normalbae", "planes, not one"),
        ("depth", "mlsd", "[1, 4, 64, 64]"),
        ("mlsd", "depth-fixed", "not [1, 4,"),
        ("seg", "depth-fixed", "classes, not the 150"),
        ("normalbae", "depth-fixed", "not 3 or 4"),
        ("openpose", "depth-fixed", "simcc_x"),
        ("openpose", "lineart", "left open"),
        ("openpose", "normalbae", "bins for 17, 26 or 133"),
        ("lineart", "softedge-hed", "5 outputs, not one"),
    ];
    for (kind, stand_in, part) in cases {
        let models = models_with(kind, &format!("annotators/{stand_in}.onnx"));
        let place = models.path().to_str().unwrap();
        let arguments = [source.to_str().unwrap(), "--type", kind, "--models", place];
        let (code, said) = refused(folder.path(), &arguments);
        assert_eq!(code, 1, "{kind} by {stand_in}: {said}");
        assert!(said.contains(part), "{kind} by {stand_in}: {said}");
        assert!(said.trim_end().ends_with(&format!("{kind}.onnx")), "{said}");
    }
    let models = models_with("openpose", "annotators/openpose-17.onnx");
    let place = models.path().to_str().unwrap();
    let arguments = [source.to_str().unwrap(), "--type", "openpose", "--hands-and-face"];
    let (code, said) = refused(folder.path(), &[&arguments[..], &["--models", place]].concat());
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("includeHandsAndFaceOpenPose"), "{said}");
}

#[test]
fn a_network_is_taken_before_the_rule_unless_the_rule_is_asked_for() {
    let models = models_with("softedge", "annotators/softedge-pidinet.onnx");
    let source = golden("guides/texture.png");
    let out = models.path().join("guide.png");
    let arguments = [source.to_str().unwrap(), "--type", "softedge"];
    let place = ["--models", models.path().to_str().unwrap(), "--out", out.to_str().unwrap()];
    let by_network = golden("annotators/texture-softedge-pidinet.png");
    let by_rule = golden("guides/texture-softedge.png");
    for (further, expected) in [(&[][..], by_network), (&["--rule"][..], by_rule)] {
        let output = guide(&[&arguments[..], &place[..], further].concat());
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        assert!(difference(&out, &expected).0 <= 1, "{further:?}");
    }
}

#[test]
fn networks_are_found_in_folders_that_were_added_to_the_library() {
    let models = models_with("depth", "annotators/depth-open-14.onnx");
    let lora = repository("assets/models/demo/addons/lora-outline.safetensors");
    fs::copy(lora, models.path().join("ink.safetensors")).unwrap();
    let own = scratch();
    let out = models.path().join("guide.png");
    let command = |arguments: &[&str]| {
        let mut command = latelier();
        command.env("LATELIER_HOME", own.path()).args(arguments);
        command.output().unwrap()
    };
    let output = command(&["models", "add", models.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let source = golden("guides/point.png");
    let source = source.to_str().unwrap();
    let output = command(&["guide", source, "--type", "depth", "--out", out.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(out.is_file());
}

#[test]
fn networks_see_pictures_of_one_pixel_and_at_the_asked_size() {
    let models = models_with("depth", "annotators/depth-open-14.onnx");
    let out = models.path().join("guide.png");
    for (source, width, expected) in [
        ("guides/point.png", None, Extent::new(1, 1)),
        ("guides/column.png", None, Extent::new(1, 7)),
        ("guides/texture.png", Some("56"), Extent::new(56, 40)),
    ] {
        let source = golden(source);
        let mut arguments = vec![source.to_str().unwrap(), "--type", "depth"];
        arguments.extend(["--models", models.path().to_str().unwrap()]);
        arguments.extend(["--out", out.to_str().unwrap()]);
        arguments.extend(width.into_iter().flat_map(|width| ["--width", width]));
        let output = guide(&arguments);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        assert_eq!(read_picture(&out).unwrap().extent(), expected);
    }
}

#[test]
fn a_guide_ends_when_its_cancel_was_used() {
    let maker = LocalGuides { search: SearchPath::usual(&home().runtime_dir()), threads: 1 };
    let picture = read_picture(&golden("guides/texture.png")).unwrap();
    let network = golden("annotators/lineart.onnx");
    for annotator in [None, Some(network.as_path())] {
        let preprocess = Preprocess::new(Preprocessor::Lineart);
        let order = GuideOrder { preprocess, picture: &picture, annotator };
        let cancel = Cancel::default();
        assert_eq!(maker.make(&order, &cancel).unwrap().extent(), picture.extent());
        cancel.cancel();
        assert_eq!(maker.make(&order, &cancel).unwrap_err().headline, "stopped");
    }
}
