//! `prime-ssh doctor`: find what is wrong on this machine, and how to fix it.

mod api;
mod report;

use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use api::ApiAnswers;

use crate::cli::ReportFormat;
use crate::doctor::snapshot::Snapshot;
use crate::doctor::{
    Check, Finding, State, certificates, files, hosts, include, jumps, keys, live, permissions,
    shell, ssh, token,
};
use crate::failure::Outcome;
use crate::settings::{Context, OptionResolver, OwnCommands, Settings};
use crate::ssh::process::{Background, run_with_timeout};
use crate::ssh::query;
use crate::text::time;

/// The limit for what reads a few files.
const LIMIT: Duration = Duration::from_secs(10);
/// The limit for what asks ssh for many names. That has a limit of its own too; this one is for the
/// files that it reads.
const HOSTS_LIMIT: Duration = Duration::from_secs(45);

pub(super) fn run(format: ReportFormat, context: &Context) -> Outcome<()> {
    let findings = examine(context);
    report::print(format, &findings)?;
    report::sum_up(&findings, context.terminal)
}

/// Runs all examinations, each with a time limit: what is wrong on a machine may be a file that is a
/// pipe, or a disk that does not answer.
fn examine(context: &Context) -> Vec<Finding> {
    let here = context.clone();
    let resolve = move || (here.layout(), Settings::read(&here).map(|settings| settings.access()));
    let (layout, access) = match run_with_timeout(LIMIT, resolve) {
        Ok(settings) => settings,
        Err(error) => return vec![incomplete(Check::Token, &error)],
    };
    let commands = context.commands();
    let prime_context = context.prime_context().unwrap_or(None);
    let user_shell = context.environment.variable("SHELL").ok().flatten().map(PathBuf::from);
    let snapshot = match layout {
        Ok(layout) => run_with_timeout(LIMIT, || Arc::new(Snapshot::read(layout)))
            .map_err(|error| incomplete(Check::Files, &error)),
        Err(failure) => Err(Finding::failed(Check::Files, &failure)),
    };
    // The API is far away: it is asked while everything else is examined.
    let request =
        api::start(context.clone(), access, prime_context, snapshot.as_ref().ok().cloned());
    let clusters = snapshot.as_ref().map_or(&[][..], |snapshot| snapshot.clusters());
    let mut findings = vec![ssh::examine(&query::version(), clusters)];
    match snapshot {
        Ok(snapshot) => {
            let needs_shell =
                snapshot.clusters().iter().any(|cluster| cluster.fragment.needs_a_shell());
            findings.extend(shell::examine(user_shell.as_deref(), needs_shell));
            let has_ssh = findings.iter().all(|finding| finding.state < State::Wrong);
            findings.extend(examine_folder(&snapshot, &commands, context, user_shell, has_ssh));
        }
        Err(finding) => findings.push(finding),
    }
    findings.extend(of_api(request, &commands));
    findings
}

/// Examines what is below the ssh folder.
fn examine_folder(
    snapshot: &Arc<Snapshot>,
    commands: &OwnCommands,
    context: &Context,
    shell: Option<PathBuf>,
    has_ssh: bool,
) -> Vec<Finding> {
    let each = |check, limit, examine: fn(&Snapshot, &OwnCommands) -> Vec<Finding>| {
        let (snapshot, commands) = (Arc::clone(snapshot), commands.clone());
        within_limit(check, limit, move || examine(&snapshot, &commands))
    };
    let home = context.environment.home().map(std::path::Path::to_owned);
    let (included, own) = (Arc::clone(snapshot), commands.clone());
    let mut findings = within_limit(Check::Include, LIMIT, move || {
        include::examine(&included, &own, home.as_deref())
    });
    let is_read = findings.iter().all(|finding| finding.state < State::Wrong);
    findings.extend(each(Check::Permissions, LIMIT, |snapshot, _| permissions::examine(snapshot)));
    findings.extend(each(Check::Files, LIMIT, files::examine));
    findings.extend(each(Check::Hosts, LIMIT, |snapshot, _| jumps::examine(snapshot)));
    findings.extend(each(Check::Key, LIMIT, |snapshot, _| keys::examine(snapshot)));
    findings.extend(each(Check::Certificate, LIMIT, |snapshot, commands| {
        certificates::examine(snapshot, commands, time::now())
    }));
    let (followed, own, here) = (Arc::clone(snapshot), commands.clone(), context.clone());
    findings.extend(within_limit(Check::Live, LIMIT, move || {
        let (resolver, shell) = (&OptionResolver::new(&here), shell.as_deref());
        let (snapshot, commands, now) = (&*followed, &own, time::now());
        live::Examination { snapshot, resolver, commands, shell, now }.findings()
    }));
    // Where ssh does not read our files, there is a finding already.
    if has_ssh && is_read {
        findings.extend(each(Check::Hosts, HOSTS_LIMIT, hosts::examine));
    }
    findings
}

fn within_limit(
    check: Check,
    limit: Duration,
    examine: impl FnOnce() -> Vec<Finding> + Send + 'static,
) -> Vec<Finding> {
    run_with_timeout(limit, examine).unwrap_or_else(|error| vec![incomplete(check, &error)])
}

/// An examination that did not come to its end.
fn incomplete(check: Check, error: &io::Error) -> Finding {
    if error.kind() == ErrorKind::TimedOut {
        return Finding::wrong(check, "could not be examined in time")
            .advise("see whether one of its files is a pipe, or on a disk that does not answer");
    }
    Finding::wrong(check, format_args!("could not be examined: {error}"))
        .advise("see which limit of this shell or system is reached: `ulimit -a`")
}

/// Examines the answers of the API.
fn of_api(request: Background<ApiAnswers>, commands: &OwnCommands) -> Vec<Finding> {
    let ApiAnswers { probes, clusters } = match request.wait() {
        Ok(answers) => answers,
        Err(error) => return vec![incomplete(Check::Api, &error)],
    };
    let mut findings = Vec::new();
    for probe in &probes {
        findings.extend(token::examine(probe));
        findings.extend(crate::doctor::api::examine(probe));
    }
    for cluster in &clusters {
        findings.extend(cluster.examine(commands));
    }
    findings
}
