//! Ids that are not what they should be: the same twice, or the same but for upper case.
//!
//! `known_hosts` and case-blind file systems take two ids that differ only in case for one, so
//! that one machine's key would vouch for another.

use std::borrow::Cow;
use std::collections::HashSet;

use super::host::Host;
use super::refusal::{Refusal, quoted};
use super::survey::Survey;
use crate::name::{Id, Invalid};

/// Refuses nodes of one cluster that share an id, and machines of the whole run whose ids differ
/// only in case: all of them, whichever came first.
pub(super) fn refuse_twins(surveys: &mut [Survey<'_>]) {
    let machines = {
        let hosts = surveys.iter().flat_map(|survey| &survey.nodes.hosts);
        let distinct: HashSet<&str> = hosts.map(|host| host.machine.as_str()).collect();
        repeated(distinct.into_iter())
    };
    for survey in surveys {
        let nodes = repeated(node_ids(&survey.nodes.hosts));
        if nodes.is_empty() && machines.is_empty() {
            continue;
        }
        let root = survey.root;
        let mut refusals = Vec::new();
        survey.nodes.hosts.retain(|host| {
            let node_path = || format!("{root}nodes[{}]", host.place.node);
            if nodes.contains(&*folded(&host.node)) {
                let path = format!("{}.id", node_path());
                refusals.push(refusal(
                    path,
                    &host.node,
                    "the id of another node, in this or another case",
                ));
                false
            } else if machines.contains(&*folded(&host.machine)) {
                let path = format!("{}.connections[{}].podId", node_path(), host.place.connection);
                refusals.push(refusal(
                    path,
                    &host.machine,
                    "another machine has this id in another case",
                ));
                false
            } else {
                true
            }
        });
        refusals.dedup();
        survey.nodes.refusals.append(&mut refusals);
    }
}

/// The id of each node once; its hosts stand together.
fn node_ids<'h>(hosts: &'h [Host<'_>]) -> impl Iterator<Item = &'h str> {
    let mut last = None;
    hosts.iter().filter_map(move |host| {
        let first = last != Some(host.place.node);
        last = Some(host.place.node);
        first.then(|| host.node.as_str())
    })
}

/// The ids, in lower case, that are there more than once.
fn repeated<'i>(ids: impl Iterator<Item = &'i str>) -> HashSet<String> {
    let mut seen = HashSet::new();
    let mut twice = HashSet::new();
    for id in ids {
        let id = fold(id);
        if seen.contains(&id) {
            twice.insert(id.into_owned());
        } else {
            seen.insert(id);
        }
    }
    twice
}

fn folded<'i>(id: &'i Id<'_>) -> Cow<'i, str> {
    fold(id.as_str())
}

fn fold(id: &str) -> Cow<'_, str> {
    if id.bytes().any(|b| b.is_ascii_uppercase()) {
        Cow::Owned(id.to_ascii_lowercase())
    } else {
        Cow::Borrowed(id)
    }
}

fn refusal(path: String, id: &Id<'_>, reason: &'static str) -> Refusal {
    Refusal { path, excerpt: quoted(id.as_str()), reason: Invalid::because(reason) }
}
