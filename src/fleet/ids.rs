//! Ids that are not what they should be: the same twice, or the same but for upper case.
//!
//! `known_hosts` and case-blind file systems take two ids that differ only in case for one, so
//! that one machine's key would vouch for another.

use std::collections::HashSet;
use std::hash::{Hash, Hasher};

use super::host::Host;
use super::refusal::{Refusal, quoted};
use super::survey::Survey;
use crate::name::{Id, Invalid};

/// Refuses nodes of one cluster that share an id, and machines of the whole run whose ids differ
/// only in case: all of them, whichever came first.
pub(super) fn refuse_twins(surveys: &mut [Survey<'_>]) {
    let hosts = surveys.iter().flat_map(|survey| &survey.nodes.hosts);
    let machines = twins(hosts.map(|host| host.machine.as_str()), |a, b| a != b);
    for survey in surveys {
        let nodes = twins(node_ids(&survey.nodes.hosts), |_, _| true);
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

/// An id as `known_hosts` compares it: without regard to case.
#[derive(Clone, Copy)]
struct Folded<'i>(&'i str);

impl PartialEq for Folded<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(other.0)
    }
}

impl Eq for Folded<'_> {}

impl Hash for Folded<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for b in self.0.bytes() {
            state.write_u8(b.to_ascii_lowercase());
        }
    }
}

/// The ids, in lower case, that are there again, in any case, in a form that counts.
fn twins<'i>(
    ids: impl Iterator<Item = &'i str>,
    counts: impl Fn(&str, &str) -> bool,
) -> HashSet<String> {
    let mut seen = HashSet::new();
    let mut twins = HashSet::new();
    for id in ids.map(Folded) {
        match seen.get(&id) {
            None => {
                seen.insert(id);
            }
            Some(Folded(first)) => {
                if counts(first, id.0) {
                    twins.insert(id.0.to_ascii_lowercase());
                }
            }
        }
    }
    twins
}

fn folded(id: &Id<'_>) -> String {
    id.as_str().to_ascii_lowercase()
}

fn refusal(path: String, id: &Id<'_>, reason: &'static str) -> Refusal {
    Refusal { path, excerpt: quoted(id.as_str()), reason: Invalid::because(reason) }
}
