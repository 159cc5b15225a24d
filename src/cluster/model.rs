//! Checked clusters, their nodes and hosts: what every output is made from.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use super::jump::{Jump, JumpHost};
use crate::name::{HostName, Id, Label, Port, Slug, UserName};

/// A node: one computer of a cluster. Its hosts share it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node<'a> {
    /// Its id.
    pub id: Id<'a>,
    /// Its status, in the API's words.
    pub status: Option<Label<'a>>,
    /// Its kind of GPU.
    pub gpu_name: Option<Label<'a>>,
    /// Its number of GPUs.
    pub gpu_count: u32,
    /// True if it is neither terminated nor detached.
    pub active: bool,
    /// The reason that its installation failed, if it did and the node is active.
    pub failure: Option<Label<'a>>,
    /// Its index in the answer.
    pub(super) index: u32,
}

/// One way into one machine: one `Host` of an ssh_config, one host of an inventory.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Host<'a> {
    /// The last part of its alias, unique in the fleet.
    pub name: Slug<'a>,
    /// The node that it leads to.
    pub node: Arc<Node<'a>>,
    /// The id of the machine (`podId`), which its host key is remembered by.
    pub machine: Id<'a>,
    /// The host that ssh connects to.
    pub host_name: HostName<'a>,
    /// On which port.
    pub port: Port,
    /// As whom.
    pub user: UserName<'a>,
    /// Its job, in the API's words.
    pub role: Option<Label<'a>>,
    /// True if this connection leads to a control node; all others lead to workers.
    pub control: bool,
    /// True if it is reached through the fleet's [`Jump`].
    pub jumps: bool,
    /// True if it is here only because others jump through it: it was not selected itself.
    pub jump_only: bool,
    /// The index of its connection in the node.
    pub(super) connection: u32,
    /// True if it is its node's main connection, which gets the plain name.
    pub main: bool,
    /// True if any connection of its node is a control node's: such nodes come first.
    pub(super) of_control_node: bool,
    /// True if its machine has several SSH servers in this cluster.
    pub(super) shares_machine: bool,
    /// True if the answers give its machine and server several places: the API may be wrong.
    pub is_ambiguous: bool,
}

impl Host<'_> {
    /// Returns the name that `known_hosts` holds its key under (`ssh_config(5)`, `HostKeyAlias`):
    /// `prime-<machine>`, and `.<port>` if the machine has several SSH servers; no id has a dot.
    ///
    /// It follows the machine and not its address, so a recycled address is a new machine, and a
    /// server that moves to another port is still the old one.
    #[must_use]
    pub fn host_key_alias(&self) -> String {
        let alias = ["prime-", self.machine.as_str()].concat();
        if self.shares_machine { format!("{alias}.{}", self.port) } else { alias }
    }

    /// Returns `USER@HOST:PORT`, for a person.
    #[must_use]
    pub fn destination(&self) -> String {
        destination(&self.user, &self.host_name, self.port)
    }

    /// Returns whether its node is neither terminated nor detached.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.node.active
    }

    /// Returns what tells two connections of a node apart.
    pub(super) fn endpoint(&self) -> (&HostName<'_>, Port, &UserName<'_>) {
        (&self.host_name, self.port, &self.user)
    }
}

/// `USER@HOST:PORT`, an IPv6 address in brackets.
pub(super) fn destination(user: &UserName<'_>, host_name: &HostName<'_>, port: Port) -> String {
    if host_name.address().is_some_and(|address| address.is_ipv6()) {
        format!("{user}@[{host_name}]:{port}")
    } else {
        format!("{user}@{host_name}:{port}")
    }
}

/// The cluster as a whole, as the answer describes it. Serialized, it is a part of
/// [`data`](crate::render::data): what is not for everybody is skipped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cluster<'a> {
    /// Its id.
    pub id: Id<'a>,
    /// Its name as a person gave it.
    pub name: Label<'a>,
    /// The provider of the machines.
    pub provider: Option<Label<'a>>,
    /// Its status, as the API says it.
    pub status: Option<Label<'a>>,
    /// Its kind of GPU.
    pub gpu_name: Option<Label<'a>>,
    /// The number of GPUs in all.
    pub gpu_count: u32,
    /// The scheduler of its jobs.
    pub orchestrator: Option<Label<'a>>,
    /// The team that it belongs to.
    #[serde(rename = "team_id")]
    pub team: Option<Label<'a>>,
    /// True if it lets people in with a short-lived certificate only.
    pub vault_enabled: bool,
    /// The time of its termination, if it was terminated.
    #[serde(skip)]
    pub terminated_at: Option<Label<'a>>,
    /// The keys that are authorized on its hosts.
    #[serde(skip)]
    pub ssh_keys: Vec<SshKey<'a>>,
}

impl Cluster<'_> {
    /// Returns whether the API says that it is gone.
    #[must_use]
    pub fn is_terminated(&self) -> bool {
        self.terminated_at.is_some()
    }
}

/// A key that is authorized on a cluster's hosts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SshKey<'a> {
    /// Whose it is, in the API's words.
    pub role: Option<Label<'a>>,
    /// The line of an `authorized_keys` file, which nobody has parsed yet; `None` where the answer
    /// holds no text that could be one.
    pub public_key: Option<Label<'a>>,
}

/// A node that gives no host. Serialized, it is a part of [`data`](crate::render::data).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Skipped<'a> {
    /// Its name, or where it stands in the answer where it has none.
    pub name: Label<'a>,
    /// The reason that it gives none.
    #[serde(rename = "reason")]
    pub why: WhySkipped,
    /// Of one without a connection: its id.
    #[serde(skip)]
    pub id: Option<Id<'a>>,
    /// Of one without a connection: its status, as the API says it.
    pub status: Option<Label<'a>>,
    /// Of one without a connection: how far its installation is, on the API's own scale.
    pub installation_progress: Option<i64>,
    /// Of one without a connection: why its installation failed, where it did.
    pub installation_failure: Option<Label<'a>>,
}

/// The reason that a node gives no host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WhySkipped {
    /// It was terminated.
    Terminated,
    /// It was taken out of the cluster.
    Detached,
    /// It has no connection yet.
    NoConnection,
    /// Each of its connections, or the node itself, holds a value that was refused.
    ValueRefused,
}

/// The word for programs.
impl fmt::Display for WhySkipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

impl<'a> Skipped<'a> {
    pub(super) fn new(name: Label<'a>, why: WhySkipped) -> Self {
        let (status, installation_progress, installation_failure) = (None, None, None);
        Self { name, why, id: None, status, installation_progress, installation_failure }
    }

    /// Returns whether the node is in the cluster: it should give a host, and does not.
    #[must_use]
    pub fn is_active(&self) -> bool {
        matches!(self.why, WhySkipped::NoConnection | WhySkipped::ValueRefused)
    }

    /// The reason that it gives no host, with all that is known of it, for a person.
    #[must_use]
    pub fn explained(&self) -> String {
        let mut text = match self.why {
            WhySkipped::Terminated => "terminated",
            WhySkipped::Detached => "detached from the cluster",
            WhySkipped::ValueRefused => "a value of it was refused",
            WhySkipped::NoConnection => "no connection yet",
        }
        .to_owned();
        if let Some(status) = &self.status {
            text.extend([", status ", status.as_str()]);
        }
        if let Some(progress) = self.installation_progress {
            text.extend([", installation progress ", &progress.to_string()]);
        }
        if let Some(failure) = &self.installation_failure {
            text.extend([", installation failed: ", failure.as_str()]);
        }
        text
    }
}

/// A cluster's hosts: at least one, each with a name of its own, in a stable order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fleet<'a> {
    /// The first part of every alias.
    pub prefix: Slug<'a>,
    /// The second part of every alias, unique in the run.
    pub name: Slug<'a>,
    /// The cluster as the answer describes it.
    pub cluster: Cluster<'a>,
    /// The hosts: control nodes first, then by the natural order of names.
    pub hosts: Vec<Host<'a>>,
    /// The way to the hosts that jump.
    pub jump: Option<Jump<'a>>,
    /// The host that leads to everything else, and to the host that others jump through.
    pub bastion: Option<JumpHost>,
    /// The number of nodes that are neither terminated nor detached.
    pub active_nodes: usize,
    /// The nodes that give no host.
    pub skipped: Vec<Skipped<'a>>,
    /// The index of the host that `<prefix>.<cluster>` leads to.
    pub(super) entry: usize,
}

impl<'a> Fleet<'a> {
    /// `<prefix>.<cluster>`: the name of the whole cluster, which leads to [`Fleet::entry`]. A dot
    /// separates, because a [`Slug`] holds none: no cluster's pattern catches another's hosts.
    #[must_use]
    pub fn alias(&self) -> String {
        [self.prefix.as_str(), ".", self.name.as_str()].concat()
    }

    /// `<prefix>.<cluster>.<node>`: the name of one of its hosts.
    #[must_use]
    pub fn alias_of(&self, host: &Host<'_>) -> String {
        self.alias_of_node(&host.name)
    }

    /// The name that a node without a host would have, which leads nowhere: no text of the API's,
    /// for a program may hand it to ssh.
    #[must_use]
    pub fn alias_of_skipped(&self, node: &Skipped<'_>) -> String {
        self.alias_of_node(&Slug::of_name(node.name.as_cow(), node.name.as_str()))
    }

    fn alias_of_node(&self, node: &Slug<'_>) -> String {
        [self.prefix.as_str(), ".", self.name.as_str(), ".", node.as_str()].concat()
    }

    /// Returns what one of its hosts jumps through, raw as `ProxyJump` takes it (`ssh_config(5)`);
    /// `None` where it is reached directly.
    #[must_use]
    pub fn proxy_jump(&self, host: &Host<'_>) -> Option<String> {
        match (&self.bastion, self.jump.as_ref().filter(|_| host.jumps)) {
            // The control node's own block has the bastion.
            (_, Some(Jump::ControlNode(name))) => Some(self.alias_of_node(name)),
            (Some(bastion), Some(Jump::Via(via))) if via != bastion => {
                Some(format!("{bastion},{via}"))
            }
            (_, Some(Jump::Via(host))) | (Some(host), None) => Some(host.to_string()),
            (None, None) => None,
        }
    }

    /// The host that the cluster's own name leads to: the first control node, or the first host.
    #[must_use]
    pub fn entry(&self) -> Option<&Host<'a>> {
        self.hosts.get(self.entry)
    }
}
