//! The installed clusters, against what the API says of them now: what `sync --check` would say.

use super::{Check, Finding, Ourselves, failed};
use crate::failure::{Failure, Kind};
use crate::install::state::{Record, Source};

/// How an installed cluster stands to what the API says.
#[derive(Debug)]
pub enum Stand {
    /// It is as the API says, with this many hosts.
    Same(usize),
    /// The API says otherwise, and how.
    Differs(String),
    /// It has ended, in the API's words.
    Ended(&'static str),
    /// The API does not know it.
    Unknown,
    /// It cannot be brought up to date, and why.
    Stuck(Failure),
    /// It was not asked for, and why.
    NotAsked(&'static str),
}

/// What is to be known of one installed cluster. `warnings` are what an install would say of it.
#[must_use]
pub fn examine(
    record: &Record,
    stand: &Stand,
    warnings: &[String],
    ourselves: &Ourselves,
) -> Vec<Finding> {
    let alias = record.alias();
    let sync = |further: &[&'static str]| {
        ourselves.with(["sync", alias.as_str()].into_iter().chain(further.iter().copied()))
    };
    let check = Check::Clusters;
    let finding = match stand {
        Stand::Same(hosts) => {
            let hosts = super::counted(*hosts, "host");
            let who =
                if matches!(record.source, Source::Api { .. }) { "the API" } else { "its file" };
            Finding::ok(check, format_args!("{alias} is as {who} says: {hosts}"))
        }
        Stand::Differs(how) => {
            Finding::warning(check, format_args!("{alias} is out of date: {how}")).run(sync(&[]))
        }
        Stand::Ended(why) => {
            Finding::wrong(check, format_args!("{alias} {why}, and its names lead nowhere"))
                .run(sync(&[]))
        }
        Stand::Unknown => {
            Finding::wrong(check, format_args!("{alias} is not known to the API any more"))
                .run(sync(&["--prune"]))
        }
        Stand::NotAsked(why) => {
            Finding::note(check, format_args!("{alias} was not compared: {why}"))
        }
        Stand::Stuck(failure) => {
            let finding = failed(check, failure);
            let what = format!("{alias} cannot be brought up to date: {}", finding.what);
            let finding = Finding { what, ..finding };
            match failure.kind {
                // The installed hosts stay as they are, and may well work.
                Kind::Api | Kind::Answer => Finding { state: super::State::Warning, ..finding },
                _ => finding,
            }
        }
    };
    let warned = warnings.iter().map(|warning| {
        Finding::warning(check, warning)
            .advise("add it to the cluster's keys, or install again with --identity-file PATH")
    });
    [finding].into_iter().chain(warned).collect()
}
