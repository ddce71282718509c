//! In words: times, pictures, devices, what will be done.

use std::ops::Range;
use std::time::Duration;

use crate::jobs::{Device, NsfwScore};
use crate::library::{Estimate, dollars};
use crate::pixels::{Extent, covering_window};
use crate::state::{Draft, JobEntry, Mode};
use crate::task::{EngineKind, Request};

/// The button that leads to where a key is entered.
pub(super) const ENTER_KEY: &str = "Enter a key";

/// `1.9 GiB`, `640 MiB`.
pub(super) fn bytes(count: u64) -> String {
    let mib = count as f64 / f64::from(1 << 20);
    if mib < 1.0 {
        format!("{:.0} KiB", mib * 1024.0)
    } else if mib < 1000.0 {
        format!("{mib:.0} MiB")
    } else {
        format!("{:.1} GiB", mib / 1024.0)
    }
}

/// `$0.0013`, or `$0.0013 to $0.0026`.
pub(super) fn price(estimate: Estimate) -> String {
    let (low, high) = (dollars(estimate.low), dollars(estimate.high));
    if low == high { low } else { format!("{low} to {high}") }
}

/// What a request does, in the words of the big button.
pub(super) fn verb_of(request: &Request) -> &'static str {
    let task = &request.task;
    verb_word(match (&task.outpaint, &task.mask_image, &task.seed_image) {
        (Some(_), _, _) => Mode::Extend,
        (_, Some(_), _) => Mode::Fill,
        (_, _, Some(_)) => Mode::Vary,
        _ => Mode::Generate,
    })
}

const fn verb_word(mode: Mode) -> &'static str {
    match mode {
        Mode::Extend => "Extend",
        other => verb(other),
    }
}

/// What is done with a job of which no step is known.
pub(super) fn beginning(job: &JobEntry) -> String {
    match (job.engine(), &job.device) {
        (EngineKind::Remote, Some(device)) if job.out_of_reach.is_some() => {
            format!("No connection to {}, trying again…", device.name)
        }
        (EngineKind::Local, _) => format!("Loading {}…", job.request.model.name),
        (EngineKind::Remote, Some(device)) => format!("Being made by {}…", device.name),
        (EngineKind::Remote, None) => "On its way to the service…".to_owned(),
    }
}

/// `under 1 s`, `3 s`, `2 min`, `1 h 5 min`.
pub(super) fn duration(time: Duration) -> String {
    match time.as_secs_f64() {
        secs if secs < 1.0 => "under 1 s".to_owned(),
        secs if secs < 90.0 => format!("{secs:.0} s"),
        secs if secs < 3600.0 => format!("{:.0} min", secs / 60.0),
        secs => format!("{:.0} h {:.0} min", (secs / 3600.0).floor(), secs % 3600.0 / 60.0),
    }
}

/// `under 1 s`, `about 3 s`.
pub(super) fn about(time: Duration) -> String {
    let words = duration(time);
    if time < Duration::from_secs(1) { words } else { format!("about {words}") }
}

/// `steps 1.8 × as fast`.
pub(super) fn speed_up(times: f32) -> String {
    format!("steps {times:.1} × as fast")
}

/// `1 picture`, `4 pictures`.
pub(super) fn pictures(count: u32) -> String {
    if count == 1 { "1 picture".to_owned() } else { format!("{count} pictures") }
}

/// `1 job`, `1 300 jobs`.
pub(super) fn jobs(number: usize) -> String {
    if number == 1 { "1 job".to_owned() } else { format!("{} jobs", count(number)) }
}

/// What the big button does; the size follows.
pub(super) const fn verb(mode: Mode) -> &'static str {
    match mode {
        Mode::Generate => "Generate",
        Mode::Vary => "Vary",
        Mode::Fill => "Fill",
        Mode::Extend => "Extend to",
    }
}

/// What the engine does with a start picture of the size `own`; `wanted` is what it is brought to.
pub(super) fn start(draft: &Draft, own: Extent, wanted: Extent) -> String {
    if draft.zooms() {
        "painted around the mask, keeps its size".to_owned()
    } else {
        fit(own, wanted)
    }
}

/// What the engine does to bring the picture to the result's size.
fn fit(own: Extent, wanted: Extent) -> String {
    let kept = covering_window(own, wanted);
    let kept = Extent::new(kept.width, kept.height);
    if own == wanted {
        "used as it is".to_owned()
    } else if kept == own {
        format!("scaled to {wanted}")
    } else if kept == wanted {
        format!("cut to {wanted}")
    } else {
        format!("scaled and cut to {wanted}")
    }
}

/// `this CPU` or `this GPU`.
pub(super) fn place(device: &Device) -> &'static str {
    if device.name.starts_with("CPU") { "this CPU" } else { "this GPU" }
}

/// `2 of 4`, or `1–4 of 8` for several at once; `which` counts from 0.
pub(super) fn of_count(which: Range<u32>, count: u32) -> String {
    let (first, last) = (which.start + 1, which.end.min(count));
    if first < last {
        format!("{first}–{last} of {count}")
    } else {
        format!("{first} of {count}")
    }
}

/// `64 %`.
pub(super) fn percent(share: f32) -> String {
    format!("{:.0} %", share * 100.0)
}

/// `adult content 64 % (counts from 50 %)`.
pub(super) fn verdict(verdict: NsfwScore) -> String {
    let NsfwScore { score, threshold } = verdict;
    format!("adult content {} (counts from {})", percent(score), percent(threshold))
}

/// A number with a thin space before each group of three digits.
pub(super) fn count(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// `12 %`; a trace is less than one.
pub(super) fn share(share: f32) -> String {
    let percent = share * 100.0;
    if percent > 0.0 && percent < 1.0 {
        "Less than 1 %".to_owned()
    } else {
        format!("{percent:.0} %")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rounded_to_what_one_cares_for() {
        let cases = [
            (0.2, "under 1 s"),
            (3.4, "3 s"),
            (89.0, "89 s"),
            (150.0, "2 min"),
            (3900.0, "1 h 5 min"),
        ];
        for (secs, text) in cases {
            assert_eq!(duration(Duration::from_secs_f64(secs)), text);
        }
    }

    #[test]
    fn pictures_at_work_are_counted_from_one() {
        assert_eq!(of_count(0..1, 4), "1 of 4");
        assert_eq!(of_count(0..4, 8), "1–4 of 8");
        assert_eq!(of_count(7..9, 8), "8 of 8");
    }

    #[test]
    fn large_numbers_are_grouped() {
        assert_eq!(count(999), "999");
        assert_eq!(count(12480), "12\u{202f}480");
    }

    #[test]
    fn the_caption_says_what_becomes_of_the_picture() {
        let wanted = Extent::new(128, 192);
        let cases = [
            (Extent::new(128, 192), "used as it is"),
            (Extent::new(64, 96), "scaled to 128 × 192"),
            (Extent::new(128, 600), "cut to 128 × 192"),
            (Extent::new(500, 500), "scaled and cut to 128 × 192"),
        ];
        for (own, words) in cases {
            assert_eq!(fit(own, wanted), words);
        }
    }
}
