//! Clusters that let people in with a short-lived certificate: asking for one, judging it,
//! keeping it, and logging in with it.

use std::fs;
use std::ops::Deref;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::support::ansible::{self, Ansible};
use crate::support::api::{Api, Reply};
use crate::support::authority::{Authority, answer, certificates_in, me};
use crate::support::cluster::{Cluster, Connection, Node};
use crate::support::mounts::Mounts;
use crate::support::process::{self, Ran};
use crate::support::remedy;
use crate::support::sandbox::{Program, Sandbox, TOKEN, copy_program};
use crate::support::snapshot::{Transcript, errors};
use crate::support::ssh;
use crate::support::sshd::Sshd;

/// A home folder with a key, and an API that signs it.
struct User {
    sandbox: Sandbox,
    key: PathBuf,
    authority: Authority,
    api: Api,
}

impl Deref for User {
    type Target = Sandbox;

    fn deref(&self) -> &Sandbox {
        &self.sandbox
    }
}

/// A cluster that takes a certificate only.
fn train() -> Cluster {
    let node = Node::control("pod0", "node-0", "203.0.113.10").user(&me());
    Cluster::new("clst01", "Train").with("vaultEnabled", true).node(node)
}

impl User {
    fn new() -> Self {
        let sandbox = Sandbox::new();
        let key = sandbox.ssh_key(".ssh/id_cluster");
        let authority = Authority::new(&sandbox);
        let mut user = Self { sandbox, key, authority, api: Api::serving([]).may_be_idle() };
        user.serve([train(), Cluster::new("clst02", "open")]);
        user
    }

    /// From now on these are the clusters.
    fn serve(&mut self, clusters: impl IntoIterator<Item = Cluster>) {
        self.api = Api::serving(clusters).may_be_idle();
        let signer = self.authority.clone();
        self.api.signs(move |request| signer.answer(request));
        self.logs_in();
    }

    /// Runs `prime login`.
    fn logs_in(&self) {
        let settings = json!({"ssh_key_path": self.key, "base_url": self.api.url()});
        self.prime_settings(&settings);
    }

    fn cert(&self, arguments: &[&str]) -> Program {
        self.prime_ssh([&["cert"], arguments].concat())
    }

    /// The only certificate in our folder.
    fn certificate(&self) -> PathBuf {
        let found = certificates_in(&self.path(".ssh/prime-ssh"));
        assert_eq!(found.len(), 1, "{found:?}");
        found[0].clone()
    }

    /// Puts a certificate there that is valid for so long.
    fn has(&self, validity: &str) {
        let authority = self.authority.signing(&["-n", &me(), "-V", validity]);
        let public_key = self.read(".ssh/id_cluster.pub");
        fs::write(self.certificate(), authority.certificate(&public_key)).unwrap();
    }
}

#[test]
fn a_certificate_is_asked_for_judged_and_kept() {
    needs!("ssh-keygen");
    let user = User::new();
    let ran = user.cert(&["train", "--ttl", "2h"]).run();
    snapshot!(ran.stderr, @"
    note: certificate for train: log in as [me] until [time] (in [time]) (key id tests)
    warning: the certificate is valid for [time], longer than the 2 h asked for
    ");
    assert_eq!(ran.succeeds(), "");
    let file = user.certificate();
    assert_eq!(file.file_name().unwrap(), "train-675b1ff5-cert.pub");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let folder = fs::metadata(file.parent().unwrap()).unwrap();
    assert_eq!(folder.permissions().mode() & 0o777, 0o700);
    let request = user.api.requests().pop().unwrap();
    let body: serde_json::Value = serde_json::from_str(&request.body).unwrap();
    let public_key = user.read(".ssh/id_cluster.pub");
    let (without_comment, _) = public_key.trim_end().rsplit_once(' ').unwrap();
    assert_eq!(body, json!({"publicKey": without_comment, "ttl": "2h"}));
    assert!(!ran_reads_private_key(&user), "the private key went to the API");

    user.cert(&["train"]).run().succeeds();
    assert_eq!(user.api.certificates(), 2, "plain `cert` asks anew");
}

fn ran_reads_private_key(user: &User) -> bool {
    let private = fs::read_to_string(&user.key).unwrap();
    let line = private.lines().nth(2).unwrap();
    user.api.requests().iter().any(|request| request.body.contains(line))
}

#[test]
fn ensure_asks_only_where_the_present_one_will_not_do() {
    needs!("ssh-keygen");
    let user = User::new();
    let ensure = |arguments: &[&str]| user.cert(&[&["--ensure"], arguments].concat()).run();
    ensure(&["clst01"]).succeeds();
    let asked = user.api.requests().len();
    for selector in ["clst01", "train", "Train"] {
        let ran = ensure(&[selector]);
        assert_eq!((ran.stderr.as_str(), ran.stdout.as_str()), ("", ""), "{selector}");
    }
    assert_eq!(user.api.requests().len(), asked, "nobody is asked");

    user.has("-1h:+5m");
    ensure(&["clst01", "--min-validity", "2m"]).succeeds();
    assert_eq!(user.api.certificates(), 1);
    ensure(&["clst01"]).succeeds();
    assert_eq!(user.api.certificates(), 2, "five minutes are fewer than ten");
    assert_eq!(user.api.requests().len(), asked + 1, "the file's name says the id");

    let other = user.ssh_key(".ssh/other");
    ensure(&["clst01", "--identity-file", other.to_str().unwrap()]).succeeds();
    assert_eq!(user.api.certificates(), 3, "it is for another key");
    fs::write(user.certificate(), "damaged").unwrap();
    ensure(&["clst01"]).succeeds();
    assert_eq!(user.api.certificates(), 4);
    user.has("-2h:-1h");
    let off = user.cert(&["clst01", "--ensure"]).env("PRIME_SSH_NO_REFRESH", "1");
    assert_eq!(off.run().succeeds(), "");
    assert_eq!(user.api.certificates(), 4);
}

#[test]
fn ensure_needs_no_token_while_the_certificate_is_good() {
    needs!("ssh-keygen");
    let user = User::new();
    user.cert(&["train"]).run().succeeds();
    fs::remove_file(user.path(".prime/config.json")).unwrap();
    let ensure = user.cert(&["train", "--ensure"]).env("PRIME_SSH_KEY_PATH", &user.key);
    assert_eq!(ensure.run().succeeds(), "");
    user.has("-2h:-1h");
    let ensure = user.cert(&["train", "--ensure"]).env("PRIME_SSH_KEY_PATH", &user.key);
    snapshot!(ensure.run().fails(2), @"error: no API token; run `prime login`, set PRIME_API_KEY, or give --token-file FILE; none is needed for --input FILE: a saved answer, or what someone else's `prime-ssh export` printed");
}

#[test]
fn of_many_at_once_one_asks() {
    needs!("ssh-keygen");
    let user = User::new();
    user.cert(&["train"]).run().succeeds();
    user.has("-2h:-1h");
    let signer = user.authority.clone();
    user.api.signs(move |request| {
        thread::sleep(Duration::from_millis(300));
        signer.answer(request)
    });
    let before = user.api.requests().len();
    let runs: Vec<Ran> = thread::scope(|scope| {
        let start = |_| scope.spawn(|| user.cert(&["clst01", "--ensure", "-q"]).run());
        let running: Vec<_> = (0..64).map(start).collect();
        running.into_iter().map(|run| run.join().unwrap()).collect()
    });
    for ran in runs {
        assert_eq!(ran.stderr, "");
        ran.succeeds();
    }
    assert_eq!(user.api.requests().len(), before + 1);
}

/// Many may wait for one certificate: each has what it wanted once it is there, and needs no turn.
#[test]
fn who_waits_for_a_renewal_needs_the_certificate_and_not_the_lock() {
    needs!("ssh-keygen");
    let user = User::new();
    user.cert(&["train"]).run().succeeds();
    let good = fs::read_to_string(user.certificate()).unwrap();
    user.has("-2h:-1h");
    let requests = user.api.requests().len();
    let held = fs::File::create(user.certificate().with_extension("lock")).unwrap();
    held.lock().unwrap();
    thread::scope(|scope| {
        let waiting = scope.spawn(|| user.cert(&["clst01", "--ensure", "-q"]).run());
        thread::sleep(Duration::from_millis(500));
        fs::write(user.certificate(), &good).unwrap();
        let ran = waiting.join().unwrap();
        assert_eq!(ran.stderr, "");
        ran.succeeds();
    });
    assert_eq!(user.api.requests().len(), requests);
}

#[test]
fn what_will_not_do_is_refused_and_the_old_one_stays() {
    needs!("ssh-keygen");
    let user = User::new();
    user.cert(&["train"]).run().succeeds();
    let old = fs::read_to_string(user.certificate()).unwrap();
    let key = user.read(".ssh/id_cluster.pub");
    user.ssh_key(".ssh/other");
    let other = user.read(".ssh/other.pub");
    let signed = |arguments: &[&str], key: &str| user.authority.signing(arguments).certificate(key);
    let me = me();
    let good = user.authority.certificate(&key);
    let mut told = Transcript::default();
    for (title, signed_key) in [
        ("another key", signed(&["-n", &me, "-V", "+8h"], &other)),
        ("a host's", signed(&["-h", "-n", &me, "-V", "+8h"], &key)),
        ("expired", signed(&["-n", &me, "-V", "-2h:-1h"], &key)),
        ("not yet valid", signed(&["-n", &me, "-V", "+5m:+1h"], &key)),
        ("no principal", signed(&["-V", "+8h"], &key)),
        ("for all time", signed(&["-n", &me], &key)),
        ("for too long", signed(&["-n", &me, "-V", "always:+30h"], &key)),
        ("a public key", key.clone()),
        ("two", format!("{good}{good}")),
        ("more lines", format!("{}\nHost *\n", good.trim_end())),
        ("garbage", "\u{1b}[2J garbage".to_owned()),
        ("too large", "x".repeat(10 << 20)),
        ("empty", String::new()),
        ("damaged", good.replace("AAAA", "AAAB")),
    ] {
        user.api.signs(move |_| answer(&signed_key));
        told.add(title, user.cert(&["train"]).run().fails(4));
        assert_eq!(fs::read_to_string(user.certificate()).unwrap(), old, "{title}");
    }
    snapshot!(told);
    user.api.signs(|_| Reply::new(200, r#"{"data": {"signedKey": 7}}"#));
    snapshot!(user.cert(&["train"]).run().fails(4), @"
    error: cannot get a certificate for cluster `clst01`: malformed answer: data.signedKey: not a string

    hint: check that `--api-url` names the Prime Intellect API
    ");
    user.api.signs(|_| Reply::new(200, r#"{"data": {"signedKey": null}}"#));
    let told = user.cert(&["train"]).run().fails(4);
    assert!(told.contains("malformed answer: data.signedKey: missing\n"), "{told}");
    user.api.signs(|_| Reply::new(200, r#"{"data": null}"#));
    snapshot!(user.cert(&["train"]).run().fails(4), @"
    error: cannot get a certificate for cluster `clst01`: malformed answer: `data` is empty: the API has nothing to tell

    hint: it may have just been terminated; try again, or give another id
    ");
    user.api.signs(|_| Reply::detail(403, "Insufficient permissions"));
    let told = user.cert(&["train", "--ensure"]).run();
    assert_eq!(told.succeeds(), "", "the old one still does");
    user.has("-2h:-1h");
    snapshot!(user.cert(&["train", "--ensure"]).run().fails(3), @"error: cannot get a certificate for cluster `clst01`: the token lacks the permission (403 Forbidden): Insufficient permissions; use a token with the admin-clusters permission");
}

#[test]
fn show_says_what_there_is() {
    needs!("ssh-keygen");
    let user = User::new();
    snapshot!(user.cert(&["train", "--show"]).run().fails(1), @"
    error: there is no certificate for train

    hint: `prime-ssh cert train` gets one, if the cluster takes one
    ");
    user.cert(&["train"]).run().succeeds();
    let asked = user.api.requests().len();
    let shown = user.cert(&["train", "--show"]).run().succeeds();
    let me = me();
    for line in [
        user.certificate().to_str().unwrap(),
        &format!("  principals        {me}"),
        "  key id            tests",
        "permit-pty",
        "(the identity's)",
        "(in 7 h 59 min)",
    ] {
        assert!(shown.contains(line), "{line} in {shown}");
    }
    user.has("-3h:-1h");
    let ran = user.cert(&["clst01", "--show"]).run();
    assert!(ran.stdout.contains("(1 h ago)"), "{}", ran.stdout);
    snapshot!(ran.fails(1), @"
    error: the certificate for clst01 lets nobody in: it expired 1 h ago

    hint: `prime-ssh cert clst01` gets a new one
    ");
    assert_eq!(user.api.requests().len(), asked, "nobody is asked");
}

#[test]
fn all_means_the_clusters_that_want_one() {
    needs!("ssh-keygen");
    let user = User::new();
    user.cert(&["--all"]).run().succeeds();
    assert_eq!(user.api.certificates(), 1);
    assert!(user.certificate().ends_with("train-675b1ff5-cert.pub"));
    snapshot!(user.cert(&["open"]).run().fails(4), @"
    error: open lets people in without a certificate

    hint: `ssh` works with your key
    ");
    let file = user.path("mine.pub");
    user.cert(&["train", "-o", file.to_str().unwrap()]).run().succeeds();
    assert!(fs::read_to_string(&file).unwrap().starts_with("ssh-ed25519-cert-v01@openssh.com "));
    // Again, but never over something else, such as the key itself.
    user.cert(&["train", "-o", file.to_str().unwrap()]).run().succeeds();
    let (key, asked) = (fs::read_to_string(&user.key).unwrap(), user.api.certificates());
    snapshot!(user.cert(&["train", "-o", user.key.to_str().unwrap()]).run().fails(1), @"
    error: [home]/.ssh/id_cluster is not a certificate: not replaced

    hint: choose another file, or remove this one first
    ");
    assert_eq!(fs::read_to_string(&user.key).unwrap(), key);
    assert_eq!(user.api.certificates(), asked, "none was asked for");
}

#[test]
fn several_certificates_are_asked_for_at_once_and_one_that_fails_stands_alone() {
    needs!("ssh-keygen");
    let mut user = User::new();
    let cluster = |at: usize| {
        let node = Node::control(&format!("pod{at}"), "node-0", "203.0.113.10").user(&me());
        let id = format!("c{at:02}");
        Cluster::new(&id, &format!("run {at}")).with("vaultEnabled", true).node(node)
    };
    user.serve((0..20).map(cluster));
    let signer = user.authority.clone();
    user.api.signs(move |request| {
        thread::sleep(Duration::from_millis(300));
        signer.answer(request)
    });
    user.api.replies_on(
        "/api/admin/clusters/c03/authorizations/certificate",
        Reply::detail(403, "not yours"),
    );
    snapshot!(errors(&user.cert(&["--all"]).run().fails(3)), @"
    error: cannot get a certificate for cluster `c03`: the token lacks the permission (403 Forbidden): not yours

    hint: use a token with the admin-clusters permission
    ");
    assert_eq!(certificates_in(&user.path(".ssh/prime-ssh")).len(), 19);
    assert_eq!(user.api.most_at_once(), 8);
}

#[test]
fn what_cannot_be_is_said_before_anybody_is_asked() {
    let (sandbox, mut told) = (Sandbox::new(), Transcript::default());
    let cert = |arguments: &[&str]| sandbox.prime_ssh([&["cert", "train"], arguments].concat());
    for arguments in [
        &["--ttl", "9h"][..],
        &["--ttl", "10m"],
        &["--ensure", "--min-validity", "8h"],
        &["other", "-o", "file"],
    ] {
        told.add(arguments.join(" "), cert(arguments).run().fails(2));
    }
    let missing = cert(&[]).env("PRIME_SSH_KEY_PATH", "~/.ssh/none");
    told.add("no key", missing.run().fails(1));
    snapshot!(told, @"
    --- --ttl 9h
    error: --ttl is 9 h, and the API grants at most 8 h

    --- --ttl 10m
    error: --ttl is 10 min, and must be more than --min-validity, 10 min

    --- --ensure --min-validity 8h
    error: --min-validity is 8 h, and the API grants at most 8 h

    --- other -o file
    error: --output is one file, and each cluster has a certificate of its own

    --- no key
    error: there is no key at [home]/.ssh/none

    hint: make a key with `ssh-keygen -t ed25519 -f [home]/.ssh/none`, or name the one you have: --identity-file, PRIME_SSH_KEY_PATH, or `prime config set-ssh-key-path`
    ");
}

/// ssh finds it there, so `cert` does; what `config` and `install` advise works without an option.
#[test]
fn without_a_setting_it_is_for_the_key_that_ssh_tries() {
    needs!("ssh-keygen", "root", "namespaces");
    let user = User::new();
    user.prime_settings(&json!({"ssh_key_path": null, "base_url": user.api.url()}));
    let (mounts, home, program) = (Mounts::new(), process::own_home(), user.path("prime-ssh"));
    fs::create_dir_all(user.path("home/.ssh")).unwrap();
    copy_program(&program);
    mounts.bind(&user.path("home"), &home);
    let run = |words: &[&str]| {
        let mut command = mounts.command(&program);
        command.args(words).arg("--ssh-dir").arg(user.path(".ssh"));
        process::run(command.env("HOME", user.home()), b"")
    };
    snapshot!(run(&["cert", "train"]).fails(2), @"
    error: a certificate is made for a key, and no setting names one

    hint: name yours: --identity-file, PRIME_SSH_KEY_PATH, or `prime config set-ssh-key-path`; `ssh-keygen -t ed25519` makes one
    ");
    let key = user.ssh_key("home/.ssh/id_ed25519");
    let warned = run(&["config", "train"]);
    assert!(warned.stderr.contains(" gets one"), "{}", warned.stderr);
    let told = run(&["cert", "train"]);
    let note = format!(
        "note: no setting names a key, so it is for {}, which ssh tries\n",
        home.join(".ssh/id_ed25519").display()
    );
    assert!(told.stderr.starts_with(&note), "{told:#?}");
    let body = user.api.requests().pop().unwrap().body;
    let public_key = fs::read_to_string(key.with_extension("pub")).unwrap();
    assert!(body.contains(public_key.split(' ').nth(1).unwrap()), "{body}");
    assert_eq!(run(&["config", "train"]).stderr, "");
    // What is named counts.
    run(&["cert", "train", "--identity-file", user.key.to_str().unwrap()]).succeeds();
    let body = user.api.requests().pop().unwrap().body;
    assert!(!body.contains(public_key.split(' ').nth(1).unwrap()), "{body}");
}

#[test]
fn a_fragment_names_the_certificate_and_says_when_there_is_none() {
    needs!("ssh-keygen");
    let user = User::new();
    let config =
        |arguments: &[&str]| user.prime_ssh([&["config", "train"], arguments].concat()).run();
    let ran = config(&[]);
    let file = user.path(".ssh/prime-ssh/train-675b1ff5-cert.pub");
    let line = format!("  CertificateFile {}\n", file.display());
    assert!(ran.stdout.contains(&line), "{}", ran.stdout);
    assert_eq!(
        ran.stderr,
        "warning: Train lets people in with a certificate only: there is none yet; \
         `prime-ssh cert clst01` gets one\n"
    );
    user.cert(&["clst01"]).run().succeeds();
    let after = config(&[]);
    assert_eq!((after.stderr.as_str(), &after.stdout), ("", &ran.stdout));
    user.has("-2h:-1h");
    assert!(config(&[]).stderr.contains("the present one is useless: it expired 1 h ago"));
    let other = user.ssh_key(".ssh/other");
    snapshot!(config(&["--identity-file", other.to_str().unwrap()]).stderr, @"warning: Train lets people in with a certificate only: the present one is useless: it is for the key SHA256:[key], not for SHA256:[key]; `prime-ssh cert clst01` gets one");

    let ran = config(&["--certificate-file", "~/mine.pub"]);
    assert_eq!(ran.stderr, "");
    assert!(ran.stdout.contains("  CertificateFile ~/mine.pub\n"));
    let open = user.prime_ssh(["config", "open", "--include-inactive"]).run();
    assert!(!open.stdout.contains("CertificateFile"));
}

/// An sshd that lets in whom the authority has signed a certificate for, and nobody else.
fn sshd(user: &User, node: &str, address: &str) -> Sshd {
    let keys = user.authority.public_key();
    let sshd = Sshd::of(&user.sandbox, node).at(address);
    sshd.option("TrustedUserCAKeys", keys.display()).start()
}

fn to(sshd: &Sshd) -> Connection {
    Connection::to(&sshd.address).with("port", sshd.port).with("user", me())
}

/// A user with a cluster of real sshds: a control node, and a worker behind it.
fn with_machines() -> (User, Sshd, Sshd) {
    let mut user = User::new();
    let control = sshd(&user, "node-0", "127.0.0.2");
    let worker = sshd(&user, "node-1", "127.0.0.3");
    let cluster = Cluster::new("clst01", "train")
        .with("vaultEnabled", true)
        .node(Node::new("pod0", "node-0").connection(to(&control).control()))
        .node(Node::new("pod1", "node-1").connection(to(&worker)));
    user.serve([cluster]);
    (user, control, worker)
}

#[test]
fn a_first_certificate_lets_in_through_the_jump() {
    needs!("sshd");
    let (user, _control, _worker) = with_machines();
    let fragment = user.path("fragment");
    let config = user.prime_ssh(["config", "train", "--jump", "always", "-o"]);
    let known = user.path("known_hosts");
    config.arg(&fragment).arg("--known-hosts").arg(known).run().succeeds();
    let refused = ssh::on(&fragment, "prime.train", "true").fails(255);
    assert!(refused.contains("Permission denied"), "{refused}");
    user.cert(&["train"]).run().succeeds();
    assert_eq!(ssh::node_at(&fragment, "prime.train"), "node-0");
    assert_eq!(ssh::node_at(&fragment, "prime.train.node-1"), "node-1");
    user.has("-2h:-1h");
    ssh::on(&fragment, "prime.train", "true").fails(255);
}

impl User {
    fn installs(&self, arguments: &[&str]) -> Program {
        let install = self.prime_ssh([&["install", "clst01"], arguments].concat());
        install.arg("--ssh-dir").arg(self.path(".ssh"))
    }

    /// ssh with the installed configuration, in this home folder.
    fn ssh(&self, arguments: &[&str]) -> Command {
        let mut ssh = ssh::ssh(&self.path(".ssh/config"));
        ssh.env("HOME", self.home()).args(arguments);
        ssh
    }

    fn node_at(&self, alias: &str) -> Ran {
        process::run(&mut self.ssh(&[alias, "echo $PRIME_NODE"]), b"")
    }
}

#[test]
fn ssh_renews_by_itself_through_the_jump() {
    needs!("sshd");
    let (user, control, worker) = with_machines();
    let told = user.installs(&["--live", "--jump", "always"]).run();
    snapshot!(told.stderr, @"
    note: [home]/.ssh/config has a new first line: Include [home]/.ssh/prime-ssh/config
    prime.train  added: 2 hosts
    connect with: ssh -F [home]/.ssh/config prime.train
    note: certificate for clst01: log in as [me] until [time] (in [time]) (key id tests)
    ");
    told.succeeds();
    assert_eq!(user.api.certificates(), 1);
    assert_eq!(user.node_at("prime.train").succeeds(), "node-0\n");
    assert_eq!(user.node_at("prime.train.node-1").succeeds(), "node-1\n");
    assert_eq!(user.api.certificates(), 1);

    let sync = user.prime_ssh(["sync", "--check", "--ssh-dir"]);
    sync.arg(user.path(".ssh")).run().succeeds();
    for alias in ["prime.train.node-1", "prime.train"] {
        user.has("-2h:-1h");
        let asked = user.api.requests().len();
        let ran = user.node_at(alias);
        assert_eq!(ran.stderr, "");
        ran.succeeds();
        let requests = user.api.requests().split_off(asked);
        let paths: Vec<_> = requests.iter().map(|request| request.path.as_str()).collect();
        assert_eq!(paths, ["/api/admin/clusters/clst01/authorizations/certificate"], "{alias}");
    }
    drop((control, worker));
}

#[test]
fn of_64_ssh_at_once_one_asks() {
    needs!("sshd");
    let (user, _control, _worker) = with_machines();
    user.installs(&["--live", "--jump", "never"]).run().succeeds();
    user.has("-2h:-1h");
    let asked = user.api.requests().len();
    let signer = user.authority.clone();
    user.api.signs(move |request| {
        thread::sleep(Duration::from_millis(300));
        signer.answer(request)
    });
    let runs: Vec<Ran> = thread::scope(|scope| {
        let start = |at| {
            let alias = if at % 2 == 0 { "prime.train.node-0" } else { "prime.train.node-1" };
            scope.spawn(|| user.node_at(alias))
        };
        let running: Vec<_> = (0..64).map(start).collect();
        running.into_iter().map(|run| run.join().unwrap()).collect()
    });
    for ran in runs {
        assert!(ran.succeeds().starts_with("node-"));
    }
    assert_eq!(user.api.requests().len(), asked + 1);
}

#[test]
fn a_renewal_that_fails_is_one_line_and_ssh_goes_on() {
    needs!("sshd");
    let (user, _control, _worker) = with_machines();
    user.installs(&["--live"]).run().succeeds();
    user.has("-2h:-1h");
    user.api.signs(|_| Reply::detail(403, "Insufficient permissions"));
    let ran = user.node_at("prime.train");
    assert!(ran.took < Duration::from_secs(30), "{ran:#?}");
    let told = ran.fails(255);
    let (ours, ssh_own) = told.split_once('\n').unwrap();
    assert!(ours.starts_with("warning: ") && ours.contains("403"), "{told}");
    assert!(ssh_own.contains("Permission denied (publickey)"), "{told}");

    let mut quiet = user.ssh(&["-G", "prime.train"]);
    process::run(quiet.env("PRIME_SSH_NO_REFRESH", "1"), b"").succeeds();
    user.installs(&["--live", "--check"]).run().succeeds();
    assert_eq!(user.api.certificates(), 2, "reading asks for nothing");
}

#[test]
fn nothing_takes_longer_than_ten_seconds() {
    needs!("ssh-keygen");
    let user = User::new();
    user.cert(&["train"]).run().succeeds();
    user.has("-2h:-1h");
    let lock = fs::File::create(user.certificate().with_extension("lock")).unwrap();
    lock.lock().unwrap();
    let ran = user.cert(&["clst01", "--ensure"]).run();
    assert!(ran.took < Duration::from_secs(30), "{ran:#?}");
    snapshot!(ran.fails(1), @"error: cannot lock [home]/.ssh/prime-ssh/train-675b1ff5-cert.lock: another run of prime-ssh has held it for 10 seconds; try again when it has ended");
    drop(lock);

    user.api.signs(|_| {
        thread::sleep(Duration::from_secs(60));
        Reply::detail(500, "too late")
    });
    let ran = user.cert(&["clst01", "--ensure"]).run();
    assert!(ran.took < Duration::from_secs(30), "{ran:#?}");
    // The limit of the call or that of the whole, whichever comes first.
    let told = ran.fails(3);
    assert!(told.contains(" within 10") && told.lines().count() == 1, "{told}");
}

#[test]
fn a_link_in_the_place_of_ours_is_refused() {
    needs!("ssh-keygen");
    let user = User::new();
    user.cert(&["train"]).run().succeeds();
    let treasure = user.write("treasure", "gold");
    fs::remove_file(user.certificate()).unwrap();
    let place = user.path(".ssh/prime-ssh/train-675b1ff5-cert.pub");
    std::os::unix::fs::symlink(&treasure, &place).unwrap();
    snapshot!(user.cert(&["train"]).run().fails(5), @"error: cannot read [home]/.ssh/prime-ssh/train-675b1ff5-cert.pub: it is a link, not a regular file; move it out of the way");
    assert_eq!(fs::read_to_string(treasure).unwrap(), "gold");
}

/// Nobody is asked for a certificate that could not be written.
#[test]
fn a_file_to_write_to_is_one() {
    needs!("ssh-keygen");
    let user = User::new();
    let mut told = Transcript::default();
    for (title, code, arguments) in [
        ("stdin or stdout elsewhere", 2, &["-o", "-"][..]),
        ("the same, and looked at", 2, &["-o", "-", "--show"]),
        ("a device", 1, &["-o", "/dev/full"]),
        ("a folder", 1, &["-o", ".ssh"]),
    ] {
        told.add(title, user.cert(&["train"]).args(arguments).run().fails(code));
    }
    snapshot!(told, @"
    --- stdin or stdout elsewhere
    error: `-o -` would write to a file called `-`

    hint: leave out `-o` to save it where ssh finds it; `./-` is that file

    --- the same, and looked at
    error: `-o -` would write to a file called `-`

    hint: leave out `-o` to save it where ssh finds it; `./-` is that file

    --- a device
    error: cannot write /dev/full: it is a device, not a file; give another path

    --- a folder
    error: cannot write .ssh: it is a folder, not a file; give another path
    ");
    let requests = user.api.requests();
    assert!(requests.iter().all(|request| request.body.is_empty()), "{requests:#?}");
    assert!(!user.path("-").exists());
    user.cert(&["train", "-o", "./-"]).run().succeeds();
    assert!(user.read("-").starts_with("ssh-ed25519-cert-v01@openssh.com "));
}

#[test]
fn paths_with_spaces_work() {
    needs!("sshd");
    let (user, _control, _worker) = with_machines();
    let folder = user.path("my folder");
    fs::create_dir(&folder).unwrap();
    // A link, as package managers make: what is behind it changes with the next version.
    let program = folder.join("prime-ssh");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_prime-ssh"), &program).unwrap();
    let key = user.ssh_key("my folder/id key");
    let ssh_folder = folder.join(".ssh dir");
    let mut install = process::command("prime-ssh");
    install.args(["install", "train", "--live", "--identity-file"]).arg(&key);
    install.arg("--ssh-dir").arg(&ssh_folder).env("HOME", user.home());
    let system = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(folder.clone()).chain(std::env::split_paths(&system));
    install.env("PATH", std::env::join_paths(folders).unwrap());
    process::run(&mut install, b"").succeeds();
    let look = fs::read_to_string(ssh_folder.join("prime-ssh/look-1")).unwrap();
    let command = format!("exec \"'{}' sync --quiet", program.display());
    assert!(look.contains(&command), "{look}");
    let certificate = certificates_in(&ssh_folder.join("prime-ssh")).pop().unwrap();
    fs::write(&certificate, "gone").unwrap();
    let mut ssh = ssh::ssh(&ssh_folder.join("config"));
    ssh.env("HOME", user.home()).args(["prime.train", "echo $PRIME_NODE"]);
    assert_eq!(process::run(&mut ssh, b"").succeeds(), "node-0\n");
}

#[test]
fn an_installed_clusters_certificate_has_its_name() {
    needs!("ssh-keygen");
    let user = User::new();
    let told = user.installs(&["--as", "mine"]).run();
    snapshot!(told.stderr, @"
    warning: Train lets people in with a certificate only: there is none yet; `prime-ssh cert --ssh-dir [home]/.ssh clst01` gets one
    note: [home]/.ssh/config has a new first line: Include [home]/.ssh/prime-ssh/config
    prime.mine  added: 1 host
    connect with: ssh -F [home]/.ssh/config prime.mine
    ");
    told.succeeds();
    user.cert(&["clst01"]).run().succeeds();
    assert_eq!(user.certificate().file_name().unwrap(), "mine-675b1ff5-cert.pub");
    let fragment = user.read(".ssh/prime-ssh/mine-675b1ff5.conf");
    let line = format!("CertificateFile {}", user.certificate().display());
    assert!(fragment.contains(&line), "{fragment}");
    let told = user.installs(&["--as", "yours"]).run();
    assert_eq!(told.stderr.matches("warning").count(), 0, "{}", told.stderr);
    told.succeeds();
    assert_eq!(user.certificate().file_name().unwrap(), "yours-675b1ff5-cert.pub");
}

#[test]
fn installs_and_renewals_do_not_wait_for_each_other() {
    needs!("ssh-keygen");
    let user = User::new();
    user.installs(&["--live"]).run().succeeds();
    user.has("-2h:-1h");
    let signer = user.authority.clone();
    user.api.signs(move |request| {
        thread::sleep(Duration::from_secs(2));
        signer.answer(request)
    });
    thread::scope(|scope| {
        let renewal = scope.spawn(|| user.cert(&["clst01", "--ensure"]).run());
        process::until("the renewal to ask", || user.api.certificates() == 2);
        let install = user.installs(&["--live", "--user", "somebody"]).run();
        install.succeeds();
        renewal.join().unwrap().succeeds();
    });
    assert_eq!(user.api.certificates(), 2, "the install takes the certificate of the renewal");
    let uninstall = user.prime_ssh(["uninstall", "--all", "--ssh-dir"]);
    uninstall.arg(user.path(".ssh")).run().succeeds();
    assert!(!user.path(".ssh/prime-ssh").exists());
}

#[test]
fn live_is_refused_where_it_could_not_work_or_would_not_be_safe() {
    needs!("ssh-keygen");
    let user = User::new();
    let refused = |program: Program| {
        let told = program.run().fails(5);
        assert!(!user.path(".ssh/prime-ssh/config").exists());
        told
    };
    let settings = json!({"ssh_key_path": user.key, "base_url": user.api.url(), "api_key": ""});
    user.prime_settings(&settings);
    let from_shell = user.installs(&["--live"]).env("PRIME_API_KEY", TOKEN);
    snapshot!(refused(from_shell), @"
    clst01  not installed
    error: --live is not possible for prime.train: the API token is only in PRIME_API_KEY, which programs outside this shell do not see

    hint: run `prime login`, or give --token-file FILE
    ");
    user.logs_in();
    snapshot!(refused(user.installs(&["--live", "--identity-file", "none"])), @"
    clst01  not installed
    error: --live is not possible for prime.train: a certificate is made for a key, and no setting names one

    hint: name yours: --identity-file, or `prime config set-ssh-key-path`
    ");

    let program = user.path("prime-ssh");
    copy_program(&program);
    fs::set_permissions(&program, fs::Permissions::from_mode(0o757)).unwrap();
    let mut install = process::command(&program);
    install.args(["install", "clst01", "--live", "--ssh-dir"]).arg(user.path(".ssh"));
    snapshot!(process::run(install.env("HOME", user.home()), b"").fails(5), @"
    clst01  not installed
    error: others can write to [home]/prime-ssh, and ssh would run what they put there

    hint: `chmod go-w [home]/prime-ssh`
    ");
}

/// A mode helps only with what is one's own: where the folder above the program belongs to somebody
/// else, the program must stand elsewhere.
#[test]
fn live_with_a_program_in_the_folder_of_another_user() {
    needs!("ssh-keygen", "ssh", "root");
    let user = User::new();
    let theirs = user.path("their tools");
    fs::create_dir_all(theirs.join("bin")).unwrap();
    let program = theirs.join("bin/prime-ssh");
    copy_program(&program);
    std::os::unix::fs::chown(&theirs, Some(65534), Some(65534)).unwrap();
    let install = |program: &Path| {
        let mut install = process::command(program);
        install.args(["install", "clst01", "--live", "--ssh-dir"]).arg(user.path(".ssh"));
        process::run(install.env("HOME", user.home()), b"")
    };
    let told = install(&program).fails(5);
    snapshot!(told, @"
    clst01  not installed
    error: '[home]/their tools' belongs to user 65534, and ssh would run what they put there

    hint: run prime-ssh from a folder that, like each folder above it, belongs to you or root; this copies it to one: `mkdir -p ~/.local/bin && cp '[home]/their tools/bin/prime-ssh' ~/.local/bin/prime-ssh`
    ");
    let commands = remedy::commands(&told);
    process::run(&mut remedy::shell(user.home(), &commands[0]), b"").succeeds();
    install(&user.path(".local/bin/prime-ssh")).succeeds();

    // Where there is one already, nobody can say what it is good for.
    let told = install(&program).fails(5);
    snapshot!(told, @"
    prime.train  left as it is
    error: '[home]/their tools' belongs to user 65534, and ssh would run what they put there

    hint: run prime-ssh from a folder that, like each folder above it, belongs to you or root
    ");
}

/// All that is one's own is closed by one command.
#[test]
fn live_with_a_program_in_folders_that_others_may_write() {
    needs!("ssh-keygen", "ssh");
    let user = User::new();
    let folder = user.path("my tools");
    fs::create_dir_all(folder.join("bin")).unwrap();
    let program = folder.join("bin/prime-ssh");
    copy_program(&program);
    for open in [&program, &folder] {
        fs::set_permissions(open, fs::Permissions::from_mode(0o777)).unwrap();
    }
    let install = || {
        let mut install = process::command(&program);
        install.args(["install", "clst01", "--live", "--ssh-dir"]).arg(user.path(".ssh"));
        process::run(install.env("HOME", user.home()), b"")
    };
    let told = install().fails(5);
    snapshot!(told, @"
    clst01  not installed
    error: others can write to '[home]/my tools/bin/prime-ssh', and ssh would run what they put there

    hint: `chmod go-w '[home]/my tools/bin/prime-ssh' '[home]/my tools'`
    ");
    process::run(&mut remedy::shell(user.home(), &remedy::commands(&told)[0]), b"").succeeds();
    install().succeeds();
}

/// `ansible all -m ping`, with the surroundings of a test.
fn ping(user: &User, ansible: &Ansible, inventory: &Path) -> Ran {
    let mut command = ansible.command(&user.sandbox, "ansible");
    command
        .env("PRIME_SSH_CLUSTERS", "train")
        .env("PRIME_SSH_JUMP", "always")
        .env("PRIME_SSH_KNOWN_HOSTS", user.path("known_hosts"))
        .env("ANSIBLE_INVENTORY_UNPARSED_FAILED", "1")
        // A connection of before would need no certificate.
        .env("ANSIBLE_SSH_ARGS", "-o ControlMaster=no")
        .args(["all", "-m", "ping", "-i"])
        .arg(inventory);
    process::run(&mut command, b"")
}

#[track_caller]
fn assert_pongs(ran: Ran) {
    assert_eq!(ran.stderr, "");
    let text = ran.succeeds();
    assert_eq!(text.matches("\"ping\": \"pong\"").count(), 2, "{text}");
}

#[test]
fn ansible_reaches_the_machines_by_certificate() {
    needs!("sshd", "ansible");
    let (user, _control, _worker) = with_machines();
    let ansible = ansible::newest();
    let file = user.path("hosts.yml");
    let inventory = user.prime_ssh(["inventory", "train", "--jump", "always", "-o"]);
    let known = user.path("known_hosts");
    let told = inventory.arg(&file).arg("--known-hosts").arg(known).run();
    snapshot!(told.stderr, @"warning: train lets people in with a certificate only: there is none yet; `prime-ssh cert clst01` gets one");
    told.succeeds();
    user.cert(&["train"]).run().succeeds();
    assert_pongs(ping(&user, &ansible, &file));

    user.has("-2h:-1h");
    let program = Path::new(env!("CARGO_BIN_EXE_prime-ssh"));
    let asked = user.api.certificates();
    assert_pongs(ping(&user, &ansible, program));
    assert_eq!(user.api.certificates(), asked + 1, "it is renewed before the answer");
    assert_pongs(ping(&user, &ansible, program));
    assert_eq!(user.api.certificates(), asked + 1);
}

#[test]
fn a_live_inventory_without_a_certificate_is_a_failure() {
    needs!("ssh-keygen");
    let user = User::new();
    user.cert(&["train"]).run().succeeds();
    user.api.signs(|_| Reply::detail(403, "Insufficient permissions"));
    let list = |arguments: &[&str]| {
        user.prime_ssh([&["inventory", "train", "--list"], arguments].concat()).run()
    };
    user.has("-1h:+5m");
    let ran = list(&[]);
    assert_eq!(ran.stderr, "", "Ansible would show it as an error");
    assert!(ran.succeeds().contains("_meta"), "it still lets people in for five minutes");
    user.has("-2h:-1h");
    let ran = list(&[]);
    assert_eq!(ran.stdout, "");
    snapshot!(ran.fails(3), @"error: cannot get a certificate for cluster `clst01`: the token lacks the permission (403 Forbidden): Insufficient permissions; use a token with the admin-clusters permission");
    let file = user.write("answer.json", train().answer());
    let offline = ["inventory", "--list", "--input", file.to_str().unwrap()];
    let ran = user.prime_ssh(offline).run();
    assert!(ran.succeeds().contains("_meta"), "a saved answer asks nobody");
}
