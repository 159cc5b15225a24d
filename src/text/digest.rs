//! Short names for long things: SHA-256 in hex.

use sha2::{Digest, Sha256};

/// The first `digits` hex digits of the SHA-256 of `bytes`; 64 are all.
#[must_use]
pub fn hex(bytes: impl AsRef<[u8]>, digits: usize) -> String {
    let mut hex = format!("{:x}", Sha256::digest(bytes));
    hex.truncate(digits);
    hex
}
