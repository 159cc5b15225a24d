//! Public keys, as OpenSSH writes them into `.pub` files and the API into `sshKeys`.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use sha2::{Digest, Sha256};

use super::encoding::Fields;

/// The end of the kind of every OpenSSH certificate (`PROTOCOL.certkeys`).
pub(super) const CERTIFICATE_SUFFIX: &str = "-cert-v01@openssh.com";

const FORMAT: &str = "not one line of a kind and a key, as OpenSSH writes it";
const DAMAGED: &str = "the key is damaged, or not of the kind that it says";
const CERTIFICATE: &str = "a certificate, where a public key should be";

/// A public key: its kind (`ssh-ed25519`) and its bytes, without the comment.
///
/// Any kind is accepted whose bytes are well formed, so that a new algorithm or a hardware key
/// needs no change here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    kind: Box<str>,
    blob: Box<[u8]>,
}

impl PublicKey {
    /// Reads `kind base64 comment`. Lines that are empty or start with `#` may stand around it. The
    /// error says what is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let mut lines = text
            .lines()
            .map(|line| line.trim_matches([' ', '\t', '\r']))
            .filter(|line| !line.is_empty() && !line.starts_with('#'));
        let line = lines.next().ok_or(FORMAT)?;
        if line.starts_with("-----BEGIN") && line.contains("PRIVATE KEY") {
            return Err("a private key, where a public key should be");
        }
        let mut words = line.split([' ', '\t']).filter(|word| !word.is_empty());
        let (Some(kind), Some(base64), None) = (words.next(), words.next(), lines.next()) else {
            return Err(FORMAT);
        };
        if kind.ends_with(CERTIFICATE_SUFFIX) {
            return Err(CERTIFICATE);
        }
        let blob = STANDARD.decode(base64).map_err(|_| "the base64 of the key is damaged")?;
        let key = Self::from_blob(&blob)?;
        if key.kind() == kind { Ok(key) } else { Err(DAMAGED) }
    }

    /// Reads the bytes of a key, which start with its kind.
    pub fn from_blob(blob: &[u8]) -> Result<Self, &'static str> {
        let mut fields = Fields(blob);
        let kind = fields.word().ok_or(DAMAGED)?;
        if kind.ends_with(CERTIFICATE_SUFFIX) {
            return Err(CERTIFICATE);
        }
        let mut count = 0;
        while !fields.is_empty() {
            fields.string().ok_or(DAMAGED)?;
            count += 1;
        }
        if count == field_count(kind).unwrap_or(count.max(1)) {
            Ok(Self { kind: kind.into(), blob: blob.into() })
        } else {
            Err(DAMAGED)
        }
    }

    /// The key's kind: `ssh-ed25519`, `ssh-rsa`, `sk-ssh-ed25519@openssh.com`, …
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// Returns the fingerprint, as `ssh-keygen -l` shows it: `SHA256:` and base64.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(&self.blob)))
    }

    /// Returns the key's fields after its kind.
    pub(super) fn fields(&self) -> Fields<'_> {
        let mut fields = Fields(&self.blob);
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

impl fmt::Display for PublicKey {
    /// `kind base64`, as a line of `authorized_keys` without a comment.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, STANDARD.encode(&self.blob))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti";

    fn refused(text: &str) -> &'static str {
        PublicKey::parse(text).unwrap_err()
    }

    #[test]
    fn a_line_is_read_and_written_without_its_comment() {
        let key = PublicKey::parse(&format!("\n# mine\n{KEY} user@example.com\r\n")).unwrap();
        assert_eq!(key.kind(), "ssh-ed25519");
        assert_eq!(key.to_string(), KEY);
        assert_eq!(key.fingerprint(), "SHA256:UCUiLr7Pjs9wFFJMDByLgc3NrtdU344OgUM45wZPcIQ");
    }

    #[test]
    fn what_is_no_key_says_why() {
        assert_eq!(refused(""), FORMAT);
        assert_eq!(refused("hello"), FORMAT);
        assert_eq!(refused(&format!("{KEY}\n{KEY}\n")), FORMAT);
        assert_eq!(refused("ssh-ed25519 AAAA*"), "the base64 of the key is damaged");
        assert_eq!(refused(&KEY.replacen("ssh-ed25519", "ssh-rsa", 1)), DAMAGED);
        assert_eq!(refused("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5"), DAMAGED);
        assert_eq!(refused("ssh-ed25519-cert-v01@openssh.com AAAA"), CERTIFICATE);
        assert_eq!(
            refused("-----BEGIN OPENSSH PRIVATE KEY-----\nx\n"),
            "a private key, where a public key should be"
        );
    }
}
