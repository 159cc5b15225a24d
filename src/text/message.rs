//! A message to a person: one line, and lines below it that say more.

use std::fmt::{Display, Write};

/// A message. Its texts are one line each, whatever they hold: only what prints them breaks lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// The first line.
    pub text: String,
    /// The lines below it.
    pub lines: Vec<String>,
}

impl Message {
    /// A message with these lines below its first one.
    #[must_use]
    pub fn with_lines(text: impl Display, lines: impl IntoIterator<Item = impl Display>) -> Self {
        let lines = lines.into_iter().map(|line| line.to_string()).collect();
        Self { text: text.to_string(), lines }
    }

    /// All of it in one text, its lines indented.
    #[must_use]
    pub fn joined(&self) -> String {
        let lines = self.lines.iter().map(|line| format!("\n  {line}"));
        self.text.clone() + &lines.collect::<String>()
    }

    /// The same with the first `max` of these lines, and how many more there are; `unlisted` are
    /// not among them, and count.
    #[must_use]
    pub fn with_first(
        text: impl Display,
        max: usize,
        lines: impl IntoIterator<Item = impl Display>,
        unlisted: usize,
    ) -> Self {
        let mut lines = lines.into_iter();
        let mut message = Self::with_lines(text, lines.by_ref().take(max));
        let more = lines.count() + unlisted;
        if more > 0 {
            message.lines.push(format!("and {more} more"));
        }
        message
    }
}

impl<T: Display> From<T> for Message {
    fn from(text: T) -> Self {
        Self { text: text.to_string(), lines: Vec::new() }
    }
}

/// The messages of a run, to be printed once it is decided: whoever decides is silent.
#[derive(Clone, Debug, Default)]
pub struct Talk {
    /// Urgent messages, whoever runs this: a name that leads elsewhere, a cluster gone.
    pub urgent: Vec<Message>,
    /// Warnings, each once.
    pub warnings: Vec<Message>,
    /// Notes.
    pub notes: Vec<Message>,
}

impl Talk {
    /// Adds a warning, unless it is there.
    pub fn warn(&mut self, warning: impl Into<Message>) {
        let warning = warning.into();
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }

    /// Adds a note.
    pub fn note(&mut self, note: impl Into<Message>) {
        self.notes.push(note.into());
    }
}

/// Adds a clause to a sentence: behind a colon, if that is how it ends, else behind a semicolon.
pub fn add_clause(sentence: &mut String, clause: &str) {
    sentence.push_str(if sentence.ends_with(':') { " " } else { "; " });
    sentence.push_str(clause);
}

/// The first `max` of these on one line: `a, b and 3 more`.
#[must_use]
pub fn first_of(items: impl IntoIterator<Item = impl Display>, max: usize) -> String {
    let mut items = items.into_iter();
    let mut text = String::new();
    for (at, item) in items.by_ref().take(max).enumerate() {
        let comma = if at == 0 { "" } else { ", " };
        // A String takes all.
        let _ = write!(text, "{comma}{item}");
    }
    match items.count() {
        0 => text,
        more => format!("{text} and {more} more"),
    }
}

/// `1 host`, `3 hosts`.
#[must_use]
pub fn counted(count: usize, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_and_how_many_more() {
        assert_eq!(first_of(["a", "b"], 2), "a, b");
        assert_eq!(first_of(["a", "b", "c", "d"], 2), "a, b and 2 more");
        let message = Message::with_first("these:", 2, [1, 2, 3], 4);
        assert_eq!(message.lines, ["1", "2", "and 5 more"]);
        assert_eq!(Message::with_first("these:", 2, [1, 2], 0).lines, ["1", "2"]);
    }
}
