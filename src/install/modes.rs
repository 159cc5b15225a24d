//! Whose a file is, and who may write it: ssh stops at what others could have written.

use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::unistd::Uid;

use crate::text::shell;

/// Why ssh stops at a file for every host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It belongs to this user, who is neither root nor the one who runs ssh.
    Owner(u32),
    /// Others may write it; its mode.
    Writable(u32),
}

impl Fault {
    /// What is wrong with the file or folder that `path` leads to; nothing where none is.
    #[must_use]
    pub fn of(path: &Path) -> Option<Self> {
        let found = fs::metadata(path).ok()?;
        let (mode, owner) = (found.mode() & 0o7777, found.uid());
        if owner != 0 && owner != Uid::current().as_raw() {
            return Some(Self::Owner(owner));
        }
        (mode & 0o022 != 0).then_some(Self::Writable(mode))
    }

    /// The words of the command that mends it.
    #[must_use]
    pub fn remedy(self, path: &Path) -> String {
        match self {
            Self::Owner(_) => {
                let owner = Uid::current().to_string();
                shell::command(["chown".as_ref(), owner.as_ref(), path.as_os_str()])
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

/// The file, or the folder above it, that somebody else may change. In a folder like `/tmp` nobody
/// can take away what is not theirs.
#[must_use]
pub fn writable_by_others(path: &Path) -> Option<&Path> {
    const OTHERS: u32 = 0o002;
    const GROUP: u32 = 0o020;
    const STICKY: u32 = 0o1000;
    let mode = |path: &Path| fs::metadata(path).map_or(0, |found| found.mode());
    if mode(path) & (OTHERS | GROUP) != 0 {
        return Some(path);
    }
    path.ancestors().skip(1).find(|folder| mode(folder) & (OTHERS | STICKY) == OTHERS)
}
