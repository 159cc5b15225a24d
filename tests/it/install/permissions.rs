//! Files and folders that this user may not read or write: a clear error, and all is as it was.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::{Sandbox, train, train_later};
use crate::support::process::Ran;
use crate::support::snapshot::Transcript;

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
    let sandbox = Sandbox::with_config("Host a\n");
    let install = || sandbox.installing(&train()).without_root().run();
    // The folder itself goes to the unprivileged user with the first run.
    install().succeeds();
    sandbox.program(["uninstall", "--all"]).without_root().run().succeeds();
    let before = sandbox.snapshot();
    let mut told = Transcript::default();
    for (path, mode) in [(sandbox.ssh(""), 0o500), (sandbox.config(), 0o000)] {
        told.add(path.display(), with_mode(&path, mode, install).fails(1));
        assert_eq!(sandbox.snapshot(), before);
    }
    install().succeeds();
    let before = sandbox.snapshot();
    sandbox.saved(&train_later());
    let sync = || sandbox.program(["sync"]).without_root().run();
    for (path, mode) in [
        (sandbox.ssh("prime-ssh"), 0o500),
        (sandbox.ours(".conf"), 0o400),
        (sandbox.ours(".json"), 0o000),
        (sandbox.ours(".conf"), 0o000),
    ] {
        told.add(path.display(), with_mode(&path, mode, sync).fails(1));
        assert_eq!(sandbox.snapshot(), before, "{}", path.display());
    }
    snapshot!(told, @"
    --- [home]/ssh/
    error: cannot create the folder [home]/ssh/prime-ssh: permission denied: you cannot write to its folder; see `ls -ld` of the folder

    --- [home]/ssh/config
    error: cannot read [home]/ssh/config: permission denied: you cannot use it; see `ls -l`

    --- [home]/ssh/prime-ssh
    error: cannot write [home]/ssh/prime-ssh/train-675b1ff5.json: permission denied: you cannot write to its folder; see `ls -ld` of the folder

    --- [home]/ssh/prime-ssh/train-675b1ff5.conf
    error: cannot write [home]/ssh/prime-ssh/train-675b1ff5.conf: permission denied: you can only read it; see `ls -l`

    --- [home]/ssh/prime-ssh/train-675b1ff5.json
    error: cannot read [home]/ssh/prime-ssh/train-675b1ff5.json: permission denied: you cannot use it; see `ls -l`

    --- [home]/ssh/prime-ssh/train-675b1ff5.conf
    error: cannot read [home]/ssh/prime-ssh/train-675b1ff5.conf: permission denied: you cannot use it; see `ls -l`
    ");
    sync().succeeds();
}

#[test]
fn an_ssh_folder_that_is_read_only_now_is_still_brought_up_to_date() {
    let sandbox = Sandbox::with_config("Host a\n");
    sandbox.installing(&train()).without_root().run().succeeds();
    sandbox.write("ssh/config", "Host a\n");
    sandbox.saved(&train_later());
    let sync = || sandbox.program(["sync"]).without_root().run();
    let ran = with_mode(&sandbox.ssh(""), 0o500, sync);
    snapshot!(ran.stderr, @"
    warning: cannot write [home]/ssh/config: permission denied: you cannot write to its folder; see `ls -ld` of the folder
      add this line as the first of [home]/ssh/config:
      Include [home]/ssh/prime-ssh/config
    prime.train  changed: 1 host added, 1 host changed
    ");
    ran.succeeds();
    assert_eq!(sandbox.read_config(), "Host a\n");
}

#[test]
fn files_of_ours_that_others_could_write_get_their_mode_back() {
    let sandbox = Sandbox::with_installed("", &train());
    let before = sandbox.snapshot();
    for path in
        [sandbox.ours(".conf"), sandbox.ours(".known_hosts"), sandbox.ssh("prime-ssh/config")]
    {
        fs::set_permissions(&path, Permissions::from_mode(0o664)).unwrap();
        sandbox.run(&["sync", "--check"]).fails(10);
        sandbox.run(&["sync"]).succeeds();
        assert_eq!(sandbox.snapshot(), before, "{}", path.display());
    }
}

#[test]
fn root_leaves_the_folder_of_another_user_alone() {
    let sandbox = Sandbox::with_config("Host a\n");
    if std::os::unix::fs::chown(sandbox.ssh(""), Some(65534), Some(65534)).is_err() {
        // Whoever is not root cannot be in this position.
        return;
    }
    snapshot!(sandbox.install(&train()).fails(5), @"error: [home]/ssh belongs to user 65534, who could not read what root puts there; run the command as that user, without sudo");
    assert_eq!(fs::read_dir(sandbox.ssh("")).unwrap().count(), 1);
}
