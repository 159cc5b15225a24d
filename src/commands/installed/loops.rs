//! Clusters whose jumps would loop stay as they are.

use std::collections::{BTreeMap, HashSet};

use super::summary::{ClusterChange, Line};
use crate::failure::{Failure, Kind};
use crate::install::folder;
use crate::install::fragment::Fragment;
use crate::install::jumps::Jumps;
use crate::install::layout::Layout;
use crate::install::plan::{Desired, Present};
use crate::install::state::{FileKind, FileStem};

/// Takes back what would make a loop of jumps, over all that would be installed.
pub(super) fn refuse(
    layout: &Layout,
    present: &Present,
    desired: &mut Vec<Desired>,
    lines: &mut Vec<Line>,
) {
    loop {
        let mut loops = loops(layout, present, desired).into_iter();
        // Each refusal may end other loops too.
        let refused = loops.find_map(|names| {
            let one = desired.iter().position(|one| has_any(one, &names))?;
            Some((one, names))
        });
        let Some((one, names)) = refused else { return };
        if let Desired::Put { record, .. } = desired.remove(one) {
            let is_new = present.installed().of_id(record.id.as_str()).is_none();
            let failure = failure(&names);
            let what = if is_new {
                ClusterChange::NotInstalled(failure)
            } else {
                ClusterChange::Left(failure)
            };
            let cluster = record.alias();
            lines.retain(|line| line.cluster != cluster);
            lines.push(Line { cluster, what, stem: Some(record.stem()) });
        }
        lines.sort_by(|a, b| a.cluster.cmp(&b.cluster));
    }
}

fn failure(names: &[String]) -> Failure {
    let around = names.iter().chain(names.first()).map(String::as_str);
    let around = around.collect::<Vec<_>>().join(" > ");
    let message = format!("ssh would jump in a loop, without end: {around}");
    Failure::message(Kind::Install, message)
        .hint("give another way in (`--jump never`, `--jump-via HOST`) or another `--prefix WORD`")
}

/// The loops over the user's configuration and the fragments as they would be.
fn loops(layout: &Layout, present: &Present, desired: &[Desired]) -> Vec<Vec<String>> {
    let config = (layout.config(), present.config.as_deref().unwrap_or_default());
    let fragments: Vec<&[u8]> = fragments_afterwards(present, desired).into_values().collect();
    Jumps::read((&config.0, config.1), &folder::reader(layout), &fragments).loops()
}

/// The files of all clusters as they would be.
pub(in crate::commands) fn fragments_afterwards<'f>(
    present: &'f Present,
    desired: &'f [Desired],
) -> BTreeMap<FileStem, &'f [u8]> {
    let fragment = |stem: FileStem| Some((stem.clone(), present.part(&stem, FileKind::Fragment)?));
    let mut fragments: BTreeMap<FileStem, &[u8]> =
        present.indexed().into_iter().filter_map(fragment).collect();
    let installed = present.installed();
    for one in desired {
        match one {
            Desired::Put { record, fragment } => {
                if let Some(old) = installed.of_id(record.id.as_str()) {
                    fragments.remove(&old.stem());
                }
                fragments.insert(record.stem(), fragment);
            }
            Desired::Remove(stem) => {
                fragments.remove(stem);
            }
            Desired::Follow(_) => {}
        }
    }
    fragments
}

fn has_any(one: &Desired, names: &[String]) -> bool {
    let Desired::Put { fragment, .. } = one else { return false };
    let fragment = Fragment::parse(fragment);
    let own: HashSet<&str> = fragment.names().collect();
    names.iter().any(|name| own.contains(name.as_str()))
}
