//! Ids that are duplicates: the same twice, or the same but for upper case.
//!
//! `known_hosts` and case-insensitive file systems take two ids that differ only in case for one,
//! so that one machine's key would vouch for another.

use std::collections::{HashMap, HashSet};

use super::check::CheckedCluster;
use super::duplicates::duplicates_by;
use super::model::Host;
use super::refusal::{Refusal, quoted};
use crate::name::{HostName, Id, Invalid, Port};

/// Refuses nodes of one cluster that share an id, and machines of the whole run whose ids differ
/// only in case: all of them, not only the later ones.
pub(super) fn refuse_duplicates(clusters: &mut [CheckedCluster<'_>]) {
    let machines = mark_machines(clusters);
    for cluster in clusters {
        let node_ids = duplicate_ids(node_ids(&cluster.nodes.hosts));
        if node_ids.is_empty() && machines.is_empty() {
            continue;
        }
        let CheckedCluster { root, nodes, .. } = cluster;
        nodes.refuse(|host| {
            let node = host.node.index;
            let (path, id, reason) = if node_ids.contains(&lowercase(&host.node.id)) {
                let reason = "the id of another node, in this or another case";
                (format!("{root}nodes[{node}].id"), &host.node.id, reason)
            } else if machines.contains(&lowercase(&host.machine)) {
                let path = format!("{root}nodes[{node}].connections[{}].podId", host.connection);
                (path, &host.machine, "another machine has this id in another case")
            } else {
                return None;
            };
            let reason = Invalid::because(reason);
            Some(Refusal { path, excerpt: quoted(id.as_str()), reason })
        });
    }
}

/// Marks hosts whose machine has several SSH servers in their cluster, and those whose machine and
/// server are said to be at several places. Returns the ids, in lower case, that occur in two cases.
fn mark_machines(clusters: &mut [CheckedCluster<'_>]) -> HashSet<String> {
    let hosts = clusters.iter().enumerate().flat_map(|(cluster, checked)| {
        let hosts = checked.nodes.hosts.iter().enumerate();
        hosts.map(move |(at, host)| (cluster, at, host))
    });
    let mut in_two_cases = HashSet::new();
    let mut marks: Vec<(usize, usize, bool, bool)> = Vec::new();
    for group in duplicates_by(hosts, |(_, _, host)| padded_lowercase(host.machine.as_str())) {
        let Some(&(_, _, Host { machine, .. })) = group.first() else { continue };
        if group.iter().any(|(_, _, host)| host.machine != *machine) {
            in_two_cases.insert(lowercase(machine));
            continue;
        }
        let mut ports = HashMap::<usize, HashSet<Port>>::new();
        for &(cluster, _, host) in &group {
            ports.entry(cluster).or_default().insert(host.port);
        }
        let has_several = |cluster| ports.get(&cluster).is_some_and(|ports| ports.len() > 1);
        // By what the name of a host's key has beyond the machine: where it is.
        let mut places = HashMap::<Option<Port>, HashSet<(usize, &HostName<'_>, Port)>>::new();
        for &(cluster, _, host) in &group {
            let places = places.entry(has_several(cluster).then_some(host.port)).or_default();
            places.insert((cluster, &host.host_name, host.port));
        }
        marks.extend(group.iter().map(|&(cluster, at, host)| {
            let has_several = has_several(cluster);
            let places = places.get(&has_several.then_some(host.port));
            (cluster, at, has_several, places.is_some_and(|places| places.len() > 1))
        }));
    }
    for (cluster, at, has_several, is_ambiguous) in marks {
        let cluster = clusters.get_mut(cluster);
        if let Some(host) = cluster.and_then(|cluster| cluster.nodes.hosts.get_mut(at)) {
            host.shares_machine = has_several;
            host.is_ambiguous = is_ambiguous;
        }
    }
    in_two_cases
}

/// The id of each node once; its hosts stand together.
fn node_ids<'h>(hosts: &'h [Host<'_>]) -> impl Iterator<Item = &'h str> {
    let nodes = hosts.chunk_by(|a, b| a.node.index == b.node.index);
    nodes.filter_map(|of_node| Some(of_node.first()?.node.id.as_str()))
}

/// The ids, in lower case, that occur twice, in the same or another case.
fn duplicate_ids<'i>(ids: impl Iterator<Item = &'i str>) -> HashSet<String> {
    let groups = duplicates_by(ids, |id| padded_lowercase(id));
    groups.iter().flatten().map(|id| id.to_ascii_lowercase()).collect()
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
