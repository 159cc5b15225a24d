//! The processes that the programs of a group leave in the background. A shared connection that a user's
//! `ProxyCommand` opens goes on in a session of its own: no process group holds it, and no variable
//! tells it, for ssh writes its title over its environment. But Linux makes a process that loses its
//! parent a child of ours, where we ask for that.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use memchr::memmem;
use nix::sys::prctl::set_child_subreaper;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, getsid};

/// The time to end in an orderly way: ssh removes the socket of its connection.
const PATIENCE: Duration = Duration::from_secs(1);
/// The time for all of it, where what ends leaves something behind again.
const LIMIT: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(5);

/// The processes that are left to us by the programs of one group.
#[derive(Debug)]
pub(super) struct Orphans {
    /// The start of the group. What is older came with a shell that became this program.
    since: u64,
    /// The folder of the group, which the environment of its programs names.
    folder: PathBuf,
}

impl Orphans {
    /// From now on, what loses its parent becomes ours. `first` is the first program of the group.
    pub(super) fn adopt(first: u32, folder: &Path) -> Option<Self> {
        set_child_subreaper(true).ok()?;
        let Process { started, .. } = Process::read(first.try_into().ok()?)?;
        Some(Self { since: started, folder: folder.to_owned() })
    }

    /// Ends all of them.
    pub(super) fn end(&self) {
        let start = Instant::now();
        while start.elapsed() < LIMIT {
            match self.find() {
                orphans if orphans.is_empty() => return,
                orphans => end(orphans),
            }
        }
    }

    /// Our children that we did not start: those in another session than ours, or from this group.
    fn find(&self) -> Vec<Pid> {
        let (us, session) = (Pid::this().as_raw(), getsid(None).map(Pid::as_raw));
        let is_of_group = |id| {
            let environment = fs::read(format!("/proc/{id}/environ")).unwrap_or_default();
            let folder: &OsStr = self.folder.as_os_str();
            memmem::find(&environment, folder.as_bytes()).is_some()
        };
        let is_orphan = |process: &Process| {
            process.parent == us
                && process.started >= self.since
                && (Ok(process.session) != session || is_of_group(process.id))
        };
        let folders = fs::read_dir("/proc").into_iter().flatten().flatten();
        let ids = folders.filter_map(|folder| folder.file_name().to_str()?.parse().ok());
        let orphans = ids.filter_map(Process::read).filter(is_orphan);
        orphans.map(|process| Pid::from_raw(process.id)).collect()
    }
}

/// Ends these children. Until we have waited for one, no other process gets its number.
fn end(mut children: Vec<Pid>) {
    for signal in [Signal::SIGTERM, Signal::SIGKILL] {
        for child in &children {
            // It may have ended by itself, which is as good.
            let _ = kill(*child, signal);
        }
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            let runs = |child: &Pid| waitpid(*child, Some(WaitPidFlag::WNOHANG));
            children.retain(|child| runs(child) == Ok(WaitStatus::StillAlive));
            if children.is_empty() {
                return;
            }
            thread::sleep(POLL);
        }
    }
}

/// A process, as `proc_pid_stat(5)` says it.
struct Process {
    id: i32,
    parent: i32,
    session: i32,
    /// In clock ticks since the start of the machine.
    started: u64,
}

impl Process {
    fn read(id: i32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        // Its name, in parentheses, may be anything.
        let (_, fields) = stat.rsplit_once(") ")?;
        let fields: Vec<&str> = fields.split(' ').collect();
        let id_at = |at: usize| fields.get(at)?.parse().ok();
        let started = fields.get(19)?.parse().ok()?;
        Some(Self { id, parent: id_at(1)?, session: id_at(3)?, started })
    }
}
