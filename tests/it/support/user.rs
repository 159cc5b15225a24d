//! Someone who uses the program: with a home folder, a key, and sshds that let them in.

use std::ops::Deref;
use std::path::PathBuf;

use serde_json::json;

use super::api::Api;
pub use super::authority::me;
use super::cluster::{Cluster, Connection};
use super::sandbox::Sandbox;
use super::sshd::{self, Sshd};

/// A home folder whose user has logged in with `prime login` and has a key of their own.
pub struct User {
    pub sandbox: Sandbox,
    pub key: PathBuf,
}

impl Deref for User {
    type Target = Sandbox;

    fn deref(&self) -> &Sandbox {
        &self.sandbox
    }
}

impl User {
    pub fn new() -> Self {
        // Not `.ssh`: that one ssh would take for the `~/.ssh` of the passwd file.
        Self::with_key_at("ssh/id_cluster")
    }

    /// The same with the key at this path below the home folder.
    pub fn with_key_at(path: &str) -> Self {
        let sandbox = Sandbox::new();
        let key = sandbox.ssh_key(path);
        sandbox.prime_settings(&json!({"ssh_key_path": key}));
        Self { sandbox, key }
    }

    /// An sshd that lets this user in.
    pub fn sshd(&self, node: &str) -> sshd::Config<'_> {
        Sshd::of(&self.sandbox, node).lets_in(&self.key)
    }

    /// A block of the user's own for a host that leads to others.
    pub fn own_block(&self, name: &str, address: &str, port: u16) -> String {
        format!(
            "Host {name}\n  HostName {address}\n  Port {port}\n  User {}\n  IdentityFile {}\n  \
             StrictHostKeyChecking accept-new\n  UserKnownHostsFile {}\n",
            me(),
            self.key.display(),
            self.sandbox.path("own_known_hosts").display()
        )
    }

    /// Writes the fragment of these clusters into a file. Nothing of it touches the real `~/.ssh`.
    pub fn config_of(
        &self,
        clusters: impl IntoIterator<Item = Cluster>,
        arguments: &[&str],
    ) -> PathBuf {
        let clusters: Vec<_> = clusters.into_iter().collect();
        let names: Vec<_> = clusters.iter().map(|cluster| cluster.id().to_owned()).collect();
        let api = Api::serving(clusters);
        let file = self.path("fragment");
        let mut program = self.prime_ssh(["config", "--api-url", &api.url(), "-o"]);
        program = program.arg(&file).arg("--ssh-dir").arg(self.path("ssh"));
        program = program.arg("--known-hosts").arg(self.path("known_hosts"));
        for argument in names.iter().map(String::as_str).chain(arguments.iter().copied()) {
            program = program.arg(argument);
        }
        assert_eq!(program.run().succeeds(), "", "what goes to a file does not go to stdout");
        file
    }
}

/// A connection of a cluster that leads to this sshd.
pub fn to(sshd: &Sshd) -> Connection {
    Connection::to(&sshd.address).with("port", sshd.port).with("user", me())
}

/// How often someone has logged in there.
pub fn logins(sshd: &Sshd) -> usize {
    sshd.log().matches("Accepted publickey").count()
}
