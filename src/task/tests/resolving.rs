//! From a task to a request, and each reason why not.

use super::super::schedulers::SchedulerRow;
use super::*;
use crate::pixels::Growth;
use crate::sampling::{Sampler, SigmaSpacing};

#[test]
fn what_a_task_leaves_out_comes_from_the_model() {
    let task = read(&least());
    let Request {
        task: kept,
        task_uuid,
        model,
        positive_prompt,
        negative_prompt,
        extent,
        start,
        clip_skip,
        prompt_weighting,
        steps,
        cfg_scale,
        scheduler,
        seed,
        number_results,
        output_type,
        output_format,
        output_quality,
        check_nsfw,
        include_cost,
        loras,
        embeddings,
        controls,
        image_prompts,
        deep_cache,
        engine,
        _checked: (),
    } = resolve(&task, &Shelf, EngineKind::Local, 77).unwrap();
    assert_eq!(*kept, task);
    assert_eq!((task_uuid.to_string().as_str(), model.air.to_string().as_str()), (UUID, SD1));
    assert_eq!((positive_prompt.as_str(), negative_prompt.as_str()), ("a red fox", ""));
    assert_eq!(extent, Extent::new(768, 512));
    assert_eq!((start, clip_skip), (None, 0));
    assert_eq!(prompt_weighting, None);
    assert_eq!((steps, cfg_scale, seed, number_results), (25, 7.5, 77, 1));
    assert_eq!(
        (scheduler.name, scheduler.recipe),
        ("Euler", Some((Sampler::Euler, SigmaSpacing::Model)))
    );
    assert_eq!((output_type, output_format), (OutputType::Url, OutputFormat::Jpg));
    assert_eq!(engine, EngineKind::Local);
    assert_eq!((output_quality, check_nsfw, include_cost), (95, false, false));
    assert_eq!((loras, embeddings, deep_cache), (vec![], vec![], None));
    assert_eq!((controls, image_prompts), (vec![], vec![]));
}

#[test]
fn what_a_task_says_is_kept() {
    let request = local(&with(&json!({
        "negativePrompt": "blurry", "steps": 3, "CFGScale": 0.5, "scheduler": "DPM++ 2M Karras", "seed": 9_007_199_254_740_993_u64,
        "numberResults": 20, "outputType": "base64Data", "outputFormat": "PNG", "outputQuality": 20,
        "includeCost": true, "checkNSFW": true, "deliveryMethod": "async", "strength": 0.3, "clipSkip": 2,
        "seedImage": UUID, "maskImage": UUID, "maskMargin": 48,
    })))
    .unwrap();
    let picture = ImageRef::Uuid(UUID.parse().unwrap());
    let start = StartFrom {
        image: picture.clone(),
        mask: Some(picture),
        mask_margin: Some(48),
        strength: 0.3,
        growth: None,
    };
    assert_eq!((request.start, request.clip_skip), (Some(start), 2));
    assert_eq!(
        (request.negative_prompt.as_str(), request.steps, request.cfg_scale),
        ("blurry", 3, 0.5)
    );
    assert_eq!(request.scheduler.recipe, Some((Sampler::DpmPp2M, SigmaSpacing::Karras)));
    assert_eq!((request.seed, request.number_results), (9_007_199_254_740_993, 20));
    assert_eq!(
        (request.output_type, request.output_format),
        (OutputType::Base64Data, OutputFormat::Png)
    );
    assert_eq!((request.output_quality, request.include_cost), (20, true));
    assert!(request.check_nsfw);
}

#[test]
fn a_blank_prompt_is_empty_and_an_absent_one_a_problem() {
    let request = local(&with(&json!({ "positivePrompt": "__BLANK__" }))).unwrap();
    assert_eq!(request.positive_prompt, "");
    let problem = only(local(&without("positivePrompt")));
    assert_eq!(problem.code, "missingPositivePrompt");
    assert!(problem.message.contains("__BLANK__"), "{problem}");
    let problem = only(local(&with(&json!({ "positivePrompt": "x" }))));
    assert_eq!(
        (problem.code.as_str(), problem.min, problem.max),
        ("invalidPositivePrompt", Some(2.into()), Some(3000.into()))
    );
}

#[test]
fn required_fields_are_named() {
    for (name, code) in [
        ("taskType", "missingTaskType"),
        ("taskUUID", "missingTaskUUID"),
        ("positivePrompt", "missingPositivePrompt"),
        ("height", "missingHeight"),
        ("width", "missingWidth"),
        ("model", "missingModel"),
    ] {
        let problem = only(local(&without(name)));
        assert!(problem.code == code && problem.concerns(name), "{problem:?}");
    }
    let all = codes(resolve(&Task::default(), &Shelf, EngineKind::Local, 1));
    assert_eq!(all.len(), 6, "{all:?}");
    let problems = codes(remote(&with(&json!({ "lora": [{ "weight": 1 }], "puLID": {} }))));
    assert_eq!(
        problems,
        ["missingPuLIDInputImages", "missingLoraModel", "unsupportedArchitecturePuLID"]
    );
}

#[test]
fn a_task_uuid_is_of_version_4() {
    for wrong in
        ["x", "", "a770f077-f413-17de-9dac-be0b26a35da6", "a770f077f41347de9dacbe0b26a35da6"]
    {
        let problem = only(local(&with(&json!({ "taskUUID": wrong }))));
        assert_eq!(
            (problem.code.as_str(), problem.task_uuid.as_deref()),
            ("invalidTaskUUID", Some(wrong))
        );
    }
}

#[test]
fn a_number_out_of_range_says_the_range_and_the_nearest_value() {
    let problem = only(local(&with(&json!({ "width": 100 }))));
    assert_eq!(
        problem.message,
        "width must be an integer from 128 to 2048 and a multiple of 64; found 100. The nearest allowed value is 128."
    );
    let json = serde_json::to_string(&problem).unwrap();
    assert!(json.contains(r#""type":"integer","min":128,"max":2048,"multiplier":64"#), "{json}");
    for (changes, nearest) in [
        (json!({ "width": 1000 }), "1024"),
        (json!({ "width": 5000 }), "2048"),
        (json!({ "steps": 0 }), "1"),
        (json!({ "steps": 101 }), "100"),
        (json!({ "outputQuality": 100 }), "99"),
        (json!({ "numberResults": 21 }), "20"),
        (json!({ "seed": 0 }), "1"),
    ] {
        let problem = only(local(&with(&changes)));
        assert!(
            problem.message.ends_with(&format!("nearest allowed value is {nearest}.")),
            "{problem}"
        );
    }
    let problem = only(local(&with(&json!({ "CFGScale": 50.5 }))));
    assert_eq!(
        problem.message,
        "CFGScale must be a number from 0 to 50; found 50.5. Choose a value from 0 to 50."
    );
    let mut task = read(&least());
    task.cfg_scale = Some(f64::NAN);
    assert_eq!(only(resolve(&task, &Shelf, EngineKind::Local, 1)).code, "invalidCFGScale");
}

#[test]
fn all_problems_come_at_once() {
    let changes = json!({ "width": 100, "steps": 0, "scheduler": "euler a", "taskUUID": "x", "outpaint": { "top": 63 } });
    assert_eq!(
        codes(local(&with(&changes))),
        [
            "invalidTaskUUID",
            "invalidOutpaintTop",
            "invalidWidth",
            "invalidSteps",
            "invalidScheduler",
            "missingSeedImage",
        ]
    );
}

#[test]
fn seeds_count_up_within_64_bits() {
    let most = i64::MAX as u64;
    assert_eq!(local(&with(&json!({ "seed": most }))).unwrap().seed, most);
    assert_eq!(
        local(&with(&json!({ "seed": most - 3, "numberResults": 4 }))).unwrap().seed,
        most - 3
    );
    let problem = only(local(&with(&json!({ "seed": most, "numberResults": 4 }))));
    assert_eq!((problem.code.as_str(), problem.max), ("invalidSeed", Some((most - 3).into())));
    assert_eq!(codes(local(&with(&json!({ "seed": most + 1 })))), ["invalidSeed"]);
    // A random seed leaves room for the pictures that follow.
    let task = read(&with(&json!({ "numberResults": 20 })));
    for (fresh, seed) in [(0, 1), (u64::MAX, most - 19), (5, 5)] {
        assert_eq!(resolve(&task, &Shelf, EngineKind::Local, fresh).unwrap().seed, seed);
    }
}

#[test]
fn a_model_is_an_air_the_library_has_and_a_checkpoint() {
    let message = |air: &str| {
        let problem = only(local(&with(&json!({ "model": air }))));
        assert!(problem.code == "invalidModel" && problem.concerns("model"), "{problem:?}");
        problem.message
    };
    assert!(message("dreamshaper").contains("an AIR reads source:id@version"));
    let unknown = message("civitai:1@2");
    assert!(
        unknown.contains("civitai:1@2") && unknown.contains("`latelier models list`"),
        "{unknown}"
    );
    assert!(message("runware:13090@1").ends_with("is a LoRA. Put it into lora[].model."));
    let damaged = message("test:damaged@1");
    assert_eq!(damaged, "model test:damaged@1 cannot be used: it is cut off: damaged.safetensors");
}

/// The documented limit is the number of steps; here fewer are taken when a picture is the start.
#[test]
fn a_window_begins_among_the_steps_that_are_taken() {
    let task = |first: u32, more: &Value| {
        let mut json = with(&json!({ "steps": 20, "controlNet": [
            { "model": "civitai:38784@44716", "guideImage": UUID, "startStep": first, "endStep": 20 },
        ]}));
        json.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json
    };
    let half = json!({ "seedImage": UUID, "strength": 0.5 });
    assert!(local(&task(19, &json!({}))).is_ok());
    assert!(local(&task(10, &half)).is_ok());
    let problem = only(local(&task(11, &half)));
    assert_eq!(problem.code, "invalidControlNetStartStep");
    assert!(problem.message.contains("at most 10") && problem.message.contains("10 of 20"));
    assert_eq!(problem.max, Some(10.into()));
    assert!(remote(&task(11, &half)).is_ok(), "the service has its own count");
}

#[test]
fn an_add_on_is_of_its_kind_and_of_the_models_family() {
    let lora = |air: &str| remote(&with(&json!({ "lora": [{ "model": air }] })));
    assert!(lora("runware:13090@1").is_ok());
    assert!(lora("civitai:1@2").is_ok(), "the service knows more models than this machine");
    let problem = only(local(&with(&json!({ "lora": [{ "model": "civitai:1@2" }] }))));
    assert_eq!(problem.code, "invalidLoraModel");
    assert!(problem.message.contains("civitai:1@2 is not in the library"), "{problem}");
    let problem = only(lora("civitai:38784@44716"));
    assert!(problem.code == "invalidLoraModel" && problem.concerns("lora[0].model"), "{problem:?}");
    let problem = only(lora("runware:120@2"));
    assert_eq!(problem.code, "unsupportedArchitectureLoraModel");
    assert_eq!(problem.base_model_architecture.as_deref(), Some("sd1x"));
}

#[test]
fn a_scheduler_is_known_and_local() {
    let scheduler = |name: &str| with(&json!({ "scheduler": name }));
    let problem = only(local(&scheduler("euler a")));
    assert_eq!(problem.code, "invalidScheduler");
    assert!(problem.message.contains("found \"euler a\". Did you mean Euler a"), "{problem}");
    assert_eq!(local(&scheduler("Default")).unwrap().scheduler.name, "Euler");
    assert_eq!(remote(&scheduler("DPM++ SDE")).unwrap().scheduler.name, "DPM++ SDE");
    let problem = only(local(&scheduler("DPM++ SDE")));
    assert_eq!(problem.code, "unsupportedLocalScheduler");
    assert!(
        problem
            .message
            .contains("scheduler DPM++ SDE is not yet on the local engine; use DDIM, DPM++,"),
        "{problem}"
    );
    for row in SCHEDULERS.iter().filter(|row| row.name != "Default") {
        assert_eq!(remote(&scheduler(row.name)).unwrap().scheduler, row);
        assert_eq!(local(&scheduler(row.name)).is_ok(), row.recipe.is_some(), "{}", row.name);
    }
    assert_eq!(SchedulerRow::find("Default").and_then(|row| row.recipe), None);
}

#[test]
fn a_models_own_scheduler_and_numbers_are_checked_too() {
    let problem = only(local(&with(&json!({ "model": "test:pndm@1" }))));
    assert_eq!(problem.code, "unsupportedLocalScheduler");
    assert!(problem.message.contains("PNDMScheduler, the default of test:pndm@1,"), "{problem}");
    assert!(local(&with(&json!({ "model": "test:pndm@1", "scheduler": "UniPC" }))).is_ok());
    let wrong = codes(remote(&with(&json!({ "model": "test:typo@1" }))));
    assert_eq!(wrong, ["invalidSteps", "invalidCFGScale", "invalidScheduler"]);
    let said = json!({ "model": "test:typo@1", "steps": 1, "CFGScale": 1, "scheduler": "Euler" });
    assert!(remote(&with(&said)).is_ok());
}

#[test]
fn step_and_percentage_exclude_each_other() {
    let image = "59a2edc2-45e6-429f-be5f-7ded59b92046";
    let control = |extra: Value| {
        let mut control = json!({ "model": "civitai:38784@44716", "guideImage": image });
        control.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        remote(&with(&json!({ "steps": 20, "controlNet": [control] })))
    };
    let problem = only(control(json!({ "startStep": 2, "startStepPercentage": 10 })));
    assert_eq!(problem.code, "conflictControlNetStartStep");
    let names =
        ["controlNet[0].startStep".to_owned(), "controlNet[0].startStepPercentage".to_owned()];
    assert_eq!(problem.parameter, Some(ParameterName::Several(names.to_vec())));
    assert_eq!(
        only(control(json!({ "endStep": 9, "endStepPercentage": 90 }))).code,
        "conflictControlNetEndStep"
    );
    assert!(control(json!({ "startStep": 2, "endStep": 3 })).is_ok());
    assert!(control(json!({ "startStepPercentage": 0, "endStepPercentage": 100 })).is_ok());

    let problem = only(control(json!({ "startStep": 5, "endStep": 5 })));
    assert!(
        problem.code == "invalidControlNetEndStep" && problem.min == Some(6.into()),
        "{problem:?}"
    );
    let problem = only(control(json!({ "startStepPercentage": 50, "endStepPercentage": 20 })));
    assert_eq!(problem.code, "invalidControlNetEndStepPercentage");
    let problem = only(control(json!({ "startStep": 3, "endStep": 21 })));
    assert!(
        problem.code == "invalidControlNetEndStep" && problem.max == Some(20.into()),
        "{problem:?}"
    );
}

#[test]
fn a_refiner_starts_within_the_steps_and_is_for_sdxl() {
    let refiner = |model: &str, extra: Value| {
        let mut refiner = json!({ "model": REFINER });
        refiner.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        remote(&with(&json!({ "model": model, "steps": 20, "refiner": refiner })))
    };
    assert!(refiner(SDXL, json!({ "startStep": 20 })).is_ok());
    assert_eq!(only(refiner(SDXL, json!({ "startStep": 21 }))).code, "invalidRefinerStartStep");
    let both = refiner(SDXL, json!({ "startStep": 2, "startStepPercentage": 10 }));
    assert_eq!(only(both).code, "conflictRefinerStartStep");
    let wrong = refiner(SD1, json!({})).unwrap_err();
    assert_eq!(wrong[0].code, "unsupportedArchitectureRefiner");
    assert!(wrong[0].message.ends_with("choose a model of SDXL."), "{}", wrong[0]);
}

#[test]
fn pulid_starts_in_one_way() {
    let start = json!({ "inputImages": ["59a2edc2-45e6-429f-be5f-7ded59b92046"], "CFGStartStep": 1, "CFGStartStepPercentage": 9 });
    assert_eq!(
        only(remote(&with(&json!({ "model": FLUX, "puLID": start })))).code,
        "conflictPuLIDCFGStartStep"
    );
}

#[test]
fn masks_and_outpainting_need_a_seed_image() {
    let image = "59a2edc2-45e6-429f-be5f-7ded59b92046";
    assert_eq!(only(remote(&with(&json!({ "maskImage": image })))).code, "missingSeedImage");
    assert!(remote(&with(&json!({ "maskImage": image, "seedImage": image }))).is_ok());
    let outpaint = |sides: Value| remote(&with(&json!({ "seedImage": image, "outpaint": sides })));
    assert!(outpaint(json!({ "top": 64 })).is_ok());
    assert_eq!(only(outpaint(json!({ "top": 0, "blur": 8 }))).code, "invalidOutpaint");
    // 768 × 512 is the final size.
    let problem = only(outpaint(json!({ "left": 512, "right": 256 })));
    assert!(problem.code == "conflictWidth" && problem.concerns("outpaint.left"), "{problem:?}");
    assert_eq!(only(outpaint(json!({ "bottom": 512 }))).code, "conflictHeight");
    assert_eq!(only(remote(&with(&json!({ "outpaint": { "top": 64 } })))).code, "missingSeedImage");
}

#[test]
fn growing_sides_are_kept_and_missing_ones_stay() {
    let outpaint =
        json!({ "seedImage": UUID, "outpaint": { "left": 64, "bottom": 128, "blur": 9 } });
    let start = local(&with(&outpaint)).unwrap().start.unwrap();
    let growth = Growth { top: 0, right: 0, bottom: 128, left: 64, blur: 9 };
    assert_eq!((start.growth, start.strength), (Some(growth), 0.8));
}

#[test]
fn a_mask_margin_needs_its_mask_and_stays_inside_the_picture() {
    let margin = |more: Value| {
        let mut json = with(&json!({ "seedImage": UUID, "maskMargin": 32 }));
        json.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json
    };
    assert_eq!(only(remote(&margin(json!({})))).code, "missingMaskImage");
    let both = margin(json!({ "maskImage": UUID, "outpaint": { "top": 64 } }));
    assert!(remote(&both).is_ok());
    assert_eq!(only(local(&both)).code, "unsupportedLocalMaskMargin");
}

#[test]
fn companions_of_other_features() {
    let ace = with(&json!({ "model": "runware:102@1", "acePlusPlus": { "type": "portrait" } }));
    assert_eq!(only(remote(&ace)).code, "missingReferenceImages");
    let ttl = with(&json!({ "ttl": 60, "outputType": "dataURI" }));
    assert_eq!(only(remote(&ttl)).code, "conflictTtl");
    let clear = with(&json!({ "model": FLUX, "advancedFeatures": { "layerDiffuse": true } }));
    let problem = only(remote(&clear));
    assert!(
        problem.concerns("advancedFeatures.layerDiffuse") && problem.concerns("outputFormat"),
        "{problem:?}"
    );
}

#[test]
fn kontext_takes_its_size_from_the_model_when_none_is_given() {
    let mut json = with(&json!({ "model": "runware:106@1" }));
    json.as_object_mut().unwrap().retain(|name, _| name != "width" && name != "height");
    assert_eq!(remote(&json).unwrap().extent, Extent::new(512, 768));
}

#[test]
fn unknown_fields_of_a_task_are_refused_here_too() {
    let task: Task = serde_json::from_value(with(&json!({ "hiresFix": true }))).unwrap();
    let problem = only(resolve(&task, &Shelf, EngineKind::Remote, 1));
    assert!(problem.code == "unknownParameter" && problem.concerns("hiresFix"), "{problem:?}");
    assert_eq!(problem.task_uuid.as_deref(), Some(UUID));
}

#[test]
fn stacks_hold_what_the_library_has_in_the_tasks_order() {
    let guide = "59a2edc2-45e6-429f-be5f-7ded59b92046";
    let request = remote(&with(&json!({
        "lora": [{ "model": "runware:13090@1", "weight": -0.5 }, { "model": "civitai:1@2" }, { "model": "runware:13090@1" }],
        "controlNet": [{ "model": "civitai:38784@44716", "guideImage": guide, "startStep": 2, "endStepPercentage": 50 }],
        "ipAdapters": [{ "model": "runware:55@6", "guideImage": guide, "weight": 0.25 }],
        "acceleratorOptions": { "deepCache": true, "deepCacheBranchId": 1 },
    })))
    .unwrap();
    let weights: Vec<f32> = request.loras.iter().map(|lora| lora.weight).collect();
    assert_eq!(weights, [-0.5, 1.0]);
    let [control] = request.controls.as_slice() else { panic!("{:?}", request.controls) };
    assert_eq!((control.mode, control.weight), (ControlMode::Balanced, 1.0));
    let guided: Vec<usize> = (0..6).filter(|&call| control.window.contains(call, 6, 6)).collect();
    assert_eq!(guided, [1, 2]);
    let prompts: Vec<f32> = request.image_prompts.iter().map(|prompt| prompt.weight).collect();
    assert_eq!(prompts, [0.25]);
    assert_eq!(request.deep_cache, Some(DeepCache { interval: 3, branch: 1 }));
    assert!(request.embeddings.is_empty());
}

#[test]
fn deep_cache_is_off_unless_switched_on() {
    let request = remote(&with(&json!({ "acceleratorOptions": { "deepCacheInterval": 5 } })));
    assert_eq!(request.unwrap().deep_cache, None);
}

#[test]
fn the_service_has_models_that_the_library_lacks() {
    let guide = "59a2edc2-45e6-429f-be5f-7ded59b92046";
    let request = remote(&with(&json!({
        "model": "bfl:5@1", "scheduler": "IPNDM Uniform", "clipSkip": 1,
        "refiner": { "model": "civitai:1@2", "startStep": 30 },
        "controlNet": [{ "model": "runware:9@9", "guideImage": guide, "startStep": 25 }],
        "acceleratorOptions": { "teaCache": true, "deepCache": true },
    })))
    .unwrap();
    assert_eq!(request.model.architecture, Architecture::Unknown);
    assert_eq!((request.model.name.as_str(), request.engine), ("bfl:5@1", EngineKind::Remote));
    let mut sizeless = with(&json!({ "model": "bfl:3@1" }));
    sizeless.as_object_mut().unwrap().retain(|name, _| name != "width" && name != "height");
    assert!(remote(&sizeless).is_ok());
    assert_eq!(only(local(&with(&json!({ "model": "bfl:5@1" })))).code, "invalidModel");
    assert_eq!(only(remote(&with(&json!({ "model": "bfl-flux" })))).code, "invalidModel");
}
