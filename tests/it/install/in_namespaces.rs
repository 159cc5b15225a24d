//! A disk that is full, a file that is a mount, the home folder of the passwd file: in mounts that
//! only the test sees.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Desk, Snapshot, collect, small, train, train_later};
use crate::support::mounts::Mounts;
use crate::support::process::{self, Ran};
use crate::support::sandbox::Program;
use crate::support::sandbox::copy_program;

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

/// What is in a folder that is only there inside, as [`Desk::snapshot`].
fn snapshot(mounts: &Mounts, desk: &Desk) -> Snapshot {
    let mut snapshot = Snapshot::new();
    let folder = mounts.seen(&desk.ssh(""));
    collect(&folder, &mut snapshot);
    snapshot.remove(&folder.join("prime-ssh/lock"));
    snapshot
}

#[test]
fn a_full_disk_leaves_everything_as_it_was() {
    needs!("namespaces");
    let desk = Desk::new();
    let mounts = Mounts::new();
    mounts.disk(&desk.ssh(""), 256);
    let seen = |name: &str| mounts.seen(&desk.ssh(name));
    fs::write(seen("config"), "Host a\n".repeat(700)).unwrap();
    let (mut full, mut done) = (0, 0);
    let before = snapshot(&mounts, &desk);
    for free in (0..=100).step_by(4) {
        // All is taken, and then so much given back.
        fs::write(seen("ballast"), "").unwrap();
        let _ = fs::write(seen("ballast"), vec![b'x'; 1024 * 1024]);
        let taken = fs::metadata(seen("ballast")).unwrap().len();
        let ballast = fs::File::options().write(true).open(seen("ballast")).unwrap();
        ballast.set_len(taken.saturating_sub(free * 1024)).unwrap();
        drop(ballast);

        let ran = run(&mounts, desk.installing(&train()));
        fs::remove_file(seen("ballast")).unwrap();
        if ran.status.success() {
            done += 1;
            run(&mounts, desk.program(["uninstall", "--all"])).succeeds();
        } else {
            full += 1;
            let told = ran.fails(1);
            assert!(told.contains("its disk is full"), "{told}");
        }
        assert_eq!(snapshot(&mounts, &desk), before, "{free} KiB");
    }
    assert!(full > 3 && done > 3, "{full} full, {done} done");
}

#[test]
fn an_update_on_a_full_disk_leaves_the_old_state() {
    needs!("namespaces");
    let desk = Desk::new();
    let mounts = Mounts::new();
    mounts.disk(&desk.ssh(""), 256);
    run(&mounts, desk.installing(&train())).succeeds();
    run(&mounts, desk.installing(&small("clst02", "other"))).succeeds();
    let before = snapshot(&mounts, &desk);
    let ballast = mounts.seen(&desk.ssh("ballast"));
    let _ = fs::write(&ballast, vec![b'x'; 1024 * 1024]);
    for program in [desk.installing(&train_later()), desk.program(["uninstall", "train"])] {
        let told = run(&mounts, program).fails(1);
        assert!(told.contains("its disk is full"), "{told}");
        let mut now = snapshot(&mounts, &desk);
        now.remove(&ballast);
        assert_eq!(now, before);
    }
    fs::remove_file(&ballast).unwrap();
    run(&mounts, desk.program(["sync"])).succeeds();
}

#[test]
fn a_configuration_that_is_a_mount_cannot_be_replaced_and_is_told() {
    needs!("namespaces");
    // As containers have it, with one file of the host in them.
    let desk = Desk::with_config("Host a\n");
    let mounts = Mounts::new();
    let host = desk.sandbox.write("host/config", "Host b\n");
    mounts.bind(&host, &desk.config());
    let ran = run(&mounts, desk.installing(&train()));
    assert!(ran.stderr.contains("add this line as the first of"), "{}", ran.stderr);
    ran.succeeds();
    assert_eq!(fs::read_to_string(&host).unwrap(), "Host b\n");
    assert_eq!(desk.all_ours(".conf").len(), 1);
    assert!(!desk.ssh("config.prime-ssh.bak").exists());
    run(&mounts, desk.program(["uninstall", "--all"])).succeeds();
    assert!(!desk.ssh("prime-ssh").exists());
}

#[test]
fn where_one_file_cannot_be_put_in_place_those_before_it_are_put_back() {
    needs!("namespaces");
    let desk = Desk::with_installed("Host a\n", &train());
    desk.install(&small("clst02", "other")).succeeds();
    let other = small("clst02", "renamed").node(crate::support::cluster::Node::worker(
        "p",
        "n",
        "203.0.113.9",
    ));
    desk.saved(&other);
    desk.saved(&train_later());
    let before = desk.snapshot();
    for stuck in desk.all_ours(".conf") {
        let mounts = Mounts::new();
        mounts.bind(&stuck, &stuck);
        let told = run(&mounts, desk.program(["sync"])).fails(1);
        assert!(told.contains(&*stuck.display().to_string()), "{told}");
        assert_eq!(desk.snapshot(), before);
    }
    desk.run(&["sync"]).succeeds();
    assert_ne!(desk.snapshot(), before);
}

/// The home folder that ssh takes: that of the passwd file.
fn passwd_home() -> PathBuf {
    let line = process::run(process::command("getent").args(["passwd", "0"]), b"").succeeds();
    line.trim_end().split(':').nth(5).unwrap().into()
}

#[test]
fn a_plain_ssh_knows_the_names() {
    needs!("namespaces");
    let desk = Desk::new();
    let mounts = Mounts::new();
    let home = passwd_home();
    let input = desk.saved(&train());
    let own = |relative: &str| desk.sandbox.path("home").join(relative);
    fs::create_dir_all(own(".ssh")).unwrap();
    fs::write(own(".ssh/config"), "Host *\r\n  User me\r\n").unwrap();
    // The program stands where the namespace still shows it.
    let program = desk.sandbox.path("prime-ssh");
    copy_program(&program);
    mounts.bind(&desk.sandbox.path("home"), &home);
    let run = |arguments: &[&str]| {
        let mut command = mounts.command(&program);
        command.args(arguments).env("HOME", &home);
        process::run(&mut command, b"")
    };
    let ran = run(&["install", "--input", input.to_str().unwrap()]);
    assert!(ran.stderr.contains("connect with: ssh prime.train\n"), "{}", ran.stderr);
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
    let link = Path::new("/tmp").join(desk.sandbox.home().file_name().unwrap()).join("link");
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
    let desk = Desk::new();
    let mounts = Mounts::new();
    let home = passwd_home();
    let input = desk.saved(&train());
    let folder = desk.sandbox.path("home/.ssh");
    fs::create_dir_all(&folder).unwrap();
    let own = "Host *\n  User me\n";
    fs::write(folder.join("config"), own).unwrap();
    let program = desk.sandbox.path("prime-ssh");
    copy_program(&program);
    mounts.bind(&desk.sandbox.path("home"), &home);
    let (ssh, elsewhere) = (home.join(".ssh"), desk.sandbox.path("elsewhere"));
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
