//! From an install to a shell: real ssh, real sshd.

use std::fs;
use std::process::Stdio;

use super::Sandbox;
use crate::support::cluster::{Cluster, Connection, Node};
use crate::support::process;
use crate::support::ssh;
use crate::support::sshd::Sshd;
use crate::support::user::logins;

fn me() -> String {
    process::run(process::command("id").arg("-un"), b"").succeeds().trim_end().to_owned()
}

/// A cluster of one node: this machine behind this sshd.
fn cluster(machine: &str, sshd: &Sshd) -> Cluster {
    let connection = Connection::to(&sshd.address)
        .with("port", sshd.port)
        .with("user", me())
        .with("podId", machine)
        .control();
    Cluster::new("clst01", "train").node(Node::new("node01", "head").connection(connection))
}

#[test]
fn a_new_machine_on_an_old_address_is_reached_and_a_new_key_of_an_old_machine_is_not() {
    needs!("sshd");
    let sandbox = Sandbox::with_config("Host *\n  ConnectTimeout 9\n");
    let key = sandbox.ssh_key("ssh/id_cluster");
    let start = |port: Option<u16>, node: &str| {
        let config = Sshd::of(&sandbox, node).lets_in(&key);
        port.map_or_else(|| config, |port| Sshd::of(&sandbox, node).lets_in(&key).port(port))
            .start()
    };
    let first = start(None, "first");
    let port = first.port;
    let installing = sandbox.installing(&cluster("pod-a", &first)).arg("--identity-file").arg(&key);
    installing.run().succeeds();
    let config = sandbox.config();
    assert_eq!(ssh::node_at(&config, "prime.train"), "first");
    assert_eq!(ssh::node_at(&config, "prime.train.head"), "first");
    let keys = sandbox.read(sandbox.ours(".known_hosts"));
    assert!(keys.starts_with("prime-pod-a "), "{keys}");
    sandbox.run(&["sync", "--check"]).succeeds();

    // The machine is gone, and another one has its address.
    drop(first);
    let second = start(Some(port), "second");
    sandbox.saved(&cluster("pod-b", &second));
    sandbox.run(&["sync"]).succeeds();
    let ran = ssh::on(&config, "prime.train", "echo $PRIME_NODE");
    assert!(!ran.stderr.contains("identification"), "{}", ran.stderr);
    assert_eq!(ran.succeeds(), "second\n");

    // Somebody else answers in the place of a machine that we know.
    drop(second);
    let third = start(Some(port), "third");
    let told = ssh::on(&config, "prime.train", "echo $PRIME_NODE").fails(255);
    assert!(told.contains("REMOTE HOST IDENTIFICATION HAS CHANGED"), "{told}");
    drop(third);
    sandbox.run(&["uninstall", "--all"]).succeeds();
    assert!(ssh::on(&config, "prime.train", "true").fails(255).contains("prime.train"));
}

/// The path of a socket has a limit, and ssh puts 17 bytes behind it while it makes one.
#[test]
fn connections_are_shared_in_a_long_home_folder_or_not_at_all() {
    needs!("sshd");
    let uuid = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9";
    for (bytes, expected) in [(29, 1), (49, 1), (75, 2)] {
        let sandbox = Sandbox::with_ssh_folder();
        let key = sandbox.ssh_key("keys/id");
        let sshd = Sshd::of(&sandbox, "head").lets_in(&key).start();
        let home = sandbox.path("h".repeat(bytes - 1 - sandbox.home().as_os_str().len()));
        // As long as `.ssh`, which ssh would look for in the home of the password database.
        let (folder, config) = (home.join(".own"), home.join(".own/config"));
        fs::create_dir_all(&folder).unwrap();
        fs::write(&config, "Host *\n  ControlMaster auto\n  ControlPersist 20\n").unwrap();
        let answer = sandbox.saved(&cluster(uuid, &sshd));
        let own = |words: &[&str]| sandbox.prime_ssh(words).arg("--ssh-dir").arg(&folder);
        let install = own(&["install", "--short", "t"]).arg("--identity-file").arg(&key);
        install.arg("--input").arg(answer).run().succeeds();
        for _ in 0..2 {
            // It would hold our end of a pipe.
            let mut ssh = ssh::ssh(&config);
            ssh.args(["t", "true"]).stdin(Stdio::null()).stdout(Stdio::null());
            let log = fs::File::create(sandbox.path("log")).unwrap();
            let ended = ssh.stderr(log).status().unwrap();
            assert!(ended.success(), "{bytes}: {}", sandbox.read("log"));
            assert!(!sandbox.read("log").contains("too long"), "{bytes}");
        }
        assert_eq!(logins(&sshd), expected, "{bytes}: {}", sshd.log());
        let told = own(&["doctor"]).run();
        assert!(!told.stdout.contains("socket"), "{bytes}: {}", told.stdout);
        let mut exit = ssh::ssh(&config);
        exit.args(["-O", "exit", "t"]).stderr(Stdio::null()).status().unwrap();
    }
}
