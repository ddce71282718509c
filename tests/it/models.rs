//! `latelier models`: folders of other programs, models from elsewhere, and what a file is.

use std::fs;
use std::path::Path;
use std::process::Output;

use latelier::library::{Addition, Home, Library};
use latelier::task::Air;
use serde_json::json;

use crate::support::{
    assert_same_picture, demo_task, golden, latelier, repository, run_text, scratch,
};

/// A home folder of its own, for what is added to it.
struct Shelf {
    home: tempfile::TempDir,
}

/// What the program said.
struct Said {
    code: i32,
    out: String,
    err: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let code = output.status.code().unwrap();
        Self { code, out: text(output.stdout), err: text(output.stderr) }
    }
}

impl Shelf {
    fn new() -> Self {
        Self { home: scratch() }
    }

    fn models(&self, arguments: &[&str]) -> Said {
        let mut command = latelier();
        command.env("LATELIER_HOME", self.home.path()).arg("models").args(arguments);
        command.output().unwrap().into()
    }

    fn list(&self) -> String {
        let said = self.models(&["list"]);
        assert_eq!(said.code, 0, "{}", said.err);
        said.out
    }

    fn refuses(&self, arguments: &[&str], parts: &[&str]) {
        let before = fs::read(self.home.path().join("models.json")).ok();
        let said = self.models(arguments);
        assert_eq!((said.code, said.out.as_str()), (2, ""), "{arguments:?}");
        for part in parts {
            assert!(said.err.contains(part), "{part} is not in {}", said.err);
        }
        assert_eq!(before, fs::read(self.home.path().join("models.json")).ok(), "{arguments:?}");
    }
}

fn put(from: &Path, to: &Path) {
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    fs::copy(from, to).unwrap();
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn folders_of_comfyui_and_a1111_are_added_as_they_are() {
    let add_ons = repository("assets/models/demo/addons");
    let lora = add_ons.join("lora-outline.safetensors");
    let control = add_ons.join("controlnet-canny/diffusion_pytorch_model.safetensors");
    let embedding = golden("embeddings/a1111.pt");
    let programs = [
        (
            "ComfyUI",
            "models/checkpoints",
            ["models/loras/deep/", "models/controlnet/", "models/embeddings/"],
        ),
        (
            "A1111 or Forge",
            "models/Stable-diffusion",
            ["models/Lora/", "models/ControlNet/", "embeddings/"],
        ),
    ];
    for (program, sign, [loras, controls, embeddings]) in programs {
        let shelf = Shelf::new();
        let root = scratch();
        let place = |folder: &str, name: &str| root.path().join(folder).join(name);
        fs::create_dir_all(root.path().join(sign)).unwrap();
        put(&lora, &place(loras, "my ink.safetensors"));
        put(&control, &place(controls, "my edges.safetensors"));
        put(&embedding, &place(embeddings, "my cab.pt"));
        // Results and other programs' parts are not looked through.
        put(&lora, &place("output", "stray.safetensors"));
        put(&embedding, &place(loras, "not an embedding.pt"));

        let said = shelf.models(&["add", text(root.path())]);
        assert_eq!(said.code, 0, "{}", said.err);
        let told =
            format!("added the folder of {program} (ControlNet: 1, LoRA: 1, embedding: 1): ");
        assert!(said.out.starts_with(&told), "{}", said.out);
        let listed = shelf.list();
        for (name, kind) in
            [("my-ink", "LoRA"), ("my-edges", "ControlNet"), ("my-cab", "embedding")]
        {
            let line = listed.lines().find(|line| line.starts_with(&format!("local:{name}@1")));
            assert!(line.is_some_and(|line| line.contains(kind)), "{name}: {listed}");
        }
        assert!(!listed.contains("stray") && !listed.contains("not an"), "{listed}");

        shelf.refuses(&["add", text(root.path())], &["in the library already"]);
        assert_eq!(shelf.models(&["remove", text(root.path())]).code, 0);
        assert!(!shelf.list().contains("my-ink"));
        shelf.refuses(&["remove", text(root.path())], &["was not added"]);
    }
}

/// From `models add` to a picture: the embedding lies where it was, and a task names it.
#[test]
fn a_single_file_is_added_under_a_name_and_used_by_it() {
    let shelf = Shelf::new();
    let elsewhere = scratch();
    let file = elsewhere.path().join("from afar.pt");
    put(&golden("embeddings/a1111.pt"), &file);
    let said = shelf.models(&["add", text(&file), "--air", "local:cab@7"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.out.contains("local:cab@7") && said.out.contains("embedding"), "{}", said.out);

    let goldens = fs::read_to_string(golden("embeddings.json")).unwrap();
    let goldens: serde_json::Value = serde_json::from_str(&goldens).unwrap();
    let entry = &goldens["pictures"].as_array().unwrap()[0];
    let mut task = demo_task();
    task.as_object_mut().unwrap().extend(entry["task"].as_object().unwrap().clone());
    task["positivePrompt"] = json!("a from afar, 3d style, on a green background");
    task["embeddings"] = json!([{ "model": "local:cab@7" }]);
    let mut command = latelier();
    command
        .env("LATELIER_HOME", shelf.home.path())
        .args(["run", "-", "--out"])
        .arg(elsewhere.path());
    let answer = run_text(&json!([task]).to_string(), &mut command);
    assert_eq!(answer.code, 0, "{}", answer.json);
    assert_same_picture("taxi", &answer.pictures()[0], &golden("embeddings/taxi.png"));

    fs::remove_file(&file).unwrap();
    let said = shelf.models(&["list"]);
    assert!(said.err.contains("is gone") && !said.out.contains("local:cab"), "{}", said.err);
    // Its name is kept for it until it is taken off; by a relative path, too.
    let lora = repository("assets/models/demo/addons/lora-outline.safetensors");
    let other = elsewhere.path().join("other.safetensors");
    put(&lora, &other);
    shelf.refuses(&["add", text(&other), "--air", "local:cab@7"], &["another model", "afar.pt"]);
    let mut command = latelier();
    command.env("LATELIER_HOME", shelf.home.path()).current_dir(elsewhere.path());
    let said = Said::from(command.args(["models", "remove", "from afar.pt"]).output().unwrap());
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    assert_eq!(shelf.models(&["list"]).err, "");
}

/// A saved task names its models by AIR: what comes later must not take a name away.
#[test]
fn a_model_keeps_its_name_whatever_is_added_later() {
    let shelf = Shelf::new();
    let lora = repository("assets/models/demo/addons/lora-outline.safetensors");
    let elsewhere = scratch();
    let at = |name: &str| elsewhere.path().join(name);
    let line_of = |path: &Path| {
        let listed = shelf.list();
        let line = listed.lines().find(|line| line.ends_with(text(path)));
        line.unwrap_or_else(|| panic!("{} is not in {listed}", path.display()))
            .split_whitespace()
            .next()
            .unwrap()
            .to_owned()
    };
    let (in_folder, single, named) =
        (at("folder/ink.safetensors"), at("ink.safetensors"), at("third.safetensors"));
    for path in [&in_folder, &single, &named] {
        put(&lora, path);
    }
    assert_eq!(shelf.models(&["add", text(&at("folder"))]).code, 0);
    assert_eq!(shelf.models(&["add", text(&single)]).code, 0);
    assert_eq!(shelf.models(&["add", text(&named), "--air", "local:ink@3"]).code, 0);
    let first = [&in_folder, &single, &named].map(|path| line_of(path));
    assert_eq!(first, ["local:ink@1", "local:ink@2", "local:ink@3"]);

    // The home folder is looked through first, and this one comes before the others by name.
    let late = shelf.home.path().join("models/a/ink.safetensors");
    put(&lora, &late);
    assert_eq!([&in_folder, &single, &named].map(|path| line_of(path)), first);
    assert_eq!(line_of(&late), "local:ink@4");

    // What a record says goes before what a file's name gives; one that is too late is told.
    fs::write(at("folder/ink.latelier.json"), r#"{"air": "local:ink@3"}"#).unwrap();
    let said = shelf.models(&["list"]);
    assert!(said.err.contains("the AIR local:ink@3 in this record"), "{}", said.err);
    assert!(said.err.trim_end().ends_with("ink.latelier.json"), "{}", said.err);
    assert_eq!([&in_folder, &single, &named].map(|path| line_of(path)), first);
    fs::write(at("folder/ink.latelier.json"), r#"{"air": "local:mine@1"}"#).unwrap();
    assert_eq!(line_of(&in_folder), "local:mine@1");
}

#[test]
fn names_that_strangers_gave_cannot_steer_the_terminal() {
    let shelf = Shelf::new();
    let lora = repository("assets/models/demo/addons/lora-outline.safetensors");
    let models = shelf.home.path().join("models");
    put(&lora, &models.join("x.safetensors"));
    fs::write(models.join("x.latelier.json"), r#"{"name": "red \u001b[31m"}"#).unwrap();
    fs::write(models.join("\u{1b}[2J.safetensors"), "no model").unwrap();
    let mut doctor = latelier();
    let doctor = doctor.env("LATELIER_HOME", shelf.home.path()).arg("doctor").output().unwrap();
    for said in [shelf.models(&["list"]), Said::from(doctor)] {
        assert!(said.out.contains("red"), "{}", said.out);
        assert!(!said.out.contains('\u{1b}') && !said.err.contains('\u{1b}'), "{}", said.err);
    }
}

#[test]
fn what_is_no_model_is_not_added_and_the_reason_is_told() {
    let shelf = Shelf::new();
    let elsewhere = scratch();
    let at = |name: &str| elsewhere.path().join(name);
    fs::write(at("text.safetensors"), "hello").unwrap();
    fs::write(at("model.ckpt"), "PK").unwrap();
    fs::create_dir(at("empty")).unwrap();
    let lora = repository("assets/models/demo/addons/lora-outline.safetensors");
    put(&lora, &at("ink.safetensors"));
    put(&golden("pictures.safetensors"), &at("numbers.safetensors"));
    put(&golden("embeddings/runs-system.pt"), &at("trap.pt"));

    let add = |name: &str, more: &[&str], parts: &[&str]| {
        let path = at(name);
        let mut arguments = vec!["add", text(&path)];
        arguments.extend(more);
        shelf.refuses(&arguments, parts);
    };
    add("no such file", &[], &["cannot be read", "no such file"]);
    add("text.safetensors", &[], &["not a safetensors file", "text.safetensors"]);
    add("model.ckpt", &[], &["not a safetensors file"]);
    add("numbers.safetensors", &[], &["no model that Latelier knows", "numbers.safetensors"]);
    add("trap.pt", &[], &["system`; it was not run"]);
    add("empty", &[], &["no model that can be used lies in this folder"]);
    add(".", &["--air", "local:x@1"], &["go with a single model"]);
    add("ink.safetensors", &["--kind", "controlnet"], &["this is a LoRA, not a ControlNet"]);
    add("ink.safetensors", &["--air", "local:demo@1"], &["another model of the library", "demo"]);
    add("text.safetensors", &["--kind", "lora"], &["not a safetensors file"]);

    // What the file does not tell, a person may.
    let said = shelf.models(&["add", text(&at("numbers.safetensors")), "--kind", "vae"]);
    assert!(said.code == 0 && said.out.contains("VAE"), "{}{}", said.out, said.err);
    let said = shelf.models(&["add", text(&at("ink.safetensors"))]);
    assert_eq!(said.code, 0, "{}", said.err);
    add("ink.safetensors", &[], &["in the library already, as local:ink@1"]);

    fs::write(shelf.home.path().join("models.json"), "{").unwrap();
    add("numbers.safetensors", &["--kind", "vae"], &["damaged", "models.json"]);
    let said = shelf.models(&["list"]);
    assert!(said.err.contains("damaged") && said.out.contains("local:demo@1"), "{}", said.err);
}

#[test]
fn info_tells_what_a_model_is_by_air_and_by_path() {
    let shelf = Shelf::new();
    let told = |arguments: &[&str], parts: &[&str]| {
        let said = shelf.models(&[&["info"], arguments].concat());
        assert_eq!(said.code, 0, "{}{}", said.out, said.err);
        for part in parts {
            assert!(said.out.contains(part), "{part} is not in\n{}", said.out);
        }
    };
    told(
        &["local:demo-outline@1", "--checkpoint", "local:demo@1"],
        &[
            "Kind          LoRA",
            "Name          Ink outline",
            "Rank          8",
            "Changes       denoiser (56 layers)",
            "F16 × ",
            "With local:demo@1: 56 tensors are changed, 0 of the file fit nowhere",
        ],
    );
    told(
        &["local:demo-taxi@1"],
        &[
            "In a prompt   2 tokens",
            "Words         <taxi>, embedding-taxi\n",
            "Tensors       1: F16 × 1",
        ],
    );
    told(
        &["local:demo@1"],
        &["Kind          checkpoint", "Defaults      128 × 128, 20 steps", "Part          unet:"],
    );
    told(&["local:demo-canny@1"], &["Kind          ControlNet", "million numbers"]);
    told(
        &[text(&golden("embeddings/a1111-old.pt"))],
        &["1: 2 vectors of 128 numbers", "a1111-old.pt"],
    );

    let trap = golden("embeddings/runs-exec.pt");
    let said = shelf.models(&["info", text(&trap)]);
    assert!(said.code == 1 && said.out.contains("exec`; it was not run"), "{}", said.out);
    let said = shelf.models(&["info", "local:nothing@1"]);
    assert!(said.code == 2 && said.err.contains("neither the AIR"), "{}", said.err);
}

#[test]
fn what_is_added_at_once_is_on_the_list() {
    let home = scratch();
    let elsewhere = scratch();
    let home = Home::at(home.path());
    let library = || Library::open(&home, &[]).unwrap();
    let libraries = [library(), library()];
    let paths: Vec<_> =
        (0..24).map(|number| elsewhere.path().join(format!("{number}.pt"))).collect();
    for path in &paths {
        put(&golden("embeddings/a1111.pt"), path);
    }
    // As two windows would, with two threads each.
    std::thread::scope(|scope| {
        for (paths, library) in paths.chunks(6).zip(libraries.iter().cycle()) {
            scope.spawn(move || {
                for path in paths {
                    let addition = Addition { path: path.clone(), air: None, kind: None };
                    library.add(&addition).unwrap();
                }
            });
        }
    });
    let mut added = library().added_models();
    added.sort();
    let mut paths = paths;
    paths.sort();
    assert_eq!(added, paths);
    let list = fs::read_to_string(home.root().join("models.json")).unwrap();
    assert_eq!(list.matches("\"air\"").count(), 24, "each keeps its name: {list}");
}

#[test]
fn a_name_is_not_given_that_waits_for_a_model_which_is_gone() {
    let home = scratch();
    let elsewhere = scratch();
    let home = Home::at(home.path());
    let (gone, here) =
        (elsewhere.path().join("gone.pt"), home.models_dir().join("embeddings/x.pt"));
    put(&golden("embeddings/a1111.pt"), &gone);
    put(&golden("embeddings/a1111.pt"), &here);
    let library = Library::open(&home, &[]).unwrap();
    let air: Air = "mine:cat@3".parse().unwrap();
    let addition = Addition { path: gone.clone(), air: Some(air.clone()), kind: None };
    library.add(&addition).unwrap();
    fs::remove_file(&gone).unwrap();
    library.rescan();
    let why = library.call(&here, &air).unwrap_err().to_string();
    assert!(why.contains("another model") && why.ends_with("gone.pt"), "{why}");
    assert!(!here.with_extension("latelier.json").exists());
    assert!(library.remove(&gone).unwrap());
    library.call(&here, &air).unwrap();
    assert!(library.models().iter().any(|card| card.path == here && card.air == air));
}
