//! Real Ansible, the oldest and the newest that tests/run could install, with nothing of the
//! machine's own but ssh.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::process::{self, Ran};
use super::sandbox::Sandbox;

/// One installed Ansible.
#[derive(Debug)]
pub struct Ansible {
    bin: PathBuf,
}

/// The oldest and the newest.
pub fn versions() -> [Ansible; 2] {
    ["oldest", "newest"].map(Ansible::called)
}

/// The newest alone, for what no version decides.
pub fn newest() -> Ansible {
    Ansible::called("newest")
}

impl Ansible {
    fn called(name: &str) -> Self {
        let program = Path::new(env!("CARGO_BIN_EXE_prime-ssh"));
        let target = program.ancestors().nth(2).expect("the program is in target/<profile>");
        let bin = target.join("ansible").join(name).join("bin");
        assert!(bin.join("ansible").exists(), "no Ansible in {}: run tests/run", bin.display());
        Self { bin }
    }

    /// One of its programs, not yet run. The environment is empty but for what every test needs.
    pub fn command(&self, sandbox: &Sandbox, program: &str) -> Command {
        self.inside(sandbox, process::command(self.bin.join(program)))
    }

    /// The same for a program that another one starts, as `nsenter … ansible`.
    pub fn inside(&self, sandbox: &Sandbox, mut command: Command) -> Command {
        process::clean(&mut command)
            .current_dir(sandbox.home())
            .env("PATH", self.path())
            .env("HOME", sandbox.home())
            .env("ANSIBLE_NOCOLOR", "1")
            // Else the login shell of the machine's own user would say where.
            .env("ANSIBLE_REMOTE_TMP", sandbox.path("remote"))
            .env("ANSIBLE_PYTHON_INTERPRETER", self.bin.join("python3"));
        command
    }

    /// The path of one of its programs.
    pub fn program(&self, name: &str) -> String {
        self.bin.join(name).to_str().unwrap().to_owned()
    }

    /// Our program, Ansible's, and the system's.
    fn path(&self) -> std::ffi::OsString {
        let ours = Path::new(env!("CARGO_BIN_EXE_prime-ssh")).parent().unwrap().to_owned();
        let system = process::path();
        let folders = [self.bin.clone(), ours].into_iter().chain(std::env::split_paths(&system));
        std::env::join_paths(folders).unwrap()
    }

    /// What it makes of an inventory: `ansible-inventory --list`, which says nothing on stderr.
    #[track_caller]
    pub fn loads(&self, sandbox: &Sandbox, inventory: impl AsRef<OsStr>) -> String {
        let mut command = self.command(sandbox, "ansible-inventory");
        let ran = process::run(command.arg("--list").arg("-i").arg(inventory), b"");
        assert_eq!(ran.stderr, "", "no warning: {}", ran.command);
        ran.succeeds()
    }

    /// `ansible PATTERN -m ping`.
    pub fn ping(&self, sandbox: &Sandbox, inventory: impl AsRef<OsStr>, pattern: &str) -> Ran {
        let mut command = self.command(sandbox, "ansible");
        command.args([pattern, "-m", "ping", "-i"]).arg(inventory);
        process::run(&mut command, b"")
    }
}
