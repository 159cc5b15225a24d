//! Mount namespaces of the test's own: a small disk, another home folder.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::process::{self, Background};

/// Mounts that nobody else sees; they end with its drop. Needs root.
pub struct Mounts {
    /// A process that does nothing but keep the namespace there.
    holder: Background,
}

impl Mounts {
    pub fn new() -> Self {
        let mut command = process::tied("unshare");
        command.args(["--mount", "--propagation", "private", "sleep", "3600"]);
        let mounts = Self { holder: Background::start(&mut command) };
        let ours = fs::read_link("/proc/self/ns/mnt").unwrap();
        let path = format!("/proc/{}/ns/mnt", mounts.holder.id());
        process::until("the namespace", || fs::read_link(&path).is_ok_and(|its| its != ours));
        mounts
    }

    /// A command that runs inside, and ends with the test that started it.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = process::tied("nsenter");
        command.args(["--mount", "--target", &self.holder.id().to_string(), "--"]).arg(program);
        command
    }

    /// Where a file that is seen inside can be reached from outside.
    pub fn seen(&self, path: &Path) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.holder.id()));
        root.join(path.strip_prefix("/").unwrap())
    }

    /// A disk in memory, of this many KiB.
    #[track_caller]
    pub fn disk(&self, at: &Path, kib: usize) {
        let size = format!("size={kib}k,mode=700");
        let mut mount = self.command("mount");
        process::run(mount.args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(at), b"").succeeds();
    }

    /// Shows `what` at another place too.
    #[track_caller]
    pub fn bind(&self, what: &Path, at: &Path) {
        process::run(self.command("mount").arg("--bind").arg(what).arg(at), b"").succeeds();
    }
}
