//! `prime-ssh uninstall`: everything is as it was before us.

use super::installed::{Applying, ClusterChange, InstallRequest, Line, apply_request, named};
use crate::cli::UninstallArgs;
use crate::failure::Outcome;
use crate::install::plan::{Desired, Present};
use crate::settings::{Context, OptionResolver, Uninstall};

pub(super) fn run(args: UninstallArgs, context: &Context) -> Outcome<()> {
    let terminal = context.terminal;
    let settings = Uninstall::resolve(args, context)?;
    if !settings.layout.ssh_folder().exists() {
        named(&Present::default(), &settings.clusters)?;
        terminal.tell("nothing is installed");
        return Ok(());
    }
    let resolver = OptionResolver::new(context);
    let applying = Applying::new(&settings.layout, settings.mode, &resolver, terminal);
    let applied = apply_request(&applying, |present| {
        let stems = named(present, &settings.clusters)?;
        if stems.is_empty() {
            terminal.tell("nothing is installed");
        }
        let installed = present.installed();
        let mut decision = InstallRequest::default();
        for stem in stems {
            let record = installed.records.iter().find(|(at, _)| *at == stem);
            let cluster = record.map_or_else(|| stem.to_string(), |(_, record)| record.alias());
            let what = ClusterChange::Removed(String::new());
            decision.lines.push(Line { cluster, what, stem: Some(stem.clone()) });
            decision.wishes.push(Desired::Remove(stem));
        }
        Ok(decision)
    })?;
    applied.tell(&applying)
}
