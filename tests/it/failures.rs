//! What a user reads when it does not work: each message whole, as it stands on stderr.

use crate::support::api::{Api, Reply};
use crate::support::cluster::{self, Cluster, Connection, Node};
use crate::support::sandbox::Sandbox;
use crate::support::snapshot::Transcript;

#[test]
fn what_the_api_refuses_and_how_it_fails() {
    let (sandbox, mut told) = (Sandbox::new(), Transcript::default());
    let places = r#"{"detail": [{"loc": ["path", "cluster_id"], "msg": "too short"}]}"#;
    let errors = r#"{"errors": [{"param": "search", "details": "too long\u001b[2J"}]}"#;
    let page = "<!DOCTYPE html><html><body>Sign in</body></html>";
    let whole = cluster::train().answer();
    for (title, code, replies) in [
        ("a bad token", 3, vec![Reply::detail(401, "Authorization failed")]),
        ("a token without the permission", 3, vec![Reply::detail(403, "Insufficient permissions")]),
        ("no such cluster", 3, vec![]),
        ("refused, in both shapes", 3, vec![Reply::new(422, places), Reply::new(422, errors)]),
        ("down", 3, [503; 3].map(|status| Reply::detail(status, "busy")).into()),
        ("asked too often", 3, vec![Reply::detail(429, "slow down").header("retry-after", "3600")]),
        ("a login portal", 4, vec![Reply::new(200, page).header("content-type", "text/html")]),
        ("nothing", 4, vec![Reply::new(200, r#"{"data": null, "status": "success"}"#)]),
        ("half an answer", 4, vec![Reply::new(200, &whole.as_bytes()[..200])]),
    ] {
        let api = Api::serving([
            Cluster::new("clst07", "train-eu"),
            Cluster::new("clst08", "pretrain \u{1b}[2J"),
        ]);
        api.fails_with(replies);
        told.add(title, sandbox.prime_ssh(["config", "train"]).asking(&api).run().fails(code));
    }
    snapshot!(told);
}

#[test]
fn what_is_wrong_with_an_answer() {
    let (sandbox, mut told) = (Sandbox::new(), Transcript::default());
    let hostile = cluster::train()
        .node(Node::worker("pod3", "node-3", "10.0.0.5\n  ProxyCommand touch x"))
        .node(Node::worker("pod4", "node-4\u{202e}", "10.0.0.14").user("-oProxyCommand=x"))
        .node(Node::new("pod5", "node-5").connection(Connection::to("h.example").with("port", 0)));
    let new =
        Node::new("pod0", "node-0").with("status", "PROVISIONING").with("installationProgress", 40);
    for (title, answer) in [
        ("values that would do harm", hostile.answer()),
        ("nobody there yet", Cluster::new("clst01", "train").node(new).answer()),
        ("no JSON", "oops".to_owned()),
        ("empty", String::new()),
        ("a list", "[]".to_owned()),
        ("no cluster", "{}".to_owned()),
        ("an empty list", r#"{"data": []}"#.to_owned()),
        ("a list of something", r#"{"data": [5]}"#.to_owned()),
        ("a node that is none", r#"{"data": [{"nodes": [{}, 5]}]}"#.to_owned()),
        ("no object", r#"{"data": "x"}"#.to_owned()),
        ("a cluster as a list", r#"{"data": [["clst01", "train"]]}"#.to_owned()),
        (
            "a node as a list",
            r#"{"data": {"id": "c", "name": "n", "nodes": [["n", "n"]]}}"#.to_owned(),
        ),
        ("an id that is none", r#"{"data": [{"id": "a/b", "name": "n"}]}"#.to_owned()),
    ] {
        sandbox.write("answer.json", answer);
        let ran = sandbox.prime_ssh(["config", "--input", "answer.json"]).run();
        assert_eq!(ran.stdout, "", "{title}");
        told.add(title, ran.fails(4));
    }
    snapshot!(told);
}

#[test]
fn what_is_wrong_on_this_machine() {
    let (sandbox, mut told) = (Sandbox::new(), Transcript::default());
    for (title, code, arguments) in [
        ("no cluster named", 2, &[][..]),
        ("no token", 2, &["train"]),
        ("no such file", 1, &["--input", "nowhere.json"]),
        ("a device", 1, &["--input", "/dev/full"]),
        ("a folder", 1, &["--input", "."]),
        ("a token in a device", 1, &["train", "--token-file", "/dev/null"]),
        ("a token over plain http", 2, &["train", "--api-url", "http://gpu.example.com"]),
        ("no such option of ssh", 2, &["--input", "-", "--ssh-option", "Colour=red"]),
        ("an option that is ours", 2, &["--input", "-", "--ssh-option", "HostName=x"]),
    ] {
        told.add(title, sandbox.prime_ssh(["config"]).args(arguments).run().fails(code));
    }
    snapshot!(told);
}
