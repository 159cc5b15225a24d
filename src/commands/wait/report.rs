//! The last state of a wait, in the form that was asked for.

use serde::Serialize;

use super::Ended;
use super::picture::Says;
use crate::cli::{Goal, ReportFormat};
use crate::commands::report;
use crate::failure::Outcome;
use crate::terminal::table::{Cell, Column, Table, Tone};

pub(super) fn print(ended: &Ended, goal: Goal, format: ReportFormat) -> Outcome<()> {
    let without = unconnected(ended);
    report::print_with(format, &[], &hosts(ended), &[without], &Report::of(ended, goal))
}

fn hosts(ended: &Ended) -> Table {
    let Ended { picture, known, .. } = ended;
    let mut table = Table::new([
        Column::whole("HOST"),
        Column::new("STATE"),
        Column::minor("ADDRESS"),
        Column::new("ANSWER"),
    ]);
    for way in picture.nodes.iter().flat_map(|node| &node.ways) {
        table.row([
            Cell::new(&way.alias),
            match known.is_up_by(way) {
                Some(true) => Cell::new("up").tone(Tone::Good),
                Some(false) => Cell::new("down").tone(Tone::Bad),
                None => Cell::new("unknown").tone(Tone::Dim),
            },
            Cell::new(&way.destination),
            Cell::new(Says(way, known)),
        ]);
    }
    table
}

fn unconnected(ended: &Ended) -> Table {
    let mut table = Table::new([Column::new("NO HOST"), Column::new("WHY")]);
    for node in &ended.picture.unconnected {
        let tone = if node.is_on_its_way() { Tone::Waiting } else { Tone::Bad };
        table.row([Cell::new(&node.name), Cell::new(&node.why).tone(tone)]);
    }
    table
}

/// What `--format json` says.
#[derive(Serialize)]
struct Report<'r> {
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
    hosts: Vec<Host<'r>>,
    nodes_skipped: Vec<Skipped<'r>>,
}

/// One host: a node with several connections has as many.
#[derive(Serialize)]
struct Host<'r> {
    alias: &'r str,
    /// `null` where nobody asked, for the node was up by another connection.
    up: Option<bool>,
    proxy_jump: Option<&'r str>,
    /// What the server, or that of the jump host, says of itself.
    software: Option<&'r str>,
    problem: Option<String>,
}

#[derive(Serialize)]
struct Skipped<'r> {
    name: &'r str,
    problem: &'r str,
}

impl<'r> Report<'r> {
    fn of(ended: &'r Ended, goal: Goal) -> Self {
        let Ended { picture, known, failure } = ended;
        let host = |way: &'r super::picture::Way| Host {
            alias: &way.alias,
            up: known.is_up_by(way),
            proxy_jump: way.jump.as_deref(),
            software: known.found(way).and_then(|found| Some(found.as_ref().ok()?.as_str())),
            problem: known.found(way).and_then(|found| Some(found.as_ref().err()?.to_string())),
        };
        Self {
            alias: &picture.alias,
            id: &picture.id,
            met: failure.is_none(),
            problem: failure.as_ref().map(|why| {
                let lines: Vec<_> = [&why.text].into_iter().chain(&why.lines).cloned().collect();
                lines.join("\n  ")
            }),
            wanted: match goal {
                Goal::All => None,
                Goal::Nodes(count) => Some(count.get()),
            },
            nodes_total: picture.living,
            nodes_up: picture.up(known),
            hosts: picture.nodes.iter().flat_map(|node| &node.ways).map(host).collect(),
            nodes_skipped: picture
                .unconnected
                .iter()
                .map(|node| Skipped { name: &node.name, problem: &node.why })
                .collect(),
        }
    }
}
