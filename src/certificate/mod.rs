//! SSH certificates: the identity they are for, what they say, and whether one will do.
//!
//! A cluster with `vaultEnabled` lets in who holds a short-lived certificate, and ssh says nothing
//! about one that is missing or expired. So it is read and judged here, before it is written and
//! whenever it is needed. The format is OpenSSH's (`PROTOCOL.certkeys`): a dozen values with their
//! lengths in front. It is read here and not by a crate because the released one refuses a
//! certificate without an end, and kinds of keys that it does not know.

mod encoding;
#[cfg(test)]
mod examples;
#[cfg(test)]
mod keygen_tests;
mod public_key;
mod signature;
mod small_file;

pub mod describe;
pub mod file;
pub mod identity;
pub mod judge;
pub mod request;

use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use encoding::Fields;
pub use public_key::{Fingerprint, NoKey, PublicKey};
pub use signature::SignatureStatus;

/// The longest text that is looked at: many times a large RSA certificate with 256 principals.
pub const TEXT_MAX: usize = 64 * 1024;
/// `PROTOCOL.certkeys`, "type".
const USER: u32 = 1;
const HOST: u32 = 2;

/// An OpenSSH certificate as it says itself, not yet judged. The texts are as the signer wrote
/// them: make them sanitize before they are shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// The key that it is for.
    pub key: PublicKey,
    /// Whether it vouches for a host and not for a user.
    pub is_host: bool,
    /// What the signer calls it: stands in the logs of the servers.
    pub key_id: String,
    /// Who one may log in as.
    pub principals: Vec<String>,
    /// When it counts.
    pub validity: Validity,
    /// What the server must enforce, or else refuse it.
    pub critical_options: Vec<Setting>,
    /// What it permits beyond running a command.
    pub extensions: Vec<Setting>,
    /// The key that signed it.
    pub authority: PublicKey,
    /// What it signed.
    signed: Box<[u8]>,
    signature: Box<[u8]>,
    line: Box<str>,
}

/// One critical option or extension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Such as `force-command` or `permit-pty`.
    pub name: String,
    /// Empty where the name says it all.
    pub value: String,
}

/// From when until when a certificate counts, in Unix seconds: `from <= now < until`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// The first second; 0 is always.
    pub from: u64,
    /// The second after the last; `u64::MAX` is for ever.
    pub until: u64,
}

impl Validity {
    /// How much longer it is valid; `None` where it is not valid now.
    #[must_use]
    pub fn left(self, now: u64) -> Option<Duration> {
        let valid = self.from <= now && now < self.until;
        valid.then(|| Duration::from_secs(self.until - now))
    }

    /// Whether it has no end.
    #[must_use]
    pub fn is_endless(self) -> bool {
        self.until == u64::MAX
    }
}

/// Why a text is no certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// Nothing but white space.
    Empty,
    /// Over [`TEXT_MAX`]; the number of bytes.
    TooLong(usize),
    /// More than one line.
    Lines,
    /// Not `kind base64 comment`.
    Format,
    /// A public key.
    PlainKey,
    /// A kind of certificate that nobody here knows.
    Kind,
    /// The base64 is damaged.
    Base64,
    /// The bytes do not hold together; the value at which they fall apart.
    Bytes(&'static str),
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("it is empty"),
            Self::TooLong(bytes) => {
                write!(f, "it is {bytes} bytes long; a certificate has at most {TEXT_MAX}")
            }
            Self::Lines => f.write_str("it is more than one line"),
            Self::Format => f.write_str("it is not a line of a kind and a certificate"),
            Self::PlainKey => f.write_str("it is a public key that nobody signed"),
            Self::Kind => f.write_str("it is of an unknown kind"),
            Self::Base64 => f.write_str("its base64 is damaged"),
            Self::Bytes(value) => write!(f, "it is damaged at its {value}"),
        }
    }
}

impl std::error::Error for Unreadable {}

impl Certificate {
    /// Reads one line, `kind base64 comment`.
    pub fn read(text: &str) -> Result<Self, Unreadable> {
        if text.len() > TEXT_MAX {
            return Err(Unreadable::TooLong(text.len()));
        }
        let line = text.trim_matches([' ', '\t', '\r', '\n']);
        if line.is_empty() {
            return Err(Unreadable::Empty);
        }
        if line.contains(['\n', '\r']) {
            return Err(Unreadable::Lines);
        }
        let mut words = line.split([' ', '\t']).filter(|word| !word.is_empty());
        let (Some(kind), Some(base64)) = (words.next(), words.next()) else {
            return Err(Unreadable::Format);
        };
        let Some(key_kind) = certified_kind(kind) else {
            return Err(match line.parse::<PublicKey>() {
                Ok(_) => Unreadable::PlainKey,
                Err(_) => Unreadable::Format,
            });
        };
        let values = public_key::field_count(&key_kind).ok_or(Unreadable::Kind)?;
        let blob = STANDARD.decode(base64).map_err(|_| Unreadable::Base64)?;
        let mut fields = Fields::of(&blob);
        if fields.word() != Some(kind) {
            return Err(Unreadable::Bytes("kind"));
        }
        let line = format!("{kind} {base64}\n").into();
        Self::of_fields(&blob, fields, &key_kind, values, line).map_err(Unreadable::Bytes)
    }

    /// What stands behind the kind; the error names the value that is damaged.
    fn of_fields(
        blob: &[u8],
        mut fields: Fields<'_>,
        key_kind: &str,
        values: usize,
        line: Box<str>,
    ) -> Result<Self, &'static str> {
        fields.string().ok_or("nonce")?;
        let key = certified_key(&mut fields, key_kind, values).ok_or("key")?;
        fields.u64().ok_or("serial number")?;
        let purpose = fields.u32().ok_or("type")?;
        if !matches!(purpose, USER | HOST) {
            return Err("type");
        }
        let key_id = text(fields.string().ok_or("key id")?);
        let principals = principals(&mut fields).ok_or("principals")?;
        let from = fields.u64().ok_or("validity")?;
        let until = fields.u64().ok_or("validity")?;
        let critical_options = settings(&mut fields).ok_or("critical options")?;
        let extensions = settings(&mut fields).ok_or("extensions")?;
        fields.string().ok_or("reserved value")?;
        let authority = fields.string().and_then(|blob| PublicKey::from_blob(blob).ok());
        let authority = authority.ok_or("signer's key")?;
        let signed = blob.strip_suffix(fields.rest()).ok_or("signature")?;
        let signature = fields.string().ok_or("signature")?;
        if !fields.is_empty() {
            return Err("end");
        }
        Ok(Self {
            key,
            is_host: purpose == HOST,
            key_id,
            principals,
            validity: Validity { from, until },
            critical_options,
            extensions,
            authority,
            signed: signed.into(),
            signature: signature.into(),
            line,
        })
    }

    /// Whether its signature is its signer's. This takes longer than all the rest.
    #[must_use]
    pub fn seal(&self) -> SignatureStatus {
        signature::check(&self.authority, &self.signed, &self.signature)
            .unwrap_or(SignatureStatus::Broken)
    }

    /// The line that ssh reads, with its end and without the signer's comment.
    #[must_use]
    pub fn line(&self) -> &str {
        &self.line
    }
}

/// The kind of key that this kind of certificate is for: `ssh-rsa` of `ssh-rsa-cert-v01@…`.
fn certified_kind(kind: &str) -> Option<String> {
    let base = kind.strip_suffix(public_key::CERTIFICATE_SUFFIX)?;
    let vendor = if base.starts_with("sk-") { "@openssh.com" } else { "" };
    Some(format!("{base}{vendor}"))
}

/// The key inside a certificate: the same values as on its own, without the kind in front.
fn certified_key(fields: &mut Fields<'_>, kind: &str, values: usize) -> Option<PublicKey> {
    let start = fields.rest();
    for _ in 0..values {
        fields.string()?;
    }
    let values = start.strip_suffix(fields.rest())?;
    let length = u32::try_from(kind.len()).ok()?;
    let blob = [&length.to_be_bytes(), kind.as_bytes(), values].concat();
    PublicKey::from_blob(&blob).ok()
}

fn principals(fields: &mut Fields<'_>) -> Option<Vec<String>> {
    let mut list = Fields::of(fields.string()?);
    let mut principals = Vec::new();
    while !list.is_empty() {
        principals.push(text(list.string()?));
    }
    Some(principals)
}

fn settings(fields: &mut Fields<'_>) -> Option<Vec<Setting>> {
    let mut list = Fields::of(fields.string()?);
    let mut settings = Vec::new();
    while !list.is_empty() {
        let name = text(list.string()?);
        // A value is a text inside a text; a name that says it all has none.
        let mut value = Fields::of(list.string()?);
        let value = if value.is_empty() { String::new() } else { text(value.string()?) };
        settings.push(Setting { name, value });
    }
    Some(settings)
}

/// A text is shown and compared with plain ASCII; what is no UTF-8 equals none.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
