//! The certificate of a cluster that takes nothing else: renewed before it ends, and never waited for
//! in vain, but where nobody gets in without one.

use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use super::{Live, host_name};
use crate::install::train;
use crate::support::api::{Api, Reply};
use crate::support::authority::{Authority, me};
use crate::support::cluster::{Cluster, Node};
use crate::support::network::nobody;
use crate::support::process;

/// A cluster that takes a certificate only, and who signs them.
struct Vault {
    live: Live,
    authority: Authority,
    key: PathBuf,
}

impl Vault {
    fn new() -> Self {
        let live = Live::serving(Api::serving([train().with("vaultEnabled", true)]));
        let key = live.sandbox.ssh_key("keys/id");
        let authority = Authority::new(&live.sandbox);
        let signer = authority.clone();
        live.api.signs(move |request| signer.answer(request));
        let identity = key.to_str().unwrap();
        live.run(&["install", "train", "--live", "--identity-file", identity]).succeeds();
        assert_eq!(live.api.certificates(), 1);
        Self { live, authority, key }
    }

    /// Puts a certificate there that is valid for so long.
    fn has(&self, validity: &str) {
        let key = fs::read_to_string(self.key.with_extension("pub")).unwrap();
        let path = self.live.sandbox.ssh("prime-ssh/train-675b1ff5-cert.pub");
        let certificate = self.authority.signing(&["-n", &me(), "-V", validity]).certificate(&key);
        fs::write(path, certificate).unwrap();
    }

    /// How many certificates are asked for while ssh resolves a name, and what it says.
    fn asks(&self) -> (usize, String) {
        let before = self.live.api.certificates();
        let ran = self.live.asks("prime.train.node-1");
        assert_eq!(host_name(&ran), "10.0.0.11", "{ran:?}");
        (self.live.api.certificates() - before, ran.stderr)
    }
}

#[test]
fn one_that_is_about_to_end_is_renewed_and_a_failure_is_not_repeated_for_a_minute() {
    needs!("ssh", "ssh-keygen");
    let vault = Vault::new();
    assert_eq!(vault.asks(), (0, String::new()));
    vault.has("-1m:+5m");
    assert_eq!(vault.asks(), (1, String::new()));
    assert_eq!(vault.asks(), (0, String::new()));

    vault.live.api.signs(|_| Reply::detail(403, "Insufficient permissions"));
    vault.has("-1m:+5m");
    let (asked, told) = vault.asks();
    assert_eq!((asked, told.lines().count()), (1, 1), "{told}");
    assert!(told.contains("prime.train: no new certificate: ") && told.contains("403"), "{told}");
    assert_eq!(vault.asks(), (0, String::new()), "it still lets in");
    vault.live.wait(61);
    assert_eq!(vault.asks().0, 1);
}

#[test]
fn one_that_is_over_is_asked_for_each_time() {
    needs!("ssh", "ssh-keygen");
    let vault = Vault::new();
    vault.live.api.signs(|_| Reply::detail(403, "Insufficient permissions"));
    for _ in 0..2 {
        vault.has("-2h:-1h");
        // Of those that come within one second, one asks.
        process::until("another request", || vault.asks().0 == 1);
    }
    let certificate = vault.live.sandbox.ours("-cert.pub");
    fs::remove_file(&certificate).unwrap();
    process::until("another request", || vault.asks().0 == 1);
    let signer = vault.authority.clone();
    vault.live.api.signs(move |request| signer.answer(request));
    process::until("a certificate", || vault.asks().0 == 1);
    assert!(certificate.exists());
}

#[test]
fn one_of_a_cluster_whose_state_cannot_be_read_is_said_not_to_be_renewed() {
    needs!("ssh", "ssh-keygen");
    let vault = Vault::new();
    fs::write(vault.live.sandbox.ours(".json"), "{").unwrap();
    vault.has("-1m:+5m");
    let told = "train: no new certificate: its state cannot be read\n";
    let (asked, stderr) = vault.asks();
    assert!(asked == 0 && stderr.ends_with(told), "{stderr}");
    assert_eq!(vault.asks(), (0, String::new()), "it still lets in");
}

#[test]
fn how_long_a_slow_one_may_take() {
    needs!("ssh", "ssh-keygen");
    let vault = Vault::new();
    vault.live.api.signs(|_| {
        thread::sleep(Duration::from_secs(30));
        Reply::detail(500, "too late")
    });
    vault.has("-1m:+5m");
    let ran = vault.live.asks("prime.train.node-1");
    assert!(ran.took < Duration::from_secs(15), "{:?}", ran.took);
    assert!(ran.stderr.contains("no new certificate"), "{}", ran.stderr);
    let again = vault.live.asks("prime.train.node-1");
    assert!(again.took < Duration::from_millis(2500) && again.stderr.is_empty(), "{again:?}");
    // One that failed in this second would count as one that was waited for.
    vault.live.wait(2);
    vault.has("-2h:-1h");
    let ran = vault.live.asks("prime.train.node-1");
    assert!(ran.took > Duration::from_secs(6), "{:?}", ran.took);
    assert!(ran.took < Duration::from_secs(25), "{:?}", ran.took);
    assert!(ran.stderr.contains("no new certificate"), "{}", ran.stderr);
}

#[test]
fn ssh_asks_for_none_for_a_cluster_of_a_file() {
    needs!("ssh", "ssh-keygen");
    let live = Live::serving(Api::serving([]).may_be_idle());
    let node = Node::control("pod0", "node-0", "127.0.0.1").port(nobody());
    let cluster = Cluster::new("clst01", "train").with("vaultEnabled", true).node(node);
    let file = live.sandbox.write("train.json", cluster.answer());
    // No key is named either: nobody makes a certificate for it.
    live.run(&["install", "--live", "--input", file.to_str().unwrap()]).succeeds();
    let told = live.asks("prime.train.node-0");
    assert_eq!((host_name(&told).as_str(), told.stderr.as_str()), ("127.0.0.1", ""));
    let told = live.run(&["check", "train"]).fails(6);
    assert!(told.contains("lets people in with a certificate only: there is none yet"), "{told}");
}
