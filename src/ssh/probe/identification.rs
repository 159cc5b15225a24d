//! The line by which an SSH server introduces itself (RFC 4253, 4.2), read as ssh reads it.

use crate::ssh::reason::{BANNER, Reason};
use crate::text::sanitize::excerpt;

/// The most bytes of a line, and the most lines before the one that counts. They are OpenSSH's
/// (`SSH_MAX_BANNER_LEN`, `SSH_MAX_PRE_BANNER_LINES`) and not the 255 bytes of the standard: a
/// server that ssh gets on with is an SSH server.
const LINE_MAX: usize = 8192;
const LINES_MAX: usize = 1024;
/// The most bytes in all. ssh would take 8 MiB of a talkative server.
const BYTES_MAX: usize = 64 * 1024;
/// The most characters of the other side's words that are shown.
const SHOWN: usize = 60;
/// The words of an OpenSSH server, in place of its name, to clients that it turns away: too many
/// have not logged in yet, or too many from that address have failed to.
pub const TURNED_AWAY: [&str; 2] = ["Exceeded MaxStartups", "Not allowed at this time"];

/// Reads what a server says, piece by piece, and keeps a line of it at most.
#[derive(Debug, Default)]
pub(in crate::ssh) struct Reader {
    line: Vec<u8>,
    /// The first whole line, for a message.
    first: Option<String>,
    lines: usize,
    bytes: usize,
}

impl Reader {
    /// Takes the next bytes. Returns the server's software, or why it is no SSH server, once that is
    /// clear.
    pub(in crate::ssh) fn take(&mut self, bytes: &[u8]) -> Option<Result<String, Reason>> {
        for &byte in bytes {
            self.bytes += 1;
            let found = match byte {
                b'\n' => self.end_of_line(),
                0 => Some(Err(self.not_ssh())),
                _ => {
                    self.line.push(byte);
                    None
                }
            };
            if found.is_some() {
                return found;
            }
            if self.line.len() > LINE_MAX || self.bytes > BYTES_MAX {
                return Some(Err(self.not_ssh()));
            }
        }
        None
    }

    /// Returns the error of a server that says no more and closed the connection.
    pub(in crate::ssh) fn closed(&self) -> Reason {
        match self.said() {
            None => Reason::Closed,
            Some(said) if TURNED_AWAY.contains(&said.as_str()) => Reason::TurnedAway(said),
            Some(said) => Reason::NotSsh(said),
        }
    }

    /// Returns the error of a server that says no more until the time is over.
    pub(in crate::ssh) fn timed_out(&self) -> Reason {
        match &self.first {
            None if self.line.is_empty() => Reason::Silent,
            None => Reason::TimedOut(BANNER),
            Some(first) => Reason::NotSsh(first.clone()),
        }
    }

    fn end_of_line(&mut self) -> Option<Result<String, Reason>> {
        let line = std::mem::take(&mut self.line);
        let line = line.strip_suffix(b"\r").unwrap_or(&line);
        if let Some(version) = line.strip_prefix(b"SSH-") {
            return Some(identification(version));
        }
        self.lines += 1;
        let first = self.first.get_or_insert_with(|| shown(line));
        (self.lines >= LINES_MAX).then(|| Err(Reason::NotSsh(first.clone())))
    }

    fn not_ssh(&self) -> Reason {
        Reason::NotSsh(self.said().unwrap_or_default())
    }

    fn said(&self) -> Option<String> {
        self.first.clone().or_else(|| (self.bytes > 0).then(|| shown(&self.line)))
    }
}

/// Parses what follows `SSH-`: `2.0-OpenSSH_9.2p1 Debian-2`. A server that takes both protocols
/// says 1.99 (RFC 4253, 5.1).
fn identification(text: &[u8]) -> Result<String, Reason> {
    let text = String::from_utf8_lossy(text);
    let not_ssh = || Reason::NotSsh(shown(format!("SSH-{text}").as_bytes()));
    let (protocol, software) = text.split_once('-').ok_or_else(not_ssh)?;
    let (major, minor) = protocol.split_once('.').ok_or_else(not_ssh)?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !is_number(major) || !is_number(minor) || software.is_empty() {
        return Err(not_ssh());
    }
    if major == "2" || (major, minor) == ("1", "99") {
        return Ok(excerpt(software, SHOWN));
    }
    Err(Reason::Protocol(excerpt(protocol, SHOWN)))
}

fn shown(bytes: &[u8]) -> String {
    excerpt(&String::from_utf8_lossy(bytes), SHOWN)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads these bytes in pieces of every size, which must all give the same.
    fn read(bytes: &[u8]) -> Option<Result<String, Reason>> {
        let whole = Reader::default().take(bytes);
        for size in [1, 3, 700] {
            let mut reader = Reader::default();
            assert_eq!(bytes.chunks(size).find_map(|piece| reader.take(piece)), whole);
        }
        whole
    }

    fn software(bytes: &[u8]) -> String {
        read(bytes).unwrap().unwrap()
    }

    fn error_of(bytes: &[u8]) -> Reason {
        read(bytes).unwrap().unwrap_err()
    }

    #[test]
    fn what_an_ssh_server_says() {
        let debian = b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u10\r\n\0\0\x05\x14 and more";
        assert_eq!(software(debian), "OpenSSH_9.2p1 Debian-2+deb12u10");
        assert_eq!(software(b"SSH-2.0-Go\n"), "Go");
        assert_eq!(software(b"SSH-1.99-Cisco-1.25\n"), "Cisco-1.25");
        let talkative = b"Welcome to node-0\r\nAll is watched\r\nSSH-2.0-dropbear_2022.83\r\n";
        assert_eq!(software(talkative), "dropbear_2022.83");
        assert_eq!(read(debian).is_some(), read(&debian[..41]).is_some());
        assert_eq!(read(&debian[..39]), None);
    }

    #[test]
    fn what_no_ssh_server_says() {
        assert_eq!(error_of(b"SSH-1.5-old\n"), Reason::Protocol("1.5".to_owned()));
        for text in ["SSH-2.0\n", "SSH-2.0-\n", "SSH--x\n", "SSH-2-x\n", "SSH-a.b-x\r\n"] {
            assert!(matches!(error_of(text.as_bytes()), Reason::NotSsh(_)), "{text:?}");
        }
        assert_eq!(error_of(b"\x15\x03\x01\0\x02"), Reason::NotSsh("\\u{15}\\u{3}\\u{1}".into()));
        assert_eq!(error_of(b"a\nb\0"), Reason::NotSsh("a".to_owned()));
    }

    #[test]
    fn who_says_too_much_is_heard_no_longer() {
        assert!(matches!(error_of(&vec![b'x'; 10 << 20]), Reason::NotSsh(_)));
        assert!(matches!(error_of("x\n".repeat(100_000).as_bytes()), Reason::NotSsh(_)));
        let lines = format!("{}SSH-2.0-x\n", "\n".repeat(LINES_MAX - 1));
        assert_eq!(software(lines.as_bytes()), "x");
        let mut reader = Reader::default();
        reader.take(&vec![b'x'; 1 << 20]);
        assert!(reader.line.capacity() <= 4 * LINE_MAX);
    }

    #[test]
    fn nothing_that_is_said_acts_on_a_terminal() {
        let software = software("SSH-2.0-x\x1b[2J\u{202e}y \x07\n".as_bytes());
        assert_eq!(software, "x\\u{1b}[2J\\u{202e}y \\u{7}");
        let Reason::NotSsh(said) = error_of(b"\x1b]0;title\x07\n\0") else { panic!() };
        assert_eq!(said, "\\u{1b}]0;title\\u{7}");
        let Reason::NotSsh(said) = error_of(&vec![b'y'; 9000]) else { panic!() };
        assert_eq!(said.chars().count(), SHOWN + 1);
    }

    #[test]
    fn where_the_server_says_no_more() {
        let after = |bytes: &[u8]| {
            let mut reader = Reader::default();
            assert_eq!(reader.take(bytes), None);
            (reader.closed(), reader.timed_out())
        };
        let not_ssh = |text: &str| Reason::NotSsh(text.to_owned());
        assert_eq!(after(b""), (Reason::Closed, Reason::Silent));
        let late = Reason::TimedOut(BANNER);
        assert_eq!(after(b"SSH-2.0-Op"), (not_ssh("SSH-2.0-Op"), late));
        let smtp = "220 mail.example ESMTP";
        assert_eq!(after(format!("{smtp}\r\n").as_bytes()), (not_ssh(smtp), not_ssh(smtp)));
        let (closed, _) = after(b"Exceeded MaxStartups\r\n");
        assert_eq!(closed, Reason::TurnedAway("Exceeded MaxStartups".to_owned()));
    }
}
