//! What the API may answer, and what becomes of it.

use std::io::Write;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use prime_ssh::api::error::ApiError;
use prime_ssh::api::wire::{self, Node};
use prime_ssh::failure::Kind;

use super::server::{Reply, Server, answer, json, refusal};
use super::{TOKEN, client, get, run, told};
use crate::support::snapshot::Transcript;

/// What is told of one answer that is not tried again.
fn told_once(reply: Reply) -> String {
    let server = Server::new([reply]);
    let error = get(&server).unwrap_err();
    assert_eq!(server.requests().len(), 1);
    told(&error)
}

#[test]
fn a_call_carries_what_it_should() {
    let server = Server::new([json(r#"{"data": {}}"#)]);
    assert_eq!(get(&server).unwrap(), r#"{"data": {}}"#);
    let request = &server.requests()[0];
    assert_eq!(request.line, "GET /api/admin/clusters/c1");
    assert_eq!(request.header("authorization"), Some("Bearer s3cret-Token"));
    let agent = format!("prime-ssh/{}", env!("CARGO_PKG_VERSION"));
    assert_eq!(request.header("user-agent"), Some(agent.as_str()));
    assert_eq!(request.header("accept-encoding"), Some("gzip"));
    assert_eq!(request.header("accept"), Some("application/json"));
    assert_eq!(request.header("host"), Some(format!("127.0.0.1:{}", server.port()).as_str()));
}

#[test]
fn a_base_path_is_kept() {
    let server = Server::new([json("{}")]);
    let url = format!("{}/prime/api/v1/", server.url());
    run(super::client_at(&url, Duration::from_secs(20)).cluster("c1")).unwrap();
    assert_eq!(server.lines(), ["GET /prime/api/admin/clusters/c1"]);
}

#[test]
fn an_id_is_one_segment_of_the_path() {
    for (id, path) in [
        ("a/../b", "a%2F..%2Fb"),
        ("100%", "100%25"),
        ("a?b=c#d", "a%3Fb=c%23d"),
        ("my cluster", "my%20cluster"),
        ("größe", "gr%C3%B6%C3%9Fe"),
        ("%2e%2e", "%252e%252e"),
    ] {
        let server = Server::new([json("{}")]);
        run(client(&server).cluster(id)).unwrap();
        assert_eq!(server.lines(), [format!("GET /api/admin/clusters/{path}")], "{id:?}");
    }
}

#[test]
fn connections_are_kept() {
    let server = Server::new((0..5).map(|_| json("{}")));
    let client = client(&server);
    run(async {
        for _ in 0..5 {
            client.clone().cluster("c1").await.unwrap();
        }
    });
    assert_eq!(server.connections(), 1);
}

#[test]
fn a_compressed_answer_is_read() {
    let text = r#"{"data": {"name": "größe"}}"#.repeat(1000);
    let gzip = "Content-Encoding: gzip\r\n";
    let server = Server::new([Reply::Answer(answer(200, gzip, compressed(text.as_bytes())))]);
    assert_eq!(get(&server).unwrap(), text);
}

#[test]
fn what_is_refused_and_what_fails_is_told() {
    let mut told = Transcript::default();
    let detail = r#"{"detail": [{"loc": ["path", "cluster_id"], "msg": "too long"}]}"#;
    let errors = r#"{"errors": [{"param": "path.cluster_id", "details": "too long"}]}"#;
    let hostile = format!(r#"{{"detail": "a\u001b[2J\n\u202e{}"}}"#, "b".repeat(5000));
    let token = format!(r#"{{"detail": "no such token: {TOKEN}"}}"#);
    for (status, body) in [
        (401, r#"{"detail": "Invalid token"}"#),
        (401, &token),
        (403, r#"{"detail": "Forbidden"}"#),
        (403, "\n<!DOCTYPE html><title>Blocked</title>"),
        (404, r#"{"detail": "Cluster not found"}"#),
        (422, detail),
        (422, errors),
        (418, "{}"),
        (499, ""),
        (500, r#"{"detail": "oops"}"#),
        (400, &hostile),
    ] {
        told.add(body.get(..80).unwrap_or(body).trim(), told_once(refusal(status, body)));
    }
    let unmodified = Reply::Last(b"HTTP/1.1 304 Not Modified\r\n\r\n".to_vec());
    told.add("304", told_once(unmodified));
    told.add("no text", told_once(json(b"{\"data\": \"\xff\xfe\"}")));
    assert!(!told.to_string().replace(&token, "").contains(TOKEN));
    snapshot!(told);
}

#[test]
fn an_endless_refusal_is_told_without_its_end() {
    let head = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 999999999\r\n\r\n".to_vec();
    let body = format!(r#"{{"detail": "{}"#, "x".repeat(200 * 1024)).into_bytes();
    let server = Server::new([Reply::Last([head, body].concat())]);
    assert!(get(&server).unwrap_err().to_string().ends_with("(403 Forbidden)"));
}

#[test]
fn a_refusal_whose_words_do_not_come_is_told_without() {
    let head = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 20\r\n\r\n".to_vec();
    let server = Server::new([Reply::Drip(vec![head], Duration::from_secs(10))]);
    let begin = Instant::now();
    assert!(get(&server).unwrap_err().to_string().ends_with("(403 Forbidden)"));
    assert!(begin.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_damaged_compression() {
    let gzip = "Content-Encoding: gzip\r\n";
    let whole = compressed(r#"{"data": {}}"#.repeat(100).as_bytes());
    let cut = whole.split_at(whole.len() / 2).0;
    let mut told = Transcript::default();
    for (title, damaged) in
        [("cut", cut), ("no gzip", b"\x1f\x8b nonsense".as_slice()), ("plain", b"{}")]
    {
        told.add(title, told_once(Reply::Answer(answer(200, gzip, damaged))));
    }
    snapshot!(told, @"
    --- cut
    4: cannot get cluster `c1`: cannot decompress the answer after 0 bytes: unexpected end of file
    hint: try again; a proxy in between may have cut it
    --- no gzip
    4: cannot get cluster `c1`: cannot decompress the answer after 0 bytes: Invalid gzip header
    hint: try again; a proxy in between may have cut it
    --- plain
    4: cannot get cluster `c1`: cannot decompress the answer after 0 bytes: Invalid gzip header
    hint: try again; a proxy in between may have cut it
    ");
}

#[test]
fn an_answer_without_measure() {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", 256 * 1024 * 1024 + 1);
    let told = told_once(Reply::Last(head.into_bytes()));
    let mut bomb = GzEncoder::new(Vec::new(), Compression::fast());
    let piece = vec![b' '; 1024 * 1024];
    for _ in 0..257 {
        bomb.write_all(&piece).unwrap();
    }
    let bomb = bomb.finish().unwrap();
    assert!(bomb.len() < 4 * 1024 * 1024);
    assert_eq!(told_once(Reply::Answer(answer(200, "Content-Encoding: gzip\r\n", bomb))), told);
    snapshot!(told, @"
    4: cannot get cluster `c1`: the answer is larger than 256 MiB
    hint: check that `--api-url` names the Prime Intellect API
    ");
}

/// What the caller does with the text, and how it is told.
fn read(text: &str) -> String {
    let server = Server::new([json(text)]);
    let text = get(&server).unwrap();
    let malformed = wire::parse::<Vec<Node<'_>>>(&text).unwrap_err();
    told(&ApiError::malformed_cluster("c1", &malformed))
}

#[test]
fn an_answer_that_is_not_the_contracts() {
    let mut told = Transcript::default();
    for text in ["<html>Log in</html>", "{\"data\": {\n \"id\": \"c1\", ", r#"{"data": null}"#] {
        told.add(text, read(text));
    }
    let other = ApiError::other_cluster("c1", "c2\u{1b}");
    assert_eq!(other.failure.kind, Kind::Answer);
    told.add("another cluster", other);
    let none = ApiError::malformed_certificate("c1", &wire::signed("").unwrap_err());
    told.add("no certificate", none);
    snapshot!(told, @r#"
    --- <html>Log in</html>
    4: cannot get cluster `c1`: malformed answer: a web page (HTML) instead of JSON
    hint: a proxy, a login portal, or another server sent a web page: check `--api-url`, HTTPS_PROXY and NO_PROXY
    --- {"data": {
     "id": "c1",
    4: cannot get cluster `c1`: malformed answer: the JSON is cut off at line 2, column 13
    hint: check that `--api-url` names the Prime Intellect API
    --- {"data": null}
    4: cannot get cluster `c1`: malformed answer: `data` is empty: the API has nothing to tell
    hint: it may have just been terminated; try again, or give another id
    --- another cluster
    cannot get cluster `c1`: the answer is about another cluster, `c2\u{1b}`
    --- no certificate
    cannot get a certificate for cluster `c1`: malformed answer: empty instead of JSON
    "#);
}

#[test]
fn an_id_from_the_api_that_can_be_none() {
    let server = Server::new([]);
    for id in ["", ".", "..", "a\nb", &"x".repeat(1025)] {
        let error = run(client(&server).cluster(id)).unwrap_err();
        assert_eq!(error.failure.kind, Kind::Answer, "{id:?}");
    }
}

fn compressed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
