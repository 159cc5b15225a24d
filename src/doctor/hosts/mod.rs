//! The installed names as ssh resolves them, compared with what our files say.
//!
//! ssh needs some time to read many hosts, so names of one kind are asked once.

mod compare;
mod origin;
mod query;
mod sample;

use std::collections::BTreeMap;
use std::ffi::OsString;

use compare::{Addition, Difference};
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
    // Each difference once, with the names that it applies to; each addition with the clusters.
    let mut differences: BTreeMap<(Difference, Option<Origin>), Vec<String>> = BTreeMap::new();
    let mut additions: BTreeMap<(Addition, Option<Origin>), Vec<&InstalledCluster>> =
        BTreeMap::new();
    let mut shares_connections = false;
    let home = snapshot.layout.include_resolver().home;
    for (Name { cluster, host, alias }, answer) in answers {
        let actual = match answer {
            Ok(actual) => actual,
            Err(finding) => {
                findings.push(finding);
                continue;
            }
        };
        let search = Search { snapshot, alias, actual: &actual };
        shares_connections |= compare::active(&actual, "controlmaster").is_some();
        let expected = compare::expected(host, &cluster.fragment.shared, &home);
        for difference in compare::differences(alias, &expected, &actual) {
            let origin = search.before_us(difference.their_keyword(), &difference.actual);
            let names = differences.entry((difference, origin)).or_default();
            names.push((*alias).to_owned());
        }
        for addition in compare::additions(&expected, &actual) {
            let origin = search.anywhere(addition.keyword, &addition.value);
            let clusters = additions.entry((addition, origin)).or_default();
            if clusters.iter().all(|other| other.record.id != cluster.record.id) {
                clusters.push(cluster);
            }
        }
    }
    findings.extend(differences.iter().map(|((difference, origin), names)| {
        of_difference(difference, origin.as_ref(), names, snapshot)
    }));
    findings.extend(additions.iter().map(|((addition, origin), clusters)| {
        of_addition(addition, origin.as_ref(), clusters, &snapshot.commands)
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
    let home = snapshot.layout.include_resolver().home;
    let mut longest = 0;
    let mut names = Vec::new();
    for cluster in &snapshot.clusters {
        for host in &cluster.fragment.hosts {
            let expected = compare::expected(host, &cluster.fragment.shared, &home);
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
    difference: &Difference,
    origin: Option<&Origin>,
    names: &[String],
    snapshot: &Snapshot,
) -> Finding {
    let is_meant = origin.is_some_and(|origin| origin.is_about_us);
    let state = if is_meant { State::Warning } else { State::Wrong };
    let what = format!("{difference} for {}", first_of(names, NAMED));
    let finding = Finding::new(state, Check::Hosts, what);
    let first = names.first().map(String::as_str).unwrap_or_default();
    match origin {
        Some(Origin { file, line, is_about_us: true }) => finding
            .at_line(file, *line)
            .advise("your own line for this name wins; remove it if it is not meant"),
        Some(Origin { file, line, .. }) => finding
            .at_line(file, *line)
            .advise("this line comes before ours: move it below the Include of our files"),
        None => {
            let verbose = query::verbose(snapshot, first);
            finding.advise(format_args!("`{verbose}` shows which lines apply"))
        }
    }
}

fn of_addition(
    addition: &Addition,
    origin: Option<&Origin>,
    clusters: &[&InstalledCluster],
    commands: &OwnCommands,
) -> Finding {
    let aliases: Vec<String> = clusters.iter().map(|cluster| cluster.alias()).collect();
    // A block for our own names is intended.
    let is_meant = origin.is_some_and(|origin| origin.is_about_us);
    let state = if addition.is_dangerous() && !is_meant { State::Warning } else { State::Note };
    let what = format!("{} {addition}", first_of(&aliases, NAMED));
    let mut finding = Finding::new(state, Check::Hosts, what);
    if let Some(origin) = origin {
        finding = finding.at_line(&origin.file, origin.line);
    }
    let Some(option) = addition.turned_off().filter(|_| !is_meant) else {
        return match addition.keyword {
            "sendenv" => finding.advise("list the variables to send one by one"),
            _ => finding,
        };
    };
    let installs: Option<Vec<String>> = clusters
        .iter()
        .map(|cluster| Some(shell::command(with_option(&cluster.record, option, commands)?)))
        .collect();
    finding.command = installs.map(|installs| installs.join(" && "));
    finding
}

/// `prime-ssh install` for an installed cluster, with one more ssh option; `None` where it came from
/// standard input.
fn with_option(record: &Record, option: &str, commands: &OwnCommands) -> Option<Vec<OsString>> {
    let given = record.options.render.ssh_option.iter().map(ToString::to_string);
    let all = given.chain([option.to_owned()]).map(|one| format!("--ssh-option={one}").into());
    Some(commands.install(all, &commands.source_of(record)?))
}
