//! Other programs, asked for an answer: with a time limit, and never with our terminal.

mod group;
#[cfg(target_os = "linux")]
mod orphans;
mod timeout;

use std::env;
use std::fs::File;
use std::io;
use std::iter;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

pub use group::Group;
pub use timeout::run_with_timeout;

/// The most that is read of what a program says, in bytes.
const OUTPUT_MAX: usize = 64 * 1024;

/// The largest file that it may write, in bytes: what a server sends without end must not fill the
/// disk before the time is over. A log of 20,000 connections fits, and so does any `known_hosts`.
const FILE_MAX: u64 = 16 * 1024 * 1024;

/// The end of a program, and what it said.
#[derive(Debug)]
pub struct Ended {
    /// `None` where it took too long and was killed with all that it had started.
    pub status: Option<ExitStatus>,
    /// The first 64 KiB of its stdout.
    pub stdout: String,
    /// The first 64 KiB of its stderr.
    pub stderr: String,
}

impl Ended {
    /// Returns whether it ended in time and was content.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        self.status.is_some_and(|status| status.success())
    }

    /// Returns the first line that it wrote to stderr; empty where there is none.
    #[must_use]
    pub fn complaint(&self) -> &str {
        self.stderr.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default()
    }
}

/// Runs a program to its end, at most for `limit`. It has no stdin.
///
/// # Errors
///
/// Where it cannot be started or waited for; `NotFound` where there is no such program.
pub fn run(command: &mut Command, limit: Duration) -> io::Result<Ended> {
    let mut running = Running::start(command.process_group(0), Stdio::null())?;
    let start = Instant::now();
    let mut pauses = pauses();
    while running.status()?.is_none() && start.elapsed() < limit {
        thread::sleep(pauses.next().unwrap_or_default());
    }
    if running.status.is_none() {
        if let Ok(group) = i32::try_from(running.child.id()) {
            // It may have ended in the meantime, which is as good.
            let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
        }
        running.child.wait()?;
    }
    running.ended()
}

/// A program that was started.
#[derive(Debug)]
pub struct Running {
    child: Child,
    /// The exit status, if it ended by itself.
    status: Option<ExitStatus>,
    // Files, not pipes: what the program itself starts may keep a pipe open forever.
    stdout: File,
    stderr: File,
}

impl Running {
    fn start(command: &mut Command, stdin: Stdio) -> io::Result<Self> {
        let (stdout, stderr) = (tempfile::tempfile()?, tempfile::tempfile()?);
        command.stdin(stdin).stdout(stdout.try_clone()?).stderr(stderr.try_clone()?);
        let child = spawn_limited(command)?;
        Ok(Self { child, status: None, stdout, stderr })
    }

    /// Returns its exit status; `None` while it runs.
    ///
    /// # Errors
    ///
    /// Where it cannot be waited for.
    pub fn status(&mut self) -> io::Result<Option<ExitStatus>> {
        if self.status.is_none() {
            self.status = self.child.try_wait()?;
        }
        Ok(self.status)
    }

    /// Ends it after `limit`, or once `is_enough` is true of it, if it has not ended by itself.
    ///
    /// # Errors
    ///
    /// Where it cannot be waited for.
    pub async fn end_after(
        mut self,
        limit: Duration,
        is_enough: impl Fn(&Self) -> io::Result<bool>,
    ) -> io::Result<Ended> {
        let start = Instant::now();
        let mut pauses = pauses();
        while self.status()?.is_none() && start.elapsed() < limit && !is_enough(&self)? {
            tokio::time::sleep(pauses.next().unwrap_or_default()).await;
        }
        self.end()
    }

    /// Returns the first 64 KiB of what it has written to stdout so far.
    ///
    /// # Errors
    ///
    /// Where that cannot be read.
    pub fn said(&self) -> io::Result<Vec<u8>> {
        output(&self.stdout)
    }

    /// Ends it if it still runs, and returns what it said.
    ///
    /// # Errors
    ///
    /// Where it cannot be waited for.
    pub fn end(mut self) -> io::Result<Ended> {
        if self.status()?.is_none() {
            self.child.kill()?;
            self.child.wait()?;
        }
        self.ended()
    }

    fn ended(self) -> io::Result<Ended> {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let (stdout, stderr) = (text(output(&self.stdout)?), text(output(&self.stderr)?));
        Ok(Ended { status: self.status, stdout, stderr })
    }
}

/// Starts a program that ends with `SIGXFSZ` where it writes a file of more than [`FILE_MAX`], and so
/// does what it starts itself.
#[cfg(target_os = "linux")]
fn spawn_limited(command: &mut Command) -> io::Result<Child> {
    use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
    let child = command.spawn()?;
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let Rlimit { current, maximum } = getrlimit(Resource::Fsize);
    let current = Some(current.unwrap_or(FILE_MAX).min(FILE_MAX));
    if let Some(pid) = pid {
        // One that has ended already needs none.
        let _ = prlimit(Some(pid), Resource::Fsize, Rlimit { current, maximum });
    }
    Ok(child)
}

/// The same, where the system limits no other process: it inherits the limit, which is ours for so
/// long. One thread at a time does so: another would take the lowered limit for ours, and leave it
/// behind.
#[cfg(not(target_os = "linux"))]
fn spawn_limited(command: &mut Command) -> io::Result<Child> {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    static LIMITING: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _alone = LIMITING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let Ok((ours, most)) = getrlimit(Resource::RLIMIT_FSIZE) else { return command.spawn() };
    // A limit that cannot be set is none; the one for all time stays, so that ours comes back.
    let _ = setrlimit(Resource::RLIMIT_FSIZE, ours.min(FILE_MAX), most);
    let child = command.spawn();
    let _ = setrlimit(Resource::RLIMIT_FSIZE, ours, most);
    child
}

/// Returns where a program of this name is found first.
#[must_use]
pub fn on_path(name: impl AsRef<Path>) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let is_program = |path: &PathBuf| {
        path.metadata().is_ok_and(|found| found.is_file() && found.mode() & 0o111 != 0)
    };
    env::split_paths(&path).map(|folder| folder.join(&name)).find(is_program)
}

/// Returns the pauses between two looks at a program that runs.
fn pauses() -> impl Iterator<Item = Duration> {
    let longer = |pause: &Duration| Some((*pause * 2).min(Duration::from_millis(20)));
    iter::successors(Some(Duration::from_micros(250)), longer)
}

/// Reads the first of what a program has written so far, at its place in the file: a program that
/// goes on writes where the file's own position is.
fn output(file: &File) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; OUTPUT_MAX];
    let mut length = 0;
    while let Some(rest) = bytes.get_mut(length..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, length as u64)? {
            0 => break,
            count => length += count,
        }
    }
    bytes.truncate(length);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str, limit: Duration) -> Ended {
        run(Command::new("sh").args(["-c", script]), limit).unwrap()
    }

    #[test]
    fn what_a_program_says() {
        let ended = sh("echo out; echo err >&2; exit 3", Duration::from_secs(10));
        assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), ("out\n", "err\n"));
        assert_eq!(ended.status.unwrap().code(), Some(3));
        assert!(!ended.succeeded());
    }

    #[test]
    fn one_that_takes_too_long_is_ended_with_what_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let mark = folder.path().join("mark");
        let start = Instant::now();
        let script = format!("(sleep 1; touch '{}') & wait", mark.display());
        let ended = sh(&script, Duration::from_millis(300));
        assert!(ended.status.is_none() && start.elapsed() < Duration::from_secs(10));
        thread::sleep(Duration::from_millis(1500));
        assert!(!mark.exists());
    }

    #[test]
    fn one_that_says_too_much_is_ended_before_it_fills_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let script = format!("exec cat /dev/zero >'{}'", log.display());
        for script in [script.as_str(), "exec cat /dev/zero", "exec cat /dev/zero >&2"] {
            let ended = sh(script, Duration::from_secs(60));
            assert!(ended.status.is_some_and(|status| !status.success()), "{script}");
        }
        assert_eq!(log.metadata().unwrap().len(), FILE_MAX);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_we_write_ourselves_is_as_long_as_before() {
        use std::sync::atomic::{AtomicBool, Ordering};

        use rustix::process::{Resource, getrlimit};
        let before = getrlimit(Resource::Fsize);
        let is_over = AtomicBool::new(false);
        thread::scope(|scope| {
            let watch = scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    assert_eq!(getrlimit(Resource::Fsize), before, "at no time is it ours");
                }
            });
            let starts: Vec<_> =
                (0..8).map(|_| scope.spawn(|| sh("true", Duration::from_secs(60)))).collect();
            for start in starts {
                start.join().unwrap();
            }
            is_over.store(true, Ordering::Relaxed);
            watch.join().unwrap();
        });
    }

    #[test]
    fn one_that_is_not_there() {
        let error = run(&mut Command::new("prime-ssh-no-such-program"), Duration::from_secs(1));
        assert_eq!(error.unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
