//! Answers and lists that were mutated, through every command that reads them: nothing panics,
//! hangs or fills the memory, exit codes are the documented ones, and ssh reads what it should.
//!
//! The seeds are the same in every run. `FUZZ_SECONDS` says how long it takes in all.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use crate::oracle::hostile::hostile;
use crate::oracle::rules::is_refused_text;
use crate::support::alone::alone;
use crate::support::api::{Api, Reply};
use crate::support::cluster::{Cluster, Connection, Node};
use crate::support::fragment::Fragment;
use crate::support::network::Namespace;
use crate::support::process::{self, Ran};
use crate::support::sandbox::{Program, Sandbox};
use crate::support::ssh::Resolved;

/// The exit codes that `--help` lists.
const CODES: [i32; 8] = [0, 1, 2, 3, 4, 5, 6, 10];
/// What a run may take beside eight times its input, in bytes of address space: the debug build
/// alone is mapped with a hundred MiB.
const BASE_MEMORY: usize = 600 << 20;

/// Half of the time for each of the two tests.
fn deadline() -> Instant {
    let seconds = std::env::var("FUZZ_SECONDS").ok();
    let seconds = seconds.and_then(|seconds| seconds.parse().ok()).unwrap_or(60_u64);
    Instant::now() + Duration::from_secs(seconds) / 2
}

#[test]
fn mutated_files_through_every_command_that_renders() {
    needs!("prlimit", "ssh");
    let deadline = deadline();
    for seed in 0.. {
        if Instant::now() > deadline {
            break;
        }
        let mut random = fastrand::Rng::with_seed(seed);
        let text = file(&mut random);
        let sandbox = Sandbox::new();
        let answer = sandbox.write("answer.json", &text);
        let judge = |arguments: &[&str]| {
            let program = sandbox.prime_ssh(arguments).arg("--input").arg(&answer);
            judge(seed, arguments, run(program, text.len()))
        };
        let skip = random.bool();
        let skip: &[&str] = if skip { &["--skip-invalid"] } else { &[] };
        let config = judge(&[&["config"], skip].concat());
        let data = judge(&[&["render", "--print-data"], skip].concat());
        assert_eq!(config.status.code(), data.status.code(), "seed {seed}: {data:#?}");
        if config.status.success() {
            same_as_ssh_reads(&sandbox, &config.stdout, &data.stdout, &mut random);
            let exported = judge(&[&["export"], skip].concat()).succeeds();
            let exported = sandbox.write("exported.json", exported);
            let program = sandbox.prime_ssh(["config", "--input"]).arg(exported);
            assert_eq!(run(program, text.len()).succeeds(), config.stdout, "seed {seed}");
        }
        let others: [&[&str]; 7] = [
            &["inventory", "--format", "yaml"],
            &["inventory", "--format", "ini"],
            &["inventory", "--list"],
            &["show"],
            &["show", "--format", "json"],
            &["show", "--format", "plain"],
            &["install", "--dry-run"],
        ];
        judge(&[others[random.usize(..others.len())], skip].concat());
    }
}

#[test]
fn in_namespaces_mutated_answers_of_the_api_through_every_command_that_asks() {
    needs!("namespaces", "prlimit");
    alone("fuzz::in_namespaces_mutated_answers_of_the_api_through_every_command_that_asks", || {
        let _network = Namespace::own();
        let deadline = deadline();
        for seed in 0.. {
            if Instant::now() > deadline {
                break;
            }
            let mut random = fastrand::Rng::with_seed(seed);
            let text = answer(&mut random);
            let list = list(&mut random);
            let sandbox = Sandbox::new();
            sandbox.ssh_key(".ssh/id_ed25519");
            let api = Api::serving([cluster(&mut random, "clst01")]).may_be_idle();
            if random.bool() {
                // What is installed of it when it goes wrong, or nothing.
                sandbox.prime_ssh(["install", "clst01"]).asking(&api).run();
            }
            let size = text.len() + list.len();
            api.replies_below("/api/admin/clusters/", Reply::new(200, text));
            api.replies_on("/api/admin/clusters", Reply::new(200, list));
            let judge = |arguments: &[&str]| {
                let program = sandbox.prime_ssh(arguments).asking(&api).env("TERM", "dumb");
                judge(seed, arguments, run(program, size));
            };
            let each: [&[&str]; 12] = [
                &["list"],
                &["list", "--format", "json"],
                &["list", "--search", "rain", "--format", "plain"],
                &["config", "--all"],
                &["inventory", "--all", "--list"],
                &["install", "--all"],
                &["install", "clst01", "--skip-invalid"],
                &["sync", "--prune"],
                &["check", "clst01", "--probe-timeout", "1s"],
                &["wait", "clst01", "--within", "1s"],
                &["cert", "--all", "--identity-file", ".ssh/id_ed25519"],
                &["doctor"],
            ];
            for _ in 0..4 {
                judge(each[random.usize(..each.len())]);
            }
        }
    });
}

/// Many small things that say nothing, or the least: a hundred times their size before.
#[test]
fn small_answers_take_little_memory_and_time() {
    needs!("prlimit");
    let each = |count: usize, text: &dyn Fn(usize) -> String| {
        (0..count).map(text).collect::<Vec<_>>().join(",")
    };
    let nodes = |nodes: String| format!(r#"{{"data":{{"id":"m","name":"m","nodes":[{nodes}]}}}}"#);
    let empty = |count| vec!["{}"; count].join(",");
    let cases = [
        ("empty nodes", nodes(empty(2_000_000))),
        (
            "empty connections",
            nodes(each(100, &|at| {
                format!(r#"{{"id":"n{at}","name":"n","connections":[{}]}}"#, empty(10_000))
            })),
        ),
        (
            "nodes without a connection",
            nodes(each(200_000, &|at| format!(r#"{{"id":"n{at}","name":"n"}}"#))),
        ),
        (
            "connections",
            nodes(format!(
                r#"{{"id":"n","name":"n","connections":[{}]}}"#,
                each(10_000, &|at| { format!(r#"{{"podId":"p{at}","host":"h{at}","user":"u"}}"#) })
            )),
        ),
        ("keys", format!(r#"{{"id":"m","name":"m","sshKeys":[{}]}}"#, empty(2_000_000))),
        ("empty clusters", format!(r#"{{"data":[{}]}}"#, empty(90_000))),
        (
            "clusters of one name",
            format!(
                r#"{{"data":[{}]}}"#,
                each(20_000, &|at| {
                    let host = format!(r#"{{"podId":"p{at}","host":"203.0.113.1","user":"u"}}"#);
                    let node = format!(r#"{{"id":"n","name":"n","connections":[{host}]}}"#);
                    format!(r#"{{"id":"c{at}","name":"m","nodes":[{node}]}}"#)
                })
            ),
        ),
        ("clusters without end", format!(r#"{{"data":[{}]}}"#, empty(2_000_000))),
    ];
    for (what, text) in cases {
        let sandbox = Sandbox::new();
        let answer = sandbox.write("answer.json", &text);
        for skip in [&["config"][..], &["config", "--skip-invalid"]] {
            let program = sandbox.prime_ssh(skip).arg("--input").arg(&answer);
            let ran = run_within(program, (256 << 20) + 8 * text.len());
            assert!(matches!(ran.status.code(), Some(0 | 4)), "{what}: {:#?}", Excerpt(&ran));
        }
    }
}

#[test]
fn what_never_ends_or_never_starts_is_no_input() {
    needs!("mkfifo", "prlimit");
    let sandbox = Sandbox::new();
    let fifo = sandbox.path("fifo");
    process::run(process::command("mkfifo").arg(&fifo), b"").succeeds();
    for (path, told) in [
        ("/dev/full", "/dev/full"),
        ("/dev/zero", "/dev/zero"),
        ("/", "/: "),
        ("fifo", "empty instead of JSON"),
        ("nowhere", "nowhere"),
    ] {
        for command in ["config", "export", "show", "install"] {
            let program = sandbox.prime_ssh([command, "--input", path]);
            let ran = run_within(program, BASE_MEMORY);
            assert!(ran.took < Duration::from_secs(40), "{path}: {ran:#?}");
            assert!(matches!(ran.status.code(), Some(1 | 4)), "{path}: {ran:#?}");
            assert!(ran.stderr.contains(told), "{path}: {ran:#?}");
        }
    }
    // Up to the limit, and not beyond.
    let zeros = "exec \"$0\" config --input - </dev/zero";
    let mut shell = process::command("sh");
    shell.args(["-c", zeros, env!("CARGO_BIN_EXE_prime-ssh")]).env("HOME", sandbox.home());
    assert!(process::run(&mut shell, b"").fails(1).contains("256 MiB"));
    let answer = sandbox.write("answer.json", crate::support::cluster::train().answer());
    let mut shell = process::command("sh");
    let pipe = "cat \"$1\" >fifo & exec \"$0\" export --input fifo";
    shell.args(["-c", pipe, env!("CARGO_BIN_EXE_prime-ssh")]).arg(answer);
    let ran = process::run(shell.env("HOME", sandbox.home()).current_dir(sandbox.home()), b"");
    assert!(ran.succeeds().contains("clst01"));
}

#[test]
fn an_id_of_the_list_that_is_none_is_the_apis_fault() {
    needs!("ssh-keygen");
    for id in ["x".repeat(65_536), "a\nprime.train  added".to_owned(), "..".to_owned()] {
        let sandbox = Sandbox::new();
        sandbox.ssh_key("key");
        let train = crate::support::cluster::train();
        let row = json!({"id": id, "name": "x", "vaultEnabled": true});
        let api = Api::serving([train.clone()]);
        let list = json!({"total_count": 2, "data": [train.summary(), row]});
        api.replies_on("/api/admin/clusters", Reply::new(200, list.to_string()));
        for (arguments, code) in [
            (&["list"][..], 0),
            (&["config", "--all"], 4),
            (&["cert", "--all", "--identity-file", "key"], 4),
            (&["install", "--all"], 4),
        ] {
            let ran = sandbox.prime_ssh(arguments).asking(&api).run();
            let ran = judge(0, arguments, ran);
            assert_eq!(ran.status.code(), Some(code), "{arguments:?}: {:#?}", Excerpt(&ran));
        }
    }
}

/// Runs the program with as much memory as such an input may take.
fn run(program: Program, size: usize) -> Ran {
    run_within(program, BASE_MEMORY + 8 * size)
}

/// Runs the program with this much address space.
fn run_within(program: Program, memory: usize) -> Ran {
    let command = program.into_command();
    let mut limited = process::command("prlimit");
    limited.arg(format!("--as={memory}")).arg("--").arg(command.get_program());
    limited.args(command.get_args()).current_dir(command.get_current_dir().unwrap());
    for (name, value) in command.get_envs() {
        limited.env(name, value.unwrap_or_default());
    }
    // Each further one would take 64 MiB of address space.
    process::run(limited.env("MALLOC_ARENA_MAX", "1"), b"")
}

#[track_caller]
fn judge(seed: u64, arguments: &[&str], ran: Ran) -> Ran {
    let context = format!("seed {seed}, {arguments:?}: {:#?}", Excerpt(&ran));
    assert_eq!(ran.status.signal(), None, "{context}");
    assert!(CODES.contains(&ran.status.code().unwrap()), "{context}");
    assert!(!ran.stderr.contains("panicked"), "{context}");
    let acts = |c: char| c != '\n' && is_refused_text(&c.to_string());
    assert!(!ran.stderr.chars().any(acts), "{context}");
    assert!(!ran.stdout.chars().any(|c| c != '\t' && acts(c)), "{context}");
    assert!(ran.took < Duration::from_secs(40), "{context}");
    ran
}

/// What a failing test shows of a run.
struct Excerpt<'r>(&'r Ran);

impl std::fmt::Debug for Excerpt<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Ran { command, status, stdout, stderr, took } = self.0;
        let [stdout, stderr] = [stdout, stderr].map(|t| t.chars().take(2000).collect::<String>());
        write!(f, "{command}\n{status} after {took:?}\n{stderr}\n{stdout}")
    }
}

/// The fragment has the hosts of the fleet, each line is one that we write, and ssh makes of some
/// of the names what the fleet says.
fn same_as_ssh_reads(sandbox: &Sandbox, text: &str, data: &str, random: &mut fastrand::Rng) {
    let fragment = Fragment::parse(text);
    let data: Value = serde_json::from_str(data).unwrap();
    let mut fleet = BTreeMap::new();
    for cluster in data["clusters"].as_array().unwrap() {
        for host in cluster["hosts"].as_array().unwrap() {
            fleet.insert(host["alias"].as_str().unwrap().to_owned(), host.clone());
        }
        let entry = &fleet[cluster["entry"].as_str().unwrap()];
        fleet.insert(cluster["alias"].as_str().unwrap().to_owned(), entry.clone());
    }
    let aliases: BTreeSet<_> = fragment.aliases().map(str::to_owned).collect();
    assert_eq!(aliases, fleet.keys().cloned().collect());
    let path = sandbox.write("fragment", text);
    for _ in 0..3 {
        let (alias, host) = fleet.iter().nth(random.usize(..fleet.len())).unwrap();
        let resolved = Resolved::of(&path, alias);
        let text = |field: &str| host[field].as_str().map(str::to_owned);
        let of_ssh = |keyword: &str| resolved.get(keyword).map(str::to_owned);
        assert_eq!(of_ssh("hostname"), text("host_name"), "{alias}");
        assert_eq!(of_ssh("port"), Some(host["port"].to_string()), "{alias}");
        assert_eq!(of_ssh("user"), text("user"), "{alias}");
        assert_eq!(of_ssh("hostkeyalias"), text("host_key_alias"), "{alias}");
        let jump = of_ssh("proxyjump").filter(|jump| jump != "none");
        assert_eq!(jump, text("proxy_jump"), "{alias}");
    }
}

/// A cluster as it may well be.
fn cluster(random: &mut fastrand::Rng, id: &str) -> Cluster {
    let mut cluster = Cluster::new(id, "train").with("vaultEnabled", random.u8(..4) == 0);
    for at in 0..random.usize(1..5) {
        let pod = format!("{id}-pod{at}");
        let address = if random.bool() { "127.0.0.1" } else { "10.0.0.1" };
        let mut node = Node::new(&pod, &format!("node-{at}"));
        for further in 0..random.usize(..3) {
            let connection = Connection::to(address).with("podId", format!("{pod}-{further}"));
            node = node.connection(connection.with("isControlNode", at == 0));
        }
        cluster = cluster.node(node);
    }
    cluster
}

/// An answer of Get Cluster, mutated.
fn answer(random: &mut fastrand::Rng) -> Vec<u8> {
    let mut answer = serde_json::from_str(&cluster(random, "clst01").answer()).unwrap();
    for _ in 0..random.usize(..3) {
        mutate(&mut answer, random);
    }
    mutated_text(answer.to_string(), random)
}

/// A file for `--input`: an answer, a bare cluster, or several.
fn file(random: &mut fastrand::Rng) -> Vec<u8> {
    let several = match random.u8(..3) {
        0 => return answer(random),
        1 => 1,
        _ => random.usize(..4),
    };
    let mut clusters: Vec<Value> = (0..several)
        .map(|at| cluster(random, &format!("clst{at:02}")).answer())
        .map(|text| serde_json::from_str::<Value>(&text).unwrap()["data"].take())
        .collect();
    let mut file = if several == 1 { clusters.remove(0) } else { json!({"data": clusters}) };
    for _ in 0..random.usize(..3) {
        mutate(&mut file, random);
    }
    mutated_text(file.to_string(), random)
}

/// A page of List Clusters, mutated.
fn list(random: &mut fastrand::Rng) -> Vec<u8> {
    let rows =
        (0..random.usize(..4)).map(|at| cluster(random, &format!("clst{:02}", at + 1)).summary());
    let rows: Vec<Value> = rows.collect();
    let mut list = json!({"total_count": rows.len(), "offset": 0, "limit": 100, "data": rows});
    for _ in 0..random.usize(..3) {
        mutate(&mut list, random);
    }
    mutated_text(list.to_string(), random)
}

/// Changes one place somewhere below this value.
fn mutate(value: &mut Value, random: &mut fastrand::Rng) {
    let inner = match value {
        Value::Array(list) => random.choice(list.iter_mut()),
        Value::Object(map) => random.choice(map.iter_mut()).map(|(_, value)| value),
        _ => None,
    };
    match inner {
        Some(inner) if random.u8(..5) > 0 => mutate(inner, random),
        _ => change(value, random),
    }
}

fn change(value: &mut Value, random: &mut fastrand::Rng) {
    match (random.u8(..8), &mut *value) {
        (0, Value::Object(map)) => {
            let key = random.choice(map.keys().cloned().collect::<Vec<_>>());
            key.and_then(|key| map.remove(&key));
        }
        (1, Value::Object(map)) => {
            map.insert(text(random), odd(random));
        }
        (2, Value::Array(list)) => {
            let again = list.iter().cycle().take(random.usize(..200)).cloned().collect();
            *list = if list.is_empty() { vec![odd(random)] } else { again };
        }
        (3, Value::Array(list)) => *list = vec![json!({}); random.usize(..20_000)],
        (4, Value::String(text)) => *text = text.to_uppercase(),
        (5, _) => *value = json!([value.take()]),
        (6, _) => *value = Value::Object(Map::from_iter([("x".to_owned(), value.take())])),
        _ => *value = odd(random),
    }
}

/// A value that nobody expects.
fn odd(random: &mut fastrand::Rng) -> Value {
    match random.u8(..6) {
        0 => random.choice(hostile()).unwrap(),
        1 => json!(text(random)),
        2 => json!(random.i64(..)),
        3 => json!("x".repeat(random.usize(..100_000))),
        4 => json!(random.choice(["prime.train.node-1", "none", "NODE-1", "clst01", "127.0.0.1"])),
        _ => Value::Null,
    }
}

fn text(random: &mut fastrand::Rng) -> String {
    (0..random.usize(..70)).map(|_| random.char(..)).collect()
}

/// The text with what no JSON value can hold, once in a while.
fn mutated_text(text: String, random: &mut fastrand::Rng) -> Vec<u8> {
    let mut text = text.into_bytes();
    let at = random.usize(..text.len());
    match random.u8(..16) {
        0 => text.truncate(at),
        1 => text[at] = random.u8(..),
        2 => drop(text.splice(at..at, *b"\xff\xfe")),
        3 => drop(text.splice(..0, *b"\xef\xbb\xbf")),
        4 => text.extend_from_slice(b"x"),
        5 => {
            let nested = "[".repeat(random.usize(..100_000));
            let close = "]".repeat(nested.len());
            let field = format!("{{\"info\":{nested}{close},");
            text.splice(..1, field.into_bytes());
        }
        6 => drop(text.splice(..1, *b"{\"id\":\"a\",\"data\":{},")),
        _ => {}
    }
    text
}
