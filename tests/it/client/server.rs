//! A server that goes by a script: real ones do not lie well.

use std::collections::VecDeque;
use std::ops::Deref;
use std::sync::{Arc, Mutex};
use std::thread;

use crate::support::http;
pub use crate::support::http::{Reply, answer};
use crate::support::network::Reserved;

/// Serves a script on a loopback port. When it is dropped it complains of every reply that nobody
/// asked for, and of every request that it had no reply to.
pub struct Server {
    http: http::Server,
    script: Arc<Mutex<Script>>,
}

struct Script {
    replies: VecDeque<Reply>,
    unexpected: Vec<String>,
}

impl Server {
    pub fn new(replies: impl IntoIterator<Item = Reply>) -> Self {
        Self::at(Reserved::new(), replies)
    }

    pub fn at(place: Reserved, replies: impl IntoIterator<Item = Reply>) -> Self {
        Self::start(place, false, replies)
    }

    pub fn tls(replies: impl IntoIterator<Item = Reply>) -> Self {
        Self::start(Reserved::new(), true, replies)
    }

    fn start(place: Reserved, tls: bool, replies: impl IntoIterator<Item = Reply>) -> Self {
        let script = Script { replies: replies.into_iter().collect(), unexpected: Vec::new() };
        let script = Arc::new(Mutex::new(script));
        let shared = Arc::clone(&script);
        let http = http::Server::start(place.listen(), tls, move |request| {
            let mut script = shared.lock().unwrap();
            script.replies.pop_front().unwrap_or_else(|| {
                script.unexpected.push(request.line.clone());
                Reply::Last(answer(599, "", "not in the script"))
            })
        });
        Self { http, script }
    }
}

impl Deref for Server {
    type Target = http::Server;

    fn deref(&self) -> &http::Server {
        &self.http
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if thread::panicking() {
            return;
        }
        let script = self.script.lock().unwrap();
        assert!(script.replies.is_empty(), "{} replies were never asked for", script.replies.len());
        assert!(script.unexpected.is_empty(), "no reply for {:?}", script.unexpected);
    }
}

/// A good answer.
pub fn json(body: impl AsRef<[u8]>) -> Reply {
    Reply::Answer(answer(200, "Content-Type: application/json\r\n", body))
}

/// A refusal.
pub fn refusal(status: u16, body: &str) -> Reply {
    Reply::Answer(answer(status, "Content-Type: application/json\r\n", body))
}
