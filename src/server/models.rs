//! `modelSearch` over the local library, and what can honestly be said of an account here.

use serde_json::{Value, json};

use super::service::Service;
use crate::protocol::{
    AccountDetails, AccountManagement, AccountOperation, FoundModel, ModelSearch, ModelSearchResult,
};
use crate::task::{ModelCard, ModelKind, Problem};

/// How many models an answer holds when the search does not say.
const LIMIT: u32 = 20;

impl Service {
    /// The models of the library that a search finds.
    pub(super) fn search(&self, search: &ModelSearch) -> Value {
        let models = self.library.models();
        let found: Vec<&ModelCard> = models
            .iter()
            .map(AsRef::as_ref)
            .filter(|card| card.fault.is_none() && matches(card, search))
            .collect();
        let offset = search.offset.unwrap_or(0) as usize;
        let limit = search.limit.unwrap_or(LIMIT) as usize;
        let result = ModelSearchResult {
            task_uuid: search.task_uuid,
            total_results: found.len() as u64,
            results: found.into_iter().skip(offset).take(limit).map(described).collect(),
            ..ModelSearchResult::default()
        };
        typed("modelSearch", &result)
    }

    /// What is known of the account: this machine.
    pub(super) fn account(&self, task: &AccountManagement) -> Result<Value, Vec<Problem>> {
        if task.operation != AccountOperation::GetDetails {
            let message =
                "operation: this server keeps no statistics; only getDetails is answered.";
            return Err(vec![Problem::at("unsupportedLocal", "operation", message)]);
        }
        let details = AccountDetails {
            task_uuid: task.task_uuid,
            organization_name: Some("Latelier on this machine".to_owned()),
            organization_uuid: Some(self.organization()),
            air_source: Some("local".to_owned()),
            // Nothing costs anything here.
            balance: Some(json!(0)),
            ..AccountDetails::default()
        };
        Ok(typed("accountManagement", &details))
    }

    /// A name for this server that stays the same; a UUID v4 made of its secret.
    fn organization(&self) -> String {
        let name = self.secret.name("organization", &[]);
        let bytes = uuid::Uuid::try_parse(&name).unwrap_or_default().into_bytes();
        uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
    }
}

fn typed(task_type: &str, result: &impl serde::Serialize) -> Value {
    let mut json = serde_json::to_value(result).unwrap_or_default();
    json["taskType"] = task_type.into();
    json
}

fn matches(card: &ModelCard, search: &ModelSearch) -> bool {
    let contains = |text: &str, word: &str| text.to_lowercase().contains(word);
    let air = card.air.to_string();
    let words = search.search.as_deref().unwrap_or_default().to_lowercase();
    let named =
        words.split_whitespace().all(|word| contains(&card.name, word) || contains(&air, word));
    let in_category = search.category.as_deref().is_none_or(|wanted| {
        // A LyCORIS is a LoRA here.
        wanted == category(card.kind) || (wanted == "lycoris" && card.kind == ModelKind::Lora)
    });
    let of_family = search
        .architecture
        .as_deref()
        .is_none_or(|wanted| wanted.eq_ignore_ascii_case(card.architecture.api_name()));
    let of_kind = search
        .kind
        .as_deref()
        .is_none_or(|wanted| card.kind == ModelKind::Checkpoint && wanted == "base");
    // Models here belong to whoever asks; none is tagged, sorted by taste, or anybody else's.
    let own = !matches!(search.visibility.as_deref(), Some("public" | "favorite"))
        && search.source.is_none()
        && search.conditioning.is_none()
        && search.tags.as_ref().is_none_or(Vec::is_empty)
        && search.capabilities.as_ref().is_none_or(Vec::is_empty);
    named && in_category && of_family && of_kind && own
}

/// The kind of a model in the words of the search.
const fn category(kind: ModelKind) -> &'static str {
    match kind {
        ModelKind::Checkpoint => "checkpoint",
        ModelKind::Lora => "lora",
        ModelKind::ControlNet => "controlnet",
        ModelKind::Embedding => "embeddings",
        ModelKind::Vae => "vae",
        ModelKind::IpAdapter => "ipadapter",
    }
}

fn described(card: &ModelCard) -> FoundModel {
    let is_checkpoint = card.kind == ModelKind::Checkpoint;
    let defaults = is_checkpoint.then_some(&card.defaults);
    FoundModel {
        air: card.air.to_string(),
        name: Some(card.name.clone()),
        version: Some(card.air.version().to_owned()),
        category: Some(category(card.kind).to_owned()),
        architecture: Some(card.architecture.api_name().to_owned()),
        kind: is_checkpoint.then(|| "base".to_owned()),
        private: Some(true),
        default_width: defaults.map(|defaults| defaults.extent.width),
        default_height: defaults.map(|defaults| defaults.extent.height),
        default_steps: defaults.map(|defaults| defaults.steps),
        default_scheduler: defaults.map(|defaults| defaults.scheduler.clone()),
        default_cfg: defaults.map(|defaults| f64::from(defaults.cfg_scale)),
        positive_trigger_words: (!card.trigger_words.is_empty())
            .then(|| card.trigger_words.join(", ")),
        ..FoundModel::default()
    }
}
