//! The Ansible inventory: one model, written as YAML, INI or JSON, or as a script answers.
//!
//! All of them load to the same; what Ansible makes of each kind of value was measured. What all
//! hosts of a cluster share stands once, as variables of the cluster's group.

mod connection;
mod group;
mod json;
mod value;

use std::collections::BTreeMap;
use std::io;
use std::rc::Rc;

use askama::Template;

use connection::Connections;
pub use connection::check_option;
use group::GroupName;
pub use group::{GroupRequest, Members, group_part};
use value::{Value, Variable};

use super::sockets::SocketNames;
use super::{blocks, login};
use crate::cluster::{Fleet, Host};
use crate::name::Alias;

/// What the inventory says beyond the hosts themselves.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// How to log in, and what to trust.
    pub login: login::Options,
    /// Leaves connecting to ssh's own config: only names, groups and `prime_` variables.
    pub use_ssh_config: bool,
    /// Further groups.
    pub groups: Vec<GroupRequest>,
    /// Bytes of the path of the user's home folder, where Ansible keeps its sockets.
    pub home_length: usize,
}

/// How a static inventory is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// For Ansible's `yaml` plugin.
    #[default]
    Yaml,
    /// For Ansible's `ini` plugin.
    Ini,
    /// For Ansible's `yaml` plugin too; the layout is not the one of `ansible-inventory --list`.
    Json,
}

/// Writes an inventory file of these fleets. The same fleets and options give the same bytes.
///
/// # Errors
///
/// Where the writer fails; or where a value holds a control character, which the checked types
/// rule out.
pub fn render(
    fleets: &[Fleet<'_>],
    options: &Options,
    format: Format,
    to: &mut dyn io::Write,
) -> io::Result<()> {
    let inventory = Inventory::of(fleets, options);
    match format {
        Format::Yaml => blocks::write(&Yaml { inventory }, to),
        Format::Ini => blocks::write(&Ini { inventory }, to),
        Format::Json => json::write_static(&inventory, to),
    }
}

/// Writes what an inventory script answers to `--list`: all groups, hosts and variables.
///
/// # Errors
///
/// Where the writer fails.
pub fn list(fleets: &[Fleet<'_>], options: &Options, to: &mut dyn io::Write) -> io::Result<()> {
    json::write_list(&Inventory::of(fleets, options), to)
}

/// Writes what an inventory script answers to `--host NAME`: the variables of one host.
///
/// # Errors
///
/// Where the writer fails, or where there is no such host ([`io::ErrorKind::NotFound`]).
pub fn host(
    fleets: &[Fleet<'_>],
    options: &Options,
    name: &str,
    to: &mut dyn io::Write,
) -> io::Result<()> {
    let inventory = Inventory::of(fleets, options);
    let hosts = inventory.clusters().flat_map(ClusterView::hosts);
    match hosts.into_iter().find(|host| host.alias().to_string() == name) {
        Some(host) => json::write_host(&host, to),
        None => Err(io::ErrorKind::NotFound.into()),
    }
}

/// Whether there is a host of this name.
#[must_use]
pub fn has_host(fleets: &[Fleet<'_>], name: &str) -> bool {
    fleets.iter().any(|fleet| hosts_of(fleet).any(|host| fleet.alias_of(host).to_string() == name))
}

#[derive(Template)]
#[template(path = "inventory.yml.j2", escape = "inventory", whitespace = "preserve")]
struct Yaml<'f> {
    inventory: Inventory<'f>,
}

#[derive(Template)]
#[template(path = "inventory.ini.j2", escape = "inventory", whitespace = "preserve")]
struct Ini<'f> {
    inventory: Inventory<'f>,
}

/// The whole inventory as the templates see it.
struct Inventory<'f> {
    clusters: Vec<ClusterView<'f>>,
    groups: Vec<Group<'f>>,
}

/// A group that has hosts and no variables.
struct Group<'f> {
    name: GroupName,
    hosts: Vec<Alias<'f>>,
}

impl<'f> Inventory<'f> {
    fn of(fleets: &'f [Fleet<'f>], options: &'f Options) -> Self {
        let sockets = Rc::new(connection::sockets(fleets, options));
        let view = |fleet| ClusterView::new(fleet, options, &sockets);
        let clusters = fleets.iter().map(view).collect();
        Self { clusters, groups: groups(fleets, &options.groups) }
    }

    fn clusters(&self) -> impl Iterator<Item = &ClusterView<'f>> {
        self.clusters.iter()
    }

    fn groups(&self) -> impl Iterator<Item = &Group<'f>> {
        self.groups.iter()
    }
}

/// The hosts of a fleet; one that others only jump through is none.
fn hosts_of<'f>(fleet: &'f Fleet<'f>) -> impl Iterator<Item = &'f Host<'f>> {
    fleet.hosts.iter().filter(|host| !host.jump_only)
}

/// All groups but those of the clusters. `control` and `worker` are there even where they have no
/// host, so that a play for them is not a mistake.
fn groups<'f>(fleets: &'f [Fleet<'f>], requests: &'f [GroupRequest]) -> Vec<Group<'f>> {
    let mut halves = [Vec::new(), Vec::new()];
    let mut labelled = BTreeMap::<GroupName, Vec<Alias<'f>>>::new();
    for (fleet, host) in fleets.iter().flat_map(|f| hosts_of(f).map(move |host| (f, host))) {
        let alias = fleet.alias_of(host);
        let [control, worker] = &mut halves;
        if host.control { control } else { worker }.push(alias);
        for (prefix, label) in
            [("gpu", &host.node.gpu_name), ("role", &host.role), ("status", &host.node.status)]
        {
            let name = label.as_ref().and_then(|label| GroupName::of_label(prefix, label));
            if let Some(name) = name {
                labelled.entry(name).or_default().push(alias);
            }
        }
    }
    let [control, worker] = halves;
    let mut groups = vec![
        Group { name: GroupName::control(), hosts: control },
        Group { name: GroupName::worker(), hosts: worker },
    ];
    groups.extend(labelled.into_iter().map(|(name, hosts)| Group { name, hosts }));
    groups.extend(requested(fleets, requests));
    groups
}

/// The groups that were asked for. One that is asked for twice has the hosts of both.
fn requested<'f>(
    fleets: &'f [Fleet<'f>],
    requests: &'f [GroupRequest],
) -> impl Iterator<Item = Group<'f>> {
    let first = |at: usize, name: &GroupName| {
        !requests.iter().take(at).any(|earlier| earlier.name() == name)
    };
    let asked = move |(at, request): (usize, &'f GroupRequest)| {
        (!request.name().is_ours() && first(at, request.name())).then_some(request.name())
    };
    requests.iter().enumerate().filter_map(asked).map(move |name| {
        let takes = |host: &Host<'_>| {
            requests.iter().any(|request| request.name() == name && request.takes(host))
        };
        let hosts = fleets.iter().flat_map(|fleet| {
            hosts_of(fleet).filter(|host| takes(host)).map(|host| fleet.alias_of(host))
        });
        Group { name: name.clone(), hosts: hosts.collect() }
    })
}

impl<'f> Group<'f> {
    fn name(&self) -> &GroupName {
        &self.name
    }

    fn hosts(&self) -> impl Iterator<Item = Alias<'f>> {
        self.hosts.iter().copied()
    }
}

/// A cluster's group as the templates see it.
struct ClusterView<'f> {
    fleet: &'f Fleet<'f>,
    /// How its hosts are reached, unless ssh's own config says that.
    connections: Option<Connections<'f>>,
    name: GroupName,
    /// What may be the same on all hosts, and is.
    shared: Vec<Variable<'f>>,
}

impl<'f> ClusterView<'f> {
    fn new(fleet: &'f Fleet<'f>, options: &'f Options, sockets: &Rc<SocketNames<'f>>) -> Self {
        let reach = || Connections::new(fleet, options, Rc::clone(sockets));
        let connections = (!options.use_ssh_config).then(reach);
        let mut shared: Option<Vec<Variable<'f>>> = None;
        for host in hosts_of(fleet) {
            let of_host = shareable(host, options.use_ssh_config);
            match &mut shared {
                Some(shared) => shared.retain(|variable| of_host.contains(variable)),
                None => shared = Some(of_host),
            }
        }
        let name = GroupName::of_cluster(&fleet.name);
        Self { fleet, connections, name, shared: shared.unwrap_or_default() }
    }

    fn name(&self) -> &GroupName {
        &self.name
    }

    /// What stands once for all hosts.
    fn variables(&self) -> Vec<Variable<'_>> {
        let Fleet { cluster, nodes_living, skipped, .. } = self.fleet;
        let mut variables = Vec::new();
        if let Some(connections) = &self.connections {
            variables.extend(connections.of_all());
        }
        variables.extend(self.shared.iter().cloned());
        let living = skipped.iter().filter(|skipped| skipped.why.is_living());
        variables.extend([
            Variable::new("prime_cluster_id", Value::text(&cluster.id)),
            Variable::new("prime_cluster_name", Value::text(&cluster.name)),
            Variable::new("prime_nodes_total", Value::Number(*nodes_living as u64)),
            Variable::new("prime_nodes_skipped", Value::Skipped(living.collect())),
        ]);
        variables
    }

    fn hosts(&self) -> impl Iterator<Item = HostView<'_, 'f>> {
        hosts_of(self.fleet).map(|host| HostView { of: self, host })
    }
}

/// Variables of a host that may well be those of all.
fn shareable<'f>(host: &'f Host<'f>, use_ssh_config: bool) -> Vec<Variable<'f>> {
    let mut variables = Vec::with_capacity(7);
    if !use_ssh_config {
        variables.push(Variable::new("ansible_port", Value::Number(host.port.get().into())));
        variables.push(Variable::new("ansible_user", Value::text(&host.user)));
    }
    variables.extend([
        Variable::new("prime_role", Value::text_or_null(host.role.as_ref())),
        Variable::new("prime_status", Value::text_or_null(host.node.status.as_ref())),
        Variable::new("prime_gpu_name", Value::text_or_null(host.node.gpu_name.as_ref())),
        Variable::new("prime_gpu_count", Value::Number(host.node.gpu_count.into())),
        Variable::new("prime_control", Value::Flag(host.control)),
    ]);
    variables
}

/// A host as the templates see it.
struct HostView<'v, 'f> {
    of: &'v ClusterView<'f>,
    host: &'f Host<'f>,
}

impl<'v, 'f> HostView<'v, 'f> {
    fn alias(&self) -> Alias<'f> {
        self.of.fleet.alias_of(self.host)
    }

    /// What its group does not say already.
    fn variables(&self) -> Vec<Variable<'v>> {
        let mut variables = Vec::new();
        if let Some(connections) = &self.of.connections {
            variables.extend(connections.of_host(self.host));
        }
        let own = shareable(self.host, self.of.connections.is_none());
        variables.extend(own.into_iter().filter(|variable| !self.of.shared.contains(variable)));
        variables.extend([
            Variable::new("prime_node_id", Value::text(&self.host.node.id)),
            Variable::new("prime_pod_id", Value::text(&self.host.machine)),
        ]);
        variables
    }
}
