//! Errors of reading and writing files, in words that say what to do.

use std::fs::FileType;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::failure::{Failure, Kind};
use crate::text::shell;
use thiserror::Error;

/// A file could not be read or written. It is unchanged.
// No source: the message says all, and the system's own words would repeat it.
#[derive(Debug, Error)]
#[error("cannot {} {}: {}", .action.words(), shell::path(.path), .problem.words(*.action))]
pub struct FileError {
    path: PathBuf,
    action: Action,
    problem: Problem,
}

#[derive(Debug)]
pub(super) enum Problem {
    /// A link to a place where nothing is.
    Dangling(PathBuf),
    /// Links that lead back to themselves.
    Loop,
    /// Something else, such as a link or a pipe, stands in the place of what should be there. Where
    /// somebody typed the path, another one is to be typed.
    Other { found: &'static str, expected: &'static str, is_typed: bool },
    /// Another user put it into a folder in which everybody may put things.
    Planted(PathBuf),
    /// Another run held the lock for all of this time; its process, as far as it said so.
    Held { holder: Option<String>, limit: Duration },
    /// It has more bytes than this.
    TooLarge(u64),
    /// The system said no.
    System(io::Error),
}

/// The operation on the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Asking what it is, too.
    Read,
    /// Opening a file that is there, to write to it.
    Open,
    /// Making a new file, and bringing it to the disk.
    Create,
    SetMode,
    Rename,
    Remove,
    CreateFolder,
    Lock,
}

impl FileError {
    pub(super) fn new(path: &Path, action: Action, problem: Problem) -> Self {
        Self { path: path.to_owned(), action, problem }
    }

    pub(super) fn system(path: &Path, action: Action) -> impl FnOnce(io::Error) -> Self {
        move |error| Self::new(path, action, Problem::System(error))
    }

    pub(super) fn not_regular(path: &Path, action: Action, found: FileType) -> Self {
        Self::new(path, action, Problem::not_regular(name_of(found)))
    }

    /// The error for a path that somebody typed for a file such as `expected`: another one is to be
    /// typed, and nothing to be moved.
    #[must_use]
    pub fn of_typed(self, expected: &'static str) -> Self {
        let problem = match self.problem {
            Problem::Other { found, .. } => Problem::Other { found, expected, is_typed: true },
            problem => problem,
        };
        Self { problem, ..self }
    }

    /// Returns whether something stands in our way that a person put there.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        matches!(self.problem, Problem::Other { is_typed: false, .. })
    }

    /// Returns whether it is a lock that another run held all the time.
    #[must_use]
    pub fn is_held(&self) -> bool {
        matches!(self.problem, Problem::Held { .. })
    }

    /// The error for a lock that was tried again and again for so long.
    #[must_use]
    pub fn after(self, waited: Duration) -> Self {
        let problem = match self.problem {
            Problem::Held { holder, .. } => Problem::Held { holder, limit: waited },
            problem => problem,
        };
        Self { problem, ..self }
    }

    /// Returns whether the file or its folder may only be read here, as with dotfiles in a
    /// read-only store.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        let Problem::System(error) = &self.problem else { return false };
        // A file that is a mount of its own, as in a container, is busy to a rename.
        matches!(self.action, Action::Open | Action::Create | Action::Rename)
            && matches!(
                error.kind(),
                ErrorKind::PermissionDenied
                    | ErrorKind::ReadOnlyFilesystem
                    | ErrorKind::ResourceBusy
            )
    }

    /// The system's own error, where it was the system that said no.
    pub fn into_system_error(self) -> Result<io::Error, Self> {
        match self.problem {
            Problem::System(error) => Ok(error),
            _ => Err(self),
        }
    }
}

impl From<FileError> for Failure {
    /// What a person put in our way is a refusal; all else is a failure of this machine.
    fn from(error: FileError) -> Self {
        let kind = if error.is_refusal() { Kind::Install } else { Kind::Local };
        Self::new(kind, error)
    }
}

impl Action {
    fn words(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Open | Self::Create => "write",
            Self::SetMode => "set the permissions of",
            Self::Rename => "replace",
            Self::Remove => "remove",
            Self::CreateFolder => "create the folder",
            Self::Lock => "lock",
        }
    }
}

impl Problem {
    pub(super) fn not_regular(found: &'static str) -> Self {
        Self::Other { found, expected: "regular file", is_typed: false }
    }

    fn words(&self, action: Action) -> String {
        match self {
            Self::Dangling(target) => format!(
                "it is a link to {}, which does not exist; create that file, or remove the link",
                shell::path(target)
            ),
            Self::Loop => "symlink loop; remove one of its links".to_owned(),
            Self::Other { found, expected, is_typed } => {
                let advice = if *is_typed { "give another path" } else { "move it out of the way" };
                format!("it is a {found}, not a {expected}; {advice}")
            }
            Self::Planted(target) => format!(
                "another user created {} in a folder that everyone can write to; choose a folder \
                 of your own",
                shell::path(target)
            ),
            Self::Held { holder, limit } => {
                let holder = holder.as_ref().map(|holder| format!("(process {holder}) "));
                format!(
                    "another run of prime-ssh {}has held it for {} seconds; try again when it has \
                     ended",
                    holder.unwrap_or_default(),
                    limit.as_secs()
                )
            }
            Self::TooLarge(limit) => format!("it is larger than {}", size(*limit)),
            Self::System(error) => advice(action, error),
        }
    }
}

pub(super) fn name_of(found: FileType) -> &'static str {
    match found {
        _ if found.is_symlink() => "link",
        _ if found.is_dir() => "folder",
        _ if found.is_fifo() => "pipe",
        _ if found.is_socket() => "socket",
        _ if found.is_file() => "file",
        _ => "device",
    }
}

fn size(bytes: u64) -> String {
    match bytes >> 20 {
        0 => format!("{} KiB", bytes >> 10),
        mebibytes => format!("{mebibytes} MiB"),
    }
}

/// The common failures in words that say what to do; the others in the system's own.
fn advice(action: Action, error: &io::Error) -> String {
    let words = match (error.kind(), action) {
        (ErrorKind::NotFound, Action::Create | Action::CreateFolder) => {
            "its folder does not exist; create it first"
        }
        (ErrorKind::NotADirectory, _) => "a part of its path is not a folder",
        (
            ErrorKind::PermissionDenied,
            Action::Create | Action::CreateFolder | Action::Rename | Action::Remove,
        ) => "permission denied: you cannot write to its folder; see `ls -ld` of the folder",
        (ErrorKind::PermissionDenied, Action::Open) => {
            "permission denied: you can only read it; see `ls -l`"
        }
        (ErrorKind::PermissionDenied, _) => "permission denied: you cannot use it; see `ls -l`",
        (ErrorKind::ReadOnlyFilesystem, _) => "its file system is read-only",
        (ErrorKind::StorageFull, _) => "its disk is full",
        (ErrorKind::QuotaExceeded, _) => "this user's disk quota is used up",
        (ErrorKind::FileTooLarge, _) => "it would be larger than `ulimit -f` allows",
        _ => return error.to_string(),
    };
    words.to_owned()
}
