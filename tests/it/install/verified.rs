//! ssh itself is asked before anything counts.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use super::{Sandbox, train};

/// An ssh that is too old for one of our lines, as releases before 7.6 are; it keeps what it was
/// asked with.
const OLD_SSH: &str = r#"#!/bin/sh
env >> "$HOME/asked"
echo "$@" >> "$HOME/asked"
for index in $(sed -n 's/^Include //p' "$3"); do
  for fragment in $(sed -n 's/^Include //p' "$index"); do
    if grep -q accept-new "$fragment"; then
      echo "$fragment line 17: unsupported option \"accept-new\"." >&2
      exit 255
    fi
  done
done
"#;

/// A folder with this script for an ssh.
fn with_ssh(sandbox: &Sandbox, script: &str) -> PathBuf {
    sandbox.script("bin/ssh", script);
    sandbox.path("bin")
}

fn path_with(folder: &std::path::Path) -> String {
    format!("{}:{}", folder.display(), std::env::var("PATH").unwrap())
}

#[test]
fn what_ssh_cannot_read_is_not_put_in_place() {
    let sandbox = Sandbox::with_config("Host a\n");
    let path = path_with(&with_ssh(&sandbox, OLD_SSH));
    let before = sandbox.snapshot();
    let told = sandbox.installing(&train()).env("PATH", &path).run().fails(5);
    snapshot!(told, @r#"
    error: ssh would stop at the new files, so nothing was changed:
      [home]/ssh/prime-ssh/train-675b1ff5.conf line 17: unsupported option "accept-new".
    "#);
    assert_eq!(sandbox.snapshot(), before);
    assert!(!sandbox.ssh("prime-ssh").exists());
    assert!(sandbox.read("asked").contains("PRIME_SSH_NO_REFRESH=1\n"));

    // An update that is refused leaves the old state, and strict does without that word.
    sandbox.installing(&train()).arg("--host-keys=strict").env("PATH", &path).run().succeeds();
    let before = sandbox.snapshot();
    let update = sandbox.installing(&train()).arg("--host-keys=accept-new");
    update.env("PATH", &path).run().fails(5);
    assert_eq!(sandbox.snapshot(), before);
    let asked = sandbox.read("asked");
    for name in ["prime.train", "prime-ssh-check.invalid"] {
        assert!(asked.contains(&format!("-- {name}\n")), "{asked}");
    }
}

#[test]
fn without_an_ssh_nobody_is_asked() {
    let sandbox = Sandbox::with_ssh_folder();
    let empty = sandbox.path("empty");
    fs::create_dir(&empty).unwrap();
    let ran = sandbox.installing(&train()).env("PATH", &empty).run();
    assert!(!ran.stderr.contains("warning"), "{}", ran.stderr);
    ran.succeeds();
}

#[test]
fn what_was_broken_before_is_told_and_installed_all_the_same() {
    needs!("ssh");
    let sandbox = Sandbox::with_config("Host a\n\n  Bogus yes\n");
    let ran = sandbox.install(&train());
    snapshot!(ran.stderr, @"
    warning: ssh stops at your configuration as it is:
      [home]/ssh/config: line 3: Bad configuration option: bogus
      [home]/ssh/config: terminating, 1 bad configuration options
    note: [home]/ssh/config has a new first line: Include [home]/ssh/prime-ssh/config
    prime.train  added: 3 hosts
    ");
    ran.succeeds();
    assert_eq!(sandbox.read_config(), format!("{}Host a\n\n  Bogus yes\n", sandbox.line()));
    // The next run has nothing to change, and so nothing to ask.
    assert!(!sandbox.run(&["sync"]).stderr.contains("bogus"));
    let ran = sandbox.run(&["uninstall", "--all"]);
    snapshot!(ran.stderr, @"
    warning: ssh stops at your configuration as it is:
      [home]/ssh/config: line 4: Bad configuration option: bogus
      [home]/ssh/config: terminating, 1 bad configuration options
    prime.train  removed
    ");
    ran.succeeds();
}

#[test]
fn a_configuration_that_wants_a_command_does_not_stop_ssh() {
    needs!("ssh");
    for line in ["ForkAfterAuthentication yes", "RemoteCommand tmux", "SessionType subsystem"] {
        let sandbox = Sandbox::with_config(format!("Host *\n  {line}\n"));
        let ran = sandbox.install(&train());
        assert!(!ran.stderr.contains("ssh stops"), "{line}: {}", ran.stderr);
        ran.succeeds();
    }
}

#[test]
fn a_configuration_that_never_answers_does_not_hold_us_up() {
    needs!("ssh");
    let sandbox = Sandbox::with_config("Match exec \"sleep 300\"\n");
    let ran = sandbox.install(&train());
    assert!(ran.took.as_secs() < 30, "{ran:?}");
    snapshot!(ran.stderr, @"
    warning: ssh stops at your configuration as it is:
      it gave no answer in time
    note: [home]/ssh/config has a new first line: Include [home]/ssh/prime-ssh/config
    prime.train  added: 3 hosts
    ");
    ran.succeeds();
}

#[test]
fn files_that_would_stop_ssh_are_told_with_the_remedy() {
    needs!("ssh");
    let sandbox = Sandbox::with_config("Host a\n");
    fs::set_permissions(sandbox.config(), fs::Permissions::from_mode(0o664)).unwrap();
    let ran = sandbox.install(&train());
    snapshot!(ran.stderr, @"
    warning: [home]/ssh/config has mode 0664, and ssh stops at a file that others may write: `chmod go-w [home]/ssh/config`
    note: [home]/ssh/config has a new first line: Include [home]/ssh/prime-ssh/config
    prime.train  added: 3 hosts
    ");
    ran.succeeds();

    let sandbox = Sandbox::with_ssh_folder();
    let more = sandbox.write("ssh/more", "Host b\n");
    sandbox.write("ssh/config", format!("Include {}\n", more.display()));
    fs::set_permissions(&more, fs::Permissions::from_mode(0o666)).unwrap();
    let ran = sandbox.install(&train());
    snapshot!(ran.stderr, @"
    warning: ssh stops at your configuration as it is:
      Bad owner or permissions on [home]/ssh/more
    note: [home]/ssh/config has a new first line: Include [home]/ssh/prime-ssh/config
    prime.train  added: 3 hosts
    ");
    ran.succeeds();
}
