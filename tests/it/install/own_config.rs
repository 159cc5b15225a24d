//! What the user's own configuration says of us, and of our names.

use std::fs;

use super::{Desk, train, train_later};

#[test]
fn a_name_that_the_user_has_is_not_taken() {
    for (config, place) in [
        ("Host a prime.train.node-1\n  HostName x\n", "config:1: prime.train.node-1"),
        ("\nHost a\nMatch originalhost \"prime.train\"\n  User x\n", "config:3: prime.train"),
        ("Include INCLUDED\n", "more:2: prime.train.node-0"),
    ] {
        let desk = Desk::new();
        let more =
            desk.sandbox.write("ssh/more", "\nHost=\"prime.train.node-0\"\n  IdentityFile ~/x\n");
        let config = config.replace("INCLUDED", more.to_str().unwrap());
        desk.sandbox.write("ssh/config", config);
        let before = desk.snapshot();
        let told = desk.install(&train()).fails(5);
        assert!(told.contains(place), "{told}");
        assert!(told.contains("--as NAME"), "{told}");
        assert_eq!(desk.snapshot(), before);
        desk.installing(&train()).arg("--as=mine").run().succeeds();
    }
}

#[test]
fn what_the_user_adds_to_a_name_of_ours_later_is_theirs() {
    let desk = Desk::with_installed("Host a\n", &train());
    let config = format!("{}Host prime.train.node-0\n  ForwardX11 yes\n", desk.line());
    desk.sandbox.write("ssh/config", &config);
    desk.saved(&train_later());
    desk.run(&["sync"]).succeeds();
    assert_eq!(desk.read_config(), config);

    // A block that leads nowhere else is welcome from the first.
    desk.run(&["uninstall", "--all"]).succeeds();
    desk.install(&train()).succeeds();

    // A node that is new, under a name that was the user's before.
    let config = format!("{config}Host prime.train.node-1\n  HostName x\n");
    desk.sandbox.write("ssh/config", &config);
    desk.run(&["uninstall", "--all"]).succeeds();
    assert!(desk.install(&train()).fails(5).contains("node-1"));
}

#[test]
fn a_pattern_of_the_users_is_told_and_does_no_harm() {
    let desk = Desk::with_config("Host prime.train.*\n  User me\nHost *\n  Port 22\n");
    let ran = desk.install(&train());
    assert!(ran.stderr.contains("config:1: the pattern prime.train.*"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("config:3"), "{}", ran.stderr);
    ran.succeeds();
    assert!(!desk.run(&["sync"]).stderr.contains("pattern"));
}

#[test]
fn an_include_of_ours_that_a_person_wrote_counts() {
    for line in ["include \"INDEX\"", "\tInclude=/nowhere INDEX", "Include SSH/*/config"] {
        let desk = Desk::new();
        let index = desk.ssh("prime-ssh/config");
        let line = line.replace("INDEX", index.to_str().unwrap());
        let line = line.replace("SSH", desk.ssh("").to_str().unwrap());
        let config = format!("User me\n{line}\nHost a\n");
        desk.sandbox.write("ssh/config", &config);
        desk.install(&train()).succeeds();
        assert_eq!(desk.read_config(), config);
        assert!(!desk.ssh("config.prime-ssh.bak").exists());
        desk.run(&["sync", "--check"]).succeeds();
        let ran = desk.run(&["uninstall", "--all"]);
        assert!(ran.stderr.contains("config:2 still includes our file"), "{}", ran.stderr);
        ran.succeeds();
        assert_eq!(desk.read_config(), config);
    }
}

#[test]
fn an_include_of_ours_inside_a_block_is_told() {
    let desk = Desk::new();
    let config = format!("Host a\n\n  {}", desk.line());
    desk.sandbox.write("ssh/config", &config);
    let ran = desk.install(&train());
    assert!(
        ran.stderr.contains("config:3 includes our file for some hosts only"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("(the block of line 1)"), "{}", ran.stderr);
    ran.succeeds();
    assert_eq!(desk.read_config(), format!("{}{config}", desk.line()));
}

#[test]
fn a_folder_that_no_include_can_name_is_refused() {
    for name in ["a*b", "a\"b", "a%b", "a\\b", "a$b"] {
        let desk = Desk::new();
        let folder = desk.sandbox.path(name);
        fs::create_dir(&folder).unwrap();
        let input = desk.saved(&train());
        let program = desk.sandbox.prime_ssh(["install", "--input"]).arg(input);
        let ran = program.arg("--ssh-dir").arg(&folder).run();
        assert!([2, 5].contains(&ran.status.code().unwrap()), "{name}: {ran:?}");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0, "{name}");
    }
    let desk = Desk::new();
    let folder = desk.sandbox.path("my ssh");
    let input = desk.saved(&train());
    let program = desk.sandbox.prime_ssh(["install", "--input"]).arg(input);
    program.arg("--ssh-dir").arg(&folder).run().succeeds();
    assert_eq!(
        fs::read_to_string(folder.join("config")).unwrap(),
        format!("Include \"{}\"\n", folder.join("prime-ssh/config").display())
    );
}
