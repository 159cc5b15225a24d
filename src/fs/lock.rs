//! Locks: one run at a time changes what belongs together.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use super::error::{Action, FileError, Problem};
use super::read::{Links, open, read};

/// The time after which the user is told about a wait.
const PATIENCE: Duration = Duration::from_secs(1);
/// The pause between two tries.
const PAUSE: Duration = Duration::from_millis(20);
/// More bytes than the number of a process has.
const HOLDER_MAX: u64 = 20;

/// The right to change what a lock file stands for, until dropped. The system takes it back from a
/// run that died.
#[derive(Debug)]
pub struct Lock {
    file: File,
    path: PathBuf,
}

impl Lock {
    /// Takes the lock on the file at `path`, which is made where it is missing.
    ///
    /// Waits for at most `limit`; after a second of it `waiting` is called, once. `prepare` is
    /// called before each try: the run that was waited for may have removed the folder.
    pub fn take(
        path: &Path,
        limit: Duration,
        mut prepare: impl FnMut() -> Result<(), FileError>,
        waiting: impl FnOnce(),
    ) -> Result<Self, FileError> {
        let attempt = || {
            prepare()?;
            Ok(attempt(path)?.inspect(sign))
        };
        Self::wait(path, limit, attempt, waiting)
    }

    /// Takes the lock on a folder, in which nothing is made: for what several lock files may guard,
    /// such as a file that links of several homes lead to. `None` where folders cannot be locked.
    pub fn take_folder(
        path: &Path,
        limit: Duration,
        waiting: impl FnOnce(),
    ) -> Result<Option<Self>, FileError> {
        let Ok(folder) = File::open(path) else { return Ok(None) };
        if matches!(folder.try_lock(), Err(TryLockError::Error(_))) {
            return Ok(None);
        }
        let attempt = || match folder.try_lock() {
            Ok(()) => Ok(folder.try_clone().ok()),
            Err(_) => Ok(None),
        };
        Self::wait(path, limit, attempt, waiting).map(Some)
    }

    fn wait(
        path: &Path,
        limit: Duration,
        mut attempt: impl FnMut() -> Result<Option<File>, FileError>,
        waiting: impl FnOnce(),
    ) -> Result<Self, FileError> {
        let start = Instant::now();
        let mut waiting = Some(waiting);
        loop {
            if let Some(file) = attempt()? {
                return Ok(Self { file, path: path.to_owned() });
            }
            let waited = start.elapsed();
            if waited >= limit {
                let holder = read(path, HOLDER_MAX).ok().flatten();
                let holder = holder.and_then(|holder| String::from_utf8(holder).ok());
                let holder =
                    holder.filter(|h| !h.is_empty() && h.bytes().all(|b| b.is_ascii_digit()));
                return Err(FileError::new(path, Action::Lock, Problem::Held { holder, limit }));
            }
            if waited >= PATIENCE
                && let Some(tell) = waiting.take()
            {
                tell();
            }
            thread::sleep(PAUSE.min(limit.saturating_sub(waited)));
        }
    }

    /// Returns whether a run holds the lock at `path` now. The file is neither made nor kept
    /// locked.
    #[must_use]
    pub fn is_held(path: &Path) -> bool {
        let opened = open(path, OpenOptions::new().read(true), Links::Refused, Action::Lock);
        let Ok(Some((file, _))) = opened else { return false };
        matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
    }

    /// Removes the lock file, for the run that removes the folder. The lock is held until dropped,
    /// and those who wait for it see that their file is gone.
    pub fn remove_file(&self) -> Result<(), FileError> {
        super::remove(&self.path)
    }
}

/// The locked file; nothing while another run holds it, or where it was removed meanwhile.
fn attempt(path: &Path) -> Result<Option<File>, FileError> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).read(true).write(true).mode(0o600);
    // Without its folder there is none: the next try makes it again.
    let Some((file, ours)) = open(path, &mut options, Links::Refused, Action::Lock)? else {
        return Ok(None);
    };
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(error)) => {
            return Err(FileError::system(path, Action::Lock)(error));
        }
    }
    let is_same = std::fs::symlink_metadata(path)
        .is_ok_and(|now| (ours.dev(), ours.ino()) == (now.dev(), now.ino()));
    Ok(is_same.then_some(file))
}

/// Writes our number into the file, a courtesy to those who wait; nothing depends on it.
///
/// What has another name, or holds more than such a number, is not ours to cut.
fn sign(file: &File) {
    let mut file = file;
    let is_ours = |found: &std::fs::Metadata| found.nlink() == 1 && found.len() <= HOLDER_MAX;
    let mut write = || -> io::Result<()> {
        if is_ours(&file.metadata()?) {
            file.set_len(0)?;
            write!(file, "{}", std::process::id())?;
        }
        Ok(())
    };
    let _ = write();
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing it would do the same; this one does not wait for a child that inherited it.
        let _ = self.file.unlock();
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn take(path: &Path, limit: Duration) -> Result<Lock, FileError> {
        Lock::take(path, limit, || Ok(()), || ())
    }

    #[test]
    fn a_second_run_waits_is_told_and_gives_up() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let first = take(&path, Duration::ZERO).unwrap();
        let told = Cell::new(0);
        let limit = Duration::from_millis(1200);
        let busy = Lock::take(&path, limit, || Ok(()), || told.set(told.get() + 1)).unwrap_err();
        assert_eq!(told.get(), 1);
        let message = busy.to_string();
        assert!(message.contains(&format!("process {}", std::process::id())), "{message}");
        assert!(message.contains("for 1 seconds"), "{message}");
        drop(first);
        take(&path, Duration::ZERO).unwrap();
    }

    #[test]
    fn one_who_waits_for_a_removed_lock_gets_a_new_one() {
        let folder = tempfile::tempdir().unwrap();
        let ours = folder.path().join("ours");
        let path = ours.join("lock");
        std::fs::create_dir(&ours).unwrap();
        let first = take(&path, Duration::ZERO).unwrap();
        let make = || crate::fs::make_folder(&ours).map(drop);
        let second = thread::scope(|scope| {
            let waiter =
                scope.spawn(|| Lock::take(&path, Duration::from_secs(10), make, || ()).unwrap());
            thread::sleep(Duration::from_millis(100));
            first.remove_file().unwrap();
            // The waiter may be quicker; then the folder is its own already.
            let _ = std::fs::remove_dir(&ours);
            drop(first);
            waiter.join().unwrap()
        });
        assert!(take(&path, Duration::ZERO).unwrap_err().is_held());
        drop(second);
    }

    /// Neither waits: what is no regular file of ours is refused, or left as it is.
    #[test]
    fn what_stands_in_its_place_is_not_cut_and_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let treasure = at("treasure");
        std::fs::write(&treasure, "1849").unwrap();
        std::os::unix::fs::symlink(&treasure, at("link")).unwrap();
        std::fs::create_dir(at("folder")).unwrap();
        let made = std::process::Command::new("mkfifo").arg(at("pipe")).status();
        assert!(made.unwrap().success());
        let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
        for name in ["link", "folder", "pipe", "socket"] {
            let error = take(&at(name), Duration::ZERO).unwrap_err();
            assert!(error.to_string().contains(&format!("it is a {name}, not")), "{error}");
            assert!(error.is_refusal() && !Lock::is_held(&at(name)));
        }

        std::fs::hard_link(&treasure, at("lock")).unwrap();
        let lock = take(&at("lock"), Duration::ZERO).unwrap();
        assert!(Lock::is_held(&at("lock")));
        drop(lock);
        assert!(!Lock::is_held(&at("lock")));
        assert_eq!(std::fs::read_to_string(&treasure).unwrap(), "1849");
    }
}
