//! The portability report: each verdict, for a reason.

use super::super::{FieldReport, Surroundings, Verdict, portability};
use super::*;

fn report(json: &Value) -> Vec<FieldReport> {
    let sized = |_: &ImageRef| Some(Extent::new(1200, 800));
    let task = Task::from_json(json).unwrap();
    portability(&task, &Surroundings { catalog: &Shelf, size_of: &sized })
}

fn of(report: &[FieldReport], field: &str) -> (Verdict, Verdict) {
    let found = report.iter().find(|report| report.field == field);
    let found = found.unwrap_or_else(|| panic!("{field} is not in {report:?}"));
    (found.local.clone(), found.remote.clone())
}

fn mapped(how: &str) -> Verdict {
    Verdict::Mapped(how.to_owned())
}

#[test]
fn what_both_take_as_it_is_is_honoured_by_both() {
    let report = report(&with(&json!({ "steps": 20, "CFGScale": 7, "seed": 3 })));
    for field in ["positivePrompt", "width", "height", "steps", "CFGScale", "seed", "model"] {
        assert_eq!(of(&report, field), (Verdict::Honoured, Verdict::Honoured), "{field}");
    }
    assert!(report.iter().all(|report| !report.field.is_empty()));
}

#[test]
fn what_is_done_in_another_way_says_how() {
    let report = report(&with(&json!({
        "outputType": "URL", "outputFormat": "PNG", "outputQuality": 80, "includeCost": true,
        "negativePrompt": "blurry", "CFGScale": 1, "scheduler": "Default",
        "seedImage": "file:///pictures/a.png", "outpaint": { "left": 64 },
    })));
    let unused = mapped("not used: PNG is without loss");
    assert_eq!(of(&report, "outputQuality"), (unused.clone(), unused));
    assert_eq!(of(&report, "outputType").1, Verdict::Honoured);
    assert_eq!(of(&report, "includeCost").0, mapped("the cost is 0"));
    assert_eq!(of(&report, "scheduler").0, mapped("Euler, the model's own"));
    assert!(matches!(of(&report, "negativePrompt"), (Verdict::Mapped(_), Verdict::Mapped(_))));
    // 768 × 512 is the final size.
    let fit = mapped("1200 × 800, scaled and cut to 704 × 512");
    assert_eq!(of(&report, "seedImage"), (fit, mapped("the file itself is sent")));
    assert_eq!(of(&report, "outpaint.left").0, Verdict::Honoured);
    assert!(report.iter().all(|report| report.field != "outpaint"), "its members say it");
}

#[test]
fn a_guide_says_how_it_is_fitted_and_what_its_mode_means_here() {
    let report = report(&with(&json!({ "controlNet": [
        { "model": "civitai:38784@44716", "guideImage": "file:///guides/a.png", "controlMode": "prompt" },
        { "model": "civitai:38784@44716", "guideImage": UUID, "controlMode": "balanced" },
    ]})));
    let fit = mapped("1200 × 800, scaled to 768 × 512");
    let sent = mapped("the file itself is sent");
    assert_eq!(of(&report, "controlNet[0].guideImage"), (fit.clone(), sent));
    assert_eq!(of(&report, "controlNet[1].guideImage").0, fit);
    let (here, there) = of(&report, "controlNet[0].controlMode");
    assert!(matches!(here, Verdict::Mapped(how) if how.contains("0.825")));
    assert_eq!(there, Verdict::Honoured);
    assert_eq!(of(&report, "controlNet[1].controlMode").0, Verdict::Honoured);
}

#[test]
fn a_picture_for_an_adapter_says_what_is_seen_of_it() {
    let report = report(&with(&json!({ "ipAdapters": [
        { "model": "runware:55@6", "guideImage": "file:///guides/a.png" },
    ]})));
    let seen = mapped("1200 × 800, of which only the middle 800 × 800 is seen");
    let sent = mapped("the file itself is sent");
    assert_eq!(of(&report, "ipAdapters[0].guideImage"), (seen, sent));
}

#[test]
fn steps_of_a_window_say_among_which_they_are_counted() {
    let control = json!([{ "model": "civitai:38784@44716", "guideImage": UUID, "startStep": 2 }]);
    let whole = report(&with(&json!({ "controlNet": control })));
    assert_eq!(of(&whole, "controlNet[0].startStep").0, Verdict::Honoured);
    let start = json!({ "controlNet": control, "seedImage": UUID, "steps": 10, "strength": 0.5 });
    let how = mapped("counted among the 5 of 10 steps that are taken");
    assert_eq!(of(&report(&with(&start)), "controlNet[0].startStep").0, how);
}

#[test]
fn an_embedding_that_no_prompt_names_says_where_it_goes() {
    let task = |prompt: &str| {
        let embeddings = json!([{ "model": "civitai:1044536@1172007" }]);
        with(&json!({ "positivePrompt": prompt, "embeddings": embeddings }))
    };
    let (local, remote) = of(&report(&task("a fox")), "embeddings[0].model");
    let how =
        "neither prompt holds its word (<learned> or learned): added to the end of positivePrompt";
    assert_eq!((local, remote), (mapped(how), Verdict::Honoured));
    let named = report(&task("a Learned fox"));
    assert_eq!(of(&named, "embeddings[0].model").0, Verdict::Honoured);
    let mut avoided = task("a fox");
    avoided["negativePrompt"] = json!("(<learned>:1.2)");
    assert_eq!(of(&report(&avoided), "embeddings[0].model").0, Verdict::Honoured);
}

#[test]
fn what_is_refused_says_why_and_on_which_engine() {
    let report = report(&with(&json!({
        "lora": [{ "model": "civitai:1@2", "weight": 9 }], "vae": "civitai:3@4", "steps": 500, "maskImage": UUID,
    })));
    let refused = |verdict: &Verdict, part: &str| match verdict {
        Verdict::Unsupported(why) => assert!(why.contains(part), "{why}"),
        other => panic!("{other:?} instead of {part}"),
    };
    let vae = of(&report, "vae");
    refused(&vae.0, "not yet on the local engine");
    assert!(matches!(vae.1, Verdict::Mapped(_)), "{vae:?}");
    refused(&of(&report, "lora[0].model").0, "not in the library");
    for verdict in [of(&report, "steps").0, of(&report, "steps").1] {
        refused(&verdict, "from 1 to 100");
    }
    refused(&of(&report, "lora[0].weight").1, "-4");
    let missing = of(&report, "seedImage");
    refused(&missing.0, "seedImage is missing");
    refused(&missing.1, "seedImage is missing");
}

#[test]
fn a_model_of_one_side_only_is_said_to_be_so() {
    let local = report(&with(&json!({ "model": "local:mine@1" })));
    // Our own server takes it, the service does not.
    let Verdict::Mapped(says) = of(&local, "model").1 else { panic!("{local:?}") };
    assert!(says.contains("latelier serve") && says.contains("Runware service"), "{says}");
    assert!(says.contains("refuses it"), "{says}");
    let unknown = report(&with(&json!({ "model": "civitai:424242@1" })));
    let (here, there) = of(&unknown, "model");
    assert!(matches!(here, Verdict::Unsupported(why) if why.contains("not in the library")));
    assert!(matches!(there, Verdict::Mapped(_)));
}

#[test]
fn a_picture_at_an_address_is_said_to_be_fetched_before_it_is_sent() {
    let there = |address: &str| {
        let report = report(&with(&json!({ "seedImage": address, "strength": 0.5 })));
        of(&report, "seedImage").1
    };
    let far = there("https://example.org/a.png");
    assert!(matches!(&far, Verdict::Mapped(how) if how.starts_with("fetched first")), "{far:?}");
    let near = there("file:///a.png");
    assert_eq!(near, Verdict::Mapped("the file itself is sent".to_owned()));
}
