//! Limits how much is done at once: in all, and to one address.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use nix::sys::resource::{Resource, getrlimit};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Handshakes at a time with one address, or through one jump host. From ten on that have not
/// logged in yet an sshd drops some by chance (`sshd_config(5)`, `MaxStartups` 10:30:100).
pub const AT_ONE_ADDRESS: usize = 8;
/// Open files that are not ours to count on: the standard streams, the runtime's own, what is
/// loaded.
const FILES_KEPT: usize = 32;
/// Open files that one host can take: a socket, or what a program says in two files.
const FILES_EACH: usize = 3;

/// A limit on how many go on at once.
///
/// Who holds a permit of all may not wait for one of an address, or all could be held by those who
/// wait: first [`Limiter::acquire_at`], then [`Limiter::acquire`].
#[derive(Clone, Debug)]
pub struct Limiter {
    permits: Arc<Semaphore>,
    addresses: Arc<Mutex<HashMap<IpAddr, Arc<Semaphore>>>>,
}

impl Limiter {
    /// At most `at_once` permits at a time.
    #[must_use]
    pub fn new(at_once: usize) -> Self {
        let permits = at_once.clamp(1, Semaphore::MAX_PERMITS);
        Self { permits: Arc::new(Semaphore::new(permits)), addresses: Arc::default() }
    }

    /// Waits for a permit among all, which counts until it is dropped.
    pub async fn acquire(&self) -> Option<OwnedSemaphorePermit> {
        permit(&self.permits).await
    }

    /// Waits for a permit at each of these addresses.
    pub async fn acquire_at(
        &self,
        addresses: impl IntoIterator<Item = IpAddr>,
    ) -> Vec<OwnedSemaphorePermit> {
        let mut permits = Vec::new();
        // All take them in the same order, so that no two wait for each other.
        for address in addresses.into_iter().collect::<BTreeSet<_>>() {
            let permits_there = self.of_address(address);
            permits.extend(permit(&permits_there).await);
        }
        permits
    }

    fn of_address(&self, address: IpAddr) -> Arc<Semaphore> {
        let mut addresses = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        addresses.entry(address).or_insert_with(|| Arc::new(Semaphore::new(AT_ONE_ADDRESS))).clone()
    }
}

/// `None` only for a semaphore that is closed, and ours are not.
async fn permit(of: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
    Arc::clone(of).acquire_owned().await.ok()
}

/// Returns the number of hosts that this process can have open files for at once: `wanted`, or
/// fewer where the limit of the shell that started it (`ulimit -n`) is lower.
#[must_use]
pub fn within_file_limit(wanted: usize) -> usize {
    // Without a limit that can be read there is none that is known.
    let Ok((files, _)) = getrlimit(Resource::RLIMIT_NOFILE) else { return wanted };
    let files = usize::try_from(files).unwrap_or(usize::MAX);
    wanted.min(files.saturating_sub(FILES_KEPT) / FILES_EACH).max(1)
}
