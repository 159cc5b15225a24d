//! A warning of clusters that are reached through a name of ours that goes away.

use std::collections::HashSet;

use super::desired::InstallRequest;
use crate::install::fragment::Fragment;
use crate::install::jumps::first_hop;
use crate::install::present::{Installed, Present};
use crate::install::state::{FileKind, Record};

/// Warns of each cluster that jumps through a name which no cluster will have any more: ssh would
/// ask the network for it, and log in to whoever has it there.
pub(super) fn warn_of_lost(present: &Present, installed: &Installed, request: &mut InstallRequest) {
    let InstallRequest { desired, talk, .. } = request;
    let replaced = desired.put.iter().filter_map(|(record, _)| installed.of_id(record.id.as_str()));
    let stems = desired.removed.iter().cloned().chain(replaced.map(Record::stem));
    let before = stems.filter_map(|stem| present.part(&stem, FileKind::Fragment));
    let mut lost: HashSet<String> = before.flat_map(names).collect();
    for name in desired.put.iter().flat_map(|(_, text)| names(text)) {
        lost.remove(&name);
    }
    if lost.is_empty() {
        return;
    }
    for (stem, text) in desired.fragments(present, installed) {
        let Some(record) = desired.record(&stem, installed) else { continue };
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

fn names(text: &[u8]) -> Vec<String> {
    Fragment::parse(text).names().map(str::to_owned).collect()
}
