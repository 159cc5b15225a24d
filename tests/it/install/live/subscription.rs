//! `install --all --live`, and `--follow`: clusters that come and go.

use std::fs;
use std::path::PathBuf;

use serde_json::json;

use super::Live;
use crate::install::{small, train};
use crate::support::api::Api;
use crate::support::cluster::Node;

#[test]
fn a_subscription_adds_what_comes() {
    needs!("ssh");
    let live = Live::serving(Api::serving([train(), small("clst02", "other")]));
    live.run(&["install", "--all", "--live"]).succeeds();
    let third = || small("clst03", "third");
    live.api.now_serves([train(), small("clst02", "other"), third()]);
    assert_eq!(live.address("prime.third"), "203.0.113.77", "for this very connection");
    assert_eq!(live.address("prime.nobody.x"), "prime.nobody.x.invalid.");
    assert_eq!(live.address("prime.corp.example.com"), "prime.corp.example.com");

    // One that was taken away by name stays away, until it is installed by name.
    live.run(&["uninstall", "third"]).succeeds();
    let ran = live.run(&["sync"]);
    assert!(!ran.stderr.contains("prime.third"), "{}", ran.stderr);
    let ran = live.run(&["install", "--all", "--user", "root"]);
    let note = "note: clst03 stays away, for it was uninstalled; `";
    assert!(ran.stderr.contains(note) && !ran.stderr.contains("prime.third"), "{}", ran.stderr);
    ran.succeeds();
    live.run(&["install", "third"]).succeeds();
    let ran = live.run(&["install", "--all"]);
    assert!(ran.stderr.contains("prime.third  unchanged"), "{}", ran.stderr);
    let fourth = small("clst04", "fourth");
    live.api.now_serves([train(), small("clst02", "other"), third(), fourth]);
    live.run(&["sync", "train"]).succeeds();
    live.run(&["sync", "--check"]).fails(10);
    let ran = live.run(&["sync"]);
    assert!(ran.stderr.contains("prime.fourth  added: 1 host"), "{}", ran.stderr);
    live.run(&["uninstall", "--all"]).succeeds();
    assert!(!live.sandbox.ssh("prime-ssh").exists());
}

#[test]
fn newcomers_get_its_options_and_others_keep_their_own() {
    let live = Live::serving(Api::serving([train(), small("clst02", "other")]));
    live.run(&["install", "train", "--user", "bob"]).succeeds();
    live.run(&["install", "--all", "--follow", "--team", "team01", "--only", "control"]).succeeds();
    live.run(&["install", "train", "--user", "bob"]).succeeds();
    let stranger = small("clst04", "stranger").with("teamId", "team02");
    let bad = small("clst05", "bad").node(Node::worker("x", "x", "-oProxyCommand=x"));
    let same_name = train().with("id", "clst06");
    live.api.now_serves([train(), small("clst02", "other"), stranger, bad, same_name]);
    live.run(&["sync", "--check", "--new"]).fails(10);
    live.run(&["sync", "train"]).succeeds();
    assert_eq!(live.sandbox.all_ours(".conf").len(), 2, "one that is named adds none");
    let ran = live.run(&["sync"]);
    let why = "note: clst05 is not installed: the answer holds values that cannot be used: bad (clst05): \
               data.nodes[1].connections[0].host: ";
    assert!(ran.stderr.contains(why), "{}", ran.stderr);
    assert!(ran.stderr.contains("prime.train-"), "a name that is taken: {}", ran.stderr);
    assert!(!ran.stderr.contains("stranger"), "{}", ran.stderr);
    ran.succeeds();
    let states = live.sandbox.all_ours(".json");
    let same_name = states.iter().find(|path| {
        path.to_str().unwrap().contains("/train-")
            && fs::read_to_string(path).unwrap().contains("clst06")
    });
    let same_name = fs::read_to_string(same_name.unwrap()).unwrap();
    assert!(
        same_name.contains(r#""only": "control""#) && !same_name.contains("bob"),
        "{same_name}"
    );
    let own = live.sandbox.ssh("prime-ssh/train-675b1ff5.json");
    assert!(fs::read_to_string(own).unwrap().contains("bob"));
    // Without --live no ssh asks.
    assert!(!live.sandbox.ssh("prime-ssh/look-1").exists());
}

/// One that was taken away by name, and then could not be installed again, still stays away.
#[test]
fn a_refused_cluster_does_not_come_back_by_itself() {
    needs!("ssh");
    let live = Live::serving(Api::serving([train(), small("clst02", "other")]));
    live.run(&["install", "--all", "--follow"]).succeeds();
    live.run(&["uninstall", "train"]).succeeds();
    let config = live.sandbox.read("ssh/config") + "Host gate\n  ProxyJump prime.train.node-1\n";
    live.sandbox.write("ssh/config", config);
    live.run(&["install", "train", "--jump-via", "gate"]).fails(5);
    let ran = live.run(&["sync"]);
    assert!(!ran.stderr.contains("prime.train"), "{}", ran.stderr);
    ran.succeeds();
    let fragments = live.sandbox.all_ours(".conf");
    let is_of_train = |path: &PathBuf| {
        path.to_str().unwrap().contains("/train-") && fs::metadata(path).unwrap().len() > 0
    };
    assert!(!fragments.iter().any(is_of_train), "{fragments:?}");
}

/// What it was installed with is not known, so it is not for the subscription to install it anew.
#[test]
fn a_cluster_with_a_damaged_state_is_no_newcomer() {
    let live = Live::serving(Api::serving([train(), small("clst02", "other")]));
    live.run(&["install", "--all", "--follow"]).succeeds();
    live.run(&["install", "train", "--user", "bob"]).succeeds();
    let state = live.sandbox.ssh("prime-ssh/train-675b1ff5.json");
    let whole = fs::read_to_string(&state).unwrap();
    for damage in ["", "{", &*whole.replace("\"version\": 3", "\"version\": \"x\"")] {
        fs::write(&state, damage).unwrap();
        let before = live.sandbox.snapshot();
        let told = live.run(&["sync"]).fails(1);
        assert!(told.contains("train-675b1ff5  left as it is\n"), "{told}");
        assert!(!told.contains("added"), "{told}");
        live.run(&["sync", "--new"]).succeeds();
        assert_eq!(live.sandbox.snapshot(), before);
    }
    live.run(&["install", "train", "--user", "bob"]).succeeds();
    assert!(fs::read_to_string(&state).unwrap().contains("bob"));
    live.run(&["sync"]).succeeds();
}

#[test]
fn only_new_ones_are_asked_for() {
    let live = Live::serving(Api::serving([train(), small("clst02", "other")]));
    live.run(&["install", "--all", "--follow"]).succeeds();
    live.asked();
    live.api.now_serves([train(), small("clst02", "other"), small("clst03", "third")]);
    live.run(&["sync", "--new"]).succeeds();
    let third = ["GET /api/admin/clusters", "GET /api/admin/clusters/clst03"];
    assert_eq!(live.asked(), third);
    live.run(&["sync", "--new", "train"]).fails(2);
    live.run(&["uninstall", "--all"]).succeeds();
    let ran = live.run(&["sync", "--new"]);
    assert_eq!(ran.stderr, "nothing is installed\n");
}

/// Options add up, for the clusters to come too.
#[test]
fn options_for_all_are_those_of_the_subscription() {
    let live = Live::serving(Api::serving([train()]));
    let follow = || fs::read_to_string(live.sandbox.ssh("prime-ssh/follow.json")).unwrap();
    live.run(&["install", "--all", "--live", "--user", "root"]).succeeds();
    live.run(&["install", "--all", "--jump", "never"]).succeeds();
    for word in [r#""live": "5m""#, r#""user": "root""#, r#""jump": "never""#] {
        assert!(follow().contains(word), "{}", follow());
    }
    live.run(&["install", "--all", "--team", "other", "--user", "eve"]).fails(4);
    assert!(follow().contains("root"), "another team is another thing: {}", follow());
    live.run(&["install", "--all", "--no-live"]).succeeds();
    assert!(!follow().contains("live"), "{}", follow());
    let index = fs::read_to_string(live.sandbox.ssh("prime-ssh/config")).unwrap();
    assert!(!index.contains("look"), "{index}");
    live.run(&["sync", "--check"]).succeeds();
}

/// Without a host there is no cluster that could be refused.
#[test]
fn a_subscription_without_a_lasting_token_is_refused() {
    let empty = crate::support::cluster::Cluster::new("clst01", "train");
    let live = Live::serving(Api::serving([empty]));
    live.sandbox.prime_settings(&json!({"api_key": null, "base_url": live.api.url()}));
    let program = live.sandbox.program(["install", "--all", "--live"]).asking(&live.api);
    let told = program.run().fails(5);
    assert!(told.contains("--live is not possible for new clusters"), "{told}");
    assert!(!live.sandbox.ssh("prime-ssh").exists());
}

/// A failure of the list says nothing of the clusters, and is not repeated for a minute.
#[test]
fn a_list_that_does_not_come() {
    needs!("ssh");
    let live = Live::serving(Api::serving([train()]));
    live.run(&["install", "--all", "--live"]).succeeds();
    live.sandbox.prime_settings(&json!({"api_key": "another", "base_url": live.api.url()}));
    let ran = live.asks("prime.nobody");
    assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    assert!(ran.stderr.contains("new clusters: using the hosts"), "{}", ran.stderr);
    assert!(ran.stderr.contains("401"), "{}", ran.stderr);
    assert_eq!(live.address("prime.nobody.x"), "prime.nobody.x.invalid.");
    assert_eq!(live.address("prime.train"), "203.0.113.10");
}

#[test]
fn one_that_was_terminated_goes_and_one_that_was_excluded_stays_away() {
    needs!("ssh");
    let live = Live::serving(Api::serving([train(), small("clst02", "other")]));
    live.run(&["install", "--all", "--live"]).succeeds();
    live.run(&["uninstall", "other"]).succeeds();
    live.wait(400);
    assert_eq!(live.address("prime.other"), "prime.other.invalid.");
    let ended = train().with("terminatedAt", "2026-08-02T00:00:00Z");
    live.api.now_serves([ended, small("clst02", "other")]);
    let ran = live.asks("prime.train.node-1");
    assert!(ran.stderr.contains("prime.train  removed: "), "{}", ran.stderr);
    assert_eq!(super::host_name(&ran), "prime.train.node-1.invalid.");
    // The subscription goes on, and can be changed while nothing is installed.
    live.api.now_serves([small("clst02", "other")]);
    live.run(&["install", "--all", "--user", "root"]).succeeds();
    live.api.now_serves([small("clst03", "third")]);
    live.wait(400);
    assert_eq!(live.address("prime.third"), "203.0.113.77");
    live.run(&["uninstall", "--all"]).succeeds();
    assert!(!live.sandbox.ssh("prime-ssh").exists());
}
