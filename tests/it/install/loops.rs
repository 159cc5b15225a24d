//! No set of installed, being installed and user-written names jumps in a loop.

use std::collections::BTreeSet;

use super::Sandbox;
use crate::support::cluster::{Cluster, Node};
use crate::support::process::Ran;
use crate::support::ssh::Resolved;

/// A control node at this place, and a worker behind it.
fn cluster(id: &str, name: &str, control: &str) -> Cluster {
    Cluster::new(id, name)
        .node(Node::control(&format!("{id}-0"), "ctl", control))
        .node(Node::worker(&format!("{id}-1"), "w", "10.0.0.1"))
}

fn install(sandbox: &Sandbox, cluster: &Cluster, options: &[&str]) -> Ran {
    sandbox.installing(cluster).args(options).run()
}

/// Follows the jumps as ssh itself says them; whether they come back to where they were.
fn loops(sandbox: &Sandbox, start: &str) -> bool {
    let (mut seen, mut name) = (BTreeSet::new(), start.to_owned());
    while seen.insert(name.clone()) {
        let resolved = Resolved::of(&sandbox.config(), &name);
        match resolved.get("proxyjump").filter(|&jump| jump != "none") {
            Some(jump) => jump.clone_into(&mut name),
            None => return false,
        }
    }
    true
}

#[test]
fn two_clusters_do_not_lead_through_each_other() {
    needs!("ssh");
    let sandbox = Sandbox::with_ssh_folder();
    let (a, b) = (cluster("ca", "a", "203.0.113.1"), cluster("cb", "b", "203.0.113.2"));
    install(&sandbox, &a, &["--jump-via", "prime.b.w"]).succeeds();
    let before = sandbox.snapshot();
    snapshot!(install(&sandbox, &b, &["--jump-via", "prime.a.w"]).fails(5), @"
    prime.b  not installed
    error: ssh would jump in a loop, without end: prime.a.w > prime.b.w > prime.a.w

    hint: give another way in (`--jump never`, `--jump-via HOST`, `--bastion HOST`) or another `--prefix WORD`
    ");
    assert_eq!(sandbox.snapshot(), before);
    install(&sandbox, &b, &[]).succeeds();
    assert!(!loops(&sandbox, "prime.a.w"));
    // What makes a loop of what is installed is refused, and the other cluster is brought along.
    snapshot!(install(&sandbox, &b, &["--jump-via", "prime.a.w"]).fails(5), @"
    prime.b  left as it is
    error: ssh would jump in a loop, without end: prime.a.w > prime.b.w > prime.a.w

    hint: give another way in (`--jump never`, `--jump-via HOST`, `--bastion HOST`) or another `--prefix WORD`
    ");
    assert!(!loops(&sandbox, "prime.a.w"));
    sandbox.run(&["sync"]).succeeds();
}

/// As Fedora's own configuration does.
#[test]
fn a_host_name_that_is_looked_up_again_makes_no_loop() {
    needs!("ssh");
    let sandbox = Sandbox::with_config("Match final all\n  Compression yes\n");
    let (a, b) = (cluster("ca", "a", "lab.b.w"), cluster("cb", "b", "prime.a.w"));
    install(&sandbox, &a, &[]).succeeds();
    let ran = install(&sandbox, &b, &["--prefix", "lab"]);
    if ran.status.success() {
        for name in ["prime.a.w", "prime.a.ctl", "lab.b.w", "lab.b.ctl"] {
            assert!(!loops(&sandbox, name), "{name}");
        }
    } else {
        snapshot!(ran.fails(5), @"
        lab.b  not installed
        error: ssh would jump in a loop, without end: lab.b.ctl > prime.a.ctl > lab.b.ctl

        hint: give another way in (`--jump never`, `--jump-via HOST`, `--bastion HOST`) or another `--prefix WORD`
        ");
    }
    assert!(!loops(&sandbox, "prime.a.w"));
}

#[test]
fn names_of_the_users_own_count() {
    needs!("ssh");
    for gate in ["ProxyJump prime.a.w", "ProxyCommand ssh -q -W %h:%p prime.a.w"] {
        let sandbox =
            Sandbox::with_config(format!("Host gate\n  HostName 203.0.113.9\n  {gate}\n"));
        let a = cluster("ca", "a", "203.0.113.1");
        snapshot!(install(&sandbox, &a, &["--jump-via", "gate"]).fails(5), @"
        prime.a  not installed
        error: ssh would jump in a loop, without end: gate > prime.a.w > gate

        hint: give another way in (`--jump never`, `--jump-via HOST`, `--bastion HOST`) or another `--prefix WORD`
        ");
        install(&sandbox, &a, &[]).succeeds();
    }
}

#[test]
fn a_sync_that_would_make_a_loop_leaves_that_cluster_alone() {
    needs!("ssh");
    let sandbox = Sandbox::with_config("Match final all\n  Compression yes\n");
    let (a, b) = (cluster("ca", "a", "203.0.113.1"), cluster("cb", "b", "prime.a.w"));
    install(&sandbox, &b, &["--prefix", "lab"]).succeeds();
    install(&sandbox, &a, &[]).succeeds();
    let c = cluster("cc", "c", "203.0.113.3");
    install(&sandbox, &c, &[]).succeeds();
    sandbox.saved(&cluster("ca", "a", "lab.b.w"));
    sandbox.saved(&c.node(Node::worker("cc-2", "new", "10.0.0.9")));
    let ran = sandbox.run(&["sync"]);
    assert!(!loops(&sandbox, "prime.a.w"), "{}", ran.stderr);
    snapshot!(ran.stderr, @"
    lab.b    unchanged: 2 hosts
    prime.a  left as it is
    prime.c  changed: 1 host added
    error: ssh would jump in a loop, without end: lab.b.ctl > prime.a.ctl > lab.b.ctl

    hint: give another way in (`--jump never`, `--jump-via HOST`, `--bastion HOST`) or another `--prefix WORD`
    error: 1 of 3 clusters was left as it was
    ");
}

#[test]
fn a_successor_that_would_make_a_loop_takes_nothing_away() {
    needs!("ssh");
    let sandbox = Sandbox::with_config("Host gate\n  ProxyJump prime.a.w\n");
    let (a, b) = (cluster("ca", "a", "203.0.113.1"), cluster("cb", "a", "203.0.113.2"));
    install(&sandbox, &a, &[]).succeeds();
    sandbox.saved(&a.with("terminatedAt", "2026-08-02T00:00:00Z"));
    let before = sandbox.snapshot();
    snapshot!(install(&sandbox, &b, &["--jump-via", "gate"]).fails(5), @"
    prime.a  not installed
    error: ssh would jump in a loop, without end: gate > prime.a.w > gate

    hint: give another way in (`--jump never`, `--jump-via HOST`, `--bastion HOST`) or another `--prefix WORD`
    ");
    assert_eq!(sandbox.snapshot(), before);
}

/// What was left as it is still has its name of before, and its options.
#[test]
fn a_refused_prefix_is_not_said_to_be_there() {
    needs!("ssh");
    let sandbox = Sandbox::with_ssh_folder();
    let (a, b) = (cluster("ca", "a", "203.0.113.1"), cluster("cb", "b", "203.0.113.2"));
    install(&sandbox, &a, &["--jump-via", "lab.b.w"]).succeeds();
    install(&sandbox, &b, &[]).succeeds();
    let before = sandbox.snapshot();
    snapshot!(install(&sandbox, &b, &["--prefix", "lab", "--jump-via", "prime.a.w"]).fails(5), @"
    prime.b  left as it is
    error: ssh would jump in a loop, without end: lab.b.w > prime.a.w > lab.b.w

    hint: give another way in (`--jump never`, `--jump-via HOST`, `--bastion HOST`) or another `--prefix WORD`
    ");
    assert_eq!(sandbox.snapshot(), before);
    install(&sandbox, &a, &["--short", "a"]).succeeds();
    snapshot!(install(&sandbox, &b, &["--prefix", "lab2", "--short", "a"]).fails(5), @"
    prime.b  left as it is
    error: the short name a is a name of cluster ca, installed as prime.a

    hint: choose another one: `--short NAME`
    ");
}

#[test]
fn a_way_in_that_goes_away_is_named() {
    needs!("ssh");
    let sandbox = Sandbox::with_ssh_folder();
    let (a, b) = (cluster("ca", "a", "203.0.113.1"), cluster("cb", "b", "203.0.113.2"));
    install(&sandbox, &b, &["--short", "hop"]).succeeds();
    install(&sandbox, &a, &["--bastion", "me@hop:2222"]).succeeds();
    snapshot!(install(&sandbox, &b, &["--no-short"]).stderr, @"
    warning: prime.a is reached through hop, a name that goes away: give it another way in (`--jump-via HOST`, `--bastion HOST`)
    note: options for prime.b: removed short hop
    prime.b  changed: 1 host changed
    connect with: ssh -F [home]/ssh/config prime.b
    ");
    install(&sandbox, &a, &["--bastion", "none", "--jump-via", "prime.b.ctl"]).succeeds();
    for change in [&["uninstall", "b"][..], &["uninstall", "b", "--dry-run"]] {
        let ran = sandbox.run(change);
        let is_there = ran.stderr.contains("prime.a is reached through prime.b.ctl, a name that");
        assert!(is_there, "{}", ran.stderr);
        install(&sandbox, &b, &[]).succeeds();
    }
    let renamed = install(&sandbox, &b, &["--as", "c"]).stderr;
    assert!(renamed.contains("prime.a is reached through prime.b.ctl, a name that"), "{renamed}");
    // What stays is not named, nor where both go.
    let ran = install(&sandbox, &b, &["--as", "b"]).stderr;
    assert!(!ran.contains("is reached through"), "{ran}");
    let ran = sandbox.run(&["uninstall", "--all"]).stderr;
    assert!(!ran.contains("is reached through"), "{ran}");
}

#[test]
fn doctor_finds_a_loop() {
    needs!("ssh");
    let sandbox = Sandbox::with_ssh_folder();
    let a = cluster("ca", "a", "203.0.113.1");
    install(&sandbox, &a, &["--jump-via", "gate"]).succeeds();
    let config = format!("{}Host gate\n  ProxyJump prime.a.w\n", sandbox.read_config());
    sandbox.write("ssh/config", config);
    let report = sandbox.run(&["doctor"]).stdout;
    assert!(report.contains("gate > prime.a.w > gate"), "{report}");
}
