//! What this machine has to do with it: its ssh, the keys on it, the folders, and what is there to
//! install.

use std::fs;

use serde_json::json;

use super::{Sandbox, small, train};
use crate::support::api::Api;
use crate::support::cluster::{Cluster, Node};
use crate::support::process;
use crate::support::sandbox::Program;

/// A `PATH` on which ssh says that it is this one, and else is the one of this machine.
fn path_with(sandbox: &Sandbox, version: &str) -> String {
    let ssh = process::run(process::command("sh").args(["-c", "command -v ssh"]), b"").succeeds();
    let script =
        format!("#!/bin/sh\n[ \"$1\" = -V ] || exec {} \"$@\"\necho '{version}' >&2\n", ssh.trim());
    sandbox.script("bin/ssh", script);
    format!("{}:{}", sandbox.path("bin").display(), process::path().display())
}

#[test]
fn an_ssh_that_is_too_old_is_refused() {
    needs!("ssh");
    let sandbox = Sandbox::with_config("Host a\n");
    let before = sandbox.snapshot();
    let with = |version: &str, options: &[&str]| {
        let path = path_with(&sandbox, version);
        sandbox.installing(&train()).args(options).env("PATH", path).run()
    };
    let told = with("OpenSSH_7.5p1, OpenSSL 1.0.2n", &[]).fails(5);
    let why = "error: ssh is OpenSSH_7.5p1 here, and these files need OpenSSH 7.6 or later\n";
    assert!(told.starts_with(why), "{told}");
    let told = with("OpenSSH_8.3p1 x", &["--layout", "compact"]).fails(5);
    let why = "ssh is OpenSSH_8.3p1 here, and `--layout compact` needs OpenSSH 8.4 or later";
    assert!(told.contains(why) && told.contains("or use `--layout flat`"), "{told}");
    assert_eq!(sandbox.snapshot(), before);
    for version in [
        "OpenSSH_7.6p1 Ubuntu-4ubuntu0.7, OpenSSL 1.0.2n",
        "OpenSSH_8.3p1 x",
        "OpenSSH_8.9p1 Ubuntu-3, OpenSSL 3.0.2",
        "OpenSSH_for_Windows_9.5p1, LibreSSL 3.8.2",
        "OpenSSH_10.0p2, LibreSSL 3.3.6",
        // Nothing is known of these.
        "Sun_SSH_1.1",
        "Dropbear v2022.83",
        "OpenSSH_x",
        "",
    ] {
        with(version, &[]).succeeds();
    }
    // A remembered layout counts too, for its cluster alone.
    with("OpenSSH_8.4p1", &["--layout", "compact"]).succeeds();
    let compact = sandbox.snapshot();
    assert!(with("OpenSSH_8.3p1", &["--user", "bob"]).fails(5).contains("`--layout flat`"));
    assert_eq!(sandbox.snapshot(), compact);
    with("OpenSSH_8.3p1", &["--layout", "flat"]).succeeds();
}

#[test]
fn config_warns_once_of_an_ssh_that_is_too_old() {
    needs!("ssh");
    let sandbox = Sandbox::with_ssh_folder();
    let (one, two) = (sandbox.saved(&train()), sandbox.saved(&small("clst02", "other")));
    let told = |version: &str, layout: &str| {
        let program = sandbox.program(["config", "--layout", layout, "--input"]).arg(&one);
        let ran = program.arg("--input").arg(&two).env("PATH", path_with(&sandbox, version)).run();
        assert!(ran.status.success() && ran.stdout.contains("prime.train"), "{ran:?}");
        ran.stderr
    };
    assert_eq!(
        told("OpenSSH_7.5p1, x", "flat"),
        "warning: ssh is OpenSSH_7.5p1 here, and these files need OpenSSH 7.6 or later\n"
    );
    assert_eq!(
        told("OpenSSH_8.3p1, x", "compact"),
        "warning: ssh is OpenSSH_8.3p1 here, and `--layout compact` needs OpenSSH 8.4 or later\n"
    );
    assert_eq!(told("OpenSSH_8.3p1, x", "flat"), "");
    assert_eq!(told("Sun_SSH_2.4", "compact"), "");
}

#[test]
fn many_hosts_are_told_of_the_compact_layout_once() {
    let of_nodes = |id: &str, name: &str, count: usize| {
        (0..count).fold(Cluster::new(id, name), |cluster, at| {
            let (pod, node) = (format!("{id}-pod{at}"), format!("node-{at}"));
            let address = format!("203.0.{}.{}", at / 250, at % 250 + 1);
            cluster.node(Node::control(&pod, &node, &address))
        })
    };
    let sandbox = Sandbox::with_ssh_folder();
    let advice = |program: Program| {
        let ran = program.run();
        assert!(ran.status.success(), "{ran:?}");
        ran.stderr.lines().filter(|line| line.contains("--layout compact")).count()
    };
    assert_eq!(advice(sandbox.installing(&of_nodes("clst01", "big", 1000))), 0);
    let (second, third) =
        (sandbox.saved(&small("clst02", "b")), sandbox.saved(&small("clst03", "c")));
    let both = sandbox.program(["install", "--input"]).arg(second).arg("--input").arg(third);
    assert_eq!(advice(both), 1);
    let compact = sandbox.installing(&of_nodes("clst01", "big", 1000)).arg("--layout=compact");
    assert_eq!(advice(compact), 0);
    assert_eq!(advice(sandbox.installing(&of_nodes("clst01", "big", 1000))), 0);
}

#[test]
fn the_only_cluster_needs_no_name() {
    let sandbox = Sandbox::with_ssh_folder();
    let install =
        |api: &Api, options: &[&str]| sandbox.program(["install"]).args(options).asking(api).run();
    let told = install(&Api::serving([]), &[]).fails(4);
    assert!(told.contains("nothing to install: the API lists no cluster"), "{told}");
    let several = Api::serving([train(), small("clst02", "other")]);
    insta::assert_snapshot!(install(&several, &[]).fails(2), @r"
    error: which of these 2 clusters?
      train (clst01)
      other (clst02)

    hint: name one or more: `prime-ssh install NAME`; `--all` installs all of them
    ");
    assert!(!sandbox.ssh("prime-ssh").exists());
    let one = Api::serving([train()]);
    install(&one, &["--as", "mine", "--short", "m"]).succeeds();
    assert!(sandbox.ours(".conf").to_str().unwrap().contains("/mine-"));
}

#[test]
fn a_cluster_that_is_still_made_can_be_waited_for() {
    let sandbox = Sandbox::with_ssh_folder();
    let made = Cluster::new("clst01", "train").node(Node::new("pod0", "node-0"));
    let told =
        sandbox.program(["install", "train"]).asking(&Api::serving([made.clone()])).run().fails(4);
    let folder = sandbox.ssh("").display().to_string();
    let folder = folder.trim_end_matches('/');
    let hint = format!("hint: `prime-ssh install --ssh-dir {folder} --wait clst01` waits until");
    assert!(told.contains(&hint), "{told}");
    // A saved answer stays as it is.
    assert!(!sandbox.install(&made).fails(4).contains("--wait"));
}

#[test]
fn a_folder_with_a_space_is_told_as_a_shell_takes_it() {
    needs!("ssh");
    let sandbox = Sandbox::with_ssh_folder();
    let folder = sandbox.path("my dir");
    let input = sandbox.saved(&train());
    let ran =
        sandbox.prime_ssh(["install", "--input"]).arg(input).arg("--ssh-dir").arg(&folder).run();
    let command = ran.stderr.lines().find_map(|line| line.strip_prefix("connect with: ")).unwrap();
    assert_eq!(command, format!("ssh -F '{}/config' prime.train", folder.display()));
    let asks = format!("{} -T", command.replace("ssh ", "ssh -G "));
    let said = process::run(process::command("sh").args(["-c", &asks]), b"").succeeds();
    assert!(said.contains("hostname 203.0.113.10\n"), "{said}");

    // A key that others can read, below such a folder.
    let key = sandbox.write("my keys/id", "-----BEGIN OPENSSH PRIVATE KEY-----\n");
    fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    let ran = sandbox.installing(&train()).arg("--identity-file").arg("~/my keys/id").run();
    assert!(ran.stderr.contains(&format!("`chmod 600 '{}'`", key.display())), "{}", ran.stderr);
}

#[test]
fn an_ssh_that_stops_is_not_advised() {
    needs!("ssh");
    for config in ["Nonsense yes\n", "Host a\n  Port x\n"] {
        let sandbox = Sandbox::with_config(config);
        // The second time nothing of ours changes.
        for _ in 0..2 {
            let ran = sandbox.install(&train());
            assert!(ran.stderr.contains("ssh stops at your configuration as it is:"), "{ran:?}");
            assert!(!ran.stderr.contains("connect with"), "{ran:?}");
            ran.succeeds();
        }
    }
}

#[test]
fn the_key_that_fits_is_named_with_its_option() {
    needs!("ssh", "ssh-keygen");
    let sandbox = Sandbox::with_ssh_folder();
    let public = |key: &str| sandbox.read(format!("ssh/{key}.pub"));
    for key in ["work", "other"] {
        sandbox.ssh_key(format!("ssh/{key}"));
    }
    let keys = |known: &str| json!([{"id": "k", "role": "ADMIN", "publicKey": known}]);
    let install = |known: &str, options: &[&str]| {
        let ran = sandbox.installing(&train().with("sshKeys", keys(known))).args(options).run();
        assert!(ran.status.success(), "{ran:?}");
        ran.stderr
    };
    let work = sandbox.ssh("work").display().to_string();
    let advice = format!(
        "warning: prime.train lets in your key {work}, and ssh would not show that one: install with \
         `--identity-file {work}`\n"
    );
    let told = install(&public("work"), &[]);
    assert!(told.contains(&advice), "{told}");
    let other = sandbox.ssh("other").display().to_string();
    let told = install(&public("work"), &["--identity-file", &other]);
    assert!(told.contains(&advice) && told.contains("is not among those of prime.train"), "{told}");
    assert!(!install(&public("work"), &["--identity-file", &work]).contains("warning"));
    // Of a key of somebody else nothing can be said.
    sandbox.run(&["uninstall", "--all"]).succeeds();
    let stranger = sandbox.ssh_key("elsewhere/id");
    let stranger = fs::read_to_string(stranger.with_extension("pub")).unwrap();
    assert!(!install(&stranger, &[]).contains("lets in your key"));
}
