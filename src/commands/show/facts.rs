//! What there is to say of a cluster as a whole, a line a fact.

use std::ffi::OsStr;
use std::path::Path;

use super::keys::Keys;
use crate::cluster::Fleet;
use crate::commands::report;
use crate::install::state::Record;
use crate::name::Label;
use crate::terminal::table::{Cell, Column, Table, Tone};
use crate::text::shell;

/// A cluster, for its facts.
pub(super) struct Facts<'f> {
    pub(super) fleet: &'f Fleet<'f>,
    pub(super) record: Option<&'f Record>,
    /// What installs it, where that is known.
    pub(super) install: Option<String>,
    pub(super) keys: &'f Keys<'f>,
    /// Of one that takes a certificate only: why ours lets nobody in, if so.
    pub(super) certificate: Option<&'f Option<String>>,
}

impl Facts<'_> {
    /// A row a fact; what the answer does not say has none.
    pub(super) fn table(&self) -> Table {
        let cluster = &self.fleet.cluster;
        let label = |label: &Option<Label<'_>>| Cell::given(label.as_ref());
        let gpus = report::gpus(cluster.gpu_count, cluster.gpu_name.as_ref().map(Label::as_str));
        let mut table = Table::new([Column::whole(""), Column::wrapped("")]);
        for (name, cell) in [
            ("name", Cell::new(&cluster.name)),
            ("id", Cell::new(&cluster.id)),
            ("alias", Cell::new(self.fleet.alias())),
            ("installed", self.installed()),
            ("status", self.status()),
            ("provider", label(&cluster.provider)),
            ("GPUs", Cell::new(gpus)),
            ("orchestrator", label(&cluster.orchestrator)),
            ("team", label(&cluster.team)),
            ("nodes", self.nodes()),
            ("jump host", Cell::given(self.jump())),
            ("certificate", self.certificate()),
            ("your key", self.keys.fact(|file| self.with_key(file))),
        ] {
            if !cell.is_empty() {
                table.row([Cell::new(name).tone(Tone::Dim), cell]);
            }
        }
        table
    }

    fn installed(&self) -> Cell {
        match (self.record, &self.install) {
            (Some(_), _) => Cell::new("yes").tone(Tone::Good),
            (None, Some(install)) => {
                Cell::new(format!("no: `{install}` makes these names known to ssh"))
            }
            (None, None) => Cell::new("no"),
        }
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
        let living = self.fleet.active_nodes;
        let without = self.fleet.skipped.iter().filter(|skipped| skipped.why.is_active()).count();
        match without {
            0 => Cell::new(living),
            without => Cell::new(format!("{living}, and {without} of them without a host"))
                .tone(Tone::Waiting),
        }
    }

    /// The command that names another key.
    fn with_key(&self, file: &Path) -> String {
        let id = self.fleet.cluster.id.to_string();
        let words = ["prime-ssh", "install", "--identity-file"].map(OsStr::new);
        format!("`{}`", shell::command(words.into_iter().chain([file.as_os_str(), id.as_ref()])))
    }

    /// What the others are reached through.
    fn jump(&self) -> Option<String> {
        let host = self.fleet.hosts.iter().find(|host| host.jumps)?;
        Some(self.fleet.proxy_jump(host)?.to_string())
    }

    fn certificate(&self) -> Cell {
        match self.certificate {
            None => Cell::default(),
            Some(None) => Cell::new("needed, and there").tone(Tone::Good),
            Some(Some(why)) => Cell::new(format!("needed: {why}")).tone(Tone::Bad),
        }
    }
}
