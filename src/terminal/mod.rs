//! The terminal: stdout is data, stderr is talk, and nothing on either moves a cursor.
//!
//! This is the one door to a terminal. A text that goes through it is one line, whatever the API,
//! a server, a file, or an argument put into it: lines break only between the texts of a
//! [`Message`]. `clippy.toml` holds that nothing else opens stdout or stderr.

pub mod progress;
pub mod table;
mod wrap;

use std::fmt::Display;
use std::io::{self, ErrorKind, IsTerminal, Write};

use anstyle::{AnsiColor, Style};
use terminal_size::terminal_size_of;

use crate::failure::{Failure, Kind, Outcome};
use crate::text::message::{Message, Talk, add_clause};
use crate::text::sanitize;

/// The voice of the program on stderr.
#[derive(Clone, Copy, Debug, Default)]
pub struct Terminal {
    quiet: bool,
    verbose: bool,
    audience: Audience,
}

/// The reader of the program's messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Audience {
    /// A person who typed the command.
    #[default]
    Person,
    /// A person in front of ssh, which runs the command in the middle of its own business: a
    /// failure is one line.
    Ssh,
    /// Ansible, which shows all of it as an error: nothing is said but why the run ends, in one
    /// line.
    Ansible,
}

const NOTE: Style = AnsiColor::Cyan.on_default();
const WARNING: Style = AnsiColor::Yellow.on_default();
const ERROR: Style = AnsiColor::Red.on_default().bold();

impl Terminal {
    /// `quiet` leaves out notes, and `verbose` adds details; warnings and errors stay.
    #[must_use]
    pub fn new(audience: Audience, quiet: bool, verbose: bool) -> Self {
        let for_ansible = audience == Audience::Ansible;
        Self { quiet: quiet || for_ansible, verbose: verbose && !for_ansible, audience }
    }

    /// Returns whether details are told, too.
    #[must_use]
    pub fn is_verbose(self) -> bool {
        self.verbose
    }

    /// Something that a person should know, and that is as it should be.
    pub fn note(self, message: impl Into<Message>) {
        if !self.quiet {
            say(NOTE, "note", &message.into());
        }
    }

    /// A line of a summary: what was done.
    pub fn tell(self, line: impl Display) {
        if !self.quiet {
            write_stderr(&format!("{}\n", sanitize::line(&line.to_string())));
        }
    }

    /// A detail for someone who looks for the reason of something.
    pub fn detail(self, message: impl Into<Message>) {
        if self.verbose {
            say(NOTE, "detail", &message.into());
        }
    }

    /// Something that is not as it should be, and does not end the run.
    pub fn warning(self, message: impl Into<Message>) {
        if self.audience != Audience::Ansible {
            say(WARNING, "warning", &message.into());
        }
    }

    /// Prints all that a decision says.
    pub fn talk(self, talk: &Talk) {
        for warning in talk.urgent.iter().chain(&talk.warnings) {
            self.warning(warning.clone());
        }
        for note in &talk.notes {
            self.note(note.clone());
        }
    }

    /// Prints the failure that ends the run, its cause, and what to do about it.
    pub fn failure(self, failure: &Failure) {
        let message = &failure.message;
        if failure.kind == Kind::WouldChange {
            return self.note(message.clone());
        }
        if self.audience != Audience::Person {
            return say(ERROR, "error", &one_line(failure).into());
        }
        say(ERROR, "error", message);
        if let Some(detail) = &failure.detail {
            self.detail(detail);
        }
        if let Some(hint) = &failure.hint {
            write_stderr("\n");
            say(NOTE, "hint", &hint.into());
        }
    }

    /// Tells all failures but the worst, with which the run ends.
    pub fn worst(self, mut failures: Vec<Failure>) -> Outcome<()> {
        failures.sort_by_key(|failure| failure.kind);
        let Some(worst) = failures.pop() else { return Ok(()) };
        for failure in &failures {
            self.failure(failure);
        }
        Err(worst)
    }
}

/// A failure and what to do about it, without a line break.
fn one_line(failure: &Failure) -> String {
    let mut text = failure.message.text.clone();
    for line in failure.message.lines.iter().chain(&failure.hint) {
        add_clause(&mut text, line.trim());
    }
    text
}

fn say(style: Style, word: &str, message: &Message) {
    let mut text = format!("{style}{word}:{style:#} {}\n", sanitize::line(&message.text));
    for line in &message.lines {
        text.push_str("  ");
        text.push_str(&sanitize::line(line));
        text.push('\n');
    }
    write_stderr(&text);
}

/// Writes in one piece: several programs may talk at once. A stderr that is closed or full is no
/// reason to stop.
#[expect(clippy::disallowed_methods, reason = "all that is written here is sanitized")]
fn write_stderr(text: &str) {
    let _ = anstream::stderr().lock().write_all(text.as_bytes());
}

#[expect(clippy::disallowed_methods, reason = "the one place that opens it")]
fn stdout() -> io::Stdout {
    io::stdout()
}

#[expect(clippy::disallowed_methods, reason = "it is only asked whether it is a terminal")]
fn stderr_is_terminal() -> bool {
    io::stderr().is_terminal()
}

/// Returns whether what goes to stdout may be in color.
#[must_use]
pub fn stdout_is_colored() -> bool {
    anstream::AutoStream::choice(&stdout()) != anstream::ColorChoice::Never
}

/// Returns whether a person reads stdout.
#[must_use]
pub fn stdout_is_terminal() -> bool {
    stdout().is_terminal()
}

/// Returns the number of columns of the terminal that stdout is; `None` where it is none.
#[must_use]
pub fn stdout_width() -> Option<usize> {
    let stdout = stdout();
    let size = stdout.is_terminal().then(|| terminal_size_of(&stdout)).flatten();
    size.map(|(columns, _)| usize::from(columns.0)).filter(|columns| *columns > 0)
}

/// Writes lines for people to stdout, each sanitized.
pub fn print_lines(lines: impl IntoIterator<Item = impl Display>) -> io::Result<()> {
    print_data(|to| {
        lines.into_iter().try_for_each(|line| writeln!(to, "{}", sanitize::line(&line.to_string())))
    })
}

/// Writes data to stdout as it is: a file that was rendered, or a format that escapes by itself.
/// Whoever reads it may stop reading: a closed pipe is not a failure.
pub fn print_data(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut stdout = io::BufWriter::with_capacity(64 * 1024, stdout().lock());
    match write(&mut stdout).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => {
            // What is still in the buffer has no reader either.
            let _ = stdout.into_parts();
            Ok(())
        }
        done => done,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_in_one_line() {
        let message = Message::with_lines("these are refused:", ["data.id: empty", "data.name: x"]);
        let failure = Failure::message(Kind::Answer, message).hint("ask again");
        let line = "these are refused: data.id: empty; data.name: x; ask again";
        assert_eq!(one_line(&failure), line);
    }
}
