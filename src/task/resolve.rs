//! From a task to a request: complete, in range, its model found, or every reason why not.

use std::sync::Arc;

use uuid::Uuid;

use super::given::{Given, Walk};
use super::nearest::either;
use super::schedulers::DEFAULT;
use super::shape::Shape;
use super::stacks::Stacks;
use super::{
    Air, Architecture, Catalog, DeepCache, Kind, Local, ModelCard, ModelKind, OutputFormat,
    OutputType, ParameterRow, Problem, Request, SchedulerRow, StartFrom, Task, check, rules,
};
use crate::pixels::Extent;

/// The prompt that stands for no prompt.
pub const BLANK_PROMPT: &str = "__BLANK__";

/// Seeds are signed 64-bit numbers on the service's side.
const GREATEST_SEED: u64 = i64::MAX as u64;

/// Who is to draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EngineKind {
    /// ONNX Runtime on this machine.
    Local,
    /// The service.
    Remote,
}

/// Checks a task and completes it with the model's defaults. `fresh_seed` is used when the task
/// has no seed; it is brought into 1 … 2⁶³−1. All problems come at once.
pub fn resolve(
    task: &Task,
    catalog: &dyn Catalog,
    engine: EngineKind,
    fresh_seed: u64,
) -> Result<Request, Vec<Problem>> {
    let walk = Walk::over(task);
    let mut problems: Vec<Problem> = walk.unknown.iter().map(|path| check::unknown(path)).collect();
    problems.extend(walk.given.iter().filter_map(check::value));
    rules::required(&walk, &mut problems);
    rules::alternatives(&walk, &mut problems);
    rules::companions(task, &mut problems);

    let card = checkpoint(task, catalog, engine, &mut problems);
    let architecture = card.as_ref().map(|card| card.architecture);
    if let Some(card) = &card {
        rules::architecture(&walk, task, card, &mut problems);
        add_ons(&walk, catalog, (card, engine), &mut problems);
    }
    if engine == EngineKind::Local {
        rules::not_yet_local(&walk, architecture, &mut problems);
        rules::not_together_local(task, &mut problems);
        problems.extend(card.as_deref().and_then(model_not_yet_local));
    }
    let known = card.as_ref().filter(|card| card.architecture != Architecture::Unknown);
    if let Some(steps) = task.steps.or(known.map(|card| card.defaults.steps)) {
        rules::step_windows(task, (steps, engine), &mut problems);
    }
    let stacks = Stacks::of(task, catalog);
    let request = settle(&stacks, card, engine, fresh_seed, &mut problems);
    match request {
        Some(request) if problems.is_empty() => Ok(request),
        _ => Err(problems.into_iter().map(|problem| of_task(problem, task)).collect()),
    }
}

fn of_task(problem: Problem, task: &Task) -> Problem {
    problem.of_task(task.task_uuid.as_deref(), task.task_type)
}

/// Takes every field of the task: what a request keeps by name, the rest as part of the task.
/// Naming them all here makes a new field a question to whoever adds it.
fn settle(
    stacks: &Stacks<'_>,
    card: Option<Arc<ModelCard>>,
    engine: EngineKind,
    fresh_seed: u64,
    problems: &mut Vec<Problem>,
) -> Option<Request> {
    let Task {
        task_type: _,
        task_uuid,
        output_type,
        output_format,
        output_quality,
        check_nsfw,
        include_cost,
        positive_prompt,
        negative_prompt,
        height,
        width,
        model: _,
        steps,
        scheduler: scheduler_name,
        seed: first_seed,
        cfg_scale,
        number_results,
        delivery_method: _,
        // `StartFrom::of` takes these.
        seed_image: _,
        mask_image: _,
        mask_margin: _,
        strength: _,
        outpaint: _,
        clip_skip,
        prompt_weighting,
        // May hold a key: whoever sends pictures there takes it from the task.
        upload_endpoint: _,
        // Not yet part of a request; `resolve` refuses them on the local engine.
        reference_images: _,
        vae: _,
        advanced_features: _,
        accelerator_options,
        pu_lid: _,
        ace_plus_plus: _,
        refiner: _,
        // `Stacks` takes these.
        embeddings: _,
        control_net: _,
        lora: _,
        ip_adapters: _,
        ttl: _,
        webhook_url: _,
        extra: _,
    } = stacks.task;

    let number_results = number_results.unwrap_or(1);
    let seed = seed(*first_seed, fresh_seed, number_results, problems);
    let extent = extent(*width, *height, card.as_deref(), problems);
    let model = card?;
    let steps = steps.unwrap_or_else(|| of_model("steps", model.defaults.steps, &model, problems));
    let default_scale = model.defaults.cfg_scale;
    let cfg_scale = cfg_scale.map(|scale| scale as f32);
    let cfg_scale =
        cfg_scale.unwrap_or_else(|| of_model("CFGScale", default_scale, &model, problems));
    let scheduler = scheduler(scheduler_name.as_deref(), &model, engine, problems)?;

    Some(Request {
        task_uuid: Uuid::try_parse(task_uuid.as_deref()?).ok()?,
        positive_prompt: prompt(positive_prompt.as_deref()),
        negative_prompt: negative_prompt.clone().unwrap_or_default(),
        extent: extent?,
        start: StartFrom::of(stacks.task),
        prompt_weighting: *prompt_weighting,
        clip_skip: clip_skip.unwrap_or(0),
        steps,
        cfg_scale,
        scheduler,
        seed: seed?,
        number_results,
        loras: stacks.loras(),
        embeddings: stacks.embeddings(),
        controls: stacks.controls(),
        image_prompts: stacks.image_prompts(),
        deep_cache: DeepCache::of(accelerator_options.as_ref()),
        output_type: output_type.unwrap_or(OutputType::Url),
        output_format: output_format.unwrap_or(OutputFormat::Jpg),
        output_quality: u8::try_from(output_quality.unwrap_or(95)).ok()?,
        check_nsfw: check_nsfw.unwrap_or(false),
        include_cost: include_cost.unwrap_or(false),
        task: Arc::new(stacks.task.clone()),
        engine,
        model,
        _checked: (),
    })
}

/// The prompt's words; none for the blank one.
fn prompt(text: Option<&str>) -> String {
    text.filter(|text| *text != BLANK_PROMPT).unwrap_or_default().to_owned()
}

/// The model that `model` names, if the library has it and it is a checkpoint. The service has far
/// more models than the library; what it makes of an identifier is its own to say.
/// A missing or misspelt AIR has been complained about already.
fn checkpoint(
    task: &Task,
    catalog: &dyn Catalog,
    engine: EngineKind,
    problems: &mut Vec<Problem>,
) -> Option<Arc<ModelCard>> {
    let air: Air = task.model.as_deref()?.parse().ok()?;
    let row = ParameterRow::find("model")?;
    let Some(card) = catalog.model(&air) else {
        if engine == EngineKind::Remote {
            return Some(Arc::new(ModelCard::of_service(air)));
        }
        let message =
            format!("model {air} is not in the library; `latelier models list` shows what is.");
        problems.push(Problem::invalid("model", row, message));
        return None;
    };
    let message = match &card.fault {
        Some(why) => format!("model {air} cannot be used: {why}"),
        None if card.kind == ModelKind::Checkpoint => return Some(card),
        None => {
            format!("model takes a checkpoint; {air} is a {}. {}", card.kind, place_for(card.kind))
        }
    };
    problems.push(Problem::invalid("model", row, message));
    None
}

/// Where a model of that kind belongs.
fn place_for(kind: ModelKind) -> String {
    let row = super::PARAMETERS.iter().find(|row| row.kind == Kind::Air(kind));
    row.map(|row| format!("Put it into {}.", row.name)).unwrap_or_default()
}

/// The second models of a task: those the catalog knows must be of the right kind and fit the
/// checkpoint. The service has far more than the catalog; the local engine has no others.
fn add_ons(
    walk: &Walk<'_>,
    catalog: &dyn Catalog,
    (base, engine): (&ModelCard, EngineKind),
    problems: &mut Vec<Problem>,
) {
    for Given { row, path, value } in &walk.given {
        let (Kind::Air(kind), Shape::Text(text)) = (row.kind, *value) else { continue };
        let Ok(air) = text.parse::<Air>() else { continue };
        let Some(card) = catalog.model(&air) else {
            if engine == EngineKind::Local && row.local == Local::Now && path != "model" {
                let message = format!(
                    "{path} {air} is not in the library; `latelier models list` shows what is."
                );
                problems.push(Problem::invalid(path, row, message));
            }
            continue;
        };
        if path == "model" {
            continue;
        }
        if let Some(why) = card.fault.as_ref().filter(|_| engine == EngineKind::Local) {
            let message = format!("{path} {air} cannot be used: {why}");
            problems.push(Problem::invalid(path, row, message));
            continue;
        }
        if card.kind != kind {
            let message = format!(
                "{path} takes a {kind}; {} is a {}. {}",
                card.air,
                card.kind,
                place_for(card.kind)
            );
            problems.push(Problem::invalid(path, row, message));
        } else if !base.architecture.fits(card.architecture) {
            let message = format!(
                "{path} {} is made for {}, the model {} is of {}; choose two that match.",
                card.air, card.architecture, base.air, base.architecture
            );
            problems.push(
                Problem::at("unsupportedArchitecture", path, message).because_of(base.architecture),
            );
        }
    }
}

/// The problem with a model of an architecture that the local engine does not run yet.
fn model_not_yet_local(card: &ModelCard) -> Option<Problem> {
    if card.architecture.is_local() {
        return None;
    }
    let now: Vec<&str> =
        Architecture::ALL.iter().filter(|any| any.is_local()).map(|any| any.label()).collect();
    let message = format!(
        "model {} is of {}, which is not yet on the local engine; choose a model of {}, or use the remote engine.",
        card.air,
        card.architecture,
        either(&now)
    );
    Some(Problem::at("unsupportedLocal", "model", message).because_of(card.architecture))
}

/// The size the task asks for; models that need none bring their own.
fn extent(
    width: Option<u32>,
    height: Option<u32>,
    card: Option<&ModelCard>,
    problems: &mut Vec<Problem>,
) -> Option<Extent> {
    let own =
        card.filter(|card| !card.architecture.needs_extent()).map(|card| card.defaults.extent);
    let height = side("height", height, own.map(|extent| extent.height), problems);
    let width = side("width", width, own.map(|extent| extent.width), problems);
    Some(Extent::new(width?, height?))
}

/// Width or height. `default` is there for models that do not ask for a size.
fn side(
    name: &'static str,
    given: Option<u32>,
    default: Option<u32>,
    problems: &mut Vec<Problem>,
) -> Option<u32> {
    let row = ParameterRow::find(name)?;
    match (given, default) {
        (None, None) => {
            problems.push(check::missing(name, row));
            None
        }
        (None, Some(pixels)) => {
            problems.extend(check::value(&Given {
                row,
                path: name.to_owned(),
                value: Shape::from(&pixels),
            }));
            Some(pixels)
        }
        (Some(pixels), _) => Some(pixels),
    }
}

/// A default of the model, complained about when the library let a wrong one in.
fn of_model<T: Copy + Into<f64>>(
    name: &str,
    value: T,
    card: &ModelCard,
    problems: &mut Vec<Problem>,
) -> T {
    let number = value.into();
    let allowed = match ParameterRow::find(name).map(|row| row.kind) {
        Some(Kind::Integer { min, max, .. }) => {
            number >= min as f64 && max.is_none_or(|max| number <= max as f64)
        }
        Some(Kind::Float { min, max }) => (min..=max).contains(&number),
        _ => true,
    };
    if !allowed {
        let message = format!(
            "the default {name} of {} is {number}, which is not allowed; set {name}.",
            card.air
        );
        problems.push(Problem::at("invalid", name, message));
    }
    value
}

/// The scheduler the task names, or the model's own. Only the latter can be wrong here: a name in
/// the task has been complained about already.
fn scheduler(
    name: Option<&str>,
    card: &ModelCard,
    engine: EngineKind,
    problems: &mut Vec<Problem>,
) -> Option<&'static SchedulerRow> {
    if let Some(name) = name.filter(|name| *name != DEFAULT) {
        return SchedulerRow::find(name);
    }
    let own = &card.defaults.scheduler;
    match SchedulerRow::find(own) {
        None => {
            let message = format!(
                "the default scheduler of {}, {own}, is not known; name another in scheduler.",
                card.air
            );
            problems.push(Problem::at("invalid", "scheduler", message));
            None
        }
        Some(row) if engine == EngineKind::Local && row.recipe.is_none() => {
            let name = format!("{own}, the default of {},", card.air);
            problems.push(rules::scheduler_not_yet_local(&name));
            None
        }
        row => row,
    }
}

/// The first picture's seed; the last one's must be a seed as well.
fn seed(
    given: Option<u64>,
    fresh: u64,
    number_results: u32,
    problems: &mut Vec<Problem>,
) -> Option<u64> {
    let greatest = GREATEST_SEED - u64::from(number_results).saturating_sub(1);
    match given {
        None => Some(fresh.clamp(1, greatest)),
        Some(seed) if seed > greatest && seed <= GREATEST_SEED => {
            let row = ParameterRow::find("seed")?;
            let message = format!(
                "seed must be at most {greatest} for {number_results} pictures, since each adds one; found {seed}."
            );
            problems.push(Problem {
                max: Some(greatest.into()),
                ..Problem::invalid("seed", row, message)
            });
            None
        }
        Some(seed) => Some(seed),
    }
}
