//! `wait`: nodes that come up one by one, late, or not at all.

mod jump;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use unicode_width::UnicodeWidthStr;

use crate::support::api::{Api, Reply};
use crate::support::cluster::{Cluster, Node};
use crate::support::network::nobody;
use crate::support::process::{self, Ran};
use crate::support::sandbox::{Program, Sandbox};
use crate::support::snapshot::{Transcript, errors};

const PATH: &str = "/api/admin/clusters/clst01";

/// A server that introduces itself as an sshd does, and counts who asks.
struct Greeter {
    port: u16,
    asked: Arc<AtomicUsize>,
    is_up: Arc<AtomicBool>,
}

impl Greeter {
    fn new() -> Self {
        let greeter = Self::down();
        greeter.comes_up();
        greeter
    }

    /// One that closes every connection until it comes up.
    fn down() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (asked, is_up) = (Arc::<AtomicUsize>::default(), Arc::<AtomicBool>::default());
        let (counter, greets) = (Arc::clone(&asked), Arc::clone(&is_up));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let greets = greets.load(Ordering::SeqCst);
                counter.fetch_add(1, Ordering::SeqCst);
                if greets {
                    let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.2p1 Test\r\n");
                    let _ = stream.read_to_end(&mut Vec::new());
                }
            }
        });
        Self { port, asked, is_up }
    }

    fn comes_up(&self) {
        self.is_up.store(true, Ordering::SeqCst);
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// The control node that is here.
    fn control(&self) -> Node {
        Node::control("pod0", "node-0", "127.0.0.1").port(self.port)
    }

    /// A worker that is here.
    fn worker(&self, number: usize) -> Node {
        let (id, name) = (format!("pod{number}"), format!("node-{number}"));
        Node::worker(&id, &name, "127.0.0.1").port(self.port)
    }
}

fn train(nodes: impl IntoIterator<Item = Node>) -> Cluster {
    nodes.into_iter().fold(Cluster::new("clst01", "train"), Cluster::node)
}

/// A node without a connection.
fn starting(number: usize) -> Node {
    Node::new(&format!("pod{number}"), &format!("node-{number}"))
        .with("status", "PROVISIONING")
        .with("installationProgress", Value::Null)
}

fn wait(sandbox: &Sandbox, api: &Api, arguments: &[&str]) -> Program {
    sandbox.prime_ssh([&["wait", "clst01"], arguments].concat()).asking(api)
}

/// Runs it beside what the test does meanwhile.
fn beside(program: Program, meanwhile: impl FnOnce()) -> Ran {
    thread::scope(|scope| {
        let running = scope.spawn(|| program.run());
        meanwhile();
        running.join().unwrap()
    })
}

fn until_answered(api: &Api, times: usize) {
    process::until("another answer", || api.answered() >= times);
}

/// The pauses between the requests.
fn pauses(api: &Api) -> Vec<Duration> {
    let times: Vec<_> = api.requests().iter().map(|request| request.at).collect();
    times.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

#[track_caller]
fn assert_patient(api: &Api) {
    let pauses = pauses(api);
    // The time on the way to the API differs from request to request.
    let least = Duration::from_millis(1700);
    assert!(pauses.iter().all(|pause| *pause >= least), "{pauses:?}");
}

#[test]
fn nodes_that_come_up_one_by_one() {
    let sandbox = Sandbox::new();
    let (first, second) = (Greeter::new(), Greeter::down());
    let api = Api::serving([train([starting(0), starting(1)])]);
    let ran = beside(wait(&sandbox, &api, &[]), || {
        until_answered(&api, 1);
        api.now_serves([train([first.control(), starting(1)])]);
        until_answered(&api, 2);
        api.now_serves([train([first.control(), second.worker(1)])]);
        process::until("a look at the second one", || second.asked() == 1);
        second.comes_up();
    });
    assert_eq!(
        ran.stderr,
        "prime.train: 0 of 2 nodes are up; 2 have no connection yet\n\
         prime.train: 1 of 2 nodes is up; 1 has no connection yet\n\
         prime.train: 1 of 2 nodes is up; 1 does not answer yet\n\
         prime.train: 2 of 2 nodes are up\n"
    );
    let table = ran.succeeds();
    let words: Vec<Vec<&str>> = table.lines().map(|l| l.split_whitespace().collect()).collect();
    assert_eq!(words[0], ["HOST", "STATE", "LATENCY", "SERVER"]);
    for (row, host) in words[1..].iter().zip(["prime.train.node-0", "prime.train.node-1"]) {
        assert!(
            matches!(row[..], [alias, "ok", _, "ms", "OpenSSH_9.2p1"] if alias == host),
            "{row:?}"
        );
    }
    assert_eq!(first.asked(), 1, "who has answered is not asked again");
    assert!(api.paths().iter().all(|path| *path == format!("GET {PATH}")));
    assert_patient(&api);
}

#[test]
fn nodes_that_are_up_are_not_waited_for() {
    let (sandbox, up) = (Sandbox::new(), Greeter::new());
    let gone = starting(2).with("terminatedAt", "2026-07-09T00:00:00Z");
    let api = Api::serving([train([up.control(), gone])]);
    for arguments in
        [&["--for", "all", "--format", "plain"][..], &["--for", "1", "--format", "plain"]]
    {
        let ran = wait(&sandbox, &api, arguments).run();
        assert_eq!(ran.stderr, "prime.train: 1 of 1 node is up\n");
        let row = ran.succeeds();
        let fields: Vec<&str> = row.trim_end_matches('\n').split('\t').collect();
        assert_eq!(fields[..3], ["prime.train.node-0", "ok", ""]);
        assert_eq!(fields[5..], ["OpenSSH_9.2p1 Test", ""]);
    }
    assert_eq!(api.requests().len(), 2);
    let ran = wait(&sandbox, &api, &["--quiet", "--format", "plain"]).run();
    assert_eq!(ran.stderr, "");
}

#[test]
fn a_cluster_by_its_name_and_as_it_is_installed() {
    let (sandbox, up) = (Sandbox::new(), Greeter::new());
    let api = Api::serving([train([up.control(), up.worker(1)])]);
    let install = ["install", "train", "--as", "mine", "--only", "worker"];
    sandbox.prime_ssh(install).asking(&api).run().succeeds();
    let ran = sandbox
        .prime_ssh(["wait", "prime.mine"])
        .env("PRIME_API_KEY", crate::support::sandbox::TOKEN)
        .run();
    // All nodes count, whichever of them are installed.
    assert_eq!(ran.stderr, "prime.mine: 2 of 2 nodes are up\n");
    let ran = sandbox.prime_ssh(["wait", "train"]).asking(&api).run();
    assert_eq!(ran.stderr, "prime.mine: 2 of 2 nodes are up\n");
}

#[test]
fn time_over_says_what_is_missing() {
    let (sandbox, up, port) = (Sandbox::new(), Greeter::new(), nobody());
    let dead = Node::worker("pod1", "node-1", "127.0.0.1").port(port);
    let hostile = Node::worker("pod3", "node-3", "a b");
    let api = Api::serving([train([up.control(), dead, starting(2), hostile])]);
    let ran = wait(&sandbox, &api, &["--within", "3s", "--format", "json"]).run();
    assert!(
        ran.took >= Duration::from_secs(3) && ran.took < Duration::from_secs(20),
        "{:?}",
        ran.took
    );
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(
        ran.fails(6),
        "prime.train: 1 of 4 nodes is up; 1 does not answer yet, 1 has no connection yet, 1 has a \
         value that is refused\n\
         error: prime.train: 1 of 4 nodes is up after 3 s:\n  \
           prime.train.node-1: connection refused\n  \
           node-2: no connection yet, status PROVISIONING\n  \
           node-3: a value of it was refused\n"
    );
    assert_patient(&api);
    assert_eq!(report["met"], false);
    let report = &report["clusters"][0];
    let problem = report["problem"].as_str().unwrap();
    assert!(problem.starts_with("prime.train: 1 of 4 nodes is up after 3 s:\n"), "{problem}");
    for (field, value) in [
        ("alias", json!("prime.train")),
        ("id", json!("clst01")),
        ("met", json!(false)),
        ("wanted", json!(null)),
        ("nodes_total", json!(4)),
        ("nodes_up", json!(1)),
    ] {
        assert_eq!(report[field], value, "{field}");
    }
    let fields = |row: &Value, fields: &[&str]| -> Vec<Value> {
        fields.iter().map(|field| row[*field].clone()).collect()
    };
    let of_host = ["alias", "state", "reason", "detail", "server"];
    let hosts = report["hosts"].as_array().unwrap();
    let hosts: Vec<_> = hosts.iter().map(|host| fields(host, &of_host)).collect();
    assert_eq!(
        json!(hosts),
        json!([
            ["prime.train.node-0", "ok", null, null, "OpenSSH_9.2p1 Test"],
            ["prime.train.node-1", "failed", "refused", "connection refused", null],
        ])
    );
    let of_node = ["name", "state", "reason", "status"];
    let nodes = report["nodes_without_host"].as_array().unwrap();
    let nodes: Vec<_> = nodes.iter().map(|node| fields(node, &of_node)).collect();
    assert_eq!(
        json!(nodes),
        json!([
            ["node-2", "failed", "no_connection", "PROVISIONING"],
            ["node-3", "failed", "value_refused", null],
        ])
    );
}

#[test]
fn a_cluster_of_no_nodes_is_not_up() {
    let (sandbox, api) = (Sandbox::new(), Api::serving([train([])]));
    snapshot!(errors(&wait(&sandbox, &api, &["--within", "1s"]).run().fails(6)), @"
    error: prime.train: 0 of 0 nodes are up after 1 s:
      no further node is in the cluster
    ");
}

#[test]
fn a_failed_installation_ends_it_unless_the_others_will_do() {
    let (sandbox, up) = (Sandbox::new(), Greeter::new());
    let port = nobody();
    let failed =
        starting(1).with("status", "ERROR").with("installationFailure", "disk\n\u{1b}[2J is full");
    // This one has a connection, and nothing answers there.
    let dead = Node::worker("pod2", "node-2", "127.0.0.1")
        .port(port)
        .with("installationFailure", "no driver");
    let api = Api::serving([train([up.control(), failed, dead])]);
    let told = wait(&sandbox, &api, &["--for", "2"]).run().fails(6);
    assert_eq!(
        told,
        "error: prime.train: 1 of 3 nodes is up, and there will not be 2:\n  \
         prime.train.node-2: installation failed: no driver\n  \
         node-1: installation failed: disk\\n\\u{1b}[2J is full\n"
    );
    assert_eq!(api.requests().len(), 1);
    let ran = wait(&sandbox, &api, &["--for", "1"]).run();
    assert_eq!(ran.stderr, "prime.train: 1 of 3 nodes is up\n");
    // Where they still can be enough, it goes on.
    let ran = beside(wait(&sandbox, &api, &["--for", "2"]), || {
        api.now_serves([train([
            up.control(),
            starting(1),
            starting(2).with("installationFailure", "x"),
        ])]);
        until_answered(&api, 3);
        api.now_serves([train([
            up.control(),
            up.worker(1),
            starting(2).with("installationFailure", "x"),
        ])]);
    });
    assert!(
        ran.status.success() && ran.stderr.ends_with("prime.train: 2 of 3 nodes are up\n"),
        "{ran:?}"
    );
}

#[test]
fn an_outage_of_the_api_is_waited_out_and_its_wish_granted() {
    let (sandbox, up) = (Sandbox::new(), Greeter::new());
    let api = Api::serving([train([starting(0)])]);
    let ran = beside(wait(&sandbox, &api, &[]), || {
        until_answered(&api, 1);
        api.fails_with([
            Reply::detail(503, "busy").header("retry-after", "4"),
            Reply::new(200, "<html>a login page</html>"),
        ]);
        api.now_serves([train([up.control()])]);
    });
    snapshot!(ran.stderr, @"
    prime.train: 0 of 1 node is up; 1 has no connection yet
    prime.train: 0 of 1 node is up; 1 has no connection yet; no news, for cannot get cluster `clst01`: the API failed (503 Service Unavailable): busy
    prime.train: 0 of 1 node is up; 1 has no connection yet; no news, for cannot get cluster `clst01`: malformed answer: a web page (HTML) instead of JSON
    prime.train: 1 of 1 node is up
    ");
    ran.succeeds();
    assert_patient(&api);
    let pauses = pauses(&api);
    assert!(pauses.len() == 3 && pauses[1] >= Duration::from_millis(3700), "{pauses:?}");
}

#[test]
fn a_wish_beyond_the_limit_is_the_limit() {
    let (sandbox, api) = (Sandbox::new(), Api::serving([train([starting(0)])]));
    let ran = beside(wait(&sandbox, &api, &["--within", "4s"]), || {
        until_answered(&api, 1);
        let forever = "9".repeat(40);
        api.fails_with([Reply::detail(429, "slow down").header("retry-after", &forever)]);
    });
    assert!(ran.took >= Duration::from_secs(4), "{:?}", ran.took);
    snapshot!(errors(&ran.fails(6)), @"
    error: prime.train: 0 of 1 node is up after 4 s:
      node-0: no connection yet, status PROVISIONING
      cannot get cluster `clst01`: too many requests to the API (429 Too Many Requests): slow down
    ");
    assert_eq!(api.requests().len(), 2);
}

#[test]
fn what_no_waiting_changes_ends_it_at_once() {
    let (sandbox, mut told) = (Sandbox::new(), Transcript::default());
    for status in [401, 403, 404] {
        let api = Api::serving([train([starting(0)])]);
        let ran = beside(wait(&sandbox, &api, &[]), || {
            until_answered(&api, 1);
            api.fails_with([Reply::detail(status, "no")]);
        });
        assert_eq!(api.requests().len(), 2);
        told.add(status, ran.fails(3));
    }
    snapshot!(told, @"
    --- 401
    prime.train: 0 of 1 node is up; 1 has no connection yet
    error: cannot get cluster `clst01`: the API rejected the token (401 Unauthorized): no

    hint: create a new token, then run `prime login`, or pass it in PRIME_API_KEY or `--token-file`

    --- 403
    prime.train: 0 of 1 node is up; 1 has no connection yet
    error: cannot get cluster `clst01`: the token lacks the permission (403 Forbidden): no

    hint: use a token with the admin-clusters permission; or ask someone who has one to run `prime-ssh export CLUSTER -o train.json` and give you that file, which holds no secrets, for `--input train.json`

    --- 404
    prime.train: 0 of 1 node is up; 1 has no connection yet
    error: cannot get cluster `clst01`: the API does not know it (404 Not Found): no

    hint: check the id; a terminated cluster may be gone
    ");
    let api = Api::serving([train([starting(0)])]);
    let ran = beside(wait(&sandbox, &api, &["--format=plain"]), || {
        until_answered(&api, 1);
        api.now_serves([train([starting(0)]).with("terminatedAt", "2026-07-09T00:00:00Z")]);
    });
    snapshot!(errors(&ran.fails(6)), @"error: prime.train: the cluster was terminated");
    let api = Api::serving([train([starting(0)]).with("gpuCount", "many")]);
    snapshot!(wait(&sandbox, &api, &[]).run().fails(4), @r#"
    error: nothing to render for clst01: its own values were refused
      data.gpuCount: "many": not a whole number
    "#);
}

#[test]
fn an_interrupt_ends_it() {
    let sandbox = Sandbox::new();
    let api = Api::serving([train([starting(0)])]);
    let program = wait(&sandbox, &api, &[]).into_command();
    let mut command = process::with_usual_signals(&program);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    until_answered(&api, 1);
    kill(Pid::from_raw(child.id().try_into().unwrap()), Signal::SIGINT).unwrap();
    let status = process::wait(&mut child, Duration::from_secs(30)).expect("it should have ended");
    assert!(!status.success());
}

#[test]
fn install_can_wait_first() {
    let (sandbox, up) = (Sandbox::new(), Greeter::new());
    let api = Api::serving([train([starting(0)])]);
    let install = |arguments: &[&str]| {
        sandbox
            .prime_ssh([&["--ssh-dir", "ssh", "install", "train", "--wait"], arguments].concat())
            .asking(&api)
    };
    snapshot!(errors(&install(&["--within", "1s"]).run().fails(6)), @"
    error: prime.train: 0 of 1 node is up after 1 s:
      node-0: no connection yet, status PROVISIONING
    ");
    assert!(!sandbox.path("ssh").exists(), "nothing is installed");
    let ran = beside(install(&["--as", "mine", "--for", "1"]), || {
        until_answered(&api, api.answered() + 1);
        api.now_serves([train([up.control(), starting(1)])]);
    });
    // It may have asked before the node was there.
    let at = ran.stderr.find("prime.mine: 1 of 2").unwrap_or_else(|| panic!("{}", ran.stderr));
    snapshot!(ran.stderr[at..], @"
    prime.mine: 1 of 2 nodes is up
    note: train (clst01): skipped node-1: no connection yet, status PROVISIONING
    note: [home]/ssh/config has a new first line: Include [home]/ssh/prime-ssh/config
    prime.mine  added: 1 host
    connect with: ssh -F [home]/ssh/config prime.mine
    ");
    ran.succeeds();
    let state = sandbox.read(format!("ssh/prime-ssh/{}", state_file(&sandbox)));
    assert!(state.contains("\"options\": {}"), "a wait is not remembered: {state}");
    for wrong in [&["--input", "x"][..], &["--for", "0"], &["--for", "some"]] {
        install(wrong).run().fails(2);
    }
    sandbox.prime_ssh(["install", "train", "--for", "1"]).run().fails(2);
}

#[test]
fn no_question_takes_longer_than_the_wait() {
    let sandbox = Sandbox::new();
    let api = Api::slow([train([starting(0)])], Duration::from_secs(100));
    for command in [&["wait", "train"][..], &["--ssh-dir", "ssh", "install", "train", "--wait"]] {
        let ran = sandbox.prime_ssh(command).args(["--within", "1s"]).asking(&api).run();
        // A question has 30 s by itself.
        assert!(ran.took < Duration::from_secs(20), "{ran:?}");
        let failed = ran.fails(6);
        let told = errors(&failed);
        assert!(told.contains("no answer within 1s"), "{told}");
    }
}

fn state_file(sandbox: &Sandbox) -> String {
    let entries = std::fs::read_dir(sandbox.path("ssh/prime-ssh")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.into_iter().find(|name| name.strip_suffix(".json").is_some()).unwrap()
}

#[test]
fn hostile_names_fit_a_terminal_and_do_nothing_to_it() {
    let sandbox = Sandbox::new();
    let name = "zero\u{200b}width🚀日本".repeat(20);
    let node = Node::new("pod1", &name).with("status", &*name).with("installationFailure", &*name);
    let api = Api::serving([train([node]).with("name", &*name)]);
    for columns in [80, 200] {
        let ran = wait(&sandbox, &api, &["--color=never"]).run_on_terminal(columns);
        assert!(!ran.stdout.contains(['\u{1b}', '\u{200b}']), "{:?}", ran.stdout);
        let widest = ran.stdout.lines().map(UnicodeWidthStr::width).max().unwrap();
        assert!(widest <= columns.into(), "{}", ran.stdout);
        ran.fails(6);
    }
}

#[test]
fn a_long_name_is_whole_on_a_narrow_terminal() {
    let sandbox = Sandbox::new();
    let name = "a-cluster-whose-name-is-longer-than-the-terminal-is-wide";
    let api = Api::serving([train([Node::new("pod1", "node-1")]).with("name", name)]);
    let alias = format!("prime.{name}");
    let mut waiting = wait(&sandbox, &api, &["--within=1s"]).env("TERM", "xterm").into_command();
    let talk = process::talk_on_terminal(&mut waiting, 40);
    assert!(talk.contains(&format!(" {alias}: 0 of 1 node is up; 1 has no")), "{talk}");
    assert!(!talk.contains("  (0s)"), "it says what it does from the start: {talk}");
    let node = Node::control("pod1", "node-1", "203.0.113.1");
    let answer = sandbox.write("answer.json", train([node]).with("name", name).answer());
    let show = sandbox.prime_ssh(["show", "--color=never", "--input"]).arg(answer);
    let shown = show.run_on_terminal(40).succeeds();
    for whole in [alias.clone(), format!("{alias}.node-1")] {
        assert!(shown.lines().any(|line| line.split(' ').any(|word| word == whole)), "{shown}");
    }
    assert!(shown.contains("`prime-ssh install --input "), "{shown}");
}
