//! The identity that a certificate is for: from the path in a setting to its public key.
//!
//! Only the public half of a private key is looked at, and no private key is copied.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::encoding::Fields;
use super::{PublicKey, read_text};
use crate::fs::FileError;
use crate::ssh::process;
use crate::text::shell;

/// `ssh-keygen` answers in milliseconds; it must not hold up an ssh that waits for us.
const KEYGEN_LIMIT: Duration = Duration::from_secs(3);

/// The reason that a folder, a pipe, or another text is no key.
const NO_KEY: &str = "it is not a file that holds a key";

/// A key pair that ssh logs in with, known by its public half.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Its public half.
    pub public_key: PublicKey,
    /// The private key, where only `ssh-keygen` reads it and the public half is that of its `.pub`.
    unverified: Option<PathBuf>,
}

/// The reason that a path gives no identity.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// Neither the private key nor its `.pub` is there.
    #[error("there is no key at {}", shell::path(.0))]
    Missing(PathBuf),
    /// It cannot be read, and why.
    #[error("cannot read {}: {}", shell::path(.0), .1)]
    Unreadable(PathBuf, String),
    /// The `.pub` holds no public key.
    #[error("{} holds no public key: {}", shell::path(.0), .1)]
    NoKey(PathBuf, &'static str),
    /// The `.pub` belongs to another private key than the one beside it.
    #[error("{} does not belong to the private key {}: no certificate would fit both", shell::path(&with_pub(.0)), shell::path(.0))]
    Mismatch(PathBuf),
    /// `ssh-keygen` cannot read the private key either; what it said.
    #[error("cannot read the public half of {}: {}", shell::path(.0), .1)]
    Private(PathBuf, String),
}

impl IdentityError {
    /// Returns the next step for the user.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Missing(path) => format!(
                "make a key with `ssh-keygen -t ed25519 -f {}`, or name the one you have: \
                 --identity-file, PRIME_SSH_KEY_PATH, or `prime config set-ssh-key-path`",
                shell::command([path])
            ),
            Self::Mismatch(path) | Self::Private(path, _) => regenerate(path),
            Self::NoKey(path, _) => regenerate(&path.with_extension("")),
            Self::Unreadable(..) => "name another key: --identity-file, PRIME_SSH_KEY_PATH, \
                 or `prime config set-ssh-key-path`"
                .to_owned(),
        }
    }
}

/// Advises how to write a `.pub` again; `ssh-keygen` asks for the passphrase if there is one.
fn regenerate(private: &Path) -> String {
    let (key, public) = (shell::command([private]), shell::command([with_pub(private)]));
    format!("write its public half again: `ssh-keygen -y -f {key} > {public}`")
}

impl Identity {
    /// Reads the identity at `path`, which may name the private key or its `.pub`.
    ///
    /// Where the private key is in OpenSSH's own format, its `.pub` is checked against it. Another
    /// format is left to `ssh-keygen`, and only where there is no `.pub`: that one is
    /// [verified](Self::verify) before a certificate is asked for.
    pub fn read(path: &Path) -> Result<Self, IdentityError> {
        let private = private_path(path);
        let public = with_pub(&private);
        let beside = read_file(&public)?.map(|line| PublicKey::parse(&line)).transpose();
        let beside = beside.map_err(|why| IdentityError::NoKey(public.clone(), why))?;
        match (read_file(&private), beside) {
            (Ok(Some(text)), beside) => match (embedded_public_key(&text), beside) {
                (Some(half), Some(key)) if half != key => Err(IdentityError::Mismatch(private)),
                (Some(half), _) => Ok(Self::verified(half)),
                (None, Some(key)) => Ok(Self { public_key: key, unverified: Some(private) }),
                // Nothing else is worth `ssh-keygen`'s time, or its advice.
                (None, None) if !begins_private_key(&text) => {
                    Err(IdentityError::Unreadable(private, NO_KEY.to_owned()))
                }
                (None, None) => Ok(Self::verified(keygen_public_key(&private)?)),
            },
            // What is not there, or cannot be read here, may be an agent's, or on a hardware key.
            (Ok(None) | Err(_), Some(key)) => Ok(Self::verified(key)),
            (Ok(None), None) => Err(IdentityError::Missing(private)),
            (Err(problem), None) => Err(problem),
        }
    }

    /// Returns the public half of the key at `path`, where there is one that can be read.
    #[must_use]
    pub fn public_half(path: &Path) -> Option<PublicKey> {
        Some(Self::read(path).ok()?.public_key)
    }

    /// The public key in the `.pub` of `path`, where there is one; nothing else is opened.
    #[must_use]
    pub fn beside(path: &Path) -> Option<PublicKey> {
        PublicKey::parse(&read_text(&with_pub(&private_path(path))).ok()??).ok()
    }

    /// The mode of a private key that others can read: ssh rejects it.
    #[must_use]
    pub fn open_mode(path: &Path) -> Option<u32> {
        let mode = fs::metadata(path).ok()?.permissions().mode() & 0o777;
        let is_public = path.extension().is_some_and(|extension| extension == "pub");
        let is_open = mode & 0o077 != 0 && !is_public;
        let is_private = || read_text(path).ok().flatten().is_some_and(|t| begins_private_key(&t));
        (is_open && is_private()).then_some(mode)
    }

    fn verified(public_key: PublicKey) -> Self {
        Self { public_key, unverified: None }
    }

    /// Checks that a `.pub` belongs to its private key where that takes `ssh-keygen`. A key that
    /// `ssh-keygen` cannot read either (it has a passphrase) is trusted.
    pub fn verify(&self) -> Result<(), IdentityError> {
        let is_other = |private: &&PathBuf| {
            keygen_public_key(private).is_ok_and(|half| half != self.public_key)
        };
        match self.unverified.as_ref().filter(is_other) {
            Some(private) => Err(IdentityError::Mismatch(private.clone())),
            None => Ok(()),
        }
    }
}

fn begins_private_key(text: &str) -> bool {
    let first = text.lines().next().unwrap_or_default();
    first.starts_with("-----BEGIN ") && first.trim_end().ends_with("PRIVATE KEY-----")
}

/// The public half that a private key's file shows without its passphrase; `None` where it is not
/// in OpenSSH's own format. A public key under a name without `.pub` is its own public half.
fn embedded_public_key(text: &str) -> Option<PublicKey> {
    openssh_public_key(text).or_else(|| PublicKey::parse(text).ok())
}

/// The public key that stands unencrypted in front of the private one (`PROTOCOL.key`).
fn openssh_public_key(text: &str) -> Option<PublicKey> {
    let (_, body) = text.split_once("-----BEGIN OPENSSH PRIVATE KEY-----")?;
    let (body, _) = body.split_once("-----END OPENSSH PRIVATE KEY-----")?;
    let base64: String = body.split_ascii_whitespace().collect();
    let bytes = STANDARD.decode(base64).ok()?;
    let mut fields = Fields(bytes.strip_prefix(b"openssh-key-v1\0")?);
    for _cipher_kdf_options in 0..3 {
        fields.string()?;
    }
    let only_one = fields.u32()? == 1;
    PublicKey::from_blob(fields.string()?).ok().filter(|_| only_one)
}

fn private_path(given: &Path) -> PathBuf {
    match given.extension() {
        Some(extension) if extension == "pub" => given.with_extension(""),
        _ => given.to_owned(),
    }
}

fn with_pub(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".pub");
    name.into()
}

/// The text of a key's file; `None` where there is none.
fn read_file(path: &Path) -> Result<Option<String>, IdentityError> {
    let why = |error: FileError| match error.into_system_error() {
        Ok(error) => error.to_string(),
        // A folder, a pipe, or far too long.
        Err(_) => NO_KEY.to_owned(),
    };
    read_text(path).map_err(|error| IdentityError::Unreadable(path.to_owned(), why(error)))
}

/// The public half of a private key as `ssh-keygen` reads it: PEM keys are its own business.
fn keygen_public_key(path: &Path) -> Result<PublicKey, IdentityError> {
    let refused = |said: String| IdentityError::Private(path.to_owned(), said);
    // The empty passphrase is the right one or none is: it must not ask for another.
    let mut keygen = Command::new("ssh-keygen");
    let ended = process::run(keygen.args(["-y", "-P", "", "-f"]).arg(path), KEYGEN_LIMIT)
        .map_err(|error| refused(format!("ssh-keygen cannot be run: {error}")))?;
    match ended.status {
        Some(status) if status.success() => {
            PublicKey::parse(&ended.stdout).map_err(|why| refused(why.to_owned()))
        }
        Some(_) => {
            let said = ended.stderr.lines().rev().map(str::trim).find(|line| !line.is_empty());
            Err(refused(said.unwrap_or("ssh-keygen does not say why").to_owned()))
        }
        None => Err(refused("ssh-keygen did not answer in time".to_owned())),
    }
}
