//! `latelier guide`: a picture in, the guide for a ControlNet out.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use url::Url;

use super::show::printable;
use super::{BAD_USAGE, DONE, EngineArgs, FAILED, ModelFolders};
use crate::engine::{LocalGuides, SearchPath};
use crate::jobs::{Cancel, GuideMaker as _, GuideOrder, PictureSource as _};
use crate::library::{Annotators, Home, Library, Pictures, write_atomically};
use crate::pixels::{FileFormat, Picture, encode};
use crate::task::{ImageRef, Preprocess, Preprocessor};

/// Arguments of `latelier guide`.
///
/// Exit code 0: the guide was written. 1: it could not be made or written. 2: the command makes no
/// sense, or there is no picture.
#[derive(Clone, Debug, Args)]
pub struct GuideArgs {
    /// A PNG, JPEG or WebP picture: a path, an http(s) address, or a UUID of the library
    #[arg(value_name = "PICTURE")]
    picture: String,

    /// What the guide shows, as `preProcessorType` of the API
    #[arg(long = "type", value_name = "TYPE", value_parser = preprocessor())]
    preprocessor: Preprocessor,

    /// Canny: edges go on above this gradient, 0–255 (`lowThresholdCanny`) [default: 100]
    #[arg(long, value_name = "N")]
    low: Option<u8>,

    /// Canny: edges begin above this gradient, 0–255 (`highThresholdCanny`) [default: 200]
    #[arg(long, value_name = "N")]
    high: Option<u8>,

    /// Make the picture smaller first; without --height it keeps its shape
    #[arg(long, value_name = "PIXELS")]
    width: Option<u32>,

    /// Make the picture smaller first; without --width it keeps its shape
    #[arg(long, value_name = "PIXELS")]
    height: Option<u32>,

    /// Tile: how many times smaller, 1–8 [default: 1]
    #[arg(long, value_name = "N")]
    down_sampling: Option<f32>,

    /// Shuffle: another number, another flow [default: 0]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// Openpose: draw fingers and a face as well (`includeHandsAndFaceOpenPose`)
    #[arg(long)]
    hands_and_face: bool,

    /// Lineart, softedge: by the rule, although a network for it is there
    #[arg(long)]
    rule: bool,

    #[command(flatten)]
    models: ModelFolders,

    /// The guide, a PNG file; replaced when it is there
    #[arg(long, value_name = "FILE.png")]
    out: PathBuf,
}

/// Takes one of the documented words.
fn preprocessor() -> impl clap::builder::TypedValueParser<Value = Preprocessor> {
    PossibleValuesParser::new(Preprocessor::WORDS).try_map(|word| {
        let named = |one: &&Preprocessor| one.as_str() == word;
        Preprocessor::ALL.iter().find(named).copied().ok_or("no such type")
    })
}

/// Why there is no guide: the exit code and a sentence.
struct Refusal(u8, String);

impl From<&GuideArgs> for Preprocess {
    fn from(args: &GuideArgs) -> Self {
        Self {
            width: args.width,
            height: args.height,
            low_threshold: args.low,
            high_threshold: args.high,
            down_sampling: args.down_sampling,
            seed: args.seed,
            hands_and_face: args.hands_and_face,
            ..Self::new(args.preprocessor)
        }
    }
}

pub(super) fn guide(args: &GuideArgs, engine: &EngineArgs, home: &Home) -> anyhow::Result<u8> {
    match made(args, engine, home) {
        Ok(()) => {
            writeln!(io::stdout(), "{}", args.out.display())?;
            Ok(DONE)
        }
        Err(Refusal(code, why)) => {
            writeln!(io::stderr(), "{}", printable(&why))?;
            Ok(code)
        }
    }
}

/// Makes the guide and writes it.
fn made(args: &GuideArgs, engine: &EngineArgs, home: &Home) -> Result<(), Refusal> {
    let reference = reference(&args.picture)?;
    check_out(&args.out, &reference)?;
    let cancel = Cancel::default();
    let picture = Pictures::new(home, &[])
        .open(&reference, &cancel)
        .map_err(|why| Refusal(BAD_USAGE, format!("the picture cannot be used: {why}")))?;
    let preprocess = Preprocess::from(args);
    let problems = preprocess.problems(picture.extent());
    if !problems.is_empty() {
        let messages: Vec<String> = problems.into_iter().map(|problem| problem.message).collect();
        return Err(Refusal(BAD_USAGE, messages.join("\n")));
    }
    if args.rule && preprocess.rule().is_none() {
        let why = format!("{} is only drawn by networks; leave --rule out", args.preprocessor);
        return Err(Refusal(BAD_USAGE, why));
    }
    let annotator = annotator(args, home)?;
    let maker =
        LocalGuides { search: SearchPath::usual(&home.runtime_dir()), threads: engine.threads() };
    let order = GuideOrder { preprocess, picture: &picture, annotator: annotator.as_deref() };
    let guide = maker.make(&order, &cancel).map_err(|failure| {
        tracing::info!("{}", failure.details);
        Refusal(FAILED, failure.headline)
    })?;
    write(&args.out, &guide)
}

/// The file of the network that draws the guide, unless a rule is to.
fn annotator(args: &GuideArgs, home: &Home) -> Result<Option<PathBuf>, Refusal> {
    if args.rule {
        return Ok(None);
    }
    let library = Library::unread(home, &args.models.folders)
        .map_err(|error| Refusal(BAD_USAGE, error.to_string()))?;
    (Annotators::new(home, &library.folders()).find(args.preprocessor))
        .map_err(|missing| Refusal(FAILED, missing.to_string()))
}

/// The picture that the argument names: what is an address or a UUID is not a path.
fn reference(argument: &str) -> Result<ImageRef, Refusal> {
    let scheme = Url::parse(argument).ok().map(|url| url.scheme().to_owned());
    if scheme.is_some_and(|scheme| ["http", "https", "file"].contains(&scheme.as_str())) {
        return Ok(ImageRef::Url(argument.to_owned()));
    }
    if let Ok(uuid) = uuid::Uuid::try_parse(argument)
        && !Path::new(argument).exists()
    {
        return Ok(ImageRef::Uuid(uuid));
    }
    let no_path = || Refusal(BAD_USAGE, format!("this is no path: {argument}"));
    let path = std::path::absolute(argument).map_err(|_ignored| no_path())?;
    let url = Url::from_file_path(path).map_err(|()| no_path())?;
    Ok(ImageRef::Url(url.to_string()))
}

/// Refuses a place for the guide that cannot be meant, before anything is computed.
fn check_out(out: &Path, picture: &ImageRef) -> Result<(), Refusal> {
    let refuse = |why: &str| Err(Refusal(BAD_USAGE, format!("{why}: {}", out.display())));
    if !out.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("png")) {
        return refuse("guides are written without loss; give --out a name that ends in .png");
    }
    let folder = out.parent().filter(|folder| *folder != Path::new(""));
    if folder.is_some_and(|folder| !folder.is_dir()) {
        return refuse("the folder of --out is not there; make it first");
    }
    let real = |path: &Path| path.canonicalize().ok();
    let own = match picture {
        ImageRef::Url(address) => Url::parse(address).ok().and_then(|url| url.to_file_path().ok()),
        _ => None,
    };
    if own.and_then(|own| real(&own)).is_some_and(|own| real(out) == Some(own)) {
        return refuse("--out is the picture itself; give another name");
    }
    Ok(())
}

fn write(out: &Path, guide: &Picture) -> Result<(), Refusal> {
    let failed = |why: &dyn std::fmt::Display| {
        Refusal(FAILED, format!("the guide could not be written ({why}): {}", out.display()))
    };
    // No task made this picture.
    let bytes = encode(guide, FileFormat::Png, "").map_err(|error| failed(&error))?;
    write_atomically(out, &bytes).map_err(|error| failed(&error))
}
