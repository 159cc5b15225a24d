//! Many runs at once: each one's result is there.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use super::{Sandbox, small, train};
use crate::support::process;

const EACH: usize = 20;
const ROUNDS: usize = 6;

#[test]
fn forty_runs_at_once_all_have_their_way() {
    let sandbox = Sandbox::with_config("Host a\n");
    let old: Vec<_> =
        (0..EACH).map(|at| small(&format!("old{at}"), &format!("old-{at}"))).collect();
    let new: Vec<_> =
        (0..EACH).map(|at| small(&format!("new{at}"), &format!("new-{at}"))).collect();
    let first = old.iter().fold(sandbox.program(["install"]), |program, cluster| {
        program.arg("--input").arg(sandbox.saved(cluster))
    });
    first.run().succeeds();
    let uninstalls = old.iter().map(|cluster| sandbox.program(["uninstall", cluster.id()]));
    let installs = new.iter().map(|cluster| sandbox.installing(cluster));
    let running: Vec<_> = uninstalls
        .zip(installs)
        .flat_map(|(uninstall, install)| [uninstall, install])
        .map(|program| {
            let mut command = program.arg("--quiet").into_command();
            command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap()
        })
        .collect();
    for mut child in running {
        let status = process::wait(&mut child, Duration::from_secs(60)).unwrap();
        assert!(status.success(), "{status}");
    }
    let states = sandbox.all_ours(".json");
    assert_eq!(states.len(), EACH);
    assert!(states.iter().all(|path| path.display().to_string().contains("/new-")), "{states:?}");
    let index = sandbox.read("ssh/prime-ssh/clusters");
    assert_eq!(index.lines().count(), EACH + 1, "{index}");
    assert_eq!(sandbox.read_config(), format!("{}Host a\n", sandbox.line()));
    sandbox.run(&["sync", "--check"]).succeeds();
    sandbox.run(&["uninstall", "--all"]).succeeds();
    assert_eq!(sandbox.read_config(), "Host a\n");
    assert_eq!(sandbox.snapshot().len(), 1, "{:?}", sandbox.snapshot());
}

/// Each home has a lock of its own where only the configuration is one, as with dotfiles.
#[test]
fn two_homes_that_link_to_one_configuration_or_one_folder() {
    for linked in [".ssh/config", ".ssh"] {
        let sandbox = Sandbox::new();
        let config = sandbox.write("dotfiles/.ssh/config", "Host a\n");
        let homes = [("one", small("c1", "first")), ("two", small("c2", "second"))];
        for (home, cluster) in &homes {
            let link = sandbox.write(format!("{home}/{}.json", cluster.id()), cluster.answer());
            let link = link.with_file_name(linked);
            fs::create_dir_all(link.parent().unwrap()).unwrap();
            symlink(sandbox.path("dotfiles").join(linked), link).unwrap();
        }
        for command in ["install", "uninstall"].repeat(ROUNDS) {
            let running = homes.each_ref().map(|(home, cluster)| {
                let home = sandbox.path(home);
                let program = sandbox.prime_ssh([command]).env("HOME", &home);
                let program = if command == "install" {
                    program.arg("--input").arg(home.join(format!("{}.json", cluster.id())))
                } else {
                    program.arg(cluster.id())
                };
                thread::spawn(|| program.run())
            });
            for run in running {
                run.join().unwrap().succeeds();
            }
        }
        // A line that says our folder by way of the other home stays, for it could be a user's.
        let left = fs::read_to_string(config).unwrap();
        assert!(left == "Host a\n" || (linked == ".ssh" && left.ends_with("\nHost a\n")), "{left}");
    }
}

#[test]
fn who_waits_is_told_and_goes_on() {
    let sandbox = Sandbox::with_installed("", &train());
    let lock = File::options().write(true).open(sandbox.ssh("prime-ssh/lock")).unwrap();
    lock.lock().unwrap();
    let ran = thread::scope(|scope| {
        let waiting = scope.spawn(|| sandbox.run(&["uninstall", "--all"]));
        thread::sleep(Duration::from_millis(1500));
        assert_eq!(sandbox.all_ours(".conf").len(), 1);
        lock.unlock().unwrap();
        waiting.join().unwrap()
    });
    snapshot!(ran.stderr, @"
    note: waiting for another run of prime-ssh to end
    prime.train  removed
    ");
    ran.succeeds();
    assert!(!sandbox.ssh("prime-ssh").exists());
}
