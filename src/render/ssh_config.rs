//! The `ssh_config` fragment: what differs stands on a host, what is equal stands once.
//!
//! The rules that it rests on are in `ssh_config(5)`: the first value that ssh finds for a keyword
//! counts, so a host's own lines come before the block that all hosts of a cluster share.

use std::collections::{HashMap, HashSet};
use std::fmt;

use askama::Template;

use super::blocks;
use super::certificates::{Certificates, Renewal};
use super::ssh_option::SshOption;
use crate::fleet::{Fleet, Host, Jump};
use crate::name::{Alias, HostKeyAlias, HostName, Id, Label, LocalPath, Port, UserName, hash};

/// What the fragment says beyond the hosts themselves.
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HostKeys {
    /// The first key is trusted and remembered.
    #[default]
    AcceptNew,
    /// It is refused.
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

    /// What all hosts share, without what an option of the user's replaces.
    fn shared(&self) -> Vec<Line<'f>> {
        let options = self.options;
        let mut lines = vec![("HostName", Value::Word("%h.invalid."))];
        lines.extend(self.user.map(|user| ("User", Value::User(user))));
        if let Some(path) = &options.identity_file {
            lines.push(("IdentityFile", Value::Path(path)));
            lines.push(("IdentitiesOnly", Value::Word("yes")));
        }
        if let Some(path) = options.certificates.of(&self.fleet.cluster) {
            lines.push(("CertificateFile", Value::Path(path)));
        }
        lines.push(("ControlPath", Value::Socket(self.sockets.common())));
        lines.push(("StrictHostKeyChecking", Value::Word(options.host_keys.keyword())));
        if let Some(path) = &options.known_hosts {
            lines.push(("UserKnownHostsFile", Value::Path(path)));
        }
        lines.push(("ServerAliveInterval", Value::Word("30")));
        lines.push(("ConnectTimeout", Value::Word("15")));
        lines.retain(|(keyword, _)| {
            !options.ssh_options.iter().any(|option| option.keyword() == *keyword)
        });
        lines.extend(options.ssh_options.iter().map(|o| (o.keyword(), Value::Given(o.value()))));
        lines.into_iter().map(|(keyword, value)| Line { keyword, value }).collect()
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
        let fleet = self.of.fleet;
        match fleet.jump.as_ref().filter(|_| self.host.jumps) {
            Some(jump) => Some(ProxyJump::Through { fleet, jump }),
            None => self.is_named_like_ours().then_some(ProxyJump::None),
        }
    }

    /// Whether its DNS name may be one of our aliases. Where a configuration makes ssh read
    /// everything twice (`Match final`, as on Fedora), the second time is for the `HostName`: a
    /// control node that is named as a worker would get the worker's `ProxyJump`, which leads to
    /// itself, and a loop of jumps is a fork bomb.
    fn is_named_like_ours(&self) -> bool {
        let host = &self.host.host_name;
        let below = || {
            host.to_string()
                .strip_prefix(self.of.fleet.prefix.as_str())?
                .strip_prefix('.')
                .map(drop)
        };
        host.address().is_none() && below().is_some()
    }

    fn own_control_path(&self) -> Option<ControlPath<'f>> {
        self.of.sockets.own(self.of.fleet, self.host)
    }
}

/// The user of most hosts; of several such, the first in the alphabet.
fn common_user<'f>(hosts: &'f [Host<'f>]) -> Option<&'f UserName<'f>> {
    let mut counts: HashMap<&UserName<'_>, usize> = HashMap::new();
    for host in hosts {
        *counts.entry(&host.user).or_default() += 1;
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

/// The way to a host that jumps, raw as `ProxyJump` wants it.
enum ProxyJump<'f> {
    Through {
        fleet: &'f Fleet<'f>,
        jump: &'f Jump<'f>,
    },
    /// Said aloud, for where ssh would look on for another one.
    None,
}

impl fmt::Display for ProxyJump<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Through { fleet, jump: Jump::ControlNode(name) } => {
                Alias::of_node(&fleet.prefix, &fleet.name, name).fmt(f)
            }
            Self::Through { jump: Jump::Via(via), .. } => via.fmt(f),
            Self::None => f.write_str("none"),
        }
    }
}

/// One line of the block that all hosts share.
struct Line<'f> {
    keyword: &'static str,
    value: Value<'f>,
}

enum Value<'f> {
    Word(&'static str),
    User(&'f UserName<'f>),
    Path(&'f LocalPath<'f>),
    Socket(ControlPath<'f>),
    /// The value of an [`SshOption`], which has been checked as such.
    Given(&'f str),
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.keyword)?;
        match &self.value {
            Value::Word(word) => f.write_str(word),
            Value::User(user) => user.fmt(f),
            Value::Path(path) => write!(f, "\"{path}\""),
            Value::Socket(path) => path.fmt(f),
            Value::Given(value) => f.write_str(value),
        }
    }
}

/// Where the sockets of shared connections are.
///
/// Whether to share stays the user's choice. But a path that does not name the machine, as the
/// usual `%C` or `%r@%h:%p`, is one for two clusters with the same private address behind
/// different jump hosts, and then a command runs on the wrong one. And a path over the limit of a
/// socket's name ends ssh even where nothing is shared.
struct Sockets<'f> {
    folder: Option<&'f LocalPath<'f>>,
    /// Bytes that are left for a socket's name.
    room: usize,
    /// Machines and ports that the answers give more than one place.
    ambiguous: HashSet<(&'f Id<'f>, Port)>,
}

/// A socket's path on macOS, the shortest limit, with its closing NUL.
const SOCKET_PATH: usize = 104;
/// What ssh puts behind a path while it makes the socket: a dot and 16 characters.
const TEMPORARY: usize = 17;
/// What `~/.ssh` may come to: a home folder of 27 bytes.
const SSH_FOLDER: usize = 32;
/// `prime.` and 16 hex digits. No `HostKeyAlias` has a dot, so no id can be made to read as one.
const SHORT_NAME: usize = 22;

impl<'f> Sockets<'f> {
    fn new(folder: Option<&'f LocalPath<'f>>, fleets: &'f [Fleet<'f>]) -> Self {
        let length = match folder.map(LocalPath::as_str) {
            Some(path) if path.starts_with('/') => path.len(),
            Some(path) => SSH_FOLDER - "~/.ssh".len() + path.len(),
            None => SSH_FOLDER,
        };
        // A slash before the name, and the NUL behind all.
        let room = SOCKET_PATH.saturating_sub(TEMPORARY + length + 2);
        Self { folder, room, ambiguous: ambiguous(fleets) }
    }

    /// The path for all hosts whose machine's name is short enough.
    fn common(&self) -> ControlPath<'f> {
        ControlPath { folder: self.folder, name: SocketName::Machine }
    }

    /// The path of a host for which the common one is too long, or does not name it alone.
    fn own(&self, fleet: &Fleet<'_>, host: &Host<'_>) -> Option<ControlPath<'f>> {
        let user = host.user.as_str().len() + 1;
        let ambiguous = self.ambiguous.contains(&(&host.machine, host.port));
        if !ambiguous && user + host.host_key_alias().width() <= self.room {
            return None;
        }
        let mut named = host.host_key_alias().to_string();
        if ambiguous {
            named = format!("{named}\n{}\n{}", fleet.cluster.id, host.host_name);
        }
        let name = if user + SHORT_NAME <= self.room {
            SocketName::Hash(hash(&named, 16))
        } else {
            SocketName::None
        };
        Some(ControlPath { folder: self.folder, name })
    }
}

/// An API that says of two places that they are one machine may be wrong, and a key would show it;
/// but who shares a connection sees no key.
fn ambiguous<'f>(fleets: &'f [Fleet<'f>]) -> HashSet<(&'f Id<'f>, Port)> {
    let of_fleet = |fleet: &'f Fleet<'f>| {
        let place = move |host: &'f Host<'f>| (&fleet.cluster.id, &host.host_name);
        fleet.hosts.iter().map(move |host| ((&host.machine, host.port), place(host)))
    };
    let mut places: Vec<_> = fleets.iter().flat_map(of_fleet).collect();
    places.sort_unstable();
    places.dedup();
    places.windows(2).filter_map(two_places).collect()
}

/// The machine, where both are of one; equal places have been made one.
fn two_places<M: Copy + PartialEq, P>(pair: &[(M, P)]) -> Option<M> {
    match pair {
        [(one, _), (other, _)] if one == other => Some(*one),
        _ => None,
    }
}

struct ControlPath<'f> {
    folder: Option<&'f LocalPath<'f>>,
    name: SocketName,
}

enum SocketName {
    /// `%k`, which is the `HostKeyAlias`.
    Machine,
    /// The same in short.
    Hash(String),
    /// No name is short enough: nothing is shared.
    None,
}

impl fmt::Display for ControlPath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let folder = self.folder.map_or("~/.ssh", LocalPath::as_str);
        match &self.name {
            SocketName::Machine => write!(f, "\"{folder}/%r@%k\""),
            SocketName::Hash(hash) => write!(f, "\"{folder}/%r@prime.{hash}\""),
            SocketName::None => f.write_str("none"),
        }
    }
}
