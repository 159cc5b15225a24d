//! What the user's own configuration says of us, and of our names.

use std::fs;

use super::{Sandbox, train, train_later};
use crate::support::snapshot::Transcript;
use crate::support::ssh::Resolved;

#[test]
fn a_name_that_the_user_has_is_not_taken() {
    let mut told = Transcript::default();
    for config in [
        "Host a prime.train.node-1\n  HostName x\n",
        "\nHost a\nMatch originalhost \"prime.train\"\n  User x\n",
        "Include INCLUDED\n",
    ] {
        let sandbox = Sandbox::with_ssh_folder();
        let more = sandbox.write("ssh/more", "\nHost=\"prime.train.node-0\"\n  IdentityFile ~/x\n");
        let config = config.replace("INCLUDED", more.to_str().unwrap());
        sandbox.write("ssh/config", &config);
        let before = sandbox.snapshot();
        told.add(config.trim(), sandbox.install(&train()).fails(5));
        assert_eq!(sandbox.snapshot(), before);
        sandbox.installing(&train()).arg("--as=mine").run().succeeds();
    }
    snapshot!(told, @r#"
    --- Host a prime.train.node-1
      HostName x
    [home]/clst01.json  not installed
    error: your own configuration defines names of prime.train:
      [home]/ssh/config:1: prime.train.node-1

    hint: rename or remove them there, or install with `--as NAME` or `--prefix WORD`

    --- Host a
    Match originalhost "prime.train"
      User x
    [home]/clst01.json  not installed
    error: your own configuration defines names of prime.train:
      [home]/ssh/config:3: prime.train

    hint: rename or remove them there, or install with `--as NAME` or `--prefix WORD`

    --- Include [home]/ssh/more
    [home]/clst01.json  not installed
    error: your own configuration defines names of prime.train:
      [home]/ssh/more:2: prime.train.node-0

    hint: rename or remove them there, or install with `--as NAME` or `--prefix WORD`
    "#);
}

#[test]
fn what_the_user_adds_to_a_name_of_ours_later_is_theirs() {
    let sandbox = Sandbox::with_installed("Host a\n", &train());
    let config = format!("{}Host prime.train.node-0\n  ForwardX11 yes\n", sandbox.line());
    sandbox.write("ssh/config", &config);
    sandbox.saved(&train_later());
    sandbox.run(&["sync"]).succeeds();
    assert_eq!(sandbox.read_config(), config);

    // A block that leads nowhere else is welcome from the first.
    sandbox.run(&["uninstall", "--all"]).succeeds();
    sandbox.install(&train()).succeeds();

    // A node that is new, under a name that was the user's before.
    let config = format!("{config}Host prime.train.node-1\n  HostName x\n");
    sandbox.write("ssh/config", &config);
    sandbox.run(&["uninstall", "--all"]).succeeds();
    snapshot!(sandbox.install(&train()).fails(5), @"
    note: [home]/ssh/config.prime-ssh.bak stays: [home]/ssh/config was edited since it was made
    [home]/clst01.json  not installed
    error: your own configuration defines names of prime.train:
      [home]/ssh/config:3: prime.train.node-1

    hint: rename or remove them there, or install with `--as NAME` or `--prefix WORD`
    ");
}

#[test]
fn a_pattern_of_the_users_is_told_and_does_no_harm() {
    let sandbox = Sandbox::with_config("Host prime.train.*\n  User me\nHost *\n  Port 22\n");
    let ran = sandbox.install(&train());
    snapshot!(ran.stderr, @"
    warning: [home]/ssh/config:1: the pattern prime.train.* catches prime.train.node-0 too; ours comes first, and what it does not say counts
    note: [home]/ssh/config has a new first line: Include [home]/ssh/prime-ssh/config
    prime.train  added: 3 hosts
    connect with: ssh -F [home]/ssh/config prime.train
    ");
    ran.succeeds();
    assert!(!sandbox.run(&["sync"]).stderr.contains("pattern"));
}

#[test]
fn an_include_of_ours_that_a_person_wrote_counts_for_ssh_and_for_us() {
    needs!("ssh");
    for line in [
        "include INDEX",
        "\tINCLUDE=INDEX\r",
        "include = \"INDEX\"",
        "\tInclude=/nowhere \"INDEX\"",
        "\"Include\" INDEX",
        "Include SSH*/config",
        "Include SSHp*/con?ig",
    ] {
        let sandbox = Sandbox::with_ssh_folder();
        let index = sandbox.ssh("prime-ssh/config");
        let line = line.replace("INDEX", index.to_str().unwrap());
        let line = line.replace("SSH", sandbox.ssh("").to_str().unwrap());
        let config = format!("User me\n{line}\nHost a\n");
        sandbox.write("ssh/config", &config);
        sandbox.install(&train()).succeeds();
        assert_eq!(sandbox.read_config(), config);
        assert!(!sandbox.ssh("config.prime-ssh.bak").exists());
        let resolved = Resolved::of(&sandbox.config(), "prime.train.node-1");
        assert_eq!(resolved.get("hostname"), Some("10.0.0.11"), "{line}");
        sandbox.run(&["sync", "--check"]).succeeds();
        let ran = sandbox.run(&["uninstall", "--all"]);
        snapshot!(ran.stderr, @"
        note: [home]/ssh/config:2 still includes our file, which goes away: remove that line
        prime.train  removed
        ");
        ran.succeeds();
        assert_eq!(sandbox.read_config(), config);
    }
}

#[test]
fn an_include_of_ours_inside_a_block_is_told() {
    let sandbox = Sandbox::with_ssh_folder();
    let config = format!("Host a\n\n  {}", sandbox.line());
    sandbox.write("ssh/config", &config);
    let ran = sandbox.install(&train());
    snapshot!(ran.stderr, @"
    warning: [home]/ssh/config:3 includes our file for some hosts only (the block of line 1): remove that line, ours at the top does it for all
    note: [home]/ssh/config has a new first line: Include [home]/ssh/prime-ssh/config
    prime.train  added: 3 hosts
    connect with: ssh -F [home]/ssh/config prime.train
    ");
    ran.succeeds();
    assert_eq!(sandbox.read_config(), format!("{}{config}", sandbox.line()));
}

#[test]
fn a_folder_that_no_include_can_name_is_refused() {
    for name in ["a*b", "a\"b", "a%b", "a\\b", "a$b"] {
        let sandbox = Sandbox::with_ssh_folder();
        let folder = sandbox.path(name);
        fs::create_dir(&folder).unwrap();
        let input = sandbox.saved(&train());
        let program = sandbox.prime_ssh(["install", "--input"]).arg(input);
        let ran = program.arg("--ssh-dir").arg(&folder).run();
        assert!([2, 5].contains(&ran.status.code().unwrap()), "{name}: {ran:?}");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0, "{name}");
    }
    let sandbox = Sandbox::with_ssh_folder();
    let folder = sandbox.path("my ssh");
    let input = sandbox.saved(&train());
    let program = sandbox.prime_ssh(["install", "--input"]).arg(input);
    program.arg("--ssh-dir").arg(&folder).run().succeeds();
    assert_eq!(
        fs::read_to_string(folder.join("config")).unwrap(),
        format!("Include \"{}\"\n", folder.join("prime-ssh/config").display())
    );
}
