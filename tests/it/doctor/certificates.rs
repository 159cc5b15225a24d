//! Keys and certificates, and what renews them.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::{User, chmod};
use crate::support::authority::{Authority, certificates_in, me};
use crate::support::cluster::{Cluster, Node};
use crate::support::process;
use crate::support::sandbox::TOKEN;
use crate::support::sandbox::copy_program;

/// A user with a key and a cluster that takes a certificate only, installed with `options`.
fn with_vault(options: &[&str]) -> (User, Authority) {
    let node = Node::control("pod0", "node-0", "203.0.113.10").user(&me());
    let train = Cluster::new("clst01", "Train").with("vaultEnabled", true).node(node);
    let user = User::with_api([train]);
    let key = user.ssh_key("keys/id_cluster");
    let authority = Authority::new(&user.sandbox);
    let signer = authority.clone();
    user.api.signs(move |request| signer.answer(request));
    let settings = json!({"base_url": user.api.url(), "ssh_key_path": key});
    user.prime_settings(&settings);
    user.write("ssh/config", "Host mine\n");
    user.run(&[&["install", "train"], options].concat()).succeeds();
    (user, authority)
}

impl User {
    /// Puts a certificate there that is valid for so long.
    fn has(&self, authority: &Authority, arguments: &[&str]) {
        let key = self.read("keys/id_cluster.pub");
        let path = self.ssh("prime-ssh/train-675b1ff5-cert.pub");
        fs::write(&path, authority.signing(arguments).certificate(&key)).unwrap();
        chmod(&path, 0o600);
    }
}

#[test]
fn a_key_that_is_gone_or_open() {
    needs!("ssh");
    let user = User::with_api([crate::support::cluster::train()]);
    let key = user.ssh_key("keys/my key");
    user.program(["install", "train", "--identity-file"]).arg(&key).run().succeeds();
    user.doctor().finding("key", "ok", "there, for prime.train");
    chmod(&key, 0o644);
    user.is_cured("key", "wrong", "has mode 0644");
    let public = fs::read_to_string(key.with_extension("pub")).unwrap();
    let other = user.ssh_key("keys/other");
    fs::copy(other.with_extension("pub"), key.with_extension("pub")).unwrap();
    user.doctor().finding("key", "warning", "does not belong to the private key");
    fs::write(key.with_extension("pub"), public).unwrap();
    fs::rename(&key, user.path("aside")).unwrap();
    user.doctor().finding("key", "ok", "there, for");
    fs::remove_file(key.with_extension("pub")).unwrap();
    let report = user.doctor();
    let finding = report.finding("key", "wrong", "is not there, for prime.train");
    assert!(finding["advice"].as_str().unwrap().contains("ssh-keygen"), "{finding}");
    fs::create_dir(&key).unwrap();
    user.doctor().finding("key", "wrong", "is not a file that holds a key");
}

#[test]
fn a_key_that_the_cluster_does_not_know() {
    needs!("ssh");
    let user = User::with_api([]);
    let key = user.ssh_key("keys/id");
    let other = user.ssh_key("keys/other").with_extension("pub");
    let known = fs::read_to_string(other).unwrap();
    let keys = json!([{"id": "k", "role": "ADMIN", "publicKey": known}]);
    user.api.now_serves([crate::support::cluster::train().with("sshKeys", keys)]);
    user.program(["install", "train", "--identity-file"]).arg(&key).run().succeeds();
    user.doctor().finding("clusters", "warning", "is not among those of prime.train");
}

#[test]
fn a_certificate_that_lets_nobody_in() {
    needs!("ssh");
    let (user, authority) = with_vault(&[]);
    user.is_cured("certificate", "wrong", "there is none yet");
    user.doctor().finding("certificate", "ok", "prime.train: valid for 7 h 59 min");
    user.has(&authority, &["-n", &me(), "-V", "-3h:-2h"]);
    user.is_cured("certificate", "wrong", "it expired 2 h ago");
    user.has(&authority, &["-n", &me(), "-V", "-1m:+5m"]);
    user.is_cured("certificate", "warning", " lasts only");
    fs::write(user.ours("-cert.pub"), "nonsense").unwrap();
    user.is_cured("certificate", "wrong", "it is not a line of a kind and a certificate");
    user.has(&authority, &["-n", "somebody", "-V", "-1m:+4h"]);
    user.doctor().finding("certificate", "warning", "does not name");
    assert_eq!(certificates_in(&user.ssh("prime-ssh")).len(), 1);
}

#[test]
fn cert_uses_the_key_that_the_cluster_was_installed_with() {
    needs!("ssh", "ssh-keygen");
    let (user, _) = with_vault(&[]);
    let other = user.ssh_key("keys/other key");
    let settings = json!({"base_url": user.api.url()});
    user.prime_settings(&settings);
    user.program(["install", "train", "--identity-file"]).arg(&other).run().succeeds();
    for selector in ["train", "clst01", "prime.train"] {
        user.run(&["cert", selector]).succeeds();
        let shown = user.run(&["cert", selector, "--show"]).succeeds();
        assert!(shown.contains("(the identity's)"), "{shown}");
        fs::remove_file(user.ours("-cert.pub")).unwrap();
        let told = user.run(&["cert", selector, "--show"]).fails(1);
        let (_, command) = told.split_once('`').unwrap();
        let (command, _) = command.split_once('`').unwrap();
        user.types(command).succeeds();
    }
    // One that is named for this call counts all the same.
    let named = user.path("keys/id_cluster");
    user.program(["cert", "train", "--identity-file"]).arg(&named).run().succeeds();
    snapshot!(user.run(&["cert", "train", "--show"]).fails(1), @"
    error: the certificate for train lets nobody in: it is for the key SHA256:[key], not for SHA256:[key]

    hint: `prime-ssh cert --ssh-dir [home]/ssh train` gets a new one
    ");
    user.is_cured("certificate", "wrong", "it is for the key SHA256:");
}

#[test]
fn a_certificate_that_ssh_renews_is_none_of_our_business() {
    needs!("ssh");
    let (user, authority) = with_vault(&["--live"]);
    user.doctor().finding("certificate", "ok", "valid for 7 h 59 min; ssh renews it");
    let asked = user.api.certificates();
    user.has(&authority, &["-n", &me(), "-V", "-3h:-2h"]);
    let finding = "it expired 2 h ago; ssh gets a new one when it connects";
    user.doctor().finding("certificate", "note", finding);
    fs::remove_file(user.ours("-cert.pub")).unwrap();
    user.doctor().finding("certificate", "note", "there is none yet; ssh gets a new one");
    assert_eq!(user.api.certificates(), asked, "nothing is renewed by looking");
    // What is left of it renews nothing where ssh runs no command.
    fs::write(user.ssh("prime-ssh/look-1"), "").unwrap();
    user.doctor().finding("certificate", "wrong", "the certificate lets nobody in: ");
}

#[test]
fn a_certificate_of_ones_own_is_renewed_by_nobody() {
    needs!("ssh", "ssh-keygen");
    let (user, authority) = with_vault(&[]);
    let own = user.path("own-cert.pub");
    user.program(["install", "train", "--live", "--certificate-file"]).arg(&own).run().succeeds();
    let key = user.read("keys/id_cluster.pub");
    let has = |validity: &str| {
        let signed = authority.signing(&["-n", &me(), "-V", validity]).certificate(&key);
        fs::write(&own, signed).unwrap();
    };
    has("-1m:+4h");
    let report = user.doctor();
    let finding = report.finding("certificate", "ok", "valid for ");
    assert!(!finding["what"].as_str().unwrap().contains("renews"), "{finding}");
    has("-3h:-2h");
    let report = user.doctor();
    let finding = report.finding("certificate", "wrong", "it expired 2 h ago");
    assert_eq!(finding["advice"], "get a new one where this one came from");
}

#[test]
fn a_program_that_moved_after_an_update() {
    needs!("ssh");
    let (user, _) = with_vault(&[]);
    let old = user.path("old/prime-ssh");
    copy_program(&old);
    let mut install = process::command(&old);
    install.args(["install", "train", "--live", "--ssh-dir"]).arg(user.ssh(""));
    install.env("HOME", user.home());
    process::run(&mut install, b"").succeeds();
    chmod(&old, 0o777);
    user.is_cured("live", "wrong", "with a program that others can change");
    chmod(&old, 0o644);
    user.doctor().finding("live", "wrong", "a program that may not be run");
    fs::remove_file(&old).unwrap();
    user.is_cured("live", "wrong", "a program that is not there any more");
    let fragment = fs::read_to_string(user.ours(".conf")).unwrap();
    assert!(!fragment.contains("/old/"), "{fragment}");
}

#[test]
fn a_token_that_ssh_does_not_find() {
    needs!("ssh");
    let (user, _) = with_vault(&[]);
    let token = user.write("token", TOKEN);
    let install = user.program(["install", "train", "--live", "--token-file"]);
    install.arg(&token).run().succeeds();
    assert_eq!(user.doctor().of("live", ""), Vec::<&Value>::new());
    fs::remove_file(&token).unwrap();
    let report = user.doctor();
    let finding = report.finding("live", "wrong", "there is no token in the file");
    assert_eq!(finding["file"], token.to_str().unwrap());

    let (user, _) = with_vault(&["--live"]);
    let settings = json!({"base_url": user.api.url(), "api_key": ""});
    user.prime_settings(&settings);
    let doctor = user.program(["doctor", "--format=json"]).env("PRIME_API_KEY", TOKEN);
    let report = user.examined(doctor);
    report.finding("live", "wrong", "ssh finds no token");
    report.finding("token", "ok", "from PRIME_API_KEY");
}

#[test]
fn a_cluster_that_takes_none_is_shown_as_such() {
    needs!("ssh");
    let user = User::healthy();
    snapshot!(user.run(&["cert", "--show", "train"]).fails(1), @"
    error: train lets people in without a certificate

    hint: `ssh` works with your key
    ");
    snapshot!(user.run(&["cert", "--show", "other"]).fails(1), @"
    error: there is no certificate for other

    hint: `prime-ssh cert --ssh-dir [home]/ssh other` gets one, if the cluster takes one
    ");
    assert!(Path::new(&user.config()).exists());
}
