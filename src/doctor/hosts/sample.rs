//! The names to ask for: one of each kind, and at least one of each cluster.

use std::collections::HashSet;

use crate::doctor::snapshot::InstalledCluster;
use crate::install::fragment::Host;
use crate::install::reader::matches;

/// The names that are asked for beyond one of each cluster.
const FURTHER: usize = 8;

/// A name to ask for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Name<'c> {
    pub(super) cluster: &'c InstalledCluster,
    pub(super) host: &'c Host,
    pub(super) alias: &'c str,
    /// True if it is the one that leads into the cluster.
    is_entry: bool,
}

/// One name of each kind first, then one of each other cluster, then others while there is room.
pub(super) fn choose<'c>(clusters: &'c [InstalledCluster], patterns: &[String]) -> Vec<Name<'c>> {
    let names: Vec<Vec<Name<'c>>> = clusters.iter().map(names).collect();
    let mut kinds = HashSet::new();
    let is_new = |name: &&Name<'c>| kinds.insert(kind(name, patterns));
    let of_each_kind = names.iter().flatten().filter(is_new);
    let firsts = names.iter().filter_map(|names| names.first());
    let (mut asked, mut seen, mut further) = (HashSet::new(), HashSet::new(), 0);
    let mut chosen = Vec::new();
    for &name in of_each_kind.chain(firsts).chain(names.iter().flatten()) {
        let cluster = name.cluster.path.as_path();
        if !seen.insert((cluster, name.alias)) {
            continue;
        }
        if !asked.insert(cluster) {
            if further == FURTHER {
                continue;
            }
            further += 1;
        }
        chosen.push(name);
    }
    chosen
}

/// The names of a cluster; first the one that leads into it, if there is one.
fn names(cluster: &InstalledCluster) -> Vec<Name<'_>> {
    let entry = cluster.record.alias();
    let hosts = cluster.fragment.hosts.iter();
    let all = hosts.flat_map(|host| host.names.iter().map(move |alias| (host, alias.as_str())));
    let name = |(host, alias)| Name { cluster, host, alias, is_entry: alias == entry };
    let mut names: Vec<_> = all.map(name).collect();
    names.sort_by_key(|name| !name.is_entry);
    names
}

/// All that may make a difference to ssh: the keywords of the host's own, the user's patterns that
/// match, and whether it is the name that leads into the cluster.
fn kind<'c>(name: &Name<'c>, patterns: &[String]) -> (Vec<&'c str>, Vec<usize>, bool) {
    let Name { host, alias, is_entry, .. } = *name;
    let host_name = host.own.get("hostname").and_then(|names| names.first());
    let applies = |pattern: &String| {
        matches(pattern, alias) || host_name.is_some_and(|name| matches(pattern, name))
    };
    let patterns = patterns.iter().enumerate().filter(|(_, pattern)| applies(pattern));
    (host.own.keys().map(String::as_str).collect(), patterns.map(|(at, _)| at).collect(), is_entry)
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;
    use crate::install::fragment::Fragment;
    use crate::install::options::SavedOptions;
    use crate::install::refresh::RefreshState;
    use crate::install::state::{Record, Source};
    use crate::name::{Id, Slug};

    fn cluster(name: &str, nodes: usize) -> InstalledCluster {
        let mut text = format!("Host prime.{name}.head prime.{name}\n HostName 192.0.2.1\n");
        for node in 0..nodes {
            writeln!(text, "Host prime.{name}.node-{node}\n HostName 10.0.0.{node}\n ProxyJump x")
                .unwrap();
        }
        writeln!(text, "Host prime.{name} prime.{name}.*\n User u").unwrap();
        InstalledCluster {
            record: Record {
                id: Id::new("clst01").unwrap(),
                own_name: name.to_owned(),
                name: Slug::new(name.to_owned()).unwrap(),
                source: Source::Stdin,
                options: SavedOptions::default(),
                fragments: Vec::new(),
            },
            path: name.into(),
            fragment: Fragment::parse(text.as_bytes()),
            commands: Vec::new(),
            refresh: RefreshState::default(),
        }
    }

    fn chosen(clusters: &[InstalledCluster], patterns: &[&str]) -> Vec<String> {
        let patterns: Vec<_> = patterns.iter().map(|&pattern| pattern.to_owned()).collect();
        choose(clusters, &patterns).iter().map(|name| name.alias.to_owned()).collect()
    }

    #[test]
    fn one_of_each_kind_stands_for_all() {
        let train = [cluster("train", 10_000)];
        let kinds = ["prime.train", "prime.train.head", "prime.train.node-0"];
        assert_eq!(chosen(&train, &[])[..3], kinds);
        assert_eq!(chosen(&train, &["*"]).len(), 1 + FURTHER);
        assert_eq!(chosen(&[cluster("train", 2)], &[]).len(), 4, "of a few, all");
        let some = chosen(&train, &["*.node-7", "10.0.0.9", "prime.train.node-7?"]);
        for name in ["prime.train.node-7", "prime.train.node-9", "prime.train.node-70"] {
            assert!(some.contains(&name.to_owned()), "{some:?}");
        }
    }

    #[test]
    fn there_is_an_end_to_it_and_every_cluster_has_its_turn() {
        let clusters: Vec<_> = (0..100).map(|at| cluster(&format!("c{at}"), 100)).collect();
        let patterns: Vec<_> = (0..100).map(|node| format!("*.node-{node}")).collect();
        let patterns: Vec<&str> = patterns.iter().map(String::as_str).collect();
        let names = chosen(&clusters, &patterns);
        assert_eq!(names.len(), clusters.len() + FURTHER);
        for cluster in &clusters {
            let alias = format!("{}.", cluster.record.alias());
            let is_of =
                |name: &&String| **name == cluster.record.alias() || name.starts_with(&alias);
            assert!(names.iter().any(|name| is_of(&name)), "{alias}");
        }
    }
}
