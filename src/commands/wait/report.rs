//! The last state of a wait, in the form that was asked for.

use serde::Serialize;

use super::snapshot::Snapshot;
use crate::cli::{Goal, ReportFormat};
use crate::commands::nodes::row::{self, HostRow, NodeRow};
use crate::commands::report;
use crate::failure::Outcome;
use crate::terminal::table::{Cell, Column, Table};
use crate::text::message::Message;

pub(super) fn print(
    snapshot: &Snapshot<'_>,
    problem: Option<&Message>,
    goal: Goal,
    format: ReportFormat,
) -> Outcome<()> {
    let mut hosts = Table::new([
        Column::whole("HOST"),
        Column::whole("STATE"),
        Column::minor("ADDRESS", 1),
        Column::detail("ANSWER"),
    ]);
    for (host, status) in snapshot.rows() {
        hosts.row([
            Cell::new(host.alias()),
            row::state_cell(status.state),
            Cell::new(host.host.destination()),
            Cell::new(status.server().unwrap_or(&status.detail)),
        ]);
    }
    let fleet = &snapshot.cluster.fleet;
    let alias = fleet.alias().to_string();
    let json = Json {
        alias: &alias,
        id: fleet.cluster.id.as_str(),
        met: problem.is_none(),
        problem: problem.map(Message::joined),
        wanted: match goal {
            Goal::All => None,
            Goal::Nodes(count) => Some(count.get()),
        },
        nodes_total: snapshot.total(),
        nodes_up: snapshot.up(),
        hosts: snapshot.rows().map(|(host, status)| HostRow::of(host, status)).collect(),
        nodes_without_host: snapshot
            .cluster
            .without_host()
            .map(|node| NodeRow::of(fleet, node))
            .collect(),
    };
    let without_host = row::without_host(snapshot.cluster.without_host());
    report::print_with(format, &[], &hosts, &[without_host], &json)
}

/// What `--format json` says.
#[derive(Serialize)]
struct Json<'r> {
    alias: &'r str,
    id: &'r str,
    /// Whether so many nodes are up as were waited for.
    met: bool,
    /// Why not.
    problem: Option<String>,
    /// How many nodes were waited for; `null` for all.
    wanted: Option<usize>,
    nodes_total: usize,
    nodes_up: usize,
    /// One host each; a node with several connections has as many.
    hosts: Vec<HostRow<'r>>,
    nodes_without_host: Vec<NodeRow<'r>>,
}
