//! The files of `examples/templates/` as they stand, read by what they are for.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::cluster::{self, Cluster, Connection, Node};
use crate::support::process;
use crate::support::sandbox::Sandbox;
use crate::support::ssh::Resolved;

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/templates").join(name)
}

/// What an example makes of these clusters.
fn made(sandbox: &Sandbox, name: &str, clusters: &[Cluster], options: &[&str]) -> String {
    let mut program = sandbox.prime_ssh(["render", "--template"]).arg(example(name));
    for cluster in clusters {
        let answer = sandbox.write(format!("{}.json", cluster.id()), cluster.answer());
        program = program.arg("--input").arg(answer);
    }
    program.args(options).run().succeeds()
}

/// Every example says where it is read and how it is made, with the options that there are.
#[test]
fn each_begins_with_how_it_is_used() {
    let mut names: Vec<_> = fs::read_dir(example(""))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["clustershell-groups.j2", "deepspeed-hostfile.j2", "hosts.md.j2"]);
    for name in names {
        let text = fs::read_to_string(example(&name)).unwrap();
        let comment = text.strip_prefix("{#\n").and_then(|text| text.split("#}").next()).unwrap();
        assert!(comment.contains("is read"), "{name}");
        let line = comment.lines().find(|line| line.contains("prime-ssh render")).unwrap();
        assert!(line.contains(&format!("--template {name}")), "{name}: {line}");
        let made = made(&Sandbox::new(), &name, &[cluster::train()], &[]);
        assert!(made.contains("prime.train.node-2"), "{name}: {made}");
    }
}

/// As `DeepSpeed` reads it (`_parse_hostfile` in deepspeed/launcher/runner.py): comments and empty
/// lines go, any other line is a name, blanks, and `slots=` with a number; no name comes twice.
fn as_deepspeed_reads(text: &str) -> BTreeMap<String, u32> {
    let mut pool = BTreeMap::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if line.starts_with('#') {
            continue;
        }
        let (host, rest) = line.split_once(char::is_whitespace).expect("a bad entry");
        let slots = rest.trim_start().strip_prefix("slots=").expect("a bad entry");
        let digits = slots.find(|c: char| !c.is_ascii_digit()).unwrap_or(slots.len());
        let slots = slots[..digits].parse().expect("a bad entry");
        assert_eq!(pool.insert(host.to_owned(), slots), None, "multiple entries for {host}");
    }
    assert!(!pool.is_empty(), "the hostfile is empty");
    pool
}

/// A head node without GPUs, one node with two ways in, one with four GPUs, and one on its way.
fn mixed() -> Cluster {
    let login = Connection::to("203.0.113.12").with("role", "login");
    Cluster::new("clst01", "train")
        .node(Node::control("pod0", "head", "203.0.113.10").with("gpuCount", 0))
        .node(Node::worker("pod1", "node-1", "10.0.0.11").connection(login))
        .node(Node::worker("pod2", "node-2", "10.0.0.12").with("gpuCount", 4))
        .node(Node::new("pod3", "node-3"))
}

#[test]
fn deepspeed_runs_on_every_gpu_once() {
    let text = made(&Sandbox::new(), "deepspeed-hostfile.j2", &[mixed()], &[]);
    let pool = as_deepspeed_reads(&text);
    let expected = [("prime.train.node-1", 8), ("prime.train.node-2", 4)];
    assert_eq!(pool, expected.map(|(host, slots)| (host.to_owned(), slots)).into());
}

#[test]
fn the_head_node_knows_the_names_of_the_hostfile() {
    needs!("ssh");
    let sandbox = Sandbox::new();
    let pool = as_deepspeed_reads(&made(&sandbox, "deepspeed-hostfile.j2", &[mixed()], &[]));
    let config = ["config", "--jump", "never", "--identity-file", "none", "--input", "clst01.json"];
    let fragment = sandbox.write("prime-train", sandbox.prime_ssh(config).run().succeeds());
    for host in pool.keys() {
        let resolved = Resolved::of(&fragment, host);
        assert!(resolved.get("hostname").unwrap().starts_with("10.0.0."), "{host}");
        assert_eq!(resolved.get("proxyjump").filter(|&jump| jump != "none"), None, "{host}");
    }
}

/// Texts that would break out of a cell, or of a file of groups.
const HOSTILE: [&str; 12] = [
    "a|b",
    "a\\|b\\",
    "`code` | x",
    "<img src=x onerror=alert(1)>",
    "![x](http://evil.example/x.png)",
    "[link](javascript:alert(1))",
    "\"quoted\", it's",
    "$(touch canary)",
    "*bold* _it_ ~~no~~",
    "@everyone",
    "- x: [y, {z}] # &a *a !!python",
    "日本",
];

fn hostile() -> Cluster {
    let cluster = Cluster::new("clst01", HOSTILE[3]);
    HOSTILE.iter().enumerate().fold(cluster, |cluster, (at, text)| {
        let way = Connection::to(&format!("203.0.113.{}", at + 1)).with("role", *text);
        let node = Node::new(&format!("pod{at}"), &format!("node {text} {at}"));
        cluster.node(node.connection(way).with("status", *text).with("gpuName", *text))
    })
}

#[test]
fn a_table_stays_a_table() {
    let sandbox = Sandbox::new();
    let text = made(&sandbox, "hosts.md.j2", &[hostile()], &[]);
    let rows: Vec<_> = text.lines().filter(|line| line.starts_with('|')).collect();
    assert_eq!(rows.len(), 2 + HOSTILE.len(), "{text}");
    for row in rows.iter().skip(2) {
        // Nothing needs a backslash, so every bar is the edge of a cell.
        let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [alias, role, status, gpus] = cells.as_slice() else { panic!("{row}") };
        let alias = alias.strip_prefix('`').and_then(|alias| alias.strip_suffix('`')).unwrap();
        assert!(alias.starts_with("prime.") && !alias.contains('`'), "{row}");
        for text in [*role, *status, *gpus] {
            assert!(!text.contains(['\\', '`', '<', '>', '[', ']', '*', '_', '~', '@']), "{row}");
        }
        // What a browser shows of it is what the API says.
        let shown = unescaped(role);
        assert!(HOSTILE.contains(&shown.as_str()), "{shown}");
        assert_eq!((unescaped(status), unescaped(gpus)), (shown.clone(), format!("8 {shown}")));
    }
    let heading = text.lines().next().unwrap();
    assert!(heading.starts_with("## ") && !heading.contains('<'), "{heading}");
}

/// A text of HTML as it is shown.
fn unescaped(text: &str) -> String {
    let mut shown = String::new();
    let mut parts = text.split('&');
    shown.push_str(parts.next().unwrap());
    for part in parts {
        let (entity, behind) = part.split_once(';').unwrap_or_else(|| panic!("a bare &: {text}"));
        let number = entity.strip_prefix("#x").map(|hex| u32::from_str_radix(hex, 16));
        let number = number.or_else(|| entity.strip_prefix('#').map(str::parse));
        shown.push(match (number, entity) {
            (Some(number), _) => char::from_u32(number.unwrap()).unwrap(),
            (None, "amp") => '&',
            (None, "lt") => '<',
            (None, "gt") => '>',
            (None, "quot") => '"',
            (None, other) => panic!("&{other};"),
        });
        shown.push_str(behind);
    }
    shown
}

/// `ClusterShell` with these groups as the example says, for this user alone.
struct ClusterShell {
    sandbox: Sandbox,
}

impl ClusterShell {
    fn with(clusters: &[Cluster]) -> Self {
        let sandbox = Sandbox::new();
        let folder = ".config/clustershell";
        let conf = "[Main]\ndefault: prime\nautodir: $CFGDIR/groups.d\n";
        let comment = fs::read_to_string(example("clustershell-groups.j2")).unwrap();
        for line in conf.lines() {
            assert!(comment.contains(line), "the example says {line}");
        }
        sandbox.write(format!("{folder}/groups.conf"), conf);
        let groups = made(&sandbox, "clustershell-groups.j2", clusters, &[]);
        sandbox.write(format!("{folder}/groups.d/prime.yaml"), groups);
        Self { sandbox }
    }

    /// What `nodeset` says, in words.
    fn nodeset(&self, arguments: &[&str]) -> Vec<String> {
        let program = Path::new(env!("CARGO_BIN_EXE_prime-ssh"));
        let target = program.ancestors().nth(2).expect("the program is in target/<profile>");
        let nodeset = target.join("clustershell/bin/nodeset");
        assert!(nodeset.exists(), "no nodeset in {}: run tests/run", nodeset.display());
        let mut command = process::command(nodeset);
        command.args(arguments).current_dir(self.sandbox.home());
        command.env("HOME", self.sandbox.home()).env("PATH", "/usr/bin:/bin");
        let ran = process::run(&mut command, b"");
        assert_eq!(ran.stderr, "", "{arguments:?}");
        let mut words: Vec<_> = ran.succeeds().split_whitespace().map(str::to_owned).collect();
        words.sort();
        words
    }
}

#[test]
fn nodeset_knows_the_groups_of_the_inventory() {
    needs!("clustershell");
    let eval = Cluster::new("clst02", "eval-7").node(Node::control("p9", "head", "203.0.113.9"));
    let shell = ClusterShell::with(&[mixed(), eval]);
    let train = |names: &[&str]| {
        let mut names: Vec<_> = names.iter().map(|name| format!("prime.train.{name}")).collect();
        names.sort();
        names
    };
    let all = train(&["head", "node-1", "node-1-login", "node-2"]);
    assert_eq!(shell.nodeset(&["-e", "@prime:prime_train"]), all);
    assert_eq!(shell.nodeset(&["-e", "@prime:prime_eval_7"]), ["prime.eval-7.head"]);
    let everything = [&["prime.eval-7.head".to_owned()], &all[..]].concat();
    assert_eq!(shell.nodeset(&["-e", "-a"]), everything);
    assert_eq!(shell.nodeset(&["-e", "@control"]), ["prime.eval-7.head", "prime.train.head"]);
    assert_eq!(shell.nodeset(&["-e", "@prime:worker"]), all[1..]);
    assert_eq!(shell.nodeset(&["-e", "@role_login"]), train(&["node-1-login"]));
    // As the example says.
    let workers = shell.nodeset(&["-f", "@prime:gpu_h100_80gb!@prime:control"]);
    assert_eq!(workers, ["prime.train.node-[1-2],prime.train.node-1-login"]);
    assert_eq!(shell.nodeset(&["-l", "prime.train.node-2"]).len(), 6);
}

#[test]
fn nodeset_reads_groups_of_any_texts() {
    needs!("clustershell");
    let shell = ClusterShell::with(&[hostile()]);
    let all = shell.nodeset(&["-e", "-a"]);
    assert_eq!(all.len(), HOSTILE.len());
    // Two of them make one name.
    assert_eq!(shell.nodeset(&["-e", "@role_a_b"]).len(), 2);
    assert_eq!(shell.nodeset(&["-e", "@role_touch_canary"]).len(), 1);
    let groups = shell.nodeset(&["-l"]);
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    assert!(groups.iter().all(|group| group.trim_start_matches('@').chars().all(plain)));
    assert!(!shell.sandbox.path("canary").exists());
}
