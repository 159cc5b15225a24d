//! What other programs make of our files: each reader of ssh_config, each layout, one rich fleet.
//!
//! Host, user, port, key and jump host are as the fleet says, and the user's own lines before and
//! after our `Include` mean what they did.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::cluster::{Cluster, Node};
use crate::support::process;
use crate::support::programs::target;
use crate::support::sandbox::Sandbox;

/// Each with what it can be expected to read.
const READERS: &[(&str, Reads)] = &[
    ("openssh", Reads { includes: true, compact: true }),
    ("asyncssh", Reads { includes: true, compact: false }),
    ("libssh", Reads { includes: true, compact: false }),
    ("pyinfra", Reads { includes: true, compact: false }),
    ("sshconf", Reads { includes: true, compact: false }),
    ("paramiko", Reads { includes: false, compact: false }),
    ("ssh-config", Reads { includes: false, compact: false }),
];

/// How the fleet is installed.
#[derive(Clone, Copy, Debug)]
struct Shape {
    layout: &'static str,
    /// `--live`, or nothing.
    live: Option<&'static str>,
}

impl Shape {
    fn all() -> impl Iterator<Item = Self> {
        let with = |layout| [None, Some("--live")].map(|live| Self { layout, live });
        ["flat", "compact"].into_iter().flat_map(with)
    }
}

struct Reads {
    /// Whether it follows `Include`. What does not is pointed to the file of one cluster.
    includes: bool,
    /// Whether it reads blocks that hosts share.
    compact: bool,
}

/// A user with lines of their own around our `Include`.
struct User {
    sandbox: Sandbox,
    key: PathBuf,
}

impl User {
    fn with(Shape { layout, live }: Shape) -> Self {
        let sandbox = Sandbox::new();
        let key = sandbox.ssh_key("my keys/id");
        let own = |name: &str, port| {
            format!("Host {name}\n  HostName {name}.example\n  User {name}\n  Port {port}\n")
        };
        let own_key = "  IdentityFile ~/own\n";
        let config = format!("{}{}", own("before", 2201), own_key);
        sandbox.write(".ssh/config", format!("{config}Host *\n{}{own_key}", own("after", 2202)));
        let certificate = sandbox.write("my keys/id-cert.pub", "");
        for (cluster, short) in fleet().into_iter().zip(["train", "eval"]) {
            let answer = sandbox.write(format!("{}.json", cluster.id()), cluster.answer());
            let program = sandbox.prime_ssh(["install", "--layout", layout, "--input"]).arg(answer);
            let program = program.args(["--short", short]).args(live);
            let program = program.arg("--identity-file").arg(&key);
            program.arg("--certificate-file").arg(&certificate).run().succeeds();
        }
        // Where people move our line when they want their own to win.
        let installed = sandbox.read(".ssh/config");
        let (include, rest) = installed.split_once('\n').unwrap();
        let (before, after) = rest.split_once("Host *\n").unwrap();
        sandbox.write(".ssh/config", format!("{before}Host *\n{include}\n{after}"));
        Self { sandbox, key }
    }

    /// What a reader makes of each of these names in a file.
    fn read(&self, reader: &str, file: &Path, names: &[&str]) -> Vec<Value> {
        let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/readers");
        let readers = target().join("readers");
        let mut command = if reader == "ssh-config" {
            let mut node = process::command("node");
            node.arg(here.join("read.mjs")).arg(readers.join("node_modules/ssh-config"));
            node
        } else {
            let mut python = process::command(readers.join("bin/python"));
            python.arg(here.join("read.py")).arg(reader);
            python
        };
        command.arg(file).args(names).env("HOME", self.sandbox.home());
        let said = process::run(&mut command, b"").succeeds();
        said.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn config(&self) -> PathBuf {
        self.sandbox.path(".ssh/config")
    }

    /// The file of the first cluster, which holds everything of its hosts.
    fn fragment(&self) -> PathBuf {
        self.sandbox.path(".ssh/prime-ssh/train-675b1ff5.conf")
    }

    fn host(&self, host: &str, user: &str, port: u16, jump: Option<&str>) -> Value {
        json!({"host": host, "user": user, "port": port, "keys": [self.key], "jump": jump})
    }
}

/// Two clusters, with a jump host, ports, an IPv6 address and another user.
fn fleet() -> [Cluster; 2] {
    let train = Cluster::new("clst01", "train")
        .node(Node::control("pod0", "node-0", "203.0.113.10"))
        .node(Node::worker("pod1", "node-1", "10.0.0.11").port(2222))
        .node(Node::worker("pod2", "node-2", "fd00::12").user("root"))
        .node(Node::worker("pod3", "node-3", "2001:4860:4860::8888").port(2022));
    let eval = Cluster::new("clst02", "eval").node(Node::control("pod4", "node-0", "203.0.113.20"));
    [train, eval]
}

fn check(shape: Shape, (reader, reads): &(&str, Reads)) {
    let user = User::with(shape);
    let (names, mut expected): (Vec<_>, Vec<_>) = [
        ("prime.train", user.host("203.0.113.10", "ubuntu", 22, None)),
        ("train", user.host("203.0.113.10", "ubuntu", 22, None)),
        ("prime.train.node-0", user.host("203.0.113.10", "ubuntu", 22, None)),
        ("prime.train.node-1", user.host("10.0.0.11", "ubuntu", 2222, Some("prime.train.node-0"))),
        ("prime.train.node-2", user.host("fd00::12", "root", 22, Some("prime.train.node-0"))),
        ("prime.train.node-3", user.host("2001:4860:4860::8888", "ubuntu", 2022, None)),
        ("prime.eval.node-0", user.host("203.0.113.20", "ubuntu", 22, None)),
    ]
    .into_iter()
    .unzip();
    if shape.layout == "flat" || reads.compact {
        if reads.includes {
            assert_eq!(user.read(reader, &user.config(), &names), expected, "{reader}, {shape:?}");
        }
        let of_train = names.len() - 1;
        expected.truncate(of_train);
        let read = user.read(reader, &user.fragment(), &names[..of_train]);
        assert_eq!(read, expected, "{reader}, {shape:?}, the file of a cluster");
    }
    let own = user.sandbox.path("own");
    let expected = ["before", "after"].map(|name| {
        let port = if name == "before" { 2201 } else { 2202 };
        json!({"host": format!("{name}.example"), "user": name, "port": port, "keys": [own], "jump": null})
    });
    let read = user.read(reader, &user.config(), &["before", "after"]);
    assert_eq!(read, expected, "{reader}, {shape:?}, the user's own lines");
}

#[test]
fn every_reader_finds_what_the_fleet_says_and_the_users_own_lines() {
    needs!("ssh", "ssh-keygen", "readers");
    for shape in Shape::all() {
        for reader in READERS.iter().filter(|(reader, _)| *reader != "ssh-config") {
            check(shape, reader);
        }
    }
}

#[test]
fn so_does_the_reader_of_editors() {
    needs!("ssh", "ssh-keygen", "node");
    for shape in Shape::all() {
        for reader in READERS.iter().filter(|(reader, _)| *reader == "ssh-config") {
            check(shape, reader);
        }
    }
}
