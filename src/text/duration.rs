//! Durations as people type them: `30`, `30s`, `5m`, `2h`.

use std::time::Duration;

use crate::name::Invalid;

/// Reads a duration: a whole number of seconds, or of what the letter behind it says. It is more
/// than nothing and at most a year.
pub fn parse(text: &str) -> Result<Duration, Invalid> {
    const YEAR: u64 = 366 * 24 * 3600;
    let (number, unit) = match text.strip_suffix(['s', 'm', 'h']) {
        Some(number) if text.ends_with('h') => (number, 3600),
        Some(number) if text.ends_with('m') => (number, 60),
        Some(number) => (number, 1),
        None => (text, 1),
    };
    let digits = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    number
        .parse::<u64>()
        .ok()
        .filter(|_| digits)
        .and_then(|number| number.checked_mul(unit))
        .filter(|seconds| (1..=YEAR).contains(seconds))
        .map(Duration::from_secs)
        .ok_or_else(|| Invalid::because("a duration is a number of seconds, or 30s, 5m, 2h"))
}

/// A duration as one would type it.
#[must_use]
pub fn typed(duration: Duration) -> String {
    match duration.as_secs() {
        seconds if seconds % 3600 == 0 => format!("{}h", seconds / 3600),
        seconds if seconds % 60 == 0 => format!("{}m", seconds / 60),
        seconds => format!("{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, seconds) in [("30", 30), ("30s", 30), ("5m", 300), ("2h", 7200)] {
            assert_eq!(parse(text).unwrap(), Duration::from_secs(seconds));
            assert_eq!(parse(&typed(Duration::from_secs(seconds))), parse(text));
        }
        for text in ["", "s", "0", "-1", "+5", "1.5s", "5 m", "5d", "1e3", "99999999999999999999h"]
        {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }
}
