//! Which parameters an engine refuses for the chosen model whatever their value, and why.
//!
//! Asks `resolve` about a task that sets everything at once; knows no rule of its own, so a control
//! lights up by itself when its engine learns the parameter.

use std::collections::BTreeMap;

use serde_json::json;

use crate::task::{Catalog, EngineKind, ParameterName, Problem, Task, resolve};

/// Why a control is greyed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// In a few words, for beside the control.
    pub short: String,
    /// In full, for the tooltip.
    pub full: String,
}

/// The refused parameters by their documented names or places.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusals(BTreeMap<String, Refusal>);

impl Refusals {
    /// What `engine` refuses for the model of that AIR, or for any while none is chosen.
    pub(super) fn of(model: Option<&str>, catalog: &dyn Catalog, engine: EngineKind) -> Self {
        let Some(task) = everything(model) else { return Self::default() };
        let problems = resolve(&task, catalog, engine, 1).err().unwrap_or_default();
        let mut refused = BTreeMap::new();
        for problem in problems.iter().filter(|problem| problem.code.starts_with("unsupported")) {
            if let Some(ParameterName::One(name)) = &problem.parameter {
                refused.insert(name.clone(), Refusal::of(problem, catalog, model));
            }
        }
        // What stands for the whole task belongs to no control.
        refused.remove("model");
        Self(refused)
    }

    /// Why that parameter, or the object it is a member of, is refused.
    #[must_use]
    pub fn why(&self, parameter: &str) -> Option<&Refusal> {
        let object = parameter.split(['.', '[']).next().unwrap_or(parameter);
        self.0.get(parameter).or_else(|| self.0.get(object))
    }
}

impl Refusal {
    fn of(problem: &Problem, catalog: &dyn Catalog, model: Option<&str>) -> Self {
        let family = || {
            let card = catalog.model(&model?.parse().ok()?)?;
            Some(format!("not for {} models", card.architecture))
        };
        let short = if problem.code.starts_with("unsupportedLocal") {
            "not yet on this machine".to_owned()
        } else {
            family().unwrap_or_else(|| "not for this model".to_owned())
        };
        Self { short, full: problem.message.clone() }
    }
}

/// A task that sets every parameter that may be refused whatever its value.
fn everything(model: Option<&str>) -> Option<Task> {
    let picture = "c64351d5-4c59-42f7-95e1-eace013eddab";
    let other = "civitai:1@1";
    let mut task = json!({
        "taskType": "imageInference", "taskUUID": "a770f077-f413-47de-9dac-be0b26a35da6",
        "positivePrompt": "everything", "width": 512, "height": 512, "steps": 20,
        "uploadEndpoint": "https://example.org/put", "checkNSFW": true, "includeCost": true,
        "seedImage": picture, "maskImage": picture, "maskMargin": 64, "strength": 0.5,
        "referenceImages": [picture], "vae": other, "clipSkip": 1, "promptWeighting": "sdEmbeds",
        "advancedFeatures": { "layerDiffuse": true },
        "acceleratorOptions": { "teaCache": true, "teaCacheDistance": 0.4, "deepCache": true },
        "puLID": { "inputImages": [picture] }, "acePlusPlus": { "type": "subject" },
        "refiner": { "model": other }, "embeddings": [{ "model": other }],
        "controlNet": [{ "model": other, "guideImage": picture }], "lora": [{ "model": other }],
        "ipAdapters": [{ "model": other, "guideImage": picture }],
        "ttl": 90, "webhookURL": "https://example.org/hook", "deliveryMethod": "async",
        "outputType": "dataURI", "outputFormat": "WEBP", "outputQuality": 80,
    });
    if let Some(model) = model {
        task["model"] = model.into();
    }
    Task::from_json(&task).ok()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::task::{Air, Architecture, ModelCard};

    struct Shelf(Arc<ModelCard>);

    impl Catalog for Shelf {
        fn model(&self, air: &Air) -> Option<Arc<ModelCard>> {
            (*air == self.0.air).then(|| Arc::clone(&self.0))
        }
    }

    fn refusals(architecture: Architecture, engine: EngineKind) -> Refusals {
        let air = "local:some@1";
        let card = ModelCard { architecture, ..ModelCard::of_service(air.parse().unwrap()) };
        Refusals::of(Some(air), &Shelf(Arc::new(card)), engine)
    }

    #[test]
    fn a_family_takes_on_the_service_what_the_document_says() {
        let cases = [
            (
                Architecture::Sd1,
                vec!["puLID", "refiner", "referenceImages"],
                vec!["vae", "clipSkip", "lora"],
            ),
            (
                Architecture::Sdxl,
                vec!["acePlusPlus", "acceleratorOptions.teaCache"],
                vec!["refiner"],
            ),
            (
                Architecture::FluxDev,
                vec!["clipSkip", "embeddings"],
                vec!["puLID", "puLID.idWeight"],
            ),
        ];
        for (architecture, refused, taken) in cases {
            let refusals = refusals(architecture, EngineKind::Remote);
            for name in refused {
                let why = refusals.why(name).unwrap_or_else(|| panic!("{architecture} {name}"));
                assert_eq!(why.short, format!("not for {architecture} models"));
                assert!(why.full.contains(name), "{}", why.full);
            }
            for name in taken {
                assert_eq!(refusals.why(name), None, "{architecture} {name}");
            }
        }
    }

    #[test]
    fn every_parameter_that_waits_for_the_local_engine_says_so() {
        let refusals = refusals(Architecture::Unknown, EngineKind::Local);
        let later =
            crate::task::PARAMETERS.iter().filter(|row| row.local == crate::task::Local::Later);
        let groups = ["advancedFeatures", "acceleratorOptions"];
        for row in later.filter(|row| !groups.contains(&row.name)) {
            let why = refusals.why(row.name).unwrap_or_else(|| panic!("{}", row.name));
            assert!(!why.short.is_empty() && why.full.contains("remote engine"), "{}", why.full);
        }
        assert_eq!(refusals.why("lora"), None);
    }
}
