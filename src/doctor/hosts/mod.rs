//! The installed names as ssh resolves them, compared with what our files say.
//!
//! ssh needs some time to read many hosts, so names of one kind are asked once.

mod compare;
mod origin;
mod query;
mod sample;

use std::collections::BTreeMap;
use std::ffi::OsString;

use compare::Deviation;
use origin::{Origin, Search};
use sample::Name;

use super::snapshot::{InstalledCluster, Snapshot};
use super::{Check, Finding, State};
use crate::install::state::Record;
use crate::settings::OwnCommands;
use crate::ssh::query::socket_path_max;
use crate::text::message::first_of;
use crate::text::shell;

/// The most names that a finding names.
const NAMED: usize = 3;

/// Asks ssh for the names, and finds the lines that stand in their way.
#[must_use]
pub fn examine(snapshot: &Snapshot) -> Vec<Finding> {
    let clusters = &snapshot.clusters;
    if clusters.is_empty() {
        return Vec::new();
    }
    if let Err(finding) = query::ask_unrelated(snapshot) {
        return vec![finding];
    }
    let names = sample::choose(clusters, &query::patterns(snapshot));
    let answers = query::ask_all(snapshot, &names);
    let checked = answers.len();
    let mut findings = Vec::new();
    // Each once, with the names that it applies to.
    let mut deviations: BTreeMap<(Deviation, Option<Origin>), Vec<&Name<'_>>> = BTreeMap::new();
    let mut shares_connections = false;
    let home = &snapshot.layout.home;
    for (name, answer) in answers {
        let Name { cluster, host, alias, .. } = *name;
        let actual = match answer {
            Ok(actual) => actual,
            Err(finding) => {
                findings.push(finding);
                continue;
            }
        };
        let search = Search { snapshot, alias, actual: &actual };
        shares_connections |= compare::active(&actual, "controlmaster").is_some();
        let expected = compare::expected(host, &cluster.fragment.shared, home);
        let differences = compare::differences(alias, &expected, &actual).into_iter();
        for deviation in differences.chain(compare::additions(&expected, &actual)) {
            let origin = search.origin_of(&deviation);
            deviations.entry((deviation, origin)).or_default().push(name);
        }
    }
    findings.extend(deviations.iter().map(|((deviation, origin), names)| {
        let finding = if deviation.is_addition {
            of_addition(deviation, origin.as_ref(), names, &snapshot.commands)
        } else {
            of_difference(deviation, origin.as_ref(), names, snapshot)
        };
        match origin {
            Some(Origin { file, line, .. }) => finding.at_line(file, *line),
            None => finding,
        }
    }));
    findings.extend(long_sockets(snapshot, shares_connections));
    let all: usize = clusters.iter().map(|cluster| cluster.fragment.names().count()).sum();
    if checked < names.len() {
        let what = format!("only {checked} of {all} names could be checked in time");
        findings.push(Finding::note(Check::Hosts, what));
    } else if findings.iter().all(|finding| finding.state <= State::Note) {
        let what = format!("ssh resolves every name as expected ({checked} of {all} checked)");
        findings.insert(0, Finding::ok(Check::Hosts, what));
    } else {
        findings
            .push(Finding::note(Check::Hosts, format_args!("{checked} of {all} names checked")));
    }
    findings
}

/// Names with a socket path that is too long: ssh fails at it, even where there is no socket.
fn long_sockets(snapshot: &Snapshot, shares_connections: bool) -> Option<Finding> {
    let most = socket_path_max(shares_connections);
    let home = &snapshot.layout.home;
    let mut longest = 0;
    let mut names = Vec::new();
    for cluster in &snapshot.clusters {
        for host in &cluster.fragment.hosts {
            let expected = compare::expected(host, &cluster.fragment.shared, home);
            let alias = host.alias().unwrap_or_default();
            let length = compare::socket(alias, &expected).map_or(0, |path| path.len());
            longest = longest.max(length);
            if length > most {
                names.push(alias.to_owned());
            }
        }
    }
    let what = format!(
        "the path of the socket is too long ({longest} bytes, at most {most}), so ssh fails for {}",
        first_of(&names, NAMED)
    );
    let finding = Finding::wrong(Check::Hosts, what).run(snapshot.commands.installed("sync", []));
    (!names.is_empty()).then_some(finding)
}

fn of_difference(
    difference: &Deviation,
    origin: Option<&Origin>,
    names: &[&Name<'_>],
    snapshot: &Snapshot,
) -> Finding {
    let what = &difference.what;
    let what = format!("{what} for {}", first_of(names.iter().map(|name| name.alias), NAMED));
    match origin.map(|origin| origin.is_about_us) {
        Some(true) => Finding::warning(Check::Hosts, what)
            .advise("your own line for this name wins; remove it if it is not meant"),
        Some(false) => Finding::wrong(Check::Hosts, what)
            .advise("this line comes before ours: move it below the Include of our files"),
        None => {
            let first = names.first().map(|name| name.alias).unwrap_or_default();
            let verbose = query::verbose(snapshot, first);
            Finding::wrong(Check::Hosts, what)
                .advise(format_args!("`{verbose}` shows which lines apply"))
        }
    }
}

fn of_addition(
    addition: &Deviation,
    origin: Option<&Origin>,
    names: &[&Name<'_>],
    commands: &OwnCommands,
) -> Finding {
    let mut clusters: Vec<&InstalledCluster> = names.iter().map(|name| name.cluster).collect();
    clusters.sort_by(|a, b| a.path.cmp(&b.path));
    clusters.dedup_by(|a, b| a.path == b.path);
    let aliases = first_of(clusters.iter().map(|cluster| cluster.record.alias()), NAMED);
    let what = format!("{aliases} {}", addition.what);
    // A block for our own names is intended.
    let is_meant = origin.is_some_and(|origin| origin.is_about_us);
    let harm = if is_meant { State::Note } else { State::Warning };
    // An agent, a display, or the API token: somebody on the host could exploit it.
    let option = match addition.keyword {
        "sendenv" => {
            return Finding::new(harm, Check::Hosts, what)
                .advise("list the variables to send one by one");
        }
        "forwardagent" => "ForwardAgent=no",
        "forwardx11" => "ForwardX11=no",
        _ => return Finding::note(Check::Hosts, what),
    };
    let install = |cluster: &&InstalledCluster| {
        Some(shell::command(with_option(&cluster.record, option, commands)?))
    };
    let installs: Option<Vec<String>> = clusters.iter().map(install).collect();
    let command = installs.filter(|_| !is_meant).map(|installs| installs.join(" && "));
    Finding { command, ..Finding::new(harm, Check::Hosts, what) }
}

/// `prime-ssh install` for an installed cluster, with one more ssh option; `None` where it came from
/// standard input.
fn with_option(record: &Record, option: &str, commands: &OwnCommands) -> Option<Vec<OsString>> {
    let given = record.options.render.ssh_option.iter().map(ToString::to_string);
    let all = given.chain([option.to_owned()]).map(|one| format!("--ssh-option={one}").into());
    Some(commands.install(all, &commands.source_of(record)?))
}
