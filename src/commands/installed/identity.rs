//! What is wrong with the key to log in with, before ssh says it in fewer words.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::certificate::PublicKey;
use crate::certificate::identity::{Identity, IdentityError};
use crate::cluster::SshKey;
use crate::install::state::Record;
use crate::name::LocalPath;
use crate::settings::Environment;

/// What ssh would stumble over.
pub(super) fn faults(environment: &Environment, identity: &LocalPath<'_>) -> Vec<String> {
    let path = environment.expand(identity);
    let mut faults = Vec::new();
    let is_public = path.extension().is_some_and(|extension| extension == "pub");
    let mode = fs::metadata(&path).map(|found| found.permissions().mode() & 0o777);
    if let Ok(mode) = mode
        && mode & 0o077 != 0
        && !is_public
    {
        faults.push(format!(
            "identity file {identity} has mode {mode:04o}, and ssh takes no key that others can \
             read: `chmod 600 {identity}`"
        ));
    }
    if let Err(problem @ IdentityError::Mismatch(_)) = Identity::read(&path) {
        faults.push(format!("{problem}; {}", problem.hint()));
    }
    faults
}

/// That the cluster does not know the key, where it says which keys it knows.
pub(super) fn stranger(
    environment: &Environment,
    identity: &LocalPath<'_>,
    keys: &[SshKey<'_>],
    record: &Record,
) -> Option<String> {
    let known: Vec<PublicKey> =
        keys.iter().filter_map(|key| key.public_key.as_ref()?.as_str().parse().ok()).collect();
    if known.is_empty() {
        return None;
    }
    let ours = Identity::read(&environment.expand(identity)).ok()?.public_key;
    (!known.contains(&ours)).then(|| {
        format!(
            "the key {identity} ({}) is not among those of {}: it may not let you in",
            ours.fingerprint(),
            record.alias()
        )
    })
}
