//! What the command line refuses, and what its options do to the hosts.

use std::fs;
use std::path::Path;

use crate::support::cluster::{self, Cluster, Connection, Node};
use crate::support::fragment::Fragment;
use crate::support::process::{self, Ran};
use crate::support::sandbox::Sandbox;
use crate::support::snapshot::Transcript;

/// `config` of the saved answer.
fn config(sandbox: &Sandbox, arguments: &[&str]) -> Ran {
    sandbox.prime_ssh(["config", "--input", "answer.json"]).args(arguments).run()
}

/// The names that it prints, without `prime.train`.
#[track_caller]
fn names(sandbox: &Sandbox, arguments: &[&str]) -> String {
    let fragment = Fragment::parse(&config(sandbox, arguments).succeeds());
    let names: Vec<_> =
        fragment.aliases().map(|alias| alias.trim_start_matches("prime.train")).collect();
    names.join(" ")
}

#[test]
fn what_cannot_be_meant_is_refused_before_anything_is_done() {
    let (sandbox, mut told) = (Sandbox::with_answer(&cluster::train()), Transcript::default());
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
        let ran = config(&sandbox, arguments);
        assert_eq!(ran.stdout, "", "{arguments:?}");
        told.add(arguments.join(" ").escape_debug(), ran.fails(2));
    }
    snapshot!(told);
}

#[test]
fn an_ssh_option_is_one_plain_line_that_ssh_knows() {
    let (sandbox, mut told) = (Sandbox::with_answer(&cluster::train()), Transcript::default());
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
        let ran = config(&sandbox, &["--ssh-option", option]);
        assert_eq!(ran.stdout, "", "{option:?}");
        told.add(option.escape_debug(), ran.fails(2));
    }
    snapshot!(told);
    let options = ["--ssh-option", "serveraliveinterval=5", "--ssh-option", "ForwardAgent=yes"];
    let text = config(&sandbox, &options).succeeds();
    let lines: Vec<_> = text.lines().map(str::to_ascii_lowercase).collect();
    let of = |keyword: &str| {
        lines.iter().filter(|line| line.trim_start().starts_with(keyword)).collect::<Vec<_>>()
    };
    assert_eq!(of("serveraliveinterval"), ["  serveraliveinterval 5"]);
    assert_eq!(of("forwardagent"), ["  forwardagent yes"]);
}

#[test]
fn hosts_are_chosen_and_the_way_to_them_stays() {
    let sandbox = Sandbox::with_answer(&cluster::train());
    // All workers jump through the first node.
    for (arguments, expected) in [
        (&[][..], ".node-0  .node-1 .node-2"),
        (&["--only", "control"], ".node-0 "),
        (&["--only", "worker"], ".node-0  .node-1 .node-2"),
        (&["--node", "node-2"], ".node-0  .node-2"),
        (&["--node", "*-[01]", "--node", "x"], ".node-0  .node-1"),
        (&["--node", "prime.train.*-1"], ".node-0  .node-1"),
        (&["--role", "worker", "--jump", "never"], ".node-1  .node-2"),
    ] {
        assert_eq!(names(&sandbox, arguments), expected, "{arguments:?}");
    }
    let text = config(&sandbox, &["--only", "worker"]).succeeds();
    let comment = text.lines().position(|line| line.starts_with("# jump only")).unwrap();
    assert!(
        text.lines().nth(comment + 1).unwrap().starts_with("Host prime.train.node-0"),
        "{text}"
    );
    snapshot!(config(&sandbox, &["--role", "storage"]).fails(4), @"error: nothing to render for train (clst01): no host has that --role; the roles are CONTROLLER, WORKER");
    snapshot!(config(&sandbox, &["--role", "worker", "--only", "control"]).fails(4), @"error: nothing to render for train (clst01): no host matches --role, --only, and --node");
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
    let sandbox = Sandbox::with_answer(&cluster);
    let ran = config(&sandbox, &[]);
    snapshot!(ran.stderr, @"
    note: train (clst01): skipped node-3: terminated
    note: train (clst01): skipped node-4: detached from the cluster
    note: train (clst01): skipped node-5: no connection yet, status PROVISIONING, installation progress 40
    ");
    let quiet = config(&sandbox, &["-q"]);
    assert_eq!((quiet.stderr.as_str(), &quiet.stdout), ("", &ran.stdout));
    assert_eq!(names(&sandbox, &[]), ".node-0  .node-1 .node-2");
    let all = ".node-0  .node-1 .node-2 .node-3 .node-4";
    assert_eq!(names(&sandbox, &["--include-inactive"]), all);
}

#[test]
fn hosts_with_no_way_in_are_named() {
    let cluster = Cluster::new("clst01", "train")
        .node(Node::worker("pod0", "node-0", "10.0.0.10"))
        .node(Node::worker("pod1", "node-1", "203.0.113.11"));
    let sandbox = Sandbox::with_answer(&cluster);
    snapshot!(config(&sandbox, &[]).stderr, @"
    note: train (clst01): no control node here: prime.train leads to prime.train.node-0
    note: train (clst01): node-0: at a private address with no jump host; `--jump-via HOST` names one for workers
    ");
    let text = config(&sandbox, &["--jump-via", "me@gate:2200"]).succeeds();
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
    let sandbox = Sandbox::with_answer(&Cluster::new("clst01", "train").node(node));
    let names = names(&sandbox, &[]);
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
    let (sandbox, mut told) = (Sandbox::new(), Transcript::default());
    for command in ["cert", "uninstall"] {
        told.add(command, sandbox.prime_ssh([command]).run().fails(2));
    }
    snapshot!(told);
}

#[test]
fn help_names_variables_and_not_what_they_hold() {
    let sandbox = Sandbox::new();
    let program = sandbox.prime_ssh(["config", "--help"]);
    let help = program.env("PRIME_SSH_USER", "alice").run().succeeds();
    assert!(help.contains("[env: PRIME_SSH_USER]"), "{help}");
    assert!(!help.contains("alice"), "{help}");
}

#[test]
fn a_word_that_is_no_command_is_told_what_it_may_mean() {
    let (sandbox, mut told) = (Sandbox::new(), Transcript::default());
    for word in [
        "train",
        "clst01",
        "instal",
        "inventroy",
        "prime.train.node-1",
        "version",
        "ssh",
        "status",
        "remove",
        "rm",
        "update",
        "login",
        "ls",
        "my cluster",
        "$(touch ran)",
        "a\n\u{1b}[2Jb",
        "",
        &"x".repeat(5000),
    ] {
        let title = word.get(..40).unwrap_or(word).escape_debug();
        told.add(title, sandbox.prime_ssh([word, "--json"]).run().fails(2));
    }
    snapshot!(told);
}

/// No cluster is called `--all`, so nothing is gained by passing that as a value.
#[test]
fn an_option_that_is_none_is_no_name() {
    let sandbox = Sandbox::new();
    for words in [&["sync", "--all"][..], &["install", "train", "--jmp", "x"], &["list", "--al"]] {
        let told = sandbox.prime_ssh(words).run().fails(2);
        assert!(told.contains("unexpected argument '--") && !told.contains("as a value"), "{told}");
    }
    let told = sandbox.prime_ssh(["install", "train", "--jmp", "x"]).run().fails(2);
    assert!(told.contains("a similar argument exists: '--jump'"), "{told}");
}

#[test]
fn alone_it_gives_the_short_help() {
    let sandbox = Sandbox::new();
    let alone = sandbox.prime_ssh([""; 0]).run().fails(2);
    let short = sandbox.prime_ssh(["-h"]).run().succeeds();
    assert_eq!(alone, short);
}

#[test]
fn the_help_fits_a_terminal() {
    let (sandbox, mut told) = (Sandbox::new(), Transcript::default());
    let commands = crate::in_step::commands();
    for command in commands.iter().map(String::as_str).chain([""]) {
        for option in ["-h", "--help"] {
            let words = [command, option].into_iter().filter(|word| !word.is_empty());
            let help = sandbox.prime_ssh(words).env("COLUMNS", "80").run().succeeds();
            told.add(format!("{command} {option}"), &help);
            // A usage stays one line, to be copied.
            for line in help.lines().filter(|line| !line.starts_with("Usage: ")) {
                assert!(line.chars().count() <= 80, "{command} {option}: {line}");
            }
        }
    }
    snapshot!(told);
}

#[test]
fn a_boolean_in_a_variable_is_yes_or_no_in_any_spelling_and_nothing_else() {
    let detached = Node::worker("pod3", "node-3", "10.0.0.13").with("isDetached", true);
    let sandbox = Sandbox::with_answer(&cluster::train().node(detached));
    let program = |variable: &str, value: &str| {
        let program = match variable {
            "PRIME_SSH_NO_REFRESH" => {
                sandbox.prime_ssh(["cert", "--ensure", "train", "--identity-file", "key"])
            }
            "PRIME_SSH_INCLUDE_INACTIVE" => sandbox.prime_ssh(["config", "--input", "answer.json"]),
            _ => sandbox.prime_ssh(["inventory", "--input", "answer.json"]),
        };
        program.env(variable, value).run()
    };
    for (value, shown) in [
        ("1", true),
        ("TRUE", true),
        ("yes", true),
        ("0", false),
        ("false", false),
        ("No", false),
        ("", false),
    ] {
        let text = program("PRIME_SSH_INCLUDE_INACTIVE", value).succeeds();
        assert_eq!(text.contains("node-3"), shown, "{value}");
    }
    program("PRIME_SSH_NO_REFRESH", "yes").succeeds();
    let mut told = Transcript::default();
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
        for value in ["maybe", "2", "-", " ", "on"] {
            told.add(format!("{variable}={value}"), program(&variable, value).fails(2));
        }
    }
    snapshot!(told);
}

#[test]
fn what_a_variable_says_is_not_blamed_on_an_option() {
    let (sandbox, mut told) = (Sandbox::new(), Transcript::default());
    for (variable, value, command) in [
        ("PRIME_SSH_JUMP", "sometimes", "config"),
        ("PRIME_SSH_USER", "a b", "inventory"),
        ("PRIME_SSH_NODE", "a,[", "config"),
        ("PRIME_SSH_TIMEOUT", "soon", "sync"),
    ] {
        let program = || sandbox.prime_ssh([command, "train"]).env(variable, value);
        told.add(format!("{variable}={value}"), program().run().fails(2));
        let typed = format!("{}={value}", variable.replace("PRIME_SSH_", "--").to_lowercase());
        told.add(&typed, program().arg(&typed).run().fails(2));
    }
    let live = sandbox.prime_ssh(["--list"]).env("PRIME_SSH_CLUSTERS", "a");
    told.add("to Ansible, in one line", live.env("PRIME_SSH_CACHE", "x").run().fails(2));
    snapshot!(told);
}

#[test]
fn what_a_variable_says_of_a_path_is_not_blamed_on_an_option() {
    let sandbox = Sandbox::with_answer(&cluster::train());
    for (variable, option) in [
        ("PRIME_SSH_DIR", "--ssh-dir"),
        ("PRIME_SSH_IDENTITY_FILE", "--identity-file"),
        ("PRIME_SSH_CERTIFICATE_FILE", "--certificate-file"),
        ("PRIME_SSH_KNOWN_HOSTS", "--known-hosts"),
    ] {
        let program = || sandbox.prime_ssh(["config", "--input", "answer.json"]);
        let of_variable = program().env(variable, "/a\"b").run().fails(2);
        assert!(of_variable.starts_with(&format!("error: {variable}: ")), "{of_variable}");
        let typed = program().args([option, "/a\"b"]).run().fails(2);
        assert!(typed.starts_with(&format!("error: {option}: ")), "{typed}");
    }
}

/// clap drops a requirement that conflicts with something typed.
#[test]
fn an_option_that_needs_another_is_refused_where_that_cannot_be() {
    let sandbox = Sandbox::with_answer(&cluster::train());
    for arguments in [
        &["train", "--follow"][..],
        &["--input", "answer.json", "--follow"],
        &["--input", "answer.json", "--for", "2"],
        &["--input", "answer.json", "--within", "2m"],
        &["--all", "--for", "2"],
        &["--all", "--within", "2m"],
        &["--follow"],
        &["train", "--for", "2"],
        &["train", "--within", "2m"],
    ] {
        let told = sandbox.prime_ssh(["install"]).args(arguments).run().fails(2);
        let given = arguments.iter().rfind(|word| word.starts_with("--")).unwrap();
        let needs_more = told.contains("required arguments were not provided");
        assert!(told.contains(given) || needs_more, "{arguments:?}: {told}");
    }
    assert!(!sandbox.ssh("").exists() && !sandbox.path(".ssh").exists());
}

#[test]
fn the_examples_of_the_help_can_be_read() {
    let sandbox = Sandbox::new();
    sandbox.script("bin/ansible", "#!/bin/sh\n");
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
