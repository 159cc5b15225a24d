//! Nodes behind a jump host: each is up by its own banner, through one login.

use std::time::Duration;

use super::{beside, until_answered};
use crate::support::api::Api;
use crate::support::cluster::{Cluster, Connection, Node};
use crate::support::network::nobody;
use crate::support::process::Ran;
use crate::support::sandbox::Program;
use crate::support::snapshot::errors;
use crate::support::sshd::Sshd;
use crate::support::user::{User, logins, me, to};

/// A control node, and workers that are reached through it.
fn behind(control: Connection, workers: impl IntoIterator<Item = Connection>) -> Cluster {
    let cluster = Cluster::new("clst01", "train")
        .node(Node::new("pod0", "node-0").connection(control.control()));
    (1..).zip(workers).fold(cluster, |cluster, (number, worker)| {
        let node = Node::new(&format!("pod{number}"), &format!("node-{number}"));
        cluster.node(node.connection(worker))
    })
}

fn install(user: &User, api: &Api, options: &[&str]) {
    program(user, &["install", "clst01"], api).args(options).run().succeeds();
}

fn wait(user: &User, api: &Api, options: &[&str]) -> Program {
    program(user, &["wait", "clst01", "--format", "plain"], api).args(options)
}

fn program(user: &User, words: &[&str], api: &Api) -> Program {
    let program = user.prime_ssh(words).arg("--ssh-dir");
    program.arg(user.path("ssh")).asking(api)
}

/// State of each host, and what the server says of itself or why there is nothing.
fn rows(ran: &Ran) -> Vec<String> {
    let row = |line: &str| {
        let fields: Vec<_> = line.split('\t').collect();
        let name = fields[0].rsplit('.').next().unwrap();
        format!("{name} {}: {}{}", fields[1], fields[5], fields[6])
    };
    ran.stdout.lines().map(row).collect()
}

#[test]
fn a_worker_is_up_by_its_own_banner_through_one_login() {
    needs!("sshd");
    let user = User::new();
    let control = user.sshd("node-0").at("127.0.0.2").start();
    let worker = user.sshd("node-1").at("127.0.0.3").start();
    let dead = Connection::to("127.0.0.1").with("port", nobody()).with("user", me());
    let api = Api::serving([behind(to(&control), [to(&worker), dead.clone(), dead])]);
    install(&user, &api, &["--jump", "always"]);
    let ran = wait(&user, &api, &["--within", "3s"]).run();
    let told = ran.stdout.clone();
    let rows = rows(&ran);
    assert!(rows[0].starts_with("node-0 ok: OpenSSH_"), "{told}");
    assert!(rows[1].starts_with("node-1 ok: OpenSSH_"), "{told}");
    let refused = "the jump host cannot connect to it: connection refused";
    assert_eq!(rows[2], format!("node-2 failed: {refused}"));
    snapshot!(errors(&ran.fails(6)), @"
    error: prime.train: 2 of 4 nodes are up after 3 s:
      prime.train.node-2: the jump host cannot connect to it: connection refused
      prime.train.node-3: the jump host cannot connect to it: connection refused
    ");
    assert_eq!(logins(&control), 1, "{}", control.log());
    assert_eq!(worker.log().matches("Connection from").count(), 1, "{}", worker.log());

    let ran = wait(&user, &api, &["--for", "2"]).run();
    assert_eq!(ran.stderr, "prime.train: 2 of 4 nodes are up\n");
    ran.succeeds();
    // The control node is up by itself.
    wait(&user, &api, &["--for", "1"]).run().succeeds();
    assert_eq!(logins(&control), 2, "{}", control.log());
}

#[test]
fn a_worker_that_comes_up_late_is_seen_through_the_same_login() {
    needs!("sshd");
    let user = User::new();
    let control = user.sshd("node-0").at("127.0.0.2").start();
    let port = nobody();
    let late = Connection::to("127.0.0.3").with("port", port).with("user", me());
    let api = Api::serving([behind(to(&control), [late])]);
    // Not installed: what `install` would write leads there.
    let config = user.path("ssh/config");
    std::fs::write(config, "Host *\n  ControlMaster auto\n  StdinNull yes\n").unwrap();
    install(&user, &api, &["--jump", "always"]);
    let mut worker = None;
    let ran = beside(wait(&user, &api, &["--within", "60s"]), || {
        until_answered(&api, api.answered() + 2);
        worker = Some(user.sshd("node-1").at("127.0.0.3").port(port).start());
    });
    snapshot!(ran.stderr.lines().last().unwrap(), @"prime.train: 2 of 2 nodes are up");
    ran.succeeds();
    assert_eq!(logins(&control), 1, "{}", control.log());
}

#[test]
fn a_jump_host_that_refuses_us_ends_it_at_once() {
    needs!("sshd");
    let user = User::new();
    let stranger = user.ssh_key("stranger");
    let control = Sshd::of(&user.sandbox, "node-0").at("127.0.0.2").lets_in(&stranger).start();
    let worker = user.sshd("node-1").at("127.0.0.3").start();
    let api = Api::serving([behind(to(&control), [to(&worker)])]);
    install(&user, &api, &["--jump", "always"]);
    let ran = wait(&user, &api, &["--within", "10m"]).run();
    assert!(ran.took < Duration::from_secs(60), "{:?}", ran.took);
    let told = rows(&ran);
    assert!(told[0].starts_with("node-0 ok: OpenSSH_"), "{told:?}");
    assert!(
        told[1].starts_with("node-1 skipped: not tried: its jump host prime.train.node-0: the")
    );
    let told = ran.fails(6);
    snapshot!(told, @"
    error: prime.train: its jump host prime.train.node-0 refuses the login: the key [home]/ssh/id_cluster (SHA256:[key]) is not accepted

    hint: have this key added to the cluster, or name another one: `prime-ssh install --ssh-dir [home]/ssh --identity-file PATH --api-url http://127.0.0.1:[port] clst01`; `prime-ssh show --ssh-dir [home]/ssh clst01` lists the keys that it lets in
    ");
    assert!(!worker.log().contains("Connection from"), "{}", worker.log());
}

#[test]
fn a_jump_host_that_does_not_answer_is_waited_for() {
    needs!("sshd");
    let user = User::new();
    let worker = user.sshd("node-1").at("127.0.0.3").start();
    let gate = format!(
        "Host gate\n  HostName 127.0.0.1\n  Port {}\n  IdentityFile {}\n",
        nobody(),
        user.key.display()
    );
    std::fs::write(user.path("ssh/config"), gate).unwrap();
    let down = Connection::to("127.0.0.1").with("port", nobody()).with("user", me());
    let api = Api::serving([behind(down, [to(&worker)])]);
    for (options, detail) in [
        (&["--jump", "always"][..], "its jump host prime.train.node-0 failed: connection refused"),
        (
            &["--jump", "always", "--jump-via", "gate"],
            "not tried: its jump host gate: connection refused",
        ),
    ] {
        install(&user, &api, options);
        let ran = wait(&user, &api, &["--within", "5s"]).run();
        assert!(ran.took >= Duration::from_secs(5), "{:?}", ran.took);
        assert_eq!(rows(&ran)[1], format!("node-1 skipped: {detail}"), "{}", ran.stdout);
        ran.fails(6);
        program(&user, &["uninstall", "clst01"], &api).run().succeeds();
    }
}

#[test]
fn behind_a_bastion_all_are_asked_through_it() {
    needs!("sshd");
    let user = User::new();
    let gate = user.sshd("gate").at("127.0.0.4").start();
    let control = user.sshd("node-0").at("127.0.0.2").start();
    let worker = user.sshd("node-1").at("127.0.0.3").start();
    let config = user.path("ssh/config");
    std::fs::write(&config, user.own_block("gate", "127.0.0.4", gate.port)).unwrap();
    let api = Api::serving([behind(to(&control), [to(&worker)])]);
    // Of the control node's own login the bastion hears once more.
    for (jump, at_gate, at_control) in [("never", 1, 0), ("always", 3, 1)] {
        install(&user, &api, &["--bastion", "gate", "--jump", jump]);
        let ran = wait(&user, &api, &["--within", "50s"]).run();
        let rows = rows(&ran);
        assert!(rows.iter().all(|row| row.contains(" ok: OpenSSH_")), "{jump}: {ran:?}");
        ran.succeeds();
        assert_eq!((logins(&gate), logins(&control)), (at_gate, at_control), "{jump}");
    }
    // Where it leads nowhere, nobody goes past it.
    let installed = std::fs::read_to_string(&config).unwrap();
    let down = user.own_block("gate", "127.0.0.1", nobody());
    let include = installed.split_once('\n').unwrap().0;
    std::fs::write(&config, format!("{include}\n{down}")).unwrap();
    let ran = wait(&user, &api, &["--within", "2s"]).run();
    let rows = rows(&ran);
    assert_eq!(rows[0], "node-0 skipped: not tried: its jump host gate: connection refused");
    assert!(
        rows[1].starts_with("node-1 skipped: its jump host prime.train.node-0 failed"),
        "{ran:?}"
    );
    assert!(ran.fails(6).contains("0 of 2 nodes are up after 2 s"));

    // One that refuses us ends it at once.
    drop(gate);
    let stranger = user.ssh_key("stranger");
    let gate = Sshd::of(&user.sandbox, "gate-2").at("127.0.0.4").lets_in(&stranger).start();
    let block = user.own_block("gate", "127.0.0.4", gate.port);
    std::fs::write(&config, format!("{include}\n{block}")).unwrap();
    let known = user.path("own_known_hosts");
    std::fs::remove_file(known).unwrap();
    let ran = wait(&user, &api, &["--within", "10m"]).run();
    assert!(ran.took < Duration::from_secs(60), "{:?}", ran.took);
    let told = ran.fails(6);
    assert!(
        told.starts_with("error: prime.train: its jump host gate refuses the login: "),
        "{told}"
    );
    assert!(told.contains("hint: name the right key for it in your own ssh config"), "{told}");
}

/// Installs the cluster so that its workers are reached through two hosts of the user's own.
fn behind_gate_and_inner(user: &User, api: &Api, gate: u16, inner: u16) {
    let blocks =
        user.own_block("gate", "127.0.0.4", gate) + &user.own_block("inner", "127.0.0.2", inner);
    std::fs::write(user.path("ssh/config"), blocks).unwrap();
    install(user, api, &["--bastion", "gate", "--jump-via", "inner", "--jump", "always"]);
}

#[test]
fn a_bastion_before_the_jump_host_that_refuses_us_ends_it_too() {
    needs!("sshd");
    let user = User::new();
    let stranger = user.ssh_key("stranger");
    let gate = Sshd::of(&user.sandbox, "gate").at("127.0.0.4").lets_in(&stranger).start();
    let inner = user.sshd("inner").at("127.0.0.2").start();
    let worker = user.sshd("node-1").at("127.0.0.3").start();
    let api = Api::serving([behind(to(&inner), [to(&worker)])]);
    behind_gate_and_inner(&user, &api, gate.port, inner.port);
    // Without the control node, which is behind the bastion alone.
    let ran = wait(&user, &api, &["--only", "worker", "--within", "30s"]).run();
    assert!(ran.took < Duration::from_secs(30), "{:?}", ran.took);
    let row = &rows(&ran)[0];
    assert!(row.starts_with("node-1 skipped: not tried: its jump host gate,inner: the key "));
    let told = ran.fails(6);
    assert!(
        told.starts_with("error: prime.train: its jump host gate,inner refuses the login: the key"),
        "{told}"
    );
    assert!(told.contains("hint: name the right key for it in your own ssh config"), "{told}");
}

#[test]
fn a_bastion_before_a_jump_host_that_is_down_is_logged_in_to_once_for_the_reason() {
    needs!("sshd");
    let user = User::new();
    let gate = user.sshd("gate").at("127.0.0.4").start();
    let worker = user.sshd("node-1").at("127.0.0.3").start();
    let down = Connection::to("127.0.0.1").with("port", nobody()).with("user", me());
    let api = Api::serving([behind(down, [to(&worker)])]);
    behind_gate_and_inner(&user, &api, gate.port, nobody());
    wait(&user, &api, &["--within", "12s"]).run().fails(6);
    let tries = gate.log().matches("connect_to 127.0.0.2").count();
    assert!(tries > 1, "{}", gate.log());
    // Each try goes through it once.
    assert_eq!(logins(&gate), tries + 1, "{}", gate.log());
}
