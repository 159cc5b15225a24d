//! An HTTP server on a loopback port of the test's own, which says what it is told to, byte for byte.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// The longest that a connection stays open for nothing.
const PATIENCE: Duration = Duration::from_secs(60);

/// One request as it came in.
#[derive(Clone, Debug)]
pub struct Request {
    /// Method and target, as in `GET /path?a=b`.
    pub line: String,
    pub method: String,
    /// The path as it stood on the wire, still percent-encoded.
    pub path: String,
    /// What stands behind the `?`, decoded, in its order.
    query: Vec<(String, String)>,
    /// Names in lower case.
    headers: Vec<(String, String)>,
    pub body: String,
    /// When it had come in.
    pub at: Instant,
}

impl Request {
    /// The first header of this (lower-case) name.
    pub fn header(&self, name: &str) -> Option<&str> {
        pick(&self.headers, name)
    }

    /// The first query value of this name.
    pub fn query(&self, name: &str) -> Option<&str> {
        pick(&self.query, name)
    }
}

fn pick<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

/// One thing to say after a request.
#[derive(Clone)]
pub enum Reply {
    /// These bytes; the connection stays open for the next request.
    Answer(Vec<u8>),
    /// These bytes, then the end of the connection.
    Last(Vec<u8>),
    /// These bytes, and this pause after each piece.
    Drip(Vec<Vec<u8>>, Duration),
    /// Nothing, until the other side gives up.
    Silence,
}

/// An answer in full; each of the `headers` with its line end.
pub fn answer(status: u16, headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let length = body.len();
    let head =
        format!("HTTP/1.1 {status} Some Reason\r\n{headers}Content-Length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

type Answering = Box<dyn Fn(&Request) -> Reply + Send + Sync>;

/// A running server; it ends with its drop.
pub struct Server {
    address: SocketAddr,
    state: Arc<State>,
    accepting: Option<JoinHandle<()>>,
}

struct State {
    answering: Answering,
    tls: Option<Arc<ServerConfig>>,
    requests: Mutex<Vec<Request>>,
    answered: AtomicUsize,
    connections: AtomicUsize,
    at_once: AtomicUsize,
    most_at_once: AtomicUsize,
    is_over: AtomicBool,
}

impl Server {
    /// With TLS its certificate is for `localhost`, signed by the authority of
    /// `client/tls/authority.pem`.
    pub fn start(
        listener: TcpListener,
        tls: bool,
        answering: impl Fn(&Request) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            answering: Box::new(answering),
            tls: tls.then(tls_config),
            requests: Mutex::default(),
            answered: AtomicUsize::new(0),
            connections: AtomicUsize::new(0),
            at_once: AtomicUsize::new(0),
            most_at_once: AtomicUsize::new(0),
            is_over: AtomicBool::new(false),
        });
        let shared = Arc::clone(&state);
        let accepting = thread::spawn(move || accept(&listener, &shared));
        Self { address, state, accepting: Some(accepting) }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    pub fn requests(&self) -> Vec<Request> {
        self.state.requests.lock().unwrap().clone()
    }

    /// Method and target of each request.
    pub fn lines(&self) -> Vec<String> {
        self.requests().into_iter().map(|request| request.line).collect()
    }

    /// How many requests have their reply: what changes from now on is for later ones.
    pub fn answered(&self) -> usize {
        self.state.answered.load(Ordering::SeqCst)
    }

    pub fn connections(&self) -> usize {
        self.state.connections.load(Ordering::SeqCst)
    }

    /// How many requests it was busy with at most.
    pub fn most_at_once(&self) -> usize {
        self.state.most_at_once.load(Ordering::SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.state.is_over.store(true, Ordering::SeqCst);
        // Wakes the thread that waits for a connection.
        drop(TcpStream::connect(self.address));
        let accepted = self.accepting.take().unwrap().join();
        assert!(accepted.is_ok() || thread::panicking(), "the server should not panic");
    }
}

fn accept(listener: &TcpListener, state: &Arc<State>) {
    for stream in listener.incoming() {
        if state.is_over.load(Ordering::SeqCst) {
            return;
        }
        state.connections.fetch_add(1, Ordering::SeqCst);
        let (stream, state) = (stream.unwrap(), Arc::clone(state));
        thread::spawn(move || {
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            // A client that hangs up is its own affair; the test sees what it made of it.
            let _ = match state.tls.clone() {
                None => converse(stream, &state),
                Some(tls) => {
                    let connection = ServerConnection::new(tls).unwrap();
                    converse(StreamOwned::new(connection, stream), &state)
                }
            };
        });
    }
}

fn tls_config() -> Arc<ServerConfig> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/client/tls");
    let certificate = CertificateDer::from_pem_file(folder.join("localhost.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(folder.join("localhost.key")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    Arc::new(config)
}

/// Answers one connection's requests, one after the other (keep-alive).
fn converse(stream: impl Read + Write, state: &State) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    while let Some(request) = read_request(&mut stream)? {
        state.requests.lock().unwrap().push(request.clone());
        let at_once = state.at_once.fetch_add(1, Ordering::SeqCst) + 1;
        state.most_at_once.fetch_max(at_once, Ordering::SeqCst);
        let reply = (state.answering)(&request);
        state.answered.fetch_add(1, Ordering::SeqCst);
        state.at_once.fetch_sub(1, Ordering::SeqCst);
        let to = stream.get_mut();
        match reply {
            Reply::Answer(bytes) => to.write_all(&bytes)?,
            Reply::Last(bytes) => return to.write_all(&bytes),
            Reply::Drip(pieces, pause) => {
                for piece in pieces {
                    to.write_all(&piece)?;
                    thread::sleep(pause);
                }
            }
            Reply::Silence => stream.read_exact(&mut [0])?,
        }
    }
    Ok(())
}

fn read_request(from: &mut impl BufRead) -> io::Result<Option<Request>> {
    let mut line = String::new();
    if from.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let line = line.trim_end().trim_end_matches(" HTTP/1.1").to_owned();
    let (method, target) = line.split_once(' ').unwrap_or((&line, ""));
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let (method, path, query) = (method.to_owned(), path.to_owned(), decode_query(query));
    let mut headers = Vec::new();
    loop {
        let mut header = String::new();
        from.read_line(&mut header)?;
        let Some((name, value)) = header.trim_end().split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let at = Instant::now();
    let length = pick(&headers, "content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    from.read_exact(&mut body)?;
    let body = String::from_utf8_lossy(&body).into_owned();
    Ok(Some(Request { line, method, path, query, headers, body, at }))
}

fn decode_query(query: &str) -> Vec<(String, String)> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (decode(name), decode(&value.replace('+', " ")))).collect()
}

/// Takes the percent-encoding from a text.
pub fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&first, behind)) = rest.split_first() {
        let hex = behind.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) if first == b'%' => {
                bytes.push(byte);
                rest = &behind[2..];
            }
            _ => {
                bytes.push(first);
                rest = behind;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
