//! `--login`: real sshds, and each reason why one does not let us in.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use serde_json::json;

use crate::support::authority::Authority;
use crate::support::cluster::{Cluster, Connection, Node};
use crate::support::network::nobody;
use crate::support::process::{self, Background, Ran};
use crate::support::ssh;
use crate::support::sshd::Sshd;
use crate::support::user::{User, logins, me, to};

impl User {
    /// A cluster as it is answered now, in a file: what is installed from it changes with it.
    fn answer(&self, cluster: &Cluster) -> PathBuf {
        self.write("answer.json", cluster.answer())
    }

    pub fn install(&self, cluster: &Cluster, options: &[&str]) {
        let answer = self.answer(cluster);
        self.program(["install"]).arg("--input").arg(answer).args(options).run().succeeds();
    }

    /// Checks the cluster, with a login.
    pub fn check(&self, cluster: &Cluster, options: &[&str]) -> Ran {
        let answer = self.answer(cluster);
        let folder = self.path("t");
        fs::create_dir_all(&folder).unwrap();
        let program = self.program(["check"]).args(["--login", "--format", "plain", "--input"]);
        let ran = program.arg(answer).args(options).env("TMPDIR", &folder).run();
        let mark = folder.display().to_string();
        process::until("its processes to end", || process::running(&mark).is_empty());
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0, "nothing is left behind");
        ran
    }
}

/// State and reason of each host, as `node-0 ok `.
pub fn states(ran: &Ran) -> Vec<String> {
    let state = |line: &str| {
        let fields: Vec<_> = line.split('\t').collect();
        let name = fields[0].rsplit('.').next().unwrap();
        format!("{name} {} {}", fields[1], fields[2]).trim_end().to_owned()
    };
    ran.stdout.lines().map(state).collect()
}

pub fn detail(ran: &Ran, at: usize) -> &str {
    ran.stdout.lines().nth(at).unwrap().rsplit('\t').next().unwrap()
}

pub fn one(sshd: &Sshd) -> Cluster {
    Cluster::new("clst01", "train").node(Node::new("pod0", "node-0").connection(to(sshd).control()))
}

/// The command between backticks, as a user would paste it.
fn paste(told: &str, command: &str) -> Ran {
    let start = told.find(&format!("`{command}")).unwrap_or_else(|| panic!("{command}: {told}"));
    let pasted = told[start + 1..].split('`').next().unwrap();
    process::run(process::command("sh").args(["-c", pasted]), b"")
}

#[test]
fn a_host_that_lets_us_in_installed_or_not() {
    needs!("sshd");
    let user = User::new();
    let sshd = user.sshd("node-0").start();
    let cluster = one(&sshd);
    let ran = user.check(&cluster, &[]);
    assert_eq!(states(&ran), ["node-0 ok"], "{}", ran.stderr);
    let fields: Vec<_> = ran.stdout.trim_end().split('\t').collect();
    assert!(fields[4].parse::<f64>().unwrap() > 0.0, "{fields:?}");
    ran.succeeds();
    assert_eq!(logins(&sshd), 1);
    assert!(!user.path("ssh/known_hosts").exists(), "what is new is forgotten");

    user.install(&cluster, &[]);
    let ran = user.check(&cluster, &[]);
    assert_eq!(ran.stderr, "1 host OK\n");
    ran.succeeds();
    assert_eq!(logins(&sshd), 2);
}

#[test]
fn what_the_users_own_configuration_says_counts() {
    needs!("sshd");
    let user = User::new();
    let (home, key) = (user.path("ssh"), user.key.clone());
    user.prime_settings(&json!({}));
    let sshd = user.sshd("node-0").start();
    let ran = user.check(&one(&sshd), &[]);
    assert_eq!(states(&ran), ["node-0 failed key_refused"]);
    ran.fails(6);
    // What would be in the way of a check, but not of a login.
    let lines = format!(
        "Host *\nIdentityFile {}\nLocalForward 1 localhost:1\nExitOnForwardFailure yes\n\
         RemoteCommand sleep 60\nLogLevel QUIET\nRequestTTY force\n",
        key.display()
    );
    fs::write(home.join("config"), lines).unwrap();
    let ran = user.check(&one(&sshd), &[]);
    assert_eq!(states(&ran), ["node-0 ok"], "{}", ran.stderr);

    // Another way there than ours: the address itself leads nowhere.
    let moved = Cluster::new("clst01", "train").node(
        Node::new("pod0", "node-0")
            .connection(Connection::to("127.0.0.1").with("port", nobody()).with("user", me())),
    );
    let lines = format!(
        "Host *\nIdentityFile {}\nProxyCommand nc {} {}\n",
        key.display(),
        sshd.address,
        sshd.port
    );
    if process::run(process::command("sh").args(["-c", "command -v nc"]), b"").status.success() {
        fs::write(home.join("config"), lines).unwrap();
        let ran = user.check(&moved, &[]);
        assert_eq!(states(&ran), ["node-0 ok"], "{}", ran.stderr);
    }

    fs::write(home.join("config"), "Bogus yes\n").unwrap();
    let ran = user.check(&one(&sshd), &[]);
    assert_eq!(states(&ran), ["node-0 failed ssh_config"], "{}", ran.stderr);
    assert!(detail(&ran, 0).contains("Bad configuration option: bogus"), "{}", detail(&ran, 0));
}

#[test]
fn a_key_that_is_not_accepted_is_named() {
    needs!("sshd");
    let user = User::new();
    let stranger = user.ssh_key("stranger");
    let sshd = Sshd::of(&user.sandbox, "node-0").lets_in(&stranger).start();
    let ran = user.check(&one(&sshd), &[]);
    assert_eq!(states(&ran), ["node-0 failed key_refused"]);
    let key = user.key.display().to_string();
    assert!(
        detail(&ran, 0).contains(&key) && detail(&ran, 0).contains("SHA256:"),
        "{}",
        ran.stdout
    );
    ran.fails(6);

    let sshd = user.sshd("node-0").start();
    let protect = ["-q", "-p", "-P", "", "-N", "secret", "-f"];
    process::run(process::command("ssh-keygen").args(protect).arg(&user.key), b"").succeeds();
    let ran = user.check(&one(&sshd), &[]);
    assert_eq!(states(&ran), ["node-0 failed key_locked"], "{}", ran.stderr);
    snapshot!(ran.fails(6), @"
    note: prime.train.node-0: the server would accept the key [home]/ssh/id_cluster, but it cannot be used: it has a passphrase that nobody can be asked for, or the agent refused; `ssh-add [home]/ssh/id_cluster`
    error: 0 of 1 host OK, 1 failed: prime.train.node-0
    ");
}

#[test]
fn a_key_that_others_can_read_is_told_with_what_helps() {
    needs!("sshd");
    let user = User::new();
    let sshd = user.sshd("node-0").start();
    fs::set_permissions(&user.key, fs::Permissions::from_mode(0o644)).unwrap();
    let ran = user.check(&one(&sshd), &[]);
    assert_eq!(states(&ran), ["node-0 failed key_readable"], "{}", ran.stderr);
    paste(&ran.fails(6), "chmod").succeeds();
    user.check(&one(&sshd), &[]).succeeds();
}

#[test]
fn a_host_key_that_changed_comes_with_the_command_that_forgets_the_old_one() {
    needs!("sshd");
    let user = User::new();
    let before = user.sshd("before").start();
    let cluster = one(&before);
    user.install(&cluster, &[]);
    user.check(&cluster, &[]).succeeds();
    let port = before.port;
    drop(before);
    let after = user.sshd("after").port(port).start();
    let ran = user.check(&cluster, &[]);
    assert_eq!(states(&ran), ["node-0 failed host_key_changed"], "{}", ran.stderr);
    assert_eq!(logins(&after), 0);
    let told = ran.fails(6);
    paste(&told, "ssh-keygen").succeeds();
    user.check(&cluster, &[]).succeeds();

    // What a fragment of `config` has remembered counts where nothing is installed.
    user.program(["uninstall"]).arg("--all").run().succeeds();
    let other = user.ssh_key("other.pub-to-be");
    let public = fs::read_to_string(other.with_extension("pub-to-be.pub")).unwrap();
    let line = public.split(' ').take(2).collect::<Vec<_>>().join(" ");
    user.write("ssh/known_hosts", format!("prime-pod0 {line}\n"));
    let ran = user.check(&cluster, &[]);
    assert_eq!(states(&ran), ["node-0 failed host_key_changed"], "{}", ran.stderr);
    let told = ran.fails(6);
    paste(&told, "ssh-keygen").succeeds();
    user.check(&cluster, &[]).succeeds();
}

#[test]
fn a_host_key_that_is_not_known_and_a_host_that_is_not_installed() {
    needs!("sshd");
    let user = User::new();
    let sshd = user.sshd("node-0").start();
    user.install(&one(&sshd), &["--host-keys", "strict"]);
    let ran = user.check(&one(&sshd), &[]);
    assert_eq!(states(&ran), ["node-0 failed host_key_unknown"], "{}", ran.stderr);

    let more =
        one(&sshd)
            .node(Node::new("pod1", "node-1").connection(
                Connection::to("127.0.0.1").with("port", sshd.port).with("user", me()),
            ));
    let ran = user.check(&more, &[]);
    assert_eq!(states(&ran)[1], "node-1 failed not_installed", "{}", ran.stdout);
    snapshot!(ran.fails(6), @"
    note: prime.train.node-0: the host key is unknown, and only known keys are accepted; add its key to the known hosts, or install with `--host-keys accept-new`
    note: prime.train.node-1: ssh does not know prime.train.node-1 yet; `prime-ssh sync --ssh-dir [home]/ssh clst01`
    error: 0 of 2 hosts OK, 2 failed: prime.train.node-0, prime.train.node-1
    ");
}

/// ssh is told to go through the jump host all the same, which looks for the name in vain.
#[test]
fn a_worker_that_came_since_the_install_is_not_installed() {
    needs!("sshd");
    let user = User::new();
    let control = user.sshd("node-0").at("127.0.0.2").start();
    let worker = user.sshd("node-1").at("127.0.0.3").start();
    user.install(&behind(&control, &[]), &["--jump", "always"]);
    let ran = user.check(&behind(&control, &[&worker]), &[]);
    assert_eq!(states(&ran), ["node-0 ok", "node-1 failed not_installed"], "{}", ran.stdout);
    snapshot!(ran.fails(6), @"
    note: prime.train.node-1: ssh does not know prime.train.node-1 yet; `prime-ssh sync --ssh-dir [home]/ssh clst01`
    error: 1 of 2 hosts OK, 1 failed: prime.train.node-1
    ");
}

#[test]
fn a_login_that_does_not_run_the_command_is_told_as_such() {
    needs!("sshd");
    let user = User::new();
    let script = |name: &str, line: &str| {
        let path = user.script(name, format!("#!/bin/sh\n{line}\n"));
        path.display().to_string()
    };
    let forced = user.sshd("node-0").option("ForceCommand", script("three", "exit 3"));
    let forced = forced.start();
    let ran = user.check(&one(&forced), &[]);
    assert_eq!(states(&ran), ["node-0 failed command_failed"], "{}", ran.stderr);
    assert_eq!(detail(&ran, 0), "logged in, but `true` exited with 3");
    let slow = user.sshd("node-0").option("ForceCommand", script("slow", "exec sleep 60"));
    let slow = slow.start();
    let ran = user.check(&one(&slow), &["--probe-timeout", "1s"]);
    assert_eq!(states(&ran), ["node-0 failed timed_out"], "{}", ran.stderr);
}

#[test]
fn too_many_keys_are_told_with_their_number() {
    needs!("sshd");
    let user = User::new();
    user.prime_settings(&json!({}));
    let mut lines = "Host *\nIdentitiesOnly yes\n".to_owned();
    for number in 0..7 {
        let key = user.ssh_key(format!("key-{number}"));
        writeln!(lines, "IdentityFile {}", key.display()).unwrap();
    }
    fs::write(user.config(), lines).unwrap();
    let sshd = user.sshd("node-0").option("MaxAuthTries", 6).start();
    let ran = user.check(&one(&sshd), &[]);
    assert_eq!(states(&ran), ["node-0 failed too_many_keys"], "{}", ran.stderr);
    assert!(detail(&ran, 0).contains("keys offered"), "{}", ran.stdout);
}

#[test]
fn an_open_connection_of_the_users_does_not_answer_for_the_host() {
    needs!("sshd");
    let user = User::new();
    let sshd = user.sshd("node-0").start();
    let cluster = one(&sshd);
    user.install(&cluster, &[]);
    let config = user.config();
    let sharing = "Host *\nControlMaster auto\n";
    fs::write(&config, fs::read_to_string(&config).unwrap() + sharing).unwrap();
    let alias = "prime.train.node-0";
    let _master = Background::start(ssh::ssh(&config).args(["-N", alias]));
    process::until("the shared connection", || {
        process::run(ssh::ssh(&config).args(["-O", "check", alias]), b"").status.success()
    });
    // From now on nobody is let in; who is in already is.
    fs::write(user.key.with_extension("pub"), "").unwrap();
    process::run(ssh::ssh(&config).args([alias, "true"]), b"").succeeds();
    let ran = user.check(&cluster, &[]);
    assert_eq!(states(&ran), ["node-0 failed key_refused"], "{}", ran.stderr);
}

/// A control node, and workers that are reached through it.
pub fn behind(control: &Sshd, workers: &[&Sshd]) -> Cluster {
    let cluster = Cluster::new("clst01", "train")
        .node(Node::new("pod0", "node-0").connection(to(control).control()));
    (1..).zip(workers).fold(cluster, |cluster, (number, worker)| {
        let name = format!("node-{number}");
        cluster.node(Node::new(&format!("pod{number}"), &name).connection(to(worker)))
    })
}

#[test]
fn workers_are_logged_in_to_through_one_login_to_their_jump_host() {
    needs!("sshd");
    let user = User::new();
    let control = user.sshd("node-0").at("127.0.0.2").start();
    let workers = [3, 4].map(|last| {
        let address = format!("127.0.0.{last}");
        user.sshd(&format!("node-{}", last - 2)).at(&address).start()
    });
    let stranger = user.ssh_key("stranger");
    let closed = Sshd::of(&user.sandbox, "node-3").at("127.0.0.5").lets_in(&stranger).start();
    let down = Node::new("pod4", "node-4")
        .connection(Connection::to("127.0.0.6").with("port", nobody()).with("user", me()));
    let cluster = behind(&control, &[&workers[0], &workers[1], &closed]).node(down);
    user.install(&cluster, &["--jump", "always"]);
    let ran = user.check(&cluster, &[]);
    assert_eq!(
        states(&ran),
        [
            "node-0 ok",
            "node-1 ok",
            "node-2 ok",
            "node-3 failed key_refused",
            "node-4 failed jump_cannot_connect",
        ],
        "{}",
        ran.stderr
    );
    assert_eq!(detail(&ran, 4), "the jump host cannot connect to it: connection refused");
    assert!(ran.stdout.lines().nth(1).unwrap().contains("OpenSSH_"), "{}", ran.stdout);
    ran.fails(6);
    assert_eq!(logins(&control), 1, "{}", control.log());
    assert_eq!(workers.iter().map(logins).collect::<Vec<_>>(), [1, 1]);
}

#[test]
fn all_are_logged_in_to_through_a_bastion() {
    needs!("sshd");
    let user = User::new();
    let gate = user.sshd("gate").at("127.0.0.4").start();
    let control = user.sshd("node-0").at("127.0.0.2").start();
    let worker = user.sshd("node-1").at("127.0.0.3").start();
    let cluster = behind(&control, &[&worker]);
    let block = user.own_block("gate", "127.0.0.4", gate.port);
    fs::write(user.path("ssh/config"), block).unwrap();
    for jump in ["never", "always"] {
        user.install(&cluster, &["--bastion", "gate", "--jump", jump]);
        let ran = user.check(&cluster, &[]);
        assert_eq!(states(&ran), ["node-0 ok", "node-1 ok"], "{ran:?}");
        ran.succeeds();
    }
    assert_eq!(logins(&gate), 2, "{}", gate.log());
    assert_eq!((logins(&control), logins(&worker)), (2, 2));
}

#[test]
fn a_bastion_that_lets_nobody_through_is_what_is_told() {
    needs!("sshd");
    let user = User::new();
    let stranger = user.ssh_key("stranger");
    let gate = Sshd::of(&user.sandbox, "gate").at("127.0.0.4").lets_in(&stranger).start();
    let control = user.sshd("node-0").at("127.0.0.2").start();
    let worker = user.sshd("node-1").at("127.0.0.3").start();
    let cluster = behind(&control, &[&worker]);
    for (port, reason) in [(gate.port, "is not accepted"), (nobody(), "connection refused")] {
        let block = user.own_block("gate", "127.0.0.4", port);
        fs::write(user.path("ssh/config"), block).unwrap();
        user.install(&cluster, &["--bastion", "gate", "--jump", "always"]);
        let ran = user.check(&cluster, &[]);
        assert_eq!(states(&ran), ["node-0 skipped jump_failed", "node-1 skipped jump_failed"]);
        let told = detail(&ran, 0);
        assert!(told.starts_with("not tried: its jump host gate: "), "{told}");
        assert!(told.ends_with(reason), "{told}");
        let behind = format!("its jump host prime.train.node-0 failed: {told}");
        assert_eq!(detail(&ran, 1), behind);
        // Of its keys our options say nothing.
        let has_remedy = ran.stderr.contains("in your own ssh config (`IdentityFile`)");
        assert!(!ran.stderr.contains("--identity-file"), "{}", ran.stderr);
        assert_eq!(has_remedy, reason == "is not accepted", "{}", ran.stderr);
        ran.fails(6);
    }
    let block = user.own_block("gate", "127.0.0.4", nobody());
    fs::write(user.path("ssh/config"), block).unwrap();
    user.install(&cluster, &["--jump", "always", "--jump-via", "127.0.0.2"]);
    let ran = user.check(&cluster, &[]);
    let told = "not tried: its jump host gate,127.0.0.2: connection refused";
    assert_eq!(detail(&ran, 1), told);
    // What lies behind a good bastion is not its fault.
    let gate = user.sshd("gate").at("127.0.0.4").start();
    let control = Sshd::of(&user.sandbox, "node-0").at("127.0.0.2").lets_in(&stranger).start();
    let cluster = behind(&control, &[&worker]);
    let block = user.own_block("gate", "127.0.0.4", gate.port);
    fs::write(user.path("ssh/config"), block).unwrap();
    user.install(&cluster, &["--reset", "--bastion", "gate", "--jump", "always"]);
    let ran = user.check(&cluster, &[]);
    assert_eq!(states(&ran), ["node-0 failed key_refused", "node-1 skipped jump_failed"]);
}

/// A single label is a private place, so that its worker jumps without anything being installed.
#[test]
fn a_worker_of_a_cluster_that_is_not_installed() {
    needs!("sshd");
    let user = User::new();
    let control = user.sshd("node-0").at("127.0.0.2").start();
    let worker = user.sshd("node-1").start();
    let place = Connection::to("localhost").with("port", worker.port).with("user", me());
    let cluster = behind(&control, &[]).node(Node::new("pod1", "node-1").connection(place));
    let ran = user.check(&cluster, &[]);
    assert_eq!(states(&ran), ["node-0 ok", "node-1 ok"], "{}", ran.stderr);
    assert!(worker.log().contains("Accepted publickey"), "{}", worker.log());
    assert_eq!((logins(&control), logins(&worker)), (1, 1));
}

#[test]
fn behind_a_jump_host_that_refuses_nobody_is_tried() {
    needs!("sshd");
    let user = User::new();
    let stranger = user.ssh_key("stranger");
    let sandbox = &user.sandbox;
    let control = Sshd::of(sandbox, "node-0").at("127.0.0.2").lets_in(&stranger).start();
    let worker = user.sshd("node-1").at("127.0.0.3").start();
    let cluster = behind(&control, &[&worker]);
    user.install(&cluster, &["--jump", "always"]);
    let ran = user.check(&cluster, &[]);
    assert_eq!(states(&ran), ["node-0 failed key_refused", "node-1 skipped jump_failed"]);
    assert!(detail(&ran, 1).starts_with("its jump host prime.train.node-0 failed: the key "));
    ran.fails(6);
    assert!(!worker.log().contains("Connection from"), "{}", worker.log());

    let silent = user.sshd("node-0").at("127.0.0.2").option("AllowTcpForwarding", "no");
    let control = silent.start();
    let cluster = behind(&control, &[&worker]);
    user.install(&cluster, &["--jump", "always"]);
    let known = fs::read_dir(user.path("ssh/prime-ssh")).unwrap();
    for entry in known.flatten().filter(|e| e.path().to_string_lossy().ends_with("known_hosts")) {
        fs::remove_file(entry.path()).unwrap();
    }
    let ran = user.check(&cluster, &[]);
    assert_eq!(states(&ran), ["node-0 ok", "node-1 failed jump_cannot_connect"]);
    assert!(detail(&ran, 1).contains("administratively prohibited"), "{}", ran.stdout);
}

#[test]
fn a_host_of_the_users_own_is_the_way_in() {
    needs!("sshd");
    let user = User::new();
    let gate = user.sshd("gate").at("127.0.0.2").start();
    let worker = user.sshd("node-1").at("127.0.0.3").start();
    let lines = format!(
        "Host gate\nHostName {}\nPort {}\nUser {}\nIdentityFile {}\n\
         StrictHostKeyChecking accept-new\nUserKnownHostsFile {}\n",
        gate.address,
        gate.port,
        me(),
        user.key.display(),
        user.path("known_hosts").display()
    );
    fs::write(user.config(), &lines).unwrap();
    let cluster =
        Cluster::new("clst01", "train").node(Node::new("pod1", "node-1").connection(to(&worker)));
    user.install(&cluster, &["--jump", "always", "--jump-via", "gate"]);
    let ran = user.check(&cluster, &[]);
    assert_eq!(states(&ran), ["node-1 ok"], "{}", ran.stderr);
    assert_eq!((logins(&gate), logins(&worker)), (1, 1));
    drop(gate);
    let ran = user.check(&cluster, &[]);
    assert_eq!(states(&ran), ["node-1 skipped jump_failed"], "{}", ran.stderr);
    assert_eq!(detail(&ran, 0), "not tried: its jump host gate: connection refused");
}

/// sshd drops who comes once ten have not logged in yet: forty at once would not all get in.
#[test]
fn forty_workers_through_one_jump_host_are_not_too_many() {
    needs!("sshd");
    const MANY: u8 = 40;
    let user = User::new();
    let control = user.sshd("node-0").at("127.0.0.2").start();
    let worker = user.sshd("worker").at("0.0.0.0").option("MaxStartups", "10:100:10");
    let worker = worker.start();
    let cluster = (1..=MANY).fold(behind(&control, &[]), |cluster, last| {
        let place = to(&worker).with("host", format!("127.0.5.{last}"));
        cluster.node(Node::new(&format!("pod{last}"), &format!("node-{last}")).connection(place))
    });
    user.install(&cluster, &["--jump", "always"]);
    // As many processes at once on a busy machine take their time.
    let ran = user.check(&cluster, &["--probe-timeout", "15s"]);
    assert_eq!(ran.stderr, "all 41 hosts OK\n", "{}", ran.stdout);
    ran.succeeds();
    assert_eq!((logins(&control), logins(&worker)), (1, MANY.into()));
}

#[test]
fn a_certificate_that_is_missing_or_over_is_the_reason() {
    needs!("sshd");
    let user = User::new();
    let authority = Authority::new(&user.sandbox);
    let sshd = Sshd::of(&user.sandbox, "node-0")
        .option("TrustedUserCAKeys", authority.public_key().display())
        .start();
    let cluster = one(&sshd).with("vaultEnabled", true);
    user.install(&cluster, &[]);
    let ran = user.check(&cluster, &[]);
    assert_eq!(states(&ran), ["node-0 failed certificate"], "{}", ran.stderr);
    assert!(detail(&ran, 0).starts_with("it takes a certificate only: "), "{}", ran.stdout);
    let told = ran.fails(6);
    let folder = user.path("ssh");
    snapshot!(told, @"
    warning: train lets people in with a certificate only: there is none yet; `prime-ssh cert --ssh-dir [home]/ssh clst01` gets one
    note: prime.train.node-0: it takes a certificate only: there is none yet; `prime-ssh cert --ssh-dir [home]/ssh clst01`
    error: 0 of 1 host OK, 1 failed: prime.train.node-0
    ");
    let before = told.find("lets people in with a certificate only");
    assert!(before < told.find("node-0: it takes"), "it is said before anyone is tried: {told}");

    let public = fs::read_to_string(user.key.with_extension("pub")).unwrap();
    let place = fs::read_dir(folder.join("prime-ssh")).unwrap().flatten().find_map(|entry| {
        let name = entry.file_name().into_string().unwrap();
        Some(entry.path().with_file_name(format!("{}-cert.pub", name.strip_suffix(".conf")?)))
    });
    let place = place.unwrap();
    let over = authority.signing(&["-n", &me(), "-V", "-2h:-1h"]);
    fs::write(&place, over.certificate(&public)).unwrap();
    let ran = user.check(&cluster, &[]);
    assert_eq!(states(&ran), ["node-0 failed certificate"], "{}", ran.stderr);
    assert!(detail(&ran, 0).contains("expired"), "{}", ran.stdout);

    fs::write(&place, authority.certificate(&public)).unwrap();
    let ran = user.check(&cluster, &[]);
    assert_eq!(states(&ran), ["node-0 ok"], "{}", ran.stderr);
}
