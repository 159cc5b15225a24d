//! Finds out what a path leads to.

use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use nix::unistd::geteuid;

use super::error::{Action, FileError, Problem, name_of};

/// As many links in a row as Linux itself follows.
const LINKS_MAX: usize = 40;
/// Everybody may make files there, and rename their own.
const FOR_EVERYBODY: u32 = 0o002;
/// Nobody may rename what is not theirs there.
const STICKY: u32 = 0o1000;

/// The target of a path, once all its links are followed.
pub(super) enum Target {
    /// Nothing: a file can be made here, once its folder is there.
    Missing(PathBuf),
    /// A regular file.
    File(PathBuf, Metadata),
    /// Something that takes bytes but has no contents to replace; what it is.
    Stream(&'static str),
}

impl Target {
    /// The place of a regular file to be, and what the system knows of the one that is there.
    pub(super) fn of_file(
        path: &Path,
        action: Action,
    ) -> Result<(PathBuf, Option<Metadata>), FileError> {
        match Self::of(path)? {
            Self::Missing(target) => Ok((target, None)),
            Self::File(target, found) => Ok((target, Some(found))),
            Self::Stream(kind) => Err(FileError::new(path, action, Problem::not_regular(kind))),
        }
    }

    /// Follows the links of every part of `path`, except those that another user may have planted.
    pub(super) fn of(path: &Path) -> Result<Self, FileError> {
        let refuse = |problem| FileError::new(path, Action::Open, problem);
        let mut followed = Followed { at: PathBuf::new(), is_exposed: false };
        let mut rest = parts(path);
        // Those of them that stand in `path` itself, and not in a link.
        let mut own = rest.len();
        let mut links = 0;
        while let Some(part) = rest.pop() {
            let is_own = own > rest.len();
            own = own.min(rest.len());
            let next = followed.at.join(part);
            // `/dev/stdout` is a link to here; even where it leads to a file, the one who opened
            // that file goes on writing to it, so it must not be renamed away.
            if next == Path::new("/proc") || next == Path::new("/dev/fd") {
                return Ok(Self::Stream("open file"));
            }
            let found = match fs::symlink_metadata(&next) {
                Ok(found) => found,
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    if !is_own {
                        return Err(refuse(Problem::Dangling(next)));
                    }
                    return Ok(Self::Missing(
                        rest.iter().rev().fold(next, |at, part| at.join(part)),
                    ));
                }
                Err(error) => return Err(FileError::system(path, Action::Read)(error)),
            };
            if followed.is_planted(&found) {
                return Err(refuse(Problem::Planted(next)));
            }
            if found.is_symlink() {
                links += 1;
                if links > LINKS_MAX {
                    return Err(refuse(Problem::Loop));
                }
                let link = fs::read_link(&next).map_err(FileError::system(path, Action::Read))?;
                rest.extend(parts(&link));
            } else if found.is_dir() {
                followed.enter(next, &found);
            } else if !rest.is_empty() {
                let error = ErrorKind::NotADirectory.into();
                return Err(FileError::system(path, Action::Open)(error));
            } else if found.is_file() {
                return Ok(Self::File(next, found));
            } else {
                return Ok(Self::Stream(name_of(found.file_type())));
            }
        }
        Err(refuse(Problem::not_regular("folder")))
    }
}

/// The parts of a path, the last one first; the root is one.
fn parts(path: &Path) -> Vec<OsString> {
    let parts = path.components().filter(|part| *part != Component::CurDir);
    parts.rev().map(|part| part.as_os_str().to_owned()).collect()
}

/// A path that is being followed: no link is left in `at`.
struct Followed {
    at: PathBuf,
    /// True if another user's folder in a folder for everybody was entered.
    is_exposed: bool,
}

impl Followed {
    fn enter(&mut self, folder: PathBuf, found: &Metadata) {
        if folder.parent().is_none() {
            self.is_exposed = false;
        } else if is_of_other_user(found) && self.mode() & FOR_EVERYBODY != 0 {
            self.is_exposed = true;
        }
        self.at = folder;
    }

    /// Returns whether what was found here was put there by another user, in a folder for
    /// everybody: a link could lead to any file of this user, and a file would stay theirs. Linux
    /// itself opens none such (`proc_sys_fs(5)`, `protected_symlinks` and `protected_regular`), but
    /// a rename asks nobody.
    fn is_planted(&self, found: &Metadata) -> bool {
        if !is_of_other_user(found) || found.is_dir() {
            return false;
        }
        let mode = self.mode();
        if found.is_symlink() {
            self.is_exposed || mode & FOR_EVERYBODY != 0
        } else {
            mode & (FOR_EVERYBODY | STICKY) == FOR_EVERYBODY | STICKY
        }
    }

    fn mode(&self) -> u32 {
        let at = if self.at.as_os_str().is_empty() { Path::new(".") } else { &self.at };
        fs::metadata(at).map_or(0, |found| found.mode())
    }
}

fn is_of_other_user(found: &Metadata) -> bool {
    found.uid() != geteuid().as_raw() && found.uid() != 0
}

/// The folder that a file stands in; a bare name stands in the current one.
pub(super) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}
