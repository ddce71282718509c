//! Wildcards of the form's prompts: what is wrong with them, and what a job takes for them.

use super::{Draft, World};
use crate::prompt::WildcardError;
use crate::task::{Problem, Task};

impl World {
    /// What is wrong with the wildcards of the form.
    pub(super) fn wildcard_problems(&self, draft: &Draft) -> Vec<Problem> {
        let texts = [("positivePrompt", &draft.prompt), ("negativePrompt", &draft.negative_prompt)];
        let problem = |(parameter, text): (&str, &String)| {
            let error = self.wildcards.fill(text, 1).err()?;
            let mut message = error.to_string();
            if let (WildcardError::Unknown { .. }, Some(folder)) = (&error, &self.wildcards_folder)
            {
                message = format!("{message}. The folder is {}", folder.display());
            }
            if let Some(first) = message.get_mut(..1) {
                first.make_ascii_uppercase();
            }
            Some(Problem::at("unknownWildcard", parameter, message))
        };
        texts.into_iter().filter_map(problem).collect()
    }

    /// The task with words for its wildcards, chosen by its seed; both prompts as they are drawn with.
    pub(super) fn filled(&self, task: Task) -> Task {
        let seed = task.seed.unwrap_or(1);
        let fill = |text: Option<String>| {
            let filled = |text: String| self.wildcards.fill(&text, seed).unwrap_or(text);
            text.map(filled)
        };
        Task {
            positive_prompt: fill(task.positive_prompt),
            negative_prompt: fill(task.negative_prompt),
            ..task
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::prompt::Wildcards;

    #[test]
    fn a_job_holds_the_words_and_the_form_keeps_the_wildcard() {
        let mut world = World::default();
        let lines = vec!["fox".to_owned(), "owl".to_owned()];
        world.wildcards = Arc::new(Wildcards::new([("animal".to_owned(), lines)]));
        let task = |seed| Task {
            positive_prompt: Some("a __animal__".to_owned()),
            seed: Some(seed),
            ..Task::default()
        };
        let prompts: Vec<_> = (1..9).map(|seed| world.filled(task(seed)).positive_prompt).collect();
        assert!(prompts.iter().flatten().all(|text| ["a fox", "a owl"].contains(&text.as_str())));
        assert!(prompts.iter().any(|prompt| *prompt != prompts[0]), "the seed chooses");
        assert_eq!(world.filled(task(3)), world.filled(task(3)));
    }

    #[test]
    fn an_unknown_one_is_a_problem_of_its_prompt_that_ends_with_the_folder() {
        let mut world = World::default();
        world.wildcards_folder = Some("/home/wildcards".into());
        let draft = Draft { negative_prompt: "no __beast__".to_owned(), ..Draft::default() };
        let problems = world.wildcard_problems(&draft);
        let [problem] = problems.as_slice() else { panic!("{problems:?}") };
        assert!(problem.concerns("negativePrompt"));
        assert!(problem.message.starts_with("There is no wildcard __beast__"));
        assert!(problem.message.ends_with("/home/wildcards"), "{}", problem.message);
        assert!(world.wildcard_problems(&Draft::default()).is_empty());
    }
}
