//! The options for logging in, and for what to trust: the lines that all hosts of a cluster share.
//!
//! Every output that a connection is made from takes them from here: the `ssh_config`, Ansible's
//! arguments, and the hop to a host that jumps.

use std::collections::BTreeMap;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::ssh_option::SshOption;
use crate::cluster::Cluster;
use crate::failure::{Failure, Kind};
use crate::name::{LocalPath, Slug};
use crate::ssh::release::{OpenSsh, Release};

/// The options for logging in, and for what to trust.
#[derive(Clone, Debug, Default)]
pub struct ConnectionOptions {
    /// The layout of an `ssh_config`.
    pub layout: ConfigLayout,
    /// The key to log in with. Without one ssh tries what the agent and its own defaults offer.
    pub identity_file: Option<LocalPath<'static>>,
    /// The certificate that was named, for every cluster.
    pub certificate_file: Option<LocalPath<'static>>,
    /// Those of clusters that let nobody in without, by the cluster's id.
    pub cluster_certificates: BTreeMap<String, LocalPath<'static>>,
    /// The file that remembers host keys, in place of ssh's own.
    pub known_hosts: Option<LocalPath<'static>>,
    /// The treatment of an unknown host key.
    pub host_keys: HostKeys,
    /// Further options; each replaces our default of its keyword.
    pub ssh_options: Vec<SshOption>,
    /// A second name for the host that the cluster's alias leads to.
    pub short: Option<Slug<'static>>,
    /// The folder for sockets of shared connections; `~/.ssh` where none is given.
    pub socket_folder: Option<LocalPath<'static>>,
    /// Bytes of the path of the home folder, which a socket's path begins with.
    pub home_length: usize,
}

impl ConnectionOptions {
    /// Returns whether a cluster lets nobody in without a certificate of ours.
    #[must_use]
    pub fn takes_ours(&self, cluster: &Cluster<'_>) -> bool {
        cluster.vault_enabled && self.certificate_file.is_none()
    }

    /// Returns whether the user gave an option with this keyword, in place of our default.
    pub(super) fn gives(&self, keyword: &str) -> bool {
        self.ssh_options.iter().any(|given| given.keyword() == keyword)
    }
}

/// The place in an `ssh_config` of what its hosts have in common.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConfigLayout {
    /// In each host's own block, for every program that reads such files.
    #[default]
    Flat,
    /// In one block that all hosts share, for thousands of hosts and OpenSSH 8.4 or later alone.
    Compact,
}

impl ConfigLayout {
    /// Returns the first release that reads it: with `accept-new`, and with `%k` in a `ControlPath`.
    #[must_use]
    pub fn needs(self) -> Release {
        match self {
            Self::Flat => Release(7, 6),
            Self::Compact => Release(8, 4),
        }
    }

    /// Returns what is wrong where this ssh is too old to read it.
    #[must_use]
    pub fn too_old(self, OpenSsh { name, release }: &OpenSsh) -> Option<Failure> {
        let needed = self.needs();
        let what = match self {
            Self::Flat => "these files need",
            Self::Compact => "`--layout compact` needs",
        };
        let or_flat = if *release < Self::Flat.needs() { "" } else { ", or use `--layout flat`" };
        let message = format!("ssh is {name} here, and {what} {needed} or later");
        let hint = format!("install {needed} or later{or_flat}");
        (*release < needed).then(|| Failure::message(Kind::Install, message).hint(hint))
    }
}

/// The treatment of a host key that `known_hosts` does not hold; one that changed is refused in any
/// case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HostKeys {
    /// Trust the first key and remember it.
    #[default]
    AcceptNew,
    /// Refuse it.
    Strict,
}

impl HostKeys {
    /// The value for `StrictHostKeyChecking`.
    #[must_use]
    pub fn value(self) -> &'static str {
        match self {
            Self::AcceptNew => "accept-new",
            Self::Strict => "yes",
        }
    }
}

/// Seconds to wait for a connection.
pub(super) const CONNECT_TIMEOUT: u16 = 15;
/// Seconds of silence after which ssh asks whether the other side is still there.
const ALIVE_INTERVAL: u16 = 30;

/// Our defaults for a cluster's hosts, but for those that an option of the user's replaces, and the
/// user's options: lines of an `ssh_config`, or arguments of ssh behind `-o`.
pub(super) fn lines(options: &ConnectionOptions, cluster: &Cluster<'_>) -> Vec<SshOption> {
    let file = |keyword, path: &LocalPath<'_>| SshOption::ours(keyword, &path_value(path));
    let mut lines = Vec::new();
    if let Some(path) = &options.identity_file {
        lines.push(file("IdentityFile", path));
        lines.push(SshOption::ours("IdentitiesOnly", "yes"));
    }
    let own = || options.cluster_certificates.get(cluster.id.as_str());
    let certificate = options.certificate_file.as_ref().or_else(own);
    lines.extend(certificate.map(|path| file("CertificateFile", path)));
    lines.push(SshOption::ours("StrictHostKeyChecking", options.host_keys.value()));
    lines.extend(options.known_hosts.as_ref().map(|path| file("UserKnownHostsFile", path)));
    lines.push(SshOption::ours("ServerAliveInterval", &ALIVE_INTERVAL.to_string()));
    lines.push(SshOption::ours("ConnectTimeout", &CONNECT_TIMEOUT.to_string()));
    lines.retain(|line| !options.gives(line.keyword()));
    lines.extend(options.ssh_options.iter().cloned());
    lines
}

/// A path as a value of a line: in quotes where it needs them, for some readers take the quotes
/// for a part of the path.
fn path_value(path: &LocalPath<'_>) -> String {
    let quote = if path.as_str().contains([' ', '#']) { "\"" } else { "" };
    format!("{quote}{path}{quote}")
}
