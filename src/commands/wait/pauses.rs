//! The pauses between requests to the API: short while something changes, and two seconds at least.

use std::time::Duration;

use tokio::time::Instant;

/// The least time between two requests.
const LEAST: Duration = Duration::from_secs(2);
/// The most time between two of them, where nothing changes.
const MOST: Duration = Duration::from_secs(15);
/// The factor from one pause to the next.
const GROWTH: f64 = 1.5;

/// The pauses between requests.
#[derive(Debug)]
pub(super) struct Pauses {
    asked: Instant,
    pause: Duration,
    not_before: Instant,
}

impl Pauses {
    /// Behind a request at this time.
    pub(super) fn after(asked: Instant) -> Self {
        Self { asked, pause: LEAST, not_before: asked }
    }

    /// There is no next request before this time.
    pub(super) fn defer_until(&mut self, time: Instant) {
        self.not_before = time;
    }

    /// Returns the time of the next request. The one after it counts from there, however late it is now: what
    /// was missed meanwhile is not made up for.
    pub(super) fn next(&mut self, now: Instant, changed: bool) -> Instant {
        self.pause = if changed { LEAST } else { self.pause.mul_f64(GROWTH).min(MOST) };
        self.asked = now.max(self.not_before).max(self.asked + self.pause);
        self.asked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn pauses_grow_while_nothing_changes() {
        let start = Instant::now();
        let mut pauses = Pauses::after(start);
        let mut last = start;
        let mut next = |changed| {
            let next = pauses.next(last, changed);
            let pause = next - last;
            last = next;
            pause
        };
        assert_eq!(
            [next(true), next(false), next(false)],
            [SECOND * 2, SECOND * 3, SECOND * 9 / 2]
        );
        assert_eq!((0..9).map(|_| next(false)).max(), Some(MOST));
        assert_eq!(next(true), LEAST);
    }

    #[test]
    fn a_long_look_at_the_hosts_is_not_made_up_for() {
        let start = Instant::now();
        let mut pauses = Pauses::after(start);
        // Five seconds for hosts that are silent, and then none.
        let first = pauses.next(start + SECOND * 5, true);
        assert_eq!(first, start + SECOND * 5);
        assert_eq!(pauses.next(first, true), first + LEAST);
    }

    #[test]
    fn a_server_gets_the_time_that_it_asks_for() {
        let start = Instant::now();
        let mut pauses = Pauses::after(start);
        pauses.defer_until(start + SECOND * 20);
        assert_eq!(pauses.next(start, true), start + SECOND * 20);
        assert_eq!(pauses.next(start + SECOND * 20, true), start + SECOND * 22);
    }
}
