//! What a reader of the pages has: a machine of their own, and the cluster of the examples, whose
//! machines are real sshds at the very addresses that stand there.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::ansible;
use crate::support::api::Api;
use crate::support::authority::{Authority, certificates_in};
use crate::support::cluster::Cluster;
use crate::support::network::Namespace;
use crate::support::process;
use crate::support::sandbox::{Sandbox, TOKEN};
use crate::support::sshd::Sshd;

/// Programs that cannot be here, or should not do here what they do. Each takes the very words that
/// a page gives it, and refuses others.
const STUBS: [(&str, &str); 6] = [
    // A release build takes minutes; `tests/it/wheel.rs` and this project's users make one.
    (
        "cargo",
        r#"case "$*" in
"install --path .") [ -e ~/.cargo/bin/prime-ssh ] && exit
    mkdir -p ~/.cargo/bin && cp "$PROGRAM" ~/.cargo/bin/prime-ssh ;;
"run --release -- "*) shift 3; exec "$PROGRAM" "$@" ;;
*) exit 64 ;;
esac"#,
    ),
    ("prime", r#"[ "$*" = login ] && mkdir -p ~/.prime && cp "$SETTINGS" ~/.prime/config.json"#),
    // An editor that reads ssh's configuration, as VS Code does.
    (
        "code",
        r#"[ "$1" = --remote ] && [ $# = 3 ] && name=${2#ssh-remote+} && [ "$name" != "$2" ] || exit 64
folder=${3/#\/home\/ubuntu/\~}
ssh -G "$name" | grep -q '^hostname .*[^.]$' && ssh "$name" "test -d $folder""#,
    ),
    // Runs a table's only line once, with what cron gives it.
    (
        "crontab",
        r#"[ "$1" = -l ] && exit
[ "$*" = - ] && read -r m h dom mon dow command || exit 64
env -i HOME="$HOME" PATH=/usr/bin:/bin SHELL=/bin/sh /bin/sh -c "$command""#,
    ),
    // `tests/it/wheel.rs` installs a real package.
    ("uv", r#"[ "$*" = "tool install ." ]"#),
    ("git", r#"[ "$1" = clone ]"#),
];

/// The reader's key, which ssh tries by itself.
const KEY: &str = ".ssh/id_ed25519";
/// Where nodes are: those of the example, and one that comes later.
const PLACES: [(&str, &str, u16); 4] = [
    ("node-0", "203.0.113.10", 22),
    ("node-1", "10.0.0.11", 22),
    ("node-2", "10.0.0.12", 2222),
    ("node-3", "10.0.0.13", 22),
];

/// The machine of a reader, and a cluster.
pub struct Reader {
    pub sandbox: Sandbox,
    pub api: Api,
    authority: Authority,
    machines: BTreeMap<String, Sshd>,
    /// Where the cluster's machines are. Only the control node is reached from outside.
    pub network: Namespace,
    /// The home folder on every node; it is the user's own there.
    pub nodes: Sandbox,
    environment: PathBuf,
}

/// What a command did.
pub struct Ran {
    pub code: i32,
    /// What it printed on stdout and stderr, as a terminal shows them.
    pub printed: String,
}

impl Reader {
    /// Takes the process's own namespaces for the reader's machine.
    pub fn new() -> Self {
        let (sandbox, nodes) = (Sandbox::new(), Sandbox::new());
        sandbox.ssh_key(KEY);
        fs::set_permissions(sandbox.path(".ssh"), fs::Permissions::from_mode(0o700)).unwrap();
        has_users(&sandbox, &nodes);
        let (here, network) = (Namespace::own(), Namespace::new());
        here.link("cluster", "203.0.113.1/24", &network, "203.0.113.10/24");
        for (_, address, _) in &PLACES[1..] {
            network.address(&format!("{address}/32"));
        }
        let authority = Authority::new(&sandbox);
        let api = Api::serving([example()]);
        let signer =
            authority.signing(&["-n", "ubuntu", "-I", "vault-user01", "-V", "-1m:+28799s"]);
        api.signs(move |request| signer.answer(request));
        let mut reader = Self {
            environment: sandbox.path("environment"),
            sandbox,
            api,
            authority,
            machines: BTreeMap::new(),
            network,
            nodes,
        };
        for node in ["node-0", "node-1", "node-2"] {
            reader.machine(node);
        }
        reader.takes_keys();
        reader.has_programs();
        reader.has_a_checkout();
        reader
    }

    /// What a page that is not the README may rely on.
    pub fn has_read_the_quick_start(&mut self) {
        for command in ["cargo install --path .", "prime login"] {
            assert_eq!(self.run(command, "").code, 0, "{command}");
        }
    }

    /// Starts a node: a machine with a host key of its own, in place of the one that was there. It
    /// lets the reader in, and who has a certificate.
    pub fn machine(&mut self, node: &str) {
        drop(self.machines.remove(node));
        let place = PLACES.iter().find(|(known, ..)| *known == node);
        let &(_, address, port) = place.expect("a node that has a place");
        let sshd = Sshd::of(&self.sandbox, node).at(address).port(port).inside(&self.network);
        let sshd = sshd.lets_in(&self.sandbox.path("authorized"));
        let sshd = sshd.option("TrustedUserCAKeys", self.authority.public_key().display());
        self.machines.insert(node.to_owned(), sshd.start());
    }

    /// The cluster is this one, and lets nobody in by the key alone.
    pub fn takes_certificates_only(&mut self, cluster: Cluster) {
        self.sandbox.write("authorized.pub", "");
        self.api.now_serves([cluster.with("vaultEnabled", true)]);
    }

    /// The cluster is that of the examples, and lets in who has the key.
    pub fn takes_keys(&mut self) {
        self.sandbox.write("authorized.pub", self.sandbox.read(format!("{KEY}.pub")));
        self.api.now_serves([example()]);
    }

    /// The certificate that is there was for an hour that is over.
    pub fn certificate_expires(&mut self) {
        let expired = self.authority.signing(&["-n", "ubuntu", "-V", "-2h:-1h"]);
        let public_key = self.sandbox.read(format!("{KEY}.pub"));
        let [file] = certificates_in(&self.sandbox.path(".ssh/prime-ssh")).try_into().unwrap();
        fs::write(file, expired.certificate(&public_key)).unwrap();
    }

    /// What ssh knows of the clusters is an hour older.
    pub fn an_hour_passes(&self) {
        for entry in fs::read_dir(self.sandbox.path(".ssh/prime-ssh")).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|end| end != "refresh") {
                continue;
            }
            let mut state: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
            for moment in ["checked", "tried"] {
                let then = state[moment].as_u64().unwrap();
                state[moment] = then.saturating_sub(3600).into();
            }
            fs::write(&path, state.to_string()).unwrap();
        }
    }

    fn has_programs(&self) {
        for (name, script) in STUBS {
            self.sandbox.script(format!("stubs/{name}"), format!("#!/bin/bash\n{script}\n"));
        }
        let settings = serde_json::json!({"base_url": self.api.url()});
        self.sandbox.prime_settings(&settings);
        // Only `prime login` puts them in place.
        let place = self.sandbox.path("stubs/settings");
        fs::rename(self.sandbox.path(".prime/config.json"), &place).unwrap();
        let ansible = ansible::newest().program("ansible");
        let folders = [
            self.sandbox.path(".cargo/bin"),
            self.sandbox.path("stubs"),
            Path::new(&ansible).parent().unwrap().to_owned(),
        ];
        let system = std::env::var_os("PATH").unwrap();
        let path = folders.into_iter().chain(std::env::split_paths(&system));
        let path = std::env::join_paths(path).unwrap();
        let exported = format!(
            "export PATH='{}' HOME='{}' PROGRAM='{}' SETTINGS='{}'\n\
             export LC_ALL=C.UTF-8 SHELL=/bin/bash TERM=xterm NO_COLOR=1\n",
            path.display(),
            self.sandbox.home().display(),
            env!("CARGO_BIN_EXE_prime-ssh"),
            place.display(),
        );
        fs::write(&self.environment, exported).unwrap();
    }

    /// The reader is in a checkout of the repository, and has something to copy.
    fn has_a_checkout(&self) {
        let checkout = self.sandbox.path("prime-ssh");
        fs::create_dir(&checkout).unwrap();
        let mut copy = process::command("cp");
        copy.arg("-r").arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples")).arg(&checkout);
        process::run(&mut copy, b"").succeeds();
        self.sandbox.write("prime-ssh/checkpoints/step-1000.pt", "weights");
        let mut environment = fs::File::options().append(true).open(&self.environment).unwrap();
        writeln!(environment, "cd '{}'", checkout.display()).unwrap();
    }

    /// A command in the reader's shell, which it leaves as the next one finds it.
    pub fn shell(&self, command: &str) -> Command {
        let script = format!(
            "exec 2>&1\nsource '{0}'\n\
             trap 'code=$?; {{ export -p; printf \"cd %q\\n\" \"$PWD\"; }} >'{0}'; exit $code' EXIT\n\
             {command}",
            self.environment.display()
        );
        let mut shell = process::tied("bash");
        shell.args(["-c", &script]).stdin(Stdio::piped());
        shell
    }

    /// Runs a command to its end.
    pub fn run(&self, command: &str, stdin: &str) -> Ran {
        let ran = process::run(&mut self.shell(command), stdin.as_bytes());
        Ran { code: ran.status.code().unwrap_or(-1), printed: self.told(&ran.stdout) }
    }

    /// What is printed, as the pages say it: their reader is at home in `/home/you`.
    pub fn told(&self, printed: &str) -> String {
        let api = "https://api.primeintellect.ai";
        printed
            .replace('\r', "")
            .replace(self.sandbox.home().to_str().unwrap(), "/home/you")
            .replace(self.nodes.home().to_str().unwrap(), "/home/ubuntu")
            .replace(&self.api.url(), api)
            .replace(TOKEN, "…")
    }
}

/// The cluster of `examples/cluster.json`.
pub fn example() -> Cluster {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/cluster.json");
    Cluster::saved(&fs::read_to_string(path).unwrap())
}

/// ssh and sshd take the home folder and the users from the password database. Everybody has the
/// number 0, so that nothing of the build folder is out of anybody's reach.
fn has_users(sandbox: &Sandbox, nodes: &Sandbox) {
    let users = format!(
        "root:x:0:0:you:{}:/bin/bash\nubuntu:x:0:0::{}:/bin/bash\n\
         sshd:x:65533:65534::/run/sshd:/usr/sbin/nologin\n\
         nobody:x:65534:65534::/nonexistent:/usr/sbin/nologin\n",
        sandbox.home().display(),
        nodes.home().display()
    );
    let file = sandbox.write("passwd", users);
    let mut mount = process::command("mount");
    process::run(mount.arg("--bind").arg(file).arg("/etc/passwd"), b"").succeeds();
}
