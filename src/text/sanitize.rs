//! Text that somebody else wrote, for a person's eyes: nothing in it moves a cursor, ends a line, or
//! turns around what stands beside it.

use std::borrow::Cow;

use unicode_width::UnicodeWidthChar;

/// More marks than this on one letter are no writing system's.
const MARKS_MAX: usize = 3;
/// The most characters that are shown of what somebody else called something: more than any name or
/// id has that is accepted, and than an alias made of them.
pub const NAME_SHOWN: usize = 160;
/// The most characters of one word in a message: more than a path can have.
const WORD_SHOWN: usize = 4096;

/// Returns whether `c` ends a line, moves a cursor or changes the direction of what stands around
/// it.
#[must_use]
pub fn is_control(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}') || is_bidirectional(c)
}

/// Returns whether `c` changes the direction of what stands around it.
#[must_use]
pub fn is_bidirectional(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Returns whether `c` leaves no trace of its own on a screen, so that two texts with and without
/// it look alike: what Unicode calls default ignorable, and the marks of annotations.
#[must_use]
pub fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Returns whether a person would not see `c` as the character that it is: it acts on the terminal,
/// or leaves no trace.
#[must_use]
pub fn needs_escape(c: char) -> bool {
    is_control(c) || is_invisible(c)
}

/// The text as one line that does nothing to a terminal: what acts, hides or ends the line is
/// escaped, and so are marks heaped on one letter.
#[must_use]
pub fn sanitize(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|b| (b' '..=b'~').contains(&b)) {
        return Cow::Borrowed(text);
    }
    let mut line = String::with_capacity(text.len());
    let mut marks = 0;
    for c in text.chars() {
        marks = if c.width() == Some(0) { marks + 1 } else { 0 };
        if needs_escape(c) || marks > MARKS_MAX {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
    }
    Cow::Owned(line)
}

/// Returns at most `max` characters of a text, sanitized, and `…` where that is not all.
#[must_use]
pub fn excerpt(text: &str, max: usize) -> String {
    match text.char_indices().nth(max).and_then(|(end, _)| text.get(..end)) {
        Some(first) => format!("{}…", sanitize(first)),
        None => sanitize(text).into_owned(),
    }
}

/// A name or an id as somebody else gave it, sanitized: whole, if it can be one.
#[must_use]
pub fn name(text: &str) -> String {
    excerpt(text, NAME_SHOWN)
}

/// A line of a message, sanitized. A word that is longer than anything a person would copy is cut.
#[must_use]
pub fn line(text: &str) -> Cow<'_, str> {
    if text.len() <= WORD_SHOWN {
        return sanitize(text);
    }
    let words: Vec<_> = text.split(' ').map(|word| excerpt(word, WORD_SHOWN)).collect();
    Cow::Owned(words.join(" "))
}

/// The first characters of somebody's words as they stand in a sentence of ours: sanitized, and
/// without the capital that they start with.
#[must_use]
pub fn in_sentence(words: &str, max: usize) -> String {
    let mut characters = words.chars();
    let first = characters.next().into_iter().flat_map(char::to_lowercase);
    excerpt(&first.chain(characters).collect::<String>(), max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_one_line_that_does_nothing() {
        assert_eq!(sanitize("plain é 日本"), "plain é 日本");
        assert_eq!(sanitize("a\n\u{1b}[2J\r\u{202e}\t"), "a\\n\\u{1b}[2J\\r\\u{202e}\\t");
        assert_eq!(sanitize("a\u{200b}b\u{e0041}"), "a\\u{200b}b\\u{e0041}");
        let heap = sanitize("n\u{301}\u{302}\u{303}\u{304}\u{305}");
        assert_eq!(heap, "n\u{301}\u{302}\u{303}\\u{304}\\u{305}");
        assert_eq!(excerpt("abcdef", 3), "abc…");
        assert_eq!(excerpt("abc", 3), "abc");
        assert_eq!(in_sentence("Connection\nrefused", 11), "connection\\n…");
        let (word, long) = ("x".repeat(WORD_SHOWN), "y".repeat(65_536));
        let told = line(&format!("{word} {long}\n{word}")).into_owned();
        assert_eq!(told, format!("{word} {}…", &long[..WORD_SHOWN]));
        let sentence = "word ".repeat(1000);
        assert_eq!(line(&sentence), sentence);
        assert_eq!(name(&long).chars().count(), NAME_SHOWN + 1);
    }
}
