//! Many runs at once: each one's result is there.

use std::fs::File;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use super::{Desk, small, train};
use crate::support::process;

const EACH: usize = 20;

#[test]
fn forty_runs_at_once_all_have_their_way() {
    let desk = Desk::with_config("Host a\n");
    let old: Vec<_> =
        (0..EACH).map(|at| small(&format!("old{at}"), &format!("old-{at}"))).collect();
    let new: Vec<_> =
        (0..EACH).map(|at| small(&format!("new{at}"), &format!("new-{at}"))).collect();
    let first = old.iter().fold(desk.program(["install"]), |program, cluster| {
        program.arg("--input").arg(desk.saved(cluster))
    });
    first.run().succeeds();
    let uninstalls = old.iter().map(|cluster| desk.program(["uninstall", cluster.id()]));
    let installs = new.iter().map(|cluster| desk.installing(cluster));
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
    let states = desk.all_ours(".json");
    assert_eq!(states.len(), EACH);
    assert!(states.iter().all(|path| path.display().to_string().contains("/new-")), "{states:?}");
    let index = desk.sandbox.read("ssh/prime-ssh/clusters");
    assert_eq!(index.lines().count(), EACH + 1, "{index}");
    assert_eq!(desk.read_config(), format!("{}Host a\n", desk.line()));
    desk.run(&["sync", "--check"]).succeeds();
    desk.run(&["uninstall", "--all"]).succeeds();
    assert_eq!(desk.read_config(), "Host a\n");
    assert_eq!(desk.snapshot().len(), 1, "{:?}", desk.snapshot());
}

#[test]
fn who_waits_is_told_and_goes_on() {
    let desk = Desk::with_installed("", &train());
    let lock = File::options().write(true).open(desk.ssh("prime-ssh/lock")).unwrap();
    lock.lock().unwrap();
    let ran = thread::scope(|scope| {
        let waiting = scope.spawn(|| desk.run(&["uninstall", "--all"]));
        thread::sleep(Duration::from_millis(1500));
        assert_eq!(desk.all_ours(".conf").len(), 1);
        lock.unlock().unwrap();
        waiting.join().unwrap()
    });
    assert!(ran.stderr.contains("waiting for another run of prime-ssh"), "{}", ran.stderr);
    ran.succeeds();
    assert!(!desk.ssh("prime-ssh").exists());
}
