//! The admin-clusters API, served on a loopback port of the test's own.
//!
//! It follows the contract for Get Cluster, List Clusters and Request Certificate, asks for
//! [`TOKEN`], and keeps what it was asked. Like xh's test server it fails a test that never called it.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::ops::Deref;
use std::sync::{Arc, Mutex, RwLock};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::cluster::Cluster;
pub use super::http::Request;
use super::http::{self, answer, decode};
use super::network::Reserved;
use super::sandbox::TOKEN;

const CLUSTERS: &str = "/api/admin/clusters";

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
    server: http::Server,
    state: Arc<State>,
    may_be_idle: bool,
}

#[derive(Default)]
struct State {
    clusters: RwLock<Vec<Cluster>>,
    /// What the next requests get instead of an answer.
    failures: Mutex<VecDeque<Reply>>,
    /// What the requests for these paths get instead of an answer.
    replies: Mutex<Vec<(String, Reply)>>,
    signer: Mutex<Option<Signer>>,
}

impl Api {
    /// Serves these clusters.
    pub fn serving(clusters: impl IntoIterator<Item = Cluster>) -> Self {
        Self::slow(clusters, Duration::ZERO)
    }

    /// Serves these clusters, each answer after a pause.
    pub fn slow(clusters: impl IntoIterator<Item = Cluster>, delay: Duration) -> Self {
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        let server = http::Server::start(Reserved::new().listen(), false, move |request| {
            thread::sleep(delay);
            let reply = shared.prepared(request).unwrap_or_else(|| shared.answer(request));
            let mut headers = String::new();
            for (name, value) in &reply.headers {
                write!(headers, "{name}: {value}\r\n").unwrap();
            }
            http::Reply::Answer(answer(reply.status, &headers, reply.body))
        });
        let api = Self { server, state, may_be_idle: false };
        api.now_serves(clusters);
        api
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

    /// The method and path of each request so far.
    pub fn paths(&self) -> Vec<String> {
        self.requests().iter().map(|r| format!("{} {}", r.method, r.path)).collect()
    }
}

impl Deref for Api {
    type Target = http::Server;

    fn deref(&self) -> &http::Server {
        &self.server
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        let called = !self.requests().is_empty();
        assert!(called || self.may_be_idle || thread::panicking(), "the API was never called");
    }
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
