//! Work that must not hold us up: a pipe where a file should be, or a disk that is far away, waits
//! for ever.

use std::io::{self, ErrorKind};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

/// Work on a thread of its own, for at most so long. What takes longer is left alone, and ends
/// with the program.
#[derive(Debug)]
pub struct Background<T> {
    result: io::Result<Receiver<T>>,
    until: Instant,
}

impl<T: Send + 'static> Background<T> {
    /// Starts it.
    pub fn start(limit: Duration, work: impl FnOnce() -> T + Send + 'static) -> Self {
        let (sender, result) = mpsc::channel();
        // Nobody may be there any more to take it.
        let thread = thread::Builder::new().spawn(move || drop(sender.send(work())));
        Self { result: thread.map(|_| result), until: Instant::now() + limit }
    }

    /// Waits for its result. It fails with [`ErrorKind::TimedOut`] when the time is over, and with
    /// the system's error where that grants no thread.
    pub fn wait(self) -> io::Result<T> {
        let left = self.until.saturating_duration_since(Instant::now());
        self.result?.recv_timeout(left).map_err(|error| match error {
            RecvTimeoutError::Timeout => io::Error::from(ErrorKind::TimedOut),
            RecvTimeoutError::Disconnected => io::Error::other("the work broke off"),
        })
    }
}

/// Does `work`, for at most so long, as [`Background::wait`] says.
pub fn run_with_timeout<T: Send + 'static>(
    limit: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<T> {
    Background::start(limit, work).wait()
}

#[cfg(test)]
mod tests {
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
