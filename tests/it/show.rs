//! `show`: one cluster, as it is installed or would be, with all that is wrong with it.

use serde_json::{Value, json};
use unicode_width::UnicodeWidthStr;

use crate::support::api::Api;
use crate::support::cluster::{self, Cluster, Connection, Node};
use crate::support::process::{self, Background, Ran};
use crate::support::sandbox::{Program, Sandbox};

const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti someone";

/// A control node, a worker behind it, one that is on its way, one that failed, one that left, and
/// one whose address would run a command.
fn mixed() -> Cluster {
    let keys = json!([{"id": "key01", "role": "ADMIN", "publicKey": KEY},
        {"id": "key02", "role": "USER", "publicKey": null},
        {"id": "key03", "role": "USER", "publicKey": "no key"}]);
    let hostile = Connection::to("10.0.0.13\n ProxyCommand id");
    Cluster::new("clst01", "train")
        .node(Node::worker("pod1", "node-1", "10.0.0.11").port(2222))
        .node(Node::control("pod0", "node-0", "2001:db8::10"))
        .node(
            Node::new("pod2", "node-2")
                .with("status", "PROVISIONING")
                .with("installationProgress", 40),
        )
        .node(Node::new("pod3", "node-3").connection(hostile))
        .node(
            Node::new("pod4", "node-4")
                .with("status", "ERROR")
                .with("installationFailure", "disk is full"),
        )
        .node(Node::new("pod5", "node-5").with("isDetached", true))
        .with("sshKeys", keys)
}

fn show(sandbox: &Sandbox, cluster: &Cluster, arguments: &[&str]) -> Program {
    sandbox.write("answer.json", cluster.answer());
    sandbox.prime_ssh([&["show", "--input", "answer.json"], arguments].concat())
}

#[test]
fn a_cluster_for_people() {
    let ran = show(&Sandbox::new(), &mixed(), &[]).run();
    assert_eq!(ran.stderr, "");
    snapshot!(ran.succeeds());
}

#[test]
fn lines_for_shells() {
    let sandbox = Sandbox::new();
    let ran = show(&sandbox, &mixed(), &["--format", "plain"]).run();
    snapshot!(ran.stderr, @r#"
    note: train (clst01): skipped node-2: no connection yet, status PROVISIONING, installation progress 40
    note: train (clst01): skipped node-4: no connection yet, status ERROR, installation progress 100, installation failed: disk is full
    note: train (clst01): skipped node-5: detached from the cluster
    warning: train (clst01): refused: data.nodes[3].connections[0].host: "10.0.0.13\n ProxyCommand id": control character
    "#);
    let text = ran.succeeds();
    assert_eq!(
        text,
        "prime.train.node-0\tubuntu@[2001:db8::10]:22\t\tCONTROLLER\tACTIVE\t8 × H100_80GB\n\
         prime.train.node-1\tubuntu@10.0.0.11:2222\tprime.train.node-0\tWORKER\tACTIVE\t8 × H100_80GB\n"
    );
}

/// The line of the README, with real `cut` and `xargs`, and `ssh -G` in place of a session.
#[test]
fn the_first_field_is_what_ssh_is_called_with() {
    let sandbox = Sandbox::new();
    sandbox.write("answer.json", cluster::train().answer());
    let program = |arguments: &[&str]| sandbox.prime_ssh(["--ssh-dir", "ssh"]).args(arguments);
    program(&["install", "--input", "answer.json"]).run().succeeds();
    let mut shell = process::command("sh");
    shell
        .args(["-c", "\"$0\" --ssh-dir ssh show train --format plain | cut -f1 | xargs -P8 -I{} ssh -G -F ssh/config {}"])
        .arg(env!("CARGO_BIN_EXE_prime-ssh"))
        .current_dir(sandbox.home())
        .env("HOME", sandbox.home());
    let text = process::run(&mut shell, b"").succeeds();
    let mut names: Vec<_> =
        text.lines().filter_map(|line| line.strip_prefix("hostname ")).collect();
    names.sort_unstable();
    assert_eq!(names, ["10.0.0.11", "10.0.0.12", "203.0.113.10"]);
}

#[test]
fn json_for_programs() {
    let sandbox = Sandbox::new();
    let text = show(&sandbox, &mixed(), &["--format", "json"]).run().succeeds();
    let report: Value = serde_json::from_str(&text).unwrap();
    let cluster = &report["cluster"];
    assert_eq!((&report["schema_version"], &report["installed"]), (&json!(1), &json!(false)));
    assert_eq!((&cluster["alias"], &cluster["nodes_total"]), (&json!("prime.train"), &json!(5)));
    let hosts = cluster["hosts"].as_array().unwrap();
    assert_eq!(hosts[1]["proxy_jump"], "prime.train.node-0");
    assert_eq!(hosts[0]["host_name"], "2001:db8::10");
    let reasons: Vec<_> =
        cluster["nodes_skipped"].as_array().unwrap().iter().map(|node| &node["reason"]).collect();
    assert_eq!(reasons, ["no_connection", "value_refused", "no_connection", "detached"]);
    assert_eq!(
        report["refusals"],
        json!([{"path": "data.nodes[3].connections[0].host", "reason": "control character",
            "value": "\"10.0.0.13\\n ProxyCommand id\""}])
    );
    let fingerprint = "SHA256:UCUiLr7Pjs9wFFJMDByLgc3NrtdU344OgUM45wZPcIQ";
    assert_eq!(
        report["authorized_keys"],
        json!([
            {"role": "ADMIN", "kind": "ssh-ed25519", "fingerprint": fingerprint, "problem": null,
             "identity_file": null},
            {"role": "USER", "kind": null, "fingerprint": null, "identity_file": null,
             "problem": "the answer holds no key"},
            {"role": "USER", "kind": null, "fingerprint": null, "identity_file": null,
             "problem": "the base64 of the key is damaged"},
        ])
    );
    assert_eq!((&report["identity"], &report["more_refused"]), (&Value::Null, &json!(0)));
}

#[test]
fn a_refused_value_of_the_cluster_itself_is_shown_and_ends_in_failure() {
    let (sandbox, cluster) = (Sandbox::new(), mixed().with("id", "../x").with("providerType", 5));
    let ran = show(&sandbox, &cluster, &[]).run();
    assert!(ran.stdout.contains("data.id ") && ran.stdout.contains("\"../x\""), "{}", ran.stdout);
    assert!(ran.stdout.contains("data.nodes[3].connections[0].host"), "{}", ran.stdout);
    snapshot!(ran.fails(4), @"error: nothing to show for answer.json: its own values were refused");
    let json = show(&sandbox, &cluster, &["--format", "json"]).run();
    let report: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(
        (&report["cluster"], report["refusals"].as_array().unwrap().len()),
        (&Value::Null, 3)
    );
    let plain = show(&sandbox, &cluster, &["--format", "plain"]).run();
    assert_eq!(plain.stdout, "");
    snapshot!(plain.fails(4), @r#"
    warning: answer.json: refused: data.id: "../x": `.` is not allowed in an id
    warning: answer.json: refused: data.providerType: 5: not a string
    warning: answer.json: refused: data.nodes[3].connections[0].host: "10.0.0.13\n ProxyCommand id": control character
    error: nothing to show for answer.json: its own values were refused
    "#);
}

#[test]
fn a_cluster_without_a_host_yet_is_no_failure() {
    let cluster = Cluster::new("clst01", "train").node(Node::new("pod0", "node-0"));
    let ran = show(&Sandbox::new(), &cluster, &[]).run();
    assert_eq!(ran.stderr, "note: train (clst01): no node has a usable connection\n");
    let text = ran.succeeds();
    assert!(text.contains("node-0   no connection yet, status ACTIVE"), "{text}");
    let gone = cluster.with("terminatedAt", "2026-07-09T00:00:00Z");
    let text = show(&Sandbox::new(), &gone, &[]).run().succeeds();
    assert!(text.contains("status        terminated\n"), "{text}");
}

#[test]
fn an_installed_cluster_is_shown_as_it_is_installed_by_each_of_its_names() {
    let sandbox = Sandbox::new();
    let api = Api::serving([cluster::train(), Cluster::new("clst02", "mine")]);
    let install = [
        "install",
        "train",
        "--as",
        "mine",
        "--prefix",
        "gpu",
        "--user",
        "me",
        "--jump-via",
        "gate",
    ];
    sandbox.prime_ssh(install).asking(&api).run().succeeds();
    let asked = api.requests().len();
    // Without a word on where the API is: an installed cluster knows.
    for name in ["mine", "gpu.mine", "clst01"] {
        let program = sandbox.prime_ssh(["show", name, "--format", "plain"]);
        let text = program.env("PRIME_API_KEY", crate::support::sandbox::TOKEN).run().succeeds();
        assert_eq!(
            text,
            "gpu.mine.node-0\tme@203.0.113.10:22\t\tCONTROLLER\tACTIVE\t8 × H100_80GB\n\
             gpu.mine.node-1\tme@10.0.0.11:2222\tgate\tWORKER\tACTIVE\t8 × H100_80GB\n\
             gpu.mine.node-2\tme@10.0.0.12:22\tgate\tWORKER\tACTIVE\t8 × H100_80GB\n",
            "{name}"
        );
    }
    assert_eq!(api.paths()[asked..], ["GET /api/admin/clusters/clst01"; 3]);
    // By the name that the API has for it.
    let show = |arguments: &[&str]| sandbox.prime_ssh([&["show"], arguments].concat()).asking(&api);
    let text = show(&["train"]).run().succeeds();
    assert!(text.contains("alias         gpu.mine\ninstalled     yes\n"), "{text}");
    // Whoever says which API, means that API's name.
    let text = show(&["mine", "--api-url", &api.url()]).run().succeeds();
    assert!(
        text.contains("id            clst02\nalias         prime.mine-")
            && text.contains("installed     no"),
        "{text}"
    );
    let text = show(&["gpu.mine", "--api-url", &api.url()]).run().succeeds();
    assert!(text.contains("id            clst01\nalias         gpu.mine\n"), "{text}");
}

#[test]
fn of_a_file_of_several_the_installed_one_is_shown() {
    let sandbox = Sandbox::new();
    let other = Cluster::new("clst02", "eval").node(Node::control("p9", "head", "203.0.113.9"));
    let data = |cluster: &Cluster| {
        serde_json::from_str::<Value>(&cluster.answer()).unwrap()["data"].take()
    };
    let clusters = [data(&cluster::train()), data(&other)];
    sandbox.write("data.json", json!({"data": clusters}).to_string());
    sandbox.prime_ssh(["install", "--input", "data.json"]).run().succeeds();
    let text = sandbox.prime_ssh(["show", "eval", "--format", "plain"]).run().succeeds();
    assert!(text.starts_with("prime.eval.head\t") && text.lines().count() == 1, "{text}");
    let told = sandbox.prime_ssh(["show", "--input", "data.json"]).run().fails(2);
    assert_eq!(told, "error: the file holds 2 clusters, and one is shown\n");
}

#[test]
fn one_that_is_not_there() {
    let (sandbox, api) = (Sandbox::new(), Api::serving([cluster::train()]));
    snapshot!(sandbox.prime_ssh(["show", "trian"]).asking(&api).run().fails(3), @"
    error: cannot get cluster `trian`: no cluster has this id or name; similar names:
      train (clst01)

    hint: `prime-ssh list` shows ids and names; for a terminated cluster, give its id
    ");
    snapshot!(sandbox.prime_ssh(["show"]).run().fails(2), @"
    error: the following required arguments were not provided:
      <CLUSTER|--input <FILE>>

    Usage: prime-ssh show <CLUSTER|--input <FILE>>

    For more information, try '--help'.
    ");
    snapshot!(sandbox.prime_ssh(["show", "train"]).run().fails(2), @"
    error: no API token

    hint: run `prime login`, set PRIME_API_KEY, or give --token-file FILE; none is needed for --input FILE: a saved answer, or what someone else's `prime-ssh export` printed
    ");
}

fn with_key(sandbox: &Sandbox, key: &std::path::Path, arguments: &[&str]) -> Ran {
    let public = std::fs::read_to_string(key.with_extension("pub")).unwrap();
    let keys = json!([{"role": "ADMIN", "publicKey": KEY}, {"role": "USER", "publicKey": public}]);
    show(sandbox, &cluster::train().with("sshKeys", keys), arguments).run()
}

#[test]
fn whether_the_key_in_use_is_authorized() {
    let sandbox = Sandbox::new();
    let key = sandbox.ssh_key("keys/mine");
    let other = sandbox.ssh_key("keys/other");
    let shown = |in_use: &str| {
        sandbox.prime_settings(&json!({"ssh_key_path": in_use}));
        with_key(&sandbox, &key, &[]).succeeds()
    };
    let text = shown("~/keys/mine");
    assert!(text.contains("your key      ~/keys/mine, authorized\n"), "{text}");
    assert!(text.contains("  USER   ssh-ed25519  ~/keys/mine\n"), "{text}");
    let text = shown("~/keys/other");
    assert!(text.contains("), not among the authorized keys\n"), "{text}");
    std::fs::copy(key.with_extension("pub"), other.with_extension("pub")).unwrap();
    let text = shown("~/keys/other");
    assert!(text.contains("other.pub does not belong to the private key"), "{text}");
    sandbox.prime_settings(&json!({"ssh_key_path": "~/keys/mine"}));
    let report: Value =
        serde_json::from_str(&with_key(&sandbox, &key, &["--format=json"]).succeeds()).unwrap();
    assert_eq!(report["identity"]["authorized"], true);
    assert_eq!(report["identity"]["fingerprint"], report["authorized_keys"][1]["fingerprint"]);
    assert_eq!(report["authorized_keys"][1]["identity_file"], "~/keys/mine");
}

#[test]
fn a_cluster_that_takes_a_certificate_says_whether_there_is_one() {
    let cluster = cluster::train().with("vaultEnabled", true);
    let text = show(&Sandbox::new(), &cluster, &[]).run().succeeds();
    assert!(text.contains("certificate   needed: "), "{text}");
}

#[test]
fn a_hostile_cluster_fits_a_terminal_and_does_nothing_to_it() {
    let sandbox = Sandbox::new();
    let long = "日本".repeat(150);
    let zero = "zero\u{200b}width\u{e0041}🚀👩\u{200d}💻";
    let cluster = cluster::train()
        .with("name", zero)
        .with("status", &*long)
        .with("orchestratorType", zero)
        .with("sshKeys", json!([{"role": "\u{1b}[31m", "publicKey": "\u{202e}"}, {"role": zero, "publicKey": KEY}]))
        .node(Node::worker("pod7", "\u{1b}[2Jevil", "10.0.0.14"))
        .node(Node::worker("pod8", zero, "10.0.0.15").with("status", &*long))
        .node(Node::new("pod9", &long).with("installationFailure", &*long));
    for columns in [80, 200] {
        let text = show(&sandbox, &cluster, &["--color=never"]).run_on_terminal(columns).succeeds();
        assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "{text:?}");
        assert!(!text.contains(['\u{200b}', '\u{200d}', '\u{202e}', '\u{e0041}']), "{text:?}");
        let widest = text.lines().map(UnicodeWidthStr::width).max().unwrap();
        assert!(widest <= columns.into(), "{widest}: {text}");
        for whole in ["prime.zero-width.node-0 ", "SHA256:UCUiLr", "data.nodes[3].name"] {
            assert!(text.contains(whole), "{whole}: {text}");
        }
    }
}

#[test]
fn a_key_of_ones_own_that_fits_is_named() {
    needs!("ssh-agent", "ssh-add");
    let sandbox = Sandbox::new();
    let (key, other) = (sandbox.ssh_key("mine"), sandbox.ssh_key("other"));
    let socket = sandbox.path("agent");
    let _agent = Background::start(process::tied("ssh-agent").arg("-D").arg("-a").arg(&socket));
    process::until("the agent", || socket.exists());
    let mut add = process::command("ssh-add");
    process::run(add.arg("-q").arg(&key).env("SSH_AUTH_SOCK", &socket), b"").succeeds();
    let public = std::fs::read_to_string(key.with_extension("pub")).unwrap();
    let keys = json!([{"role": "USER", "publicKey": public.trim()}]);
    let cluster = cluster::train().with("sshKeys", keys);
    let fact = |arguments: &[&str]| {
        let program = show(&sandbox, &cluster, arguments).env("SSH_AUTH_SOCK", &socket);
        let text = program.run().succeeds();
        text.lines().find(|line| line.starts_with("your key")).unwrap().to_owned()
    };
    snapshot!(fact(&[]), @"your key      the agent's test, authorized");
    sandbox.prime_settings(&json!({"ssh_key_path": other}));
    snapshot!(fact(&[]), @"your key      [home]/other (SHA256:[key]), not among the authorized keys; the agent's test is: `prime-ssh install --identity-file none --input answer.json`");
}
