//! `prime-ssh uninstall`: everything is as it was before us.

use super::installed::{Applying, ClusterChange, Line, apply_request, named};
use crate::cli::{ModeArgs, UninstallArgs};
use crate::failure::Outcome;
use crate::install::present::Present;
use crate::install::state::Record;
use crate::settings::Context;

pub(super) fn run(args: &UninstallArgs, context: &Context) -> Outcome<()> {
    let terminal = context.terminal;
    let layout = &context.layout()?;
    let mode = ModeArgs { dry_run: args.dry_run, check: false };
    if !layout.ssh_folder.exists() {
        named(&Present::default(), &args.clusters)?;
        terminal.tell("nothing is installed");
        return Ok(());
    }
    let applying = Applying::new(layout, mode, context);
    let applied = apply_request(&applying, |builder| {
        let stems = named(builder.present, &args.clusters)?;
        let desired = &mut builder.desired;
        if stems.is_empty() && desired.follow.is_none() {
            terminal.tell("nothing is installed");
        }
        if args.clusters.is_empty() {
            desired.follow = None;
        }
        for stem in stems {
            let record = builder.present.records.get(&stem);
            let cluster = record.map_or_else(|| stem.to_string(), Record::alias);
            let what = ClusterChange::Removed(String::new());
            builder.lines.push(Line { cluster, what, stem: Some(stem.clone()) });
            desired.removed.insert(stem);
            // One that was taken away by name does not come back by itself.
            if let Some((follow, record)) = desired.follow.as_mut().zip(record) {
                follow.excluded.insert(record.id.to_string());
            }
        }
        Ok(())
    })?;
    applied.tell(&applying)
}
