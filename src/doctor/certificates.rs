//! The certificates to log in with, and what renews them: ssh says nothing of one that is over.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::disk::{Cluster, Disk};
use super::{Check, Finding, Ourselves, renewal};
use crate::certificate::PublicKey;
use crate::certificate::file::{self, CertificateFile};
use crate::certificate::identity::Identity;
use crate::certificate::judge::{self, Requirements, Warning};
use crate::settings::OptionResolver;
use crate::text::time::span;

/// What the examination goes by.
#[derive(Debug)]
pub struct Circumstances<'a> {
    /// The program as it is to be called.
    pub ourselves: &'a Ourselves,
    /// The time, in Unix seconds.
    pub now: u64,
    /// With less left than this a certificate counts as over.
    pub least: Duration,
}

/// Whether the certificates that our fragments name let people in, and will go on to.
#[must_use]
pub fn examine(disk: &Disk, memory: &OptionResolver<'_>, here: &Circumstances<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for cluster in disk.clusters() {
        for path in cluster.outline.all("certificatefile").filter_map(|path| disk.expand(path)) {
            let key = cluster
                .outline
                .all("identityfile")
                .filter_map(|path| disk.expand(path))
                .find_map(|path| Identity::read(&path).ok());
            let key = key.map(|identity| identity.public_key);
            let one = One { disk, cluster, path, key, here };
            findings.extend(one.examine());
        }
        for command in &cluster.outline.commands {
            findings.extend(renewal::examine(cluster, command, memory, here.ourselves));
        }
    }
    findings
}

/// One cluster's certificate.
struct One<'a> {
    disk: &'a Disk,
    cluster: &'a Cluster,
    path: PathBuf,
    key: Option<PublicKey>,
    here: &'a Circumstances<'a>,
}

impl One<'_> {
    fn examine(&self) -> Vec<Finding> {
        let alias = self.cluster.alias();
        let certificate = match file::read(&self.path) {
            Ok(certificate) => certificate,
            Err(absent) => return vec![self.unusable(&absent)],
        };
        let users: Vec<String> = self.cluster.outline.all("user").map(str::to_owned).collect();
        let key = self.key.as_ref().unwrap_or(&certificate.key);
        let required = Requirements { key, ttl: None, users: &users, now: self.here.now };
        let (certificate, warnings) = match judge::judge(certificate.line(), &required) {
            Ok(judged) => judged,
            Err(refusal) => return vec![self.unusable(&refusal)],
        };
        let left = certificate.validity.left(self.here.now).unwrap_or_default();
        let lasts = if certificate.validity.is_endless() { "ever".to_owned() } else { span(left) };
        let finding = if left < self.here.least && !self.cluster.is_renewed() {
            let what = format!("{alias}: the certificate lasts for {lasts} only");
            self.renewed(Finding::warning(Check::Certificate, what))
        } else {
            let by_itself =
                if self.cluster.is_renewed() { "; ssh renews it by itself" } else { "" };
            Finding::ok(Check::Certificate, format_args!("{alias}: valid for {lasts}{by_itself}"))
        };
        let told = warnings.iter().filter(|warning| !matches!(warning, Warning::Long { .. }));
        let told = told.map(|warning| {
            let what = format!("{alias}: {warning}");
            let finding = Finding::warning(Check::Certificate, what).at(&self.path);
            match warning {
                Warning::OtherUsers { .. } => {
                    finding.advise("log in as one that it names: install again with --user NAME")
                }
                _ => finding.advise("who signs the certificates decides that"),
            }
        });
        [finding.at(&self.path)].into_iter().chain(told).collect()
    }

    /// One that lets nobody in. Where ssh itself gets a new one, that is no matter.
    fn unusable(&self, why: &dyn std::fmt::Display) -> Finding {
        let alias = self.cluster.alias();
        if self.cluster.is_renewed() {
            let what = format!("{alias}: {why}; ssh gets one when it connects");
            return Finding::note(Check::Certificate, what).at(&self.path);
        }
        let what = format!("{alias}: the certificate lets nobody in: {why}");
        self.renewed(Finding::wrong(Check::Certificate, what).at(&self.path))
    }

    /// With the command that gets another one, where it is one of ours.
    fn renewed(&self, finding: Finding) -> Finding {
        if self.path != self.place().path() {
            return finding.advise("get a new one where this one came from");
        }
        let identity = self.cluster.outline.all("identityfile").find_map(|p| self.disk.expand(p));
        finding.run(self.here.ourselves.certifying(&self.cluster.record, identity.as_deref()))
    }

    fn place(&self) -> CertificateFile {
        CertificateFile::for_stem(&self.folder(), &self.cluster.record.stem())
    }

    fn folder(&self) -> PathBuf {
        // As ssh names it, where that is another path to the same.
        let ours = self.disk.layout.folder();
        let is_same = |path: &Path| path.canonicalize().ok() == ours.canonicalize().ok();
        match self.path.parent() {
            Some(folder) if is_same(folder) => folder.to_owned(),
            _ => ours,
        }
    }
}
