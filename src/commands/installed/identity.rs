//! What is wrong with the key to log in with, before ssh says it in fewer words.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::certificate::PublicKey;
use crate::certificate::identity::{Identity, Problem};
use crate::fleet::SshKey;
use crate::install::state::Record;
use crate::name::LocalPath;
use crate::settings::Machine;

/// What ssh or the cluster would stumble over.
pub(super) fn warnings(
    machine: &Machine,
    identity: &LocalPath<'_>,
    keys: &[SshKey<'_>],
    record: &Record,
) -> Vec<String> {
    let path = machine.expand(identity);
    let mut warnings = Vec::new();
    let is_public = path.extension().is_some_and(|extension| extension == "pub");
    let mode = fs::metadata(&path).map(|found| found.permissions().mode() & 0o777);
    if let Ok(mode) = mode
        && mode & 0o077 != 0
        && !is_public
    {
        warnings.push(format!(
            "identity file {identity} has mode {mode:04o}, and ssh takes no key that others can \
             read: `chmod 600 {identity}`"
        ));
    }
    let ours = match Identity::read(&path) {
        Ok(identity) => identity.public_key,
        Err(problem @ Problem::Stale(_)) => {
            warnings.push(format!("{problem}; {}", problem.hint()));
            return warnings;
        }
        Err(_) => return warnings,
    };
    let known: Vec<PublicKey> =
        keys.iter().filter_map(|key| key.public_key.as_ref()?.as_str().parse().ok()).collect();
    if !known.is_empty() && !known.contains(&ours) {
        warnings.push(format!(
            "the key {identity} ({}) is not among those of {}: it may not let you in",
            ours.fingerprint(),
            record.alias()
        ));
    }
    warnings
}
