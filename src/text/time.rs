//! Times for people: on the clock of this machine's zone, and how far away.

use std::time::{Duration, UNIX_EPOCH};

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// The time, in Unix seconds. A clock before 1970 is at 1970: nothing is valid then.
#[must_use]
pub fn now() -> u64 {
    UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs())
}

/// A moment in Unix seconds as someone reads it off their clock: `14:05`, with the date where it
/// is not today's, and with the zone where that is not known to be theirs.
#[must_use]
pub fn local_time(at: u64, now: u64, zone: &TimeZone) -> String {
    let on_clock = |seconds: u64| {
        let moment = Timestamp::from_second(i64::try_from(seconds).ok()?).ok()?;
        Some(moment.to_zoned_datetime(zone.clone()))
    };
    let (Some(at), Some(now)) = (on_clock(at), on_clock(now)) else {
        return "a time that no calendar has".to_owned();
    };
    let form = if at.date() == now.date() { "%H:%M" } else { "%Y-%m-%d %H:%M" };
    let utc = if zone.is_unknown() { " UTC" } else { "" };
    format!("{}{utc}", at.strftime(form))
}

/// A moment as the API writes it: RFC 3339, or the same without a zone, which is UTC then.
#[must_use]
pub fn moment(text: &str) -> Option<Timestamp> {
    let in_utc = || TimeZone::UTC.to_timestamp(text.parse::<DateTime>().ok()?).ok();
    text.parse().ok().or_else(in_utc)
}

/// Returns how long ago it was; zero for a time to come.
#[must_use]
pub fn since(moment: Timestamp) -> Duration {
    Timestamp::now().duration_since(moment).try_into().unwrap_or_default()
}

/// A span in the two largest units that matter: `42 s`, `59 min`, `7 h 59 min`, `3 days`.
#[must_use]
pub fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    match (hours, minutes) {
        (0, 0) => format!("{seconds} s"),
        (0, _) => format!("{minutes} min"),
        (..48, _) if minutes % 60 == 0 => format!("{hours} h"),
        (..48, _) => format!("{hours} h {} min", minutes % 60),
        _ => format!("{} days", hours / 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-08-03 12:05:00 UTC.
    const NOON: u64 = 1_785_758_700;

    fn on_the_clock(at: u64, zone: &TimeZone) -> String {
        local_time(at, NOON, zone)
    }

    #[test]
    fn a_time_of_today_has_no_date() {
        let two_east = TimeZone::fixed(jiff::tz::offset(2));
        assert_eq!(on_the_clock(NOON, &two_east), "14:05");
        assert_eq!(on_the_clock(NOON + 8 * 3600, &two_east), "22:05");
        assert_eq!(on_the_clock(NOON + 12 * 3600, &two_east), "2026-08-04 02:05");
        assert_eq!(on_the_clock(NOON, &TimeZone::unknown()), "12:05 UTC");
        assert_eq!(on_the_clock(u64::MAX, &TimeZone::UTC), "a time that no calendar has");
    }

    #[test]
    fn moments_of_the_api() {
        for text in ["2026-08-03T12:05:00Z", "2026-08-03T14:05:00+02:00", "2026-08-03T12:05:00.9"] {
            assert_eq!(u64::try_from(moment(text).unwrap().as_second()).unwrap(), NOON, "{text}");
        }
        for text in ["", "then", "2026-08-03T25:00:00Z", "1785758700"] {
            assert_eq!(moment(text), None, "{text}");
        }
        assert_eq!(since(Timestamp::MAX), Duration::ZERO);
    }

    #[test]
    fn spans_are_short() {
        for (seconds, words) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (3599, "59 min"),
            (7200, "2 h"),
            (8 * 3600 - 1, "7 h 59 min"),
            (49 * 3600, "2 days"),
        ] {
            assert_eq!(span(Duration::from_secs(seconds)), words);
        }
    }
}
