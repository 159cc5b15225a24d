//! A short name for a cluster: who may have it, where it leads, and that it goes with the cluster.

use serde_json::Value;

use super::{Sandbox, small, train};
use crate::support::api::Api;
use crate::support::cluster::Cluster;
use crate::support::process::Ran;
use crate::support::ssh::Resolved;

const LAYOUTS: [&str; 2] = ["flat", "compact"];

impl Sandbox {
    fn naming(&self, short: &str) -> Ran {
        self.installing(&train()).arg("--short").arg(short).run()
    }

    fn host_name(&self, name: &str) -> String {
        Resolved::of(&self.config(), name).get("hostname").unwrap().to_owned()
    }
}

#[test]
fn it_leads_where_the_alias_does_until_it_is_forgotten() {
    needs!("ssh");
    for layout in LAYOUTS {
        let sandbox = Sandbox::with_config("Host other\n  HostName x\n");
        let before = sandbox.snapshot();
        let program = sandbox.installing(&train()).args(["--short", "t", "--layout", layout]);
        let ran = program.run();
        assert!(ran.stderr.ends_with(" t\n"), "{}", ran.stderr);
        ran.succeeds();
        let config = sandbox.config();
        let by_alias = Resolved::of(&config, "prime.train");
        assert_eq!(by_alias.get("hostname"), Some("203.0.113.10"));
        let by_name = Resolved::of(&config, "t");
        for keyword in ["hostname", "user", "port", "hostkeyalias", "connecttimeout"] {
            assert_eq!(by_name.get(keyword), by_alias.get(keyword), "{layout} {keyword}");
        }
        assert_eq!(by_name.all("userknownhostsfile"), by_alias.all("userknownhostsfile"));

        sandbox.run(&["sync"]).succeeds();
        assert_eq!(sandbox.host_name("t"), "203.0.113.10");
        let ran = sandbox.installing(&train()).arg("--short=train").run();
        assert!(ran.stderr.contains("changed short from t to train\n"), "{}", ran.stderr);
        assert!(ran.stderr.contains("prime.train  changed: 1 host changed\n"));
        assert_eq!(
            (sandbox.host_name("train"), sandbox.host_name("t")),
            ("203.0.113.10".into(), "t".into())
        );
        sandbox.installing(&train()).arg("--no-short").run().succeeds();
        assert_eq!(sandbox.host_name("train"), "train");
        sandbox.naming("train").succeeds();
        sandbox.installing(&train()).arg("--unset=short").run().succeeds();
        assert_eq!(sandbox.host_name("train"), "train");
        sandbox.naming("train").succeeds();
        sandbox.run(&["uninstall", "train"]).succeeds();
        assert_eq!(sandbox.snapshot(), before);
    }
}

#[test]
fn a_name_that_is_taken_or_means_something_else_is_refused() {
    let sandbox =
        Sandbox::with_config("Host mine ours*\n  HostName x\nHost plain\n  LocalForward 1 a:1\n");
    let before = sandbox.snapshot();
    for (name, why) in [
        ("a.b", "a name with a dot may be a host of the network"),
        ("localhost", "that is this machine"),
        ("10", "it must start with a letter, or it may be an address"),
        ("0x7f", "it must start with a letter"),
        ("none", "`none` means no host to ssh"),
        ("-oProxyCommand=x", "only `a-z`, `0-9`"),
        ("Train", "only `a-z`, `0-9`"),
    ] {
        let told = sandbox.installing(&train()).arg(format!("--short={name}")).run().fails(2);
        assert!(told.contains(why), "{told}");
    }
    let told = sandbox.naming("mine").fails(5);
    assert!(
        told.contains("config:1: mine\n") && told.contains("with another `--short NAME`"),
        "{told}"
    );
    let two = sandbox.saved(&small("clst02", "other"));
    let told = sandbox.installing(&train()).arg("--input").arg(two).arg("--short=t").run().fails(2);
    assert!(told.contains("--short names one cluster"), "{told}");
    sandbox.run(&["install", "--all", "--short=t"]).fails(2);
    assert_eq!(sandbox.snapshot(), before);

    // A pattern is told, and a block that leads nowhere else is welcome.
    let ran = sandbox.naming("ours-too");
    assert!(
        ran.stderr.contains("config:1: the pattern ours* catches ours-too too"),
        "{}",
        ran.stderr
    );
    ran.succeeds();
    sandbox.naming("plain").succeeds();
}

#[test]
fn it_is_of_one_cluster_alone() {
    let sandbox = Sandbox::with_installed("", &small("clst02", "other"));
    for name in ["other", "clst02"] {
        let told = sandbox.naming(name).fails(5);
        let owner =
            format!("the short name {name} is a name of cluster clst02, installed as prime.other");
        assert!(told.contains(&owner), "{told}");
    }
    sandbox.naming("t").succeeds();
    let told = sandbox.installing(&small("clst02", "other")).arg("--short=t").run().fails(5);
    assert!(told.contains("cluster clst01, installed as prime.train"), "{told}");
    // Who comes later keeps its own name.
    let ran = sandbox.install(&small("clst03", "t"));
    let told = "`ssh t` leads to prime.train, which has that short name, and not to prime.t";
    assert!(ran.stderr.contains(told), "{}", ran.stderr);
    ran.succeeds();
    // And who was there first keeps the short one.
    sandbox.installing(&train()).args(["--user", "root"]).run().succeeds();
    sandbox.naming("t").succeeds();
    assert_eq!(Resolved::of(&sandbox.config(), "t").get("user"), Some("root"));
    sandbox.naming("other").fails(5);
}

/// Who was terminated stands in nobody's way, whichever cluster of the run has its name then.
#[test]
fn clusters_that_are_replaced_in_the_same_run_count_no_more() {
    let sandbox = Sandbox::with_ssh_folder();
    let api = Api::serving([train(), small("clst02", "other")]);
    let run = |words: &[&str]| sandbox.program(words).asking(&api).run();
    run(&["install", "other", "--short", "t"]).succeeds();
    run(&["install", "train", "--short", "s"]).succeeds();
    let all = |third: &str, fourth: &str| {
        [train(), small("clst02", "other"), small("clst03", third), small("clst04", fourth)]
    };
    api.now_serves(all("s", "t"));
    // Both lead elsewhere than their names say, which is told.
    let told = run(&["install", "--all"]);
    assert!(told.stderr.contains("and not to prime.s"), "{}", told.stderr);
    assert!(told.stderr.contains("and not to prime.t"), "{}", told.stderr);
    told.succeeds();
    let ended = |cluster: Cluster| {
        cluster.with("status", "TERMINATED").with("terminatedAt", "2026-08-02T00:00:00Z")
    };
    let [train, other, third, fourth] = all("s", "t");
    api.now_serves([
        train,
        ended(other),
        ended(third),
        fourth,
        small("clst05", "other"),
        small("clst06", "s"),
    ]);
    let told = run(&["install", "--all"]);
    assert!(told.stderr.contains("prime.train  unchanged"), "{}", told.stderr);
    assert!(told.stderr.contains("and not to prime.s"), "{}", told.stderr);
    assert!(!told.stderr.contains("and not to prime.t"), "{}", told.stderr);
    told.succeeds();
}

#[test]
fn every_command_knows_it() {
    let sandbox = Sandbox::with_ssh_folder();
    let api = Api::serving([train().with("vaultEnabled", true)]);
    let key = sandbox.ssh_key("keys/id");
    let run = |words: &[&str]| sandbox.program(words).asking(&api).run();
    let key = key.to_str().unwrap();
    run(&["install", "train", "--short", "t", "--identity-file", key]).succeeds();
    let shown: Value =
        serde_json::from_str(&run(&["show", "t", "--format=json"]).succeeds()).unwrap();
    assert!(shown.to_string().contains("clst01"), "{shown}");
    let told = run(&["check", "t", "--probe-timeout=1s", "--format=json"]);
    assert!(told.stdout.contains("prime.train.node-1"), "{told:?}");
    assert!(run(&["cert", "t", "--show"]).fails(1).contains("no certificate"), "cert");
    let within = run(&["wait", "t", "--within", "1s", "--format=plain"]);
    assert!(within.stdout.contains("prime.train.node-1"), "{within:?}");
    assert!(run(&["config", "t"]).succeeds().contains("Host prime.train.node-0 prime.train\n"));
    run(&["install", "t", "--user", "root"]).succeeds();
    run(&["sync", "t"]).succeeds();
    let complete = |words: &[&str]| {
        let words = [&["completions", "bash", "--", "prime-ssh"], words].concat();
        sandbox.program(words).env("PRIME_SSH_DIR", sandbox.ssh("")).run().succeeds()
    };
    for command in ["show", "check", "wait", "cert", "install", "uninstall"] {
        let fitting = complete(&[command, "t"]);
        assert!(
            fitting.contains("\ttrain") || fitting.contains("\ntrain\t"),
            "{command}: {fitting}"
        );
    }
    run(&["install", "t", "--short", "quick"]).succeeds();
    let shown = run(&["show", "quick"]).succeeds();
    let is_short = |line: &str| line.starts_with("short name ") && line.ends_with(" quick");
    assert!(shown.lines().any(is_short), "{shown}");
    for command in ["show", "check", "wait", "cert"] {
        assert!(complete(&[command, "qu"]).starts_with("words\nquick\t"), "{command}");
    }
    run(&["uninstall", "quick"]).succeeds();
    assert!(!sandbox.ssh("prime-ssh").exists());
}
