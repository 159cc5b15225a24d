//! The identity that a certificate is for: from the path that a setting names to its public key.
//!
//! Nothing but the public half of a private key is looked at, and no private key is copied.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::encoding::Fields;
use super::small_file::{self, Unread};
use super::{NoKey, PublicKey};
use crate::ssh::process;

/// `ssh-keygen` answers in milliseconds; it must not hold up an ssh that waits for us.
const KEYGEN_LIMIT: Duration = Duration::from_secs(3);

/// A key pair that ssh logs in with, known by its public half.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// What `IdentityFile` should name: the private key, or the `.pub` of a key that an agent or a
    /// hardware key holds.
    pub file: PathBuf,
    /// Its public half.
    pub public_key: PublicKey,
    /// Whether the public half was read from the `.pub` beside a key that only `ssh-keygen` reads.
    unproved: bool,
}

/// Why there is no identity at a path.
#[derive(Debug)]
pub enum Problem {
    /// Neither the private key nor its `.pub` is there.
    Missing(PathBuf),
    /// The system does not let it be read.
    Unreadable(PathBuf, io::Error),
    /// It is a folder, a pipe, or far too long.
    NoFile(PathBuf),
    /// The `.pub` holds no public key.
    NoKey(PathBuf, NoKey),
    /// The `.pub` belongs to another key than the private key beside it.
    Stale(PathBuf),
    /// `ssh-keygen` cannot read the private key either; what it said.
    Private(PathBuf, String),
}

impl Problem {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Missing(path) => format!(
                "make a key with `ssh-keygen -t ed25519 -f '{}'`, or name the one you have: \
                 --identity-file, PRIME_SSH_KEY_PATH, or `prime config set-ssh-key-path`",
                path.display()
            ),
            Self::Stale(path) | Self::Private(path, _) => remade(path),
            Self::NoKey(path, _) => remade(&path.with_extension("")),
            Self::Unreadable(..) | Self::NoFile(_) => {
                "name another key: --identity-file, PRIME_SSH_KEY_PATH, \
                 or `prime config set-ssh-key-path`"
                    .to_owned()
            }
        }
    }
}

/// How a `.pub` is made anew; `ssh-keygen` asks for the passphrase where there is one.
fn remade(private: &Path) -> String {
    let path = private.display();
    format!("make its public half anew: `ssh-keygen -y -f '{path}' > '{path}.pub'`")
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(path) => write!(f, "there is no key at {}", path.display()),
            Self::Unreadable(path, error) => write!(f, "cannot read {}: {error}", path.display()),
            Self::NoFile(path) => write!(f, "{} is no file that holds a key", path.display()),
            Self::NoKey(path, why) => write!(f, "{} holds no public key: {why}", path.display()),
            Self::Stale(path) => write!(
                f,
                "{0}.pub does not belong to the private key {0}: no certificate would fit both",
                path.display()
            ),
            Self::Private(path, said) => {
                write!(f, "cannot read the public half of {}: {said}", path.display())
            }
        }
    }
}

impl std::error::Error for Problem {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unreadable(_, error) => Some(error),
            Self::NoKey(_, error) => Some(error),
            _ => None,
        }
    }
}

impl Identity {
    /// Reads the identity at `path`, which may name the private key or its `.pub`.
    ///
    /// Where the private key is in OpenSSH's own format, a `.pub` that is not its is found out.
    /// Another format is left to `ssh-keygen`, and only where there is no `.pub`: that one is
    /// [proved](Self::prove) before a certificate is asked for.
    pub fn read(path: &Path) -> Result<Self, Problem> {
        let private = private_path(path);
        let public = with_pub(&private);
        let beside = read_file(&public)?.map(|line| public_key(&public, &line)).transpose()?;
        match (read_file(&private), beside) {
            (Ok(Some(text)), beside) => match (open_half(&text), beside) {
                (Some(half), Some(key)) if half != key => Err(Problem::Stale(private)),
                (Some(half), _) => Ok(Self::proved(private, half)),
                (None, Some(key)) => Ok(Self { file: private, public_key: key, unproved: true }),
                (None, None) => Ok(Self::proved(private.clone(), public_half(&private)?)),
            },
            (Ok(None), Some(key)) => Ok(Self::proved(public, key)),
            (Ok(None), None) => Err(Problem::Missing(private)),
            // It cannot be read here, but ssh or an agent may.
            (Err(_), Some(key)) => Ok(Self::proved(private, key)),
            (Err(problem), None) => Err(problem),
        }
    }

    /// The public key in the `.pub` of `path`, where there is one; nothing else is opened.
    #[must_use]
    pub fn beside(path: &Path) -> Option<PublicKey> {
        small_file::read(&with_pub(&private_path(path))).ok()??.parse().ok()
    }

    /// Whether the file is a private key; whose, and whether it can be used, is another question.
    #[must_use]
    pub fn is_private_key(path: &Path) -> bool {
        let text = small_file::read(path).ok().flatten().unwrap_or_default();
        let first = text.lines().next().unwrap_or_default();
        first.starts_with("-----BEGIN ") && first.trim_end().ends_with("PRIVATE KEY-----")
    }

    fn proved(file: PathBuf, public_key: PublicKey) -> Self {
        Self { file, public_key, unproved: false }
    }

    /// Finds out whether a `.pub` belongs to its private key where that takes `ssh-keygen`. A key
    /// that even that cannot read (it has a passphrase) is taken at its word.
    pub fn prove(&self) -> Result<(), Problem> {
        if !self.unproved {
            return Ok(());
        }
        match public_half(&self.file) {
            Ok(half) if half != self.public_key => Err(Problem::Stale(self.file.clone())),
            _ => Ok(()),
        }
    }
}

/// The public half that a private key's file gives away without its passphrase; `None` where it is
/// of another format than OpenSSH's own. A public key under a name without `.pub` gives itself.
fn open_half(text: &str) -> Option<PublicKey> {
    outer_public_key(text).or_else(|| text.parse().ok())
}

/// The public key that stands unencrypted in front of the private one (`PROTOCOL.key`).
fn outer_public_key(text: &str) -> Option<PublicKey> {
    let (_, body) = text.split_once("-----BEGIN OPENSSH PRIVATE KEY-----")?;
    let (body, _) = body.split_once("-----END OPENSSH PRIVATE KEY-----")?;
    let base64: String = body.split_ascii_whitespace().collect();
    let bytes = STANDARD.decode(base64).ok()?;
    let mut fields = Fields::of(bytes.strip_prefix(b"openssh-key-v1\0")?);
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

fn public_key(path: &Path, line: &str) -> Result<PublicKey, Problem> {
    line.parse().map_err(|why| Problem::NoKey(path.to_owned(), why))
}

/// The text of a key's file; `None` where there is none.
fn read_file(path: &Path) -> Result<Option<String>, Problem> {
    small_file::read(path).map_err(|why| match why {
        Unread::Other => Problem::NoFile(path.to_owned()),
        Unread::System(error) => Problem::Unreadable(path.to_owned(), error),
    })
}

/// The public half of a private key as `ssh-keygen` reads it: PEM keys are its own business.
fn public_half(path: &Path) -> Result<PublicKey, Problem> {
    let refused = |said: String| Problem::Private(path.to_owned(), said);
    // The empty passphrase is the right one or none is: it must not ask for another.
    let mut keygen = Command::new("ssh-keygen");
    let ended = process::run(keygen.args(["-y", "-P", "", "-f"]).arg(path), KEYGEN_LIMIT)
        .map_err(|error| refused(format!("ssh-keygen cannot be run: {error}")))?;
    match ended.status {
        Some(status) if status.success() => {
            ended.stdout.parse().map_err(|why: NoKey| refused(why.to_string()))
        }
        Some(_) => Err(refused(last_line(&ended.stderr))),
        None => Err(refused("ssh-keygen did not answer in time".to_owned())),
    }
}

fn last_line(said: &str) -> String {
    let line = said.lines().rev().map(str::trim).find(|line| !line.is_empty());
    line.unwrap_or("ssh-keygen does not say why").to_owned()
}
