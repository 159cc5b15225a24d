//! `prime-ssh list`: the clusters that there are.

use serde::Serialize;

use super::{fetch, report, view};
use crate::api::list::Listed;
use crate::cli::ListArgs;
use crate::cluster::{ControlNode, Refusal};
use crate::failure::Outcome;
use crate::install::present::Present;
use crate::install::state::Record;
use crate::settings::{Context, pasted};
use crate::terminal::table::{Cell, Column, Table, Tone};
use crate::text::sanitize::name;
use crate::text::time;

pub(super) fn run(args: &ListArgs, context: &Context) -> Outcome<()> {
    let terminal = context.terminal;
    let (endpoint, team) = (context.endpoint()?, context.team(args.team.clone())?);
    let search = args.search.as_deref();
    let installed = view::installed_here(&context.layout()?, terminal);
    let here = endpoint.address.to_string();
    let mut listed = fetch::list(endpoint, search, terminal)?;
    if search.is_none() {
        tell_unlisted(&here, &installed, &listed, context);
    }
    listed.retain(|cluster| cluster.is_of(team.as_deref()));
    listed.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
    let clusters: Vec<_> = listed.iter().map(|listed| Row::of(listed, &installed)).collect();
    for Row { listed, refusals, .. } in &clusters {
        let (name, id) = (name(&listed.name), name(&listed.id));
        for refusal in refusals {
            terminal.warning(format_args!(
                "{name} ({id}): the address of its control node is refused: {refusal}"
            ));
        }
    }
    if clusters.is_empty() {
        terminal.note(nothing(search, team.as_deref()));
    }
    let table = table(&clusters);
    report::print(args.format, [&table], &table, &Report { clusters })
}

fn nothing(search: Option<&str>, team: Option<&str>) -> String {
    let found = match search {
        Some(search) => format!("no cluster has \"{}\" in its name or id", name(search)),
        None => "the API lists no cluster".to_owned(),
    };
    match team {
        Some(team) => {
            format!("{found} in team {team}; `--team any` shows the clusters of every team")
        }
        None => found,
    }
}

/// Tells what is installed and was asked for here, and is not there any more.
fn tell_unlisted(here: &str, installed: &Present, listed: &[Listed], context: &Context) {
    let is_gone = |record: &&Record| {
        record.source.api().is_some_and(|api| api.url == here)
            && !listed.iter().any(|cluster| cluster.id == record.id.as_str())
    };
    let records = installed.records.values();
    let gone: Vec<String> = records
        .filter(is_gone)
        .map(|record| format!("{} ({})", record.alias(), record.id))
        .collect();
    if !gone.is_empty() {
        context.terminal.note(format_args!(
            "installed here, and not in the list: {}; {} removes what was terminated",
            gone.join(", "),
            pasted(context.commands().installed("sync", []))
        ));
    }
}

/// The report, as `--format json` prints it.
#[derive(Serialize)]
struct Report<'l> {
    clusters: Vec<Row<'l>>,
}

/// One cluster of the list, checked.
#[derive(Serialize)]
struct Row<'l> {
    #[serde(flatten)]
    listed: &'l Listed,
    control_node: Option<ControlNode>,
    /// Its alias, where it is installed here.
    installed_as: Option<String>,
    refusals: Vec<Refusal>,
}

impl<'l> Row<'l> {
    fn of(listed: &'l Listed, installed: &Present) -> Self {
        let controller = listed.controller.as_deref();
        let control = controller.map(|text| ControlNode::of_listed(text, listed.place));
        let (control_node, refusals) = match control.transpose() {
            Ok(control_node) => (control_node, Vec::new()),
            Err(refusals) => (None, refusals),
        };
        let installed_as = installed.of_id(&listed.id).map(Record::alias);
        Self { listed, control_node, installed_as, refusals }
    }

    fn address(&self) -> Cell {
        if !self.refusals.is_empty() {
            return Cell::new("refused").tone(Tone::Bad);
        }
        Cell::given(self.control_node.as_ref().map(ControlNode::destination))
    }
}

fn table(clusters: &[Row<'_>]) -> Table {
    let mut table = Table::new([
        Column::new("NAME"),
        Column::id("ID"),
        Column::new("STATUS"),
        Column::minor("CONTROL NODE", 1),
        Column::minor("VAULT", 3),
        Column::minor("AGE", 2),
        Column::whole("INSTALLED AS"),
        Column::minor("GPUS", 4),
    ]);
    for row in clusters {
        let listed = row.listed;
        table.row([
            Cell::new(&listed.name),
            Cell::new(&listed.id),
            report::status(&listed.status),
            row.address(),
            Cell::new(if listed.vault_enabled { "vault" } else { "" }),
            Cell::given(time::moment(&listed.created_at).map(|at| time::span(time::since(at)))),
            Cell::given(row.installed_as.as_ref()),
            Cell::new(report::gpus(listed.gpu_count, listed.gpu_name.as_deref())),
        ]);
    }
    table
}
