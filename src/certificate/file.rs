//! The file of a certificate and the lock of its renewals: many runs may need the same certificate
//! at once, and then only one of them asks.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::judge;
use super::{Certificate, PublicKey, read_text};
use crate::fs::{FileError, Lock};
use crate::install::layout::Layout;
use crate::install::state::{FileKind, FileStem};
use crate::name::{Slug, id_part};
use crate::text::time;

/// The time limit for getting one certificate: an ssh may be waiting for it.
pub const LIMIT: Duration = Duration::from_secs(10);
/// The pause between two looks at a lock that another run holds.
const PAUSE: Duration = Duration::from_millis(20);
const FILE_MODE: u32 = 0o600;

/// The file of a certificate, and the lock of its renewals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFile {
    /// Its path.
    pub path: PathBuf,
    /// Always in our folder.
    lock: PathBuf,
}

impl CertificateFile {
    /// A cluster's certificate in our folder: `<name>-<id part>-cert.pub`. A cluster that has files
    /// there under another name keeps that name.
    #[must_use]
    pub fn for_cluster(layout: &Layout, name: &Slug<'_>, id: &str) -> Self {
        let (new, part) = (FileStem::new(name, id), id_part(id));
        let known = stems(layout).into_iter().find(|stem| stem.parts().1 == part);
        Self::for_stem(layout, &known.unwrap_or(new))
    }

    /// A certificate at a path of the user's. Its lock is in our folder.
    #[must_use]
    pub fn at_path(layout: &Layout, path: PathBuf) -> Self {
        let stem = FileStem::new(&Slug::prime(), &path.to_string_lossy());
        Self { path, ..Self::for_stem(layout, &stem) }
    }

    /// The certificate of the cluster with this id that has files in our folder, or else of the
    /// only one with this name: found without asking the API.
    #[must_use]
    pub fn find(layout: &Layout, selector: &str) -> Option<Self> {
        let (part, name) = (id_part(selector), Slug::of_name(&selector.into(), selector));
        let stems = stems(layout);
        let mut by_name = stems.iter().filter(|stem| stem.parts().0 == name.as_str());
        let by_id = stems.iter().find(|stem| stem.parts().1 == part);
        let only = || by_name.next().filter(|_| by_name.next().is_none());
        by_id.or_else(only).map(|stem| Self::for_stem(layout, stem))
    }

    /// An installed cluster's certificate.
    #[must_use]
    pub fn for_stem(layout: &Layout, stem: &FileStem) -> Self {
        let [path, lock] =
            [FileKind::Certificate, FileKind::CertificateLock].map(|kind| layout.part(stem, kind));
        Self { path, lock }
    }

    /// Returns whether the file's name says that it is for the cluster with this id.
    #[must_use]
    pub fn is_of(&self, id: &str) -> bool {
        let name = self.path.file_name().and_then(|name| name.to_str());
        let stem = name.and_then(FileStem::of_file).map(|(stem, _)| stem);
        stem.is_some_and(|stem| stem.parts().1 == id_part(id))
    }

    /// Waits until `deadline` for the lock to renew it. `None` where that is not needed: the
    /// certificate is enough, or another run wrote one that is; who waits sees it without a turn at
    /// the lock, for many may wait.
    ///
    /// Without `min_validity` it is renewed whatever is there; a new one may be shorter than that.
    pub async fn lock_to_renew(
        &self,
        deadline: Instant,
        key: &PublicKey,
        min_validity: Option<Duration>,
    ) -> Result<Option<Lock>, FileError> {
        let before = present(&self.path).ok();
        let is_enough = || {
            let (Some(min_validity), Ok(present)) = (min_validity, present(&self.path)) else {
                return false;
            };
            let is_new = before.as_ref() != Some(&present);
            suffices(&present, key, if is_new { Duration::ZERO } else { min_validity })
        };
        loop {
            let taken = Lock::take(&self.lock, Duration::ZERO, || self.make_folder(), || ());
            let is_held = taken.as_ref().is_err_and(FileError::is_held);
            if (is_held || taken.is_ok()) && is_enough() {
                return Ok(None);
            }
            if !is_held || Instant::now() >= deadline {
                return taken.map(Some).map_err(|error| error.after(LIMIT));
            }
            sleep(PAUSE).await;
        }
    }

    /// Writes the certificate. Whoever does holds the lock.
    pub fn write(&self, certificate: &Certificate) -> Result<(), FileError> {
        crate::fs::replace(&self.path, certificate.line.as_bytes(), FILE_MODE)
    }

    fn make_folder(&self) -> Result<(), FileError> {
        let ours = self.lock.parent();
        for folder in [ours.and_then(Path::parent), ours].into_iter().flatten() {
            crate::fs::make_folder(folder)?;
        }
        Ok(())
    }
}

/// The clusters that have a record or a certificate in our folder; those with a record first,
/// because a record has the current name of the cluster's files.
fn stems(layout: &Layout) -> Vec<FileStem> {
    let names = fs::read_dir(layout.folder()).into_iter().flatten();
    let names = names.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut stems = BTreeMap::new();
    for (stem, part) in names.filter_map(|name| FileStem::of_file(&name)) {
        match part {
            FileKind::State => *stems.entry(stem).or_default() = true,
            FileKind::Certificate => _ = stems.entry(stem).or_insert(false),
            _ => {}
        }
    }
    let (recorded, others): (Vec<_>, Vec<_>) =
        stems.into_iter().partition(|(_, recorded)| *recorded);
    recorded.into_iter().chain(others).map(|(stem, _)| stem).collect()
}

/// Reads the certificate in a file; `None` where there is none, or nothing in it. The error says why
/// it gives none.
pub fn read(path: &Path) -> Result<Option<Certificate>, String> {
    let text = read_text(path).map_err(|error| match error.into_system_error() {
        Ok(error) => format!("it cannot be read: {error}"),
        // A folder, a pipe, or far too long.
        Err(_) => "it is not a line of a kind and a certificate".to_owned(),
    })?;
    let text = text.filter(|text| !text.trim().is_empty());
    text.as_deref().map(Certificate::read).transpose()
}

/// Reads the certificate that should be in a file.
pub fn present(path: &Path) -> Result<Certificate, String> {
    read(path)?.ok_or_else(|| "there is none yet".to_owned())
}

/// Returns whether a certificate lets in who holds `key`, and goes on to for at least
/// `min_validity`.
#[must_use]
pub fn suffices(certificate: &Certificate, key: &PublicKey, min_validity: Duration) -> bool {
    judge::check(certificate, key, time::now()).is_ok_and(|left| left >= min_validity)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file_name(file: Option<CertificateFile>) -> Option<String> {
        file.map(|file| file.path.file_name().unwrap().to_str().unwrap().to_owned())
    }

    #[test]
    fn a_cluster_keeps_the_name_that_its_files_have() {
        let folder = tempfile::tempdir().unwrap();
        let ssh_folder = folder.path().to_owned();
        let layout = &Layout { ssh_folder, home: PathBuf::new(), same: Vec::new() };
        fs::create_dir(layout.folder()).unwrap();
        let make = |name: String| fs::write(layout.file(&name), "").unwrap();
        let (train, eval) = (Slug::new("train").unwrap(), Slug::new("eval").unwrap());
        let part = id_part("clst01");
        let for_cluster = |name: &Slug<'_>| {
            file_name(Some(CertificateFile::for_cluster(layout, name, "clst01"))).unwrap()
        };
        let found = |selector: &str| file_name(CertificateFile::find(layout, selector));

        assert_eq!(found("clst01"), None);
        assert_eq!(for_cluster(&train), format!("train-{part}-cert.pub"));
        make(format!("train-{part}-cert.pub"));
        assert_eq!(for_cluster(&eval), format!("train-{part}-cert.pub"));
        for selector in ["clst01", "train", "Train"] {
            assert_eq!(found(selector), Some(format!("train-{part}-cert.pub")), "{selector}");
        }
        make(format!("installed-{part}.json"));
        assert_eq!(for_cluster(&eval), format!("installed-{part}-cert.pub"));
        assert_eq!(found("clst01"), Some(format!("installed-{part}-cert.pub")));

        make(format!("train-{}-cert.pub", id_part("clst02")));
        assert_eq!(found("train"), None, "two clusters have this name");
        assert!(CertificateFile::find(layout, "clst02").unwrap().is_of("clst02"));
        assert!(!CertificateFile::find(layout, "clst02").unwrap().is_of("clst01"));
    }
}
