//! What a person sees: stdout is data, stderr is talk, and nothing on either moves a cursor.

pub mod progress;
pub mod table;

use std::borrow::Cow;
use std::fmt::{self, Display};
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use terminal_size::terminal_size_of;

use crate::failure::{Failure, Kind, Outcome};
use crate::text::sanitize::is_control;

/// The voice of the program on stderr.
#[derive(Clone, Copy, Debug, Default)]
pub struct Terminal {
    quiet: bool,
    verbose: bool,
    audience: Audience,
}

/// Who reads what the program says.
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
/// How long work takes before it shows that it goes on.
const PATIENCE: Duration = Duration::from_millis(500);

impl Terminal {
    /// `quiet` leaves out notes, and `verbose` adds details; warnings and errors stay.
    #[must_use]
    pub fn new(audience: Audience, quiet: bool, verbose: bool) -> Self {
        let for_ansible = audience == Audience::Ansible;
        Self { quiet: quiet || for_ansible, verbose: verbose && !for_ansible, audience }
    }

    /// Something that a person should know, and that is as it should be.
    pub fn note(self, text: impl Display) {
        if !self.quiet {
            say(NOTE, "note", &text);
        }
    }

    /// A line of a summary: what was done.
    pub fn tell(self, line: impl Display) {
        if !self.quiet {
            let line = line.to_string();
            write_stderr(format_args!("{}\n", sanitize(&line)));
        }
    }

    /// A detail for someone who looks for the reason of something.
    pub fn detail(self, text: impl Display) {
        if self.verbose {
            say(NOTE, "detail", &text);
        }
    }

    /// Something that is not as it should be, and does not end the run.
    pub fn warning(self, text: impl Display) {
        if self.audience != Audience::Ansible {
            say(WARNING, "warning", &text);
        }
    }

    /// Why the run ends, because of what, and what to do about it.
    pub fn failure(self, failure: &Failure) {
        if failure.kind == Kind::WouldChange {
            return self.note(&failure.cause);
        }
        if self.audience != Audience::Person {
            return say(ERROR, "error", &OneLine(failure));
        }
        say(ERROR, "error", &format_args!("{:#}", failure.cause));
        if let Some(detail) = &failure.detail {
            self.detail(detail);
        }
        if let Some(hint) = &failure.hint {
            write_stderr(format_args!("\n"));
            say(NOTE, "hint", hint);
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

    /// Waits for `work`; after half a second a terminal shows `message` until it is done.
    pub async fn wait_for<T>(self, message: impl Display, work: impl Future<Output = T>) -> T {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        self.show_after_a_while("{spinner} {msg} ({elapsed})", &bar, &message, work).await
    }

    /// The same for work that counts what of it is done.
    pub async fn wait_counting<T>(
        self,
        message: impl Display,
        count: &Count,
        work: impl Future<Output = T>,
    ) -> T {
        let template = "{spinner} {msg}: {pos} of {len} ({elapsed})";
        self.show_after_a_while(template, &count.0, &message, work).await
    }

    async fn show_after_a_while<T>(
        self,
        template: &str,
        bar: &ProgressBar,
        message: &dyn Display,
        work: impl Future<Output = T>,
    ) -> T {
        let mut work = std::pin::pin!(work);
        if let Ok(done) = tokio::time::timeout(PATIENCE, &mut work).await {
            return done;
        }
        if self.quiet || !io::stderr().is_terminal() {
            return work.await;
        }
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(sanitize(&message.to_string()).into_owned());
        bar.set_draw_target(ProgressDrawTarget::stderr());
        bar.enable_steady_tick(Duration::from_millis(100));
        let done = work.await;
        bar.finish_and_clear();
        done
    }
}

/// How much of some work is done, for a person to see. Its clones count the same.
#[derive(Clone, Debug)]
pub struct Count(ProgressBar);

impl Count {
    /// Nothing is done yet of `total` things.
    #[must_use]
    pub fn of(total: usize) -> Self {
        let total = u64::try_from(total).unwrap_or(u64::MAX);
        Self(ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::hidden()))
    }

    /// One more thing is done.
    pub fn one_done(&self) {
        self.0.inc(1);
    }
}

/// A failure and what to do about it, without a line break.
struct OneLine<'f>(&'f Failure);

impl Display for OneLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cause = format!("{:#}", self.0.cause);
        let mut before = "";
        for line in cause.lines().chain(self.0.hint.as_deref()).map(str::trim) {
            f.write_str(match before.chars().last() {
                None => "",
                Some(':') => " ",
                Some(_) => "; ",
            })?;
            f.write_str(line)?;
            before = line;
        }
        Ok(())
    }
}

fn say(style: Style, word: &str, text: &dyn Display) {
    let text = text.to_string();
    write_stderr(format_args!("{style}{word}:{style:#} {}\n", sanitize(&text)));
}

/// A stderr that is closed or full is no reason to stop.
fn write_stderr(text: fmt::Arguments<'_>) {
    // In one piece: several programs may talk at once.
    let _ = anstream::stderr().lock().write_all(text.to_string().as_bytes());
}

/// The text with every character escaped that would do something to a terminal; its line breaks
/// are ours, for values have theirs escaped before they become part of a message.
#[must_use]
pub fn sanitize(text: &str) -> Cow<'_, str> {
    let acts = |c: char| c != '\n' && is_control(c);
    if !text.contains(acts) {
        return Cow::Borrowed(text);
    }
    let escape = |c: char| if acts(c) { c.escape_default().to_string() } else { c.to_string() };
    Cow::Owned(text.chars().map(escape).collect())
}

/// Whether what goes to stdout may be in colours.
#[must_use]
pub fn stdout_is_colored() -> bool {
    anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never
}

/// How many columns the terminal has that stdout is; `None` where it is none.
#[must_use]
pub fn stdout_width() -> Option<usize> {
    let stdout = io::stdout();
    let size = stdout.is_terminal().then(|| terminal_size_of(&stdout)).flatten();
    size.map(|(columns, _)| usize::from(columns.0)).filter(|columns| *columns > 0)
}

/// Writes data to stdout. Whoever reads it may stop reading: a closed pipe is not a failure.
pub fn print(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut stdout = io::BufWriter::with_capacity(64 * 1024, io::stdout().lock());
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
        let told = "these are refused:\n  data.id: empty\n  data.name: missing";
        let failure = Failure::message(Kind::Answer, told).hint("ask again");
        let line = "these are refused: data.id: empty; data.name: missing; ask again";
        assert_eq!(OneLine(&failure).to_string(), line);
    }

    #[test]
    fn what_would_act_on_a_terminal_is_escaped() {
        assert_eq!(sanitize("plain\ntext é"), "plain\ntext é");
        assert_eq!(sanitize("a\u{1b}[2Jb\r\u{202e}"), "a\\u{1b}[2Jb\\r\\u{202e}");
    }
}
