//! Pipes where files should be, and links that lead nowhere: each is told, and none is waited for.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::time::Duration;

use super::User;
use crate::support::process;

fn make_pipe(path: &Path) {
    let _ = fs::remove_file(path);
    process::run(process::command("mkfifo").arg(path), b"").succeeds();
}

#[test]
fn a_pipe_in_the_place_of_a_file() {
    needs!("ssh", "mkfifo");
    for (file, check, words) in [
        ("ssh/config", "include", "a pipe, not a regular file"),
        (".prime/config.json", "token", "a pipe, not a regular file"),
        ("ssh/prime-ssh/train-675b1ff5.conf", "files", "a pipe, not a regular file"),
        ("ssh/prime-ssh/train-675b1ff5.json", "files", "a pipe, not a regular file"),
        ("ssh/prime-ssh/lock", "", ""),
        ("ssh/more", "hosts", "ssh does not answer in time"),
    ] {
        let user = User::healthy();
        let config = fs::read_to_string(user.config()).unwrap();
        let more = user.ssh("more");
        fs::write(user.config(), format!("{config}Include {}\n", more.display())).unwrap();
        make_pipe(&user.path(file));
        let report = user.doctor();
        assert!(report.ran.took < Duration::from_secs(25), "{file}: {:?}", report.ran.took);
        if !check.is_empty() {
            report.finding(check, "wrong", words);
        }
    }
}

#[test]
fn a_system_that_refuses_threads_and_processes() {
    needs!("ssh", "prlimit");
    let user = User::healthy();
    for limit in ["--nproc=1", "--nofile=8", "--fsize=0"] {
        let doctor = user.program(["doctor", "--format=json"]).without_root().into_command();
        let mut limited = process::command("prlimit");
        limited.arg(limit).arg("--").arg(doctor.get_program()).args(doctor.get_args());
        limited
            .env_clear()
            .envs(doctor.get_envs().filter_map(|(name, value)| Some((name, value?))));
        if nix::unistd::Uid::current().is_root() {
            limited.uid(65534).gid(65534);
        }
        let ran = process::run(&mut limited, b"");
        assert!(matches!(ran.status.code(), Some(0 | 1 | 6)), "{limit}: {ran:#?}");
        assert!(!ran.stderr.contains("panicked"), "{limit}: {ran:#?}");
    }
}

#[test]
fn a_token_that_never_comes() {
    needs!("ssh", "mkfifo");
    let user = User::healthy();
    let pipe = user.path("pipe");
    make_pipe(&pipe);
    let report =
        user.examined(user.program(["doctor", "--format=json", "--token-file"]).arg(&pipe));
    report.finding("token", "wrong", "holds no token");
    assert!(report.ran.took < Duration::from_secs(25), "{:?}", report.ran.took);
}

#[test]
fn links_that_lead_nowhere_or_in_a_circle() {
    needs!("ssh");
    let user = User::healthy();
    for target in ["/nowhere/config", "config"] {
        fs::remove_file(user.config()).unwrap();
        symlink(target, user.config()).unwrap();
        let report = user.doctor();
        report.finding("include", "wrong", "link");
        report.finding("clusters", "ok", "prime.train");
    }
    fs::remove_file(user.config()).unwrap();
    fs::create_dir(user.config()).unwrap();
    user.doctor().finding("include", "wrong", "it is a folder");

    let user = User::healthy();
    fs::remove_dir_all(user.ssh("")).unwrap();
    symlink("/nowhere", user.path("ssh")).unwrap();
    user.doctor().finding("files", "ok", "no cluster is installed");
}

#[test]
fn configurations_that_include_themselves() {
    needs!("ssh");
    let user = User::healthy();
    let config = fs::read_to_string(user.config()).unwrap();
    let own = user.config();
    fs::write(&own, format!("{config}Include {0} {0}\n", own.display())).unwrap();
    let report = user.doctor();
    report.finding("hosts", "wrong", "Too many recursive configuration includes");
}
