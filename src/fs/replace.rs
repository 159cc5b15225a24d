//! Replacing a file: a new one is made beside it, brought to the disk, and renamed over it. So a
//! full disk, a signal or a power cut leaves the old file whole, and who reads it meanwhile sees
//! one or the other.

use std::fs::{Metadata, OpenOptions, Permissions};
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, TempPath};

use super::error::{Action, FileError};
use super::read::{Links, open, read_own};
use super::sync_folder;
use super::target::{Target, folder_of};
use super::temporary::{Maker, clean, left_behind};

/// Files are compared a block at a time: a large file need not stand in memory twice.
pub(super) const BLOCK: usize = 64 * 1024;

/// Makes the file at `path` hold `contents`, in one rename; one that does already is not touched.
///
/// A new file gets the mode `new_mode`; one that was there keeps its mode, and its owner where
/// this user may give files away. A link is followed, and its target replaced. A hard link does not
/// survive: the other names keep the old contents.
pub fn replace(path: &Path, contents: &[u8], new_mode: u32) -> Result<(), FileError> {
    if would_change(path, contents)? {
        let mode = Mode::Keep { new: new_mode };
        Staged::made_by(Maker::AnyRun, path, contents, mode)?.put()?;
    }
    Ok(())
}

/// The same for a path that a user named: what is no regular file, such as a pipe, a terminal or
/// `/dev/null`, is written to.
pub fn write_output(path: &Path, contents: &[u8], new_mode: u32) -> Result<(), FileError> {
    let target = Target::of(path).map_err(|error| error.of_typed("file"))?;
    let Target::Stream(_) = target else { return replace(path, contents, new_mode) };
    // Where the shell opened a file for us, what stands in it already stays.
    let opened = OpenOptions::new().append(true).open(path);
    let mut file = opened.map_err(FileError::system(path, Action::Open))?;
    file.write_all(contents).map_err(FileError::system(path, Action::Create))
}

/// Returns whether writing these contents would change anything. Writes nothing.
pub fn would_change(path: &Path, contents: &[u8]) -> Result<bool, FileError> {
    match Target::of(path)? {
        Target::File(target, was) => Ok(!holds(&target, &was, contents)?),
        Target::Missing(_) | Target::Stream(_) => Ok(true),
    }
}

/// Returns the contents of the file that [`replace`] would replace; `None` if there is none.
pub fn contents(path: &Path) -> Result<Option<Vec<u8>>, FileError> {
    let (target, _) = Target::of_file(path, Action::Read)?;
    Ok(read_own(&target)?.map(|(bytes, _)| bytes))
}

/// The folder in which the file at `path` really stands.
pub fn real_folder(path: &Path) -> Result<PathBuf, FileError> {
    let (target, _) = Target::of_file(path, Action::Open)?;
    Ok(folder_of(&target).to_owned())
}

/// The mode of a file after it was replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The one that it had; for a new file, this one.
    Keep {
        /// The mode of a new file.
        new: u32,
    },
    /// This one in any case.
    Exactly(u32),
}

/// New contents of a file, on the disk beside it: all that is left to do is a rename.
///
/// Where several files change together, all are staged before the first is put in place: a full
/// disk shows while everything is as it was.
#[derive(Debug)]
pub struct Staged {
    target: PathBuf,
    new: TempPath,
}

impl Staged {
    /// Writes the new contents beside the file at `path`, whose links are followed. The caller
    /// holds the lock of the folder of `path`.
    pub fn new(path: &Path, contents: &[u8], mode: Mode) -> Result<Self, FileError> {
        // Where a link leads elsewhere, that folder is not locked.
        let folder = std::fs::canonicalize(folder_of(path));
        let is_here = folder.ok() == std::fs::canonicalize(real_folder(path)?).ok();
        let maker = if is_here { Maker::LockHolder } else { Maker::AnyRun };
        Self::made_by(maker, path, contents, mode)
    }

    fn made_by(maker: Maker, path: &Path, contents: &[u8], mode: Mode) -> Result<Self, FileError> {
        let (target, was) = Target::of_file(path, Action::Open)?;
        if was.is_some() {
            refuse_read_only(&target)?;
        }
        let file = maker.file(&target)?;
        if maker == Maker::AnyRun {
            let fresh = file.as_file().metadata().ok();
            for path in left_behind(folder_of(&target), false, fresh.as_ref()) {
                clean(&path);
            }
        }
        let kept = was.map(|was| keep_owner(&file, &was));
        let mode = match mode {
            Mode::Keep { new } => kept.unwrap_or(new),
            Mode::Exactly(mode) => mode,
        };
        Ok(Self { new: fill(file, contents, mode, &target)?, target })
    }

    /// The file that stands ready, for those who want to read it before it counts.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.new
    }

    /// Puts the new contents in place.
    pub fn put(self) -> Result<(), FileError> {
        let Self { target, new } = self;
        new.persist(&target)
            .map_err(|failed| FileError::system(&target, Action::Rename)(failed.error))?;
        sync_folder(&target)
    }
}

/// Returns whether the file holds exactly these bytes.
fn holds(path: &Path, found: &Metadata, contents: &[u8]) -> Result<bool, FileError> {
    let opened = open(path, OpenOptions::new().read(true), Links::Refused, Action::Read)?;
    let Some((file, _)) = opened.filter(|_| found.len() == contents.len() as u64) else {
        return Ok(false);
    };
    let (mut file, mut rest) = (BufReader::with_capacity(BLOCK, file), contents);
    loop {
        let block = match file.fill_buf() {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            block => block.map_err(FileError::system(path, Action::Read))?,
        };
        match rest.strip_prefix(block) {
            _ if block.is_empty() => return Ok(rest.is_empty()),
            None => return Ok(false),
            Some(behind) => rest = behind,
        }
        let read = block.len();
        file.consume(read);
    }
}

/// A file without the write bit is one that its owner does not want changed, though a rename
/// would pass.
fn refuse_read_only(path: &Path) -> Result<(), FileError> {
    open(path, OpenOptions::new().write(true), Links::Refused, Action::Open).map(drop)
}

/// Gives the new file the owner of the old one where this user may; returns the mode to set.
fn keep_owner(file: &NamedTempFile, was: &Metadata) -> u32 {
    let mode = was.mode() & 0o7777;
    let file = file.as_file();
    let kept = fchown(file, Some(was.uid()), Some(was.gid())).is_ok()
        || fchown(file, None, Some(was.gid())).is_ok();
    // Another group must not get what this one had; it gets what everyone gets.
    if kept { mode } else { mode & !0o6070 | (mode & 0o007) << 3 }
}

/// Fills the new file and brings it to the disk.
fn fill(
    mut file: NamedTempFile,
    contents: &[u8],
    mode: u32,
    target: &Path,
) -> Result<TempPath, FileError> {
    let failed = |action| FileError::system(target, action);
    file.write_all(contents).map_err(failed(Action::Create))?;
    let mode = Permissions::from_mode(mode);
    file.as_file().set_permissions(mode).map_err(failed(Action::SetMode))?;
    file.as_file().sync_all().map_err(failed(Action::Create))?;
    Ok(file.into_temp_path())
}
