//! Text that somebody else wrote, for a person's eyes: nothing in it moves a cursor or turns what
//! stands around it.

use std::fmt::{self, Write};

/// Whether `c` ends a line, moves a cursor or changes the direction of what stands around it.
#[must_use]
pub fn is_control(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}') || is_bidirectional(c)
}

/// Whether `c` changes the direction of what stands around it.
#[must_use]
pub fn is_bidirectional(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Whether `c` leaves no trace of its own on a screen, so that two texts with and without it look
/// alike: what Unicode calls default ignorable, and the marks of annotations.
#[must_use]
pub fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Whether a person would not see `c` as the character that it is: it acts on the terminal, or
/// leaves no trace.
#[must_use]
pub fn needs_escape(c: char) -> bool {
    is_control(c) || is_invisible(c)
}

/// The first characters of a text, with every control character and every invisible one escaped.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'t> {
    text: &'t str,
    most: usize,
}

impl<'t> Shown<'t> {
    /// At most `most` characters of `text`, and `…` where that is not all.
    #[must_use]
    pub fn new(text: &'t str, most: usize) -> Self {
        Self { text, most }
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (count, c) in self.text.chars().enumerate() {
            if count == self.most {
                return f.write_char('…');
            }
            if needs_escape(c) { write!(f, "{}", c.escape_default())? } else { f.write_char(c)? }
        }
        Ok(())
    }
}

/// The first characters of somebody's words as they stand in a sentence of ours: without the capital
/// that they start with, and nothing in them acts on a terminal.
#[must_use]
pub fn in_a_sentence(words: &str, most: usize) -> String {
    let mut characters = words.chars();
    let first = characters.next().into_iter().flat_map(char::to_lowercase);
    Shown::new(&first.chain(characters).collect::<String>(), most).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_act_on_a_terminal_is_escaped() {
        let shown = |text| Shown::new(text, 40).to_string();
        assert_eq!(shown("plain é 日本"), "plain é 日本");
        assert_eq!(shown("a\n\u{1b}[2J\r\u{202e}"), "a\\n\\u{1b}[2J\\r\\u{202e}");
        assert_eq!(shown("a\u{200b}b\u{e0041}"), "a\\u{200b}b\\u{e0041}");
        assert_eq!(Shown::new("abcdef", 3).to_string(), "abc…");
        assert_eq!(Shown::new("abc", 3).to_string(), "abc");
        assert_eq!(in_a_sentence("Connection\nrefused", 12), "connection\\nr…");
    }
}
