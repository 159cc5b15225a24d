//! Reads the file of a key or a certificate, whatever is at its path.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::Path;

use super::TEXT_MAX;

/// Why a file was not read.
#[derive(Debug)]
pub(super) enum ReadError {
    /// It is a folder or a pipe, or far too long to be a key or a certificate.
    NotAKey,
    /// The system refuses to read it.
    System(io::Error),
}

/// The text of a file; `None` where there is none.
pub(super) fn read(path: &Path) -> Result<Option<String>, ReadError> {
    // Asked first: to open a pipe would wait for its writer.
    let found = match fs::metadata(path) {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        found => found.map_err(ReadError::System)?,
    };
    let length = usize::try_from(found.len()).unwrap_or(usize::MAX);
    if !found.is_file() || length > TEXT_MAX {
        return Err(ReadError::NotAKey);
    }
    let mut bytes = Vec::with_capacity(length + 1);
    File::open(path)
        .and_then(|file| file.take(TEXT_MAX as u64).read_to_end(&mut bytes))
        .map_err(ReadError::System)?;
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}
