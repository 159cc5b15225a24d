//! Data that are read: as untrusted as an answer, and with names of their own.

use std::fs;

use serde_json::{Value, json};

use crate::oracle::hostile::{hostile, judge_terminal};
use crate::support::cluster::{self, Cluster, Node};
use crate::support::fragment::Fragment;
use crate::support::process::Ran;
use crate::support::sandbox::Sandbox;

/// The data of these clusters, printed with these options.
fn data_of(clusters: &[Cluster], options: &[&str]) -> Value {
    let sandbox = Sandbox::new();
    let mut program = sandbox.prime_ssh(["render", "--print-data"]);
    for (at, cluster) in clusters.iter().enumerate() {
        let answer = sandbox.write(format!("{at}.json"), cluster.answer());
        program = program.arg("--input").arg(answer);
    }
    serde_json::from_str(&program.args(options).run().succeeds()).unwrap()
}

fn train() -> Value {
    data_of(&[cluster::train()], &[])
}

fn config(data: &str, options: &[&str]) -> Ran {
    let sandbox = Sandbox::new();
    sandbox.write("data.json", data);
    sandbox.prime_ssh(["config", "--input", "data.json"]).args(options).run()
}

/// The same with another value in one place.
fn with(mut data: Value, place: &str, value: Value) -> Value {
    *data.pointer_mut(place).unwrap_or_else(|| panic!("no {place}")) = value;
    data
}

#[test]
fn what_is_refused_is_told_by_its_path() {
    let too_long = "x".repeat(2000);
    for (place, value, path) in [
        ("/clusters/0/id", json!("a/b"), "clusters[0].id"),
        ("/clusters/0/id", Value::Null, "clusters[0].id"),
        ("/clusters/0/alias", json!("prime.none"), "clusters[0].alias"),
        ("/clusters/0/alias", json!("prime"), "clusters[0].alias"),
        ("/clusters/0/alias", json!("prime.train.x"), "clusters[0].alias"),
        ("/clusters/0/name", json!("a\nb"), "clusters[0].name"),
        ("/clusters/0/status", json!("{{ x }}"), "clusters[0].status"),
        ("/clusters/0/nodes_total", json!(-1), "clusters[0].nodes_total"),
        ("/clusters/0/vault_enabled", json!("no"), "clusters[0].vault_enabled"),
        ("/clusters/0/hosts/1/alias", json!("prime.train.*"), "clusters[0].hosts[1].alias"),
        ("/clusters/0/hosts/1/alias", json!("prime.other.x"), "clusters[0].hosts[1].alias"),
        ("/clusters/0/hosts/1/alias", json!("github.com.x"), "clusters[0].hosts[1].alias"),
        ("/clusters/0/hosts/1/alias", json!("prime.train.node-2"), "clusters[0].hosts[2].alias"),
        (
            "/clusters/0/hosts/1/host_name",
            json!("a\n  ProxyCommand x"),
            "clusters[0].hosts[1].host_name",
        ),
        (
            "/clusters/0/hosts/1/host_name",
            json!("-oProxyCommand=x"),
            "clusters[0].hosts[1].host_name",
        ),
        ("/clusters/0/hosts/1/port", json!("22"), "clusters[0].hosts[1].port"),
        ("/clusters/0/hosts/1/port", json!(0), "clusters[0].hosts[1].port"),
        ("/clusters/0/hosts/1/user", json!("-l"), "clusters[0].hosts[1].user"),
        ("/clusters/0/hosts/1/role", json!(too_long), "clusters[0].hosts[1].role"),
        ("/clusters/0/hosts/1/gpu_name", json!(["x"]), "clusters[0].hosts[1].gpu_name"),
        ("/clusters/0/hosts/1/pod_id", json!("../x"), "clusters[0].hosts[1].pod_id"),
        ("/clusters/0/hosts/1/pod_id", json!("POD2"), "clusters[0].hosts[1].pod_id"),
        ("/clusters/0/hosts/1/node_id", json!("POD2"), "clusters[0].hosts[1].node_id"),
        ("/clusters/0/hosts/1/active", json!(1), "clusters[0].hosts[1].active"),
        (
            "/clusters/0/hosts/1/host_key_alias",
            json!("github.com"),
            "clusters[0].hosts[1].host_key_alias",
        ),
        ("/clusters/0/hosts/1/proxy_jump", json!("a,b"), "clusters[0].hosts[1].proxy_jump"),
        (
            "/clusters/0/hosts/1/proxy_jump",
            json!("-oProxyCommand=x"),
            "clusters[0].hosts[1].proxy_jump",
        ),
        (
            "/clusters/0/hosts/1/proxy_jump",
            json!("prime.train.node-1"),
            "clusters[0].hosts[1].proxy_jump",
        ),
        (
            "/clusters/0/hosts/1/proxy_jump",
            json!("prime.train.node-2"),
            "clusters[0].hosts[1].proxy_jump",
        ),
        (
            "/clusters/0/hosts/1/proxy_jump",
            json!("prime.train.gone"),
            "clusters[0].hosts[1].proxy_jump",
        ),
        ("/clusters/0/hosts/1/proxy_jump", json!("prime.train"), "clusters[0].hosts[1].proxy_jump"),
        ("/clusters/0/hosts/1/proxy_jump", json!("10.0.0.12"), "clusters[0].hosts[1].proxy_jump"),
        (
            "/clusters/0/hosts/2/proxy_jump",
            json!("gate.example.net"),
            "clusters[0].hosts[2].proxy_jump",
        ),
        (
            "/clusters/0/hosts/0/proxy_jump",
            json!("prime.train.node-0"),
            "clusters[0].hosts[0].proxy_jump",
        ),
        ("/clusters/0/hosts/0/active", json!(false), "clusters[0].hosts[1].proxy_jump"),
    ] {
        let mut data = with(train(), place, value.clone());
        if place.ends_with("/pod_id") {
            // Else it is that one which does not fit.
            data["clusters"][0]["hosts"][1]["host_key_alias"] = Value::Null;
        }
        let ran = config(&data.to_string(), &[]);
        assert_eq!(ran.stdout, "", "{place}: {value}");
        let told = ran.fails(4);
        assert!(told.contains(&format!("{path}: ")), "{place}: {value}: {told}");
        assert!(told.chars().all(|c| c == '\n' || !c.is_control()), "{told:?}");
    }
    let only_worker = data_of(&[cluster::train()], &["--only", "worker"]);
    let data = with(only_worker, "/clusters/0/jump_host/port", json!(0)).to_string();
    assert!(config(&data, &[]).fails(4).contains("clusters[0].jump_host.port: "));
}

/// As `github.com` from a cluster `com`: the first word is the reader's own.
#[test]
fn data_take_over_no_name() {
    let text = train().to_string().replace("prime.train", "github.com");
    let ran = config(&text, &[]);
    assert!(ran.stderr.contains("`--prefix github` keeps its names"), "{}", ran.stderr);
    let fragment = ran.succeeds();
    assert!(!fragment.contains("github.com"), "{fragment}");
    assert!(fragment.contains("Host prime.com.node-0 prime.com\n"), "{fragment}");
    assert!(fragment.contains("ProxyJump prime.com.node-0\n"), "{fragment}");
}

#[test]
fn what_is_refused_can_be_left_out() {
    let data = with(train(), "/clusters/0/hosts/1/user", json!("-l")).to_string();
    let text = config(&data, &["--skip-invalid"]).succeeds();
    assert!(text.contains("node-2") && !text.contains("node-1"), "{text}");
    // Its neighbours are not led through a host that is not there.
    let data = with(train(), "/clusters/0/hosts/0/pod_id", json!("POD2"));
    let data = with(data, "/clusters/0/hosts/0/host_key_alias", Value::Null).to_string();
    let text = config(&data, &["--skip-invalid"]).succeeds();
    assert!(text.contains("node-1") && !text.contains("ProxyJump"), "{text}");
}

/// Each in every place where a text or a number may stand.
#[test]
fn no_value_makes_a_directive() {
    let data = data_of(&[cluster::train()], &["--only", "worker"]);
    let places: Vec<String> = ["", "/jump_host", "/hosts/0", "/hosts/1"]
        .iter()
        .flat_map(|object| {
            let object = format!("/clusters/0{object}");
            let fields = data.pointer(&object).unwrap().as_object().unwrap().clone();
            let plain =
                fields.into_iter().filter(|(_, value)| !value.is_object() && !value.is_array());
            plain.map(move |(field, _)| format!("{object}/{field}")).collect::<Vec<_>>()
        })
        .collect();
    let mut random = fastrand::Rng::with_seed(7);
    for value in hostile() {
        // One alone, and another time some of them together.
        let at = random.usize(..places.len());
        let mut chosen = vec![vec![&places[at]]];
        chosen.push(places.iter().filter(|_| random.u8(..4) == 0).collect());
        for places in chosen {
            let poisoned = places
                .iter()
                .fold(data.clone(), |data, place| with(data, place, value.clone()))
                .to_string();
            let ran = config(&poisoned, &["--skip-invalid"]);
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
fn what_follows_from_other_values_is_not_read() {
    let plain = config(&train().to_string(), &[]).succeeds();
    let mut data = train();
    for (place, value) in [
        ("/hosts", json!("none")),
        ("/clusters/0/entry", json!("prime.train.node-2")),
        ("/clusters/0/hosts/0/name", json!("a\nb")),
        ("/clusters/0/hosts/0/cluster", json!("github.com")),
    ] {
        data = with(data, place, value);
    }
    data["clusters"][0]["hosts"][0]["of_a_later_version"] = json!({"x": []});
    assert_eq!(config(&data.to_string(), &[]).succeeds(), plain);
}

#[test]
fn what_is_no_data_says_why() {
    for (data, told) in [
        (json!({"schema_version": 2, "clusters": {"x": 1}}), "schema_version 2"),
        (json!({"clusters": [], "schema_version": 99}), "schema_version 99"),
        (json!({"schema_version": "1", "clusters": []}), "schema_version that is no whole number"),
        (json!({"schema_version": 1}), "render --print-data"),
        (json!({"schema_version": 1, "clusters": null}), "render --print-data"),
        (json!({"schema_version": 1, "clusters": []}), "clusters: there is none"),
        (json!({"schema_version": 1, "clusters": [5]}), "clusters[0]: "),
        (json!({"schema_version": 1, "clusters": [{"hosts": [{}, 5]}]}), "clusters[0].hosts[1]: "),
        (json!({"schema_version": 1, "clusters": [{"jump_host": "x"}]}), "clusters[0].jump_host: "),
        (json!({"clusters": [{}]}), "id: missing"),
    ] {
        let ran = config(&data.to_string(), &[]);
        assert_eq!(ran.stdout, "");
        let text = ran.fails(4);
        assert!(text.contains(told), "{data}: {text}");
    }
    let newer = config(&json!({"schema_version": 2}).to_string(), &[]).fails(4);
    assert!(newer.contains("this program reads 1") && newer.contains("\nhint: "), "{newer}");
    // A later API may well have such a field; without a version it is an answer.
    let answer: Value = serde_json::from_str(&cluster::train().answer()).unwrap();
    let mut bare = answer["data"].clone();
    bare["clusters"] = json!(7);
    config(&bare.to_string(), &[]).succeeds();
}

#[test]
fn one_cluster_is_not_given_twice() {
    let sandbox = Sandbox::new();
    let mut data = train();
    sandbox.write("one.json", data.to_string());
    sandbox.write("answer.json", cluster::train().answer());
    let twice = ["config", "--input", "one.json", "--input", "answer.json"];
    let told = sandbox.prime_ssh(twice).run().fails(2);
    assert!(told.contains("one.json and answer.json are of one cluster"), "{told}");
    let again = data["clusters"][0].clone();
    data["clusters"].as_array_mut().unwrap().push(again);
    let told = config(&data.to_string(), &[]).fails(2);
    assert!(told.contains("data.json: clusters[0] and data.json: clusters[1]"), "{told}");
}

/// Two clusters that lead through each other are a loop of jumps, a fork bomb to ssh.
#[test]
fn data_do_not_lead_through_another_cluster() {
    let other = Cluster::new("clst02", "gate").node(Node::worker("p2", "head", "10.1.0.1"));
    let mut data = data_of(&[cluster::train(), other], &[]);
    // In the order of their names.
    data["clusters"][0]["hosts"][0]["proxy_jump"] = json!("Prime.train.node-1");
    let told = config(&data.to_string(), &[]).fails(4);
    assert!(told.contains("gate") && told.contains("--jump-via"), "{told}");
    config(&data.to_string(), &["--jump", "auto"]).succeeds();
}

#[test]
fn a_host_that_is_only_jumped_through_stays_that() {
    let data = data_of(&[cluster::train()], &["--only", "worker"]);
    let text = config(&data.to_string(), &[]).succeeds();
    assert!(text.contains("# jump only"), "{text}");
    let text = config(&data.to_string(), &["--node", "node-2"]).succeeds();
    assert!(text.contains("node-2") && text.contains("ProxyJump prime.train.node-0"), "{text}");
    let text = config(&data.to_string(), &["--jump", "never"]).succeeds();
    assert!(!text.contains("node-0"), "{text}");
    config(&data.to_string(), &["--only", "control"]).fails(4);
}

#[test]
fn a_cluster_that_is_gone_is_gone_in_data_too() {
    let gone = cluster::train().with("terminatedAt", "2026-07-03T00:00:00Z");
    let data = data_of(&[gone], &["--include-inactive"]);
    assert_eq!(data["clusters"][0]["terminated"], json!(true));
    assert!(config(&data.to_string(), &[]).fails(4).contains("terminated"));
    config(&data.to_string(), &["--include-inactive"]).succeeds();
}

#[test]
fn a_certificate_is_looked_for_where_data_say_that_it_takes_one() {
    let sandbox = Sandbox::new();
    let cluster = cluster::train().with("vaultEnabled", true);
    let data = data_of(std::slice::from_ref(&cluster), &[]);
    sandbox.write("data.json", data.to_string());
    sandbox.write("answer.json", cluster.answer());
    let [of_data, of_answer] = ["data.json", "answer.json"].map(|file| {
        let ran = sandbox.prime_ssh(["config", "--input", file]).run();
        assert!(ran.stderr.contains("prime-ssh cert clst01"), "{}", ran.stderr);
        ran.succeeds()
    });
    assert_eq!(of_data, of_answer);
    assert!(of_data.contains("CertificateFile"), "{of_data}");
}

#[test]
fn nothing_of_an_answer_is_in_the_data_that_hosts_do_not_need() {
    let key = json!([{"id": "k", "role": "ADMIN", "publicKey": "ssh-ed25519 SECRETKEY"}]);
    let cluster = cluster::train()
        .with("sshKeys", key)
        .with("priceHr", 7177.5)
        .with("walletId", "SECRETWALLET")
        .with("info", json!({"x": "SECRETINFO"}))
        .with("orchestratorConfig", json!({"x": "SECRETCONFIG"}));
    let text = data_of(&[cluster], &[]).to_string();
    for private in ["SECRET", "7177", "user01", "remote-", "createdAt"] {
        assert!(!text.contains(private), "{private}");
    }
}

#[test]
fn a_file_of_data_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let sandbox = Sandbox::new();
    sandbox.write("answer.json", cluster::train().answer());
    let program = sandbox.prime_ssh(["render", "--print-data", "--input", "answer.json"]);
    assert_eq!(program.args(["-o", "data.json"]).run().succeeds(), "");
    let mode = fs::metadata(sandbox.path("data.json")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}
