//! `install`, `sync` and `uninstall`: each promise, with somebody who tries to break it.

mod atomic;
mod concurrent;
mod connect;
mod data;
mod everyday;
mod guard;
mod in_namespaces;
mod links;
mod live;
mod loops;
mod names;
mod options;
mod own_config;
mod permissions;
mod reversible;
mod short;
mod this_machine;
mod verified;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::support::cluster::{self, Cluster, Node};
use crate::support::process::Ran;
use crate::support::sandbox::{Program, Sandbox, is_of_refresh};

/// Every file below a folder, with what it holds and its mode; a link with where it leads.
pub type Snapshot = BTreeMap<PathBuf, (String, u32)>;

impl Sandbox {
    /// One with an ssh folder, and a configuration of the user's own.
    pub fn with_config(config: impl AsRef<[u8]>) -> Self {
        let sandbox = Self::with_ssh_folder();
        sandbox.write("ssh/config", config);
        sandbox
    }

    /// The same with this cluster installed.
    pub fn with_installed(config: impl AsRef<[u8]>, cluster: &Cluster) -> Self {
        let sandbox = Self::with_config(config);
        sandbox.install(cluster).succeeds();
        sandbox
    }

    pub fn read_config(&self) -> String {
        self.read("ssh/config")
    }

    /// The line that includes our index; the folder is not ssh's own, so it is absolute.
    pub fn line(&self) -> String {
        format!("Include {}\n", self.ssh("prime-ssh/config").display())
    }

    /// Saves the answer for a cluster, and says where.
    pub fn saved(&self, cluster: &Cluster) -> PathBuf {
        self.write(format!("{}.json", cluster.id()), cluster.answer())
    }

    pub fn installing(&self, cluster: &Cluster) -> Program {
        self.program(["install", "--input"]).arg(self.saved(cluster))
    }

    pub fn install(&self, cluster: &Cluster) -> Ran {
        self.installing(cluster).run()
    }

    /// All that is in the ssh folder but for the lock, which says nothing.
    pub fn snapshot(&self) -> Snapshot {
        let mut snapshot = Snapshot::new();
        collect(&self.ssh(""), &mut snapshot);
        snapshot.remove(&self.ssh("prime-ssh/lock"));
        snapshot.retain(|path, _| !is_of_refresh(path));
        snapshot
    }
}

fn collect(folder: &Path, snapshot: &mut Snapshot) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let found = fs::symlink_metadata(&path).unwrap();
        let mode = found.mode() & 0o7777;
        if found.is_dir() {
            snapshot.insert(path.clone(), ("folder".to_owned(), mode));
            collect(&path, snapshot);
        } else if found.is_symlink() {
            let target = fs::read_link(&path).unwrap().display().to_string();
            snapshot.insert(path, (target, 0));
        } else {
            let bytes = fs::read(&path).unwrap_or_default();
            snapshot.insert(path, (bytes.escape_ascii().to_string(), mode));
        }
    }
}

/// Three nodes; the second and the third behind the first.
pub fn train() -> Cluster {
    cluster::train()
}

/// A cluster of this name with one node.
pub fn small(id: &str, name: &str) -> Cluster {
    Cluster::new(id, name).node(Node::control(&format!("pod-{id}"), "head", "203.0.113.77"))
}

/// The train cluster a day later: one node more, one at another address.
pub fn train_later() -> Cluster {
    Cluster::new("clst01", "train")
        .node(Node::control("pod0", "node-0", "203.0.113.10"))
        .node(Node::worker("pod1", "node-1", "10.0.0.111").port(2222))
        .node(Node::worker("pod2", "node-2", "10.0.0.12"))
        .node(Node::worker("pod3", "node-3", "10.0.0.13"))
}
