//! Owners and modes of files: ssh stops at what others could have written.

use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::unistd::{Gid, Group, Uid, User};

use crate::text::shell;

/// The reason that ssh stops at a file for every host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It belongs to this user, who is neither root nor the one who runs ssh.
    Owner(u32),
    /// Others may write it; its mode.
    Writable(u32),
}

impl Fault {
    /// Finds the fault of the file or folder that `path` leads to. A group that this user is alone
    /// in is nobody else, but not every ssh asks who is in it: Debian's does.
    #[must_use]
    pub fn of(path: &Path, takes_own_group: impl FnOnce() -> bool) -> Option<Self> {
        let found = fs::metadata(path).ok()?;
        if let Some(owner) = stranger(&found) {
            return Some(Self::Owner(owner));
        }
        let mode = found.mode() & 0o7777;
        let is_open = match mode & 0o022 {
            0 => false,
            0o020 => !(is_private(found.gid()) && takes_own_group()),
            _ => true,
        };
        is_open.then_some(Self::Writable(mode))
    }

    /// The words of the command that mends it.
    #[must_use]
    pub fn remedy(self, path: &Path) -> String {
        match self {
            Self::Owner(_) => {
                let owner = Uid::current().to_string();
                let chown = ["chown".as_ref(), owner.as_ref(), path.as_os_str()];
                // Only root gives files away.
                let sudo = (!Uid::effective().is_root()).then_some("sudo".as_ref());
                shell::command(sudo.into_iter().chain(chown))
            }
            Self::Writable(_) => {
                shell::command(["chmod".as_ref(), "go-w".as_ref(), path.as_os_str()])
            }
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Owner(owner) => {
                write!(f, "belongs to user {owner}, and ssh stops at a file of somebody else")
            }
            Self::Writable(mode) => {
                write!(f, "has mode {mode:04o}, and ssh stops at a file that others may write")
            }
        }
    }
}

/// The way in which somebody else than this user and root could put another file in the place of one:
/// it is theirs or they may write it, or a folder above it. A folder like `/tmp` keeps nobody from
/// what is theirs in it.
///
/// A group that this user is alone in, as most have one of their own, is nobody else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exposed<'p> {
    /// By the modes of these, which are this user's to change.
    Modes(Vec<&'p Path>),
    /// By this one, which is not.
    Elsewhere {
        /// The file or folder.
        path: &'p Path,
        /// Its owner, where that is neither this user nor root.
        owner: Option<u32>,
    },
}

impl<'p> Exposed<'p> {
    /// Finds the way for the file at `path`.
    #[must_use]
    pub fn of(path: &'p Path) -> Option<Self> {
        let mut own = Vec::new();
        for place in path.ancestors() {
            let Some(found) = fs::metadata(place).ok().filter(is_open) else { continue };
            if found.uid() != Uid::current().as_raw() {
                return Some(Self::Elsewhere { path: place, owner: stranger(&found) });
            }
            own.push(place);
        }
        (!own.is_empty()).then_some(Self::Modes(own))
    }

    /// The first of the files and folders that are open to others.
    #[must_use]
    pub fn place(&self) -> Option<&'p Path> {
        match self {
            Self::Modes(places) => places.first().copied(),
            Self::Elsewhere { path, .. } => Some(path),
        }
    }

    /// The words of the command that keeps others away, where this user can.
    #[must_use]
    pub fn remedy(&self) -> Option<String> {
        let Self::Modes(places) = self else { return None };
        let words = ["chmod".as_ref(), "go-w".as_ref()].into_iter();
        Some(shell::command(words.chain(places.iter().map(|place| place.as_os_str()))))
    }
}

impl fmt::Display for Exposed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.place().map(shell::path).unwrap_or_default();
        match self {
            Self::Elsewhere { owner: Some(owner), .. } => {
                write!(f, "{place} belongs to user {owner}")
            }
            Self::Elsewhere { .. } | Self::Modes(_) => write!(f, "others can write to {place}"),
        }
    }
}

fn is_open(found: &fs::Metadata) -> bool {
    const OTHERS: u32 = 0o002;
    const GROUP: u32 = 0o020;
    const STICKY: u32 = 0o1000;
    // Whoever may write to such a folder cannot take away what is not theirs.
    let is_shared = found.is_dir() && found.mode() & STICKY != 0;
    let others_write = found.mode() & OTHERS != 0 && !is_shared;
    let group_writes = found.mode() & GROUP != 0 && !is_shared && !is_private(found.gid());
    stranger(found).is_some() || others_write || group_writes
}

/// Returns the owner, where that is neither root nor this user.
fn stranger(found: &fs::Metadata) -> Option<u32> {
    Some(found.uid()).filter(|owner| *owner != 0 && *owner != Uid::current().as_raw())
}

/// Returns whether a group is root's or this user's own: by its name, and with nobody else in it.
fn is_private(gid: u32) -> bool {
    if gid == 0 {
        return true;
    }
    let Some(user) = User::from_uid(Uid::current()).ok().flatten() else { return false };
    let Some(group) = Group::from_gid(Gid::from_raw(gid)).ok().flatten() else { return false };
    let is_alone = group.mem.iter().all(|member| *member == user.name);
    user.gid.as_raw() == gid && group.name == user.name && is_alone
}
