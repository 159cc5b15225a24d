//! The only code that writes files: a file is what it was or what it should be, never in between.
//!
//! A new file is made beside its target, brought to the disk, and renamed over it. So a full disk,
//! a signal or a power cut leaves the old file whole, and who reads it meanwhile sees one or the
//! other.

mod error;
mod target;
mod temporary;

use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use error::{Problem, Step};
use target::{Target, folder_of};
use tempfile::{NamedTempFile, TempPath};
use temporary::{Maker, clear_stale};

pub use error::WriteError;
pub use temporary::{clean, is_temporary, left_behind, scratch_folder};

/// Files are compared a block at a time: a large file need not stand in memory twice.
const BLOCK: usize = 64 * 1024;

/// What [`replace`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// There was no such file; now there is.
    Created,
    /// The file held something else.
    Changed,
    /// The file held these bytes already and was left alone.
    Unchanged,
    /// It is no regular file (a pipe, a terminal, `/dev/null`): the bytes went through it.
    Streamed,
}

/// Makes the file at `path` hold `contents`, in one rename.
///
/// A new file gets the mode `new_mode`; one that was there keeps its mode, and its owner where
/// this user may give files away. A link is followed, and its target replaced. What is no regular
/// file is written through, and never renamed over. A hard link does not survive: the other names
/// keep the old contents.
pub fn replace(path: &Path, contents: &[u8], new_mode: u32) -> Result<Written, WriteError> {
    let written = match Target::of(path)? {
        Target::Missing(_) => Written::Created,
        Target::File(target, was) if holds(&target, &was, contents)? => {
            return Ok(Written::Unchanged);
        }
        Target::File(..) => Written::Changed,
        Target::Stream => {
            stream(path, contents)?;
            return Ok(Written::Streamed);
        }
    };
    Staged::made_by(Maker::Anyone, path, contents, Mode::Keep { new: new_mode })?.put()?;
    Ok(written)
}

/// Which mode a file has after it was replaced.
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
    /// Writes the new contents beside the file at `path`, whose links are followed.
    pub fn new(path: &Path, contents: &[u8], mode: Mode) -> Result<Self, WriteError> {
        Self::made_by(Maker::Holder, path, contents, mode)
    }

    fn made_by(maker: Maker, path: &Path, contents: &[u8], mode: Mode) -> Result<Self, WriteError> {
        let (target, was) = match Target::of(path)? {
            Target::Missing(target) => (target, None),
            Target::File(target, was) => (target, Some(was)),
            Target::Stream => return Err(WriteError::of(path, Problem::NoFile)),
        };
        if was.is_some() {
            refuse_read_only(&target)?;
        }
        if maker == Maker::Anyone {
            clear_stale(folder_of(&target));
        }
        let file = maker.file(&target)?;
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
    pub fn put(self) -> Result<(), WriteError> {
        let Self { target, new } = self;
        new.persist(&target)
            .map_err(|failed| WriteError::system(&target, Step::Rename)(failed.error))?;
        sync_folder(&target)
    }
}

/// Whether [`replace`] with these contents would change anything. Writes nothing.
pub fn would_change(path: &Path, contents: &[u8]) -> Result<bool, WriteError> {
    match Target::of(path)? {
        Target::File(target, was) => Ok(!holds(&target, &was, contents)?),
        Target::Missing(_) | Target::Stream => Ok(true),
    }
}

/// Removes the file at `path` for good; a link is removed itself, not what it leads to.
pub fn remove(path: &Path) -> Result<(), WriteError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        result => {
            result.map_err(WriteError::system(path, Step::Remove))?;
            sync_folder(path)
        }
    }
}

/// Makes the folder at `path` with this mode, where it is not there yet; says whether it was not.
/// Its parent must be there.
pub fn make_folder(path: &Path, mode: u32) -> Result<bool, WriteError> {
    match fs::create_dir(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        result => {
            result.map_err(WriteError::system(path, Step::MakeFolder))?;
            fs::set_permissions(path, Permissions::from_mode(mode))
                .map_err(WriteError::system(path, Step::Mode))?;
            sync_folder(path)?;
            Ok(true)
        }
    }
}

/// What the file at `path` holds, its links followed; none where nothing is.
pub fn contents(path: &Path) -> Result<Option<Vec<u8>>, WriteError> {
    match Target::of(path)? {
        Target::Missing(_) => Ok(None),
        Target::File(target, _) => {
            fs::read(target).map(Some).map_err(WriteError::system(path, Step::Read))
        }
        Target::Stream => Err(WriteError::of(path, Problem::NoFile)),
    }
}

/// The folder in which a temporary file for `path` would stand.
pub fn temporary_folder(path: &Path) -> Result<PathBuf, WriteError> {
    match Target::of(path)? {
        Target::Missing(target) | Target::File(target, _) => Ok(folder_of(&target).to_owned()),
        Target::Stream => Err(WriteError::of(path, Problem::NoFile)),
    }
}

/// Makes a folder of ours inaccessible to others.
pub fn tighten_folder(path: &Path) -> Result<(), WriteError> {
    let found = fs::symlink_metadata(path).map_err(WriteError::system(path, Step::Follow))?;
    if found.is_dir() && found.mode() & 0o077 != 0 {
        fs::set_permissions(path, Permissions::from_mode(0o700))
            .map_err(WriteError::system(path, Step::Mode))?;
    }
    Ok(())
}

/// Whether the file holds exactly these bytes.
fn holds(path: &Path, found: &Metadata, contents: &[u8]) -> Result<bool, WriteError> {
    let failed = || WriteError::system(path, Step::Read);
    let mut file = File::open(path).map_err(failed())?;
    if found.len() != contents.len() as u64 {
        return Ok(false);
    }
    let mut block = vec![0; BLOCK.min(contents.len())];
    for wanted in contents.chunks(BLOCK) {
        let Some(block) = block.get_mut(..wanted.len()) else { return Ok(false) };
        match file.read_exact(block) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(false),
            result => result.map_err(failed())?,
        }
        if block != wanted {
            return Ok(false);
        }
    }
    Ok(true)
}

/// A file without the write bit is one that its owner does not want changed, though a rename
/// would pass.
fn refuse_read_only(path: &Path) -> Result<(), WriteError> {
    OpenOptions::new().write(true).open(path).map_err(WriteError::system(path, Step::Open))?;
    Ok(())
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
) -> Result<TempPath, WriteError> {
    let failed = |step| WriteError::system(target, step);
    file.write_all(contents).map_err(failed(Step::Fill))?;
    let mode = Permissions::from_mode(mode);
    file.as_file().set_permissions(mode).map_err(failed(Step::Mode))?;
    file.as_file().sync_all().map_err(failed(Step::Fill))?;
    Ok(file.into_temp_path())
}

/// Brings the folder's list of names to the disk, so that a rename outlives a power cut.
fn sync_folder(path: &Path) -> Result<(), WriteError> {
    match File::open(folder_of(path)).and_then(|folder| folder.sync_all()) {
        // A folder that may be written but not read, or a file system that has no such call: the
        // change is made, and more cannot be asked.
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::PermissionDenied | ErrorKind::InvalidInput | ErrorKind::Unsupported
            ) =>
        {
            Ok(())
        }
        result => result.map_err(WriteError::system(path, Step::Sync)),
    }
}

/// Appends: where the shell opened a file for us, what stands in it already stays.
fn stream(path: &Path, contents: &[u8]) -> Result<(), WriteError> {
    let mut file =
        OpenOptions::new().append(true).open(path).map_err(WriteError::system(path, Step::Open))?;
    file.write_all(contents).map_err(WriteError::system(path, Step::Fill))
}

#[cfg(test)]
mod tests;
