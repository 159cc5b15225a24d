//! The keys that ssh tries where no setting names one: those in its folder, and the agent's.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::PublicKey;
use super::identity::Identity;
use crate::cluster::SshKey;
use crate::install::layout::Layout;
use crate::ssh::process;
use crate::text::sanitize::excerpt;
use crate::text::shell;

/// The keys that ssh tries by itself (`ssh_config(5)`, `IdentityFile`).
const DEFAULTS: [&str; 5] = ["id_rsa", "id_ecdsa", "id_ecdsa_sk", "id_ed25519", "id_ed25519_sk"];
/// An agent answers at once, unless it is far away.
const AGENT_LIMIT: Duration = Duration::from_secs(3);
/// The most keys beside those that are looked at.
const OTHERS_MAX: usize = 64;
/// The most characters of the agent's name for a key that are shown.
const SHOWN: usize = 60;

/// A key of the person's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnKey {
    /// Its file; `None` where only the agent holds it.
    pub file: Option<PathBuf>,
    /// Its name for messages: the file, or what the agent calls it.
    pub name: String,
    /// Its public half.
    pub public_key: PublicKey,
}

impl OwnKey {
    /// The value of `--identity-file` with which ssh uses it: `none` leaves it to the agent.
    #[must_use]
    pub fn option(&self) -> &OsStr {
        self.file.as_ref().map_or_else(|| OsStr::new("none"), |file| file.as_os_str())
    }
}

/// The keys of a person.
#[derive(Clone, Debug, Default)]
pub struct OwnKeys {
    /// Those that ssh tries by itself: files first, then the agent's.
    pub tried: Vec<OwnKey>,
    /// Those that ssh tries only where a setting names them.
    pub others: Vec<OwnKey>,
}

impl OwnKeys {
    /// Finds those in the folder that ssh itself reads, in the one that is used here, and the
    /// agent's.
    #[must_use]
    pub fn find(layout: &Layout) -> Self {
        let (ssh_folder, read_by_ssh) = (&layout.ssh_folder, layout.read_by_ssh());
        let mut others = other_keys(ssh_folder);
        if *ssh_folder != read_by_ssh {
            others.extend(other_keys(&read_by_ssh));
        }
        let mut tried = own_files(&read_by_ssh);
        for key in agent_keys() {
            if !tried.iter().any(|other| other.public_key == key.public_key) {
                tried.push(key);
            }
        }
        Self { tried, others }
    }

    /// All of them, those that ssh tries first.
    pub fn all(&self) -> impl Iterator<Item = &OwnKey> {
        self.tried.iter().chain(&self.others)
    }

    /// The first of them that is among those that a cluster lets in.
    #[must_use]
    pub fn fitting(&self, authorized: &[PublicKey]) -> Option<&OwnKey> {
        self.all().find(|key| authorized.contains(&key.public_key))
    }

    /// The same, where ssh would show others only: the key at the path that a setting names, and
    /// without one those that it tries.
    #[must_use]
    pub fn not_shown(&self, named: Option<&Path>, authorized: &[PublicKey]) -> Option<&OwnKey> {
        let fitting = self.fitting(authorized)?;
        let is_shown = match named {
            Some(path) => Identity::public_half(path).is_some_and(|key| authorized.contains(&key)),
            None => self.tried.iter().any(|key| authorized.contains(&key.public_key)),
        };
        (!is_shown).then_some(fitting)
    }
}

/// The files of keys in this folder that ssh tries by itself, in its order.
#[must_use]
pub fn own_files(ssh_folder: &Path) -> Vec<OwnKey> {
    DEFAULTS.into_iter().filter_map(|name| with_public_half(ssh_folder.join(name))).collect()
}

fn other_keys(ssh_folder: &Path) -> Vec<OwnKey> {
    let entries = fs::read_dir(ssh_folder).into_iter().flatten().flatten();
    let private = |entry: fs::DirEntry| {
        let name = entry.file_name().into_string().ok()?;
        let name = name.strip_suffix(".pub").filter(|name| !DEFAULTS.contains(name))?;
        Some(ssh_folder.join(name)).filter(|file| file.is_file())
    };
    let mut files: Vec<PathBuf> = entries.filter_map(private).take(OTHERS_MAX).collect();
    files.sort();
    files.into_iter().filter_map(with_public_half).collect()
}

/// A key with its public half beside it.
fn with_public_half(file: PathBuf) -> Option<OwnKey> {
    let public_key = Identity::beside(&file)?;
    Some(OwnKey { name: shell::path(&file), file: Some(file), public_key })
}

fn agent_keys() -> Vec<OwnKey> {
    let Ok(ended) = process::run(Command::new("ssh-add").arg("-L"), AGENT_LIMIT) else {
        return Vec::new();
    };
    let listed = if ended.succeeded() { ended.stdout.as_str() } else { "" };
    let key = |line: &str| {
        let comment = line.splitn(3, ' ').nth(2).unwrap_or("key");
        let name = format!("the agent's {}", excerpt(comment, SHOWN));
        Some(OwnKey { file: None, name, public_key: PublicKey::parse(line).ok()? })
    };
    listed.lines().filter_map(key).collect()
}

/// The keys that a cluster lets in, as far as they can be read.
#[must_use]
pub fn authorized(keys: &[SshKey<'_>]) -> Vec<PublicKey> {
    let parsed = |key: &SshKey<'_>| PublicKey::parse(key.public_key.as_ref()?.as_str()).ok();
    keys.iter().filter_map(parsed).collect()
}
