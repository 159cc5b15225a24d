//! The failure of a run: a kind (the exit code), a cause, and a hint.

use std::fmt;

use crate::text::message::{Message, add_clause};

/// The kind of failure that ended the run; its number is the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Something on this machine: a file, a folder, a setting's file.
    Local = 1,
    /// The command line or an environment variable is wrong. As clap's own.
    Usage = 2,
    /// The API was not reached, or did not do what was asked.
    Api = 3,
    /// The answer was refused, or there is nothing to render.
    Answer = 4,
    /// An install was refused.
    Install = 5,
    /// A host is not OK, or too few nodes came up.
    Hosts = 6,
    /// `--check`: something would change. Nothing is wrong.
    WouldChange = 10,
}

impl Kind {
    /// All kinds with their meaning, the smallest exit code first.
    pub const MEANINGS: [(Self, &str); 7] = [
        (Self::Local, "something on this machine failed, such as a file"),
        (Self::Usage, "the command line, a variable, or a template is wrong"),
        (Self::Api, "the API cannot be reached, or it refused"),
        (Self::Answer, "the API's answer was refused, or there is nothing to render"),
        (Self::Install, "the installation was refused; nothing was changed"),
        (Self::Hosts, "a host is not OK, or too few nodes came up"),
        (Self::WouldChange, "`--check`: something would change"),
    ];

    /// The exit code that scripts rely on.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        self as u8
    }
}

/// A failure of the run. Rooms below return their own errors; the command that called them says
/// what kind of failure that is, and `main` alone prints it.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The kind, which decides the exit code.
    pub kind: Kind,
    /// The error and what caused it, and the lines below it.
    pub message: Message,
    /// The next step for the user.
    pub hint: Option<String>,
    /// The details, for `--verbose`.
    pub detail: Option<String>,
}

impl Failure {
    /// A failure without a hint, in the words of an error and its causes.
    pub fn new(kind: Kind, cause: impl Into<anyhow::Error>) -> Self {
        Self::message(kind, format!("{:#}", cause.into()))
    }

    /// A failure whose cause is a message.
    pub fn message(kind: Kind, message: impl Into<Message>) -> Self {
        Self { kind, message: message.into(), hint: None, detail: None }
    }

    /// The failure on one line, for where there is no room for more: its cause, and the first of the
    /// lines below it.
    #[must_use]
    pub fn in_short(&self) -> String {
        let Message { text, lines } = &self.message;
        let mut text = text.clone();
        if let Some(first) = lines.first() {
            add_clause(&mut text, first.trim());
        }
        if lines.len() > 1 {
            text.push_str(", and more");
        }
        text
    }

    /// The same failure with what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// The first line of its message.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message.text)
    }
}

/// The result of a step that can end the run.
pub type Outcome<T> = Result<T, Failure>;

/// Says what kind of failure a lower room's error is.
pub trait OrFail<T> {
    /// The value, or a [`Failure`] of this kind.
    fn or_fail(self, kind: Kind) -> Outcome<T>;
}

impl<T, E: Into<anyhow::Error>> OrFail<T> for Result<T, E> {
    fn or_fail(self, kind: Kind) -> Outcome<T> {
        self.map_err(|error| Failure::new(kind, error))
    }
}
