//! `prime-ssh doctor`: what is wrong on this machine, and what mends it.

mod api;
mod report;

use std::sync::Arc;
use std::time::Duration;

use api::Answers;

use crate::certificate::judge::MIN_VALIDITY;
use crate::cli::DoctorArgs;
use crate::doctor::certificates::Circumstances;
use crate::doctor::disk::Disk;
use crate::doctor::{
    Check, Finding, Ourselves, certificates, failed, files, hosts, include, keys, permissions,
    shell, ssh, token,
};
use crate::failure::Outcome;
use crate::settings::{Access, Context, Doctor, OptionResolver};
use crate::ssh::query;
use crate::ssh::timeout::{Beside, within};
use crate::text::time;

/// For what reads a few files.
const LIMIT: Duration = Duration::from_secs(10);
/// For what asks ssh for many names; it has a limit of its own, and this one is for its files.
const HOSTS_LIMIT: Duration = Duration::from_secs(45);

pub(super) fn run(args: &DoctorArgs, context: &Context) -> Outcome<()> {
    let findings = examine(context);
    report::print(args.report.format, &findings)?;
    report::sum_up(&findings, context.terminal)
}

/// The API that this shell means, where that is known.
fn address(access: &Outcome<Access>) -> Option<String> {
    let address = access.as_ref().ok()?.address.as_ref();
    address.ok().map(ToString::to_string)
}

/// All examinations, each for so long and no longer: what is wrong on a machine may well be a file
/// that is a pipe, or a disk that does not answer.
fn examine(here: &Context) -> Vec<Finding> {
    // Each thread has one of its own.
    let resolving = here.clone();
    let resolved = within(LIMIT, move || Doctor::resolve(&resolving));
    let Some(Doctor { layout, access, context, ssh_dir, shell: user_shell }) = resolved else {
        return vec![too_long(Check::Token)];
    };
    let ourselves = Ourselves { ssh_dir, api_url: address(&access) };
    let disk = match layout {
        Ok(layout) => within(LIMIT, || Disk::read(layout)).ok_or_else(|| too_long(Check::Files)),
        Err(failure) => Err(failed(Check::Files, &failure)),
    };
    let (disk, unread) = match disk {
        Ok(disk) => (Some(Arc::new(disk)), None),
        Err(finding) => (None, Some(finding)),
    };
    // The API is far away: it is asked while the rest is looked at.
    let asking = api::start(here.clone(), access, context, disk.clone());
    let mut findings = vec![ssh::examine(&query::version())];
    let has_ssh = findings.iter().all(|finding| finding.state.is_usable());
    findings.extend(unread);
    if let Some(disk) = disk {
        let needs_a_shell = disk.clusters().iter().any(|cluster| cluster.outline.needs_a_shell());
        findings.extend(shell::examine(user_shell.as_deref(), needs_a_shell));
        findings.extend(of_disk(&disk, &ourselves, here.clone(), has_ssh));
    }
    answered(asking, &ourselves).into_iter().chain(findings).collect()
}

/// What can be seen below the ssh folder.
fn of_disk(disk: &Arc<Disk>, ourselves: &Ourselves, here: Context, has_ssh: bool) -> Vec<Finding> {
    let each = |check, limit, examine: fn(&Disk, &Ourselves) -> Vec<Finding>| {
        let (disk, ourselves) = (Arc::clone(disk), ourselves.clone());
        bounded(check, limit, move || examine(&disk, &ourselves))
    };
    let included = each(Check::Include, LIMIT, include::examine);
    let is_read = included.iter().all(|finding| finding.state.is_usable());
    let mut findings = included;
    findings.extend(each(Check::Permissions, LIMIT, |disk, _| permissions::examine(disk)));
    findings.extend(each(Check::Files, LIMIT, files::examine));
    findings.extend(each(Check::Key, LIMIT, |disk, _| keys::examine(disk)));
    let (certified, us) = (Arc::clone(disk), ourselves.clone());
    findings.extend(bounded(Check::Certificate, LIMIT, move || {
        let today = Circumstances { ourselves: &us, now: time::now(), least: MIN_VALIDITY };
        certificates::examine(&certified, &OptionResolver::new(&here), &today)
    }));
    // Where ssh does not come by our files, that is told already.
    if has_ssh && is_read {
        findings.extend(each(Check::Hosts, HOSTS_LIMIT, hosts::examine));
    }
    findings
}

fn bounded(
    check: Check,
    limit: Duration,
    examine: impl FnOnce() -> Vec<Finding> + Send + 'static,
) -> Vec<Finding> {
    within(limit, examine).unwrap_or_else(|| vec![too_long(check)])
}

fn too_long(check: Check) -> Finding {
    Finding::wrong(check, "could not be looked at in time")
        .advise("see whether one of its files is a pipe, or on a disk that does not answer")
}

/// What the API had to say.
fn answered(asking: Beside<Answers>, ourselves: &Ourselves) -> Vec<Finding> {
    let Some(Answers { accesses, clusters }) = asking.wait() else {
        return vec![too_long(Check::Api)];
    };
    let mut findings = Vec::new();
    for access in &accesses {
        findings.extend(token::examine(access));
        findings.extend(crate::doctor::api::examine(access));
    }
    for cluster in &clusters {
        findings.extend(cluster.examine(ourselves));
    }
    findings
}
