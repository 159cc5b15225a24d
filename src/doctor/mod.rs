//! What is well on this machine and what is not, each with what to do about it.
//!
//! Every examination is a small file that goes from what was read to findings, and changes
//! nothing: no lock, no certificate, no file. Who asks the API, and when, is up to the command.

pub mod api;
pub mod certificates;
pub mod clusters;
pub mod disk;
pub mod files;
pub mod hosts;
pub mod include;
pub mod keys;
pub mod permissions;
pub mod renewal;
pub mod shell;
pub mod ssh;
pub mod token;

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::failure::Failure;
use crate::install::state::{Record, Source};
use crate::text::sanitize::Excerpt;

/// The longest text of somebody else's that a finding quotes, in characters.
const QUOTED: usize = 200;

/// How well something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// As it should be.
    Ok,
    /// Nothing is wrong with it, but somebody may want to know.
    Note,
    /// It works, and it may harm.
    Warning,
    /// It does not work, or is not safe.
    Wrong,
}

impl State {
    /// Whether the rest can go on with it.
    #[must_use]
    pub fn is_usable(self) -> bool {
        self < Self::Wrong
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Wrong => "wrong",
        })
    }
}

/// What was examined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// The API token: where it is, and whether it is taken.
    Token,
    /// Whether the API answers.
    Api,
    /// This machine's clock against the API's.
    Clock,
    /// The ssh of this machine.
    Ssh,
    /// The shell by which ssh runs commands.
    Shell,
    /// The line that includes our files.
    Include,
    /// Owners and modes.
    Permissions,
    /// Our files, one with the other.
    Files,
    /// The keys to log in with.
    Key,
    /// The certificates to log in with, and what renews them.
    Certificate,
    /// The installed clusters, against what the API says of them.
    Clusters,
    /// What ssh makes of the names, against what it should.
    Hosts,
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Token => "token",
            Self::Api => "api",
            Self::Clock => "clock",
            Self::Ssh => "ssh",
            Self::Shell => "shell",
            Self::Include => "include",
            Self::Permissions => "permissions",
            Self::Files => "files",
            Self::Key => "key",
            Self::Certificate => "certificate",
            Self::Clusters => "clusters",
            Self::Hosts => "hosts",
        })
    }
}

/// What an examination found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How well it is.
    pub state: State,
    /// What was examined.
    pub check: Check,
    /// What was found, in a sentence. Texts of others in it are sanitize.
    pub what: String,
    /// The file that it is about.
    pub file: Option<PathBuf>,
    /// The line of the file, counted from 1.
    pub line: Option<usize>,
    /// What to do about it, in words.
    pub advice: Option<String>,
    /// The command that does it.
    pub command: Option<String>,
}

impl Finding {
    fn new(state: State, check: Check, what: impl fmt::Display) -> Self {
        let what = what.to_string();
        Self { state, check, what, file: None, line: None, advice: None, command: None }
    }

    /// It is as it should be.
    pub fn ok(check: Check, what: impl fmt::Display) -> Self {
        Self::new(State::Ok, check, what)
    }

    /// Something to know.
    pub fn note(check: Check, what: impl fmt::Display) -> Self {
        Self::new(State::Note, check, what)
    }

    /// Something that may harm.
    pub fn warning(check: Check, what: impl fmt::Display) -> Self {
        Self::new(State::Warning, check, what)
    }

    /// Something that does not work, or is not safe.
    pub fn wrong(check: Check, what: impl fmt::Display) -> Self {
        Self::new(State::Wrong, check, what)
    }

    /// The file that it is about.
    #[must_use]
    pub fn at(mut self, file: &Path) -> Self {
        self.file = Some(file.to_owned());
        self
    }

    /// The line that it is about.
    #[must_use]
    pub fn at_line(mut self, file: &Path, line: usize) -> Self {
        self.line = Some(line);
        self.at(file)
    }

    /// What to do about it, in words.
    #[must_use]
    pub fn advise(mut self, advice: impl fmt::Display) -> Self {
        self.advice = Some(advice.to_string());
        self
    }

    /// The command that does it.
    #[must_use]
    pub fn run<W: AsRef<OsStr>>(mut self, words: impl IntoIterator<Item = W>) -> Self {
        self.command = Some(crate::text::shell::command(words));
        self
    }
}

/// The program as it is to be called for what it looked at: with the ssh folder that was named.
#[derive(Clone, Debug, Default)]
pub struct Ourselves {
    /// The folder of `--ssh-dir`, where it was given.
    pub ssh_dir: Option<PathBuf>,
    /// The API that is asked where nothing else is said.
    pub api_url: Option<String>,
}

impl Ourselves {
    /// The words of `prime-ssh` with these arguments.
    pub fn with<'w>(&self, arguments: impl IntoIterator<Item = &'w str>) -> Vec<OsString> {
        let mut words: Vec<OsString> = vec!["prime-ssh".into()];
        words.extend(arguments.into_iter().map(Into::into));
        if let Some(folder) = &self.ssh_dir {
            words.extend(["--ssh-dir".into(), folder.into()]);
        }
        words
    }

    /// The words that get the certificate of an installed cluster.
    fn certifying(&self, record: &Record, identity: Option<&Path>) -> Vec<OsString> {
        let mut words = self.with(["cert", record.id.as_str()]);
        words.extend(self.asking(&record.source));
        if let Some(identity) = identity {
            words.extend(["--identity-file".into(), identity.into()]);
        }
        words
    }

    /// The words that install a cluster again, with one option of ssh more than it has; none where
    /// it came from standard input.
    fn installing(&self, record: &Record, ssh_option: &str) -> Option<Vec<OsString>> {
        let mut words = match &record.source {
            Source::Api { .. } => self.with(["install", record.id.as_str()]),
            Source::Input(path) => self.with(["install", "--input", path]),
            Source::Stdin => return None,
        };
        words.extend(self.asking(&record.source));
        let given = record.options.ssh_option.iter();
        let given = given.map(|option| format!("{}={}", option.keyword(), option.value()));
        let all = given.chain([ssh_option.to_owned()]);
        words.extend(all.map(|option| format!("--ssh-option={option}").into()));
        Some(words)
    }

    /// The options that ask where a cluster was asked for before.
    fn asking(&self, source: &Source) -> Vec<OsString> {
        let Source::Api { url, context, .. } = source else { return Vec::new() };
        let context = context.iter().flat_map(|context| ["--context", context]);
        let url = Some(url).filter(|url| self.api_url.as_ref() != Some(url));
        let url = url.into_iter().flat_map(|url| ["--api-url", url]);
        url.chain(context).map(OsString::from).collect()
    }
}

/// A failure of another room as a finding.
#[must_use]
pub fn failed(check: Check, failure: &Failure) -> Finding {
    let what = one_line(&format!("{:#}", failure.cause));
    Finding { advice: failure.hint.clone(), ..Finding::wrong(check, what) }
}

/// Text of several lines in one.
fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for part in text.lines().map(str::trim).filter(|part| !part.is_empty()) {
        match line.chars().last() {
            None => {}
            Some(':') => line.push(' '),
            Some(_) => line.push_str("; "),
        }
        line.push_str(part);
    }
    line
}

/// A text of somebody else's, for a finding.
fn quoted(text: &str) -> Excerpt<'_> {
    Excerpt::new(text, QUOTED)
}

/// `1 host`, `3 hosts`.
fn counted(count: usize, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}
