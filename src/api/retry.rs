//! Decides when a failed call is tried again, and after what pause.

use std::time::{Duration, SystemTime};

use reqwest::Method;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

use super::error::{ApiError, Retry};
use crate::text::message::add_clause;

/// Tries of one call in all, for who asks once.
pub(super) const TRIES: u32 = 3;

/// The middle of the first pause; each further one is three times as long.
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// The pause before the next try, if there should be one after so many of at most `most`.
///
/// What the API may have begun to do is not asked for twice unless it only reads.
pub(super) fn next(error: &ApiError, method: &Method, tried: u32, most: u32) -> Option<Duration> {
    let is_worth_it = match error.again {
        Retry::Always => true,
        Retry::IfItReads => *method == Method::GET,
        Retry::Never => false,
    };
    (is_worth_it && tried < most).then(|| pause(tried).max(error.wait.unwrap_or_default()))
}

/// The error, and where the wait that the API asks for does not fit into the time that is left, that
/// it does not.
pub(super) fn within(mut error: ApiError, left: Duration, limit: Duration) -> ApiError {
    // A refusal that no waiting changes stays what it is.
    if let Some(wait) = error.wait.filter(|wait| *wait > left && error.again != Retry::Never) {
        let seconds = wait.as_secs();
        let why = format!("it asks to wait {seconds}s, longer than the time limit of {limit:?}");
        add_clause(&mut error.failure.message.text, &why);
        error.failure.hint =
            Some("try again later, or give it more time with `--timeout`".to_owned());
    }
    error
}

/// Growing, and never the same for two callers who failed together.
fn pause(tried: u32) -> Duration {
    let middle = FIRST_PAUSE * 3_u32.saturating_pow(tried.saturating_sub(1).min(4));
    middle.mul_f64(0.75 + 0.5 * fastrand::f64())
}

/// Returns the time that the API asks us to wait (RFC 9110, Retry-After): seconds, or a date. A
/// date is compared with the API's own clock where the answer tells it, since ours may be wrong.
pub(super) fn asked_wait(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        // More digits than fit are still a wait, and a long one.
        return Some(text.parse().map_or(Duration::MAX, Duration::from_secs));
    }
    let until = httpdate::parse_http_date(text).ok()?;
    let now = date(headers).unwrap_or_else(SystemTime::now);
    Some(until.duration_since(now).unwrap_or_default())
}

/// Returns the API's own time, where an answer tells it.
pub(super) fn date(headers: &HeaderMap) -> Option<SystemTime> {
    httpdate::parse_http_date(headers.get(DATE)?.to_str().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(retry_after: &str, date: Option<&str>) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, retry_after.parse().unwrap());
        if let Some(date) = date {
            headers.insert(DATE, date.parse().unwrap());
        }
        asked_wait(&headers)
    }

    #[test]
    fn pauses_grow_and_differ() {
        let first: Vec<_> = (0..50).map(|_| pause(1)).collect();
        let second: Vec<_> = (0..50).map(|_| pause(2)).collect();
        assert!(first.iter().max().unwrap() < second.iter().min().unwrap());
        assert!(first.iter().any(|pause| *pause != first[0]));
        assert!(pause(1) >= Duration::from_millis(100) && pause(2) < Duration::from_secs(1));
    }

    #[test]
    fn a_wait_in_seconds() {
        assert_eq!(wait("0", None), Some(Duration::ZERO));
        assert_eq!(wait(" 7 ", None), Some(Duration::from_secs(7)));
        assert_eq!(wait(&"9".repeat(40), None), Some(Duration::MAX));
    }

    #[test]
    fn a_wait_until_a_date_of_the_apis_clock() {
        let noon = "Sat, 01 Aug 2026 12:00:00 GMT";
        let later = "Sat, 01 Aug 2026 12:00:30 GMT";
        assert_eq!(wait(later, Some(noon)), Some(Duration::from_secs(30)));
        assert_eq!(wait(noon, Some(later)), Some(Duration::ZERO));
        let soon = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(60));
        let asked = wait(&soon, None).unwrap();
        assert!(asked > Duration::from_secs(55) && asked <= Duration::from_secs(60), "{asked:?}");
    }

    #[test]
    fn what_is_no_wait_is_none() {
        for text in ["", "soon", "-1", "1.5", "1e3", "Sat, 99 Aug 2026"] {
            assert_eq!(wait(text, None), None, "{text:?}");
        }
        assert_eq!(asked_wait(&HeaderMap::new()), None);
    }
}
