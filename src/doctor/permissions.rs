//! Owners and modes: ssh stops for every host at a file that others could have written.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::disk::{Disk, listed};
use super::{Check, Finding};
use crate::install::modes::Fault;
use crate::install::state::{FileKind, FileStem};

/// What is wrong with the owners and modes of what ssh reads.
#[must_use]
pub fn examine(disk: &Disk) -> Vec<Finding> {
    let layout = &disk.layout;
    let folders = [layout.ssh_folder().to_owned(), layout.folder()];
    let mut files = vec![layout.config()];
    files.extend(disk.included());
    let names = disk.ours.iter().flat_map(|ours| ours.present.files.keys());
    files.extend(names.map(|name| layout.file(name)));
    let there: Vec<_> = folders.iter().chain(&files).filter(|path| path.exists()).collect();
    if there.is_empty() {
        return Vec::new();
    }
    let mut findings: Vec<Finding> =
        folders.iter().filter_map(|path| open_to_others(path)).collect();
    findings.extend(files.iter().filter_map(|path| {
        if !is_configuration(path) {
            return open_to_others(path);
        }
        let fault = Fault::of(path)?;
        let finding = Finding::wrong(Check::Permissions, fault).at(path);
        Some(Finding { command: Some(fault.remedy(path)), ..finding })
    }));
    findings.extend(readable(disk));
    if findings.is_empty() {
        let what = "nobody else may write our files, or those of yours that ssh reads";
        findings.push(Finding::ok(Check::Permissions, what));
    }
    findings
}

/// Whether ssh reads the file as a configuration, and so looks at its owner and mode.
fn is_configuration(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    let part = name.and_then(FileStem::of_file).map(|(_, part)| part);
    part.is_none_or(|part| part == FileKind::Fragment)
}

/// ssh does not look at folders, keys of hosts and the like; but others would choose what is in
/// them.
fn open_to_others(path: &Path) -> Option<Finding> {
    let fault = Fault::of(path)?;
    let what = match fault {
        Fault::Owner(owner) => format!("belongs to user {owner}, who can change what it holds"),
        Fault::Writable(mode) => format!("has mode {mode:04o}: others can change what it holds"),
    };
    let finding = Finding::wrong(Check::Permissions, what).at(path);
    Some(Finding { command: Some(fault.remedy(path)), ..finding })
}

/// Files of ours that others may read: they name hosts and users, and no key.
fn readable(disk: &Disk) -> Option<Finding> {
    let layout = &disk.layout;
    let loose = disk.ours.iter().flat_map(|ours| &ours.present.loose);
    let paths: Vec<_> = loose
        .map(|name| layout.file(name))
        .filter(|path| fs::metadata(path).is_ok_and(|found| found.mode() & 0o022 == 0))
        .collect();
    let shown: Vec<&Path> = paths.iter().map(std::path::PathBuf::as_path).collect();
    let [first, ..] = shown.as_slice() else { return None };
    let words = ["chmod".as_ref(), "600".as_ref()].into_iter();
    let words = words.chain(shown.iter().map(|path| path.as_os_str()));
    Some(
        Finding::note(Check::Permissions, format_args!("others may read {}", listed(&shown)))
            .at(first)
            .run(words),
    )
}
