//! The release of OpenSSH that a program is.

use std::fmt;
use std::io::{self, Read};

use memchr::memmem;

use super::{process, query};
use crate::fs;

/// The part of a program that is looked through, in bytes; an ssh has one or two million.
const PROGRAM_MAX: u64 = 16 << 20;
/// The part of it that is in memory at once: a large buffer takes longer to get than to fill.
const PIECE: u64 = 64 << 10;
/// The longest name of a release, in bytes.
const NAME_MAX: usize = 32;

/// A release of OpenSSH, by its major and minor number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Release(pub u32, pub u32);

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OpenSSH {}.{}", self.0, self.1)
    }
}

/// An OpenSSH.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenSsh {
    /// Its own name for itself: `OpenSSH_9.2p1`.
    pub name: String,
    /// The release that this says.
    pub release: Release,
}

impl OpenSsh {
    /// Returns whether the ssh of this machine is plainly this release or a later one. Its program holds
    /// its own name, and those of older ones whose faults it works around. To read that takes a
    /// tenth of the time of `ssh -V`, which is longer than all else that a short run does. `false`
    /// where only asking tells: a script in its place, an old one, another program.
    #[must_use]
    pub fn is_plainly(needed: Release) -> bool {
        let Some(path) = process::on_path("ssh") else { return false };
        let Ok(Some(program)) = fs::open_regular(&path) else { return false };
        names_release(program.take(PROGRAM_MAX), needed).unwrap_or(false)
    }

    /// The one of this machine; `None` where there is none, or where it is another program.
    #[must_use]
    pub fn here() -> Option<Self> {
        Self::parse(&query::version().ok().filter(process::Ended::succeeded)?.stderr)
    }

    /// Parses what `ssh -V` says: `OpenSSH_9.2p1 Debian-2+deb12u10, OpenSSL 3.0.19 27 Jan 2026`.
    /// Other programs, such as dropbear or Sun's, count their releases in their own way.
    #[must_use]
    pub fn parse(said: &str) -> Option<Self> {
        let name = said.trim_start().split([' ', ',', '\n']).next()?;
        let number = name.strip_prefix("OpenSSH_")?;
        // `for_Windows_9.5p1` too.
        let number = number.get(number.find(|c: char| c.is_ascii_digit())?..)?;
        let (major, rest) = number.split_once('.')?;
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let release = Release(major.parse().ok()?, rest.get(..digits)?.parse().ok()?);
        Some(Self { name: name.to_owned(), release })
    }
}

/// Returns whether a program, which is no script, holds the name of this release or of a later one.
fn names_release(mut program: impl Read, needed: Release) -> io::Result<bool> {
    let is_new = |ssh: OpenSsh| ssh.release >= needed;
    let mut text = Vec::new();
    while program.by_ref().take(PIECE).read_to_end(&mut text)? > 0 && !text.starts_with(b"#!") {
        let mut names = memmem::find_iter(&text, "OpenSSH_")
            .filter_map(|at| text.get(at..(at + NAME_MAX).min(text.len())))
            .filter_map(|name| OpenSsh::parse(&String::from_utf8_lossy(name)));
        if names.any(is_new) {
            return Ok(true);
        }
        // A name may go on in the next piece.
        text.drain(..text.len().saturating_sub(NAME_MAX));
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_vendors() {
        let parsed = |said| OpenSsh::parse(said).map(|ssh| (ssh.name, ssh.release));
        for (said, name, release) in [
            ("OpenSSH_9.2p1 Debian-2+deb12u10, OpenSSL 3.0.19", "OpenSSH_9.2p1", Release(9, 2)),
            ("OpenSSH_8.9p1 Ubuntu-3, OpenSSL 3.0.2", "OpenSSH_8.9p1", Release(8, 9)),
            ("OpenSSH_10.0p2, LibreSSL 3.3.6", "OpenSSH_10.0p2", Release(10, 0)),
            (
                "OpenSSH_for_Windows_9.5p1, LibreSSL 3.8.2",
                "OpenSSH_for_Windows_9.5p1",
                Release(9, 5),
            ),
            ("OpenSSH_7.4p1\n", "OpenSSH_7.4p1", Release(7, 4)),
            ("OpenSSH_6.6.1p1 x", "OpenSSH_6.6.1p1", Release(6, 6)),
        ] {
            assert_eq!(parsed(said), Some((name.to_owned(), release)), "{said}");
        }
        for said in ["Dropbear v2022.83", "Sun_SSH_2.4", "OpenSSH_x", "OpenSSH_9", "SSH-2.0", ""] {
            assert_eq!(parsed(said), None, "{said}");
        }
        assert!(Release(10, 0) > Release(8, 4) && Release(7, 5) < Release(7, 6));
    }

    #[test]
    fn the_name_in_a_program() {
        let names = |program: &str| names_release(program.as_bytes(), Release(7, 6)).unwrap();
        // Its own name beside those of older ones, wherever a piece ends.
        for before in [0, 65_520, 65_530, 65_536, 200_000] {
            let program = |name| format!("\x7fELF OpenSSH_3.*\0{}{name}\0", "x".repeat(before));
            assert!(names(&program("OpenSSH_9.2p1 Debian-2")), "{before}");
            assert!(!names(&program("OpenSSH_7.5p1")), "{before}");
        }
        assert!(!names("#!/bin/sh\necho OpenSSH_9.2p1 >&2"));
        assert!(!names(""));
    }
}
