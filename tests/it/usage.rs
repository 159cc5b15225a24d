//! What the command line refuses, and what its options do to the hosts.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::support::cluster::{self, Cluster, Connection, Node};
use crate::support::fragment::Fragment;
use crate::support::process::{self, Ran};
use crate::support::sandbox::{Program, Sandbox};

struct Desk {
    sandbox: Sandbox,
    answer: PathBuf,
}

impl Desk {
    fn of(cluster: &Cluster) -> Self {
        let sandbox = Sandbox::new();
        let answer = sandbox.write("answer.json", cluster.answer());
        Self { sandbox, answer }
    }

    fn config(&self, arguments: &[&str]) -> Ran {
        let program = self.sandbox.prime_ssh(["config", "--input"]).arg(&self.answer);
        arguments.iter().fold(program, Program::arg).run()
    }

    #[track_caller]
    fn fragment(&self, arguments: &[&str]) -> Fragment {
        Fragment::parse(&self.config(arguments).succeeds())
    }

    #[track_caller]
    fn names(&self, arguments: &[&str]) -> String {
        let fragment = self.fragment(arguments);
        fragment
            .aliases()
            .map(|a| a.trim_start_matches("prime.train"))
            .collect::<Vec<_>>()
            .join(" ")
    }
}

#[test]
fn what_cannot_be_meant_is_refused_before_anything_is_done() {
    let desk = Desk::of(&cluster::train());
    for arguments in [
        &["--prefix", ""][..],
        &["--prefix", "a.b"],
        &["--prefix", "none"],
        &["--prefix", "A"],
        &["--user", "a b"],
        &["--user", "-l"],
        &["--user", "%h"],
        &["--identity-file", "/a\nb"],
        &["--identity-file", "/a\"b"],
        &["--identity-file", "/%d/key"],
        &["--known-hosts", "/${HOME}/x"],
        &["--host-keys", "no"],
        &["--jump", "sometimes"],
        &["--jump-via", "-oProxyCommand=x"],
        &["--jump-via", "a b"],
        &["--jump-via", "host:0"],
        &["--jump-via", "prime.train.node-1"],
        &["--jump-via", "prime.train"],
        &["--jump-via", "10.0.0.12"],
        &["--timeout", "0"],
        &["--timeout", "-1"],
        &["--only", "both"],
        &["--node", "["],
        &["--team", "t1"],
        &["--check"],
        &["--all"],
        &["clst01"],
        &["--token", "x"],
    ] {
        let ran = desk.config(arguments);
        assert_eq!(ran.stdout, "", "{arguments:?}");
        ran.fails(2);
    }
}

#[test]
fn an_ssh_option_is_one_plain_line_that_ssh_knows() {
    let desk = Desk::of(&cluster::train());
    for option in [
        "Host=x",
        "match=all",
        "Include=/x",
        "HostName=x",
        "hostname=x",
        "Port=1",
        "HostKeyAlias=x",
        "ProxyJump=x",
        "ProxyCommand=x",
        "PROXYCOMMAND=x",
        "ControlPath=/x",
        "User",
        "=x",
        "NoSuchOption=x",
        "ServerAliveInterval=5\nProxyCommand x",
        "ServerAliveInterval=5\rx",
        "ServerAliveInterval",
        "LogLevel=\u{1b}[2J",
        "",
    ] {
        let ran = desk.config(&["--ssh-option", option]);
        assert_eq!(ran.stdout, "", "{option:?}");
        ran.fails(2);
    }
    let text = desk
        .config(&["--ssh-option", "serveraliveinterval=5", "--ssh-option", "ForwardAgent=yes"])
        .succeeds();
    let lines: Vec<_> = text.lines().map(str::to_ascii_lowercase).collect();
    let of = |keyword: &str| {
        lines.iter().filter(|line| line.trim_start().starts_with(keyword)).collect::<Vec<_>>()
    };
    assert_eq!(of("serveraliveinterval"), ["  serveraliveinterval 5"]);
    assert_eq!(of("forwardagent"), ["  forwardagent yes"]);
}

#[test]
fn hosts_are_chosen_and_the_way_to_them_stays() {
    let desk = Desk::of(&cluster::train());
    let everything = ".node-0  .node-1 .node-2";
    assert_eq!(desk.names(&[]), everything);
    assert_eq!(desk.names(&["--only", "control"]), ".node-0 ");
    assert_eq!(desk.names(&["--only", "worker"]), everything, "they jump through the first");
    assert_eq!(desk.names(&["--node", "node-2"]), ".node-0  .node-2");
    assert_eq!(desk.names(&["--node", "*-[01]", "--node", "x"]), ".node-0  .node-1");
    assert_eq!(desk.names(&["--node", "prime.train.*-1"]), ".node-0  .node-1");
    assert_eq!(desk.names(&["--role", "worker", "--jump", "never"]), ".node-1  .node-2");
    let text = desk.config(&["--only", "worker"]).succeeds();
    let comment = text.lines().position(|line| line.starts_with("# jump only")).unwrap();
    assert!(
        text.lines().nth(comment + 1).unwrap().starts_with("Host prime.train.node-0"),
        "{text}"
    );
    let told = desk.config(&["--role", "storage"]).fails(4);
    assert!(told.contains("no host has that --role; here are CONTROLLER, WORKER"), "{told}");
    let told = desk.config(&["--role", "worker", "--only", "control"]).fails(4);
    assert!(told.contains("no host fits --role, --only and --node"), "{told}");
}

#[test]
fn nodes_that_left_are_told_and_can_be_asked_for() {
    let cluster = cluster::train()
        .node(
            Node::worker("pod3", "node-3", "10.0.0.13")
                .with("terminatedAt", "2026-07-03T00:00:00Z"),
        )
        .node(Node::worker("pod4", "node-4", "10.0.0.14").with("isDetached", true))
        .node(
            Node::new("pod5", "node-5")
                .with("status", "PROVISIONING")
                .with("installationProgress", 40),
        );
    let desk = Desk::of(&cluster);
    let ran = desk.config(&[]);
    for (node, why) in [
        ("node-3", "terminated"),
        ("node-4", "detached"),
        ("node-5", "PROVISIONING"),
        ("node-5", "40"),
    ] {
        let told = ran.stderr.lines().any(|line| line.contains(node) && line.contains(why));
        assert!(told, "{node}, {why}: {}", ran.stderr);
    }
    let quiet = desk.config(&["-q"]);
    assert_eq!((quiet.stderr.as_str(), &quiet.stdout), ("", &ran.stdout));
    assert_eq!(desk.names(&[]), ".node-0  .node-1 .node-2");
    assert_eq!(desk.names(&["--include-inactive"]), ".node-0  .node-1 .node-2 .node-3 .node-4");
}

#[test]
fn hosts_with_no_way_in_are_named() {
    let cluster = Cluster::new("clst01", "train")
        .node(Node::worker("pod0", "node-0", "10.0.0.10"))
        .node(Node::worker("pod1", "node-1", "203.0.113.11"));
    let desk = Desk::of(&cluster);
    let told = desk.config(&[]).stderr;
    assert!(told.lines().any(|l| l.contains("node-0") && l.contains("--jump-via")), "{told}");
    let text = desk.config(&["--jump-via", "me@gate:2200"]).succeeds();
    let jumps: Vec<_> = text.lines().filter(|line| line.contains("ProxyJump")).collect();
    assert_eq!(jumps, ["  ProxyJump me@gate:2200"]);
}

#[test]
fn each_way_into_a_node_has_a_name_that_tells_it_apart() {
    let node = Node::new("pod0", "node-0")
        .connection(Connection::to("203.0.113.10").control())
        .connection(Connection::to("203.0.113.10").with("port", 2222).with("role", "Login Shell"))
        .connection(Connection::to("203.0.113.10").with("port", 2222).with("role", "Login Shell"))
        .connection(Connection::to("203.0.113.11").with("role", "CONTROLLER"));
    let desk = Desk::of(&Cluster::new("clst01", "train").node(node));
    let names = desk.names(&[]);
    let names: Vec<_> = names.split(' ').collect();
    let [".node-0", "", second, third] = names.as_slice() else { panic!("{names:?}") };
    let mut further = [*second, *third];
    further.sort_unstable_by_key(|name| name.ends_with("-shell"));
    assert_eq!(further[1], ".node-0-login-shell");
    let hash = further[0].strip_prefix(".node-0-").unwrap();
    assert!(hash.len() == 8 && hash.bytes().all(|b| b.is_ascii_hexdigit()), "{names:?}");
}

#[test]
fn a_command_without_clusters_names_every_way_to_say_which() {
    let desk = Desk::of(&cluster::train());
    for command in ["cert", "uninstall"] {
        let told = desk.sandbox.prime_ssh([command]).run().fails(2);
        assert!(told.contains("<CLUSTER|--all>"), "{told}");
    }
}

#[test]
fn help_names_variables_and_not_what_they_hold() {
    let desk = Desk::of(&cluster::train());
    let program = desk.sandbox.prime_ssh(["config", "--help"]);
    let help = program.env("PRIME_SSH_USER", "alice").run().succeeds();
    assert!(help.contains("[env: PRIME_SSH_USER]"), "{help}");
    assert!(!help.contains("alice"), "{help}");
}

#[test]
fn a_word_that_is_no_command_is_told_what_it_may_mean() {
    let sandbox = Sandbox::new();
    for (word, hint) in [
        ("train", "to install a cluster named train, use `prime-ssh install train`"),
        ("clst01", "`prime-ssh install clst01`"),
        ("instal", "did you mean `prime-ssh install`?"),
        ("inventroy", "did you mean `prime-ssh inventory`?"),
        ("prime.train.node-1", "`ssh prime.train.node-1`"),
        ("version", "use `prime-ssh --version`"),
        ("ssh", "use `ssh prime.CLUSTER`"),
        ("status", "use `prime-ssh show CLUSTER`"),
        ("remove", "use `prime-ssh uninstall CLUSTER`"),
        ("rm", "use `prime-ssh uninstall CLUSTER`"),
        ("update", "use `prime-ssh sync`"),
        ("login", "use `prime login`"),
        ("ls", "use `prime-ssh list`"),
        ("my cluster", "see `prime-ssh --help` for the commands"),
        ("$(touch ran)", "see `prime-ssh --help` for the commands"),
        ("a\n\u{1b}[2Jb", "see `prime-ssh --help` for the commands"),
        ("", "see `prime-ssh --help` for the commands"),
    ] {
        let told = sandbox.prime_ssh([word, "--json"]).run().fails(2);
        assert!(told.starts_with("error: unknown command `"), "{told}");
        assert!(told.contains(hint), "{word:?}: {told}");
        assert!(!told.contains('\u{1b}') && told.lines().count() == 3, "{told}");
    }
    let long = sandbox.prime_ssh(["x".repeat(5000)]).run().fails(2);
    assert!(long.len() < 300, "{long}");
}

#[test]
fn alone_it_gives_the_short_help() {
    let sandbox = Sandbox::new();
    let alone = sandbox.prime_ssh([""; 0]).run().fails(2);
    let short = sandbox.prime_ssh(["-h"]).run().succeeds();
    assert_eq!(alone, short);
    assert!(short.contains("  install ") && !short.contains("--token-file"), "{short}");
    let long = sandbox.prime_ssh(["--help"]).run().succeeds();
    assert!(long.contains("--token-file") && long.contains("Exit codes:"), "{long}");
}

#[test]
fn the_help_fits_a_terminal() {
    let sandbox = Sandbox::new();
    let commands = crate::in_step::commands();
    for command in commands.iter().map(String::as_str).chain([""]) {
        for option in ["-h", "--help"] {
            let words = [command, option].into_iter().filter(|word| !word.is_empty());
            let help = sandbox.prime_ssh(words).env("COLUMNS", "80").run().succeeds();
            // A usage stays one line, to be copied.
            for line in help.lines().filter(|line| !line.starts_with("Usage: ")) {
                assert!(line.chars().count() <= 80, "{command} {option}: {line}");
            }
        }
    }
}

#[test]
fn a_boolean_in_a_variable_is_yes_or_no_in_any_spelling_and_nothing_else() {
    let desk = Desk::of(
        &cluster::train()
            .node(Node::worker("pod3", "node-3", "10.0.0.13").with("isDetached", true)),
    );
    let program = |variable: &str, value: &str| {
        let command = if variable.contains("INACTIVE") { "config" } else { "inventory" };
        let command = if variable.contains("NO_REFRESH") { "cert" } else { command };
        let program = desk.sandbox.prime_ssh([command]).env(variable, value);
        let program = if command == "cert" {
            program.args(["--ensure", "train", "--identity-file", "key"])
        } else {
            program.arg("--input").arg(&desk.answer)
        };
        program.run()
    };
    for (value, shown) in
        [("1", true), ("TRUE", true), ("yes", true), ("0", false), ("false", false), ("No", false)]
    {
        let text = program("PRIME_SSH_INCLUDE_INACTIVE", value).succeeds();
        assert_eq!(text.contains("node-3"), shown, "{value}");
    }
    program("PRIME_SSH_NO_REFRESH", "yes").succeeds();
    for variable in [
        "INCLUDE_INACTIVE",
        "SKIP_INVALID",
        "REQUIRE_ALL",
        "USE_SSH_CONFIG",
        "REFRESH",
        "OFFLINE",
        "NO_REFRESH",
    ] {
        let variable = format!("PRIME_SSH_{variable}");
        for value in ["maybe", "2", "-", " "] {
            let told = program(&variable, value).fails(2);
            assert!(told.contains(&variable), "{variable}={value}: {told}");
        }
    }
}

#[test]
fn what_a_variable_says_is_not_blamed_on_an_option() {
    let sandbox = Sandbox::new();
    for (variable, value, command) in [
        ("PRIME_SSH_JUMP", "sometimes", "config"),
        ("PRIME_SSH_USER", "a b", "inventory"),
        ("PRIME_SSH_NODE", "a,[", "config"),
        ("PRIME_SSH_TIMEOUT", "soon", "sync"),
    ] {
        let program = || sandbox.prime_ssh([command, "train"]).env(variable, value);
        let told = program().run().fails(2);
        assert!(told.contains(&format!("for '{variable}'")), "{told}");
        let option = variable.replace("PRIME_SSH_", "--").to_lowercase();
        let typed = program().arg(format!("{option}={value}")).run().fails(2);
        assert!(typed.contains(&format!("for '{option} ")) && !typed.contains(variable), "{typed}");
    }
    let told = sandbox.prime_ssh(["--list"]).env("PRIME_SSH_CLUSTERS", "a");
    let told = told.env("PRIME_SSH_CACHE", "x").run().fails(2);
    assert!(told.contains("PRIME_SSH_CACHE") && told.lines().count() == 1, "{told}");
}

#[test]
fn the_examples_of_the_help_can_be_read() {
    let sandbox = Sandbox::new();
    let ansible = sandbox.write("bin/ansible", "#!/bin/sh\n");
    fs::set_permissions(&ansible, Permissions::from_mode(0o755)).unwrap();
    fs::create_dir_all(sandbox.path(".local/share/man/man1")).unwrap();
    let built = Path::new(env!("CARGO_BIN_EXE_prime-ssh")).parent().unwrap();
    let path = format!("{}:{}:/usr/bin:/bin", sandbox.path("bin").display(), built.display());
    for command in crate::in_step::commands() {
        let help = sandbox.prime_ssh([&command, "--help"]).run().succeeds();
        let (_, examples) = help.split_once("\nExamples:\n").expect(&command);
        for example in examples.lines().take_while(|line| !line.is_empty()) {
            let mut bash = process::command("bash");
            bash.args(["-c", example]).current_dir(sandbox.home()).env_clear();
            bash.env("PATH", &path).env("HOME", sandbox.home());
            // There is no token, so that nothing is asked and all that is typed is read.
            let told = process::run(&mut bash, b"").stderr;
            assert!(!told.contains("--help"), "{example}: {told}");
        }
    }
}
