//! What parameters ask of each other, of the model's architecture and of the engine.

use super::given::{Given, Walk};
use super::nearest::either;
use super::schedulers::DEFAULT;
use super::shape::Shape;
use super::{
    Architecture, EngineKind, Kind, Local, ModelCard, ParameterRow, Problem, PromptWeighting,
    SchedulerRow, StartFrom, Task, check,
};

/// Required members of every object that is there, and required parameters of the task itself
/// (width and height are asked for where the model is known).
pub(super) fn required(walk: &Walk<'_>, problems: &mut Vec<Problem>) {
    for row in super::PARAMETERS.iter().filter(|row| row.required && !is_extent(row)) {
        let Some((object, member)) = row.name.rsplit_once('.') else {
            if walk.find(row.name).is_none() {
                problems.push(check::missing(row.name, row));
            }
            continue;
        };
        let object = ParameterRow::find(object);
        let places =
            walk.given.iter().filter(|given| Some(given.row) == object && is_object(given));
        let missing = places.map(|given| format!("{}.{member}", given.path));
        let missing = missing.filter(|path| walk.find(path).is_none());
        problems.extend(missing.map(|path| check::missing(&path, row)));
    }
}

fn is_extent(row: &ParameterRow) -> bool {
    row.name == "width" || row.name == "height"
}

const fn is_object(given: &Given<'_>) -> bool {
    matches!(given.value, Shape::Object)
}

/// Two members that say the same in different units: only one of them.
pub(super) fn alternatives(walk: &Walk<'_>, problems: &mut Vec<Problem>) {
    for given in &walk.given {
        let Some(alternative) = given.row.alternative else { continue };
        let Some((object, member)) = given.path.rsplit_once('.') else { continue };
        let other = format!("{object}.{alternative}");
        // Each pair is met from both sides; the shorter name speaks for it.
        if member.len() < alternative.len() && walk.find(&other).is_some() {
            let message = format!(
                "{} and {other} say the same in two ways; leave one of them out.",
                given.path
            );
            problems.push(Problem::conflict(&[&given.path, &other], message));
        }
    }
}

/// Pictures and sizes that need each other.
pub(super) fn companions(task: &Task, problems: &mut Vec<Problem>) {
    let needs_seed =
        [("maskImage", task.mask_image.is_some()), ("outpaint", task.outpaint.is_some())];
    for (name, _) in needs_seed.iter().filter(|(_, there)| *there && task.seed_image.is_none()) {
        let message = format!("seedImage is missing; {name} needs the picture to change.");
        problems.push(Problem::at("missing", "seedImage", message));
    }
    if task.mask_margin.is_some() && task.mask_image.is_none() {
        let message = "maskImage is missing; maskMargin zooms into the mask.";
        problems.push(Problem::at("missing", "maskImage", message));
    }
    if task.ace_plus_plus.is_some() && task.reference_images.as_ref().is_none_or(Vec::is_empty) {
        let message = "referenceImages is missing; acePlusPlus needs one picture there.";
        problems.push(Problem::at("missing", "referenceImages", message));
    }
    if task.ttl.is_some() && task.output_type.is_some_and(|kind| kind != super::OutputType::Url) {
        let message = "ttl goes with outputType URL only; leave it out or ask for URL.";
        problems.push(Problem::conflict(&["ttl", "outputType"], message));
    }
    let transparent = task.advanced_features.as_ref().and_then(|features| features.layer_diffuse);
    if transparent == Some(true)
        && task.output_format.unwrap_or(super::OutputFormat::Jpg) == super::OutputFormat::Jpg
    {
        let message = "advancedFeatures.layerDiffuse needs a format with transparency; set outputFormat to PNG or WEBP.";
        problems
            .push(Problem::conflict(&["advancedFeatures.layerDiffuse", "outputFormat"], message));
    }
    outpaint(task, problems);
}

/// At least one side grows, and something of the seed image is left between the sides.
fn outpaint(task: &Task, problems: &mut Vec<Problem>) {
    let Some(outpaint) = &task.outpaint else { return };
    let side = |pixels: Option<u32>| u64::from(pixels.unwrap_or(0));
    let across = side(outpaint.left) + side(outpaint.right);
    let down = side(outpaint.top) + side(outpaint.bottom);
    if across + down == 0 {
        let message = "outpaint must grow at least one side; set top, right, bottom or left to a multiple of 64.";
        problems.push(Problem::at("invalid", "outpaint", message));
    }
    let axes = [
        ("width", task.width, across, ["outpaint.left", "outpaint.right"]),
        ("height", task.height, down, ["outpaint.top", "outpaint.bottom"]),
    ];
    for (name, length, growth, [first, second]) in axes {
        let Some(length) = length.filter(|&length| u64::from(length) <= growth) else { continue };
        let message = format!(
            "{name} is the final size, the seed image's plus {first} and {second}; {length} leaves nothing for the seed image."
        );
        problems.push(Problem::conflict(&[name, first, second], message));
    }
}

/// Steps inside the run, and ends behind starts.
pub(super) fn step_windows(
    task: &Task,
    (steps, engine): (u32, EngineKind),
    problems: &mut Vec<Problem>,
) {
    if engine == EngineKind::Local {
        begun(task, steps, problems);
    }
    let mut within_steps = |path: &str, step: Option<u32>| {
        if step.is_some_and(|step| step > steps) {
            let message = format!("{path} must be at most the number of steps, {steps}.");
            problems.push(at_place(path, message, None, Some(steps)));
        }
    };
    within_steps("refiner.startStep", task.refiner.as_ref().and_then(|refiner| refiner.start_step));
    let controls = task.control_net.iter().flatten().enumerate();
    for (index, control) in controls.clone() {
        within_steps(&format!("controlNet[{index}].startStep"), control.start_step);
        within_steps(&format!("controlNet[{index}].endStep"), control.end_step);
    }
    for (index, control) in controls {
        let windows = [
            ("Step", control.start_step, control.end_step, steps),
            ("StepPercentage", control.start_step_percentage, control.end_step_percentage, 100),
        ];
        for (unit, start, end, last) in windows {
            let (Some(start), Some(end)) = (start, end) else { continue };
            if end <= start {
                let path = format!("controlNet[{index}].end{unit}");
                let message = format!(
                    "{path} must be greater than controlNet[{index}].start{unit}, {start}; found {end}."
                );
                problems.push(at_place(&path, message, start.checked_add(1), Some(last)));
            }
        }
    }
}

/// Windows that begin behind the last step that is really taken: their guide would change nothing, and
/// nobody would know why. The local engine counts steps as diffusers counts shares of them, among those
/// that `strength` leaves; the API's page does not say.
fn begun(task: &Task, steps: u32, problems: &mut Vec<Problem>) {
    let Some(start) = StartFrom::of(task) else { return };
    let taken = start.steps_taken(steps);
    for (index, control) in task.control_net.iter().flatten().enumerate() {
        let Some(first) = control.start_step.filter(|first| (taken + 1..=steps).contains(first))
        else {
            continue;
        };
        // Nothing is drawn at all.
        if taken == 0 {
            continue;
        }
        let path = format!("controlNet[{index}].startStep");
        let message = format!(
            "{path} must be at most {taken}: with a seedImage and this strength {taken} of {steps} steps are taken; found {first}."
        );
        problems.push(at_place(&path, message, None, Some(taken)));
    }
}

/// An invalid value whose range depends on other parameters.
fn at_place(path: &str, message: String, min: Option<u32>, max: Option<u32>) -> Problem {
    let problem = match ParameterRow::find(path) {
        Some(row) => Problem::invalid(path, row, message),
        None => Problem::at("invalid", path, message),
    };
    Problem {
        min: min.map(Into::into).or(problem.min),
        max: max.map(Into::into).or(problem.max),
        ..problem
    }
}

/// Everything a task asks for that models of this architecture do not take.
pub(super) fn architecture(
    walk: &Walk<'_>,
    task: &Task,
    card: &ModelCard,
    problems: &mut Vec<Problem>,
) {
    let architecture = card.architecture;
    for given in walk.given.iter().filter(|given| refuses(architecture, given)) {
        let takers = super::architectures::takers(given.row.name).unwrap_or_default();
        let takers: Vec<&str> = takers.iter().map(|taker| taker.label()).collect();
        let message = format!(
            "{} is not for {} models such as {}; leave it out, or choose a model of {}.",
            given.path,
            architecture,
            card.name,
            either(&takers)
        );
        problems.push(
            Problem::at("unsupportedArchitecture", &given.path, message).because_of(architecture),
        );
    }
    if task.prompt_weighting == Some(PromptWeighting::Compel)
        && architecture.takes("promptWeighting")
        && !architecture.reads(PromptWeighting::Compel)
    {
        let message =
            format!("{architecture} models read promptWeighting sdEmbeds only; found compel.");
        problems.push(
            Problem::at("unsupportedArchitecture", "promptWeighting", message)
                .because_of(architecture),
        );
    }
}

/// Whether models of that architecture do not take what is given; its members go with it.
fn refuses(architecture: Architecture, given: &Given<'_>) -> bool {
    let takes = architecture.takes(given.row.name)
        || matches!(given.value, Shape::Text(value) if architecture.takes_value(given.row.name, value));
    given.asks() && !given.is_part_of_a_feature() && !takes
}

/// Everything a task asks for that the local engine does not do yet, except what the
/// architecture refuses anyway.
pub(super) fn not_yet_local(
    walk: &Walk<'_>,
    architecture: Option<Architecture>,
    problems: &mut Vec<Problem>,
) {
    for given in &walk.given {
        let refused = architecture.is_some_and(|architecture| refuses(architecture, given));
        if !given.asks() || given.is_part_of_a_feature() || refused {
            continue;
        }
        let problem = match (given.row.local, given.row.kind, given.value) {
            (Local::Later, ..) => not_yet(&given.path, &given.path, "leave it out"),
            (_, Kind::Scheduler, Shape::Text(name)) if is_later(name) => {
                scheduler_not_yet_local(name)
            }
            _ => continue,
        };
        problems.push(problem);
    }
}

/// What the local engine does one by one and not together.
pub(super) fn not_together_local(task: &Task, problems: &mut Vec<Problem>) {
    if task.mask_margin.is_some() && task.outpaint.is_some() {
        let message = "maskMargin together with outpaint is not on the local engine; leave one of them out, or use the remote engine.";
        problems.push(Problem::at("unsupportedLocal", "maskMargin", message));
    }
}

/// Whether that name is a scheduler's the local engine does not do yet.
fn is_later(name: &str) -> bool {
    name != DEFAULT && SchedulerRow::find(name).is_some_and(|row| row.recipe.is_none())
}

/// The problem with a documented scheduler the local engine does not do yet.
pub(super) fn scheduler_not_yet_local(name: &str) -> Problem {
    let now: Vec<&str> = SchedulerRow::local().map(|row| row.name).collect();
    not_yet("scheduler", &format!("scheduler {name}"), &format!("use {}", either(&now)))
}

fn not_yet(path: &str, what: &str, advice: &str) -> Problem {
    let message =
        format!("{what} is not yet on the local engine; {advice}, or use the remote engine.");
    Problem::at("unsupportedLocal", path, message)
}
