//! Why a file was not written, in words that say what to do.

use std::fmt;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Why a file was not written. It is as it was.
#[derive(Debug)]
pub struct WriteError {
    path: PathBuf,
    problem: Problem,
}

#[derive(Debug)]
pub(super) enum Problem {
    /// A link to a place where nothing is.
    Dangling(PathBuf),
    /// A link that leads back to itself.
    Circle,
    /// A folder stands where the file should.
    Folder,
    /// It is another user's, in a folder where everybody may put things.
    Planted(PathBuf),
    /// A pipe, a device or the like stands where a file should.
    NoFile,
    /// The system said no.
    System { step: Step, error: io::Error },
}

/// What was being done when the system said no.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Follow,
    Read,
    Open,
    Make,
    Fill,
    Mode,
    Rename,
    Sync,
    Remove,
    MakeFolder,
}

impl WriteError {
    pub(super) fn system(path: &Path, step: Step) -> impl FnOnce(io::Error) -> Self {
        move |error| Self { path: path.to_owned(), problem: Problem::System { step, error } }
    }

    pub(super) fn of(path: &Path, problem: Problem) -> Self {
        Self { path: path.to_owned(), problem }
    }

    /// The file that could not be written.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the file or its folder may only be read here, as with dotfiles in a read-only store.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        match &self.problem {
            Problem::System { step: Step::Open | Step::Make | Step::Rename, error } => {
                // A file that is a mount of its own, as in a container, is busy to a rename.
                matches!(
                    error.kind(),
                    ErrorKind::PermissionDenied
                        | ErrorKind::ReadOnlyFilesystem
                        | ErrorKind::ResourceBusy
                )
            }
            _ => false,
        }
    }
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match &self.problem {
            Problem::Dangling(target) => write!(
                f,
                "cannot write {path}: it is a link to {}, which is not there; \
                 make that file, or remove the link",
                target.display()
            ),
            Problem::Circle => {
                write!(f, "cannot write {path}: its links lead in a circle; remove one of them")
            }
            Problem::Folder => write!(f, "cannot write {path}: it is a folder"),
            Problem::Planted(target) => write!(
                f,
                "cannot write {path}: another user put {} there, in a folder where everybody may; \
                 choose a folder of your own",
                target.display()
            ),
            Problem::NoFile => write!(f, "cannot replace {path}: it is no regular file"),
            Problem::System { step, error } => {
                write!(f, "cannot {step} {path}: {}", advice(*step, error))
            }
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Follow => "look at",
            Self::Read => "read",
            Self::Open | Self::Make | Self::Fill => "write",
            Self::Mode => "set the permissions of",
            Self::Rename => "put in place",
            Self::Sync => "bring to the disk",
            Self::Remove => "remove",
            Self::MakeFolder => "make the folder",
        })
    }
}

/// The common failures in words that say what to do; the others in the system's own.
fn advice(step: Step, error: &io::Error) -> String {
    match (error.kind(), step) {
        (ErrorKind::NotFound, Step::Make | Step::MakeFolder) => {
            "its folder does not exist; make it first".to_owned()
        }
        (ErrorKind::NotADirectory, _) => "a part of its path is not a folder".to_owned(),
        (
            ErrorKind::PermissionDenied,
            Step::Make | Step::MakeFolder | Step::Rename | Step::Remove,
        ) => "permission denied: its folder may not be written here; see `ls -ld` of the folder"
            .to_owned(),
        (ErrorKind::PermissionDenied, Step::Open) => {
            "permission denied: this user may only read it; see `ls -l`".to_owned()
        }
        (ErrorKind::PermissionDenied, _) => {
            "permission denied: it may not be used by this user; see `ls -l`".to_owned()
        }
        (ErrorKind::ReadOnlyFilesystem, _) => "its file system is read-only".to_owned(),
        (ErrorKind::StorageFull, _) => "no space is left on its disk".to_owned(),
        (ErrorKind::QuotaExceeded, _) => "this user's disk quota is used up".to_owned(),
        _ => error.to_string(),
    }
}

// No source: the message says all, and the system's own words would follow it as a repetition.
impl std::error::Error for WriteError {}
