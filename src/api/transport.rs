//! Turns the HTTP library's errors into ours, by the types in their chain and never by their text.

use std::error::Error as StdError;
use std::io;

use reqwest::Error as HttpError;
use rustls::{CertificateError, Error as TlsError};

use super::address::ApiUrl;
use super::error::{ApiError, Retry};
use super::server_text::shown;
use crate::failure::Kind;

const NETWORK: &str = "check the network, the address in `--api-url`, and HTTPS_PROXY and NO_PROXY \
    if you use a proxy";
const AUTHORITIES: &str = "if a proxy signs with its own authority, set SSL_CERT_FILE to that \
 authority's file";
const CLOCK: &str = "check the address in `--api-url`, and this machine's clock";
const SCHEME: &str = "check the scheme and the port in `--api-url`";
const CUT: &str = "try again; a proxy in between may have cut it";

/// Explains why no answer began.
pub(super) fn no_answer(error: HttpError, address: &ApiUrl) -> ApiError {
    let error = error.without_url();
    let reason = reason(&error);
    let (message, hint, again) = if let Some(tls) = find::<TlsError>(&error) {
        let (reason, hint) = tls_reason(tls);
        (format!("no secure connection (TLS) to {address}: {reason}"), hint, Retry::Never)
    } else if error.is_dns() {
        (format!("cannot find the host of {address}: {reason}"), NETWORK, Retry::Always)
    } else if error.is_connect() {
        (format!("cannot connect to {address}: {reason}"), NETWORK, Retry::Always)
    } else if find::<hyper::Error>(&error).is_some_and(hyper::Error::is_parse) {
        (format!("the server at {address} does not speak HTTP: {reason}"), SCHEME, Retry::Never)
    } else {
        let message = format!("the connection broke before an answer came: {reason}");
        (message, NETWORK, Retry::IfItReads)
    };
    ApiError { again, ..outage(Kind::Api, message, hint, &error) }
}

/// Explains why an answer stopped in the middle.
pub(super) fn no_end(error: HttpError, received: usize, promised: Option<u64>) -> ApiError {
    let error = error.without_url();
    let is_cut = find::<hyper::Error>(&error).is_some();
    let message = match promised {
        Some(promised) if is_cut => {
            format!("the answer is cut off after {received} of {promised} bytes")
        }
        _ if is_cut => format!("the answer is cut off after {received} bytes: {}", reason(&error)),
        _ => format!("cannot decompress the answer after {received} bytes: {}", reason(&error)),
    };
    let again = if is_cut { Retry::IfItReads } else { Retry::Never };
    ApiError { again, ..outage(Kind::Answer, message, CUT, &error) }
}

fn outage(kind: Kind, message: String, hint: &'static str, error: &HttpError) -> ApiError {
    let chain: Vec<_> = chain(error).map(ToString::to_string).collect();
    let mut outage = ApiError { is_outage: true, ..ApiError::new(kind, message, hint) };
    outage.failure.detail = Some(shown(&chain.join(": ")));
    outage
}

fn tls_reason(error: &TlsError) -> (String, &'static str) {
    let own_words = || shown(&error.to_string());
    match error {
        TlsError::InvalidCertificate(CertificateError::UnknownIssuer) => {
            let reason = "its certificate is from an authority that this machine does not know";
            (reason.to_owned(), AUTHORITIES)
        }
        TlsError::InvalidCertificate(_) => (own_words(), CLOCK),
        TlsError::InvalidMessage(_) => ("the server there does not speak TLS".to_owned(), SCHEME),
        _ => (own_words(), SCHEME),
    }
}

/// The innermost reason, in the words of the system where it has some.
fn reason(error: &HttpError) -> String {
    if error.is_connect() && error.is_timeout() {
        return "no answer".to_owned();
    }
    let innermost = chain(error).last();
    let text = match innermost.and_then(|error| error.downcast_ref::<io::Error>()) {
        Some(error) if error.raw_os_error().is_some() => error.kind().to_string(),
        _ => innermost.map_or_else(|| error.to_string(), ToString::to_string),
    };
    let text = text.strip_prefix("failed to lookup address information: ").unwrap_or(&text);
    shown(text)
}

fn find<T: StdError + 'static>(error: &HttpError) -> Option<&T> {
    chain(error).find_map(|error| error.downcast_ref())
}

/// The error and what lies below it. An [`io::Error`] passes over the error that it carries when
/// it is asked for its source, so that one is taken out first.
fn chain(error: &HttpError) -> impl Iterator<Item = &(dyn StdError + 'static)> {
    std::iter::successors(Some(error as &(dyn StdError + 'static)), |&error| {
        match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(carried) => Some(carried),
            None => error.source(),
        }
    })
}
