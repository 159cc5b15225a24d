//! One run at a time changes our folder.

use std::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crate::fs::WriteError;

/// How long a wait may be before the person is told of it.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long between two tries.
const PAUSE: Duration = Duration::from_millis(20);

/// The right to change our folder, until dropped. The system takes it back from a run that died.
#[derive(Debug)]
pub struct Lock {
    file: File,
    path: PathBuf,
}

/// Why the lock was not had.
#[derive(Debug)]
pub enum LockError {
    /// Another run held it all the time.
    Busy {
        /// The lock file.
        path: PathBuf,
        /// How long was waited.
        limit: Duration,
        /// The process that holds it, as far as it said so.
        holder: Option<String>,
    },
    /// Our folder could not be made.
    Folder(WriteError),
    /// The lock file was replaced by a link.
    Link(PathBuf),
    /// The lock file could not be made or locked.
    System {
        /// The lock file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
}

impl fmt::Display for LockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy { path, limit, holder } => {
                write!(f, "another run of prime-ssh ")?;
                if let Some(holder) = holder {
                    write!(f, "(process {holder}) ")?;
                }
                let (path, seconds) = (path.display(), limit.as_secs());
                write!(f, "has held {path} for {seconds} seconds; try again when it has ended")
            }
            Self::Folder(error) => error.fmt(f),
            Self::Link(path) => write!(
                f,
                "{} is a link, which we never made; remove it, and run the command again",
                path.display()
            ),
            Self::System { path, error } => {
                write!(f, "cannot lock {}: {error}", path.display())
            }
        }
    }
}

impl std::error::Error for LockError {}

impl Lock {
    /// Takes the lock on the file at `path`, which is made where it is missing.
    ///
    /// Waits for at most `limit`; after a second of it `waiting` is called, once. `prepare` is
    /// called before each try: the run that was waited for may have removed the folder.
    pub fn take(
        path: &Path,
        limit: Duration,
        mut prepare: impl FnMut() -> Result<(), WriteError>,
        waiting: impl FnOnce(),
    ) -> Result<Self, LockError> {
        let failed = |error| LockError::System { path: path.to_owned(), error };
        let start = Instant::now();
        let mut waiting = Some(waiting);
        loop {
            prepare().map_err(LockError::Folder)?;
            // What a link leads to would be cut.
            if path.is_symlink() {
                return Err(LockError::Link(path.to_owned()));
            }
            match attempt(path) {
                Ok(Some(mut file)) => {
                    // A courtesy to those who wait; nothing depends on it.
                    let _ = file.set_len(0).and_then(|()| write!(file, "{}", std::process::id()));
                    return Ok(Self { file, path: path.to_owned() });
                }
                Ok(None) => {}
                // The folder went away between the two steps: the next try makes it anew.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(failed(error)),
            }
            let waited = start.elapsed();
            if waited >= limit {
                let holder = std::fs::read_to_string(path).ok();
                let holder =
                    holder.filter(|h| !h.is_empty() && h.bytes().all(|b| b.is_ascii_digit()));
                return Err(LockError::Busy { path: path.to_owned(), limit, holder });
            }
            if waited >= PATIENCE
                && let Some(tell) = waiting.take()
            {
                tell();
            }
            thread::sleep(PAUSE.min(limit.saturating_sub(waited)));
        }
    }

    /// Removes the lock file, for the run that removes the folder. The lock is held until dropped,
    /// and those who wait for it see that their file is gone.
    pub fn remove_file(&self) -> Result<(), WriteError> {
        crate::fs::remove(&self.path)
    }
}

/// The locked file; nothing while another run holds it, or where it was removed meanwhile.
fn attempt(path: &Path) -> io::Result<Option<File>> {
    let file =
        OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    let is_same = std::fs::metadata(path).is_ok_and(|now| {
        file.metadata().is_ok_and(|ours| (ours.dev(), ours.ino()) == (now.dev(), now.ino()))
    });
    Ok(is_same.then_some(file))
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

    fn take(path: &Path, limit: Duration) -> Result<Lock, LockError> {
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
        let make = || crate::fs::make_folder(&ours, 0o700).map(drop);
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
        assert!(matches!(take(&path, Duration::ZERO), Err(LockError::Busy { .. })));
        drop(second);
    }

    #[test]
    fn a_link_in_its_place_is_not_cut() {
        let folder = tempfile::tempdir().unwrap();
        let treasure = folder.path().join("treasure");
        std::fs::write(&treasure, "gold").unwrap();
        let path = folder.path().join("lock");
        std::os::unix::fs::symlink(&treasure, &path).unwrap();
        take(&path, Duration::ZERO).unwrap_err();
        assert_eq!(std::fs::read_to_string(&treasure).unwrap(), "gold");
    }
}
