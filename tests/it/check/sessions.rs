//! What the user's own configuration makes of a session is none of a check's business; what stops a
//! plain `ssh ALIAS true` is.

use std::fs;

use super::login::{behind, detail, one, states};
use crate::support::network::nobody;
use crate::support::process;
use crate::support::ssh;
use crate::support::sshd::Sshd;
use crate::support::user::{User, logins, me};

/// Everything that a session may be told to do beyond running one command.
const SESSION: &str = "Host *
  ForkAfterAuthentication yes
  StdinNull yes
  SessionType none
  RemoteCommand sleep 61
  Tunnel yes
  LocalForward 1 localhost:1
  RemoteForward 1 localhost:1
  DynamicForward 1
  ExitOnForwardFailure yes
  PermitLocalCommand yes
  LocalCommand sleep 61
  RequestTTY force
  AddKeysToAgent yes
  ForwardAgent yes
  ControlMaster auto
  ControlPersist 10m
  EscapeChar none
";

/// Appends to the user's own configuration.
fn configure(user: &User, lines: &str) {
    let config = user.config();
    let before = fs::read_to_string(&config).unwrap_or_default();
    fs::write(config, before + lines).unwrap();
}

/// A block for `gate` that shares its connection, and keeps it.
fn shared(user: &User, gate: &Sshd) -> String {
    let home = user.home().display().to_string();
    format!(
        "Host gate\n  HostName {}\n  Port {}\n  User {}\n  IdentityFile {}\n  \
         StrictHostKeyChecking no\n  UserKnownHostsFile {home}/known\n  ControlMaster auto\n  \
         ControlPersist 10m\n  ControlPath {home}/%C\n",
        gate.address,
        gate.port,
        me(),
        user.key.display()
    )
}

#[test]
fn a_session_of_the_users_own_kind_is_overridden_and_nothing_outlives_us() {
    needs!("sshd");
    let user = User::new();
    let control = user.sshd("node-0").at("127.0.0.2").start();
    let worker = user.sshd("node-1").at("127.0.0.3").start();
    let cluster = behind(&control, &[&worker]);
    let home = user.home().display().to_string();
    let ours = || -> Vec<String> {
        let running = process::running(&home).into_iter();
        running.filter(|line| line.starts_with("ssh ") || line.starts_with("ssh:")).collect()
    };
    for is_installed in [false, true] {
        if is_installed {
            user.install(&cluster, &["--jump", "always"]);
        }
        configure(&user, &format!("{SESSION}  ControlPath {home}/%C\n"));
        let ran = user.check(&cluster, &[]);
        assert_eq!(states(&ran), ["node-0 ok", "node-1 ok"], "{}{}", ran.stdout, ran.stderr);
        assert_eq!(ours(), [""; 0]);
        fs::remove_file(user.config()).unwrap();
    }
}

/// Together they may hide what one of them does.
#[test]
fn so_is_each_line_of_it_alone() {
    needs!("sshd");
    let user = User::new();
    let sshd = user.sshd("node-0").start();
    user.install(&one(&sshd), &[]);
    let installed = fs::read_to_string(user.config()).unwrap();
    for line in SESSION.lines().skip(1) {
        fs::write(user.config(), format!("{installed}Host *\n{line}\n")).unwrap();
        let ran = user.check(&one(&sshd), &[]);
        assert_eq!(states(&ran), ["node-0 ok"], "{line}: {}{}", ran.stdout, ran.stderr);
    }
}

#[test]
fn a_jump_host_of_the_users_own_leaves_nothing_behind() {
    needs!("sshd");
    let user = User::new();
    let gate = user.sshd("gate").at("127.0.0.2").start();
    let sshd = user.sshd("node-0").start();
    let home = user.home().display().to_string();
    user.install(&one(&sshd), &[]);
    let lines = shared(&user, &gate) + "Host prime.*\n  ProxyJump gate\n";
    configure(&user, &lines);
    let ran = user.check(&one(&sshd), &[]);
    assert_eq!(states(&ran), ["node-0 ok"], "{}{}", ran.stdout, ran.stderr);
    assert_eq!((logins(&gate), logins(&sshd)), (1, 1));
    let is_ssh = |line: &String| line.starts_with("ssh ") || line.starts_with("ssh:");
    let left = || process::running(&home).into_iter().filter(is_ssh);
    process::until("the shared connection to end", || left().next().is_none());
}

/// A `ProxyCommand` starts an ssh of the user's own, which our options do not reach, or anything else.
#[test]
fn what_a_proxy_command_leaves_in_the_background_ends_with_us() {
    needs!("sshd", "setsid");
    let user = User::new();
    let gate = user.sshd("gate").at("127.0.0.2").start();
    let sshd = user.sshd("node-0").start();
    let home = user.home().display().to_string();
    user.install(&one(&sshd), &[]);
    let installed = fs::read_to_string(user.config()).unwrap();
    let own = user.sandbox.write("own", shared(&user, &gate));
    let real = process::run(process::command("sh").args(["-c", "command -v ssh"]), b"").succeeds();
    let real = real.trim_end();
    let gated = |ssh: &str| format!("{ssh} -F {} -W %h:%p gate", own.display());
    let beside = |start: &str| format!("bash -c '{start}; exec {}' {home}", gated("ssh"));
    let quiet = "\"$0\" </dev/null >/dev/null 2>&1";
    for (at, proxy) in [
        gated("ssh"),
        // By its path, it is found on no `PATH`.
        gated(real),
        // In a session of its own, stubborn too, and in a process group of its own.
        beside(&format!("setsid -f bash -c \"sleep 61; :\" {quiet}")),
        beside(&format!("setsid -f bash -c \"trap : TERM; while :; do sleep 1; done\" {quiet}")),
        beside(&format!("set -m; bash -c \"while :; do sleep 1; done\" {quiet} & set +m")),
    ]
    .into_iter()
    .enumerate()
    {
        let block = format!("{installed}Host prime.*\n  ProxyCommand {proxy}\n");
        fs::write(user.config(), block).unwrap();
        let ran = user.check(&one(&sshd), &[]);
        assert_eq!(states(&ran), ["node-0 ok"], "{proxy}: {}{}", ran.stdout, ran.stderr);
        assert_eq!(logins(&gate), 2 * at + 1, "{proxy}");
        let is_sshd = |line: &String| line.contains("sshd");
        let left: Vec<_> = process::running(&home).into_iter().filter(|l| !is_sshd(l)).collect();
        assert_eq!(left, Vec::<String>::new(), "{proxy}: it has ended before the run has");
        // One that was there before stays.
        let mut master = ssh::ssh(&own);
        process::run(master.args(["-fN", "gate"]), b"").succeeds();
        let control = |word| process::run(ssh::ssh(&own).args(["-O", word, "gate"]), b"");
        control("check").succeeds();
        user.check(&one(&sshd), &[]).succeeds();
        control("check").succeeds();
        control("exit").succeeds();
    }
}

#[test]
fn what_stops_a_plain_ssh_is_no_ok() {
    needs!("sshd");
    let user = User::new();
    let sshd = user.sshd("node-0").start();
    let cluster = one(&sshd);
    user.install(&cluster, &[]);
    user.check(&cluster, &[]).succeeds();
    let installed = fs::read_to_string(user.config()).unwrap();
    let long = "x".repeat(100);
    for (line, told) in [
        (format!("ControlPath /tmp/{long}-%C"), "is longer than"),
        ("ControlMaster auto\n  ControlPath /no/such/folder/%C".to_owned(), "not there"),
        ("ControlPath /tmp/%y".to_owned(), "%y"),
        (format!("ProxyJump 127.0.0.1:{}", nobody()), ""),
        ("Bogus yes".to_owned(), "Bad configuration option"),
    ] {
        fs::write(user.config(), format!("{installed}\nHost *\n  {line}\n")).unwrap();
        let alias = "prime.train.node-0";
        let plain = process::run(ssh::ssh(&user.config()).args([alias, "true"]), b"");
        let ran = user.check(&cluster, &[]);
        if plain.status.success() {
            assert_eq!(states(&ran), ["node-0 ok"], "{line}: {}", ran.stdout);
            continue;
        }
        assert!(states(&ran)[0].starts_with("node-0 failed "), "{line}: {}", ran.stdout);
        assert!(detail(&ran, 0).contains(told), "{line}: {}", ran.stdout);
        ran.fails(6);
    }
}
