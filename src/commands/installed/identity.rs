//! Faults of the key to log in with, before ssh tells them in fewer words.

use std::path::Path;

use crate::certificate::PublicKey;
use crate::certificate::identity::{Identity, IdentityError};
use crate::certificate::own_keys::{OwnKey, OwnKeys};
use crate::install::state::Record;
use crate::name::LocalPath;
use crate::settings::Environment;
use crate::text::shell;

/// Finds what ssh would stumble over.
pub(super) fn faults(environment: &Environment, identity: &LocalPath<'_>) -> Vec<String> {
    let path = environment.expand(identity);
    let mut faults = Vec::new();
    if let Some(mode) = Identity::open_mode(&path) {
        faults.push(format!(
            "identity file {identity} has mode {mode:04o}, and ssh takes no key that others can \
             read: `{}`",
            shell::command(["chmod".as_ref(), "600".as_ref(), path.as_os_str()])
        ));
    }
    let read = Identity::read(&path);
    if let Err(problem @ (IdentityError::Mismatch(_) | IdentityError::Unreadable(..))) = read {
        faults.push(format!("{problem}; {}", problem.hint()));
    }
    faults
}

/// Warns where the cluster does not know the key, and says which keys it knows.
pub(super) fn unauthorized(
    environment: &Environment,
    identity: &LocalPath<'_>,
    known: &[PublicKey],
    record: &Record,
) -> Option<String> {
    if known.is_empty() {
        return None;
    }
    let ours = Identity::public_half(&environment.expand(identity))?;
    (!known.contains(&ours)).then(|| {
        format!(
            "the key {identity} ({}) is not among those of {}: it may not let you in",
            ours.fingerprint(),
            record.alias()
        )
    })
}

/// A key of the person's own that the cluster lets in, where ssh would show others only.
pub(super) fn other(
    named: Option<&Path>,
    own: &OwnKeys,
    known: &[PublicKey],
    record: &Record,
) -> Option<(String, OwnKey)> {
    let key = own.not_shown(named, known)?;
    let your = if key.file.is_some() { "your key " } else { "" };
    let alias = record.alias();
    let what = format!("{alias} lets in {your}{}, and ssh would not show that one", key.name);
    Some((what, key.clone()))
}
