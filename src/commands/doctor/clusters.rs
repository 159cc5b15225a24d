//! The installed clusters against the API's answers: what `sync --check` would say.

use crate::api::error::ApiError;
use crate::certificate::own_keys::OwnKeys;
use crate::commands::installed::{
    ClusterChange, DesiredBuilder, Newcomers, ask_again, decide_installed,
};
use crate::doctor::snapshot::Snapshot;
use crate::doctor::{Check, Finding, State};
use crate::failure::{Failure, Kind, Outcome};
use crate::install::options::SavedOptions;
use crate::install::state::{ApiSource, Follow, Record, Source};
use crate::settings::OwnCommands;
use crate::text::message::{counted, first_of};
use crate::text::shell;

const CHECK: Check = Check::Clusters;

/// The most clusters that a finding names.
const NAMED: usize = 5;

/// Compares each installed cluster with what its source says now. `works`: an API that is asked with
/// these options does.
pub(super) fn compare(
    snapshot: &Snapshot,
    mut works: impl FnMut((&ApiSource, &SavedOptions)) -> bool,
) -> Vec<Finding> {
    let Snapshot { layout, commands, present, context, .. } = snapshot;
    let records = present.records.values();
    let (asked, skipped): (Vec<_>, Vec<_>) = records.partition(|record| match &record.source {
        Source::Api(api) => works((api, &record.options)),
        Source::Input(_) => true,
        Source::Stdin => false,
    });
    let own_keys = OwnKeys::find(layout);
    let mut findings = Vec::new();
    let answers = ask_again(&asked, context);
    for (record, fetched) in asked.iter().zip(answers) {
        let alias = record.alias();
        if fetched.result.as_ref().is_err_and(ApiError::is_not_found) {
            let what = format_args!("the API does not know {alias} any more");
            let sync = commands.installed("sync", ["--prune", &*alias]);
            findings.push(Finding::wrong(CHECK, what).run(sync));
            continue;
        }
        // What `sync` says in passing is no finding.
        let mut desired = DesiredBuilder::new(layout, present, context);
        desired.own_keys.clone_from(&own_keys);
        let outcome = decide_installed(&mut desired, record, &fetched, false);
        findings.push(compared(record, outcome, commands));
        findings.extend(desired.key_warnings.iter().map(|(warning, key)| {
            let finding = Finding::warning(CHECK, warning);
            let Some(key) = key else {
                let advice =
                    "add it to the cluster's keys, or install again with --identity-file PATH";
                return finding.advise(advice);
            };
            let options = ["--identity-file".into(), key.option().to_owned()];
            let source = commands.source_of(record);
            let command = source.map(|source| shell::command(commands.install(options, &source)));
            Finding { command, ..finding }
        }));
    }
    findings.extend(skipped.into_iter().map(|record| {
        let why = match record.source {
            Source::Stdin => "it was installed from standard input or a pipe",
            _ => "its API could not be asked",
        };
        Finding::note(CHECK, format_args!("{} was not compared: {why}", record.alias()))
    }));
    let follow = present.follow.as_ref();
    if let Some(follow) = follow.filter(|follow| works((&follow.source, &follow.options))) {
        findings.extend(newcomers(snapshot, follow.clone()));
    }
    findings
}

/// The clusters that the subscription would add, or could not; with --live ssh adds them itself.
fn newcomers(snapshot: &Snapshot, follow: Follow) -> Vec<Finding> {
    let Snapshot { layout, commands, present, context, .. } = snapshot;
    let is_live = follow.options.live.is_some();
    let asked = Newcomers::ask(follow, present, context);
    let newcomers = match asked {
        Ok(newcomers) => newcomers,
        Err(failure) => {
            let finding = Finding::failed(CHECK, &failure);
            let what = format!("cannot check for new clusters: {}", finding.what);
            return vec![Finding { state: State::Warning, what, ..finding }];
        }
    };
    let mut desired = DesiredBuilder::new(layout, present, context);
    newcomers.decide(&mut desired);
    let (lines, notes) = (&desired.lines, desired.talk.notes.iter());
    let mut findings: Vec<Finding> =
        notes.map(|note| Finding::note(CHECK, note.joined())).collect();
    if !lines.is_empty() {
        let count = counted(lines.len(), "new cluster");
        let names = first_of(lines.iter().map(|line| &line.cluster), NAMED);
        let are = if lines.len() == 1 { "is" } else { "are" };
        let what = format!("{count} of the subscription {are} not installed yet: {names}");
        let state = if is_live { State::Note } else { State::Warning };
        let sync = commands.installed("sync", ["--new"]);
        findings.push(Finding::new(state, CHECK, what).run(sync));
    }
    findings
}

/// A cluster with what the answer makes of it.
fn compared(record: &Record, outcome: Outcome<ClusterChange>, commands: &OwnCommands) -> Finding {
    let alias = record.alias();
    let sync = |finding: Finding| finding.run(commands.installed("sync", [&*alias]));
    match outcome {
        Ok(ClusterChange::Unchanged(hosts)) => {
            let is_api = matches!(record.source, Source::Api { .. });
            let source = if is_api { "the API" } else { "its file" };
            let hosts = counted(hosts, "host");
            Finding::ok(CHECK, format_args!("{alias} is up to date with {source}: {hosts}"))
        }
        Ok(ClusterChange::Removed(_)) => {
            let what = format_args!("{alias} was terminated, so its names lead nowhere");
            sync(Finding::wrong(CHECK, what))
        }
        Ok(ClusterChange::NotInstalled(failure)) | Err(failure) => stuck(&alias, &failure),
        Ok(change) => {
            let how = match change {
                ClusterChange::Changed(how) => how,
                change => change.to_string(),
            };
            sync(Finding::warning(CHECK, format_args!("{alias} is out of date: {how}")))
        }
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
