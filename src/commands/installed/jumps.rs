//! Jumps over all that would be installed: none may loop, and none should lead to a name that goes away.

use std::collections::HashSet;

use super::desired::DesiredBuilder;
use super::summary::Line;
use crate::failure::{Failure, Kind};
use crate::install::desired::DesiredCluster;
use crate::install::folder;
use crate::install::fragment::Fragment;
use crate::install::jumps::{Jumps, around, first_hop};
use crate::install::state::{FileKind, Record};

/// Takes back what would make a loop of jumps: those clusters stay as they are.
pub(super) fn refuse_loops(builder: &mut DesiredBuilder<'_>) {
    let (path, reader) = (builder.layout.config(), folder::reader(builder.layout));
    let config = (&*path, builder.present.config.as_deref().unwrap_or_default());
    loop {
        let fragments: Vec<&[u8]> =
            builder.desired.fragments(builder.present).into_values().collect();
        // Each refusal may end other loops too.
        let loops = Jumps::read(config, &reader, &fragments).loops();
        let refused = loops.into_iter().find_map(|looped| {
            let has_any =
                |fragment: &[u8]| names(fragment).iter().any(|name| looped.contains(name));
            let (stem, _) = builder.desired.put.iter().find(|(_, put)| has_any(&put.fragment))?;
            Some((stem.clone(), around(&looped)))
        });
        let Some((stem, around)) = refused else { return };
        let Some(put) = builder.desired.put.remove(&stem) else { return };
        let DesiredCluster { record, replaces, .. } = put;
        // Neither does the one go that had its name.
        if replaces.as_ref().is_some_and(|old| builder.desired.removed.remove(old)) {
            builder.lines.retain(|line| line.stem != replaces);
        }
        let stem = Some(stem);
        let Some(line) = builder.lines.iter_mut().find(|line| line.stem == stem) else { continue };
        let message = format!("ssh would jump in a loop, without end: {around}");
        let failure = Failure::message(Kind::Install, message).hint(
            "give another way in (`--jump never`, `--jump-via HOST`, `--bastion HOST`) or \
             another `--prefix WORD`",
        );
        let old = builder.present.of_id(record.id.as_str());
        *line = Line::failed(old, record.alias(), stem, failure);
    }
}

/// Warns of each cluster that jumps through a name which no cluster will have any more: ssh would
/// ask the network for it, and log in to whoever has it there.
pub(super) fn warn_of_lost(builder: &mut DesiredBuilder<'_>) {
    let DesiredBuilder { desired, present, talk, .. } = builder;
    let replaced = desired.put.values().filter_map(|put| present.of_id(put.record.id.as_str()));
    let stems = desired.removed.iter().cloned().chain(replaced.map(Record::stem));
    let before = stems.filter_map(|stem| present.part(&stem, FileKind::Fragment));
    let mut lost: HashSet<String> = before.flat_map(names).collect();
    for name in desired.put.values().flat_map(|put| names(&put.fragment)) {
        lost.remove(&name);
    }
    if lost.is_empty() {
        return;
    }
    for (stem, text) in desired.fragments(present) {
        let Some(record) = desired.record(&stem, present) else { continue };
        for jump in Fragment::parse(text).all("proxyjump") {
            let Some(hop) = first_hop(jump).filter(|hop| lost.contains(hop)) else { continue };
            talk.warn(format!(
                "{} is reached through {hop}, a name that goes away: give it another way in \
                 (`--jump-via HOST`, `--bastion HOST`)",
                record.alias()
            ));
        }
    }
}

fn names(fragment: &[u8]) -> Vec<String> {
    Fragment::parse(fragment).names().map(str::to_owned).collect()
}
