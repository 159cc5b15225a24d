//! SSH certificates: read, judge, renew.
//!
//! A cluster with `vaultEnabled` lets in only who holds a short-lived certificate, and ssh says
//! nothing about one that is missing or expired. So a certificate is judged before it is written,
//! and whenever it is needed.

mod encoding;
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

pub use parse::Certificate;
pub use public_key::PublicKey;
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

/// A key and a certificate for it.
#[cfg(test)]
mod examples {
    /// An ed25519 key.
    pub(super) const KEY: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIL9W/zasx18sWeRtGlCfDMCWGa/nZjiQ+yBSIV2rwrbD me";
    /// Made by `ssh-keygen -s` for that key: principals `ubuntu` and `root`, eight hours.
    pub(super) const CERTIFICATE: &str = "ssh-ed25519-cert-v01@openssh.com \
        AAAAIHNzaC1lZDI1NTE5LWNlcnQtdjAxQG9wZW5zc2guY29tAAAAIOH0kOnadTV/9/p/nmWRBDs4XBEtYqTJBVCG\
        pmkjxlyiAAAAIL9W/zasx18sWeRtGlCfDMCWGa/nZjiQ+yBSIV2rwrbDAAAAAAAAAAcAAAABAAAADXZhdWx0LXRv\
        a2VuLTEAAAASAAAABnVidW50dQAAAARyb290AAAAAGpwgsAAAAAAanDzQAAAAAAAAACCAAAAFXBlcm1pdC1YMTEt\
        Zm9yd2FyZGluZwAAAAAAAAAXcGVybWl0LWFnZW50LWZvcndhcmRpbmcAAAAAAAAAFnBlcm1pdC1wb3J0LWZvcndh\
        cmRpbmcAAAAAAAAACnBlcm1pdC1wdHkAAAAAAAAADnBlcm1pdC11c2VyLXJjAAAAAAAAAAAAAAAzAAAAC3NzaC1l\
        ZDI1NTE5AAAAICPtjJUFIUH8fCQjVhvVAS+AMzaJ/wZYhJnHWAGFozg9AAAAUwAAAAtzc2gtZWQyNTUxOQAAAEC5\
        IA50453wdJeeU59MheP6zscyP4iQOiJz6n9rD7ifbPbhoj5WgXTTLEJu0Anwer0YbO7SqQMcTFwfhl+dGc8E me\n";
    /// Its first second.
    pub(super) const FROM: u64 = 1_785_758_400;
}
