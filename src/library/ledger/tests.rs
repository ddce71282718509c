use jiff::tz::TimeZone;
use uuid::Uuid;

use super::*;
use crate::jobs::{Job, Owed, test_job};
use crate::library::{Promised, Stop, Weighed};

fn ledger() -> (tempfile::TempDir, Ledger) {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(&Home::at(folder.path())).unwrap();
    (folder, ledger)
}

fn receipt(usd: f64) -> Receipt {
    Receipt {
        task: Uuid::new_v4(),
        result: Uuid::new_v4(),
        paid: picture("local:test@1", 128, None),
        usd,
        time: Duration::from_secs(3),
    }
}

/// A square picture of that side.
fn picture(model: &str, side: u32, steps: Option<u32>) -> Paid {
    Paid::Picture { model: model.parse().unwrap(), extent: Extent::new(side, side), steps }
}

fn noon(day: i8) -> Zoned {
    jiff::civil::date(2026, 11, day).at(12, 0, 0, 0).to_zoned(TimeZone::UTC).unwrap()
}

#[test]
fn a_picture_is_counted_once_and_sums_go_by_day_and_model() {
    let (folder, ledger) = ledger();
    let first = receipt(0.002);
    for _ in 0..2 {
        ledger.add(&first, &noon(21)).unwrap();
    }
    ledger.add(&receipt(0.003), &noon(21)).unwrap();
    let other = Receipt { paid: picture("runware:100@1", 128, None), ..receipt(0.01) };
    ledger.add(&other, &noon(21)).unwrap();
    ledger.add(&receipt(0.5), &noon(22)).unwrap();
    // What is written is there for the next program.
    drop(ledger);
    let ledger = Ledger::open(&Home::at(folder.path())).unwrap();
    assert!((ledger.spent_on(noon(21).date()).unwrap() - 0.015).abs() < 1e-9);
    assert!(ledger.spent_on(noon(20).date()).unwrap().abs() < 1e-9);
    let all = ledger.spending_since(noon(1).date()).unwrap();
    let told: Vec<_> =
        all.iter().map(|row| (row.day.day(), row.model.as_str(), row.results)).collect();
    assert_eq!(told, [(22, "local:test@1", 1), (21, "runware:100@1", 1), (21, "local:test@1", 2)]);
    assert_eq!(ledger.spending_since(noon(22).date()).unwrap().len(), 1);
}

#[test]
fn estimates_come_from_like_pictures_else_in_proportion_and_never_from_nothing() {
    let (_folder, ledger) = ledger();
    let request = test_job("a fox").request;
    assert_eq!(ledger.estimate(&request).unwrap(), None);
    let larger = Receipt { paid: picture("local:test@1", 256, None), ..receipt(0.008) };
    ledger.add(&larger, &noon(21)).unwrap();
    let near = |found: Option<Estimate>, low: f64, high: f64| {
        let found = found.unwrap();
        assert!((found.low - low).abs() < 1e-9 && (found.high - high).abs() < 1e-9, "{found:?}");
    };
    near(ledger.estimate(&request).unwrap(), 0.002, 0.002);
    ledger.add(&receipt(0.001), &noon(21)).unwrap();
    near(ledger.estimate(&request).unwrap(), 0.001, 0.001);
    // The job's task names no steps; a receipt that does is of other work.
    let slow = Receipt { paid: picture("local:test@1", 128, Some(100)), ..receipt(9.0) };
    ledger.add(&slow, &noon(21)).unwrap();
    ledger.add(&receipt(0.003), &noon(22)).unwrap();
    near(ledger.estimate(&request).unwrap(), 0.001, 0.003);
}

#[test]
fn a_limit_stops_before_it_is_passed_and_says_why() {
    let (_folder, ledger) = ledger();
    let today = Zoned::now();
    ledger.add(&receipt(0.04), &today).unwrap();
    let expected = |high| Some(Estimate { low: 0.0, high });
    assert_eq!(ledger.overrun(0.05, expected(0.01)).unwrap(), None);
    assert_eq!(ledger.overrun(0.05, None).unwrap(), None);
    let passed = ledger.overrun(0.05, expected(0.02)).unwrap().unwrap();
    assert_eq!(
        passed.to_string(),
        "this would bring today's spending to about $0.06; your limit is $0.05 a day"
    );
    ledger.add(&receipt(0.01), &today).unwrap();
    let reached = ledger.overrun(0.05, None).unwrap().unwrap();
    assert_eq!(
        reached.to_string(),
        "today's spending of $0.05 has reached your limit of $0.05 a day"
    );
}

#[test]
fn a_ledger_of_a_newer_program_is_left_alone() {
    let (folder, ledger) = ledger();
    ledger.add(&receipt(0.04), &noon(21)).unwrap();
    ledger.with(|connection| connection.pragma_update(None, "user_version", 2)).unwrap();
    drop(ledger);
    let home = Home::at(folder.path());
    assert!(matches!(Ledger::open(&home), Err(LedgerError::Newer { .. })));
    std::fs::write(home.ledger_file(), "no ledger at all").unwrap();
    assert!(matches!(Ledger::open(&home), Err(LedgerError::Sqlite { .. })));
    assert_eq!(std::fs::read(home.ledger_file()).unwrap(), b"no ledger at all");
}

#[test]
fn tasks_of_other_types_are_counted_by_their_type_and_estimated_by_result() {
    let (_folder, ledger) = ledger();
    assert_eq!(ledger.estimate_of_type("caption", 1).unwrap(), None);
    for usd in [0.001, 0.002] {
        let caption = Receipt { paid: Paid::Task("caption".to_owned()), ..receipt(usd) };
        ledger.add(&caption, &noon(21)).unwrap();
    }
    ledger.add(&receipt(0.5), &noon(21)).unwrap();
    let Estimate { low, high } = ledger.estimate_of_type("caption", 3).unwrap().unwrap();
    assert!((low - 0.003).abs() < 1e-9 && (high - 0.006).abs() < 1e-9, "{low} {high}");
    assert_eq!(ledger.estimate_of_type("upscale", 1).unwrap(), None);
    let rows = ledger.spending_since(noon(1).date()).unwrap();
    let told: Vec<_> =
        (rows.iter()).map(|row| (row.model.as_str(), row.results, row.is_of_pictures())).collect();
    assert_eq!(told, [("local:test@1", 1, true), ("caption", 2, false)]);
    assert!((ledger.spent_on(noon(21).date()).unwrap() - 0.503).abs() < 1e-9);
}

#[test]
fn jobs_are_weighed_together_and_what_was_sent_before_stops_nothing() {
    let (_folder, ledger) = ledger();
    let owing = |pictures: u32| {
        let mut job = test_job("a fox");
        std::sync::Arc::make_mut(&mut job.request).number_results = 4;
        let picture = |index| Owed { index, image_uuid: Uuid::new_v4() };
        Job { owed: (0..pictures).map(picture).collect(), ..job }
    };
    let none = Promised::default();
    let weigh = |jobs: &[Job]| ledger.weigh(jobs, Some(0.05), none).unwrap();
    let unknown = weigh(&[owing(1)]);
    assert_eq!(unknown, Weighed { prices: vec![None], stop: None }, "the first one is learnt from");
    assert_eq!(weigh(&[owing(1), owing(1)]).stop, Some(Stop::Unknown));

    ledger.add(&receipt(0.01), &Zoned::now()).unwrap();
    let two = [owing(2), owing(2)];
    let prices = weigh(&two).prices;
    assert!(prices.iter().all(|price| (price.unwrap().high - 0.02).abs() < 1e-9), "{prices:?}");
    assert_eq!(weigh(&two).stop, None);
    assert!(matches!(weigh(&[owing(2), owing(3)]).stop, Some(Stop::Overrun(_))));
    let begun = |job: Job| Job { sent: true, ..job };
    assert_eq!(weigh(&[begun(owing(4)), begun(owing(4))]).stop, None);
    let promised = Promised { usd: 0.01, ..none };
    assert!(ledger.weigh(&two, Some(0.05), promised).unwrap().stop.is_some());
    assert!(ledger.weigh(&two, None, promised).unwrap().stop.is_none());
}
