//! Links of the user's are followed, links in our place refused.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use super::{Desk, train, train_later};
use crate::support::process;

#[test]
fn the_target_changes_and_the_links_stay() {
    let desk = Desk::new();
    desk.sandbox.write("dotfiles/ssh/real", "Host a\n");
    symlink("../dotfiles/ssh/second", desk.config()).unwrap();
    symlink("real", desk.sandbox.path("dotfiles/ssh/second")).unwrap();
    let before = desk.snapshot();
    desk.install(&train()).succeeds();
    assert_eq!(fs::read_link(desk.config()).unwrap(), Path::new("../dotfiles/ssh/second"));
    assert_eq!(desk.sandbox.read("dotfiles/ssh/real"), format!("{}Host a\n", desk.line()));
    let left = fs::read_dir(desk.sandbox.path("dotfiles/ssh")).unwrap().count();
    assert_eq!(left, 2, "no temporary file stays beside the target");
    desk.run(&["uninstall", "--all"]).succeeds();
    assert_eq!(desk.snapshot(), before);
    assert_eq!(desk.sandbox.read("dotfiles/ssh/real"), "Host a\n");
}

#[test]
fn a_target_that_holds_our_line_alone_is_emptied_and_stays() {
    let desk = Desk::new();
    let target = desk.sandbox.write("dotfiles/config", desk.line());
    symlink(&target, desk.config()).unwrap();
    desk.install(&train()).succeeds();
    desk.run(&["uninstall", "--all"]).succeeds();
    assert_eq!(fs::read_to_string(target).unwrap(), "");
    assert!(desk.config().is_symlink());
}

#[test]
fn links_that_lead_nowhere_are_told() {
    for (target, words) in [("gone", "which does not exist"), ("config", "symlink loop")] {
        let desk = Desk::new();
        symlink(target, desk.config()).unwrap();
        let before = desk.snapshot();
        let told = desk.install(&train()).fails(1);
        assert!(told.contains(words), "{told}");
        assert_eq!(desk.snapshot(), before);
    }
}

#[test]
fn links_in_the_place_of_ours_are_refused() {
    for name in ["", "config", ".conf", ".json", ".known_hosts", "lock"] {
        let desk = Desk::with_installed("Host a\n", &train());
        let path = if name.is_empty() { desk.ssh("prime-ssh") } else { desk.ours(name) };
        let elsewhere = desk.sandbox.path("elsewhere");
        fs::rename(&path, &elsewhere).unwrap();
        symlink(&elsewhere, &path).unwrap();
        let before = desk.snapshot();
        desk.saved(&train_later());
        for arguments in [&["sync"][..], &["uninstall", "--all"]] {
            let told = desk.run(arguments).fails(5);
            assert!(told.contains(&format!("{}: it is a link", path.display())), "{told}");
            assert_eq!(desk.snapshot(), before, "{name}");
        }
    }
    // The backup too, and what is no file at all.
    let desk = Desk::with_config("Host a\n");
    symlink(desk.config(), desk.ssh("config.prime-ssh.bak")).unwrap();
    desk.install(&train()).fails(5);
    assert_eq!(desk.read_config(), "Host a\n");
    let desk = Desk::new();
    desk.sandbox.write("ssh/prime-ssh", "a file");
    assert!(desk.install(&train()).fails(5).contains("it is a file, not a folder"));
}

#[test]
fn a_configuration_that_is_no_file_is_told() {
    let desk = Desk::new();
    fs::create_dir(desk.config()).unwrap();
    assert!(desk.install(&train()).fails(5).contains("is a folder"));
    assert!(!desk.ssh("prime-ssh").exists());
    let desk = Desk::new();
    let made = process::command("mkfifo").arg(desk.config()).status().unwrap();
    assert!(made.success());
    assert!(desk.install(&train()).fails(5).contains("not a regular file"));
}

#[test]
fn a_read_only_configuration_is_told_what_to_add() {
    // As home-manager and nix leave it: a link into a folder that nobody writes.
    let desk = Desk::new();
    let target = desk.sandbox.write("store/config", "Host a\n");
    symlink(&target, desk.config()).unwrap();
    fs::set_permissions(&target, fs::Permissions::from_mode(0o444)).unwrap();
    fs::set_permissions(desk.sandbox.path("store"), fs::Permissions::from_mode(0o555)).unwrap();
    let program = desk.installing(&train());
    let ran = program.without_root().run();
    let line = desk.line();
    assert!(
        ran.stderr.contains(&format!("add this line as the first of {}", desk.config().display()))
    );
    assert!(ran.stderr.contains(line.trim_end()), "{}", ran.stderr);
    assert!(!ran.stderr.contains("connect with"), "{}", ran.stderr);
    ran.succeeds();
    assert_eq!(fs::read_to_string(&target).unwrap(), "Host a\n");
    assert_eq!(desk.all_ours(".conf").len(), 1);
    assert!(!desk.ssh("config.prime-ssh.bak").exists());

    // Sync goes on by itself, and so does the way back.
    desk.saved(&train_later());
    let ran = desk.program(["sync"]).without_root().run();
    assert!(ran.stderr.contains("prime.train  changed: "), "{}", ran.stderr);
    ran.succeeds();
    desk.program(["uninstall", "--all"]).without_root().run().succeeds();
    assert!(!desk.ssh("prime-ssh").exists());
    fs::set_permissions(desk.sandbox.path("store"), fs::Permissions::from_mode(0o755)).unwrap();
}
