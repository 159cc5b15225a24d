//! `prime-ssh show`: a cluster as the person knows it, with all that is wrong with it.

mod facts;
mod keys;

use keys::{Authorized, Keys, NamedKey};
use serde::Serialize;

use super::nodes::ViewedCluster;
use super::{fleets, report, view};
use crate::cli::{ReportFormat, ShowArgs};
use crate::cluster::{Fleet, NoFleet, Refusal, Skipped, WhySkipped};
use crate::failure::{Failure, Kind, Outcome};
use crate::name::Label;
use crate::render::data;
use crate::settings::{Context, ViewSettings};
use crate::terminal::Terminal;
use crate::terminal::table::{Cell, Column, Table, Tone};

pub(super) fn run(args: &ShowArgs, context: &Context) -> Outcome<()> {
    let terminal = context.terminal;
    let format = args.format;
    let viewing = ViewSettings::resolve(&args.source(), &args.filter, context)?;
    let asked = view::ask(&viewing)?;
    let mut viewed = asked.viewed(&viewing)?;
    let count = viewed.len();
    let Some((_, cluster)) = viewed.pop().filter(|_| count == 1) else {
        let message = format!("the file holds {count} clusters, and one is shown");
        return Err(Failure::message(Kind::Usage, message));
    };
    let cluster = cluster?;
    tell(&cluster, format, terminal);
    print(&cluster, &viewing, format)?;
    let ViewedCluster { resolved, .. } = &cluster;
    match &resolved.fleet {
        Ok(_) | Err(NoFleet::Terminated) => Ok(()),
        Err(why @ (NoFleet::NoHost | NoFleet::NoneSelected { .. }))
            if matches!(why, NoFleet::NoHost) || !resolved.skipped().is_empty() =>
        {
            terminal.note(format_args!("{}: {why}", resolved.title));
            Ok(())
        }
        Err(why) => Err(fleets::nothing_to("show", &resolved.title, why)),
    }
}

/// Tells what a person should know and does not see: the tables say which nodes give no host, and
/// what was refused.
fn tell(cluster: &ViewedCluster<'_>, format: ReportFormat, terminal: Terminal) {
    for warning in &cluster.rendering.warnings {
        terminal.warning(warning);
    }
    let resolved = &cluster.resolved;
    if format == ReportFormat::Plain {
        for note in resolved.skip_notes() {
            terminal.note(note);
        }
        for refusal in &resolved.refusals {
            terminal.warning(format_args!("{}: refused: {refusal}", resolved.title));
        }
    }
    for note in &resolved.notes {
        terminal.note(note);
    }
    if resolved.more_refused > 0 {
        terminal.warning(format_args!("{} more values are refused", resolved.more_refused));
    }
}

fn print(
    cluster: &ViewedCluster<'_>,
    viewing: &ViewSettings<'_>,
    format: ReportFormat,
) -> Outcome<()> {
    let ViewedCluster { resolved, record, rendering, .. } = cluster;
    let known = cluster.fleet();
    let authorized = known.map_or(&[][..], |fleet| &fleet.cluster.ssh_keys);
    let keys = Keys::of(authorized, rendering, viewing.context, &viewing.layout);
    let facts = known.map(|fleet| facts::table(fleet, cluster, viewing, &keys));
    let skipped = known.map_or(&[][..], |fleet| &fleet.skipped);
    let json = Report {
        cluster: known.map(data::Cluster::of),
        installed: record.is_some(),
        authorized_keys: &keys.authorized,
        identity: keys.named.as_ref(),
        refusals: &resolved.refusals,
        more_refused: resolved.more_refused,
    };
    let hosts = known.map_or_else(|| Table::new([]), hosts);
    let (keys, skipped, refused) =
        (keys.table(), without_host(skipped), refused(&resolved.refusals));
    let tables = facts.iter().chain([&keys, &hosts, &skipped, &refused]);
    report::print(format, tables, &hosts, &json)
}

/// The hosts as they are reached, but for one that others jump through and nobody asked for.
fn hosts(fleet: &Fleet<'_>) -> Table {
    let mut table = Table::new([
        Column::whole("HOST"),
        Column::whole("ADDRESS"),
        Column::minor("JUMP", 1),
        Column::minor("ROLE", 2),
        Column::new("STATUS"),
        Column::minor("GPUS", 3),
    ]);
    for host in fleet.hosts.iter().filter(|host| !host.jump_only) {
        let role = host.role.as_ref().map(ToString::to_string);
        let half = if host.control { "control" } else { "worker" };
        let status = host.node.status.as_ref().map(|status| report::status(status.as_str()));
        table.row([
            Cell::new(fleet.alias_of(host)),
            Cell::new(host.destination()),
            Cell::given(fleet.proxy_jump(host)),
            Cell::new(role.as_deref().unwrap_or(half)),
            status.unwrap_or_default(),
            Cell::new(report::gpus(
                host.node.gpu_count,
                host.node.gpu_name.as_ref().map(Label::as_str),
            )),
        ]);
    }
    table
}

/// The nodes that give no host, and why.
fn without_host(nodes: &[Skipped<'_>]) -> Table {
    let mut table = Table::new([Column::new("NO HOST"), Column::wrapped("WHY")]);
    for node in nodes {
        let tone = match (node.why, &node.installation_failure) {
            (WhySkipped::Terminated | WhySkipped::Detached, _) => Tone::Dim,
            (WhySkipped::NoConnection, None) => Tone::Waiting,
            (WhySkipped::NoConnection | WhySkipped::ValueRefused, _) => Tone::Bad,
        };
        table.row([Cell::new(&node.name), Cell::new(node.explained()).tone(tone)]);
    }
    table
}

fn refused(refusals: &[Refusal]) -> Table {
    let mut table =
        Table::new([Column::whole("REFUSED VALUE"), Column::new(""), Column::wrapped("WHY")]);
    for refusal in refusals {
        table.row([
            Cell::new(&refusal.path),
            Cell::new(&refusal.excerpt),
            Cell::new(&refusal.reason).tone(Tone::Bad),
        ]);
    }
    table
}

/// The object of `--format json`.
#[derive(Serialize)]
struct Report<'r> {
    /// `null` where one of the cluster's own values was refused.
    cluster: Option<data::Cluster<'r>>,
    installed: bool,
    authorized_keys: &'r [Authorized],
    /// The key that a setting names.
    identity: Option<&'r NamedKey>,
    refusals: &'r [Refusal],
    /// The number of values that were refused beyond those.
    more_refused: usize,
}
