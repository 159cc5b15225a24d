//! `prime-ssh doctor`: find what is wrong on this machine, and how to fix it.

mod api;
mod clusters;
mod report;

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crate::cli::ReportFormat;
use crate::doctor::snapshot::Snapshot;
use crate::doctor::{
    Check, Finding, State, certificates, files, hosts, include, jumps, keys, live, permissions,
    shell, ssh,
};
use crate::failure::Outcome;
use crate::settings::Context;
use crate::ssh::process::run_with_timeout;

/// The limit for what reads a few files.
const LIMIT: Duration = Duration::from_secs(10);
/// The limit for what asks ssh for many names. That has a limit of its own too; this one is for the
/// files that it reads.
const HOSTS_LIMIT: Duration = Duration::from_secs(45);

/// The time for all calls of APIs together, beyond that for one.
const FURTHER: Duration = Duration::from_secs(30);

pub(super) fn run(format: ReportFormat, context: &Context) -> Outcome<()> {
    let findings = examine(context);
    report::print(format, &findings)?;
    report::sum_up(&findings, context.terminal)
}

/// Runs all examinations, each with a time limit: what is wrong on a machine may be a file that is a
/// pipe, or a disk that does not answer.
fn examine(context: &Context) -> Vec<Finding> {
    let here = context.clone();
    let resolve = move || (here.layout(), here.access());
    let (layout, access) = match run_with_timeout(LIMIT, resolve) {
        Ok(settings) => settings,
        Err(error) => return vec![incomplete(Check::Token, &error)],
    };
    let prime_context = context.prime_context().unwrap_or(None);
    let here = context.clone();
    let snapshot = match layout {
        Ok(layout) => {
            let read = move || Arc::new(Snapshot::read(layout, here));
            run_with_timeout(LIMIT, read).map_err(|error| incomplete(Check::Files, &error))
        }
        Err(failure) => Err(Finding::failed(Check::Files, &failure)),
    };
    // The API is far away: it is asked while everything else is examined.
    let (here, folder) = (context.clone(), snapshot.as_ref().ok().cloned());
    let limit = context.global.timeout.saturating_mul(2).saturating_add(FURTHER);
    let ask = move || api::examine(&here, access, prime_context, folder.as_deref());
    let asking = thread::Builder::new().spawn(move || run_with_timeout(limit, ask));
    let mut findings = match snapshot {
        Ok(snapshot) => examine_folder(&snapshot),
        Err(finding) => vec![ssh::examine(&[]), finding],
    };
    let broke_off = |_| Err(io::Error::other("the work broke off"));
    let of_api = asking.and_then(|asking| asking.join().unwrap_or_else(broke_off));
    findings.extend(of_api.unwrap_or_else(|error| vec![incomplete(Check::Api, &error)]));
    findings
}

/// Examines the ssh of this machine, and what is below its folder.
fn examine_folder(snapshot: &Arc<Snapshot>) -> Vec<Finding> {
    let within_limit = |check, limit, examine: fn(&Snapshot) -> Vec<Finding>| {
        let snapshot = Arc::clone(snapshot);
        run_with_timeout(limit, move || examine(&snapshot))
            .unwrap_or_else(|error| vec![incomplete(check, &error)])
    };
    let mut findings = vec![ssh::examine(&snapshot.clusters)];
    findings.extend(shell::examine(snapshot));
    findings.extend(within_limit(Check::Include, LIMIT, include::examine));
    // Where ssh does not work, or does not read our files, there is a finding already.
    let is_read = findings.iter().all(|finding| finding.state < State::Wrong);
    for further in [
        within_limit(Check::Permissions, LIMIT, permissions::examine),
        within_limit(Check::Files, LIMIT, files::examine),
        within_limit(Check::Hosts, LIMIT, jumps::examine),
        within_limit(Check::Key, LIMIT, keys::examine),
        within_limit(Check::Certificate, LIMIT, certificates::examine),
        within_limit(Check::Live, LIMIT, live::examine),
    ] {
        findings.extend(further);
    }
    if is_read {
        findings.extend(within_limit(Check::Hosts, HOSTS_LIMIT, hosts::examine));
    }
    findings
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
