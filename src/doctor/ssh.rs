//! The ssh of this machine, which must understand our files.

use std::fmt::Display;
use std::io::ErrorKind;

use super::finding::quoted;
use super::snapshot::InstalledCluster;
use super::{Check, Finding};
use crate::render::connection::ConfigLayout;
use crate::ssh::process::Ended;
use crate::ssh::query;
use crate::ssh::release::OpenSsh;

/// Examines the ssh of this machine, which is to read the files of these clusters.
#[must_use]
pub fn examine(clusters: &[InstalledCluster]) -> Finding {
    let layouts = clusters.iter().filter_map(|cluster| cluster.record.options.render.layout);
    let layout = layouts.max_by_key(|layout| layout.needs()).unwrap_or_default();
    match query::version() {
        Ok(ended) if ended.succeeded() => version_finding(ended.stderr.trim(), layout),
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

fn version_finding(said: &str, layout: ConfigLayout) -> Finding {
    let Some(ssh) = OpenSsh::parse(said) else {
        let what = format!("not an OpenSSH of a known version: {}", quoted(said));
        return Finding::note(Check::Ssh, what).advise("prime-ssh needs OpenSSH 7.6 or later");
    };
    if let Some(failure) = layout.too_old(&ssh) {
        return Finding::failed(Check::Ssh, &failure);
    }
    let name = quoted(&ssh.name);
    Finding::ok(Check::Ssh, format_args!("{name} supports everything that our files use"))
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
            (
                "OpenSSH_8.3p1 x",
                State::Wrong,
                "ssh is OpenSSH_8.3p1 here, and `--layout compact` needs",
            ),
            ("OpenSSH_6.6.1p1 x", State::Wrong, "ssh is OpenSSH_6.6.1p1 here"),
            ("Dropbear v2022.83", State::Note, "not an OpenSSH"),
            ("OpenSSH_x", State::Note, "not an OpenSSH"),
            ("", State::Note, "not an OpenSSH"),
            ("Sun_SSH_2.4\u{1b}[2J", State::Note, "Sun_SSH_2.4\\u{1b}[2J"),
        ] {
            let finding = version_finding(said, ConfigLayout::Compact);
            assert_eq!(finding.state, state, "{said}");
            assert!(finding.what.contains(words), "{said}: {}", finding.what);
        }
    }

    #[test]
    fn flat_files_need_less() {
        let advice = |said, layout| version_finding(said, layout).advice;
        let or_flat = "install OpenSSH 8.4 or later, or use `--layout flat`";
        assert_eq!(advice("OpenSSH_8.3p1 x", ConfigLayout::Compact).unwrap(), or_flat);
        assert_eq!(advice("OpenSSH_8.3p1 x", ConfigLayout::Flat), None);
        let only = "install OpenSSH 7.6 or later";
        assert_eq!(advice("OpenSSH_7.5p1 x", ConfigLayout::Flat).unwrap(), only);
    }
}
