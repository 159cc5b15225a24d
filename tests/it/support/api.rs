//! The admin-clusters API, served on a loopback port of the test's own.
//!
//! It follows the contract for Get Cluster, List Clusters and Request Certificate, asks for
//! [`TOKEN`], and keeps what it was asked. Like xh's test server it fails a test that never called it.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::cluster::Cluster;
use super::sandbox::TOKEN;

const CLUSTERS: &str = "/api/admin/clusters";

/// One request as it came in.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    /// The path as it stood on the wire, still percent-encoded.
    pub path: String,
    /// What stands behind the `?`, decoded, in its order.
    pub query: Vec<(String, String)>,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
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

/// What the API answers.
#[derive(Clone, Debug)]
pub struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Reply {
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        Self { status, headers, body: body.into() }
    }

    /// An error in the shape `{"detail": "…"}`.
    pub fn detail(status: u16, detail: &str) -> Self {
        Self::new(status, json!({"detail": detail}).to_string())
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// Answers the body of a request for a certificate.
type Signer = Box<dyn Fn(&Value) -> Reply + Send + Sync>;

/// A running API; it ends with its drop.
pub struct Api {
    address: SocketAddr,
    state: Arc<State>,
    listener: Option<JoinHandle<()>>,
    may_be_idle: bool,
}

struct State {
    clusters: RwLock<Vec<Cluster>>,
    delay: Duration,
    requests: Mutex<Vec<Request>>,
    /// What the next requests get instead of an answer.
    failures: Mutex<VecDeque<Reply>>,
    /// What the requests for these paths get instead of an answer.
    replies: Mutex<Vec<(String, Reply)>>,
    signer: Mutex<Option<Signer>>,
    at_once: AtomicUsize,
    most_at_once: AtomicUsize,
    stopping: AtomicBool,
}

impl Api {
    /// Serves these clusters.
    pub fn serving(clusters: impl IntoIterator<Item = Cluster>) -> Self {
        Self::slow(clusters, Duration::ZERO)
    }

    /// Serves these clusters, each answer after a pause.
    pub fn slow(clusters: impl IntoIterator<Item = Cluster>, delay: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            clusters: RwLock::new(clusters.into_iter().collect()),
            delay,
            requests: Mutex::default(),
            failures: Mutex::default(),
            replies: Mutex::default(),
            signer: Mutex::default(),
            at_once: AtomicUsize::new(0),
            most_at_once: AtomicUsize::new(0),
            stopping: AtomicBool::new(false),
        });
        let shared = Arc::clone(&state);
        let listener = thread::spawn(move || {
            for stream in listener.incoming() {
                if shared.stopping.load(Ordering::SeqCst) {
                    return;
                }
                let state = Arc::clone(&shared);
                // A client that hangs up is its own affair; the test sees what it made of it.
                thread::spawn(move || drop(converse(&stream.unwrap(), &state)));
            }
        });
        Self { address, state, listener: Some(listener), may_be_idle: false }
    }

    /// The base URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on it serves these clusters.
    pub fn now_serves(&self, clusters: impl IntoIterator<Item = Cluster>) {
        *self.state.clusters.write().unwrap() = clusters.into_iter().collect();
    }

    /// The next requests get these replies, one each, before the API works again.
    pub fn fails_with(&self, replies: impl IntoIterator<Item = Reply>) {
        self.state.failures.lock().unwrap().extend(replies);
    }

    /// Every request for this path gets this reply in place of an answer.
    pub fn replies_on(&self, path: &str, reply: Reply) {
        self.state.replies.lock().unwrap().push((path.to_owned(), reply));
    }

    /// Every request for a path that starts like this gets this reply in place of an answer.
    pub fn replies_below(&self, start: &str, reply: Reply) {
        self.state.replies.lock().unwrap().push((format!("{start}*"), reply));
    }

    /// How many requests it was busy with at most.
    pub fn most_at_once(&self) -> usize {
        self.state.most_at_once.load(Ordering::SeqCst)
    }

    /// From now on this answers who asks for a certificate.
    pub fn signs(&self, signer: impl Fn(&Value) -> Reply + Send + Sync + 'static) {
        *self.state.signer.lock().unwrap() = Some(Box::new(signer));
    }

    /// How often it was asked for a certificate.
    pub fn certificates(&self) -> usize {
        self.requests().iter().filter(|request| request.method == "POST").count()
    }

    /// It is right if nobody calls it.
    pub fn may_be_idle(mut self) -> Self {
        self.may_be_idle = true;
        self
    }

    /// What it was asked so far.
    pub fn requests(&self) -> Vec<Request> {
        self.state.requests.lock().unwrap().clone()
    }

    /// The method and path of each request so far.
    pub fn paths(&self) -> Vec<String> {
        self.requests().iter().map(|r| format!("{} {}", r.method, r.path)).collect()
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        self.state.stopping.store(true, Ordering::SeqCst);
        // Wakes the listener, so that it sees that it should stop.
        drop(TcpStream::connect(self.address));
        let listener = self.listener.take().map(JoinHandle::join);
        if thread::panicking() {
            return;
        }
        listener.unwrap().expect("the API's listener should not panic");
        let called = !self.state.requests.lock().unwrap().is_empty();
        assert!(called || self.may_be_idle, "the API was never called");
    }
}

/// Answers one connection's requests, one after the other (keep-alive).
fn converse(stream: &TcpStream, state: &State) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    while let Some(request) = read_request(&mut reader)? {
        state.requests.lock().unwrap().push(request.clone());
        let at_once = state.at_once.fetch_add(1, Ordering::SeqCst) + 1;
        state.most_at_once.fetch_max(at_once, Ordering::SeqCst);
        thread::sleep(state.delay);
        let reply = state.prepared(&request).unwrap_or_else(|| state.answer(&request));
        state.at_once.fetch_sub(1, Ordering::SeqCst);
        let mut head = format!("HTTP/1.1 {} Whatever\r\n", reply.status);
        for (name, value) in &reply.headers {
            write!(head, "{name}: {value}\r\n").unwrap();
        }
        write!(head, "content-length: {}\r\n\r\n", reply.body.len()).unwrap();
        let mut stream = stream;
        stream.write_all(&[head.as_bytes(), &reply.body].concat())?;
    }
    Ok(())
}

fn read_request(reader: &mut impl BufRead) -> std::io::Result<Option<Request>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_ascii_whitespace();
    let method = words.next().unwrap_or_default().to_owned();
    let target = words.next().unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let (path, query) = (path.to_owned(), decode_query(query));
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = pick(&headers, "content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let body = String::from_utf8_lossy(&body).into_owned();
    Ok(Some(Request { method, path, query, headers, body, at: Instant::now() }))
}

impl State {
    fn prepared(&self, request: &Request) -> Option<Reply> {
        let next = self.failures.lock().unwrap().pop_front();
        next.or_else(|| {
            let replies = self.replies.lock().unwrap();
            let fits = |path: &str| match path.strip_suffix('*') {
                Some(start) => request.path.starts_with(start),
                None => path == request.path,
            };
            replies.iter().find(|(path, _)| fits(path)).map(|(_, reply)| reply.clone())
        })
    }

    fn answer(&self, request: &Request) -> Reply {
        let bearer = format!("Bearer {TOKEN}");
        if request.header("authorization") != Some(&bearer) {
            return Reply::detail(401, "Authorization failed");
        }
        match (request.method.as_str(), request.path.strip_prefix(CLUSTERS)) {
            ("GET", Some("")) => self.list(request),
            ("GET", Some(id)) => self.detail(id.trim_start_matches('/')),
            ("POST", Some(path)) => match path.strip_suffix("/authorizations/certificate") {
                Some(id) => self.certificate(id.trim_start_matches('/'), &request.body),
                None => Reply::detail(404, "Not Found"),
            },
            _ => Reply::detail(404, "Not Found"),
        }
    }

    fn detail(&self, encoded_id: &str) -> Reply {
        let id = decode(encoded_id);
        match self.clusters.read().unwrap().iter().find(|cluster| cluster.id() == id) {
            Some(cluster) => Reply::new(200, cluster.answer()),
            None => Reply::detail(404, "Cluster not found"),
        }
    }

    fn certificate(&self, encoded_id: &str, body: &str) -> Reply {
        let id = decode(encoded_id);
        let known = self.clusters.read().unwrap().iter().any(|cluster| cluster.id() == id);
        match self.signer.lock().unwrap().as_ref() {
            Some(signer) if known => signer(&serde_json::from_str(body).expect("a JSON body")),
            _ => Reply::detail(404, "Cluster not found"),
        }
    }

    fn list(&self, request: &Request) -> Reply {
        let number = |name, default| {
            request.query(name).map_or(Ok(default), str::parse::<usize>).unwrap_or(usize::MAX)
        };
        let (limit, offset) = (number("limit", 20), number("offset", 0));
        if !(1..=100).contains(&limit) || offset == usize::MAX {
            let errors =
                json!({"errors": [{"param": "limit", "details": "Input should be 1 to 100"}]});
            return Reply::new(422, errors.to_string());
        }
        let search = request.query("search").unwrap_or_default().to_lowercase();
        let matches = |row: &Value| {
            let text = |field: &str| row[field].as_str().unwrap_or_default().to_lowercase();
            row["status"] != "TERMINATED"
                && (text("id").contains(&search) || text("name").contains(&search))
        };
        let clusters = self.clusters.read().unwrap();
        let rows: Vec<_> =
            clusters.iter().map(Cluster::summary).filter(|row| matches(row)).collect();
        let page: Vec<_> = rows.iter().skip(offset).take(limit).collect();
        let body = json!({
            "total_count": rows.len(), "offset": offset, "limit": limit,
            "data": page, "status": "success",
        });
        Reply::new(200, body.to_string())
    }
}

fn decode_query(query: &str) -> Vec<(String, String)> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (decode(name), decode(&value.replace('+', " ")))).collect()
}

fn decode(text: &str) -> String {
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
