//! Names that keep themselves right: what ssh makes of them when the API says something else.

use std::cell::Cell;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

mod certificates;
mod logins;
mod shapes;
mod subscription;
mod trouble;

use super::{Sandbox, train};
use crate::support::api::Api;
use crate::support::cluster::{Cluster, Node};
use crate::support::process::{self, Ran};
use crate::support::sandbox::{TOKEN, copy_program};
use crate::support::ssh;

/// Somebody with clusters that ssh keeps up to date.
struct Live {
    sandbox: Sandbox,
    api: Api,
    program: PathBuf,
    /// How many requests a test has looked at.
    seen: Cell<usize>,
}

impl Live {
    fn serving(api: Api) -> Self {
        let sandbox = Sandbox::with_config("Host unrelated\n  User me\n");
        sandbox.prime_settings(&json!({"api_key": TOKEN, "base_url": api.url()}));
        let program = sandbox.path("bin/prime-ssh");
        fs::create_dir(sandbox.path("bin")).unwrap();
        copy_program(&program);
        Self { sandbox, api, program, seen: Cell::new(0) }
    }

    fn with(clusters: impl IntoIterator<Item = Cluster>) -> Self {
        let live = Self::serving(Api::serving(clusters));
        live.run(&["install", "train", "--live"]).succeeds();
        live
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        let mut command = process::command(&self.program);
        command.args(arguments).arg("--ssh-dir").arg(self.sandbox.ssh(""));
        process::run(command.env("HOME", self.sandbox.home()), b"")
    }

    fn ssh(&self) -> Command {
        let mut ssh = ssh::ssh(&self.sandbox.config());
        ssh.env("HOME", self.sandbox.home());
        ssh
    }

    /// What ssh makes of a name.
    fn asks(&self, name: &str) -> Ran {
        process::run(self.ssh().args(["-TG", name]), b"")
    }

    /// The address that ssh would connect to, without a word on stderr.
    #[track_caller]
    fn address(&self, name: &str) -> String {
        let mut ran = self.asks(name);
        // The limit is of wall time, and this machine may be busy with something else.
        if ran.stderr.contains("no answer within 3 s") {
            self.asked();
            self.wait(61);
            ran = self.asks(name);
        }
        assert_eq!(ran.stderr, "", "{name}");
        host_name(&ran)
    }

    /// Requests since the last call, as `METHOD path`.
    fn asked(&self) -> Vec<String> {
        let paths = self.api.paths();
        paths[self.seen.replace(paths.len())..].to_vec()
    }

    /// From now on the clusters are asked for at this address.
    fn moves_to(&self, url: &str) {
        self.moves(&self.api.url(), url);
    }

    /// The same for those that were asked for there.
    fn moves(&self, from: &str, to: &str) {
        for state in self.sandbox.all_ours(".json") {
            let text = fs::read_to_string(&state).unwrap();
            fs::write(&state, text.replace(from, to)).unwrap();
        }
    }

    /// Lets time pass for all clusters.
    fn wait(&self, seconds: u64) {
        for path in self.sandbox.all_ours(".refresh") {
            // A test may have put something else in its place.
            let text = fs::read(&path).unwrap_or_default();
            let Ok(mut state) = serde_json::from_slice::<Value>(&text) else { continue };
            for moment in ["checked", "tried", "certificate_failed"] {
                if let Some(then) = state[moment].as_u64() {
                    state[moment] = then.saturating_sub(seconds).into();
                }
            }
            fs::write(&path, state.to_string()).unwrap();
        }
    }
}

fn host_name(ran: &Ran) -> String {
    let line = ran.stdout.lines().find_map(|line| line.strip_prefix("hostname "));
    line.unwrap_or_default().to_owned()
}

fn joined() -> Cluster {
    train().node(Node::worker("pod9", "node-9", "10.0.0.99"))
}

const GET: &str = "GET /api/admin/clusters/clst01";

#[test]
fn a_node_joins_moves_and_leaves() {
    needs!("ssh");
    let live = Live::with([train()]);
    live.asked();
    assert_eq!(live.address("prime.train.node-1"), "10.0.0.11");
    assert_eq!(live.address("unrelated"), "unrelated");
    assert_eq!(live.asked(), [""; 0], "it was installed just now");

    // A name that is not known is looked for, at most every 15 seconds.
    live.api.now_serves([joined()]);
    assert_eq!(live.address("prime.train.node-9"), "prime.train.node-9.invalid.");
    assert_eq!(live.asked(), [""; 0]);
    live.wait(20);
    assert_eq!(live.address("prime.train.node-9"), "10.0.0.99", "for this very connection");
    assert_eq!(live.asked(), [GET]);
    assert_eq!(live.address("prime.train.node-9"), "10.0.0.99");
    live.wait(20);
    assert_eq!(live.address("prime.train.node-8"), "prime.train.node-8.invalid.");
    assert_eq!(live.asked(), [GET]);

    // One that is known is kept fresh.
    live.api.now_serves([super::train_later()]);
    assert_eq!(live.address("prime.train.node-1"), "10.0.0.11");
    live.wait(301);
    assert_eq!(live.address("unrelated"), "unrelated");
    assert_eq!(live.asked(), [""; 0]);
    assert_eq!(live.address("prime.train.node-1"), "10.0.0.111");
    assert_eq!(live.asked(), [GET]);
    assert_eq!(live.address("prime.train.node-9"), "prime.train.node-9.invalid.");

    // Our own questions to ssh ask nobody.
    live.wait(301);
    let quiet = process::run(
        live.ssh().env("PRIME_SSH_NO_REFRESH", "1").args(["-TG", "prime.train.node-1"]),
        b"",
    );
    assert_eq!(host_name(&quiet), "10.0.0.111");
    live.run(&["sync", "--check", "train"]).succeeds();
    assert_eq!(live.asked(), [GET]);
    assert_eq!(live.address("prime.train.node-1"), "10.0.0.111");

    live.run(&["uninstall", "--all"]).succeeds();
    assert!(!live.sandbox.ssh("prime-ssh").exists());
}

#[test]
fn a_cluster_ends_before_a_connection() {
    needs!("ssh");
    let live = Live::with([train()]);
    live.api.now_serves([train().with("terminatedAt", "2026-08-02T00:00:00Z")]);
    live.wait(301);
    let ran = live.asks("prime.train.node-1");
    assert!(ran.stderr.contains("prime.train  removed: cluster clst01 was terminated"), "{ran:?}");
    assert_eq!(host_name(&ran), "prime.train.node-1");
}

#[test]
fn live_is_refused_where_it_cannot_work() {
    let live = Live::serving(Api::serving([train()]).may_be_idle());
    let input = live.sandbox.saved(&train());
    let install = |arguments: &[&str], stdin: &[u8]| {
        let mut command = process::command(&live.program);
        command.args(["install", "--live", "--ssh-dir"]).arg(live.sandbox.ssh("")).args(arguments);
        command.env("HOME", live.sandbox.home());
        process::run(&mut command, stdin)
    };
    let told = install(&["--input", "-"], train().answer().as_bytes()).fails(5);
    assert!(told.contains("standard input or a pipe cannot be read again"), "{told}");
    live.sandbox.prime_settings(&json!({"api_key": null, "base_url": live.api.url()}));
    let mut command = process::command(&live.program);
    command.args(["install", "train", "--live", "--ssh-dir"]).arg(live.sandbox.ssh(""));
    command.env("HOME", live.sandbox.home()).env("PRIME_API_KEY", TOKEN);
    let told = process::run(&mut command, b"").fails(5);
    assert!(told.contains("prime login") && told.contains("--token-file"), "{told}");
    assert!(live.run(&["install", "train", "--live=10s"]).fails(2).contains("at least 15s"));
    assert!(!live.sandbox.ssh("prime-ssh").exists());

    // A file is read again.
    install(&["--input", input.to_str().unwrap()], b"").succeeds();
    live.sandbox.saved(&joined());
    live.wait(400);
    assert_eq!(live.address("prime.train.node-9"), "10.0.0.99");
    let told = live.run(&["install", "--input", input.to_str().unwrap(), "--no-live"]);
    assert!(told.stderr.contains("options for prime.train: removed live 5m"), "{}", told.stderr);
    let index = fs::read_to_string(live.sandbox.ssh("prime-ssh/config")).unwrap();
    assert!(!index.contains("look"), "{index}");
}

/// What goes through a pipe is there once, and so is what only this run calls by that name.
#[test]
fn a_pipe_is_no_file_that_can_be_read_again() {
    let sandbox = Sandbox::with_ssh_folder();
    let answer = sandbox.write("answer.json", train().answer());
    let shell = |line: &str| {
        let command = sandbox.program(["install", "--live"]).into_command();
        let program: Vec<_> = [command.get_program()]
            .into_iter()
            .chain(command.get_args())
            .map(ToOwned::to_owned)
            .collect();
        let mut bash = process::command("bash");
        bash.args(["-c", line]).args(program).current_dir(sandbox.home());
        bash.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        process::run(&mut bash, b"")
    };
    for line in [
        r#""$0" "$@" --input <(cat answer.json)"#,
        r#""$0" "$@" --input /dev/stdin <answer.json"#,
        r#"cat answer.json | "$0" "$@" --input /dev/stdin"#,
        r#""$0" "$@" --input /proc/self/fd/3 3<answer.json"#,
        r#"mkfifo fifo; cat answer.json >fifo & "$0" "$@" --input fifo"#,
    ] {
        let told = shell(line).fails(5);
        assert!(told.contains("a pipe cannot be read again"), "{line}: {told}");
        assert!(!sandbox.ssh("prime-ssh").exists(), "{line}");
    }
    sandbox.program(["install", "--live", "--input"]).arg(answer).run().succeeds();
}

#[test]
fn a_script_that_has_nothing_to_do_asks_nobody() {
    let live = Live::with([train()]);
    live.asked();
    live.run(&["sync", "--if-older", "1h"]).succeeds();
    assert_eq!(live.asked(), [""; 0]);
    live.wait(3700);
    live.run(&["sync", "--if-older", "1h", "train"]).succeeds();
    assert_eq!(live.asked(), [GET]);
    // By whatever names: it does not wait for itself.
    live.wait(3700);
    let stem = "train-675b1ff5";
    let ran = live.run(&["sync", "--if-older", "1h", stem, stem]);
    assert_eq!(ran.stderr, "prime.train  unchanged: 3 hosts\n");
    assert_eq!(live.asked(), [GET]);
    for option in ["--prune", "--check", "--dry-run"] {
        live.run(&["sync", "--if-older", "1h", option]).fails(2);
    }
    live.run(&["sync", "--if-older", "1h", "nobody"]).fails(2);
}

#[test]
fn a_short_name_is_kept_right_too() {
    needs!("ssh");
    let live = Live::with([train()]);
    live.run(&["install", "train", "--short", "t"]).succeeds();
    assert_eq!(live.address("t"), "203.0.113.10");
    let moved = Node::control("pod0", "node-0", "203.0.113.99");
    live.api.now_serves([Cluster::new("clst01", "train").node(moved)]);
    assert_eq!(live.address("t"), "203.0.113.10");
    live.wait(301);
    assert_eq!(live.address("t"), "203.0.113.99");
}

#[test]
fn a_machine_behind_a_name_changes_and_that_is_told_whoever_runs() {
    needs!("ssh");
    let live = Live::with([train()]);
    let moved = Cluster::new("clst01", "train")
        .node(Node::control("pod0", "node-0", "203.0.113.10"))
        .node(Node::worker("pod7", "node-1", "10.0.0.11").port(2222))
        .node(Node::worker("pod2", "node-2", "10.0.0.12"));
    live.api.now_serves([moved.clone()]);
    live.wait(301);
    let told = "names of prime.train lead to another machine than before:\n  \
                prime.train.node-1: machine pod7, and not pod1\n";
    let ran = live.asks("prime.train.node-1");
    assert!(ran.stderr.contains(told), "{}", ran.stderr);
    assert_eq!(live.address("prime.train.node-1"), "10.0.0.11", "it is told once");

    let sandbox = Sandbox::with_installed("", &train());
    sandbox.saved(&moved);
    let ran = sandbox.run(&["sync", "-q"]);
    assert!(ran.stderr.contains(told), "{}", ran.stderr);
    ran.succeeds();
}

/// Nothing was installed, so nothing was asked for: no certificate, no lock of one.
#[test]
fn a_refused_install_leaves_nothing_behind() {
    let live = Live::serving(Api::serving([train().with("vaultEnabled", true)]));
    let key = live.sandbox.ssh_key("keys/id");
    let own = "Host prime.train.node-1\n  HostName own.example\n";
    fs::write(live.sandbox.config(), own).unwrap();
    let install = ["install", "train", "--live", "--identity-file", key.to_str().unwrap()];
    let before = live.sandbox.snapshot();
    let told = live.run(&install).fails(5);
    assert!(told.contains("your own configuration defines"), "{told}");
    assert_eq!(live.sandbox.snapshot(), before);
    assert_eq!(live.api.certificates(), 0);
}
