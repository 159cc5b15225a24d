//! A reduced answer of Get Cluster, which `--input` reads: the fields that hosts need, and nothing
//! that is secret or private. No price, no wallet, no keys, no `info`, no configuration of an
//! orchestrator.

use std::collections::HashMap;
use std::io;

use serde::Serialize;

use crate::api::wire::{Cluster, Connection, Node, Value};
use crate::cluster::{Fleet, Host};
use crate::name::Label;

/// Writes clusters as `{"data": {…}}`, or as `{"data": [{…}, …]}`.
///
/// # Errors
///
/// Where the writer fails.
pub fn write(fleets: &[Fleet<'_>], is_list: bool, mut to: &mut dyn io::Write) -> io::Result<()> {
    #[derive(Serialize)]
    struct Answer<T> {
        data: T,
    }

    let clusters: Vec<_> = fleets.iter().map(cluster).collect();
    match clusters.as_slice() {
        [cluster] if !is_list => serde_json::to_writer_pretty(&mut to, &Answer { data: cluster })?,
        clusters => serde_json::to_writer_pretty(&mut to, &Answer { data: clusters })?,
    }
    to.write_all(b"\n")
}

fn cluster<'f>(fleet: &'f Fleet<'_>) -> Cluster<'f, Vec<Node<'f>>> {
    let cluster = &fleet.cluster;
    Cluster {
        id: cluster.id.as_str().into(),
        name: cluster.name.as_str().into(),
        provider_type: label(cluster.provider.as_ref()),
        status: label(cluster.status.as_ref()),
        vault_enabled: Value::Bool(cluster.vault_enabled),
        gpu_name: label(cluster.gpu_name.as_ref()),
        gpu_count: Value::Integer(cluster.gpu_count.into()),
        team_id: label(cluster.team.as_ref()),
        orchestrator_type: label(cluster.orchestrator.as_ref()),
        terminated_at: label(cluster.terminated_at.as_ref()),
        nodes: nodes(fleet),
        ..Cluster::default()
    }
}

/// The nodes with a host, and those that have no connection yet.
fn nodes<'f>(fleet: &'f Fleet<'_>) -> Vec<Node<'f>> {
    let mut nodes: Vec<Node<'f>> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for host in &fleet.hosts {
        let node = &*host.node;
        let place = *places.entry(node.id.as_str()).or_insert(nodes.len());
        if place == nodes.len() {
            nodes.push(Node {
                id: node.id.as_str().into(),
                status: label(node.status.as_ref()),
                installation_failure: label(node.failure.as_ref()),
                gpu_name: label(node.gpu_name.as_ref()),
                gpu_count: Value::Integer(node.gpu_count.into()),
                is_detached: Value::Bool(!node.active),
                ..Node::default()
            });
        }
        if let Some(node) = nodes.get_mut(place) {
            // The name that no other node has, whatever the reader leaves out.
            if host.main || node.name == Value::Missing {
                node.name = host.name.as_str().into();
            }
            node.connections.push(connection(host));
        }
    }
    for skipped in &fleet.skipped {
        // It is known of those that have no connection yet.
        if let Some(id) = &skipped.id {
            nodes.push(Node {
                id: id.as_str().into(),
                name: skipped.name.as_str().into(),
                status: label(skipped.status.as_ref()),
                installation_progress: skipped
                    .installation_progress
                    .map_or(Value::Missing, Value::Integer),
                installation_failure: label(skipped.installation_failure.as_ref()),
                ..Node::default()
            });
        }
    }
    nodes
}

fn connection<'f>(host: &'f Host<'_>) -> Connection<'f> {
    Connection {
        pod_id: host.machine.as_str().into(),
        host: host.host_name.as_str().into(),
        port: Value::Integer(host.port.get().into()),
        user: host.user.as_str().into(),
        role: label(host.role.as_ref()),
        is_control_node: Value::Bool(host.control),
    }
}

fn label<'l>(label: Option<&'l Label<'_>>) -> Value<'l> {
    label.map_or(Value::Missing, |label| label.as_str().into())
}
