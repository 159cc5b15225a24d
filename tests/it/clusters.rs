//! Which clusters are rendered: named ones, all of them, or saved answers.

use std::process::Stdio;
use std::time::Duration;

use crate::support::api::{Api, Reply};
use crate::support::cluster::{self, Cluster, Node};
use crate::support::fragment::Fragment;
use crate::support::process;
use crate::support::sandbox::{Program, Sandbox};

fn small(id: &str, name: &str) -> Cluster {
    let machine = format!("pod-{id}");
    Cluster::new(id, name).node(Node::control(&machine, "node-0", "203.0.113.10"))
}

fn asking(sandbox: &Sandbox, api: &Api, arguments: &[&str]) -> Program {
    sandbox.prime_ssh([&["config"], arguments].concat()).asking(api)
}

#[track_caller]
fn assert_aliases(text: &str, aliases: &[&str]) {
    let fragment = Fragment::parse(text);
    assert_eq!(fragment.aliases().collect::<Vec<_>>(), aliases);
}

#[test]
fn an_id_is_one_request() {
    let (sandbox, api) = (Sandbox::new(), Api::serving([cluster::train()]));
    let text = asking(&sandbox, &api, &["clst01"]).run().succeeds();
    assert_aliases(
        &text,
        &["prime.train.node-0", "prime.train", "prime.train.node-1", "prime.train.node-2"],
    );
    assert_eq!(api.paths(), ["GET /api/admin/clusters/clst01"]);
    let request = &api.requests()[0];
    let agent = format!("prime-ssh/{}", env!("CARGO_PKG_VERSION"));
    assert_eq!(request.header("user-agent"), Some(&*agent));
}

#[test]
fn an_alias_of_an_installed_cluster_means_its_id() {
    let (sandbox, api) = (Sandbox::new(), Api::serving([cluster::train()]));
    sandbox.prime_ssh(["install", "train", "--as", "mine"]).asking(&api).run().succeeds();
    let by_id = asking(&sandbox, &api, &["clst01"]).run().succeeds();
    assert_eq!(asking(&sandbox, &api, &["prime.mine"]).run().succeeds(), by_id);
    asking(&sandbox, &api, &["prime.other"]).run().fails(3);
    snapshot!(sandbox.prime_ssh(["cert", "prime.mine", "--show"]).run().fails(1), @"
    error: clst01 lets people in without a certificate

    hint: `ssh` works with your key
    ");
}

#[test]
fn a_saved_answer_is_read_without_token_and_network() {
    let sandbox = Sandbox::new();
    let wrapped = sandbox.write("wrapped.json", cluster::train().answer());
    let bare: serde_json::Value = serde_json::from_str(&cluster::train().answer()).unwrap();
    sandbox.write("bare.json", bare["data"].to_string());
    let config = |input: &str| sandbox.prime_ssh(["config", "--input", input]);
    let text = config("wrapped.json").run().succeeds();
    assert_eq!(config("bare.json").run().succeeds(), text);
    assert_eq!(config("-").stdin(std::fs::read(wrapped).unwrap()).run().succeeds(), text);
}

#[test]
fn several_saved_answers_stand_in_the_order_of_their_names() {
    let sandbox = Sandbox::new();
    sandbox.write("b.json", small("clst2", "b").answer());
    let text = sandbox
        .prime_ssh(["config", "--input", "b.json", "--input", "-"])
        .stdin(small("clst1", "a").answer())
        .run()
        .succeeds();
    assert_aliases(&text, &["prime.a.node-0", "prime.a", "prime.b.node-0", "prime.b"]);
}

#[test]
fn an_exact_name_wins_over_one_in_another_case_and_over_part_of_one() {
    let sandbox = Sandbox::new();
    let api = Api::serving([small("c1", "train-2"), small("c2", "TRAIN"), small("c3", "train")]);
    for (typed, id) in [("train", "c3"), ("TRAIN", "c2"), ("Train-2", "c1")] {
        let text = asking(&sandbox, &api, &[typed]).run().succeeds();
        assert!(text.contains(&format!("of cluster {id} ")), "{typed}: {text}");
    }
}

#[test]
fn a_name_that_is_none_or_several_lists_what_is_near() {
    let sandbox = Sandbox::new();
    let api = Api::serving([small("c1", "Train"), small("c2", "tRAIN"), small("c3", "train-eu")]);
    snapshot!(asking(&sandbox, &api, &["train"]).run().fails(3), @"
    error: cannot get cluster `train`: several clusters have this name:
      Train (c1)
      tRAIN (c2)

    hint: give the id instead of the name
    ");
    snapshot!(asking(&sandbox, &api, &["rain-e"]).run().fails(3), @"
    error: cannot get cluster `rain-e`: no cluster has this id or name; similar names:
      train-eu (c3)

    hint: `prime-ssh list` shows ids and names; for a terminated cluster, give its id
    ");
}

#[test]
fn a_name_is_found_on_a_later_page_and_no_row_counts_twice() {
    let sandbox = Sandbox::new();
    let crowd = (0..150).map(|at| small(&format!("a{at:03}"), &format!("job-{at}")));
    let api = Api::serving(crowd.chain([small("zz", "job")]));
    let text = asking(&sandbox, &api, &["job"]).run().succeeds();
    assert_aliases(&text, &["prime.job.node-0", "prime.job"]);
    let offsets: Vec<_> =
        api.requests().iter().filter_map(|r| r.query("offset").map(str::to_owned)).collect();
    assert_eq!(offsets, ["0", "100"]);
}

#[test]
fn what_is_typed_stays_one_segment_of_the_path() {
    let sandbox = Sandbox::new();
    let api = Api::serving([small("clst01", "a/../b c?x#y%")]);
    asking(&sandbox, &api, &["a/../b c?x#y%"]).run().succeeds();
    assert_eq!(api.paths()[0], "GET /api/admin/clusters/a%2F..%2Fb%20c%3Fx%23y%25");
    let idle = Api::serving([]).may_be_idle();
    for typed in [".", "..", ""] {
        asking(&sandbox, &idle, &[typed]).run().fails(2);
    }
    assert_eq!(idle.requests().len(), 0);
}

#[test]
fn an_answer_about_another_cluster_is_refused() {
    let sandbox = Sandbox::new();
    let api = Api::serving([]);
    api.fails_with([Reply::new(200, small("clst02", "other").answer())]);
    let ran = asking(&sandbox, &api, &["clst01"]).run();
    assert_eq!(ran.stdout, "");
    snapshot!(ran.fails(4), @"
    error: cannot get cluster `clst01`: the answer is about another cluster, `clst02`

    hint: check that `--api-url` names the Prime Intellect API
    ");
}

#[test]
fn all_clusters_in_the_order_of_their_names() {
    let sandbox = Sandbox::new();
    let api = Api::serving([small("c2", "b"), small("c3", "A"), small("c1", "c")]);
    let text = asking(&sandbox, &api, &["--all"]).run().succeeds();
    assert_aliases(
        &text,
        &["prime.a.node-0", "prime.a", "prime.b.node-0", "prime.b", "prime.c.node-0", "prime.c"],
    );
}

#[test]
fn all_clusters_are_fetched_side_by_side_but_not_all_at_once() {
    let sandbox = Sandbox::new();
    let crowd = (0..40).map(|at| small(&format!("c{at:02}"), &format!("job-{at}")));
    let api = Api::slow(crowd, Duration::from_millis(40));
    let ran = asking(&sandbox, &api, &["--all"]).run();
    Fragment::parse(&ran.succeeds());
    assert_eq!(api.most_at_once(), 8);
}

#[test]
fn one_cluster_of_all_without_a_host_is_a_note() {
    let sandbox = Sandbox::new();
    let empty = Cluster::new("c2", "new").node(Node::new("pod2", "node-0"));
    let api = Api::serving([small("c1", "train"), empty.clone()]);
    let ran = asking(&sandbox, &api, &["--all"]).run();
    snapshot!(ran.stderr, @"
    note: new (c2): skipped node-0: no connection yet, status ACTIVE, installation progress 100
    note: left out new (c2): no node has a usable connection
    ");
    assert_aliases(&ran.succeeds(), &["prime.train.node-0", "prime.train"]);

    let api = Api::serving([small("c1", "train"), empty]);
    let ran = asking(&sandbox, &api, &["c1", "c2"]).run();
    assert_eq!(ran.stdout, "", "a cluster that was named must be there");
    ran.fails(4);
}

#[test]
fn one_failure_of_all_fails_the_whole() {
    let sandbox = Sandbox::new();
    let clusters = || [small("c1", "a"), small("c2", "b")];
    let hostile = Cluster::new("c3", "c").node(Node::control("pod3", "node-0", "x\ny"));
    let api = Api::serving(clusters().into_iter().chain([hostile]));
    let ran = asking(&sandbox, &api, &["--all"]).run();
    assert_eq!(ran.stdout, "");
    ran.fails(4);
    let text = asking(&sandbox, &api, &["--all", "--skip-invalid"]).run().succeeds();
    assert_aliases(&text, &["prime.a.node-0", "prime.a", "prime.b.node-0", "prime.b"]);

    let api = Api::serving(clusters());
    api.replies_on("/api/admin/clusters/c2", Reply::detail(400, "no"));
    let ran = asking(&sandbox, &api, &["--all"]).run();
    assert_eq!(ran.stdout, "");
    ran.fails(3);
}

#[test]
fn all_means_the_team_of_the_settings() {
    let sandbox = Sandbox::new();
    let of = |id: &str, team: Option<&str>| small(id, id).with("teamId", team);
    let clusters = || [of("c1", Some("t1")), of("c2", Some("t2")), of("c3", None)];
    let aliases = |arguments: &[&str], team: &str| {
        let api = Api::serving(clusters());
        let program = asking(&sandbox, &api, &[&["--all"], arguments].concat());
        let text = program.env("PRIME_TEAM_ID", team).run().succeeds();
        let fragment = Fragment::parse(&text);
        fragment.aliases().filter(|a| !a.ends_with(".node-0")).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(aliases(&[], ""), "prime.c1 prime.c2 prime.c3");
    assert_eq!(aliases(&[], "t2"), "prime.c2");
    assert_eq!(aliases(&["--team", "t1"], "t2"), "prime.c1");
    assert_eq!(aliases(&["--team", "any"], "t2"), "prime.c1 prime.c2 prime.c3");
}

#[test]
fn nobody_has_to_read_all_of_it() {
    let sandbox = Sandbox::new();
    let crowd = (0..20_000).fold(cluster::train(), |cluster, at| {
        cluster.node(Node::worker(&format!("w{at}"), &format!("worker-{at}"), "198.51.100.7"))
    });
    sandbox.write("answer.json", crowd.answer());
    let mut program = sandbox.prime_ssh(["config", "--input", "answer.json"]).into_command();
    let mut child = program.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut head = process::command("head");
    head.args(["-n", "1"]).stdin(child.stdout.take().unwrap());
    let first = head.output().unwrap().stdout;
    // It holds the reading end too.
    drop(head);
    assert!(first.starts_with(b"# train"), "{first:?}");
    let status = process::wait(&mut child, Duration::from_secs(30)).unwrap();
    let mut told = String::new();
    std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut told).unwrap();
    assert_eq!((status.code(), told.as_str()), (Some(0), ""));
}
