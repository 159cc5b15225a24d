//! Asking ssh how it resolves names.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::NamedTempFile;

use super::sample::Name;
use super::{compare, origin};
use crate::doctor::finding::quoted;
use crate::doctor::snapshot::{InstalledCluster, Snapshot};
use crate::doctor::{Check, Finding};
use crate::install::fragment::Options;
use crate::install::include::{IncludeLine, redirected};
use crate::install::reader::{Block, Line};
use crate::ssh::process::Ended;
use crate::ssh::query;
use crate::text::shell;

/// The names that are asked at once.
const AT_ONCE: usize = 4;
/// The time for all of them, except for those that have begun.
const LIMIT: Duration = Duration::from_secs(20);
/// The names that are asked with the files of all clusters. For the others, ssh reads the file of
/// their own cluster only: to read 10,000 hosts takes it 60 ms.
const IN_FULL: usize = 8;

/// Asks for a name that nobody configures: does ssh accept the configuration at all?
pub(super) fn ask_unrelated(snapshot: &Snapshot) -> Result<Options, Finding> {
    let config = snapshot.named_config();
    answer(snapshot, query::UNRELATED, query::ask(config.as_deref(), query::UNRELATED))
}

/// Returns the patterns of the user's and the system's blocks, which apply to some names only.
pub(super) fn patterns(snapshot: &Snapshot) -> Vec<String> {
    let mut patterns = BTreeSet::new();
    let mut visit = |line: &Line<'_>| {
        let found = line.starts.map(Block::host_patterns).unwrap_or_default();
        patterns.extend(found.into_iter().map(str::to_owned));
        true
    };
    snapshot.visit_config(&mut visit);
    snapshot.visit_system_config(&mut visit);
    patterns.into_iter().collect()
}

/// Asks for these names, as far as time permits, and returns the answers in their order.
pub(super) fn ask_all<'n, 'c>(
    snapshot: &Snapshot,
    names: &'n [Name<'c>],
) -> Vec<(&'n Name<'c>, Result<Options, Finding>)> {
    let until = Instant::now() + LIMIT;
    let next = AtomicUsize::new(0);
    let work = || {
        let mut answers = Vec::new();
        while Instant::now() < until {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(name) = names.get(at) else { break };
            let ended = ask(snapshot, name, at < IN_FULL);
            // What hangs for one name hangs for the others too.
            if matches!(ended, Ok(Ended { status: None, .. })) {
                next.store(names.len(), Ordering::Relaxed);
            }
            answers.push((at, name, answer(snapshot, name.alias, ended)));
        }
        answers
    };
    let mut answers = thread::scope(|scope| {
        // Where the system refuses a thread, there is still this one.
        let start = |_| thread::Builder::new().spawn_scoped(scope, work).ok();
        let workers: Vec<_> = (1..AT_ONCE).filter_map(start).collect();
        let mut answers = work();
        answers.extend(workers.into_iter().filter_map(|worker| worker.join().ok()).flatten());
        answers
    });
    answers.sort_by_key(|(at, ..)| *at);
    answers.into_iter().map(|(_, name, answer)| (name, answer)).collect()
}

fn ask(snapshot: &Snapshot, name: &Name<'_>, in_full: bool) -> io::Result<Ended> {
    let alone = if in_full { None } else { config_of(snapshot, name.cluster) };
    match alone {
        Some(config) => query::ask(Some(config.path()), name.alias),
        None => query::ask(snapshot.named_config().as_deref(), name.alias),
    }
}

/// Writes the user's configuration with one cluster in place of all; `None` where another file of
/// the user's includes ours.
fn config_of(snapshot: &Snapshot, cluster: &InstalledCluster) -> Option<NamedTempFile> {
    let config = snapshot.config();
    let line = IncludeLine::new(&cluster.path).ok()?;
    let alone = redirected(config, &snapshot.layout.include_resolver(), &line);
    if alone == config {
        return None;
    }
    let mut file = NamedTempFile::new().ok()?;
    file.write_all(&alone).ok()?;
    Some(file)
}

fn answer(snapshot: &Snapshot, name: &str, ended: io::Result<Ended>) -> Result<Options, Finding> {
    let what = match ended {
        Ok(ended) if ended.succeeded() => {
            return Ok(compare::parse(&ended.stdout, &snapshot.layout.home));
        }
        Ok(Ended { status: None, .. }) => return Err(too_slow(snapshot, name)),
        Ok(ended) => return Err(refused(snapshot, ended.complaint(), name)),
        Err(error) => format!("cannot run ssh: {error}"),
    };
    Err(Finding::wrong(Check::Hosts, what))
}

fn too_slow(snapshot: &Snapshot, name: &str) -> Finding {
    let what = format_args!("ssh does not answer in time for {name}");
    let finding = Finding::wrong(Check::Hosts, what).advise(format_args!(
        "a command in your configuration may hang: `{}` shows which",
        verbose(snapshot, name)
    ));
    match origin::first_command(snapshot) {
        Some((file, line)) => finding.at_line(&file, line),
        None => finding,
    }
}

fn refused(snapshot: &Snapshot, said: &str, name: &str) -> Finding {
    let (place, why) = match parse(said) {
        Some((file, line, why)) => (Some((file, line)), why),
        None => (None, said),
    };
    let what = format!("ssh stops at your configuration: {}", quoted(why));
    let finding = Finding::wrong(Check::Hosts, what);
    let finding = match place {
        Some((file, line)) => Finding { line, ..finding.at(file) },
        None => finding,
    };
    if place.is_some_and(|(file, _)| file.starts_with(snapshot.layout.folder())) {
        return finding.run(snapshot.commands.installed("sync", []));
    }
    finding.advise(format_args!("correct it; `{}` says the same", verbose(snapshot, name)))
}

/// Returns the command with which ssh itself explains what applies: `ssh -vG NAME`.
pub(super) fn verbose(snapshot: &Snapshot, name: &str) -> String {
    let config = snapshot.named_config();
    let config = config.iter().flat_map(|path| ["-F".as_ref(), path.as_os_str()]);
    let words = ["ssh".as_ref(), "-vG".as_ref()].into_iter().chain(config);
    shell::command(words.chain([name.as_ref()]))
}

/// Parses a complaint: the file that ssh names, the line in it, and what ssh says of it: `FILE: line 3: …`,
/// `FILE line 3: …` or `… on FILE`.
fn parse(said: &str) -> Option<(&Path, Option<usize>, &str)> {
    const PERMISSIONS: &str = "Bad owner or permissions";
    let of_line = || {
        let (file, rest) = said.split_once(": line ").or_else(|| said.split_once(" line "))?;
        let (line, said) = rest.split_once(": ")?;
        Some((Path::new(file), Some(line.parse().ok()?), said))
    };
    let of_file = || {
        let file = said.strip_prefix(PERMISSIONS)?.strip_prefix(" on ")?;
        Some((Path::new(file), None, PERMISSIONS))
    };
    of_line().or_else(of_file).filter(|(file, ..)| file.is_file())
}
