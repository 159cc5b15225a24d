//! What ssh is told for all hosts alike: how to log in, and what to trust.
//!
//! Every output that a connection is made from takes it from here: the `ssh_config`, Ansible's
//! arguments, and the hop to a host that jumps.

use std::fmt;

use super::certificates::Certificates;
use super::ssh_option::SshOption;
use crate::cluster::Cluster;
use crate::name::LocalPath;

/// How to log in, and what to trust.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The key to log in with. Without one ssh tries what the agent and its own defaults offer.
    pub identity_file: Option<LocalPath<'static>>,
    /// The certificates to log in with.
    pub certificates: Certificates,
    /// The file that remembers host keys, in place of ssh's own.
    pub known_hosts: Option<LocalPath<'static>>,
    /// What happens to a host key that is not known.
    pub host_keys: HostKeys,
    /// Further options; each replaces our default of its keyword.
    pub ssh_options: Vec<SshOption>,
    /// The folder for sockets of shared connections; `~/.ssh` where none is given.
    pub socket_folder: Option<LocalPath<'static>>,
}

/// What happens to a host key that `known_hosts` does not hold; one that changed is refused in any
/// case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum HostKeys {
    /// The first key is trusted.
    #[default]
    AcceptNew,
    /// Only known keys are.
    Strict,
}

impl HostKeys {
    /// The value for `StrictHostKeyChecking`.
    #[must_use]
    pub fn keyword(self) -> &'static str {
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

/// One line of an `ssh_config`; with `-o`, one argument of ssh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Line<'o> {
    pub(super) keyword: &'static str,
    pub(super) value: Value<'o>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value<'o> {
    Word(&'static str),
    Number(u16),
    Path(&'o LocalPath<'o>),
    /// The value of an [`SshOption`], which has been checked as such.
    Given(&'o str),
}

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Word(word) => f.write_str(word),
            Self::Number(number) => number.fmt(f),
            Self::Path(path) => write!(f, "\"{path}\""),
            Self::Given(value) => f.write_str(value),
        }
    }
}

/// Our defaults for a cluster's hosts, but for those that an option of the user's replaces, and the
/// user's options.
pub(super) fn lines<'o>(
    options: &'o Options,
    cluster: &Cluster<'_>,
) -> impl Iterator<Item = Line<'o>> + use<'o> {
    let replaced = |keyword| options.ssh_options.iter().any(|option| option.keyword() == keyword);
    let given = options.ssh_options.iter().map(|o| (o.keyword(), Value::Given(o.value())));
    defaults(options, cluster)
        .into_iter()
        .filter(move |(keyword, _)| !replaced(*keyword))
        .chain(given)
        .map(|(keyword, value)| Line { keyword, value })
}

fn defaults<'o>(options: &'o Options, cluster: &Cluster<'_>) -> Vec<(&'static str, Value<'o>)> {
    let mut lines = Vec::new();
    if let Some(path) = &options.identity_file {
        lines.push(("IdentityFile", Value::Path(path)));
        lines.push(("IdentitiesOnly", Value::Word("yes")));
    }
    if let Some(path) = options.certificates.of(cluster) {
        lines.push(("CertificateFile", Value::Path(path)));
    }
    lines.push(("StrictHostKeyChecking", Value::Word(options.host_keys.keyword())));
    if let Some(path) = &options.known_hosts {
        lines.push(("UserKnownHostsFile", Value::Path(path)));
    }
    lines.push(("ServerAliveInterval", Value::Number(ALIVE_INTERVAL)));
    lines.push(("ConnectTimeout", Value::Number(CONNECT_TIMEOUT)));
    lines
}
