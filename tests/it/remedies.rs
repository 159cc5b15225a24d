//! Every command that a message advises works as it is printed: copied, run, and the problem is
//! gone. The ssh folder is one that must be named, and quoted.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::support::api::Api;
use crate::support::authority::Authority;
use crate::support::cluster::{self, Cluster, Connection, Node};
use crate::support::mounts::Mounts;
use crate::support::network::nobody;
use crate::support::process::{self, Background, Ran};
use crate::support::remedy;
use crate::support::sandbox::{Program, copy_program};
use crate::support::sshd::Sshd;
use crate::support::user::{User, to};

/// Someone with an ssh folder of another name, and an agent where they started one.
struct Scene {
    user: User,
    api: Api,
    agent: Option<(Background, PathBuf)>,
}

impl Scene {
    fn new(clusters: impl IntoIterator<Item = Cluster>) -> Self {
        let user = User::with_key_at("my dir/id cluster");
        Self::of(user, clusters)
    }

    fn of(user: User, clusters: impl IntoIterator<Item = Cluster>) -> Self {
        let api = Api::serving(clusters).may_be_idle();
        let scene = Self { user, api, agent: None };
        scene.settings(&json!({"ssh_key_path": scene.user.key}));
        scene
    }

    /// The settings of the prime CLI: this API, and these keys over it.
    fn settings(&self, keys: &serde_json::Value) {
        let mut settings = json!({"base_url": self.api.url()});
        for (key, value) in keys.as_object().unwrap() {
            settings[key] = value.clone();
        }
        self.user.prime_settings(&settings);
    }

    fn folder(&self) -> PathBuf {
        self.user.path("my dir")
    }

    /// From now on an agent holds this key.
    fn has_agent(&mut self, key: &Path) {
        let socket = self.user.path("agent");
        let mut agent = process::tied("ssh-agent");
        let agent = Background::start(agent.arg("-D").arg("-a").arg(&socket));
        process::until("the agent", || socket.exists());
        let mut add = process::command("ssh-add");
        process::run(add.arg("-q").arg(key).env("SSH_AUTH_SOCK", &socket), b"").succeeds();
        self.agent = Some((agent, socket));
    }

    fn program(&self, words: &[&str]) -> Program {
        let program = self.user.prime_ssh(words).arg("--ssh-dir").arg(self.folder());
        match &self.agent {
            Some((_, socket)) => program.env("SSH_AUTH_SOCK", socket),
            None => program,
        }
    }

    fn run(&self, words: &[&str]) -> Ran {
        self.program(words).run()
    }

    /// Types what was printed.
    fn types(&self, command: &str) -> Ran {
        let mut shell = remedy::shell(self.user.home(), command);
        if let Some((_, socket)) = &self.agent {
            shell.env("SSH_AUTH_SOCK", socket);
        }
        process::run(&mut shell, b"")
    }

    /// The command that starts so in what this run says; all of them are such that the program
    /// takes them.
    #[track_caller]
    fn advised(&self, words: &[&str], start: &str) -> String {
        let ran = self.run(words);
        let commands = remedy::commands(&format!("{}{}", ran.stderr, ran.stdout));
        for command in &commands {
            remedy::assert_parses(command);
        }
        let found = commands.iter().find(|command| command.starts_with(start));
        found.unwrap_or_else(|| panic!("no {start}: {ran:#?}")).clone()
    }

    /// What this run advises works, and is not advised afterwards.
    #[track_caller]
    fn is_cured(&self, words: &[&str], start: &str) -> Ran {
        let command = self.advised(words, start);
        self.types(&command).succeeds();
        let ran = self.run(words);
        let again = remedy::commands(&format!("{}{}", ran.stderr, ran.stdout));
        assert!(!again.contains(&command), "after {command}: {ran:#?}");
        ran
    }
}

fn one(sshd: &Sshd) -> Cluster {
    Cluster::new("clst01", "train").node(Node::new("pod0", "node-0").connection(to(sshd).control()))
}

const CHECK: [&str; 3] = ["check", "train", "--login"];

#[test]
fn what_show_and_list_and_sync_advise() {
    needs!("ssh");
    let scene = Scene::new([cluster::train()]);
    scene.is_cured(&["show", "train"], "prime-ssh install ").succeeds();
    let gone = cluster::train().with("terminatedAt", "2026-08-01T09:00:00Z");
    scene.api.now_serves([gone.clone()]);
    scene.is_cured(&["check", "train"], "prime-ssh sync ").fails(4);
    assert!(!scene.folder().join("prime-ssh").exists(), "nothing is installed any more");

    for command in ["list", "sync"] {
        scene.api.now_serves([cluster::train()]);
        scene.run(&["install", "train"]).succeeds();
        scene.api.now_serves(if command == "list" {
            vec![gone.clone().with("status", "TERMINATED")]
        } else {
            vec![]
        });
        scene.is_cured(&[command], "prime-ssh sync ").succeeds();
    }
    scene.api.now_serves([cluster::train()]);
    scene.run(&["install", "train"]).succeeds();
    scene.api.now_serves([gone]);
    scene.is_cured(&["install", "train"], "prime-ssh sync ").fails(4);
}

#[test]
fn what_a_file_that_cannot_be_read_again_asks_for() {
    needs!("ssh");
    let scene = Scene::new([]);
    let answer = scene.user.write("my answer.json", cluster::train().answer());
    let piped = scene.program(&["install", "--input", "-"]);
    piped.stdin(cluster::train().answer()).run().succeeds();
    let command = scene.advised(&["sync"], "prime-ssh install ");
    let command = command.replace("FILE", &format!("'{}'", answer.display()));
    scene.types(&command).succeeds();
    scene.run(&["sync"]).succeeds();
    // The other way round: from a file, `show` and `check` know where it came from.
    scene.run(&["uninstall", "--all"]).succeeds();
    let words = ["show", "--input", "my answer.json"];
    scene.is_cured(&words, "prime-ssh install ").succeeds();
}

#[test]
fn another_key_of_ones_own() {
    needs!("sshd", "ssh-agent", "ssh-add");
    let mut scene = Scene::new([]);
    let other = scene.user.ssh_key("other key");
    let (sshd, key) = (Sshd::of(&scene.user.sandbox, "node-0"), other.with_extension("pub"));
    let sshd = sshd.lets_in(&other).start();
    let keys = json!([{"role": "USER", "publicKey": fs::read_to_string(key).unwrap().trim()}]);
    let cluster = one(&sshd).with("sshKeys", keys);
    scene.api.now_serves([cluster.clone()]);
    scene.has_agent(&other);
    let named = "prime-ssh install --ssh-dir '";
    let before = |scene: &Scene| {
        let identity = scene.user.key.display().to_string();
        scene.run(&["install", "train", "--identity-file", &identity]).succeeds();
    };
    for words in [&["show", "train"][..], &["doctor"], &CHECK] {
        before(&scene);
        let command = scene.advised(words, named);
        assert!(command.contains("--identity-file none"), "{words:?}: {command}");
        scene.is_cured(words, named);
        scene.run(&CHECK).succeeds();
    }
    // The jump host's refusal ends the wait, with the same advice.
    let behind = cluster.node(Node::new("pod1", "node-1").connection(to(&sshd)));
    scene.api.now_serves([behind]);
    before(&scene);
    scene.run(&["install", "train", "--jump", "always"]).succeeds();
    let told = scene.run(&["wait", "train"]).fails(6);
    assert!(
        told.contains("refuses the login: the key ")
            && told.contains("hint: the cluster lets in another key of yours, the agent's"),
        "{told}"
    );
    scene.is_cured(&["wait", "train"], named).succeeds();
}

/// A key of another name, which ssh does not try where no setting names it: all name it.
#[test]
fn a_key_that_ssh_does_not_try() {
    needs!("sshd");
    let scene = Scene::new([]);
    scene.settings(&json!({"ssh_key_path": null}));
    let sshd = scene.user.sshd("node-0").start();
    let public = fs::read_to_string(scene.user.key.with_extension("pub")).unwrap();
    let keys = json!([{"role": "USER", "publicKey": public.trim()}]);
    let behind = Node::new("pod1", "node-1").connection(to(&sshd));
    scene.api.now_serves([one(&sshd).with("sshKeys", keys).node(behind)]);
    let options = format!("--identity-file '{}' ", scene.user.key.display());
    let named = "prime-ssh install --ssh-dir '";
    for words in [&["show", "train"][..], &["doctor"], &CHECK, &["wait", "train"]] {
        scene.run(&["install", "train", "--jump", "always", "--identity-file", "none"]);
        let told = scene.run(&["install", "train"]).succeeds();
        assert_eq!(told, "");
        let command = scene.advised(words, named);
        assert!(command.contains(&options), "{words:?}: {command}");
        scene.is_cured(words, named);
        scene.run(&CHECK).succeeds();
        scene.run(&["wait", "train"]).succeeds();
    }
}

/// ssh tries the keys of its own folder before the agent's, and so do we. It is the folder that a
/// plain ssh reads, wherever `HOME` is.
#[test]
fn a_default_key_comes_before_one_of_the_agent() {
    needs!("sshd", "ssh-agent", "ssh-add", "root", "namespaces");
    let mut scene = Scene::new([]);
    let default = scene.user.ssh_key("home/.ssh/id_ed25519");
    let of_agent = scene.user.ssh_key("other key");
    let sshd = Sshd::of(&scene.user.sandbox, "node-0").lets_in(&default).start();
    let keys = [&of_agent, &default].map(|key| {
        let public = fs::read_to_string(key.with_extension("pub")).unwrap();
        json!({"role": "USER", "publicKey": public.trim()})
    });
    scene.api.now_serves([one(&sshd).with("sshKeys", json!(keys))]);
    scene.has_agent(&of_agent);
    scene.run(&["install", "train"]).succeeds();

    let (mounts, home) = (Mounts::new(), process::own_home());
    mounts.bind(&scene.user.path("home"), &home);
    let program = scene.user.path("prime-ssh");
    copy_program(&program);
    let (folder, socket) = (scene.folder(), &scene.agent.as_ref().unwrap().1);
    let named = format!(
        "prime-ssh install --ssh-dir '{}' --identity-file {} ",
        folder.display(),
        home.join(".ssh/id_ed25519").display()
    );
    for words in [&["show", "train"][..], &["doctor"], &CHECK] {
        let mut command = mounts.command(&program);
        command.args(words).arg("--ssh-dir").arg(&folder);
        let ran =
            process::run(command.env("HOME", scene.user.home()).env("SSH_AUTH_SOCK", socket), b"");
        let advised = remedy::commands(&format!("{}{}", ran.stderr, ran.stdout));
        assert!(advised.iter().any(|command| command.starts_with(&named)), "{named}: {ran:#?}");
        assert!(advised.iter().all(|command| !command.contains("none")), "{ran:#?}");
    }
}

#[test]
fn a_key_that_is_open_or_locked_or_not_there() {
    needs!("sshd");
    let scene = Scene::new([]);
    let sshd = scene.user.sshd("node-0").start();
    scene.api.now_serves([one(&sshd)]);
    let key = &scene.user.key;
    scene.run(&["install", "train"]).succeeds();
    fs::set_permissions(key, fs::Permissions::from_mode(0o644)).unwrap();
    scene.is_cured(&CHECK, "chmod 600 ").succeeds();
    let aside = scene.user.path("aside");
    for half in ["", ".pub"] {
        let path = format!("{}{half}", key.display());
        fs::rename(path, format!("{}{half}", aside.display())).unwrap();
    }
    // The sshd knows the old one only.
    let command = scene.advised(&["doctor"], "ssh-keygen -t ed25519 ");
    scene.types(&format!("{command} -q -N ''")).succeeds();
    let report = scene.run(&["doctor", "--format", "plain"]);
    assert!(report.stdout.contains("there, for prime.train"), "{}", report.stdout);
    let mut protect = process::command("ssh-keygen");
    protect.args(["-q", "-p", "-P", "", "-N", "secret", "-f"]).arg(key);
    process::run(&mut protect, b"").succeeds();
    let sshd = scene.user.sshd("node-0").start();
    scene.api.now_serves([one(&sshd)]);
    scene.run(&["sync"]).succeeds();
    scene.types(&scene.advised(&CHECK, "ssh-keygen -f ")).succeeds();
    // It asks for the passphrase, which only the user knows.
    let command = scene.advised(&CHECK, "ssh-add ");
    assert_eq!(command, format!("ssh-add '{}'", key.display()));
}

/// Nobody should take a file away from others because it was mistaken for a key.
#[test]
fn a_file_that_is_no_key() {
    needs!("ssh");
    let scene = Scene::new([cluster::train()]);
    let file = scene.user.write("motd", "Welcome\n");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let words = ["--identity-file", file.to_str().unwrap()];
    for command in [&["install", "train"][..], &["install", "train", "--reset"]] {
        let ran = scene.run(&[command, &words].concat());
        let told = "motd: it is not a file that holds a key; name another key: --identity-file";
        assert!(ran.stderr.contains(told) && !ran.stderr.contains("chmod"), "{}", ran.stderr);
    }
    for command in ["show", "doctor", "cert"] {
        let words: &[&str] = if command == "doctor" { &[command] } else { &[command, "train"] };
        let ran = scene.run(words);
        let told = format!("{}{}", ran.stdout, ran.stderr);
        assert!(told.contains("motd: it is not a file that holds a key"), "{command}: {told}");
        let is_advised = |line: &str| line.contains("chmod") || line.contains("ssh-keygen -y");
        assert!(!told.lines().any(|l| l.contains("motd") && is_advised(l)), "{command}: {told}");
    }
}

#[test]
fn a_host_key_that_changed() {
    needs!("sshd");
    let scene = Scene::new([]);
    let sshd = scene.user.sshd("node-0").start();
    let port = sshd.port;
    scene.api.now_serves([one(&sshd)]);
    scene.run(&["install", "train"]).succeeds();
    scene.run(&CHECK).succeeds();
    drop(sshd);
    let anew = scene.user.sshd("node-0").port(port).start();
    scene.is_cured(&CHECK, "ssh-keygen -f ").succeeds();
    drop(anew);
}

#[test]
fn a_certificate_that_is_missing_or_over() {
    needs!("sshd");
    let scene = Scene::new([]);
    let authority = Authority::new(&scene.user.sandbox);
    let sshd = Sshd::of(&scene.user.sandbox, "node-0");
    let sshd = sshd.option("TrustedUserCAKeys", authority.public_key().display()).start();
    let cluster = one(&sshd).with("vaultEnabled", true);
    scene.api.now_serves([cluster]);
    scene.api.signs(move |request| authority.answer(request));
    let remove = || {
        let folder = fs::read_dir(scene.folder().join("prime-ssh"));
        for entry in folder.into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().ends_with("-cert.pub") {
                fs::remove_file(entry.path()).unwrap();
            }
        }
    };
    for words in [&["config", "train"][..], &["cert", "train", "--show"]] {
        remove();
        scene.is_cured(words, "prime-ssh cert ").succeeds();
    }
    remove();
    let command = scene.advised(&["install", "train"], "prime-ssh cert ");
    scene.types(&command).succeeds();
    // Its key is the installed one's, whatever the settings of this shell say now.
    let key = scene.user.key.display().to_string();
    scene.run(&["install", "train", "--identity-file", &key]).succeeds();
    scene.settings(&json!({}));
    for words in
        [&CHECK[..], &["cert", "train", "--show"], &["cert", "clst01", "--show"], &["doctor"]]
    {
        remove();
        scene.is_cured(words, "prime-ssh cert ");
        scene.run(&CHECK).succeeds();
    }
    remove();
    scene.run(&["cert", "--all"]).succeeds();
    scene.run(&CHECK).succeeds();
}

/// What was asked for at another API, or in another context, is asked for there by the commands
/// that are advised too.
#[test]
fn another_api() {
    needs!("ssh");
    let scene = Scene::new([]);
    let other = Api::serving([
        cluster::train(),
        Cluster::new("clst02", "eval").with("vaultEnabled", true).node(Node::control(
            "p",
            "n",
            "203.0.113.7",
        )),
    ]);
    let url = other.url();
    let words = ["show", "train", "--api-url", &*url];
    scene.is_cured(&words, "prime-ssh install ").succeeds();
    let context = json!({"api_key": crate::support::sandbox::TOKEN, "base_url": url});
    scene.user.write(".prime/environments/work.json", context.to_string());
    let authority = Authority::new(&scene.user.sandbox);
    other.signs(move |request| authority.answer(request));
    let words = ["config", "eval", "--context", "work", "--user", &*crate::support::user::me()];
    let command = scene.advised(&words, "prime-ssh cert ");
    assert!(command.contains("--context work"), "{command}");
    // Installed from there, it is asked for there.
    scene.run(&["install", "eval", "--context", "work"]).succeeds();
    let asked = other.certificates();
    scene.run(&["cert", "eval"]);
    assert_eq!(other.certificates(), asked + 1);
    assert!(scene.api.requests().iter().all(|request| !request.path.contains("clst02")));
}

#[test]
fn a_name_that_ssh_does_not_know_yet() {
    needs!("sshd");
    let scene = Scene::new([]);
    let sshd = scene.user.sshd("node-0").start();
    let later = one(&sshd).node(Node::new("pod1", "node-1").connection(to(&sshd)));
    scene.api.now_serves([one(&sshd)]);
    scene.run(&["install", "train"]).succeeds();
    scene.api.now_serves([later]);
    scene.is_cured(&CHECK, "prime-ssh sync ").succeeds();
    // Nobody is there: no command helps, and none is advised.
    let down = Connection::to("127.0.0.1").with("port", nobody());
    let down = Cluster::new("clst01", "train").node(Node::new("pod0", "node-0").connection(down));
    scene.api.now_serves([down]);
    let ran = scene.run(&CHECK);
    assert_eq!(remedy::commands(&ran.stderr), Vec::<String>::new(), "{}", ran.stderr);
}
