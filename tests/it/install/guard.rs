//! No answer, however bad, takes away what is installed.

use super::{Desk, small, train};
use crate::support::api::{Api, Reply};
use crate::support::cluster::{Cluster, Node};

#[test]
fn a_bad_answer_leaves_its_cluster_and_the_others_go_on() {
    let desk = Desk::with_installed("Host a\n", &train());
    desk.install(&small("clst02", "other")).succeeds();
    let before = desk.snapshot();
    let empty = Cluster::new("clst01", "train");
    let hostile = Cluster::new("clst01", "train")
        .node(Node::control("pod0", "node-0", "203.0.113.10"))
        .node(Node::worker("pod1", "node-1", "10.0.0.5\n  ProxyCommand touch /tmp/pwned"));
    let installing = Cluster::new("clst01", "train").node(Node::new("pod0", "node-0"));
    for (answer, words) in [
        (empty.answer(), "no node has a usable connection"),
        (installing.answer(), "no node has a usable connection"),
        (hostile.answer(), "control character"),
        ("<html>login</html>".to_owned(), "web page"),
        (r#"{"data": null, "status": "success"}"#.to_owned(), "null"),
        (small("clst03", "train").answer(), "is about cluster clst03"),
    ] {
        desk.sandbox.write("clst01.json", &answer);
        let ran = desk.run(&["sync"]);
        assert!(ran.stderr.contains(words), "{words}: {}", ran.stderr);
        assert!(ran.stderr.contains("prime.train  left as it is\n"), "{}", ran.stderr);
        assert!(ran.stderr.contains("prime.other  unchanged: 1 host\n"), "{}", ran.stderr);
        assert!(ran.stderr.contains("1 of 2 clusters was left as it was"), "{}", ran.stderr);
        ran.fails(4);
        assert_eq!(desk.snapshot(), before, "{answer}");
        let ran = desk.run(&["sync", "train"]);
        assert!(!ran.stderr.contains("prime.other"), "{}", ran.stderr);
        ran.fails(4);
    }
    desk.sandbox.write(
        "clst02.json",
        small("clst02", "other").node(Node::worker("p", "n", "203.0.113.9")).answer(),
    );
    let ran = desk.run(&["sync"]);
    assert!(ran.stderr.contains("prime.other  changed: 1 host added\n"), "{}", ran.stderr);
    ran.fails(4);
    assert_ne!(desk.snapshot(), before);
    // A file that is gone is a failure of this machine; the worst of the two counts.
    std::fs::remove_file(desk.sandbox.path("clst02.json")).unwrap();
    desk.run(&["sync", "other"]).fails(1);
    desk.run(&["sync"]).fails(4);
}

#[test]
fn only_the_word_of_the_api_ends_a_cluster() {
    let desk = Desk::with_installed("Host a\n", &train());
    desk.install(&small("clst02", "other")).succeeds();
    desk.saved(&train().with("terminatedAt", "2026-08-02T00:00:00Z"));
    let ran = desk.run(&["sync"]);
    let told = "prime.train  removed: cluster clst01 was terminated\n";
    assert!(ran.stderr.contains(told), "{}", ran.stderr);
    ran.succeeds();
    assert!(desk.ours(".conf").display().to_string().contains("/other-"));
    desk.saved(&small("clst02", "other").with("terminatedAt", "2026-08-02T00:00:00Z"));
    desk.run(&["sync"]).succeeds();
    assert_eq!(desk.read_config(), "Host a\n");
    assert!(!desk.ssh("prime-ssh").exists());
}

#[test]
fn a_terminated_cluster_is_not_installed() {
    let desk = Desk::with_config("Host a\n");
    let before = desk.snapshot();
    let gone = train().with("terminatedAt", "2026-08-02T00:00:00Z");
    assert!(desk.install(&gone).fails(4).contains("was terminated"));
    assert_eq!(desk.snapshot(), before);
    desk.installing(&gone).arg("--include-inactive").run().succeeds();
    desk.run(&["sync"]).succeeds();
    assert_eq!(desk.all_ours(".conf").len(), 1);
}

#[test]
fn what_the_api_does_not_know_is_told_and_removed_on_request() {
    let desk = Desk::new();
    let api = Api::serving([train(), small("clst02", "other")]);
    desk.program(["install", "--all"]).asking(&api).run().succeeds();
    let before = desk.snapshot();
    let path = "/api/admin/clusters/clst01";
    let sync = |arguments: &[&str]| desk.program(arguments).asking(&api).run();

    // A page that is no answer of the API's is no word of the API's.
    api.replies_on(path, Reply::new(404, "<html>nothing here</html>"));
    sync(&["sync", "--prune"]).fails(3);
    assert_eq!(desk.snapshot(), before);
}

#[test]
fn a_cluster_that_is_unknown_goes_with_prune_only() {
    let desk = Desk::new();
    let api = Api::serving([train(), small("clst02", "other")]);
    desk.program(["install", "--all"]).asking(&api).run().succeeds();
    let before = desk.snapshot();
    api.replies_on("/api/admin/clusters/clst01", Reply::detail(404, "Cluster not found"));
    let sync = |arguments: &[&str]| desk.program(arguments).asking(&api).run();
    let told = sync(&["sync"]).fails(3);
    assert!(told.contains(" --prune prime."), "{told}");
    assert_eq!(desk.snapshot(), before);
    sync(&["sync", "--prune", "--check"]).fails(10);
    assert_eq!(desk.snapshot(), before);
    let ran = sync(&["sync", "--prune"]);
    let told = "prime.train  removed: cluster clst01 is not known to the API\n";
    assert!(ran.stderr.contains(told), "{}", ran.stderr);
    ran.succeeds();
    assert!(desk.ours(".conf").display().to_string().contains("/other-"));
}

#[test]
fn an_api_that_fails_harms_nothing() {
    let desk = Desk::new();
    let api = Api::serving([train(), small("clst02", "other")]);
    desk.program(["install", "--all"]).asking(&api).run().succeeds();
    let before = desk.snapshot();
    api.replies_on("/api/admin/clusters/clst01", Reply::detail(500, "oops"));
    for arguments in [&["sync", "--prune"][..], &["install", "--all"], &["install", "train"]] {
        let ran = desk.program(arguments).asking(&api).run();
        ran.fails(3);
        assert_eq!(desk.snapshot(), before, "{arguments:?}");
    }
    let told = desk.program(["sync"]).env("PRIME_API_KEY", "wrong").run().fails(3);
    assert!(told.contains("2 of 2 clusters were left as they were"), "{told}");
    let told = desk.run(&["sync"]).fails(2);
    assert!(told.contains("no API token"), "{told}");
    drop(api);
    desk.program(["sync"]).env("PRIME_API_KEY", "any").run().fails(3);
    assert_eq!(desk.snapshot(), before);
}

#[test]
fn a_failed_install_leaves_nothing_behind() {
    let desk = Desk::new();
    std::fs::remove_dir(desk.ssh("")).unwrap();
    desk.install(&Cluster::new("clst01", "train")).fails(4);
    assert!(!desk.ssh("").exists());
}

#[test]
fn a_damaged_state_harms_its_cluster_alone() {
    let desk = Desk::with_installed("", &train());
    desk.install(&small("clst02", "other")).succeeds();
    let state = desk.all_ours(".json").remove(1);
    let text = std::fs::read_to_string(&state).unwrap();
    for (damage, words) in [
        ("{", "damaged"),
        (&text.replace("\"version\": 2", "\"version\": 1"), "of version 1"),
        (&text.replace("\"train\"", "\"other\""), "a copy of"),
        (&text.replace("clst01", "../../x"), "`cluster`"),
        ("", "damaged"),
    ] {
        std::fs::write(&state, damage).unwrap();
        let before = desk.snapshot();
        let told = desk.run(&["sync"]).fails(1);
        assert!(told.contains(words), "{words}: {told}");
        assert!(told.contains("unchanged: 1 host\n"), "{told}");
        assert_eq!(desk.snapshot(), before, "{damage}");
    }
    desk.install(&train()).succeeds();
    assert_eq!(std::fs::read_to_string(&state).unwrap(), text);
    desk.run(&["sync"]).succeeds();
}
