//! Getting a certificate: many runs may need the same one at once, and then one of them asks.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::judge::{self, Asked, Refusal, Warning};
use super::when;
use super::{Certificate, PublicKey, TEXT_MAX, Unreadable};
use crate::api;
use crate::api::client::Client;
use crate::api::wire::{self, Malformed, Value};
use crate::failure::Kind;
use crate::install::lock::{Lock, LockError};
use crate::install::write::{self, WriteError};
use crate::name::{Id, Slug, UserName, id_part};

/// How long getting one certificate may take in all: an ssh may be waiting for it.
pub const LIMIT: Duration = Duration::from_secs(10);
/// How long between two looks at a lock that another run holds.
const PAUSE: Duration = Duration::from_millis(20);
const FILE_MODE: u32 = 0o600;
const FOLDER_MODE: u32 = 0o700;

/// Where a cluster's certificate lies, and what its renewals lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    folder: PathBuf,
    file: PathBuf,
    lock: PathBuf,
}

impl Place {
    /// The place of the cluster's certificate in `folder`, which is ours: `<name>-<id part>-cert.pub`.
    #[must_use]
    pub fn new(folder: &Path, name: &Slug<'_>, id: &Id<'_>) -> Self {
        let part = id_part(id.as_str());
        Self::at(folder, id, folder.join(format!("{name}-{part}-cert.pub")))
    }

    /// The same for a certificate that the user wants elsewhere. The lock stays with us.
    #[must_use]
    pub fn at(folder: &Path, id: &Id<'_>, file: PathBuf) -> Self {
        let lock = folder.join(format!("{}-cert.lock", id_part(id.as_str())));
        Self { folder: folder.to_owned(), file, lock }
    }

    /// The place where a certificate of this cluster already lies, under whatever name the
    /// cluster had then. It takes no request to find.
    #[must_use]
    pub fn found(folder: &Path, id: &Id<'_>) -> Option<Self> {
        let ending = format!("-{}-cert.pub", id_part(id.as_str()));
        let fits = |name: &Path| name.to_str().is_some_and(|name| name.ends_with(&ending));
        let names = fs::read_dir(folder).ok()?.filter_map(|entry| Some(entry.ok()?.file_name()));
        let first = names.filter(|name| fits(name.as_ref())).min()?;
        Some(Self::at(folder, id, folder.join(first)))
    }

    /// The certificate's file.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The certificate that lies there.
    pub fn present(&self) -> Result<Certificate, Absent> {
        present(&self.file)
    }

    fn make_folder(&self) -> Result<(), WriteError> {
        if let Some(above) = self.folder.parent() {
            write::make_folder(above, FOLDER_MODE)?;
        }
        write::make_folder(&self.folder, FOLDER_MODE)
    }

    /// Waits for the lock until `deadline`, without keeping other work waiting.
    async fn lock(&self, deadline: Instant) -> Result<Lock, LockError> {
        let prepare = || self.make_folder().map_err(io::Error::other);
        loop {
            match Lock::take(&self.lock, Duration::ZERO, prepare, || ()) {
                Err(LockError::Busy { .. }) if Instant::now() < deadline => sleep(PAUSE).await,
                Err(LockError::Busy { path, holder, .. }) => {
                    return Err(LockError::Busy { path, holder, limit: LIMIT });
                }
                taken_or_failed => return taken_or_failed,
            }
        }
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
    // Asked first: to open a pipe would wait for its writer.
    match fs::metadata(file) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(Absent::Missing),
        Err(error) => return Err(Absent::System(error)),
        Ok(found) if !found.is_file() => return Err(Absent::Unreadable(Unreadable::Format)),
        Ok(_) => {}
    }
    let mut bytes = Vec::new();
    File::open(file)
        .and_then(|file| file.take(TEXT_MAX as u64 + 1).read_to_end(&mut bytes))
        .map_err(Absent::System)?;
    Certificate::read(&String::from_utf8_lossy(&bytes)).map_err(Absent::Unreadable)
}

/// Whether this certificate lets in who holds `key`, for at least so much longer.
#[must_use]
pub fn suffices(certificate: &Certificate, key: &PublicKey, min_validity: Duration) -> bool {
    let now = when::now();
    judge::check(certificate, key, now).is_ok()
        && certificate.validity.left(now).is_some_and(|left| left >= min_validity)
}

/// What is wanted.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    /// For which cluster.
    pub cluster: &'a Id<'a>,
    /// For which key.
    pub key: &'a PublicKey,
    /// For how long; `None` leaves that to the API.
    pub ttl: Option<Duration>,
    /// With which a present certificate will do; `None` asks for a new one in any case.
    pub min_validity: Option<Duration>,
    /// Whom ssh will log in as, as far as that is known; the answer may say more.
    pub users: &'a [String],
}

/// What came of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Got {
    /// The present certificate does.
    Present(Certificate),
    /// A new one is in its place, and this is to be known about it.
    New(Certificate, Vec<Warning>),
}

/// Why there is no new certificate. The old one is as it was.
#[derive(Debug)]
pub enum Error {
    /// Other runs were at it all the time.
    Lock(LockError),
    /// The API did not give one.
    Api(api::error::Error),
    /// What it gave will not do.
    Refused(Refusal),
    /// It could not be written.
    Write(WriteError),
}

impl Error {
    /// What kind of failure of the run this is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Api(error) => error.kind(),
            Self::Refused(_) => Kind::Answer,
            Self::Lock(_) | Self::Write(_) => Kind::Local,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lock(error) => error.fmt(f),
            Self::Api(error) => error.fmt(f),
            Self::Refused(why) => write!(f, "the API's certificate is refused: {why}"),
            Self::Write(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Lock(error) => error.source(),
            Self::Api(error) => error.source(),
            Self::Refused(_) => None,
            Self::Write(error) => error.source(),
        }
    }
}

/// Gets a certificate and puts it in its place, within [`LIMIT`].
///
/// Of the runs that want one at the same time, the first one asks; those that find a new
/// certificate when their turn comes take that. `client` makes a client with what is left of the
/// time, once it is clear that one is needed.
pub async fn get(
    order: &Order<'_>,
    place: &Place,
    client: impl FnOnce(Duration) -> Result<Client, api::error::Error>,
) -> Result<Got, Error> {
    let deadline = Instant::now() + LIMIT;
    let before = place.present().ok();
    let _turn = place.lock(deadline).await.map_err(Error::Lock)?;
    if let (Some(min_validity), Ok(present)) = (order.min_validity, place.present()) {
        let is_news = || {
            let fits = judge::check(&present, order.key, when::now()).is_ok();
            before.as_ref() != Some(&present) && fits
        };
        if suffices(&present, order.key, min_validity) || is_news() {
            return Ok(Got::Present(present));
        }
    }
    let left = deadline.saturating_duration_since(Instant::now());
    let client = client(left).map_err(Error::Api)?;
    let (certificate, warnings) = ask(order, &client).await?;
    write::replace(place.file(), certificate.line().as_bytes(), FILE_MODE).map_err(Error::Write)?;
    Ok(Got::New(certificate, warnings))
}

async fn ask(order: &Order<'_>, client: &Client) -> Result<(Certificate, Vec<Warning>), Error> {
    let Order { cluster, key, ttl, .. } = *order;
    let id = cluster.as_str();
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
    judge::judge(text, &asked).map_err(Error::Refused)
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
