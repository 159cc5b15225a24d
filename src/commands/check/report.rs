//! The report on the hosts, for people and for programs.

use serde::Serialize;

use crate::cli::ReportFormat;
use crate::cluster::{Fleet, Skipped, WhySkipped};
use crate::commands::nodes::report::{HostRow, NodeRow};
use crate::commands::nodes::status::{NodeStatus, State};
use crate::commands::nodes::{self, ViewedCluster};
use crate::commands::{fleets, report};
use crate::failure::{Failure, Kind, Outcome};
use crate::terminal::Terminal;
use crate::text::message::{counted, first_of};

/// The most hosts that a sentence names.
const NAMED: usize = 5;
/// The most remedies that are told.
const TOLD: usize = 20;

/// The hosts of a run, with the status of each.
pub(super) struct Report<'c> {
    /// Those through which others are reached, too.
    all: &'c [NodeStatus<'c>],
    /// Those that were asked for.
    chosen: Vec<&'c NodeStatus<'c>>,
    /// The nodes that should give a host and give none: who runs a playbook would miss them.
    without_host: Vec<(&'c Fleet<'c>, &'c Skipped<'c>)>,
    several: bool,
    counts: Counts,
}

#[derive(Clone, Copy, Serialize)]
struct Counts {
    total: usize,
    ok: usize,
    failed: usize,
    skipped: usize,
}

impl<'c> Report<'c> {
    /// `skip_invalid`: what holds a refused value is left out.
    pub(super) fn new(
        all: &'c [NodeStatus<'c>],
        clusters: &'c [ViewedCluster<'c>],
        skip_invalid: bool,
    ) -> Self {
        let without_host: Vec<_> = clusters
            .iter()
            .flat_map(ViewedCluster::without_host)
            .filter(|(_, node)| !(skip_invalid && node.why == WhySkipped::ValueRefused))
            .collect();
        let chosen: Vec<_> = all.iter().filter(|status| !status.host.host.jump_only).collect();
        let count = |state| chosen.iter().filter(|status| status.verdict.state == state).count();
        let counts = Counts {
            total: chosen.len() + without_host.len(),
            ok: count(State::Ok),
            failed: count(State::Failed) + without_host.len(),
            skipped: count(State::Skipped),
        };
        Self { all, chosen, without_host, several: clusters.len() > 1, counts }
    }

    /// Prints it.
    pub(super) fn print(&self, format: ReportFormat) -> Outcome<()> {
        let without_host = || self.without_host.iter().copied();
        let hosts = self.chosen.iter().copied();
        let table = nodes::report::table(hosts.clone(), without_host(), self.several, format);
        let json = Json {
            counts: self.counts,
            hosts: hosts.map(HostRow::of).collect(),
            nodes_without_host: without_host().map(NodeRow::of).collect(),
        };
        report::print(format, [&table], &table, &json)
    }

    /// Tells what to do, once for all hosts that need the same.
    pub(super) fn tell_remedies(&self, terminal: Terminal) {
        let mut remedies: Vec<(&str, &str, Vec<String>)> = Vec::new();
        for NodeStatus { host, verdict, .. } in self.all {
            let Some(remedy) = verdict.remedy.as_deref() else { continue };
            let (detail, is_room) = (verdict.detail.as_str(), remedies.len() < TOLD);
            let same = remedies.iter().position(|told| (told.0, told.1) == (remedy, detail));
            match same.and_then(|at| remedies.get_mut(at)) {
                Some((.., aliases)) => aliases.push(host.alias()),
                None if is_room => remedies.push((remedy, detail, vec![host.alias()])),
                None => {}
            }
        }
        for (remedy, detail, aliases) in remedies {
            terminal.note(format_args!("{}: {detail}; {remedy}", first_of(aliases, NAMED)));
        }
    }

    /// The last line: told where all is ok, else the failure that the run ends with.
    pub(super) fn summary(&self, is_all: bool, terminal: Terminal) -> Option<Failure> {
        let Counts { total, ok, failed, skipped } = self.counts;
        if total == 0 {
            return is_all.then(|| fleets::none_listed("check"));
        }
        let problems = self.chosen.iter().filter(|status| status.is_problem());
        let mut names: Vec<String> = problems.map(|status| status.host.alias()).collect();
        let without_host = self.without_host.iter();
        names.extend(without_host.map(|(fleet, node)| nodes::report::name_of(fleet, node, true)));
        let behind = self.chosen.iter().filter(|status| status.is_behind_jump()).count();
        let hint = match behind {
            0 => String::new(),
            many => format!(
                "; {} behind a jump host skipped: --login checks them",
                counted(many, "host")
            ),
        };
        if names.is_empty() {
            let ok = match ok {
                0 => "no host checked".to_owned(),
                _ if ok == total && ok > 1 => format!("all {} OK", counted(ok, "host")),
                _ => format!("{} OK", counted(ok, "host")),
            };
            terminal.tell(format_args!("{ok}{hint}"));
            return None;
        }
        let others = [(failed, "failed"), (skipped - behind, "skipped")];
        let others = others.iter().filter(|(count, _)| *count > 0);
        let others: Vec<_> = others.map(|(count, word)| format!("{count} {word}")).collect();
        let text = format!("{ok} of {} OK, {}", counted(total, "host"), others.join(", "));
        let message = format!("{text}: {}{hint}", first_of(names, NAMED));
        Some(Failure::message(Kind::Hosts, message))
    }
}

/// The object of `--format json`.
#[derive(Serialize)]
struct Json<'r> {
    counts: Counts,
    /// In the order of the clusters and of their hosts.
    hosts: Vec<HostRow<'r>>,
    nodes_without_host: Vec<NodeRow<'r>>,
}
