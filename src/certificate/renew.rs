//! Getting a certificate: many runs may need the same one at once, and then one of them asks.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::judge::{self, Asked, Refusal, Warning};
use super::small_file::{self, Unread};
use super::when;
use super::{Certificate, PublicKey, Unreadable};
use crate::api;
use crate::api::client::Client;
use crate::api::wire::{self, Malformed, Value};
use crate::install::lock::{Lock, LockError};
use crate::install::write::{self, WriteError};
use crate::name::{Slug, UserName, id_part};

/// How long getting one certificate may take in all: an ssh may be waiting for it.
pub const LIMIT: Duration = Duration::from_secs(10);
/// How long between two looks at a lock that another run holds.
const PAUSE: Duration = Duration::from_millis(20);
const FILE_MODE: u32 = 0o600;
const FOLDER_MODE: u32 = 0o700;

/// Where a certificate lies, and what its renewals lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    file: PathBuf,
    folder: PathBuf,
    lock: PathBuf,
}

impl Place {
    /// The place of a cluster's certificate in `folder`, which is ours:
    /// `<name>-<id part>-cert.pub`. Where the cluster has files there under another name already,
    /// it keeps that.
    #[must_use]
    pub fn of_cluster(folder: &Path, name: &Slug<'_>, id: &str) -> Self {
        let part = id_part(id);
        let known = stems(folder).into_iter().find(|stem| stem.part() == part);
        Self::in_ours(folder, &known.unwrap_or_else(|| Stem(format!("{name}-{part}"))))
    }

    /// The place of a certificate that is wanted elsewhere. Its lock stays with us.
    #[must_use]
    pub fn elsewhere(folder: &Path, file: PathBuf) -> Self {
        let lock = folder.join(format!("{}{LOCK_ENDING}", id_part(&file.to_string_lossy())));
        Self { file, folder: folder.to_owned(), lock }
    }

    /// The place of the cluster of this id that has files in our folder, or else of the only one
    /// of this name. Nobody need be asked for it.
    #[must_use]
    pub fn found(folder: &Path, selector: &str) -> Option<Self> {
        let (part, name) = (id_part(selector), Slug::of_name(&selector.into(), selector));
        let stems = stems(folder);
        let mut by_name = stems.iter().filter(|stem| stem.name() == name.as_str());
        let by_id = stems.iter().find(|stem| stem.part() == part);
        let only = || by_name.next().filter(|_| by_name.next().is_none());
        by_id.or_else(only).map(|stem| Self::in_ours(folder, stem))
    }

    fn in_ours(folder: &Path, stem: &Stem) -> Self {
        Self {
            file: folder.join(format!("{}{FILE_ENDING}", stem.0)),
            folder: folder.to_owned(),
            lock: folder.join(format!("{}{LOCK_ENDING}", stem.0)),
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
        name.is_some_and(|name| name.ends_with(&format!("-{}{FILE_ENDING}", id_part(id))))
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

    fn make_folder(&self) -> Result<(), WriteError> {
        if let Some(above) = self.folder.parent() {
            write::make_folder(above, FOLDER_MODE)?;
        }
        write::make_folder(&self.folder, FOLDER_MODE)
    }
}

/// How the name of a certificate ends.
const FILE_ENDING: &str = "-cert.pub";
/// How the name of its lock ends.
const LOCK_ENDING: &str = "-cert.lock";
/// How the name of an installed cluster's record ends.
const RECORD_ENDING: &str = ".json";

/// What a cluster's files are called, without their endings: `<name>-<id part>`.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Stem(String);

impl Stem {
    fn name(&self) -> &str {
        self.0.rsplit_once('-').map_or("", |(name, _)| name)
    }

    fn part(&self) -> &str {
        self.0.rsplit_once('-').map_or("", |(_, part)| part)
    }
}

/// The clusters that have a certificate or a record in our folder; an order that stays.
fn stems(folder: &Path) -> BTreeSet<Stem> {
    let names = fs::read_dir(folder).into_iter().flatten();
    let names = names.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let stem = |name: String| {
        let stem = name.strip_suffix(FILE_ENDING).or(name.strip_suffix(RECORD_ENDING))?;
        Some(Stem(stem.to_owned()))
    };
    names.filter_map(stem).collect()
}

/// The right to change the certificate of a place. Others that want to wait until it is dropped.
#[derive(Debug)]
pub struct Turn<'a> {
    place: &'a Place,
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
    pub fn put(&self, certificate: &Certificate) -> Result<(), WriteError> {
        write::replace(&self.place.file, certificate.line().as_bytes(), FILE_MODE).map(|_| ())
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
    let now = when::now();
    judge::check(certificate, key, now).is_ok()
        && certificate.validity.left(now).is_some_and(|left| left >= min_validity)
}

/// What is asked of the API.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    /// The id of the cluster.
    pub cluster: &'a str,
    /// The key to be certified.
    pub key: &'a PublicKey,
    /// For how long; `None` leaves that to the API.
    pub ttl: Option<Duration>,
    /// Whom ssh will log in as, as far as that is known; the answer may say more.
    pub users: &'a [String],
}

/// Why the API gave no certificate that will do.
#[derive(Debug)]
pub enum Error {
    /// It gave none.
    Api(api::error::Error),
    /// What it gave for the cluster of this id will not do.
    Refused(String, Refusal),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Api(error) => error.fmt(f),
            Self::Refused(id, why) => {
                write!(f, "the API's certificate for cluster `{id}` is refused: {why}")
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Api(error) => error.source(),
            Self::Refused(..) => None,
        }
    }
}

/// Asks for a certificate and judges it.
pub async fn ask(order: &Order<'_>, client: &Client) -> Result<(Certificate, Vec<Warning>), Error> {
    let Order { cluster: id, key, ttl, .. } = *order;
    let asked_ttl = ttl.map(duration_word);
    let answer = client.certificate(id, &key.to_string(), asked_ttl.as_deref()).await;
    let answer = answer.map_err(Error::Api)?;
    let malformed = |why| Error::Api(api::error::Error::malformed_certificate(id, why));
    let signed = wire::signed(&answer).map_err(malformed)?;
    let text = signed.signed_key.text().ok_or_else(|| malformed(no_text(&signed.signed_key)))?;
    let nodes = signed.nodes.iter().flatten();
    let mut users = order.users.to_vec();
    users.extend(nodes.filter_map(|node| node.user.text()).filter(is_user).map(str::to_owned));
    users.sort_unstable();
    users.dedup();
    let asked = Asked { key, ttl, users: &users, now: when::now() };
    judge::judge(text, &asked).map_err(|why| Error::Refused(id.to_owned(), why))
}

fn no_text(value: &Value<'_>) -> Malformed {
    let reason = if value.is_absent() { "missing" } else { "not a text" };
    Malformed::Wrong { path: "data.signedKey".to_owned(), reason: reason.to_owned() }
}

/// What is no login name is none that ssh logs in as.
fn is_user(text: &&str) -> bool {
    UserName::new(*text).is_ok()
}

/// A time as the API takes it: `90s`, `30m`, `2h`.
fn duration_word(time: Duration) -> String {
    match time.as_secs() {
        seconds if seconds % 3600 == 0 => format!("{}h", seconds / 3600),
        seconds if seconds % 60 == 0 => format!("{}m", seconds / 60),
        seconds => format!("{seconds}s"),
    }
}
