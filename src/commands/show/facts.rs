//! The facts of a cluster as a whole, a line each.

use std::ffi::OsStr;

use super::keys::Keys;
use crate::cluster::{Cluster, Fleet};
use crate::commands::nodes::ViewedCluster;
use crate::commands::report;
use crate::name::Label;
use crate::settings::{ViewSettings, pasted};
use crate::terminal::table::{Cell, Column, Table, Tone};

/// A row a fact; what the answer does not say has none.
pub(super) fn table(
    fleet: &Fleet<'_>,
    viewed: &ViewedCluster<'_>,
    viewing: &ViewSettings<'_>,
    keys: &Keys,
) -> Table {
    let cluster = &fleet.cluster;
    let label = |label: &Option<Label<'_>>| Cell::given(label.as_ref());
    let gpus = report::gpus(cluster.gpu_count, cluster.gpu_name.as_ref().map(Label::as_str));
    let short = viewed.record.and_then(|record| record.options.short.as_ref());
    let with_key = |key: &OsStr| viewed.install_with_key(key, viewing.context);
    let jump = fleet.hosts.iter().find(|host| host.jumps);
    let mut table = Table::new([Column::whole(""), Column::wrapped("")]);
    for (name, cell) in [
        ("name", Cell::new(&cluster.name)),
        ("id", Cell::new(&cluster.id).whole()),
        ("alias", Cell::new(fleet.alias()).whole()),
        ("short name", Cell::given(short).whole()),
        ("installed", installed(viewed, viewing)),
        ("status", status(cluster)),
        ("provider", label(&cluster.provider)),
        ("GPUs", Cell::new(gpus)),
        ("orchestrator", label(&cluster.orchestrator)),
        ("team", label(&cluster.team)),
        ("nodes", nodes(fleet.active_nodes, viewed.without_host().count())),
        ("jump host", Cell::given(jump.and_then(|host| fleet.proxy_jump(host))).whole()),
        ("certificate", certificate(cluster, viewed, viewing)),
        ("your key", keys.fact(with_key)),
    ] {
        if !cell.is_empty() {
            table.row([Cell::new(name).tone(Tone::Dim), cell]);
        }
    }
    table
}

fn installed(viewed: &ViewedCluster<'_>, viewing: &ViewSettings<'_>) -> Cell {
    if viewed.record.is_some() {
        return Cell::new("yes").tone(Tone::Good);
    }
    let install = pasted(viewing.context.commands().install([], &viewed.source));
    Cell::new(format!("no: {install} makes these names known to ssh"))
}

fn status(cluster: &Cluster<'_>) -> Cell {
    if cluster.is_terminated() {
        return Cell::new("terminated").tone(Tone::Dim);
    }
    let status = cluster.status.as_ref();
    status.map(|status| report::status(status.as_str())).unwrap_or_default()
}

fn nodes(active: usize, without_host: usize) -> Cell {
    match without_host {
        0 => Cell::new(active),
        without => {
            Cell::new(format!("{active}, and {without} of them without a host")).tone(Tone::Waiting)
        }
    }
}

fn certificate(
    cluster: &Cluster<'_>,
    viewed: &ViewedCluster<'_>,
    viewing: &ViewSettings<'_>,
) -> Cell {
    if !cluster.vault_enabled {
        return Cell::default();
    }
    if let Some(named) = &viewed.rendering.ssh.certificate_file {
        return Cell::new(format!("needed; yours is {named}"));
    }
    match viewed.certificate_fault(viewing) {
        None => Cell::new("needed, and there").tone(Tone::Good),
        Some(why) => Cell::new(format!("needed: {why}")).tone(Tone::Bad),
    }
}
