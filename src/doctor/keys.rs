//! The keys to log in with: ssh goes on without one that it cannot use, and hardly says so.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::snapshot::Snapshot;
use super::{Check, Finding, State};
use crate::certificate::identity::{Identity, IdentityError};

/// Examines the keys that our files name.
#[must_use]
pub fn examine(snapshot: &Snapshot) -> Vec<Finding> {
    let mut users: BTreeMap<PathBuf, Vec<String>> = BTreeMap::new();
    for cluster in &snapshot.clusters {
        for path in snapshot.paths(cluster, "identityfile") {
            users.entry(path).or_default().push(cluster.record.alias());
        }
    }
    users.iter().flat_map(|(path, clusters)| key(path, &clusters.join(", "))).collect()
}

fn key(path: &Path, clusters: &str) -> Vec<Finding> {
    let open = Identity::open_mode(path).map(|mode| {
        let what = format!("has mode {mode:04o}, and ssh rejects a key that others can read");
        Finding::wrong(Check::Key, what).at(path).chmod("600", path)
    });
    let found = match Identity::read(path) {
        Ok(_) if open.is_some() => None,
        Ok(_) => Some(Finding::ok(Check::Key, format_args!("there, for {clusters}")).at(path)),
        Err(error) => Some(unusable(&error, path, clusters)),
    };
    open.into_iter().chain(found).collect()
}

fn unusable(error: &IdentityError, path: &Path, clusters: &str) -> Finding {
    let (state, what) = match error {
        // The file is named anyway.
        IdentityError::Missing(_) => (State::Wrong, format!("is not there, for {clusters}")),
        IdentityError::Unreadable(..) => (State::Wrong, format!("{error} ({clusters})")),
        // ssh reads the private half itself; only a certificate needs the other one.
        IdentityError::Mismatch(_) | IdentityError::Private(..) | IdentityError::NoKey(..) => {
            (State::Warning, format!("{error} ({clusters})"))
        }
    };
    Finding::new(state, Check::Key, what).at(path).advise(error.hint())
}
