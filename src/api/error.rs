//! A failed call: a message, a kind, and a hint at the next step.

use std::time::Duration;

use reqwest::StatusCode;

use super::transport::TransportError;
use super::wire::Malformed;
use super::words::shown;
use crate::failure::Kind;
use crate::name::Invalid;
use crate::text::message::Message;

/// A call that failed: what was asked for, and why it did not come.
///
/// The message is complete; what the libraries said is in [`Error::details`].
#[derive(Debug, thiserror::Error)]
#[error("cannot {operation}: {cause}{}", tried(*.tries))]
pub struct Error {
    operation: Operation,
    tries: u32,
    cause: Box<Cause>,
}

/// The request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Operation {
    /// Nothing yet: the client is being made.
    #[error("call the API")]
    Client,
    /// Get Cluster, or finding it, by what the person typed or the list said.
    #[error("get cluster `{}`", shown(.0))]
    Cluster(String),
    #[error("list the clusters")]
    Clusters,
    /// Request Certificate for the cluster of this id.
    #[error("get a certificate for cluster `{}`", shown(.0))]
    Certificate(String),
}

/// The reason that there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Cause {
    /// The typed text cannot name a cluster.
    #[error("not an id or a name: {0}")]
    Selector(Invalid),
    /// The list gives an id that can be none.
    #[error("not an id: {0}")]
    Id(Invalid),
    #[error("this machine's list of certificate authorities is empty")]
    NoAuthorities,
    /// The API sent the token back, and whatever is made of its answer would show it.
    #[error("the answer contains the API token")]
    Token,
    #[error(transparent)]
    Transport(TransportError),
    /// The time for all tries is over.
    #[error("{}{}", no_answer(*.limit, *.received), before(.earlier.as_deref()))]
    TimedOut { limit: Duration, received: usize, earlier: Option<Box<Cause>> },
    /// The API asks to wait for longer than there is time.
    #[error(
        "the API asks to wait {}s ({}), longer than the time limit of {limit:?}",
        .wait.as_secs(),
        code(*.status)
    )]
    Wait { status: StatusCode, wait: Duration, limit: Duration },
    #[error("the API redirects to another host, {0}; not followed, to keep the token safe")]
    RedirectElsewhere(String),
    #[error("the API redirects in a loop ({})", code(*.0))]
    RedirectLoop(StatusCode),
    /// The API refused, or failed.
    #[error("{} ({}){}", meaning(*.status), code(*.status), said(.words.as_deref(), *.is_page))]
    Status { status: StatusCode, words: Option<String>, is_page: bool, wait: Option<Duration> },
    #[error("no cluster has this id or name{}", similar(.0))]
    NoSuchCluster(Similar),
    #[error("several clusters have this name:")]
    Several(Similar),
    /// It was in the list, and a moment later it was not there.
    #[error("the list has it (id `{}`), but the API no longer knows it: it may have just been \
     terminated", shown(.0))]
    Vanished(String),
    #[error("the answer is larger than {} MiB", .limit / (1024 * 1024))]
    TooLarge { limit: usize },
    #[error("the answer is not UTF-8 text (byte {at})")]
    NotUtf8 { at: usize },
    /// Not the contract's JSON.
    #[error("malformed answer: {}", shown(&.0.to_string()))]
    Malformed(Malformed),
    /// The same of a page of the list, from 1.
    #[error("page {page} of the list is malformed: {}", shown(&.malformed.to_string()))]
    Page { page: usize, malformed: Malformed },
    #[error("the list does not end after {rows} clusters")]
    Endless { rows: usize },
    /// Another cluster than the one that was asked for.
    #[error("the answer is about another cluster, `{}`", shown(.0))]
    OtherCluster(String),
}

/// Clusters that might have been meant.
#[derive(Debug, Default)]
pub(super) struct Similar {
    /// Names and ids of the first few.
    pub(super) named: Vec<(String, String)>,
    /// The number of further ones.
    pub(super) more: usize,
}

const WEB_PAGE: &str = "a proxy, a login portal, or another server sent a web page: check \
 `--api-url`, HTTPS_PROXY and NO_PROXY";
const WRONG_API: &str = "check that `--api-url` names the Prime Intellect API";

impl Error {
    pub(super) fn new(operation: Operation, cause: Cause) -> Self {
        Self { operation, tries: 1, cause: Box::new(cause) }
    }

    pub(super) fn after(mut self, tries: u32) -> Self {
        self.tries = tries;
        self
    }

    /// Returns whether Get Cluster knows no such id, so that it may be a name.
    pub(super) fn is_unknown_id(&self) -> bool {
        matches!(&*self.cause, Cause::Status { status, .. }
            if matches!(*status, StatusCode::NOT_FOUND | StatusCode::UNPROCESSABLE_ENTITY))
    }

    /// Returns whether the API says that there is no such cluster: not that it cannot tell.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        match &*self.cause {
            // A web page comes from something in between, which knows nothing of clusters.
            Cause::Status { status, is_page, .. } => *status == StatusCode::NOT_FOUND && !is_page,
            Cause::NoSuchCluster(_) => true,
            _ => false,
        }
    }

    /// Returns whether the API could not be asked or could not tell, so that an earlier answer may
    /// do: not that it refused.
    #[must_use]
    pub fn is_outage(&self) -> bool {
        match &*self.cause {
            Cause::Status { status, is_page, .. } => {
                *is_page || status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS
            }
            Cause::NoAuthorities
            | Cause::Token
            | Cause::Selector(_)
            | Cause::Id(_)
            | Cause::NoSuchCluster(_)
            | Cause::Several(_)
            | Cause::Vanished(_)
            | Cause::OtherCluster(_) => false,
            _ => true,
        }
    }

    /// Returns whether the API answered, and does not take the token, or not for this.
    #[must_use]
    pub fn is_about_the_token(&self) -> bool {
        matches!(&*self.cause, Cause::Status { status, is_page: false, .. }
            if matches!(*status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN))
    }

    /// Returns the time that the API asks us to wait before the next request.
    #[must_use]
    pub fn asked_wait(&self) -> Option<Duration> {
        match &*self.cause {
            Cause::Status { wait, .. } => *wait,
            Cause::Wait { wait, .. } => Some(*wait),
            _ => None,
        }
    }

    /// The answer of Get Cluster for `asked` cannot be read.
    #[must_use]
    pub fn malformed_cluster(asked: &str, malformed: Malformed) -> Self {
        Self::new(Operation::Cluster(asked.to_owned()), Cause::Malformed(malformed))
    }

    /// The answer of Request Certificate for the cluster `id` cannot be read.
    #[must_use]
    pub fn malformed_certificate(id: &str, malformed: Malformed) -> Self {
        Self::new(Operation::Certificate(id.to_owned()), Cause::Malformed(malformed))
    }

    /// The answer of Get Cluster for the id `asked` is about the cluster `answered`.
    #[must_use]
    pub fn other_cluster(asked: &str, answered: &str) -> Self {
        Self::new(Operation::Cluster(asked.to_owned()), Cause::OtherCluster(answered.to_owned()))
    }

    /// Returns the kind of failure that this is for the run.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.advice().0
    }

    /// Returns the next step for the user.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        self.advice().1.map(str::to_owned)
    }

    fn advice(&self) -> (Kind, Option<&'static str>) {
        let (kind, hint) = match &*self.cause {
            Cause::Selector(_) => (Kind::Usage, "give the id or the name of a cluster"),
            Cause::NoAuthorities => (
                Kind::Local,
                "install the system's `ca-certificates`, or set SSL_CERT_FILE to such a file",
            ),
            Cause::Transport(error) => (error.kind, error.hint),
            Cause::TimedOut { .. } => {
                (Kind::Api, "give it more time with `--timeout`, such as `--timeout 2m`")
            }
            Cause::Wait { .. } => {
                (Kind::Api, "try again later, or give it more time with `--timeout`")
            }
            Cause::RedirectElsewhere(_) => {
                (Kind::Api, "if the API has moved there, set `--api-url`")
            }
            Cause::RedirectLoop(_) => (Kind::Api, "check the address in `--api-url`"),
            Cause::Status { is_page: true, .. } => (Kind::Api, WEB_PAGE),
            Cause::Status { status, .. } => {
                return (Kind::Api, status_hint(*status, &self.operation));
            }
            Cause::NoSuchCluster(_) => (
                Kind::Api,
                "`prime-ssh list` shows ids and names; for a terminated cluster, give its id",
            ),
            Cause::Several(_) => (Kind::Api, "give the id instead of the name"),
            Cause::Vanished(_) => (Kind::Api, "try again"),
            Cause::Malformed(Malformed::Html) | Cause::Page { malformed: Malformed::Html, .. } => {
                (Kind::Answer, WEB_PAGE)
            }
            Cause::Malformed(Malformed::NoData) => {
                (Kind::Answer, "it may have just been terminated; try again, or give another id")
            }
            Cause::Token
            | Cause::Id(_)
            | Cause::TooLarge { .. }
            | Cause::NotUtf8 { .. }
            | Cause::Malformed(_)
            | Cause::Page { .. }
            | Cause::Endless { .. }
            | Cause::OtherCluster(_) => (Kind::Answer, WRONG_API),
        };
        (kind, Some(hint))
    }

    /// Returns the lines below the message: the clusters that may be meant.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let (Cause::NoSuchCluster(near) | Cause::Several(near)) = &*self.cause else {
            return Vec::new();
        };
        let lines = near.named.iter().map(|(name, id)| format!("{} ({})", shown(name), shown(id)));
        Message::with_first("", near.named.len(), lines, near.more).lines
    }

    /// Returns the libraries' own words, for someone who needs more than the message.
    #[must_use]
    pub fn details(&self) -> Option<String> {
        match &*self.cause {
            Cause::Transport(error) => Some(error.details()),
            _ => None,
        }
    }
}

fn status_hint(status: StatusCode, operation: &Operation) -> Option<&'static str> {
    Some(match status {
        StatusCode::UNAUTHORIZED => {
            "create a new token, then run `prime login`, or pass it in PRIME_API_KEY or \
             `--token-file`"
        }
        StatusCode::FORBIDDEN if matches!(operation, Operation::Certificate(_)) => {
            "use a token with the admin-clusters permission"
        }
        StatusCode::FORBIDDEN => {
            "use a token with the admin-clusters permission; or ask someone who has one to run \
             `prime-ssh export CLUSTER -o train.json` and give you that file, which holds no \
             secrets, for `--input train.json`"
        }
        StatusCode::NOT_FOUND if *operation == Operation::Clusters => WRONG_API,
        StatusCode::NOT_FOUND => "check the id; a terminated cluster may be gone",
        StatusCode::TOO_MANY_REQUESTS => "wait a minute, then try again",
        status if status.is_server_error() => "this is not your fault; try again later",
        _ => return None,
    })
}

fn meaning(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED => "the API rejected the token",
        StatusCode::FORBIDDEN => "the token lacks the permission",
        StatusCode::NOT_FOUND => "the API does not know it",
        StatusCode::TOO_MANY_REQUESTS => "too many requests to the API",
        status if status.is_server_error() => "the API failed",
        status if status.is_client_error() => "the API rejected the request",
        _ => "the API gave an unexpected answer",
    }
}

/// `404 Not Found`, or the number alone where it has no name.
pub(super) fn code(status: StatusCode) -> String {
    let reason = status.canonical_reason().unwrap_or_default();
    format!("{} {reason}", status.as_str()).trim_end().to_owned()
}

fn said(words: Option<&str>, is_page: bool) -> String {
    match words {
        Some(words) => format!(": {words}"),
        None if is_page => ", with a web page".to_owned(),
        None => String::new(),
    }
}

fn no_answer(limit: Duration, received: usize) -> String {
    match received {
        0 => format!("no answer within {limit:?}"),
        _ => format!("incomplete answer after {limit:?} ({received} bytes received)"),
    }
}

fn before(earlier: Option<&Cause>) -> String {
    earlier.map(|earlier| format!("; the previous try: {earlier}")).unwrap_or_default()
}

fn tried(tries: u32) -> String {
    if tries > 1 { format!(" ({tries} tries)") } else { String::new() }
}

fn similar(near: &Similar) -> &'static str {
    if near.named.is_empty() { "" } else { "; similar names:" }
}
