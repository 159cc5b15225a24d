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
    /// The first second in which it is valid, in Unix seconds; 0 for any time.
    pub valid_from: u64,
    /// The second after the last one; `u64::MAX` for no end.
    pub valid_until: u64,
    /// The options that a server must enforce, or else refuse the certificate: names and values.
    pub critical_options: Vec<(String, String)>,
    /// The permissions beyond running a command, such as `permit-pty`; the value of a flag is empty.
    pub extensions: Vec<(String, String)>,
    /// The key that signed it.
    pub authority: PublicKey,
    /// The result of checking its signature.
    pub signature: SignatureStatus,
    /// The line that ssh reads, with its end and without the signer's comment.
    pub line: Box<str>,
}

impl Certificate {
    /// Reads one line, `kind base64 comment`. The error says what is wrong with the text.
    pub fn read(text: &str) -> Result<Self, String> {
        if text.len() > TEXT_MAX {
            let length = text.len();
            return Err(format!("it is {length} bytes long; a certificate has at most {TEXT_MAX}"));
        }
        let line = text.trim_matches([' ', '\t', '\r', '\n']);
        if line.is_empty() {
            return Err("it is empty".to_owned());
        }
        if line.contains(['\n', '\r']) {
            return Err("it is more than one line".to_owned());
        }
        let no_line = || "it is not a line of a kind and a certificate".to_owned();
        let mut words = line.split([' ', '\t']).filter(|word| !word.is_empty());
        let (kind, base64) = words.next().zip(words.next()).ok_or_else(no_line)?;
        let Some(key_kind) = certified_kind(kind) else {
            return Err(match PublicKey::parse(line) {
                Ok(_) => "it is a public key that nobody signed".to_owned(),
                Err(_) => no_line(),
            });
        };
        let values = public_key::field_count(&key_kind).ok_or("it is of an unknown kind")?;
        let blob = STANDARD.decode(base64).map_err(|_| "its base64 is damaged")?;
        let line = format!("{kind} {base64}\n").into();
        Self::of_fields(&blob, kind, &key_kind, values, line)
            .map_err(|field| format!("it is damaged at its {field}"))
    }

    /// Returns how much longer it is valid; `None` where it is not valid now.
    #[must_use]
    pub fn left(&self, now: u64) -> Option<Duration> {
        let valid = self.valid_from <= now && now < self.valid_until;
        valid.then(|| Duration::from_secs(self.valid_until - now))
    }

    /// Returns whether it is valid for ever.
    #[must_use]
    pub fn is_endless(&self) -> bool {
        self.valid_until == u64::MAX
    }

    /// Reads the bytes. The error names the field that is damaged.
    fn of_fields(
        blob: &[u8],
        kind: &str,
        key_kind: &str,
        values: usize,
        line: Box<str>,
    ) -> Result<Self, &'static str> {
        let mut fields = Fields(blob);
        fields.word().filter(|word| *word == kind).ok_or("kind")?;
        fields.string().ok_or("nonce")?;
        let key = certified_key(&mut fields, key_kind, values).ok_or("key")?;
        fields.u64().ok_or("serial number")?;
        let purpose = fields.u32().ok_or("type")?;
        if !matches!(purpose, USER | HOST) {
            return Err("type");
        }
        let key_id = text(fields.string().ok_or("key id")?);
        let principals = principals(&mut fields).ok_or("principals")?;
        let valid_from = fields.u64().ok_or("validity")?;
        let valid_until = fields.u64().ok_or("validity")?;
        let critical_options = settings(&mut fields).ok_or("critical options")?;
        let extensions = settings(&mut fields).ok_or("extensions")?;
        fields.string().ok_or("reserved value")?;
        let authority = fields.string().and_then(|blob| PublicKey::from_blob(blob).ok());
        let authority = authority.ok_or("signer's key")?;
        let signed = blob.strip_suffix(fields.0).ok_or("signature")?;
        let signature = fields.string().ok_or("signature")?;
        let signature = signature::check(&authority, signed, signature);
        if !fields.is_empty() {
            return Err("end");
        }
        Ok(Self {
            key,
            is_host: purpose == HOST,
            key_id,
            principals,
            valid_from,
            valid_until,
            critical_options,
            extensions,
            authority,
            signature: signature.unwrap_or(SignatureStatus::Invalid),
            line,
        })
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
    let start = fields.0;
    for _ in 0..values {
        fields.string()?;
    }
    let values = start.strip_suffix(fields.0)?;
    let length = u32::try_from(kind.len()).ok()?;
    let blob = [&length.to_be_bytes(), kind.as_bytes(), values].concat();
    PublicKey::from_blob(&blob).ok()
}

fn principals(fields: &mut Fields<'_>) -> Option<Vec<String>> {
    let mut list = Fields(fields.string()?);
    let mut principals = Vec::new();
    while !list.is_empty() {
        principals.push(text(list.string()?));
    }
    Some(principals)
}

fn settings(fields: &mut Fields<'_>) -> Option<Vec<(String, String)>> {
    let mut list = Fields(fields.string()?);
    let mut settings = Vec::new();
    while !list.is_empty() {
        let name = text(list.string()?);
        // A value is a string inside a string; a flag has none.
        let mut value = Fields(list.string()?);
        let value = if value.is_empty() { String::new() } else { text(value.string()?) };
        settings.push((name, value));
    }
    Some(settings)
}

/// Text to show, or to compare with plain ASCII, which text that is not UTF-8 never equals.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
