//! A name that is installed does not move to another cluster.

use super::{Desk, small};
use crate::support::api::Api;
use crate::support::process::Ran;

fn names(desk: &Desk) -> Vec<String> {
    let states = desk.all_ours(".json");
    let alias = |path: &std::path::PathBuf| {
        let state: serde_json::Value =
            serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let text = |key: &str| state[key].as_str().unwrap().to_owned();
        let prefix = state["options"]["prefix"].as_str().unwrap_or("prime");
        format!("{} {prefix}.{}", text("cluster"), text("name"))
    };
    let mut names: Vec<String> = states.iter().map(alias).collect();
    names.sort();
    names
}

/// The id part of an id: the first eight hex digits of its SHA-256.
const PART_OF_B: &str = "3e23e816";
const PART_OF_A: &str = "ca978112";

/// Its stderr, where it succeeds.
#[track_caller]
fn told(ran: Ran) -> String {
    let told = ran.stderr.clone();
    ran.succeeds();
    told
}

#[test]
fn who_was_first_keeps_the_name() {
    let desk = Desk::new();
    desk.install(&small("a", "Train")).succeeds();
    snapshot!(told(desk.install(&small("b", "train"))), @"
    prime.train-3e23e816  added: 1 host
    connect with: ssh -F [home]/ssh/config prime.train-3e23e816
    ");
    let both = ["a prime.train".to_owned(), format!("b prime.train-{PART_OF_B}")];
    assert_eq!(names(&desk), both);
    desk.run(&["sync"]).succeeds();
    desk.install(&small("a", "Train")).succeeds();
    assert_eq!(names(&desk), both);
    // A cluster that is called otherwise now keeps the name that it has here.
    snapshot!(told(desk.install(&small("a", "renamed"))), @"
    prime.train  changed: comments changed
    connect with: ssh -F [home]/ssh/config prime.train
    ");
    desk.run(&["uninstall", "prime.train"]).succeeds();
    desk.run(&["sync"]).succeeds();
    assert_eq!(names(&desk), both[1..]);
}

#[test]
fn newcomers_of_one_name_share_the_burden() {
    let desk = Desk::new();
    let (a, b) = (desk.saved(&small("a", "train")), desk.saved(&small("b", "train")));
    desk.program(["install", "--input"]).arg(a).arg("--input").arg(b).run().succeeds();
    assert_eq!(
        names(&desk),
        [format!("a prime.train-{PART_OF_A}"), format!("b prime.train-{PART_OF_B}")]
    );
}

#[test]
fn a_name_can_be_chosen_and_changed() {
    let desk = Desk::new();
    desk.install(&small("a", "train")).succeeds();
    let known_hosts = desk.ours(".known_hosts");
    std::fs::write(&known_hosts, "prime-pod-a ssh-ed25519 AAAA\n").unwrap();
    snapshot!(told(desk.installing(&small("a", "train")).arg("--as=llama").run()), @"
    prime.llama  renamed from prime.train: 1 host
    connect with: ssh -F [home]/ssh/config prime.llama
    ");
    assert_eq!(names(&desk), ["a prime.llama"]);
    assert_eq!(desk.all_ours("").len(), 7, "{:?}", desk.all_ours(""));
    let kept = std::fs::read_to_string(desk.ours(".known_hosts")).unwrap();
    assert_eq!(kept, "prime-pod-a ssh-ed25519 AAAA\n");
    desk.run(&["sync"]).succeeds();
    assert_eq!(names(&desk), ["a prime.llama"]);

    let before = desk.snapshot();
    snapshot!(desk.installing(&small("b", "other")).arg("--as=llama").run().fails(5), @"
    error: the name llama belongs to cluster a, which is installed as prime.llama

    hint: choose another name, or uninstall that cluster first
    ");
    assert_eq!(desk.snapshot(), before);
    snapshot!(told(desk.installing(&small("b", "other")).arg("--as=train").run()), @"
    prime.train  added: 1 host
    connect with: ssh -F [home]/ssh/config prime.train
    ");
    desk.run(&["install", "--input", "x", "--as", "Not A Slug"]).fails(2);
}

#[test]
fn the_successor_of_a_terminated_cluster_gets_its_name() {
    let desk = Desk::new();
    desk.install(&small("a", "train")).succeeds();
    desk.saved(&small("a", "train").with("terminatedAt", "2026-08-02T00:00:00Z"));
    let ran = desk.install(&small("b", "train"));
    snapshot!(ran.stderr, @"
    prime.train  removed: cluster a was terminated, and cluster b has its name now
    prime.train  added: 1 host
    connect with: ssh -F [home]/ssh/config prime.train
    ");
    snapshot!(told(ran), @"
    prime.train  removed: cluster a was terminated, and cluster b has its name now
    prime.train  added: 1 host
    connect with: ssh -F [home]/ssh/config prime.train
    ");
    assert_eq!(names(&desk), ["b prime.train"]);
    assert_eq!(desk.all_ours("").len(), 7, "{:?}", desk.all_ours(""));
}

#[test]
fn a_successor_that_cannot_be_installed_takes_nothing_away() {
    let desk = Desk::new();
    desk.install(&small("a", "train")).succeeds();
    desk.saved(&small("a", "train").with("terminatedAt", "2026-08-02T00:00:00Z"));
    let before = desk.snapshot();
    desk.install(&small("b", "train").with("nodes", serde_json::json!([]))).fails(4);
    assert_eq!(desk.snapshot(), before);
}

#[test]
fn where_the_first_cannot_be_asked_it_keeps_its_name() {
    let desk = Desk::new();
    let api = Api::serving([small("a", "train")]);
    desk.program(["install", "a"]).asking(&api).run().succeeds();
    drop(api);
    let program = desk.installing(&small("b", "train")).env("PRIME_API_KEY", "any");
    snapshot!(told(program.run()), @"
    note: prime.train keeps its name, for it is not known whether cluster a has ended: cannot get cluster `a`: cannot connect to http://127.0.0.1:[port]: connection refused (3 tries)
    prime.train-3e23e816  added: 1 host
    connect with: ssh -F [home]/ssh/config prime.train-3e23e816
    ");
    assert_eq!(names(&desk), ["a prime.train".to_owned(), format!("b prime.train-{PART_OF_B}")]);
}

#[test]
fn a_damaged_state_does_not_free_its_name() {
    let desk = Desk::new();
    desk.install(&small("a", "train")).succeeds();
    std::fs::write(desk.ours(".json"), "{").unwrap();
    desk.install(&small("b", "train")).succeeds();
    desk.install(&small("a", "train")).succeeds();
    assert_eq!(names(&desk), ["a prime.train".to_owned(), format!("b prime.train-{PART_OF_B}")]);
}

#[test]
fn one_cluster_by_two_of_its_names_is_one() {
    let desk = Desk::new();
    let api = Api::serving([small("a", "train")]);
    desk.program(["install", "a", "train"]).asking(&api).run().succeeds();
    assert_eq!(names(&desk), ["a prime.train"]);
    let saved = desk.saved(&small("a", "train"));
    let again = desk.sandbox.write("again.json", small("a", "train").answer());
    desk.program(["install", "--input"]).arg(saved).arg("--input").arg(again).run().fails(2);
}
