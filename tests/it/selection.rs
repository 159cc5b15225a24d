//! `--node`, `--only` and `--role`, wherever hosts are chosen.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use serde_json::Value;

use crate::support::api::Api;
use crate::support::cluster::{Cluster, Connection, Node};
use crate::support::network::nobody;
use crate::support::process::Ran;
use crate::support::sandbox::{Program, Sandbox};
use crate::support::snapshot::{Transcript, errors};

/// A port where an SSH server introduces itself.
fn greeter() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            thread::spawn(move || {
                let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.2p1 Test\r\n");
                stream.read_to_end(&mut Vec::new())
            });
        }
    });
    port
}

fn node(number: usize, port: u16, role: &str) -> Node {
    let connection = Connection::to("127.0.0.1").with("port", port).with("role", role);
    let connection = connection.with("isControlNode", role == "HEAD");
    Node::new(&format!("pod{number}"), &format!("node-{number}")).connection(connection)
}

/// A control node and a worker that answer, one that does not, and one without a connection.
fn mixed(id: &str, name: &str) -> Cluster {
    let up = greeter();
    Cluster::new(id, name)
        .node(node(0, up, "HEAD"))
        .node(node(1, up, "TRAIN"))
        .node(node(2, nobody(), "STORE"))
        .node(Node::new("pod3", "node-3").with("status", "PROVISIONING"))
}

fn program(sandbox: &Sandbox, api: &Api, words: &[&str], options: &[&str]) -> Program {
    sandbox.prime_ssh(words).args(options).arg("--ssh-dir").arg(sandbox.path("ssh")).asking(api)
}

/// The first field of each row, or the second behind `Host ` of a fragment.
fn names(ran: &Ran) -> Vec<String> {
    let name = |line: &str| line.split('\t').next().unwrap().to_owned();
    ran.stdout.lines().map(name).collect()
}

fn hosts_of_config(text: &str) -> Vec<String> {
    let hosts = text.lines().filter_map(|line| line.strip_prefix("Host prime."));
    let hosts = hosts.filter(|host| host.contains('.') && !host.contains('*'));
    hosts.map(|host| format!("prime.{}", host.split(' ').next().unwrap())).collect()
}

#[test]
fn the_same_words_choose_the_same_hosts_in_every_command() {
    let sandbox = Sandbox::new();
    let api = Api::serving([mixed("clst01", "train")]);
    for (options, chosen) in [
        (&["--only", "control"][..], &["node-0"][..]),
        (&["--only", "worker"], &["node-1", "node-2"]),
        (&["--role", "train"], &["node-1"]),
        (&["--node", "node-0,*-2"], &["node-0", "node-2"]),
        (&["--node", "prime.train.node-1", "--only=worker"], &["node-1"]),
    ] {
        let aliases: Vec<_> = chosen.iter().map(|name| format!("prime.train.{name}")).collect();
        let config = program(&sandbox, &api, &["config", "train", "--jump=never"], options).run();
        assert_eq!(hosts_of_config(&config.succeeds()), aliases, "{options:?}");
        let plain = &["show", "train", "--format", "plain"];
        let show = program(&sandbox, &api, plain, options).run();
        assert_eq!(names(&show), aliases, "{options:?}: {}", show.stderr);
        let plain = &["check", "train", "--format", "plain"];
        let check = program(&sandbox, &api, plain, options).run();
        let mut checked = names(&check);
        // A node without a connection has no role yet: only its name can say that it is not meant.
        if options[0] != "--node" {
            assert_eq!(checked.pop().as_deref(), Some("prime.train.node-3"), "{options:?}");
        }
        assert_eq!(checked, aliases, "{options:?}: {}", check.stderr);
    }
    let check = program(&sandbox, &api, &["check", "train", "--node", "node-[01]"], &[]).run();
    assert_eq!(check.stderr, "all 2 hosts OK\n");
    check.succeeds();
}

#[test]
fn no_variable_chooses_what_is_looked_at() {
    let sandbox = Sandbox::new();
    let api = Api::serving([mixed("clst01", "train")]);
    let check = program(&sandbox, &api, &["check", "train", "--format=plain"], &[]);
    let check = check.env("PRIME_SSH_ONLY", "control").env("PRIME_SSH_NODE", "node-0").run();
    assert_eq!(names(&check).len(), 4, "{}", check.stdout);
}

#[test]
fn of_an_installed_cluster_the_installed_hosts_are_chosen_from() {
    let sandbox = Sandbox::new();
    let api = Api::serving([mixed("clst01", "train")]);
    program(&sandbox, &api, &["install", "train", "--only", "worker"], &[]).run().succeeds();
    let show = |options: &[&str]| {
        program(&sandbox, &api, &["show", "train", "--format=plain"], options).run()
    };
    assert_eq!(names(&show(&["--node", "node-[01]"])), ["prime.train.node-1"]);
    snapshot!(show(&["--node", "node-0"]).fails(4), @"error: nothing to show for train (clst01): no host matches --role, --only, and --node");
}

#[test]
fn none_that_fits_is_told() {
    let sandbox = Sandbox::new();
    let api = Api::serving([Cluster::new("clst01", "train").node(node(0, greeter(), "HEAD"))]);
    let mut told = Transcript::default();
    for (words, options) in [
        (["check", "train"], ["--node", "nod"]),
        (["check", "train"], ["--role", "x"]),
        (["show", "train"], ["--node", "nod"]),
        (["show", "train"], ["--role", "x"]),
        (["wait", "train"], ["--node", "nod"]),
        (["wait", "train"], ["--role", "x"]),
        (["check", "--all"], ["--node", "x"]),
        (["wait", "--all"], ["--node", "x"]),
    ] {
        let title = [words, options].concat().join(" ");
        told.add(title, program(&sandbox, &api, &words, &options).run().fails(4));
    }
    snapshot!(told, @"
    --- check train --node nod
    error: nothing to check for train (clst01): no host matches --role, --only, and --node

    --- check train --role x
    error: nothing to check for train (clst01): no host has that --role; the roles are HEAD

    --- show train --node nod
    error: nothing to show for train (clst01): no host matches --role, --only, and --node

    --- show train --role x
    error: nothing to show for train (clst01): no host has that --role; the roles are HEAD

    --- wait train --node nod
    error: nothing to wait for in train (clst01): no host matches --role, --only, and --node

    --- wait train --role x
    error: nothing to wait for in train (clst01): no host has that --role; the roles are HEAD

    --- check --all --node x
    note: left out train (clst01): no host matches --role, --only, and --node
    error: nothing to check: every cluster was left out

    --- wait --all --node x
    note: left out train (clst01): no host matches --role, --only, and --node
    error: nothing to wait for: every cluster was left out
    ");
}

#[test]
fn only_the_chosen_nodes_are_waited_for() {
    let sandbox = Sandbox::new();
    let api = Api::serving([mixed("clst01", "train")]);
    let wait = |options: &[&str]| program(&sandbox, &api, &["wait", "train"], options).run();
    let ran = wait(&["--node", "node-0,node-1"]);
    assert_eq!(ran.stderr, "prime.train: 2 of 2 nodes are up\n");
    let rows = ran.succeeds();
    assert_eq!(rows.lines().count(), 3, "{rows}");
    snapshot!(errors(&wait(&["--only", "worker", "--within", "2s"]).fails(6)), @"
    error: prime.train: 1 of 3 nodes is up after 2 s:
      prime.train.node-2: connection refused
      node-3: no connection yet, status PROVISIONING, installation progress 100
    ");
}

#[test]
fn several_clusters_are_waited_for_side_by_side() {
    let sandbox = Sandbox::new();
    let api = Api::serving([mixed("clst01", "train"), mixed("clst02", "eval")]);
    let all = ["wait", "--all", "--format", "json"];
    let ran = program(&sandbox, &api, &all, &["--node", "node-[01]"]).run();
    let told = "prime.eval: 2 of 2 nodes are up\nprime.train: 2 of 2 nodes are up\n";
    assert_eq!(ran.stderr, told);
    let report: Value = serde_json::from_str(&ran.succeeds()).unwrap();
    assert_eq!(report["met"], true);
    let clusters = report["clusters"].as_array().unwrap();
    let aliases: Vec<_> = clusters.iter().map(|cluster| &cluster["alias"]).collect();
    assert_eq!(aliases, ["prime.eval", "prime.train"]);

    // What fails for one harms no other, and all share the one limit.
    let words = ["wait", "train", "nowhere", "clst01", "eval", "--format", "plain"];
    let ran = program(&sandbox, &api, &words, &["--for", "2", "--within", "20s"]).run();
    snapshot!(errors(&ran.stderr), @"
    error: cannot get cluster `nowhere`: no cluster has this id or name

    hint: `prime-ssh list` shows ids and names; for a terminated cluster, give its id
    ");
    assert_eq!(ran.stdout.lines().count(), 8, "each cluster once: {}", ran.stdout);
    snapshot!(errors(&ran.fails(3)), @"
    error: cannot get cluster `nowhere`: no cluster has this id or name

    hint: `prime-ssh list` shows ids and names; for a terminated cluster, give its id
    ");
    let ran = program(&sandbox, &api, &["wait", "train", "eval"], &["--within", "3s"]).run();
    assert!(ran.took.as_secs() < 15, "{:?}", ran.took);
    let told = ran.fails(6);
    snapshot!(errors(&told), @"
    error: prime.train: 2 of 4 nodes are up after 3 s:
      prime.train.node-2: connection refused
      node-3: no connection yet, status PROVISIONING, installation progress 100
    error: prime.eval: 2 of 4 nodes are up after 3 s:
      prime.eval.node-2: connection refused
      node-3: no connection yet, status PROVISIONING, installation progress 100
    ");
}
