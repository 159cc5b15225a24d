//! The line by which an SSH server introduces itself (RFC 4253, 4.2), read as ssh reads it.

use crate::ssh::reason::Reason;
use crate::text::sanitize::excerpt;

/// The most bytes of a line, and the most lines before the one that counts. They are OpenSSH's
/// (`SSH_MAX_BANNER_LEN`, `SSH_MAX_PRE_BANNER_LINES`) and not the 255 bytes of the standard: a
/// server that ssh gets on with is an SSH server.
pub(super) const LINE_MAX: usize = 8192;
const LINES_MAX: usize = 1024;
/// The most bytes in all. ssh would take 8 MiB of a talkative server.
const BYTES_MAX: usize = 64 * 1024;
/// The most characters of the other side's words that are shown.
const SHOWN: usize = 60;
/// The words of an OpenSSH server, in place of its name, to clients that it turns away: too many
/// have not logged in yet, or too many from that address have failed to.
pub const TURNED_AWAY: [&str; 2] = ["Exceeded MaxStartups", "Not allowed at this time"];

/// Finds the server's software in all that it has said so far, or why it is no SSH server; `None`
/// where it may still say so.
pub(in crate::ssh) fn software(said: &[u8]) -> Option<Result<String, Reason>> {
    for (nth, line) in said.split_inclusive(|&byte| byte == b'\n').enumerate() {
        let whole = line.strip_suffix(b"\n");
        let line = whole.unwrap_or(line);
        if nth >= LINES_MAX || line.len() > LINE_MAX || line.contains(&0) {
            return Some(Err(Reason::NotSsh(first_line(said))));
        }
        if whole.is_none() {
            break;
        }
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if let Some(version) = line.strip_prefix(b"SSH-") {
            return Some(identification(version));
        }
    }
    (said.len() >= BYTES_MAX).then(|| Err(Reason::NotSsh(first_line(said))))
}

/// Returns the error of a server that said no more than this and closed the connection.
pub(in crate::ssh) fn closed(said: &[u8]) -> Reason {
    let first = first_line(said);
    match first.as_str() {
        _ if said.is_empty() => Reason::Closed,
        words if TURNED_AWAY.contains(&words) => Reason::TurnedAway(first),
        _ => Reason::NotSsh(first),
    }
}

/// Returns the error of a server that said no more than this until the time was over.
pub(in crate::ssh) fn timed_out(said: &[u8]) -> Reason {
    if said.contains(&b'\n') { Reason::NotSsh(first_line(said)) } else { Reason::Silent }
}

/// The first line, whole or not, for a message.
fn first_line(said: &[u8]) -> String {
    let line = said.split(|byte| matches!(byte, b'\n' | 0)).next().unwrap_or_default();
    shown(line.strip_suffix(b"\r").unwrap_or(line))
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
    Err(Reason::OldProtocol(excerpt(protocol, SHOWN)))
}

fn shown(bytes: &[u8]) -> String {
    excerpt(&String::from_utf8_lossy(bytes), SHOWN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn software_of(bytes: &[u8]) -> String {
        software(bytes).unwrap().unwrap()
    }

    fn error_of(bytes: &[u8]) -> Reason {
        software(bytes).unwrap().unwrap_err()
    }

    #[test]
    fn what_an_ssh_server_says() {
        let debian = b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u10\r\n\0\0\x05\x14 and more";
        assert_eq!(software_of(debian), "OpenSSH_9.2p1 Debian-2+deb12u10");
        assert_eq!(software_of(b"SSH-2.0-Go\n"), "Go");
        assert_eq!(software_of(b"SSH-1.99-Cisco-1.25\n"), "Cisco-1.25");
        let talkative = b"Welcome to node-0\r\nAll is watched\r\nSSH-2.0-dropbear_2022.83\r\n";
        assert_eq!(software_of(talkative), "dropbear_2022.83");
        assert!(software(&debian[..41]).is_some());
        assert_eq!(software(&debian[..39]), None);
    }

    #[test]
    fn what_no_ssh_server_says() {
        assert_eq!(error_of(b"SSH-1.5-old\n"), Reason::OldProtocol("1.5".to_owned()));
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
        assert_eq!(software_of(lines.as_bytes()), "x");
        let longest = "x".repeat(LINE_MAX);
        assert_eq!(software_of(format!("{longest}\nSSH-2.0-x\n").as_bytes()), "x");
        assert!(matches!(error_of(format!("{longest}x").as_bytes()), Reason::NotSsh(_)));
    }

    #[test]
    fn nothing_that_is_said_acts_on_a_terminal() {
        let software = software_of("SSH-2.0-x\x1b[2J\u{202e}y \x07\n".as_bytes());
        assert_eq!(software, "x\\u{1b}[2J\\u{202e}y \\u{7}");
        let Reason::NotSsh(said) = error_of(b"\x1b]0;title\x07\n\0") else { panic!() };
        assert_eq!(said, "\\u{1b}]0;title\\u{7}");
        let Reason::NotSsh(said) = error_of(&vec![b'y'; 9000]) else { panic!() };
        assert_eq!(said.chars().count(), SHOWN + 1);
    }

    #[test]
    fn where_the_server_says_no_more() {
        let after = |bytes: &[u8]| {
            assert_eq!(software(bytes), None);
            (closed(bytes), timed_out(bytes))
        };
        let not_ssh = |text: &str| Reason::NotSsh(text.to_owned());
        assert_eq!(after(b""), (Reason::Closed, Reason::Silent));
        assert_eq!(after(b"SSH-2.0-Op"), (not_ssh("SSH-2.0-Op"), Reason::Silent));
        let smtp = "220 mail.example ESMTP";
        assert_eq!(after(format!("{smtp}\r\n").as_bytes()), (not_ssh(smtp), not_ssh(smtp)));
        let (busy, _) = after(b"Exceeded MaxStartups\r\n");
        assert_eq!(busy, Reason::TurnedAway("Exceeded MaxStartups".to_owned()));
    }
}
