//! Pipes where files should be, and links that lead nowhere: each is told, and none is waited for.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::time::Duration;

use super::Patient;
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
        let patient = Patient::healthy();
        let config = fs::read_to_string(patient.config()).unwrap();
        let more = patient.ssh("more");
        fs::write(patient.config(), format!("{config}Include {}\n", more.display())).unwrap();
        make_pipe(&patient.sandbox.path(file));
        let report = patient.doctor();
        assert!(report.ran.took < Duration::from_secs(25), "{file}: {:?}", report.ran.took);
        if !check.is_empty() {
            report.finding(check, "wrong", words);
        }
    }
}

#[test]
fn a_system_that_refuses_threads_and_processes() {
    needs!("ssh", "prlimit");
    let patient = Patient::healthy();
    for limit in ["--nproc=1", "--nofile=8", "--fsize=0"] {
        let doctor = patient.program(&["doctor", "--format=json"]).without_root().into_command();
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
    let patient = Patient::healthy();
    let pipe = patient.sandbox.path("pipe");
    make_pipe(&pipe);
    let report =
        patient.examined(patient.program(&["doctor", "--format=json", "--token-file"]).arg(&pipe));
    report.finding("token", "wrong", "holds no token");
    assert!(report.ran.took < Duration::from_secs(25), "{:?}", report.ran.took);
}

#[test]
fn links_that_lead_nowhere_or_in_a_circle() {
    needs!("ssh");
    let patient = Patient::healthy();
    for target in ["/nowhere/config", "config"] {
        fs::remove_file(patient.config()).unwrap();
        symlink(target, patient.config()).unwrap();
        let report = patient.doctor();
        report.finding("include", "wrong", "link");
        report.finding("clusters", "ok", "prime.train");
    }
    fs::remove_file(patient.config()).unwrap();
    fs::create_dir(patient.config()).unwrap();
    patient.doctor().finding("include", "wrong", "it is a folder");

    let patient = Patient::healthy();
    fs::remove_dir_all(patient.ssh("")).unwrap();
    symlink("/nowhere", patient.sandbox.path("ssh")).unwrap();
    patient.doctor().finding("files", "ok", "no cluster is installed");
}

#[test]
fn configurations_that_include_themselves() {
    needs!("ssh");
    let patient = Patient::healthy();
    let config = fs::read_to_string(patient.config()).unwrap();
    let own = patient.config();
    fs::write(&own, format!("{config}Include {0} {0}\n", own.display())).unwrap();
    let report = patient.doctor();
    report.finding("hosts", "wrong", "Too many recursive configuration includes");
}
