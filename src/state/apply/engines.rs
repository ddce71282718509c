//! What actions about engines, keys and money do.

use crate::state::{Action, Effect, KeyStatus, ModelSearch, ModelsFound, State};
use crate::task::EngineKind;

impl State {
    pub(super) fn apply_to_engines(&mut self, action: Action) -> Option<Effect> {
        match action {
            Action::UseEngine(kind) => {
                self.use_engine(kind);
                let unknown = self.world.engines.key == KeyStatus::Unknown;
                (kind == EngineKind::Remote && unknown).then_some(Effect::LookAtEngines)
            }
            Action::GenerateRemotely => self.generate(EngineKind::Remote),
            Action::AnswerBudget(send) => self.answer_budget(send),
            Action::KeepKey => {
                let key = std::mem::take(&mut self.view.sheets.key);
                (!key.0.trim().is_empty()).then_some(Effect::KeepKey(key))
            }
            Action::ForgetKey => Some(Effect::ForgetKey),
            Action::LookAtEngines => Some(Effect::LookAtEngines),
            Action::SearchModels => self.search_models(),
            _ => None,
        }
    }

    fn search_models(&mut self) -> Option<Effect> {
        let words = self.view.sheets.model_words.trim().to_owned();
        if words.is_empty() {
            return None;
        }
        let search = ModelSearch { service: self.preferences.remote().service(), words };
        self.world.engines.found = ModelsFound::Searching(search.clone());
        Some(Effect::SearchModels(search))
    }
}
