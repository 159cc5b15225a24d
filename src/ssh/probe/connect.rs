//! From a host's name to a connection.

use std::collections::BTreeSet;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use nix::errno::Errno;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::Endpoint;
use crate::api::resolver::look_up;
use crate::ssh::reason::{CONNECTING, Reason};
use crate::text::sanitize::in_sentence;

/// The most addresses of one name that are tried.
const ADDRESSES_MAX: usize = 8;
/// The time that an address is tried alone before the next one is tried, too (RFC 8305, 5).
const HEAD_START: Duration = Duration::from_millis(250);

/// The addresses of a host, in the order in which the resolver prefers them.
pub(super) async fn addresses(endpoint: &Endpoint) -> Result<Vec<IpAddr>, Reason> {
    if let Some(address) = endpoint.host.address() {
        return Ok(vec![address]);
    }
    let name = endpoint.host.as_str().to_owned();
    let unknown = |why| Reason::NameUnknown { name: name.clone(), why };
    // The last dot is not added: ssh looks for the name below the search domains, too.
    let found = look_up(endpoint.host.as_str(), endpoint.port.get()).await;
    let found = found.map_err(|error| match error.raw_os_error() {
        Some(_) => Reason::ThisMachine(words(&error)),
        None => unknown(words(&error)),
    })?;
    let mut seen = BTreeSet::new();
    let addresses: Vec<_> = found
        .into_iter()
        .map(|address| address.ip())
        .filter(|address| seen.insert(*address))
        .take(ADDRESSES_MAX)
        .collect();
    if addresses.is_empty() {
        return Err(Reason::NameUnknown { name, why: "it has no address".to_owned() });
    }
    Ok(addresses)
}

/// The first connection that comes about; each address has a head start before the next one.
pub(super) async fn connect(addresses: &[IpAddr], port: u16) -> Result<TcpStream, Reason> {
    let mut attempts = JoinSet::new();
    let mut waiting = addresses.iter().map(|address| SocketAddr::new(*address, port));
    let mut failure = None;
    loop {
        let next = waiting.next();
        let is_last = next.is_none();
        if let Some(address) = next {
            attempts.spawn(TcpStream::connect(address));
        }
        let ended = if is_last {
            attempts.join_next().await
        } else {
            match tokio::time::timeout(HEAD_START, attempts.join_next()).await {
                Ok(ended) => ended,
                Err(_) => continue,
            }
        };
        match ended {
            Some(Ok(Ok(stream))) => return Ok(stream),
            Some(Ok(Err(error))) => keep(&mut failure, reason(&error)),
            None if is_last => {
                // There is an address, and each ended.
                return Err(failure.unwrap_or(Reason::TimedOut(CONNECTING)));
            }
            Some(Err(_)) | None => {}
        }
    }
}

/// Keeps the failure that says most: that of an address where a machine is.
fn keep(kept: &mut Option<Reason>, new: Reason) {
    if kept.is_none() || (new == Reason::Refused && *kept != Some(Reason::Refused)) {
        *kept = Some(new);
    }
}

fn reason(error: &io::Error) -> Reason {
    match (error.kind(), error.raw_os_error().map(Errno::from_raw)) {
        (_, Some(Errno::EMFILE | Errno::ENFILE | Errno::ENOBUFS | Errno::EADDRNOTAVAIL)) => {
            Reason::ThisMachine(words(error))
        }
        (ErrorKind::ConnectionRefused, _) => Reason::Refused,
        (ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted, _) => Reason::Closed,
        (ErrorKind::TimedOut, _) => Reason::TimedOut(CONNECTING),
        _ => Reason::Unreachable(words(error)),
    }
}

/// The system's words, without the number and the preamble that Rust puts around them.
fn words(error: &io::Error) -> String {
    let text = match error.raw_os_error() {
        Some(number) => Errno::from_raw(number).desc().to_owned(),
        None => error.to_string(),
    };
    let text = text.strip_prefix("failed to lookup address information: ").unwrap_or(&text);
    in_sentence(text, 200)
}
