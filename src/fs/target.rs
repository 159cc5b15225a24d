//! What a path leads to.

use std::fs::{self, Metadata};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::unistd::geteuid;

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
            if is_planted(&target, &found) {
                return Err(WriteError::of(path, Problem::Planted(target)));
            }
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

/// Whether a link or a file is somebody else's in a folder like `/tmp`: the link could lead to any
/// file of this user, and the file would stay theirs. Linux itself follows and opens none such
/// (`proc_sys_fs(5)`, `protected_symlinks` and `protected_regular`), but a rename asks nobody.
fn is_planted(path: &Path, found: &Metadata) -> bool {
    const FOR_EVERYBODY: u32 = 0o1002;
    let is_ours = found.uid() == geteuid().as_raw();
    if is_ours || !(found.is_file() || found.is_symlink()) {
        return false;
    }
    fs::metadata(folder_of(path)).is_ok_and(|folder| {
        folder.mode() & FOR_EVERYBODY == FOR_EVERYBODY && folder.uid() != found.uid()
    })
}

/// The folder that a file stands in; a bare name stands in the current one.
pub(super) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}
