//! How long a service that is too busy wants to be left alone: `Retry-After` (RFC 9110, 10.2.3).
//!
//! Knows headers, not what waits.

use std::time::{Duration, SystemTime};

use reqwest::StatusCode;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

/// What an answer of that status asks for; only "too many requests" and "unavailable" are listened to.
pub(super) fn asked_by(status: StatusCode, headers: &HeaderMap) -> Option<Duration> {
    if ![StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE].contains(&status) {
        return None;
    }
    let text = |name| headers.get(name)?.to_str().ok();
    let date = text(DATE).and_then(|date| httpdate::parse_http_date(date).ok());
    // A date is the service's: its own clock says how far away it is.
    read(text(RETRY_AFTER)?, date.unwrap_or_else(SystemTime::now))
}

/// Seconds, or the time until a date; none for one that has passed.
fn read(text: &str, now: SystemTime) -> Option<Duration> {
    let text = text.trim();
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok().map(Duration::from_secs);
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of RFC 9110: 5.6.7 for dates, 10.2.3 for the header.
    #[test]
    fn seconds_and_dates_of_all_three_forms_are_read() {
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:47:37 GMT").unwrap();
        for (text, expected) in [
            ("120", Some(120)),
            (" 0 ", Some(0)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(120)),
            ("Sunday, 06-Nov-94 08:49:37 GMT", Some(120)),
            ("Sun Nov  6 08:49:37 1994", Some(120)),
            ("Sun, 06 Nov 1994 08:40:00 GMT", Some(0)),
            ("", None),
            ("-5", None),
            ("1.5", None),
            ("99999999999999999999999999", None),
            ("soon", None),
        ] {
            assert_eq!(read(text, now), expected.map(Duration::from_secs), "{text:?}");
        }
    }

    #[test]
    fn the_services_clock_counts_and_other_statuses_ask_for_nothing() {
        let mut headers = HeaderMap::new();
        assert_eq!(asked_by(StatusCode::TOO_MANY_REQUESTS, &headers), None);
        headers.insert(DATE, "Sun, 06 Nov 1994 08:49:30 GMT".parse().unwrap());
        headers.insert(RETRY_AFTER, "Sun, 06 Nov 1994 08:49:37 GMT".parse().unwrap());
        let seven = Some(Duration::from_secs(7));
        assert_eq!(asked_by(StatusCode::TOO_MANY_REQUESTS, &headers), seven);
        assert_eq!(asked_by(StatusCode::SERVICE_UNAVAILABLE, &headers), seven);
        assert_eq!(asked_by(StatusCode::OK, &headers), None);
        assert_eq!(asked_by(StatusCode::BAD_REQUEST, &headers), None);
    }
}
