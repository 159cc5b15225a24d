//! `prime-ssh export`, and `--input` of what it prints.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Value, json};

use crate::oracle::cases;
use crate::oracle::hostile::{hostile, judge_terminal};
use crate::oracle::plan::{ClusterPlan, clusters};
use crate::support::api::Api;
use crate::support::cluster::{self, Cluster, Connection, Node};
use crate::support::fragment::Fragment;
use crate::support::process::Ran;
use crate::support::sandbox::Sandbox;

/// Runs a command on saved answers or exported files.
fn run(sandbox: &Sandbox, command: &[&str], files: &[PathBuf], options: &[&str]) -> Ran {
    let inputs = files.iter().flat_map(|file| [Path::new("--input"), file]);
    sandbox.prime_ssh(command).args(inputs).args(options).run()
}

fn save(sandbox: &Sandbox, clusters: &[Cluster]) -> Vec<PathBuf> {
    let saved = clusters.iter().enumerate();
    saved.map(|(at, cluster)| sandbox.write(format!("{at}.json"), cluster.answer())).collect()
}

fn export(clusters: &[Cluster], options: &[&str]) -> Value {
    let sandbox = Sandbox::new();
    let ran = run(&sandbox, &["export"], &save(&sandbox, clusters), options);
    serde_json::from_str(&ran.succeeds()).unwrap()
}

fn config(text: &str, options: &[&str]) -> Ran {
    let sandbox = Sandbox::new();
    let file = sandbox.write("file.json", text);
    run(&sandbox, &["config"], &[file], options)
}

/// Options that select hosts.
fn selection() -> impl Strategy<Value = Vec<&'static str>> {
    let each: Vec<&[&str]> = vec![
        &["--only", "worker"],
        &["--only", "control"],
        &["--role", "worker"],
        &["--node", "*node-1*,worker*"],
        &["--include-inactive"],
    ];
    subsequence(each, 0..=2)
        .prop_filter("one --only", |chosen| {
            chosen.iter().filter(|option| option[0] == "--only").count() < 2
        })
        .prop_map(|chosen| chosen.concat())
}

/// Options that the reader of a file adds.
fn further() -> impl Strategy<Value = Vec<&'static str>> {
    select(vec![
        vec![],
        vec!["--prefix", "lab"],
        vec!["--user", "someone"],
        vec!["--jump", "never"],
        vec!["--jump-via", "me@Bastion:2222"],
    ])
}

proptest! {
    #![proptest_config(cases(24))]

    #[test]
    fn an_exported_file_gives_the_same_text(
        plans in clusters(1..=3), selection in selection(), further in further()
    ) {
        let sandbox = Sandbox::new();
        let plans: Vec<_> = plans.iter().map(ClusterPlan::cluster).collect();
        let answers = save(&sandbox, &plans);
        let exported = run(&sandbox, &["export"], &answers, &selection);
        if exported.status.code() == Some(4) {
            // No host fits these options.
            return Ok(());
        }
        let exported = exported.succeeds();
        let file = [sandbox.write("exported.json", &exported)];
        let options = [selection.clone(), further].concat();
        // How many nodes there are in all, only the whole cluster says.
        let is_whole = selection.iter().all(|option| *option == "--include-inactive");
        let inventories: [&[&str]; 3] = [
            &["inventory", "--format", "yaml"],
            &["inventory", "--format", "ini"],
            &["inventory", "--format", "json"],
        ];
        let commands = inventories.into_iter().filter(|_| is_whole);
        for command in [&["config"][..]].into_iter().chain(commands) {
            let of_answers = run(&sandbox, command, &answers, &options).succeeds();
            let of_file = run(&sandbox, command, &file, &options).succeeds();
            prop_assert_eq!(&of_answers, &of_file, "{:?} {:?}", command, &options);
        }
        let again = run(&sandbox, &["export"], &file, &selection).succeeds();
        prop_assert_eq!(exported, again);
    }
}

#[test]
fn one_cluster_is_an_object_and_several_are_a_list() {
    let other = || Cluster::new("clst02", "eval").node(Node::control("p2", "head", "203.0.113.20"));
    assert_eq!(export(&[cluster::train()], &[])["data"]["id"], "clst01");
    let both = export(&[cluster::train(), other()], &[]);
    assert_eq!(both["data"].as_array().unwrap().len(), 2);
    let sandbox = Sandbox::new();
    let api = Api::serving([cluster::train()]);
    let all = sandbox.prime_ssh(["export", "--all"]).asking(&api).run().succeeds();
    let all: Value = serde_json::from_str(&all).unwrap();
    assert_eq!(all["data"][0]["id"], "clst01");
    let fragment = config(&all.to_string(), &[]).succeeds();
    let bare = config(&all["data"][0].to_string(), &[]).succeeds();
    assert_eq!(fragment, bare);
    assert_eq!(fragment, config(&cluster::train().answer(), &[]).succeeds());
}

#[test]
fn it_holds_what_hosts_need_only() {
    let key = json!([{"id": "k", "role": "ADMIN", "publicKey": "ssh-ed25519 SECRETKEY"}]);
    let cluster = cluster::train()
        .with("sshKeys", key)
        .with("priceHr", 7177.5)
        .with("walletId", "SECRETWALLET")
        .with("vaultEnabled", true)
        .with("info", json!({"x": "SECRETINFO"}))
        .with("orchestratorConfig", json!({"x": "SECRETCONFIG"}));
    let exported = export(&[cluster], &[]);
    let text = exported.to_string();
    for private in ["SECRET", "7177", "user01", "remote-", "createdAt"] {
        assert!(!text.contains(private), "{private}: {text}");
    }
    assert_eq!(exported["data"]["vaultEnabled"], true);
    assert_eq!(exported["data"]["status"], "ACTIVE");
    snapshot!(format!("{:#}", export(&[cluster::train()], &["--only", "worker"])));
}

#[test]
fn a_host_that_others_jump_through_is_kept() {
    let exported = export(&[cluster::train()], &["--node", "node-2"]);
    let nodes = exported["data"]["nodes"].as_array().unwrap();
    let names: Vec<_> = nodes.iter().map(|node| node["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["node-0", "node-2"]);
    let text = config(&exported.to_string(), &["--node", "node-2"]).succeeds();
    assert!(
        text.contains("ProxyJump prime.train.node-0") && text.contains("# jump only"),
        "{text}"
    );
}

/// Its host key is named by whether its machine has several servers.
#[test]
fn a_host_that_others_jump_through_keeps_the_other_servers_of_its_machine() {
    let second = Connection::to("203.0.113.10").with("port", 2222).control();
    let head = Node::control("pod0", "node-0", "203.0.113.10").connection(second);
    let worker = Node::worker("pod1", "node-1", "10.0.0.11");
    let cluster = Cluster::new("clst01", "train").node(head).node(worker);
    let options = ["--only", "worker"];
    let exported = export(std::slice::from_ref(&cluster), &options).to_string();
    assert_eq!(
        config(&exported, &options).succeeds(),
        config(&cluster.answer(), &options).succeeds()
    );
}

#[test]
fn a_node_without_a_connection_is_still_missed() {
    let starting = Node::new("pod9", "node-9").with("status", "PROVISIONING");
    let exported = export(&[cluster::train().node(starting)], &[]).to_string();
    let sandbox = Sandbox::new();
    let file = [sandbox.write("file.json", exported)];
    snapshot!(run(&sandbox, &["inventory", "--require-all"], &file, &[]).fails(4), @"
    note: train (clst01): skipped node-9: no connection yet, status PROVISIONING, installation progress 100
    error: not every node can be rendered:
      node-9 of train: no connection yet, status PROVISIONING, installation progress 100

    hint: without --require-all (PRIME_SSH_REQUIRE_ALL) the others are rendered
    ");
}

#[test]
fn a_cluster_that_is_gone_stays_gone() {
    let gone = cluster::train().with("terminatedAt", "2026-07-03T00:00:00Z");
    let exported = export(&[gone], &["--include-inactive"]).to_string();
    snapshot!(config(&exported, &[]).fails(4), @"
    error: nothing to render for train (clst01): the cluster was terminated

    hint: `--include-inactive` renders terminated and detached nodes too
    ");
    config(&exported, &["--include-inactive"]).succeeds();
}

#[test]
fn what_is_refused_is_never_written() {
    let sandbox = Sandbox::new();
    let hostile = cluster::train().node(Node::worker("pod3", "x", "10.0.0.1\n  ProxyCommand x"));
    let answers = save(&sandbox, &[hostile]);
    snapshot!(run(&sandbox, &["export", "-o", "file.json"], &answers, &[]).fails(4), @r#"
    error: the answer holds values that cannot be used:
      data.nodes[3].connections[0].host: "10.0.0.1\n  ProxyCommand x": control character

    hint: `--skip-invalid` leaves out these hosts and renders the rest
    "#);
    assert!(!sandbox.path("file.json").exists());
    let text = run(&sandbox, &["export", "--skip-invalid"], &answers, &[]).succeeds();
    assert!(!text.contains("ProxyCommand") && text.contains("node-2"), "{text}");
}

#[test]
fn a_file_chooses_no_name_and_no_way() {
    let plain = export(&[cluster::train()], &[]);
    let mut sly = plain.clone();
    for field in ["alias", "prefix", "proxy_jump", "proxyJump", "jump_via", "slug", "clusters"] {
        sly["data"][field] = json!("github.com");
        sly["data"]["nodes"][1][field] = json!("github.com");
        sly["data"]["nodes"][1]["connections"][0][field] = json!("github.com");
        sly[field] = json!("github.com");
    }
    assert_eq!(
        config(&sly.to_string(), &[]).succeeds(),
        config(&plain.to_string(), &[]).succeeds()
    );
    // What a template sees is no input.
    let sandbox = Sandbox::new();
    let answers = save(&sandbox, &[cluster::train()]);
    let view = run(&sandbox, &["render", "--print-data"], &answers, &[]).succeeds();
    snapshot!(config(&view, &[]).fails(4), @"
    error: the answer holds values that cannot be used:
      id: missing
      name: missing

    hint: without values of the cluster itself nothing can be made of it; is this what the API answers to Get Cluster, or what `prime-ssh export` prints?
    ");
}

#[test]
fn one_cluster_is_not_given_twice() {
    let sandbox = Sandbox::new();
    let answer = save(&sandbox, &[cluster::train()]).remove(0);
    let mut exported = export(&[cluster::train()], &[]);
    let one = sandbox.write("one.json", exported.to_string());
    snapshot!(run(&sandbox, &["config"], &[one, answer], &[]).fails(2), @"error: [home]/one.json and [home]/0.json are of one cluster");
    let again = exported["data"].take();
    snapshot!(config(&json!({"data": [again, again]}).to_string(), &[]).fails(2), @"error: [home]/file.json: data[0] and [home]/file.json: data[1] are of one cluster");
}

/// Each in every place where a text or a number may stand.
#[test]
fn no_value_makes_a_directive() {
    let exported = export(&[cluster::train()], &[]);
    let mut places = Vec::new();
    for object in ["/data", "/data/nodes/0", "/data/nodes/1", "/data/nodes/1/connections/0"] {
        let fields = exported.pointer(object).unwrap().as_object().unwrap();
        let plain = fields.iter().filter(|(_, value)| !value.is_array());
        places.extend(plain.map(|(field, _)| format!("{object}/{field}")));
    }
    let mut random = fastrand::Rng::with_seed(7);
    for value in hostile() {
        // One alone, and another time some of them together.
        let mut chosen = vec![vec![&places[random.usize(..places.len())]]];
        chosen.push(places.iter().filter(|_| random.u8(..4) == 0).collect());
        for places in chosen {
            let mut poisoned = exported.clone();
            for place in places {
                *poisoned.pointer_mut(place).unwrap() = value.clone();
            }
            let ran = config(&poisoned.to_string(), &["--skip-invalid"]);
            judge_terminal(&ran.stderr);
            if ran.status.success() {
                Fragment::parse(&ran.stdout);
            } else {
                assert_eq!(ran.stdout, "");
                ran.fails(4);
            }
        }
    }
}

#[test]
fn a_file_is_for_its_owner_alone() {
    let sandbox = Sandbox::new();
    let answers = save(&sandbox, &[cluster::train()]);
    let check = || run(&sandbox, &["export", "-o", "file.json", "--check"], &answers, &[]);
    check().fails(10);
    assert_eq!(run(&sandbox, &["export", "-o", "file.json"], &answers, &[]).succeeds(), "");
    let mode = fs::metadata(sandbox.path("file.json")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    check().succeeds();
}
