//! `prime-ssh uninstall`: everything is as it was before us.

use super::installed::{Applying, ClusterChange, InstallRequest, Line, apply_request, named};
use crate::cli::UninstallArgs;
use crate::failure::Outcome;
use crate::install::plan::{Desired, Present};
use crate::settings::{Context, Mode, OptionResolver};

pub(super) fn run(args: &UninstallArgs, context: &Context) -> Outcome<()> {
    let terminal = context.terminal;
    let layout = &context.layout()?;
    let mode = if args.dry_run { Mode::DryRun } else { Mode::Apply };
    if !layout.ssh_folder().exists() {
        named(&Present::default(), &args.clusters)?;
        terminal.tell("nothing is installed");
        return Ok(());
    }
    let resolver = OptionResolver::new(context);
    let applying = Applying::new(layout, mode, &resolver, terminal);
    let applied = apply_request(&applying, |present| {
        let stems = named(present, &args.clusters)?;
        if stems.is_empty() && present.follow.is_none() {
            terminal.tell("nothing is installed");
        }
        let installed = present.installed();
        let mut request = InstallRequest::default();
        let mut ids = Vec::new();
        for stem in stems {
            let record = installed.records.iter().find(|(at, _)| *at == stem);
            let cluster = record.map_or_else(|| stem.to_string(), |(_, record)| record.alias());
            let what = ClusterChange::Removed(String::new());
            request.lines.push(Line { cluster, what, stem: Some(stem.clone()) });
            ids.extend(record.map(|(_, record)| record.id.to_string()));
            request.desired.push(Desired::Remove(stem));
        }
        // One that was taken away by name does not come back by itself.
        let follow = match (&present.follow, args.clusters.is_empty()) {
            (Some(_), true) => Some(None),
            (Some(follow), false) => {
                let mut follow = follow.clone();
                follow.excluded.extend(ids);
                Some(Some(Box::new(follow)))
            }
            (None, _) => None,
        };
        request.desired.extend(follow.map(Desired::Follow));
        Ok(request)
    })?;
    applied.tell(&applying)
}
