//! Probes whether an SSH server answers: the name is resolved, a connection made, and the line read
//! by which a server introduces itself (RFC 4253, 4.2). Nobody logs in.
//!
//! It connects to the hosts and ports that it is given and to nothing else, and to each of them
//! once a run. To an sshd that is a client that left without logging in: since OpenSSH 9.8 such a
//! one costs its address a second of penalty, and from 15 on the sshd talks to that address no more
//! (`sshd_config(5)`, `PerSourcePenalties`: `noauth`). Each sshd counts by itself, so that one probe
//! of each is far below, however many stand behind one address; who probes again and again should
//! leave out what has answered. A client that says its name is told in the server's log as one
//! that closed the connection, and one that does not as an error.

mod connect;
pub(super) mod identification;
pub mod limiter;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use memchr::memrchr;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

pub use identification::TURNED_AWAY;
use identification::{LINE_MAX, closed, software, timed_out};
use limiter::Limiter;

use super::reason::{CONNECTING, RESOLVING, Reason};
use crate::name::{HostName, Port};

/// Our own identification. Some servers wait for it before they say anything. The standard allows
/// no `-` in a name.
pub(super) const OURSELVES: &[u8] =
    concat!("SSH-2.0-prime_ssh_", env!("CARGO_PKG_VERSION"), "\r\n").as_bytes();

/// A place that ssh connects to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// An address, or a name that the resolver knows.
    pub host: HostName<'static>,
    /// On which port.
    pub port: Port,
}

/// The result of a probe, with the time that each step took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// The address that was connected to, or the first that was tried; `None` where the name has
    /// none.
    pub address: Option<IpAddr>,
    /// The time to find the addresses of the name; next to nothing where it is an address.
    pub resolved: Option<Duration>,
    /// The time from there to a connection: a round trip.
    pub connected: Option<Duration>,
    /// The time from there to the server's line.
    pub answered: Option<Duration>,
    /// The server's software, sanitized (`OpenSSH_9.2p1 Debian-2+deb12u10`), or why none answers.
    pub server: Result<String, Reason>,
}

impl Probe {
    /// Returns the time from the first packet to the server's line, if that came.
    #[must_use]
    pub fn latency(&self) -> Option<Duration> {
        Some(self.connected? + self.answered?)
    }

    /// Returns whether an SSH server answered.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.server.is_ok()
    }
}

/// Probes these places side by side, each for at most `limit` once it is its turn, and each once
/// even where it is given with several numbers. `done` gets each result as it comes, once for each of
/// its numbers.
///
/// Dropping it ends the probes that are under way.
pub async fn all(
    numbered: impl IntoIterator<Item = (usize, Endpoint)>,
    limiter: &Limiter,
    limit: Duration,
    mut done: impl FnMut(usize, Probe),
) {
    let mut same: HashMap<Endpoint, Vec<usize>> = HashMap::new();
    for (number, endpoint) in numbered {
        same.entry(endpoint).or_default().push(number);
    }
    let mut probes = JoinSet::new();
    for (endpoint, numbers) in same {
        let limiter = limiter.clone();
        probes.spawn(async move { (numbers, one(&endpoint, &limiter, limit).await) });
    }
    while let Some(ended) = probes.join_next().await {
        let Ok((numbers, probe)) = ended else { continue };
        for number in numbers {
            done(number, probe.clone());
        }
    }
}

/// Probes one place, when it is its turn.
pub async fn one(endpoint: &Endpoint, limiter: &Limiter, limit: Duration) -> Probe {
    let server = Err(Reason::Silent);
    let mut probe =
        Probe { address: None, resolved: None, connected: None, answered: None, server };
    probe.server = steps(endpoint, limiter, limit, &mut probe).await;
    probe
}

/// Waiting for a turn is not counted: it says nothing about the host.
async fn steps(
    endpoint: &Endpoint,
    limiter: &Limiter,
    limit: Duration,
    probe: &mut Probe,
) -> Result<String, Reason> {
    let (addresses, resolving) = match endpoint.host.address() {
        Some(address) => (vec![address], Duration::ZERO),
        None => resolve(endpoint, limiter, limit).await?,
    };
    probe.resolved = Some(resolving);
    probe.address = addresses.first().copied();

    let _at_address = limiter.acquire_at(addresses.iter().copied()).await;
    let _permit = limiter.acquire().await;
    let start = Instant::now();
    let left = || limit.saturating_sub(resolving + start.elapsed());
    let connecting = connect::connect(&addresses, endpoint.port.get());
    let stream = timeout(left(), connecting).await;
    let stream = stream.map_err(|_| Reason::TimedOut(CONNECTING))??;
    let connecting = start.elapsed();
    probe.connected = Some(connecting);
    probe.address = stream.peer_addr().ok().map(|peer| peer.ip()).or(probe.address);

    let mut said = Vec::new();
    let answer = timeout(left(), listen(&stream, &mut said)).await;
    let software = answer.unwrap_or_else(|_| Err(timed_out(&said)))?;
    probe.answered = Some(start.elapsed().saturating_sub(connecting));
    Ok(software)
}

async fn resolve(
    endpoint: &Endpoint,
    limiter: &Limiter,
    limit: Duration,
) -> Result<(Vec<IpAddr>, Duration), Reason> {
    let _permit = limiter.acquire().await;
    let start = Instant::now();
    let addresses = timeout(limit, connect::addresses(endpoint)).await;
    let addresses = addresses.map_err(|_| Reason::TimedOut(RESOLVING))??;
    Ok((addresses, start.elapsed()))
}

async fn listen(stream: &TcpStream, said: &mut Vec<u8>) -> Result<String, Reason> {
    // A line goes into the empty buffer of a new connection at once; one that is closed already
    // shows below.
    let _ = stream.try_write(OURSELVES);
    let mut buffer = [0; 1024];
    loop {
        if stream.readable().await.is_err() {
            return Err(closed(said));
        }
        match stream.try_read(&mut buffer) {
            Ok(0) => return Err(closed(said)),
            Ok(count) => {
                let new = buffer.get(..count).unwrap_or_default();
                said.extend(new);
                // Who says it byte by byte must not have us look at all of it each time.
                let is_news = new.iter().any(|byte| matches!(byte, b'\n' | 0));
                let line = said.len() - memrchr(b'\n', said).map_or(0, |end| end + 1);
                if (is_news || line > LINE_MAX)
                    && let Some(found) = software(said)
                {
                    return found;
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => return Err(closed(said)),
        }
    }
}
