//! `--ssh-option`: it reaches Ansible's ssh where Ansible does not say the same itself before.

use std::fs;

use crate::support::ansible;
use crate::support::cluster;
use crate::support::process::{self, Ran};
use crate::support::sandbox::Sandbox;
use crate::support::snapshot::Transcript;

fn inventory(sandbox: &Sandbox, arguments: &[&str]) -> Ran {
    sandbox.write("answer.json", cluster::train().answer());
    let program = sandbox.prime_ssh(["inventory", "--input", "answer.json", "-o", "hosts.yml"]);
    program.args(arguments).run()
}

/// Options that Ansible puts in front of ours, whichever task it is.
const ANSIBLES: [&str; 7] = [
    "Compression",
    "ConnectTimeout",
    "ControlMaster",
    "ControlPersist",
    "KbdInteractiveAuthentication",
    "PasswordAuthentication",
    "PreferredAuthentications",
];

#[test]
fn what_is_refused_is_what_ansible_says_before_us() {
    needs!("ansible");
    let sandbox = Sandbox::new();
    inventory(&sandbox, &["--ssh-option", "TCPKeepAlive=no"]).succeeds();
    let log = sandbox.path("arguments");
    let ssh = format!("#!/bin/sh\nprintf '%s\\n' \"$@\" >>'{}'\nexit 255\n", log.display());
    let ssh = sandbox.script("ssh", ssh);
    for ansible in ansible::versions() {
        let mut command = ansible.command(&sandbox, "ansible");
        command.env("ANSIBLE_SSH_EXECUTABLE", &ssh);
        command.args(["control", "-m", "raw", "-a", "true", "-i", "hosts.yml"]);
        assert!(!process::run(&mut command, b"").status.success());
        let text = sandbox.read("arguments");
        fs::remove_file(&log).unwrap();
        let lines: Vec<_> = text.lines().collect();
        let ours = lines.iter().position(|&line| line == "TCPKeepAlive=no").unwrap();
        let keyword = |line: &str| line.split_once('=').map(|(keyword, _)| keyword.to_owned());
        let mut before: Vec<_> = lines[..ours].iter().filter_map(|line| keyword(line)).collect();
        if lines.contains(&"-C") {
            before.push("Compression".to_owned());
        }
        // Those have options or variables of their own, and are refused or said there.
        let known =
            ["User", "Port", "HostKeyAlias", "StrictHostKeyChecking", "ServerAliveInterval"];
        before.retain(|keyword| !known.contains(&keyword.as_str()));
        before.sort_unstable();
        before.dedup();
        assert_eq!(before, ANSIBLES);
        let paths = lines[ours..].iter().filter(|line| line.starts_with("ControlPath=")).count();
        assert_eq!(paths, 1, "Ansible takes our socket: {text}");
    }
}

#[test]
fn options_that_would_do_nothing_or_harm_are_refused() {
    let (sandbox, mut told) = (Sandbox::new(), Transcript::default());
    let ansibles = ANSIBLES.map(|keyword| format!("{keyword}=1"));
    let harmful = ["RemoteCommand", "SessionType", "StdinNull", "ForkAfterAuthentication"];
    let harmful = harmful.map(|keyword| format!("{keyword}=none"));
    let options = ansibles.iter().chain(&harmful).map(|option| ["--ssh-option", option]);
    let others = [
        ["--ssh-option", "SetEnv=A={{x}}"],
        ["--ssh-option", "Ciphers=no-such-cipher"],
        ["--identity-file", "/keys/{{ x }}"],
        ["--known-hosts", "/known/{{ x }}"],
        ["--certificate-file", "{# x #}"],
        ["--group", "all=all"],
        ["--group", "_meta=all"],
        ["--group", "prime_train=all"],
        ["--group", "x=nobody"],
        ["--group", "worker=control"],
        ["--group", "a b=all"],
    ];
    for arguments in options.chain(others) {
        told.add(arguments.join(" "), inventory(&sandbox, &arguments).fails(2));
    }
    snapshot!(told);
}

#[test]
fn a_folder_that_is_named_like_a_template_reaches_no_inventory() {
    let sandbox = Sandbox::with_answer(&cluster::train().with("vaultEnabled", true));
    let home = sandbox.path("{{ x }}");
    fs::create_dir(&home).unwrap();
    let mut told = Transcript::default();
    for arguments in [&["--list"][..], &["--format", "ini"], &["--format", "json"], &[]] {
        let program = sandbox.prime_ssh(["inventory", "--input", "answer.json", "--ssh-dir"]);
        let ran = program.arg(&home).args(arguments).env("HOME", &home).run();
        assert_eq!(ran.stdout, "");
        told.add(arguments.join(" "), ran.fails(2));
    }
    snapshot!(told, @r#"
    --- --list
    error: CertificateFile "[home]/{{ x }}/prime-ssh/train-675b1ff5-cert.pub": a Jinja marker, which Ansible would run

    --- --format ini
    warning: train lets people in with a certificate only: there is none yet; `prime-ssh cert --ssh-dir '[home]/{{ x }}' clst01` gets one
    error: CertificateFile "[home]/{{ x }}/prime-ssh/train-675b1ff5-cert.pub": a Jinja marker, which Ansible would run

    --- --format json
    warning: train lets people in with a certificate only: there is none yet; `prime-ssh cert --ssh-dir '[home]/{{ x }}' clst01` gets one
    error: CertificateFile "[home]/{{ x }}/prime-ssh/train-675b1ff5-cert.pub": a Jinja marker, which Ansible would run

    ---
    warning: train lets people in with a certificate only: there is none yet; `prime-ssh cert --ssh-dir '[home]/{{ x }}' clst01` gets one
    error: CertificateFile "[home]/{{ x }}/prime-ssh/train-675b1ff5-cert.pub": a Jinja marker, which Ansible would run
    "#);
}

#[test]
fn a_group_that_ansible_would_warn_of_is_told() {
    let sandbox = Sandbox::new();
    snapshot!(inventory(&sandbox, &["--group", "slurm-master=control"]).stderr, @"warning: Ansible warns of `-` in a group's name: slurm-master");
    assert!(sandbox.read("hosts.yml").contains("\n    \"slurm-master\":\n"));
}

#[test]
fn each_option_has_a_variable() {
    let sandbox = Sandbox::with_answer(&cluster::train());
    let program = sandbox.prime_ssh(["inventory", "--input", "answer.json", "--list"]);
    let text = program
        .env("PRIME_SSH_GROUP", "etcd=all,kube_node=worker")
        .env("PRIME_SSH_USER", "root")
        .env("PRIME_SSH_PREFIX", "gpu")
        .env("PRIME_SSH_HOST_KEYS", "strict")
        .env("PRIME_SSH_JUMP_VIA", "me@bastion:2200")
        .env("PRIME_SSH_OPTION", "ForwardAgent=yes\nServerAliveInterval=7")
        .run()
        .succeeds();
    for part in [
        "\"etcd\":{\"hosts\":[\"gpu.train.node-0\",\"gpu.train.node-1\",\"gpu.train.node-2\"]}",
        "\"kube_node\":{\"hosts\":[\"gpu.train.node-1\",\"gpu.train.node-2\"]}",
        "\"ansible_user\":\"root\"",
        "-o StrictHostKeyChecking=yes",
        "-o ForwardAgent=yes -o ServerAliveInterval=7",
        "-p 2200 -W '[%h]:%p' me@bastion",
    ] {
        assert!(text.contains(part), "{part} should be in {text}");
    }
    let program = sandbox.prime_ssh(["inventory", "--input", "answer.json", "--list"]);
    let text = program.env("PRIME_SSH_USE_SSH_CONFIG", "1").run().succeeds();
    assert!(!text.contains("ansible_"), "{text}");
}
