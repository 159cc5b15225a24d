//! Public keys, as OpenSSH writes them into `.pub` files and the API into `sshKeys`.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use sha2::{Digest, Sha256};

use super::encoding::Fields;

/// The end of the name of every kind of OpenSSH certificate (`PROTOCOL.certkeys`).
pub(super) const CERTIFICATE_SUFFIX: &str = "-cert-v01@openssh.com";

/// A public key: its kind (`ssh-ed25519`) and its bytes. The comment is left behind: it is the
/// owner's business, and need not go anywhere.
///
/// Any kind is taken whose bytes hold together, so that a new algorithm or a hardware key needs
/// nothing here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    kind: Box<str>,
    blob: Box<[u8]>,
}

/// Why a text is no public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoKey {
    /// Not `kind base64 comment` on one line.
    Format,
    /// The base64 is damaged.
    Base64,
    /// The bytes are no key of the kind that stands in front of them.
    Bytes,
    /// It is a certificate.
    Certificate,
    /// It is a private key.
    Private,
}

impl fmt::Display for NoKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Format => "not one line of a kind and a key, as OpenSSH writes it",
            Self::Base64 => "the base64 of the key is damaged",
            Self::Bytes => "the key is damaged, or not of the kind that it says",
            Self::Certificate => "a certificate, where a public key should be",
            Self::Private => "a private key, where a public key should be",
        })
    }
}

impl std::error::Error for NoKey {}

impl PublicKey {
    /// The key with these bytes, which start with its kind.
    pub fn from_blob(blob: &[u8]) -> Result<Self, NoKey> {
        let mut fields = Fields::of(blob);
        let kind = fields.word().ok_or(NoKey::Bytes)?;
        if kind.ends_with(CERTIFICATE_SUFFIX) {
            return Err(NoKey::Certificate);
        }
        let mut count = 0;
        while !fields.is_empty() {
            fields.string().ok_or(NoKey::Bytes)?;
            count += 1;
        }
        if count == field_count(kind).unwrap_or(count.max(1)) {
            Ok(Self { kind: kind.into(), blob: blob.into() })
        } else {
            Err(NoKey::Bytes)
        }
    }

    /// The key's kind: `ssh-ed25519`, `ssh-rsa`, `sk-ssh-ed25519@openssh.com`, …
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// What identifies the key to people and to `ssh-keygen -l`.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint(Sha256::digest(&self.blob).into())
    }

    /// The key's own fields, without its kind.
    pub(super) fn fields(&self) -> Fields<'_> {
        let mut fields = Fields::of(&self.blob);
        fields.word();
        fields
    }
}

/// How many values a key of a well-known kind holds.
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
    type Err = NoKey;

    /// Reads `kind base64 comment`. Lines that are empty or start with `#` may stand around it.
    fn from_str(text: &str) -> Result<Self, NoKey> {
        let mut lines = text
            .lines()
            .map(|line| line.trim_matches([' ', '\t', '\r']))
            .filter(|line| !line.is_empty() && !line.starts_with('#'));
        let line = lines.next().ok_or(NoKey::Format)?;
        if line.starts_with("-----BEGIN") && line.contains("PRIVATE KEY") {
            return Err(NoKey::Private);
        }
        let mut words = line.split([' ', '\t']).filter(|word| !word.is_empty());
        let (Some(kind), Some(base64), None) = (words.next(), words.next(), lines.next()) else {
            return Err(NoKey::Format);
        };
        if kind.ends_with(CERTIFICATE_SUFFIX) {
            return Err(NoKey::Certificate);
        }
        let blob = STANDARD.decode(base64).map_err(|_| NoKey::Base64)?;
        let key = Self::from_blob(&blob)?;
        if key.kind() == kind { Ok(key) } else { Err(NoKey::Bytes) }
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

    fn refused(text: &str) -> NoKey {
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
        assert_eq!(refused(""), NoKey::Format);
        assert_eq!(refused("hello"), NoKey::Format);
        assert_eq!(refused(&format!("{KEY}\n{KEY}\n")), NoKey::Format);
        assert_eq!(refused("ssh-ed25519 AAAA*"), NoKey::Base64);
        assert_eq!(refused(&KEY.replacen("ssh-ed25519", "ssh-rsa", 1)), NoKey::Bytes);
        assert_eq!(refused("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5"), NoKey::Bytes);
        assert_eq!(refused("ssh-ed25519-cert-v01@openssh.com AAAA"), NoKey::Certificate);
        assert_eq!(refused("-----BEGIN OPENSSH PRIVATE KEY-----\nx\n"), NoKey::Private);
    }
}
