//! `prime-ssh sync`: what is installed becomes what the API says now.

use super::installed::{Applying, Asked, DesiredState, apply_request, named};
use super::refresh;
use crate::cli::SyncArgs;
use crate::failure::Outcome;
use crate::install::folder;
use crate::settings::{Context, Mode, OptionResolver, check_sync};

pub(super) fn run(args: &SyncArgs, context: &Context) -> Outcome<()> {
    if let Some(age) = args.if_older {
        return refresh::run(args, age, context);
    }
    let terminal = context.terminal;
    check_sync(&context.global)?;
    let (layout, mode) = (&context.layout()?, Mode::from(args.mode));
    let resolver = OptionResolver::new(context);
    let before = folder::read(layout)?;
    let stems = if args.new { Vec::new() } else { named(&before, &args.clusters)? };
    let follow = before.follow.clone().filter(|_| args.clusters.is_empty());
    let asked = Asked::of(&before, &stems, follow, layout, &resolver, terminal);
    if asked.is_empty() {
        terminal.tell("nothing is installed");
        return Ok(());
    }
    let applying = Applying::new(layout, mode, &resolver, terminal);
    let skip_invalid = context.global.skip_invalid;
    let mut renewed = Vec::new();
    let applied = apply_request(&applying, |present| {
        let installed = present.installed();
        let mut desired = DesiredState::new(layout, present, &installed, &resolver, skip_invalid);
        let request = asked.request(&mut desired, args.prune);
        renewed = desired.renewed;
        Ok(request)
    })?;
    if mode == Mode::Apply {
        refresh::record(layout, &applied, &renewed, None);
    }
    applied.tell(&applying)
}
