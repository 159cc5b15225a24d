//! What was found, for people and for programs.

use std::time::Duration;

use serde::Serialize;

use super::Member;
use super::clusters::Cluster;
use super::verdict::{State, Verdict};
use crate::cli::ReportFormat;
use crate::cluster::{Fleet, Skipped, WhySkipped};
use crate::commands::{fleets, report};
use crate::failure::{Failure, Kind, Outcome};
use crate::name::{Alias, Slug};
use crate::render::data::{self, Text};
use crate::ssh::probe::Probe;
use crate::terminal::Terminal;
use crate::terminal::table::{Cell, Column, Table, Tone};

/// How many hosts a sentence names.
const NAMED: usize = 5;
/// How many remedies are told.
const TOLD: usize = 20;

/// The hosts of a run, with the verdict on each.
#[derive(Clone, Copy)]
pub(super) struct Checked<'c> {
    pub(super) hosts: &'c [Member<'c>],
    pub(super) verdicts: &'c [Verdict<'c>],
    pub(super) clusters: &'c [Cluster<'c>],
}

impl<'c> Checked<'c> {
    fn rows(self) -> impl Iterator<Item = (&'c Member<'c>, &'c Verdict<'c>)> {
        self.hosts.iter().zip(self.verdicts)
    }

    /// The nodes that should give a host and give none, each with its cluster.
    fn without_host(
        self,
        skip_invalid: bool,
    ) -> impl Iterator<Item = (&'c Cluster<'c>, &'c Skipped<'c>)> {
        self.clusters.iter().flat_map(move |cluster| {
            cluster.without_host(skip_invalid).map(move |node| (cluster, node))
        })
    }

    /// Prints it, each cluster's hosts in their order and its nodes without one behind them.
    pub(super) fn print(self, format: ReportFormat, skip_invalid: bool) -> Outcome<()> {
        let mut table = Table::new([
            Column::whole("HOST"),
            Column::whole("STATE"),
            // For programs, which need no sentence.
            Column::whole(if format == ReportFormat::Plain { "REASON" } else { "" }),
            Column::whole("LATENCY").right(),
            Column::whole("LOGIN").right(),
            Column::minor("SERVER"),
            Column::new("DETAIL"),
        ]);
        let is_plain = format == ReportFormat::Plain;
        for (member, verdict) in self.rows() {
            table.row(row(member, verdict, is_plain));
        }
        for (cluster, node) in self.without_host(skip_invalid) {
            // A program may hand the first field to ssh, so that it is no text of the API's: the
            // alias that the node would have, which leads nowhere.
            let name = if is_plain {
                would_be(cluster, node)
            } else if self.clusters.len() == 1 {
                node.name.to_string()
            } else {
                format!("{} of {}", node.name, cluster.fleet.alias())
            };
            let reason = if is_plain { word(&node.why).into() } else { Cell::default() };
            let failing = Cell::new(State::Failing.word()).tone(tone(State::Failing));
            let empty = Cell::default;
            table.row([
                Cell::new(name),
                failing,
                reason,
                empty(),
                empty(),
                empty(),
                Cell::new(&node.why),
            ]);
        }
        report::print(format, &table, &self.data(skip_invalid))
    }

    /// Tells what to do, once for all hosts that need the same.
    pub(super) fn tell_remedies(self, terminal: Terminal) {
        let mut remedies: Vec<(&str, &str, Vec<String>)> = Vec::new();
        for (member, verdict) in self.rows() {
            let Some(remedy) = verdict.remedy.as_deref() else { continue };
            let is_room = remedies.len() < TOLD;
            let detail = verdict.detail.as_str();
            let same = remedies.iter().position(|told| (told.0, told.1) == (remedy, detail));
            match same.and_then(|at| remedies.get_mut(at)) {
                Some((.., aliases)) => aliases.push(member.alias()),
                None if is_room => {
                    remedies.push((remedy, detail, vec![member.alias()]));
                }
                None => {}
            }
        }
        for (remedy, detail, aliases) in remedies {
            terminal.note(format_args!("{}: {detail}; {remedy}", some_of(&aliases)));
        }
    }

    /// The last line: told where all is well, else the failure that the run ends with.
    pub(super) fn summary(
        self,
        skip_invalid: bool,
        is_all: bool,
        terminal: Terminal,
    ) -> Option<Failure> {
        let counts = self.counts(skip_invalid);
        if counts.total == 0 {
            return is_all.then(|| fleets::none_listed("check"));
        }
        let untried = match counts.untried {
            0 => String::new(),
            many => format!(
                "; {} behind a jump host {} not tried: --login does",
                hosts(many),
                if many == 1 { "was" } else { "were" }
            ),
        };
        if counts.failing == 0 {
            let all = if counts.well == counts.total { "all of " } else { "" };
            let well = match counts.well {
                0 => "no host was tried".to_owned(),
                1 => "1 host is well".to_owned(),
                many => format!("{all}{} are well", hosts(many)),
            };
            terminal.tell(format_args!("{well}{untried}"));
            return None;
        }
        let failing = self.rows().filter(|(_, verdict)| verdict.state == State::Failing);
        let mut names: Vec<String> = failing.map(|(member, _)| member.alias()).collect();
        names.extend(
            self.without_host(skip_invalid)
                .map(|(cluster, node)| format!("{} of {}", node.name, cluster.fleet.alias())),
        );
        let is = if counts.failing == 1 { "is" } else { "are" };
        let message = format!(
            "{} of {} {} well; {} {is} not: {}{untried}",
            counts.well,
            hosts(counts.total),
            if counts.well == 1 || counts.total == 1 { "is" } else { "are" },
            counts.failing,
            some_of(&names)
        );
        Some(Failure::message(Kind::Hosts, message))
    }

    fn counts(self, skip_invalid: bool) -> Counts {
        let many = |state| self.verdicts.iter().filter(|verdict| verdict.state == state).count();
        let without_host = self.without_host(skip_invalid).count();
        Counts {
            total: self.verdicts.len() + without_host,
            well: many(State::Well),
            failing: many(State::Failing) + without_host,
            untried: many(State::Untried),
        }
    }

    fn data(self, skip_invalid: bool) -> Report<'c> {
        let without_host = self.without_host(skip_invalid);
        Report {
            counts: self.counts(skip_invalid),
            hosts: self.rows().map(|(member, verdict)| Row::of(member, verdict)).collect(),
            nodes_without_host: without_host
                .map(|(cluster, node)| Node {
                    cluster: Text(cluster.fleet.alias()),
                    state: State::Failing,
                    skipped: data::Skipped::of(node),
                })
                .collect(),
        }
    }
}

fn row(member: &Member<'_>, verdict: &Verdict<'_>, is_plain: bool) -> [Cell; 7] {
    let latency = verdict.probe.and_then(Probe::latency);
    let login = verdict.login.map(|login| login.took);
    let time = |time: Option<Duration>| {
        let text = time.map(milliseconds);
        Cell::given(
            text.map(|ms| if is_plain { format!("{ms:.1}") } else { format!("{ms:.0} ms") }),
        )
    };
    let reason = verdict.reason.filter(|_| is_plain);
    let server = verdict.server();
    // A comment behind the version is for programs.
    let server = if is_plain { server } else { server.and_then(|text| text.split(' ').next()) };
    [
        Cell::new(member.alias()),
        Cell::new(verdict.state.word()).tone(tone(verdict.state)),
        Cell::given(reason),
        time(latency),
        time(login),
        Cell::given(server),
        Cell::new(&verdict.detail),
    ]
}

fn would_be(cluster: &Cluster<'_>, node: &Skipped<'_>) -> String {
    let Fleet { prefix, name, .. } = &cluster.fleet;
    let own = Slug::of_name(node.name.as_cow(), node.name.as_str());
    Alias::of_node(prefix, name, &own).to_string()
}

fn tone(state: State) -> Tone {
    match state {
        State::Well => Tone::Good,
        State::Failing => Tone::Bad,
        State::Untried => Tone::Dim,
    }
}

fn word(why: &WhySkipped<'_>) -> &'static str {
    match why {
        WhySkipped::Terminated => "terminated",
        WhySkipped::Detached => "detached",
        WhySkipped::NoConnection { .. } => "no_connection",
        WhySkipped::Refused => "value_refused",
    }
}

fn hosts(many: usize) -> String {
    if many == 1 { "1 host".to_owned() } else { format!("{many} hosts") }
}

/// `a, b and 3 more`.
fn some_of(names: &[String]) -> String {
    let (first, rest) = names.split_at(names.len().min(NAMED));
    let more = if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
    format!("{}{more}", first.join(", "))
}

/// With one digit behind the point.
fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 10_000.0).round() / 10.0
}

/// What `--format json` says.
#[derive(Serialize)]
struct Report<'r> {
    counts: Counts,
    /// In the order of the clusters and of their hosts.
    hosts: Vec<Row<'r>>,
    /// They count as failing.
    nodes_without_host: Vec<Node<'r>>,
}

#[derive(Clone, Copy, Serialize)]
struct Counts {
    total: usize,
    well: usize,
    failing: usize,
    untried: usize,
}

#[derive(Serialize)]
struct Row<'r> {
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
    /// What a login took, or took to fail; of the jump host of others, with what is for all.
    login_ms: Option<f64>,
}

#[derive(Serialize)]
struct Node<'r> {
    cluster: Text<Alias<'r>>,
    state: State,
    #[serde(flatten)]
    skipped: data::Skipped<'r>,
}

impl<'r> Row<'r> {
    fn of(member: &'r Member<'r>, verdict: &'r Verdict<'r>) -> Self {
        let probe = verdict.probe;
        let step = |time: fn(&Probe) -> Option<Duration>| probe.and_then(time).map(milliseconds);
        Self {
            host: data::Host::of(member.fleet(), member.host),
            state: verdict.state,
            reason: verdict.reason,
            detail: Some(verdict.detail.as_str()).filter(|detail| !detail.is_empty()),
            remedy: verdict.remedy.as_deref(),
            address: probe.and_then(|probe| probe.address).map(|address| address.to_string()),
            server: verdict.server(),
            resolve_ms: step(|probe| probe.resolved),
            connect_ms: step(|probe| probe.connected),
            banner_ms: step(|probe| probe.answered),
            latency_ms: step(Probe::latency),
            login_ms: verdict.login.map(|login| milliseconds(login.took)),
        }
    }
}
