//! Hostile answers: none makes a directive, runs anything, or reaches a terminal raw.

use std::collections::BTreeMap;

use prime_ssh::text::digest;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::rules::{canonical_host, is_refused_text};
use super::{cases, config};
use crate::support::cluster::{Cluster, Connection, Node};
use crate::support::fragment::Fragment;
use crate::support::sandbox::Sandbox;
use crate::support::ssh::Resolved;

/// Where a hostile value is put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Cluster(&'static str),
    Node(&'static str),
    Connection(&'static str),
}

const OF_CLUSTER: [Place; 5] = [
    Place::Cluster("id"),
    Place::Cluster("name"),
    Place::Cluster("gpuName"),
    Place::Cluster("status"),
    Place::Cluster("providerType"),
];

const OF_NODES: [Place; 9] = [
    Place::Node("id"),
    Place::Node("name"),
    Place::Node("gpuName"),
    Place::Node("status"),
    Place::Connection("podId"),
    Place::Connection("host"),
    Place::Connection("port"),
    Place::Connection("user"),
    Place::Connection("role"),
];

impl Place {
    /// Whether a value there must be refused: texts for people may hold nearly anything.
    fn refuses(self, value: &Value) -> bool {
        let Some(text) = value.as_str() else { return true };
        match self {
            Self::Cluster("id") | Self::Node("id") | Self::Connection("podId") => {
                !is_word(text, "_-", 64) || text.starts_with(['_', '-'])
            }
            Self::Connection("user") => {
                let first = |c: char| c.is_ascii_alphabetic() || c == '_';
                !is_word(text, "_.-", 32) || !text.starts_with(first)
            }
            Self::Connection("host") => canonical_host(text).is_none(),
            Self::Connection("port") => true,
            _ => is_refused_text(text) || text.len() > 1024,
        }
    }

    /// Its JSON path, where the node is the one at `at`.
    fn path(self, at: usize) -> String {
        match self {
            Self::Cluster(field) => format!("data.{field}"),
            Self::Node(field) => format!("data.nodes[{at}].{field}"),
            Self::Connection(field) => format!("data.nodes[{at}].connections[0].{field}"),
        }
    }

    /// A worker with this value in this place.
    fn node(self, at: usize, value: &Value) -> Node {
        let (id, name) = (format!("pod{at}"), format!("node-{at}"));
        let connection = Connection::to("10.0.0.11").with("podId", id.as_str());
        let node = Node::new(&id, &name);
        match self {
            Self::Cluster(_) => node.connection(connection),
            Self::Node(field) => node.connection(connection).with(field, value.clone()),
            Self::Connection(field) => node.connection(connection.with(field, value.clone())),
        }
    }
}

fn is_word(text: &str, besides: &str, longest: usize) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || besides.contains(c);
    (1..=longest).contains(&text.len()) && text.chars().all(fits)
}

/// Values that would do harm in an ssh_config, an inventory or a terminal.
pub fn hostile() -> Vec<Value> {
    let canary = "touch \"$PRIME_CANARY\"";
    let texts = [
        "x\nMatch exec \"CANARY\"",
        "10.0.0.5\n  ProxyCommand CANARY",
        "x\n  LocalCommand CANARY\n  PermitLocalCommand yes",
        "x\r\nMatch exec \"CANARY\"",
        "x\rMatch exec \"CANARY\"",
        "# x\nMatch exec \"CANARY\"",
        "x'$(CANARY)'",
        "$(CANARY)",
        "`CANARY`",
        "; CANARY",
        "| CANARY",
        "-oProxyCommand=CANARY",
        "-oLocalCommand=CANARY",
        "ubuntu -oProxyCommand=CANARY",
        "{{ lookup('pipe', 'CANARY') }}",
        "{% CANARY %}",
        "{# x #}",
        "#jinja2: x",
        "%h",
        "%d/%u",
        "${HOME}",
        "root%h",
        "root${HOME}",
        "root;id",
        "root@",
        "root-é",
        "root\\",
        "x y",
        "x\ty",
        "x\"y",
        "\"",
        "'",
        "\\",
        "x\0y",
        "\u{feff}x",
        "x\u{202e}y",
        "x\u{2028}Match exec \"CANARY\"",
        "x\u{85}Match exec \"CANARY\"",
        "\u{1b}[2J\u{1b}]0;x\u{7}",
        "user@host",
        "host:22",
        "[::1]:22",
        "fe80::1%eth0",
        "0x7f.1",
        "2130706433",
        "010.1",
        "0",
        "::ffff:127.0.0.1",
        "0.0.0.0",
        "*",
        "!x",
        "?",
        "a,b",
        "..",
        "../../x",
        "ключ",
    ]
    .map(|text| text.replace("CANARY", canary));
    let long = ["x".repeat(5000), "x\n".repeat(3000), " ".repeat(2000)];
    let no_texts = [
        json!(0),
        json!(65536),
        json!(-1),
        json!(22.5),
        json!(1e300),
        json!(u64::MAX),
        json!(true),
        json!([]),
        json!({}),
        json!([22]),
    ];
    texts.into_iter().chain(long).map(Value::from).chain(no_texts).collect()
}

/// A control node, and one worker for each of these places with the value in it.
fn poisoned(places: &[Place], value: &Value) -> Cluster {
    let cluster =
        Cluster::new("clst01", "train").node(Node::control("pod0", "node-0", "203.0.113.10"));
    places.iter().zip(1..).fold(cluster, |cluster, (place, at)| match place {
        Place::Cluster(field) => cluster.with(field, value.clone()),
        _ => cluster.node(place.node(at, value)),
    })
}

/// Every alias goes through ssh, and nothing that an answer holds runs on the way.
fn judge_harmless(sandbox: &Sandbox, text: &str) -> Fragment {
    let canary = sandbox.path("canary");
    let fragment = Fragment::parse(text);
    let path = sandbox.write("fragment", text);
    for alias in fragment.aliases().chain(["github.com"]) {
        Resolved::with_env(&path, alias, "PRIME_CANARY", &canary);
    }
    assert!(!canary.exists(), "something of the answer was run");
    fragment
}

pub fn judge_terminal(stderr: &str) {
    let is_harmless = |c: char| c == '\n' || !is_refused_text(&c.to_string());
    assert!(stderr.chars().all(is_harmless), "{stderr:?}");
    assert!(stderr.len() < 4000, "a refusal should be short: {stderr:?}");
}

/// What is refused is named and ends the run, or is left out; everything else is harmless.
fn judge(places: &[Place], value: &Value) {
    let sandbox = Sandbox::new();
    let cluster = poisoned(places, value);
    let ran = config(&sandbox, std::slice::from_ref(&cluster), &[]);
    let skipping = config(&sandbox, &[cluster], &["--skip-invalid"]);
    for ran in [&ran, &skipping] {
        judge_terminal(&ran.stderr);
        for (place, at) in places.iter().zip(1..) {
            let path = format!("{}: ", place.path(at));
            let told = ran.stderr.contains(&path);
            assert_eq!(told, place.refuses(value), "{value} at {path}{}", ran.stderr);
        }
    }
    let of_cluster = |place: &&Place| matches!(place, Place::Cluster(_));
    let refused: Vec<_> = places.iter().filter(|place| place.refuses(value)).collect();
    if refused.is_empty() {
        judge_harmless(&sandbox, &ran.succeeds());
    } else {
        assert_eq!(ran.stdout, "", "nothing is printed where {value} is refused");
        ran.fails(4);
    }
    if refused.iter().any(of_cluster) {
        assert_eq!(skipping.stdout, "");
        skipping.fails(4);
    } else {
        let fragment = judge_harmless(&sandbox, &skipping.succeeds());
        let nodes = places.iter().filter(|place| !of_cluster(place)).count();
        assert_eq!(fragment.hosts().count(), 1 + nodes - refused.len(), "{value}");
    }
}

#[test]
fn no_answer_makes_a_directive() {
    needs!("ssh");
    for value in hostile() {
        judge(&OF_NODES, &value);
        judge(&OF_CLUSTER, &value);
    }
}

proptest! {
    #![proptest_config(cases(48))]

    #[test]
    fn no_text_makes_a_directive(text in any::<String>()) {
        needs!(proptest "ssh");
        judge(&OF_NODES, &text.clone().into());
        judge(&OF_CLUSTER, &text.into());
    }
}

#[test]
fn ids_that_differ_only_in_case_are_refused() {
    let sandbox = Sandbox::new();
    let cluster = Cluster::new("clst01", "train")
        .node(Node::control("podA", "node-0", "203.0.113.10"))
        .node(Node::worker("poda", "node-1", "203.0.113.11"));
    let ran = config(&sandbox, &[cluster], &[]);
    assert_eq!(ran.stdout, "");
    snapshot!(ran.fails(4), @r#"
    error: the answer holds values that cannot be used:
      data.nodes[0].id: "podA": the id of another node, in this or another case
      data.nodes[1].id: "poda": the id of another node, in this or another case

    hint: `--skip-invalid` leaves out these hosts and renders the rest
    "#);
}

/// Where ssh reads everything twice, the second time is for the `HostName`.
#[test]
fn a_control_node_that_is_named_as_a_worker_does_not_jump_through_itself() {
    needs!("ssh");
    let sandbox = Sandbox::new();
    let cluster = Cluster::new("clst01", "train")
        .node(Node::control("pod0", "node-0", "prime.train.node-1"))
        .node(Node::worker("pod1", "node-1", "10.0.0.11"));
    let mut text = config(&sandbox, &[cluster], &[]).succeeds();
    text.push_str("Match final\n  Compression yes\n");
    let path = sandbox.write("fragment", &text);
    let jump = |alias| {
        let resolved = Resolved::of(&path, alias);
        assert_eq!(resolved.get("compression"), Some("yes"));
        resolved.get("proxyjump").filter(|&jump| jump != "none").map(str::to_owned)
    };
    assert_eq!(jump("prime.train.node-0"), None);
    assert_eq!(jump("prime.train.node-1").as_deref(), Some("prime.train.node-0"));
}

#[test]
fn no_two_places_share_a_socket_whatever_the_answer_calls_their_machines() {
    needs!("ssh");
    let sandbox = Sandbox::new();
    let one_pod = |id: &str, name: &str, host: &str| {
        Node::new(id, name).connection(Connection::to(host).with("podId", "pod1"))
    };
    let long = "p".repeat(60);
    let sly = digest::hex(format!("prime-{long}"), 16);
    let clusters = [
        Cluster::new("clst01", "train")
            .node(one_pod("node0", "node-0", "203.0.113.10"))
            .node(one_pod("node1", "node-1", "203.0.113.11")),
        Cluster::new("clst02", "eval")
            .node(one_pod("node0", "node-0", "203.0.113.10"))
            .node(Node::worker(&long, "node-1", "203.0.113.12"))
            .node(Node::worker(&sly, "node-2", "203.0.113.13")),
    ];
    let text = config(&sandbox, &clusters, &[]).succeeds();
    let fragment = Fragment::parse(&text);
    let path = sandbox.write("fragment", &text);
    let mut sockets = BTreeMap::new();
    for block in fragment.hosts() {
        let alias = &block.names[0];
        let resolved = Resolved::of(&path, alias);
        let socket = resolved.get("controlpath").unwrap();
        let key = resolved.get("hostkeyalias").unwrap();
        if let Some(other) = sockets.insert(socket.replace("%k", key), alias.clone()) {
            panic!("{other} and {alias} share {socket}");
        }
    }
    assert_eq!(sockets.len(), 5);
}

#[test]
fn every_refusal_is_told_at_once() {
    let sandbox = Sandbox::new();
    let cluster = Cluster::new("clst01", "train")
        .node(Node::control("pod0", "node-0", "203.0.113.10\n"))
        .node(Node::worker("pod1", "node-1", "10.0.0.11").user("-l"))
        .node(Node::worker("pod2", "node-2", "10.0.0.12"))
        .node(
            Node::new("pod3", "node-3").connection(Connection::to("h.example").with("port", "22")),
        );
    snapshot!(config(&sandbox, &[cluster], &[]).fails(4), @r#"
    error: the answer holds values that cannot be used:
      data.nodes[0].connections[0].host: "203.0.113.10\n": control character
      data.nodes[1].connections[0].user: "-l": a user name cannot start with `-`
      data.nodes[3].connections[0].port: "22": not a whole number

    hint: `--skip-invalid` leaves out these hosts and renders the rest
    "#);
}
