//! A home folder of the test's own, and the program run in it.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, lchown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::process::{self, Ran};

/// The token that [`super::api::Api`] accepts.
pub const TOKEN: &str = "token-of-the-tests";
/// The user that owns nothing, on every Linux.
const NOBODY: u32 = 65534;

/// A temporary home folder.
pub struct Sandbox {
    folder: TempDir,
}

impl Sandbox {
    pub fn new() -> Self {
        Self::called("")
    }

    /// One whose path holds this, too.
    pub fn called(name: &str) -> Self {
        process::isolate();
        let folder = TempDir::with_prefix(format!("prime-ssh-test-{name}")).unwrap();
        Self { folder }
    }

    /// One with this cluster's saved answer in `answer.json`.
    pub fn with_answer(cluster: &super::cluster::Cluster) -> Self {
        let sandbox = Self::new();
        sandbox.write("answer.json", cluster.answer());
        sandbox
    }

    /// The home folder.
    pub fn home(&self) -> &Path {
        self.folder.path()
    }

    /// A path below the home folder.
    pub fn path(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.home().join(relative)
    }

    /// Writes a file below the home folder, with the folders that it needs.
    pub fn write(&self, relative: impl AsRef<Path>, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(relative);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// Writes a program below the home folder, with the folders that it needs. Like
    /// [`copy_program`], by a process of its own.
    pub fn script(&self, relative: impl AsRef<Path>, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(relative);
        let mut install = process::command("install");
        install.args(["-D", "-m", "755", "/dev/stdin"]).arg(&path);
        process::run(&mut install, text.as_ref()).succeeds();
        path
    }

    /// Reads a file below the home folder.
    #[track_caller]
    pub fn read(&self, relative: impl AsRef<Path>) -> String {
        let path = self.path(relative);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// `~/.prime/config.json` as `prime login` leaves it, with these keys over it.
    pub fn prime_settings(&self, keys: &serde_json::Value) {
        let mut settings = serde_json::json!({
            "api_key": TOKEN,
            "team_id": null,
            "user_id": null,
            "base_url": "https://api.primeintellect.ai",
            "frontend_url": "https://app.primeintellect.ai",
            "inference_url": "https://api.pinference.ai/api/v1",
            "ssh_key_path": "~/.ssh/id_rsa",
            "current_environment": "production",
        });
        for (key, value) in keys.as_object().expect("settings are an object") {
            settings[key] = value.clone();
        }
        self.write(".prime/config.json", settings.to_string());
    }

    /// A new ed25519 key pair without a passphrase below the home folder.
    pub fn ssh_key(&self, relative: impl AsRef<Path>) -> PathBuf {
        let path = self.path(relative);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut keygen = process::command("ssh-keygen");
        keygen.args(["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f"]).arg(&path);
        process::run(&mut keygen, b"").succeeds();
        path
    }

    /// One with an ssh folder in it, which is not that of the passwd file.
    pub fn with_ssh_folder() -> Self {
        Self::new().and_ssh_folder()
    }

    pub fn and_ssh_folder(self) -> Self {
        fs::create_dir(self.ssh("")).unwrap();
        fs::set_permissions(self.ssh(""), fs::Permissions::from_mode(0o700)).unwrap();
        self
    }

    /// A path below the ssh folder.
    pub fn ssh(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.path("ssh").join(relative)
    }

    /// The user's own configuration of ssh.
    pub fn config(&self) -> PathBuf {
        self.ssh("config")
    }

    /// The one file of our folder with this ending.
    #[track_caller]
    pub fn ours(&self, ending: &str) -> PathBuf {
        let found: Vec<_> = self.all_ours(ending);
        assert_eq!(found.len(), 1, "{ending}: {found:?}");
        found[0].clone()
    }

    pub fn all_ours(&self, ending: &str) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(self.ssh("prime-ssh")) else { return Vec::new() };
        let mut found: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        found.retain(|path| ending.starts_with(".refresh") || !is_of_refresh(path));
        // That of a removed cluster stays for a while, empty.
        let is_there = |path: &Path| {
            path.extension().is_none_or(|end| end != "conf")
                || fs::metadata(path).unwrap().len() > 0
        };
        found.retain(|path| path.to_str().unwrap().ends_with(ending) && is_there(path));
        found.sort();
        found
    }

    /// The program with this ssh folder and these arguments, not yet run.
    pub fn program<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Program {
        self.prime_ssh(["--ssh-dir"]).arg(self.path("ssh")).args(arguments)
    }

    /// Runs it.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        self.program(arguments).run()
    }

    /// The program with these arguments, not yet run.
    pub fn prime_ssh<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Program {
        let mut command = process::command(env!("CARGO_BIN_EXE_prime-ssh"));
        command.args(arguments).current_dir(self.home());
        command.env("HOME", self.home()).env_remove("LC_ALL");
        Program { command, stdin: Vec::new(), home: self.home().to_owned() }
    }
}

/// A run of the program that is being prepared. Its environment is empty but for `PATH`, `HOME`
/// and what the test adds.
pub struct Program {
    command: Command,
    stdin: Vec<u8>,
    home: PathBuf,
}

impl Program {
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    pub fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.command.args(arguments);
        self
    }

    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self
    }

    /// Asks this API, with a token that it accepts.
    pub fn asking(self, api: &super::api::Api) -> Self {
        self.env("PRIME_API_BASE_URL", api.url()).env("PRIME_API_KEY", TOKEN)
    }

    /// Gives up root first, which passes every check of permissions; the home folder and what is
    /// in it goes to the new user. Nothing changes for a test that is not run as root.
    pub fn without_root(mut self) -> Self {
        if fs::metadata("/proc/self").is_ok_and(|process| process.uid() != 0) {
            return self;
        }
        give(&self.home, NOBODY);
        // The build folder may stand where only root gets.
        let program = self.home.join("prime-ssh-for-nobody");
        copy_program(&program);
        let mut command = process::command(program);
        let arguments: Vec<OsString> = self.command.get_args().map(OsStr::to_owned).collect();
        command.args(arguments).current_dir(&self.home).env_clear().uid(NOBODY).gid(NOBODY);
        for (name, value) in self.command.get_envs() {
            command.env(name, value.expect("the environment was empty at first"));
        }
        self.command = command;
        self
    }

    /// Runs it to its end.
    #[track_caller]
    pub fn run(mut self) -> Ran {
        process::run(&mut self.command, &self.stdin)
    }

    /// Runs it to its end with a terminal of so many columns as its stdout.
    #[track_caller]
    pub fn run_on_terminal(mut self, columns: u16) -> Ran {
        process::run_on_terminal(&mut self.command, columns)
    }

    /// The command itself, for tests that hold its ends.
    pub fn into_command(self) -> Command {
        self.command
    }
}

/// Copies our program to another place. A process of its own writes the copy: a file that is open
/// for writing cannot be run, and what this process has open is for a moment open in every child
/// that another test starts.
pub fn copy_program(to: &Path) {
    let mut install = process::command("install");
    install.args(["-D", "-m", "755", env!("CARGO_BIN_EXE_prime-ssh")]).arg(to);
    process::run(&mut install, b"").succeeds();
}

/// Whether a file says when a cluster was brought up to date, which each run does.
pub fn is_of_refresh(path: &Path) -> bool {
    path.extension().is_some_and(|end| end == "refresh" || end == "refresh-lock")
}

fn give(path: &Path, owner: u32) {
    lchown(path, Some(owner), Some(owner)).unwrap();
    if path.is_dir() && !path.is_symlink() {
        for entry in fs::read_dir(path).unwrap() {
            give(&entry.unwrap().path(), owner);
        }
    }
}
