//! Configurations, layouts, names and shells of all kinds: known, joined, new and stale names, and
//! those of others.

use std::fs;
use std::process::Command;

use super::{GET, Live, host_name, joined};
use crate::install::{small, train};
use crate::support::api::Api;
use crate::support::cluster::{Cluster, Node};
use crate::support::process;
use crate::support::sandbox::copy_program;

const LIST: &str = "GET /api/admin/clusters";

impl Live {
    /// Puts a script in the place of the program that counts how often it is run.
    fn counts_looks(&self) {
        let real = self.program.with_file_name("real");
        copy_program(&real);
        let log = self.sandbox.path("looks");
        let text =
            format!("#!/bin/sh\necho x >>'{}'\nexec '{}' \"$@\"\n", log.display(), real.display());
        self.sandbox.script("bin/prime-ssh", text);
    }

    /// How often the program was run since the last call.
    fn looks(&self) -> usize {
        let log = self.sandbox.path("looks");
        let count = fs::read_to_string(&log).unwrap_or_default().lines().count();
        let _ = fs::remove_file(log);
        count
    }
}

#[test]
fn whatever_else_the_configuration_says() {
    needs!("ssh");
    for more in [
        "",
        "Match final all\n  Compression yes\n",
        "Host *\n  CanonicalizeHostname yes\n  CanonicalizeMaxDots 5\n",
        "Host *\n  CanonicalizeHostname always\n",
    ] {
        for layout in ["flat", "compact"] {
            let live = Live::serving(Api::serving([train(), small("clst02", "other")]));
            let config = live.sandbox.config();
            let own = fs::read_to_string(&config).unwrap();
            fs::write(&config, format!("{own}{more}")).unwrap();
            let unrelated = ["unrelated", "localhost", "10.0.0.11", "prime.corp.example.com"];
            let before = unrelated.map(|name| live.asks(name).succeeds());
            live.run(&["install", "--all", "--live", "--layout", layout]).succeeds();
            let case = format!("{layout}, {more:?}");
            live.asked();
            live.api.now_serves([joined(), small("clst02", "other"), small("clst03", "third")]);
            live.wait(400);
            assert_eq!(unrelated.map(|name| live.asks(name).succeeds()), before, "{case}");
            assert_eq!(live.asked(), [""; 0], "{case}");
            let joined = live.asks("prime.train.node-9");
            assert_eq!(host_name(&joined), "10.0.0.99", "{case}");
            assert!(
                joined.stdout.contains("\nproxyjump prime.train.node-0\n"),
                "{case}: {joined:?}"
            );
            assert_eq!(live.asked(), [GET], "{case}");
            assert_eq!(live.address("prime.train.node-1"), "10.0.0.11", "{case}");
            assert_eq!(live.asked(), [""; 0], "{case}");
            assert_eq!(live.address("prime.third.head"), "203.0.113.77", "{case}");
            let of_third = [LIST, "GET /api/admin/clusters/clst03"];
            assert_eq!(live.asked(), of_third, "{case}");
            assert_eq!(live.address("prime.train.nobody"), "prime.train.nobody.invalid.", "{case}");
            assert_eq!(live.address("prime.nobody"), "prime.nobody.invalid.", "{case}");
            assert_eq!(live.asked(), [""; 0], "each was looked for a moment ago: {case}");
            live.wait(20);
            assert_eq!(live.address("prime.nobody"), "prime.nobody.invalid.", "{case}");
            assert_eq!(live.asked(), [LIST], "{case}");
        }
    }
}

#[test]
fn how_often_ssh_looks() {
    needs!("ssh");
    let live = Live::with([train()]);
    live.counts_looks();
    for (name, looks) in [
        ("unrelated", 0),
        ("prime.corp.example.com", 0),
        ("10.0.0.11", 0),
        ("prime.train", 1),
        ("prime.train.node-1", 1),
        ("prime.train.nobody", 2),
    ] {
        live.asks(name).succeeds();
        assert_eq!(live.looks(), looks, "{name}");
    }
    process::run(live.ssh().args(["-TG", "-o", "HostName=x", "prime.train.node-1"]), b"")
        .succeeds();
    assert_eq!(live.looks(), 0, "who says where it is asks for nothing");
}

#[test]
fn each_cluster_has_its_own_age_and_its_own_words() {
    needs!("ssh");
    let live = Live::serving(Api::serving([train(), small("clst02", "other")]));
    live.run(&["install", "train", "--live=10m", "--as", "big"]).succeeds();
    live.run(&["install", "other", "--live=1m", "--prefix", "lab"]).succeeds();
    live.asked();
    live.wait(120);
    assert_eq!(live.address("prime.big.node-1"), "10.0.0.11");
    assert_eq!(live.asked(), [""; 0]);
    assert_eq!(live.address("lab.other"), "203.0.113.77");
    assert_eq!(live.asked(), ["GET /api/admin/clusters/clst02"]);
    live.wait(500);
    assert_eq!(live.address("prime.big"), "203.0.113.10");
    assert_eq!(live.asked(), [GET]);
    live.api.now_serves([joined(), small("clst02", "other")]);
    live.wait(20);
    assert_eq!(live.address("prime.big.node-9"), "10.0.0.99");
    assert_eq!(live.address("lab.other.nobody"), "lab.other.nobody.invalid.");
    assert_eq!(live.address("prime.other"), "prime.other", "no name of ours");

    live.run(&["install", "other", "--short", "o"]).succeeds();
    live.asked();
    live.wait(120);
    assert_eq!(live.address("o"), "203.0.113.77");
    assert_eq!(live.asked(), ["GET /api/admin/clusters/clst02"], "a short name is one too");
}

#[test]
fn an_option_is_saved_and_ends() {
    needs!("ssh");
    let live = Live::with([train()]);
    live.run(&["install", "train", "--user", "root"]).succeeds();
    let state = fs::read_to_string(live.sandbox.ours(".json")).unwrap();
    assert!(state.contains(r#""live": "5m""#), "{state}");
    live.run(&["install", "train", "--no-live"]).succeeds();
    let state = fs::read_to_string(live.sandbox.ours(".json")).unwrap();
    assert!(!state.contains("live"), "{state}");
    live.wait(1000);
    live.asked();
    assert_eq!(live.address("prime.train.node-1"), "10.0.0.11");
    assert_eq!(live.asked(), [""; 0]);
}

/// What every ssh on the machine reads a second time is only what came in the last minutes.
#[test]
fn the_second_look_includes_what_is_new_and_nothing_else() {
    needs!("ssh");
    let live = Live::serving(Api::serving([train(), small("clst02", "other")]));
    live.run(&["install", "--all", "--live"]).succeeds();
    let again = live.sandbox.ssh("prime-ssh/again");
    let hosts = || {
        let text = fs::read_to_string(&again).unwrap();
        let hosts = text.lines().filter(|line| line.starts_with("Host prime"));
        hosts.map(str::to_owned).collect::<Vec<_>>().join(", ")
    };
    assert_eq!(hosts(), "");
    live.api.now_serves([joined(), small("clst02", "other"), small("clst03", "third")]);
    live.wait(400);
    live.address("prime.train.node-9");
    live.address("prime.third");
    let of_each = ["prime.third.head prime.third", "prime.third prime.third.*"];
    let of_train = ["prime.train.node-9", "prime.train prime.train.*"];
    assert_eq!(
        hosts(),
        of_each
            .iter()
            .chain(&of_train)
            .map(|names| format!("Host {names}"))
            .collect::<Vec<_>>()
            .join(", ")
    );
    // And no longer than an ssh can take that started before.
    let file = fs::File::options().write(true).open(&again).unwrap();
    file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    live.run(&["sync", "--check"]).succeeds();
    live.wait(400);
    assert_eq!(live.address("prime.train.node-9"), "10.0.0.99");
    assert_eq!(hosts(), "");
    live.run(&["sync", "--check"]).succeeds();
}

#[test]
fn paths_that_need_quotes_and_those_that_cannot_have_any() {
    needs!("ssh");
    let live = Live::serving(Api::serving([train()]));
    let (home, tool) = (live.sandbox.home(), live.sandbox.path("my tools é/prime-ssh"));
    copy_program(&tool);
    let run = |folder: &str, arguments: &[&str]| {
        let mut command: Command = process::command(&tool);
        command.args(arguments).arg("--ssh-dir").arg(home.join(folder)).env("HOME", home);
        process::run(&mut command, b"")
    };
    let folder = "my ssh é";
    live.sandbox.write(format!("{folder}/config"), "Host unrelated\n");
    run(folder, &["install", "train", "--live"]).succeeds();
    live.api.now_serves([joined()]);
    for path in fs::read_dir(home.join(folder).join("prime-ssh")).unwrap() {
        let path = path.unwrap().path();
        if path.extension().is_some_and(|end| end == "refresh") {
            fs::write(path, "").unwrap();
        }
    }
    let mut ssh = crate::support::ssh::ssh(&home.join(folder).join("config"));
    let ran = process::run(ssh.env("HOME", home).args(["-TG", "prime.train.node-9"]), b"");
    assert_eq!((host_name(&ran).as_str(), ran.stderr.as_str()), ("10.0.0.99", ""));
    for folder in ["%h", "a'b", "a\"b", "$(id)", "a!b"] {
        live.sandbox.write(format!("{folder}/config"), "");
        run(folder, &["install", "train", "--live"]).fails(5);
        assert!(!home.join(folder).join("prime-ssh").exists(), "{folder}");
    }
}

/// A look must not cost what a run costs.
#[test]
fn with_nothing_to_do_nothing_is_opened_but_a_small_file() {
    needs!("ssh", "strace");
    let live = Live::serving(Api::serving([train(), small("clst02", "other")]));
    live.run(&["install", "--all", "--live"]).succeeds();
    live.address("prime.nobody");
    let log = live.sandbox.path("trace");
    for arguments in [&["train-675b1ff5"][..], &["--new"], &[], &["train", "prime.other"]] {
        let mut trace = process::command("strace");
        trace.args(["-f", "-o"]).arg(&log).args(["-e", "trace=network,process,openat,fsync"]);
        trace.arg(&live.program).args(["sync", "--if-older", "1h", "--ssh-dir"]);
        trace.arg(live.sandbox.ssh("")).args(arguments).env("HOME", live.sandbox.home());
        process::run(&mut trace, b"").succeeds();
        let text = fs::read_to_string(&log).unwrap();
        for call in ["socket(", "connect(", "clone(", "clone3(", "fork(", "fsync("] {
            assert!(!text.contains(call), "{arguments:?} {call}: {text}");
        }
        // Who names a cluster has its state read, but never its hosts.
        let is_named = arguments.contains(&"train");
        for file in [".conf\"", ".json\"", "passwd", "ca-certificates"] {
            let may_be = is_named && file == ".json\"";
            assert!(may_be || !text.contains(file), "{arguments:?} {file}: {text}");
        }
    }
}

#[test]
fn names_that_are_not_listed_are_left_to_the_api() {
    needs!("ssh");
    let live = Live::serving(Api::serving([train()]));
    let nodes = (0..3).fold(Cluster::new("clst05", "many"), |cluster, at| {
        cluster.node(Node::control(&format!("m{at}"), &format!("m-{at}"), "203.0.113.50"))
    });
    live.api.now_serves([train(), nodes]);
    live.run(&["install", "--all", "--live"]).succeeds();
    for line in fs::read_to_string(live.sandbox.ssh("prime-ssh/look-2")).unwrap().lines() {
        assert!(line.len() < 1000, "{line}");
    }
    assert_eq!(live.address("prime.many.m-2"), "203.0.113.50");
}
