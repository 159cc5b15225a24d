//! Commands for a person to paste into a shell: whatever stands in a path stays one word there,
//! and does nothing to the terminal that shows it.

use std::ffi::OsStr;
use std::fmt::Write;
use std::os::unix::ffi::OsStrExt;

/// The command of these words.
#[must_use]
pub fn command<W: AsRef<OsStr>>(words: impl IntoIterator<Item = W>) -> String {
    let words: Vec<String> = words.into_iter().map(|word| quoted(word.as_ref())).collect();
    words.join(" ")
}

/// One word: as it is where that is plain, in single quotes, or in `$'…'`, which bash, zsh and
/// ksh read, where it holds what no terminal should be sent.
#[must_use]
pub fn quoted(word: &OsStr) -> String {
    let is_plain =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | ':' | '=' | '@');
    match word.to_str() {
        Some(text) if !text.is_empty() && text.chars().all(is_plain) => text.to_owned(),
        Some(text)
            if text
                .chars()
                .all(|c| c.is_alphanumeric() || c.is_ascii_punctuation() || c == ' ') =>
        {
            format!("'{}'", text.replace('\'', r"'\''"))
        }
        _ => escaped(word.as_bytes()),
    }
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
            let script = format!("printf %s {}", quoted(word));
            let Ok(said) = Command::new("bash").args(["-c", &script]).output() else { return };
            assert_eq!(said.stdout, bytes, "{script}");
        }
    }
}
