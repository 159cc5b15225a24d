//! What the API may answer, and what becomes of it.

use std::io::Write;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use prime_ssh::api::error::Error;
use prime_ssh::api::wire::{self, Malformed, Node};
use prime_ssh::failure::Kind;

use super::server::{Reply, Server, answer, json, refusal};
use super::{TOKEN, client, get, run, told};

/// What is told of one answer that is not tried again.
fn told_once(reply: Reply) -> String {
    let server = Server::new([reply]);
    let error = get(&server).unwrap_err();
    assert_eq!(server.requests().len(), 1);
    told(&error, &server)
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
fn a_refused_token() {
    assert_eq!(
        told_once(refusal(401, r#"{"detail": "Invalid token"}"#)),
        "3: cannot get cluster `c1`: the API rejected the token (401 Unauthorized): Invalid token\n\
         hint: make a new token, then `prime login`, or give it in PRIME_API_KEY or with \
         `--token-file`"
    );
}

#[test]
fn a_missing_permission() {
    assert_eq!(
        told_once(refusal(403, r#"{"detail": "Forbidden"}"#)),
        "3: cannot get cluster `c1`: the token lacks the permission (403 Forbidden): Forbidden\n\
         hint: use a token with the admin-clusters permission; or someone who has one runs \
         `prime-ssh export CLUSTER -o train.json` and hands you that file, which \
         holds nothing secret: `--input train.json` uses it"
    );
}

#[test]
fn an_unknown_id() {
    assert_eq!(
        told_once(refusal(404, r#"{"detail": "Cluster not found"}"#)),
        "3: cannot get cluster `c1`: the API does not know it (404 Not Found): Cluster not \
         found\n\
         hint: check the id; a terminated cluster may be gone"
    );
}

#[test]
fn a_refused_request_in_both_shapes() {
    let said = "3: cannot get cluster `c1`: the API rejected the request (422 Unprocessable \
                Entity): path.cluster_id: too long\nhint: ";
    let detail = r#"{"detail": [{"loc": ["path", "cluster_id"], "msg": "too long"}]}"#;
    assert_eq!(told_once(refusal(422, detail)), said);
    let errors = r#"{"errors": [{"param": "path.cluster_id", "details": "too long"}]}"#;
    assert_eq!(told_once(refusal(422, errors)), said);
}

#[test]
fn other_refusals_and_failures() {
    assert_eq!(
        told_once(refusal(418, "{}")),
        "3: cannot get cluster `c1`: the API rejected the request (418 I'm a teapot)\nhint: "
    );
    assert_eq!(
        told_once(refusal(499, "")),
        "3: cannot get cluster `c1`: the API rejected the request (499)\nhint: "
    );
    assert_eq!(
        told_once(refusal(500, r#"{"detail": "oops"}"#)),
        "3: cannot get cluster `c1`: the API failed (500 Internal Server Error): oops\n\
         hint: this is not your fault; try again later"
    );
    assert_eq!(
        told_once(Reply::Last(b"HTTP/1.1 304 Not Modified\r\n\r\n".to_vec())),
        "3: cannot get cluster `c1`: the API gave an unexpected answer (304 Not Modified)\nhint: "
    );
}

#[test]
fn a_refusal_by_a_web_page_is_not_the_apis() {
    assert_eq!(
        told_once(refusal(403, "\n<!DOCTYPE html><title>Blocked</title>")),
        "3: cannot get cluster `c1`: the token lacks the permission (403 Forbidden), with a web \
         page\n\
         hint: a web page comes from a proxy or a login portal in between, or from another \
         server: check `--api-url`, HTTPS_PROXY and NO_PROXY"
    );
}

#[test]
fn what_a_server_says_is_cut_and_harmless() {
    let hostile = format!(r#"{{"detail": "a\u001b[2J\n\u202e{}"}}"#, "b".repeat(5000));
    let message = told_once(refusal(400, &hostile));
    assert!(message.contains(r"(400 Bad Request): a\u{1b}[2J\n\u{202e}bbb"), "{message}");
    assert!(message.len() < 500, "{}", message.len());
}

#[test]
fn a_token_that_is_sent_back_is_not_shown() {
    let body = format!(r#"{{"detail": "no such token: {TOKEN}"}}"#);
    let message = told_once(refusal(401, &body));
    assert!(message.contains("no such token: (the token)"), "{message}");
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
fn an_answer_that_is_no_text() {
    assert_eq!(
        told_once(json(b"{\"data\": \"\xff\xfe\"}")),
        "4: cannot get cluster `c1`: the answer is not UTF-8 text (byte 10)\n\
         hint: check that `--api-url` names the Prime Intellect API"
    );
}

#[test]
fn a_damaged_compression() {
    let gzip = "Content-Encoding: gzip\r\n";
    let whole = compressed(r#"{"data": {}}"#.repeat(100).as_bytes());
    let cut = whole.split_at(whole.len() / 2).0;
    for damaged in [cut, b"\x1f\x8b nonsense".as_slice(), b"{}"] {
        let message = told_once(Reply::Answer(answer(200, gzip, damaged)));
        assert!(
            message.starts_with("4: cannot get cluster `c1`: cannot unzip the answer after "),
            "{message}"
        );
        assert!(message.ends_with("\nhint: try again; a proxy in between may have cut it"));
    }
}

#[test]
fn an_answer_without_measure() {
    let message = "4: cannot get cluster `c1`: the answer is larger than 256 MiB\n\
                   hint: check that `--api-url` names the Prime Intellect \
                   API";
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", 256 * 1024 * 1024 + 1);
    assert_eq!(told_once(Reply::Last(head.into_bytes())), message);

    let mut bomb = GzEncoder::new(Vec::new(), Compression::fast());
    let piece = vec![b' '; 1024 * 1024];
    for _ in 0..257 {
        bomb.write_all(&piece).unwrap();
    }
    let bomb = bomb.finish().unwrap();
    assert!(bomb.len() < 4 * 1024 * 1024);
    assert_eq!(told_once(Reply::Answer(answer(200, "Content-Encoding: gzip\r\n", bomb))), message);
}

/// What the caller does with the text, and how it is told.
fn read(text: &str) -> String {
    let server = Server::new([json(text)]);
    let text = get(&server).unwrap();
    let malformed = wire::parse::<Vec<Node<'_>>>(&text).unwrap_err();
    told(&Error::malformed_cluster("c1", malformed), &server)
}

#[test]
fn an_answer_that_is_not_the_contracts() {
    assert_eq!(
        read("<html>Log in</html>"),
        "4: cannot get cluster `c1`: malformed answer: a web page (HTML) instead \
         of JSON\n\
         hint: a web page comes from a proxy or a login portal in between, or from another \
         server: check `--api-url`, HTTPS_PROXY and NO_PROXY"
    );
    assert_eq!(
        read("{\"data\": {\n \"id\": \"c1\", "),
        "4: cannot get cluster `c1`: malformed answer: the JSON is cut off at \
         line 2, column 13\n\
         hint: check that `--api-url` names the Prime Intellect API"
    );
    assert_eq!(
        read(r#"{"data": null}"#),
        "4: cannot get cluster `c1`: malformed answer: `data` is null: the API \
         has nothing to tell\n\
         hint: it may just have been terminated; try again, or give another id"
    );
}

#[test]
fn an_answer_about_another_cluster() {
    let error = Error::other_cluster("c1", "c2\u{1b}");
    assert_eq!(error.kind(), Kind::Answer);
    assert_eq!(
        error.to_string(),
        r"cannot get cluster `c1`: the answer is about another cluster, `c2\u{1b}`"
    );
    let error = Error::malformed_certificate("c1", Malformed::Empty);
    assert_eq!(
        error.to_string(),
        "cannot get a certificate for cluster `c1`: malformed answer: empty \
         instead of JSON"
    );
}

#[test]
fn an_id_from_the_api_that_can_be_none() {
    let server = Server::new([]);
    for id in ["", ".", "..", "a\nb", &"x".repeat(1025)] {
        let error = run(client(&server).cluster(id)).unwrap_err();
        assert_eq!(error.kind(), Kind::Answer, "{id:?}");
    }
}

fn compressed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
