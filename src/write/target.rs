//! What a path leads to.

use std::fs::{self, Metadata};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::error::{Problem, Step, WriteError};

/// As many links in a row as Linux itself follows.
const LINKS_MAX: usize = 40;
/// What a path leads to, once its links are followed.
pub(super) enum Target {
    /// Nothing: a file can be made here.
    Missing(PathBuf),
    /// A regular file.
    File(PathBuf, Metadata),
    /// Something that takes bytes but has no contents to replace.
    Stream,
}

impl Target {
    pub(super) fn of(path: &Path) -> Result<Self, WriteError> {
        let mut target = path.to_owned();
        for _ in 0..LINKS_MAX {
            // `/dev/stdout` is a link to here; even where it leads to a file, the one who opened
            // that file goes on writing to it, so it must not be renamed away.
            if target.starts_with("/proc") || target.starts_with("/dev/fd") {
                return Ok(Self::Stream);
            }
            let found = match fs::symlink_metadata(&target) {
                Ok(found) => found,
                Err(error) if error.kind() == ErrorKind::NotFound && target == path => {
                    return Ok(Self::Missing(target));
                }
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    return Err(WriteError::of(path, Problem::Dangling(target)));
                }
                Err(error) => return Err(WriteError::system(path, Step::Follow)(error)),
            };
            if found.is_file() {
                return Ok(Self::File(target, found));
            }
            if found.is_dir() {
                return Err(WriteError::of(path, Problem::Folder));
            }
            if !found.is_symlink() {
                return Ok(Self::Stream);
            }
            let link = fs::read_link(&target).map_err(WriteError::system(&target, Step::Follow))?;
            // An absolute link replaces the whole path; the system resolves a `..` in it.
            target = folder_of(&target).join(link);
        }
        Err(WriteError::of(path, Problem::Circle))
    }
}

/// The folder that a file stands in; a bare name stands in the current one.
pub(super) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}
