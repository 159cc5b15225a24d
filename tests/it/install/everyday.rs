//! What every day brings: install, look, bring up to date, take away.

use std::fs;
use std::os::unix::fs::MetadataExt;

use super::{Desk, small, train, train_later};

#[test]
fn a_cluster_comes_and_goes() {
    let desk = Desk::with_config("Host *\n\tUser me");
    let before = desk.snapshot();
    let ran = desk.install(&train());
    snapshot!(ran.stderr, @"
    note: [home]/ssh/config has a new first line: Include [home]/ssh/prime-ssh/config
    prime.train  added: 3 hosts
    connect with: ssh -F [home]/ssh/config prime.train
    ");
    assert_eq!(ran.succeeds(), "");

    assert_eq!(desk.read_config(), format!("{}Host *\n\tUser me", desk.line()));
    let index = desk.sandbox.read("ssh/prime-ssh/clusters");
    let (header, line) = index.split_once('\n').unwrap();
    assert!(header.starts_with("# "), "{index}");
    assert_eq!(line, format!("Include {}\n", desk.ours(".conf").display()));
    assert_eq!(fs::read(desk.ours(".known_hosts")).unwrap(), b"");
    assert_eq!(desk.sandbox.read("ssh/config.prime-ssh.bak"), "Host *\n\tUser me");
    let modes =
        desk.snapshot().into_iter().filter(|(path, _)| path.starts_with(desk.ssh("prime-ssh")));
    for (path, (_, mode)) in modes {
        assert_eq!(mode, if path.is_dir() { 0o700 } else { 0o600 }, "{}", path.display());
    }

    let ran = desk.run(&["uninstall", "train"]);
    snapshot!(ran.stderr, @"prime.train  removed");
    ran.succeeds();
    assert_eq!(desk.snapshot(), before);
}

#[test]
fn the_fragment_is_the_one_that_config_prints() {
    let desk = Desk::new();
    desk.install(&train()).succeeds();
    let known_hosts = desk.ours(".known_hosts");
    let input = desk.saved(&train());
    let mut printed = desk.program(["config", "--known-hosts"]).arg(known_hosts);
    printed = printed.arg("--input").arg(input);
    let printed = printed.run().succeeds();
    // The names that lead nowhere are told once, after all clusters.
    let before = printed.find("\n# A name that is not above").unwrap();
    let after = printed.find("\n# Nothing below").unwrap();
    let printed = [&printed[..before], &printed[after..]].concat();
    assert_eq!(fs::read_to_string(desk.ours(".conf")).unwrap(), printed);
}

#[test]
fn sync_brings_what_is_new_and_leaves_the_rest_alone() {
    let desk = Desk::with_installed("", &train());
    desk.install(&small("clst02", "other")).succeeds();
    let inode = |path| fs::metadata(path).unwrap().ino();
    let other = desk.all_ours(".conf").remove(0);
    let (before, other_before) = (desk.snapshot(), inode(&other));
    assert!(other.display().to_string().contains("/other-"));

    desk.run(&["sync", "--check"]).succeeds();
    desk.saved(&train_later());
    let check = desk.run(&["sync", "--check"]);
    assert_eq!(check.stdout, "");
    snapshot!(check.fails(10), @"
    note: would change:
      [home]/ssh/prime-ssh/train-675b1ff5.json
      [home]/ssh/prime-ssh/train-675b1ff5.conf
    ");
    assert_eq!(desk.snapshot(), before);

    let ran = desk.run(&["sync"]);
    snapshot!(ran.stderr, @"
    prime.other  unchanged: 1 host
    prime.train  changed: 1 host added, 1 host changed
    ");
    ran.succeeds();
    assert_eq!(inode(&other), other_before);
    desk.run(&["sync", "--check"]).succeeds();
}

#[test]
fn a_dry_run_shows_a_diff_and_does_nothing() {
    let desk = Desk::with_config("Host a\n");
    let before = desk.snapshot();
    let ran = desk.installing(&train()).arg("--dry-run").run();
    let config = desk.config();
    let config = config.display();
    let diff = format!("--- {config}\n+++ {config}\n@@ -1 +1,2 @@\n+{} Host a\n", desk.line());
    assert!(ran.stdout.ends_with(&diff), "{}", ran.stdout);
    assert!(ran.stdout.contains("--- /dev/null\n"), "{}", ran.stdout);
    assert!(ran.stdout.contains("\n+  HostName 203.0.113.10\n"), "{}", ran.stdout);
    assert!(!ran.stdout.contains('\u{1b}'), "{}", ran.stdout);
    // What nobody decides on is shown on request.
    assert!(!ran.stdout.contains("sha256"), "{}", ran.stdout);
    snapshot!(ran.stderr, @"
    note: a dry run: nothing was changed; -v shows 6 more files
    prime.train  would be added: 3 hosts
    ");
    ran.succeeds();
    let all = desk.installing(&train()).args(["--dry-run", "-v"]).run().succeeds();
    assert!(all.contains("sha256"), "{all}");
    assert_eq!(desk.snapshot(), before);
    let colored = desk.installing(&train()).arg("--dry-run").arg("--color=always").run();
    assert!(colored.succeeds().contains("\u{1b}[32m+"));

    desk.install(&train()).succeeds();
    let before = desk.snapshot();
    let shown = desk.run(&["uninstall", "--all", "--dry-run"]).succeeds();
    assert!(shown.contains("+++ /dev/null\n"), "{shown}");
    assert_eq!(desk.snapshot(), before);
    assert_eq!(desk.installing(&train()).arg("--dry-run").run().succeeds(), "");
    desk.installing(&train()).arg("--check").run().succeeds();
}

#[test]
fn nothing_is_installed() {
    let desk = Desk::with_config("Host a\n");
    let before = desk.snapshot();
    for arguments in [&["sync"][..], &["uninstall", "--all"], &["sync", "--check"]] {
        let ran = desk.run(arguments);
        assert_eq!(ran.stdout, "");
        ran.succeeds();
    }
    snapshot!(desk.run(&["uninstall", "train"]).fails(2), @r#"
    error: no installed cluster is called "train"

    hint: nothing is installed
    "#);
    desk.run(&["sync", "train"]).fails(2);
    desk.run(&["uninstall"]).fails(2);
    desk.run(&["install"]).fails(2);
    assert_eq!(desk.snapshot(), before);

    // Where there is no ssh folder, none is made for nothing.
    let desk = Desk::new();
    fs::remove_dir(desk.ssh("")).unwrap();
    desk.run(&["uninstall", "--all"]).succeeds();
    desk.run(&["sync"]).succeeds();
    assert!(!desk.ssh("").exists());
    desk.install(&train()).succeeds();
    assert_eq!(fs::metadata(desk.ssh("")).unwrap().mode() & 0o777, 0o700);
    snapshot!(desk.run(&["sync", "other"]).fails(2), @r#"
    error: no installed cluster is called "other"

    hint: installed are: prime.train (clst01)
    "#);
}

#[test]
fn an_ssh_folder_that_we_made_goes_with_the_last_cluster() {
    let desk = Desk::new();
    fs::remove_dir(desk.ssh("")).unwrap();
    desk.install(&train()).succeeds();
    desk.install(&small("clst02", "other")).succeeds();
    desk.run(&["sync", "--check"]).succeeds();
    desk.run(&["uninstall", "train"]).succeeds();
    assert!(desk.ssh("prime-ssh").exists());
    desk.run(&["uninstall", "--all"]).succeeds();
    assert!(!desk.ssh("").exists());

    // What somebody put into it meanwhile stays, and so does a folder that was there before.
    desk.install(&train()).succeeds();
    desk.sandbox.write("ssh/id_mine", "key");
    desk.run(&["uninstall", "--all"]).succeeds();
    assert_eq!(fs::read_dir(desk.ssh("")).unwrap().count(), 1);
    fs::remove_file(desk.ssh("id_mine")).unwrap();
    desk.install(&train()).succeeds();
    desk.run(&["uninstall", "--all"]).succeeds();
    assert!(desk.ssh("").exists());
}

#[test]
fn an_edit_by_hand_is_kept_aside() {
    let desk = Desk::with_installed("", &train());
    let fragment = desk.ours(".conf");
    let written = fs::read_to_string(&fragment).unwrap();
    let edited = written.replace("ConnectTimeout 15", "ConnectTimeout 60");
    fs::write(&fragment, &edited).unwrap();
    let ran = desk.run(&["sync"]);
    snapshot!(ran.stderr, @"
    warning: [home]/ssh/prime-ssh/train-675b1ff5.conf was edited by hand, and is kept as [home]/ssh/prime-ssh/train-675b1ff5.conf.bak
    prime.train  changed: options changed
    ");
    ran.succeeds();
    assert_eq!(fs::read_to_string(&fragment).unwrap(), written);
    let aside = desk.ours(".conf.bak");
    assert_eq!(fs::read_to_string(&aside).unwrap(), edited);
    // It is told once, and the next run knows its own text.
    assert!(!desk.run(&["sync"]).stderr.contains("by hand"));

    let ran = desk.run(&["uninstall", "--all"]);
    snapshot!(ran.stderr, @"
    note: not ours, and left: [home]/ssh/prime-ssh/train-675b1ff5.conf.bak
    prime.train  removed
    ");
    ran.succeeds();
    assert_eq!(fs::read_to_string(&aside).unwrap(), edited);
    assert_eq!(desk.all_ours("").len(), 1, "{:?}", desk.all_ours(""));
}

#[test]
fn a_file_of_somebody_elses_stays_and_is_named() {
    let desk = Desk::with_installed("", &train());
    desk.sandbox.write("ssh/prime-ssh/notes.txt", "mine");
    let ran = desk.run(&["uninstall", "--all"]);
    snapshot!(ran.stderr, @"
    note: not ours, and left: [home]/ssh/prime-ssh/notes.txt
    prime.train  removed
    ");
    ran.succeeds();
    assert_eq!(desk.all_ours(""), [desk.ssh("prime-ssh/notes.txt")]);
}

#[test]
fn saved_answers_from_standard_input_cannot_be_asked_for_again() {
    let desk = Desk::new();
    desk.program(["install", "--input", "-"]).stdin(train().answer()).run().succeeds();
    let before = desk.snapshot();
    snapshot!(desk.run(&["sync"]).fails(1), @"
    prime.train  left as it is
    error: prime.train was installed from standard input, which cannot be read again

    hint: `prime-ssh install --input FILE` brings it up to date from now on
    ");
    assert_eq!(desk.snapshot(), before);
}

#[test]
fn the_ssh_folder_is_the_same_by_whatever_path_it_is_named() {
    let desk = Desk::with_installed("Host a\n", &train());
    fs::create_dir(desk.sandbox.path("x")).unwrap();
    for folder in ["ssh", "./ssh/", "x/../ssh", "~/ssh"] {
        let program = desk.sandbox.prime_ssh(["sync", "--ssh-dir", folder]);
        program.run().succeeds();
        assert_eq!(desk.read_config(), format!("{}Host a\n", desk.line()), "{folder}");
    }
}

#[test]
fn where_home_is_not_that_of_the_passwd_file_it_is_said() {
    let desk = Desk::new();
    let input = desk.saved(&train());
    let program = desk.sandbox.prime_ssh(["install", "--input"]).arg(input);
    let ran = program.run();
    snapshot!(ran.stderr, @"
    warning: ssh reads /root/.ssh, whatever HOME says, and this installs into [home]/.ssh: use `ssh -F [home]/.ssh/config`, or install with `--ssh-dir /root/.ssh`
    note: [home]/.ssh/config has a new first line: Include [home]/.ssh/prime-ssh/config
    prime.train  added: 3 hosts
    connect with: ssh -F [home]/.ssh/config prime.train
    ");
    ran.succeeds();
    let index = desk.sandbox.path(".ssh/prime-ssh/config");
    assert_eq!(desk.sandbox.read(".ssh/config"), format!("Include {}\n", index.display()));
}
