//! What becomes of each field of a task on each engine: taken as it is, mapped to something else,
//! or refused. Nothing is computed for it.

use super::given::{Given, Walk};
use super::nearest::either;
use super::problem::ParameterName;
use super::shape::Shape;
use super::{
    Air, Catalog, EngineKind, ImageRef, Kind, ModelKind, OutputFormat, OutputType, Problem,
    SchedulerRow, StartFrom, Task, resolve,
};
use crate::pixels::Extent;
use crate::prompt::Learned;

/// What an engine does with a field.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(tag = "verdict", content = "how", rename_all = "lowercase")]
pub enum Verdict {
    /// As the API documents it.
    Honoured,
    /// In another way, which this says.
    Mapped(String),
    /// Refused, for this reason; no picture is made.
    Unsupported(String),
}

/// A field of a task and what becomes of it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct FieldReport {
    /// Its place: `lora[0].weight`. Empty for a problem of the task as a whole.
    pub field: String,
    /// On this machine.
    pub local: Verdict,
    /// On the service.
    pub remote: Verdict,
}

/// What is needed to judge a task beside the task itself.
pub struct Surroundings<'a> {
    /// The models of the library.
    pub catalog: &'a dyn Catalog,
    /// The size of a picture that a task names, when it is at hand.
    pub size_of: &'a dyn Fn(&ImageRef) -> Option<Extent>,
}

/// Every field that `task` sets, in the order of the API's document, then what it lacks.
#[must_use]
pub fn portability(task: &Task, surroundings: &Surroundings<'_>) -> Vec<FieldReport> {
    let walk = Walk::over(task);
    let problems =
        |engine| resolve(task, surroundings.catalog, engine, 1).err().unwrap_or_default();
    let (local, remote) = (problems(EngineKind::Local), problems(EngineKind::Remote));
    let mut fields: Vec<FieldReport> = walk
        .given
        .iter()
        .map(|given| FieldReport {
            field: given.path.clone(),
            local: verdict(given, &local, || on_local(given, task, surroundings)),
            remote: model_on_remote(given, surroundings.catalog)
                .unwrap_or_else(|| verdict(given, &remote, || on_remote(given, task))),
        })
        .collect();
    // An object says nothing that its members do not, unless something is wrong with it.
    let silent = |report: &FieldReport| {
        let is_object = walk.find(&report.field).is_some_and(is_object);
        is_object && (&report.local, &report.remote) == (&Verdict::Honoured, &Verdict::Honoured)
    };
    fields.retain(|report| !silent(report));
    // What goes with its object needs no line of its own.
    let told = fields.clone();
    fields.retain(|report| !told.iter().any(|object| is_told_by(report, object)));
    for problem in local.iter().chain(&remote) {
        for name in places(problem) {
            if fields.iter().all(|report| report.field != name) {
                let of =
                    |problems: &[Problem]| refusal(name, problems).unwrap_or(Verdict::Honoured);
                let (local, remote) = (of(&local), of(&remote));
                fields.push(FieldReport { field: name.to_owned(), local, remote });
            }
        }
    }
    fields
}

/// Whether `object` holds `report`'s field and says all of it.
fn is_told_by(report: &FieldReport, object: &FieldReport) -> bool {
    let inside = report.field.strip_prefix(object.field.as_str());
    inside.is_some_and(|rest| rest.starts_with(['.', '[']))
        && (&report.local, &report.remote) == (&object.local, &object.remote)
}

fn is_object(given: &Given<'_>) -> bool {
    matches!(given.value, Shape::Object) || matches!(given.row.kind, Kind::Objects)
}

/// The places a problem is about; the empty one for the whole task.
fn places(problem: &Problem) -> Vec<&str> {
    match &problem.parameter {
        None => vec![""],
        Some(ParameterName::One(name)) => vec![name],
        Some(ParameterName::Several(names)) => names.iter().map(String::as_str).collect(),
    }
}

/// The refusal of what stands at `place`, or of the object it is in.
fn refusal(place: &str, problems: &[Problem]) -> Option<Verdict> {
    let concerns = |problem: &&Problem| {
        places(problem).into_iter().any(|name| {
            let inside = place.strip_prefix(name);
            name == place
                || (!name.is_empty() && inside.is_some_and(|rest| rest.starts_with(['.', '['])))
        })
    };
    let found = problems.iter().find(concerns)?;
    Some(Verdict::Unsupported(found.message.clone()))
}

fn verdict(
    given: &Given<'_>,
    problems: &[Problem],
    mapping: impl FnOnce() -> Option<String>,
) -> Verdict {
    refusal(&given.path, problems)
        .or_else(|| mapping().map(Verdict::Mapped))
        .unwrap_or(Verdict::Honoured)
}

/// What both engines do in another way than the field says, because of the rest of the task.
fn on_both(given: &Given<'_>, task: &Task) -> Option<String> {
    let format = task.output_format.unwrap_or(OutputFormat::Jpg);
    let says = match given.path.as_str() {
        "negativePrompt" if task.cfg_scale.is_some_and(|scale| scale <= 1.0) => {
            "not used: guidance is off at a CFGScale of 1 and below"
        }
        "outputQuality" if format == OutputFormat::Png => "not used: PNG is without loss",
        "strength" if task.seed_image.is_none() => "not used: there is no seedImage",
        _ => return None,
    };
    Some(says.to_owned())
}

fn on_local(given: &Given<'_>, task: &Task, surroundings: &Surroundings<'_>) -> Option<String> {
    if let Some(says) = on_both(given, task) {
        return Some(says);
    }
    match (given.path.as_str(), given.value) {
        ("scheduler", Shape::Text(name)) => scheduler(name, task, surroundings.catalog),
        ("outputType", _) if task.output_type == Some(OutputType::Url) => {
            Some("a file:// address of the saved picture".to_owned())
        }
        ("includeCost", Shape::Boolean(true)) => Some("the cost is 0".to_owned()),
        ("deliveryMethod", Shape::Text("async")) => {
            Some("the command line waits for the picture all the same".to_owned())
        }
        ("seedImage", _) => fit("seedImage", task.seed_image.as_ref()?, task, surroundings),
        ("maskImage", _) => fit("maskImage", task.mask_image.as_ref()?, task, surroundings),
        (path, Shape::Text(mode)) if path.ends_with("].controlMode") => control_mode(mode),
        (path, _) if path.ends_with("].guideImage") => {
            let own = (surroundings.size_of)(guide(path, task)?)?;
            if path.starts_with(ADAPTERS) {
                return square(own);
            }
            to_size(own, Extent::new(task.width?, task.height?))
        }
        (path, _) if path.ends_with("].startStep") || path.ends_with("].endStep") => {
            among_taken(task, surroundings.catalog)
        }
        (_, Shape::Text(air)) if given.row.kind == Kind::Air(ModelKind::Embedding) => {
            unnamed_embedding(air, task, surroundings.catalog)
        }
        ("width" | "height", _) if task.mask_margin.is_some() && task.mask_image.is_some() => {
            Some("the size that is painted; the result has the seed image's size".to_owned())
        }
        _ => None,
    }
}

/// How the places of IP-Adapters begin.
const ADAPTERS: &str = "ipAdapters[";

/// The guide at `controlNet[0].guideImage` or `ipAdapters[0].guideImage`.
fn guide<'a>(path: &str, task: &'a Task) -> Option<&'a ImageRef> {
    let (stack, rest) = path.split_once('[')?;
    let (index, member) = rest.split_once("].")?;
    let index = index.parse::<usize>().ok().filter(|_| member == "guideImage")?;
    match stack {
        "controlNet" => task.control_net.as_ref()?.get(index)?.guide_image.as_ref(),
        "ipAdapters" => task.ip_adapters.as_ref()?.get(index)?.guide_image.as_ref(),
        _ => None,
    }
}

/// What an image encoder sees of a picture that is no square.
fn square(own: Extent) -> Option<String> {
    let side = own.width.min(own.height);
    (own.width != own.height)
        .then(|| format!("{own}, of which only the middle {} is seen", Extent::new(side, side)))
}

/// Among which steps a window of steps is counted.
fn among_taken(task: &Task, catalog: &dyn Catalog) -> Option<String> {
    let own = || Some(catalog.model(&task.model.as_deref()?.parse().ok()?)?.defaults.steps);
    let steps = task.steps.or_else(own)?;
    let taken = StartFrom::of(task)?.steps_taken(steps);
    (taken < steps).then(|| format!("counted among the {taken} of {steps} steps that are taken"))
}

/// What a mode means here; the service does not say what it computes.
fn control_mode(mode: &str) -> Option<String> {
    match mode {
        "controlnet" => Some(
            "as diffusers' guess mode: for the positive prompt only, the inner layers more"
                .to_owned(),
        ),
        "prompt" => Some(
            "as sd-webui-controlnet's: each layer 0.825 times the one inside it, for both prompts"
                .to_owned(),
        ),
        _ => None,
    }
}

/// Where an embedding goes that neither prompt names.
fn unnamed_embedding(air: &str, task: &Task, catalog: &dyn Catalog) -> Option<String> {
    let card = catalog.model(&air.parse().ok()?)?;
    let learned = Learned { words: card.trigger_words.clone(), vectors: card.vectors };
    let mut prompts = [&task.positive_prompt, &task.negative_prompt].into_iter().flatten();
    if prompts.any(|prompt| learned.stands_in(prompt, task.prompt_weighting.into())) {
        return None;
    }
    let words: Vec<&str> = learned.words.iter().map(String::as_str).collect();
    Some(format!(
        "neither prompt holds its word ({}): added to the end of positivePrompt",
        either(&words)
    ))
}

/// The scheduler that a name of the service's own choice stands for here.
fn scheduler(name: &str, task: &Task, catalog: &dyn Catalog) -> Option<String> {
    if SchedulerRow::find(name).is_some_and(|row| row.recipe.is_some()) {
        return None;
    }
    let air: Air = task.model.as_deref()?.parse().ok()?;
    Some(format!("{}, the model's own", catalog.model(&air)?.defaults.scheduler))
}

/// How a picture is brought to the size it is needed in.
fn fit(
    name: &str,
    image: &ImageRef,
    task: &Task,
    surroundings: &Surroundings<'_>,
) -> Option<String> {
    let own = (surroundings.size_of)(image)?;
    let mut target = Extent::new(task.width?, task.height?);
    if let Some(outpaint) = &task.outpaint {
        let left = |whole: u32, sides: [Option<u32>; 2]| {
            let sides = sides.iter().flatten();
            whole.saturating_sub(sides.fold(0, |sum, side| sum.saturating_add(*side)))
        };
        target.width = left(target.width, [outpaint.left, outpaint.right]);
        target.height = left(target.height, [outpaint.top, outpaint.bottom]);
    } else if task.mask_margin.is_some() && task.mask_image.is_some() {
        if name == "seedImage" {
            return Some(format!("{own}: painted around the mask only, and keeps its size"));
        }
        target = (surroundings.size_of)(task.seed_image.as_ref()?)?;
    }
    to_size(own, target)
}

/// How a picture covers another size.
fn to_size(own: Extent, target: Extent) -> Option<String> {
    if own == target {
        return None;
    }
    let same_shape = u64::from(own.width) * u64::from(target.height)
        == u64::from(own.height) * u64::from(target.width);
    let how = if same_shape { "scaled" } else { "scaled and cut" };
    Some(format!("{own}, {how} to {target}"))
}

/// What the service makes of a model that only one side knows.
fn model_on_remote(given: &Given<'_>, catalog: &dyn Catalog) -> Option<Verdict> {
    let (Kind::Air(_), Shape::Text(text)) = (given.row.kind, given.value) else { return None };
    let air: Air = text.parse().ok()?;
    if air.source() == "local" {
        let says = "a latelier serve that has a model of this name takes it; the Runware service knows \
                    published models only and refuses it";
        return Some(Verdict::Mapped(says.to_owned()));
    }
    let says = "not in this library: the service says whether it has it";
    catalog.model(&air).is_none().then(|| Verdict::Mapped(says.to_owned()))
}

fn on_remote(given: &Given<'_>, task: &Task) -> Option<String> {
    if let Some(says) = on_both(given, task) {
        return Some(says);
    }
    let image = match given.path.as_str() {
        "seedImage" => task.seed_image.as_ref(),
        "maskImage" => task.mask_image.as_ref(),
        path => guide(path, task),
    };
    match image {
        Some(ImageRef::Url(address)) if address.starts_with("file:") => {
            Some("the file itself is sent".to_owned())
        }
        Some(ImageRef::Url(_)) => {
            let says = "fetched first and sent as it is found; where only the service can reach the \
                        address, that is sent";
            Some(says.to_owned())
        }
        Some(ImageRef::Uuid(_)) => {
            Some("the picture is sent unless the service has it already".to_owned())
        }
        _ => None,
    }
}
