//! A node as tables and JSON show it, the same in every command.

use std::time::Duration;

use serde::Serialize;

use super::status::{NodeStatus, State};
use crate::cluster::{Fleet, Skipped, WhySkipped};
use crate::render::data;
use crate::ssh::probe::Probe;
use crate::terminal::table::{Cell, Column, Table, Tone};

/// The state of a host, in its color.
pub(in crate::commands) fn state_cell(state: State) -> Cell {
    Cell::new(state.word()).tone(match state {
        State::Ok => Tone::Good,
        State::Failed => Tone::Bad,
        State::Skipped => Tone::Dim,
    })
}

/// A node that gives no host: nodes have the same names in every cluster, and this one no alias.
pub(in crate::commands) fn name_of(fleet: &Fleet<'_>, node: &Skipped<'_>, several: bool) -> String {
    if several { format!("{} of {}", node.name, fleet.alias()) } else { node.name.to_string() }
}

/// The nodes that give no host, of one cluster or of `several`, and why.
pub(in crate::commands) fn without_host<'s, 'a: 's>(
    nodes: impl IntoIterator<Item = (&'s Fleet<'a>, &'s Skipped<'a>)>,
    several: bool,
) -> Table {
    let mut table = Table::new([Column::new("NO HOST"), Column::wrapped("WHY")]);
    for (fleet, node) in nodes {
        let why = &node.why;
        let tone = match why {
            WhySkipped::Terminated | WhySkipped::Detached => Tone::Dim,
            WhySkipped::NoConnection { failure: None, .. } => Tone::Waiting,
            WhySkipped::NoConnection { .. } | WhySkipped::Refused => Tone::Bad,
        };
        table.row([Cell::new(name_of(fleet, node, several)), Cell::new(why).tone(tone)]);
    }
    table
}

/// Returns why a node gives no host, in one word for programs.
pub(in crate::commands) fn skip_word(why: &WhySkipped<'_>) -> &'static str {
    match why {
        WhySkipped::Terminated => "terminated",
        WhySkipped::Detached => "detached",
        WhySkipped::NoConnection { .. } => "no_connection",
        WhySkipped::Refused => "value_refused",
    }
}

/// In milliseconds, with one digit behind the point.
pub(in crate::commands) fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 10_000.0).round() / 10.0
}

/// A host, as JSON says it.
#[derive(Serialize)]
pub(in crate::commands) struct HostRow<'r> {
    #[serde(flatten)]
    host: data::Host<'r>,
    state: State,
    reason: Option<&'static str>,
    detail: Option<&'r str>,
    remedy: Option<&'r str>,
    /// The address that was connected to.
    address: Option<String>,
    server: Option<&'r str>,
    resolve_ms: Option<f64>,
    connect_ms: Option<f64>,
    banner_ms: Option<f64>,
    /// `connect_ms` and `banner_ms` together.
    latency_ms: Option<f64>,
    /// The time of a login, failed or not; of the jump host of others, with what is for all.
    login_ms: Option<f64>,
}

impl<'r> HostRow<'r> {
    pub(in crate::commands) fn of(status: &'r NodeStatus<'r>) -> Self {
        let NodeStatus { host, found, verdict } = status;
        let probe = status.probe();
        let step = |time: fn(&Probe) -> Option<Duration>| probe.and_then(time).map(milliseconds);
        Self {
            host: data::Host::of(host.fleet, host.host),
            state: verdict.state,
            reason: verdict.reason,
            detail: Some(verdict.detail.as_str()).filter(|detail| !detail.is_empty()),
            remedy: verdict.remedy.as_deref(),
            address: probe.and_then(|probe| probe.address).map(|address| address.to_string()),
            server: status.server(),
            resolve_ms: step(|probe| probe.resolved),
            connect_ms: step(|probe| probe.connected),
            banner_ms: step(|probe| probe.answered),
            latency_ms: step(Probe::latency),
            login_ms: found.login.as_ref().map(|login| milliseconds(login.took)),
        }
    }
}

/// A node that should give a host and gives none, as JSON says it. It counts as failed.
#[derive(Serialize)]
pub(in crate::commands) struct NodeRow<'r> {
    cluster: String,
    state: State,
    #[serde(flatten)]
    skipped: data::Skipped<'r>,
}

impl<'r> NodeRow<'r> {
    pub(in crate::commands) fn of(fleet: &'r Fleet<'r>, node: &'r Skipped<'r>) -> Self {
        let cluster = fleet.alias();
        Self { cluster, state: State::Failed, skipped: data::Skipped::of(node) }
    }
}
