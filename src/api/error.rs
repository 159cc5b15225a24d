//! A failed call: a message, a kind, and a hint at the next step.

use std::time::Duration;

use reqwest::StatusCode;

use super::server_text::shown;
use super::wire::Malformed;
use crate::failure::{Failure, Kind};
use crate::text::message::Message;

/// A call that failed: the failure that it is for a run, and what decides on another try.
#[derive(Debug, thiserror::Error)]
#[error("{failure}")]
pub struct ApiError {
    /// The message, the kind, and the hint; its detail is the libraries' own words.
    pub failure: Box<Failure>,
    /// True if the API could not be asked or could not tell, so that an earlier answer may do: not
    /// if it refused.
    pub is_outage: bool,
    /// The time that the API asks us to wait before the next request.
    pub wait: Option<Duration>,
    pub(super) again: Retry,
    /// The status with which the API refused. That of a web page is not the API's: something in
    /// between sent it, which knows nothing of clusters.
    pub(super) status: Option<StatusCode>,
}

/// The request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Operation {
    /// Get Cluster, or finding it, by what the person typed or the list said.
    #[error("get cluster `{}`", shown(.0))]
    Cluster(String),
    #[error("list the clusters")]
    Clusters,
    /// Request Certificate for the cluster of this id.
    #[error("get a certificate for cluster `{}`", shown(.0))]
    Certificate(String),
}

/// The conditions under which the same call is worth another try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Retry {
    /// It never arrived, or was put off.
    Always,
    /// It may have arrived, so that it must only read.
    IfItReads,
    Never,
}

const WEB_PAGE: &str = "a proxy, a login portal, or another server sent a web page: check \
 `--api-url`, HTTPS_PROXY and NO_PROXY";
const WRONG_API: &str = "check that `--api-url` names the Prime Intellect API";

impl ApiError {
    /// A failure that no other try and no earlier answer helps.
    pub(super) fn new(kind: Kind, message: impl Into<Message>, hint: &'static str) -> Self {
        Failure::message(kind, message).hint(hint).into()
    }

    /// An answer that the Prime Intellect API would not give.
    pub(super) fn wrong_answer(message: impl Into<Message>) -> Self {
        Self::new(Kind::Answer, message, WRONG_API)
    }

    /// An answer that is none: an earlier one may do.
    pub(super) fn no_answer(message: impl Into<Message>) -> Self {
        Self { is_outage: true, ..Self::wrong_answer(message) }
    }

    pub(super) fn too_large(limit: usize) -> Self {
        Self::no_answer(format!("the answer is larger than {} MiB", limit / (1024 * 1024)))
    }

    /// Not the contract's JSON; `what` is.
    pub(super) fn malformed(what: &str, malformed: &Malformed) -> Self {
        let hint = match malformed {
            Malformed::Html => WEB_PAGE,
            Malformed::NoData => "it may have just been terminated; try again, or give another id",
            Malformed::Wrong(_) => WRONG_API,
        };
        let message = format!("{what}: {}", shown(&malformed.to_string()));
        Self { is_outage: true, ..Self::new(Kind::Answer, message, hint) }
    }

    /// The time for all tries is over.
    pub(super) fn timed_out(limit: Duration, received: usize, earlier: Option<&Self>) -> Self {
        let message = match received {
            0 => format!("no answer within {limit:?}"),
            _ => format!("incomplete answer after {limit:?} ({received} bytes received)"),
        };
        let earlier = earlier.map(|earlier| format!("; the previous try: {earlier}"));
        let hint = "give it more time with `--timeout`, such as `--timeout 2m`";
        let message = message + &earlier.unwrap_or_default();
        Self { is_outage: true, ..Self::new(Kind::Api, message, hint) }
    }

    /// The API refused, or failed: with these words, or with a web page.
    pub(super) fn status(
        status: StatusCode,
        words: Option<&str>,
        is_page: bool,
        operation: &Operation,
    ) -> Self {
        let said = match words {
            Some(words) => format!(": {words}"),
            None if is_page => ", with a web page".to_owned(),
            None => String::new(),
        };
        let (meaning, hint) = meaning(status, operation);
        let hint = if is_page { Some(WEB_PAGE) } else { hint };
        let is_busy = status == StatusCode::TOO_MANY_REQUESTS;
        let mut failure =
            Failure::message(Kind::Api, format!("{meaning} ({}){said}", code(status)));
        failure.hint = hint.map(str::to_owned);
        Self {
            is_outage: is_page || is_busy || status.is_server_error(),
            again: match status {
                StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => Retry::Always,
                StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT => Retry::IfItReads,
                _ => Retry::Never,
            },
            status: Some(status).filter(|_| !is_page),
            ..failure.into()
        }
    }

    /// The same with what could not be done, after so many tries.
    pub(super) fn of(mut self, operation: &Operation, tries: u32) -> Self {
        let tries = if tries > 1 { format!(" ({tries} tries)") } else { String::new() };
        self.failure.message.text = format!("cannot {operation}: {self}{tries}");
        self
    }

    /// Returns whether Get Cluster knows no such id, so that it may be a name.
    pub(super) fn is_unknown_id(&self) -> bool {
        let unknown = [StatusCode::NOT_FOUND, StatusCode::UNPROCESSABLE_ENTITY];
        self.status.is_some_and(|status| unknown.contains(&status))
    }

    /// Returns whether the API says that there is no such cluster: not that it cannot tell.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.status == Some(StatusCode::NOT_FOUND)
    }

    /// Returns whether the API answered, and does not take the token, or not for this.
    #[must_use]
    pub fn is_about_the_token(&self) -> bool {
        let refusals = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN];
        self.status.is_some_and(|status| refusals.contains(&status))
    }

    /// The answer of Get Cluster for `asked` cannot be read.
    #[must_use]
    pub fn malformed_cluster(asked: &str, malformed: &Malformed) -> Self {
        Self::malformed("malformed answer", malformed).of(&Operation::Cluster(asked.to_owned()), 1)
    }

    /// The answer of Request Certificate for the cluster `id` cannot be read.
    #[must_use]
    pub fn malformed_certificate(id: &str, malformed: &Malformed) -> Self {
        Self::malformed("malformed answer", malformed).of(&Operation::Certificate(id.to_owned()), 1)
    }

    /// The answer of Get Cluster for the id `asked` is about the cluster `answered`.
    #[must_use]
    pub fn other_cluster(asked: &str, answered: &str) -> Self {
        let message = format!("the answer is about another cluster, `{}`", shown(answered));
        Self::wrong_answer(message).of(&Operation::Cluster(asked.to_owned()), 1)
    }
}

/// What fails before the API is asked.
impl From<Failure> for ApiError {
    fn from(failure: Failure) -> Self {
        Self {
            failure: Box::new(failure),
            is_outage: false,
            wait: None,
            again: Retry::Never,
            status: None,
        }
    }
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        *error.failure
    }
}

/// Returns what a status means, and what to do about it.
fn meaning(status: StatusCode, operation: &Operation) -> (&'static str, Option<&'static str>) {
    let is_certificate = matches!(operation, Operation::Certificate(_));
    let (meaning, hint) = match status {
        StatusCode::UNAUTHORIZED => (
            "the API rejected the token",
            "create a new token, then run `prime login`, or pass it in PRIME_API_KEY or \
             `--token-file`",
        ),
        StatusCode::FORBIDDEN if is_certificate => {
            ("the token lacks the permission", "use a token with the admin-clusters permission")
        }
        StatusCode::FORBIDDEN => (
            "the token lacks the permission",
            "use a token with the admin-clusters permission; or ask someone who has one to run \
             `prime-ssh export CLUSTER -o train.json` and give you that file, which holds no \
             secrets, for `--input train.json`",
        ),
        StatusCode::NOT_FOUND if *operation == Operation::Clusters => {
            ("the API does not know it", WRONG_API)
        }
        StatusCode::NOT_FOUND => {
            ("the API does not know it", "check the id; a terminated cluster may be gone")
        }
        StatusCode::TOO_MANY_REQUESTS => {
            ("too many requests to the API", "wait a minute, then try again")
        }
        status if status.is_server_error() => {
            ("the API failed", "this is not your fault; try again later")
        }
        status if status.is_client_error() => return ("the API rejected the request", None),
        _ => return ("the API gave an unexpected answer", None),
    };
    (meaning, Some(hint))
}

/// `404 Not Found`, or the number alone where it has no name.
pub(super) fn code(status: StatusCode) -> String {
    let reason = status.canonical_reason().unwrap_or_default();
    format!("{} {reason}", status.as_str()).trim_end().to_owned()
}
