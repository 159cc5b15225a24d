//! Whether the API answers, how soon, and whether its clock agrees with this machine's.

use std::time::{Duration, SystemTime};

use super::{Check, Finding};
use crate::api::error::Error;
use crate::api::list::Pong;
use crate::api::token::TokenSource;
use crate::failure::Failure;
use crate::text::time::span;

/// A `Date` is a whole second, and an answer takes time to arrive.
const CLOCK_OFF: Duration = Duration::from_secs(30);
/// With more than this, a certificate that is about to expire seems to last.
const CLOCK_WRONG: Duration = Duration::from_secs(600);

/// An API that is in use here, and its answer.
#[derive(Debug)]
pub struct ApiProbe {
    /// The context with its settings; `None` for the settings of this call.
    pub context: Option<String>,
    /// Its address.
    pub address: Result<String, Failure>,
    /// Where the token comes from; `None` where there is no token.
    pub token: Result<Option<TokenSource>, Failure>,
    /// What it answered; `None` where it was not asked.
    pub answer: Option<Result<Pong, Error>>,
    /// When the answer came, by this machine's clock.
    pub at: SystemTime,
    /// Whether an installed cluster comes from there.
    pub is_needed: bool,
}

impl ApiProbe {
    /// Whether it answers as it should.
    #[must_use]
    pub fn works(&self) -> bool {
        matches!(self.answer, Some(Ok(_)))
    }
}

/// Whether it answers, and its clock.
#[must_use]
pub fn examine(probe: &ApiProbe) -> Vec<Finding> {
    let address = match &probe.address {
        Ok(address) => address,
        Err(failure) => return vec![Finding::failed(Check::Api, failure)],
    };
    match &probe.answer {
        None if !matches!(probe.token, Ok(Some(_))) => {
            vec![Finding::note(
                Check::Api,
                format_args!("{address}: not asked, because there is no token"),
            )]
        }
        None => vec![
            Finding::wrong(Check::Api, format_args!("{address} did not answer in time"))
                .advise("give it more time: --timeout 60s"),
        ],
        Some(Ok(heard)) => {
            let took = heard.took.as_millis();
            let answers = format_args!("{address} answers in {took} ms");
            let mut findings = vec![Finding::ok(Check::Api, answers)];
            findings.extend(heard.date.map(|date| clock(date, probe.at, heard.took)));
            findings
        }
        Some(Err(error)) if error.is_about_the_token() => {
            vec![Finding::ok(Check::Api, format_args!("{address} answers"))]
        }
        Some(Err(error)) => {
            vec![Finding { advice: error.hint(), ..Finding::wrong(Check::Api, error) }]
        }
    }
}

/// Compares this machine's clock with a `Date` that came at `at`, after a call that took so long.
fn clock(date: SystemTime, at: SystemTime, took: Duration) -> Finding {
    // Written at some time between request and answer, and cut to the second.
    let theirs = date + Duration::from_millis(500);
    let ours = at.checked_sub(took / 2).unwrap_or(at);
    let (off, direction) = match ours.duration_since(theirs) {
        Ok(ahead) => (ahead, "ahead of"),
        Err(behind) => (behind.duration(), "behind"),
    };
    if off <= CLOCK_OFF {
        return Finding::ok(Check::Clock, "agrees with the API's");
    }
    let what = format!(
        "this machine's clock is {} {direction} the API's, and certificates depend on it",
        span(off)
    );
    let finding = if off > CLOCK_WRONG {
        Finding::wrong(Check::Clock, what)
    } else {
        Finding::warning(Check::Clock, what)
    };
    finding.advise("set the clock, or let the system do it: `timedatectl set-ntp true`")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::State;

    fn clock_at(off: i64) -> Finding {
        let date = SystemTime::UNIX_EPOCH + Duration::from_secs(1_785_758_700);
        let at = if off < 0 {
            date - Duration::from_secs(off.unsigned_abs())
        } else {
            date + Duration::from_secs(off.unsigned_abs())
        };
        clock(date, at, Duration::from_millis(200))
    }

    #[test]
    fn clocks_that_differ_are_told_from_those_that_were_read_a_moment_apart() {
        for off in [-20, -1, 0, 1, 20] {
            assert_eq!(clock_at(off).state, State::Ok, "{off}");
        }
        for (off, state, words) in [
            (-40, State::Warning, "40 s behind the API's"),
            (40, State::Warning, "39 s ahead of the API's"),
            (3700, State::Wrong, "1 h 1 min ahead of the API's"),
        ] {
            let finding = clock_at(off);
            assert_eq!(finding.state, state, "{off}");
            assert!(finding.what.contains(words), "{}", finding.what);
        }
    }
}
