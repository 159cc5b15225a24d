//! SSH certificates: read, judge, request, renew.
//!
//! A cluster with `vaultEnabled` lets in only who holds a short-lived certificate, and ssh says
//! nothing about one that is missing or expired. So a certificate is judged before it is written,
//! and whenever it is needed.

mod encoding;
#[cfg(test)]
mod examples;
#[cfg(test)]
mod keygen_tests;
pub mod own_keys;
mod parse;
mod public_key;
mod signature;

pub mod details;
pub mod file;
pub mod identity;
pub mod judge;
pub mod request;

pub use parse::{Certificate, ParseError, Setting, Validity};
pub use public_key::{Fingerprint, PublicKey, PublicKeyError};
pub use signature::SignatureStatus;

use std::path::Path;

use crate::fs::{self, FileError};

/// The longest text that is looked at: many times a large RSA certificate with 256 principals.
const TEXT_MAX: usize = 64 * 1024;

/// Reads the file of a key or a certificate, whatever is at its path; `None` where nothing is.
fn read_text(path: &Path) -> Result<Option<String>, FileError> {
    let bytes = fs::read(path, TEXT_MAX as u64)?;
    Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
}
