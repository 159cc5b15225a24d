//! `prime-ssh list`: the clusters that there are.

use jiff::Timestamp;
use serde::Serialize;

use super::report::{self, Refused};
use super::{fetch, view};
use crate::api::list::Listed;
use crate::cli::ListArgs;
use crate::cluster::{ControlNode, Refusal};
use crate::failure::Outcome;
use crate::install::plan::Installed;
use crate::install::state::Record;
use crate::settings::{Context, List, pasted};
use crate::terminal::Terminal;
use crate::terminal::table::{Cell, Column, Table, Tone};
use crate::text::sanitize::excerpt;
use crate::text::time;

pub(super) fn run(args: ListArgs, context: &Context) -> Outcome<()> {
    let terminal = context.terminal;
    let settings = List::resolve(args, context)?;
    let installed = view::installed_here(&settings.layout, terminal);
    let search = settings.search.as_deref();
    let mut listed = fetch::list(settings.endpoint.clone(), search, terminal)?;
    if settings.search.is_none() {
        tell_unlisted(&settings, &installed, &listed, terminal);
    }
    if settings.team.is_some() {
        listed.retain(|cluster| cluster.team_id == settings.team);
    }
    listed.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
    let clusters: Vec<_> = listed.iter().map(|listed| Cluster::of(listed, &installed)).collect();
    for cluster in &clusters {
        cluster.tell_refusals(terminal);
    }
    if clusters.is_empty() {
        terminal.note(nothing(&settings));
    }
    let rows = clusters.iter().map(Row::of).collect();
    report::print(settings.format, &table(&clusters), &Report { clusters: rows })
}

fn nothing(settings: &List) -> String {
    let found = match &settings.search {
        Some(search) => format!("no cluster has {search:?} in its name or id"),
        None => "the API lists no cluster".to_owned(),
    };
    match &settings.team {
        Some(team) => {
            format!("{found} in team {team}; `--team any` shows the clusters of every team")
        }
        None => found,
    }
}

/// Tells what is installed and was asked for here, and is not there any more.
fn tell_unlisted(settings: &List, installed: &Installed, listed: &[Listed], terminal: Terminal) {
    let here = settings.endpoint.address.to_string();
    let is_gone = |record: &&Record| {
        record.source.api().is_some_and(|api| api.url == here)
            && !listed.iter().any(|cluster| cluster.id == record.id.as_str())
    };
    let records = installed.records.iter().map(|(_, record)| record);
    let gone: Vec<String> = records
        .filter(is_gone)
        .map(|record| format!("{} ({})", record.alias(), record.id))
        .collect();
    if !gone.is_empty() {
        terminal.note(format_args!(
            "installed here, and not in the list: {}; {} removes what was terminated",
            gone.join(", "),
            pasted(settings.commands.installed("sync", []))
        ));
    }
}

/// One cluster of the list, checked.
struct Cluster<'l> {
    listed: &'l Listed,
    control: Option<Result<ControlNode, Vec<Refusal>>>,
    created: Option<Timestamp>,
    /// As what it is installed here.
    installed_as: Option<String>,
}

impl<'l> Cluster<'l> {
    fn of(listed: &'l Listed, installed: &Installed) -> Self {
        let controller = listed.controller.as_deref();
        Self {
            listed,
            control: controller.map(|text| ControlNode::of_listed(text, listed.place)),
            created: time::moment(&listed.created_at),
            installed_as: installed.of_id(&listed.id).map(Record::alias),
        }
    }

    fn refusals(&self) -> &[Refusal] {
        match &self.control {
            Some(Err(refusals)) => refusals,
            _ => &[],
        }
    }

    fn tell_refusals(&self, terminal: Terminal) {
        let Listed { name, id, .. } = self.listed;
        for refusal in self.refusals() {
            terminal.warning(format_args!(
                "{} ({}): the address of its control node is refused: {refusal}",
                excerpt(name, EXCERPT),
                excerpt(id, EXCERPT)
            ));
        }
    }
}

/// How many characters of a name a message shows.
const EXCERPT: usize = 64;

fn table(clusters: &[Cluster<'_>]) -> Table {
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
    for Cluster { listed, control, created, installed_as } in clusters {
        let address = match control {
            None => Cell::default(),
            Some(Ok(node)) => Cell::new(node.destination()),
            Some(Err(_)) => Cell::new("refused").tone(Tone::Bad),
        };
        table.row([
            Cell::new(&listed.name),
            Cell::new(&listed.id),
            report::status(&listed.status),
            address,
            Cell::new(if listed.vault_enabled { "vault" } else { "" }),
            Cell::given(created.map(|moment| time::span(time::since(moment)))),
            Cell::given(installed_as.as_ref()),
            Cell::new(report::gpus(listed.gpu_count, listed.gpu_name.as_deref())),
        ]);
    }
    table
}

/// What `--format json` says.
#[derive(Serialize)]
struct Report<'r> {
    clusters: Vec<Row<'r>>,
}

#[derive(Serialize)]
struct Row<'r> {
    name: &'r str,
    id: &'r str,
    status: &'r str,
    team_id: Option<&'r str>,
    vault_enabled: bool,
    created_at: Option<String>,
    gpu_name: Option<&'r str>,
    gpu_count: u32,
    control_node: Option<Control<'r>>,
    installed_as: Option<&'r str>,
    refusals: Vec<Refused<'r>>,
}

#[derive(Serialize)]
struct Control<'r> {
    host_name: &'r str,
    port: u16,
    user: &'r str,
}

impl<'r> Row<'r> {
    fn of(cluster: &'r Cluster<'_>) -> Self {
        let Cluster { listed, control, created, installed_as } = cluster;
        let control = control.as_ref().and_then(|control| control.as_ref().ok());
        Self {
            name: &listed.name,
            id: &listed.id,
            status: &listed.status,
            team_id: listed.team_id.as_deref(),
            vault_enabled: listed.vault_enabled,
            created_at: created.map(|moment| moment.to_string()),
            gpu_name: listed.gpu_name.as_deref(),
            gpu_count: listed.gpu_count,
            control_node: control.map(|node| Control {
                host_name: node.host_name.as_str(),
                port: node.port.get(),
                user: node.user.as_str(),
            }),
            installed_as: installed_as.as_deref(),
            refusals: cluster.refusals().iter().map(Refused::from).collect(),
        }
    }
}
