//! The hosts as data: what a user's template sees, what `render --print-data` prints, and the
//! shape of a cluster and of a host wherever this program prints JSON.
//!
//! It holds what hosts need and nothing that is secret or private, like [`super::export`].
//! `schemas/render-data.schema.json` describes it for other programs.

use std::io;

use serde::Serialize;

use crate::cluster::{self, Fleet, Skipped};
use crate::name::Label;

/// The version of the shape. It goes up when a field is removed or changes its meaning; a new field
/// changes nothing for programs that do not know it.
pub const SCHEMA_VERSION: u32 = 1;

/// Returns the data of these fleets, in their order.
#[must_use]
pub fn of<'f>(fleets: &'f [Fleet<'f>]) -> Vec<Cluster<'f>> {
    fleets.iter().map(Cluster::of).collect()
}

/// Writes the data as JSON: the clusters, and the hosts of all of them in the same order.
///
/// # Errors
///
/// Where the writer fails.
pub fn write(clusters: &[Cluster<'_>], mut to: &mut dyn io::Write) -> io::Result<()> {
    #[derive(Serialize)]
    struct Data<'c, 'f> {
        schema_version: u32,
        clusters: &'c [Cluster<'f>],
        hosts: Vec<&'c Host<'f>>,
    }

    let hosts = clusters.iter().flat_map(|cluster| &cluster.hosts).collect();
    let data = Data { schema_version: SCHEMA_VERSION, clusters, hosts };
    serde_json::to_writer_pretty(&mut to, &data)?;
    to.write_all(b"\n")
}

/// A cluster: the whole of what this program says about one.
#[derive(Clone, Debug, Serialize)]
pub struct Cluster<'f> {
    /// `prime.train`: the name that leads to `entry`.
    pub alias: String,
    /// `train`: the last part of its alias.
    pub slug: &'f str,
    /// Its facts, as the answer describes them.
    #[serde(flatten)]
    pub facts: &'f cluster::Cluster<'f>,
    /// True if the API says that it is gone: only with `--include-inactive`.
    pub terminated: bool,
    /// The number of nodes that are neither terminated nor detached.
    pub nodes_total: usize,
    /// The nodes that give no host.
    pub nodes_skipped: &'f [Skipped<'f>],
    /// The alias of the host that the cluster's own alias leads to: the first control node, or the
    /// first host.
    pub entry: Option<String>,
    /// The host that others jump through, where it was not asked for itself and so is not among
    /// `hosts`.
    pub jump_host: Option<Host<'f>>,
    /// Its hosts: control nodes first, then by the natural order of names.
    pub hosts: Vec<Host<'f>>,
}

impl<'f> Cluster<'f> {
    /// Returns the data of this fleet.
    #[must_use]
    pub fn of(fleet: &'f Fleet<'f>) -> Self {
        let (jump_hosts, hosts): (Vec<_>, _) = fleet.hosts.iter().partition(|host| host.jump_only);
        let host = |host| Host::of(fleet, host);
        Self {
            alias: fleet.alias(),
            slug: fleet.name.as_str(),
            facts: &fleet.cluster,
            terminated: fleet.cluster.is_terminated(),
            nodes_total: fleet.active_nodes,
            nodes_skipped: &fleet.skipped,
            entry: fleet.entry().map(|host| fleet.alias_of(host)),
            jump_host: jump_hosts.into_iter().next().map(host),
            hosts: hosts.into_iter().map(host).collect(),
        }
    }
}

/// A host: one way into one machine. A node with several connections has as many.
#[derive(Clone, Debug, Serialize)]
pub struct Host<'f> {
    /// `prime.train.node-1`: what ssh is called with.
    pub alias: String,
    /// `node-1`: the last part of its alias.
    pub name: &'f str,
    /// The alias of its cluster.
    pub cluster: String,
    /// The host that ssh connects to (`ssh_config(5)`, `HostName`): an address, or a DNS name.
    pub host_name: &'f str,
    /// On which port.
    pub port: u16,
    /// As whom.
    pub user: &'f str,
    /// Its jump host (`ssh_config(5)`, `ProxyJump`): the alias of a control node, or the value of
    /// `--jump-via`; `null` where it is reached directly.
    pub proxy_jump: Option<String>,
    /// The name that `known_hosts` holds its key under (`ssh_config(5)`, `HostKeyAlias`).
    pub host_key_alias: String,
    /// True if this connection leads to a control node; all others lead to workers.
    pub control: bool,
    /// True if its node is in the cluster: `false` for one that was terminated or detached, which
    /// is here only with `--include-inactive`.
    pub active: bool,
    /// Its job, in the API's words.
    pub role: Option<&'f str>,
    /// The node's status, as the API says it.
    pub status: Option<&'f str>,
    /// The node's kind of GPU.
    pub gpu_name: Option<&'f str>,
    /// The node's number of GPUs.
    pub gpu_count: u32,
    /// The id of the node.
    pub node_id: &'f str,
    /// The id of the machine, which its host key is remembered by.
    pub pod_id: &'f str,
}

impl<'f> Host<'f> {
    /// Returns the data of this host.
    #[must_use]
    pub fn of(fleet: &'f Fleet<'f>, host: &'f cluster::Host<'f>) -> Self {
        Self {
            alias: fleet.alias_of(host),
            name: host.name.as_str(),
            cluster: fleet.alias(),
            host_name: host.host_name.as_str(),
            port: host.port.get(),
            user: host.user.as_str(),
            proxy_jump: fleet.proxy_jump(host),
            host_key_alias: host.host_key_alias(),
            control: host.control,
            active: host.is_active(),
            role: host.role.as_ref().map(Label::as_str),
            status: host.node.status.as_ref().map(Label::as_str),
            gpu_name: host.node.gpu_name.as_ref().map(Label::as_str),
            gpu_count: host.node.gpu_count,
            node_id: host.node.id.as_str(),
            pod_id: host.machine.as_str(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cluster::{CheckedCluster, Options, resolve_one};

    #[test]
    fn a_cluster_as_data() {
        let answer = json!({"id": "clst01", "name": "Train #7", "priceHr": 18.4, "teamId": "team01",
            "sshKeys": [{"publicKey": "ssh-ed25519 AAAA"}], "gpuCount": 8, "gpuName": "H100_80GB",
            "nodes": [
                {"id": "n0", "name": "node-0", "info": {}, "gpuCount": 8, "connections":
                    [{"podId": "p0", "host": "203.0.113.10", "user": "root", "isControlNode": true}]},
                {"id": "n1", "name": "node-1", "connections":
                    [{"podId": "p1", "host": "10.0.0.1", "port": 2222, "user": "me", "role": "a|b"}]},
                {"id": "n2", "name": "node-2", "status": "PROVISIONING", "installationProgress": 40},
            ]})
        .to_string();
        let mut options = Options::default();
        options.selection.filter.only = Some(cluster::Only::Worker);
        let checked = CheckedCluster::of(&answer, "answer").unwrap();
        let fleets = [resolve_one(checked, None, &options).fleet.unwrap()];
        let host = |name: &str, own: serde_json::Value| {
            let mut host = json!({"alias": format!("prime.train-7.{name}"), "name": name,
                "cluster": "prime.train-7", "port": 22, "proxy_jump": null, "control": false,
                "active": true, "role": null, "status": null, "gpu_name": null, "gpu_count": 0});
            host.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
            host
        };
        let jump_host = host(
            "node-0",
            json!({"host_name": "203.0.113.10", "user": "root", "control": true, "gpu_count": 8,
                "node_id": "n0", "pod_id": "p0", "host_key_alias": "prime-p0"}),
        );
        let worker = host(
            "node-1",
            json!({"host_name": "10.0.0.1", "port": 2222, "user": "me", "role": "a|b",
                "node_id": "n1", "pod_id": "p1", "host_key_alias": "prime-p1",
                "proxy_jump": "prime.train-7.node-0"}),
        );
        let mut written = Vec::new();
        write(&of(&fleets), &mut written).unwrap();
        assert_eq!(
            serde_json::from_slice::<serde_json::Value>(&written).unwrap(),
            json!({"schema_version": 1, "hosts": [worker], "clusters": [{
                "alias": "prime.train-7", "slug": "train-7", "id": "clst01", "name": "Train #7", "provider": null,
                "status": null, "gpu_name": "H100_80GB", "gpu_count": 8, "orchestrator": null,
                "team_id": "team01", "vault_enabled": false, "terminated": false,
                "nodes_total": 3, "nodes_skipped": [{"name": "node-2", "reason": "no_connection",
                    "status": "PROVISIONING", "installation_progress": 40,
                    "installation_failure": null}],
                "entry": "prime.train-7.node-0", "jump_host": jump_host, "hosts": [worker],
            }]})
        );
    }
}
