//! The line that includes our files: ssh must read it, and nothing should come before it.

use std::path::{Path, PathBuf};

use nix::unistd::{AccessFlags, access};

use super::snapshot::Snapshot;
use super::{Check, Finding};
use crate::install::folder;
use crate::install::include::IncludeLine;
use crate::install::layout::INDEX;
use crate::install::reader::Block;
use crate::text::shell;

/// Examines whether ssh reads our files.
#[must_use]
pub fn examine(snapshot: &Snapshot) -> Vec<Finding> {
    let config = snapshot.layout.config();
    if let Some(error) = &snapshot.config_error {
        return vec![Finding::wrong(Check::Include, error).at(&config)];
    }
    // The lines that include our files for every host, and for some only, and the first setting for
    // every host before them.
    let (mut at_top, mut in_block, mut before) = (Vec::new(), Vec::new(), None);
    snapshot.visit_config(&mut |line| {
        let place = (line.file.to_owned(), line.directive.line);
        let keyword = &*line.directive.keyword;
        let is_for_all = line.blocks.iter().all(Block::is_for_every_host);
        if line.includes_us {
            if is_for_all { &mut at_top } else { &mut in_block }.push(place);
        } else if is_for_all
            && at_top.is_empty()
            && before.is_none()
            && !matches!(keyword, b"host" | b"match" | b"include" | b"ignoreunknown")
        {
            before = Some((place, String::from_utf8_lossy(keyword).into_owned()));
        }
        true
    });
    if snapshot.repair.clusters.is_empty() {
        return at_top.into_iter().chain(in_block).filter_map(|at| unused(snapshot, at)).collect();
    }
    let mut findings = Vec::new();
    if let Some((file, line)) = at_top.first() {
        let is_hidden =
            |home: &&Path| folder::is_hidden_from(&snapshot.layout, snapshot.config(), home);
        if let Some(home) = snapshot.context.environment.home().filter(is_hidden) {
            return vec![other_home(snapshot, home).at_line(file, *line)];
        }
        let what = "ssh reads our files for every host";
        findings.push(Finding::ok(Check::Include, what).at_line(file, *line));
        findings.extend(before.map(|((file, line), keyword)| {
            let what =
                format!("`{keyword}` comes before our files, so it also applies to our hosts");
            Finding::note(Check::Include, what)
                .at_line(&file, line)
                .advise("move the Include of our files to the first line")
        }));
    } else {
        let what = if in_block.is_empty() {
            "no line includes our files, so ssh knows none of the names"
        } else {
            "our files are included in a block only, so ssh may not know all of the names"
        };
        let finding = Finding::wrong(Check::Include, what).at(&config);
        findings.push(with_line(finding, snapshot));
    }
    findings.extend(in_block.into_iter().map(|(file, line)| {
        Finding::warning(Check::Include, "this Include of our files applies to some hosts only")
            .at_line(&file, line)
            .advise("remove that line; one at the top of the file applies to all hosts")
    }));
    findings.extend(not_of_a_plain_ssh(snapshot));
    findings
}

/// A line that includes our files where there are none.
fn unused(snapshot: &Snapshot, (file, line): (PathBuf, usize)) -> Option<Finding> {
    let present = &snapshot.present;
    // A cluster whose file is gone, and a folder that cannot be read, are told under `files`.
    let is_empty =
        snapshot.unreadable.is_none() && present.records.is_empty() && present.damaged.is_empty();
    let what = "this line includes our files, but no cluster is installed";
    let finding = Finding::note(Check::Include, what).at_line(&file, line);
    is_empty.then(|| finding.advise("it does no harm; remove that line"))
}

fn not_of_a_plain_ssh(snapshot: &Snapshot) -> Option<Finding> {
    let (layout, config) = (&snapshot.layout, snapshot.layout.config());
    let read = shell::path(&layout.read_by_ssh().join("config"));
    let what = format!("a plain ssh reads {read} instead of this file");
    let ssh = shell::command(["ssh".as_ref(), "-F".as_ref(), config.as_os_str()]);
    let finding = Finding::note(Check::Include, what).at(&config);
    (!layout.is_read_by_ssh()).then(|| finding.advise(format_args!("use `{ssh}`")))
}

fn other_home(snapshot: &Snapshot, home: &Path) -> Finding {
    let what = format!(
        "HOME is {}, so ssh looks for our files below it and knows none of the names",
        shell::path(home)
    );
    let finding = Finding::wrong(Check::Include, what);
    match IncludeLine::new(&snapshot.layout.file(INDEX)) {
        Ok(line) => finding.advise(format_args!("make this line the first one instead: {line}")),
        Err(error) => finding.advise(error),
    }
}

/// Adds what brings our line back: the next run, or a person where that run may not write the file.
fn with_line(finding: Finding, snapshot: &Snapshot) -> Finding {
    let config = snapshot.layout.config();
    let target = config.canonicalize().unwrap_or(config);
    let is_writable = |path: &Path| access(path, AccessFlags::W_OK).is_ok();
    let may_write =
        (is_writable(&target) || !target.exists()) && target.parent().is_some_and(is_writable);
    match snapshot.layout.include_line() {
        Ok(line) if !may_write => finding
            .advise(format_args!("you cannot write this file here; add as its first line: {line}")),
        _ => finding.run(snapshot.commands.installed("sync", [])),
    }
}
