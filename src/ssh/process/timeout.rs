//! Work that must not hold us up: a pipe where a file should be, or a disk that is far away, waits
//! for ever.

use std::io::{self, ErrorKind};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

/// Does `work` on a thread of its own, for at most so long. What takes longer is left alone, and ends
/// with the program: that fails with [`ErrorKind::TimedOut`], and with the system's error where that
/// grants no thread.
pub fn run_with_timeout<T: Send + 'static>(
    limit: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<T> {
    let (sender, result) = mpsc::channel();
    // Nobody may be there any more to take it.
    thread::Builder::new().spawn(move || drop(sender.send(work())))?;
    result.recv_timeout(limit).map_err(|error| match error {
        RecvTimeoutError::Timeout => io::Error::from(ErrorKind::TimedOut),
        RecvTimeoutError::Disconnected => io::Error::other("the work broke off"),
    })
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn what_takes_too_long_is_left_alone() {
        assert_eq!(run_with_timeout(Duration::from_secs(10), || 1).unwrap(), 1);
        let start = Instant::now();
        let forever = || thread::sleep(Duration::from_secs(60));
        let error = run_with_timeout(Duration::from_millis(50), forever).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert!(start.elapsed() < Duration::from_secs(10));
    }
}
