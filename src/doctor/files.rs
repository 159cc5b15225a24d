//! Our files, which must fit together: each state has its fragment, the index names each, and killed
//! runs left nothing behind.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::snapshot::Snapshot;
use super::{Check, Finding};
use crate::fs::Lock;
use crate::install::include;
use crate::install::layout::{CLUSTERS, INDEX, LOCK, SHARED};
use crate::install::plan::{Change, Owner};
use crate::install::state::{FileKind, FileStem};
use crate::text::message::counted;

/// Examines our folder.
#[must_use]
pub fn examine(snapshot: &Snapshot) -> Vec<Finding> {
    if let Some(error) = &snapshot.unreadable {
        return vec![Finding::failed(Check::Files, error)];
    }
    let mut findings = snapshot.states();
    findings.extend(snapshot.index());
    findings.extend(snapshot.parts());
    findings.extend(snapshot.not_ours());
    findings.extend(snapshot.left_behind());
    if findings.is_empty() {
        let clusters = &snapshot.clusters;
        let hosts = clusters.iter().map(|cluster| cluster.fragment.hosts.len()).sum();
        findings.push(match clusters.len() {
            0 => Finding::ok(Check::Files, "no cluster is installed"),
            many => {
                let (clusters, hosts) = (counted(many, "cluster"), counted(hosts, "host"));
                let what = format_args!("{clusters} with {hosts}; no file is missing");
                Finding::ok(Check::Files, what)
            }
        });
    }
    findings
}

impl Snapshot {
    fn path(&self, stem: &FileStem, part: FileKind) -> PathBuf {
        self.layout.part(stem, part)
    }

    /// Adds the command that tidies our folder.
    fn tidied(&self, finding: Finding) -> Finding {
        let is_empty = self.present.all_stems().is_empty();
        finding.run(if is_empty {
            self.commands.installed("uninstall", ["--all"])
        } else {
            self.commands.installed("sync", [])
        })
    }

    /// States that cannot be read.
    fn states(&self) -> Vec<Finding> {
        let present = &self.present;
        let damaged = present.damaged.iter().map(|(stem, damage)| {
            Finding::wrong(Check::Files, format_args!("the state of {stem} is {damage}"))
                .at(&self.path(stem, FileKind::State))
                .advise("install that cluster again; its hosts stay as they are until then")
        });
        damaged.collect()
    }

    /// Fragments that ssh does not read, and other changes to the index.
    fn index(&self) -> Option<Finding> {
        let changes = &self.repair.changes;
        let paths = SHARED.map(|name| self.layout.file(name));
        // Where only its mode differs, that is a matter of permissions.
        let is_edited =
            |change: &&Change| paths.contains(&change.path) && change.before != change.after;
        let path = &changes.iter().find(is_edited)?.path;
        let present = &self.present;
        let text = |name| present.files.get(name).map(Vec::as_slice).unwrap_or_default();
        let list = self.layout.file(CLUSTERS);
        let leads_to_list =
            include::included(text(INDEX)).iter().any(|path| list == Path::new(path));
        let indexed = if leads_to_list { present.indexed() } else { BTreeSet::new() };
        let unread: Vec<String> = self
            .repair
            .clusters
            .iter()
            .filter(|stem| !indexed.contains(stem))
            .map(ToString::to_string)
            .collect();
        let finding = if unread.is_empty() {
            let what = "it is not as it was written; the next run discards what was edited";
            Finding::warning(Check::Files, what)
        } else {
            let names = unread.join(", ");
            let what = format!("ssh does not read {names}: it is missing from the index");
            Finding::wrong(Check::Files, what)
        };
        Some(self.tidied(finding).at(path))
    }

    /// Files of a cluster that are missing or were edited.
    fn parts(&self) -> Vec<Finding> {
        let present = &self.present;
        let mut findings = Vec::new();
        for (stem, record) in &self.present.records {
            let alias = record.alias();
            let synced = |finding: Finding| finding.run(self.commands.installed("sync", [&*alias]));
            let path = self.path(stem, FileKind::Fragment);
            match present.part(stem, FileKind::Fragment) {
                None => findings.push(
                    synced(Finding::wrong(
                        Check::Files,
                        format_args!("{alias} has no file for ssh, so ssh knows none of its names"),
                    ))
                    .at(&path),
                ),
                Some(fragment) if !record.wrote(fragment) => findings.push(
                    synced(Finding::warning(
                        Check::Files,
                        format_args!("{alias} was edited by hand"),
                    ))
                    .at(&path)
                    .advise(
                        "the edit is kept as .bak; for options that should stay, use \
                             `install --ssh-option KEY=VALUE`",
                    ),
                ),
                Some(_) => {}
            }
            if present.part(stem, FileKind::KnownHosts).is_none() {
                let what =
                    format!("the host keys of {alias} are gone: ssh will trust any key at first");
                let path = self.path(stem, FileKind::KnownHosts);
                findings.push(synced(Finding::warning(Check::Files, what)).at(&path));
            }
        }
        findings
    }

    /// Files without a state, and files that are not ours.
    fn not_ours(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let has_state = |stem| self.present.part(stem, FileKind::State).is_some();
        for stem in self.repair.clusters.iter().filter(|stem| !has_state(stem)) {
            let what = "it has no state file, so nothing keeps it up to date";
            findings.push(
                Finding::warning(Check::Files, what)
                    .at(&self.path(stem, FileKind::Fragment))
                    .advise("install that cluster again"),
            );
        }
        for name in &self.present.foreign {
            let path = self.layout.file(name);
            let finding = if self.present.kept.contains_key(name) {
                let command = ["rm".as_ref(), path.as_os_str()];
                Finding::note(Check::Files, "a copy that was kept of an edited file").run(command)
            } else {
                Finding::note(Check::Files, "it is not ours")
            };
            findings.push(finding.at(&path));
        }
        if self.repair.clusters.is_empty() && self.present.backup.is_some() {
            findings.push(
                Finding::note(
                    Check::Files,
                    "a copy of your configuration from before the first install",
                )
                .at(&self.layout.backup())
                .advise("remove it when you do not need it any more"),
            );
        }
        findings
    }

    /// Files that killed runs left behind; unknown while a run is at work.
    fn left_behind(&self) -> Vec<Finding> {
        // It is neither created nor kept.
        if Lock::is_held(&self.layout.file(LOCK)) {
            let what = "another run of prime-ssh is at work";
            return vec![Finding::note(Check::Files, what).at(&self.layout.file(LOCK))];
        }
        let is_removal = |path: &&PathBuf| {
            let mut ours = self.repair.changes.iter().filter(|change| change.owner == Owner::Ours);
            SHARED.iter().all(|name| **path != self.layout.file(name))
                && ours.any(|change| change.path == **path && change.after.is_none())
        };
        let files: Vec<PathBuf> =
            self.present.files.keys().map(|name| self.layout.file(name)).collect();
        let orphans = files.iter().filter(is_removal);
        self.leftovers
            .iter()
            .chain(orphans)
            .map(|path| {
                let what = "it was left by a run that was killed";
                self.tidied(Finding::note(Check::Files, what)).at(path)
            })
            .collect()
    }
}
