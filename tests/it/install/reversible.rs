//! Uninstalled, everything is as it was, byte for byte.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use proptest::prelude::*;

use super::{Sandbox, small, train, train_later};
use crate::support::any_config::any_config;

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn uninstalling_undoes_installing(config in prop::option::of(any_config()), mode in 0o400_u32..=0o777) {
        let sandbox = Sandbox::with_ssh_folder();
        if let Some(config) = &config {
            sandbox.write("ssh/config", config);
            fs::set_permissions(sandbox.config(), fs::Permissions::from_mode(mode | 0o600)).unwrap();
        }
        let before = sandbox.snapshot();
        sandbox.install(&train()).succeeds();
        let with = fs::read(sandbox.config()).unwrap();
        prop_assert!(with.starts_with(b"Include "), "{}", with.escape_ascii());
        prop_assert!(with.ends_with(config.as_deref().unwrap_or_default()));
        sandbox.install(&small("clst02", "other")).succeeds();
        sandbox.install(&train_later()).succeeds();
        sandbox.run(&["uninstall", "train"]).succeeds();
        sandbox.run(&["uninstall", "other"]).succeeds();
        prop_assert_eq!(sandbox.snapshot(), before);
    }
}

#[test]
fn edits_of_the_user_stay_whenever_they_were_made() {
    let sandbox = Sandbox::with_installed("Host a\n", &train());
    let edited = format!("# on top\n{}Host a\n\nHost b\n", sandbox.line());
    sandbox.write("ssh/config", &edited);
    sandbox.run(&["sync"]).succeeds();
    assert_eq!(sandbox.read_config(), edited);
    let ran = sandbox.run(&["uninstall", "--all"]);
    snapshot!(ran.stderr, @"
    note: [home]/ssh/config.prime-ssh.bak stays: [home]/ssh/config was edited since it was made
    prime.train  removed
    ");
    ran.succeeds();
    assert_eq!(sandbox.read_config(), "# on top\nHost a\n\nHost b\n");
    assert_eq!(sandbox.read("ssh/config.prime-ssh.bak"), "Host a\n");
    assert!(!sandbox.ssh("prime-ssh").exists());
}

#[test]
fn a_file_that_we_made_stays_where_somebody_wrote_into_it() {
    let sandbox = Sandbox::with_ssh_folder();
    sandbox.install(&train()).succeeds();
    sandbox.write("ssh/config", format!("{}Host mine\n", sandbox.line()));
    sandbox.run(&["uninstall", "--all"]).succeeds();
    assert_eq!(sandbox.read_config(), "Host mine\n");
}

#[test]
fn a_line_that_was_taken_out_comes_back_with_the_next_run() {
    let sandbox = Sandbox::with_installed("Host a\n", &train());
    sandbox.write("ssh/config", "Host a\nHost b\n");
    sandbox.run(&["sync"]).succeeds();
    assert_eq!(sandbox.read_config(), format!("{}Host a\nHost b\n", sandbox.line()));
    sandbox.run(&["uninstall", "--all"]).succeeds();
    assert_eq!(sandbox.read_config(), "Host a\nHost b\n");
    assert!(!sandbox.ssh("config.prime-ssh.bak").exists());
}

#[test]
fn leftovers_of_damaged_installs_go_too() {
    let sandbox = Sandbox::with_installed("Host a\n", &train());
    fs::write(sandbox.ours(".json"), "{").unwrap();
    sandbox.run(&["uninstall", "train"]).succeeds();
    assert_eq!(sandbox.read_config(), "Host a\n");
    assert!(!sandbox.ssh("prime-ssh").exists());
}
