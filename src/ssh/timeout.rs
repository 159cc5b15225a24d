//! Work that must not hold us up: a pipe where a file should be, or a disk that is far away, waits
//! for ever.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Work on a thread of its own, for at most so long. What takes longer is left alone, and ends
/// with the program.
#[derive(Debug)]
pub struct Beside<T> {
    result: Receiver<T>,
    thread: JoinHandle<()>,
    until: Instant,
}

impl<T: Send + 'static> Beside<T> {
    /// Starts it.
    pub fn start(limit: Duration, work: impl FnOnce() -> T + Send + 'static) -> Self {
        let (sender, result) = mpsc::channel();
        // Nobody may be there any more to take it.
        let thread = thread::spawn(move || drop(sender.send(work())));
        Self { result, thread, until: Instant::now() + limit }
    }

    /// What it came to; `None` where the time is over.
    #[must_use]
    pub fn wait(self) -> Option<T> {
        match self.result.recv_timeout(self.until.saturating_duration_since(Instant::now())) {
            Ok(done) => Some(done),
            Err(RecvTimeoutError::Timeout) => None,
            // It panicked, and said why; so it goes on here.
            Err(RecvTimeoutError::Disconnected) => match self.thread.join() {
                Ok(()) => None,
                Err(panicked) => std::panic::resume_unwind(panicked),
            },
        }
    }
}

/// Does `work`, for at most so long.
pub fn within<T: Send + 'static>(
    limit: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    Beside::start(limit, work).wait()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_too_long_is_left_alone() {
        assert_eq!(within(Duration::from_secs(10), || 1), Some(1));
        let start = Instant::now();
        let forever = || thread::sleep(Duration::from_secs(60));
        assert_eq!(within(Duration::from_millis(50), forever), None);
        assert!(start.elapsed() < Duration::from_secs(10));
    }
}
