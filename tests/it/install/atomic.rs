//! Killed at any moment, each file is old or new, and ssh works.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use super::{Sandbox, train, train_later};
use crate::support::process;
use crate::support::ssh::Resolved;

const KILLS: usize = 60;

/// The user's own wildcards would read a temporary file that is not hidden from them.
fn config(sandbox: &Sandbox) -> String {
    let ours = sandbox.ssh("prime-ssh");
    let (ssh, ours) = (sandbox.ssh(""), ours.display());
    format!("Include {}/*.tmp {ours}/*.tmp {ours}/*/config\nHost a\n  User me", ssh.display())
}

/// What every file holds in each of the states that a run ends in.
struct States(BTreeMap<PathBuf, Vec<Option<Vec<u8>>>>);

impl States {
    fn of(sandbox: &Sandbox) -> Self {
        let read = |path: &PathBuf| fs::read(path).ok();
        sandbox.install(&train()).succeeds();
        let mut paths = sandbox.all_ours("");
        paths.retain(|path| !path.ends_with("lock"));
        paths.extend([sandbox.config(), sandbox.ssh("config.prime-ssh.bak")]);
        let mut states: BTreeMap<_, Vec<_>> = BTreeMap::new();
        let mut note = || {
            for path in &paths {
                states.entry(path.clone()).or_default().push(read(path));
            }
        };
        note();
        // The state names the fragment before, so an update is seen from either side.
        for cluster in [train_later(), train()] {
            sandbox.install(&cluster).succeeds();
            note();
        }
        sandbox.run(&["uninstall", "--all"]).succeeds();
        note();
        sandbox.install(&train_later()).succeeds();
        note();
        sandbox.run(&["uninstall", "--all"]).succeeds();
        Self(states)
    }

    #[track_caller]
    fn assert_hold(&self) {
        for (path, known) in &self.0 {
            let now = fs::read(path).ok();
            let shown = now.as_ref().map(|bytes| bytes.escape_ascii().to_string());
            assert!(known.contains(&now), "{} holds {shown:?}", path.display());
        }
    }
}

fn temporary(sandbox: &Sandbox) -> Vec<PathBuf> {
    let folders = [sandbox.ssh(""), sandbox.ssh("prime-ssh")];
    let entries = folders.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.filter(|path| path.to_str().unwrap().contains(".prime-ssh-")).collect()
}

#[test]
fn killed_at_any_moment_it_left_each_file_old_or_new() {
    needs!("ssh");
    let sandbox = Sandbox::with_ssh_folder();
    let own_config = config(&sandbox);
    sandbox.write("ssh/config", &own_config);
    let states = States::of(&sandbox);
    let clusters = [train(), train_later()];
    let started = Instant::now();
    sandbox.install(&train()).succeeds();
    let mut whole = started.elapsed();
    let mut killed = 0;
    for round in 0..KILLS {
        let mut command = match round % 3 {
            2 => sandbox.program(["uninstall", "--all"]).into_command(),
            other => sandbox.installing(&clusters[other]).into_command(),
        };
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        thread::sleep(whole.mul_f64(fastrand::f64() * 1.1));
        child.kill().unwrap();
        if process::wait(&mut child, Duration::from_secs(10)).unwrap().code().is_none() {
            killed += 1;
        } else {
            // The machine was busier when the whole run was timed.
            whole = whole.mul_f64(0.9);
        }
        states.assert_hold();
        let config = sandbox.config();
        assert_eq!(Resolved::of(&config, "a").get("user"), Some("me"));
        let host = Resolved::of(&config, "prime.train.node-1").get("hostname").unwrap().to_owned();
        assert!(["10.0.0.11", "10.0.0.111", "prime.train.node-1"].contains(&&*host), "{host}");
    }
    assert!(killed > KILLS / 4, "only {killed} runs were killed");

    for cluster in clusters {
        let ran = sandbox.install(&cluster);
        assert!(!ran.stderr.contains("by hand"), "{}", ran.stderr);
        ran.succeeds();
        // That of a note on a refresh is written without the lock, and may be in use for an hour.
        let mut left = temporary(&sandbox);
        left.retain(|path| !path.to_string_lossy().contains(".prime-ssh-output-"));
        assert_eq!(left, [""; 0].map(PathBuf::from));
    }
    sandbox.run(&["uninstall", "--all"]).succeeds();
    assert_eq!(sandbox.read_config(), own_config);
    assert_eq!(sandbox.snapshot().len(), 1, "{:?}", sandbox.snapshot());
}

#[test]
fn leftovers_of_a_killed_run_are_cleaned_up_and_those_of_others_are_not() {
    let sandbox = Sandbox::with_ssh_folder();
    sandbox.write("ssh/config", config(&sandbox));
    sandbox.install(&train()).succeeds();
    let leftovers = [
        "ssh/prime-ssh/.prime-ssh-install-a1.tmp",
        "ssh/.prime-ssh-install-b2.tmp",
        "ssh/prime-ssh/.prime-ssh-install-c3.tmp/config",
    ];
    for leftover in leftovers {
        sandbox.write(leftover, "Bogus line\n");
    }
    let others = sandbox.write("ssh/.prime-ssh-output-d4.tmp", "");
    sandbox.run(&["sync"]).succeeds();
    assert_eq!(temporary(&sandbox), [others]);
}
