//! The order that the user gave to waiting jobs: a file of names beside the jobs of each process, which only
//! says who comes before whom. Without it they stand in the order of their making.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use uuid::Uuid;

use super::owners::written;
use super::{JournalFolder, remove, write_atomically};
use crate::jobs::{JobId, Waiting};

impl JournalFolder {
    /// Keeps the order of these jobs. Of two calls that meet, the one with the greater `number` counts.
    /// What goes wrong costs only the order, and is logged.
    pub fn keep_order(&self, number: u64, order: &[JobId]) {
        let mut owned = self.owned();
        if number < owned.order {
            return;
        }
        owned.order = number;
        // Beside jobs that were taken over as well: those may outlive this process's own.
        let taken_over = order.iter().filter_map(|id| owner_of(owned.entries.get(id)?));
        let owners: BTreeSet<Uuid> = taken_over.chain([owned.own.name]).collect();
        for owner in owners {
            let file = order_file(&self.folder, owner);
            let json = serde_json::to_vec(order).map_err(std::io::Error::from);
            if let Err(error) = json.and_then(|json| write_atomically(&file, &json)) {
                tracing::warn!("{error}: {}", file.display());
            }
        }
    }
}

/// Which process made that entry.
fn owner_of(entry: &Path) -> Option<Uuid> {
    entry.file_name()?.to_str()?.split('.').next()?.parse().ok()
}

/// Where the order of the jobs of that process is kept.
pub(super) fn order_file(folder: &Path, owner: Uuid) -> PathBuf {
    folder.join(format!("{owner}.order"))
}

/// The order in that file, and when it was kept; none where nothing was moved.
pub(super) fn read_order(file: &Path) -> Option<(Option<SystemTime>, Vec<JobId>)> {
    let json = fs::read(file).ok()?;
    let order = serde_json::from_slice(&json).ok();
    if order.is_none() {
        remove(file);
    }
    Some((written(file), order?))
}

/// Puts jobs that were left behind into the orders that were kept of them. Where two orders name a job the
/// later one counts; jobs that an order does not name stay where they are.
pub(super) fn put_in_order(
    mut orders: Vec<(Option<SystemTime>, Vec<JobId>)>,
    waiting: &mut [Waiting],
) {
    orders.sort_by_key(|(kept, _)| *kept);
    for (_, order) in orders {
        let ranks: HashMap<JobId, usize> =
            order.into_iter().enumerate().map(|(rank, id)| (id, rank)).collect();
        let rank = |waiting: &Waiting| ranks.get(&waiting.id).copied();
        let places: Vec<usize> =
            (0..waiting.len()).filter(|at| rank(&waiting[*at]).is_some()).collect();
        let mut named: Vec<Waiting> = places.iter().map(|at| waiting[*at].clone()).collect();
        named.sort_by_key(rank);
        for (at, job) in places.into_iter().zip(named) {
            waiting[at] = job;
        }
    }
}
