//! What the doctor says of names that ssh keeps up to date.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use super::{Report, User};
use crate::support::cluster::{Cluster, Node, train};
use crate::support::process;
use crate::support::sandbox::{TOKEN, copy_program};

impl User {
    /// Lets a value of what is known of the last refresh be another.
    fn refreshed(&self, name: &str, change: impl FnOnce(&mut Value)) {
        let path = self.ssh(format!("prime-ssh/{name}.refresh"));
        let mut state: Value = match fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text).unwrap(),
            Err(_) => json!({"checked": 0, "tried": 0}),
        };
        change(&mut state);
        fs::write(&path, state.to_string()).unwrap();
    }
}

#[test]
fn when_ssh_last_refreshed_how_that_ended_and_what_it_costs() {
    needs!("ssh");
    let user = User::with_api([train()]);
    user.write("ssh/config", "Host mine\n");
    user.run(&["install", "--all", "--live"]).succeeds();
    let report = user.doctor();
    let last = "prime.train (--live=5m): last refreshed ";
    report.finding("live", "ok", last);
    report.finding("live", "ok", "new clusters of the subscription: not refreshed yet");
    report.finding("live", "ok", "each connection waits ");

    let hour_ago = |state: &mut Value| {
        let then = state["checked"].as_u64().unwrap() - 3600;
        (state["checked"], state["tried"]) = (then.into(), then.into());
    };
    user.refreshed("train-675b1ff5", hour_ago);
    user.run(&["sync", "--if-older", "5m"]).succeeds();
    let report = user.doctor();
    let what = report.finding("live", "ok", last)["what"].as_str().unwrap();
    assert!(what.contains(" s ago, in "), "{what}");

    user.refreshed("train-675b1ff5", |state| {
        hour_ago(state);
        (state["problem"], state["took"]) = ("no answer\u{1b}[2J within 3 s".into(), 3000.into());
    });
    let report = user.doctor();
    let words = "prime.train (--live=5m): the last refresh failed 1 h ago, after 3.0 s: no answer";
    let finding = report.finding("live", "warning", words);
    let what = finding["what"].as_str().unwrap();
    assert!(what.ends_with(" within 3 s; its hosts are from 1 h ago"), "{what}");
    assert!(!what.contains('\u{1b}'), "{what}");
    user.is_cured("live", "warning", "the last refresh failed");

    user.refreshed("follow", |state| {
        state["tried"] = patient_now().into();
        state["problem"] = "cut".into();
    });
    user.doctor().finding("live", "warning", "new clusters of the subscription: the last refresh");
    fs::write(user.ssh("prime-ssh/train-675b1ff5.refresh"), "{").unwrap();
    user.doctor().finding("live", "ok", "prime.train (--live=5m): not refreshed yet");
}

fn patient_now() -> u64 {
    std::time::UNIX_EPOCH.elapsed().unwrap().as_secs()
}

/// What `sync` would add is not silently missing.
#[test]
fn clusters_that_the_subscription_would_add() {
    let one = || Node::control("pod9", "node-0", "203.0.113.9");
    let new = |id, name| Cluster::new(id, name).node(one());
    let user = User::with_api([train()]);
    user.write("ssh/config", "Host mine\n");
    user.run(&["install", "--all", "--follow"]).succeeds();
    assert!(user.doctor().of("clusters", "").is_empty());
    let bad = Cluster::new("clst05", "bad").node(Node::worker("x", "x", "-oProxyCommand=x"));
    user.api.now_serves([train(), new("clst02", "eval"), new("clst03", "other"), bad]);
    let report = user.doctor();
    let words = "2 new clusters of the subscription are not installed yet: prime.eval, prime.other";
    report.finding("clusters", "warning", words);
    report.finding("clusters", "note", "clst05 is not installed: ");
    user.is_cured("clusters", "warning", words);

    // ssh itself adds it.
    user.api.now_serves([train(), new("clst02", "eval")]);
    user.run(&["sync", "--prune"]).succeeds();
    user.run(&["install", "--all", "--live"]).succeeds();
    user.api.now_serves([train(), new("clst02", "eval"), new("clst04", "third")]);
    let words = "1 new cluster of the subscription is not installed yet: prime.third";
    user.is_cured("clusters", "note", words);

    user.run(&["uninstall", "third"]).succeeds();
    assert!(user.doctor().of("clusters", "third").is_empty(), "it stays away");
}

/// The token that an installed cluster is asked with need not be the one of this shell.
#[test]
fn a_token_in_a_file_of_its_own() {
    let user = User::with_api([train()]);
    user.write("ssh/config", "Host mine\n");
    user.write("token", TOKEN);
    user.prime_settings(&json!({"api_key": null, "base_url": user.api.url()}));
    user.run(&["install", "--all", "--live", "--token-file", "token"]).succeeds();
    let report = user.doctor();
    report.finding("token", "ok", "/token (--token-file); the API accepts it");
    report.finding("clusters", "ok", "prime.train is up to date with the API");
    report.finding("token", "warning", "no API token");
}

/// The program that ssh runs must stand elsewhere then: no mode of a stranger's folder helps.
#[test]
fn a_program_in_the_folder_of_another_user() {
    needs!("ssh", "root");
    let user = User::with_api([train()]);
    user.write("ssh/config", "Host mine\n");
    let folder = user.path("my tools");
    fs::create_dir(&folder).unwrap();
    let program = folder.join("prime-ssh");
    copy_program(&program);
    let run = |words: &[&str]| {
        let mut command = process::command(&program);
        command.args(words).arg("--ssh-dir").arg(user.path("ssh"));
        process::run(command.env("HOME", user.home()), b"")
    };
    run(&["install", "train", "--live"]).succeeds();
    for open in [&folder, &program] {
        fs::set_permissions(open, fs::Permissions::from_mode(0o777)).unwrap();
    }
    let words = "with a program that others can change";
    user.is_cured("live", "wrong", words);

    // Another program takes its place, and this one a copy of itself.
    std::os::unix::fs::chown(&folder, Some(65534), None).unwrap();
    let report = user.doctor();
    let command = report.finding("live", "wrong", words)["command"].as_str().unwrap();
    assert!(command.starts_with("prime-ssh sync "), "{command}");
    let report = Report::read(run(&["doctor", "--format=json"]));
    let command = report.finding("live", "wrong", words)["command"].as_str().unwrap();
    assert!(command.starts_with("mkdir -p ~/.local/bin && cp '"), "{command}");
    user.types(command).succeeds();
    user.doctor().finding("live", "ok", "prime.train (--live=5m): last refreshed ");
    assert!(user.doctor().of("live", words).is_empty());
    let report = Report::read(run(&["doctor", "--format=json"]));
    assert!(report.of("live", words).is_empty(), "{report:#?}");
}

#[test]
fn a_shell_that_takes_its_time() {
    needs!("ssh");
    let user = User::with_api([train()]);
    user.write("ssh/config", "Host mine\n");
    user.run(&["install", "train", "--live"]).succeeds();
    let shell = user.script("slow", "#!/bin/sh\nsleep 0.4\nexec /bin/sh \"$@\"\n");
    let report = user.examined(user.program(["doctor", "--format=json"]).env("SHELL", &shell));
    let finding = report.finding("live", "warning", "each connection waits ");
    let advice = finding["advice"].as_str().unwrap();
    assert!(advice.contains("slow -c true` does"), "{advice}");
}
