//! However a check ends, nothing of it goes on.

use std::fs;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use super::{BANNER, node, serve};
use crate::support::cluster::Cluster;
use crate::support::process;
use crate::support::sandbox::Sandbox;

/// A server that introduces itself and says no more: ssh waits for it.
#[test]
fn what_ends_us_ends_each_ssh_and_leaves_no_file() {
    let port = serve(|stream| {
        let _ = stream.write_all(BANNER.as_bytes());
        thread::sleep(Duration::from_secs(60));
    });
    for signal in ["INT", "TERM", "HUP", "KILL"] {
        let sandbox = Sandbox::new();
        let answer = Cluster::new("clst01", "train").node(node(0, port)).answer();
        let file = sandbox.write("answer.json", answer);
        let folder = sandbox.path("t");
        fs::create_dir(&folder).unwrap();
        let program = sandbox.prime_ssh(["check", "--login", "--probe-timeout", "20s", "--input"]);
        let program = program.arg(file).arg("--ssh-dir").arg(sandbox.path("ssh"));
        let program = program.env("TMPDIR", &folder).into_command();
        let mut command = process::with_usual_signals(&program);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let mark = folder.display().to_string();
        process::until("ssh to run", || {
            process::running(&mark).iter().any(|line| line.starts_with("ssh "))
        });
        let id = child.id().to_string();
        process::run(process::command("kill").args(["-s", signal, &id]), b"").succeeds();
        let status = process::wait(&mut child, Duration::from_secs(20)).unwrap();
        assert!(status.signal().is_some(), "{signal}: {status:?}");
        process::until("ssh to end", || process::running(&mark).is_empty());
        process::until("the files to go", || fs::read_dir(&folder).unwrap().next().is_none());
    }
}
