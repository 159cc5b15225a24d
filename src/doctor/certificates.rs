//! The certificates to log in with: ssh does not say that one has expired.

use std::path::Path;
use std::time::Duration;

use super::snapshot::{InstalledCluster, Snapshot};
use super::{Check, Finding, State};
use crate::certificate::file::{self, CertificateFile};
use crate::certificate::identity::Identity;
use crate::certificate::judge::{self, MIN_VALIDITY};
use crate::text::time::{self, span};

/// Examines the certificates that our files name.
#[must_use]
pub fn examine(snapshot: &Snapshot) -> Vec<Finding> {
    let mut findings = Vec::new();
    for cluster in &snapshot.clusters {
        for path in snapshot.paths(cluster, "certificatefile") {
            findings.extend(certificate(snapshot, cluster, &path).into_iter().map(|finding| {
                let what = format!("{}: {}", cluster.record.alias(), finding.what);
                Finding { what, ..finding.at(&path) }
            }));
        }
    }
    findings
}

fn certificate(snapshot: &Snapshot, cluster: &InstalledCluster, path: &Path) -> Vec<Finding> {
    let present = file::present(path).and_then(|present| {
        let identity = snapshot.paths(cluster, "identityfile").next();
        let key = identity.and_then(|path| Identity::public_half(&path));
        Ok((judge::check(&present, key.as_ref().unwrap_or(&present.key), time::now())?, present))
    });
    let renewed = |finding| with_renewal(finding, snapshot, cluster, path);
    let (left, certificate) = match present {
        Ok(good) => good,
        // Where ssh itself gets a new one, it does not matter.
        Err(why) if cluster.is_renewed() => {
            let what = format_args!("{why}; ssh gets a new one when it connects");
            return vec![Finding::note(Check::Certificate, what)];
        }
        Err(why) => {
            let what = format_args!("the certificate lets nobody in: {why}");
            return vec![renewed(Finding::wrong(Check::Certificate, what))];
        }
    };
    let warning = |what, advice| Finding::warning(Check::Certificate, what).advise(advice);
    let users: Vec<String> = cluster.fragment.all("user").map(str::to_owned).collect();
    let other_users = judge::other_users(&certificate, &users)
        .map(|what| warning(what, "log in as one that it names: install again with --user NAME"));
    let restrictions = judge::restrictions(&certificate).into_iter();
    let restrictions =
        restrictions.map(|what| warning(what, "who signs the certificates decides that"));
    let validity = match validity(left, cluster) {
        finding if finding.state == State::Ok => finding,
        finding => renewed(finding),
    };
    [validity].into_iter().chain(other_users).chain(restrictions).collect()
}

/// One that lets people in, and for how long.
fn validity(left: Duration, cluster: &InstalledCluster) -> Finding {
    let left_span = span(left);
    if cluster.is_renewed() {
        let what = format_args!("valid for {left_span}; ssh renews it");
        return Finding::ok(Check::Certificate, what);
    }
    if left < MIN_VALIDITY {
        let what = format_args!("the certificate lasts only {left_span}");
        return Finding::warning(Check::Certificate, what);
    }
    Finding::ok(Check::Certificate, format_args!("valid for {left_span}"))
}

/// Adds the command that gets a new one, if the file is ours.
fn with_renewal(
    finding: Finding,
    snapshot: &Snapshot,
    cluster: &InstalledCluster,
    path: &Path,
) -> Finding {
    let record = &cluster.record;
    let ours = CertificateFile::for_stem(&snapshot.layout, &record.stem());
    // ssh may know the folder by another path.
    let folder = |path: &Path| path.parent().and_then(|folder| folder.canonicalize().ok());
    if path.file_name() == ours.path.file_name() && folder(path) == folder(&ours.path) {
        finding.run(snapshot.commands.installed("cert", [record.id.as_str()]))
    } else {
        finding.advise("get a new one where this one came from")
    }
}
