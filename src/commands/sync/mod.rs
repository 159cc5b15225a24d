//! `prime-ssh sync`: what is installed becomes what the API says now.

mod if_older;

use crate::cli::SyncArgs;
use crate::commands::installed::{Applying, InstalledAnswers, apply_request, named};
use crate::failure::Outcome;
use crate::install::folder;
use crate::install::state::FileStem;
use crate::settings::{Context, check_sync};

pub(super) fn run(args: &SyncArgs, context: &Context) -> Outcome<()> {
    if let Some(age) = args.if_older {
        return if_older::run(args, age, context);
    }
    let terminal = context.terminal;
    check_sync(&context.global)?;
    let layout = &context.layout()?;
    let applying = Applying::new(layout, args.mode, context);
    let before = folder::read(layout)?;
    let mut stems = if args.new { Vec::new() } else { named(&before, &args.clusters)? };
    stems.extend(args.clusters.is_empty().then(FileStem::subscription));
    let answers = InstalledAnswers::of(before, &stems, &applying);
    if answers.is_empty() {
        terminal.tell("nothing is installed");
        return Ok(());
    }
    let applied = apply_request(&applying, |builder| {
        answers.decide(builder, args.prune);
        Ok(())
    })?;
    applied.tell(&applying)
}
