//! Reading an answer: each value is checked where it is met, and becomes part of a host or a
//! [`Refusal`] with its JSON path.
//!
//! The nodes are checked while they are parsed, one by one, so that a cluster of 100,000 nodes is
//! never in memory twice.

use std::collections::{BTreeSet, HashSet};
use std::fmt;
use std::panic;
use std::sync::mpsc;
use std::thread;

use serde::Deserialize;
use serde::de::{Deserializer, SeqAccess, Visitor};

use super::data::{self, Clusters, Given, SCHEMA_VERSION};
use super::host::{Cluster, Failed, Host, Origin, Skipped, SshKey, WhySkipped};
use super::naming::natural;
use super::refusal::{Checker, Refusal, Refusals, Refused};
use crate::api::wire::{self, Malformed, Saved, Value};
use crate::name::{HostName, Id, Invalid, Label, Port, Slug, UserName};
use crate::text::sanitize::Excerpt;

/// One answer of Get Cluster, checked: everything that it says, before anything is chosen.
#[derive(Debug)]
pub struct CheckedCluster<'a> {
    /// The cluster, unless one of its own values was refused.
    pub(super) cluster: Option<Cluster<'a>>,
    pub(super) nodes: Nodes<'a>,
    /// The refusals of the cluster's own values.
    pub(super) refusals: Vec<Refusal>,
    pub(super) paths: Paths,
    pub(super) label: String,
    /// What data say beyond an answer.
    pub(super) given: Option<Given<'a>>,
}

/// Where the values stand that are refused.
#[derive(Clone, Debug)]
pub(super) enum Paths {
    /// In an answer of Get Cluster.
    Answer {
        /// What stands before every path.
        root: &'static str,
    },
    /// In what `render --print-data` printed.
    Data {
        /// What stands before every path.
        root: String,
    },
}

impl Paths {
    /// The path of the id of a host's node.
    pub(super) fn node_id(&self, origin: Origin) -> String {
        match self {
            Self::Answer { root } => format!("{root}nodes[{}].id", origin.node),
            Self::Data { root } => format!("{root}{}.node_id", data::place(origin)),
        }
    }

    /// The path of the id of a host's machine.
    pub(super) fn machine(&self, origin: Origin) -> String {
        let Origin { node, connection, .. } = origin;
        match self {
            Self::Answer { root } => format!("{root}nodes[{node}].connections[{connection}].podId"),
            Self::Data { root } => format!("{root}{}.pod_id", data::place(origin)),
        }
    }
}

/// What the list of nodes holds.
#[derive(Debug, Default)]
pub(super) struct Nodes<'a> {
    pub(super) hosts: Vec<Host<'a>>,
    pub(super) skipped: Vec<Skipped<'a>>,
    /// Nodes in the cluster that give a host although their installation failed.
    pub(super) failed: Vec<Failed<'a>>,
    /// Refusals of nodes that are in the cluster.
    pub(super) refusals: Refusals,
    /// Refusals of nodes that were terminated or detached: nobody needs to know unless those
    /// nodes are asked for.
    pub(super) inactive_refusals: Refusals,
    /// Nodes that left the cluster and could still give a host.
    inactive: Vec<Skipped<'a>>,
    pub(super) living: usize,
    count: u32,
}

impl<'a> CheckedCluster<'a> {
    /// Reads and checks an answer of Get Cluster, wrapped in `{"data": …}` or bare; `label` is how
    /// a message calls it where the cluster's own name is refused.
    pub fn of(text: &'a str, label: &str) -> Result<Self, Malformed> {
        wire::cluster(text).map(|answer| Self::of_answer(answer, label))
    }

    /// Reads and checks a file: an answer of Get Cluster, or the clusters that
    /// `render --print-data` printed, of which there is at least one.
    pub fn of_file(text: &'a str, label: &str) -> Result<Vec<Self>, Malformed> {
        let mut surveys = match wire::saved::<Nodes<'a>, Clusters<'a>>(text, SCHEMA_VERSION)? {
            Saved::Answer(answer) => return Ok(vec![Self::of_answer(*answer, label)]),
            Saved::Data(Clusters(surveys)) => surveys,
        };
        if surveys.is_empty() {
            let (path, reason) = ("clusters".to_owned(), "there is none".to_owned());
            return Err(Malformed::Wrong { path, reason });
        }
        let is_one = surveys.len() == 1;
        for CheckedCluster { label: place, .. } in &mut surveys {
            *place = if is_one { label.to_owned() } else { format!("{label}: {place}") };
        }
        Ok(surveys)
    }

    fn of_answer(answer: wire::Answer<'a, Nodes<'a>>, label: &str) -> Self {
        let wire::Answer { root, cluster: wire } = answer;
        let mut refusals = Vec::new();
        let cluster = check_cluster(&wire, root, &mut refusals).ok();
        let mut nodes = wire.nodes;
        for refusal in nodes.refusals.first.iter_mut().chain(&mut nodes.inactive_refusals.first) {
            refusal.path.insert_str(0, root);
        }
        let (paths, label) = (Paths::Answer { root }, label.to_owned());
        Self { cluster, nodes, refusals, paths, label, given: None }
    }

    /// How a message calls the answer.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The cluster's id, unless it was refused.
    #[must_use]
    pub fn id(&self) -> Option<&Id<'a>> {
        self.cluster.as_ref().map(|cluster| &cluster.id)
    }

    /// What the answer says of the cluster as a whole, unless one of its values was refused.
    #[must_use]
    pub fn cluster(&self) -> Option<&Cluster<'a>> {
        self.cluster.as_ref()
    }

    /// The name that the cluster would have alone: the given one, or that of its own name.
    #[must_use]
    pub fn wanted_name(&self) -> Option<Slug<'a>> {
        let of_name =
            |cluster: &Cluster<'a>| Slug::of_name(cluster.name.as_cow(), cluster.id.as_str());
        let given = self.given.as_ref().map(|given| given.name.clone());
        given.or_else(|| self.cluster.as_ref().map(of_name))
    }

    /// Whether it was read from what `render --print-data` printed.
    #[must_use]
    pub fn is_data(&self) -> bool {
        matches!(self.paths, Paths::Data { .. })
    }

    /// What was refused of the cluster's own values.
    #[must_use]
    pub fn refusals(&self) -> &[Refusal] {
        &self.refusals
    }

    /// Whom its hosts are logged in as, each once.
    #[must_use]
    pub fn users(&self) -> BTreeSet<&str> {
        self.nodes.hosts.iter().map(|host| host.user.as_str()).collect()
    }
}

fn check_cluster<'a>(
    wire: &wire::Cluster<'a, Nodes<'a>>,
    root: &str,
    refusals: &mut Vec<Refusal>,
) -> Result<Cluster<'a>, Refused> {
    let path = || root.to_owned();
    let mut check = Checker::new(refusals, &path);
    let id = check.required("id", &wire.id, Id::new);
    let name = check.required("name", &wire.name, Label::new);
    let provider = check.optional("providerType", &wire.provider_type, Label::new);
    let status = check.optional("status", &wire.status, Label::new);
    let gpu_name = check.optional("gpuName", &wire.gpu_name, Label::new);
    let gpu_count = check.number("gpuCount", &wire.gpu_count, 0, count);
    let orchestrator = check.optional("orchestratorType", &wire.orchestrator_type, Label::new);
    let team = check.optional("teamId", &wire.team_id, Label::new);
    let vault_enabled = check.flag("vaultEnabled", &wire.vault_enabled);
    let terminated = check.optional("terminatedAt", &wire.terminated_at, Ok);
    Ok(Cluster {
        id: id?,
        name: name?,
        provider: provider?,
        status: status?,
        gpu_name: gpu_name?,
        gpu_count: gpu_count?,
        orchestrator: orchestrator?,
        team: team?,
        vault_enabled: vault_enabled?,
        terminated: terminated?.is_some(),
        ssh_keys: wire.ssh_keys.iter().flatten().map(ssh_key).collect(),
    })
}

/// A key that is no text at all is no reason to refuse a cluster, for no output that a program
/// reads holds it.
fn ssh_key<'a>(key: &wire::SshKey<'a>) -> SshKey<'a> {
    let text = key.public_key.text().map(|text| text.trim().to_owned());
    let public_key = text.filter(|text| !text.is_empty()).and_then(|text| Label::long(text).ok());
    SshKey { role: label(&key.role), public_key }
}

pub(super) fn count(number: i64) -> Result<u32, Invalid> {
    u32::try_from(number).map_err(|_| Invalid::because("not a count"))
}

impl<'de> Deserialize<'de> for Nodes<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;

        impl<'de> Visitor<'de> for List {
            type Value = Nodes<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of nodes")
            }

            fn visit_unit<E>(self) -> Result<Nodes<'de>, E> {
                Ok(Nodes::default())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Nodes<'de>, A::Error> {
                let mut nodes = Nodes::default();
                let first = batch(&mut list)?;
                for node in &first {
                    nodes.add(node);
                }
                if first.len() < BATCH { Ok(nodes) } else { check_beside(nodes, list) }
            }
        }

        deserializer.deserialize_any(List)
    }
}

/// How many nodes are parsed before they are checked, and a cluster with more has them checked by
/// another thread.
const BATCH: usize = 256;

/// The next nodes; fewer than [`BATCH`] are the last ones.
fn batch<'de, A: SeqAccess<'de>>(list: &mut A) -> Result<Vec<wire::Node<'de>>, A::Error> {
    let mut batch = Vec::with_capacity(BATCH);
    while batch.len() < BATCH {
        let Some(node) = list.next_element()? else { break };
        batch.push(node);
    }
    Ok(batch)
}

/// Parses the rest of a long list while a thread beside this one checks what has been parsed.
fn check_beside<'de, A: SeqAccess<'de>>(
    mut nodes: Nodes<'de>,
    mut list: A,
) -> Result<Nodes<'de>, A::Error> {
    thread::scope(|scope| {
        let (parsed, to_check) = mpsc::sync_channel::<Vec<wire::Node<'de>>>(2);
        let checker = scope.spawn(move || {
            for node in to_check.into_iter().flatten() {
                nodes.add(&node);
            }
            nodes
        });
        let outcome = loop {
            match batch(&mut list) {
                Ok(nodes) => {
                    let is_end = nodes.len() < BATCH;
                    // Nobody receives only where the checker panicked, and joining it tells that.
                    if parsed.send(nodes).is_err() || is_end {
                        break Ok(());
                    }
                }
                Err(error) => break Err(error),
            }
        };
        drop(parsed);
        let nodes = checker.join().unwrap_or_else(|panicked| panic::resume_unwind(panicked));
        outcome.map(|()| nodes)
    })
}

/// What all connections of a node share.
struct Shared<'a> {
    id: Id<'a>,
    name: Slug<'a>,
    status: Option<Label<'a>>,
    gpu_name: Option<Label<'a>>,
    gpu_count: u32,
}

impl<'a> Nodes<'a> {
    /// What data hold; those that left the cluster are among the hosts.
    pub(super) fn of_data(
        hosts: Vec<Host<'a>>,
        skipped: Vec<Skipped<'a>>,
        refusals: Refusals,
        living: usize,
    ) -> Self {
        Self { hosts, skipped, refusals, living, ..Self::default() }
    }

    /// Decides on the nodes that left the cluster: whether they count like the others, or are
    /// skipped with whatever is wrong with them.
    pub(super) fn settle_inactive(&mut self, included: bool) {
        let inactive_refusals = std::mem::take(&mut self.inactive_refusals);
        if included {
            self.refusals.append(inactive_refusals);
        } else {
            self.hosts.retain(|host| host.origin.active);
            self.skipped.append(&mut self.inactive);
        }
        self.order_skipped();
    }

    /// Refuses every host that `refusal_of` says so of.
    pub(super) fn refuse(&mut self, mut refusal_of: impl FnMut(&Host<'a>) -> Option<Refusal>) {
        let (mut refused, mut refusals) = (Vec::new(), Vec::new());
        self.hosts.retain(|host| match refusal_of(host) {
            Some(refusal) => {
                refused.push((host.origin.node, host.name.clone(), host.origin.active));
                refusals.push(refusal);
                false
            }
            None => true,
        });
        refused.sort_by_key(|(node, ..)| *node);
        refused.dedup_by_key(|(node, ..)| *node);
        if refused.is_empty() {
            return;
        }
        let left: HashSet<u32> = self.hosts.iter().map(|host| host.origin.node).collect();
        for (node, name, active) in refused {
            let gives_none = active && !left.contains(&node);
            if let (true, Ok(name)) = (gives_none, Label::new(name.to_string())) {
                self.skipped.push(Skipped { name, why: WhySkipped::Refused });
            }
        }
        refusals.dedup();
        self.refusals.extend(refusals);
        self.order_skipped();
    }

    fn order_skipped(&mut self) {
        self.skipped.sort_by(|a, b| natural(a.name.as_str(), b.name.as_str()));
    }

    fn add(&mut self, node: &wire::Node<'a>) {
        let at = self.count;
        self.count += 1;
        let gone = match (&node.terminated_at, &node.is_detached) {
            (Value::Text(_), _) => Some(WhySkipped::Terminated),
            (_, Value::Bool(true)) => Some(WhySkipped::Detached),
            _ => None,
        };
        let active = gone.is_none();
        let mut refusals = Vec::new();
        let hosts = check_node(node, at, active, &mut refusals);
        self.living += usize::from(active);
        let refused = !refusals.is_empty();
        if active { &mut self.refusals } else { &mut self.inactive_refusals }.extend(refusals);
        let unconnected = node.connections.as_ref().is_none_or(Vec::is_empty);
        let skip = |why| Skipped { name: shown_name(node, at), why };
        let failure = hosts.first().filter(|_| active).zip(failure(&node.installation_failure));
        self.failed.extend(failure.map(|(host, why)| Failed { node: host.node.clone(), why }));
        match gone {
            Some(why) if unconnected => self.skipped.push(skip(why)),
            Some(why) => self.inactive.push(skip(why)),
            None if unconnected && !refused => self.skipped.push(skip(no_connection(node))),
            None if hosts.is_empty() => self.skipped.push(skip(WhySkipped::Refused)),
            None => {}
        }
        self.hosts.extend(hosts);
    }
}

/// A text of a node that gives no host, for a note: what does not fit is left out, for it has been
/// refused where that matters.
fn label<'a>(value: &Value<'a>) -> Option<Label<'a>> {
    match value {
        Value::Text(text) if !text.is_empty() => Label::new(text.clone()).ok(),
        _ => None,
    }
}

/// How much of a reason is told that is no label, in characters.
const REASON: usize = 300;

/// Why an installation failed. That it did counts even where its reason has many lines, or is none
/// that can be told.
fn failure<'a>(value: &Value<'a>) -> Option<Label<'a>> {
    let text = value.text().map(str::trim).filter(|text| !text.is_empty())?;
    let shown = || Label::new(Excerpt::new(text, REASON).to_string());
    label(value).or_else(|| shown().ok()).or_else(|| Label::new("unreadable reason").ok())
}

fn shown_name<'a>(node: &wire::Node<'a>, at: u32) -> Label<'a> {
    label(&node.name).unwrap_or_else(|| Label::of_place("nodes", at))
}

fn no_connection<'a>(node: &wire::Node<'a>) -> WhySkipped<'a> {
    WhySkipped::NoConnection {
        status: label(&node.status),
        progress: match node.installation_progress {
            Value::Integer(progress) => Some(progress),
            _ => None,
        },
        failure: failure(&node.installation_failure),
    }
}

fn check_node<'a>(
    node: &wire::Node<'a>,
    at: u32,
    active: bool,
    refusals: &mut Vec<Refusal>,
) -> Vec<Host<'a>> {
    let path = || format!("nodes[{at}].");
    let mut check = Checker::new(refusals, &path);
    let terminated = check.optional("terminatedAt", &node.terminated_at, Ok);
    let detached = check.flag("isDetached", &node.is_detached);
    let id = check.required("id", &node.id, Id::new);
    let name = check.required("name", &node.name, Label::new);
    let status = check.optional("status", &node.status, Label::new);
    let gpu_name = check.optional("gpuName", &node.gpu_name, Label::new);
    let gpu_count = check.number("gpuCount", &node.gpu_count, 0, count);
    let shared = || -> Result<Shared<'a>, Refused> {
        terminated?;
        detached?;
        let id = id?;
        let name = Slug::of_name(name?.as_cow(), id.as_str());
        Ok(Shared { id, name, status: status?, gpu_name: gpu_name?, gpu_count: gpu_count? })
    }();

    let mut hosts = Vec::new();
    for (connection, index) in node.connections.iter().flatten().zip(0..) {
        let origin =
            Origin { node: at, connection: index, active, main: false, of_control_node: false };
        // Its values are checked even where the node's own are refused: all are told at once.
        if let Ok(host) = check_connection(connection, origin, shared.as_ref().ok(), refusals) {
            hosts.push(host);
        }
    }
    order_connections(&mut hosts);
    hosts
}

fn check_connection<'a>(
    wire: &wire::Connection<'a>,
    origin: Origin,
    node: Option<&Shared<'a>>,
    refusals: &mut Vec<Refusal>,
) -> Result<Host<'a>, Refused> {
    let path = || format!("nodes[{}].connections[{}].", origin.node, origin.connection);
    let mut check = Checker::new(refusals, &path);
    let machine = check.required("podId", &wire.pod_id, Id::new);
    let host_name = check.required("host", &wire.host, HostName::new);
    let port = check.number("port", &wire.port, Port::SSH, Port::new);
    let user = check.required("user", &wire.user, UserName::new);
    let role = check.optional("role", &wire.role, Label::new);
    let control = check.flag("isControlNode", &wire.is_control_node);
    let (machine, host_name, port, user) = (machine?, host_name?, port?, user?);
    let (role, control, node) = (role?, control?, node.ok_or(Refused)?);
    Ok(Host {
        name: node.name.clone(),
        node: node.id.clone(),
        machine,
        host_name,
        port,
        user,
        role,
        status: node.status.clone(),
        gpu_name: node.gpu_name.clone(),
        gpu_count: node.gpu_count,
        control,
        jumps: false,
        jump_only: false,
        origin,
    })
}

/// The same connection twice is one, and the main one comes first: the control one, else the
/// lowest port, host, user. Nothing depends on the order of the answer.
fn order_connections(hosts: &mut Vec<Host<'_>>) {
    if hosts.len() > 1 {
        let rank = |host: &Host<'_>| {
            (!host.control, host.machine.to_string(), host.role.clone().map(|r| r.to_string()))
        };
        hosts.sort_by(|a, b| a.endpoint().cmp(&b.endpoint()).then_with(|| rank(a).cmp(&rank(b))));
        hosts.dedup_by(|b, a| a.endpoint() == b.endpoint());
        hosts.sort_by(|a, b| {
            let key = |host: &Host<'_>| (!host.control, host.port);
            key(a).cmp(&key(b)).then_with(|| (&a.host_name, &a.user).cmp(&(&b.host_name, &b.user)))
        });
    }
    let of_control_node = hosts.iter().any(|host| host.control);
    for host in hosts.iter_mut() {
        host.origin.of_control_node = of_control_node;
    }
}
