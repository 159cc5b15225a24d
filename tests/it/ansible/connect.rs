//! Ansible reaches the machines that are meant, by itself or with ssh's own config.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use super::script;
use crate::support::ansible::{self, Ansible};
use crate::support::api::Api;
use crate::support::cluster::{Cluster, Node};
use crate::support::network::Namespace;
use crate::support::process::{self, Ran};
use crate::support::sshd::Sshd;
use crate::support::user::{User, me, to};

/// A path with a space in it.
pub const KEY: &str = "my keys/id_cluster";

impl User {
    /// Writes an inventory of these clusters. Nothing of it touches the real `~/.ssh`.
    #[track_caller]
    pub fn inventory(&self, name: &str, clusters: &[Cluster], arguments: &[&str]) -> PathBuf {
        let mut program = self.prime_ssh(["inventory", "-o", name]);
        program = program.arg("--known-hosts").arg(self.path("known hosts"));
        for (at, cluster) in clusters.iter().enumerate() {
            let file = self.write(format!("{at}.json"), cluster.answer());
            program = program.arg("--input").arg(file);
        }
        program = program.args(arguments);
        assert_eq!(program.run().succeeds(), "");
        self.path(name)
    }

    /// The fragment for ssh of the cluster that the last inventory is of.
    #[track_caller]
    pub fn fragment(&self, arguments: &[&str]) -> PathBuf {
        let fragment = self.path("fragment");
        let program = self.prime_ssh(["config", "--input", "0.json"]).args(arguments);
        let program = program.arg("--known-hosts").arg(self.path("known hosts"));
        let program = program.arg("--ssh-dir").arg(self.home());
        program.arg("-o").arg(&fragment).run().succeeds();
        fragment
    }

    /// Whether a host key is remembered under this name.
    fn knows(&self, name: &str) -> bool {
        let mut find = process::command("ssh-keygen");
        find.args(["-F", name, "-f"]).arg(self.path("known hosts"));
        process::run(&mut find, b"").status.success()
    }

    /// Which machine runs what is meant for each host, one after the other.
    #[track_caller]
    fn nodes(&self, ansible: &Ansible, inventory: &Path) -> Vec<(String, String)> {
        asked_nodes(ansible.command(&self.sandbox, "ansible"), inventory)
    }
}

/// `ansible all -m raw`, one host after the other: each host with what it says it is.
#[track_caller]
fn asked_nodes(mut ansible: Command, inventory: &Path) -> Vec<(String, String)> {
    let ask = ["all", "-f1", "-o", "-m", "raw", "-a", "echo node=$PRIME_NODE", "-i"];
    let text = process::run(ansible.args(ask).arg(inventory), b"").succeeds();
    let answers = text.lines().filter_map(|line| {
        let (host, said) = line.split_once(" | ")?;
        let node = said.split("node=").nth(1)?;
        let end = node.find(|c: char| !c.is_ascii_alphanumeric() && c != '-');
        Some((host.to_owned(), node[..end.unwrap_or(node.len())].to_owned()))
    });
    answers.collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|&(host, node)| (host.to_owned(), node.to_owned())).collect()
}

#[track_caller]
fn assert_pongs(ran: Ran, hosts: usize) {
    let text = ran.succeeds();
    assert_eq!(text.matches("\"ping\": \"pong\"").count(), hosts, "{text}");
}

fn logins(sshd: &Sshd) -> usize {
    sshd.log().matches("Accepted publickey").count()
}

/// A control node and a worker that is reached through it.
struct Pair {
    user: User,
    control: Sshd,
    worker: Sshd,
}

impl Pair {
    fn new() -> Self {
        let user = User::with_key_at(KEY);
        let control = user.sshd("node-0").at("127.0.0.2").start();
        let worker = user.sshd("node-1").at("127.0.0.3").start();
        Self { user, control, worker }
    }

    fn cluster(&self) -> Cluster {
        Cluster::new("clst01", "train")
            .node(Node::new("pod0", "node-0").connection(to(&self.control).control()))
            .node(Node::new("pod1", "node-1").connection(to(&self.worker)))
    }
}

#[test]
fn each_format_reaches_each_host_by_itself() {
    needs!("sshd", "ansible");
    let pair = Pair::new();
    let Pair { user, control, worker } = &pair;
    for (at, ansible) in ansible::versions().iter().enumerate() {
        for name in ["hosts.yml", "hosts.ini", "hosts.json"] {
            let before = (logins(control), logins(worker));
            let file = user.inventory(name, &[pair.cluster()], &["--jump", "always"]);
            let mut command = ansible.command(&user.sandbox, "ansible");
            // No connection of a run before is there to be shared.
            command.env("ANSIBLE_SSH_CONTROL_PATH_DIR", user.path(format!("{at}{name}")));
            command.args(["all", "-m", "ping", "-i"]).arg(&file);
            let ran = process::run(&mut command, b"");
            assert_eq!(ran.stderr, "", "{name}");
            assert_pongs(ran, 2);
            assert_eq!((logins(control), logins(worker)), (before.0 + 2, before.1 + 1), "{name}");
        }
    }
    for machine in ["pod0", "pod1"] {
        assert!(user.knows(&format!("prime-{machine}")), "{machine}");
    }
}

#[test]
fn the_program_itself_is_an_inventory() {
    needs!("sshd", "ansible");
    let pair = Pair::new();
    let sandbox = &pair.user.sandbox;
    let api = Api::serving([pair.cluster()]);
    sandbox.prime_settings(&json!({"ssh_key_path": pair.user.key, "base_url": api.url()}));
    for ansible in ansible::versions() {
        let mut command = ansible.command(sandbox, "ansible");
        command
            .env("PRIME_SSH_CLUSTERS", "train")
            .env("PRIME_SSH_JUMP", "always")
            .env("PRIME_SSH_KNOWN_HOSTS", sandbox.path("known hosts"))
            .env("ANSIBLE_INVENTORY_UNPARSED_FAILED", "1")
            .args(["all", "-m", "ping", "-i", env!("CARGO_BIN_EXE_prime-ssh")]);
        let ran = process::run(&mut command, b"");
        assert_eq!(ran.stderr, "", "nothing is said where nothing is wrong");
        assert_pongs(ran, 2);
    }
    assert!(logins(&pair.worker) > 0);
}

#[test]
fn sshs_own_config_does_the_rest() {
    needs!("sshd", "ansible");
    let pair = Pair::new();
    let sandbox = &pair.user.sandbox;
    let inventory = pair.user.inventory("hosts", &[pair.cluster()], &["--use-ssh-config"]);
    let fragment = pair.user.fragment(&["--jump", "always"]);
    for ansible in ansible::versions() {
        let mut command = ansible.command(sandbox, "ansible");
        let arguments =
            format!("-F {} -C -o ControlMaster=auto -o ControlPersist=60s", fragment.display());
        command.env("ANSIBLE_SSH_ARGS", arguments);
        command.args(["all", "-m", "ping", "-i"]).arg(&inventory);
        assert_pongs(process::run(&mut command, b""), 2);
    }
    assert!(logins(&pair.worker) > 0);
}

#[test]
fn the_rules_for_host_keys_hold_on_the_hop_too() {
    needs!("sshd", "ansible");
    let pair = Pair::new();
    let Pair { user, control, worker } = &pair;
    let ansible = ansible::newest();
    let strict = ["--jump", "always", "--host-keys", "strict"];
    let file = user.inventory("strict.yml", &[pair.cluster()], &strict);
    let ran = ansible.ping(&user.sandbox, &file, "all");
    let told = format!("{}{}", ran.stdout, ran.stderr);
    assert_eq!(told.matches("Host key verification failed").count(), 2, "{told}");
    assert_eq!((logins(control), logins(worker)), (0, 0));

    let file = user.inventory("first.yml", &[pair.cluster()], &["--jump", "always"]);
    assert_pongs(ansible.ping(&user.sandbox, &file, "all"), 2);
    // Now they are known, and another machine at the hop's address is not taken for it.
    let file = user.inventory("strict.yml", &[pair.cluster()], &strict);
    assert_pongs(ansible.ping(&user.sandbox, &file, "all"), 2);
    let other = user.sshd("other").at("127.0.0.4").port(control.port).start();
    let moved = Cluster::new("clst01", "train")
        .node(Node::new("pod0", "node-0").connection(to(&other).control()))
        .node(Node::new("pod1", "node-1").connection(to(worker)));
    let file = user.inventory("moved.yml", &[moved], &["--jump", "always"]);
    // Its own connection to the worker is still shared for a while.
    let mut command = ansible.command(&user.sandbox, "ansible");
    command.env("ANSIBLE_SSH_ARGS", "-C").args(["worker", "-m", "ping", "-i"]).arg(&file);
    let ran = process::run(&mut command, b"");
    let told = format!("{}{}", ran.stdout, ran.stderr);
    assert!(told.contains("REMOTE HOST IDENTIFICATION HAS CHANGED"), "{told}");
    assert_eq!(logins(&other), 0);
}

#[test]
fn a_certificate_lets_in_through_the_hop_too() {
    needs!("sshd", "ansible");
    let user = User::with_key_at(KEY);
    let sandbox = &user.sandbox;
    let authority = sandbox.ssh_key("authority");
    let mut sign = process::command("ssh-keygen");
    sign.args(["-q", "-I", "test", "-n", &me(), "-V", "+1h", "-s"]).arg(&authority);
    process::run(sign.arg(format!("{}.pub", user.key.display())), b"").succeeds();
    let trusting = |node: &str, address: &str| {
        let authority = format!("{}.pub", authority.display());
        Sshd::of(sandbox, node).at(address).option("TrustedUserCAKeys", authority).start()
    };
    let (control, worker) = (trusting("node-0", "127.0.0.2"), trusting("node-1", "127.0.0.3"));
    let certificate = format!("{}-cert.pub", user.key.display());
    // A name that ssh would not look for by itself.
    let moved = sandbox.path("my certificates");
    std::fs::rename(certificate, &moved).unwrap();
    let pair = Pair { user, control, worker };
    let arguments = ["--jump", "always", "--certificate-file", moved.to_str().unwrap()];
    let file = pair.user.inventory("hosts.ini", &[pair.cluster()], &arguments);
    for ansible in ansible::versions() {
        assert_pongs(ansible.ping(&pair.user.sandbox, &file, "all"), 2);
    }
}

#[test]
fn a_bastion_of_the_users_is_the_way_in() {
    needs!("sshd", "ansible");
    let user = User::with_key_at(KEY);
    let bastion = user.sshd("bastion").at("127.0.0.5").start();
    let worker = user.sshd("node-1").at("127.0.0.3").start();
    let cluster =
        Cluster::new("clst01", "train").node(Node::new("pod1", "node-1").connection(to(&worker)));
    let via = format!("{}@{}:{}", me(), bastion.address, bastion.port);
    let arguments = ["--jump", "always", "--jump-via", &via];
    let file = user.inventory("hosts.yml", &[cluster], &arguments);
    assert_pongs(ansible::newest().ping(&user.sandbox, &file, "all"), 1);
    assert_eq!((logins(&bastion) > 0, logins(&worker) > 0), (true, true));
    assert!(user.knows(&format!("[{}]:{}", bastion.address, bastion.port)));
}

#[test]
fn a_bastion_is_in_front_of_the_control_node_too() {
    needs!("sshd", "ansible");
    let pair = Pair::new();
    let Pair { user, control, worker } = &pair;
    let gate = user.sshd("gate").at("127.0.0.6").start();
    let config = format!(
        "Host gate\n  HostName {}\n  Port {}\n  User {}\n  IdentityFile \"{}\"\n  \
         StrictHostKeyChecking no\n  UserKnownHostsFile /dev/null\n",
        gate.address,
        gate.port,
        me(),
        user.key.display()
    );
    let config = user.write("user-config", config);
    // The ssh of somebody who has that in their own config.
    let ssh = process::run(process::command("sh").args(["-c", "command -v ssh"]), b"").succeeds();
    let script = format!("#!/bin/sh\nexec {} -F '{}' \"$@\"\n", ssh.trim(), config.display());
    user.script("own/ssh", script);
    let own = user.path("own");
    for (at, name) in ["hosts.json", "hosts.ini"].into_iter().enumerate() {
        let before = (logins(&gate), logins(control), logins(worker));
        let arguments = ["--jump", "always", "--bastion", "gate"];
        let file = user.inventory(name, &[pair.cluster()], &arguments);
        let mut command = ansible::newest().command(&user.sandbox, "ansible");
        let path = command.get_envs().find(|(key, _)| *key == "PATH").unwrap().1.unwrap();
        let path = format!("{}:{}", own.display(), path.display());
        command.env("PATH", path);
        command.env("ANSIBLE_SSH_CONTROL_PATH_DIR", user.path(format!("cp{at}")));
        command.args(["all", "-m", "ping", "-i"]).arg(&file);
        assert_pongs(process::run(&mut command, b""), 2);
        let after = (logins(&gate), logins(control), logins(worker));
        assert_eq!(after, (before.0 + 2, before.1 + 2, before.2 + 1), "{name}");
    }
}

#[test]
fn an_option_of_the_users_reaches_host_and_hop() {
    needs!("sshd", "ansible");
    let user = User::with_key_at(KEY);
    let takes = |node: &str, address: &str| {
        user.sshd(node).at(address).option("AcceptEnv", "PRIME_TEST").start()
    };
    let (control, worker) = (takes("node-0", "127.0.0.2"), takes("node-1", "127.0.0.3"));
    let pair = Pair { user, control, worker };
    let option = "SetEnv=PRIME_TEST=\"100% 'x'\"";
    let arguments =
        ["--jump", "always", "--ssh-option", option, "--ssh-option", "LogLevel=VERBOSE"];
    let file = pair.user.inventory("hosts.ini", &[pair.cluster()], &arguments);
    let mut command = ansible::newest().command(&pair.user.sandbox, "ansible");
    command.args(["all", "-m", "raw", "-a", "echo \"<$PRIME_TEST>\"", "-i"]).arg(&file);
    let text = process::run(&mut command, b"").succeeds();
    assert_eq!(text.matches("<100% 'x'>").count(), 2, "{text}");
}

/// Two clusters, each with its own machine at 10.0.0.11 behind its own control node.
#[test]
fn in_namespaces_ansible_reaches_the_right_machine_one_after_the_other() {
    needs!("namespaces");
    const WORKER: &str = "10.0.0.11";
    let user = User::with_key_at(KEY);
    let client = Namespace::new();
    let networks = [Namespace::new(), Namespace::new()];
    let mut machines = Vec::new();
    let clusters = [0, 1].map(|at| {
        let place = |host: u8| format!("198.18.{at}.{host}");
        let addresses = [1, 2].map(|host| format!("{}/24", place(host)));
        client.link(&format!("to-{at}"), &addresses[0], &networks[at], &addresses[1]);
        networks[at].address(&format!("{WORKER}/32"));
        let start = |node: &str, address: &str| {
            user.sshd(&format!("{node}-{at}")).at(address).inside(&networks[at]).start()
        };
        let (control, worker) = (start("control", &place(2)), start("worker", WORKER));
        let cluster = Cluster::new(&format!("clst{at}"), &format!("train-{at}"))
            .node(Node::new(&format!("control-{at}"), "node-0").connection(to(&control).control()))
            .node(Node::new(&format!("worker-{at}"), "node-1").connection(to(&worker)));
        machines.extend([control, worker]);
        cluster
    });
    let expected = pairs(&[
        ("prime.train-0.node-0", "control-0"),
        ("prime.train-0.node-1", "worker-0"),
        ("prime.train-1.node-0", "control-1"),
        ("prime.train-1.node-1", "worker-1"),
    ]);
    for ansible in ansible::versions() {
        let inside = || {
            let command = client.command(&ansible.program("ansible"));
            ansible.inside(&user.sandbox, command)
        };
        let file = user.inventory("hosts.yml", &clusters, &[]);
        assert_eq!(asked_nodes(inside(), &file), expected);
        // What our sockets are for: with Ansible's own, a task for one cluster runs on the other.
        let text = std::fs::read_to_string(&file).unwrap();
        let without: Vec<_> =
            text.lines().filter(|line| !line.contains("ansible_control_path")).collect();
        let without = user.write("without.yml", without.join("\n"));
        let wrong = asked_nodes(inside(), &without);
        assert_eq!(wrong[3], ("prime.train-1.node-1".to_owned(), "worker-0".to_owned()));
    }
}

#[test]
fn connections_are_shared_and_each_has_its_own() {
    needs!("sshd", "ansible");
    let pair = Pair::new();
    let Pair { user, control, worker } = &pair;
    let file = user.inventory("hosts.yml", &[pair.cluster()], &["--jump", "always"]);
    let expected = pairs(&[("prime.train.node-0", "node-0"), ("prime.train.node-1", "node-1")]);
    for ansible in ansible::versions() {
        assert_eq!(user.nodes(&ansible, &file), expected);
    }
    assert_eq!((logins(control), logins(worker)), (2, 1), "the first run's connections serve on");
    let sockets: Vec<_> = std::fs::read_dir(user.path(".ansible/cp"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(sockets.len(), 2, "{sockets:?}");
    assert!(sockets.iter().all(|name| name.contains("@prime-pod")), "{sockets:?}");
}

#[test]
fn a_wrapper_is_an_inventory() {
    needs!("sshd", "ansible");
    let pair = Pair::new();
    let sandbox = &pair.user.sandbox;
    sandbox.write("answer.json", pair.cluster().answer());
    let arguments = "--input answer.json --jump always --known-hosts 'known hosts'";
    let wrapper = script(sandbox, "hosts.sh", arguments);
    assert_pongs(ansible::newest().ping(sandbox, &wrapper, "worker"), 1);
}
