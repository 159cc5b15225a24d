//! What the system refuses is an error of this program, and never its abort.

use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::unistd::Uid;

use crate::support::api::Api;
use crate::support::cluster::{self, Cluster, Connection, Node};
use crate::support::process;
use crate::support::sandbox::{Program, Sandbox, TOKEN};

/// The same run within a limit; one of processes does not hold for root.
fn limited(program: Program, limit: &str) -> Command {
    let program = program.without_root().into_command();
    let mut limited = process::command("prlimit");
    limited.arg(limit).arg("--").arg(program.get_program()).args(program.get_args());
    limited.env_clear().envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    if let Some(folder) = program.get_current_dir() {
        limited.current_dir(folder);
    }
    if Uid::current().is_root() {
        limited.uid(65534).gid(65534);
    }
    limited
}

/// The smallest things that an answer can hold take more memory than their text: so many of them
/// that the whole is 8 times the text and a constant at most.
#[test]
fn memory_is_eight_times_the_text_and_a_constant() {
    needs!("prlimit");
    const CONSTANT: usize = 256 << 20;
    let sandbox = Sandbox::new();
    let list = |count: usize, item: &dyn Fn(usize) -> String| {
        let items: Vec<_> = (0..count).map(item).collect();
        format!("{{\"data\":[{}]}}", items.join(","))
    };
    let one = |nodes: String| format!(r#"{{"data":{{"id":"m","name":"m","nodes":[{nodes}]}}}}"#);
    let connections = vec!["{}"; 10_000].join(",");
    let node = format!(r#"{{"id":"p","name":"n","connections":[{connections}]}}"#);
    for (title, answer) in [
        ("one name", list(100_000, &|at| format!(r#"{{"id":"c{at}","name":"a","nodes":[]}}"#))),
        ("no name", list(100_000, &|_| "{}".to_owned())),
        ("nodes", one(vec!["{}"; 100_000].join(","))),
        ("connections", one(vec![node; 50].join(","))),
    ] {
        sandbox.write("answer.json", &answer);
        let limit = format!("--data={}", 8 * answer.len() + CONSTANT);
        for command in ["config", "check"] {
            let program = sandbox.prime_ssh([command, "--input", "answer.json"]).into_command();
            let mut limited = process::command("prlimit");
            limited.arg(&limit).arg("--").arg(program.get_program()).args(program.get_args());
            limited.current_dir(sandbox.home()).env("HOME", sandbox.home());
            let ran = process::run(&mut limited, b"");
            let code = ran.status.code();
            assert!(
                code.is_some_and(|code| code <= 6),
                "{title} {command}: {code:?} {}",
                ran.stderr
            );
        }
    }
    let over = list(100_001, &|_| "{}".to_owned());
    sandbox.write("answer.json", over);
    let told = sandbox.prime_ssh(["config", "--input", "answer.json"]).run().fails(4);
    assert!(told.contains("answer.json: data: a list of over 100000"), "{told}");
}

/// A name must be looked up, on a thread that the system does not grant.
#[test]
fn no_further_thread_or_process() {
    needs!("prlimit");
    let sandbox = Sandbox::new();
    let api = Api::serving([cluster::train()]).may_be_idle();
    let named = Cluster::new("clst01", "train")
        .node(Node::new("pod0", "node-0").connection(Connection::to("no-such-host.invalid")));
    sandbox.write("answer.json", named.answer());
    let (here, elsewhere) = (api.url(), "https://api.no-such-host.invalid".to_owned());
    for url in [&here, &elsewhere] {
        for words in [
            &["list"][..],
            &["show", "train"],
            &["check", "train", "--probe-timeout=1s"],
            &["check", "--input", "answer.json", "--probe-timeout=1s"],
            &["check", "train", "--login", "--probe-timeout=1s"],
            &["wait", "train", "--within=2s"],
            &["wait", "--all", "--within=2s"],
            &["install", "train"],
            &["sync"],
            &["cert", "train"],
            &["config", "train"],
            &["inventory", "train"],
        ] {
            let program = sandbox.prime_ssh(words).arg("--ssh-dir").arg(sandbox.path("ssh"));
            let program = program.env("PRIME_API_BASE_URL", url).env("PRIME_API_KEY", TOKEN);
            let ran = process::run(&mut limited(program.arg("--timeout=5s"), "--nproc=1"), b"");
            assert!(!ran.stderr.contains("panicked"), "{words:?} at {url}: {ran:#?}");
            let code = ran.status.code();
            assert!(code.is_some_and(|code| code <= 6), "{words:?} at {url}: {ran:#?}");
            if *url == elsewhere && words[0] == "list" {
                assert!(ran.stderr.contains("cannot find the host of"), "{ran:#?}");
            }
        }
    }
}
