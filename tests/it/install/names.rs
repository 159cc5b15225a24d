//! A name that is installed does not move to another cluster.

use super::{Sandbox, small};
use crate::support::api::Api;
use crate::support::process::Ran;

fn names(sandbox: &Sandbox) -> Vec<String> {
    let states = sandbox.all_ours(".json");
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
    let sandbox = Sandbox::with_ssh_folder();
    sandbox.install(&small("a", "Train")).succeeds();
    snapshot!(told(sandbox.install(&small("b", "train"))), @"
    prime.train-3e23e816  added: 1 host
    connect with: ssh -F [home]/ssh/config prime.train-3e23e816
    ");
    let both = ["a prime.train".to_owned(), format!("b prime.train-{PART_OF_B}")];
    assert_eq!(names(&sandbox), both);
    sandbox.run(&["sync"]).succeeds();
    sandbox.install(&small("a", "Train")).succeeds();
    assert_eq!(names(&sandbox), both);
    // A cluster that is called otherwise now keeps the name that it has here.
    snapshot!(told(sandbox.install(&small("a", "renamed"))), @"
    prime.train  changed: comments changed
    connect with: ssh -F [home]/ssh/config prime.train
    ");
    sandbox.run(&["uninstall", "prime.train"]).succeeds();
    sandbox.run(&["sync"]).succeeds();
    assert_eq!(names(&sandbox), both[1..]);
}

#[test]
fn newcomers_of_one_name_share_the_burden() {
    let sandbox = Sandbox::with_ssh_folder();
    let (a, b) = (sandbox.saved(&small("a", "train")), sandbox.saved(&small("b", "train")));
    sandbox.program(["install", "--input"]).arg(a).arg("--input").arg(b).run().succeeds();
    assert_eq!(
        names(&sandbox),
        [format!("a prime.train-{PART_OF_A}"), format!("b prime.train-{PART_OF_B}")]
    );
}

#[test]
fn a_name_can_be_chosen_and_changed() {
    let sandbox = Sandbox::with_ssh_folder();
    sandbox.install(&small("a", "train")).succeeds();
    let known_hosts = sandbox.ours(".known_hosts");
    std::fs::write(&known_hosts, "prime-pod-a ssh-ed25519 AAAA\n").unwrap();
    snapshot!(told(sandbox.installing(&small("a", "train")).arg("--as=llama").run()), @"
    prime.llama  renamed from prime.train: 1 host
    connect with: ssh -F [home]/ssh/config prime.llama
    ");
    assert_eq!(names(&sandbox), ["a prime.llama"]);
    assert_eq!(sandbox.all_ours("").len(), 7, "{:?}", sandbox.all_ours(""));
    let kept = std::fs::read_to_string(sandbox.ours(".known_hosts")).unwrap();
    assert_eq!(kept, "prime-pod-a ssh-ed25519 AAAA\n");
    sandbox.run(&["sync"]).succeeds();
    assert_eq!(names(&sandbox), ["a prime.llama"]);

    let before = sandbox.snapshot();
    snapshot!(sandbox.installing(&small("b", "other")).arg("--as=llama").run().fails(5), @"
    error: the name llama belongs to cluster a, which is installed as prime.llama

    hint: choose another name, or uninstall that cluster first
    ");
    assert_eq!(sandbox.snapshot(), before);
    snapshot!(told(sandbox.installing(&small("b", "other")).arg("--as=train").run()), @"
    prime.train  added: 1 host
    connect with: ssh -F [home]/ssh/config prime.train
    ");
    sandbox.run(&["install", "--input", "x", "--as", "Not A Slug"]).fails(2);
}

#[test]
fn the_successor_of_a_terminated_cluster_gets_its_name() {
    let sandbox = Sandbox::with_ssh_folder();
    sandbox.install(&small("a", "train")).succeeds();
    sandbox.saved(&small("a", "train").with("terminatedAt", "2026-08-02T00:00:00Z"));
    snapshot!(told(sandbox.install(&small("b", "train"))), @"
    prime.train  removed: cluster a was terminated, and cluster b has its name now
    prime.train  added: 1 host
    connect with: ssh -F [home]/ssh/config prime.train
    ");
    assert_eq!(names(&sandbox), ["b prime.train"]);
    assert_eq!(sandbox.all_ours("").len(), 7, "{:?}", sandbox.all_ours(""));
}

/// Neither of two gets the name, so nobody has to go for it.
#[test]
fn two_successors_take_nothing_away() {
    let sandbox = Sandbox::with_ssh_folder();
    sandbox.install(&small("a", "train")).succeeds();
    sandbox.saved(&small("a", "train").with("terminatedAt", "2026-08-02T00:00:00Z"));
    let [b, c] = ["b", "c"].map(|id| sandbox.saved(&small(id, "train")));
    sandbox.program(["install", "--input"]).arg(b).arg("--input").arg(c).run().succeeds();
    let [a, b, c] = &names(&sandbox)[..] else { panic!("{:?}", names(&sandbox)) };
    assert!(a == "a prime.train" && *b == format!("b prime.train-{PART_OF_B}"), "{a} {b}");
    assert!(c.starts_with("c prime.train-"), "{c}");
}

#[test]
fn a_successor_that_cannot_be_installed_takes_nothing_away() {
    let sandbox = Sandbox::with_ssh_folder();
    sandbox.install(&small("a", "train")).succeeds();
    sandbox.saved(&small("a", "train").with("terminatedAt", "2026-08-02T00:00:00Z"));
    let before = sandbox.snapshot();
    sandbox.install(&small("b", "train").with("nodes", serde_json::json!([]))).fails(4);
    assert_eq!(sandbox.snapshot(), before);
}

#[test]
fn where_the_first_cannot_be_asked_it_keeps_its_name() {
    let sandbox = Sandbox::with_ssh_folder();
    let api = Api::serving([small("a", "train")]);
    sandbox.program(["install", "a"]).asking(&api).run().succeeds();
    drop(api);
    let program = sandbox.installing(&small("b", "train")).env("PRIME_API_KEY", "any");
    snapshot!(told(program.run()), @"
    note: prime.train keeps its name, for it is not known whether cluster a has ended: cannot get cluster `a`: cannot connect to http://127.0.0.1:[port]: connection refused (3 tries)
    prime.train-3e23e816  added: 1 host
    connect with: ssh -F [home]/ssh/config prime.train-3e23e816
    ");
    assert_eq!(names(&sandbox), ["a prime.train".to_owned(), format!("b prime.train-{PART_OF_B}")]);
}

#[test]
fn a_damaged_state_does_not_free_its_name() {
    let sandbox = Sandbox::with_ssh_folder();
    sandbox.install(&small("a", "train")).succeeds();
    std::fs::write(sandbox.ours(".json"), "{").unwrap();
    sandbox.install(&small("b", "train")).succeeds();
    sandbox.install(&small("a", "train")).succeeds();
    assert_eq!(names(&sandbox), ["a prime.train".to_owned(), format!("b prime.train-{PART_OF_B}")]);
}

#[test]
fn one_cluster_by_two_of_its_names_is_one() {
    let sandbox = Sandbox::with_ssh_folder();
    let api = Api::serving([small("a", "train")]);
    sandbox.program(["install", "a", "train"]).asking(&api).run().succeeds();
    assert_eq!(names(&sandbox), ["a prime.train"]);
    let saved = sandbox.saved(&small("a", "train"));
    let again = sandbox.write("again.json", small("a", "train").answer());
    sandbox.program(["install", "--input"]).arg(saved).arg("--input").arg(again).run().fails(2);
}
