//! A reduced answer of Get Cluster, which `--input` reads: the fields that hosts need, and nothing
//! that is secret or private. No price, no wallet, no keys, no `info`, no configuration of an
//! orchestrator.

use std::collections::HashMap;
use std::io;

use serde::Serialize;

use crate::cluster::{self, Fleet, WhySkipped};
use crate::name::Label;

/// Writes clusters as `{"data": {…}}`, or as `{"data": [{…}, …]}`.
///
/// # Errors
///
/// Where the writer fails.
pub fn write(fleets: &[Fleet<'_>], is_list: bool, mut to: &mut dyn io::Write) -> io::Result<()> {
    let clusters: Vec<_> = fleets.iter().map(Cluster::of).collect();
    match clusters.as_slice() {
        [cluster] if !is_list => serde_json::to_writer_pretty(&mut to, &Answer { data: cluster })?,
        clusters => serde_json::to_writer_pretty(&mut to, &Answer { data: clusters })?,
    }
    to.write_all(b"\n")
}

#[derive(Serialize)]
struct Answer<'c, T: ?Sized> {
    data: &'c T,
}

/// The fields of `ClusterDetailResponse` in the contract.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Cluster<'f> {
    id: &'f str,
    name: &'f str,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider_type: Option<&'f str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'f str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gpu_name: Option<&'f str>,
    gpu_count: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    orchestrator_type: Option<&'f str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    team_id: Option<&'f str>,
    vault_enabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    terminated_at: Option<&'f str>,
    nodes: Vec<Node<'f>>,
}

impl<'f> Cluster<'f> {
    fn of(fleet: &'f Fleet<'f>) -> Self {
        let cluster = &fleet.cluster;
        Self {
            id: cluster.id.as_str(),
            name: cluster.name.as_str(),
            provider_type: text(cluster.provider.as_ref()),
            status: text(cluster.status.as_ref()),
            gpu_name: text(cluster.gpu_name.as_ref()),
            gpu_count: cluster.gpu_count,
            orchestrator_type: text(cluster.orchestrator.as_ref()),
            team_id: text(cluster.team.as_ref()),
            vault_enabled: cluster.vault_enabled,
            terminated_at: text(cluster.terminated_at.as_ref()),
            nodes: nodes(fleet),
        }
    }
}

/// The fields of `ClusterNodeDetail`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Node<'f> {
    id: &'f str,
    name: &'f str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'f str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    installation_progress: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    installation_failure: Option<&'f str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gpu_name: Option<&'f str>,
    gpu_count: u32,
    is_detached: bool,
    connections: Vec<Connection<'f>>,
}

/// The fields of `ClusterNodeConnection`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Connection<'f> {
    pod_id: &'f str,
    host: &'f str,
    port: u16,
    user: &'f str,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'f str>,
    is_control_node: bool,
}

impl<'f> Connection<'f> {
    fn of(host: &'f cluster::Host<'f>) -> Self {
        Self {
            pod_id: host.machine.as_str(),
            host: host.host_name.as_str(),
            port: host.port.get(),
            user: host.user.as_str(),
            role: text(host.role.as_ref()),
            is_control_node: host.control,
        }
    }
}

/// The nodes with a host, and those that have no connection yet.
fn nodes<'f>(fleet: &'f Fleet<'f>) -> Vec<Node<'f>> {
    let mut nodes: Vec<Node<'f>> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for host in &fleet.hosts {
        let node = &*host.node;
        let place = *places.entry(node.id.as_str()).or_insert(nodes.len());
        if place == nodes.len() {
            nodes.push(Node {
                id: node.id.as_str(),
                name: "",
                status: text(node.status.as_ref()),
                installation_progress: None,
                installation_failure: text(node.failure.as_ref()),
                gpu_name: text(node.gpu_name.as_ref()),
                gpu_count: node.gpu_count,
                is_detached: !node.active,
                connections: Vec::new(),
            });
        }
        if let Some(node) = nodes.get_mut(place) {
            // The name that no other node has, whatever the reader leaves out.
            if host.main || node.name.is_empty() {
                node.name = host.name.as_str();
            }
            node.connections.push(Connection::of(host));
        }
    }
    for skipped in &fleet.skipped {
        if let WhySkipped::NoConnection { id, status, progress, failure } = &skipped.why {
            nodes.push(Node {
                id: id.as_str(),
                name: skipped.name.as_str(),
                status: text(status.as_ref()),
                installation_progress: *progress,
                installation_failure: text(failure.as_ref()),
                gpu_name: None,
                gpu_count: 0,
                is_detached: false,
                connections: Vec::new(),
            });
        }
    }
    nodes
}

fn text<'l>(label: Option<&'l Label<'_>>) -> Option<&'l str> {
    label.map(Label::as_str)
}
