//! No answer, however bad, takes away what is installed.

use super::{Sandbox, small, train};
use crate::support::api::{Api, Reply};
use crate::support::cluster::{Cluster, Node};
use crate::support::snapshot::Transcript;

#[test]
fn a_bad_answer_leaves_its_cluster_and_the_others_go_on() {
    let sandbox = Sandbox::with_installed("Host a\n", &train());
    sandbox.install(&small("clst02", "other")).succeeds();
    let before = sandbox.snapshot();
    let empty = Cluster::new("clst01", "train");
    let hostile = Cluster::new("clst01", "train")
        .node(Node::control("pod0", "node-0", "203.0.113.10"))
        .node(Node::worker("pod1", "node-1", "10.0.0.5\n  ProxyCommand touch /tmp/pwned"));
    let installing = Cluster::new("clst01", "train").node(Node::new("pod0", "node-0"));
    let mut told = Transcript::default();
    for (title, answer) in [
        ("no nodes", empty.answer()),
        ("no connection", installing.answer()),
        ("hostile", hostile.answer()),
        ("a web page", "<html>login</html>".to_owned()),
        ("nothing", r#"{"data": null, "status": "success"}"#.to_owned()),
        ("another cluster", small("clst03", "train").answer()),
    ] {
        sandbox.write("clst01.json", &answer);
        told.add(title, sandbox.run(&["sync"]).fails(4));
        assert_eq!(sandbox.snapshot(), before, "{title}");
        let ran = sandbox.run(&["sync", "train"]);
        assert!(!ran.stderr.contains("prime.other"), "{}", ran.stderr);
        ran.fails(4);
    }
    snapshot!(told);
    sandbox.write(
        "clst02.json",
        small("clst02", "other").node(Node::worker("p", "n", "203.0.113.9")).answer(),
    );
    let ran = sandbox.run(&["sync"]);
    snapshot!(ran.stderr, @"
    prime.other  changed: 1 host added
    prime.train  left as it is
    error: [home]/clst01.json is about cluster clst03, and prime.train is cluster clst01
    error: 1 of 2 clusters was left as it was
    ");
    ran.fails(4);
    assert_ne!(sandbox.snapshot(), before);
    // A file that is gone is a failure of this machine; the worst of the two counts.
    std::fs::remove_file(sandbox.path("clst02.json")).unwrap();
    sandbox.run(&["sync", "other"]).fails(1);
    sandbox.run(&["sync"]).fails(4);
}

#[test]
fn only_the_word_of_the_api_ends_a_cluster() {
    let sandbox = Sandbox::with_installed("Host a\n", &train());
    sandbox.install(&small("clst02", "other")).succeeds();
    sandbox.saved(&train().with("terminatedAt", "2026-08-02T00:00:00Z"));
    let ran = sandbox.run(&["sync"]);
    snapshot!(ran.stderr, @"
    prime.other  unchanged: 1 host
    prime.train  removed: cluster clst01 was terminated
    ");
    ran.succeeds();
    assert!(sandbox.ours(".conf").display().to_string().contains("/other-"));
    sandbox.saved(&small("clst02", "other").with("terminatedAt", "2026-08-02T00:00:00Z"));
    sandbox.run(&["sync"]).succeeds();
    assert_eq!(sandbox.read_config(), "Host a\n");
    assert!(!sandbox.ssh("prime-ssh").exists());
}

#[test]
fn a_terminated_cluster_is_not_installed() {
    let sandbox = Sandbox::with_config("Host a\n");
    let before = sandbox.snapshot();
    let gone = train().with("terminatedAt", "2026-08-02T00:00:00Z");
    snapshot!(sandbox.install(&gone).fails(4), @"
    [home]/clst01.json  not installed
    error: [home]/clst01.json was terminated
    ");
    assert_eq!(sandbox.snapshot(), before);
    sandbox.installing(&gone).arg("--include-inactive").run().succeeds();
    sandbox.run(&["sync"]).succeeds();
    assert_eq!(sandbox.all_ours(".conf").len(), 1);
}

#[test]
fn a_web_page_is_no_word_of_the_api() {
    let sandbox = Sandbox::with_ssh_folder();
    let api = Api::serving([train(), small("clst02", "other")]);
    sandbox.program(["install", "--all"]).asking(&api).run().succeeds();
    let before = sandbox.snapshot();
    api.replies_on("/api/admin/clusters/clst01", Reply::new(404, "<html>nothing here</html>"));
    sandbox.program(["sync", "--prune"]).asking(&api).run().fails(3);
    assert_eq!(sandbox.snapshot(), before);
}

#[test]
fn a_cluster_that_is_unknown_goes_with_prune_only() {
    let sandbox = Sandbox::with_ssh_folder();
    let api = Api::serving([train(), small("clst02", "other")]);
    sandbox.program(["install", "--all"]).asking(&api).run().succeeds();
    let before = sandbox.snapshot();
    api.replies_on("/api/admin/clusters/clst01", Reply::detail(404, "Cluster not found"));
    let sync = |arguments: &[&str]| sandbox.program(arguments).asking(&api).run();
    snapshot!(sync(&["sync"]).fails(3), @"
    prime.other  unchanged: 1 host
    prime.train  left as it is
    error: cannot get cluster `clst01`: the API does not know it (404 Not Found): Cluster not found

    hint: if it is gone for good, `prime-ssh sync --ssh-dir [home]/ssh --prune prime.train` removes it
    error: 1 of 2 clusters was left as it was
    ");
    assert_eq!(sandbox.snapshot(), before);
    sync(&["sync", "--prune", "--check"]).fails(10);
    assert_eq!(sandbox.snapshot(), before);
    let ran = sync(&["sync", "--prune"]);
    snapshot!(ran.stderr, @"
    prime.other  unchanged: 1 host
    prime.train  removed: cluster clst01 is not known to the API
    ");
    ran.succeeds();
    assert!(sandbox.ours(".conf").display().to_string().contains("/other-"));
}

#[test]
fn an_api_that_fails_harms_nothing() {
    let sandbox = Sandbox::with_ssh_folder();
    let api = Api::serving([train(), small("clst02", "other")]);
    sandbox.program(["install", "--all"]).asking(&api).run().succeeds();
    let before = sandbox.snapshot();
    api.replies_on("/api/admin/clusters/clst01", Reply::detail(500, "oops"));
    for arguments in [&["sync", "--prune"][..], &["install", "--all"], &["install", "train"]] {
        let ran = sandbox.program(arguments).asking(&api).run();
        ran.fails(3);
        assert_eq!(sandbox.snapshot(), before, "{arguments:?}");
    }
    snapshot!(sandbox.program(["sync"]).env("PRIME_API_KEY", "wrong").run().fails(3), @"
    prime.other  left as it is
    prime.train  left as it is
    error: cannot get cluster `clst02`: the API rejected the token (401 Unauthorized): Authorization failed

    hint: create a new token, then run `prime login`, or pass it in PRIME_API_KEY or `--token-file`
    error: cannot get cluster `clst01`: the API failed (500 Internal Server Error): oops

    hint: this is not your fault; try again later
    error: 2 of 2 clusters were left as they were
    ");
    snapshot!(sandbox.run(&["sync"]).fails(2), @"
    prime.other  left as it is
    prime.train  left as it is
    error: no API token

    hint: run `prime login`, set PRIME_API_KEY, or give --token-file FILE; none is needed for --input FILE: a saved answer, or what someone else's `prime-ssh export` printed
    error: no API token

    hint: run `prime login`, set PRIME_API_KEY, or give --token-file FILE; none is needed for --input FILE: a saved answer, or what someone else's `prime-ssh export` printed
    error: 2 of 2 clusters were left as they were
    ");
    drop(api);
    sandbox.program(["sync"]).env("PRIME_API_KEY", "any").run().fails(3);
    assert_eq!(sandbox.snapshot(), before);
}

#[test]
fn a_failed_install_leaves_nothing_behind() {
    let sandbox = Sandbox::with_ssh_folder();
    std::fs::remove_dir(sandbox.ssh("")).unwrap();
    sandbox.install(&Cluster::new("clst01", "train")).fails(4);
    assert!(!sandbox.ssh("").exists());
}

#[test]
fn a_damaged_state_harms_its_cluster_alone() {
    let sandbox = Sandbox::with_installed("", &train());
    sandbox.install(&small("clst02", "other")).succeeds();
    let state = sandbox.all_ours(".json").remove(1);
    let text = std::fs::read_to_string(&state).unwrap();
    let mut told = Transcript::default();
    for (title, damage) in [
        ("cut", "{"),
        ("another version", &text.replace("\"version\": 3", "\"version\": 1")),
        ("a copy", &text.replace("\"train\"", "\"other\"")),
        ("hostile", &text.replace("clst01", "../../x")),
        ("empty", ""),
    ] {
        std::fs::write(&state, damage).unwrap();
        let before = sandbox.snapshot();
        told.add(title, sandbox.run(&["sync"]).fails(1));
        assert_eq!(sandbox.snapshot(), before, "{title}");
    }
    snapshot!(told);
    sandbox.install(&train()).succeeds();
    assert_eq!(std::fs::read_to_string(&state).unwrap(), text);
    sandbox.run(&["sync"]).succeeds();
}
