//! The service's errors and the connection's, in words for the user that say what to do.

use super::order::Outcome;
use crate::jobs::{Failure, FailureKind};
use crate::protocol::{Family, ServiceError};

/// How the user asks again for what the service may have made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Again {
    /// Pictures: the job is in the journal.
    Resume,
    /// Tasks of other types: their answers are asked for when the same tasks are run again.
    SameTasks,
    /// Tasks that cost nothing: they are simply run again.
    Free,
}

impl Again {
    /// The end of a sentence of what may have been billed.
    const fn advice(self) -> &'static str {
        match self {
            Self::Resume => "`latelier run --resume` asks for its pictures without paying twice",
            Self::SameTasks => {
                "run the same tasks again: what became of this one is asked for under its taskUUID \
                 before anything is sent"
            }
            Self::Free => "run it again",
        }
    }
}

/// What an outcome other than [`Outcome::Complete`] means to the user of the service at `host`.
pub(super) fn of_outcome(outcome: &Outcome, host: &str, again: Again) -> Option<Failure> {
    let advice = again.advice();
    if again == Again::Free
        && let Some(why) = lost(outcome)
    {
        let headline = format!("{host} did not answer: {why}. Try again; the task costs nothing");
        return Some(Failure::new(FailureKind::Unreachable, headline));
    }
    let failure = match outcome {
        Outcome::Complete => return None,
        Outcome::Failed(error) => of_error(error, host),
        Outcome::Forgotten => Failure::new(
            FailureKind::Other,
            format!(
                "{host} had the task and does not give its results any more. It was not sent again, so \
                 that nothing is paid twice; look into the account's history, or run it under a new taskUUID"
            ),
        ),
        Outcome::Unsettled(error) => unsettled(error.as_ref(), host, advice),
        Outcome::TooLate { sent: true } => Failure::new(
            FailureKind::Interrupted,
            format!(
                "{host} did not finish the task within 20 minutes. It may still be working and will be \
                 billed; {advice}"
            ),
        ),
        Outcome::TooLate { sent: false } => Failure::new(
            FailureKind::Unreachable,
            format!("{host} did not take the task within 20 minutes; try again later"),
        ),
        Outcome::Unreachable { sent: true, why } => Failure::new(
            FailureKind::Interrupted,
            format!(
                "The connection to {host} was lost and does not come back ({why}). The task may have been \
                 done and billed; {advice}"
            ),
        ),
        Outcome::Unreachable { sent: false, why } => Failure::new(
            FailureKind::Unreachable,
            format!(
                "{host} cannot be reached ({why}). Nothing was sent; check the connection and the \
                 address of the service, or use the local engine"
            ),
        ),
        Outcome::TooLarge => Failure::new(
            FailureKind::Other,
            format!(
                "{host} closed the connection because a message was too large. Use outputType URL, and \
                 smaller pictures or their addresses instead of base64"
            ),
        ),
    };
    Some(failure)
}

/// Why the answer to a task is not there that the service may have.
fn lost(outcome: &Outcome) -> Option<&str> {
    match outcome {
        Outcome::Unsettled(error) => {
            Some(error.as_ref().map_or("it does not tell why", |error| error.message.as_str()))
        }
        Outcome::TooLate { sent: true } => Some("20 minutes are over"),
        Outcome::Unreachable { sent: true, why } => Some(why),
        _ => None,
    }
}

/// Part of a task failed, and of the rest nothing is known.
fn unsettled(error: Option<&ServiceError>, host: &str, advice: &str) -> Failure {
    let said = error.map(|error| format!(" {}", sentence(&error.message))).unwrap_or_default();
    let headline = format!(
        "{host} failed at a part of the task and does not tell what became of the rest.{said} It may have \
         been done and billed; {advice}"
    );
    let raw = error.map(|error| serde_json::to_string(&error.raw).unwrap_or_default());
    let details = raw.map(|raw| format!("{host} answers {raw}")).unwrap_or_default();
    Failure::new(FailureKind::Interrupted, headline).with_details(details)
}

/// What an error of the service means.
fn of_error(error: &ServiceError, host: &str) -> Failure {
    let said = sentence(&error.message);
    let (kind, headline) = match error.family() {
        Family::Auth => (
            FailureKind::KeyRefused,
            format!(
                "{host} does not accept the key. {said} Put a valid one into the settings or into \
                 RUNWARE_API_KEY"
            ),
        ),
        Family::Quota => (
            FailureKind::NoCredits,
            format!(
                "The account at {host} has no credits left. {said} Add some, or use the local engine"
            ),
        ),
        Family::RateLimit => (
            FailureKind::Busy,
            format!("{host} takes no more tasks at present. {said} Try again in a few minutes"),
        ),
        Family::Safety => (
            FailureKind::Content,
            format!("{host} refuses what the task shows. {said} Change the prompt or the pictures"),
        ),
        Family::Validation => {
            (refused(error), format!("{host} refuses the task. {said} Change it and try again"))
        }
        Family::NotFound => (
            refused(error),
            format!(
                "{host} lacks something that the task names. {said} Check the model and the pictures"
            ),
        ),
        Family::Timeout | Family::Provider | Family::Server | Family::Unknown => (
            refused(error),
            format!("{host} failed at the task. {said} Try again, or choose another model"),
        ),
    };
    let raw = serde_json::to_string(&error.raw).unwrap_or_default();
    Failure::new(kind, headline).with_details(format!("{host} answers {raw}"))
}

fn refused(error: &ServiceError) -> FailureKind {
    FailureKind::Refused(Box::new(error.to_problem()))
}

/// The service's words as a sentence of at most 400 characters.
fn sentence(text: &str) -> String {
    const MOST: usize = 400;
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut text: String = if text.chars().count() > MOST {
        text.chars().take(MOST).chain(['…']).collect()
    } else {
        text
    };
    if !text.ends_with(['.', '!', '?', '…']) {
        text.push('.');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_failure_names_the_host_and_what_can_be_done() {
        let codes = [
            ("invalidApiKey", FailureKind::KeyRefused, "RUNWARE_API_KEY"),
            ("insufficientCredits", FailureKind::NoCredits, "credits"),
            ("rateLimitExceeded", FailureKind::Busy, "in a few minutes"),
            ("promptBlocked", FailureKind::Content, "Change the prompt"),
        ];
        for (code, kind, advice) in codes {
            let error = ServiceError::new(code, "the   service's\nwords");
            let failure = of_outcome(&Outcome::Failed(error), "host:1", Again::Resume).unwrap();
            assert_eq!(failure.kind, kind);
            assert!(failure.headline.contains(advice), "{failure}");
            assert!(failure.headline.contains("the service's words. "), "{failure}");
            assert!(failure.details.contains(code) && failure.headline.contains("host:1"));
        }
        let error = ServiceError::new("invalidWidth", "too wide!");
        let failure = of_outcome(&Outcome::Failed(error), "host", Again::Resume).unwrap();
        let FailureKind::Refused(problem) = failure.kind else { panic!("{failure:?}") };
        assert_eq!(problem.code, "invalidWidth");
        assert_eq!(of_outcome(&Outcome::Complete, "host", Again::Resume), None);
    }

    #[test]
    fn only_what_was_sent_waits_for_resuming() {
        let why = || "gone".to_owned();
        for (outcome, kind) in [
            (Outcome::TooLate { sent: true }, FailureKind::Interrupted),
            (Outcome::TooLate { sent: false }, FailureKind::Unreachable),
            (Outcome::Unreachable { sent: true, why: why() }, FailureKind::Interrupted),
            (Outcome::Unreachable { sent: false, why: why() }, FailureKind::Unreachable),
            (Outcome::Unsettled(None), FailureKind::Interrupted),
            (Outcome::Forgotten, FailureKind::Other),
            (Outcome::TooLarge, FailureKind::Other),
        ] {
            let told = |again| of_outcome(&outcome, "host", again).unwrap();
            let (resume, same) = (told(Again::Resume), told(Again::SameTasks));
            assert_eq!((&resume.kind, &same.kind), (&kind, &kind), "{outcome:?}");
            let waits = kind == FailureKind::Interrupted;
            assert_eq!(resume.headline.contains("--resume"), waits, "{resume}");
            // `--resume` knows nothing of tasks of other types.
            assert!(!same.headline.contains("--resume"), "{same}");
            assert_eq!(same.headline.contains("run the same tasks again"), waits, "{same}");
            // What costs nothing is neither billed nor kept.
            let free = told(Again::Free);
            assert_ne!(free.kind, FailureKind::Interrupted);
            assert!(!waits || free.headline.contains("costs nothing"), "{free}");
        }
    }

    #[test]
    fn long_words_are_cut() {
        let long = "é".repeat(5000);
        assert_eq!(sentence(&long).chars().count(), 401);
        assert_eq!(sentence(""), ".");
    }
}
