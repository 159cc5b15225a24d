//! The last state of a wait, in the form that was asked for.

use serde::Serialize;

use super::status::ClusterStatus;
use crate::cli::{Goal, ReportFormat};
use crate::commands::nodes::report::{HostRow, NodeRow};
use crate::commands::{nodes, report};
use crate::failure::{Failure, Outcome};

/// Prints how far each cluster came; `problems` says what each of them lacks, in their order.
pub(super) fn print<'s>(
    statuses: &'s [ClusterStatus<'s>],
    problems: &[Option<Failure>],
    goal: Goal,
    format: ReportFormat,
) -> Outcome<()> {
    let rows = statuses.iter().flat_map(ClusterStatus::rows);
    let without_host = statuses.iter().flat_map(|status| status.cluster.without_host());
    let table = nodes::report::table(rows, without_host, statuses.len() > 1, format);
    let clusters = statuses.iter().zip(problems);
    let clusters: Vec<_> =
        clusters.map(|(status, problem)| Cluster::of(status, problem.as_ref(), goal)).collect();
    let json = Json { met: clusters.iter().all(|cluster| cluster.met), clusters };
    report::print(format, [&table], &table, &json)
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
    fn of(status: &'r ClusterStatus<'_>, problem: Option<&Failure>, goal: Goal) -> Self {
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
            hosts: status.rows().iter().map(HostRow::of).collect(),
            nodes_without_host: without_host.map(NodeRow::of).collect(),
        }
    }
}
