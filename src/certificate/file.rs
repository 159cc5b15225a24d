//! Where certificates lie, and whose turn it is to renew one: many runs may need the same one at
//! once, and then one of them asks.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::judge;
use super::small_file::{self, Unread};
use super::{Certificate, PublicKey, Unreadable};
use crate::fs::{FileError, Lock, LockError};
use crate::install::state::{FileKind, FileStem};
use crate::name::{Slug, id_part};
use crate::text::time;

/// How long getting one certificate may take in all: an ssh may be waiting for it.
pub const LIMIT: Duration = Duration::from_secs(10);
/// How long between two looks at a lock that another run holds.
const PAUSE: Duration = Duration::from_millis(20);
const FILE_MODE: u32 = 0o600;
const FOLDER_MODE: u32 = 0o700;

/// Where a certificate lies, and what its renewals lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFile {
    file: PathBuf,
    folder: PathBuf,
    lock: PathBuf,
}

impl CertificateFile {
    /// The place of a cluster's certificate in `folder`, which is ours:
    /// `<name>-<id part>-cert.pub`. Where the cluster has files there under another name already,
    /// it keeps that.
    #[must_use]
    pub fn of_cluster(folder: &Path, name: &Slug<'_>, id: &str) -> Self {
        let (new, part) = (FileStem::new(name, id), id_part(id));
        let known = stems(folder).into_iter().find(|stem| stem.parts().1 == part);
        Self::in_ours(folder, &known.unwrap_or(new))
    }

    /// The place of a certificate that is wanted elsewhere. Its lock stays with us.
    #[must_use]
    pub fn elsewhere(folder: &Path, file: PathBuf) -> Self {
        let lock =
            folder.join(FileStem::new(&Slug::prime(), &file.to_string_lossy()).certificate_lock());
        Self { file, folder: folder.to_owned(), lock }
    }

    /// The place of the cluster of this id that has files in our folder, or else of the only one
    /// of this name. Nobody need be asked for it.
    #[must_use]
    pub fn found(folder: &Path, selector: &str) -> Option<Self> {
        let (part, name) = (id_part(selector), Slug::of_name(&selector.into(), selector));
        let stems = stems(folder);
        let mut by_name = stems.iter().filter(|stem| stem.parts().0 == name.as_str());
        let by_id = stems.iter().find(|stem| stem.parts().1 == part);
        let only = || by_name.next().filter(|_| by_name.next().is_none());
        by_id.or_else(only).map(|stem| Self::in_ours(folder, stem))
    }

    /// The place of an installed cluster's certificate.
    #[must_use]
    pub fn in_ours(folder: &Path, stem: &FileStem) -> Self {
        Self {
            file: folder.join(stem.file(FileKind::Certificate)),
            folder: folder.to_owned(),
            lock: folder.join(stem.certificate_lock()),
        }
    }

    /// The certificate's file.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Whether the file's name says that it is for the cluster with this id.
    #[must_use]
    pub fn is_of(&self, id: &str) -> bool {
        let name = self.file.file_name().and_then(|name| name.to_str());
        let stem = name.and_then(FileStem::of_file).map(|(stem, _)| stem);
        stem.is_some_and(|stem| stem.parts().1 == id_part(id))
    }

    /// The certificate that lies there.
    pub fn present(&self) -> Result<Certificate, Absent> {
        present(&self.file)
    }

    /// Waits for our turn to change it, until `deadline` and without keeping other work waiting.
    pub async fn turn(&self, deadline: Instant) -> Result<Turn<'_>, LockError> {
        let before = self.present().ok();
        let prepare = || self.make_folder();
        loop {
            match Lock::take(&self.lock, Duration::ZERO, prepare, || ()) {
                Ok(lock) => return Ok(Turn { place: self, before, _lock: lock }),
                Err(LockError::Busy { .. }) if Instant::now() < deadline => sleep(PAUSE).await,
                Err(LockError::Busy { path, holder, .. }) => {
                    return Err(LockError::Busy { path, holder, limit: LIMIT });
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn make_folder(&self) -> Result<(), FileError> {
        if let Some(above) = self.folder.parent() {
            crate::fs::make_folder(above, FOLDER_MODE)?;
        }
        crate::fs::make_folder(&self.folder, FOLDER_MODE).map(|_made| ())
    }
}

/// The clusters that have a record or a certificate in our folder; those with a record first, for
/// a record says what the cluster's files are called now.
fn stems(folder: &Path) -> Vec<FileStem> {
    let names = fs::read_dir(folder).into_iter().flatten();
    let names = names.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut stems = BTreeMap::new();
    for (stem, part) in names.filter_map(|name| FileStem::of_file(&name)) {
        match part {
            FileKind::State => *stems.entry(stem).or_default() = true,
            FileKind::Certificate => _ = stems.entry(stem).or_insert(false),
            FileKind::Fragment | FileKind::KnownHosts | FileKind::FormerKnownHosts => {}
        }
    }
    let (recorded, others): (Vec<_>, Vec<_>) =
        stems.into_iter().partition(|(_, recorded)| *recorded);
    recorded.into_iter().chain(others).map(|(stem, _)| stem).collect()
}

/// The right to change the certificate of a place. Others that want to wait until it is dropped.
#[derive(Debug)]
pub struct Turn<'a> {
    place: &'a CertificateFile,
    /// What lay there when we began to wait.
    before: Option<Certificate>,
    _lock: Lock,
}

impl Turn<'_> {
    /// The certificate that lies there now, if it does: it is valid for long enough, or another run
    /// put it there while we waited.
    #[must_use]
    pub fn sufficient(&self, key: &PublicKey, min_validity: Duration) -> Option<Certificate> {
        let present = self.place.present().ok()?;
        let is_news = self.before.as_ref() != Some(&present);
        let least = if is_news { Duration::ZERO } else { min_validity };
        suffices(&present, key, least).then_some(present)
    }

    /// Puts a certificate there.
    pub fn put(&self, certificate: &Certificate) -> Result<(), FileError> {
        crate::fs::replace(&self.place.file, certificate.line().as_bytes(), FILE_MODE)
    }
}

/// Why there is no certificate in a file.
#[derive(Debug)]
pub enum Absent {
    /// There is no such file.
    Missing,
    /// The system does not let it be read.
    System(io::Error),
    /// It holds something else.
    Unreadable(Unreadable),
}

impl fmt::Display for Absent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("there is none yet"),
            Self::System(error) => write!(f, "it cannot be read: {error}"),
            Self::Unreadable(why) => why.fmt(f),
        }
    }
}

/// The certificate in a file.
pub fn present(file: &Path) -> Result<Certificate, Absent> {
    match small_file::read(file) {
        Ok(Some(text)) => Certificate::read(&text).map_err(Absent::Unreadable),
        Ok(None) => Err(Absent::Missing),
        Err(Unread::Other) => Err(Absent::Unreadable(Unreadable::Format)),
        Err(Unread::System(error)) => Err(Absent::System(error)),
    }
}

/// Whether this certificate lets in who holds `key`, for at least so much longer.
#[must_use]
pub fn suffices(certificate: &Certificate, key: &PublicKey, min_validity: Duration) -> bool {
    let now = time::now();
    judge::check(certificate, key, now).is_ok()
        && certificate.validity.left(now).is_some_and(|left| left >= min_validity)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file_name(place: Option<CertificateFile>) -> Option<String> {
        place.map(|place| place.file().file_name().unwrap().to_str().unwrap().to_owned())
    }

    #[test]
    fn a_cluster_keeps_the_name_that_its_files_have() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let make = |name: String| fs::write(folder.join(name), "").unwrap();
        let (train, eval) = (Slug::new("train").unwrap(), Slug::new("eval").unwrap());
        let part = id_part("clst01");
        let of_cluster = |name: &Slug<'_>| {
            file_name(Some(CertificateFile::of_cluster(folder, name, "clst01"))).unwrap()
        };
        let found = |selector: &str| file_name(CertificateFile::found(folder, selector));

        assert_eq!(found("clst01"), None);
        assert_eq!(of_cluster(&train), format!("train-{part}-cert.pub"));
        make(format!("train-{part}-cert.pub"));
        assert_eq!(of_cluster(&eval), format!("train-{part}-cert.pub"));
        for selector in ["clst01", "train", "Train"] {
            assert_eq!(found(selector), Some(format!("train-{part}-cert.pub")), "{selector}");
        }
        make(format!("installed-{part}.json"));
        assert_eq!(of_cluster(&eval), format!("installed-{part}-cert.pub"));
        assert_eq!(found("clst01"), Some(format!("installed-{part}-cert.pub")));

        make(format!("train-{}-cert.pub", id_part("clst02")));
        assert_eq!(found("train"), None, "two clusters have this name");
        assert!(CertificateFile::found(folder, "clst02").unwrap().is_of("clst02"));
        assert!(!CertificateFile::found(folder, "clst02").unwrap().is_of("clst01"));
    }
}
