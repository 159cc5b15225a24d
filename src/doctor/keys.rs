//! The keys to log in with: ssh goes on without one that it cannot use, and says so in passing.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::disk::Disk;
use super::{Check, Finding, one_line};
use crate::certificate::identity::{Identity, IdentityError};

/// What is wrong with the keys that our fragments name.
#[must_use]
pub fn examine(disk: &Disk) -> Vec<Finding> {
    let mut users: BTreeMap<PathBuf, Vec<String>> = BTreeMap::new();
    for cluster in disk.clusters() {
        for path in cluster.outline.all("identityfile").filter_map(|path| disk.expand(path)) {
            users.entry(path).or_default().push(cluster.alias());
        }
    }
    users.iter().flat_map(|(path, clusters)| of_key(path, &clusters.join(", "))).collect()
}

fn of_key(path: &Path, clusters: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let is_public = path.extension().is_some_and(|extension| extension == "pub");
    let mode = fs::metadata(path).map(|found| found.mode() & 0o777);
    if let Ok(mode) = mode
        && mode & 0o077 != 0
        && !is_public
    {
        let what = format!("has mode {mode:04o}, and ssh takes no key that others can read");
        let command = ["chmod".as_ref(), "600".as_ref(), path.as_os_str()];
        findings.push(Finding::wrong(Check::Key, what).at(path).run(command));
    }
    match Identity::read(path) {
        Ok(_) if findings.is_empty() => {
            findings
                .push(Finding::ok(Check::Key, format_args!("is there, for {clusters}")).at(path));
        }
        Ok(_) => {}
        Err(problem) => findings.push(of_problem(&problem, path, clusters)),
    }
    findings
}

fn of_problem(problem: &IdentityError, path: &Path, clusters: &str) -> Finding {
    let what = match problem {
        // The file is named anyway.
        IdentityError::Missing(_) => format!("is not there, for {clusters}"),
        _ => format!("{} ({clusters})", one_line(&problem.to_string())),
    };
    let finding = match problem {
        // ssh reads the private half itself, and only a certificate goes by the other.
        IdentityError::Mismatch(_) | IdentityError::Private(..) | IdentityError::NoKey(..) => {
            Finding::warning(Check::Key, what)
        }
        IdentityError::Missing(_) | IdentityError::Unreadable(..) | IdentityError::NoFile(_) => {
            Finding::wrong(Check::Key, what)
        }
    };
    finding.at(path).advise(problem.hint())
}
