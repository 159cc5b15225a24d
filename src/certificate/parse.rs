//! Reading a certificate. The format is OpenSSH's (`PROTOCOL.certkeys`): a dozen values, each with
//! its length in front.
//!
//! Read here and not by the `ssh-key` crate: 0.6 cannot read a certificate without an end
//! (RustCrypto/SSH#503), so nobody could be told why it is refused, and 0.7 is no release yet. Its
//! signature checks would bring a second library of cryptography beside `ring`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::time::Duration;

use super::TEXT_MAX;
use super::encoding::Fields;
use super::public_key::{self, PublicKey};
use super::signature::{self, SignatureStatus};

/// `PROTOCOL.certkeys`, "type".
const USER: u32 = 1;
const HOST: u32 = 2;

/// An OpenSSH certificate, not yet judged. Its texts are as the signer wrote them: sanitize them
/// before they are shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// The key that it is for.
    pub key: PublicKey,
    /// True if it is for a host and not for a user.
    pub is_host: bool,
    /// The signer's name for it; servers log it.
    pub key_id: String,
    /// The users that one may log in as.
    pub principals: Vec<String>,
    /// Its validity.
    pub validity: Validity,
    /// The options that a server must enforce, or else refuse the certificate.
    pub critical_options: Vec<Setting>,
    /// The permissions beyond running a command.
    pub extensions: Vec<Setting>,
    /// The key that signed it.
    pub authority: PublicKey,
    signed: Box<[u8]>,
    signature: Box<[u8]>,
    line: Box<str>,
}

/// A critical option or an extension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// For example `force-command` or `permit-pty`.
    pub name: String,
    /// Empty for a flag.
    pub value: String,
}

/// The validity of a certificate, in Unix seconds: `from <= now < until`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// The first second; 0 for any time.
    pub from: u64,
    /// The second after the last; `u64::MAX` for no end.
    pub until: u64,
}

impl Validity {
    /// Returns how much longer it is valid; `None` where it is not valid now.
    #[must_use]
    pub fn left(self, now: u64) -> Option<Duration> {
        let valid = self.from <= now && now < self.until;
        valid.then(|| Duration::from_secs(self.until - now))
    }

    /// Returns whether it has no end.
    #[must_use]
    pub fn is_endless(self) -> bool {
        self.until == u64::MAX
    }
}

/// The reason that a text is not a certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Nothing but white space.
    #[error("it is empty")]
    Empty,
    /// Over `TEXT_MAX`; the number of bytes.
    #[error("it is {0} bytes long; a certificate has at most {TEXT_MAX}")]
    TooLong(usize),
    /// More than one line.
    #[error("it is more than one line")]
    Lines,
    /// Not `kind base64 comment`.
    #[error("it is not a line of a kind and a certificate")]
    Format,
    /// A public key.
    #[error("it is a public key that nobody signed")]
    PlainKey,
    /// A kind of certificate that is not known here.
    #[error("it is of an unknown kind")]
    Kind,
    /// The base64 is damaged.
    #[error("its base64 is damaged")]
    Base64,
    /// The bytes are no certificate; the field where they go wrong.
    #[error("it is damaged at its {0}")]
    Bytes(&'static str),
}

impl Certificate {
    /// Reads one line, `kind base64 comment`.
    pub fn read(text: &str) -> Result<Self, ParseError> {
        if text.len() > TEXT_MAX {
            return Err(ParseError::TooLong(text.len()));
        }
        let line = text.trim_matches([' ', '\t', '\r', '\n']);
        if line.is_empty() {
            return Err(ParseError::Empty);
        }
        if line.contains(['\n', '\r']) {
            return Err(ParseError::Lines);
        }
        let mut words = line.split([' ', '\t']).filter(|word| !word.is_empty());
        let (Some(kind), Some(base64)) = (words.next(), words.next()) else {
            return Err(ParseError::Format);
        };
        let Some(key_kind) = certified_kind(kind) else {
            return Err(match line.parse::<PublicKey>() {
                Ok(_) => ParseError::PlainKey,
                Err(_) => ParseError::Format,
            });
        };
        let values = public_key::field_count(&key_kind).ok_or(ParseError::Kind)?;
        let blob = STANDARD.decode(base64).map_err(|_| ParseError::Base64)?;
        let mut fields = Fields::of(&blob);
        if fields.word() != Some(kind) {
            return Err(ParseError::Bytes("kind"));
        }
        let line = format!("{kind} {base64}\n").into();
        Self::of_fields(&blob, fields, &key_kind, values, line).map_err(ParseError::Bytes)
    }

    /// Reads what follows the kind. The error names the field that is damaged.
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

    /// Checks the signature, which takes longer than reading everything else.
    #[must_use]
    pub fn signature_status(&self) -> SignatureStatus {
        signature::check(&self.authority, &self.signed, &self.signature)
            .unwrap_or(SignatureStatus::Invalid)
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
        // A value is a string inside a string; a flag has none.
        let mut value = Fields::of(list.string()?);
        let value = if value.is_empty() { String::new() } else { text(value.string()?) };
        settings.push(Setting { name, value });
    }
    Some(settings)
}

/// Text to show, or to compare with plain ASCII, which text that is not UTF-8 never equals.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
