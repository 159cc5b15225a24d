//! The two layouts: what stands where, and what every ssh that can read them knows.

use std::collections::BTreeSet;

use super::config;
use crate::support::cluster::{self, Cluster, Node};
use crate::support::process::{self, command};
use crate::support::sandbox::Sandbox;
use crate::support::ssh::{Resolved, ssh};

/// The keywords that we write, all of which OpenSSH 7.6 knows (its `ssh_config(5)`).
const KEYWORDS: [&str; 15] = [
    "CertificateFile",
    "ConnectTimeout",
    "ControlPath",
    "Host",
    "HostKeyAlias",
    "HostName",
    "IdentitiesOnly",
    "IdentityFile",
    "Match",
    "Port",
    "ProxyJump",
    "ServerAliveInterval",
    "StrictHostKeyChecking",
    "User",
    "UserKnownHostsFile",
];

const ALL: [&str; 6] =
    ["--identity-file", "~/.ssh/id", "--certificate-file", "~/id-cert.pub", "--known-hosts", "~/k"];

#[test]
fn openssh_7_6_knows_every_keyword_and_token() {
    let sandbox = Sandbox::new();
    let mut keywords = BTreeSet::new();
    for layout in ["flat", "compact"] {
        let arguments = [&ALL[..], &["--layout", layout]].concat();
        let text = config(&sandbox, &[cluster::train()], &arguments).succeeds();
        let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        keywords.extend(lines.map(|line| line.split_whitespace().next().unwrap().to_owned()));
        if layout == "flat" {
            assert!(!text.contains("Match") && !text.contains("%k"), "{text}");
        }
        assert!(!text.contains('"'), "no value needs quotes: {text}");
    }
    assert_eq!(keywords, KEYWORDS.map(str::to_owned).into());
}

#[test]
fn an_option_for_a_line_of_the_hosts_block_replaces_it_there() {
    needs!("ssh");
    let sandbox = Sandbox::new();
    let options = ["--ssh-option", "UserKnownHostsFile=/mine", "--ssh-option", "LogLevel=ERROR"];
    for layout in ["flat", "compact"] {
        let arguments = [&ALL[..], &options, &["--layout", layout]].concat();
        let text = config(&sandbox, &[cluster::train()], &arguments).succeeds();
        let path = sandbox.write("fragment", text);
        let resolved = Resolved::of(&path, "prime.train.node-1");
        assert_eq!(resolved.get("userknownhostsfile"), Some("/mine"));
        assert_eq!(resolved.get("loglevel"), Some("ERROR"));
        assert_eq!(resolved.get("identitiesonly"), Some("yes"));
    }
}

/// What stands before an Include of ours, and behind it, stays as it is: for readers too that take
/// a file for a part of the one that includes it.
#[test]
fn what_stands_behind_the_text_belongs_to_others() {
    needs!("ssh");
    let sandbox = Sandbox::new();
    for layout in ["flat", "compact"] {
        let mut text = config(&sandbox, &[cluster::train()], &["--layout", layout]).succeeds();
        text.push_str("User me\nHost github.com\n  Port 2222\n");
        let path = sandbox.write("fragment", text);
        let resolved = Resolved::of(&path, "github.com");
        assert_eq!((resolved.get("user"), resolved.get("port")), (Some("me"), Some("2222")));
        assert_eq!(Resolved::of(&path, "prime.train").get("user"), Some("ubuntu"));
    }
}

/// Under `Match final`, as on Fedora, ssh reads all of it again, with the HostName for the name.
#[test]
fn ssh_may_read_it_twice() {
    needs!("ssh");
    let sandbox = Sandbox::new();
    let names = ["prime.train", "prime.train.node-0", "prime.train.node-1", "prime.train.stale"];
    for layout in ["flat", "compact"] {
        let text = config(&sandbox, &[cluster::train()], &["--layout", layout]).succeeds();
        let once = sandbox.write("once", &text);
        let twice = sandbox.write("twice", text + "Match final\n  Compression yes\n");
        for name in names {
            let (once, twice) = (Resolved::of(&once, name), Resolved::of(&twice, name));
            assert_eq!(twice.get("compression"), Some("yes"));
            for keyword in ["hostname", "port", "user", "hostkeyalias", "proxyjump"] {
                assert_eq!(once.get(keyword), twice.get(keyword), "{layout} {name} {keyword}");
            }
        }
    }
}

#[test]
fn keywords_that_only_this_ssh_knows_are_asked_about() {
    needs!("ssh");
    let sandbox = Sandbox::new();
    let ssh = process::run(command("sh").args(["-c", "command -v ssh"]), b"").succeeds();
    let apple = format!(
        "#!/bin/sh\ncase \"$*\" in *-V*) exec {0} -V;; *UseKeychain*) exit 0;; *) exec {0} \"$@\";; esac\n",
        ssh.trim()
    );
    sandbox.script("apple/ssh", apple);
    let path = format!("{}:{}", sandbox.path("apple").display(), process::path().display());
    sandbox.write("answer.json", cluster::train().answer());
    let with = |option: &str, path: &str| {
        let program = sandbox.prime_ssh(["config", "--input", "answer.json", "--ssh-option"]);
        program.arg(option).env("PATH", path).run()
    };
    let text = with("UseKeychain=yes", &path).succeeds();
    assert!(text.contains("\n  UseKeychain yes\n"), "{text}");
    let here = process::path().display().to_string();
    assert!(with("AddKeysToAgent=yes", &here).succeeds().contains("\n  AddKeysToAgent yes\n"));
    snapshot!(with("UseKeychian=yes", &path).fails(2), @"error: --ssh-option: ssh does not take `UseKeychian=yes`: Bad configuration option: usekeychian");
    // Where there is no ssh, only what every one knows.
    snapshot!(with("UseKeychain=yes", "/none").fails(2), @"error: --ssh-option: no ssh is here to ask about `UseKeychain`");
    with("LogLevel=ERROR", "/none").succeeds();
}

/// The limit is that of a socket's name, less what ssh puts behind it: the home folder decides.
#[test]
fn a_socket_of_a_long_home_folder_is_named_shortly_or_not_at_all() {
    needs!("ssh");
    let uuid = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9";
    let cluster =
        Cluster::new("clst01", "train").node(Node::control(uuid, "node-0", "203.0.113.1"));
    for (bytes, expected) in [(29, Some("prime-0a1b")), (49, Some("prime.")), (75, None)] {
        let sandbox = Sandbox::new();
        let home = sandbox.path("h".repeat(bytes - 1 - sandbox.home().as_os_str().len()));
        assert_eq!(home.as_os_str().len(), bytes);
        std::fs::create_dir_all(&home).unwrap();
        let answer = sandbox.write("answer.json", cluster.answer());
        // As long as `.ssh`, which ssh would look for in the home of the password database.
        let folder = home.join(".own");
        let program = sandbox.prime_ssh(["config", "--input"]).arg(answer).arg("--ssh-dir");
        let path = sandbox.write("fragment", program.arg(folder).run().succeeds());
        let resolved = Resolved::of(&path, "prime.train");
        match (expected, resolved.get("controlpath")) {
            (Some(name), Some(path)) => {
                assert!(path.contains(&format!("/ubuntu@{name}")), "{path}");
                assert!(path.len() + 17 < 104, "{path}");
            }
            (None, None) => {}
            (_, path) => panic!("{bytes}: {path:?}"),
        }
        // A real ssh would say so before it connects to a port that nobody listens on.
        let mut command = ssh(&path);
        command.args(["-o", "ControlMaster=auto", "-o", "HostName=127.0.0.1", "-p", "1"]);
        let ran = process::run(command.args(["prime.train", "true"]), b"");
        assert!(!ran.stderr.contains("too long"), "{}", ran.stderr);
        assert!(ran.stderr.contains("refused"), "{}", ran.stderr);
    }
}
