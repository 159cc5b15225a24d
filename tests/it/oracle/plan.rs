//! Generated clusters: whatever may stand in an answer that is not refused.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::rules::{canonical_host, is_refused_text};
use crate::support::cluster::{Cluster, Connection, Node};

/// One generated cluster; its ids come from its place, so that no two are the same.
#[derive(Clone, Debug)]
pub struct ClusterPlan {
    pub id: String,
    pub name: String,
    pub nodes: Vec<NodePlan>,
}

#[derive(Clone, Debug)]
pub struct NodePlan {
    pub id: String,
    pub name: String,
    /// Its status and what GPUs it has.
    pub labels: [String; 2],
    pub gone: Option<Gone>,
    pub connections: Vec<ConnectionPlan>,
}

#[derive(Clone, Copy, Debug)]
pub enum Gone {
    Terminated,
    Detached,
}

#[derive(Clone, Debug)]
pub struct ConnectionPlan {
    pub host: String,
    pub port: Option<u16>,
    pub user: String,
    pub role: Option<String>,
    pub control: bool,
}

impl ClusterPlan {
    pub fn cluster(&self) -> Cluster {
        let cluster = Cluster::new(&self.id, &self.name);
        self.nodes.iter().fold(cluster, |cluster, node| cluster.node(node.node()))
    }

    /// The nodes that have not left the cluster and can be reached.
    pub fn nodes_in(&self) -> impl Iterator<Item = &NodePlan> + Clone {
        self.nodes.iter().filter(|node| node.gone.is_none() && !node.connections.is_empty())
    }
}

impl NodePlan {
    fn node(&self) -> Node {
        let node = Node::new(&self.id, &self.name)
            .with("status", self.labels[0].as_str())
            .with("gpuName", self.labels[1].as_str())
            .with("isDetached", matches!(self.gone, Some(Gone::Detached)));
        let node = match self.gone {
            Some(Gone::Terminated) => node.with("terminatedAt", "2026-07-03T00:00:00Z"),
            _ => node,
        };
        self.connections.iter().fold(node, |node, plan| node.connection(plan.connection()))
    }
}

impl ConnectionPlan {
    fn connection(&self) -> Connection {
        Connection::to(&self.host)
            .with("user", self.user.as_str())
            .with("role", self.role.clone())
            .with("isControlNode", self.control)
            .with("port", self.port)
    }
}

/// A text for people, with whatever it may hold.
fn label() -> impl Strategy<Value = String> {
    let text = prop_oneof![
        4 => "(node|worker|Node)-[0-9]{1,2}",
        2 => "[a-z]{1,6}( |-|_)[A-Z0-9]{1,4}",
        2 => "[ -~]{0,20}",
        1 => "\\PC{0,20}",
        1 => "[a-zA-Z-]{60,90}",
        1 => select(vec!["", "none", "None", "日本", "*", "!x", "-oProxyCommand=x", "$(id)", "a\"b'c", "%h", "x, y"])
            .prop_map(str::to_owned),
    ];
    text.prop_filter("a Jinja marker is another test's", |text| !is_refused_text(text))
}

fn host() -> impl Strategy<Value = String> {
    let octets = any::<[u8; 4]>().prop_map(|o| Ipv4Addr::from(o).to_string());
    let v6 = any::<u128>().prop_map(|bits| Ipv6Addr::from(bits).to_string());
    prop_oneof![
        3 => "10\\.0\\.0\\.[1-9]",
        3 => "203\\.0\\.113\\.[1-9]",
        1 => octets,
        1 => v6,
        1 => "fd00::[1-9a-f]{1,4}",
        1 => "2001:DB8::[1-9a-fA-F]{1,4}",
        1 => "100\\.(63|64|127|128)\\.0\\.1",
        2 => "([a-z0-9]{1,8}\\.){0,3}[a-z][a-z0-9]{0,6}\\.?",
        1 => "[A-Z][a-z0-9_-]{0,8}[a-z]\\.(Example\\.COM|internal|lan|local)\\.?",
    ]
    .prop_filter("another test's", |host| canonical_host(host).is_some())
}

fn user() -> impl Strategy<Value = String> {
    prop_oneof![3 => select(vec!["ubuntu", "root"]).prop_map(str::to_owned), 1 => "[A-Za-z_][A-Za-z0-9_.-]{0,31}"]
}

fn port() -> impl Strategy<Value = Option<u16>> {
    prop_oneof![3 => Just(Some(22)), 1 => Just(None), 2 => select(vec![2222, 22222]).prop_map(Some), 1 => (1..u16::MAX).prop_map(Some)]
}

fn connection() -> impl Strategy<Value = ConnectionPlan> {
    let role = option::of(prop_oneof![
        select(vec!["WORKER", "login", "CONTROLLER"]).prop_map(str::to_owned),
        label()
    ]);
    (host(), port(), user(), role, prop::bool::weighted(0.3)).prop_map(
        |(host, port, user, role, control)| ConnectionPlan { host, port, user, role, control },
    )
}

fn node() -> impl Strategy<Value = NodePlan> {
    let gone = prop_oneof![8 => Just(None), 1 => Just(Some(Gone::Terminated)), 1 => Just(Some(Gone::Detached))];
    let connections = vec(connection(), 0..=3);
    ("[A-Za-z0-9_-]{0,50}", label(), [label(), label()], gone, connections).prop_map(
        |(id, name, labels, gone, connections)| NodePlan { id, name, labels, gone, connections },
    )
}

/// Clusters with at least one usable connection each.
pub fn clusters(count: RangeInclusive<usize>) -> impl Strategy<Value = Vec<ClusterPlan>> {
    let cluster = ("[A-Za-z0-9_-]{0,50}", label(), node(), connection(), vec(node(), 0..=4))
        .prop_map(|(id, name, mut usable, connection, others)| {
            usable.gone = None;
            usable.connections.push(connection);
            let nodes = [vec![usable], others].concat();
            ClusterPlan { id, name, nodes }
        });
    vec(cluster, count).prop_map(|mut clusters| {
        for (c, cluster) in clusters.iter_mut().enumerate() {
            cluster.id.insert_str(0, &format!("c{c}-"));
            for (n, node) in cluster.nodes.iter_mut().enumerate() {
                node.id.insert_str(0, &format!("p{c}-{n}-"));
            }
        }
        clusters
    })
}
