//! The ssh of this machine, which must understand our files.

use std::fmt::Display;
use std::io::ErrorKind;

use super::finding::quoted;
use super::snapshot::InstalledCluster;
use super::{Check, Finding};
use crate::render::connection::ConfigLayout;
use crate::ssh::process::Ended;
use crate::ssh::query;
use crate::ssh::release::{OpenSsh, Release};

/// The features that our files use, with the release of OpenSSH that brought it.
const NEEDED: [(Release, &str); 3] = [
    (Release(7, 3), "Include"),
    (Release(7, 3), "ProxyJump"),
    (Release(7, 6), "StrictHostKeyChecking accept-new"),
];
/// The same for files of the compact layout.
const NEEDED_COMPACT: [(Release, &str); 1] = [(Release(8, 4), "%k in ControlPath")];

/// Examines the ssh of this machine, which is to read the files of these clusters.
#[must_use]
pub fn examine(clusters: &[InstalledCluster]) -> Finding {
    let uses_token = |cluster: &InstalledCluster| {
        cluster.fragment.all("controlpath").any(|path| path.contains("%k"))
    };
    let compact = if clusters.iter().any(uses_token) { &NEEDED_COMPACT[..] } else { &[] };
    match query::version() {
        Ok(ended) if ended.succeeded() => version_finding(ended.stderr.trim(), compact),
        Ok(Ended { status: None, .. }) => broken("ssh does not print its version in time"),
        Ok(ended) => broken(format_args!("ssh does not work: {}", quoted(ended.stderr.trim()))),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Finding::wrong(Check::Ssh, "there is no ssh on PATH")
                .advise("install OpenSSH's client: openssh-client, openssh-clients or openssh")
        }
        Err(error) => broken(format_args!("ssh cannot be run: {error}")),
    }
}

fn broken(what: impl Display) -> Finding {
    Finding::wrong(Check::Ssh, what).advise("see which program that is: `command -v ssh`")
}

fn version_finding(said: &str, compact: &[(Release, &str)]) -> Finding {
    let Some(OpenSsh { name, release }) = OpenSsh::parse(said) else {
        let what = format!("not an OpenSSH of a known version: {}", quoted(said));
        return Finding::note(Check::Ssh, what).advise("prime-ssh needs OpenSSH 7.6 or later");
    };
    let needed = NEEDED.iter().chain(compact);
    let lacks: Vec<_> = needed.filter(|(since, _)| release < *since).collect();
    let Some(needed) = lacks.iter().map(|(since, _)| *since).max() else {
        return Finding::ok(
            Check::Ssh,
            format_args!("{} supports everything that our files use", quoted(&name)),
        );
    };
    let names: Vec<&str> = lacks.iter().map(|(_, what)| *what).collect();
    let what = format!("{} does not support {}", quoted(&name), names.join(", "));
    let or_flat = if release >= ConfigLayout::Flat.needs() {
        ", or the clusters with --layout flat"
    } else {
        ""
    };
    Finding::wrong(Check::Ssh, what).advise(format_args!("install {needed} or later{or_flat}"))
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
            (
                "OpenSSH_7.5p1 x",
                State::Wrong,
                "does not support StrictHostKeyChecking accept-new, %k",
            ),
            ("OpenSSH_7.4p1, x", State::Wrong, "accept-new, %k"),
            ("OpenSSH_6.6.1p1 x", State::Wrong, "Include, ProxyJump"),
            ("Dropbear v2022.83", State::Note, "not an OpenSSH"),
            ("OpenSSH_x", State::Note, "not an OpenSSH"),
            ("", State::Note, "not an OpenSSH"),
            ("Sun_SSH_2.4\u{1b}[2J", State::Note, "Sun_SSH_2.4\\u{1b}[2J"),
        ] {
            let finding = version_finding(said, &NEEDED_COMPACT);
            assert_eq!(finding.state, state, "{said}");
            assert!(finding.what.contains(words), "{said}: {}", finding.what);
        }
    }

    #[test]
    fn flat_files_need_less() {
        let finding = version_finding("OpenSSH_7.6p1 x", &[]);
        assert_eq!(finding.state, State::Ok);
        let finding = version_finding("OpenSSH_7.5p1 x", &[]);
        assert_eq!(finding.advice.unwrap(), "install OpenSSH 7.6 or later");
    }
}
