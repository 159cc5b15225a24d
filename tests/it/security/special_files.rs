//! Pipes, sockets, devices, folders and links where a file of ours or of the `prime` CLI should be:
//! no command waits for one, and none changes what another name leads to.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;

use crate::support::api::Api;
use crate::support::authority::{Authority, me};
use crate::support::cluster::{Cluster, Node};
use crate::support::process;
use crate::support::sandbox::Sandbox;

/// Longer than any command takes, and shorter than anybody waits for a pipe.
const LIMIT: Duration = Duration::from_secs(20);
/// What a file of somebody else's holds. It could be the number of a process, too.
const TREASURE: &str = "1849";

/// A home folder in which everything of ours is there.
fn installed() -> (Sandbox, Api) {
    let sandbox = Sandbox::new();
    let key = sandbox.ssh_key(".ssh/id_cluster");
    let authority = Authority::new(&sandbox);
    let node = Node::control("pod0", "node-0", "203.0.113.10").user(&me());
    let api = Api::serving([Cluster::new("clst01", "train").with("vaultEnabled", true).node(node)]);
    api.signs(move |request| authority.answer(request));
    sandbox.prime_settings(&json!({"ssh_key_path": key, "base_url": api.url()}));
    sandbox.write(".ssh/config", "Host mine\n");
    for arguments in COMMANDS {
        sandbox.prime_ssh(*arguments).run().succeeds();
    }
    (sandbox, api)
}

const COMMANDS: &[&[&str]] = &[
    &["install", "train"],
    &["cert", "train"],
    &["sync"],
    &["inventory", "train", "--list", "--cache", "10m"],
    &["show", "train"],
    &["uninstall", "--all", "--dry-run"],
];

/// Everything below a folder that is no folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

fn stand_in(kind: &str, path: &Path, treasure: &Path) {
    match kind {
        "pipe" => drop(process::run(process::command("mkfifo").arg(path), b"").succeeds()),
        "socket" => drop(UnixListener::bind(path).unwrap()),
        "folder" => fs::create_dir(path).unwrap(),
        "device" => symlink("/dev/zero", path).unwrap(),
        "link" => symlink(treasure, path).unwrap(),
        "hard link" => fs::hard_link(treasure, path).unwrap(),
        _ => panic!("{kind}"),
    }
}

#[test]
fn nothing_that_stands_in_for_a_file_is_waited_for_or_written_to() {
    needs!("ssh", "ssh-keygen", "mkfifo");
    let (sandbox, _api) = installed();
    let folders = [".ssh/prime-ssh", ".cache/prime-ssh", ".prime"];
    let mut all: Vec<_> = folders.iter().flat_map(|folder| files(&sandbox.path(folder))).collect();
    all.extend(
        [".ssh/config", ".ssh/config.prime-ssh.bak", ".ssh/id_cluster.pub"]
            .map(|name| sandbox.path(name)),
    );
    assert_eq!(all.len(), 15, "{all:?}");
    let treasure = sandbox.write("treasure", TREASURE);
    for path in all {
        let aside = sandbox.path("aside");
        fs::rename(&path, &aside).unwrap();
        for kind in ["pipe", "socket", "folder", "device", "link", "hard link"] {
            for arguments in COMMANDS {
                let _ = fs::remove_dir(&path).or_else(|_| fs::remove_file(&path));
                fs::write(&treasure, TREASURE).unwrap();
                stand_in(kind, &path, &treasure);
                let what = format!("{kind} at {}, {arguments:?}", path.display());
                let ran = sandbox.prime_ssh(*arguments).run();
                assert!(ran.took < LIMIT, "{what}: {ran:#?}");
                assert!(matches!(ran.status.code(), Some(0..=5)), "{what}: {ran:#?}");
                // A configuration that is a link is the user's own wish, as with dotfiles.
                let follows = kind == "link" && path.ends_with(".ssh/config");
                assert!(follows || fs::read_to_string(&treasure).unwrap() == TREASURE, "{what}");
            }
        }
        let _ = fs::remove_dir(&path).or_else(|_| fs::remove_file(&path));
        fs::rename(&aside, &path).unwrap();
    }
    // What stood in the way is gone, and everything is as it was.
    for arguments in COMMANDS {
        sandbox.prime_ssh(*arguments).run().succeeds();
    }
}
