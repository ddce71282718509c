//! Tasks of other types than `imageInference`: sent as they are, asked for first when they may have been
//! sent before, each result with its receipt.
//!
//! Knows no file: whoever asks writes down what is about to be sent.

use std::time::Instant;

use serde_json::{Map, Value};
use uuid::Uuid;

use super::RemoteSettings;
use super::failure::{self, Again};
use super::line::{Line, News};
use super::order::Order;
use crate::jobs::{Failure, Paid, Receipt};
use crate::protocol::{AnyTask, Item};

/// A task of another type than `imageInference`.
#[derive(Clone, Debug)]
pub struct Question {
    /// Its name; `taskUUID` of what is sent.
    pub id: Uuid,

    /// The task object. Where receipts are kept, `includeCost` is added to what is paid for.
    pub task: Map<String, Value>,

    /// Whether it may have been sent before: then `getResponse` comes first, and it is sent only when
    /// the service does not have it.
    pub resumed: bool,
}

/// What came of a [`Question`].
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// Its results as they came; `cost` only when the task asked for it.
    pub results: Vec<Value>,

    /// What went wrong; results may have come all the same.
    pub failure: Option<Failure>,
}

/// How many results the task object asks for.
#[must_use]
pub fn results_of(task: &Map<String, Value>) -> u32 {
    let many =
        ["numberResults", "promptVersions"].iter().find_map(|name| task.get(*name)?.as_u64());
    many.map_or(1, |many| many.clamp(1, 100) as u32)
}

impl Question {
    fn task_type(&self) -> &str {
        self.task.get("taskType").and_then(Value::as_str).unwrap_or_default()
    }

    /// Sends it, or asks for it, and takes in what comes.
    pub(super) async fn carry(mut self, line: &Line, settings: &RemoteSettings) -> Asked {
        let began = Instant::now();
        let for_the_receipt = settings.receipts.is_some()
            && AnyTask::is_paid(self.task_type())
            && self.task.get("includeCost") != Some(&Value::Bool(true));
        let expected = results_of(&self.task) as usize;
        self.task.insert("taskUUID".to_owned(), self.id.to_string().into());
        if for_the_receipt {
            self.task.insert("includeCost".to_owned(), true.into());
        }
        let again = if AnyTask::is_paid(self.task_type()) { Again::SameTasks } else { Again::Free };
        let task = self.task.clone();
        let order = Order { id: self.id, task, expected, had: Vec::new(), resumed: self.resumed };
        let mut awaited = line.carry(order).await;
        let mut asked = Asked::default();
        while let Some(news) = awaited.next().await {
            match news {
                News::Result(item) => {
                    self.note_receipt(settings, &item, (asked.results.len(), began));
                    let mut result = item.as_json().clone();
                    if for_the_receipt {
                        result.shift_remove("cost");
                    }
                    asked.results.push(Value::Object(result));
                }
                News::OutOfReach(_) | News::Sent => {}
                News::End(outcome) => {
                    let host = settings.endpoint.host();
                    asked.failure = failure::of_outcome(&outcome, host, again);
                    break;
                }
            }
        }
        asked
    }

    /// Result number `index` may have no name of its own; asked for again it is the same receipt.
    fn note_receipt(
        &self,
        settings: &RemoteSettings,
        item: &Item,
        (index, began): (usize, Instant),
    ) {
        let (Some(receipts), Some(usd)) = (&settings.receipts, item.cost()) else { return };
        if !AnyTask::is_paid(self.task_type()) {
            // What an earlier task cost, told again.
            return;
        }
        let numbered = || Uuid::from_u128(self.id.as_u128() ^ (index as u128 + 1));
        receipts.note(Receipt {
            task: self.id,
            result: item.image_uuid().unwrap_or_else(numbered),
            paid: Paid::Task(self.task_type().to_owned()),
            usd,
            time: began.elapsed(),
        });
    }
}
