//! Programs that run side by side, and none of which outlives this one.

use std::fs::{OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tempfile::TempDir;

use super::{Ended, Running};

/// The keeper: once nobody holds the other end of its stdin, it ends the whole group, itself last,
/// and removes the folder. So a Ctrl-C, a `kill -9` and a plain end all leave the same: nothing.
const KEEPER: &str = "trap '' HUP INT TERM; read _; kill -TERM 0; rm -rf -- \"$1\"; kill -KILL 0";
/// The longest path of the folder: a socket in it must fit into 104 bytes (macOS), with 17 that ssh
/// adds for a moment, a name and a slash.
const PATH_MAX: usize = 70;

/// Programs in one process group, with a folder for them that nobody else can read. With its drop,
/// or the end of this process however that comes about, all of them end and the folder is gone.
#[derive(Debug)]
pub struct Group {
    folder: TempDir,
    id: i32,
    keeper: Child,
    /// Open as long as this process lives, and in no other one.
    lifeline: Option<ChildStdin>,
    /// The number of paths that it has given out.
    paths: AtomicUsize,
    #[cfg(target_os = "linux")]
    orphans: Option<super::orphans::Orphans>,
}

impl Group {
    /// A group without programs.
    ///
    /// # Errors
    ///
    /// Where there is no place for a folder, or no shell.
    pub fn new() -> io::Result<Self> {
        let folder = folder()?;
        let mut keeper = Command::new("/bin/sh")
            .args(["-c", KEEPER, "sh"])
            .arg(folder.path())
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let lifeline = keeper.stdin.take();
        let id = i32::try_from(keeper.id()).map_err(io::Error::other)?;
        Ok(Self {
            #[cfg(target_os = "linux")]
            orphans: super::orphans::Orphans::adopt(keeper.id(), folder.path()),
            folder,
            id,
            keeper,
            lifeline,
            paths: AtomicUsize::new(0),
        })
    }

    /// A path in the group's folder that nobody else is given, short enough for a socket. `kind` is a
    /// letter.
    #[must_use]
    pub fn path(&self, kind: &str) -> PathBuf {
        let number = self.paths.fetch_add(1, Ordering::Relaxed);
        self.folder.path().join(format!("{kind}{number}"))
    }

    /// Writes a new file in the group's folder: of the mode 0600, as ssh wants its files, or 0700 for a
    /// program.
    ///
    /// # Errors
    ///
    /// Where the disk is full, or there is a file of this name.
    pub fn write(&self, path: PathBuf, mode: u32, content: &[u8]) -> io::Result<PathBuf> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&path)?;
        file.write_all(content)?;
        Ok(path)
    }

    /// The group's folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs a program to its end, at most for `limit`. It has no stdin. What it started itself and
    /// left behind goes on until the group ends.
    ///
    /// # Errors
    ///
    /// As [`super::run`].
    pub async fn run(&self, command: &mut Command, limit: Duration) -> io::Result<Ended> {
        let program = self.start(command, Stdio::null())?;
        program.end_after(limit, |_| Ok(false)).await
    }

    /// Starts a program that goes on until it is ended.
    ///
    /// # Errors
    ///
    /// As [`super::run`].
    pub fn start(&self, command: &mut Command, stdin: Stdio) -> io::Result<Running> {
        Running::start(command.process_group(self.id), stdin)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        drop(self.lifeline.take());
        // It ends itself at once.
        let _ = self.keeper.wait();
        #[cfg(target_os = "linux")]
        if let Some(orphans) = &self.orphans {
            orphans.end();
        }
    }
}

/// Below the usual place for such folders, unless its path is too long for a socket.
fn folder() -> io::Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("prime-ssh-").permissions(Permissions::from_mode(0o700));
    let usual = builder.tempdir()?;
    if usual.path().as_os_str().len() <= PATH_MAX && usual.path().is_absolute() {
        return Ok(usual);
    }
    let short = builder.tempdir_in("/tmp")?;
    if short.path().as_os_str().len() > PATH_MAX {
        return Err(io::Error::from(ErrorKind::InvalidFilename));
    }
    Ok(short)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::thread;
    use std::time::Instant;

    use nix::sys::signal::kill;
    use nix::unistd::Pid;

    use super::*;

    const LONG: Duration = Duration::from_secs(20);

    fn sh(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    fn block_on<T>(work: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        runtime.unwrap().block_on(work)
    }

    fn until(what: &str, mut done: impl FnMut() -> bool) {
        let start = Instant::now();
        while !done() {
            assert!(start.elapsed() < LONG, "waited in vain: {what}");
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn lives(pid: &str) -> bool {
        let pid = Pid::from_raw(pid.trim().parse().unwrap());
        // One that nobody waited for yet has ended all the same.
        let state = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        kill(pid, None).is_ok() && !state.contains(") Z ")
    }

    #[test]
    fn what_programs_say_side_by_side() {
        let group = Group::new().unwrap();
        block_on(async {
            let (mut one, mut two) = (sh("sleep 0.2; echo one; exit 3"), sh("echo two"));
            let one = group.run(&mut one, LONG).await.unwrap();
            let two = group.run(&mut two, LONG).await.unwrap();
            assert_eq!((one.stdout.as_str(), two.stdout.as_str()), ("one\n", "two\n"));
            assert_eq!(one.status.unwrap().code(), Some(3));
            let start = Instant::now();
            let slow = group.run(&mut sh("sleep 60"), Duration::from_millis(100)).await.unwrap();
            assert!(slow.status.is_none() && start.elapsed() < LONG);
        });
    }

    #[test]
    fn all_ends_with_the_group_and_the_folder_goes() {
        let group = Group::new().unwrap();
        let folder = group.folder().to_owned();
        assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
        let (mine, below) = (folder.join("mine"), folder.join("below"));
        // The second one is stubborn, and nobody's child any more.
        let script = "(trap '' TERM HUP; sh -c 'echo $$ >below; exec sleep 60') & echo $$ >mine; \
                      exec sleep 60";
        let member = group.start(sh(script).current_dir(&folder), Stdio::null()).unwrap();
        until("the programs", || [&mine, &below].iter().all(|path| path.exists()));
        thread::sleep(Duration::from_millis(50));
        let pids = [&mine, &below].map(|path| fs::read_to_string(path).unwrap());
        assert!(pids.iter().all(|pid| lives(pid)));
        drop((group, member));
        until("their end", || !pids.iter().any(|pid| lives(pid)));
        assert!(!folder.exists());
    }

    #[test]
    fn a_long_place_for_temporary_files_is_none_for_sockets() {
        let group = Group::new().unwrap();
        let name = "j123456";
        assert!(group.folder().join(name).as_os_str().len() + 17 < 104);
        assert_ne!(group.path("j"), group.path("j"));
    }
}
