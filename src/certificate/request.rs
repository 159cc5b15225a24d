//! Asking the API for a certificate.

use std::fmt;
use std::time::Duration;

use super::judge::{self, Asked, Refusal, Warning};
use super::{Certificate, PublicKey};
use crate::api;
use crate::api::client::Client;
use crate::api::wire::{self, Malformed, Value};
use crate::name::UserName;
use crate::text::time;

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
    let nodes = signed.nodes.iter();
    let mut users = order.users.to_vec();
    users.extend(nodes.filter_map(|node| node.user.text()).filter(is_user).map(str::to_owned));
    users.sort_unstable();
    users.dedup();
    let asked = Asked { key, ttl, users: &users, now: time::now() };
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
