//! What the sockets of shared connections are called.
//!
//! A path that does not name the machine, as the usual `%C` or `%r@%h:%p` or Ansible's own, is one
//! for two clusters with the same private address behind different jump hosts, and then a command
//! runs on the wrong one. And a path over the limit of a socket's name ends ssh even where nothing
//! is shared.

use std::collections::HashSet;

use crate::cluster::duplicates_by;
use crate::cluster::{Fleet, Host};
use crate::name::{Id, Port};
use crate::text::digest;

/// A home folder of this many bytes is reckoned with.
pub(super) const HOME: usize = 27;

/// A socket's path on macOS, the shortest limit, with its closing NUL.
const SOCKET_PATH: usize = 104;
/// What ssh puts behind a path while it makes the socket: a dot and 16 characters.
const TEMPORARY: usize = 17;
/// What a short name starts with. No `HostKeyAlias` has a dot, so no id can be made to read as one.
const SHORT: &str = "prime.";
/// Hex digits of a short name.
const DIGITS: usize = 16;

/// What a socket's name has of its machine, behind the login name and an `@`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SocketName {
    /// The `HostKeyAlias`, which is `%k` to ssh.
    Environment,
    /// The same in short.
    Hash(String),
    /// No name is short enough: nothing is shared.
    None,
}

/// What sockets are called in one folder.
#[derive(Clone, Debug)]
pub(super) struct SocketNames<'f> {
    /// Bytes that the folder leaves for a name.
    room: usize,
    /// Machines and ports that the answers give more than one place.
    ambiguous: HashSet<(&'f Id<'f>, Port)>,
}

impl<'f> SocketNames<'f> {
    /// The names for these fleets, in a folder whose path has so many bytes.
    pub(super) fn in_folder(length: usize, fleets: &'f [Fleet<'f>]) -> Self {
        // A slash before the name, and the NUL behind all.
        let room = SOCKET_PATH.saturating_sub(TEMPORARY + length + 2);
        Self { room, ambiguous: ambiguous(fleets) }
    }

    /// The longest name that fits and names this host alone.
    pub(super) fn of(&self, fleet: &Fleet<'_>, host: &Host<'_>) -> SocketName {
        let user = host.user.as_str().len() + 1;
        let ambiguous = self.ambiguous.contains(&(&host.machine, host.port));
        if !ambiguous && user + host.host_key_alias().width() <= self.room {
            return SocketName::Environment;
        }
        if user + SHORT.len() + DIGITS > self.room {
            return SocketName::None;
        }
        let mut named = host.host_key_alias().to_string();
        if ambiguous {
            named = format!("{named}\n{}\n{}", fleet.cluster.id, host.host_name);
        }
        SocketName::Hash(format!("{SHORT}{}", digest::hex(&named, DIGITS)))
    }
}

/// An API that says of two places that they are one machine may be wrong, and a key would show it;
/// but who shares a connection sees no key.
fn ambiguous<'f>(fleets: &'f [Fleet<'f>]) -> HashSet<(&'f Id<'f>, Port)> {
    let of_fleet = |fleet: &'f Fleet<'f>| fleet.hosts.iter().map(move |host| (fleet, host));
    let machine = |&(_, host): &(&Fleet<'f>, &'f Host<'f>)| (&host.machine, host.port);
    let place =
        |&(fleet, host): &(&'f Fleet<'f>, &'f Host<'f>)| (&fleet.cluster.id, &host.host_name);
    let of_one_machine = duplicates_by(fleets.iter().flat_map(of_fleet), machine);
    let several_places = |group: &&Vec<_>| {
        group.windows(2).any(|pair| matches!(pair, [a, b] if place(a) != place(b)))
    };
    of_one_machine.iter().filter(several_places).flatten().map(machine).collect()
}
