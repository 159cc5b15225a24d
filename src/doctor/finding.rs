//! The findings of an examination, and what to do about them.

use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

use crate::failure::Failure;
use crate::text::message::add_clause;
use crate::text::sanitize::excerpt;

/// The longest text of somebody else's that a finding quotes, in characters.
const QUOTED: usize = 200;

/// The gravity of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// As it should be.
    Ok,
    /// Good to know.
    Note,
    /// It works, but may do harm.
    Warning,
    /// It does not work, or is not safe.
    Wrong,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// The subject of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// The API token: where it is, and whether the API accepts it.
    Token,
    /// The API's answer.
    Api,
    /// This machine's clock against the API's.
    Clock,
    /// The ssh of this machine.
    Ssh,
    /// The shell that ssh runs commands with.
    Shell,
    /// The line that includes our files.
    Include,
    /// Owners and modes.
    Permissions,
    /// Our files, which must fit together.
    Files,
    /// The keys to log in with.
    Key,
    /// The certificates to log in with.
    Certificate,
    /// The way in which ssh itself brings clusters up to date.
    Live,
    /// The installed clusters against the API's answers.
    Clusters,
    /// The installed names as ssh resolves them.
    Hosts,
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// One thing that an examination found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The gravity.
    pub state: State,
    /// The subject.
    pub check: Check,
    /// The fact, in a sentence, with the texts of others sanitized.
    pub what: String,
    /// The file that it is about.
    #[serde(serialize_with = "lossy")]
    pub file: Option<PathBuf>,
    /// The line in that file, counted from 1.
    pub line: Option<usize>,
    /// The remedy, in words.
    pub advice: Option<String>,
    /// The command that does it.
    pub command: Option<String>,
}

impl Finding {
    /// A finding without a place and a remedy.
    pub fn new(state: State, check: Check, what: impl fmt::Display) -> Self {
        let what = what.to_string();
        Self { state, check, what, file: None, line: None, advice: None, command: None }
    }

    /// Something that is as it should be.
    pub fn ok(check: Check, what: impl fmt::Display) -> Self {
        Self::new(State::Ok, check, what)
    }

    /// Something to know.
    pub fn note(check: Check, what: impl fmt::Display) -> Self {
        Self::new(State::Note, check, what)
    }

    /// Something that may do harm.
    pub fn warning(check: Check, what: impl fmt::Display) -> Self {
        Self::new(State::Warning, check, what)
    }

    /// Something that does not work, or is not safe.
    pub fn wrong(check: Check, what: impl fmt::Display) -> Self {
        Self::new(State::Wrong, check, what)
    }

    /// A failure of another room.
    #[must_use]
    pub fn failed(check: Check, failure: &Failure) -> Self {
        let mut what = failure.to_string();
        for line in &failure.message.lines {
            add_clause(&mut what, line);
        }
        Self { advice: failure.hint.clone(), ..Self::wrong(check, what) }
    }

    /// Adds the file.
    #[must_use]
    pub fn at(mut self, file: &Path) -> Self {
        self.file = Some(file.to_owned());
        self
    }

    /// Adds the file and the line.
    #[must_use]
    pub fn at_line(mut self, file: &Path, line: usize) -> Self {
        self.line = Some(line);
        self.at(file)
    }

    /// Adds what to do, in words.
    #[must_use]
    pub fn advise(mut self, advice: impl fmt::Display) -> Self {
        self.advice = Some(advice.to_string());
        self
    }

    /// Adds the command to run.
    #[must_use]
    pub fn run<W: AsRef<OsStr>>(mut self, words: impl IntoIterator<Item = W>) -> Self {
        self.command = Some(crate::text::shell::command(words));
        self
    }

    /// Adds `chmod MODE FILE` as the command to run.
    #[must_use]
    pub fn chmod(self, mode: &str, file: &Path) -> Self {
        self.run(["chmod".as_ref(), mode.as_ref(), file.as_os_str()])
    }
}

/// A path as JSON says it, which knows no other text than UTF-8.
#[expect(clippy::ref_option, reason = "serde gives the field as it is")]
fn lossy<S: Serializer>(path: &Option<PathBuf>, to: S) -> Result<S::Ok, S::Error> {
    path.as_deref().map(Path::to_string_lossy).serialize(to)
}

/// A text of somebody else's, sanitized.
pub(super) fn quoted(text: &str) -> String {
    excerpt(text, QUOTED)
}
