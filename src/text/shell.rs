//! Words for shells: those of files that a shell reads later, and commands for a person to paste,
//! in which whatever stands in a path does nothing to the terminal that shows it either.

use std::ffi::OsStr;
use std::fmt::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// An argument in the middle of a command, for any shell: as it is, or in single quotes.
#[must_use]
pub fn argument(text: &str) -> String {
    if text.bytes().all(is_plain) { text.to_owned() } else { quoted(text) }
}

/// Returns whether every shell takes the byte for itself, in the middle of a command.
#[must_use]
pub fn is_plain(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"_@%+=:,./-".contains(&b)
}

/// One word wherever it stands, for any shell: `a=b` in front of a command is no word of it, a
/// leading `=` or `%` means something to some shells, and nothing at all is no word unless it is
/// quoted.
#[must_use]
pub fn word(text: &str) -> String {
    let is_plain = |b| is_plain(b) && !matches!(b, b'=' | b'%');
    if !text.is_empty() && text.bytes().all(is_plain) { text.to_owned() } else { quoted(text) }
}

/// In single quotes, in which a shell reads nothing but their end.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// A path as a message names it: a word to paste.
#[must_use]
pub fn path(path: &Path) -> String {
    pasted(path.as_os_str())
}

/// The command of these words, for a person to paste.
#[must_use]
pub fn command<W: AsRef<OsStr>>(words: impl IntoIterator<Item = W>) -> String {
    let words: Vec<String> = words.into_iter().map(|word| pasted(word.as_ref())).collect();
    words.join(" ")
}

/// One word of it: as it is where that is plain, in single quotes, or in `$'…'`, which bash, zsh
/// and ksh read, where it holds what no terminal should be sent.
fn pasted(word: &OsStr) -> String {
    let is_shown = |c: char| c.is_alphanumeric() || c.is_ascii_punctuation() || c == ' ';
    match word.to_str() {
        Some(text) if !text.is_empty() && !text.starts_with(['=', '%']) && is_all_plain(text) => {
            text.to_owned()
        }
        Some(text) if text.chars().all(is_shown) => quoted(text),
        _ => escaped(word.as_bytes()),
    }
}

fn is_all_plain(text: &str) -> bool {
    text.bytes().all(is_plain)
}

fn escaped(bytes: &[u8]) -> String {
    let mut text = "$'".to_owned();
    for &byte in bytes {
        match byte {
            b'\'' | b'\\' => text.extend(['\\', char::from(byte)]),
            b' '..=b'~' => text.push(char::from(byte)),
            // Always three digits, so that a digit behind it stays one. A String takes all.
            _ => _ = write!(text, "\\{byte:03o}"),
        }
    }
    text.push('\'');
    text
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_word_is_quoted_where_it_must_be() {
        assert_eq!(
            command(["chmod", "go-w", "/home/me/.ssh/config"]),
            "chmod go-w /home/me/.ssh/config"
        );
        assert_eq!(command(["rm", "/my keys/é"]), "rm '/my keys/é'");
        assert_eq!(command(["rm", "it's"]), r"rm 'it'\''s'");
        assert_eq!(command(["rm", "~/x", ""]), "rm '~/x' ''");
        assert_eq!(command(["rm", "a\n\u{1b}[2J'\u{202e}"]), r"rm $'a\012\033[2J\'\342\200\256'");
    }

    #[test]
    fn every_shell_reads_a_word_as_it_was_meant() {
        for text in
            ["plain", "", "a b", "$(id)", "`id`", "it's", "~", "a=b", "%1", "!x", "\\", "é\n"]
        {
            let script = format!("printf %s {}", word(text));
            let said = Command::new("sh").args(["-c", &script]).output().unwrap();
            assert_eq!(said.stdout, text.as_bytes(), "{script}");
        }
    }

    #[test]
    fn bash_reads_back_what_was_meant() {
        for bytes in [
            &b"a b"[..],
            b"$(id)",
            b"`id`",
            b"a'b\"c",
            b"\x1b[2J\n0",
            b"\xff\xfe1",
            b"!x",
            b"~",
            b"",
        ] {
            let word = OsStr::from_bytes(bytes);
            let script = format!("printf %s {}", pasted(word));
            let Ok(said) = Command::new("bash").args(["-c", &script]).output() else { return };
            assert_eq!(said.stdout, bytes, "{script}");
        }
    }
}
