//! The status of a cluster and its nodes: the last answer of the API, and what was found there.

use std::collections::HashSet;

use super::TOLD;
use super::probes::ProbeResults;
use crate::cli::Goal;
use crate::cluster::{NoFleet, Skipped, WhySkipped};
use crate::commands::nodes::ViewedCluster;
use crate::commands::nodes::status::{Judge, NodeStatus, Verdict};
use crate::failure::{Failure, Kind, Outcome};
use crate::name::Label;
use crate::text::message::Message;

/// The status of a cluster: of its nodes, and of the API.
pub(super) struct ClusterStatus<'s> {
    pub(super) cluster: &'s ViewedCluster<'s>,
    /// Its hosts, those that others are reached through too.
    statuses: Vec<NodeStatus<'s>>,
    /// The ids of the nodes that are up, of those that are waited for.
    up: HashSet<&'s str>,
    /// The reason that the API did not say anything newer.
    outage: Option<&'s str>,
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
        results: &ProbeResults,
        outage: Option<&'s str>,
        judge: &Judge<'_>,
    ) -> Self {
        let statuses = judge.statuses(cluster, |host| results.of(host));
        Self { cluster, statuses, up: results.up(cluster.chosen()), outage }
    }

    /// The hosts of the nodes that are waited for.
    pub(super) fn rows(&self) -> impl Iterator<Item = &NodeStatus<'s>> {
        self.statuses.iter().filter(|status| counts(status))
    }

    pub(super) fn total(&self) -> usize {
        self.cluster.nodes()
    }

    pub(super) fn up(&self) -> usize {
        self.up.len()
    }

    /// The first host of each node that is not up.
    fn down(&self) -> impl Iterator<Item = &NodeStatus<'s>> {
        let mut seen = self.up.clone();
        self.rows().filter(move |status| seen.insert(id(status)))
    }

    /// Returns how the wait ended: all is as it should be, or cannot be any more; `None` while it goes
    /// on.
    pub(super) fn end(
        &self,
        goal: Goal,
        results: &ProbeResults,
        judge: &Judge<'_>,
    ) -> Option<Outcome<()>> {
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
        let (name, reason, host) = results.refusal(self.cluster)?;
        let Verdict { detail, remedy, .. } = judge.failed_jump(&host, reason);
        let why = format!("its jump host {name} refuses the login: {detail}");
        Some(Err(self.impossible(&why, remedy)))
    }

    fn impossible(&self, why: &str, remedy: Option<String>) -> Failure {
        let message = format!("{}: {why}", self.cluster.alias());
        Failure { hint: remedy, ..Failure::message(Kind::Hosts, message) }
    }

    /// The installations that failed on nodes that are not up.
    fn failures(&self) -> Vec<String> {
        let connected =
            self.down().filter_map(|status| Some((status.host.alias(), failure(status)?)));
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
        let silent = self.down().filter(|status| failure(status).is_none()).count();
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
        let hosts = self.rows().filter(|status| !self.up.contains(id(status)));
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

fn id<'s>(status: &NodeStatus<'s>) -> &'s str {
    status.host.host.node.id.as_str()
}

/// The reason that the installation of its node failed, where it did.
fn failure<'s>(status: &NodeStatus<'s>) -> Option<&'s str> {
    status.host.host.node.failure.as_ref().map(Label::as_str)
}

/// Returns whether it is of a node that is waited for.
fn counts(status: &NodeStatus<'_>) -> bool {
    status.host.host.is_active() && !status.host.host.jump_only
}

/// Returns whether it only takes its time.
fn is_starting(node: &Skipped<'_>) -> bool {
    node.why == WhySkipped::NoConnection && node.installation_failure.is_none()
}

fn installation_failure<'n>(node: &'n Skipped<'_>) -> Option<&'n str> {
    node.installation_failure.as_ref().map(Label::as_str)
}
