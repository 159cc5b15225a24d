//! From the wire to checked values: each value becomes part of a host, or a [`Refusal`] with its
//! JSON path.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::model::{Cluster, Host, Node, Skipped, SshKey, WhySkipped};
use super::naming::natural;
use super::refusal::{Checker, KEPT, Refusal, Refusals, Refused};
use crate::api::wire::{self, Malformed, Value};
use crate::name::{HostName, Id, Invalid, Label, Port, Slug, UserName};
use crate::text::sanitize::excerpt;

/// One cluster of an answer, checked: everything that the answer says, before hosts are selected.
#[derive(Debug)]
pub struct CheckedCluster<'a> {
    /// The cluster, unless one of its own values was refused.
    pub cluster: Option<Cluster<'a>>,
    pub(super) nodes: Nodes<'a>,
    /// The refusals of the cluster's own values.
    pub(super) refusals: Refusals,
    /// The start of every path: `data.`, `data[3].` or nothing.
    pub(super) root: String,
    /// Its name for messages: the file, or what the API was asked for.
    pub label: String,
}

impl<'a> CheckedCluster<'a> {
    /// Parses and checks what the API answered to Get Cluster. `label` names the cluster in
    /// messages if its own name is refused.
    pub fn of(text: &'a str, label: &str) -> Result<Self, Malformed> {
        let mut clusters = Self::of_file(text, label)?;
        let last = clusters.pop().filter(|last| !last.is_of_list());
        last.ok_or_else(|| Malformed::at("data", "a list instead of one cluster"))
    }

    /// Parses and checks a file, which holds at least one cluster.
    pub fn of_file(text: &'a str, label: &str) -> Result<Vec<Self>, Malformed> {
        let clusters = wire::parse(text)?.into_iter().map(|(root, wire)| {
            let element = root.strip_suffix('.').filter(|root| root.ends_with(']'));
            let label = element.map_or(label.to_owned(), |at| format!("{label}: {at}"));
            Self::check(wire, root, label)
        });
        Ok(clusters.collect())
    }

    fn check(wire: wire::Cluster<'a, Nodes<'a>>, root: String, label: String) -> Self {
        let mut refusals = Refusals::default();
        let cluster = check_cluster(&wire, &root, &mut refusals).ok();
        let mut nodes = wire.nodes;
        for refusal in nodes.refusals.first.iter_mut().chain(&mut nodes.inactive_refusals.first) {
            refusal.path.insert_str(0, &root);
        }
        nodes.hosts.shrink_to_fit();
        Self { cluster, nodes, refusals, root, label }
    }

    /// Returns whether it stands in a list, which may be without a cluster that is gone.
    #[must_use]
    pub fn is_of_list(&self) -> bool {
        self.root.starts_with("data[")
    }

    /// The cluster's id, unless it was refused.
    #[must_use]
    pub fn id(&self) -> Option<&Id<'a>> {
        self.cluster.as_ref().map(|cluster| &cluster.id)
    }

    /// The second part of its hosts' aliases if no other cluster wants the same.
    #[must_use]
    pub fn wanted_name(&self) -> Option<Slug<'a>> {
        let of_name =
            |cluster: &Cluster<'a>| Slug::of_name(cluster.name.as_cow(), cluster.id.as_str());
        self.cluster.as_ref().map(of_name)
    }

    /// The refusals of the cluster's own values.
    #[must_use]
    pub fn refusals(&self) -> &[Refusal] {
        &self.refusals.first
    }

    /// The login names of its hosts, each once.
    #[must_use]
    pub fn users(&self) -> BTreeSet<&str> {
        self.nodes.hosts.iter().map(|host| host.user.as_str()).collect()
    }
}

fn check_cluster<'a>(
    wire: &wire::Cluster<'a, Nodes<'a>>,
    root: &str,
    refusals: &mut Refusals,
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
    let terminated = check.optional("terminatedAt", &wire.terminated_at, Label::new);
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
        terminated_at: terminated?,
        ssh_keys: wire.ssh_keys.0.iter().map(ssh_key).collect(),
    })
}

/// A key that is no text is no reason to refuse a cluster: only people read it.
fn ssh_key<'a>(key: &wire::SshKey<'a>) -> SshKey<'a> {
    let text = key.public_key.text().map(|text| text.trim().to_owned());
    let public_key = text.filter(|text| !text.is_empty()).and_then(|text| Label::long(text).ok());
    SshKey { role: label(&key.role), public_key }
}

fn count(number: i64) -> Result<u32, Invalid> {
    u32::try_from(number).map_err(|_| Invalid::because("not a valid count"))
}

/// The nodes of a cluster, each checked as soon as it is parsed.
#[derive(Debug, Default)]
pub(super) struct Nodes<'a> {
    pub(super) hosts: Vec<Host<'a>>,
    pub(super) skipped: Vec<Skipped<'a>>,
    /// Refusals of active nodes.
    pub(super) refusals: Refusals,
    /// Refusals of terminated and detached nodes: they matter only if those nodes are asked for.
    inactive_refusals: Refusals,
    /// Terminated and detached nodes that have connections.
    inactive: Vec<Skipped<'a>>,
    pub(super) active_count: usize,
    count: u32,
}

impl<'a> Extend<wire::Node<'a>> for Nodes<'a> {
    fn extend<T: IntoIterator<Item = wire::Node<'a>>>(&mut self, nodes: T) {
        for node in nodes {
            self.add(&node);
        }
    }
}

impl<'a> Nodes<'a> {
    fn add(&mut self, wire: &wire::Node<'a>) {
        let index = self.count;
        self.count += 1;
        let gone = match (&wire.terminated_at, &wire.is_detached) {
            (Value::Text(_), _) => Some(WhySkipped::Terminated),
            (_, Value::Bool(true)) => Some(WhySkipped::Detached),
            _ => None,
        };
        let active = gone.is_none();
        self.active_count += usize::from(active);
        let refusals = if active { &mut self.refusals } else { &mut self.inactive_refusals };
        let hosts = self.hosts.len();
        let node = check_node(wire, index, active, refusals);
        for (connection, at) in wire.connections.iter().zip(0..) {
            // Checked even if the node itself is refused: all refusals are told at once.
            if let Ok(host) = check_connection(connection, at, index, node.as_ref(), refusals) {
                self.hosts.push(host);
            }
        }
        let gives_host = self.hosts.len() > hosts;
        if self.hosts.len() > hosts + 1 {
            let mut of_node = self.hosts.split_off(hosts);
            order_connections(&mut of_node);
            self.hosts.append(&mut of_node);
        }
        let of_node = self.hosts.get_mut(hosts..).unwrap_or_default();
        let of_control_node = of_node.iter().any(|host| host.control);
        for host in of_node {
            host.of_control_node = of_control_node;
        }
        let unconnected = wire.connections.is_empty();
        let name = || label(&wire.name).unwrap_or_else(|| Label::of_place("nodes", index));
        match gone {
            Some(why) if unconnected => self.skipped.push(Skipped::new(name(), why)),
            Some(why) => self.inactive.push(Skipped::new(name(), why)),
            None if gives_host => {}
            None => match node {
                Ok((node, _)) if unconnected => {
                    self.skipped.push(no_connection(wire, name(), node.id.clone()));
                }
                // Beyond as many refusals as are kept, refused nodes are counted only.
                _ if self.refusals.more > 0 => {}
                _ => self.skipped.push(Skipped::new(name(), WhySkipped::ValueRefused)),
            },
        }
    }

    /// Decides on terminated and detached nodes: whether they count like the others, or are
    /// skipped with whatever is wrong with them.
    pub(super) fn settle_inactive(&mut self, included: bool) {
        let inactive_refusals = std::mem::take(&mut self.inactive_refusals);
        if included {
            self.refusals.append(inactive_refusals);
        } else {
            self.hosts.retain(Host::is_active);
            self.skipped.append(&mut self.inactive);
        }
        self.order_skipped();
    }

    /// Refuses every host that `refusal_of` returns a refusal for.
    pub(super) fn refuse(&mut self, mut refusal_of: impl FnMut(&Host<'a>) -> Option<Refusal>) {
        let Self { hosts, skipped, refusals, .. } = self;
        let mut last_path = String::new();
        let mut left_by = Vec::new();
        hosts.retain(|host| {
            let Some(refusal) = refusal_of(host) else { return true };
            // Hosts of one node share its id, which is refused once.
            if refusal.path != last_path {
                last_path.clone_from(&refusal.path);
                refusals.add(|| refusal);
            }
            if left_by.len() < KEPT && host.node.active {
                left_by.push((host.node.index, host.name.clone()));
            }
            false
        });
        left_by.dedup_by_key(|(node, _)| *node);
        for (node, name) in left_by {
            let is_left = hosts.binary_search_by_key(&node, |host| host.node.index).is_ok();
            if let (false, Ok(name)) = (is_left, Label::new(name.to_string())) {
                skipped.push(Skipped::new(name, WhySkipped::ValueRefused));
            }
        }
        self.order_skipped();
    }

    fn order_skipped(&mut self) {
        self.skipped.sort_unstable_by(|a, b| {
            let (a, b) = (a.name.as_str(), b.name.as_str());
            natural(a, b).then_with(|| a.cmp(b))
        });
    }
}

/// A text of a node that gives no host, for a note; `None` if it is not fit for one.
fn label<'a>(value: &Value<'a>) -> Option<Label<'a>> {
    match value {
        Value::Text(text) if !text.is_empty() => Label::new(text.clone()).ok(),
        _ => None,
    }
}

/// The most characters that are shown of a reason that is not a label.
const REASON: usize = 300;

/// Returns the reason that an installation failed. A reason that cannot be shown still says that it
/// failed.
fn failure<'a>(value: &Value<'a>) -> Option<Label<'a>> {
    let text = value.text().map(str::trim).filter(|text| !text.is_empty())?;
    let shown = || Label::new(excerpt(text, REASON));
    label(value).or_else(|| shown().ok()).or_else(|| Label::new("unreadable reason").ok())
}

fn no_connection<'a>(node: &wire::Node<'a>, name: Label<'a>, id: Id<'a>) -> Skipped<'a> {
    Skipped {
        name,
        why: WhySkipped::NoConnection,
        id: Some(id),
        status: label(&node.status),
        installation_progress: match node.installation_progress {
            Value::Integer(progress) => Some(progress),
            _ => None,
        },
        installation_failure: failure(&node.installation_failure),
    }
}

/// A checked node, with the slug that its hosts are named by.
type NamedNode<'a> = (Arc<Node<'a>>, Slug<'a>);

fn check_node<'a>(
    wire: &wire::Node<'a>,
    index: u32,
    active: bool,
    refusals: &mut Refusals,
) -> Result<NamedNode<'a>, Refused> {
    let path = || format!("nodes[{index}].");
    let mut check = Checker::new(refusals, &path);
    let terminated = check.optional("terminatedAt", &wire.terminated_at, Ok);
    let detached = check.flag("isDetached", &wire.is_detached);
    let id = check.required("id", &wire.id, Id::new);
    let name = check.required("name", &wire.name, Label::new);
    let status = check.optional("status", &wire.status, Label::new);
    let gpu_name = check.optional("gpuName", &wire.gpu_name, Label::new);
    let gpu_count = check.number("gpuCount", &wire.gpu_count, 0, count);
    terminated?;
    detached?;
    let id = id?;
    let slug = Slug::of_name(name?.as_cow(), id.as_str());
    let (status, gpu_name, gpu_count) = (status?, gpu_name?, gpu_count?);
    let failure = failure(&wire.installation_failure).filter(|_| active);
    let node = Node { id, status, gpu_name, gpu_count, active, failure, index };
    Ok((Arc::new(node), slug))
}

fn check_connection<'a>(
    wire: &wire::Connection<'a>,
    connection: u32,
    index: u32,
    node: Result<&NamedNode<'a>, &Refused>,
    refusals: &mut Refusals,
) -> Result<Host<'a>, Refused> {
    let path = || format!("nodes[{index}].connections[{connection}].");
    let mut check = Checker::new(refusals, &path);
    let machine = check.required("podId", &wire.pod_id, Id::new);
    let host_name = check.required("host", &wire.host, HostName::new);
    let port = check.number("port", &wire.port, Port::SSH, Port::new);
    let user = check.required("user", &wire.user, UserName::new);
    let role = check.optional("role", &wire.role, Label::new);
    let control = check.flag("isControlNode", &wire.is_control_node);
    let (machine, host_name, port, user) = (machine?, host_name?, port?, user?);
    let (role, control, (node, name)) = (role?, control?, node.map_err(|&refused| refused)?);
    Ok(Host {
        name: name.clone(),
        node: Arc::clone(node),
        machine,
        host_name,
        port,
        user,
        role,
        control,
        jumps: false,
        jump_only: false,
        connection,
        main: false,
        of_control_node: false,
        shares_machine: false,
        is_ambiguous: false,
    })
}

/// Makes one of equal connections, and puts the main one first: the control one, else the lowest
/// port, host, user. Nothing depends on the order of the answer.
fn order_connections(hosts: &mut Vec<Host<'_>>) {
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
