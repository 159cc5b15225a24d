//! Why a call did not bring what it should, in words that name the next step.

use std::fmt;
use std::time::Duration;

use reqwest::StatusCode;

use super::wire::Malformed;
use super::words::shown;
use super::{retry, transport};
use crate::failure::Kind;
use crate::name::Invalid;
use crate::text::message::Message;

/// A call that failed: what was asked for, and why it did not come.
///
/// The text is complete; what the libraries said is in [`Error::details`].
#[derive(Debug)]
pub struct Error {
    asked: Asked,
    tries: u32,
    cause: Box<Cause>,
}

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// Nothing yet: the client is being made.
    Client,
    /// Get Cluster, or finding it, by what the person typed or the list said.
    Cluster(String),
    /// List Clusters.
    Clusters,
    /// Request Certificate for the cluster of this id.
    Certificate(String),
}

/// Why it did not come.
#[derive(Debug)]
pub(super) enum Cause {
    /// What was typed can be no cluster.
    Selector(Invalid),
    /// The system's list of certificate authorities could not be read.
    Roots(reqwest::Error),
    /// There is no connection.
    Unreachable { address: String, reason: String, is_dns: bool, source: reqwest::Error },
    /// There is no safe connection.
    Tls { address: String, reason: String, trouble: Trouble, source: reqwest::Error },
    /// The connection broke before an answer came.
    Broken { reason: String, source: reqwest::Error },
    /// What came is no HTTP.
    NotHttp { address: String, reason: String, source: reqwest::Error },
    /// The time for all tries is over.
    TimedOut { limit: Duration, received: usize, earlier: Option<Box<Cause>> },
    /// The API asks to wait for longer than there is time.
    Wait { status: StatusCode, wait: Duration, limit: Duration },
    /// A redirect that was not followed; where it leads, if that is another host.
    Redirect { status: StatusCode, elsewhere: Option<String> },
    /// The API refused, or failed.
    Status { status: StatusCode, words: Option<String>, is_page: bool, wait: Option<Duration> },
    /// No cluster has this id or name.
    NoSuchCluster { near: Vec<Near>, more: usize },
    /// More than one cluster has this name.
    Several { near: Vec<Near>, more: usize },
    /// It was in the list, and a moment later it was not there.
    Vanished { id: String },
    /// The list gives an id that can be none.
    Id(Invalid),
    /// The connection broke in the middle of the answer.
    Cut { received: usize, promised: Option<u64>, reason: String, source: reqwest::Error },
    /// The compressed answer cannot be read.
    Gzip { received: usize, reason: String, source: reqwest::Error },
    /// More than we read.
    TooLarge { limit: usize },
    /// Not text.
    NotUtf8 { at: usize },
    /// Not the contract's JSON; `page` is the one of the list, from 1.
    Malformed { page: Option<usize>, malformed: Malformed },
    /// A row of the list that names no cluster.
    Row { page: usize, path: String, reason: &'static str },
    /// The list has no end.
    Endless { rows: usize },
    /// Another cluster than the one that was asked for.
    OtherCluster { answered: String },
}

/// Where a safe connection fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// Nobody whom this machine knows vouches for the certificate.
    Authority,
    /// The certificate is out of date, or for another host.
    Certificate,
    /// The two sides do not understand each other.
    Protocol,
}

/// A cluster that might have been meant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Near {
    pub(super) name: String,
    pub(super) id: String,
}

impl Error {
    pub(super) fn new(asked: Asked, cause: Cause) -> Self {
        Self { asked, tries: 1, cause: Box::new(cause) }
    }

    pub(super) fn after(mut self, tries: u32) -> Self {
        self.tries = tries;
        self
    }

    /// Whether Get Cluster knows no such id, so that it may be a name.
    pub(super) fn is_unknown_id(&self) -> bool {
        matches!(&*self.cause, Cause::Status { status, .. }
            if matches!(*status, StatusCode::NOT_FOUND | StatusCode::UNPROCESSABLE_ENTITY))
    }

    /// Whether the API says that there is no such cluster: not that it cannot tell.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        match &*self.cause {
            // A web page comes from something in between, which knows nothing of clusters.
            Cause::Status { status, is_page, .. } => *status == StatusCode::NOT_FOUND && !is_page,
            Cause::NoSuchCluster { .. } => true,
            _ => false,
        }
    }

    /// Whether the API could not be asked or could not tell, so that an earlier answer may do: not
    /// that it refused.
    #[must_use]
    pub fn is_outage(&self) -> bool {
        match &*self.cause {
            Cause::Status { status, is_page, .. } => {
                *is_page || status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS
            }
            Cause::Selector(_)
            | Cause::Id(_)
            | Cause::Roots(_)
            | Cause::NoSuchCluster { .. }
            | Cause::Several { .. }
            | Cause::Vanished { .. }
            | Cause::OtherCluster { .. } => false,
            _ => true,
        }
    }

    /// Whether the API answered, and does not take the token, or not for this.
    #[must_use]
    pub fn is_about_the_token(&self) -> bool {
        matches!(&*self.cause, Cause::Status { status, is_page: false, .. }
            if matches!(*status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN))
    }

    /// How long the API asks to wait before it is asked again.
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
        let cause = Cause::Malformed { page: None, malformed };
        Self::new(Asked::Cluster(asked.to_owned()), cause)
    }

    /// The answer of Request Certificate for the cluster `id` cannot be read.
    #[must_use]
    pub fn malformed_certificate(id: &str, malformed: Malformed) -> Self {
        let cause = Cause::Malformed { page: None, malformed };
        Self::new(Asked::Certificate(id.to_owned()), cause)
    }

    /// The answer of Get Cluster for the id `asked` is about the cluster `answered`.
    #[must_use]
    pub fn other_cluster(asked: &str, answered: &str) -> Self {
        let cause = Cause::OtherCluster { answered: answered.to_owned() };
        Self::new(Asked::Cluster(asked.to_owned()), cause)
    }

    /// What kind of failure of the run this is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match &*self.cause {
            Cause::Selector(_) => Kind::Usage,
            Cause::Roots(_) => Kind::Local,
            Cause::Unreachable { .. }
            | Cause::Tls { .. }
            | Cause::Broken { .. }
            | Cause::NotHttp { .. }
            | Cause::TimedOut { .. }
            | Cause::Wait { .. }
            | Cause::Redirect { .. }
            | Cause::Status { .. }
            | Cause::NoSuchCluster { .. }
            | Cause::Several { .. }
            | Cause::Vanished { .. } => Kind::Api,
            Cause::Id(_)
            | Cause::Cut { .. }
            | Cause::Gzip { .. }
            | Cause::TooLarge { .. }
            | Cause::NotUtf8 { .. }
            | Cause::Malformed { .. }
            | Cause::Row { .. }
            | Cause::Endless { .. }
            | Cause::OtherCluster { .. } => Kind::Answer,
        }
    }

    /// What the person can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        self.cause.hint(&self.asked).map(str::to_owned)
    }

    /// What the libraries below said, from the outermost to the innermost, for someone who looks
    /// for more than the message.
    #[must_use]
    pub fn details(&self) -> Option<String> {
        let source = self.cause.source()?;
        let chain: Vec<_> = transport::chain(source).map(ToString::to_string).collect();
        Some(shown(&chain.join(": ")).to_string())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.asked {
            Asked::Client => f.write_str("cannot call the API: ")?,
            Asked::Cluster(asked) => write!(f, "cannot get cluster `{}`: ", shown(asked))?,
            Asked::Clusters => f.write_str("cannot list the clusters: ")?,
            Asked::Certificate(id) => {
                write!(f, "cannot get a certificate for cluster `{}`: ", shown(id))?;
            }
        }
        self.cause.fmt(f)?;
        if self.tries > 1 { write!(f, " ({} tries)", self.tries) } else { Ok(()) }
    }
}

impl Error {
    /// What stands below the text, a line each: the clusters that may be meant.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let (Cause::NoSuchCluster { near, more } | Cause::Several { near, more }) = &*self.cause
        else {
            return Vec::new();
        };
        let near = near.iter().map(|Near { name, id }| format!("{} ({})", shown(name), shown(id)));
        Message::with_first("", near.len(), near, *more).lines
    }
}

/// The text tells the cause already, so there is no source to print behind it.
impl std::error::Error for Error {}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Selector(invalid) | Self::Id(invalid) => {
                write!(f, "not an id or a name: {invalid}")
            }
            Self::Roots(_) => {
                f.write_str("this machine's list of certificate authorities is empty")
            }
            Self::Unreachable { address, reason, is_dns: true, .. } => {
                write!(f, "the host of {address} is not found: {reason}")
            }
            Self::Unreachable { address, reason, .. } => {
                write!(f, "no connection to {address}: {reason}")
            }
            Self::Tls { address, reason, .. } => {
                write!(f, "no safe connection (TLS) to {address}: {reason}")
            }
            Self::Broken { reason, .. } => {
                write!(f, "the connection broke before an answer came: {reason}")
            }
            Self::NotHttp { address, reason, .. } => {
                write!(f, "what answers at {address} does not speak HTTP: {reason}")
            }
            Self::TimedOut { limit, received, earlier } => {
                timed_out(f, *limit, *received, earlier.as_deref())
            }
            Self::Wait { status, wait, limit } => write!(
                f,
                "the API asks to wait {}s ({}), which the time limit of {limit:?} does not allow",
                wait.as_secs(),
                Code(*status),
            ),
            Self::Redirect { elsewhere: Some(origin), .. } => write!(
                f,
                "the API redirects to another host, {origin}; not followed, so that the token \
                 stays here"
            ),
            Self::Redirect { status, elsewhere: None } => {
                write!(f, "the API redirects without end ({})", Code(*status))
            }
            Self::Status { status, words, is_page, .. } => {
                write!(f, "{} ({})", meaning(*status), Code(*status))?;
                match words {
                    Some(words) => write!(f, ": {words}"),
                    None if *is_page => f.write_str(", with a web page"),
                    None => Ok(()),
                }
            }
            Self::NoSuchCluster { near, .. } if near.is_empty() => {
                f.write_str("no cluster has this id or name")
            }
            Self::NoSuchCluster { .. } => {
                f.write_str("no cluster has this id or name; near it are:")
            }
            Self::Several { .. } => f.write_str("several clusters have this name:"),
            Self::Vanished { id } => write!(
                f,
                "the list has it (id `{}`), but it is gone: it may just have been terminated",
                shown(id)
            ),
            Self::Cut { received, promised: Some(promised), .. } => {
                write!(f, "the answer is cut off after {received} of {promised} bytes")
            }
            Self::Cut { received, reason, .. } => {
                write!(f, "the answer is cut off after {received} bytes: {reason}")
            }
            Self::Gzip { received, reason, .. } => write!(
                f,
                "the compressed answer cannot be read on after {received} bytes: {reason}"
            ),
            Self::TooLarge { limit } => {
                write!(f, "the answer is larger than {} MiB", limit / (1024 * 1024))
            }
            Self::NotUtf8 { at } => write!(f, "the answer is not UTF-8 text (byte {at})"),
            Self::Malformed { page: None, malformed } => {
                write!(f, "the answer is not as it should be: {}", shown(&malformed.to_string()))
            }
            Self::Malformed { page: Some(page), malformed } => write!(
                f,
                "page {page} of the list is not as it should be: {}",
                shown(&malformed.to_string())
            ),
            Self::Row { page, path, reason } => {
                write!(f, "page {page} of the list is not as it should be: {path}: {reason}")
            }
            Self::Endless { rows } => write!(f, "the list does not end after {rows} clusters"),
            Self::OtherCluster { answered } => {
                write!(f, "the answer is about another cluster, `{}`", shown(answered))
            }
        }
    }
}

fn timed_out(
    f: &mut fmt::Formatter<'_>,
    limit: Duration,
    received: usize,
    earlier: Option<&Cause>,
) -> fmt::Result {
    if received > 0 {
        write!(f, "the answer is not complete within {limit:?} ({received} bytes came)")?;
    } else {
        write!(f, "no answer within {limit:?}")?;
    }
    earlier.map_or(Ok(()), |earlier| write!(f, "; the try before: {earlier}"))
}

fn meaning(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED => "the API refused the token",
        StatusCode::FORBIDDEN => "the token lacks the permission",
        StatusCode::NOT_FOUND => "the API knows nothing of it",
        StatusCode::UNPROCESSABLE_ENTITY => "the API refused what was asked",
        StatusCode::TOO_MANY_REQUESTS => "the API is asked too often",
        status if status.is_server_error() => "the API failed",
        status if status.is_client_error() => "the API refused the call",
        _ => "the API gave an unexpected answer",
    }
}

impl Cause {
    fn source(&self) -> Option<&reqwest::Error> {
        match self {
            Self::Roots(source)
            | Self::Unreachable { source, .. }
            | Self::Tls { source, .. }
            | Self::Broken { source, .. }
            | Self::NotHttp { source, .. }
            | Self::Cut { source, .. }
            | Self::Gzip { source, .. } => Some(source),
            _ => None,
        }
    }

    /// The same, or that the wait which the API asks for does not fit into the time that is left.
    pub(super) fn limited(self, left: Duration, limit: Duration) -> Self {
        match self {
            // A refusal that no waiting changes stays what it is.
            Self::Status { status, wait: Some(wait), .. }
                if wait > left && retry::is_passing(status, true) =>
            {
                Self::Wait { status, wait, limit }
            }
            other => other,
        }
    }

    fn hint(&self, asked: &Asked) -> Option<&'static str> {
        Some(match self {
            Self::Selector(_) => "give the id or the name of a cluster",
            Self::Roots(_) => {
                "install the system's `ca-certificates`, or name a file of them in SSL_CERT_FILE"
            }
            Self::Unreachable { .. } | Self::Broken { .. } => {
                "check the network, the address in `--api-url`, and HTTPS_PROXY and NO_PROXY where \
                 a proxy is in between"
            }
            Self::Tls { trouble: Trouble::Authority, .. } => {
                "where a proxy in between signs with its own authority, name that authority's file \
                 in SSL_CERT_FILE"
            }
            Self::Tls { trouble: Trouble::Certificate, .. } => {
                "check the address in `--api-url`, and this machine's clock"
            }
            Self::Tls { .. } | Self::NotHttp { .. } => {
                "check the scheme and the port in `--api-url`"
            }
            Self::TimedOut { .. } => "give it more time with `--timeout`, such as `--timeout 2m`",
            Self::Wait { .. } => "try again later, or give it more time with `--timeout`",
            Self::Redirect { elsewhere: Some(_), .. } => {
                "if that is where the API is now, name it with `--api-url`"
            }
            Self::Redirect { .. } => "check the address in `--api-url`",
            Self::Status { is_page: true, .. }
            | Self::Malformed { malformed: Malformed::Html, .. } => {
                "a web page comes from a proxy or a login portal in between, or from another \
                 server: check `--api-url`, HTTPS_PROXY and NO_PROXY"
            }
            Self::Status { status, .. } => return status_hint(*status, asked),
            Self::NoSuchCluster { .. } => {
                "`prime-ssh list` shows ids and names; a terminated cluster has no name any more: \
                 give its id"
            }
            Self::Several { .. } => "give the id instead of the name",
            Self::Vanished { .. } => "try again",
            Self::Cut { .. } | Self::Gzip { .. } => "try again; a proxy in between may have cut it",
            Self::Malformed { malformed: Malformed::NoData, .. } => {
                "it may just have been terminated; try again, or give another id"
            }
            Self::TooLarge { .. }
            | Self::NotUtf8 { .. }
            | Self::Malformed { .. }
            | Self::Row { .. }
            | Self::Endless { .. }
            | Self::Id(_)
            | Self::OtherCluster { .. } => {
                "nothing was made of it; check that `--api-url` names the Prime Intellect API"
            }
        })
    }
}

fn status_hint(status: StatusCode, asked: &Asked) -> Option<&'static str> {
    Some(match status {
        StatusCode::UNAUTHORIZED => {
            "make a new token, then `prime login`, or give it in PRIME_API_KEY or with `--token-file`"
        }
        StatusCode::FORBIDDEN if matches!(asked, Asked::Certificate(_)) => {
            "it takes a token with the admin-clusters permission"
        }
        StatusCode::FORBIDDEN => {
            "it takes a token with the admin-clusters permission; or someone who has one runs \
             `prime-ssh export CLUSTER -o train.json` and hands you that file, which \
             holds nothing secret: `--input train.json` uses it"
        }
        StatusCode::NOT_FOUND if *asked == Asked::Clusters => {
            "check that `--api-url` names the Prime Intellect API"
        }
        StatusCode::NOT_FOUND => "check the id; a terminated cluster may be gone",
        StatusCode::TOO_MANY_REQUESTS => "wait a minute, then try again",
        status if status.is_server_error() => "this is not your fault; try again later",
        _ => return None,
    })
}

/// `404 Not Found`, or the number alone where it has no name.
struct Code(StatusCode);

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())?;
        self.0.canonical_reason().map_or(Ok(()), |reason| write!(f, " {reason}"))
    }
}
