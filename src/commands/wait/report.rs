//! The last state of a wait, in the form that was asked for.

use serde::Serialize;

use super::status::ClusterStatus;
use crate::cli::{Goal, ReportFormat};
use crate::commands::nodes::row::{self, HostRow, NodeRow};
use crate::commands::report;
use crate::failure::{Failure, Outcome};
use crate::terminal::table::{Cell, Column, Table};

/// Prints how far each cluster came; `problems` says what each of them lacks, in their order.
pub(super) fn print(
    statuses: &[ClusterStatus<'_>],
    problems: &[Option<Failure>],
    goal: Goal,
    format: ReportFormat,
) -> Outcome<()> {
    let mut hosts = Table::new([
        Column::whole("HOST"),
        Column::whole("STATE"),
        Column::minor("ADDRESS", 1),
        Column::wrapped("ANSWER"),
    ]);
    for status in statuses.iter().flat_map(ClusterStatus::rows) {
        hosts.row([
            Cell::new(status.host.alias()),
            row::state_cell(status.verdict.state),
            Cell::new(status.host.host.destination()),
            Cell::new(status.server().unwrap_or(&status.verdict.detail)),
        ]);
    }
    let skipped = statuses.iter().flat_map(|status| status.cluster.without_host());
    let without_host = row::without_host(skipped, statuses.len() > 1);
    let clusters = statuses.iter().zip(problems);
    let clusters: Vec<_> =
        clusters.map(|(status, problem)| Cluster::of(status, problem.as_ref(), goal)).collect();
    let json = Json { met: clusters.iter().all(|cluster| cluster.met), clusters };
    report::print_with(format, &[], &hosts, &[without_host], &json)
}

/// The object of `--format json`.
#[derive(Serialize)]
struct Json<'r> {
    /// True if as many nodes of each are up as were waited for.
    met: bool,
    clusters: Vec<Cluster<'r>>,
}

#[derive(Serialize)]
struct Cluster<'r> {
    alias: String,
    id: Option<&'r str>,
    met: bool,
    /// The reason that it is not.
    problem: Option<String>,
    /// The number of nodes that were waited for; `null` for all.
    wanted: Option<usize>,
    nodes_total: usize,
    nodes_up: usize,
    /// One host each; a node with several connections has as many.
    hosts: Vec<HostRow<'r>>,
    nodes_without_host: Vec<NodeRow<'r>>,
}

impl<'r> Cluster<'r> {
    fn of(status: &'r ClusterStatus<'r>, problem: Option<&Failure>, goal: Goal) -> Self {
        let without_host = status.cluster.without_host();
        Self {
            alias: status.cluster.alias(),
            id: status.cluster.fleet().map(|fleet| fleet.cluster.id.as_str()),
            met: problem.is_none(),
            problem: problem.map(|failure| failure.message.joined()),
            wanted: match goal {
                Goal::All => None,
                Goal::Nodes(count) => Some(count.get()),
            },
            nodes_total: status.total(),
            nodes_up: status.up(),
            hosts: status.rows().map(HostRow::of).collect(),
            nodes_without_host: without_host
                .map(|(fleet, node)| NodeRow::of(fleet, node))
                .collect(),
        }
    }
}
