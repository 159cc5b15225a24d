//! The installed clusters against the API's answers: what `sync --check` would say.

use super::finding::counted;
use super::{Check, Finding, State};
use crate::certificate::own_keys::OwnKey;
use crate::failure::{Failure, Kind};
use crate::install::state::Record;
use crate::settings::OwnCommands;
use crate::text::shell;

/// How an installed cluster compares with the API's answer.
#[derive(Debug)]
pub enum ClusterStatus {
    /// It is up to date, with this many hosts.
    UpToDate(usize),
    /// It is out of date; how.
    OutOfDate(String),
    /// It has ended; how.
    Ended(&'static str),
    /// The API does not know it.
    Unknown,
    /// It cannot be brought up to date; why.
    Stuck(Failure),
    /// It was not compared; why.
    Skipped(&'static str),
}

/// What there is to know about one installed cluster. `warnings` are those of an install;
/// `other_key` is one of the person's own that the cluster lets in, and not the one in use.
#[must_use]
pub fn examine(
    record: &Record,
    status: &ClusterStatus,
    warnings: &[String],
    other_key: Option<&OwnKey>,
    commands: &OwnCommands,
) -> Vec<Finding> {
    let alias = record.alias();
    let check = Check::Clusters;
    let finding = match status {
        ClusterStatus::UpToDate(hosts) => {
            let hosts = counted(*hosts, "host");
            let is_api = record.source.api().is_some();
            let source = if is_api { "the API" } else { "its file" };
            Finding::ok(check, format_args!("{alias} is up to date with {source}: {hosts}"))
        }
        ClusterStatus::OutOfDate(how) => {
            Finding::warning(check, format_args!("{alias} is out of date: {how}"))
                .run(commands.installed("sync", [&*alias]))
        }
        ClusterStatus::Ended(why) => {
            Finding::wrong(check, format_args!("{alias} {why}, so its names lead nowhere"))
                .run(commands.installed("sync", [&*alias]))
        }
        ClusterStatus::Unknown => {
            Finding::wrong(check, format_args!("the API does not know {alias} any more"))
                .run(commands.installed("sync", ["--prune", &*alias]))
        }
        ClusterStatus::Skipped(why) => {
            Finding::note(check, format_args!("{alias} was not compared: {why}"))
        }
        ClusterStatus::Stuck(failure) => {
            let finding = Finding::failed(check, failure);
            let what = format!("{alias} cannot be brought up to date: {}", finding.what);
            let finding = Finding { what, ..finding };
            match failure.kind {
                // The installed hosts stay as they are, and may work.
                Kind::Api | Kind::Answer => Finding { state: State::Warning, ..finding },
                _ => finding,
            }
        }
    };
    let mut findings = vec![finding];
    findings.extend(warnings.iter().map(|warning| {
        Finding::warning(check, warning)
            .advise("add it to the cluster's keys, or install again with --identity-file PATH")
    }));
    if let Some(key) = other_key {
        let what = format!("{alias} lets in another key of yours: {}", key.name());
        let options = ["--identity-file".into(), key.option().to_owned()];
        let source = commands.source_of(record);
        let install = source.map(|source| shell::command(commands.install(options, &source)));
        findings.push(Finding { command: install, ..Finding::warning(check, what) });
    }
    findings
}
