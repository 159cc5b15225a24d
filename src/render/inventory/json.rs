//! The inventory as JSON: a static file, and what a script answers.
//!
//! A static `.json` file has the layout of a YAML one, not that of `ansible-inventory --list`.

use std::io;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::value::Variable;
use super::{ClusterView, HostView, Inventory};

/// Writes a static inventory file.
pub(super) fn write_static(
    inventory: &Inventory<'_>,
    mut to: &mut dyn io::Write,
) -> io::Result<()> {
    let file = Map(|| [("all", Map(|| [("children", Children(inventory))]))]);
    serde_json::to_writer_pretty(&mut to, &file)?;
    to.write_all(b"\n")
}

/// Writes what a script answers to `--list`. With `_meta`, Ansible asks for no host by itself.
pub(super) fn write_list(inventory: &Inventory<'_>, mut to: &mut dyn io::Write) -> io::Result<()> {
    serde_json::to_writer(&mut to, &Listing(inventory))?;
    to.write_all(b"\n")
}

/// Returns the answer of a script to `--host`.
pub(super) fn host(host: &HostView<'_>) -> String {
    // Texts and numbers always are JSON.
    serde_json::to_string(&variables(host.variables())).unwrap_or_default() + "\n"
}

/// A map of the entries that a function gives.
struct Map<F>(F);

impl<F, I, K, V> Serialize for Map<F>
where
    F: Fn() -> I,
    I: IntoIterator<Item = (K, V)>,
    K: Serialize,
    V: Serialize,
{
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map((self.0)())
    }
}

fn variables(variables: Vec<Variable<'_>>) -> impl Serialize {
    Map(move || variables.clone().into_iter().map(|variable| (variable.key, variable.value)))
}

/// All groups of a static file, by name. Only that of a cluster has variables.
struct Children<'v>(&'v Inventory<'v>);

impl Serialize for Children<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Child<V, H> {
            #[serde(skip_serializing_if = "Option::is_none")]
            vars: Option<V>,
            hosts: H,
        }

        let mut children = to.serialize_map(None)?;
        for cluster in self.0.clusters {
            let hosts =
                Map(|| cluster.hosts().map(|host| (host.alias, variables(host.variables()))));
            let child = Child { vars: Some(variables(cluster.variables())), hosts };
            children.serialize_entry(&cluster.name, &child)?;
        }
        for group in &self.0.groups {
            let hosts = Map(|| group.hosts.iter().map(|alias| (alias, ())));
            children.serialize_entry(&group.name, &Child { vars: None::<()>, hosts })?;
        }
        children.end()
    }
}

/// The answer of a script to `--list`: hosts as lists of names, and their variables in one place.
struct Listing<'v>(&'v Inventory<'v>);

impl Serialize for Listing<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Group<'v, V> {
            hosts: Vec<&'v str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            vars: Option<V>,
        }

        let mut groups = to.serialize_map(None)?;
        let hosts = || self.0.clusters.iter().flat_map(ClusterView::hosts);
        let of_hosts = Map(|| hosts().map(|host| (host.alias, variables(host.variables()))));
        groups.serialize_entry("_meta", &Map(|| [("hostvars", &of_hosts)]))?;
        for cluster in self.0.clusters {
            let hosts = cluster.hosts().map(|host| host.alias).collect();
            let vars = Some(variables(cluster.variables()));
            groups.serialize_entry(&cluster.name, &Group { hosts, vars })?;
        }
        for group in &self.0.groups {
            let hosts = group.hosts.clone();
            groups.serialize_entry(&group.name, &Group { hosts, vars: None::<()> })?;
        }
        groups.end()
    }
}
