//! The names of the sockets of shared connections.
//!
//! A path that does not name the machine, as the usual `%C` or `%r@%h:%p` or Ansible's own, is one
//! for two clusters with the same private address behind different jump hosts, and then a command
//! runs on the wrong one. And a path over the limit of a socket's name ends ssh even where nothing
//! is shared.

use std::borrow::Cow;

use crate::cluster::{Fleet, Host};
use crate::text::digest;

/// A home folder of this many bytes is reckoned with at least: a file may move to another machine.
pub(super) const HOME: usize = 27;

/// A socket's path on macOS, the shortest limit, with its closing NUL.
const SOCKET_PATH: usize = 104;
/// The length of what ssh appends to a path while it makes the socket: a dot and 16 characters.
const TEMPORARY: usize = 17;
/// The login name that there is room for at least: `ssh root@…` has another one than the cluster.
const USER: usize = 8;
/// The start of a short name. No `HostKeyAlias` has a dot, so no id can be made to read as one.
const SHORT: &str = "prime.";
/// Hex digits of a short name.
const DIGITS: usize = 16;

/// The names of sockets in one folder.
#[derive(Clone, Copy, Debug)]
pub(super) struct SocketNames {
    /// Bytes that the folder leaves for a name.
    room: usize,
}

impl SocketNames {
    /// The names in a folder whose path has so many bytes.
    pub(super) fn in_folder(length: usize) -> Self {
        // A slash before the name, and the NUL behind all.
        Self { room: SOCKET_PATH.saturating_sub(TEMPORARY + length + 2) }
    }

    /// Returns the part of a socket's name that names the machine, behind the login name and an
    /// `@`: the given `HostKeyAlias` in lower case, as in ssh's `%k`, or something shorter; `None`
    /// where no name is short enough, so that no connection is shared.
    ///
    /// Of an ambiguous host the name has its place, too: who shares a connection sees no key that
    /// would show the mistake.
    pub(super) fn of<'a>(
        self,
        fleet: &Fleet<'_>,
        host: &Host<'_>,
        key_alias: &'a str,
    ) -> Option<Cow<'a, str>> {
        let user = host.user.as_str().len().max(USER) + 1;
        if !host.is_ambiguous && user + key_alias.len() <= self.room {
            let is_lower = !key_alias.bytes().any(|b| b.is_ascii_uppercase());
            return Some(if is_lower { key_alias.into() } else { key_alias.to_lowercase().into() });
        }
        if user + SHORT.len() + DIGITS > self.room {
            return None;
        }
        let hash = if host.is_ambiguous {
            digest::hex(format!("{key_alias}\n{}\n{}", fleet.cluster.id, host.host_name), DIGITS)
        } else {
            digest::hex(key_alias, DIGITS)
        };
        Some(Cow::Owned(format!("{SHORT}{hash}")))
    }
}
