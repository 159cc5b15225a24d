//! Owners and modes: ssh stops for every host at a file that others can change.

use std::cell::OnceCell;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::snapshot::Snapshot;
use super::{Check, Finding};
use crate::install::permissions::Fault;
use crate::install::state::{FileKind, FileStem};
use crate::ssh::query;
use crate::text::message::first_of;
use crate::text::shell;

/// The most files that a finding names.
const NAMED: usize = 3;

/// Examines the owners and modes of what ssh reads.
#[must_use]
pub fn examine(snapshot: &Snapshot) -> Vec<Finding> {
    let layout = &snapshot.layout;
    let folders = [layout.ssh_folder.clone(), layout.folder()];
    let mut files = vec![layout.config()];
    files.extend(snapshot.included());
    files.extend(snapshot.present.files.keys().map(|name| layout.file(name)));
    if !folders.iter().chain(&files).any(|path| path.exists()) {
        return Vec::new();
    }
    // What it takes of one it takes of all.
    let takes = OnceCell::new();
    let takes_own_group = || layout.is_read_by_ssh() && *takes.get_or_init(query::takes_its_files);
    let folders = folders.iter().filter_map(|path| fault(path, false, takes_own_group));
    let files =
        files.iter().filter_map(|path| fault(path, is_configuration(path), takes_own_group));
    let mut findings: Vec<Finding> = folders.chain(files).collect();
    findings.extend(readable(snapshot));
    if findings.is_empty() {
        let what = "only you can change our files, and yours that ssh reads";
        findings.push(Finding::ok(Check::Permissions, what));
    }
    findings
}

/// Returns whether ssh reads the file as a configuration, and so checks its owner and mode.
fn is_configuration(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    let kind = name.and_then(FileStem::of_file).map(|(_, kind)| kind);
    kind.is_none_or(|kind| kind == FileKind::Fragment)
}

/// ssh checks configurations only. But who can change another file or a folder chooses what ssh
/// trusts.
fn fault(
    path: &Path,
    is_configuration: bool,
    takes_own_group: impl FnOnce() -> bool,
) -> Option<Finding> {
    let fault = Fault::of(path, || !is_configuration || takes_own_group())?;
    let what = match fault {
        fault if is_configuration => fault.to_string(),
        Fault::Owner(owner) => format!("belongs to user {owner}, who can change what it holds"),
        Fault::Writable(mode) => format!("has mode {mode:04o}: others can change what it holds"),
    };
    let finding = Finding::wrong(Check::Permissions, what).at(path);
    Some(Finding { command: Some(fault.remedy(path)), ..finding })
}

/// Files of ours that others can read: they name hosts and users, but hold no key.
fn readable(snapshot: &Snapshot) -> Option<Finding> {
    let loose = snapshot.present.loose.iter();
    let paths: Vec<_> = loose
        .map(|name| snapshot.layout.file(name))
        .filter(|path| fs::metadata(path).is_ok_and(|found| found.mode() & 0o022 == 0))
        .collect();
    let first = paths.first()?;
    let shown = paths.iter().map(|path| shell::path(path));
    let words = ["chmod".as_ref(), "600".as_ref()].into_iter();
    let words = words.chain(paths.iter().map(|path| path.as_os_str()));
    let what = format!("others can read {}", first_of(shown, NAMED));
    Some(Finding::note(Check::Permissions, what).at(first).run(words))
}
