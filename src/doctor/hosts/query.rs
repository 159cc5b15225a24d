//! Asking ssh how it resolves names.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::NamedTempFile;

use super::compare::Resolved;
use super::origin;
use super::sample::Name;
use crate::doctor::finding::quoted;
use crate::doctor::snapshot::{InstalledCluster, Snapshot};
use crate::doctor::{Check, Finding};
use crate::install::include::{IncludeLine, redirected};
use crate::install::reader::{Block, Line};
use crate::settings::OwnCommands;
use crate::ssh::process::Ended;
use crate::ssh::query;
use crate::text::shell;

/// How many names are asked at once.
const AT_ONCE: usize = 4;
/// How long all of them may take, except for those that have begun.
const LIMIT: Duration = Duration::from_secs(20);
/// How many names are asked with the files of all clusters. For the others, ssh reads the file of
/// their own cluster only: to read 10,000 hosts takes it 60 ms.
const IN_FULL: usize = 8;

/// Why ssh does not resolve a name.
pub(super) struct QueryError {
    pub(super) finding: Finding,
    /// Whether it took too long: what hangs for one name hangs for the others too.
    hangs: bool,
}

/// The ssh of this machine, with the configuration of this folder.
pub(super) struct Ssh<'d> {
    pub(super) snapshot: &'d Snapshot,
    pub(super) commands: &'d OwnCommands,
}

type Answer = Result<Resolved, Box<QueryError>>;

impl<'d> Ssh<'d> {
    /// The configuration to name with `-F`; `None` for the one that ssh reads by itself.
    fn config(&self) -> Option<PathBuf> {
        let layout = &self.snapshot.layout;
        (!layout.is_read_by_ssh()).then(|| layout.config())
    }

    /// Asks for a name that nobody configures: does ssh accept the configuration at all?
    pub(super) fn ask_unrelated(&self) -> Answer {
        self.ask(self.config().as_deref(), query::UNRELATED)
    }

    /// The patterns of the user's and the system's blocks, which apply to some names only.
    pub(super) fn patterns(&self) -> Vec<String> {
        let mut patterns = Vec::new();
        let mut visit = |line: &Line<'_>| {
            let found = line.starts.map(Block::host_patterns).unwrap_or_default();
            patterns.extend(found.into_iter().map(str::to_owned));
            true
        };
        self.snapshot.walk(&mut visit);
        self.snapshot.walk_system(&mut visit);
        patterns.sort();
        patterns.dedup();
        patterns
    }

    /// Asks for these names, as far as time permits, and returns the answers in their order.
    pub(super) fn ask_all<'n>(&self, names: &'n [Name<'d>]) -> Vec<(&'n Name<'d>, Answer)> {
        let until = Instant::now() + LIMIT;
        let next = AtomicUsize::new(0);
        let work = || {
            let mut answers = Vec::new();
            while Instant::now() < until {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some(name) = names.get(at) else { break };
                let answer = self.ask_name(name, at < IN_FULL);
                if answer.as_ref().is_err_and(|error| error.hangs) {
                    next.store(names.len(), Ordering::Relaxed);
                }
                answers.push((at, name, answer));
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

    fn ask_name(&self, name: &Name<'_>, in_full: bool) -> Answer {
        let alone = if in_full { None } else { self.config_of(name.cluster) };
        match alone {
            Some(config) => self.ask(Some(config.path()), name.alias),
            None => self.ask(self.config().as_deref(), name.alias),
        }
    }

    /// The user's configuration with one cluster in place of all; `None` where another file of the
    /// user's includes ours.
    fn config_of(&self, cluster: &InstalledCluster) -> Option<NamedTempFile> {
        let config = self.snapshot.config.as_ref().ok()?.as_ref()?;
        let line = IncludeLine::new(&cluster.path).ok()?;
        let alone = redirected(config, &self.snapshot.layout.include_resolver(), &line);
        if alone == *config {
            return None;
        }
        let mut file = NamedTempFile::new().ok()?;
        file.write_all(&alone).ok()?;
        Some(file)
    }

    fn ask(&self, config: Option<&Path>, name: &str) -> Answer {
        let ended = query::ask(config, &[], name);
        let (finding, hangs) = match ended {
            Ok(ended) if ended.succeeded() => {
                return Ok(Resolved::parse(&ended.stdout, self.snapshot));
            }
            Ok(Ended { status: None, .. }) => (self.too_slow(name), true),
            Ok(ended) => (self.refused(&ended.stderr, name), false),
            Err(error) => (cannot_run(&error), false),
        };
        Err(Box::new(QueryError { finding, hangs }))
    }

    fn too_slow(&self, name: &str) -> Finding {
        let what = format_args!("ssh does not answer in time for {name}");
        let finding = Finding::wrong(Check::Hosts, what).advise(format_args!(
            "a command in your configuration may hang: `{}` shows which",
            self.verbose(name)
        ));
        match origin::first_command(self.snapshot) {
            Some((file, line)) => finding.at_line(&file, line),
            None => finding,
        }
    }

    fn refused(&self, words: &str, name: &str) -> Finding {
        let said = words.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
        let place = place(said);
        let why = quoted(place.map_or(said, |place| place.said));
        let what = format_args!("ssh stops at your configuration: {why}");
        let finding = Finding::wrong(Check::Hosts, what);
        let finding = match place {
            Some(Place { file, line, .. }) => Finding { line, ..finding.at(file) },
            None => finding,
        };
        let ours = self.snapshot.layout.folder().display().to_string();
        if said.contains(&ours) {
            return finding.run(self.commands.installed("sync", []));
        }
        finding.advise(format_args!("correct it; `{}` says the same", self.verbose(name)))
    }

    /// The command with which ssh itself explains what applies: `ssh -vG NAME`.
    pub(super) fn verbose(&self, name: &str) -> String {
        let config = self.config();
        let config = config.iter().flat_map(|path| ["-F".as_ref(), path.as_os_str()]);
        let words = ["ssh".as_ref(), "-vG".as_ref()].into_iter().chain(config);
        shell::command(words.chain([name.as_ref()]))
    }
}

/// A file that ssh names, and what it says of it.
#[derive(Clone, Copy)]
struct Place<'s> {
    file: &'s Path,
    line: Option<usize>,
    said: &'s str,
}

/// `FILE: line 3: …`, `FILE line 3: …` or `… on FILE`.
fn place(said: &str) -> Option<Place<'_>> {
    const PERMISSIONS: &str = "Bad owner or permissions";
    let of_line = || {
        let (file, rest) = said.split_once(": line ").or_else(|| said.split_once(" line "))?;
        let (line, said) = rest.split_once(": ")?;
        Some(Place { file: Path::new(file), line: Some(line.parse().ok()?), said })
    };
    let of_file = || {
        let file = said.strip_prefix(PERMISSIONS)?.strip_prefix(" on ")?;
        Some(Place { file: Path::new(file), line: None, said: PERMISSIONS })
    };
    of_line().or_else(of_file).filter(|place| place.file.is_file())
}

fn cannot_run(error: &io::Error) -> Finding {
    Finding::wrong(Check::Hosts, format_args!("cannot run ssh: {error}"))
}
