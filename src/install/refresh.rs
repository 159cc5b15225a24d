//! The last refresh of a cluster, and its result: one small file each.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::layout::Layout;
use super::state::{FileKind, FileStem};
use crate::fs::FileError;
use crate::text::time;

/// No new try for so long after one that failed, in seconds.
const PAUSE: u64 = 60;
/// The least time that somebody notices who waits for a connection, in milliseconds.
const WAIT: u64 = 1000;
/// More bytes than such a file has.
const BYTES_MAX: u64 = 64 * 1024;

/// The last tries. Moments are in Unix seconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RefreshState {
    /// The moment when the hosts were last as the API says.
    pub checked: u64,
    /// The moment of the last try.
    pub tried: u64,
    /// The reason that the last try failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// Milliseconds that the last one took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub took: Option<u64>,
    /// The key whose certificate is renewed, where the cluster lets nobody in without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate_key: Option<PathBuf>,
    /// The moment when a new certificate was last asked for in vain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate_failed: Option<u64>,
}

impl RefreshState {
    /// Notes a try that ended just now, and the problem if it failed.
    pub fn end(&mut self, problem: Option<String>, took: Option<Duration>) {
        self.tried = time::now();
        if problem.is_none() {
            self.checked = self.tried;
        }
        self.problem = problem;
        self.took = took.map(|took| u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
    }

    /// Reads that of a cluster, or of the subscription. One that is missing or damaged says nothing.
    #[must_use]
    pub fn read(layout: &Layout, stem: &FileStem) -> Self {
        let text = crate::fs::read(&layout.part(stem, FileKind::Refresh), BYTES_MAX).ok().flatten();
        text.and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default()
    }

    /// Writes it.
    pub fn write(&self, layout: &Layout, stem: &FileStem) -> Result<(), FileError> {
        let text = serde_json::to_vec(self).unwrap_or_default();
        let path = layout.part(stem, FileKind::Refresh);
        // A link is none of ours, and what it leads to is not to be written.
        if path.is_symlink() {
            crate::fs::remove(&path)?;
        }
        crate::fs::replace(&path, &text, 0o600)
    }

    /// Returns whether the hosts are older than that.
    #[must_use]
    pub fn is_older(&self, than: Duration, now: u64) -> bool {
        // A clock that went back makes it old.
        now.checked_sub(self.checked).is_none_or(|age| age >= than.as_secs())
    }

    /// Returns whether a try failed so lately that a new one would only make people wait.
    #[must_use]
    pub fn is_pausing(&self, now: u64) -> bool {
        self.problem.is_some() && is_recent(self.tried, now)
    }

    /// The same for the certificate.
    #[must_use]
    pub fn certificate_is_pausing(&self, now: u64) -> bool {
        self.certificate_failed.is_some_and(|failed| is_recent(failed, now))
    }

    /// Returns whether the last try made somebody wait.
    #[must_use]
    pub fn kept_waiting(&self) -> bool {
        self.took.is_some_and(|took| took >= WAIT)
    }

    /// The age of the hosts; `None` where that is not known.
    #[must_use]
    pub fn age(&self, now: u64) -> Option<Duration> {
        let age = now.checked_sub(self.checked).filter(|_| self.checked > 0);
        age.map(Duration::from_secs)
    }
}

fn is_recent(moment: u64, now: u64) -> bool {
    now.checked_sub(moment).is_some_and(|age| age < PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_due() {
        let state = RefreshState { checked: 1000, tried: 1290, ..RefreshState::default() };
        let five = Duration::from_secs(300);
        assert!(!state.is_older(five, 1299));
        assert!(state.is_older(five, 1300));
        assert!(state.is_older(five, 900), "a clock that went back");
        assert!(!state.is_pausing(1300));
        let failed = RefreshState { problem: Some("down".to_owned()), ..state };
        assert!(failed.is_pausing(1349));
        assert!(!failed.is_pausing(1350));
        assert!(RefreshState::default().is_older(five, 1_700_000_000));
    }
}
