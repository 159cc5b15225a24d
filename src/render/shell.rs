//! Words of a shell's command.

use std::fmt::{self, Display};

/// One argument of a shell's command: as it is, or in single quotes.
pub(super) struct ShellWord<'v>(pub(super) &'v dyn Display);

impl Display for ShellWord<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.to_string();
        f.write_str(&if text.bytes().all(is_plain) { text } else { quoted(&text) })
    }
}

/// What no shell takes for anything but itself, in the middle of a command.
pub(super) fn is_plain(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"_@%+=:,./-".contains(&b)
}

/// One word wherever it stands: `a=b` in front of a command is no word of it, a leading `=` or `%`
/// means something to some shells, and nothing at all is no word unless it is quoted.
pub(super) fn word(text: &str) -> String {
    let is_plain = |b| is_plain(b) && !matches!(b, b'=' | b'%');
    if !text.is_empty() && text.bytes().all(is_plain) { text.to_owned() } else { quoted(text) }
}

/// In single quotes, in which a shell reads nothing but their end.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
