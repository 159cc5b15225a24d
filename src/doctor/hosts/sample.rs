//! Which names are asked for: one of each kind, and each that leads into a cluster.

use std::collections::{BTreeSet, HashSet};

use crate::doctor::disk::Cluster;
use crate::install::fragment::Host;
use crate::install::reading::matches;

/// At most so many of one cluster.
const MOST: usize = 32;

/// A name to ask for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Name<'c> {
    pub(super) cluster: &'c Cluster,
    pub(super) host: &'c Host,
    pub(super) alias: &'c str,
}

impl<'c> Name<'c> {
    /// What our fragment says of it, in lower case.
    pub(super) fn keywords(&self) -> BTreeSet<&'c str> {
        let shared = self.cluster.outline.shared.keys();
        self.host.own.keys().chain(shared).map(String::as_str).collect()
    }
}

/// What makes a difference to what ssh does with a name: the keywords of its own, and which of the
/// user's patterns catch it.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Kind<'c> {
    own: Vec<&'c str>,
    patterns: Vec<usize>,
    is_entry: bool,
}

/// One name of each kind, the entries of all clusters before the others.
pub(super) fn choose<'c>(clusters: &'c [Cluster], patterns: &[String]) -> Vec<Name<'c>> {
    let mut ranked: Vec<(usize, Name<'c>)> =
        clusters.iter().flat_map(|cluster| of_cluster(cluster, patterns)).collect();
    ranked.sort_by_key(|(rank, _)| *rank);
    ranked.into_iter().map(|(_, name)| name).collect()
}

fn of_cluster<'c>(
    cluster: &'c Cluster,
    patterns: &[String],
) -> impl Iterator<Item = (usize, Name<'c>)> {
    let entry = cluster.alias();
    let mut kinds = HashSet::new();
    let mut names: Vec<Name<'c>> = Vec::new();
    for host in &cluster.outline.hosts {
        for alias in &host.names {
            let kind = kind(host, alias, patterns, *alias == entry);
            if kinds.insert(kind) {
                names.push(Name { cluster, host, alias });
            }
        }
    }
    names.sort_by_key(|name| name.alias != entry);
    names.into_iter().take(MOST).enumerate()
}

fn kind<'c>(host: &'c Host, alias: &str, patterns: &[String], is_entry: bool) -> Kind<'c> {
    let host_name = host.own.get("hostname").and_then(|names| names.first());
    let catches = |pattern: &String| {
        matches(pattern, alias) || host_name.is_some_and(|name| matches(pattern, name))
    };
    let caught = patterns.iter().enumerate().filter(|(_, pattern)| catches(pattern));
    Kind {
        own: host.own.keys().map(String::as_str).collect(),
        patterns: caught.map(|(at, _)| at).collect(),
        is_entry,
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;
    use crate::install::fragment::Fragment;
    use crate::install::options::SavedOptions;
    use crate::install::state::{Record, Source};
    use crate::name::{Id, Slug};

    fn cluster(name: &str, nodes: usize) -> Cluster {
        let mut text = format!("Host prime.{name}.head prime.{name}\n HostName 192.0.2.1\n");
        for node in 0..nodes {
            writeln!(text, "Host prime.{name}.node-{node}\n HostName 10.0.0.{node}\n ProxyJump x")
                .unwrap();
        }
        writeln!(text, "Host prime.{name} prime.{name}.*\n User u").unwrap();
        Cluster {
            record: Record {
                id: Id::new("clst01").unwrap(),
                name: Slug::new(name.to_owned()).unwrap(),
                source: Source::Stdin,
                options: SavedOptions::default(),
                fragments: Vec::new(),
            },
            fragment: "/f".into(),
            outline: Fragment::parse(text.as_bytes()),
        }
    }

    fn chosen(clusters: &[Cluster], patterns: &[&str]) -> Vec<String> {
        let patterns: Vec<_> = patterns.iter().map(|&pattern| pattern.to_owned()).collect();
        choose(clusters, &patterns).iter().map(|name| name.alias.to_owned()).collect()
    }

    #[test]
    fn one_of_each_kind_stands_for_all() {
        let train = [cluster("train", 10_000)];
        assert_eq!(chosen(&train, &[]), ["prime.train", "prime.train.head", "prime.train.node-0"]);
        assert_eq!(chosen(&train, &["*"]).len(), 3);
        let some = chosen(&train, &["*.node-7", "10.0.0.9", "prime.train.node-7?"]);
        for name in ["prime.train.node-7", "prime.train.node-9", "prime.train.node-70"] {
            assert!(some.contains(&name.to_owned()), "{some:?}");
        }
        assert_eq!(some.len(), 6);
    }

    #[test]
    fn there_is_an_end_to_it_and_every_cluster_has_its_turn() {
        let clusters = [cluster("a", 100), cluster("b", 1)];
        let patterns: Vec<_> = (0..100).map(|node| format!("*.node-{node}")).collect();
        let patterns: Vec<&str> = patterns.iter().map(String::as_str).collect();
        let names = chosen(&clusters, &patterns);
        assert_eq!(names.len(), MOST + 3);
        assert_eq!(names[..2], ["prime.a", "prime.b"]);
    }
}
