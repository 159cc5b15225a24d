//! What the doctor says of names that ssh keeps up to date.

use std::fs;

use serde_json::{Value, json};

use super::User;
use crate::support::cluster::train;

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

    user.refreshed("all", |state| {
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
