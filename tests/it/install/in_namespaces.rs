//! A disk that is full, a file that is a mount, the home folder of the passwd file: in mounts that
//! only the test sees.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Sandbox, Snapshot, collect, small, train, train_later};
use crate::support::mounts::Mounts;
use crate::support::process::{self, Ran};
use crate::support::sandbox::Program;
use crate::support::sandbox::copy_program;
use crate::support::snapshot::Transcript;

/// The program, run inside of the namespace.
fn run(mounts: &Mounts, program: Program) -> Ran {
    let outside = program.into_command();
    let mut inside = mounts.command(outside.get_program());
    inside.args(outside.get_args()).env_clear().current_dir(outside.get_current_dir().unwrap());
    for (name, value) in outside.get_envs() {
        inside.env(name, value.unwrap());
    }
    process::run(&mut inside, b"")
}

/// What is in a folder that is only there inside, as [`Sandbox::snapshot`].
fn snapshot(mounts: &Mounts, sandbox: &Sandbox) -> Snapshot {
    let mut snapshot = Snapshot::new();
    let folder = mounts.seen(&sandbox.ssh(""));
    collect(&folder, &mut snapshot);
    snapshot.remove(&folder.join("prime-ssh/lock"));
    snapshot
}

#[test]
fn a_full_disk_leaves_everything_as_it_was() {
    needs!("namespaces");
    let sandbox = Sandbox::with_ssh_folder();
    let mounts = Mounts::new();
    mounts.disk(&sandbox.ssh(""), 256);
    let seen = |name: &str| mounts.seen(&sandbox.ssh(name));
    fs::write(seen("config"), "Host a\n".repeat(700)).unwrap();
    let (mut full, mut done) = (0, 0);
    let before = snapshot(&mounts, &sandbox);
    for free in (0..=100).step_by(4) {
        // All is taken, and then so much given back.
        fs::write(seen("ballast"), "").unwrap();
        let _ = fs::write(seen("ballast"), vec![b'x'; 1024 * 1024]);
        let taken = fs::metadata(seen("ballast")).unwrap().len();
        let ballast = fs::File::options().write(true).open(seen("ballast")).unwrap();
        ballast.set_len(taken.saturating_sub(free * 1024)).unwrap();
        drop(ballast);

        let ran = run(&mounts, sandbox.installing(&train()));
        fs::remove_file(seen("ballast")).unwrap();
        if ran.status.success() {
            done += 1;
            run(&mounts, sandbox.program(["uninstall", "--all"])).succeeds();
        } else {
            full += 1;
            let told = ran.fails(1);
            assert!(told.contains("its disk is full"), "{told}");
        }
        assert_eq!(snapshot(&mounts, &sandbox), before, "{free} KiB");
    }
    assert!(full > 3 && done > 3, "{full} full, {done} done");
}

#[test]
fn an_update_on_a_full_disk_leaves_the_old_state() {
    needs!("namespaces");
    let sandbox = Sandbox::with_ssh_folder();
    let mounts = Mounts::new();
    mounts.disk(&sandbox.ssh(""), 256);
    run(&mounts, sandbox.installing(&train())).succeeds();
    run(&mounts, sandbox.installing(&small("clst02", "other"))).succeeds();
    let before = snapshot(&mounts, &sandbox);
    let ballast = mounts.seen(&sandbox.ssh("ballast"));
    let _ = fs::write(&ballast, vec![b'x'; 1024 * 1024]);
    for program in [sandbox.installing(&train_later()), sandbox.program(["uninstall", "train"])] {
        let told = run(&mounts, program).fails(1);
        assert!(told.contains("its disk is full"), "{told}");
        let mut now = snapshot(&mounts, &sandbox);
        now.remove(&ballast);
        assert_eq!(now, before);
    }
    fs::remove_file(&ballast).unwrap();
    run(&mounts, sandbox.program(["sync"])).succeeds();
}

#[test]
fn a_configuration_that_is_a_mount_cannot_be_replaced_and_is_told() {
    needs!("namespaces");
    // As containers have it, with one file of the host in them.
    let sandbox = Sandbox::with_config("Host a\n");
    let mounts = Mounts::new();
    let host = sandbox.write("host/config", "Host b\n");
    mounts.bind(&host, &sandbox.config());
    let ran = run(&mounts, sandbox.installing(&train()));
    snapshot!(ran.stderr, @"
    warning: cannot replace [home]/ssh/config: Device or resource busy (os error 16)
      add this line as the first of [home]/ssh/config:
      Include [home]/ssh/prime-ssh/config
    prime.train  added: 3 hosts
    ");
    ran.succeeds();
    assert_eq!(fs::read_to_string(&host).unwrap(), "Host b\n");
    assert_eq!(sandbox.all_ours(".conf").len(), 1);
    assert!(!sandbox.ssh("config.prime-ssh.bak").exists());
    run(&mounts, sandbox.program(["uninstall", "--all"])).succeeds();
    assert!(!sandbox.ssh("prime-ssh").exists());
}

#[test]
fn where_one_file_cannot_be_put_in_place_those_before_it_are_put_back() {
    needs!("namespaces");
    let sandbox = Sandbox::with_installed("Host a\n", &train());
    sandbox.install(&small("clst02", "other")).succeeds();
    let other = small("clst02", "renamed").node(crate::support::cluster::Node::worker(
        "p",
        "n",
        "203.0.113.9",
    ));
    sandbox.saved(&other);
    sandbox.saved(&train_later());
    let before = sandbox.snapshot();
    let mut told = Transcript::default();
    for stuck in sandbox.all_ours(".conf") {
        let mounts = Mounts::new();
        mounts.bind(&stuck, &stuck);
        told.add(stuck.display(), run(&mounts, sandbox.program(["sync"])).fails(1));
        assert_eq!(sandbox.snapshot(), before);
    }
    snapshot!(told, @"
    --- [home]/ssh/prime-ssh/other-4ad7a492.conf
    error: cannot replace [home]/ssh/prime-ssh/other-4ad7a492.conf: Device or resource busy (os error 16)

    --- [home]/ssh/prime-ssh/train-675b1ff5.conf
    error: cannot replace [home]/ssh/prime-ssh/train-675b1ff5.conf: Device or resource busy (os error 16)
    ");
    sandbox.run(&["sync"]).succeeds();
    assert_ne!(sandbox.snapshot(), before);
}

/// The home folder that ssh takes: that of the passwd file.
fn passwd_home() -> PathBuf {
    let line = process::run(process::command("getent").args(["passwd", "0"]), b"").succeeds();
    line.trim_end().split(':').nth(5).unwrap().into()
}

#[test]
fn a_plain_ssh_knows_the_names() {
    needs!("namespaces");
    let sandbox = Sandbox::with_ssh_folder();
    let mounts = Mounts::new();
    let home = passwd_home();
    let input = sandbox.saved(&train());
    let own = |relative: &str| sandbox.path("home").join(relative);
    fs::create_dir_all(own(".ssh")).unwrap();
    fs::write(own(".ssh/config"), "Host *\r\n  User me\r\n").unwrap();
    // The program stands where the namespace still shows it.
    let program = sandbox.path("prime-ssh");
    copy_program(&program);
    mounts.bind(&sandbox.path("home"), &home);
    let run = |arguments: &[&str]| {
        let mut command = mounts.command(&program);
        command.args(arguments).env("HOME", &home);
        process::run(&mut command, b"")
    };
    let ran = run(&["install", "--input", input.to_str().unwrap()]);
    snapshot!(ran.stderr, @"
    note: [own home]/.ssh/config has a new first line: Include prime-ssh/config
    prime.train  added: 3 hosts
    connect with: ssh prime.train
    ");
    ran.succeeds();
    let read = |relative: &str| fs::read_to_string(own(relative)).unwrap();
    assert_eq!(read(".ssh/config"), "Include prime-ssh/config\r\nHost *\r\n  User me\r\n");
    let folder = home.join(".ssh/prime-ssh");
    let include = |name: &str| format!("\nInclude {}\n", folder.join(name).display());
    assert!(read(".ssh/prime-ssh/config").contains(&include("clusters")));
    assert!(read(".ssh/prime-ssh/clusters").contains(&include("train-675b1ff5.conf")));
    let known_hosts = "UserKnownHostsFile ~/.ssh/prime-ssh/train-675b1ff5.known_hosts\n";
    assert!(read(".ssh/prime-ssh/train-675b1ff5.conf").contains(known_hosts));
    let resolve =
        |name: &str| process::run(mounts.command("ssh").args(["-G", name]), b"").succeeds();
    let resolved = resolve("prime.train.node-1");
    assert!(resolved.contains("\nhostname 10.0.0.11\n"), "{resolved}");
    let known_hosts = home.join(".ssh/prime-ssh/train-675b1ff5.known_hosts");
    assert!(resolved.contains(&format!("\nuserknownhostsfile {}\n", known_hosts.display())));
    assert!(resolve("a").contains("user me"));

    // By whatever path it is named, it is the same folder.
    let link = Path::new("/tmp").join(sandbox.home().file_name().unwrap()).join("link");
    std::os::unix::fs::symlink(home.join(".ssh"), &link).unwrap();
    run(&["sync", "--ssh-dir", link.to_str().unwrap()]).succeeds();
    assert_eq!(read(".ssh/config"), "Include prime-ssh/config\r\nHost *\r\n  User me\r\n");
    run(&["uninstall", "--all"]).succeeds();
    assert_eq!(read(".ssh/config"), "Host *\r\n  User me\r\n");
    assert!(!own(".ssh/prime-ssh").exists());
}

/// ssh finds `~/.ssh/config` by the password database, and what that includes by `HOME`.
#[test]
fn another_home_that_hides_our_files_is_told_with_the_remedy() {
    needs!("namespaces", "ssh");
    let sandbox = Sandbox::with_ssh_folder();
    let mounts = Mounts::new();
    let home = passwd_home();
    let input = sandbox.saved(&train());
    let folder = sandbox.path("home/.ssh");
    fs::create_dir_all(&folder).unwrap();
    let own = "Host *\n  User me\n";
    fs::write(folder.join("config"), own).unwrap();
    let program = sandbox.path("prime-ssh");
    copy_program(&program);
    mounts.bind(&sandbox.path("home"), &home);
    let (ssh, elsewhere) = (home.join(".ssh"), sandbox.path("elsewhere"));
    let with_home = |command: &str, at: &Path, arguments: &[&str]| {
        process::run(mounts.command(command).args(arguments).env("HOME", at), b"")
    };
    let run = |at: &Path, arguments: &[&str]| with_home(program.to_str().unwrap(), at, arguments);
    let ssh_dir = ssh.to_str().unwrap();
    let install = ["install", "--input", input.to_str().unwrap(), "--ssh-dir", ssh_dir];
    let ran = run(&elsewhere, &install);
    let line = format!("Include {}", ssh.join("prime-ssh/config").display());
    let remedy = format!("make this the first line of {}: {line}\n", ssh.join("config").display());
    assert!(
        ran.stderr.contains(&format!("HOME is {}, so ssh looks", elsewhere.display())),
        "{ran:?}"
    );
    assert!(ran.stderr.contains(&remedy) && !ran.stderr.contains("connect with"), "{ran:?}");
    ran.succeeds();
    let host_name = |at: &Path| {
        let said = with_home("ssh", at, &["-TG", "prime.train"]).succeeds();
        said.lines().find_map(|line| line.strip_prefix("hostname ")).unwrap().to_owned()
    };
    assert_eq!(
        (host_name(&elsewhere), host_name(&home)),
        ("prime.train".into(), "203.0.113.10".into())
    );
    // The remedy works, is known from then on, and goes with the last cluster.
    let config = fs::read_to_string(folder.join("config")).unwrap();
    fs::write(folder.join("config"), format!("{line}\n{config}")).unwrap();
    assert_eq!(host_name(&elsewhere), "203.0.113.10");
    let ran = run(&elsewhere, &install);
    assert!(!ran.stderr.contains("HOME") && ran.stderr.contains("connect with: ssh prime.train"));
    run(&elsewhere, &["uninstall", "--all", "--ssh-dir", ssh_dir]).succeeds();
    assert_eq!(fs::read_to_string(folder.join("config")).unwrap(), own);

    // Two homes with one folder, and the line by either.
    fs::create_dir(&elsewhere).unwrap();
    std::os::unix::fs::symlink(&ssh, elsewhere.join(".ssh")).unwrap();
    let other_line = format!("Include {}\n", elsewhere.join(".ssh/prime-ssh/config").display());
    for (at, line) in
        [(&elsewhere, ""), (&home, ""), (&elsewhere, &other_line), (&home, &other_line)]
    {
        fs::write(folder.join("config"), format!("{line}{own}")).unwrap();
        let ran = run(at, &["install", "--input", input.to_str().unwrap()]);
        assert!(ran.stderr.contains("connect with: ssh prime.train\n"), "{ran:?}");
        let config = fs::read_to_string(folder.join("config")).unwrap();
        assert_eq!(config.matches("Include").count(), 1, "{config}");
        let by_other_home = if at == &home { &elsewhere } else { &home };
        run(by_other_home, &["uninstall", "--all"]).succeeds();
        assert_eq!(fs::read_to_string(folder.join("config")).unwrap(), own, "{line}");
        let _ = fs::remove_file(folder.join("config.prime-ssh.bak"));
    }
}
