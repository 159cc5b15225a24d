//! `install`, `sync` and `uninstall`: each promise, with somebody who tries to break it.

#[path = "../../../src/install/any_config.rs"]
mod any_config;
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
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::support::cluster::{self, Cluster, Node};
use crate::support::process::Ran;
use crate::support::sandbox::{Program, Sandbox};

/// A home folder with an ssh folder in it that is not the one of the passwd file.
pub struct Desk {
    pub sandbox: Sandbox,
}

/// Every file below a folder, with what it holds and its mode; a link with where it leads.
pub type Snapshot = BTreeMap<PathBuf, (String, u32)>;

impl Desk {
    pub fn new() -> Self {
        let desk = Self { sandbox: Sandbox::new() };
        fs::create_dir(desk.ssh("")).unwrap();
        fs::set_permissions(desk.ssh(""), fs::Permissions::from_mode(0o700)).unwrap();
        desk
    }

    /// The same with a configuration of the user's own.
    pub fn with_config(config: impl AsRef<[u8]>) -> Self {
        let desk = Self::new();
        desk.sandbox.write("ssh/config", config);
        desk
    }

    /// The same with this cluster installed.
    pub fn with_installed(config: impl AsRef<[u8]>, cluster: &Cluster) -> Self {
        let desk = Self::with_config(config);
        desk.install(cluster).succeeds();
        desk
    }

    /// A path below the ssh folder.
    pub fn ssh(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.sandbox.path("ssh").join(relative)
    }

    pub fn config(&self) -> PathBuf {
        self.ssh("config")
    }

    pub fn read_config(&self) -> String {
        self.sandbox.read("ssh/config")
    }

    /// The line that includes our index; the folder is not ssh's own, so it is absolute.
    pub fn line(&self) -> String {
        format!("Include {}\n", self.ssh("prime-ssh/config").display())
    }

    /// Saves the answer for a cluster, and says where.
    pub fn saved(&self, cluster: &Cluster) -> PathBuf {
        self.sandbox.write(format!("{}.json", cluster.id()), cluster.answer())
    }

    /// The program, with this ssh folder.
    pub fn program<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Program {
        let folder = self.sandbox.path("ssh");
        arguments.into_iter().fold(self.sandbox.prime_ssh(["--ssh-dir"]).arg(folder), Program::arg)
    }

    pub fn installing(&self, cluster: &Cluster) -> Program {
        self.program(["install", "--input"]).arg(self.saved(cluster))
    }

    pub fn install(&self, cluster: &Cluster) -> Ran {
        self.installing(cluster).run()
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        self.program(arguments).run()
    }

    /// All that is in the ssh folder but for the lock, which says nothing.
    pub fn snapshot(&self) -> Snapshot {
        let mut snapshot = Snapshot::new();
        collect(&self.ssh(""), &mut snapshot);
        snapshot.remove(&self.ssh("prime-ssh/lock"));
        snapshot.retain(|path, _| !is_of_refresh(path));
        snapshot
    }

    /// The one file of our folder with this ending.
    #[track_caller]
    pub fn ours(&self, ending: &str) -> PathBuf {
        let found: Vec<_> = self.all_ours(ending);
        assert_eq!(found.len(), 1, "{ending}: {found:?}");
        found[0].clone()
    }

    pub fn all_ours(&self, ending: &str) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(self.ssh("prime-ssh")) else { return Vec::new() };
        let mut found: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        found.retain(|path| ending.starts_with(".refresh") || !is_of_refresh(path));
        // That of a removed cluster stays for a while, empty.
        let is_there = |path: &Path| {
            path.extension().is_none_or(|end| end != "conf")
                || fs::metadata(path).unwrap().len() > 0
        };
        found.retain(|path| path.to_str().unwrap().ends_with(ending) && is_there(path));
        found.sort();
        found
    }
}

/// Whether a file says when a cluster was brought up to date, which each run does.
pub fn is_of_refresh(path: &Path) -> bool {
    path.extension().is_some_and(|end| end == "refresh" || end == "refresh-lock")
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
