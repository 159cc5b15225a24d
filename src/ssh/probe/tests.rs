//! Real listeners on loopback addresses, each with faults of its own.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use tokio::net::TcpSocket;

use super::limiter::AT_ONE_ADDRESS;
use super::*;

/// For what gives no answer. What gives one has had its time by then, on a busy machine too.
const SOON: Duration = Duration::from_millis(1500);
const LONG: Duration = Duration::from_secs(20);
const SAID: &[u8] = b"SSH-2.0-OpenSSH_9.2p1 Test\r\n";

fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let done = runtime.block_on(work);
    runtime.shutdown_background();
    done
}

fn at(address: SocketAddr) -> Endpoint {
    let host = address.ip().to_string().parse().unwrap();
    Endpoint { host, port: Port::new(address.port().into()).unwrap() }
}

/// A listener that does this with each connection, in a thread each.
fn serve(
    address: [u8; 4],
    port: u16,
    talk: impl Fn(&mut std::net::TcpStream) + Send + Sync + 'static,
) -> SocketAddr {
    let listener = TcpListener::bind((IpAddr::from(address), port)).unwrap();
    let place = listener.local_addr().unwrap();
    let talk = Arc::new(talk);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (talk, mut stream) = (talk.clone(), stream.unwrap());
            thread::spawn(move || talk(&mut stream));
        }
    });
    place
}

fn says(bytes: &'static [u8]) -> SocketAddr {
    serve([127, 0, 0, 1], 0, move |stream| answer(stream, bytes))
}

/// Says it, and stays until the other side has gone: a connection that is closed with something
/// unread in it is reset, and what was said may be lost with it.
fn answer(stream: &mut std::net::TcpStream, bytes: &[u8]) {
    let _ = stream.write_all(bytes);
    let _ = stream.read_to_end(&mut Vec::new());
}

/// Says it, and closes once our line has been read.
fn says_and_closes(bytes: &'static [u8]) -> SocketAddr {
    serve([127, 0, 0, 1], 0, move |stream| {
        let _ = stream.read_exact(&mut vec![0; OURSELVES.len()]);
        let _ = stream.write_all(bytes);
    })
}

fn probe(endpoint: &Endpoint, limit: Duration) -> Probe {
    block_on(one(endpoint, &Limiter::new(64), limit))
}

/// All of them, in their order.
fn probe_all(endpoints: &[Endpoint], limiter: &Limiter, limit: Duration) -> Vec<Probe> {
    let mut probes: Vec<Option<Probe>> = endpoints.iter().map(|_| None).collect();
    let numbered = endpoints.iter().cloned().enumerate();
    block_on(all(numbered, limiter, limit, |at, probe| probes[at] = Some(probe)));
    probes.into_iter().map(Option::unwrap).collect()
}

fn trouble(address: SocketAddr) -> Reason {
    probe(&at(address), LONG).server.unwrap_err()
}

fn trouble_when_over(address: SocketAddr) -> Reason {
    probe(&at(address), SOON).server.unwrap_err()
}

#[test]
fn a_server_that_answers_says_what_it_is() {
    let place = says(SAID);
    let probe = probe(&at(place), LONG);
    assert_eq!(probe.server.as_ref().unwrap().as_str(), "OpenSSH_9.2p1 Test");
    assert_eq!(probe.address, Some(place.ip()));
    assert!(probe.latency().unwrap() < LONG && probe.resolved.is_some());
}

#[test]
fn a_server_may_wait_for_our_line_and_take_its_time() {
    let place = serve([127, 0, 0, 1], 0, |stream| {
        let mut heard = [0; 8];
        stream.read_exact(&mut heard).unwrap();
        assert_eq!(&heard, b"SSH-2.0-");
        for byte in b"Hello\r\nSSH-2.0-slow\r\n" {
            let _ = stream.write_all(&[*byte]);
            thread::sleep(Duration::from_millis(5));
        }
        answer(stream, b"");
    });
    assert_eq!(probe(&at(place), LONG).server.unwrap().as_str(), "slow");
    let line = std::str::from_utf8(OURSELVES).unwrap();
    let name = line.strip_prefix("SSH-2.0-").unwrap().strip_suffix("\r\n").unwrap();
    assert!(name.bytes().all(|b| b.is_ascii_graphic() && b != b'-'), "RFC 4253, 4.2: {name}");
}

#[test]
fn each_fault_is_told() {
    // Bound and not listening, so that nobody else gets the port.
    let held = TcpSocket::new_v4().unwrap();
    held.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let closed = held.local_addr().unwrap();
    assert_eq!(trouble(closed), Reason::Refused);
    assert_eq!(trouble(says_and_closes(b"")), Reason::Closed);
    assert_eq!(trouble(says(b"SSH-1.5-old\n")), Reason::OldProtocol("1.5".to_owned()));
    let busy = says_and_closes(b"Exceeded MaxStartups\r\n");
    assert_eq!(trouble(busy), Reason::TurnedAway("Exceeded MaxStartups".to_owned()));
    let unfinished = [&b""[..], b"SSH-2.0-cut", b"220 mail\r\n"].map(|said| at(says(said)));
    let probes = probe_all(&unfinished, &Limiter::new(64), SOON);
    let troubles: Vec<_> = probes.into_iter().map(|probe| probe.server.unwrap_err()).collect();
    let not_ssh = Reason::NotSsh("220 mail".to_owned());
    assert_eq!(troubles, [Reason::Silent, Reason::Silent, not_ssh]);
}

#[test]
fn a_server_cannot_hold_us_longer_than_the_limit() {
    let drips = serve([127, 0, 0, 1], 0, |stream| {
        while stream.write_all(b"x").is_ok() {
            thread::sleep(Duration::from_millis(50));
        }
    });
    let floods =
        serve([127, 0, 0, 1], 0, |stream| while stream.write_all(&[b'x'; 1 << 12]).is_ok() {});
    let start = Instant::now();
    assert_eq!(trouble_when_over(drips), Reason::Silent);
    assert!(matches!(trouble(floods), Reason::NotSsh(_)));
    assert!(start.elapsed() < LONG / 2, "{:?}", start.elapsed());
}

#[test]
fn a_name_without_an_address_is_told() {
    let host = "no-such-host.invalid".parse().unwrap();
    let found = probe(&Endpoint { host, port: Port::SSH }, LONG);
    assert!(matches!(found.server, Err(Reason::NameUnknown { .. })), "{found:?}");
    assert_eq!((found.address, found.connected), (None, None));
    let host = "localhost".parse().unwrap();
    let port = says(SAID).port();
    let found = probe(&Endpoint { host, port: Port::new(port.into()).unwrap() }, LONG);
    assert!(found.is_ok(), "{found:?}");
}

#[test]
fn an_address_that_is_dead_does_not_hold_up_the_next() {
    block_on(async {
        // A listener whose queue is full drops what comes further, as a firewall does.
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.9:0".parse().unwrap()).unwrap();
        let listener = socket.listen(1).unwrap();
        let dead = listener.local_addr().unwrap();
        let mut queue = Vec::new();
        while let Ok(stream) = timeout(SOON, TcpStream::connect(dead)).await {
            queue.push(stream.unwrap());
            assert!(queue.len() < 64);
        }
        let found = one(&at(dead), &Limiter::new(1), SOON).await;
        assert_eq!(found.server, Err(Reason::TimedOut(CONNECTING)));

        let _alive = serve([127, 0, 0, 10], dead.port(), |_| ());
        let start = Instant::now();
        let addresses = [9, 10].map(|last| IpAddr::from([127, 0, 0, last]));
        let stream = connect::connect(&addresses, dead.port()).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap().ip(), addresses[1]);
        assert!(start.elapsed() < LONG, "{:?}", start.elapsed());
    });
}

/// Servers at many addresses of one port, which know how many talk to them at once.
#[derive(Default)]
struct Crowd {
    now: AtomicUsize,
    most: AtomicUsize,
    total: AtomicUsize,
}

impl Crowd {
    fn at(self: &Arc<Self>, address: [u8; 4], port: u16) -> SocketAddr {
        let crowd = self.clone();
        serve(address, port, move |stream| {
            let now = crowd.now.fetch_add(1, Ordering::SeqCst) + 1;
            crowd.most.fetch_max(now, Ordering::SeqCst);
            crowd.total.fetch_add(1, Ordering::SeqCst);
            thread::sleep(Duration::from_millis(30));
            // The other side may be gone as soon as it has read it.
            crowd.now.fetch_sub(1, Ordering::SeqCst);
            answer(stream, SAID);
        })
    }
}

#[test]
fn one_address_gets_few_handshakes_at_a_time_and_all_together_no_more_than_asked_for() {
    let crowd = Arc::new(Crowd::default());
    let endpoints: Vec<_> = (0..40).map(|_| at(crowd.at([127, 0, 1, 1], 0))).collect();
    let probes = probe_all(&endpoints, &Limiter::new(64), LONG);
    assert!(probes.iter().all(Probe::is_ok), "{probes:?}");
    let most = crowd.most.load(Ordering::SeqCst);
    assert!((2..=AT_ONE_ADDRESS).contains(&most), "{most}");

    let crowd = Arc::new(Crowd::default());
    let endpoints: Vec<_> = (1..=30).map(|last| at(crowd.at([127, 0, 2, last], 0))).collect();
    let probes = probe_all(&endpoints, &Limiter::new(3), LONG);
    assert!(probes.iter().all(Probe::is_ok), "{probes:?}");
    let most = crowd.most.load(Ordering::SeqCst);
    assert!((2..=3).contains(&most), "{most}");
}

#[test]
fn a_slow_address_holds_up_nobody_else() {
    // More than there are turns, and twice what one address gets at a time.
    let mut endpoints: Vec<_> = (0..16).map(|_| at(says(b""))).collect();
    endpoints
        .extend((1..=8).map(|last| at(serve([127, 0, 3, last], 0, |stream| answer(stream, SAID)))));
    let mut done = Vec::new();
    let numbered = endpoints.into_iter().enumerate();
    block_on(all(numbered, &Limiter::new(9), SOON, |_, probe| done.push(probe.is_ok())));
    assert_eq!(done.iter().filter(|is_ok| **is_ok).count(), 8);
    assert_eq!(done[..8], [true; 8], "those that answer are not behind the silent ones");
}

#[test]
fn a_place_that_is_given_twice_is_asked_once_and_results_keep_their_order() {
    let crowd = Arc::new(Crowd::default());
    let places: Vec<_> = (1..=3).map(|last| at(crowd.at([127, 0, 4, last], 0))).collect();
    let endpoints: Vec<_> = places.iter().chain(places.iter().rev()).cloned().collect();
    let probes = probe_all(&endpoints, &Limiter::new(8), LONG);
    assert_eq!(crowd.total.load(Ordering::SeqCst), 3);
    let last = |probe: &Probe| match probe.address {
        Some(IpAddr::V4(address)) => Ipv4Addr::octets(&address)[3],
        _ => 0,
    };
    assert_eq!(probes.iter().map(last).collect::<Vec<_>>(), [1, 2, 3, 3, 2, 1]);
}
