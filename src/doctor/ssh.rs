//! The ssh of this machine: whether there is one, and whether it understands our files.

use std::io::{self, ErrorKind};

use super::finding::quoted;
use super::{Check, Finding};
use crate::ssh::process::Ended;

/// What our files use, with the release of OpenSSH that brought it.
const NEEDED: [((u32, u32), &str); 4] = [
    ((7, 3), "Include"),
    ((7, 3), "ProxyJump"),
    ((7, 6), "StrictHostKeyChecking accept-new"),
    ((8, 4), "%k in ControlPath"),
];

/// What there is to know about an ssh with this answer to `ssh -V`.
#[must_use]
pub fn examine(said: &io::Result<Ended>) -> Finding {
    match said {
        Ok(ended) if ended.succeeded() => version_finding(ended.stderr.trim()),
        Ok(Ended { status: None, .. }) => {
            Finding::wrong(Check::Ssh, "ssh does not print its version in time")
                .advise("see which program that is: `command -v ssh`")
        }
        Ok(ended) => {
            let said = ended.stderr.trim();
            Finding::wrong(Check::Ssh, format_args!("ssh does not work: {}", quoted(said)))
                .advise("see which program that is: `command -v ssh`")
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Finding::wrong(Check::Ssh, "there is no ssh on PATH")
                .advise("install OpenSSH's client: openssh-client, openssh-clients or openssh")
        }
        Err(error) => Finding::wrong(Check::Ssh, format_args!("ssh cannot be run: {error}"))
            .advise("see which program that is: `command -v ssh`"),
    }
}

/// `OpenSSH_9.2p1 Debian-2+deb12u10, OpenSSL 3.0.19 27 Jan 2026`
fn version_finding(said: &str) -> Finding {
    let name = said.split([' ', ',']).next().unwrap_or_default();
    let Some(version) = version(name) else {
        let what = format!("not an OpenSSH of a known version: {}", quoted(said));
        return Finding::note(Check::Ssh, what).advise("prime-ssh needs OpenSSH 8.4 or later");
    };
    let lacks: Vec<&str> =
        NEEDED.iter().filter(|(since, _)| version < *since).map(|(_, what)| *what).collect();
    if lacks.is_empty() {
        return Finding::ok(
            Check::Ssh,
            format_args!("{} supports everything that our files use", quoted(name)),
        );
    }
    let what = format!("{} does not support {}", quoted(name), lacks.join(", "));
    Finding::wrong(Check::Ssh, what).advise("install OpenSSH 8.4 or later")
}

fn version(name: &str) -> Option<(u32, u32)> {
    let number = name.strip_prefix("OpenSSH_")?;
    // `for_Windows_9.5p1` too.
    let number = number.get(number.find(|c: char| c.is_ascii_digit())?..)?;
    let (major, rest) = number.split_once('.')?;
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    Some((major.parse().ok()?, rest.get(..digits)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::State;

    #[test]
    fn old_releases_lack_what_they_lack() {
        for (said, state, words) in [
            (
                "OpenSSH_9.2p1 Debian-2+deb12u10, OpenSSL 3.0.19",
                State::Ok,
                "OpenSSH_9.2p1 supports",
            ),
            ("OpenSSH_10.0p2, LibreSSL 3.3.6", State::Ok, "OpenSSH_10.0p2 supports"),
            ("OpenSSH_for_Windows_9.5p1, LibreSSL 3.8.2", State::Ok, "supports"),
            ("OpenSSH_8.4p1 x", State::Ok, "supports"),
            ("OpenSSH_8.3p1 x", State::Wrong, "does not support %k in ControlPath"),
            ("OpenSSH_7.4p1, x", State::Wrong, "accept-new, %k"),
            ("OpenSSH_6.6.1p1 x", State::Wrong, "Include, ProxyJump"),
            ("Dropbear v2022.83", State::Note, "not an OpenSSH"),
            ("OpenSSH_x", State::Note, "not an OpenSSH"),
            ("", State::Note, "not an OpenSSH"),
            ("Sun_SSH_2.4\u{1b}[2J", State::Note, "Sun_SSH_2.4\\u{1b}[2J"),
        ] {
            let finding = version_finding(said);
            assert_eq!(finding.state, state, "{said}");
            assert!(finding.what.contains(words), "{said}: {}", finding.what);
        }
    }
}
