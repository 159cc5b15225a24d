//! Reads the file of a key or a certificate, whatever is at its path.

use std::io;
use std::path::Path;

use super::TEXT_MAX;
use crate::fs;

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
    match fs::read(path, TEXT_MAX as u64) {
        Ok(bytes) => Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) => Err(error.into_system_error().map_or(ReadError::NotAKey, ReadError::System)),
    }
}
