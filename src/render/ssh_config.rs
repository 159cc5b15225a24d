//! The `ssh_config` fragment: what differs stands on a host, what is equal stands once.
//!
//! The rules that it rests on are in `ssh_config(5)`: the first value that ssh finds for a keyword
//! counts, so a host's own lines come before the block that all hosts of a cluster share.

use std::collections::HashMap;
use std::fmt;

use askama::Template;

use super::blocks;
use super::certificates::Renewal;
use super::login::{self, Line};
pub use super::login::{HostKeys, Options};
use super::sockets::{HOME, SocketName, SocketNames};
use crate::cluster::{self, Fleet, Host};
use crate::name::{Alias, HostKeyAlias, HostName, Label, LocalPath, Port, UserName};

/// Writes the fragment for these fleets. The same fleets and options give the same bytes.
///
/// # Errors
///
/// Where the writer fails; or where a value holds a control character, which the checked types
/// rule out.
pub fn render(
    fleets: &[Fleet<'_>],
    options: &Options,
    to: &mut dyn std::io::Write,
) -> std::io::Result<()> {
    let sockets = Sockets::new(options.socket_folder.as_ref(), fleets);
    let view = |fleet| FleetView::new(fleet, options, &sockets);
    let fleets = fleets.iter().map(view).collect();
    blocks::write(&Fragment { fleets }, to)
}

#[derive(Template)]
#[template(path = "ssh_config.j2", escape = "ssh_config", whitespace = "preserve")]
struct Fragment<'f> {
    fleets: Vec<FleetView<'f>>,
}

/// A fleet as the template sees it.
struct FleetView<'f> {
    fleet: &'f Fleet<'f>,
    options: &'f Options,
    sockets: &'f Sockets<'f>,
    user: Option<&'f UserName<'f>>,
}

impl<'f> FleetView<'f> {
    fn new(fleet: &'f Fleet<'f>, options: &'f Options, sockets: &'f Sockets<'f>) -> Self {
        Self { fleet, options, sockets, user: common_user(&fleet.hosts) }
    }

    fn summary(&self) -> Summary<'f> {
        Summary(self.fleet)
    }

    fn alias(&self) -> Alias<'f> {
        self.fleet.alias()
    }

    fn renewal(&self) -> Option<&'f Renewal> {
        self.options.certificates.renewal(&self.fleet.cluster)
    }

    fn hosts(&self) -> impl Iterator<Item = HostView<'_, 'f>> {
        self.fleet.hosts.iter().map(|host| HostView { of: self, host })
    }

    fn user(&self) -> Option<&'f UserName<'f>> {
        self.user
    }

    fn control_path(&self) -> ControlPath<'f> {
        self.sockets.common()
    }

    /// What all hosts share, but for their names.
    fn login(&self) -> impl Iterator<Item = LineView<'f>> {
        login::lines(self.options, &self.fleet.cluster).map(LineView)
    }
}

/// A host as the template sees it.
struct HostView<'v, 'f> {
    of: &'v FleetView<'f>,
    host: &'f Host<'f>,
}

impl<'f> HostView<'_, 'f> {
    fn jump_only(&self) -> bool {
        self.host.jump_only
    }

    fn alias(&self) -> Alias<'f> {
        self.of.fleet.alias_of(self.host)
    }

    fn cluster_alias(&self) -> Option<Alias<'f>> {
        let entry = self.of.fleet.entry();
        entry.is_some_and(|entry| std::ptr::eq(entry, self.host)).then(|| self.of.alias())
    }

    fn host_name(&self) -> &'f HostName<'f> {
        &self.host.host_name
    }

    fn own_user(&self) -> Option<&'f UserName<'f>> {
        Some(&self.host.user).filter(|user| Some(*user) != self.of.user)
    }

    fn own_port(&self) -> Option<Port> {
        Some(self.host.port).filter(|port| *port != Port::SSH)
    }

    fn host_key_alias(&self) -> HostKeyAlias<'f> {
        self.host.host_key_alias()
    }

    fn proxy_jump(&self) -> Option<ProxyJump<'f>> {
        match self.of.fleet.proxy_jump(self.host) {
            Some(way) => Some(ProxyJump::Through(way)),
            None => self.is_named_like_ours().then_some(ProxyJump::None),
        }
    }

    /// Whether its DNS name may be one of our aliases. Where a configuration makes ssh read
    /// everything twice (`Match final`, as on Fedora), the second time is for the `HostName`: a
    /// control node that is named as a worker would get the worker's `ProxyJump`, which leads to
    /// itself, and a loop of jumps is a fork bomb.
    fn is_named_like_ours(&self) -> bool {
        let prefix = self.of.fleet.prefix.as_str();
        let below = self.host.host_name.as_str().strip_prefix(prefix);
        below.is_some_and(|rest| rest.starts_with('.')) && self.host.host_name.address().is_none()
    }

    fn own_control_path(&self) -> Option<ControlPath<'f>> {
        self.of.sockets.own(self.of.fleet, self.host)
    }
}

/// The user of most hosts; of several such, the first in the alphabet.
fn common_user<'f>(hosts: &'f [Host<'f>]) -> Option<&'f UserName<'f>> {
    let mut counts: HashMap<&UserName<'_>, usize> = HashMap::new();
    for same in hosts.chunk_by(|a, b| a.user == b.user) {
        if let Some(first) = same.first() {
            *counts.entry(&first.user).or_default() += same.len();
        }
    }
    counts
        .into_iter()
        .max_by(|(a, many), (b, few)| many.cmp(few).then(b.cmp(a)))
        .map(|(user, _)| user)
}

/// `train: 3 hosts of cluster clst01 (primecompute, 24 x H100_80GB)`, for a comment.
struct Summary<'f>(&'f Fleet<'f>);

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Fleet { hosts, cluster, .. } = self.0;
        let many =
            if hosts.len() == 1 { "1 host".to_owned() } else { format!("{} hosts", hosts.len()) };
        write!(f, "{}: {many} of cluster {}", Comment(&cluster.name), cluster.id)?;
        let gpus = cluster.gpu_name.as_ref().filter(|_| cluster.gpu_count > 0);
        match (&cluster.provider, gpus) {
            (Some(provider), Some(gpu)) => {
                write!(f, " ({}, {} x {})", Comment(provider), cluster.gpu_count, Comment(gpu))
            }
            (Some(provider), None) => write!(f, " ({})", Comment(provider)),
            (None, Some(gpu)) => write!(f, " ({} x {})", cluster.gpu_count, Comment(gpu)),
            (None, None) => Ok(()),
        }
    }
}

/// A text in a comment: whatever is not plain becomes `_`, and 200 characters are enough.
struct Comment<'f>(&'f Label<'f>);

impl fmt::Display for Comment<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.as_str().chars().take(200) {
            let plain = c.is_ascii_alphanumeric() || " ._:/@+=,()-".contains(c);
            fmt::Write::write_char(f, if plain { c } else { '_' })?;
        }
        Ok(())
    }
}

/// What `ProxyJump` is told.
enum ProxyJump<'f> {
    Through(cluster::ProxyJump<'f>),
    /// Said aloud, for where ssh would look on for another one.
    None,
}

impl fmt::Display for ProxyJump<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Through(way) => way.fmt(f),
            Self::None => f.write_str("none"),
        }
    }
}

/// One line of the block that all hosts share.
struct LineView<'f>(Line<'f>);

impl fmt::Display for LineView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0.keyword, self.0.value)
    }
}

/// Where the sockets of shared connections are.
///
/// Whether to share stays the user's choice; see [`super::sockets`] for why a path of ours stands
/// there in any case.
struct Sockets<'f> {
    folder: Option<&'f LocalPath<'f>>,
    names: SocketNames<'f>,
}

/// What `~/.ssh` may come to: a home folder of 27 bytes.
const SSH_FOLDER: usize = HOME + "/.ssh".len();

impl<'f> Sockets<'f> {
    fn new(folder: Option<&'f LocalPath<'f>>, fleets: &'f [Fleet<'f>]) -> Self {
        let length = match folder.map(LocalPath::as_str) {
            Some(path) if path.starts_with('/') => path.len(),
            Some(path) => SSH_FOLDER - "~/.ssh".len() + path.len(),
            None => SSH_FOLDER,
        };
        Self { folder, names: SocketNames::in_folder(length, fleets) }
    }

    /// The path for all hosts whose machine's name is short enough.
    fn common(&self) -> ControlPath<'f> {
        ControlPath { folder: self.folder, name: SocketName::Environment }
    }

    /// The path of a host for which the common one is too long, or does not name it alone.
    fn own(&self, fleet: &Fleet<'_>, host: &Host<'_>) -> Option<ControlPath<'f>> {
        match self.names.of(fleet, host) {
            SocketName::Environment => None,
            name => Some(ControlPath { folder: self.folder, name }),
        }
    }
}

struct ControlPath<'f> {
    folder: Option<&'f LocalPath<'f>>,
    name: SocketName,
}

impl fmt::Display for ControlPath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let folder = self.folder.map_or("~/.ssh", LocalPath::as_str);
        match &self.name {
            SocketName::Environment => write!(f, "\"{folder}/%r@%k\""),
            SocketName::Hash(hash) => write!(f, "\"{folder}/%r@{hash}\""),
            SocketName::None => f.write_str("none"),
        }
    }
}
