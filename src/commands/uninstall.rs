//! `prime-ssh uninstall`: everything is as it was before us.

use super::installed::{Decision, Line, What, carry_out, named};
use crate::args::{Global, UninstallArgs};
use crate::failure::Outcome;
use crate::install::plan::{Present, Wish};
use crate::settings::{Machine, Uninstall};
use crate::terminal::Terminal;

pub(super) fn run(
    typed: UninstallArgs,
    global: &Global,
    machine: &Machine,
    terminal: Terminal,
) -> Outcome<()> {
    let settings = Uninstall::resolve(typed, global, machine)?;
    if !settings.layout.ssh_folder().exists() {
        named(&Present::default(), &settings.clusters)?;
        terminal.tell("nothing is installed");
        return Ok(());
    }
    carry_out(&settings.layout, settings.mode, terminal, |present| {
        let stems = named(present, &settings.clusters)?;
        if stems.is_empty() {
            terminal.tell("nothing is installed");
        }
        let installed = present.installed();
        let mut decision = Decision::default();
        for stem in stems {
            let record = installed.records.iter().find(|(at, _)| *at == stem);
            let cluster = record.map_or_else(|| stem.to_string(), |(_, record)| record.alias());
            decision.lines.push(Line { cluster, what: What::Removed(String::new()) });
            decision.wishes.push(Wish::Remove(stem));
        }
        Ok(decision)
    })
}
