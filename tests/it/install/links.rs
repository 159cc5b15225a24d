//! Links of the user's are followed, links in our place refused.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use super::{Sandbox, train, train_later};
use crate::support::process;
use crate::support::snapshot::Transcript;

#[test]
fn the_target_changes_and_the_links_stay() {
    let sandbox = Sandbox::with_ssh_folder();
    sandbox.write("dotfiles/ssh/real", "Host a\n");
    symlink("../dotfiles/ssh/second", sandbox.config()).unwrap();
    symlink("real", sandbox.path("dotfiles/ssh/second")).unwrap();
    let before = sandbox.snapshot();
    sandbox.install(&train()).succeeds();
    assert_eq!(fs::read_link(sandbox.config()).unwrap(), Path::new("../dotfiles/ssh/second"));
    assert_eq!(sandbox.read("dotfiles/ssh/real"), format!("{}Host a\n", sandbox.line()));
    let left = fs::read_dir(sandbox.path("dotfiles/ssh")).unwrap().count();
    assert_eq!(left, 2, "no temporary file stays beside the target");
    sandbox.run(&["uninstall", "--all"]).succeeds();
    assert_eq!(sandbox.snapshot(), before);
    assert_eq!(sandbox.read("dotfiles/ssh/real"), "Host a\n");
}

#[test]
fn a_target_that_holds_our_line_alone_is_emptied_and_stays() {
    let sandbox = Sandbox::with_ssh_folder();
    let target = sandbox.write("dotfiles/config", sandbox.line());
    symlink(&target, sandbox.config()).unwrap();
    sandbox.install(&train()).succeeds();
    sandbox.run(&["uninstall", "--all"]).succeeds();
    assert_eq!(fs::read_to_string(target).unwrap(), "");
    assert!(sandbox.config().is_symlink());
}

#[test]
fn links_that_lead_nowhere_are_told() {
    let mut told = Transcript::default();
    for target in ["gone", "config"] {
        let sandbox = Sandbox::with_ssh_folder();
        symlink(target, sandbox.config()).unwrap();
        let before = sandbox.snapshot();
        told.add(target, sandbox.install(&train()).fails(1));
        assert_eq!(sandbox.snapshot(), before);
    }
    snapshot!(told, @"
    --- gone
    error: cannot write [home]/ssh/config: it is a link to [home]/ssh/gone, which does not exist; create that file, or remove the link

    --- config
    error: cannot write [home]/ssh/config: symlink loop; remove one of its links
    ");
}

#[test]
fn links_in_the_place_of_ours_are_refused() {
    let mut told = Transcript::default();
    for name in ["", "config", ".conf", ".json", ".known_hosts", "lock"] {
        let sandbox = Sandbox::with_installed("Host a\n", &train());
        let path = if name.is_empty() { sandbox.ssh("prime-ssh") } else { sandbox.ours(name) };
        let elsewhere = sandbox.path("elsewhere");
        fs::rename(&path, &elsewhere).unwrap();
        symlink(&elsewhere, &path).unwrap();
        let before = sandbox.snapshot();
        sandbox.saved(&train_later());
        for arguments in [&["sync"][..], &["uninstall", "--all"]] {
            told.add(format!("{name}: {arguments:?}"), sandbox.run(arguments).fails(5));
            assert_eq!(sandbox.snapshot(), before, "{name}");
        }
    }
    snapshot!(told);
    // The backup too, and what is no file at all.
    let sandbox = Sandbox::with_config("Host a\n");
    symlink(sandbox.config(), sandbox.ssh("config.prime-ssh.bak")).unwrap();
    sandbox.install(&train()).fails(5);
    assert_eq!(sandbox.read_config(), "Host a\n");
    let sandbox = Sandbox::with_ssh_folder();
    sandbox.write("ssh/prime-ssh", "a file");
    snapshot!(sandbox.install(&train()).fails(5), @"error: cannot read [home]/ssh/prime-ssh: it is a file, not a folder; move it out of the way");
}

#[test]
fn a_configuration_that_is_no_file_is_told() {
    let sandbox = Sandbox::with_ssh_folder();
    fs::create_dir(sandbox.config()).unwrap();
    snapshot!(sandbox.install(&train()).fails(5), @"error: cannot write [home]/ssh/config: it is a folder, not a regular file; move it out of the way");
    assert!(!sandbox.ssh("prime-ssh").exists());
    let sandbox = Sandbox::with_ssh_folder();
    let made = process::command("mkfifo").arg(sandbox.config()).status().unwrap();
    assert!(made.success());
    snapshot!(sandbox.install(&train()).fails(5), @"error: cannot read [home]/ssh/config: it is a pipe, not a regular file; move it out of the way");
}

#[test]
fn a_read_only_configuration_is_told_what_to_add() {
    // As home-manager and nix leave it: a link into a folder that nobody writes.
    let sandbox = Sandbox::with_ssh_folder();
    let target = sandbox.write("store/config", "Host a\n");
    symlink(&target, sandbox.config()).unwrap();
    fs::set_permissions(&target, fs::Permissions::from_mode(0o444)).unwrap();
    fs::set_permissions(sandbox.path("store"), fs::Permissions::from_mode(0o555)).unwrap();
    let program = sandbox.installing(&train());
    let ran = program.without_root().run();
    snapshot!(ran.stderr, @"
    warning: cannot write [home]/store/config: permission denied: you can only read it; see `ls -l`
      add this line as the first of [home]/ssh/config:
      Include [home]/ssh/prime-ssh/config
    prime.train  added: 3 hosts
    ");
    ran.succeeds();
    assert_eq!(fs::read_to_string(&target).unwrap(), "Host a\n");
    assert_eq!(sandbox.all_ours(".conf").len(), 1);
    assert!(!sandbox.ssh("config.prime-ssh.bak").exists());

    // Sync goes on by itself, and so does the way back.
    sandbox.saved(&train_later());
    let ran = sandbox.program(["sync"]).without_root().run();
    snapshot!(ran.stderr, @"
    warning: cannot write [home]/store/config: permission denied: you can only read it; see `ls -l`
      add this line as the first of [home]/ssh/config:
      Include [home]/ssh/prime-ssh/config
    prime.train  changed: 1 host added, 1 host changed
    ");
    ran.succeeds();
    sandbox.program(["uninstall", "--all"]).without_root().run().succeeds();
    assert!(!sandbox.ssh("prime-ssh").exists());
    fs::set_permissions(sandbox.path("store"), fs::Permissions::from_mode(0o755)).unwrap();
}
