//! What an architecture does not take and what the local engine does not do yet.

use super::*;

#[test]
fn an_architecture_refuses_what_it_cannot_take() {
    let refused = |changes: Value| -> Vec<String> {
        let problems = remote(&with(&changes)).err().unwrap_or_default();
        assert!(
            problems.iter().all(|problem| problem.base_model_architecture.is_some()),
            "{problems:?}"
        );
        problems.into_iter().map(|problem| problem.code).collect()
    };
    let image = "59a2edc2-45e6-429f-be5f-7ded59b92046";
    assert_eq!(
        refused(json!({ "model": FLUX, "clipSkip": 1 })),
        ["unsupportedArchitectureClipSkip"]
    );
    assert_eq!(refused(json!({ "model": FLUX, "clipSkip": 0 })), [""; 0]);
    assert_eq!(
        refused(json!({ "model": FLUX, "vae": "civitai:1@2" })),
        ["unsupportedArchitectureVae"]
    );
    assert_eq!(refused(json!({ "model": FLUX, "vae": "runware:120@4" })), [""; 0]);
    let deep =
        json!({ "model": FLUX, "acceleratorOptions": { "deepCache": true, "teaCache": true } });
    assert_eq!(refused(deep), ["unsupportedArchitectureAcceleratorOptionsDeepCache"]);
    assert_eq!(
        refused(json!({ "acceleratorOptions": { "teaCache": true } })),
        ["unsupportedArchitectureAcceleratorOptionsTeaCache"]
    );
    assert_eq!(refused(json!({ "acceleratorOptions": { "teaCache": false } })), [""; 0]);
    assert_eq!(
        refused(json!({ "model": FLUX, "promptWeighting": "compel" })),
        ["unsupportedArchitecturePromptWeighting"]
    );
    assert_eq!(refused(json!({ "model": FLUX, "promptWeighting": "sdEmbeds" })), [""; 0]);
    assert_eq!(
        refused(
            json!({ "model": "runware:106@1", "seedImage": image, "promptWeighting": "compel" })
        ),
        ["unsupportedArchitectureSeedImage", "unsupportedArchitecturePromptWeighting"]
    );
    assert_eq!(refused(json!({ "model": "runware:100@1", "ipAdapters": [] })), [""; 0]);
}

#[test]
fn what_is_not_yet_local_is_said_once_and_only_when_asked_for() {
    let problem = only(local(&with(&json!({ "vae": "civitai:1@2" }))));
    assert_eq!(problem.code, "unsupportedLocalVae");
    assert_eq!(
        problem.message,
        "vae is not yet on the local engine; leave it out, or use the remote engine."
    );
    let quiet = json!({
        "checkNSFW": false, "clipSkip": 0, "strength": 0.8, "lora": [], "advancedFeatures": {},
        "acceleratorOptions": { "deepCache": false, "deepCacheInterval": 3 }, "deliveryMethod": "sync",
    });
    assert!(local(&with(&quiet)).is_ok());
    assert!(remote(&with(&json!({ "outputFormat": "WEBP", "checkNSFW": true }))).is_ok());
}

#[test]
fn every_later_row_is_refused_or_silent_by_default() {
    // Without the one pair that is refused although each of the two is done.
    let full = Task { mask_margin: None, ..full() };
    let problems = resolve(&full, &Shelf, EngineKind::Local, 1).unwrap_err();
    for row in PARAMETERS.iter().filter(|row| !row.name.contains('.') && row.kind != Kind::Group) {
        let told = problems.iter().any(|problem| {
            let family = ["unsupportedLocal", "unsupportedArchitecture"];
            family.iter().any(|family| problem.code.starts_with(family))
                && problem.concerns(row.name)
        });
        assert_eq!(told, row.local == Local::Later, "{}", row.name);
    }
}

#[test]
fn models_of_other_architectures_are_not_yet_local() {
    let problem = only(local(&with(&json!({ "model": SDXL }))));
    assert_eq!(problem.code, "unsupportedLocalModel");
    assert_eq!(problem.base_model_architecture.as_deref(), Some("sdxl"));
    assert!(problem.message.contains("choose a model of SD 1.x"), "{problem}");
    assert!(remote(&with(&json!({ "model": SDXL }))).is_ok());
}
