//! The HTTP calls: the token, time limits, tries, and what an answer may be.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::{Duration, SystemTime};

use reqwest::header::{ACCEPT, CONTENT_TYPE, LOCATION};
use reqwest::{Method, Response, Url, redirect};
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::address::ApiUrl;
use super::error::{ApiError, Operation, code};
use super::resolver::SystemResolver;
use super::server_text::{self, shown};
use super::token::ApiToken;
use super::{retry, transport};
use crate::failure::{Failure, Kind, Outcome};
use crate::name::Invalid;
use crate::terminal::Terminal;
use crate::text::sanitize::is_control;

/// The name that we give the API.
const USER_AGENT: &str = concat!("prime-ssh/", env!("CARGO_PKG_VERSION"));
/// The longest that connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Redirects of one call, all to the API itself.
const REDIRECTS: usize = 3;
/// The largest answer in bytes, after decompression.
const ANSWER_MAX: usize = 256 * 1024 * 1024;
/// The most that is read of an error's body, in bytes.
const ERROR_BODY_MAX: usize = 64 * 1024;
/// The longest wait for an error's body.
const ERROR_BODY_TIMEOUT: Duration = Duration::from_secs(2);
/// The most memory that is reserved because an answer says how long it is, in bytes.
const TRUSTED_LENGTH: usize = 16 * 1024 * 1024;
/// The longest id or name that is asked for, in bytes; servers refuse longer addresses.
const SEGMENT_MAX: usize = 1024;

/// An API, and who asks it.
#[derive(Clone, Debug)]
pub struct ApiEndpoint {
    /// The API's address.
    pub address: ApiUrl,
    /// The token.
    pub token: ApiToken,
    /// The time for one call with all its tries.
    pub timeout: Duration,
}

/// Asks the API. Cheap to clone; clones share their connections.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    pub(super) endpoint: ApiEndpoint,
    tries: u32,
    terminal: Terminal,
}

/// An answer of Get Cluster as it came.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct ClusterAnswer {
    /// The id that was asked for in the end; the answer's own should be the same.
    pub id: String,
    /// The JSON text, unread.
    pub text: String,
}

/// The answer to one call.
pub(super) struct Reply {
    pub(super) text: String,
    /// The answer's `Date`.
    pub(super) date: Option<SystemTime>,
}

/// One call, which can be sent again.
pub(super) struct Call {
    operation: Operation,
    method: Method,
    url: Url,
    /// JSON.
    body: Option<String>,
    /// The largest answer, in bytes.
    max: usize,
}

impl Call {
    pub(super) fn get(operation: Operation, url: Url) -> Self {
        Self { operation, method: Method::GET, url, body: None, max: ANSWER_MAX }
    }

    /// The same call, and an answer of more bytes than this is refused.
    pub(super) fn at_most(self, max: usize) -> Self {
        Self { max, ..self }
    }
}

impl Client {
    /// A client that tells each request to `--verbose`. Connecting may take 10 seconds of the time
    /// for a call.
    ///
    /// A token never goes through a proxy for an address of this machine, and the system's
    /// certificate authorities are read only where they are needed.
    pub fn new(endpoint: ApiEndpoint, terminal: Terminal) -> Outcome<Self> {
        let ApiEndpoint { address, timeout, .. } = &endpoint;
        // An error says that there is a provider already, and then that one serves.
        let _ = ring::default_provider().install_default();
        let builder = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .connect_timeout(CONNECT_TIMEOUT.min(*timeout))
            .redirect(redirects(address))
            .referer(false)
            .dns_resolver(SystemResolver)
            .retry(reqwest::retry::never());
        let builder = if address.is_loopback() {
            // What a resolver says `localhost` is might be elsewhere; the token stays here.
            let here =
                [(Ipv4Addr::LOCALHOST, 0).into(), SocketAddr::from((Ipv6Addr::LOCALHOST, 0))];
            builder.no_proxy().resolve_to_addrs("localhost", &here)
        } else {
            builder
        };
        let no_authorities = || {
            let message =
                "cannot call the API: this machine's list of certificate authorities is empty";
            let hint =
                "install the system's `ca-certificates`, or set SSL_CERT_FILE to such a file";
            Failure::message(Kind::Local, message).hint(hint)
        };
        let builder = if address.is_plain() {
            // Reading the system's certificate authorities is lost time.
            builder.tls_backend_preconfigured(tls(RootCertStore::empty()))
        } else if cfg!(target_os = "linux") {
            builder.tls_backend_preconfigured(tls(authorities().ok_or_else(no_authorities)?))
        } else {
            builder
        };
        let http = builder.build().map_err(|_| no_authorities())?;
        Ok(Self { http, endpoint, tries: retry::TRIES, terminal })
    }

    /// The same client, and each call is tried once: for who asks again and again anyway.
    #[must_use]
    pub fn without_tries(&self) -> Self {
        Self { tries: 1, ..self.clone() }
    }

    /// The answer of Get Cluster, unread.
    pub async fn cluster(&self, id: &str) -> Result<ClusterAnswer, ApiError> {
        let operation = Operation::Cluster(id.to_owned());
        check_id(id, &operation)?;
        let url = self.endpoint.address.call(["api", "admin", "clusters", id]);
        let text = self.call(&Call::get(operation, url)).await?.text;
        Ok(ClusterAnswer { id: id.to_owned(), text })
    }

    /// The answer of Request Certificate, unread: `public_key` signed for `ttl` (such as `2h`), or
    /// for as long as the API likes.
    pub async fn certificate(
        &self,
        id: &str,
        public_key: &str,
        ttl: Option<&str>,
    ) -> Result<String, ApiError> {
        let operation = Operation::Certificate(id.to_owned());
        check_id(id, &operation)?;
        let segments = ["api", "admin", "clusters", id, "authorizations", "certificate"];
        let url = self.endpoint.address.call(segments);
        let body = match ttl {
            Some(ttl) => json!({ "publicKey": public_key, "ttl": ttl }),
            None => json!({ "publicKey": public_key }),
        };
        let body = Some(body.to_string());
        let call = Call { operation, method: Method::POST, url, body, max: ANSWER_MAX };
        Ok(self.call(&call).await?.text)
    }

    /// Sends one call until it is answered, refused, tried often enough, or out of time.
    pub(super) async fn call(&self, call: &Call) -> Result<Reply, ApiError> {
        let deadline = Instant::now() + self.endpoint.timeout;
        let mut tried = 0;
        let mut earlier = None;
        loop {
            tried += 1;
            let mut received = 0;
            let error = match timeout_at(deadline, self.once(call, &mut received)).await {
                Ok(Ok(answered)) => return Ok(answered),
                Ok(Err(error)) => error,
                Err(_) => {
                    let error =
                        ApiError::timed_out(self.endpoint.timeout, received, earlier.as_ref());
                    return Err(error.of(&call.operation, tried));
                }
            };
            let left = deadline.saturating_duration_since(Instant::now());
            match retry::next(&error, &call.method, tried, self.tries) {
                Some(pause) if pause <= left => sleep(pause).await,
                // Who tries once waits by itself, for as long as it likes.
                _ if self.tries == 1 => return Err(error.of(&call.operation, 1)),
                _ => {
                    let error = retry::within(error, left, self.endpoint.timeout);
                    return Err(error.of(&call.operation, tried));
                }
            }
            earlier = Some(error);
        }
    }

    async fn once(&self, call: &Call, received: &mut usize) -> Result<Reply, ApiError> {
        let mut request = self
            .http
            .request(call.method.clone(), call.url.clone())
            .bearer_auth(self.endpoint.token.expose())
            .header(ACCEPT, "application/json");
        if let Some(body) = &call.body {
            request = request.header(CONTENT_TYPE, "application/json").body(body.clone());
        }
        let start = Instant::now();
        let sent = request.send().await;
        let came = match &sent {
            Ok(response) => code(response.status()),
            Err(_) => "no answer".to_owned(),
        };
        let path = call.url.query().map_or_else(
            || call.url.path().to_owned(),
            |query| format!("{}?{query}", call.url.path()),
        );
        let took = start.elapsed().as_millis();
        self.terminal.detail(format_args!("{} {path}: {came}, {took} ms", call.method));
        let response = sent.map_err(|error| transport::no_answer(error, &self.endpoint.address))?;
        let status = response.status();
        if status.is_success() {
            let date = retry::date(response.headers());
            let text = read(response, call.max, received).await?;
            if self.endpoint.token.is_in(&text) {
                // Whatever is made of it would show the token.
                return Err(ApiError::wrong_answer("the answer contains the API token"));
            }
            Ok(Reply { text, date })
        } else if let Some(to) = redirect_target(&response) {
            let (message, hint) = if self.endpoint.address.has_origin_of(&to) {
                let message = format!("the API redirects in a loop ({})", code(status));
                (message, "check the address in `--api-url`")
            } else {
                let to = self.sanitize(&origin(&to));
                let message = format!(
                    "the API redirects to another host, {to}; not followed, to keep the token safe"
                );
                (message, "if the API has moved there, set `--api-url`")
            };
            Err(ApiError { is_outage: true, ..ApiError::new(Kind::Api, message, hint) })
        } else {
            Err(self.refusal(response, &call.operation).await)
        }
    }

    /// Returns what the API says in place of an answer; a body that cannot be read says nothing.
    async fn refusal(&self, mut response: Response, operation: &Operation) -> ApiError {
        let status = response.status();
        let wait = retry::asked_wait(response.headers());
        let mut body = Vec::new();
        let all = async {
            while let Ok(Some(chunk)) = response.chunk().await {
                body.extend_from_slice(&chunk);
                if body.len() > ERROR_BODY_MAX {
                    break;
                }
            }
        };
        // The status is known; its words are not worth the whole time limit.
        let _ = timeout(ERROR_BODY_TIMEOUT, all).await;
        let body = String::from_utf8_lossy(&body);
        let words = server_text::of_error_body(&body).map(|text| self.sanitize(&text));
        let is_page = body.trim_start().starts_with('<');
        ApiError { wait, ..ApiError::status(status, words.as_deref(), is_page, operation) }
    }

    /// A server's text for a message: without the token, should it send that back.
    fn sanitize(&self, text: &str) -> String {
        shown(&self.endpoint.token.hidden_in(text))
    }
}

fn check_id(id: &str, operation: &Operation) -> Result<(), ApiError> {
    check_segment(id)
        .map_err(|why| ApiError::wrong_answer(format!("not an id: {why}")).of(operation, 1))
}

/// Returns whether something can be one segment of a path: `.` and `..` would ask for something
/// else.
pub(super) fn check_segment(text: &str) -> Result<(), Invalid> {
    if text.is_empty() {
        Err(Invalid::because("empty"))
    } else if matches!(text, "." | "..") {
        Err(Invalid::because("`.` and `..` lead to another place"))
    } else if text.chars().any(is_control) {
        Err(Invalid::because("control character"))
    } else if text.len() > SEGMENT_MAX {
        Err(Invalid::because(format!("over {SEGMENT_MAX} bytes")))
    } else {
        Ok(())
    }
}

/// Redirects are followed to the API itself only, since the token goes along.
fn redirects(address: &ApiUrl) -> redirect::Policy {
    let address = address.clone();
    redirect::Policy::custom(move |attempt| {
        if attempt.previous().len() <= REDIRECTS && address.has_origin_of(attempt.url()) {
            attempt.follow()
        } else {
            attempt.stop()
        }
    })
}

/// Returns the target of a redirect that was not followed.
fn redirect_target(response: &Response) -> Option<Url> {
    let location = response.headers().get(LOCATION)?.to_str().ok()?;
    response.status().is_redirection().then(|| response.url().join(location).ok())?
}

fn origin(url: &Url) -> String {
    match url.host_str() {
        Some(host) => {
            let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
            format!("{}://{host}{port}", url.scheme())
        }
        None => format!("{}:", url.scheme()),
    }
}

/// The files in which Linux systems have all certificate authorities.
const BUNDLES: [&str; 5] = [
    "/etc/ssl/certs/ca-certificates.crt", // Debian, Ubuntu, Arch, Alpine
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", // Fedora, RHEL
    "/etc/pki/tls/certs/ca-bundle.crt",   // older ones of them
    "/etc/ssl/ca-bundle.pem",             // openSUSE
    "/etc/ssl/cert.pem",                  // Alpine, Void
];

/// The certificate authorities of `SSL_CERT_FILE` and `SSL_CERT_DIR`, where one of them is set,
/// else of the system's bundle. Each file of a folder is read only where there is no bundle of it.
fn authorities() -> Option<RootCertStore> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let (file, folder) = (variable("SSL_CERT_FILE"), variable("SSL_CERT_DIR"));
    let bundle = match (file.as_deref().map(Path::new), &folder) {
        (None, None) => BUNDLES.into_iter().map(Path::new).find(|path| path.is_file()),
        (Some(file), Some(folder)) => {
            Some(file).filter(|file| file.parent() == Some(folder.as_ref()))
        }
        _ => None,
    };
    let found = match bundle {
        Some(bundle) => rustls_native_certs::load_certs_from_paths(Some(bundle), None),
        None => rustls_native_certs::load_native_certs(),
    };
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(found.certs);
    Some(store).filter(|store| !store.is_empty())
}

fn tls(authorities: RootCertStore) -> ClientConfig {
    ClientConfig::builder().with_root_certificates(authorities).with_no_client_auth()
}

/// Reads an answer to its end, counting what comes out of the decompression.
async fn read(
    mut response: Response,
    limit: usize,
    received: &mut usize,
) -> Result<String, ApiError> {
    let promised = response.content_length();
    let length = promised.map_or(0, |length| usize::try_from(length).unwrap_or(usize::MAX));
    if length > limit {
        return Err(ApiError::too_large(limit));
    }
    let mut body = Vec::with_capacity(length.min(TRUSTED_LENGTH));
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > limit => {
                return Err(ApiError::too_large(limit));
            }
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => break,
            Err(error) => {
                return Err(transport::no_end(error, body.len(), promised));
            }
        }
        *received = body.len();
    }
    String::from_utf8(body).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        ApiError::no_answer(format!("the answer is not UTF-8 text (byte {at})"))
    })
}
