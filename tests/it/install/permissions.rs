//! Files and folders that this user may not read or write: a clear error, and all is as it was.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::{Desk, train, train_later};
use crate::support::process::Ran;

/// Runs with this mode on a file or folder, which gets its own back afterwards.
fn with_mode(path: &Path, mode: u32, run: impl FnOnce() -> Ran) -> Ran {
    let before = fs::metadata(path).unwrap().permissions();
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    let ran = run();
    fs::set_permissions(path, before).unwrap();
    ran
}

#[test]
fn what_may_not_be_written_is_told_and_left() {
    let desk = Desk::with_config("Host a\n");
    let install = || desk.installing(&train()).without_root().run();
    // The folder itself goes to the unprivileged user with the first run.
    install().succeeds();
    desk.program(["uninstall", "--all"]).without_root().run().succeeds();
    let before = desk.snapshot();
    for (path, mode, words) in [
        (desk.ssh(""), 0o500, "you cannot write to its folder"),
        (desk.config(), 0o000, "permission denied: you cannot use it"),
    ] {
        let told = with_mode(&path, mode, install).fails(1);
        assert!(told.contains(words), "{told}");
        assert_eq!(desk.snapshot(), before);
    }
    install().succeeds();
    let before = desk.snapshot();
    desk.saved(&train_later());
    let sync = || desk.program(["sync"]).without_root().run();
    for (path, mode) in [
        (desk.ssh("prime-ssh"), 0o500),
        (desk.ours(".conf"), 0o400),
        (desk.ours(".json"), 0o000),
        (desk.ours(".conf"), 0o000),
    ] {
        let told = with_mode(&path, mode, sync).fails(1);
        assert!(told.contains(path.to_str().unwrap()), "{told}");
        assert_eq!(desk.snapshot(), before, "{}", path.display());
    }
    sync().succeeds();
}

#[test]
fn an_ssh_folder_that_is_read_only_now_is_still_brought_up_to_date() {
    let desk = Desk::with_config("Host a\n");
    desk.installing(&train()).without_root().run().succeeds();
    desk.sandbox.write("ssh/config", "Host a\n");
    desk.saved(&train_later());
    let sync = || desk.program(["sync"]).without_root().run();
    let ran = with_mode(&desk.ssh(""), 0o500, sync);
    assert!(ran.stderr.contains("add this line as the first of"), "{}", ran.stderr);
    assert!(ran.stderr.contains("prime.train  changed"), "{}", ran.stderr);
    ran.succeeds();
    assert_eq!(desk.read_config(), "Host a\n");
}

#[test]
fn files_of_ours_that_others_could_write_get_their_mode_back() {
    let desk = Desk::with_installed("", &train());
    let before = desk.snapshot();
    for path in [desk.ours(".conf"), desk.ours(".known_hosts"), desk.ssh("prime-ssh/config")] {
        fs::set_permissions(&path, Permissions::from_mode(0o664)).unwrap();
        desk.run(&["sync", "--check"]).fails(10);
        desk.run(&["sync"]).succeeds();
        assert_eq!(desk.snapshot(), before, "{}", path.display());
    }
}

#[test]
fn root_leaves_the_folder_of_another_user_alone() {
    let desk = Desk::with_config("Host a\n");
    if std::os::unix::fs::chown(desk.ssh(""), Some(65534), Some(65534)).is_err() {
        // Whoever is not root cannot be in this position.
        return;
    }
    let told = desk.install(&train()).fails(5);
    assert!(told.contains("belongs to user 65534") && told.contains("without sudo"), "{told}");
    assert_eq!(fs::read_dir(desk.ssh("")).unwrap().count(), 1);
}
