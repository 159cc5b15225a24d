//! What every day brings: install, look, bring up to date, take away.

use std::fs;
use std::os::unix::fs::MetadataExt;

use super::{Sandbox, small, train, train_later};

#[test]
fn a_cluster_comes_and_goes() {
    let sandbox = Sandbox::with_config("Host *\n\tUser me");
    let before = sandbox.snapshot();
    let ran = sandbox.install(&train());
    snapshot!(ran.stderr, @"
    note: [home]/ssh/config has a new first line: Include [home]/ssh/prime-ssh/config
    prime.train  added: 3 hosts
    connect with: ssh -F [home]/ssh/config prime.train
    ");
    assert_eq!(ran.succeeds(), "");

    assert_eq!(sandbox.read_config(), format!("{}Host *\n\tUser me", sandbox.line()));
    let index = sandbox.read("ssh/prime-ssh/clusters");
    let (header, line) = index.split_once('\n').unwrap();
    assert!(header.starts_with("# "), "{index}");
    assert_eq!(line, format!("Include {}\n", sandbox.ours(".conf").display()));
    assert_eq!(fs::read(sandbox.ours(".known_hosts")).unwrap(), b"");
    assert_eq!(sandbox.read("ssh/config.prime-ssh.bak"), "Host *\n\tUser me");
    let modes = sandbox
        .snapshot()
        .into_iter()
        .filter(|(path, _)| path.starts_with(sandbox.ssh("prime-ssh")));
    for (path, (_, mode)) in modes {
        assert_eq!(mode, if path.is_dir() { 0o700 } else { 0o600 }, "{}", path.display());
    }

    let ran = sandbox.run(&["uninstall", "train"]);
    snapshot!(ran.stderr, @"prime.train  removed");
    ran.succeeds();
    assert_eq!(sandbox.snapshot(), before);
}

#[test]
fn the_fragment_is_the_one_that_config_prints() {
    let sandbox = Sandbox::with_ssh_folder();
    sandbox.install(&train()).succeeds();
    let known_hosts = sandbox.ours(".known_hosts");
    let input = sandbox.saved(&train());
    let mut printed = sandbox.program(["config", "--known-hosts"]).arg(known_hosts);
    printed = printed.arg("--input").arg(input);
    let printed = printed.run().succeeds();
    // The names that lead nowhere are told once, after all clusters.
    let before = printed.find("\n# A name that is not above").unwrap();
    let after = printed.find("\n# Nothing below").unwrap();
    let printed = [&printed[..before], &printed[after..]].concat();
    assert_eq!(fs::read_to_string(sandbox.ours(".conf")).unwrap(), printed);
}

#[test]
fn sync_brings_what_is_new_and_leaves_the_rest_alone() {
    let sandbox = Sandbox::with_installed("", &train());
    sandbox.install(&small("clst02", "other")).succeeds();
    let inode = |path| fs::metadata(path).unwrap().ino();
    let other = sandbox.all_ours(".conf").remove(0);
    let (before, other_before) = (sandbox.snapshot(), inode(&other));
    assert!(other.display().to_string().contains("/other-"));

    sandbox.run(&["sync", "--check"]).succeeds();
    sandbox.saved(&train_later());
    let check = sandbox.run(&["sync", "--check"]);
    assert_eq!(check.stdout, "");
    snapshot!(check.fails(10), @"
    note: would change:
      [home]/ssh/prime-ssh/train-675b1ff5.json
      [home]/ssh/prime-ssh/train-675b1ff5.conf
    ");
    assert_eq!(sandbox.snapshot(), before);

    let ran = sandbox.run(&["sync"]);
    snapshot!(ran.stderr, @"
    prime.other  unchanged: 1 host
    prime.train  changed: 1 host added, 1 host changed
    ");
    ran.succeeds();
    assert_eq!(inode(&other), other_before);
    sandbox.run(&["sync", "--check"]).succeeds();
}

#[test]
fn a_dry_run_shows_a_diff_and_does_nothing() {
    let sandbox = Sandbox::with_config("Host a\n");
    let before = sandbox.snapshot();
    let dry_run =
        |options: &[&str]| sandbox.installing(&train()).args(["--dry-run"]).args(options).run();
    let ran = dry_run(&[]);
    let config = sandbox.config();
    let config = config.display();
    let diff = format!("--- {config}\n+++ {config}\n@@ -1 +1,2 @@\n+{} Host a\n", sandbox.line());
    assert!(ran.stdout.ends_with(&diff), "{}", ran.stdout);
    for shown in [
        "--- /dev/null\n",
        "\n+Host prime.train.node-0 prime.train\n",
        "\n+  HostName 203.0.113.10\n",
    ] {
        assert!(ran.stdout.contains(shown), "{}", ran.stdout);
    }
    // What nobody decides on is shown on request.
    for hidden in ["\u{1b}", "sha256", ".json"] {
        assert!(!ran.stdout.contains(hidden), "{}", ran.stdout);
    }
    snapshot!(ran.stderr, @"
    note: a dry run: nothing was changed; -v shows 6 more files
    prime.train  would be added: 3 hosts
    ");
    ran.succeeds();
    let all = dry_run(&["-v"]).succeeds();
    assert!(all.contains("fragment_sha256") && all.contains(".known_hosts\n"), "{all}");
    assert!(dry_run(&["--color=always"]).succeeds().contains("\u{1b}[32m+"));
    assert_eq!(sandbox.snapshot(), before);

    sandbox.install(&train()).succeeds();
    let before = sandbox.snapshot();
    snapshot!(dry_run(&["--user=bob"]).stderr, @"
    note: options for prime.train would change: added user bob
    note: a dry run: nothing was changed; -v shows 1 more file
    prime.train  would be changed: 3 hosts changed
    ");
    let shown = sandbox.run(&["uninstall", "--all", "--dry-run"]).succeeds();
    assert!(shown.contains("+++ /dev/null\n"), "{shown}");
    assert_eq!(sandbox.snapshot(), before);
    assert_eq!(dry_run(&[]).succeeds(), "");
    sandbox.installing(&train()).arg("--check").run().succeeds();

    let conf = sandbox.ours(".conf");
    fs::write(&conf, fs::read_to_string(&conf).unwrap() + "# mine\n").unwrap();
    let ran = sandbox.run(&["uninstall", "train", "--dry-run"]);
    assert!(ran.stderr.contains("was edited by hand; kept as"), "{}", ran.stderr);
    assert!(ran.stderr.ends_with("prime.train  would be removed\n"), "{}", ran.stderr);
}

#[test]
fn nothing_is_installed() {
    let sandbox = Sandbox::with_config("Host a\n");
    let before = sandbox.snapshot();
    for arguments in [&["sync"][..], &["uninstall", "--all"], &["sync", "--check"]] {
        let ran = sandbox.run(arguments);
        assert_eq!(ran.stdout, "");
        ran.succeeds();
    }
    snapshot!(sandbox.run(&["uninstall", "train"]).fails(2), @r#"
    error: no installed cluster is called "train"

    hint: nothing is installed
    "#);
    sandbox.run(&["sync", "train"]).fails(2);
    sandbox.run(&["uninstall"]).fails(2);
    sandbox.run(&["install"]).fails(2);
    assert_eq!(sandbox.snapshot(), before);

    // Where there is no ssh folder, none is made for nothing.
    let sandbox = Sandbox::with_ssh_folder();
    fs::remove_dir(sandbox.ssh("")).unwrap();
    sandbox.run(&["uninstall", "--all"]).succeeds();
    sandbox.run(&["sync"]).succeeds();
    assert!(!sandbox.ssh("").exists());
    sandbox.install(&train()).succeeds();
    assert_eq!(fs::metadata(sandbox.ssh("")).unwrap().mode() & 0o777, 0o700);
    snapshot!(sandbox.run(&["sync", "other"]).fails(2), @r#"
    error: no installed cluster is called "other"

    hint: installed are: prime.train (clst01)
    "#);
}

#[test]
fn an_ssh_folder_that_we_made_goes_with_the_last_cluster() {
    let sandbox = Sandbox::with_ssh_folder();
    fs::remove_dir(sandbox.ssh("")).unwrap();
    sandbox.install(&train()).succeeds();
    sandbox.install(&small("clst02", "other")).succeeds();
    sandbox.run(&["sync", "--check"]).succeeds();
    sandbox.run(&["uninstall", "train"]).succeeds();
    assert!(sandbox.ssh("prime-ssh").exists());
    sandbox.run(&["uninstall", "--all"]).succeeds();
    assert!(!sandbox.ssh("").exists());

    // What somebody put into it meanwhile stays, and so does a folder that was there before.
    sandbox.install(&train()).succeeds();
    sandbox.write("ssh/id_mine", "key");
    sandbox.run(&["uninstall", "--all"]).succeeds();
    assert_eq!(fs::read_dir(sandbox.ssh("")).unwrap().count(), 1);
    fs::remove_file(sandbox.ssh("id_mine")).unwrap();
    sandbox.install(&train()).succeeds();
    sandbox.run(&["uninstall", "--all"]).succeeds();
    assert!(sandbox.ssh("").exists());
}

#[test]
fn an_edit_by_hand_is_kept_aside() {
    let sandbox = Sandbox::with_installed("", &train());
    let fragment = sandbox.ours(".conf");
    let written = fs::read_to_string(&fragment).unwrap();
    let edited = written.replace("ConnectTimeout 15", "ConnectTimeout 60");
    fs::write(&fragment, &edited).unwrap();
    let ran = sandbox.run(&["sync"]);
    snapshot!(ran.stderr, @"
    warning: [home]/ssh/prime-ssh/train-675b1ff5.conf was edited by hand; kept as [home]/ssh/prime-ssh/train-675b1ff5.conf.[digest].bak
    prime.train  changed: its file was edited by hand
    ");
    ran.succeeds();
    assert_eq!(fs::read_to_string(&fragment).unwrap(), written);
    let aside = sandbox.ours(".bak");
    assert_eq!(fs::read_to_string(&aside).unwrap(), edited);
    // It is told once, and the next run knows its own text.
    assert!(!sandbox.run(&["sync"]).stderr.contains("by hand"));

    let ran = sandbox.run(&["uninstall", "--all"]);
    snapshot!(ran.stderr, @"
    note: not ours, and left: [home]/ssh/prime-ssh/train-675b1ff5.conf.[digest].bak
    prime.train  removed
    ");
    ran.succeeds();
    assert_eq!(fs::read_to_string(&aside).unwrap(), edited);
    assert_eq!(sandbox.all_ours("").len(), 1, "{:?}", sandbox.all_ours(""));
}

#[test]
fn a_file_of_somebody_elses_stays_and_is_named() {
    let sandbox = Sandbox::with_installed("", &train());
    sandbox.write("ssh/prime-ssh/notes.txt", "mine");
    let ran = sandbox.run(&["uninstall", "--all"]);
    snapshot!(ran.stderr, @"
    note: not ours, and left: [home]/ssh/prime-ssh/notes.txt
    prime.train  removed
    ");
    ran.succeeds();
    assert_eq!(sandbox.all_ours(""), [sandbox.ssh("prime-ssh/notes.txt")]);
}

#[test]
fn saved_answers_from_standard_input_cannot_be_asked_for_again() {
    let sandbox = Sandbox::with_ssh_folder();
    sandbox.program(["install", "--input", "-"]).stdin(train().answer()).run().succeeds();
    let before = sandbox.snapshot();
    snapshot!(sandbox.run(&["sync"]).fails(1), @"
    prime.train  left as it is
    error: prime.train was installed from standard input or a pipe, which cannot be read again

    hint: `prime-ssh install --ssh-dir [home]/ssh --input FILE` brings it up to date from now on
    ");
    assert_eq!(sandbox.snapshot(), before);
}

#[test]
fn the_ssh_folder_is_the_same_by_whatever_path_it_is_named() {
    let sandbox = Sandbox::with_installed("Host a\n", &train());
    fs::create_dir(sandbox.path("x")).unwrap();
    for folder in ["ssh", "./ssh/", "x/../ssh", "~/ssh"] {
        let program = sandbox.prime_ssh(["sync", "--ssh-dir", folder]);
        program.run().succeeds();
        assert_eq!(sandbox.read_config(), format!("{}Host a\n", sandbox.line()), "{folder}");
    }
}

#[test]
fn where_home_is_not_that_of_the_passwd_file_it_is_said() {
    let sandbox = Sandbox::with_ssh_folder();
    let input = sandbox.saved(&train());
    let program = sandbox.prime_ssh(["install", "--input"]).arg(input);
    let ran = program.run();
    snapshot!(ran.stderr, @"
    warning: ssh reads [own home]/.ssh, whatever HOME says, and this installs into [home]/.ssh: use `ssh -F [home]/.ssh/config`, or install with `--ssh-dir [own home]/.ssh`
    note: [home]/.ssh/config has a new first line: Include [home]/.ssh/prime-ssh/config
    prime.train  added: 3 hosts
    connect with: ssh -F [home]/.ssh/config prime.train
    ");
    ran.succeeds();
    let index = sandbox.path(".ssh/prime-ssh/config");
    assert_eq!(sandbox.read(".ssh/config"), format!("Include {}\n", index.display()));
}
