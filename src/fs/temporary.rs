//! Temporary files: what they are called, and what becomes of those whose run was killed.

use std::fs::{self, DirEntry, Metadata, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::unistd::Uid;
use tempfile::{Builder, NamedTempFile, TempDir};

use super::error::{Action, FileError};
use super::target::folder_of;

/// The end of a temporary file's name.
const SUFFIX: &str = ".tmp";
/// The age from which a file is a leftover of a run that has ended: no write takes as long.
const STALE: Duration = Duration::from_secs(60 * 60);

/// The maker of a temporary file, who alone may remove it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Maker {
    /// The run that holds the lock of the folder.
    LockHolder,
    /// Any run, and others at the same time.
    AnyRun,
}

impl Maker {
    /// Returns the start of its files' names. The dot keeps them out of every `Include` with a `*`.
    fn prefix(self) -> &'static str {
        match self {
            Self::LockHolder => ".prime-ssh-install-",
            Self::AnyRun => ".prime-ssh-output-",
        }
    }

    fn of(name: &str) -> Option<Self> {
        let made_by = |maker: &Self| name.starts_with(maker.prefix()) && name.ends_with(SUFFIX);
        [Self::LockHolder, Self::AnyRun].into_iter().find(made_by)
    }

    /// A new file beside `target`, readable by this user only, gone when dropped.
    pub(super) fn file(self, target: &Path) -> Result<NamedTempFile, FileError> {
        self.of_mode(0o600)
            .tempfile_in(folder_of(target))
            .map_err(FileError::system(target, Action::Create))
    }

    fn of_mode(self, mode: u32) -> Builder<'static, 'static> {
        let mut builder = Builder::new();
        builder.prefix(self.prefix()).suffix(SUFFIX).permissions(Permissions::from_mode(mode));
        builder
    }
}

/// Returns whether a file of this name is a temporary one of this room.
#[must_use]
pub fn is_temporary(name: &str) -> bool {
    Maker::of(name).is_some()
}

/// An empty folder in `folder`, for this user only, gone when dropped. The caller holds the lock.
pub fn scratch_folder(folder: &Path) -> Result<TempDir, FileError> {
    let scratch = Maker::LockHolder.of_mode(0o700).tempdir_in(folder);
    scratch.map_err(FileError::system(folder, Action::CreateFolder))
}

/// The temporary files in `folder` of runs that were killed. Where `is_locked` says that one lock
/// guards the folder, they include those of the run that holds it.
///
/// Ages are counted from `fresh`, a file that was just written: both have their times from the clock
/// of the file server, which may be far from ours. Where there is none, or it is on another file
/// system, nothing is old.
#[must_use]
pub fn left_behind(folder: &Path, is_locked: bool, fresh: Option<&Metadata>) -> Vec<PathBuf> {
    let is_left = |entry: &DirEntry| match entry.file_name().to_str().and_then(Maker::of) {
        Some(Maker::LockHolder) => is_locked,
        Some(Maker::AnyRun) => fresh.is_some_and(|fresh| is_stale(entry, fresh)),
        None => false,
    };
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter(is_left).map(|entry| entry.path()).collect()
}

/// Returns whether it is a file of this user's that nobody writes to any more.
fn is_stale(entry: &DirEntry, fresh: &Metadata) -> bool {
    // A link is looked at itself.
    entry.metadata().is_ok_and(|found| {
        let now = fresh.modified().ok();
        let age =
            now.zip(found.modified().ok()).and_then(|(now, then)| now.duration_since(then).ok());
        found.is_file()
            && found.uid() == Uid::effective().as_raw()
            && found.dev() == fresh.dev()
            && age.is_some_and(|age| age > STALE)
    })
}

/// Removes a temporary file or folder that a run left which was killed.
///
/// What cannot be removed stays: it harms nobody, and the next run tries again.
pub fn clean(path: &Path) {
    let is_folder = fs::symlink_metadata(path).is_ok_and(|found| found.is_dir());
    let _ = if is_folder { fs::remove_dir_all(path) } else { fs::remove_file(path) };
}
