//! `--login`: real sshds, and each reason why one does not let us in.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use serde_json::json;

use crate::support::authority::Authority;
use crate::support::cluster::{Cluster, Connection, Node};
use crate::support::network::nobody;
use crate::support::person::{Person, logins, me, to};
use crate::support::process::{self, Background, Ran};
use crate::support::sandbox::Program;
use crate::support::ssh;
use crate::support::sshd::Sshd;

/// A cluster as it is answered now, in a file: what is installed from it changes with it.
pub struct World {
    pub person: Person,
}

impl World {
    pub fn new() -> Self {
        Self { person: Person::new() }
    }

    fn program(&self, command: &str) -> Program {
        let program = self.person.sandbox.prime_ssh([command, "--ssh-dir"]);
        program.arg(self.person.sandbox.path("ssh"))
    }

    fn answer(&self, cluster: &Cluster) -> PathBuf {
        self.person.sandbox.write("answer.json", cluster.answer())
    }

    pub fn install(&self, cluster: &Cluster, options: &[&str]) {
        let answer = self.answer(cluster);
        self.program("install").arg("--input").arg(answer).args(options).run().succeeds();
    }

    /// Checks the cluster, with a login.
    pub fn check(&self, cluster: &Cluster, options: &[&str]) -> Ran {
        let answer = self.answer(cluster);
        let folder = self.person.sandbox.path("t");
        fs::create_dir_all(&folder).unwrap();
        let program = self.program("check").args(["--login", "--format", "plain", "--input"]);
        let ran = program.arg(answer).args(options).env("TMPDIR", &folder).run();
        let mark = folder.display().to_string();
        process::until("its processes to end", || process::running(&mark).is_empty());
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0, "nothing is left behind");
        ran
    }

    pub fn config(&self) -> PathBuf {
        self.person.sandbox.path("ssh/config")
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

/// The command between backticks, as a person would paste it.
fn paste(told: &str, command: &str) -> Ran {
    let start = told.find(&format!("`{command}")).unwrap_or_else(|| panic!("{command}: {told}"));
    let pasted = told[start + 1..].split('`').next().unwrap();
    process::run(process::command("sh").args(["-c", pasted]), b"")
}

#[test]
fn a_host_that_lets_us_in_installed_or_not() {
    needs!("sshd");
    let world = World::new();
    let sshd = world.person.sshd("node-0").start();
    let cluster = one(&sshd);
    let ran = world.check(&cluster, &[]);
    assert_eq!(states(&ran), ["node-0 ok"], "{}", ran.stderr);
    let fields: Vec<_> = ran.stdout.trim_end().split('\t').collect();
    assert!(fields[4].parse::<f64>().unwrap() > 0.0, "{fields:?}");
    ran.succeeds();
    assert_eq!(logins(&sshd), 1);
    assert!(!world.person.sandbox.path("ssh/known_hosts").exists(), "what is new is forgotten");

    world.install(&cluster, &[]);
    let ran = world.check(&cluster, &[]);
    assert_eq!(ran.stderr, "1 host OK\n");
    ran.succeeds();
    assert_eq!(logins(&sshd), 2);
}

#[test]
fn what_the_users_own_configuration_says_counts() {
    needs!("sshd");
    let world = World::new();
    let (home, key) = (world.person.sandbox.path("ssh"), world.person.key.clone());
    world.person.sandbox.prime_settings(&json!({}));
    let sshd = world.person.sshd("node-0").start();
    let ran = world.check(&one(&sshd), &[]);
    assert_eq!(states(&ran), ["node-0 failed key_refused"]);
    ran.fails(6);
    // What would be in the way of a check, but not of a login.
    let lines = format!(
        "Host *\nIdentityFile {}\nLocalForward 1 localhost:1\nExitOnForwardFailure yes\n\
         RemoteCommand sleep 60\nLogLevel QUIET\nRequestTTY force\n",
        key.display()
    );
    fs::write(home.join("config"), lines).unwrap();
    let ran = world.check(&one(&sshd), &[]);
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
        let ran = world.check(&moved, &[]);
        assert_eq!(states(&ran), ["node-0 ok"], "{}", ran.stderr);
    }

    fs::write(home.join("config"), "Bogus yes\n").unwrap();
    let ran = world.check(&one(&sshd), &[]);
    assert_eq!(states(&ran), ["node-0 failed ssh_config"], "{}", ran.stderr);
    assert!(detail(&ran, 0).contains("Bad configuration option: bogus"), "{}", detail(&ran, 0));
}

#[test]
fn a_key_that_is_not_accepted_is_named() {
    needs!("sshd");
    let world = World::new();
    let stranger = world.person.sandbox.ssh_key("stranger");
    let sshd = Sshd::of(&world.person.sandbox, "node-0").lets_in(&stranger).start();
    let ran = world.check(&one(&sshd), &[]);
    assert_eq!(states(&ran), ["node-0 failed key_refused"]);
    let key = world.person.key.display().to_string();
    assert!(
        detail(&ran, 0).contains(&key) && detail(&ran, 0).contains("SHA256:"),
        "{}",
        ran.stdout
    );
    ran.fails(6);

    let sshd = world.person.sshd("node-0").start();
    let protect = ["-q", "-p", "-P", "", "-N", "secret", "-f"];
    process::run(process::command("ssh-keygen").args(protect).arg(&world.person.key), b"")
        .succeeds();
    let ran = world.check(&one(&sshd), &[]);
    assert_eq!(states(&ran), ["node-0 failed key_locked"], "{}", ran.stderr);
    assert!(ran.fails(6).contains(&format!("`ssh-add {key}`")));
}

#[test]
fn a_key_that_others_can_read_is_told_with_what_helps() {
    needs!("sshd");
    let world = World::new();
    let sshd = world.person.sshd("node-0").start();
    fs::set_permissions(&world.person.key, fs::Permissions::from_mode(0o644)).unwrap();
    let ran = world.check(&one(&sshd), &[]);
    assert_eq!(states(&ran), ["node-0 failed key_readable"], "{}", ran.stderr);
    paste(&ran.fails(6), "chmod").succeeds();
    world.check(&one(&sshd), &[]).succeeds();
}

#[test]
fn a_host_key_that_changed_comes_with_the_command_that_forgets_the_old_one() {
    needs!("sshd");
    let world = World::new();
    let before = world.person.sshd("before").start();
    let cluster = one(&before);
    world.install(&cluster, &[]);
    world.check(&cluster, &[]).succeeds();
    let port = before.port;
    drop(before);
    let after = world.person.sshd("after").port(port).start();
    let ran = world.check(&cluster, &[]);
    assert_eq!(states(&ran), ["node-0 failed host_key_changed"], "{}", ran.stderr);
    assert_eq!(logins(&after), 0);
    let told = ran.fails(6);
    paste(&told, "ssh-keygen").succeeds();
    world.check(&cluster, &[]).succeeds();

    // What a fragment of `config` has remembered counts where nothing is installed.
    world.program("uninstall").arg("--all").run().succeeds();
    let other = world.person.sandbox.ssh_key("other.pub-to-be");
    let public = fs::read_to_string(other.with_extension("pub-to-be.pub")).unwrap();
    let line = public.split(' ').take(2).collect::<Vec<_>>().join(" ");
    world.person.sandbox.write("ssh/known_hosts", format!("prime-pod0 {line}\n"));
    let ran = world.check(&cluster, &[]);
    assert_eq!(states(&ran), ["node-0 failed host_key_changed"], "{}", ran.stderr);
    let told = ran.fails(6);
    paste(&told, "ssh-keygen").succeeds();
    world.check(&cluster, &[]).succeeds();
}

#[test]
fn a_host_key_that_is_not_known_and_a_host_that_is_not_installed() {
    needs!("sshd");
    let world = World::new();
    let sshd = world.person.sshd("node-0").start();
    world.install(&one(&sshd), &["--host-keys", "strict"]);
    let ran = world.check(&one(&sshd), &[]);
    assert_eq!(states(&ran), ["node-0 failed host_key_unknown"], "{}", ran.stderr);

    let more =
        one(&sshd)
            .node(Node::new("pod1", "node-1").connection(
                Connection::to("127.0.0.1").with("port", sshd.port).with("user", me()),
            ));
    let ran = world.check(&more, &[]);
    assert_eq!(states(&ran)[1], "node-1 failed not_installed", "{}", ran.stdout);
    assert!(ran.fails(6).contains("prime-ssh sync"));
}

/// ssh is told to go through the jump host all the same, which looks for the name in vain.
#[test]
fn a_worker_that_came_since_the_install_is_not_installed() {
    needs!("sshd");
    let world = World::new();
    let control = world.person.sshd("node-0").at("127.0.0.2").start();
    let worker = world.person.sshd("node-1").at("127.0.0.3").start();
    world.install(&behind(&control, &[]), &["--jump", "always"]);
    let ran = world.check(&behind(&control, &[&worker]), &[]);
    assert_eq!(states(&ran), ["node-0 ok", "node-1 failed not_installed"], "{}", ran.stdout);
    assert!(ran.fails(6).contains("prime-ssh sync"));
}

#[test]
fn a_login_that_does_not_run_the_command_is_told_as_such() {
    needs!("sshd");
    let world = World::new();
    let script = |name: &str, line: &str| {
        let path = world.person.sandbox.script(name, format!("#!/bin/sh\n{line}\n"));
        path.display().to_string()
    };
    let forced = world.person.sshd("node-0").option("ForceCommand", script("three", "exit 3"));
    let forced = forced.start();
    let ran = world.check(&one(&forced), &[]);
    assert_eq!(states(&ran), ["node-0 failed command_failed"], "{}", ran.stderr);
    assert_eq!(detail(&ran, 0), "logged in, but `true` exited with 3");
    let slow = world.person.sshd("node-0").option("ForceCommand", script("slow", "exec sleep 60"));
    let slow = slow.start();
    let ran = world.check(&one(&slow), &["--probe-timeout", "1s"]);
    assert_eq!(states(&ran), ["node-0 failed login_timed_out"], "{}", ran.stderr);
}

#[test]
fn too_many_keys_are_told_with_their_number() {
    needs!("sshd");
    let world = World::new();
    world.person.sandbox.prime_settings(&json!({}));
    let mut lines = "Host *\nIdentitiesOnly yes\n".to_owned();
    for number in 0..7 {
        let key = world.person.sandbox.ssh_key(format!("key-{number}"));
        writeln!(lines, "IdentityFile {}", key.display()).unwrap();
    }
    fs::write(world.config(), lines).unwrap();
    let sshd = world.person.sshd("node-0").option("MaxAuthTries", 6).start();
    let ran = world.check(&one(&sshd), &[]);
    assert_eq!(states(&ran), ["node-0 failed too_many_keys"], "{}", ran.stderr);
    assert!(detail(&ran, 0).contains("keys were offered"), "{}", ran.stdout);
}

#[test]
fn an_open_connection_of_the_users_does_not_answer_for_the_host() {
    needs!("sshd");
    let world = World::new();
    let sshd = world.person.sshd("node-0").start();
    let cluster = one(&sshd);
    world.install(&cluster, &[]);
    let config = world.config();
    let sharing = "Host *\nControlMaster auto\n";
    fs::write(&config, fs::read_to_string(&config).unwrap() + sharing).unwrap();
    let alias = "prime.train.node-0";
    let _master = Background::start(ssh::ssh(&config).args(["-N", alias]));
    process::until("the shared connection", || {
        process::run(ssh::ssh(&config).args(["-O", "check", alias]), b"").status.success()
    });
    // From now on nobody is let in; who is in already is.
    fs::write(world.person.key.with_extension("pub"), "").unwrap();
    process::run(ssh::ssh(&config).args([alias, "true"]), b"").succeeds();
    let ran = world.check(&cluster, &[]);
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
    let world = World::new();
    let control = world.person.sshd("node-0").at("127.0.0.2").start();
    let workers = [3, 4].map(|last| {
        let address = format!("127.0.0.{last}");
        world.person.sshd(&format!("node-{}", last - 2)).at(&address).start()
    });
    let stranger = world.person.sandbox.ssh_key("stranger");
    let closed =
        Sshd::of(&world.person.sandbox, "node-3").at("127.0.0.5").lets_in(&stranger).start();
    let down = Node::new("pod4", "node-4")
        .connection(Connection::to("127.0.0.6").with("port", nobody()).with("user", me()));
    let cluster = behind(&control, &[&workers[0], &workers[1], &closed]).node(down);
    world.install(&cluster, &["--jump", "always"]);
    let ran = world.check(&cluster, &[]);
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
    let world = World::new();
    let gate = world.person.sshd("gate").at("127.0.0.4").start();
    let control = world.person.sshd("node-0").at("127.0.0.2").start();
    let worker = world.person.sshd("node-1").at("127.0.0.3").start();
    let cluster = behind(&control, &[&worker]);
    let block = world.person.own_block("gate", "127.0.0.4", gate.port);
    fs::write(world.person.sandbox.path("ssh/config"), block).unwrap();
    for jump in ["never", "always"] {
        world.install(&cluster, &["--bastion", "gate", "--jump", jump]);
        let ran = world.check(&cluster, &[]);
        assert_eq!(states(&ran), ["node-0 ok", "node-1 ok"], "{ran:?}");
        ran.succeeds();
    }
    assert_eq!(logins(&gate), 2, "{}", gate.log());
    assert_eq!((logins(&control), logins(&worker)), (2, 2));
}

/// A single label is a private place, so that its worker jumps without anything being installed.
#[test]
fn a_worker_of_a_cluster_that_is_not_installed() {
    needs!("sshd");
    let world = World::new();
    let control = world.person.sshd("node-0").at("127.0.0.2").start();
    let worker = world.person.sshd("node-1").start();
    let place = Connection::to("localhost").with("port", worker.port).with("user", me());
    let cluster = behind(&control, &[]).node(Node::new("pod1", "node-1").connection(place));
    let ran = world.check(&cluster, &[]);
    assert_eq!(states(&ran), ["node-0 ok", "node-1 ok"], "{}", ran.stderr);
    assert!(worker.log().contains("Accepted publickey"), "{}", worker.log());
    assert_eq!((logins(&control), logins(&worker)), (1, 1));
}

#[test]
fn behind_a_jump_host_that_refuses_nobody_is_tried() {
    needs!("sshd");
    let world = World::new();
    let stranger = world.person.sandbox.ssh_key("stranger");
    let sandbox = &world.person.sandbox;
    let control = Sshd::of(sandbox, "node-0").at("127.0.0.2").lets_in(&stranger).start();
    let worker = world.person.sshd("node-1").at("127.0.0.3").start();
    let cluster = behind(&control, &[&worker]);
    world.install(&cluster, &["--jump", "always"]);
    let ran = world.check(&cluster, &[]);
    assert_eq!(states(&ran), ["node-0 failed key_refused", "node-1 skipped jump_failed"]);
    assert!(detail(&ran, 1).starts_with("not tried: its jump host prime.train.node-0: the key "));
    ran.fails(6);
    assert!(!worker.log().contains("Connection from"), "{}", worker.log());

    let silent = world.person.sshd("node-0").at("127.0.0.2").option("AllowTcpForwarding", "no");
    let control = silent.start();
    let cluster = behind(&control, &[&worker]);
    world.install(&cluster, &["--jump", "always"]);
    let known = fs::read_dir(world.person.sandbox.path("ssh/prime-ssh")).unwrap();
    for entry in known.flatten().filter(|e| e.path().to_string_lossy().ends_with("known_hosts")) {
        fs::remove_file(entry.path()).unwrap();
    }
    let ran = world.check(&cluster, &[]);
    assert_eq!(states(&ran), ["node-0 ok", "node-1 failed jump_cannot_connect"]);
    assert!(detail(&ran, 1).contains("administratively prohibited"), "{}", ran.stdout);
}

#[test]
fn a_host_of_the_users_own_is_the_way_in() {
    needs!("sshd");
    let world = World::new();
    let gate = world.person.sshd("gate").at("127.0.0.2").start();
    let worker = world.person.sshd("node-1").at("127.0.0.3").start();
    let lines = format!(
        "Host gate\nHostName {}\nPort {}\nUser {}\nIdentityFile {}\n\
         StrictHostKeyChecking accept-new\nUserKnownHostsFile {}\n",
        gate.address,
        gate.port,
        me(),
        world.person.key.display(),
        world.person.sandbox.path("known_hosts").display()
    );
    fs::write(world.config(), &lines).unwrap();
    let cluster =
        Cluster::new("clst01", "train").node(Node::new("pod1", "node-1").connection(to(&worker)));
    world.install(&cluster, &["--jump", "always", "--jump-via", "gate"]);
    let ran = world.check(&cluster, &[]);
    assert_eq!(states(&ran), ["node-1 ok"], "{}", ran.stderr);
    assert_eq!((logins(&gate), logins(&worker)), (1, 1));
    drop(gate);
    let ran = world.check(&cluster, &[]);
    assert_eq!(states(&ran), ["node-1 skipped jump_failed"], "{}", ran.stderr);
    assert_eq!(detail(&ran, 0), "not tried: its jump host gate: connection refused");
}

/// sshd drops who comes once ten have not logged in yet: forty at once would not all get in.
#[test]
fn forty_workers_through_one_jump_host_are_not_too_many() {
    needs!("sshd");
    const MANY: u8 = 40;
    let world = World::new();
    let control = world.person.sshd("node-0").at("127.0.0.2").start();
    let worker = world.person.sshd("worker").at("0.0.0.0").option("MaxStartups", "10:100:10");
    let worker = worker.start();
    let cluster = (1..=MANY).fold(behind(&control, &[]), |cluster, last| {
        let place = to(&worker).with("host", format!("127.0.5.{last}"));
        cluster.node(Node::new(&format!("pod{last}"), &format!("node-{last}")).connection(place))
    });
    world.install(&cluster, &["--jump", "always"]);
    // As many processes at once on a busy machine take their time.
    let ran = world.check(&cluster, &["--probe-timeout", "15s"]);
    assert_eq!(ran.stderr, "all 41 hosts OK\n", "{}", ran.stdout);
    ran.succeeds();
    assert_eq!((logins(&control), logins(&worker)), (1, MANY.into()));
}

#[test]
fn a_certificate_that_is_missing_or_over_is_the_reason() {
    needs!("sshd");
    let world = World::new();
    let authority = Authority::new(&world.person.sandbox);
    let sshd = Sshd::of(&world.person.sandbox, "node-0")
        .option("TrustedUserCAKeys", authority.public_key().display())
        .start();
    let cluster = one(&sshd).with("vaultEnabled", true);
    world.install(&cluster, &[]);
    let ran = world.check(&cluster, &[]);
    assert_eq!(states(&ran), ["node-0 failed certificate"], "{}", ran.stderr);
    assert!(detail(&ran, 0).starts_with("it takes a certificate only: "), "{}", ran.stdout);
    let told = ran.fails(6);
    let folder = world.person.sandbox.path("ssh");
    let command = format!("`prime-ssh cert --ssh-dir {} clst01`", folder.display());
    assert!(told.contains(&command), "{told}");
    let before = told.find("lets people in with a certificate only");
    assert!(before < told.find("node-0: it takes"), "it is said before anyone is tried: {told}");

    let public = fs::read_to_string(world.person.key.with_extension("pub")).unwrap();
    let place = fs::read_dir(folder.join("prime-ssh")).unwrap().flatten().find_map(|entry| {
        let name = entry.file_name().into_string().unwrap();
        Some(entry.path().with_file_name(format!("{}-cert.pub", name.strip_suffix(".conf")?)))
    });
    let place = place.unwrap();
    let over = authority.signing(&["-n", &me(), "-V", "-2h:-1h"]);
    fs::write(&place, over.certificate(&public)).unwrap();
    let ran = world.check(&cluster, &[]);
    assert_eq!(states(&ran), ["node-0 failed certificate"], "{}", ran.stderr);
    assert!(detail(&ran, 0).contains("expired"), "{}", ran.stdout);

    fs::write(&place, authority.certificate(&public)).unwrap();
    let ran = world.check(&cluster, &[]);
    assert_eq!(states(&ran), ["node-0 ok"], "{}", ran.stderr);
}
