//! Networks that draw guides: ONNX files which the user puts into folders called `annotators`.

use std::fs;
use std::path::PathBuf;

use super::Home;
use crate::task::Preprocessor;

/// The folder's name, in the home folder and in each models folder.
const FOLDER: &str = "annotators";

/// There is no annotator of a type that needs one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{preprocessor} is drawn by a network, and none is there. Export one as ONNX with 32-bit floats, \
     for example {example}, and put it as {preprocessor}.onnx into {}", folder.display()
)]
pub struct AnnotatorMissing {
    /// What was asked for.
    pub preprocessor: Preprocessor,
    /// A network of that kind, by name.
    pub example: &'static str,
    /// Where it belongs.
    pub folder: PathBuf,
}

/// The annotators of the home folder and of further models folders.
#[derive(Clone, Debug)]
pub struct Annotators {
    folders: Vec<PathBuf>,
}

impl Annotators {
    /// Those in `annotators` below `home`, its models folder and the `further` ones, in this order.
    #[must_use]
    pub fn new(home: &Home, further: &[PathBuf]) -> Self {
        let mut folders = vec![home.annotators_dir(), home.models_dir().join(FOLDER)];
        folders.extend(further.iter().map(|folder| folder.join(FOLDER)));
        Self { folders }
    }

    /// The file of the network that draws guides of that type, `None` when the type has a rule of its
    /// own and no such file is there: `<type>.onnx`, else the first `.onnx` file whose name contains
    /// the type. Asks the disk.
    ///
    /// # Errors
    /// When there is none and the type needs one.
    pub fn find(&self, preprocessor: Preprocessor) -> Result<Option<PathBuf>, AnnotatorMissing> {
        if !is_learned(preprocessor) {
            return Ok(None);
        }
        let found = (self.folders.iter()).find_map(|folder| {
            let plain = folder.join(format!("{preprocessor}.onnx"));
            if plain.is_file() { Some(plain) } else { named_after(preprocessor, folder) }
        });
        match (found, example(preprocessor)) {
            (None, Some(example)) => Err(AnnotatorMissing {
                preprocessor,
                example,
                folder: self.folders.first().cloned().unwrap_or_default(),
            }),
            (found, _) => Ok(found),
        }
    }
}

/// Whether a network may draw guides of that type.
fn is_learned(preprocessor: Preprocessor) -> bool {
    let by_rule_or_network = [Preprocessor::Lineart, Preprocessor::Softedge];
    example(preprocessor).is_some() || by_rule_or_network.contains(&preprocessor)
}

/// A known network for each type that has no rule.
fn example(preprocessor: Preprocessor) -> Option<&'static str> {
    Some(match preprocessor {
        Preprocessor::Depth => "Depth Anything V2",
        Preprocessor::Mlsd => "M-LSD large at 512 × 512",
        Preprocessor::Normalbae => "NormalBae (scannet)",
        Preprocessor::Openpose => "RTMPose or DWPose with its SimCC outputs",
        Preprocessor::Seg => "SegFormer for the 150 classes of ADE20K",
        Preprocessor::LineartAnime => "ControlNet's LineartAnime (netG)",
        Preprocessor::Canny
        | Preprocessor::Tile
        | Preprocessor::Lineart
        | Preprocessor::Shuffle
        | Preprocessor::Scribble
        | Preprocessor::Softedge => return None,
    })
}

/// The first file of `folder` by name that says that type and no longer one: `lineart_anime.onnx` is
/// none for `lineart`.
fn named_after(preprocessor: Preprocessor, folder: &std::path::Path) -> Option<PathBuf> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder).ok()?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.sort_unstable();
    files.into_iter().find(|file| {
        let is_onnx = file.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("onnx"));
        let stem = file.file_stem().map(|stem| stem.to_string_lossy().to_lowercase());
        let stem = stem.unwrap_or_default().replace(['-', ' ', '.'], "_");
        let said = Preprocessor::ALL.iter().filter(|one| stem.contains(one.as_str()));
        let said = said.max_by_key(|one| one.as_str().len());
        is_onnx && said == Some(&preprocessor) && file.is_file()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_found_by_type_and_by_a_name_that_says_it() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path().join("home"));
        let further = folder.path().join("models");
        let mine = home.annotators_dir();
        let theirs = further.join(FOLDER);
        for (folder, name) in [
            (&mine, "lineart-anime.onnx"),
            (&mine, "notes on depth.txt"),
            (&theirs, "Depth-Anything-V2.ONNX"),
            (&theirs, "segformer_b0.onnx"),
            (&theirs, "softedge.onnx"),
            (&theirs, "canny.onnx"),
        ] {
            fs::create_dir_all(folder).unwrap();
            fs::write(folder.join(name), "").unwrap();
        }
        let annotators = Annotators::new(&home, &[further]);
        let found = |preprocessor| annotators.find(preprocessor).unwrap();
        assert_eq!(found(Preprocessor::LineartAnime), Some(mine.join("lineart-anime.onnx")));
        assert_eq!(found(Preprocessor::Depth), Some(theirs.join("Depth-Anything-V2.ONNX")));
        assert_eq!(found(Preprocessor::Seg), Some(theirs.join("segformer_b0.onnx")));
        assert_eq!(found(Preprocessor::Softedge), Some(theirs.join("softedge.onnx")));
        assert_eq!(found(Preprocessor::Lineart), None);
        assert_eq!(found(Preprocessor::Canny), None, "drawn by its rule alone");
        fs::write(mine.join("depth.onnx"), "").unwrap();
        assert_eq!(found(Preprocessor::Depth), Some(mine.join("depth.onnx")));
    }

    #[test]
    fn a_missing_one_says_what_belongs_where() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path());
        let missing = Annotators::new(&home, &[]).find(Preprocessor::Openpose).unwrap_err();
        let message = missing.to_string();
        assert!(message.contains("RTMPose") && message.contains("openpose.onnx"), "{message}");
        assert!(message.ends_with(&home.annotators_dir().display().to_string()), "{message}");
    }
}
