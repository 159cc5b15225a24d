//! The second guard: no value with a control character leaves a template.
//!
//! The first guard is the checked types of [`crate::name`]; a value that this one stops is a bug
//! there. An escaper sees fragments of values, so it cannot quote, only refuse.

use std::fmt::{self, Write};

use askama::filters::Escaper;

/// Passes text on as it is, and fails on a control character.
#[derive(Clone, Copy, Debug, Default)]
pub struct ControlCharGuard;

impl Escaper for ControlCharGuard {
    fn write_escaped_str<W: Write>(&self, mut dest: W, text: &str) -> fmt::Result {
        // Bytes, and not characters, and all of them: this sees every value of a large fleet, and
        // a loop without an early end is done 16 bytes at once. The controls beyond ASCII begin with
        // 0xC2 or 0xE2 and have been refused at the door.
        if text.bytes().fold(false, |found, b| found | b.is_ascii_control()) {
            Err(fmt::Error)
        } else {
            dest.write_str(text)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_ends_a_line() {
        let mut out = String::new();
        assert!(
            ControlCharGuard.write_escaped_str(&mut out, "prime.train it's \"fine\" <&>").is_ok()
        );
        assert_eq!(out, "prime.train it's \"fine\" <&>");
        for text in ["a\nb", "a\rb", "\0", "\u{1b}[2J", "\u{7f}"] {
            assert!(ControlCharGuard.write_escaped_str(&mut out, text).is_err(), "{text:?}");
        }
    }
}
