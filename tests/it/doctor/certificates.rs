//! Keys and certificates, and what renews them.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::{Patient, chmod};
use crate::support::authority::{Authority, certificates_in, me};
use crate::support::cluster::{Cluster, Node};
use crate::support::process;
use crate::support::sandbox::TOKEN;
use crate::support::sandbox::copy_program;

/// A patient with a key and a cluster that takes a certificate only, installed with `options`.
fn with_vault(options: &[&str]) -> (Patient, Authority) {
    let node = Node::control("pod0", "node-0", "203.0.113.10").user(&me());
    let train = Cluster::new("clst01", "Train").with("vaultEnabled", true).node(node);
    let patient = Patient::with_api([train]);
    let key = patient.sandbox.ssh_key("keys/id_cluster");
    let authority = Authority::new(&patient.sandbox);
    let signer = authority.clone();
    patient.api.signs(move |request| signer.answer(request));
    let settings = json!({"base_url": patient.api.url(), "ssh_key_path": key});
    patient.sandbox.prime_settings(&settings);
    patient.sandbox.write("ssh/config", "Host mine\n");
    patient.run(&[&["install", "train"], options].concat()).succeeds();
    (patient, authority)
}

impl Patient {
    /// Puts a certificate there that is valid for so long.
    fn has(&self, authority: &Authority, arguments: &[&str]) {
        let key = self.sandbox.read("keys/id_cluster.pub");
        let path = self.ssh("prime-ssh/train-675b1ff5-cert.pub");
        fs::write(&path, authority.signing(arguments).certificate(&key)).unwrap();
        chmod(&path, 0o600);
    }
}

#[test]
fn a_key_that_is_gone_or_open() {
    needs!("ssh");
    let patient = Patient::with_api([crate::support::cluster::train()]);
    let key = patient.sandbox.ssh_key("keys/my key");
    patient.program(&["install", "train", "--identity-file"]).arg(&key).run().succeeds();
    patient.doctor().finding("key", "ok", "there, for prime.train");
    chmod(&key, 0o644);
    patient.is_cured("key", "wrong", "has mode 0644");
    let public = fs::read_to_string(key.with_extension("pub")).unwrap();
    let other = patient.sandbox.ssh_key("keys/other");
    fs::copy(other.with_extension("pub"), key.with_extension("pub")).unwrap();
    patient.doctor().finding("key", "warning", "does not belong to the private key");
    fs::write(key.with_extension("pub"), public).unwrap();
    fs::rename(&key, patient.sandbox.path("aside")).unwrap();
    patient.doctor().finding("key", "ok", "there, for");
    fs::remove_file(key.with_extension("pub")).unwrap();
    let report = patient.doctor();
    let finding = report.finding("key", "wrong", "is not there, for prime.train");
    assert!(finding["advice"].as_str().unwrap().contains("ssh-keygen"), "{finding}");
    fs::create_dir(&key).unwrap();
    patient.doctor().finding("key", "wrong", "is not a file that holds a key");
}

#[test]
fn a_key_that_the_cluster_does_not_know() {
    needs!("ssh");
    let patient = Patient::with_api([]);
    let key = patient.sandbox.ssh_key("keys/id");
    let other = patient.sandbox.ssh_key("keys/other").with_extension("pub");
    let known = fs::read_to_string(other).unwrap();
    let keys = json!([{"id": "k", "role": "ADMIN", "publicKey": known}]);
    patient.api.now_serves([crate::support::cluster::train().with("sshKeys", keys)]);
    patient.program(&["install", "train", "--identity-file"]).arg(&key).run().succeeds();
    patient.doctor().finding("clusters", "warning", "is not among those of prime.train");
}

#[test]
fn a_certificate_that_lets_nobody_in() {
    needs!("ssh");
    let (patient, authority) = with_vault(&[]);
    patient.is_cured("certificate", "wrong", "there is none yet");
    patient.doctor().finding("certificate", "ok", "prime.train: valid for 7 h 59 min");
    patient.has(&authority, &["-n", &me(), "-V", "-3h:-2h"]);
    patient.is_cured("certificate", "wrong", "it expired 2 h ago");
    patient.has(&authority, &["-n", &me(), "-V", "-1m:+5m"]);
    patient.is_cured("certificate", "warning", " lasts only");
    fs::write(patient.ours("-cert.pub"), "nonsense").unwrap();
    patient.is_cured("certificate", "wrong", "it is not a line of a kind and a certificate");
    patient.has(&authority, &["-n", "somebody", "-V", "-1m:+4h"]);
    patient.doctor().finding("certificate", "warning", "does not name");
    assert_eq!(certificates_in(&patient.ssh("prime-ssh")).len(), 1);
}

#[test]
fn cert_uses_the_key_that_the_cluster_was_installed_with() {
    needs!("ssh", "ssh-keygen");
    let (patient, _) = with_vault(&[]);
    let other = patient.sandbox.ssh_key("keys/other key");
    let settings = json!({"base_url": patient.api.url()});
    patient.sandbox.prime_settings(&settings);
    patient.program(&["install", "train", "--identity-file"]).arg(&other).run().succeeds();
    for selector in ["train", "clst01", "prime.train"] {
        patient.run(&["cert", selector]).succeeds();
        let shown = patient.run(&["cert", selector, "--show"]).succeeds();
        assert!(shown.contains("(the identity's)"), "{shown}");
        fs::remove_file(patient.ours("-cert.pub")).unwrap();
        let told = patient.run(&["cert", selector, "--show"]).fails(1);
        let (_, command) = told.split_once('`').unwrap();
        let (command, _) = command.split_once('`').unwrap();
        patient.types(command).succeeds();
    }
    // One that is named for this call counts all the same.
    let named = patient.sandbox.path("keys/id_cluster");
    patient.program(&["cert", "train", "--identity-file"]).arg(&named).run().succeeds();
    let told = patient.run(&["cert", "train", "--show"]).fails(1);
    assert!(told.contains("it is for the key SHA256:"), "{told}");
    patient.is_cured("certificate", "wrong", "it is for the key SHA256:");
}

#[test]
fn a_certificate_that_ssh_renews_is_none_of_our_business() {
    needs!("ssh");
    let (patient, authority) = with_vault(&["--live"]);
    patient.doctor().finding("certificate", "ok", "valid for 7 h 59 min; ssh renews it");
    let asked = patient.api.certificates();
    patient.has(&authority, &["-n", &me(), "-V", "-3h:-2h"]);
    let finding = "it expired 2 h ago; ssh gets a new one when it connects";
    patient.doctor().finding("certificate", "note", finding);
    fs::remove_file(patient.ours("-cert.pub")).unwrap();
    patient.doctor().finding("certificate", "note", "there is none yet; ssh gets a new one");
    assert_eq!(patient.api.certificates(), asked, "nothing is renewed by looking");
}

#[test]
fn a_program_that_moved_after_an_update() {
    needs!("ssh");
    let (patient, _) = with_vault(&[]);
    let old = patient.sandbox.path("old/prime-ssh");
    copy_program(&old);
    let mut install = process::command(&old);
    install.args(["install", "train", "--live", "--ssh-dir"]).arg(patient.ssh(""));
    install.env("HOME", patient.sandbox.home());
    process::run(&mut install, b"").succeeds();
    chmod(&old, 0o777);
    patient.is_cured("live", "wrong", "with a program that others can change");
    chmod(&old, 0o644);
    patient.doctor().finding("live", "wrong", "a program that may not be run");
    fs::remove_file(&old).unwrap();
    patient.is_cured("live", "wrong", "a program that is not there any more");
    let fragment = fs::read_to_string(patient.ours(".conf")).unwrap();
    assert!(!fragment.contains("/old/"), "{fragment}");
}

#[test]
fn a_token_that_ssh_does_not_find() {
    needs!("ssh");
    let (patient, _) = with_vault(&[]);
    let token = patient.sandbox.write("token", TOKEN);
    let install = patient.program(&["install", "train", "--live", "--token-file"]);
    install.arg(&token).run().succeeds();
    assert_eq!(patient.doctor().of("live", ""), Vec::<&Value>::new());
    fs::remove_file(&token).unwrap();
    let report = patient.doctor();
    let finding = report.finding("live", "wrong", "there is no token in the file");
    assert_eq!(finding["file"], token.to_str().unwrap());

    let (patient, _) = with_vault(&["--live"]);
    let settings = json!({"base_url": patient.api.url(), "api_key": ""});
    patient.sandbox.prime_settings(&settings);
    let doctor = patient.program(&["doctor", "--format=json"]).env("PRIME_API_KEY", TOKEN);
    let report = patient.examined(doctor);
    report.finding("live", "wrong", "ssh finds no token");
    report.finding("token", "ok", "from PRIME_API_KEY");
}

#[test]
fn a_cluster_that_takes_none_is_shown_as_such() {
    needs!("ssh");
    let patient = Patient::healthy();
    let told = patient.run(&["cert", "--show", "train"]).fails(1);
    assert!(told.contains("train lets people in without a certificate"), "{told}");
    assert!(!told.contains("prime-ssh cert"), "{told}");
    let told = patient.run(&["cert", "--show", "other"]).fails(1);
    assert!(told.contains("there is no certificate for other"), "{told}");
    assert!(Path::new(&patient.config()).exists());
}
