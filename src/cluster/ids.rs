//! Ids that are duplicates: the same twice, the same but for upper case, or one that reads as
//! another with a port.
//!
//! `known_hosts` and case-insensitive file systems take two ids that differ only in case for one,
//! so that one machine's key would vouch for another. So would the key of machine `x-2222` for the
//! server on port 2222 of machine `x`, if that has several: both are `prime-x-2222` there.

use std::collections::{HashMap, HashSet};

use super::check::CheckedCluster;
use super::duplicates::duplicates_by;
use super::model::Host;
use super::refusal::{Refusal, quoted};
use crate::name::{Id, Invalid, Port};

/// Refuses nodes of one cluster that share an id, and machines of the whole run whose ids differ
/// only in case or whose host keys would have one name: all of them, not only the later ones.
pub(super) fn refuse_duplicates(clusters: &mut [CheckedCluster<'_>]) {
    let machines = mark_machines(clusters);
    let key_names = shared_key_names(clusters);
    for cluster in clusters {
        let node_ids = duplicate_ids(node_ids(&cluster.nodes.hosts));
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

/// Returns the reason that a host's machine may be taken for another one.
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

/// Marks hosts whose machine has several SSH servers in their cluster, and those whose machine and
/// server are said to be at several places. Returns the ids, in lower case, that occur in two cases.
fn mark_machines(clusters: &mut [CheckedCluster<'_>]) -> HashSet<String> {
    let hosts = clusters.iter().enumerate().flat_map(|(cluster, checked)| {
        let hosts = checked.nodes.hosts.iter().enumerate();
        hosts.map(move |(at, host)| (cluster, at, host))
    });
    let mut in_two_cases = HashSet::new();
    let mut marks: Vec<(usize, usize, bool, bool)> = Vec::new();
    for mut group in duplicates_by(hosts, |(_, _, host)| padded_lowercase(host.machine.as_str())) {
        group.sort_by_key(|&(cluster, _, host)| (&host.machine, cluster, host.port));
        let (first, last) = (group.first(), group.last());
        if first.map(|(_, _, host)| &host.machine) != last.map(|(_, _, host)| &host.machine) {
            in_two_cases.extend(first.map(|(_, _, host)| lowercase(&host.machine)));
        }
        let mut keys = Vec::with_capacity(group.len());
        for of_one in group.chunk_by(|a, b| (&a.2.machine, a.0) == (&b.2.machine, b.0)) {
            let port = |end: Option<&(usize, usize, &Host<'_>)>| end.map(|(_, _, host)| host.port);
            let has_several = port(of_one.first()) != port(of_one.last());
            keys.extend(
                of_one.iter().map(|(_, _, host)| (&host.machine, has_several.then_some(host.port))),
            );
        }
        // By the name of its key: where it is; nothing if that is at several places.
        let mut places = HashMap::new();
        for (key, &(cluster, _, host)) in keys.iter().zip(&group) {
            let place = (cluster, &host.host_name, host.port);
            let known = places.entry(key).or_insert(Some(place));
            *known = known.filter(|known| *known == place);
        }
        marks.extend(keys.iter().zip(&group).map(|(key, &(cluster, at, _))| {
            (cluster, at, key.1.is_some(), places.get(key) == Some(&None))
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
    host.host_key_alias().to_ascii_lowercase()
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

fn refusal(path: String, id: &Id<'_>, reason: &'static str) -> Refusal {
    Refusal { path, excerpt: quoted(id.as_str()), reason: Invalid::because(reason) }
}
