//! The facts of a cluster as a whole, a line each.

use std::ffi::OsString;

use super::keys::Keys;
use crate::certificate::own_keys::OwnKey;
use crate::cluster::Fleet;
use crate::commands::report;
use crate::install::state::Record;
use crate::name::Label;
use crate::settings::{OwnCommands, pasted};
use crate::terminal::table::{Cell, Column, Table, Tone};

/// A cluster, for its facts.
pub(super) struct Facts<'f> {
    pub(super) fleet: &'f Fleet<'f>,
    pub(super) record: Option<&'f Record>,
    pub(super) commands: &'f OwnCommands,
    /// The words that name it behind `prime-ssh install`.
    pub(super) source: &'f [OsString],
    pub(super) keys: &'f Keys,
    /// Of one that takes a certificate only: the reason that ours lets nobody in, if so.
    pub(super) certificate: Option<&'f Option<String>>,
}

impl Facts<'_> {
    /// A row a fact; what the answer does not say has none.
    pub(super) fn table(&self) -> Table {
        let cluster = &self.fleet.cluster;
        let label = |label: &Option<Label<'_>>| Cell::given(label.as_ref());
        let gpus = report::gpus(cluster.gpu_count, cluster.gpu_name.as_ref().map(Label::as_str));
        let short = self.record.and_then(|record| record.options.short.as_ref());
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
        if self.record.is_some() {
            return Cell::new("yes").tone(Tone::Good);
        }
        let install = pasted(self.commands.install([], self.source));
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
        let without = self.fleet.skipped.iter().filter(|skipped| skipped.why.is_active()).count();
        match without {
            0 => Cell::new(active),
            without => Cell::new(format!("{active}, and {without} of them without a host"))
                .tone(Tone::Waiting),
        }
    }

    /// The command that names another key.
    fn with_key(&self, key: &OwnKey) -> String {
        let options = ["--identity-file".into(), key.option().to_owned()];
        pasted(self.commands.install(options, self.source))
    }

    /// The host that the others are reached through.
    fn jump(&self) -> Option<String> {
        let host = self.fleet.hosts.iter().find(|host| host.jumps)?;
        self.fleet.proxy_jump(host)
    }

    fn certificate(&self) -> Cell {
        match self.certificate {
            None => Cell::default(),
            Some(None) => Cell::new("needed, and there").tone(Tone::Good),
            Some(Some(why)) => Cell::new(format!("needed: {why}")).tone(Tone::Bad),
        }
    }
}
