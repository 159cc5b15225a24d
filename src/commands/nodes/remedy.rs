//! Remedies for a login that failed: the second half of the judge. Commands and paths that are
//! advised come from our own settings and state: what ssh logged may be a server's words.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::ViewedHost;
use super::status::Judge;
use crate::certificate::identity::Identity;
use crate::certificate::own_keys::{OwnKey, OwnKeys, authorized};
use crate::install::state::FileKind;
use crate::settings::pasted;
use crate::ssh::process;
use crate::ssh::reason::{OfferedKey, Reason};

/// The time for `ssh-keygen` to look into a file.
const KEYGEN_LIMIT: Duration = Duration::from_secs(3);

impl Judge<'_> {
    /// Advises where a jump host is not the cluster's: what we know of users, keys and host keys is not
    /// that one's, and the user's own configuration alone counts for it.
    pub(super) fn at_users_host(reason: &Reason) -> Option<&'static str> {
        Some(match reason {
            Reason::KeyRefused { .. } | Reason::TooManyKeys { .. } => {
                "name the right key for it in your own ssh config (`IdentityFile`), or put one into the \
                 agent (`ssh-add`)"
            }
            Reason::KeyLocked(_) => {
                "unlock it where it is, or put it into the agent with `ssh-add`"
            }
            Reason::KeyReadable => "take the key away from the others with `chmod 600`",
            Reason::HostKeyUnknown => "connect to it once with `ssh`, and accept its key",
            Reason::HostKeyChanged => "someone may be between you and it; `ssh` to it says more",
            _ => return None,
        })
    }

    /// Returns, of a host that takes a certificate only, why ours lets nobody in, and what gets one.
    pub(super) fn certificate(&self, host: &ViewedHost<'_>) -> Option<(String, String)> {
        let fault = host.cluster.certificate_fault(self.viewing)?;
        let id = host.fleet.cluster.id.as_str();
        let cert = pasted(self.viewing.context.commands().about("cert", id, host.cluster.record));
        Some((format!("it takes a certificate only: {fault}"), cert))
    }

    /// Advises where none of the keys that were offered is accepted: another one of the person's own
    /// that is, or what else helps.
    pub(super) fn other_key(&self, host: &ViewedHost<'_>, offered: &[OfferedKey]) -> String {
        let own = self.own_keys();
        let set = host.cluster.key(self.viewing.context);
        let is_new = |key: &&OwnKey| {
            let fingerprint = key.public_key.fingerprint();
            set.as_ref() != Some(&key.public_key)
                && offered.iter().all(|offered| offered.fingerprint != fingerprint)
        };
        let known = authorized(&host.fleet.cluster.ssh_keys);
        if let Some(key) = own.fitting(&known).filter(is_new) {
            let install = host.cluster.install_with_key(key.option(), self.viewing.context);
            return format!("the cluster lets in another key of yours, {}: {install}", key.name);
        }
        let install = host.cluster.install_with_key("PATH", self.viewing.context);
        if offered.is_empty() {
            return format!("put a key into the agent (`ssh-add`), or name one: {install}");
        }
        let id = host.fleet.cluster.id.as_str();
        let show = pasted(self.viewing.context.commands().about("show", id, host.cluster.record));
        format!(
            "have this key added to the cluster, or name another one: {install}; \
             {show} lists the keys that it lets in"
        )
    }

    pub(super) fn install(&self, host: &ViewedHost<'_>) -> String {
        let id = host.fleet.cluster.id.as_str();
        pasted(match host.cluster.record {
            Some(_) => self.viewing.context.commands().installed("sync", [id]),
            None => self.viewing.context.commands().install([], &host.cluster.source),
        })
    }

    fn own_keys(&self) -> &OwnKeys {
        self.own_keys.get_or_init(|| OwnKeys::find(&self.viewing.layout))
    }

    /// The key that a setting names, as this machine calls it.
    fn own_key(&self, host: &ViewedHost<'_>) -> Option<PathBuf> {
        let path = host.cluster.rendering.ssh.identity_file.as_ref()?;
        Some(self.viewing.context.environment.expand(path)).filter(|path| path.is_file())
    }

    pub(super) fn unlock(&self, host: &ViewedHost<'_>) -> String {
        match self.own_key(host) {
            Some(path) => pasted(["ssh-add".as_ref(), path.as_os_str()]),
            None => "unlock it where it is, or put it into the agent with `ssh-add`".to_owned(),
        }
    }

    pub(super) fn close(&self, host: &ViewedHost<'_>) -> String {
        let is_open = |path: &PathBuf| Identity::open_mode(path).is_some();
        let mut files = self.own_keys().tried.iter().filter_map(|key| key.file.clone());
        let open = match self.own_key(host) {
            Some(path) => Some(path).filter(is_open),
            None => files.find(is_open),
        };
        match open {
            Some(path) => pasted(["chmod".as_ref(), "600".as_ref(), path.as_os_str()]),
            None => "take the key away from the others with `chmod 600`".to_owned(),
        }
    }

    pub(super) fn forget(&self, host: &ViewedHost<'_>) -> String {
        let name = host.host.host_key_alias();
        match self.known_hosts(host).filter(|file| remembers(file, &name)) {
            Some(file) => {
                let words = ["ssh-keygen".as_ref(), "-f".as_ref(), file.as_os_str()];
                format!(
                    "someone may be between you and it; if you know that it was reinstalled: {}",
                    pasted(words.into_iter().chain(["-R".as_ref(), name.as_ref()]))
                )
            }
            None => "someone may be between you and it; `ssh` to it says more".to_owned(),
        }
    }

    /// The file that should remember its host key.
    fn known_hosts(&self, host: &ViewedHost<'_>) -> Option<PathBuf> {
        let cluster = host.cluster;
        let file = match (&cluster.rendering.ssh.known_hosts, cluster.record) {
            (Some(path), _) => self.viewing.context.environment.expand(path),
            (None, Some(record)) => {
                self.viewing.layout.file(&record.stem().file(FileKind::KnownHosts))
            }
            (None, None) => self.viewing.layout.ssh_folder.join("known_hosts"),
        };
        Some(file).filter(|file| file.is_file())
    }
}

/// Returns whether this file remembers a key by this name.
fn remembers(file: &Path, name: &str) -> bool {
    let mut command = Command::new("ssh-keygen");
    let found = process::run(command.args(["-F", name, "-f"]).arg(file), KEYGEN_LIMIT);
    found.is_ok_and(|ended| ended.succeeded())
}
