//! `prime-ssh export`: clusters in a file that `--input` reads.

use super::output::{self, Overwrite};
use super::{fetch, fleets};
use crate::cli::ExportArgs;
use crate::cluster::{self, Selection};
use crate::failure::Outcome;
use crate::render::export;
use crate::settings::{Context, Origin};

pub(super) fn run(args: &ExportArgs, context: &Context) -> Outcome<()> {
    let source = context.source(&args.source)?;
    // Whole nodes, so that their hosts keep their names.
    let selection = Selection { whole_nodes: true, ..args.selection.clone() };
    let hosts = cluster::Options { selection, ..cluster::Options::default() };
    let answers = fetch::all(&source, context.terminal)?;
    let fleets = fleets::of_answers(&answers, &hosts, &source, false, context)?;
    // From a list, `sync --prune` learns that a cluster is gone.
    let is_list = matches!(source.origin, Origin::All(_)) || fleets.len() > 1;
    let overwrite = Overwrite::as_tools_do(context)?;
    output::deliver(&args.output, &overwrite, |to| export::write(&fleets, is_list, to))
}
