//! Whether an SSH server answers: the name is resolved, a connection made, and the line read by
//! which a server introduces itself (RFC 4253, 4.2). Nobody logs in.
//!
//! It connects to the hosts and ports that it is given and to nothing else, and to each of them
//! once a run. To an sshd that is a client that left without logging in: since OpenSSH 9.8 such a
//! one costs its address a second of penalty, and from 15 on the sshd talks to that address no more
//! (`sshd_config(5)`, `PerSourcePenalties`: `noauth`). Each sshd counts by itself, so that one probe
//! of each is far below, however many stand behind one address; who probes again and again should
//! leave out what has answered. A client that says its name is told in the server's log as one
//! that closed the connection, and one that does not as an error.

mod connect;
mod identification;
pub mod pace;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use identification::Reader;
pub use identification::{Software, TURNED_AWAY};
use pace::Limiter;

use crate::name::{HostName, Port};

/// What we say of ourselves. Some servers wait for it before they say anything. The standard knows
/// no `-` in a name.
const OURSELVES: &[u8] =
    concat!("SSH-2.0-prime_ssh_", env!("CARGO_PKG_VERSION"), "\r\n").as_bytes();

/// A place that ssh connects to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// An address, or a name that the resolver knows.
    pub host: HostName<'static>,
    /// On which port.
    pub port: Port,
}

/// What a probe found, and what each step took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// The address that was connected to, or the first that was tried; `None` where the name has
    /// none.
    pub address: Option<IpAddr>,
    /// What it took to find the addresses of the name; next to nothing where it is an address.
    pub resolved: Option<Duration>,
    /// What it took from there to a connection: a round trip.
    pub connected: Option<Duration>,
    /// What it took from there to the server's line.
    pub answered: Option<Duration>,
    /// What the server says of itself, or why there is none.
    pub found: Result<Software, ProbeError>,
}

impl Probe {
    /// What it took from the first packet to the server's line, where it came.
    #[must_use]
    pub fn latency(&self) -> Option<Duration> {
        Some(self.connected? + self.answered?)
    }

    /// Whether an SSH server answered.
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.found.is_ok()
    }
}

/// The steps of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// From a name to its addresses.
    Resolve,
    /// From an address to a connection.
    Connect,
    /// From a connection to the server's line.
    Banner,
}

/// Why no SSH server answers. All texts are sanitize for a terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProbeError {
    /// The name has no address, and why.
    NameUnknown(String),
    /// Nobody listens on the port.
    Refused,
    /// There is no way to the address, in the system's words.
    Unreachable(String),
    /// A step was not done when the time was over.
    TimedOut(Step),
    /// The connection was closed before the server said anything.
    Closed,
    /// The server took the connection, and said nothing until the time was over.
    Silent,
    /// The server talks to nobody now, in its words: too many have not logged in yet, or too many
    /// from our address have failed to.
    TurnedAway(String),
    /// It speaks another language, which starts like this.
    NotSsh(String),
    /// It speaks this version of the protocol, and no ssh of today does.
    Protocol(String),
    /// This machine could not ask, in the system's words.
    Here(String),
}

impl fmt::Display for ProbeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NameUnknown(why) => write!(f, "the name does not resolve: {why}"),
            Self::Refused => f.write_str("connection refused"),
            Self::Unreachable(why) => write!(f, "unreachable: {why}"),
            Self::TimedOut(Step::Resolve) => f.write_str("the name did not resolve in time"),
            Self::TimedOut(Step::Connect) => f.write_str("connecting took too long"),
            Self::TimedOut(Step::Banner) => f.write_str("the SSH banner took too long"),
            Self::Closed => f.write_str("connected, and closed at once without an SSH banner"),
            Self::Silent => f.write_str("connected, and no SSH banner came"),
            Self::TurnedAway(words) => write!(f, "the SSH server turns us away: {words}"),
            Self::NotSsh(start) if start.is_empty() => f.write_str("not an SSH server"),
            Self::NotSsh(start) => write!(f, "not an SSH server: it says `{start}`"),
            Self::Protocol(version) => {
                write!(f, "it speaks SSH {version}, which no ssh of today does")
            }
            Self::Here(why) => write!(f, "this machine could not ask: {why}"),
        }
    }
}

/// Probes these places side by side, each for at most `limit` once it is its turn, and each once
/// even where it is given several times. `told` learns of each result as it comes, with its place
/// in `endpoints`; what is returned is in their order.
///
/// Dropping it ends the probes that are under way.
pub async fn all(
    endpoints: &[Endpoint],
    pace: &Limiter,
    limit: Duration,
    mut told: impl FnMut(usize, &Probe),
) -> Vec<Probe> {
    let mut places: HashMap<&Endpoint, Vec<usize>> = HashMap::new();
    let mut probes = JoinSet::new();
    for (at, endpoint) in endpoints.iter().enumerate() {
        let of_one = places.entry(endpoint).or_default();
        if of_one.is_empty() {
            let (endpoint, pace) = (endpoint.clone(), pace.clone());
            probes.spawn(async move { (at, one(&endpoint, &pace, limit).await) });
        }
        of_one.push(at);
    }
    let mut found: Vec<Option<Probe>> = endpoints.iter().map(|_| None).collect();
    while let Some(ended) = probes.join_next().await {
        // A task that panicked ends the program with its own message.
        let (first, probe) =
            ended.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
        let same = endpoints.get(first).and_then(|endpoint| places.get(endpoint));
        for &at in same.into_iter().flatten() {
            told(at, &probe);
            if let Some(slot) = found.get_mut(at) {
                *slot = Some(probe.clone());
            }
        }
    }
    found.into_iter().flatten().collect()
}

/// Probes one place, when it is its turn.
pub async fn one(endpoint: &Endpoint, pace: &Limiter, limit: Duration) -> Probe {
    let mut probe = Probe {
        address: None,
        resolved: None,
        connected: None,
        answered: None,
        found: Err(ProbeError::Silent),
    };
    let found = steps(endpoint, pace, limit, &mut probe).await;
    Probe { found, ..probe }
}

/// Waiting for a turn is not counted: it says nothing about the host.
async fn steps(
    endpoint: &Endpoint,
    pace: &Limiter,
    limit: Duration,
    probe: &mut Probe,
) -> Result<Software, ProbeError> {
    let turn = pace.turn().await;
    let start = Instant::now();
    let addresses = timeout(limit, connect::addresses(endpoint)).await;
    let addresses = addresses.map_err(|_| ProbeError::TimedOut(Step::Resolve))??;
    let resolving = start.elapsed();
    probe.resolved = Some(resolving);
    probe.address = addresses.first().copied();
    drop(turn);

    let _place = pace.place_at(addresses.iter().copied()).await;
    let _turn = pace.turn().await;
    let start = Instant::now();
    let left = || limit.saturating_sub(resolving + start.elapsed());
    let connecting = connect::connect(&addresses, endpoint.port.get());
    let stream = timeout(left(), connecting).await;
    let stream = stream.map_err(|_| ProbeError::TimedOut(Step::Connect))??;
    let connecting = start.elapsed();
    probe.connected = Some(connecting);
    probe.address = stream.peer_addr().ok().map(|peer| peer.ip()).or(probe.address);

    let mut reader = Reader::default();
    let answer = timeout(left(), listen(&stream, &mut reader)).await;
    let software = answer.unwrap_or_else(|_| Err(reader.timed_out()))?;
    probe.answered = Some(start.elapsed().saturating_sub(connecting));
    Ok(software)
}

async fn listen(stream: &TcpStream, reader: &mut Reader) -> Result<Software, ProbeError> {
    // A line goes into the empty buffer of a new connection at once; one that is closed already
    // shows below.
    let _ = stream.try_write(OURSELVES);
    let mut buffer = [0; 1024];
    loop {
        if stream.readable().await.is_err() {
            return Err(reader.closed());
        }
        match stream.try_read(&mut buffer) {
            Ok(0) => return Err(reader.closed()),
            Ok(count) => {
                if let Some(found) = reader.take(buffer.get(..count).unwrap_or_default()) {
                    return found;
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => return Err(reader.closed()),
        }
    }
}
