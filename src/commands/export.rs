//! `prime-ssh export`: clusters in a file that `--input` reads.

use super::fetch;
use super::fleets::{self, Gaps};
use super::output::{self, Overwrite};
use crate::cli::ExportArgs;
use crate::failure::Outcome;
use crate::render::export;
use crate::settings::{Context, Export, Origin};

pub(super) fn run(args: ExportArgs, context: &Context) -> Outcome<()> {
    let terminal = context.terminal;
    let settings = Export::resolve(args, context)?;
    let origin = &settings.source.origin;
    let answers = fetch::all(origin, terminal)?;
    let gaps = Gaps::of(&settings.source);
    let fleets = fleets::fleets(&answers, &settings.hosts, gaps, terminal)?;
    // From a list, `sync --prune` learns that a cluster is gone.
    let is_list = matches!(origin, Origin::All(..)) || fleets.len() > 1;
    let overwrite = Overwrite::as_tools_do(context)?;
    output::deliver(&settings.output, &overwrite, |to| export::write(&fleets, is_list, to))
}
