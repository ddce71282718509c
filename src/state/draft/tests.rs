//! Laws of the form: what comes back from a task, what is sent, what belongs together.

use serde_json::json;

use super::*;
use crate::task::{Outpaint, OutputFormat};

fn picture() -> ImageRef {
    ImageRef::Uuid(Uuid::from_u128(9))
}

fn mask() -> ImageRef {
    ImageRef::Uuid(Uuid::from_u128(11))
}

fn base() -> Task {
    Task { output_format: Some(OutputFormat::Png), ..Task::new(Uuid::from_u128(7)) }
}

fn filling() -> Task {
    Task { seed_image: Some(picture()), mask_image: Some(mask()), ..base() }
}

fn extending(outpaint: Outpaint) -> Task {
    let (width, height) = (Some(768), Some(512));
    Task { seed_image: Some(picture()), outpaint: Some(outpaint), width, height, ..base() }
}

/// Each line sets one more thing than nothing; the last sets all.
fn expressible() -> Vec<Task> {
    let mut tasks = vec![
        base(),
        Task { positive_prompt: Some("a fox, noto style".to_owned()), ..base() },
        Task { negative_prompt: Some("blurry".to_owned()), ..base() },
        Task { model: Some("latelier:demo@1".to_owned()), ..base() },
        Task { width: Some(192), ..base() },
        Task { height: Some(256), ..base() },
        Task { steps: Some(24), ..base() },
        Task { cfg_scale: Some(4.5), ..base() },
        Task { scheduler: Some("Euler a".to_owned()), ..base() },
        Task { seed: Some(i64::MAX as u64), ..base() },
        Task { number_results: Some(4), ..base() },
        Task { check_nsfw: Some(true), ..base() },
        Task { seed_image: Some(picture()), ..base() },
        Task { seed_image: Some(picture()), strength: Some(0.35), ..base() },
        Task { prompt_weighting: Some(PromptWeighting::Compel), ..base() },
        filling(),
        Task { mask_margin: Some(48), ..filling() },
        extending(Outpaint { right: Some(128), ..Outpaint::default() }),
        extending(Outpaint { left: Some(64), blur: Some(12), ..Outpaint::default() }),
        extending(Outpaint { top: Some(64), bottom: Some(0), ..Outpaint::default() }),
    ];
    tasks.extend(uncommon());
    let mut all = base();
    for task in &tasks {
        all.positive_prompt = all.positive_prompt.or_else(|| task.positive_prompt.clone());
        all.negative_prompt = all.negative_prompt.or_else(|| task.negative_prompt.clone());
        all.model = all.model.or_else(|| task.model.clone());
        all.width = all.width.or(task.width);
        all.height = all.height.or(task.height);
        all.steps = all.steps.or(task.steps);
        all.cfg_scale = all.cfg_scale.or(task.cfg_scale);
        all.scheduler = all.scheduler.or_else(|| task.scheduler.clone());
        all.seed = all.seed.or(task.seed);
        all.number_results = all.number_results.or(task.number_results);
        all.check_nsfw = all.check_nsfw.or(task.check_nsfw);
        all.seed_image = all.seed_image.or_else(|| task.seed_image.clone());
        all.strength = all.strength.or(task.strength);
        all.prompt_weighting = all.prompt_weighting.or(task.prompt_weighting);
        all.mask_image = all.mask_image.or_else(|| task.mask_image.clone());
        all.mask_margin = all.mask_margin.or(task.mask_margin);
        all.outpaint = all.outpaint.or_else(|| task.outpaint.clone());
    }
    tasks.push(all);
    tasks
}

/// What is rarely asked for, as JSON; the last says something that is not known here.
fn uncommon() -> Vec<Task> {
    let face = "c64351d5-4c59-42f7-95e1-eace013eddab";
    let members = [
        json!({ "outputType": "dataURI", "outputFormat": "WEBP", "outputQuality": 80 }),
        json!({ "includeCost": true, "clipSkip": 2, "vae": "civitai:1@2" }),
        json!({ "uploadEndpoint": "https://example.org/put", "deliveryMethod": "async" }),
        json!({ "ttl": 90, "webhookURL": "https://example.org/hook" }),
        json!({ "referenceImages": [face], "advancedFeatures": { "layerDiffuse": true } }),
        json!({ "acceleratorOptions": { "teaCache": true, "teaCacheDistance": 0.25 } }),
        json!({ "puLID": { "inputImages": [face], "idWeight": 1.5, "CFGStartStep": 3 } }),
        json!({ "acePlusPlus": { "type": "subject", "inputImages": [face], "repaintingScale": 0.5 } }),
        json!({ "refiner": { "model": "civitai:3@4", "startStepPercentage": 80 } }),
        json!({ "lora": [{ "model": "civitai:3@4", "weight": -0.5 }, { "model": "civitai:5@6" }] }),
        json!({ "safety": { "checkContent": true } }),
    ];
    let read = |json: serde_json::Value| -> Task {
        Task {
            task_type: base().task_type,
            task_uuid: base().task_uuid,
            ..serde_json::from_value(json).unwrap()
        }
    };
    members.into_iter().map(read).collect()
}

#[test]
fn a_task_the_form_can_express_comes_back_unchanged() {
    for task in expressible() {
        assert_eq!(Draft::from(&task).to_task(Uuid::from_u128(7)), task);
    }
}

#[test]
fn what_the_user_did_not_set_is_not_sent() {
    let task = Draft::default().to_task(Uuid::from_u128(7));
    assert_eq!(task, base());
}

#[test]
fn an_unlocked_seed_is_shown_but_not_sent() {
    let draft = Draft { seed: Some(41), ..Draft::default() };
    assert_eq!(draft.to_task(Uuid::from_u128(7)).seed, None);
    assert_eq!(Draft { seed_locked: true, ..draft }.to_task(Uuid::from_u128(7)).seed, Some(41));
}

#[test]
fn strength_goes_with_a_picture_only_and_waits_for_one() {
    let draft = Draft { strength: Some(0.35), ..Draft::default() };
    assert_eq!(draft.to_task(Uuid::from_u128(7)).strength, None);
    let draft = Draft { seed_image: Some(Uuid::from_u128(9)), ..draft };
    let task = draft.to_task(Uuid::from_u128(7));
    assert_eq!((task.seed_image, task.strength), (Some(picture()), Some(0.35)));
}

#[test]
fn mask_margin_and_growth_go_with_a_picture_only() {
    for task in expressible().into_iter().filter(|task| task.seed_image.is_some()) {
        let draft = Draft { seed_image: None, ..Draft::from(&task) };
        let sent = draft.to_task(Uuid::from_u128(7));
        assert_eq!((sent.mask_image, sent.mask_margin, sent.outpaint), (None, None, None));
        assert_eq!(draft.mode(), Mode::Generate);
    }
    let mask = MaskDraft { margin: Some(64), ..MaskDraft::default() };
    let draft = Draft { seed_image: Some(Uuid::from_u128(9)), mask, ..Draft::default() };
    assert_eq!(draft.to_task(Uuid::from_u128(7)).mask_margin, None, "there is no mask");
}

#[test]
fn growth_without_a_size_that_holds_it_comes_back_as_it_is() {
    let outpaint = Some(Outpaint { right: Some(512), ..Outpaint::default() });
    for (width, height) in [(None, None), (Some(512), Some(512)), (Some(640), None)] {
        let outpaint = outpaint.clone();
        let task = Task { seed_image: Some(picture()), outpaint, width, height, ..base() };
        assert_eq!(Draft::from(&task).to_task(Uuid::from_u128(7)), task);
    }
}

#[test]
fn the_mode_tells_what_the_button_does() {
    let modes = [
        (base(), Mode::Generate),
        (Task { seed_image: Some(picture()), ..base() }, Mode::Vary),
        (filling(), Mode::Fill),
        (extending(Outpaint { top: Some(64), ..Outpaint::default() }), Mode::Extend),
        (Task { outpaint: Some(Outpaint::default()), ..filling() }, Mode::Fill),
    ];
    for (task, mode) in modes {
        assert_eq!(Draft::from(&task).mode(), mode);
    }
    let mask = MaskDraft { shape: MaskShape::Painted, ..MaskDraft::default() };
    let draft = Draft { seed_image: Some(Uuid::from_u128(9)), mask, ..Draft::default() };
    assert_eq!(draft.mode(), Mode::Fill);
}

#[test]
fn a_growing_picture_decides_the_size_and_leaves_the_users_own_alone() {
    let defaults = crate::state::common_defaults();
    let own = Some(Extent::new(640, 384));
    let mut draft = Draft { seed_image: Some(Uuid::from_u128(9)), ..Draft::default() };
    draft.set_extent(Extent::new(256, 320));
    draft.extension.right = Some(128);
    assert_eq!(draft.extent(&defaults), Extent::new(256, 320), "the picture is not known yet");
    draft.extension.fit(Extent::new(640, 384));
    assert_eq!(draft.extent(&defaults), Extent::new(768, 384));
    assert_eq!(draft.start_extent(&defaults, own), Extent::new(640, 384));
    draft.set_extent(Extent::new(640, 512));
    assert_eq!(draft.start_extent(&defaults, own), Extent::new(512, 512));
    draft.reset_extent();
    draft.extension.fit(Extent::new(640, 384));
    assert_eq!(draft.extent(&defaults), Extent::new(768, 384));
    draft.extension.right = None;
    assert_eq!(draft.extent(&defaults), Extent::new(256, 320));
    assert_eq!(draft.start_extent(&defaults, own), Extent::new(256, 320));
}

#[test]
fn a_picture_whose_mask_is_zoomed_into_is_used_whole() {
    let defaults = crate::state::common_defaults();
    let own = Extent::new(300, 200);
    let mut draft = Draft::from(&Task { mask_margin: Some(48), ..filling() });
    assert!(draft.zooms());
    assert_eq!(draft.start_extent(&defaults, Some(own)), own);
    assert_eq!(draft.extent(&defaults), defaults.extent, "the size that is painted");
    draft.extension.right = Some(64);
    draft.extension.fit(own);
    assert!(!draft.zooms(), "a picture that grows is fitted");
    assert_eq!(draft.start_extent(&defaults, Some(own)), Extent::new(320, 192));
    draft.extension.right = None;
    draft.mask.margin = None;
    assert_eq!(draft.start_extent(&defaults, Some(own)), defaults.extent);
}

#[test]
fn another_picture_takes_the_mask_away_and_is_measured_anew() {
    let mut draft = Draft::from(&filling());
    draft.extension = Draft::from(&extending(Outpaint::default())).extension;
    draft.start_from(draft.seed_image);
    assert!(draft.repaints());
    draft.extension.source_is_set = true;
    draft.start_from(Some(Uuid::from_u128(77)));
    assert!(!draft.repaints() && !draft.extension.source_is_set);
}

#[test]
fn a_picture_from_elsewhere_is_kept_until_another_takes_its_place() {
    let elsewhere = [
        ImageRef::Url("https://example.org/a.png".to_owned()),
        ImageRef::data_uri("image/png", b"bytes"),
        ImageRef::Base64("iVBORw0KGgo=".to_owned()),
    ];
    for task in expressible().into_iter().filter(|task| task.seed_image.is_some()) {
        for picture in elsewhere.clone() {
            let task = Task { seed_image: Some(picture), ..task.clone() };
            let own = Draft::from(&Task { seed_image: Some(self::picture()), ..task.clone() });
            let mut draft = Draft::from(&task);
            assert_eq!(draft.to_task(Uuid::from_u128(7)), task);
            assert_eq!(draft.mode(), own.mode());
            draft.start_from(None);
            let sent = draft.to_task(Uuid::from_u128(7));
            assert_eq!((sent.seed_image, sent.mask_image, sent.outpaint), (None, None, None));
        }
    }
}

#[test]
fn a_picture_to_start_from_saves_steps() {
    let defaults = crate::state::common_defaults();
    let draft = Draft { steps: Some(10), strength: Some(0.35), ..Draft::default() };
    assert_eq!(draft.steps_taken(&defaults), 10);
    let draft = Draft { seed_image: Some(Uuid::from_u128(9)), ..draft };
    assert_eq!(draft.steps_taken(&defaults), 3);
    assert_eq!(Draft { strength: None, ..draft }.steps_taken(&defaults), 8);
}

#[test]
fn the_draft_survives_a_restart() {
    for task in expressible() {
        let mut draft = Draft::from(&task);
        // Addresses that may hold a key are not kept.
        (draft.more.upload_endpoint, draft.more.webhook_url) = (None, None);
        let text = serde_json::to_string(&draft).unwrap();
        assert_eq!(serde_json::from_str::<Draft>(&text).unwrap(), draft);
    }
    let mask = MaskDraft { shape: MaskShape::Painted, margin: Some(40) };
    let draft = Draft { mask, ..Draft::default() };
    let text = serde_json::to_string(&draft).unwrap();
    assert_eq!(serde_json::from_str::<Draft>(&text).unwrap(), draft);
}

#[test]
fn editing_the_task_leaves_alone_what_it_does_not_say() {
    let mut draft = Draft {
        seed: Some(41),
        seed_image: Some(Uuid::from_u128(9)),
        mask: MaskDraft { shape: MaskShape::Painted, margin: None },
        prompt: "  a fox ".to_owned(),
        ..Draft::default()
    };
    draft.stacks =
        StackDraft::from(&Task { lora: Some(vec![crate::task::Lora::default(); 2]), ..base() });
    draft.stacks.loras[0].off = true;
    let mut sent = draft.to_task(Uuid::from_u128(7));
    // The size is the model's own; the form leaves it to it.
    (sent.width, sent.height) = (Some(512), Some(512));
    assert_eq!(draft.edited(&sent, &sent), draft);

    let task = Task { steps: Some(7), width: Some(256), strength: Some(0.3), ..sent.clone() };
    let edited = draft.edited(&sent, &task);
    assert_eq!((edited.steps, edited.width, edited.height), (Some(7), Some(256), Some(512)));
    assert_eq!((edited.strength, edited.seed, edited.seed_locked), (Some(0.3), Some(41), false));
    assert_eq!(edited.mask.shape, MaskShape::Painted);
    assert_eq!(edited.stacks, draft.stacks);

    let without = Task { seed_image: None, lora: None, seed: Some(5), ..sent.clone() };
    let edited = draft.edited(&sent, &without);
    assert_eq!((edited.mode(), edited.seed, edited.seed_locked), (Mode::Generate, Some(5), true));
    assert_eq!(edited.stacks.loras.len(), 1, "the row that is off stays");
}
