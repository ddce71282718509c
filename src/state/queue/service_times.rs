//! How long a service's jobs took in this session: it tells of no steps to reckon from.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::{JobEntry, JobStatus, Queue};

/// Jobs of a model that are remembered.
const REMEMBERED: usize = 15;

/// Times of whole jobs, by service and model, the latest last.
#[derive(Debug, Default)]
pub(super) struct ServiceTimes(HashMap<(String, String), Vec<Duration>>);

impl ServiceTimes {
    /// Notes a job that has ended well. One that was resumed was begun before anybody looked at the clock.
    pub(super) fn note(&mut self, job: &JobEntry, now: Instant) {
        let (Some(key), Some(began)) = (key(job), job.began) else { return };
        if job.job.resumed {
            return;
        }
        let times = self.0.entry(key).or_default();
        times.push(now.duration_since(began));
        let surplus = times.len().saturating_sub(REMEMBERED);
        times.drain(..surplus);
    }

    /// The median of jobs like that one.
    fn usual(&self, job: &JobEntry) -> Option<Duration> {
        let mut times = self.0.get(&key(job)?)?.clone();
        times.sort_unstable();
        times.get(times.len() / 2).copied()
    }
}

fn key(job: &JobEntry) -> Option<(String, String)> {
    Some((job.service()?.to_owned(), job.request.model.air.to_string()))
}

impl Queue {
    /// How long a service's job that is at work probably still takes; `None` until one of the same model
    /// has ended there, and once it has taken longer than those.
    #[must_use]
    pub fn service_time_left(&self, job: &JobEntry, now: Instant) -> Option<Duration> {
        let began = job.began.filter(|_| job.status == JobStatus::Loading && !job.job.resumed)?;
        let usual = self.service_times.usual(job)?;
        usual.checked_sub(now.duration_since(began)).filter(|left| !left.is_zero())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jobs::{Device, Job, JobId, Progress, RemoteWish, test_job};
    use crate::task::EngineKind;

    /// A job of the service that began then.
    fn begun(queue: &mut Queue, service: &str, now: Instant) -> JobId {
        let mut job = Job { service: Some(service.to_owned()), ..test_job("a fox") };
        std::sync::Arc::make_mut(&mut job.request).engine = EngineKind::Remote;
        queue.push(JobEntry::new(&job));
        let device = Device { name: service.to_owned(), fallback: None };
        queue.receive(job.id, &Progress::Started { device }, now);
        job.id
    }

    #[test]
    fn the_time_left_is_the_median_of_the_same_service_less_what_has_passed() {
        let (mut queue, start) = (Queue::default(), Instant::now());
        let after = |secs| start + Duration::from_secs(secs);
        let left = |queue: &Queue, id, now| queue.service_time_left(queue.get(id).unwrap(), now);
        for secs in [4, 30, 10] {
            let id = begun(&mut queue, RemoteWish::SERVICE, start);
            queue.receive(id, &Progress::Finished, after(secs));
        }
        let id = begun(&mut queue, RemoteWish::SERVICE, start);
        assert_eq!(left(&queue, id, after(3)), Some(Duration::from_secs(7)));
        assert_eq!(left(&queue, id, after(10)), None, "it takes longer than usual");
        let other = begun(&mut queue, "ws://127.0.0.1:1/v1", start);
        assert_eq!(left(&queue, other, after(3)), None, "nothing is known of that one");
    }
}
