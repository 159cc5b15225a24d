//! The certificates to log in with: ssh does not say that one has expired.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::snapshot::{InstalledCluster, Snapshot};
use super::{Check, Finding, State};
use crate::certificate::file::{self, CertificateFile};
use crate::certificate::identity::Identity;
use crate::certificate::judge::{self, MIN_VALIDITY, Requirements, Warning};
use crate::text::time::{self, span};

/// Examines the certificates that our files name.
#[must_use]
pub fn examine(snapshot: &Snapshot) -> Vec<Finding> {
    let findings = |cluster| {
        let paths = snapshot.paths(cluster, "certificatefile");
        paths.flat_map(move |path| ClusterCertificate { snapshot, cluster, path }.examine())
    };
    snapshot.clusters().iter().flat_map(findings).collect()
}

/// One cluster's certificate.
struct ClusterCertificate<'a> {
    snapshot: &'a Snapshot,
    cluster: &'a InstalledCluster,
    path: PathBuf,
}

impl ClusterCertificate<'_> {
    fn examine(&self) -> Vec<Finding> {
        let present = match file::read(&self.path) {
            Ok(certificate) => certificate,
            Err(error) => return vec![self.useless(&error)],
        };
        let users: Vec<String> = self.cluster.fragment.all("user").map(str::to_owned).collect();
        let identity = self.snapshot.paths(self.cluster, "identityfile").next();
        let identity = identity.and_then(|path| Identity::read(&path).ok());
        let key = identity.map_or_else(|| present.key.clone(), |identity| identity.public_key);
        let now = time::now();
        match judge::judge(
            present.line(),
            &Requirements { key: &key, ttl: None, users: &users, now },
        ) {
            Ok((certificate, warnings)) => {
                let left = certificate.validity.left(now).unwrap_or_default();
                let warnings = warnings.iter().filter_map(|warning| self.warning(warning));
                [self.validity(left)].into_iter().chain(warnings).collect()
            }
            Err(refusal) => vec![self.useless(&refusal)],
        }
    }

    /// One that lets people in, and for how long.
    fn validity(&self, left: Duration) -> Finding {
        if self.cluster.is_renewed() {
            return self.finding(State::Ok, &format!("valid for {}; ssh renews it", span(left)));
        }
        if left < MIN_VALIDITY {
            let what = format!("the certificate lasts only {}", span(left));
            return self.with_renewal(self.finding(State::Warning, &what));
        }
        self.finding(State::Ok, &format!("valid for {}", span(left)))
    }

    fn warning(&self, warning: &Warning) -> Option<Finding> {
        let advice = match warning {
            Warning::Long { .. } => return None,
            Warning::OtherUsers { .. } => {
                "log in as one that it names: install again with --user NAME"
            }
            _ => "who signs the certificates decides that",
        };
        Some(self.finding(State::Warning, &warning.to_string()).advise(advice))
    }

    /// One that lets nobody in. Where ssh itself gets a new one, that does not matter.
    fn useless(&self, why: &dyn fmt::Display) -> Finding {
        if self.cluster.is_renewed() {
            let what = format!("{why}; ssh gets a new one when it connects");
            return self.finding(State::Note, &what);
        }
        let what = format!("the certificate lets nobody in: {why}");
        self.with_renewal(self.finding(State::Wrong, &what))
    }

    fn finding(&self, state: State, what: &str) -> Finding {
        let what = format!("{}: {what}", self.cluster.alias());
        Finding::new(state, Check::Certificate, what).at(&self.path)
    }

    /// Adds the command that gets a new one, if the file is ours.
    fn with_renewal(&self, finding: Finding) -> Finding {
        let ours =
            CertificateFile::for_stem(&self.snapshot.layout.folder(), &self.cluster.record.stem());
        // ssh may know the folder by another path.
        let folder = |path: &Path| path.parent().and_then(|folder| folder.canonicalize().ok());
        let is_ours = self.path.file_name() == ours.path().file_name()
            && folder(&self.path) == folder(ours.path());
        if is_ours {
            finding.run(self.snapshot.commands.installed("cert", [self.cluster.record.id.as_str()]))
        } else {
            finding.advise("get a new one where this one came from")
        }
    }
}
