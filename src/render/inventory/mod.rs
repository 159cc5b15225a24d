//! The Ansible inventory: one model, written as YAML, INI or JSON, or as a script answers.
//!
//! All of them load to the same; what Ansible makes of each kind of value was measured. What most
//! hosts of a cluster share stands once, as a variable of the cluster's group: Ansible's own load
//! takes most of its time for the variables of hosts.

mod connection_variables;
mod group;
mod value;

use std::collections::BTreeMap;
use std::io;

use askama::Template;
use clap::ValueEnum;

use connection_variables::Connections;
pub use connection_variables::check_option;
use group::{CONTROL, WORKER, cluster_group};
pub use group::{GroupRequest, group_part, label_group};
use value::{Value, Variable};

use super::connection::{self, ConnectionOptions};
use crate::cluster::{Fleet, Host};
use crate::name::{Invalid, Label, is_template};

/// The options of an inventory, beyond the hosts themselves.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The options for logging in, and for what to trust.
    pub connection: ConnectionOptions,
    /// Leaves connecting to ssh's own config: only names, groups and `prime_` variables.
    pub use_ssh_config: bool,
    /// Further groups.
    pub groups: Vec<GroupRequest>,
}

/// The format of an inventory: a file for Ansible's `yaml` or `ini` plugin, or a script's answer. The
/// JSON is for `yaml` too; its layout is not the one of `ansible-inventory --list`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For .yml, .yaml, or a file without an extension
    Yaml,
    /// For .ini, or any other extension
    Ini,
    /// For .json: structured as the YAML, not as a script answers
    Json,
    /// What a script answers to `--list`. With its `_meta`, Ansible asks for no host by itself.
    #[value(skip)]
    Script,
}

/// Fails where Ansible would run something of what the inventory says: it takes each variable for a
/// template, and no format of a file can say that it is none. A folder may be named like one.
pub fn check(fleets: &[Fleet<'_>], options: &Options) -> Result<(), Invalid> {
    // All other texts are checked types, which no marker passes.
    let lines = fleets
        .iter()
        .filter(|_| !options.use_ssh_config)
        .flat_map(|fleet| connection::lines(&options.connection, &fleet.cluster));
    match lines.into_iter().find(|line| is_template(line.value())) {
        Some(line) => {
            let line = line.line();
            Err(Invalid::because(format!("{line}: a Jinja marker, which Ansible would run")))
        }
        None => Ok(()),
    }
}

/// Writes an inventory of these fleets. The same fleets and options give the same bytes.
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
    let clusters = clusters(fleets, options);
    let groups = groups(&clusters, &options.groups);
    Inventory { format, clusters: &clusters, groups }.write_into(to)
}

/// Returns what an inventory script answers to `--host NAME`: the variables of one host; `None`
/// where there is no such host.
#[must_use]
pub fn host(fleets: &[Fleet<'_>], options: &Options, name: &str) -> Option<String> {
    let clusters = clusters(fleets, options);
    hosts(&clusters).find(|host| host.alias == name).map(|host| host.json() + "\n")
}

/// The whole inventory as the templates see it.
#[derive(Template)]
#[template(path = "inventory.j2", escape = "inventory", whitespace = "preserve")]
struct Inventory<'v> {
    format: Format,
    clusters: &'v [ClusterView<'v>],
    groups: Vec<Group<'v>>,
}

/// A group that has hosts and no variables.
struct Group<'v> {
    name: String,
    hosts: Vec<&'v str>,
}

fn clusters<'f>(fleets: &'f [Fleet<'f>], options: &'f Options) -> Vec<ClusterView<'f>> {
    fleets.iter().map(|fleet| ClusterView::new(fleet, options)).collect()
}

/// The hosts of all clusters.
fn hosts<'v>(clusters: &'v [ClusterView<'v>]) -> impl Iterator<Item = HostView<'v>> {
    clusters.iter().flat_map(ClusterView::hosts)
}

/// All groups but those of the clusters. `control` and `worker` are there even where they have no
/// host, so that a play for them is not a mistake.
fn groups<'v>(clusters: &'v [ClusterView<'v>], requests: &[GroupRequest]) -> Vec<Group<'v>> {
    let members = |takes: &dyn Fn(&Host<'_>) -> bool| {
        hosts(clusters).filter(|view| takes(view.host)).map(|view| view.alias).collect()
    };
    let group = |name: &str, hosts| Group { name: name.to_owned(), hosts };
    let mut groups = vec![
        group(CONTROL, members(&|host| host.control)),
        group(WORKER, members(&|host| !host.control)),
    ];
    groups.extend(labeled(clusters));
    // One that is asked for twice has the hosts of both.
    let names: Vec<&str> = requests.iter().map(GroupRequest::name).collect();
    for (at, &name) in names.iter().enumerate() {
        let is_first = names.iter().position(|other| *other == name) == Some(at);
        if is_first && ![CONTROL, WORKER].contains(&name) {
            let requests = || requests.iter().filter(|request| request.name() == name);
            groups
                .push(group(name, members(&|host| requests().any(|request| request.takes(host)))));
        }
    }
    groups
}

/// A kind of label that hosts have: the word in front of the groups that are named for it, and the
/// label of a host.
type LabelKind = (&'static str, for<'h> fn(&'h Host<'h>) -> Option<&'h Label<'h>>);

const LABELS: [LabelKind; 3] = [
    ("gpu", |host| host.node.gpu_name.as_ref()),
    ("role", |host| host.role.as_ref()),
    ("status", |host| host.node.status.as_ref()),
];

/// The groups of hosts with the same GPU, role or status.
fn labeled<'v>(clusters: &'v [ClusterView<'v>]) -> impl Iterator<Item = Group<'v>> {
    // Several labels may make one name.
    let mut groups = BTreeMap::<String, Vec<&str>>::new();
    for (prefix, label) in LABELS {
        for cluster in clusters {
            // Hosts with one label mostly stand one after the other.
            for hosts in cluster.hosts.chunk_by(|(a, _), (b, _)| label(a) == label(b)) {
                let of_first = hosts.first().and_then(|(host, _)| label(host));
                if let Some(name) = of_first.and_then(|label| label_group(prefix, label.as_str())) {
                    let hosts = hosts.iter().map(|(_, alias)| alias.as_str());
                    groups.entry(name).or_default().extend(hosts);
                }
            }
        }
    }
    groups.into_iter().map(|(name, hosts)| Group { name, hosts })
}

/// A variable that may well be the same for most hosts of a cluster.
type Fact = (&'static str, for<'h> fn(&'h Host<'h>) -> Value<'h>);

/// Facts of a connection.
const OF_CONNECTION: [Fact; 2] = [
    ("ansible_port", |host| Value::Number(host.port.get().into())),
    ("ansible_user", |host| Value::Text(host.user.as_str().into())),
];
/// Facts of the host itself.
const OF_HOST: [Fact; 5] = [
    ("prime_role", |host| label(host.role.as_ref())),
    ("prime_status", |host| label(host.node.status.as_ref())),
    ("prime_gpu_name", |host| label(host.node.gpu_name.as_ref())),
    ("prime_gpu_count", |host| Value::Number(host.node.gpu_count.into())),
    ("prime_control", |host| Value::Flag(host.control)),
];

fn label<'h>(label: Option<&'h Label<'h>>) -> Value<'h> {
    label.map_or(Value::Null, |label| Value::Text(label.as_str().into()))
}

/// Returns the value of more than half, if there is one, in one pass (Boyer and Moore's vote):
/// where there is none, one of the values or nothing.
fn of_most<T: PartialEq>(values: impl Iterator<Item = T>) -> Option<T> {
    let mut most = None;
    let mut lead = 0_usize;
    for value in values {
        if lead == 0 {
            most = Some(value);
            lead = 1;
        } else if most.as_ref() == Some(&value) {
            lead += 1;
        } else {
            lead -= 1;
        }
    }
    most.filter(|_| lead > 0)
}

/// A cluster's group as the templates see it.
struct ClusterView<'f> {
    fleet: &'f Fleet<'f>,
    name: String,
    /// The connections to its hosts, unless ssh's own config has them.
    connections: Option<Connections<'f>>,
    /// Its hosts, each with its alias; one that others only jump through is none.
    hosts: Vec<(&'f Host<'f>, String)>,
    /// The facts, each with the value of most hosts; a host with another says so itself.
    facts: Vec<(Fact, Option<Value<'f>>)>,
}

impl<'f> ClusterView<'f> {
    fn new(fleet: &'f Fleet<'f>, options: &'f Options) -> Self {
        let connections =
            (!options.use_ssh_config).then(|| Connections::new(fleet, &options.connection));
        let cluster = format!("{}.", fleet.alias());
        let hosts = fleet.hosts.iter().filter(|host| !host.jump_only);
        let hosts: Vec<_> =
            hosts.map(|host| (host, [&cluster, host.name.as_str()].concat())).collect();
        let of_connection = connections.iter().flat_map(|_| OF_CONNECTION);
        let of_most =
            |(key, value): Fact| ((key, value), of_most(hosts.iter().map(|(host, _)| value(host))));
        let facts = of_connection.chain(OF_HOST).map(of_most).collect();
        Self { fleet, name: cluster_group(&fleet.name), connections, hosts, facts }
    }

    /// Returns the variables that stand once for all hosts that have no others.
    fn variables(&self) -> Vec<Variable<'_>> {
        let Fleet { cluster, active_nodes, skipped, .. } = self.fleet;
        let mut variables = Vec::new();
        if let Some(connections) = &self.connections {
            variables.extend(connections.of_all());
        }
        variables.extend(
            self.facts.iter().filter_map(|((key, _), of_most)| {
                Some(Variable::new(key, of_most.as_ref()?.clone()))
            }),
        );
        let missing = skipped.iter().filter(|skipped| skipped.is_active());
        variables.extend([
            Variable::text("prime_cluster_id", Some(cluster.id.as_str())),
            Variable::text("prime_cluster_name", Some(cluster.name.as_str())),
            Variable::new("prime_nodes_total", Value::Number(*active_nodes as u64)),
            Variable::new("prime_nodes_skipped", Value::Skipped(missing.collect())),
        ]);
        variables
    }

    fn hosts(&self) -> impl Iterator<Item = HostView<'_>> {
        self.hosts.iter().map(|(host, alias)| HostView { cluster: self, host, alias })
    }
}

/// A host as the templates see it.
struct HostView<'v> {
    cluster: &'v ClusterView<'v>,
    host: &'v Host<'v>,
    alias: &'v str,
}

impl<'v> HostView<'v> {
    /// All of them as one JSON object.
    fn json(&self) -> String {
        let variables = self.variables();
        let entries: Vec<String> = variables
            .iter()
            .map(|variable| format!("\"{}\":{}", variable.key, variable.json()))
            .collect();
        format!("{{{}}}", entries.join(","))
    }

    /// Returns the variables that its group does not have already.
    fn variables(&self) -> Vec<Variable<'v>> {
        let Self { cluster, host, .. } = *self;
        let mut variables = Vec::with_capacity(16);
        if let Some(connections) = &cluster.connections {
            connections.add(host, &mut variables);
        }
        for ((key, value), of_most) in &cluster.facts {
            let value = value(host);
            if of_most.as_ref() != Some(&value) {
                variables.push(Variable::new(key, value));
            }
        }
        variables.extend([
            Variable::text("prime_node_id", Some(host.node.id.as_str())),
            Variable::text("prime_pod_id", Some(host.machine.as_str())),
        ]);
        variables
    }
}
