//! The installed clusters against the API's answers: what `sync --check` would say.

use crate::certificate::own_keys::OwnKey;
use crate::commands::installed::{ClusterChange, DesiredOutcome, InstallRequest};
use crate::doctor::{Check, Finding, State};
use crate::failure::{Failure, Kind, Outcome};
use crate::install::state::{Record, Source};
use crate::settings::OwnCommands;
use crate::text::message::{counted, first_of};
use crate::text::shell;

const CHECK: Check = Check::Clusters;
/// The most clusters that a finding names.
const NAMED: usize = 5;

/// A cluster that could not be compared, and why.
pub(super) fn skipped(record: &Record) -> Finding {
    let why = match record.source {
        Source::Stdin => "it was installed from standard input or a pipe",
        _ => "its API could not be asked",
    };
    Finding::note(CHECK, format_args!("{} was not compared: {why}", record.alias()))
}

/// A cluster that the API does not know.
pub(super) fn unknown(record: &Record, commands: &OwnCommands) -> Finding {
    let alias = record.alias();
    Finding::wrong(CHECK, format_args!("the API does not know {alias} any more"))
        .run(commands.installed("sync", ["--prune", &*alias]))
}

/// A cluster with what the answer makes of it.
pub(super) fn compared(
    record: &Record,
    outcome: Outcome<DesiredOutcome>,
    commands: &OwnCommands,
) -> Finding {
    let alias = record.alias();
    let sync = |finding: Finding| finding.run(commands.installed("sync", [&*alias]));
    match outcome {
        Ok(DesiredOutcome::Put(ClusterChange::Unchanged(hosts))) => {
            let is_api = matches!(record.source, Source::Api { .. });
            let source = if is_api { "the API" } else { "its file" };
            let hosts = counted(hosts, "host");
            Finding::ok(CHECK, format_args!("{alias} is up to date with {source}: {hosts}"))
        }
        Ok(DesiredOutcome::Put(change)) => {
            let how = match change {
                ClusterChange::Changed(how) => how,
                change => change.to_string(),
            };
            sync(Finding::warning(CHECK, format_args!("{alias} is out of date: {how}")))
        }
        Ok(DesiredOutcome::Gone(why)) => {
            sync(Finding::wrong(CHECK, format_args!("{alias} {why}, so its names lead nowhere")))
        }
        Ok(DesiredOutcome::Nothing(failure)) | Err(failure) => stuck(&alias, &failure),
    }
}

fn stuck(alias: &str, failure: &Failure) -> Finding {
    let finding = Finding::failed(CHECK, failure);
    let what = format!("{alias} cannot be brought up to date: {}", finding.what);
    match failure.kind {
        // The installed hosts stay as they are, and may work.
        Kind::Api | Kind::Answer => Finding { state: State::Warning, what, ..finding },
        _ => Finding { what, ..finding },
    }
}

/// The list in which new clusters would be.
pub(super) fn no_list(failure: &Failure) -> Finding {
    let finding = Finding::failed(CHECK, failure);
    let what = format!("new clusters of the subscription are not known: {}", finding.what);
    Finding { state: State::Warning, what, ..finding }
}

/// The clusters that the subscription would add, or could not; with --live ssh adds them itself.
pub(super) fn newcomers(
    request: &InstallRequest,
    is_live: bool,
    commands: &OwnCommands,
) -> Vec<Finding> {
    let notes = request.talk.notes.iter();
    let mut findings: Vec<Finding> =
        notes.map(|note| Finding::note(CHECK, note.joined())).collect();
    if !request.lines.is_empty() {
        let count = counted(request.lines.len(), "new cluster");
        let names = first_of(request.lines.iter().map(|line| &line.cluster), NAMED);
        let are = if request.lines.len() == 1 { "is" } else { "are" };
        let what = format!("{count} of the subscription {are} not installed yet: {names}");
        let state = if is_live { State::Note } else { State::Warning };
        let sync = commands.installed("sync", ["--new"]);
        findings.push(Finding::new(state, CHECK, what).run(sync));
    }
    findings
}

/// A warning that an install gives.
pub(super) fn unauthorized_key(warning: &str) -> Finding {
    Finding::warning(CHECK, warning)
        .advise("add it to the cluster's keys, or install again with --identity-file PATH")
}

/// A key of the person's own that the cluster lets in, and that is not the one in use.
pub(super) fn other_key(record: &Record, key: &OwnKey, commands: &OwnCommands) -> Finding {
    let what = format!("{} lets in another key of yours: {}", record.alias(), key.name());
    let options = ["--identity-file".into(), key.option().to_owned()];
    let source = commands.source_of(record);
    let command = source.map(|source| shell::command(commands.install(options, &source)));
    Finding { command, ..Finding::warning(CHECK, what) }
}
