//! Nodes behind a jump host: each is up by its own banner, through one login.

use std::time::Duration;

use super::{beside, until_asked};
use crate::support::api::Api;
use crate::support::cluster::{Cluster, Connection, Node};
use crate::support::network::nobody;
use crate::support::person::{Person, logins, me, to};
use crate::support::process::Ran;
use crate::support::sandbox::Program;
use crate::support::sshd::Sshd;

/// A control node, and workers that are reached through it.
fn behind(control: Connection, workers: impl IntoIterator<Item = Connection>) -> Cluster {
    let cluster = Cluster::new("clst01", "train")
        .node(Node::new("pod0", "node-0").connection(control.control()));
    (1..).zip(workers).fold(cluster, |cluster, (number, worker)| {
        let node = Node::new(&format!("pod{number}"), &format!("node-{number}"));
        cluster.node(node.connection(worker))
    })
}

fn install(person: &Person, api: &Api, options: &[&str]) {
    program(person, &["install", "clst01"], api).args(options).run().succeeds();
}

fn wait(person: &Person, api: &Api, options: &[&str]) -> Program {
    program(person, &["wait", "clst01", "--format", "plain"], api).args(options)
}

fn program(person: &Person, words: &[&str], api: &Api) -> Program {
    let program = person.sandbox.prime_ssh(words).arg("--ssh-dir");
    program.arg(person.sandbox.path("ssh")).asking(api)
}

/// State and last field of each host.
fn rows(ran: &Ran) -> Vec<String> {
    let row = |line: &str| {
        let fields: Vec<_> = line.split('\t').collect();
        let name = fields[0].rsplit('.').next().unwrap();
        format!("{name} {}: {}", fields[1], fields[3])
    };
    ran.stdout.lines().map(row).collect()
}

#[test]
fn a_worker_is_up_by_its_own_banner_through_one_login() {
    needs!("sshd");
    let person = Person::new();
    let control = person.sshd("node-0").at("127.0.0.2").start();
    let worker = person.sshd("node-1").at("127.0.0.3").start();
    let dead = Connection::to("127.0.0.1").with("port", nobody()).with("user", me());
    let api = Api::serving([behind(to(&control), [to(&worker), dead.clone(), dead])]);
    install(&person, &api, &["--jump", "always"]);
    let ran = wait(&person, &api, &["--within", "3s"]).run();
    let told = ran.stdout.clone();
    let rows = rows(&ran);
    assert!(rows[0].starts_with("node-0 ok: OpenSSH_"), "{told}");
    assert!(rows[1].starts_with("node-1 ok: OpenSSH_"), "{told}");
    let refused = "the jump host cannot connect to it: connection refused";
    assert_eq!(rows[2], format!("node-2 failed: {refused}"));
    let told = ran.fails(6);
    assert!(told.contains("error: prime.train: 2 of 4 nodes are up after 3 s:\n"), "{told}");
    assert!(told.contains(&format!("\n  prime.train.node-3: {refused}\n")), "{told}");
    assert_eq!(logins(&control), 1, "{}", control.log());
    assert_eq!(worker.log().matches("Connection from").count(), 1, "{}", worker.log());

    let ran = wait(&person, &api, &["--for", "2"]).run();
    assert_eq!(ran.stderr, "prime.train: 2 of 4 nodes are up\n");
    ran.succeeds();
    // The control node is up by itself.
    wait(&person, &api, &["--for", "1"]).run().succeeds();
    assert_eq!(logins(&control), 2, "{}", control.log());
}

#[test]
fn a_worker_that_comes_up_late_is_seen_through_the_same_login() {
    needs!("sshd");
    let person = Person::new();
    let control = person.sshd("node-0").at("127.0.0.2").start();
    let port = nobody();
    let late = Connection::to("127.0.0.3").with("port", port).with("user", me());
    let api = Api::serving([behind(to(&control), [late])]);
    // Not installed: what `install` would write leads there.
    let config = person.sandbox.path("ssh/config");
    std::fs::write(config, "Host *\n  ControlMaster auto\n  StdinNull yes\n").unwrap();
    install(&person, &api, &["--jump", "always"]);
    let mut worker = None;
    let ran = beside(wait(&person, &api, &["--within", "60s"]), || {
        until_asked(&api, api.requests().len() + 2);
        worker = Some(person.sshd("node-1").at("127.0.0.3").port(port).start());
    });
    assert!(ran.stderr.ends_with("prime.train: 2 of 2 nodes are up\n"), "{}", ran.stderr);
    ran.succeeds();
    assert_eq!(logins(&control), 1, "{}", control.log());
}

#[test]
fn a_jump_host_that_refuses_us_ends_it_at_once() {
    needs!("sshd");
    let person = Person::new();
    let stranger = person.sandbox.ssh_key("stranger");
    let control = Sshd::of(&person.sandbox, "node-0").at("127.0.0.2").lets_in(&stranger).start();
    let worker = person.sshd("node-1").at("127.0.0.3").start();
    let api = Api::serving([behind(to(&control), [to(&worker)])]);
    install(&person, &api, &["--jump", "always"]);
    let ran = wait(&person, &api, &["--within", "10m"]).run();
    assert!(ran.took < Duration::from_secs(60), "{:?}", ran.took);
    let told = rows(&ran);
    assert!(told[0].starts_with("node-0 ok: OpenSSH_"), "{told:?}");
    assert!(
        told[1].starts_with("node-1 skipped: not tried: its jump host prime.train.node-0: the")
    );
    let told = ran.fails(6);
    let key = person.key.display().to_string();
    let why = "error: prime.train: its jump host prime.train.node-0 refuses the login: the key ";
    assert!(told.starts_with(&format!("{why}{key} (SHA256:")), "{told}");
    assert!(told.contains("\n\nhint: have this key added to the cluster, or name another one: `prime-ssh install --ssh-dir"), "{told}");
    assert!(!worker.log().contains("Connection from"), "{}", worker.log());
}

#[test]
fn a_jump_host_that_does_not_answer_is_waited_for() {
    needs!("sshd");
    let person = Person::new();
    let worker = person.sshd("node-1").at("127.0.0.3").start();
    let gate = format!(
        "Host gate\n  HostName 127.0.0.1\n  Port {}\n  IdentityFile {}\n",
        nobody(),
        person.key.display()
    );
    std::fs::write(person.sandbox.path("ssh/config"), gate).unwrap();
    let down = Connection::to("127.0.0.1").with("port", nobody()).with("user", me());
    let api = Api::serving([behind(down, [to(&worker)])]);
    for (options, detail) in [
        (&["--jump", "always"][..], "its jump host prime.train.node-0 failed: connection refused"),
        (
            &["--jump", "always", "--jump-via", "gate"],
            "not tried: its jump host gate: connection refused",
        ),
    ] {
        install(&person, &api, options);
        let ran = wait(&person, &api, &["--within", "2s"]).run();
        assert!(ran.took >= Duration::from_secs(2), "{:?}", ran.took);
        assert_eq!(rows(&ran)[1], format!("node-1 skipped: {detail}"), "{}", ran.stdout);
        assert!(ran.fails(6).contains("0 of 2 nodes are up after 2 s"));
        program(&person, &["uninstall", "clst01"], &api).run().succeeds();
    }
}

#[test]
fn behind_a_bastion_all_are_asked_through_it() {
    needs!("sshd");
    let person = Person::new();
    let gate = person.sshd("gate").at("127.0.0.4").start();
    let control = person.sshd("node-0").at("127.0.0.2").start();
    let worker = person.sshd("node-1").at("127.0.0.3").start();
    let config = person.sandbox.path("ssh/config");
    std::fs::write(&config, person.own_block("gate", "127.0.0.4", gate.port)).unwrap();
    let api = Api::serving([behind(to(&control), [to(&worker)])]);
    // Of the control node's own login the bastion hears once more.
    for (jump, at_gate, at_control) in [("never", 1, 0), ("always", 3, 1)] {
        install(&person, &api, &["--bastion", "gate", "--jump", jump]);
        let ran = wait(&person, &api, &["--within", "50s"]).run();
        let rows = rows(&ran);
        assert!(rows.iter().all(|row| row.contains(" ok: OpenSSH_")), "{jump}: {ran:?}");
        ran.succeeds();
        assert_eq!((logins(&gate), logins(&control)), (at_gate, at_control), "{jump}");
    }
    // Where it leads nowhere, nobody goes past it.
    let installed = std::fs::read_to_string(&config).unwrap();
    let down = person.own_block("gate", "127.0.0.1", nobody());
    let include = installed.split_once('\n').unwrap().0;
    std::fs::write(&config, format!("{include}\n{down}")).unwrap();
    let ran = wait(&person, &api, &["--within", "2s"]).run();
    let rows = rows(&ran);
    assert_eq!(rows[0], "node-0 skipped: not tried: its jump host gate: connection refused");
    assert!(
        rows[1].starts_with("node-1 skipped: its jump host prime.train.node-0 failed"),
        "{ran:?}"
    );
    assert!(ran.fails(6).contains("0 of 2 nodes are up after 2 s"));

    // One that refuses us ends it at once.
    drop(gate);
    let stranger = person.sandbox.ssh_key("stranger");
    let gate = Sshd::of(&person.sandbox, "gate-2").at("127.0.0.4").lets_in(&stranger).start();
    let block = person.own_block("gate", "127.0.0.4", gate.port);
    std::fs::write(&config, format!("{include}\n{block}")).unwrap();
    let known = person.sandbox.path("own_known_hosts");
    std::fs::remove_file(known).unwrap();
    let ran = wait(&person, &api, &["--within", "10m"]).run();
    assert!(ran.took < Duration::from_secs(60), "{:?}", ran.took);
    assert!(ran.fails(6).starts_with("error: prime.train: its jump host gate refuses the login: "));
}
