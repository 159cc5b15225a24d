//! A real sshd on a loopback address, as the user who runs the tests.

use std::fmt::{Display, Write as _};
use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use super::network::Namespace;
use super::process::{self, Background};
use super::sandbox::Sandbox;

/// A port can be taken between its choice and its use.
const TRIES: usize = 5;

/// What an sshd should be like.
pub struct Config<'a> {
    sandbox: &'a Sandbox,
    node: String,
    address: String,
    port: Option<u16>,
    namespace: Option<&'a Namespace>,
    lines: String,
}

/// A running sshd; it ends with its drop. `echo $PRIME_NODE` in a session says which one it is.
pub struct Sshd {
    pub address: String,
    pub port: u16,
    folder: PathBuf,
    /// Only held, so that it ends when this does.
    _process: Background,
}

impl Sshd {
    /// The sshd of a node, on 127.0.0.1 and a free port, that lets nobody in.
    pub fn of<'a>(sandbox: &'a Sandbox, node: &str) -> Config<'a> {
        Config {
            sandbox,
            node: node.to_owned(),
            address: "127.0.0.1".to_owned(),
            port: None,
            namespace: None,
            lines: String::new(),
        }
    }

    /// What it wrote into its log.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap()
    }
}

impl<'a> Config<'a> {
    /// Another address; all of 127.0.0.0/8 is there to be used.
    pub fn at(mut self, address: &str) -> Self {
        address.clone_into(&mut self.address);
        self
    }

    /// A port that another sshd has had, or has at another address.
    pub fn port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// Listens in this network namespace, where every port is free: 22 unless it is said.
    pub fn inside(mut self, namespace: &'a Namespace) -> Self {
        self.namespace = Some(namespace);
        self.port = self.port.or(Some(22));
        self
    }

    /// Lets in who holds the private part of this key.
    pub fn lets_in(self, key: &Path) -> Self {
        self.option("AuthorizedKeysFile", format!("{}.pub", key.display()))
    }

    /// One more line of its `sshd_config`.
    pub fn option(mut self, keyword: &str, value: impl Display) -> Self {
        writeln!(self.lines, "{keyword} \"{value}\"").unwrap();
        self
    }

    /// Starts it with a new host key, and waits until it listens.
    pub fn start(self) -> Sshd {
        let folder = tempfile::Builder::new()
            .prefix(&format!("sshd-{}-", self.node))
            .tempdir_in(self.sandbox.home())
            .unwrap()
            .keep();
        let relative = folder.strip_prefix(self.sandbox.home()).unwrap();
        self.sandbox.ssh_key(relative.join("host_key"));
        provide_separation_folder();
        for _ in 0..TRIES {
            let port = self.port.unwrap_or_else(|| free_port(&self.address));
            if let Some(process) = self.try_start(&folder, port) {
                return Sshd { address: self.address, port, folder, _process: process };
            }
        }
        let log = fs::read_to_string(folder.join("log")).unwrap_or_default();
        panic!("sshd of {} at {} does not start: {log}", self.node, self.address);
    }

    fn try_start(&self, folder: &Path, port: u16) -> Option<Background> {
        let config = folder.join("sshd_config");
        fs::write(&config, self.text(folder, port)).unwrap();
        let log = File::create(folder.join("log")).unwrap();
        let mut command = match self.namespace {
            Some(namespace) => namespace.command("/usr/sbin/sshd"),
            None => process::tied("/usr/sbin/sshd"),
        };
        command.args(["-D", "-e", "-f"]).arg(&config);
        let mut process = Background::start(command.stderr(log));
        let listens = || {
            let log = fs::read_to_string(folder.join("log")).unwrap();
            log.contains("Server listening on")
        };
        let mut ended = false;
        process::until("sshd to listen", || {
            ended = process.has_ended();
            ended || listens()
        });
        (!ended).then_some(process)
    }

    fn text(&self, folder: &Path, port: u16) -> String {
        let Self { node, address, lines, .. } = self;
        let folder = folder.display();
        // With this level bash leaves out the user's ~/.bashrc, which is none of a test's business.
        format!(
            "ListenAddress {address}\n\
             Port {port}\n\
             HostKey {folder}/host_key\n\
             PidFile {folder}/pid\n\
             SetEnv PRIME_NODE={node} SHLVL=2 TMUX_TMPDIR={folder}\n\
             {lines}\
             AuthorizedKeysFile none\n\
             UsePAM no\n\
             StrictModes no\n\
             PermitRootLogin prohibit-password\n\
             PasswordAuthentication no\n\
             KbdInteractiveAuthentication no\n\
             PermitUserRC no\n\
             UseDNS no\n\
             Subsystem sftp internal-sftp\n\
             LogLevel VERBOSE\n\
             {}{}",
            // Of this one sshd takes the last line, and not the first.
            if lines.contains("MaxStartups ") { "" } else { "MaxStartups 200\n" },
            *NO_PENALTIES,
        )
    }
}

/// OpenSSH 9.8 and later refuse an address that has failed often, as tests do on purpose.
static NO_PENALTIES: LazyLock<&str> = LazyLock::new(|| {
    let version = process::run(process::command("ssh").arg("-V"), b"").stderr;
    let number = version.trim_start_matches("OpenSSH_").split(['p', ' ', ',']).next();
    let (major, minor) = number.and_then(|number| number.split_once('.')).expect("a version");
    let version: (u32, u32) = (major.parse().unwrap(), minor.parse().unwrap());
    if version >= (9, 8) { "PerSourcePenalties no\n" } else { "" }
});

fn free_port(address: &str) -> u16 {
    TcpListener::bind((address, 0)).unwrap().local_addr().unwrap().port()
}

/// A root sshd locks itself into this folder; only the system's own service would make it.
fn provide_separation_folder() {
    let folder = Path::new("/run/sshd");
    if !folder.exists() {
        // Whoever is not root needs none.
        let _ = fs::create_dir(folder);
    }
}
