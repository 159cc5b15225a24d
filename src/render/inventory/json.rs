//! The inventory as JSON: a static file, and what a script answers.
//!
//! A static `.json` file has the layout of a YAML one, not that of `ansible-inventory --list`.

use std::io;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::value::Variable;
use super::{ClusterView, Group, HostView, Inventory};
use crate::name::Alias;
use crate::render::data::Text;

/// Writes a static inventory file.
pub(super) fn write_static(
    inventory: &Inventory<'_>,
    mut to: &mut dyn io::Write,
) -> io::Result<()> {
    let file = File { all: All { children: Children(inventory) } };
    serde_json::to_writer_pretty(&mut to, &file)?;
    to.write_all(b"\n")
}

/// Writes what a script answers to `--list`. With `_meta`, Ansible asks for no host by itself.
pub(super) fn write_list(inventory: &Inventory<'_>, mut to: &mut dyn io::Write) -> io::Result<()> {
    serde_json::to_writer(&mut to, &Listing(inventory))?;
    to.write_all(b"\n")
}

/// Writes what a script answers to `--host`.
pub(super) fn write_host(host: &HostView<'_, '_>, mut to: &mut dyn io::Write) -> io::Result<()> {
    serde_json::to_writer(&mut to, &Variables(host.variables()))?;
    to.write_all(b"\n")
}

#[derive(Serialize)]
struct File<'v, 'f> {
    all: All<'v, 'f>,
}

#[derive(Serialize)]
struct All<'v, 'f> {
    children: Children<'v, 'f>,
}

/// All groups of a static file, by name.
struct Children<'v, 'f>(&'v Inventory<'f>);

#[derive(Serialize)]
#[serde(untagged)]
enum Child<'v, 'f> {
    Cluster { vars: Variables<'v>, hosts: HostsOf<'v, 'f> },
    Group { hosts: Hosts<'v, 'f> },
}

impl Serialize for Children<'_, '_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let clusters = self.0.clusters().map(|cluster| {
            let vars = Variables(cluster.variables());
            (cluster.name(), Child::Cluster { vars, hosts: HostsOf(cluster) })
        });
        let groups =
            self.0.groups().map(|group| (group.name(), Child::Group { hosts: Hosts(group) }));
        to.collect_map(clusters.chain(groups).map(|(name, child)| (Text(name), child)))
    }
}

/// A cluster's hosts with their variables.
struct HostsOf<'v, 'f>(&'v ClusterView<'f>);

impl Serialize for HostsOf<'_, '_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.0.hosts().map(|host| (Text(host.alias()), Variables(host.variables()))))
    }
}

/// A group's hosts, whose variables stand elsewhere.
struct Hosts<'v, 'f>(&'v Group<'f>);

impl Serialize for Hosts<'_, '_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.0.hosts().map(|host| (Text(host), ())))
    }
}

/// What a script lists: hosts as lists of names, and their variables in one place.
struct Listing<'v, 'f>(&'v Inventory<'f>);

#[derive(Serialize)]
struct Meta<'v, 'f> {
    hostvars: HostVariables<'v, 'f>,
}

struct HostVariables<'v, 'f>(&'v Inventory<'f>);

#[derive(Serialize)]
struct Listed<'v, 'f> {
    hosts: Vec<Text<Alias<'f>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vars: Option<Variables<'v>>,
}

impl Serialize for Listing<'_, '_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("_meta", &Meta { hostvars: HostVariables(self.0) })?;
        for cluster in self.0.clusters() {
            let hosts = cluster.hosts().map(|host| Text(host.alias())).collect();
            let vars = Some(Variables(cluster.variables()));
            map.serialize_entry(&Text(cluster.name()), &Listed { hosts, vars })?;
        }
        for group in self.0.groups() {
            let hosts = group.hosts().map(Text).collect();
            map.serialize_entry(&Text(group.name()), &Listed { hosts, vars: None })?;
        }
        map.end()
    }
}

impl Serialize for HostVariables<'_, '_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let hosts = self.0.clusters().flat_map(ClusterView::hosts);
        to.collect_map(hosts.map(|host| (Text(host.alias()), Variables(host.variables()))))
    }
}

struct Variables<'v>(Vec<Variable<'v>>);

impl Serialize for Variables<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.0.iter().map(|variable| (variable.key, &variable.value)))
    }
}
