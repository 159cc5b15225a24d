//! The status of a cluster and its nodes: the last answer of the API, and what was found there.

use std::cell::OnceCell;
use std::collections::HashSet;

use super::TOLD;
use super::probes::ProbeResults;
use crate::cli::Goal;
use crate::cluster::{NoFleet, Skipped, WhySkipped};
use crate::commands::nodes::status::{Judge, NodeStatus, Verdict};
use crate::commands::nodes::{ViewedCluster, ViewedHost};
use crate::failure::{Failure, Kind, Outcome};
use crate::name::Label;
use crate::text::message::Message;

/// The status of a cluster: of its nodes, and of the API.
pub(super) struct ClusterStatus<'s> {
    pub(super) cluster: &'s ViewedCluster<'s>,
    results: &'s ProbeResults,
    judge: &'s Judge<'s>,
    /// The reason that the API did not say anything newer.
    outage: Option<&'s str>,
    /// The ids of the nodes that are up, of those that are waited for.
    up: HashSet<&'s str>,
    /// Their hosts, judged once somebody is told.
    rows: OnceCell<Vec<NodeStatus<'s>>>,
}

/// Returns the number of nodes that must be up.
pub(super) fn wanted(goal: Goal, cluster: &ViewedCluster<'_>) -> usize {
    match goal {
        Goal::All => cluster.nodes().max(1),
        Goal::Nodes(count) => count.get(),
    }
}

impl<'s> ClusterStatus<'s> {
    pub(super) fn new(
        cluster: &'s ViewedCluster<'s>,
        results: &'s ProbeResults,
        outage: Option<&'s str>,
        judge: &'s Judge<'s>,
    ) -> Self {
        let up = results.up(cluster.chosen());
        Self { cluster, results, judge, outage, up, rows: OnceCell::new() }
    }

    /// The hosts of the nodes that are waited for, with the status of each.
    pub(super) fn rows(&self) -> &[NodeStatus<'s>] {
        self.rows.get_or_init(|| {
            let mut rows = self.judge.statuses(self.cluster, |host| self.results.of(host));
            rows.retain(|status| is_awaited(&status.host));
            rows
        })
    }

    pub(super) fn total(&self) -> usize {
        self.cluster.nodes()
    }

    pub(super) fn up(&self) -> usize {
        self.up.len()
    }

    /// The first host of each node that is not up.
    fn down(&self) -> impl Iterator<Item = ViewedHost<'s>> {
        let mut seen = self.up.clone();
        self.cluster.hosts().filter(is_awaited).filter(move |host| seen.insert(id(host)))
    }

    /// Returns how the wait ended: all is as it should be, or cannot be any more; `None` while it goes
    /// on.
    pub(super) fn end(&self, goal: Goal) -> Option<Outcome<()>> {
        if self.cluster.fleet().is_some_and(|fleet| fleet.cluster.is_terminated()) {
            return Some(Err(self.impossible("the cluster was terminated", None)));
        }
        let wanted = wanted(goal, self.cluster);
        if self.up() >= wanted {
            return Some(Ok(()));
        }
        let failures = self.failures();
        if !failures.is_empty() && self.total() - failures.len() < wanted {
            let text = format!("{}, and there will not be {wanted}:", self.count());
            let message = Message::with_first(text, TOLD, failures, 0);
            return Some(Err(Failure::message(Kind::Hosts, message)));
        }
        // A jump host that refuses our login will refuse it the next time.
        let (name, reason, host) = self.results.refusal(self.cluster)?;
        let Verdict { detail, remedy, .. } = self.judge.failed_jump(&host, reason);
        let why = format!("its jump host {name} refuses the login: {detail}");
        Some(Err(self.impossible(&why, remedy)))
    }

    fn impossible(&self, why: &str, remedy: Option<String>) -> Failure {
        let message = format!("{}: {why}", self.cluster.alias());
        Failure { hint: remedy, ..Failure::message(Kind::Hosts, message) }
    }

    /// The installations that failed on nodes that are not up.
    fn failures(&self) -> Vec<String> {
        let connected = self.down().filter_map(|host| Some((host.alias(), failure(&host)?)));
        let unconnected = self
            .cluster
            .without_host()
            .filter_map(|(_, node)| Some((node.name.to_string(), installation_failure(node)?)));
        let told = |(name, why)| format!("{name}: installation failed: {why}");
        connected.chain(unconnected).map(told).collect()
    }

    /// `prime.train: 1 of 3 nodes is up`.
    pub(super) fn count(&self) -> String {
        let (up, total) = (self.up(), self.total());
        let are = if up == 1 || total == 1 { "is" } else { "are" };
        let nodes = if total == 1 { "node" } else { "nodes" };
        format!("{}: {up} of {total} {nodes} {are} up", self.cluster.alias())
    }

    /// The same with what the others are waited for, as long as it says something new.
    pub(super) fn progress(&self) -> String {
        let without_host = || self.cluster.without_host();
        let refused =
            without_host().filter(|(_, node)| node.why == WhySkipped::ValueRefused).count();
        let waiting = without_host().filter(|(_, node)| is_starting(node)).count();
        let silent = self.down().filter(|host| failure(host).is_none()).count();
        let mut others = Vec::new();
        for (count, one, several) in [
            (silent, "does not answer yet", "do not answer yet"),
            (waiting, "has no connection yet", "have no connection yet"),
            (refused, "has a value that is refused", "have values that are refused"),
            (self.failures().len(), "failed to install", "failed to install"),
        ] {
            if count > 0 {
                others.push(format!("{count} {}", if count == 1 { one } else { several }));
            }
        }
        let others = (!others.is_empty()).then(|| others.join(", "));
        let outage = self.outage.map(|outage| format!("no news, for {outage}"));
        let state = [Some(self.count()), others, outage];
        state.into_iter().flatten().collect::<Vec<_>>().join("; ")
    }

    /// The reason for each node that is not up, a line a host.
    pub(super) fn missing(&self) -> Vec<String> {
        let hosts = self.rows().iter().filter(|status| !self.up.contains(id(&status.host)));
        let missing = |NodeStatus { host, verdict, .. }: &NodeStatus<'s>| {
            format!("{}: {}", host.alias(), verdict.detail)
        };
        let mut lines: Vec<String> = hosts.map(missing).collect();
        let without_host = self.cluster.without_host();
        lines.extend(without_host.map(|(_, node)| format!("{}: {}", node.name, node.explained())));
        if let Err(why @ NoFleet::NoControlNode) = &self.cluster.resolved.fleet {
            lines.push(why.to_string());
        }
        lines.extend(self.outage.map(str::to_owned));
        if lines.is_empty() {
            lines.push("no further node is in the cluster".to_owned());
        }
        lines
    }
}

fn id<'s>(host: &ViewedHost<'s>) -> &'s str {
    host.host.node.id.as_str()
}

/// The reason that the installation of its node failed, where it did.
fn failure<'s>(host: &ViewedHost<'s>) -> Option<&'s str> {
    host.host.node.failure.as_ref().map(Label::as_str)
}

/// Returns whether it is of a node that is waited for.
fn is_awaited(host: &ViewedHost<'_>) -> bool {
    host.host.is_active() && !host.host.jump_only
}

/// Returns whether it only takes its time.
fn is_starting(node: &Skipped<'_>) -> bool {
    node.why == WhySkipped::NoConnection && node.installation_failure.is_none()
}

fn installation_failure<'n>(node: &'n Skipped<'_>) -> Option<&'n str> {
    node.installation_failure.as_ref().map(Label::as_str)
}
