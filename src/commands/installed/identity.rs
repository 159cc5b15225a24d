//! What is wrong with the key to log in with, before ssh says it in fewer words.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use ssh_key::{HashAlg, PublicKey};

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
    let beside = path.with_file_name(match path.file_name() {
        Some(name) if !is_public => {
            let mut name = name.to_owned();
            name.push(".pub");
            name
        }
        Some(name) => name.to_owned(),
        None => return warnings,
    });
    let Some(ours) = fs::read_to_string(beside).ok().and_then(|text| read(&text)) else {
        return warnings;
    };
    let known: Vec<PublicKey> =
        keys.iter().filter_map(|key| read(key.public_key.as_str())).collect();
    if !known.is_empty() && !known.iter().any(|key| key.key_data() == ours.key_data()) {
        warnings.push(format!(
            "the key {identity} ({}) is not among those of {}: it may not let you in",
            ours.fingerprint(HashAlg::Sha256),
            record.alias()
        ));
    }
    warnings
}

fn read(text: &str) -> Option<PublicKey> {
    PublicKey::from_openssh(text.trim()).ok()
}
