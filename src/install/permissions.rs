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
        Self::found_in(&fs::metadata(path).ok()?, takes_own_group)
    }

    fn found_in(found: &fs::Metadata, takes_own_group: impl FnOnce() -> bool) -> Option<Self> {
        // Neither root nor this user.
        if found.uid() != 0 && found.uid() != Uid::current().as_raw() {
            return Some(Self::Owner(found.uid()));
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
pub struct Exposed<'p> {
    /// The first of the files and folders that are open to others.
    pub place: &'p Path,
    fault: Fault,
    /// All of them; empty where one is not this user's to change.
    own: Vec<&'p Path>,
}

impl<'p> Exposed<'p> {
    /// Finds the way for the file at `path`.
    #[must_use]
    pub fn of(path: &'p Path) -> Option<Self> {
        const STICKY: u32 = 0o1000;
        let mut exposed: Option<Self> = None;
        for place in path.ancestors() {
            let Ok(found) = fs::metadata(place) else { continue };
            // Whoever may write to such a folder cannot take away what is not theirs.
            let is_shared = found.is_dir() && found.mode() & STICKY != 0;
            let fault = match Fault::found_in(&found, || true) {
                Some(Fault::Writable(_)) if is_shared => continue,
                Some(fault) => fault,
                None => continue,
            };
            let new = Self { place, fault, own: Vec::new() };
            if found.uid() != Uid::current().as_raw() {
                return Some(new);
            }
            exposed.get_or_insert(new).own.push(place);
        }
        exposed
    }

    /// The words of the command that keeps others away, where this user can.
    #[must_use]
    pub fn remedy(&self) -> Option<String> {
        let words = ["chmod".as_ref(), "go-w".as_ref()].into_iter();
        let words = words.chain(self.own.iter().map(|place| place.as_os_str()));
        (!self.own.is_empty()).then(|| shell::command(words))
    }
}

impl fmt::Display for Exposed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = shell::path(self.place);
        match self.fault {
            Fault::Owner(owner) => write!(f, "{place} belongs to user {owner}"),
            Fault::Writable(_) => write!(f, "others can write to {place}"),
        }
    }
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
