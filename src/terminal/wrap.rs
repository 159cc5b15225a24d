//! Texts in lines that are no wider than a terminal.

use std::borrow::Cow;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// A text on as many lines as it takes. What stands in backticks or in a shell's quotes is not
/// broken, so that it can be copied.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let (mut lines, mut line, mut taken) = (Vec::new(), String::new(), 0);
    for word in words(text) {
        if taken > 0 && taken + 1 + word.width() > width {
            lines.push(std::mem::take(&mut line));
            taken = 0;
        } else if !line.is_empty() {
            line.push(' ');
            taken += 1;
        }
        let is_whole = word.contains(['`', '\'']);
        for c in word.chars() {
            let wide = c.width().unwrap_or_default();
            if taken > 0 && taken + wide > width && !is_whole {
                lines.push(std::mem::take(&mut line));
                taken = 0;
            }
            line.push(c);
            taken += wide;
        }
    }
    lines.push(line);
    lines
}

/// The words of a text; what is quoted is part of one.
fn words(text: &str) -> Vec<&str> {
    let (mut words, mut rest) = (Vec::new(), text);
    loop {
        let mut quote = None;
        let mut before = ' ';
        let is_end = |(_, c): &(usize, char)| {
            match quote {
                Some(open) if *c == open => quote = None,
                None if *c == '`' || (*c == '\'' && !before.is_alphanumeric()) => quote = Some(*c),
                _ => {}
            }
            before = *c;
            *c == ' ' && quote.is_none()
        };
        let end = rest.char_indices().find(is_end).map(|(at, _)| at);
        // One that is not closed is no quote.
        let end = if quote.is_some() { rest.find(' ') } else { end };
        let Some((word, after)) =
            end.and_then(|end| Some((rest.get(..end)?, rest.get(end + 1..)?)))
        else {
            words.push(rest);
            return words;
        };
        words.push(word);
        rest = after;
    }
}

/// As much of a text as fits, and `…` where that is not all.
pub(super) fn cut(text: &str, width: usize) -> Cow<'_, str> {
    if text.width() <= width {
        return Cow::Borrowed(text);
    }
    let mut kept = String::new();
    let mut taken = 0;
    for c in text.chars() {
        taken += c.width().unwrap_or_default();
        if taken >= width {
            break;
        }
        kept.push(c);
    }
    kept.push('…');
    Cow::Owned(kept)
}
