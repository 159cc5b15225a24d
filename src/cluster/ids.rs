//! Ids that are duplicates: the same twice, the same but for upper case, or one that reads as
//! another with a port.
//!
//! `known_hosts` and case-insensitive file systems take two ids that differ only in case for one,
//! so that one machine's key would vouch for another. So would the key of machine `x-2222` for the
//! server on port 2222 of machine `x`, if that has several: both are `prime-x-2222` there.

use std::collections::HashSet;

use super::check::CheckedCluster;
use super::duplicates::duplicates_by;
use super::model::Host;
use super::refusal::{Refusal, quoted};
use crate::name::{Id, Invalid, Port};

/// Refuses nodes of one cluster that share an id, and machines of the whole run whose ids differ
/// only in case or whose host keys would have one name: all of them, not only the later ones.
pub(super) fn refuse_duplicates(clusters: &mut [CheckedCluster<'_>]) {
    let hosts = clusters.iter().flat_map(|cluster| &cluster.nodes.hosts);
    let machines = duplicate_ids(hosts.map(|host| host.machine.as_str()), |a, b| a != b);
    let key_names = shared_key_names(clusters);
    for cluster in clusters {
        let node_ids = duplicate_ids(node_ids(&cluster.nodes.hosts), |_, _| true);
        if node_ids.is_empty() && machines.is_empty() && key_names.is_empty() {
            continue;
        }
        let CheckedCluster { root, nodes, .. } = cluster;
        nodes.refuse(|host| {
            let node = host.node.index;
            if node_ids.contains(&lowercase(&host.node.id)) {
                let reason = "the id of another node, in this or another case";
                Some(refusal(format!("{root}nodes[{node}].id"), &host.node.id, reason))
            } else if let Some(reason) = machine_duplicate(host, &machines, &key_names) {
                let path = format!("{root}nodes[{node}].connections[{}].podId", host.connection);
                Some(refusal(path, &host.machine, reason))
            } else {
                None
            }
        });
    }
}

/// Why a host's machine may be taken for another one.
fn machine_duplicate(
    host: &Host<'_>,
    machines: &HashSet<String>,
    key_names: &HashSet<String>,
) -> Option<&'static str> {
    if machines.contains(&lowercase(&host.machine)) {
        Some("another machine has this id in another case")
    } else if !key_names.is_empty() && key_names.contains(&key_name(host)) {
        Some("with its port, the id of another machine")
    } else {
        None
    }
}

/// Marks the hosts of one cluster whose machine has several SSH servers: hosts at other ports.
pub(super) fn mark_shared_machines(hosts: &mut [Host<'_>]) {
    let groups = duplicates_by(hosts.iter(), |host| &host.machine);
    let has_ports = |group: &&Vec<&Host<'_>>| {
        group.windows(2).any(|pair| matches!(pair, [a, b] if a.port != b.port))
    };
    let shared: HashSet<String> = groups
        .iter()
        .filter(has_ports)
        .filter_map(|group| Some(group.first()?.machine.to_string()))
        .collect();
    for host in hosts.iter_mut().filter(|_| !shared.is_empty()) {
        host.shares_machine = shared.contains(host.machine.as_str());
    }
}

/// The names of host keys, in lower case, that machines with one server share with machines whose
/// name has its port behind it.
fn shared_key_names(clusters: &[CheckedCluster<'_>]) -> HashSet<String> {
    let hosts = || clusters.iter().flat_map(|cluster| &cluster.nodes.hosts);
    let like_a_port = |host: &&Host<'_>| {
        let last = host.machine.as_str().rsplit_once('-').map(|(_, last)| last);
        last.is_some_and(|last| last.parse::<Port>().is_ok())
    };
    let plain = hosts().filter(|host| !host.shares_machine).filter(like_a_port);
    let plain: HashSet<String> = plain.map(key_name).collect();
    if plain.is_empty() {
        return plain;
    }
    let with_port = hosts().filter(|host| host.shares_machine).map(key_name);
    with_port.filter(|name| plain.contains(name)).collect()
}

fn key_name(host: &Host<'_>) -> String {
    host.host_key_alias().to_string().to_ascii_lowercase()
}

/// The id of each node once; its hosts stand together.
fn node_ids<'h>(hosts: &'h [Host<'_>]) -> impl Iterator<Item = &'h str> {
    let mut last = None;
    hosts.iter().filter_map(move |host| {
        let first = last != Some(host.node.index);
        last = Some(host.node.index);
        first.then(|| host.node.id.as_str())
    })
}

/// The ids, in lower case, that occur in two forms of which `counts` says that they count.
fn duplicate_ids<'i>(
    ids: impl Iterator<Item = &'i str>,
    counts: impl Fn(&str, &str) -> bool,
) -> HashSet<String> {
    let group_counts =
        |group: &&Vec<&str>| group.windows(2).any(|pair| matches!(pair, [a, b] if counts(a, b)));
    let groups = duplicates_by(ids, |id| padded_lowercase(id));
    groups.iter().filter(group_counts).flatten().map(|id| id.to_ascii_lowercase()).collect()
}

/// An id as `known_hosts` compares it, in the 64 bytes that an id has at most.
fn padded_lowercase(id: &str) -> [u8; 64] {
    let mut lower = [0; 64];
    for (to, from) in lower.iter_mut().zip(id.bytes()) {
        *to = from.to_ascii_lowercase();
    }
    lower
}

fn lowercase(id: &Id<'_>) -> String {
    id.as_str().to_ascii_lowercase()
}

fn refusal(path: String, id: &Id<'_>, reason: &'static str) -> Refusal {
    Refusal { path, excerpt: quoted(id.as_str()), reason: Invalid::because(reason) }
}
