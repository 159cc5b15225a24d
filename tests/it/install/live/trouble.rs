//! An API that fails, lies or takes its time, a disk that is full, a run that is killed: ssh goes on.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::chown;
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use super::{GET, Live, host_name, joined};
use crate::install::{small, train, train_later};
use crate::support::api::{Api, Reply};
use crate::support::cluster::{Cluster, Node};
use crate::support::mounts::Mounts;
use crate::support::network::nobody;
use crate::support::process;
use crate::support::sandbox::copy_program;
use crate::support::ssh;

impl Live {
    /// What is known of the last refresh.
    fn refresh_state(&self) -> Value {
        let path = self.sandbox.ssh("prime-ssh/train-675b1ff5.refresh");
        serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
    }
}

/// A name that is known resolves as before, and one line says why it is not newer.
#[track_caller]
fn goes_on(live: &Live, why: &str) -> Duration {
    goes_on_for_one_of(live, &[why])
}

/// The same where either of several reasons may be the first.
fn goes_on_for_one_of(live: &Live, why: &[&str]) -> Duration {
    let ran = live.asks("prime.train.node-1");
    assert_eq!(host_name(&ran), "10.0.0.11", "{why:?}");
    assert_eq!(ran.stderr.lines().count(), 1, "{why:?}: {}", ran.stderr);
    assert!(ran.stderr.contains("using the hosts"), "{}", ran.stderr);
    assert!(why.iter().any(|why| ran.stderr.contains(why)), "{why:?}: {}", ran.stderr);
    ran.took
}

#[test]
fn ssh_goes_on_whatever_the_api_does() {
    needs!("ssh");
    for (what, reply) in [
        ("401", Reply::detail(401, "no")),
        ("404", Reply::detail(404, "Cluster not found")),
        ("clst99", Reply::new(200, small("clst99", "train").answer())),
        ("no host", Reply::new(200, Cluster::new("clst01", "train").answer())),
        (
            "connections[0].host",
            Reply::new(
                200,
                train_later().node(Node::worker("x", "x", "-oProxyCommand=x")).answer(),
            ),
        ),
        ("cannot be read", Reply::new(200, "{}")),
        ("", Reply::new(200, "")),
    ] {
        let live = Live::with([train()]);
        live.asked();
        live.wait(400);
        live.api.replies_below("/api/admin/clusters/", reply);
        let ran = live.asks("prime.train.node-1");
        assert_eq!(host_name(&ran), "10.0.0.11");
        assert_eq!(ran.stderr.lines().count(), 1, "{what}: {}", ran.stderr);
        assert!(ran.stderr.contains("using the hosts of 6 min ago"), "{}", ran.stderr);
        assert!(!live.asked().is_empty());
        // No new try for a minute, whatever the name.
        assert_eq!(live.address("prime.train.node-1"), "10.0.0.11");
        assert_eq!(live.address("prime.train.nobody"), "prime.train.nobody.invalid.");
        assert_eq!(live.asked(), [""; 0]);
        live.wait(61);
        live.asks("prime.train.node-1");
        assert!(!live.asked().is_empty());
    }
}

#[test]
fn a_slow_api_holds_up_one_ssh_for_three_seconds() {
    needs!("ssh");
    let live = Live::with([train()]);
    let slow = Api::slow([train()], Duration::from_secs(30)).may_be_idle();
    live.moves_to(&slow.url());
    live.wait(400);
    let ran = live.asks("prime.train.nobody");
    assert!(ran.took < Duration::from_secs(15), "{:?}", ran.took);
    assert!(ran.stderr.contains("using the hosts"), "{}", ran.stderr);
    let again = live.asks("prime.train.node-1");
    assert!(again.took < Duration::from_millis(2500), "{:?}", again.took);
    assert_eq!(host_name(&again), "10.0.0.11");
}

#[test]
fn of_64_at_once_one_asks() {
    needs!("ssh");
    let live = Live::with([train()]);
    live.api.now_serves([joined()]);
    one_of_64_asks(&live, "prime.train.node-9", "10.0.0.99");
}

#[test]
fn of_64_at_once_one_asks_where_the_api_fails_too() {
    needs!("ssh");
    let live = Live::with([train()]);
    live.api.replies_below("/api/admin/clusters/", Reply::detail(401, "no"));
    one_of_64_asks(&live, "prime.train.node-1", "10.0.0.11");
}

/// One ssh looks at several clusters where it jumps through another one: they have 3 seconds together.
#[test]
fn an_api_that_kept_one_waiting_is_not_waited_for_by_another_cluster() {
    needs!("ssh");
    let clusters = || [train(), small("clst02", "other")];
    let live = Live::serving(Api::serving(clusters()));
    live.run(&["install", "--all", "--live"]).succeeds();
    let slow = Api::slow(clusters(), Duration::from_secs(30)).may_be_idle();
    live.moves_to(&slow.url());
    live.wait(400);
    goes_on(&live, "no answer within");
    for (name, address) in
        [("prime.other", "203.0.113.77"), ("prime.new.x", "prime.new.x.invalid.")]
    {
        let ran = live.asks(name);
        assert_eq!(host_name(&ran), address);
        assert!(ran.took < Duration::from_millis(2500), "{:?}", ran.took);
        assert!(ran.stderr.contains("not asked again so soon: "), "{}", ran.stderr);
        assert_eq!(live.asks(name).stderr, "", "once a minute");
    }
    assert_eq!(slow.requests().len(), 1);
    live.wait(61);
    live.moves(&slow.url(), &live.api.url());
    assert_eq!(live.address("prime.other"), "203.0.113.77");

    // An answer that is refused at once says nothing of the other clusters, nor does another API.
    live.wait(400);
    let refusing = Api::serving(clusters());
    refusing.replies_below("/api/admin/clusters/clst01", Reply::detail(401, "no"));
    live.moves_to(&refusing.url());
    goes_on(&live, "401");
    assert_eq!(live.address("prime.other"), "203.0.113.77");
}

/// An earlier try that took long and was good is no reason to leave the other clusters of a run.
#[test]
fn clusters_of_a_slow_api_are_asked_for_together() {
    let clusters = [train(), small("clst02", "other")];
    let live = Live::serving(Api::slow(clusters, Duration::from_millis(1050)));
    live.run(&["install", "--all", "--live"]).succeeds();
    for _ in 0..2 {
        live.wait(400);
        let ran = live.run(&["sync", "--if-older", "1s"]);
        assert!(!ran.stderr.contains("not asked again so soon"), "{}", ran.stderr);
    }
}

/// What failed before is told by the one that it failed for, and not by those who wait for another
/// thing.
#[test]
fn an_old_failure_is_not_told_again() {
    needs!("ssh");
    let live = Live::with([train()]);
    live.wait(400);
    live.api.replies_below("/api/admin/clusters/", Reply::detail(401, "no"));
    goes_on(&live, "401");
    let lock = live.sandbox.ssh("prime-ssh/train-675b1ff5.refresh-lock");
    let held = fs::File::open(&lock).unwrap();
    held.lock().unwrap();
    thread::sleep(Duration::from_millis(1100));
    let waiting = thread::spawn({
        let mut ssh = live.ssh();
        move || process::run(ssh.args(["-TG", "prime.train.node-1"]), b"")
    });
    thread::sleep(Duration::from_secs(1));
    drop(held);
    let ran = waiting.join().unwrap();
    assert_eq!((host_name(&ran).as_str(), ran.stderr.as_str()), ("10.0.0.11", ""));
}

fn one_of_64_asks(live: &Live, name: &str, address: &str) {
    live.wait(400);
    live.asked();
    let start = || {
        let mut ssh = live.ssh();
        ssh.args(["-TG", name]).stdin(Stdio::null());
        ssh.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let running: Vec<_> = (0..64).map(|_| start()).collect();
    for child in running {
        let done = child.wait_with_output().unwrap();
        let stdout = String::from_utf8(done.stdout).unwrap();
        assert!(stdout.contains(&format!("\nhostname {address}\n")), "{stdout}");
    }
    assert_eq!(live.asked(), [GET]);
}

/// An API that speaks a byte a second, and its address.
fn speaks_a_byte_a_second() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            thread::spawn(move || {
                let _ = stream.read(&mut [0; 4096]);
                let head = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n";
                let mut pieces = [head].into_iter().chain(std::iter::repeat("{"));
                while pieces.next().is_some_and(|piece| stream.write_all(piece.as_bytes()).is_ok())
                {
                    thread::sleep(Duration::from_secs(1));
                }
            });
        }
    });
    url
}

#[test]
fn an_api_that_is_down_or_speaks_a_byte_a_second() {
    needs!("ssh");
    let live = Live::with([train()]);
    live.moves_to(&format!("http://127.0.0.1:{}", nobody()));
    live.wait(400);
    assert!(goes_on(&live, "6 min ago: ") < Duration::from_secs(15));

    let live = Live::with([train()]);
    live.moves_to(&speaks_a_byte_a_second());
    live.wait(400);
    // Of the limits of the call and of the whole look, either may be over first on a busy machine.
    let took = goes_on_for_one_of(&live, &["incomplete answer after 2.", "no answer within 3 s"]);
    assert!(took < Duration::from_secs(15), "{took:?}");
    assert_eq!(live.address("prime.train.node-1"), "10.0.0.11", "the next one does not wait");
}

#[test]
fn a_token_that_is_gone() {
    needs!("ssh");
    let live = Live::with([train()]);
    live.sandbox.prime_settings(&json!({"api_key": null, "base_url": live.api.url()}));
    live.wait(400);
    goes_on(&live, "no API token");
}

/// Where it cannot be written down that a try failed, none is made: each look would wait.
#[test]
fn a_full_disk_and_one_that_may_only_be_read() {
    needs!("ssh", "prlimit", "namespaces");
    let live = Live::with([train()]);
    live.wait(400);
    live.asked();
    let mut full = process::command("prlimit");
    full.args(["--fsize=0", "ssh"]).env("HOME", live.sandbox.home());
    let ran = process::run(
        ssh::without_surroundings(full, &live.sandbox.config()).args(["-TG", "prime.train.node-1"]),
        b"",
    );
    assert_eq!(host_name(&ran), "10.0.0.11", "{ran:?}");
    assert!(ran.stderr.contains("6 min ago: "), "{}", ran.stderr);
    assert_eq!(live.asked(), [""; 0]);

    let mounts = Mounts::new();
    let folder = live.sandbox.ssh("prime-ssh");
    mounts.bind(&folder, &folder);
    let mut mount = mounts.command("mount");
    process::run(mount.args(["-o", "remount,ro,bind"]).arg(&folder), b"").succeeds();
    let mut inside = mounts.command("ssh");
    inside.env("HOME", live.sandbox.home());
    let ran = process::run(
        ssh::without_surroundings(inside, &live.sandbox.config())
            .args(["-TG", "prime.train.node-1"]),
        b"",
    );
    assert_eq!(host_name(&ran), "10.0.0.11", "{ran:?}");
    assert!(ran.stderr.contains("6 min ago: "), "{}", ran.stderr);
    assert_eq!(live.asked(), [""; 0]);
}

/// What root makes in another user's folder that user could neither read nor lock.
#[test]
fn root_leaves_the_folder_of_another_user_alone() {
    needs!("root");
    let live = Live::with([train()]);
    live.wait(400);
    let lock = live.sandbox.ours(".refresh");
    let _ = fs::remove_file(lock.with_extension("refresh-lock"));
    chown(live.sandbox.ssh(""), Some(65534), Some(65534)).unwrap();
    live.asked();
    let before = live.refresh_state();
    let ran = live.run(&["sync", "--if-older", "5m"]);
    assert!(ran.stderr.contains("using the hosts"), "{}", ran.stderr);
    assert_eq!(live.asked(), [""; 0]);
    assert_eq!(live.refresh_state(), before);
    assert!(!lock.with_extension("refresh-lock").exists());
}

/// Nothing of it is waited for, and what a link leads to is not written to.
#[test]
fn what_stands_in_for_a_file_of_a_refresh() {
    needs!("ssh", "mkfifo");
    let live = Live::with([train()]);
    let treasure = live.sandbox.write("treasure", "gold");
    for name in ["train-675b1ff5.refresh", "train-675b1ff5.refresh-lock"] {
        let path = live.sandbox.ssh("prime-ssh").join(name);
        for kind in ["link", "pipe", "folder", "text"] {
            live.wait(400);
            fs::remove_file(&path).unwrap();
            match kind {
                "link" => std::os::unix::fs::symlink(&treasure, &path).unwrap(),
                "pipe" => drop(process::run(process::command("mkfifo").arg(&path), b"").succeeds()),
                "folder" => fs::create_dir(&path).unwrap(),
                _ => fs::write(&path, "{\"checked\": -1, \"tried\"").unwrap(),
            }
            let ran = live.asks("prime.train.node-1");
            assert_eq!(host_name(&ran), "10.0.0.11", "{name}, {kind}: {ran:?}");
            assert!(ran.took < Duration::from_secs(5), "{name}, {kind}: {ran:?}");
            let _ = fs::remove_dir(&path).or_else(|_| fs::remove_file(&path));
            fs::write(&path, "").unwrap();
        }
    }
    assert_eq!(live.sandbox.read("treasure"), "gold");
    live.wait(400);
    live.api.now_serves([train_later()]);
    fs::remove_file(live.sandbox.ssh("prime-ssh/train-675b1ff5.refresh")).unwrap();
    fs::remove_file(live.sandbox.ssh("prime-ssh/train-675b1ff5.refresh-lock")).unwrap();
    assert_eq!(live.address("prime.train.node-1"), "10.0.0.111");
}

#[test]
fn a_clock_that_went_back() {
    needs!("ssh");
    let live = Live::with([train()]);
    live.api.now_serves([train_later()]);
    let path = live.sandbox.ssh("prime-ssh/train-675b1ff5.refresh");
    let ahead = |problem: Value| {
        let mut state = live.refresh_state();
        let then = state["checked"].as_u64().unwrap() + 1_000_000;
        (state["checked"], state["tried"], state["problem"]) = (then.into(), then.into(), problem);
        fs::write(&path, state.to_string()).unwrap();
    };
    ahead(Value::Null);
    assert_eq!(live.address("prime.train.node-1"), "10.0.0.111");
    live.api.now_serves([train()]);
    ahead("down".into());
    assert_eq!(live.address("prime.train.node-1"), "10.0.0.11");
}

/// The numbers of the processes that run this program.
fn running(program: &Path) -> Vec<Pid> {
    let mark = program.to_str().unwrap();
    let is_it = |id: &i32| {
        let line = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        line.split(|&byte| byte == 0).next() == Some(mark.as_bytes())
    };
    let ids = fs::read_dir("/proc").unwrap().flatten();
    let ids = ids.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.filter(is_it).map(Pid::from_raw).collect()
}

#[test]
fn killed_at_any_moment_the_next_ssh_works_and_waits_for_nobody() {
    needs!("ssh");
    let live = Live::serving(Api::slow([train()], Duration::from_millis(50)));
    live.run(&["install", "train", "--live"]).succeeds();
    let fragment = live.sandbox.ours(".conf");
    let old = fs::read(&fragment).unwrap();
    live.api.now_serves([train_later()]);
    live.run(&["sync"]).succeeds();
    let new = fs::read(&fragment).unwrap();
    let start = Instant::now();
    let mut killed = 0;
    for round in 0u64.. {
        if start.elapsed() > Duration::from_secs(15) && killed > 5 || round == 60 {
            break;
        }
        live.api.now_serves([if round % 2 == 0 { train() } else { train_later() }]);
        live.wait(400);
        let mut ssh = live.ssh();
        ssh.args(["-TG", "prime.train.node-1"]).stdin(Stdio::null());
        let mut child = ssh.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        process::until("the refresh", || {
            !running(&live.program).is_empty() || child.try_wait().unwrap().is_some()
        });
        thread::sleep(Duration::from_millis(round * 7 % 150));
        for id in running(&live.program) {
            killed += usize::from(kill(id, Signal::SIGKILL).is_ok());
        }
        let done = child.wait_with_output().unwrap();
        assert!(done.status.success(), "{done:?}");
        let known = |text: &str| {
            ["\nhostname 10.0.0.11\n", "\nhostname 10.0.0.111\n"].iter().any(|l| text.contains(l))
        };
        assert!(known(&String::from_utf8(done.stdout).unwrap()));
        let now = fs::read(&fragment).unwrap();
        assert!(now == old || now == new, "{}", String::from_utf8_lossy(&now));
        let next = live.asks("prime.train.node-1");
        assert!(known(&next.stdout), "{next:?}");
        assert!(next.took < Duration::from_secs(4), "{next:?}");
    }
    live.api.now_serves([joined()]);
    live.wait(400);
    assert_eq!(live.address("prime.train.node-9"), "10.0.0.99");
    live.run(&["sync", "--check"]).succeeds();
    live.run(&["uninstall", "--all"]).succeeds();
    assert!(!live.sandbox.ssh("prime-ssh").exists());
}

/// As on a machine that is put to sleep: every limit is over at once when it wakes up.
#[test]
fn stopped_until_all_limits_are_over_it_says_one_line() {
    needs!("ssh");
    let live = Live::with([train()]);
    live.moves_to(&speaks_a_byte_a_second());
    live.wait(400);
    let mut ssh = live.ssh();
    ssh.args(["-TG", "prime.train.node-1"]).stdin(Stdio::null());
    let child = ssh.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    process::until("the refresh", || !running(&live.program).is_empty());
    thread::sleep(Duration::from_millis(2_300));
    let looks = running(&live.program);
    for signal in [Signal::SIGSTOP, Signal::SIGCONT] {
        for id in &looks {
            kill(*id, signal).unwrap();
        }
        thread::sleep(Duration::from_millis(1_500));
    }
    let done = child.wait_with_output().unwrap();
    assert!(done.status.success(), "{done:?}");
    let told = String::from_utf8(done.stderr).unwrap();
    assert_eq!(told.lines().count(), 1, "{told}");
    assert!(told.contains("using the hosts of "), "{told}");
}

#[test]
fn a_program_that_moved_or_a_shell_that_runs_nothing() {
    needs!("ssh");
    let live = Live::with([train()]);
    live.api.now_serves([train_later()]);
    live.wait(400);
    let shell = |shell: &str| {
        let mut ssh = live.ssh();
        process::run(ssh.env("SHELL", shell).args(["-TG", "prime.train.node-1"]), b"")
    };
    assert_eq!(host_name(&shell("/bin/false")), "10.0.0.11");
    let moved = live.program.with_file_name("moved");
    fs::rename(&live.program, &moved).unwrap();
    let ran = live.asks("prime.train.node-1");
    assert_eq!(host_name(&ran), "10.0.0.11", "{ran:?}");
    assert!(ran.stderr.contains("bin/prime-ssh"), "{ran:?}");
    // Any run of it tells ssh where it is now.
    copy_program(&moved);
    let mut sync = process::command(&moved);
    sync.args(["sync", "--ssh-dir"]).arg(live.sandbox.ssh("")).env("HOME", live.sandbox.home());
    process::run(&mut sync, b"").succeeds();
    assert_eq!(live.address("prime.train.node-1"), "10.0.0.111");
    for name in ["/bin/sh", "/bin/bash", "/bin/dash", "/usr/bin/zsh", "/bin/csh"] {
        if !Path::new(name).exists() {
            continue;
        }
        live.api.now_serves([train()]);
        live.wait(400);
        assert_eq!(host_name(&shell(name)), "10.0.0.11", "{name}");
        live.api.now_serves([train_later()]);
        live.wait(400);
        assert_eq!(host_name(&shell(name)), "10.0.0.111", "{name}");
    }
}
