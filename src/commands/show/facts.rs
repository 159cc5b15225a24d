//! The facts of a cluster as a whole, a line each.

use super::keys::Keys;
use crate::certificate::own_keys::OwnKey;
use crate::cluster::Fleet;
use crate::commands::nodes::ViewedCluster;
use crate::commands::report;
use crate::name::Label;
use crate::settings::{ViewSettings, pasted};
use crate::terminal::table::{Cell, Column, Table, Tone};

/// A cluster, for its facts.
pub(super) struct Facts<'f> {
    pub(super) fleet: &'f Fleet<'f>,
    pub(super) cluster: &'f ViewedCluster<'f>,
    pub(super) viewing: &'f ViewSettings<'f>,
    pub(super) keys: &'f Keys,
}

impl Facts<'_> {
    /// A row a fact; what the answer does not say has none.
    pub(super) fn table(&self) -> Table {
        let cluster = &self.fleet.cluster;
        let label = |label: &Option<Label<'_>>| Cell::given(label.as_ref());
        let gpus = report::gpus(cluster.gpu_count, cluster.gpu_name.as_ref().map(Label::as_str));
        let short = self.cluster.record.and_then(|record| record.options.short.as_ref());
        let mut table = Table::new([Column::whole(""), Column::wrapped("")]);
        for (name, cell) in [
            ("name", Cell::new(&cluster.name)),
            ("id", Cell::new(&cluster.id).whole()),
            ("alias", Cell::new(self.fleet.alias()).whole()),
            ("short name", Cell::given(short).whole()),
            ("installed", self.installed()),
            ("status", self.status()),
            ("provider", label(&cluster.provider)),
            ("GPUs", Cell::new(gpus)),
            ("orchestrator", label(&cluster.orchestrator)),
            ("team", label(&cluster.team)),
            ("nodes", self.nodes()),
            ("jump host", Cell::given(self.jump()).whole()),
            ("certificate", self.certificate()),
            ("your key", self.keys.fact(|key| self.with_key(key))),
        ] {
            if !cell.is_empty() {
                table.row([Cell::new(name).tone(Tone::Dim), cell]);
            }
        }
        table
    }

    fn installed(&self) -> Cell {
        if self.cluster.record.is_some() {
            return Cell::new("yes").tone(Tone::Good);
        }
        let install = pasted(self.viewing.context.commands().install([], &self.cluster.source));
        Cell::new(format!("no: {install} makes these names known to ssh"))
    }

    fn status(&self) -> Cell {
        let cluster = &self.fleet.cluster;
        let status = cluster.status.as_ref().map(|status| report::status(status.as_str()));
        match status {
            _ if cluster.is_terminated() => Cell::new("terminated").tone(Tone::Dim),
            Some(status) => status,
            None => Cell::default(),
        }
    }

    fn nodes(&self) -> Cell {
        let active = self.fleet.active_nodes;
        let without = self.cluster.without_host().count();
        match without {
            0 => Cell::new(active),
            without => Cell::new(format!("{active}, and {without} of them without a host"))
                .tone(Tone::Waiting),
        }
    }

    /// The command that names another key.
    fn with_key(&self, key: &OwnKey) -> String {
        let options = ["--identity-file".into(), key.option().to_owned()];
        pasted(self.viewing.context.commands().install(options, &self.cluster.source))
    }

    /// The host that the others are reached through.
    fn jump(&self) -> Option<String> {
        let host = self.fleet.hosts.iter().find(|host| host.jumps)?;
        self.fleet.proxy_jump(host)
    }

    fn certificate(&self) -> Cell {
        let Self { fleet, cluster, viewing, .. } = self;
        if !fleet.cluster.vault_enabled {
            return Cell::default();
        }
        if let Some(named) = &cluster.rendering.ssh.certificates.named {
            return Cell::new(format!("needed; yours is {named}"));
        }
        match cluster.certificate_fault(&viewing.layout, viewing.context) {
            None => Cell::new("needed, and there").tone(Tone::Good),
            Some(why) => Cell::new(format!("needed: {why}")).tone(Tone::Bad),
        }
    }
}
