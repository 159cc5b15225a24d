//! `prime-ssh check`: hosts that answer, hosts that do not, and why.

mod endings;
mod login;
mod sessions;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::support::api::Api;
use crate::support::cluster::{Cluster, Connection, Node};
use crate::support::network::nobody;
use crate::support::process;
use crate::support::process::Ran;
use crate::support::sandbox::Sandbox;

/// A port of 127.0.0.1 where this is done with each connection.
fn serve(talk: impl Fn(&mut TcpStream) + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        thread::scope(|scope| {
            for stream in listener.incoming() {
                let (talk, mut stream) = (&talk, stream.unwrap());
                scope.spawn(move || talk(&mut stream));
            }
        });
    });
    port
}

fn says(words: &'static str) -> u16 {
    serve(move |stream| {
        let _ = stream.write_all(words.as_bytes());
        let _ = stream.read_to_end(&mut Vec::new());
    })
}

fn node(number: usize, port: u16) -> Node {
    let connection = Connection::to("127.0.0.1").with("port", port);
    Node::new(&format!("pod{number}"), &format!("node-{number}")).connection(connection)
}

const BANNER: &str = "SSH-2.0-OpenSSH_9.9p9 Test\r\n";

/// Hosts with one fault each, in the order of their names.
fn motley() -> Cluster {
    let hostile = "\u{1b}[2J\tone\u{202e}\r\ntwo\r\n";
    let ports = [
        says(BANNER),
        nobody(),
        says(""),
        serve(|_| ()),
        says(hostile),
        says("SSH-1.5-old\n"),
        serve(|stream| {
            // Faster ones are told later: the order is that of the names.
            thread::sleep(Duration::from_millis(300));
            let _ = stream.write_all(BANNER.as_bytes());
        }),
    ];
    let named = Connection::to("no-such-host.invalid");
    ports
        .into_iter()
        .enumerate()
        .fold(Cluster::new("clst01", "train"), |cluster, (number, port)| {
            cluster.node(node(number, port))
        })
        .node(Node::new("pod7", "node-7").connection(named))
        .node(Node::new("pod8", "node-8").with("status", "PROVISIONING"))
        .node(Node::new("pod9", "node-9").with("terminatedAt", "2026-07-02T10:30:00Z"))
}

fn check(cluster: &Cluster, arguments: &[&str]) -> Ran {
    let sandbox = Sandbox::new();
    let file = sandbox.write("answer.json", cluster.answer());
    let program = sandbox.prime_ssh(["check", "--probe-timeout", "2s", "--input"]);
    program.arg(file).args(arguments).run()
}

#[test]
fn each_host_and_why_it_does_not_answer() {
    let ran = check(&motley(), &["--format", "plain"]);
    let rows: Vec<Vec<&str>> = ran.stdout.lines().map(|line| line.split('\t').collect()).collect();
    assert!(rows.iter().all(|row| row.len() == 7), "{rows:?}");
    let told: Vec<_> = rows.iter().map(|row| (row[0], row[1], row[2])).collect();
    assert_eq!(
        told,
        [
            ("prime.train.node-0", "ok", ""),
            ("prime.train.node-1", "failed", "refused"),
            ("prime.train.node-2", "failed", "silent"),
            ("prime.train.node-3", "failed", "closed"),
            ("prime.train.node-4", "failed", "not_ssh"),
            ("prime.train.node-5", "failed", "old_protocol"),
            ("prime.train.node-6", "ok", ""),
            ("prime.train.node-7", "failed", "name_unknown"),
            ("prime.train.node-8", "failed", "no_connection"),
        ]
    );
    assert_eq!(rows[0][5], "OpenSSH_9.9p9 Test");
    assert!(rows[0][3].parse::<f64>().is_ok() && rows[0][4].is_empty(), "{:?}", rows[0]);
    assert_eq!(rows[4][6], "not an SSH server: it says `\\u{1b}[2J\\tone\\u{202e}`");
    let told = ran.fails(6);
    let last = told.lines().last().unwrap();
    assert_eq!(
        last,
        "error: 2 of 9 hosts OK, 7 failed: prime.train.node-1, prime.train.node-2, \
         prime.train.node-3, prime.train.node-4, prime.train.node-5 and 2 more"
    );
}

#[test]
fn for_people_and_for_programs() {
    let cluster =
        Cluster::new("clst01", "train").node(node(0, says(BANNER))).node(node(1, nobody()));
    let ran = check(&cluster, &[]);
    let table: Vec<&str> = ran.stdout.lines().collect();
    assert!(
        table[0].starts_with("HOST ") && table[0].ends_with("SERVER         DETAIL"),
        "{table:?}"
    );
    assert!(table[1].contains(" ms  OpenSSH_9.9p9"), "{table:?}");
    assert!(table[2].ends_with("connection refused"), "{table:?}");
    ran.fails(6);

    let ran = check(&cluster, &["--format", "json"]);
    let said: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(said["schema_version"], 1);
    assert_eq!(said["counts"], serde_json::json!({"total": 2, "ok": 1, "failed": 1, "skipped": 0}));
    let host = &said["hosts"][0];
    for (field, value) in [
        ("alias", "prime.train.node-0"),
        ("cluster", "prime.train"),
        ("state", "ok"),
        ("address", "127.0.0.1"),
        ("server", "OpenSSH_9.9p9 Test"),
    ] {
        assert_eq!(host[field], value);
    }
    for field in ["resolve_ms", "connect_ms", "banner_ms", "latency_ms"] {
        assert!(host[field].is_f64(), "{field}: {host}");
    }
    assert_eq!(said["hosts"][1]["reason"], "refused");
    assert_eq!(said["hosts"][1]["detail"], "connection refused");
    ran.fails(6);
}

#[test]
fn all_ok_is_a_success_and_says_so() {
    let cluster =
        Cluster::new("clst01", "train").node(node(0, says(BANNER))).node(node(1, says(BANNER)));
    let ran = check(&cluster, &[]);
    assert_eq!(ran.stderr, "all 2 hosts OK\n");
    ran.succeeds();
    assert_eq!(check(&cluster, &["-q", "--format", "plain"]).stderr, "");
    let dead = Cluster::new("clst01", "train").node(node(0, nobody()));
    let told = check(&dead, &[]).fails(6);
    assert_eq!(told, "error: 0 of 1 host OK, 1 failed: prime.train.node-0\n");
}

#[test]
fn workers_behind_a_jump_host_are_not_tried_without_a_login() {
    let cluster = |port| {
        let control = Connection::to("127.0.0.1").with("port", port).control();
        Cluster::new("clst01", "train")
            .node(Node::new("pod0", "node-0").connection(control))
            .node(Node::worker("pod1", "node-1", "10.255.255.1"))
            .node(Node::worker("pod2", "node-2", "10.255.255.2"))
    };
    let states = |ran: &Ran| -> Vec<String> {
        let fields = |line: &str| line.split('\t').skip(1).take(2).collect::<Vec<_>>().join(" ");
        ran.stdout.lines().map(fields).collect()
    };
    let ran = check(&cluster(says(BANNER)), &["--format", "plain"]);
    assert_eq!(states(&ran), ["ok ", "skipped behind_jump", "skipped behind_jump"]);
    assert_eq!(ran.stderr, "1 host OK; 2 hosts behind a jump host skipped: --login checks them\n");
    ran.succeeds();

    let ran = check(&cluster(nobody()), &["--format", "plain"]);
    assert_eq!(states(&ran), ["failed refused", "skipped jump_failed", "skipped jump_failed"]);
    let detail = "its jump host prime.train.node-0 failed: connection refused";
    assert!(ran.stdout.lines().nth(1).unwrap().ends_with(detail), "{}", ran.stdout);
    ran.fails(6);
}

#[test]
fn several_clusters_and_what_fails_for_one_harms_no_other() {
    let sandbox = Sandbox::new();
    let named = |id: &str, name: &str| Cluster::new(id, name).node(node(0, says(BANNER)));
    let api = Api::serving([named("clst01", "train"), named("clst02", "eval")]);
    let plain = ["check", "train", "nowhere", "eval", "--format", "plain"];
    let ran = sandbox.prime_ssh(plain).asking(&api).run();
    let aliases: Vec<_> = ran.stdout.lines().map(|line| line.split('\t').next().unwrap()).collect();
    assert_eq!(aliases, ["prime.train.node-0", "prime.eval.node-0"]);
    snapshot!(ran.fails(3), @"
    all 2 hosts OK
    error: cannot get cluster `nowhere`: no cluster has this id or name

    hint: `prime-ssh list` shows ids and names; for a terminated cluster, give its id
    ");

    let ran = sandbox.prime_ssh(["check", "--all", "--format", "plain"]).asking(&api).run();
    let aliases: Vec<_> = ran.stdout.lines().map(|line| line.split('\t').next().unwrap()).collect();
    assert_eq!(aliases, ["prime.eval.node-0", "prime.train.node-0"]);
    ran.succeeds();
}

/// Nodes have the same names in every cluster, and those without a host have no alias.
#[test]
fn a_node_without_a_host_is_told_with_its_cluster_where_there_are_several() {
    let sandbox = Sandbox::new();
    let named = |id: &str, name: &str| {
        Cluster::new(id, name).node(node(0, says(BANNER))).node(Node::new("pod1", "node-1"))
    };
    let api = Api::serving([named("clst01", "train"), named("clst02", "eval")]);
    let first = |ran: &Ran| {
        let words = ran.stdout.lines().map(|line| line.split("  ").next().unwrap().to_owned());
        words.filter(|word| word.contains("node-1")).collect::<Vec<_>>()
    };
    let ran = sandbox.prime_ssh(["check", "--all"]).asking(&api).run();
    assert_eq!(first(&ran), ["node-1 of prime.eval", "node-1 of prime.train"], "{}", ran.stdout);
    let ran = sandbox.prime_ssh(["check", "train"]).asking(&api).run();
    assert_eq!(first(&ran), ["node-1"], "{}", ran.stdout);
}

#[test]
fn what_cannot_be_checked_comes_with_no_option_that_check_has_not() {
    let sandbox = Sandbox::new();
    let cluster = Cluster::new("clst01", "train").node(node(0, says(BANNER)));
    let answer = sandbox.write("answer.json", cluster.answer());
    let program = |command| {
        let program = sandbox.prime_ssh([command, "--ssh-dir"]).arg(sandbox.path("ssh"));
        program.arg("--input").arg(&answer)
    };
    program("install").run().succeeds();
    sandbox.write("answer.json", cluster.with("terminatedAt", "2026-08-01T09:00:00Z").answer());
    let told = program("check").run().fails(4);
    snapshot!(told, @"
    error: nothing to check for train (clst01): the cluster was terminated

    hint: `prime-ssh sync --ssh-dir [home]/ssh` removes its names
    ");
    snapshot!(told, @"
    error: nothing to check for train (clst01): the cluster was terminated

    hint: `prime-ssh sync --ssh-dir [home]/ssh` removes its names
    ");
}

#[test]
fn a_refused_value_is_told_and_its_host_failed() {
    let bad = Node::new("pod1", "node-1").connection(Connection::to("-oProxyCommand=x"));
    let cluster = Cluster::new("clst01", "train").node(node(0, says(BANNER))).node(bad);
    let ran = check(&cluster, &["--format", "plain"]);
    assert!(ran.stdout.contains("node-1\tfailed\tvalue_refused\t"), "{}", ran.stdout);
    snapshot!(ran.stderr, @r#"
    warning: left out what holds a refused value:
      train (clst01): data.nodes[1].connections[0].host: "-oProxyCommand=x": `=` is not allowed in a DNS name
    error: 1 of 2 hosts OK, 1 failed: node-1 of prime.train
    "#);
    ran.fails(6);
    let ran = check(&cluster, &["--skip-invalid", "--format", "plain"]);
    assert_eq!(ran.stdout.lines().count(), 1);
    ran.succeeds();
}

/// `check --format plain | awk '$2 == "failed"' | cut -f1 | xargs -n1 ssh`.
#[test]
fn the_first_field_is_an_alias_whatever_a_node_is_called() {
    for name in ["-oProxyCommand=touch x", "prime.train.node-0", "other\tfield", "日本"] {
        let cluster = Cluster::new("clst01", "train")
            .node(node(0, says(BANNER)))
            .node(Node::new("pod1", name));
        let ran = check(&cluster, &["--format", "plain"]);
        let first = ran.stdout.lines().last().unwrap().split('\t').next().unwrap();
        let own = first.strip_prefix("prime.train.").unwrap_or_else(|| panic!("{first}"));
        assert!(own.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'), "{first}");
    }
}

#[test]
fn without_an_ssh_a_login_is_no_verdict_on_the_host() {
    let sandbox = Sandbox::new();
    let cluster = Cluster::new("clst01", "train").node(node(0, says(BANNER)));
    let file = sandbox.write("answer.json", cluster.answer());
    let empty = sandbox.path("empty");
    std::fs::create_dir(&empty).unwrap();
    let program = sandbox.prime_ssh(["check", "--login", "--ssh-dir", "ssh", "--input"]).arg(file);
    let ran = program.env("PATH", empty).run();
    assert_eq!(ran.stdout, "");
    snapshot!(ran.fails(1), @"
    error: cannot run ssh: No such file or directory (os error 2)

    hint: a login needs the `ssh` program; `check` without --login needs none
    ");
}

#[test]
fn as_many_at_once_as_open_files_allow() {
    let sandbox = Sandbox::new();
    let cluster = (0..40).fold(Cluster::new("clst01", "train"), |cluster, number| {
        cluster.node(node(number, says(BANNER)))
    });
    let file = sandbox.write("answer.json", cluster.answer());
    let program = sandbox.prime_ssh(["check", "--jobs", "4096", "--input"]).arg(file);
    let program = program.into_command();
    let mut limited = process::command("sh");
    limited.args(["-c", "ulimit -n 40; exec \"$@\"", "sh"]).arg(program.get_program());
    limited.args(program.get_args()).current_dir(sandbox.home()).env("HOME", sandbox.home());
    let ran = process::run(&mut limited, b"");
    snapshot!(ran.stderr, @"
    warning: 2 hosts are asked at once, not 4096: this shell allows no more open files (`ulimit -n`)
    all 40 hosts OK
    ");
    ran.succeeds();
}
