//! What the HTTP library's errors mean: one look through their chain, by type and never by text.

use std::error::Error as StdError;
use std::io;

use reqwest::Error;
use rustls::{CertificateError, Error as TlsError};

use super::address::ApiUrl;
use super::error::{Cause, Trouble};
use super::words::shown;

/// Why no answer began.
pub(super) fn no_answer(error: Error, address: &ApiUrl) -> Cause {
    let error = error.without_url();
    let address = address.to_string();
    if let Some(tls) = find::<TlsError>(&error) {
        let (trouble, reason) = tls_trouble(tls);
        return Cause::Tls { address, reason, trouble, source: error };
    }
    let reason = reason(&error);
    if error.is_connect() {
        return Cause::Unreachable { address, reason, is_dns: error.is_dns(), source: error };
    }
    match find::<hyper::Error>(&error) {
        Some(http) if http.is_parse() => Cause::NotHttp { address, reason, source: error },
        _ => Cause::Broken { reason, source: error },
    }
}

/// Why an answer stopped in the middle.
pub(super) fn no_end(error: Error, received: usize, promised: Option<u64>) -> Cause {
    let error = error.without_url();
    let reason = reason(&error);
    if find::<hyper::Error>(&error).is_some() {
        Cause::Cut { received, promised, reason, source: error }
    } else {
        Cause::Gzip { received, reason, source: error }
    }
}

fn tls_trouble(error: &TlsError) -> (Trouble, String) {
    let own_words = || shown(&error.to_string()).to_string();
    match error {
        TlsError::InvalidCertificate(CertificateError::UnknownIssuer) => {
            let reason = "its certificate is from an authority that this machine does not know";
            (Trouble::Authority, reason.to_owned())
        }
        TlsError::InvalidCertificate(_) => (Trouble::Certificate, own_words()),
        TlsError::InvalidMessage(_) => {
            (Trouble::Protocol, "what answers there does not speak TLS".to_owned())
        }
        _ => (Trouble::Protocol, own_words()),
    }
}

/// The innermost reason, in the words of the system where it has some.
fn reason(error: &Error) -> String {
    if error.is_connect() && error.is_timeout() {
        return "nobody answers there".to_owned();
    }
    let innermost = chain(error).last();
    let text = match innermost.and_then(|error| error.downcast_ref::<io::Error>()) {
        Some(error) if error.raw_os_error().is_some() => error.kind().to_string(),
        _ => innermost.map_or_else(|| error.to_string(), ToString::to_string),
    };
    let text = text.strip_prefix("failed to lookup address information: ").unwrap_or(&text);
    shown(text).to_string()
}

fn find<T: StdError + 'static>(error: &Error) -> Option<&T> {
    chain(error).find_map(|error| error.downcast_ref())
}

/// The error and what lies below it. An [`io::Error`] passes over the error that it carries when
/// it is asked for its source, so that one is taken out first.
pub(super) fn chain(error: &Error) -> impl Iterator<Item = &(dyn StdError + 'static)> {
    std::iter::successors(Some(error as &(dyn StdError + 'static)), |&error| {
        match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(carried) => Some(carried),
            None => error.source(),
        }
    })
}
