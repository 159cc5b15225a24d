//! Names that jump through each other in a loop.

use super::snapshot::Snapshot;
use super::{Check, Finding};
use crate::install::folder;
use crate::install::jumps::{Jumps, around};
use crate::install::state::FileKind;

/// Finds loops of jumps over all that ssh reads.
#[must_use]
pub fn examine(snapshot: &Snapshot) -> Vec<Finding> {
    if snapshot.config_error.is_some() {
        return Vec::new();
    }
    let stems = snapshot.present.indexed();
    let fragment = |stem| snapshot.present.part(stem, FileKind::Fragment);
    let fragments: Vec<&[u8]> = stems.iter().filter_map(fragment).collect();
    let (layout, path) = (&snapshot.layout, snapshot.layout.config());
    let jumps = Jumps::read((&path, snapshot.config()), &folder::reader(layout), &fragments);
    let finding = |names: Vec<String>| {
        let what =
            format!("ssh jumps in a loop, and starts itself without end: {}", around(&names));
        Finding::wrong(Check::Hosts, what).advise(
            "install one of these clusters with another way in (`--jump never`, `--jump-via HOST`, \
             `--bastion HOST`) or another `--prefix WORD`",
        )
    };
    jumps.loops().into_iter().map(finding).collect()
}
