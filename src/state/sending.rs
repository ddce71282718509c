//! Jobs of the service before they are sent: their price is looked up, and over the day's limit the user
//! decides.
//!
//! Knows no books: whoever has them weighs what is to be weighed, one parcel after another.

use std::collections::BTreeSet;

use super::{Effect, JobEntry, State, Tone, World};
use crate::jobs::{Job, JobId, RemoteWish};
use crate::library::{Estimate, Promised, Weighed};

/// Jobs whose price is looked up together, before any of them is sent: a new one, or those that were
/// waiting when Latelier stopped.
#[derive(Clone, Debug)]
pub struct Parcel {
    /// What is to be sent.
    pub jobs: Vec<Job>,
    /// The failed job that they take the place of.
    pub(super) retried: Option<JobId>,
}

impl Parcel {
    /// The name of the first job: no other parcel has it.
    #[must_use]
    pub fn id(&self) -> Option<JobId> {
        self.jobs.first().map(|job| job.id)
    }

    /// How many pictures it owes.
    #[must_use]
    pub fn pictures(&self) -> u32 {
        self.jobs.iter().map(|job| job.owed.len() as u32).sum()
    }

    /// The hosts that it goes to, for people.
    #[must_use]
    pub fn hosts(&self) -> String {
        let services = self.jobs.iter().filter_map(|job| job.service.as_deref());
        let hosts: BTreeSet<String> =
            services.map(|service| RemoteWish::of(service, false).host()).collect();
        hosts.into_iter().collect::<Vec<_>>().join(", ")
    }
}

/// A parcel that would pass the day's limit: the user decides.
#[derive(Clone, Debug)]
pub struct BudgetQuestion {
    /// What waits for the answer.
    pub parcel: Parcel,
    /// What each of its jobs would cost.
    prices: Vec<Option<Estimate>>,
    /// Why it is asked, as a sentence's middle.
    pub why: String,
}

impl BudgetQuestion {
    /// What it would cost altogether; `None` as long as one price is not known.
    #[must_use]
    pub fn estimate(&self) -> Option<Estimate> {
        self.prices.iter().copied().sum()
    }
}

impl State {
    /// What tasks of the service that are on their way will cost.
    #[must_use]
    pub fn promised(&self) -> Promised {
        self.world.queue.promised()
    }

    /// What is weighed next, if it is time.
    #[must_use]
    pub fn to_weigh(&self) -> Option<&Parcel> {
        let facts = &self.world.engines;
        facts.to_weigh.first().filter(|_| facts.question.is_none())
    }

    /// Takes in what the first parcel to be weighed costs, and whether it may be sent unasked; else why
    /// nobody knows. Returns it when it may.
    pub fn weighed(&mut self, weighed: Result<Weighed, String>) -> Option<Effect> {
        if self.world.engines.to_weigh.is_empty() {
            return None;
        }
        let parcel = self.world.engines.to_weigh.remove(0);
        let (prices, why) = match weighed {
            Ok(Weighed { prices, stop: None }) => return self.send_parcel(parcel, &prices),
            Ok(Weighed { prices, stop: Some(stop) }) => (prices, stop.to_string()),
            Err(error) => {
                let unknown = vec![None; parcel.jobs.len()];
                (unknown, format!("the limit of a day cannot be kept: {error}"))
            }
        };
        self.world.engines.question = Some(BudgetQuestion { parcel, prices, why });
        None
    }

    /// The user's answer to the question of the day's limit.
    pub(super) fn answer_budget(&mut self, send: bool) -> Option<Effect> {
        let BudgetQuestion { parcel, prices, .. } = self.world.engines.question.take()?;
        if !send {
            self.world.notify(Tone::Done, "Nothing was sent");
            return None;
        }
        self.send_parcel(parcel, &prices)
    }

    fn send_parcel(&mut self, parcel: Parcel, prices: &[Option<Estimate>]) -> Option<Effect> {
        let Parcel { jobs, retried } = parcel;
        if let Some(failed) = retried {
            self.world.queue.remove(failed);
        }
        // Of what was waiting some may have been discarded meanwhile.
        let waits = |job: &Job| self.world.waiting.iter().any(|waiting| waiting.id == job.id);
        let prices = prices.iter().copied().chain(std::iter::repeat(None));
        let jobs: Vec<(Job, Option<Estimate>)> =
            jobs.into_iter().zip(prices).filter(|(job, _)| !job.resumed || waits(job)).collect();
        self.world.waiting.retain(|waiting| jobs.iter().all(|(job, _)| job.id != waiting.id));
        self.give_away(jobs)
    }

    /// Shows the jobs in the queue, with what each will probably cost, and has them given to their
    /// engines.
    pub(super) fn give_away(&mut self, jobs: Vec<(Job, Option<Estimate>)>) -> Option<Effect> {
        if jobs.is_empty() {
            return None;
        }
        for (job, price) in &jobs {
            let mut entry = JobEntry::new(job);
            entry.price = *price;
            self.world.queue.push(entry);
        }
        self.follow();
        Some(Effect::Submit(jobs.into_iter().map(|(job, _)| job).collect()))
    }
}

impl World {
    /// What is weighed, waits for it, or is asked about.
    pub(super) fn parcels(&self) -> impl Iterator<Item = &Parcel> {
        let asked = self.engines.question.iter().map(|question| &question.parcel);
        asked.chain(&self.engines.to_weigh)
    }
}
