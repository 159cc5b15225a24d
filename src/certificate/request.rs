//! Requests a certificate from the API.

use std::time::Duration;

use super::judge::{self, Refusal, Requirements, Warning};
use super::{Certificate, PublicKey};
use crate::api;
use crate::api::client::Client;
use crate::api::wire::{self, Malformed};
use crate::name::UserName;
use crate::text::{duration, time};

/// A request for a certificate.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The id of the cluster.
    pub cluster: &'a str,
    /// The key to be certified.
    pub key: &'a PublicKey,
    /// For how long; `None` leaves that to the API.
    pub ttl: Option<Duration>,
    /// The users that ssh will log in as, as far as they are known; the answer may name more.
    pub users: &'a [String],
}

/// The reason that the API gave no good certificate.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// It gave none.
    #[error(transparent)]
    Api(#[from] api::error::Error),
    /// The one that it gave for the cluster of this id is refused.
    #[error("the API's certificate for cluster `{0}` is refused: {1}")]
    Refused(String, Refusal),
}

/// Requests a certificate and judges it.
pub async fn request(
    request: &Request<'_>,
    client: &Client,
) -> Result<(Certificate, Vec<Warning>), RequestError> {
    let Request { cluster: id, key, ttl, .. } = *request;
    let ttl_word = ttl.map(duration::typed);
    let answer = client.certificate(id, &key.to_string(), ttl_word.as_deref()).await?;
    let malformed = |why| api::error::Error::malformed_certificate(id, &why);
    let signed = wire::signed(&answer).map_err(malformed)?;
    let text = signed.signed_key.required().map_err(|reason| {
        let (path, reason) = ("data.signedKey".to_owned(), reason.to_owned());
        malformed(Malformed::Wrong { path, reason })
    })?;
    let nodes = signed.nodes.iter();
    let named =
        nodes.filter_map(|node| node.user.text()).filter(|text| UserName::new(*text).is_ok());
    let mut users = request.users.to_vec();
    users.extend(named.map(str::to_owned));
    users.sort_unstable();
    users.dedup();
    let required = Requirements { key, ttl, users: &users, now: time::now() };
    judge::judge(text, &required).map_err(|why| RequestError::Refused(id.to_owned(), why))
}
