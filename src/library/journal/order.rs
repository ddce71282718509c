//! The order that the user gave to waiting jobs: one file of names beside the jobs, which only says who
//! comes before whom. Without it they stand in the order of their making.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;

use super::{JournalFolder, remove, write_atomically};
use crate::jobs::{JobId, Waiting};

/// The file's name; it ends in nothing that jobs or locks end in.
const FILE: &str = "order";

impl JournalFolder {
    /// Keeps the order of these jobs. Of two calls that meet, the one with the greater `number` counts.
    /// What goes wrong costs only the order, and is logged.
    pub fn keep_order(&self, number: u64, order: &[JobId]) {
        let mut owned = self.owned();
        if number < owned.order {
            return;
        }
        owned.order = number;
        let file = self.order_file();
        let json = serde_json::to_vec(order).map_err(std::io::Error::from);
        if let Err(error) = json.and_then(|json| write_atomically(&file, &json)) {
            tracing::warn!("{error}: {}", file.display());
        }
    }

    /// Puts jobs that were left behind into the order that was kept; others come behind them.
    pub(super) fn put_in_order(&self, waiting: &mut [Waiting]) {
        let file = self.order_file();
        let Ok(json) = fs::read(&file) else { return };
        let Ok(order) = serde_json::from_slice::<Vec<JobId>>(&json) else { return remove(&file) };
        let places: HashMap<JobId, usize> =
            order.into_iter().enumerate().map(|(place, id)| (id, place)).collect();
        waiting.sort_by_key(|waiting| places.get(&waiting.id).copied().unwrap_or(usize::MAX));
    }

    fn order_file(&self) -> PathBuf {
        self.folder.join(FILE)
    }
}
