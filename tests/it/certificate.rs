//! Clusters that let people in with a short-lived certificate: asking for one, judging it,
//! keeping it, and logging in with it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::support::ansible::{self, Ansible};
use crate::support::api::{Api, Reply};
use crate::support::authority::{Authority, answer, certificates_in, me};
use crate::support::cluster::{Cluster, Connection, Node};
use crate::support::process::{self, Ran};
use crate::support::sandbox::{Program, Sandbox, TOKEN, copy_program};
use crate::support::ssh;
use crate::support::sshd::Sshd;

/// A home folder with a key, and an API that signs it.
struct Person {
    sandbox: Sandbox,
    key: PathBuf,
    authority: Authority,
    api: Api,
}

/// A cluster that takes a certificate only.
fn train() -> Cluster {
    let node = Node::control("pod0", "node-0", "203.0.113.10").user(&me());
    Cluster::new("clst01", "Train").with("vaultEnabled", true).node(node)
}

impl Person {
    fn new() -> Self {
        let sandbox = Sandbox::new();
        let key = sandbox.ssh_key(".ssh/id_cluster");
        let authority = Authority::new(&sandbox);
        let mut person = Self { sandbox, key, authority, api: Api::serving([]).may_be_idle() };
        person.serve([train(), Cluster::new("clst02", "open")]);
        person
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
        self.sandbox.prime_settings(&settings);
    }

    fn cert(&self, arguments: &[&str]) -> Program {
        self.sandbox.prime_ssh([&["cert"], arguments].concat())
    }

    /// The only certificate in our folder.
    fn certificate(&self) -> PathBuf {
        let found = certificates_in(&self.sandbox.path(".ssh/prime-ssh"));
        assert_eq!(found.len(), 1, "{found:?}");
        found[0].clone()
    }

    /// Puts a certificate there that is valid for so long.
    fn has(&self, validity: &str) {
        let authority = self.authority.signing(&["-n", &me(), "-V", validity]);
        let public_key = self.sandbox.read(".ssh/id_cluster.pub");
        fs::write(self.certificate(), authority.certificate(&public_key)).unwrap();
    }
}

#[test]
fn a_certificate_is_asked_for_judged_and_kept() {
    needs!("ssh-keygen");
    use std::os::unix::fs::PermissionsExt;

    let person = Person::new();
    let ran = person.cert(&["train", "--ttl", "2h"]).run();
    let me = me();
    assert!(ran.stderr.contains(&format!("note: certificate for train: log in as {me} until ")));
    assert!(ran.stderr.contains("(in 7 h 59 min) (key id tests)\n"), "{}", ran.stderr);
    assert!(ran.stderr.contains("valid for 7 h 59 min, longer than the 2 h asked for"));
    assert_eq!(ran.succeeds(), "");
    let file = person.certificate();
    assert_eq!(file.file_name().unwrap(), "train-675b1ff5-cert.pub");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let folder = fs::metadata(file.parent().unwrap()).unwrap();
    assert_eq!(folder.permissions().mode() & 0o777, 0o700);
    let request = person.api.requests().pop().unwrap();
    let body: serde_json::Value = serde_json::from_str(&request.body).unwrap();
    let public_key = person.sandbox.read(".ssh/id_cluster.pub");
    let (without_comment, _) = public_key.trim_end().rsplit_once(' ').unwrap();
    assert_eq!(body, json!({"publicKey": without_comment, "ttl": "2h"}));
    assert!(!ran_reads_private_key(&person), "the private key went to the API");

    person.cert(&["train"]).run().succeeds();
    assert_eq!(person.api.certificates(), 2, "plain `cert` asks anew");
}

fn ran_reads_private_key(person: &Person) -> bool {
    let private = fs::read_to_string(&person.key).unwrap();
    let line = private.lines().nth(2).unwrap();
    person.api.requests().iter().any(|request| request.body.contains(line))
}

#[test]
fn ensure_asks_only_where_the_present_one_will_not_do() {
    needs!("ssh-keygen");
    let person = Person::new();
    let ensure = |arguments: &[&str]| person.cert(&[&["--ensure"], arguments].concat()).run();
    ensure(&["clst01"]).succeeds();
    let asked = person.api.requests().len();
    for selector in ["clst01", "train", "Train"] {
        let ran = ensure(&[selector]);
        assert_eq!((ran.stderr.as_str(), ran.stdout.as_str()), ("", ""), "{selector}");
    }
    assert_eq!(person.api.requests().len(), asked, "nobody is asked");

    person.has("-1h:+5m");
    ensure(&["clst01", "--min-validity", "2m"]).succeeds();
    assert_eq!(person.api.certificates(), 1);
    ensure(&["clst01"]).succeeds();
    assert_eq!(person.api.certificates(), 2, "five minutes are fewer than ten");
    assert_eq!(person.api.requests().len(), asked + 1, "the file's name says the id");

    let other = person.sandbox.ssh_key(".ssh/other");
    ensure(&["clst01", "--identity-file", other.to_str().unwrap()]).succeeds();
    assert_eq!(person.api.certificates(), 3, "it is for another key");
    fs::write(person.certificate(), "damaged").unwrap();
    ensure(&["clst01"]).succeeds();
    assert_eq!(person.api.certificates(), 4);
    person.has("-2h:-1h");
    let off = person.cert(&["clst01", "--ensure"]).env("PRIME_SSH_NO_REFRESH", "1");
    assert_eq!(off.run().succeeds(), "");
    assert_eq!(person.api.certificates(), 4);
}

#[test]
fn ensure_needs_no_token_while_the_certificate_is_good() {
    needs!("ssh-keygen");
    let person = Person::new();
    person.cert(&["train"]).run().succeeds();
    fs::remove_file(person.sandbox.path(".prime/config.json")).unwrap();
    let ensure = person.cert(&["train", "--ensure"]).env("PRIME_SSH_KEY_PATH", &person.key);
    assert_eq!(ensure.run().succeeds(), "");
    person.has("-2h:-1h");
    let ensure = person.cert(&["train", "--ensure"]).env("PRIME_SSH_KEY_PATH", &person.key);
    let told = ensure.run().fails(2);
    assert!(told.starts_with("error: no API token"), "{told}");
}

#[test]
fn of_many_at_once_one_asks() {
    needs!("ssh-keygen");
    let person = Person::new();
    person.cert(&["train"]).run().succeeds();
    person.has("-2h:-1h");
    let signer = person.authority.clone();
    person.api.signs(move |request| {
        thread::sleep(Duration::from_millis(300));
        signer.answer(request)
    });
    let before = person.api.requests().len();
    let runs: Vec<Ran> = thread::scope(|scope| {
        let start = |_| scope.spawn(|| person.cert(&["clst01", "--ensure", "-q"]).run());
        let running: Vec<_> = (0..64).map(start).collect();
        running.into_iter().map(|run| run.join().unwrap()).collect()
    });
    for ran in runs {
        assert_eq!(ran.stderr, "");
        ran.succeeds();
    }
    assert_eq!(person.api.requests().len(), before + 1);
}

#[test]
fn what_will_not_do_is_refused_and_the_old_one_stays() {
    needs!("ssh-keygen");
    let person = Person::new();
    person.cert(&["train"]).run().succeeds();
    let old = fs::read_to_string(person.certificate()).unwrap();
    let key = person.sandbox.read(".ssh/id_cluster.pub");
    person.sandbox.ssh_key(".ssh/other");
    let other = person.sandbox.read(".ssh/other.pub");
    let signed =
        |arguments: &[&str], key: &str| person.authority.signing(arguments).certificate(key);
    let me = me();
    let good = person.authority.certificate(&key);
    for (signed_key, told) in [
        (signed(&["-n", &me, "-V", "+8h"], &other), "it is for the key SHA256:"),
        (signed(&["-h", "-n", &me, "-V", "+8h"], &key), "it is for a host, not for a user"),
        (signed(&["-n", &me, "-V", "-2h:-1h"], &key), "it expired 1 h ago"),
        (signed(&["-n", &me, "-V", "+5m:+1h"], &key), "is this machine's clock slow?"),
        (signed(&["-V", "+8h"], &key), "it names no principal"),
        (signed(&["-n", &me], &key), "it never expires; at most 24 h are accepted"),
        (signed(&["-n", &me, "-V", "always:+30h"], &key), "; at most 24 h are accepted"),
        (key.clone(), "it is a public key that nobody signed"),
        (format!("{good}{good}"), "it is more than one line"),
        (format!("{}\nHost *\n", good.trim_end()), "it is more than one line"),
        ("\u{1b}[2J garbage".to_owned(), "it is not a line of a kind and a certificate"),
        ("x".repeat(10 << 20), "it is 10485760 bytes long"),
        (String::new(), "it is empty"),
        (good.replace("AAAA", "AAAB"), "it is damaged at its kind"),
    ] {
        person.api.signs(move |_| answer(&signed_key));
        let stderr = person.cert(&["train"]).run().fails(4);
        let start = "error: the API's certificate for cluster `clst01` is refused: ";
        assert!(stderr.starts_with(start) && stderr.contains(told), "{stderr}");
        assert!(!stderr.contains('\u{1b}') && stderr.lines().count() == 1, "{stderr:?}");
        assert_eq!(fs::read_to_string(person.certificate()).unwrap(), old, "{told}");
    }
    person.api.signs(|_| Reply::new(200, r#"{"data": {"signedKey": 7}}"#));
    let told = person.cert(&["train"]).run().fails(4);
    assert!(told.contains("data.signedKey: not a string"), "{told}");
    person.api.signs(|_| Reply::new(200, r#"{"data": null}"#));
    let told = person.cert(&["train"]).run().fails(4);
    assert!(told.contains("`data` is null"), "{told}");
    person.api.signs(|_| Reply::detail(403, "Insufficient permissions"));
    let told = person.cert(&["train", "--ensure"]).run();
    assert_eq!(told.succeeds(), "", "the old one still does");
    person.has("-2h:-1h");
    let told = person.cert(&["train", "--ensure"]).run().fails(3);
    assert!(told.contains("403") && told.lines().count() == 1, "{told}");
    assert!(!told.contains("--input"), "no saved answer is a certificate: {told}");
}

#[test]
fn show_says_what_there_is() {
    needs!("ssh-keygen");
    let person = Person::new();
    let told = person.cert(&["train", "--show"]).run().fails(1);
    assert!(told.contains("there is no certificate for train"), "{told}");
    assert!(told.contains("hint: `prime-ssh cert train` gets one, if"), "{told}");
    person.cert(&["train"]).run().succeeds();
    let asked = person.api.requests().len();
    let shown = person.cert(&["train", "--show"]).run().succeeds();
    let me = me();
    for line in [
        person.certificate().to_str().unwrap(),
        &format!("  principals        {me}"),
        "  key id            tests",
        "permit-pty",
        "(the identity's)",
        "(in 7 h 59 min)",
    ] {
        assert!(shown.contains(line), "{line} in {shown}");
    }
    person.has("-3h:-1h");
    let ran = person.cert(&["clst01", "--show"]).run();
    assert!(ran.stdout.contains("(1 h ago)"), "{}", ran.stdout);
    let told = ran.fails(1);
    assert!(told.contains("lets nobody in: it expired 1 h ago"), "{told}");
    assert_eq!(person.api.requests().len(), asked, "nobody is asked");
}

#[test]
fn all_means_the_clusters_that_want_one() {
    needs!("ssh-keygen");
    let person = Person::new();
    person.cert(&["--all"]).run().succeeds();
    assert_eq!(person.api.certificates(), 1);
    assert!(person.certificate().ends_with("train-675b1ff5-cert.pub"));
    let told = person.cert(&["open"]).run().fails(4);
    assert!(told.contains("open lets people in without a certificate"), "{told}");
    let file = person.sandbox.path("mine.pub");
    person.cert(&["train", "-o", file.to_str().unwrap()]).run().succeeds();
    assert!(fs::read_to_string(&file).unwrap().starts_with("ssh-ed25519-cert-v01@openssh.com "));
    // Again, but never over something else, such as the key itself.
    person.cert(&["train", "-o", file.to_str().unwrap()]).run().succeeds();
    let (key, asked) = (fs::read_to_string(&person.key).unwrap(), person.api.certificates());
    let told = person.cert(&["train", "-o", person.key.to_str().unwrap()]).run().fails(1);
    assert!(told.contains("id_cluster is not a certificate: not replaced"), "{told}");
    assert_eq!(fs::read_to_string(&person.key).unwrap(), key);
    assert_eq!(person.api.certificates(), asked, "none was asked for");
}

#[test]
fn several_certificates_are_asked_for_at_once_and_one_that_fails_stands_alone() {
    needs!("ssh-keygen");
    let mut person = Person::new();
    let cluster = |at: usize| {
        let node = Node::control(&format!("pod{at}"), "node-0", "203.0.113.10").user(&me());
        let id = format!("c{at:02}");
        Cluster::new(&id, &format!("run {at}")).with("vaultEnabled", true).node(node)
    };
    person.serve((0..20).map(cluster));
    let signer = person.authority.clone();
    person.api.signs(move |request| {
        thread::sleep(Duration::from_millis(300));
        signer.answer(request)
    });
    person.api.replies_on(
        "/api/admin/clusters/c03/authorizations/certificate",
        Reply::detail(403, "not yours"),
    );
    let told = person.cert(&["--all"]).run().fails(3);
    assert!(told.contains("not yours"), "{told}");
    assert_eq!(certificates_in(&person.sandbox.path(".ssh/prime-ssh")).len(), 19);
    assert_eq!(person.api.most_at_once(), 8);
}

#[test]
fn what_cannot_be_is_said_before_anybody_is_asked() {
    let sandbox = Sandbox::new();
    let cert = |arguments: &[&str]| sandbox.prime_ssh([&["cert", "train"], arguments].concat());
    for (arguments, told) in [
        (&["--ttl", "9h"][..], "--ttl is 9 h, and the API grants at most 8 h"),
        (&["--ttl", "10m"], "--ttl is 10 min, and must be more than --min-validity, 10 min"),
        (
            &["--ensure", "--min-validity", "8h"],
            "--min-validity is 8 h, and the API grants at most 8 h",
        ),
        (&["other", "-o", "file"], "--output is one file"),
        (&[], "no setting names one"),
    ] {
        let stderr = cert(arguments).run().fails(2);
        assert!(stderr.contains(told), "{stderr}");
    }
    let missing = cert(&[]).env("PRIME_SSH_KEY_PATH", "~/.ssh/none").run().fails(1);
    assert!(missing.contains("there is no key at"), "{missing}");
    assert!(missing.contains("ssh-keygen -t ed25519 -f"), "{missing}");
}

#[test]
fn a_fragment_names_the_certificate_and_says_when_there_is_none() {
    needs!("ssh-keygen");
    let person = Person::new();
    let config = |arguments: &[&str]| {
        person.sandbox.prime_ssh([&["config", "train"], arguments].concat()).run()
    };
    let ran = config(&[]);
    let file = person.sandbox.path(".ssh/prime-ssh/train-675b1ff5-cert.pub");
    let line = format!("  CertificateFile {}\n", file.display());
    assert!(ran.stdout.contains(&line), "{}", ran.stdout);
    assert_eq!(
        ran.stderr,
        "warning: Train lets people in with a certificate only: there is none yet; \
         `prime-ssh cert clst01` gets one\n"
    );
    person.cert(&["clst01"]).run().succeeds();
    let after = config(&[]);
    assert_eq!((after.stderr.as_str(), &after.stdout), ("", &ran.stdout));
    person.has("-2h:-1h");
    assert!(config(&[]).stderr.contains("the present one is useless: it expired 1 h ago"));
    let other = person.sandbox.ssh_key(".ssh/other");
    let told = config(&["--identity-file", other.to_str().unwrap()]).stderr;
    assert!(told.contains("it is for the key SHA256:"), "{told}");

    let ran = config(&["--certificate-file", "~/mine.pub"]);
    assert_eq!(ran.stderr, "");
    assert!(ran.stdout.contains("  CertificateFile ~/mine.pub\n"));
    let open = person.sandbox.prime_ssh(["config", "open", "--include-inactive"]).run();
    assert!(!open.stdout.contains("CertificateFile"));
}

/// An sshd that lets in whom the authority has signed a certificate for, and nobody else.
fn sshd(person: &Person, node: &str, address: &str) -> Sshd {
    let keys = person.authority.public_key();
    let sshd = Sshd::of(&person.sandbox, node).at(address);
    sshd.option("TrustedUserCAKeys", keys.display()).start()
}

fn to(sshd: &Sshd) -> Connection {
    Connection::to(&sshd.address).with("port", sshd.port).with("user", me())
}

/// A person with a cluster of real sshds: a control node, and a worker behind it.
fn with_machines() -> (Person, Sshd, Sshd) {
    let mut person = Person::new();
    let control = sshd(&person, "node-0", "127.0.0.2");
    let worker = sshd(&person, "node-1", "127.0.0.3");
    let cluster = Cluster::new("clst01", "train")
        .with("vaultEnabled", true)
        .node(Node::new("pod0", "node-0").connection(to(&control).control()))
        .node(Node::new("pod1", "node-1").connection(to(&worker)));
    person.serve([cluster]);
    (person, control, worker)
}

#[test]
fn a_first_certificate_lets_in_through_the_jump() {
    needs!("sshd");
    let (person, _control, _worker) = with_machines();
    let fragment = person.sandbox.path("fragment");
    let config = person.sandbox.prime_ssh(["config", "train", "--jump", "always", "-o"]);
    let known = person.sandbox.path("known_hosts");
    config.arg(&fragment).arg("--known-hosts").arg(known).run().succeeds();
    let refused = ssh::on(&fragment, "prime.train", "true").fails(255);
    assert!(refused.contains("Permission denied"), "{refused}");
    person.cert(&["train"]).run().succeeds();
    assert_eq!(ssh::node_at(&fragment, "prime.train"), "node-0");
    assert_eq!(ssh::node_at(&fragment, "prime.train.node-1"), "node-1");
    person.has("-2h:-1h");
    ssh::on(&fragment, "prime.train", "true").fails(255);
}

impl Person {
    fn installs(&self, arguments: &[&str]) -> Program {
        let install = self.sandbox.prime_ssh([&["install", "clst01"], arguments].concat());
        install.arg("--ssh-dir").arg(self.sandbox.path(".ssh"))
    }

    /// ssh with the installed configuration, in this home folder.
    fn ssh(&self, arguments: &[&str]) -> Command {
        let mut ssh = ssh::ssh(&self.sandbox.path(".ssh/config"));
        ssh.env("HOME", self.sandbox.home()).args(arguments);
        ssh
    }

    fn node_at(&self, alias: &str) -> Ran {
        process::run(&mut self.ssh(&[alias, "echo $PRIME_NODE"]), b"")
    }
}

#[test]
fn ssh_renews_by_itself_through_the_jump() {
    needs!("sshd");
    let (person, control, worker) = with_machines();
    let told = person.installs(&["--live", "--jump", "always"]).run();
    assert!(told.stderr.contains("certificate for clst01: log in as "), "{}", told.stderr);
    told.succeeds();
    assert_eq!(person.api.certificates(), 1);
    assert_eq!(person.node_at("prime.train").succeeds(), "node-0\n");
    assert_eq!(person.node_at("prime.train.node-1").succeeds(), "node-1\n");
    assert_eq!(person.api.certificates(), 1);

    let sync = person.sandbox.prime_ssh(["sync", "--check", "--ssh-dir"]);
    sync.arg(person.sandbox.path(".ssh")).run().succeeds();
    for alias in ["prime.train.node-1", "prime.train"] {
        person.has("-2h:-1h");
        let asked = person.api.requests().len();
        let ran = person.node_at(alias);
        assert_eq!(ran.stderr, "");
        ran.succeeds();
        let requests = person.api.requests().split_off(asked);
        let paths: Vec<_> = requests.iter().map(|request| request.path.as_str()).collect();
        assert_eq!(paths, ["/api/admin/clusters/clst01/authorizations/certificate"], "{alias}");
    }
    drop((control, worker));
}

#[test]
fn of_64_ssh_at_once_one_asks() {
    needs!("sshd");
    let (person, _control, _worker) = with_machines();
    person.installs(&["--live", "--jump", "never"]).run().succeeds();
    person.has("-2h:-1h");
    let asked = person.api.requests().len();
    let signer = person.authority.clone();
    person.api.signs(move |request| {
        thread::sleep(Duration::from_millis(300));
        signer.answer(request)
    });
    let runs: Vec<Ran> = thread::scope(|scope| {
        let start = |at| {
            let alias = if at % 2 == 0 { "prime.train.node-0" } else { "prime.train.node-1" };
            scope.spawn(|| person.node_at(alias))
        };
        let running: Vec<_> = (0..64).map(start).collect();
        running.into_iter().map(|run| run.join().unwrap()).collect()
    });
    for ran in runs {
        assert!(ran.succeeds().starts_with("node-"));
    }
    assert_eq!(person.api.requests().len(), asked + 1);
}

#[test]
fn a_renewal_that_fails_is_one_line_and_ssh_goes_on() {
    needs!("sshd");
    let (person, _control, _worker) = with_machines();
    person.installs(&["--live"]).run().succeeds();
    person.has("-2h:-1h");
    person.api.signs(|_| Reply::detail(403, "Insufficient permissions"));
    let ran = person.node_at("prime.train");
    assert!(ran.took < Duration::from_secs(9), "{ran:#?}");
    let told = ran.fails(255);
    let (ours, ssh_own) = told.split_once('\n').unwrap();
    assert!(ours.starts_with("warning: ") && ours.contains("403"), "{told}");
    assert!(ssh_own.contains("Permission denied (publickey)"), "{told}");

    let mut quiet = person.ssh(&["-G", "prime.train"]);
    process::run(quiet.env("PRIME_SSH_NO_REFRESH", "1"), b"").succeeds();
    person.installs(&["--live", "--check"]).run().succeeds();
    assert_eq!(person.api.certificates(), 2, "reading asks for nothing");
}

#[test]
fn nothing_takes_longer_than_ten_seconds() {
    needs!("ssh-keygen");
    let person = Person::new();
    person.cert(&["train"]).run().succeeds();
    person.has("-2h:-1h");
    let lock = fs::File::create(person.certificate().with_extension("lock")).unwrap();
    lock.lock().unwrap();
    let ran = person.cert(&["clst01", "--ensure"]).run();
    assert!(ran.took < Duration::from_secs(11), "{ran:#?}");
    let told = ran.fails(1);
    assert!(told.contains("another run of prime-ssh") && told.contains("10 seconds"), "{told}");
    assert_eq!(told.lines().count(), 1, "{told}");
    drop(lock);

    person.api.signs(|_| {
        thread::sleep(Duration::from_secs(60));
        Reply::detail(500, "too late")
    });
    let ran = person.cert(&["clst01", "--ensure"]).run();
    assert!(ran.took < Duration::from_secs(11), "{ran:#?}");
    let told = ran.fails(3);
    assert!(told.contains("within 10s") || told.contains("within 10 s"), "{told}");
    assert_eq!(told.lines().count(), 1, "{told}");
}

#[test]
fn a_link_in_the_place_of_ours_is_refused() {
    needs!("ssh-keygen");
    let person = Person::new();
    person.cert(&["train"]).run().succeeds();
    let treasure = person.sandbox.write("treasure", "gold");
    fs::remove_file(person.certificate()).unwrap();
    let place = person.sandbox.path(".ssh/prime-ssh/train-675b1ff5-cert.pub");
    std::os::unix::fs::symlink(&treasure, &place).unwrap();
    assert!(person.cert(&["train"]).run().fails(5).contains("is a link"));
    assert_eq!(fs::read_to_string(treasure).unwrap(), "gold");
}

#[test]
fn paths_with_spaces_work() {
    needs!("sshd");
    let (person, _control, _worker) = with_machines();
    let folder = person.sandbox.path("my folder");
    fs::create_dir(&folder).unwrap();
    // A link, as package managers make: what is behind it changes with the next version.
    let program = folder.join("prime-ssh");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_prime-ssh"), &program).unwrap();
    let key = person.sandbox.ssh_key("my folder/id key");
    let ssh_folder = folder.join(".ssh dir");
    let mut install = process::command("prime-ssh");
    install.args(["install", "train", "--live", "--identity-file"]).arg(&key);
    install.arg("--ssh-dir").arg(&ssh_folder).env("HOME", person.sandbox.home());
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
    ssh.env("HOME", person.sandbox.home()).args(["prime.train", "echo $PRIME_NODE"]);
    assert_eq!(process::run(&mut ssh, b"").succeeds(), "node-0\n");
}

#[test]
fn an_installed_clusters_certificate_has_its_name() {
    needs!("ssh-keygen");
    let person = Person::new();
    let told = person.installs(&["--as", "mine"]).run();
    assert!(
        told.stderr.contains("there is none yet; `prime-ssh cert --ssh-dir /"),
        "{}",
        told.stderr
    );
    told.succeeds();
    person.cert(&["clst01"]).run().succeeds();
    assert_eq!(person.certificate().file_name().unwrap(), "mine-675b1ff5-cert.pub");
    let fragment = person.sandbox.read(".ssh/prime-ssh/mine-675b1ff5.conf");
    let line = format!("CertificateFile {}", person.certificate().display());
    assert!(fragment.contains(&line), "{fragment}");
    let told = person.installs(&["--as", "yours"]).run();
    assert_eq!(told.stderr.matches("warning").count(), 0, "{}", told.stderr);
    told.succeeds();
    assert_eq!(person.certificate().file_name().unwrap(), "yours-675b1ff5-cert.pub");
}

#[test]
fn installs_and_renewals_do_not_wait_for_each_other() {
    needs!("ssh-keygen");
    let person = Person::new();
    person.installs(&["--live"]).run().succeeds();
    person.has("-2h:-1h");
    let signer = person.authority.clone();
    person.api.signs(move |request| {
        thread::sleep(Duration::from_secs(2));
        signer.answer(request)
    });
    thread::scope(|scope| {
        let renewal = scope.spawn(|| person.cert(&["clst01", "--ensure"]).run());
        process::until("the renewal to ask", || person.api.certificates() == 2);
        let install = person.installs(&["--live", "--user", "somebody"]).run();
        install.succeeds();
        renewal.join().unwrap().succeeds();
    });
    assert_eq!(person.api.certificates(), 2, "the install takes the certificate of the renewal");
    let uninstall = person.sandbox.prime_ssh(["uninstall", "--all", "--ssh-dir"]);
    uninstall.arg(person.sandbox.path(".ssh")).run().succeeds();
    assert!(!person.sandbox.path(".ssh/prime-ssh").exists());
}

#[test]
fn live_is_refused_where_it_could_not_work_or_would_not_be_safe() {
    needs!("ssh-keygen");
    use std::os::unix::fs::PermissionsExt;

    let person = Person::new();
    let refused = |program: Program, told: &str| {
        let stderr = program.run().fails(5);
        assert!(stderr.contains(told), "{stderr}");
        assert!(!person.sandbox.path(".ssh/prime-ssh/config").exists());
    };
    let settings = json!({"ssh_key_path": person.key, "base_url": person.api.url(), "api_key": ""});
    person.sandbox.prime_settings(&settings);
    let from_shell = person.installs(&["--live"]).env("PRIME_API_KEY", TOKEN);
    refused(from_shell, "the API token is only in PRIME_API_KEY");
    person.logs_in();
    refused(person.installs(&["--live", "--identity-file", "none"]), "no setting names one");

    let program = person.sandbox.path("prime-ssh");
    copy_program(&program);
    fs::set_permissions(&program, fs::Permissions::from_mode(0o757)).unwrap();
    let mut install = process::command(&program);
    install.args(["install", "clst01", "--live", "--ssh-dir"]).arg(person.sandbox.path(".ssh"));
    let told = process::run(install.env("HOME", person.sandbox.home()), b"").fails(5);
    assert!(told.contains("others can write to") && told.contains("chmod go-w"), "{told}");
}

/// `ansible all -m ping`, with the surroundings of a test.
fn ping(person: &Person, ansible: &Ansible, inventory: &Path) -> Ran {
    let mut command = ansible.command(&person.sandbox, "ansible");
    command
        .env("PRIME_SSH_CLUSTERS", "train")
        .env("PRIME_SSH_JUMP", "always")
        .env("PRIME_SSH_KNOWN_HOSTS", person.sandbox.path("known_hosts"))
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
    let (person, _control, _worker) = with_machines();
    let ansible = ansible::newest();
    let file = person.sandbox.path("hosts.yml");
    let inventory = person.sandbox.prime_ssh(["inventory", "train", "--jump", "always", "-o"]);
    let known = person.sandbox.path("known_hosts");
    let told = inventory.arg(&file).arg("--known-hosts").arg(known).run();
    assert!(told.stderr.contains("`prime-ssh cert clst01` gets one"), "{}", told.stderr);
    told.succeeds();
    person.cert(&["train"]).run().succeeds();
    assert_pongs(ping(&person, &ansible, &file));

    person.has("-2h:-1h");
    let program = Path::new(env!("CARGO_BIN_EXE_prime-ssh"));
    let asked = person.api.certificates();
    assert_pongs(ping(&person, &ansible, program));
    assert_eq!(person.api.certificates(), asked + 1, "it is renewed before the answer");
    assert_pongs(ping(&person, &ansible, program));
    assert_eq!(person.api.certificates(), asked + 1);
}

#[test]
fn a_live_inventory_without_a_certificate_is_a_failure() {
    needs!("ssh-keygen");
    let person = Person::new();
    person.cert(&["train"]).run().succeeds();
    person.api.signs(|_| Reply::detail(403, "Insufficient permissions"));
    let list = |arguments: &[&str]| {
        person.sandbox.prime_ssh([&["inventory", "train", "--list"], arguments].concat()).run()
    };
    person.has("-1h:+5m");
    let ran = list(&[]);
    assert_eq!(ran.stderr, "", "Ansible would show it as an error");
    assert!(ran.succeeds().contains("_meta"), "it still lets people in for five minutes");
    person.has("-2h:-1h");
    let ran = list(&[]);
    assert_eq!(ran.stdout, "");
    let told = ran.fails(3);
    assert!(told.contains("403") && told.lines().count() == 1, "{told}");
    let file = person.sandbox.write("answer.json", train().answer());
    let offline = ["inventory", "--list", "--input", file.to_str().unwrap()];
    let ran = person.sandbox.prime_ssh(offline).run();
    assert!(ran.succeeds().contains("_meta"), "a saved answer asks nobody");
}
