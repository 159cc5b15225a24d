//! Public keys, as OpenSSH writes them into `.pub` files and the API into `sshKeys`.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use sha2::{Digest, Sha256};

use super::encoding::Fields;

/// The end of the kind of every OpenSSH certificate (`PROTOCOL.certkeys`).
pub(super) const CERTIFICATE_SUFFIX: &str = "-cert-v01@openssh.com";

/// A public key: its kind (`ssh-ed25519`) and its bytes, without the comment.
///
/// Any kind is accepted whose bytes are well formed, so that a new algorithm or a hardware key
/// needs no change here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    kind: Box<str>,
    blob: Box<[u8]>,
}

/// The reason that a text is not a public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublicKeyError {
    /// Not `kind base64 comment` on one line.
    #[error("not one line of a kind and a key, as OpenSSH writes it")]
    Format,
    /// The base64 is damaged.
    #[error("the base64 of the key is damaged")]
    Base64,
    /// The bytes are no key of the kind in front of them.
    #[error("the key is damaged, or not of the kind that it says")]
    Bytes,
    /// It is a certificate.
    #[error("a certificate, where a public key should be")]
    Certificate,
    /// It is a private key.
    #[error("a private key, where a public key should be")]
    Private,
}

impl PublicKey {
    /// Reads the bytes of a key, which start with its kind.
    pub fn from_blob(blob: &[u8]) -> Result<Self, PublicKeyError> {
        let mut fields = Fields::of(blob);
        let kind = fields.word().ok_or(PublicKeyError::Bytes)?;
        if kind.ends_with(CERTIFICATE_SUFFIX) {
            return Err(PublicKeyError::Certificate);
        }
        let mut count = 0;
        while !fields.is_empty() {
            fields.string().ok_or(PublicKeyError::Bytes)?;
            count += 1;
        }
        if count == field_count(kind).unwrap_or(count.max(1)) {
            Ok(Self { kind: kind.into(), blob: blob.into() })
        } else {
            Err(PublicKeyError::Bytes)
        }
    }

    /// The key's kind: `ssh-ed25519`, `ssh-rsa`, `sk-ssh-ed25519@openssh.com`, …
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// Returns the fingerprint, as `ssh-keygen -l` shows it.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint(Sha256::digest(&self.blob).into())
    }

    /// Returns the key's fields after its kind.
    pub(super) fn fields(&self) -> Fields<'_> {
        let mut fields = Fields::of(&self.blob);
        fields.word();
        fields
    }
}

/// Returns the number of fields in a key of a well-known kind.
pub(super) fn field_count(kind: &str) -> Option<usize> {
    match kind {
        "ssh-ed25519" => Some(1),
        "ssh-rsa"
        | "ecdsa-sha2-nistp256"
        | "ecdsa-sha2-nistp384"
        | "ecdsa-sha2-nistp521"
        | "sk-ssh-ed25519@openssh.com" => Some(2),
        "sk-ecdsa-sha2-nistp256@openssh.com" => Some(3),
        "ssh-dss" => Some(4),
        _ => None,
    }
}

impl FromStr for PublicKey {
    type Err = PublicKeyError;

    /// Reads `kind base64 comment`. Lines that are empty or start with `#` may stand around it.
    fn from_str(text: &str) -> Result<Self, PublicKeyError> {
        let mut lines = text
            .lines()
            .map(|line| line.trim_matches([' ', '\t', '\r']))
            .filter(|line| !line.is_empty() && !line.starts_with('#'));
        let line = lines.next().ok_or(PublicKeyError::Format)?;
        if line.starts_with("-----BEGIN") && line.contains("PRIVATE KEY") {
            return Err(PublicKeyError::Private);
        }
        let mut words = line.split([' ', '\t']).filter(|word| !word.is_empty());
        let (Some(kind), Some(base64), None) = (words.next(), words.next(), lines.next()) else {
            return Err(PublicKeyError::Format);
        };
        if kind.ends_with(CERTIFICATE_SUFFIX) {
            return Err(PublicKeyError::Certificate);
        }
        let blob = STANDARD.decode(base64).map_err(|_| PublicKeyError::Base64)?;
        let key = Self::from_blob(&blob)?;
        if key.kind() == kind { Ok(key) } else { Err(PublicKeyError::Bytes) }
    }
}

impl fmt::Display for PublicKey {
    /// `kind base64`, as a line of `authorized_keys` without a comment.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, STANDARD.encode(&self.blob))
    }
}

/// The SHA-256 fingerprint of a key, in the form of `ssh-keygen -l`: `SHA256:` and base64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; 32]);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SHA256:{}", STANDARD_NO_PAD.encode(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti";

    fn refused(text: &str) -> PublicKeyError {
        text.parse::<PublicKey>().unwrap_err()
    }

    #[test]
    fn a_line_is_read_and_written_without_its_comment() {
        let key: PublicKey = format!("\n# mine\n{KEY} user@example.com\r\n").parse().unwrap();
        assert_eq!(key.kind(), "ssh-ed25519");
        assert_eq!(key.to_string(), KEY);
        assert_eq!(
            key.fingerprint().to_string(),
            "SHA256:UCUiLr7Pjs9wFFJMDByLgc3NrtdU344OgUM45wZPcIQ"
        );
    }

    #[test]
    fn what_is_no_key_says_why() {
        assert_eq!(refused(""), PublicKeyError::Format);
        assert_eq!(refused("hello"), PublicKeyError::Format);
        assert_eq!(refused(&format!("{KEY}\n{KEY}\n")), PublicKeyError::Format);
        assert_eq!(refused("ssh-ed25519 AAAA*"), PublicKeyError::Base64);
        assert_eq!(refused(&KEY.replacen("ssh-ed25519", "ssh-rsa", 1)), PublicKeyError::Bytes);
        assert_eq!(refused("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5"), PublicKeyError::Bytes);
        assert_eq!(refused("ssh-ed25519-cert-v01@openssh.com AAAA"), PublicKeyError::Certificate);
        assert_eq!(refused("-----BEGIN OPENSSH PRIVATE KEY-----\nx\n"), PublicKeyError::Private);
    }
}
