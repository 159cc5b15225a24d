//! Real logins, through a jump host too, while ssh brings names up to date.

use std::time::Duration;

use super::{GET, Live};
use crate::support::ansible;
use crate::support::api::{Api, Reply};
use crate::support::cluster::{Cluster, Node};
use crate::support::process;
use crate::support::sshd::Sshd;
use crate::support::user::{logins, me, to};

/// A live cluster of real machines: a control node, and workers behind it.
struct Machines {
    live: Live,
    key: std::path::PathBuf,
    control: Sshd,
    worker: Sshd,
}

impl Machines {
    fn new() -> Self {
        let live = Live::serving(Api::serving([]));
        let key = live.sandbox.ssh_key("ssh/id_cluster");
        let start =
            |node: &str, at: &str| Sshd::of(&live.sandbox, node).at(at).lets_in(&key).start();
        let (control, worker) = (start("node-0", "127.0.0.2"), start("node-1", "127.0.0.3"));
        live.api.now_serves([cluster(&control, &[])]);
        live.run(
            &["install", "train", "--live", "--jump", "always", "--identity-file"]
                .map(String::from)
                .iter()
                .map(String::as_str)
                .chain([key.to_str().unwrap()])
                .collect::<Vec<_>>(),
        )
        .succeeds();
        Self { live, key, control, worker }
    }
}

fn cluster(control: &Sshd, workers: &[&Sshd]) -> Cluster {
    let cluster = Cluster::new("clst01", "train")
        .node(Node::new("pod0", "node-0").connection(to(control).control()));
    (1..).zip(workers).fold(cluster, |cluster, (number, worker)| {
        let node = Node::new(&format!("pod{number}"), &format!("node-{number}"));
        cluster.node(node.connection(to(worker)))
    })
}

#[test]
fn a_worker_that_joined_is_logged_in_to_through_the_jump() {
    needs!("sshd");
    let Machines { live, control, worker, .. } = Machines::new();
    live.api.now_serves([cluster(&control, &[&worker])]);
    live.wait(400);
    live.asked();
    let node = |name: &str| {
        let ran = process::run(live.ssh().args([name, "echo $PRIME_NODE"]), b"");
        ran.succeeds().trim_end().to_owned()
    };
    assert_eq!(node("prime.train.node-1"), "node-1");
    assert_eq!(live.asked(), [GET], "one for ssh and its jump");
    assert_eq!(node("prime.train.node-1"), "node-1");
    assert_eq!(node("prime.train"), "node-0");
    assert_eq!(live.asked(), [""; 0]);
    assert_eq!(logins(&control), 3, "{}", control.log());

    // What is on stdin is for the other end alone, whatever runs in between.
    live.wait(400);
    let text = "0123456789abcde\n".repeat(3 << 16);
    let ran = process::run(live.ssh().args(["prime.train.node-1", "cat"]), text.as_bytes());
    assert!(ran.succeeds() == text);
    assert_eq!(live.asked(), [GET]);
}

/// One limit for ssh and its jump together.
#[test]
fn a_slow_api_holds_up_a_login_through_a_jump_once() {
    needs!("sshd");
    let Machines { live, control, worker, .. } = Machines::new();
    live.api.now_serves([cluster(&control, &[&worker])]);
    live.run(&["sync"]).succeeds();
    let slow = Api::slow([cluster(&control, &[&worker])], Duration::from_secs(30));
    live.moves_to(&slow.url());
    live.wait(400);
    let ran = process::run(live.ssh().args(["prime.train.node-1", "echo $PRIME_NODE"]), b"");
    assert!(ran.took < Duration::from_secs(20), "{:?}", ran.took);
    assert_eq!(ran.stderr.matches("using the hosts").count(), 1, "{}", ran.stderr);
    assert_eq!(ran.succeeds(), "node-1\n");
    assert_eq!(slow.requests().len(), 1);
}

#[test]
fn programs_that_start_ssh_get_the_same() {
    needs!("sshd", "scp", "git", "rsync", "ansible");
    let Machines { live, control, worker, key } = Machines::new();
    assert!(key.exists());
    let home = live.sandbox.home();
    let config = live.sandbox.config();
    let fresh = |what: &str, run: &mut dyn FnMut()| {
        live.api.now_serves([cluster(&control, &[])]);
        live.run(&["sync"]).succeeds();
        live.api.now_serves([cluster(&control, &[&worker])]);
        live.wait(400);
        live.asked();
        run();
        assert_eq!(live.asked(), [GET], "{what}");
    };
    let from = live.sandbox.write("repository/file", "text");
    let repository = from.parent().unwrap();
    for arguments in [
        &["init", "-q"][..],
        &["add", "file"],
        &["-c", "user.name=me", "-c", "user.email=me", "commit", "-qm", "x"],
    ] {
        let mut git = process::command("git");
        process::run(git.arg("-C").arg(repository).args(arguments).env("HOME", home), b"")
            .succeeds();
    }
    fresh("scp", &mut || {
        let mut scp = process::command("scp");
        scp.arg("-F").arg(&config).args(["-o", "BatchMode=yes", "-q"]);
        scp.arg(format!("prime.train.node-1:{}", from.display())).arg(home.join("copy"));
        process::run(scp.env("HOME", home), b"").succeeds();
        assert_eq!(live.sandbox.read("copy"), "text");
    });
    fresh("rsync", &mut || {
        let mut rsync = process::command("rsync");
        rsync.arg("-e").arg(format!("ssh -F {} -o BatchMode=yes", config.display()));
        rsync.arg(format!("prime.train.node-1:{}", from.display())).arg(home.join("synced"));
        process::run(rsync.env("HOME", home), b"").succeeds();
        assert_eq!(live.sandbox.read("synced"), "text");
    });
    live.api.now_serves([cluster(&control, &[&worker])]);
    let inventory = home.join("hosts.yml");
    let inventory = inventory.to_str().unwrap();
    live.run(&["inventory", "train", "--use-ssh-config", "-o", inventory]).succeeds();
    fresh("ansible", &mut || {
        let mut ansible = ansible::newest().command(&live.sandbox, "ansible");
        ansible.env("ANSIBLE_SSH_ARGS", format!("-F {}", config.display()));
        let ran = process::run(ansible.args(["all", "-m", "ping", "-i", inventory]), b"");
        assert_eq!(ran.stdout.matches("pong").count(), 2, "{ran:#?}");
    });
    fresh("git", &mut || {
        let mut git = process::command("git");
        git.args(["clone", "-q"]).arg(format!("prime.train.node-1:{}", repository.display()));
        git.arg(home.join("clone")).env("HOME", home);
        git.env("GIT_SSH_COMMAND", format!("ssh -F {} -o BatchMode=yes", config.display()));
        process::run(&mut git, b"").succeeds();
        assert_eq!(live.sandbox.read("clone/file"), "text");
    });
    fresh("-W", &mut || {
        let target = format!("{}:{}", worker.address, worker.port);
        let ran = process::run(live.ssh().args(["-W", &target, "prime.train.node-0"]), b"");
        assert!(ran.stdout.starts_with("SSH-2.0"), "{ran:?}");
    });
    fresh("-J", &mut || {
        let port = worker.port.to_string();
        let mut ssh = live.ssh();
        ssh.args(["-J", "prime.train.node-0", "-p", &port, "-o", "StrictHostKeyChecking=no"]);
        ssh.args(["-o", "UserKnownHostsFile=/dev/null", "-i"]).arg(&key);
        ssh.args(["-l", &me(), &worker.address, "echo $PRIME_NODE"]);
        let ran = process::run(&mut ssh, b"");
        assert_eq!(ran.stdout, "node-1\n", "{ran:?}");
    });
}

/// A cluster that is refused, or gone, does not take the hosts with it.
#[test]
fn an_answer_without_hosts_wipes_nothing() {
    needs!("sshd");
    let Machines { live, control, .. } = Machines::new();
    let empty = Cluster::new("clst01", "train").answer();
    live.api.replies_below("/api/admin/clusters/", Reply::new(200, empty));
    live.wait(400);
    let ran = process::run(live.ssh().args(["prime.train", "echo $PRIME_NODE"]), b"");
    assert!(ran.stderr.contains("using the hosts"), "{}", ran.stderr);
    assert_eq!(ran.succeeds(), "node-0\n");
    assert_eq!(logins(&control), 1);
}
