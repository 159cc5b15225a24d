//! The `ssh_config` of clusters, in two layouts: see [`ConfigLayout`].
//!
//! The rules that both rest on are in `ssh_config(5)`: the first value that ssh finds for a keyword
//! counts, so a host's own lines come before the block that all hosts of a cluster share. Other
//! programs that read such files know less: an empty `Host *` ends each file, or what stands behind
//! an `Include` of it would belong to us for some of them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io;

use askama::Template;

use super::connection::{self, ConfigLayout, ConnectionOptions};
use super::sockets::{HOME, SocketNames};
use super::ssh_option::SshOption;
use crate::cluster::{Cluster, Fleet, Host};
use crate::name::{Label, LocalPath, Port, Slug, UserName};
use crate::text::message::counted;

/// The longest line: some readers cut or refuse longer ones.
const LINE_MAX: usize = 900;

/// Writes one file for these fleets. The same fleets and options give the same bytes.
///
/// `known` are the [`patterns`] of the clusters that this file and those before it are about: a name
/// of theirs that no file has leads nowhere.
///
/// # Errors
///
/// Where the writer fails; or where a value holds a control character, which the checked types
/// rule out.
pub fn render(
    fleets: &[Fleet<'_>],
    known: impl IntoIterator<Item = String>,
    options: &ConnectionOptions,
    to: &mut dyn io::Write,
) -> io::Result<()> {
    let (sockets, stale) = (Sockets::new(options), lines_of(known));
    let clusters = fleets.iter().map(|fleet| ClusterView::new(fleet, options, &sockets)).collect();
    File { is_compact: options.layout == ConfigLayout::Compact, clusters, stale }.write_into(to)
}

/// The patterns of a cluster's names, as a `Host` line has them.
#[must_use]
pub fn patterns(alias: &str, short: Option<&Slug<'_>>) -> String {
    let short = short.map(|short| format!(" {short}")).unwrap_or_default();
    format!("{alias} {alias}.*{short}")
}

/// The patterns of all clusters, as many to a line as there is room for.
fn lines_of(clusters: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for patterns in clusters {
        match lines.last_mut() {
            Some(line) if line.len() + patterns.len() < LINE_MAX => {
                line.extend([" ", &patterns]);
            }
            _ => lines.push(patterns),
        }
    }
    lines
}

#[derive(Template)]
#[template(path = "ssh_config.j2", escape = "ssh_config", whitespace = "preserve")]
struct File<'f> {
    is_compact: bool,
    clusters: Vec<ClusterView<'f>>,
    stale: Vec<String>,
}

/// A cluster as the templates see it.
struct ClusterView<'f> {
    fleet: &'f Fleet<'f>,
    sockets: &'f Sockets<'f>,
    alias: String,
    short: Option<&'f Slug<'static>>,
    patterns: String,
    summary: String,
    /// The user and the port of most hosts.
    user: &'f str,
    port: u16,
    /// The jump host of hosts that jump inside the cluster, and that of the others.
    jump: Option<String>,
    direct_jump: Option<String>,
    /// Lines that are the same for all hosts: those that lead to it and let you in, and the others.
    login_lines: Vec<String>,
    other_lines: Vec<String>,
}

impl<'f> ClusterView<'f> {
    fn new(fleet: &'f Fleet<'f>, options: &'f ConnectionOptions, sockets: &'f Sockets<'f>) -> Self {
        let (login_lines, other_lines): (Vec<_>, Vec<_>) =
            connection::lines(options, &fleet.cluster)
                .into_iter()
                .partition(SshOption::is_for_login);
        let texts = |lines: Vec<SshOption>| lines.iter().map(SshOption::line).collect();
        let jump_of = |jumps: bool| {
            let host = fleet.hosts.iter().find(|host| host.jumps == jumps)?;
            fleet.proxy_jump(host)
        };
        let (alias, short) = (fleet.alias(), options.short.as_ref());
        Self {
            fleet,
            sockets,
            patterns: patterns(&alias, short),
            alias,
            short,
            summary: summary(fleet),
            user: most_common(fleet, |host| &host.user).map_or("", UserName::as_str),
            port: most_common(fleet, |host| host.port).map_or(0, Port::get),
            jump: jump_of(true),
            direct_jump: jump_of(false),
            login_lines: texts(login_lines),
            other_lines: texts(other_lines),
        }
    }

    fn hosts(&self) -> impl Iterator<Item = HostView<'_>> {
        self.fleet.hosts.iter().map(|host| HostView::new(self, host))
    }

    /// The path of a socket for all hosts whose machine's name is short enough.
    fn common_control_path(&self) -> String {
        self.sockets.path("%k")
    }

    /// The hosts that jump, as the conditions of a `Match`, where that says it right for every
    /// name. ssh reads a line for each host at twice the cost.
    fn jump_match(&self) -> Option<String> {
        let Self { fleet, alias, .. } = self;
        self.jump.as_ref()?;
        // Which hosts it means must not depend on where they are.
        if fleet.hosts.iter().any(|host| self.is_named_like_ours(host)) {
            return None;
        }
        let mut names = format!("{alias}.*");
        for host in fleet.hosts.iter().filter(|host| self.direct_jump.is_none() && !host.jumps) {
            names.extend([",!", alias, ".", host.name.as_str()]);
            if names.len() > LINE_MAX {
                return None;
            }
        }
        if fleet.entry().is_some_and(|entry| entry.jumps) {
            names.extend([",", alias]);
            names.extend(self.short.iter().flat_map(|short| [",", short.as_str()]));
        }
        // A name that none of the blocks has is still its own HostName here.
        Some(format!("originalhost {names} host !{alias}.*,*"))
    }

    /// Returns whether the `HostName` may be one of our aliases. Where a configuration makes ssh read
    /// everything twice (`Match final`, as on Fedora), the second time is for the `HostName`: a
    /// control node that is named as a worker would get the worker's `ProxyJump`, which leads to
    /// itself, and a loop of jumps is a fork bomb.
    fn is_named_like_ours(&self, host: &Host<'_>) -> bool {
        let name = host.host_name.as_str();
        let below = name.strip_prefix(self.fleet.prefix.as_str());
        let is_alias = below.is_some_and(|rest| rest.starts_with('.'));
        let is_short = self.short.is_some_and(|short| short.as_str() == name);
        (is_alias || is_short) && host.host_name.address().is_none()
    }
}

/// A host as the templates see it.
struct HostView<'v> {
    cluster: &'v ClusterView<'v>,
    host: &'v Host<'v>,
    is_entry: bool,
    host_key_alias: String,
    jump: Option<&'v str>,
}

impl<'v> HostView<'v> {
    fn new(cluster: &'v ClusterView<'v>, host: &'v Host<'v>) -> Self {
        let fleet = cluster.fleet;
        let jump = if host.jumps { &cluster.jump } else { &cluster.direct_jump };
        Self {
            cluster,
            host,
            is_entry: fleet.entry().is_some_and(|entry| std::ptr::eq(entry, host)),
            host_key_alias: host.host_key_alias(),
            jump: jump.as_deref().or_else(|| cluster.is_named_like_ours(host).then_some("none")),
        }
    }

    fn control_path(&self) -> String {
        let Self { cluster, host, host_key_alias, .. } = self;
        match cluster.sockets.names.of(cluster.fleet, host, host_key_alias) {
            Some(name) => cluster.sockets.path(&name),
            None => "none".to_owned(),
        }
    }

    /// The same, where the one that all hosts share would not do.
    fn own_control_path(&self) -> Option<String> {
        let Self { cluster, host, host_key_alias, .. } = self;
        let name = cluster.sockets.names.of(cluster.fleet, host, host_key_alias);
        // One that it borrows is the `HostKeyAlias` as it is.
        (!matches!(name, Some(Cow::Borrowed(_)))).then(|| self.control_path())
    }
}

/// Returns the value that most hosts have; of several such values, the first in their order.
fn most_common<'f, T: Ord>(fleet: &'f Fleet<'f>, value: impl Fn(&'f Host<'f>) -> T) -> Option<T> {
    let mut runs: Vec<(T, usize)> = Vec::new();
    for value in fleet.hosts.iter().map(value) {
        match runs.last_mut() {
            Some((last, count)) if *last == value => *count += 1,
            _ => runs.push((value, 1)),
        }
    }
    let mut counts = BTreeMap::<T, usize>::new();
    for (value, count) in runs {
        *counts.entry(value).or_default() += count;
    }
    counts.into_iter().rev().max_by_key(|&(_, count)| count).map(|(value, _)| value)
}

/// `train: 3 hosts of cluster clst01 (primecompute, 24 x H100_80GB)`.
fn summary(fleet: &Fleet<'_>) -> String {
    let Fleet { hosts, cluster, .. } = fleet;
    let Cluster { id, name, provider, gpu_name, gpu_count, .. } = cluster;
    let gpus = gpu_name.as_ref().filter(|_| *gpu_count > 0);
    let gpus = gpus.map(|gpu| format!("{gpu_count} x {}", comment(gpu)));
    let facts: Vec<String> = provider.iter().map(comment).chain(gpus).collect();
    let facts = if facts.is_empty() { String::new() } else { format!(" ({})", facts.join(", ")) };
    format!("{}: {} of cluster {id}{facts}", comment(name), counted(hosts.len(), "host"))
}

/// A text in a comment: whatever is not plain becomes `_`, and 200 characters are enough.
fn comment(text: &Label<'_>) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || " ._:/@+=,()-".contains(c);
    text.as_str().chars().take(200).map(|c| if plain(c) { c } else { '_' }).collect()
}

/// The paths of the sockets of shared connections.
///
/// Whether to share stays the user's choice; see [`super::sockets`] for why a path of ours stands
/// there in any case.
struct Sockets<'f> {
    folder: &'f str,
    names: SocketNames,
}

impl<'f> Sockets<'f> {
    fn new(options: &'f ConnectionOptions) -> Self {
        let folder = options.socket_folder.as_ref().map_or("~/.ssh", LocalPath::as_str);
        let home = options.home_length.max(HOME);
        let length = folder.strip_prefix('~').map_or(folder.len(), |below| home + below.len());
        Self { folder, names: SocketNames::in_folder(length) }
    }

    /// The path of a socket with this name behind the login name, which ssh fills in.
    fn path(&self, name: &str) -> String {
        let quote = if self.folder.contains([' ', '#']) { "\"" } else { "" };
        [quote, self.folder, "/%r@", name, quote].concat()
    }
}
