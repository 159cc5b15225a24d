//! Our files, one with the other: a state has its fragment, the index names each, and nothing is
//! left of runs that were killed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::disk::{Disk, Ours};
use super::{Check, Finding, Ourselves, counted};
use crate::fs::Lock;
use crate::install::include;
use crate::install::layout::{CLUSTERS, INDEX, LOCK, Layout, SHARED};
use crate::install::plan::{Note, Owner};
use crate::install::state::{FileKind, FileStem};

/// What does not go together in our folder.
#[must_use]
pub fn examine(disk: &Disk, ourselves: &Ourselves) -> Vec<Finding> {
    let ours = match &disk.ours {
        Ok(ours) => ours,
        Err(error) => return vec![Finding::wrong(Check::Files, error)],
    };
    let folder = Folder { layout: &disk.layout, ours, ourselves };
    let mut findings = folder.states();
    findings.extend(folder.index());
    findings.extend(folder.parts());
    findings.extend(folder.strangers());
    findings.extend(folder.left_behind(&disk.leftovers));
    if findings.is_empty() {
        findings.push(Finding::ok(Check::Files, folder.summary()));
    }
    findings
}

struct Folder<'a> {
    layout: &'a Layout,
    ours: &'a Ours,
    ourselves: &'a Ourselves,
}

impl Folder<'_> {
    fn summary(&self) -> String {
        let clusters = &self.ours.clusters;
        if clusters.is_empty() {
            return "no cluster is installed".to_owned();
        }
        let hosts = clusters.iter().map(|cluster| cluster.outline.hosts.len()).sum();
        let (clusters, hosts) = (counted(clusters.len(), "cluster"), counted(hosts, "host"));
        format!("{clusters} with {hosts}; all files are there")
    }

    fn path(&self, stem: &FileStem, part: FileKind) -> PathBuf {
        self.layout.file(&stem.file(part))
    }

    /// What brings everything of ours into order that needs no answer of the API.
    fn tidied(&self, finding: Finding) -> Finding {
        let is_empty = self.ours.present.all_stems().is_empty();
        let words: &[&str] = if is_empty { &["uninstall", "--all"] } else { &["sync"] };
        finding.run(self.ourselves.with(words.iter().copied()))
    }

    /// States that cannot be read, or that are there twice.
    fn states(&self) -> Vec<Finding> {
        let installed = &self.ours.installed;
        let damaged = installed.damaged.iter().map(|(stem, damage)| {
            Finding::wrong(Check::Files, format_args!("the state of {stem} is {damage}"))
                .at(&self.path(stem, FileKind::State))
                .advise("install that cluster again; its hosts stay as they are until then")
        });
        let twice = installed.superseded.iter().map(|stem| {
            let what = format!("{stem} is left of a run that was killed");
            self.tidied(Finding::note(Check::Files, what)).at(&self.path(stem, FileKind::State))
        });
        damaged.chain(twice).collect()
    }

    /// Fragments that ssh does not come by, and lines of the index that lead nowhere.
    fn index(&self) -> Option<Finding> {
        let changes = &self.ours.mending.as_ref()?.changes;
        let paths = SHARED.map(|name| self.layout.file(name));
        let change = changes.iter().find(|change| paths.contains(&change.path))?;
        let path = change.path.clone();
        // Its mode is told with those of the others.
        if change.before == change.after {
            return None;
        }
        let present = &self.ours.present;
        let text = |name| present.files.get(name).map(Vec::as_slice).unwrap_or_default();
        let list = self.layout.file(CLUSTERS);
        let leads_to_list =
            include::included(text(INDEX)).iter().any(|path| list == Path::new(path));
        let indexed = if leads_to_list { present.indexed() } else { BTreeSet::new() };
        let unread: Vec<String> = self
            .ours
            .expected()
            .iter()
            .filter(|stem| !indexed.contains(stem))
            .map(ToString::to_string)
            .collect();
        let finding = if !unread.is_empty() {
            let what = format!("ssh does not read {}: the index leaves it out", unread.join(", "));
            Finding::wrong(Check::Files, what)
        } else if self.names_what_is_not_there() {
            Finding::note(Check::Files, "the index names a file that is not there")
        } else {
            Finding::warning(
                Check::Files,
                "the index was edited; what was added is lost with the next run",
            )
        };
        Some(self.tidied(finding).at(&path))
    }

    fn names_what_is_not_there(&self) -> bool {
        let present = &self.ours.present;
        let index = present.files.get(CLUSTERS).map(Vec::as_slice).unwrap_or_default();
        let included = include::included(index);
        let mut named =
            included.iter().filter_map(|path| FileStem::of_file(path.rsplit('/').next()?));
        named.any(|(stem, _)| present.part(&stem, FileKind::Fragment).is_none())
    }

    /// Files of a cluster that are missing, or that somebody edited.
    fn parts(&self) -> Vec<Finding> {
        let present = &self.ours.present;
        let mut findings = Vec::new();
        for (stem, record) in &self.ours.installed.records {
            let alias = record.alias();
            let synced = |finding: Finding| finding.run(self.ourselves.with(["sync", &alias]));
            let path = self.path(stem, FileKind::Fragment);
            match present.part(stem, FileKind::Fragment) {
                None => findings.push(
                    synced(Finding::wrong(
                        Check::Files,
                        format_args!("{alias} has no fragment, so ssh knows none of its names"),
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
                        "the edit is kept as .bak; options that should stay belong into \
                             `install --ssh-option KEY=VALUE`",
                    ),
                ),
                Some(_) => {}
            }
            if present.part(stem, FileKind::KnownHosts).is_none() {
                let what = format!(
                    "the host keys of {alias} are gone: the next key of each host is trusted"
                );
                let path = self.path(stem, FileKind::KnownHosts);
                findings.push(synced(Finding::warning(Check::Files, what)).at(&path));
            }
        }
        findings
    }

    /// What has no state, is no file of ours, or stays of one.
    fn strangers(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for note in self.ours.mending.iter().flat_map(|plan| &plan.notes) {
            if let Note::Stateless(path) = note {
                findings.push(
                    Finding::warning(
                        Check::Files,
                        "it has no state beside it, so nothing brings it up to date",
                    )
                    .at(path)
                    .advise("install that cluster again"),
                );
            }
        }
        for name in &self.ours.present.foreign {
            let path = self.layout.file(name);
            let finding = if name.contains(".conf.bak") {
                let command = ["rm".as_ref(), path.as_os_str()];
                Finding::note(Check::Files, "an edit by hand that was kept aside").run(command)
            } else {
                Finding::note(Check::Files, "it is not ours")
            };
            findings.push(finding.at(&path));
        }
        if self.ours.expected().is_empty() && self.ours.present.backup.is_some() {
            findings.push(
                Finding::note(
                    Check::Files,
                    "your configuration as it was before the first install",
                )
                .at(&self.layout.backup())
                .advise("remove it once you do not need it"),
            );
        }
        findings
    }

    /// What runs left that were killed; nothing of that is sure while one is at work.
    fn left_behind(&self, temporary: &[PathBuf]) -> Vec<Finding> {
        if self.is_busy() {
            let what = "another run of prime-ssh is at work just now";
            return vec![Finding::note(Check::Files, what).at(&self.layout.file(LOCK))];
        }
        let is_removal = |path: &&PathBuf| {
            let changes = self.ours.mending.iter().flat_map(|plan| &plan.changes);
            let mut ours = changes.filter(|change| change.owner == Owner::Ours);
            SHARED.iter().all(|name| **path != self.layout.file(name))
                && ours.any(|change| change.path == **path && change.after.is_none())
        };
        let files: Vec<PathBuf> =
            self.ours.present.files.keys().map(|name| self.layout.file(name)).collect();
        let superseded: Vec<String> =
            self.ours.installed.superseded.iter().map(|stem| stem.file(FileKind::State)).collect();
        let is_told = |path: &&PathBuf| superseded.iter().any(|name| path.ends_with(name));
        let orphans = files.iter().filter(is_removal).filter(|path| !is_told(path));
        temporary
            .iter()
            .chain(orphans)
            .map(|path| {
                let what = "it is left of a run that was killed";
                self.tidied(Finding::note(Check::Files, what)).at(path)
            })
            .collect()
    }

    /// Whether another run holds the lock. Neither is it made nor kept.
    fn is_busy(&self) -> bool {
        Lock::is_held(&self.layout.file(LOCK))
    }
}
