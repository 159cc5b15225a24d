//! What the sockets of shared connections are called.
//!
//! A path that does not name the machine, as the usual `%C` or `%r@%h:%p` or Ansible's own, is one
//! for two clusters with the same private address behind different jump hosts, and then a command
//! runs on the wrong one. And a path over the limit of a socket's name ends ssh even where nothing
//! is shared.

use crate::fleet::Host;
use crate::name::hash;

/// A home folder of this many bytes is reckoned with.
pub(super) const HOME: usize = 27;

/// A socket's path on macOS, the shortest limit, with its closing NUL.
const SOCKET_PATH: usize = 104;
/// What ssh puts behind a path while it makes the socket: a dot and 16 characters.
const TEMPORARY: usize = 17;
/// What a short name starts with.
const SHORT: &str = "prime-";
/// Hex digits of a short name.
const DIGITS: usize = 16;

/// What a socket's name has of its machine, behind the login name and an `@`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SocketName {
    /// The `HostKeyAlias`, which is `%k` to ssh.
    Machine,
    /// The same in short.
    Hash(String),
    /// No name is short enough: nothing is shared.
    None,
}

/// How many bytes a folder leaves for the names of the sockets in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room(usize);

impl Room {
    /// The room in a folder whose path has so many bytes.
    pub(super) fn in_folder(length: usize) -> Self {
        // A slash before the name, and the NUL behind all.
        Self(SOCKET_PATH.saturating_sub(TEMPORARY + length + 2))
    }

    /// The longest name that fits.
    pub(super) fn name(self, host: &Host<'_>) -> SocketName {
        let user = host.user.as_str().len() + 1;
        if user + host.host_key_alias().width() <= self.0 {
            SocketName::Machine
        } else if user + SHORT.len() + DIGITS <= self.0 {
            SocketName::Hash(format!("{SHORT}{}", hash(&host.host_key_alias().to_string(), DIGITS)))
        } else {
            SocketName::None
        }
    }
}
