//! The only code that writes files: a file is what it was or what it should be, never in between;
//! one run at a time changes what belongs together; and nothing but a regular file is opened where
//! one is expected.

mod error;
mod lock;
mod read;
mod replace;
mod target;
mod temporary;

use std::fs::{self, File, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use error::{Action, Problem, name_of};
use target::folder_of;

pub use error::FileError;
pub use lock::Lock;
pub use read::{FILE_MAX, open_regular, read, read_input, read_own};
pub use replace::{Mode, Staged, contents, real_folder, replace, would_change, write_output};
pub use temporary::{clean, is_temporary, left_behind, scratch_folder};

/// The mode of a folder that is this user's alone.
const PRIVATE_FOLDER: u32 = 0o700;

/// Removes the file at `path` for good; a link is removed itself, not what it leads to.
pub fn remove(path: &Path) -> Result<(), FileError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        result => {
            result.map_err(FileError::system(path, Action::Remove))?;
            sync_folder(path)
        }
    }
}

/// Makes the folder at `path`, for this user only, where it is not there yet; says whether it was
/// not. Its parent must be there.
pub fn make_folder(path: &Path) -> Result<bool, FileError> {
    match fs::create_dir(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        result => {
            result.map_err(FileError::system(path, Action::CreateFolder))?;
            fs::set_permissions(path, Permissions::from_mode(PRIVATE_FOLDER))
                .map_err(FileError::system(path, Action::SetMode))?;
            sync_folder(path)?;
            Ok(true)
        }
    }
}

/// Returns whether a folder of ours is there; a link, or what else has its name, is refused.
pub fn is_own_folder(path: &Path) -> Result<bool, FileError> {
    let found = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        found => found.map_err(FileError::system(path, Action::Read))?,
    };
    if !found.is_dir() {
        let found = name_of(found.file_type());
        let problem = Problem::Other { found, expected: "folder", is_typed: false };
        return Err(FileError::new(path, Action::Read, problem));
    }
    Ok(true)
}

/// Makes a folder of ours inaccessible to others.
pub fn tighten_folder(path: &Path) -> Result<(), FileError> {
    let found = fs::symlink_metadata(path).map_err(FileError::system(path, Action::Read))?;
    if found.is_dir() && found.mode() & 0o077 != 0 {
        fs::set_permissions(path, Permissions::from_mode(PRIVATE_FOLDER))
            .map_err(FileError::system(path, Action::SetMode))?;
    }
    Ok(())
}

/// Brings the folder's list of names to the disk, so that a rename outlives a power cut.
fn sync_folder(path: &Path) -> Result<(), FileError> {
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
        result => result.map_err(FileError::system(path, Action::Create)),
    }
}

#[cfg(test)]
mod tests;
