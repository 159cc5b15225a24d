//! Ids that are not what they should be: the same twice, or the same but for upper case.
//!
//! `known_hosts` and case-blind file systems take two ids that differ only in case for one, so
//! that one machine's key would vouch for another.

use std::collections::HashSet;

use super::host::Host;
use super::refusal::{Refusal, quoted};
use super::survey::Survey;
use crate::name::{Id, Invalid};

/// Refuses nodes of one cluster that share an id, and machines of the whole run whose ids differ
/// only in case: all of them, whichever came first.
pub(super) fn refuse_twins(surveys: &mut [Survey<'_>]) {
    let hosts = surveys.iter().flat_map(|survey| &survey.nodes.hosts);
    let mut machines: Vec<&str> = hosts.map(|host| host.machine.as_str()).collect();
    machines.sort_unstable();
    machines.dedup();
    let machines = repeated(machines);
    for survey in surveys {
        let nodes = repeated(node_ids(&survey.nodes.hosts).collect());
        if nodes.is_empty() && machines.is_empty() {
            continue;
        }
        let root = survey.root;
        survey.nodes.refuse(|host| {
            let node_path = || format!("{root}nodes[{}]", host.origin.node);
            if nodes.contains(&folded(&host.node)) {
                let path = format!("{}.id", node_path());
                let reason = "the id of another node, in this or another case";
                Some(refusal(path, &host.node, reason))
            } else if machines.contains(&folded(&host.machine)) {
                let path = format!("{}.connections[{}].podId", node_path(), host.origin.connection);
                Some(refusal(path, &host.machine, "another machine has this id in another case"))
            } else {
                None
            }
        });
    }
}

/// The id of each node once; its hosts stand together.
fn node_ids<'h>(hosts: &'h [Host<'_>]) -> impl Iterator<Item = &'h str> {
    let mut last = None;
    hosts.iter().filter_map(move |host| {
        let first = last != Some(host.origin.node);
        last = Some(host.origin.node);
        first.then(|| host.node.as_str())
    })
}

/// The ids, in lower case, that are there more than once.
fn repeated(mut ids: Vec<&str>) -> HashSet<String> {
    ids.sort_unstable_by(|a, b| lower(a).cmp(lower(b)));
    let twins = |pair: &[&str]| matches!(pair, [a, b] if a.eq_ignore_ascii_case(b));
    ids.windows(2).filter(|pair| twins(pair)).flatten().map(|id| id.to_ascii_lowercase()).collect()
}

fn lower(id: &str) -> impl Iterator<Item = u8> {
    id.bytes().map(|b| b.to_ascii_lowercase())
}

fn folded(id: &Id<'_>) -> String {
    id.as_str().to_ascii_lowercase()
}

fn refusal(path: String, id: &Id<'_>, reason: &'static str) -> Refusal {
    Refusal { path, excerpt: quoted(id.as_str()), reason: Invalid::because(reason) }
}
