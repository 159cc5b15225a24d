//! What a person reads when it does not work: each message whole, as it stands on stderr.

use std::fmt::Write as _;

use crate::support::api::{Api, Reply};
use crate::support::cluster::{self, Cluster, Connection, Node};
use crate::support::process::Ran;
use crate::support::sandbox::Sandbox;

/// The failures of a test, one below the other, without what differs from run to run.
struct Gallery {
    sandbox: Sandbox,
    text: String,
}

impl Gallery {
    fn new() -> Self {
        Self { sandbox: Sandbox::new(), text: String::new() }
    }

    fn hang(&mut self, title: &str, ran: &Ran, api: Option<&Api>) {
        assert_eq!(ran.stdout, "", "{title}");
        let code = ran.status.code().unwrap();
        let told = ran.stderr.replace(&*self.sandbox.home().to_string_lossy(), "~");
        let told = api.map_or(told.clone(), |api| told.replace(&api.url(), "http://API"));
        writeln!(self.text, "--- {title} (exit {code})\n{told}").unwrap();
    }

    /// A call for the cluster `train` that gets these replies.
    fn call(&mut self, title: &str, replies: impl IntoIterator<Item = Reply>) {
        let api = Api::serving([
            Cluster::new("clst07", "train-eu"),
            Cluster::new("clst08", "pretrain \u{1b}[2J"),
        ]);
        api.fails_with(replies);
        let ran = self.sandbox.prime_ssh(["config", "train"]).asking(&api).run();
        self.hang(title, &ran, Some(&api));
    }

    /// A saved answer.
    fn answer(&mut self, title: &str, answer: &str) {
        self.sandbox.write("answer.json", answer);
        let ran = self.sandbox.prime_ssh(["config", "--input", "answer.json"]).run();
        self.hang(title, &ran, None);
    }
}

#[test]
fn what_the_api_refuses_and_how_it_fails() {
    let mut gallery = Gallery::new();
    gallery.call("a bad token", [Reply::detail(401, "Authorization failed")]);
    gallery
        .call("a token without the permission", [Reply::detail(403, "Insufficient permissions")]);
    gallery.call("no such cluster", []);
    let places = r#"{"detail": [{"loc": ["path", "cluster_id"], "msg": "too short"}]}"#;
    let errors = r#"{"errors": [{"param": "search", "details": "too long\u001b[2J"}]}"#;
    gallery.call("refused, in both shapes", [Reply::new(422, places), Reply::new(422, errors)]);
    gallery.call("down", [503, 503, 503].map(|status| Reply::detail(status, "busy")));
    let wait = Reply::detail(429, "slow down").header("retry-after", "3600");
    gallery.call("asked too often", [wait]);
    let page = "<!DOCTYPE html><html><body>Sign in</body></html>";
    gallery.call("a login portal", [Reply::new(200, page).header("content-type", "text/html")]);
    gallery.call("nothing", [Reply::new(200, r#"{"data": null, "status": "success"}"#)]);
    let whole = cluster::train().answer();
    gallery.call("half an answer", [Reply::new(200, &whole.as_bytes()[..200])]);
    insta::assert_snapshot!(gallery.text);
}

#[test]
fn what_is_wrong_with_an_answer() {
    let mut gallery = Gallery::new();
    let hostile = cluster::train()
        .node(Node::worker("pod3", "node-3", "10.0.0.5\n  ProxyCommand touch x"))
        .node(Node::worker("pod4", "node-4\u{202e}", "10.0.0.14").user("-oProxyCommand=x"))
        .node(Node::new("pod5", "node-5").connection(Connection::to("h.example").with("port", 0)));
    gallery.answer("values that would do harm", &hostile.answer());
    let new =
        Node::new("pod0", "node-0").with("status", "PROVISIONING").with("installationProgress", 40);
    gallery.answer("nobody there yet", &Cluster::new("clst01", "train").node(new).answer());
    gallery.answer("no JSON", "oops");
    gallery.answer("empty", "");
    gallery.answer("a list", "[]");
    gallery.answer("no cluster", "{}");
    insta::assert_snapshot!(gallery.text);
}

#[test]
fn what_is_wrong_on_this_machine() {
    let mut gallery = Gallery::new();
    let config = |arguments: &[&str]| gallery.sandbox.prime_ssh([&["config"], arguments].concat());
    let runs = [
        ("no cluster named", config(&[]).run()),
        ("no token", config(&["train"]).run()),
        ("no such file", config(&["--input", "nowhere.json"]).run()),
        (
            "a token over plain http",
            config(&["train", "--api-url", "http://gpu.example.com"])
                .env("PRIME_API_KEY", "x")
                .run(),
        ),
        ("no such option of ssh", config(&["--input", "-", "--ssh-option", "Colour=red"]).run()),
        ("an option that is ours", config(&["--input", "-", "--ssh-option", "HostName=x"]).run()),
    ];
    for (title, ran) in &runs {
        gallery.hang(title, ran, None);
    }
    insta::assert_snapshot!(gallery.text);
}
