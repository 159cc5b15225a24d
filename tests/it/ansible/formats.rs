//! Every format loads to the same, without a warning, and says what the cluster is.

use std::thread;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::Inventories;
use crate::oracle::plan::{ClusterPlan, clusters};
use crate::support::ansible::{self, Ansible};
use crate::support::api::Api;
use crate::support::cluster::{self, Cluster, Connection, Node};
use crate::support::sandbox::Sandbox;
use crate::support::snapshot::Transcript;

/// What all of them load to.
#[track_caller]
fn loaded(ansible: &Ansible, sandbox: &Sandbox, inventories: &Inventories) -> String {
    let lists: Vec<_> = thread::scope(|scope| {
        let loads = |file| scope.spawn(move || ansible.loads(sandbox, file));
        let threads: Vec<_> = inventories.files.iter().map(loads).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for (list, file) in lists.iter().zip(&inventories.files) {
        assert_eq!(list, &lists[0], "{} loads to something else", file.display());
    }
    lists.into_iter().next().unwrap()
}

fn train() -> Cluster {
    Cluster::new("clst01", "Train \"#1\" it's")
        .node(Node::control("pod0", "node-0", "203.0.113.10"))
        .node(
            Node::worker("pod1", "node-1", "10.0.0.11")
                .port(2222)
                .with("gpuName", "NVIDIA H100 80GB # 'x' \\ \"y\"")
                .with("status", "no"),
        )
        .node(
            Node::new("pod2", "node-2")
                .connection(Connection::to("fd00::2").with("role", None::<String>)),
        )
        .node(Node::new("pod3", "node-3").with("status", "INSTALLING"))
}

#[test]
fn an_inventory_says_what_the_cluster_is() {
    needs!("ansible");
    let sandbox = Sandbox::new();
    let key = sandbox.ssh_key("my keys/id");
    let arguments = ["--identity-file", key.to_str().unwrap(), "--known-hosts", "known hosts"];
    let groups = ["--group", "slurm_controller=control", "--group", "etcd=all"];
    let inventories = Inventories::of(&sandbox, &[train()], &[&arguments[..], &groups].concat());
    for ansible in ansible::versions() {
        let list: Value = serde_json::from_str(&loaded(&ansible, &sandbox, &inventories)).unwrap();
        let name = |node: &str| format!("prime.train-1-it-s.{node}");
        let [control, first, second] = ["node-0", "node-1", "node-2"].map(name);
        for (group, hosts) in [
            ("control", vec![&control]),
            ("worker", vec![&first, &second]),
            ("prime_train_1_it_s", vec![&control, &first, &second]),
            ("gpu_h100_80gb", vec![&control, &second]),
            ("gpu_nvidia_h100_80gb_x_y", vec![&first]),
            ("status_active", vec![&control, &second]),
            ("status_no", vec![&first]),
            ("role_controller", vec![&control]),
            ("role_worker", vec![&first]),
            ("slurm_controller", vec![&control]),
            ("etcd", vec![&control, &first, &second]),
        ] {
            assert_eq!(list[group]["hosts"], json!(hosts), "{group}");
        }
        let hosts = &list["_meta"]["hostvars"];
        assert_eq!(hosts.as_object().unwrap().len(), 3, "the cluster's own name is no host");
        let of_worker = &hosts[&first];
        for (variable, value) in [
            ("ansible_host", json!("10.0.0.11")),
            ("ansible_port", json!(2222)),
            ("ansible_user", json!("ubuntu")),
            ("ansible_ssh_private_key_file", json!(key)),
            ("ansible_ssh_timeout", json!(15)),
            ("ansible_ssh_retries", json!(3)),
            ("prime_node_id", json!("pod1")),
            ("prime_pod_id", json!("pod1")),
            ("prime_role", json!("WORKER")),
            ("prime_status", json!("no")),
            ("prime_gpu_name", json!("NVIDIA H100 80GB # 'x' \\ \"y\"")),
            ("prime_gpu_count", json!(8)),
            ("prime_control", json!(false)),
            ("prime_cluster_id", json!("clst01")),
            ("prime_cluster_name", json!("Train \"#1\" it's")),
            ("prime_nodes_total", json!(4)),
            (
                "prime_nodes_skipped",
                json!([{
                    "name": "node-3",
                    "reason": "no connection yet, status INSTALLING, installation progress 100",
                }]),
            ),
        ] {
            assert_eq!(of_worker[variable], value, "{variable}");
        }
        assert_eq!(hosts[&second]["ansible_host"], "fd00::2");
        assert_eq!(hosts[&second]["prime_role"], Value::Null);
        assert_eq!(hosts[&control]["prime_control"], true);
        assert_eq!(hosts[&control].get("ansible_ssh_retries"), None, "it does not jump");
    }
}

proptest! {
    #![proptest_config(crate::oracle::cases(3))]

    #[test]
    fn every_format_loads_to_the_same(plans in clusters(2..=3)) {
        needs!(proptest "ansible");
        let sandbox = Sandbox::new();
        let clusters: Vec<_> = plans.iter().map(ClusterPlan::cluster).collect();
        let inventories = Inventories::of(&sandbox, &clusters, &[]);
        for ansible in ansible::versions() {
            let list: Value =
                serde_json::from_str(&loaded(&ansible, &sandbox, &inventories)).unwrap();
            let hosts = list["_meta"]["hostvars"].as_object().unwrap();
            let fragment = Inventories::of_config(&sandbox, clusters.len());
            prop_assert_eq!(hosts.keys().cloned().collect::<Vec<_>>(), fragment);
        }
    }
}

impl Inventories {
    /// The names of the hosts in the fragment of the same answers, sorted.
    fn of_config(sandbox: &Sandbox, clusters: usize) -> Vec<String> {
        let mut program = sandbox.prime_ssh(["config"]);
        for at in 0..clusters {
            program = program.arg("--input").arg(format!("answer-{at}.json"));
        }
        let text = program.run().succeeds();
        let hosts = text.lines().filter_map(|line| line.strip_prefix("Host "));
        let first = hosts.filter_map(|names| names.split(' ').next());
        let mut names: Vec<_> =
            first.filter(|name| name.split('.').count() == 3).map(str::to_owned).collect();
        names.sort_unstable();
        names
    }
}

#[test]
fn only_what_is_asked_for_is_a_host() {
    needs!("ansible");
    let sandbox = Sandbox::new();
    let inventories =
        Inventories::of(&sandbox, &[cluster::train()], &["--node", "node-2", "--prefix", "gpu"]);
    let list: Value =
        serde_json::from_str(&loaded(&ansible::newest(), &sandbox, &inventories)).unwrap();
    let hosts = list["_meta"]["hostvars"].as_object().unwrap();
    assert_eq!(hosts.keys().collect::<Vec<_>>(), ["gpu.train.node-2"]);
    let arguments = hosts["gpu.train.node-2"]["ansible_ssh_common_args"].as_str().unwrap();
    assert!(arguments.contains("ubuntu@203.0.113.10"), "it still jumps: {arguments}");
    assert_eq!(list.get("control"), None, "{list}");
}

#[test]
fn with_the_users_own_ssh_config_nothing_is_said_of_connecting() {
    needs!("ansible");
    let sandbox = Sandbox::new();
    let inventories = Inventories::of(&sandbox, &[cluster::train()], &["--use-ssh-config"]);
    let text = loaded(&ansible::newest(), &sandbox, &inventories);
    assert!(!text.contains("ansible_"), "{text}");
    assert!(text.contains("\"prime_pod_id\": \"pod2\""), "{text}");
}

#[test]
fn a_file_has_the_format_of_its_ending() {
    let (sandbox, mut told) = (Sandbox::with_answer(&cluster::train()), Transcript::default());
    for (output, options, format) in [
        ("a.yml", &[][..], "yaml"),
        ("a.yaml", &[], "yaml"),
        ("a", &[], "yaml"),
        ("a.ini", &[], "ini"),
        ("a.JSON", &[], "json"),
        ("b.ini", &["--format", "json"], "json"),
        ("b.txt", &[], "yaml"),
        ("b.txt", &["--format", "ini"], "ini"),
    ] {
        let program = sandbox.prime_ssh(["inventory", "--input", "answer.json", "-o", output]);
        let ran = program.args(options).run();
        assert_eq!(ran.stdout, "");
        told.add(format!("{output} {}", options.join(" ")), ran.stderr);
        let text = sandbox.read(output);
        let written = match () {
            () if text.starts_with('{') => "json",
            () if text.contains("\n[prime_train]\n") => "ini",
            () => "yaml",
        };
        assert_eq!(written, format, "{output}");
    }
    snapshot!(told, @"
    --- a.yml

    --- a.yaml

    --- a

    --- a.ini

    --- a.JSON

    --- b.ini --format json
    warning: Ansible reads YAML and JSON only from .yml, .yaml, .json, or a name without an extension, so not from b.ini

    --- b.txt
    warning: Ansible reads YAML and JSON only from .yml, .yaml, .json, or a name without an extension, so not from b.txt

    --- b.txt --format ini
    ");
}

#[test]
fn the_same_cluster_gives_the_same_bytes() {
    let sandbox = Sandbox::with_answer(&cluster::train());
    let program = |arguments: &[&str]| {
        let program = sandbox.prime_ssh(["inventory", "--input", "answer.json", "-o", "hosts.ini"]);
        program.args(arguments).run()
    };
    assert_eq!(program(&["--check"]).status.code(), Some(10));
    program(&[]).succeeds();
    program(&["--check"]).succeeds();
    sandbox.write(
        "answer.json",
        cluster::train().node(Node::worker("pod3", "x", "10.0.0.13")).answer(),
    );
    program(&["--check"]).fails(10);
}

#[test]
fn a_node_that_cannot_be_rendered_does_not_pass_unseen() {
    let partial = cluster::train()
        .node(Node::new("pod3", "node-3").with("status", "PROVISIONING"))
        .node(
            Node::worker("pod4", "node-4", "10.0.0.14")
                .with("terminatedAt", "2026-07-03T00:00:00Z"),
        )
        .node(Node::worker("pod5", "node-5", "10.0.0.15\n"));
    let sandbox = Sandbox::with_answer(&partial);
    let program = |arguments: &[&str]| {
        let program = sandbox.prime_ssh(["inventory", "--input", "answer.json", "--skip-invalid"]);
        program.args(arguments)
    };
    let list: Value = serde_json::from_str(&program(&["--list"]).run().succeeds()).unwrap();
    let of_cluster = &list["prime_train"]["vars"];
    assert_eq!(of_cluster["prime_nodes_total"], 5, "the terminated one is not missed");
    let skipped = of_cluster["prime_nodes_skipped"].as_array().unwrap();
    let names: Vec<_> = skipped.iter().map(|node| node["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["node-3", "node-5"]);
    let ran = program(&["--require-all"]).run();
    assert_eq!(ran.stdout, "");
    snapshot!(ran.fails(4), @r#"
    warning: left out what holds a refused value:
      data.nodes[5].connections[0].host: "10.0.0.15\n": control character
    note: train (clst01): skipped node-3: no connection yet, status PROVISIONING, installation progress 100
    note: train (clst01): skipped node-4: terminated
    error: not every node can be rendered:
      node-3 of train: no connection yet, status PROVISIONING, installation progress 100
      node-5 of train: a value of it was refused

    hint: without --require-all (PRIME_SSH_REQUIRE_ALL) the others are rendered
    "#);
    program(&[]).env("PRIME_SSH_REQUIRE_ALL", "1").run().fails(4);
    sandbox.write("answer.json", cluster::train().answer());
    program(&["--require-all"]).run().succeeds();
}

#[test]
fn a_cluster_that_cannot_be_rendered_does_not_pass_unseen() {
    let sandbox = Sandbox::new();
    let waiting = Cluster::new("clst02", "eval").node(Node::new("pod9", "n"));
    let api = Api::serving([cluster::train(), waiting]);
    let program = || sandbox.prime_ssh(["inventory", "--all", "--list"]).asking(&api);
    program().run().succeeds();
    let ran = program().arg("--require-all").run();
    assert_eq!(ran.stdout, "");
    snapshot!(ran.fails(4), @"error: nothing to render for eval (clst02): no node has a usable connection; nodes that are still starting have no connection yet: try again later; `--include-inactive` renders terminated and detached nodes too");
    api.now_serves([cluster::train(), Cluster::new("clst02", "{{ x }}")]);
    program().arg("--skip-invalid").run().succeeds();
    program().args(["--skip-invalid", "--require-all"]).run().fails(4);
}

#[test]
fn a_script_answers_for_one_host() {
    let sandbox = Sandbox::with_answer(&cluster::train());
    let ask = |arguments: &[&str]| {
        let program = sandbox.prime_ssh(["inventory", "--input", "answer.json"]);
        program.args(arguments).run()
    };
    let list: Value = serde_json::from_str(&ask(&["--list"]).succeeds()).unwrap();
    let host: Value =
        serde_json::from_str(&ask(&["--host", "prime.train.node-1"]).succeeds()).unwrap();
    assert_eq!(host, list["_meta"]["hostvars"]["prime.train.node-1"]);
    let ran = ask(&["--host", "prime.train"]);
    assert_eq!(ran.stdout, "");
    assert_eq!(ran.fails(4).lines().count(), 1);
    for arguments in [["--list", "--host=x"], ["--list", "-o=x"], ["--list", "--format=ini"]] {
        let ran = ask(&arguments);
        assert_eq!(ran.stdout, "");
        assert_eq!(ran.fails(2).lines().count(), 1, "{arguments:?}");
    }
}
