//! Asks the APIs: whether each answers with its token, and how soon; whether its clock agrees with
//! this machine's; and about the installed clusters.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::clusters;
use crate::api::address::ApiUrl;
use crate::api::client::ApiEndpoint;
use crate::api::error::ApiError;
use crate::api::list::Pong;
use crate::api::token::TokenSource;
use crate::commands::fetch;
use crate::doctor::snapshot::Snapshot;
use crate::doctor::{Check, Finding, State};
use crate::failure::Outcome;
use crate::install::options::SavedOptions;
use crate::install::state::ApiSource;
use crate::settings::{Access, Context, no_token};
use crate::terminal::Terminal;
use crate::text::shell;
use crate::text::time::span;

/// A `Date` is a whole second, and an answer takes time to arrive.
const CLOCK_OFF: Duration = Duration::from_secs(30);
/// With more than this, a certificate that is about to expire seems to last.
const CLOCK_WRONG: Duration = Duration::from_secs(600);

/// An API that is in use here, and its answer.
struct ApiProbe {
    /// The context with its settings; `None` for the settings of this call.
    context: Option<String>,
    /// Its address, and the token for it.
    access: Outcome<Access>,
    /// Its answer; `None` where it was not asked, for something is wrong with its address or token.
    answer: Option<Result<Pong, ApiError>>,
    /// The time of the answer, by this machine's clock.
    at: SystemTime,
    /// True if an installed cluster comes from there.
    is_needed: bool,
}

/// Asks and compares.
pub(super) fn examine(
    context: &Context,
    access: Outcome<Access>,
    prime_context: Option<String>,
    snapshot: Option<&Snapshot>,
) -> Vec<Finding> {
    let mut probes = vec![probe(access, prime_context, context.terminal)];
    let of_clusters = snapshot.map(|snapshot| {
        let works = |api: (&_, &_)| works(api, &mut probes, context);
        clusters::compare(snapshot, works)
    });
    let findings = probes.iter().flat_map(judge);
    findings.chain(of_clusters.unwrap_or_default()).collect()
}

/// Asks an API whether it answers.
fn probe(access: Outcome<Access>, context: Option<String>, terminal: Terminal) -> ApiProbe {
    let answer = endpoint(&access).map(|endpoint| {
        let message = format!("asking {}", endpoint.address);
        fetch::ask(Ok(endpoint), terminal, &message, async |client| client.ping().await)
    });
    let at = SystemTime::now();
    ApiProbe { context, access, answer, at, is_needed: false }
}

/// The API and its token, where there are both.
fn endpoint(access: &Outcome<Access>) -> Option<ApiEndpoint> {
    access.as_ref().ok().and_then(|access| access.clone().endpoint().ok())
}

/// Returns whether an API that is asked with these options works. Each is probed once.
fn works(
    (api, options): (&ApiSource, &SavedOptions),
    probes: &mut Vec<ApiProbe>,
    context: &Context,
) -> bool {
    let access = context.access_to(api, options);
    let asked =
        |access: &Outcome<Access>| endpoint(access).map(|one| (one.address.to_string(), one.token));
    let new = asked(&access);
    let is_same = |known: &ApiProbe| asked(&known.access) == new;
    let at = probes.iter().position(is_same).unwrap_or_else(|| {
        probes.push(probe(access, api.context.clone(), context.terminal));
        probes.len() - 1
    });
    let Some(probe) = probes.get_mut(at) else { return false };
    probe.is_needed = true;
    matches!(probe.answer, Some(Ok(_)))
}

/// Judges the token, the answer, and the clock.
fn judge(probe: &ApiProbe) -> Vec<Finding> {
    let access = match &probe.access {
        Ok(access) => access,
        Err(failure) => return vec![Finding::failed(Check::Token, failure)],
    };
    let mut findings = match &access.token {
        Ok(Some((_, source))) => token(source, probe),
        // Saved answers need none.
        Ok(None) => {
            let state = if probe.is_needed { State::Wrong } else { State::Warning };
            vec![Finding { state, ..Finding::failed(Check::Token, &no_token()) }]
        }
        Err(failure) => vec![Finding::failed(Check::Token, failure)],
    };
    match &access.address {
        Ok(address) => findings.extend(answer(address, probe)),
        Err(failure) => findings.push(Finding::failed(Check::Api, failure)),
    }
    findings
}

fn token(source: &TokenSource, probe: &ApiProbe) -> Vec<Finding> {
    let context = probe.context.as_ref().map(|name| format!("of context {name}, "));
    let (place, file) = match source {
        TokenSource::File(path) => (format!("{} (--token-file)", shell::path(path)), Some(path)),
        TokenSource::Variable => ("PRIME_API_KEY".to_owned(), None),
        TokenSource::Settings(path) => (shell::path(path), Some(path)),
    };
    let from = format!("{}from {place}", context.unwrap_or_default());
    let accepted = match &probe.answer {
        Some(Ok(_)) => Finding::ok(Check::Token, format_args!("{from}; the API accepts it")),
        Some(Err(error)) if error.is_about_the_token() => Finding {
            advice: error.failure.hint.clone(),
            ..Finding::wrong(Check::Token, format_args!("{from}: {error}"))
        },
        _ => Finding::note(Check::Token, format_args!("{from}; not tried")),
    };
    let readable = file.filter(|path| is_readable_by_others(path)).map(|path| {
        let what = "others on this machine can read the token";
        Finding::warning(Check::Token, what).at(path).chmod("600", path)
    });
    [accepted].into_iter().chain(readable).collect()
}

/// Returns whether the file is open to others, and so are all folders above it.
fn is_readable_by_others(path: &Path) -> bool {
    const READ: u32 = 0o004;
    const ENTER: u32 = 0o001;
    let allows = |path: &Path, what| fs::metadata(path).is_ok_and(|found| found.mode() & what != 0);
    let Ok(path) = fs::canonicalize(path) else { return false };
    let is_file = fs::metadata(&path).is_ok_and(|found| found.is_file());
    is_file && allows(&path, READ) && path.ancestors().skip(1).all(|folder| allows(folder, ENTER))
}

fn answer(address: &ApiUrl, probe: &ApiProbe) -> Vec<Finding> {
    match &probe.answer {
        None => {
            let what = format_args!("{address}: not asked, because there is no token");
            vec![Finding::note(Check::Api, what)]
        }
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
        Some(Err(error)) => vec![Finding {
            advice: error.failure.hint.clone(),
            ..Finding::wrong(Check::Api, error)
        }],
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
