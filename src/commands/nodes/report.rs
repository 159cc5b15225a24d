//! The nodes as tables and JSON show them, the same in `check` and `wait`.

use std::net::IpAddr;
use std::time::Duration;

use serde::Serialize;

use super::status::{NodeStatus, State};
use crate::cli::ReportFormat;
use crate::cluster::{Fleet, Skipped};
use crate::render::data;
use crate::ssh::probe::Probe;
use crate::terminal::table::{Cell, Column, Table, Tone};
use crate::text::sanitize::excerpt;

/// The most characters of the name of a node without a host that are shown: nobody copies it.
const NAME_MAX: usize = 30;

/// A table of hosts in their order, and behind them of the nodes that should give one and give none:
/// who runs a playbook would miss them. `several`: the nodes are of several clusters.
pub(in crate::commands) fn table<'r, 'a: 'r>(
    hosts: impl IntoIterator<Item = &'r NodeStatus<'r>>,
    without_host: impl IntoIterator<Item = (&'r Fleet<'a>, &'r Skipped<'a>)>,
    several: bool,
    format: ReportFormat,
) -> Table {
    let is_plain = format == ReportFormat::Plain;
    let mut table = Table::new([
        Column::whole("HOST"),
        Column::whole("STATE"),
        // For programs, which need no sentence.
        Column::whole(if is_plain { "REASON" } else { "" }),
        Column::minor("LATENCY", 3).right(),
        Column::minor("LOGIN", 2).right(),
        Column::minor("SERVER", 1),
        Column::wrapped("DETAIL"),
    ]);
    let time = |time: Option<Duration>| {
        let shown = |ms: f64| if is_plain { format!("{ms:.1}") } else { format!("{ms:.0} ms") };
        Cell::given(time.map(milliseconds).map(shown))
    };
    for status in hosts {
        let NodeStatus { host, found, verdict } = status;
        // A comment behind the version is for programs.
        let word = |text: &'r str| text.split(' ').next().filter(|_| !is_plain).unwrap_or(text);
        table.row([
            Cell::new(host.alias()),
            state_cell(verdict.state),
            Cell::given(verdict.reason.filter(|_| is_plain)),
            time(found.probe.as_ref().and_then(Probe::latency)),
            time(found.login.as_ref().map(|login| login.took)),
            Cell::given(status.server().map(word)),
            Cell::new(&verdict.detail),
        ]);
    }
    for (fleet, node) in without_host {
        let name =
            if is_plain { fleet.alias_of_skipped(node) } else { name_of(fleet, node, several) };
        let reason = Cell::given(is_plain.then_some(node.why));
        let [latency, login, server] = [(); 3].map(|()| Cell::default());
        let (state, why) = (state_cell(State::Failed), Cell::new(node.explained()));
        table.row([Cell::new(name), state, reason, latency, login, server, why]);
    }
    table
}

/// The state of a host, in its color.
fn state_cell(state: State) -> Cell {
    Cell::new(state).tone(match state {
        State::Ok => Tone::Good,
        State::Failed => Tone::Bad,
        State::Skipped => Tone::Dim,
    })
}

/// A node that gives no host: nodes have the same names in every cluster, and this one no alias.
pub(in crate::commands) fn name_of(fleet: &Fleet<'_>, node: &Skipped<'_>, several: bool) -> String {
    let name = excerpt(node.name.as_str(), NAME_MAX);
    if several { format!("{name} of {}", fleet.alias()) } else { name }
}

/// In milliseconds, with one digit behind the point.
fn milliseconds(time: Duration) -> f64 {
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
    address: Option<IpAddr>,
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
        let probe = found.probe.as_ref();
        let step = |time: fn(&Probe) -> Option<Duration>| probe.and_then(time).map(milliseconds);
        Self {
            host: data::Host::of(host.fleet, host.host),
            state: verdict.state,
            reason: verdict.reason,
            detail: Some(verdict.detail.as_str()).filter(|detail| !detail.is_empty()),
            remedy: verdict.remedy.as_deref(),
            address: probe.and_then(|probe| probe.address),
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
    skipped: &'r Skipped<'r>,
}

impl<'r> NodeRow<'r> {
    pub(in crate::commands) fn of<'a>((fleet, node): (&'r Fleet<'a>, &'r Skipped<'a>)) -> Self {
        let cluster = fleet.alias();
        Self { cluster, state: State::Failed, skipped: node }
    }
}
