//! A server that says exactly what a test tells it to, byte for byte: real ones do not lie well.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// The longest that a connection stays open for nothing.
const PATIENCE: Duration = Duration::from_secs(20);

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

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Request {
    /// Method and path with query.
    pub line: String,
    headers: Vec<(String, String)>,
    pub body: String,
    pub at: Instant,
}

impl Request {
    /// A header's value; the name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(header, _)| header == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// Serves a script on a loopback port. When it is dropped it complains of every reply that nobody
/// asked for, and of every request that it had no reply to.
pub struct Server {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    accepting: Option<thread::JoinHandle<()>>,
}

#[derive(Default)]
struct State {
    script: VecDeque<Reply>,
    requests: Vec<Request>,
    connections: usize,
    unexpected: Vec<String>,
    is_over: bool,
}

impl Server {
    pub fn new(script: impl IntoIterator<Item = Reply>) -> Self {
        Self::start("127.0.0.1:0", None, script)
    }

    /// A server at an address that was free a moment ago.
    pub fn at(address: SocketAddr, script: impl IntoIterator<Item = Reply>) -> Self {
        Self::start(&address.to_string(), None, script)
    }

    /// A server with a certificate for `localhost`, signed by the authority of `tls/authority.pem`.
    pub fn tls(script: impl IntoIterator<Item = Reply>) -> Self {
        Self::start("127.0.0.1:0", Some(tls_config()), script)
    }

    fn start(
        address: &str,
        tls: Option<Arc<ServerConfig>>,
        script: impl IntoIterator<Item = Reply>,
    ) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap();
        let script = script.into_iter().collect();
        let state = Arc::new(Mutex::new(State { script, ..State::default() }));
        let accepting = {
            let state = Arc::clone(&state);
            thread::spawn(move || accept(&listener, tls.as_ref(), &state))
        };
        Self { address, state, accepting: Some(accepting) }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    pub fn requests(&self) -> Vec<Request> {
        self.state.lock().unwrap().requests.clone()
    }

    /// Method and path of each request.
    pub fn lines(&self) -> Vec<String> {
        self.requests().into_iter().map(|request| request.line).collect()
    }

    pub fn connections(&self) -> usize {
        self.state.lock().unwrap().connections
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.state.lock().unwrap().is_over = true;
        // Wakes the thread that waits for a connection.
        let _ = TcpStream::connect(self.address);
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
        if thread::panicking() {
            return;
        }
        let state = self.state.lock().unwrap();
        assert!(state.script.is_empty(), "{} replies were never asked for", state.script.len());
        assert!(state.unexpected.is_empty(), "no reply for {:?}", state.unexpected);
    }
}

fn accept(listener: &TcpListener, tls: Option<&Arc<ServerConfig>>, state: &Arc<Mutex<State>>) {
    for stream in listener.incoming() {
        let mut locked = state.lock().unwrap();
        if locked.is_over {
            return;
        }
        locked.connections += 1;
        drop(locked);
        let (stream, tls, state) = (stream.unwrap(), tls.cloned(), Arc::clone(state));
        thread::spawn(move || {
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            // A client that has gone is what many of these tests are about.
            let _ = match tls {
                None => serve(stream, &state),
                Some(tls) => {
                    let connection = ServerConnection::new(tls).unwrap();
                    serve(StreamOwned::new(connection, stream), &state)
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

fn serve(stream: impl Read + Write, state: &Mutex<State>) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    while let Some(request) = read_request(&mut stream)? {
        let reply = {
            let mut state = state.lock().unwrap();
            let reply = state.script.pop_front();
            if reply.is_none() {
                state.unexpected.push(request.line.clone());
            }
            state.requests.push(request);
            reply
        };
        let to = stream.get_mut();
        match reply {
            Some(Reply::Answer(bytes)) => to.write_all(&bytes)?,
            Some(Reply::Last(bytes)) => return to.write_all(&bytes),
            Some(Reply::Drip(pieces, pause)) => {
                for piece in pieces {
                    to.write_all(&piece)?;
                    thread::sleep(pause);
                }
            }
            Some(Reply::Silence) => {
                stream.read_exact(&mut [0])?;
            }
            None => return to.write_all(&answer(599, "", "not in the script")),
        }
    }
    Ok(())
}

fn read_request(from: &mut impl BufRead) -> io::Result<Option<Request>> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if from.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        lines.push(line.to_owned());
    }
    let at = Instant::now();
    let line = lines.first().cloned().unwrap_or_default();
    let headers: Vec<_> = lines
        .iter()
        .skip(1)
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length = length.map_or(0, |(_, length)| length.parse().unwrap());
    let mut body = vec![0; length];
    from.read_exact(&mut body)?;
    Ok(Some(Request {
        line: line.trim_end_matches(" HTTP/1.1").to_owned(),
        headers,
        body: String::from_utf8(body).unwrap(),
        at,
    }))
}

/// An answer in full; each of the `headers` with its line end.
pub fn answer(status: u16, headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let length = body.len();
    let head =
        format!("HTTP/1.1 {status} Some Reason\r\n{headers}Content-Length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

/// A good answer.
pub fn json(body: impl AsRef<[u8]>) -> Reply {
    Reply::Answer(answer(200, "Content-Type: application/json\r\n", body))
}

/// A refusal.
pub fn refusal(status: u16, body: &str) -> Reply {
    Reply::Answer(answer(status, "Content-Type: application/json\r\n", body))
}
