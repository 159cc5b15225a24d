//! What is tried again, how often, and within what time.

use std::thread;
use std::time::{Duration, Instant, SystemTime};

use prime_ssh::failure::Kind;

use super::server::{Reply, Server, answer, json, refusal};
use super::{client, client_at, get, run, told};
use crate::support::api::{Api, Reply as ApiReply};
use crate::support::network::Reserved;

/// Less than any of the servers here waits, and more than a busy machine takes.
const ENOUGH: Duration = Duration::from_secs(15);

fn pauses(server: &Server) -> Vec<Duration> {
    let requests = server.requests();
    requests.windows(2).map(|pair| pair[1].at - pair[0].at).collect()
}

fn two_pauses(server: &Server) -> [Duration; 2] {
    pauses(server).try_into().unwrap()
}

#[test]
fn what_passes_is_tried_three_times_with_growing_pauses() {
    let after_three = |status| {
        let server = Server::new((0..3).map(|_| refusal(status, r#"{"detail": "later"}"#)));
        let error = get(&server).unwrap_err();
        assert_eq!(error.failure.kind, Kind::Api);
        let [first, second] = two_pauses(&server);
        // At their shortest; on a busy machine they are longer.
        assert!(first >= Duration::from_millis(180), "{first:?}");
        assert!(second >= Duration::from_millis(550), "{second:?}");
        error.to_string()
    };
    let told = thread::scope(|scope| {
        [429, 502, 503, 504]
            .map(|status| scope.spawn(move || after_three(status)))
            .map(|thread| thread.join().unwrap())
    });
    snapshot!(told.join("\n"), @"
    cannot get cluster `c1`: too many requests to the API (429 Too Many Requests): later (3 tries)
    cannot get cluster `c1`: the API failed (502 Bad Gateway): later (3 tries)
    cannot get cluster `c1`: the API failed (503 Service Unavailable): later (3 tries)
    cannot get cluster `c1`: the API failed (504 Gateway Timeout): later (3 tries)
    ");
}

#[test]
fn the_third_try_can_succeed() {
    let server = Server::new([refusal(503, ""), Reply::Last(Vec::new()), json("{}")]);
    assert_eq!(get(&server).unwrap(), "{}");
}

#[test]
fn what_does_not_pass_is_tried_once() {
    for status in [400, 401, 403, 404, 409, 422, 500, 501] {
        let server = Server::new([refusal(status, "")]);
        assert!(get(&server).is_err());
        assert_eq!(server.requests().len(), 1, "{status}");
    }
}

fn later(status: u16, headers: &str) -> Reply {
    Reply::Answer(answer(status, headers, ""))
}

#[test]
fn a_wait_that_the_api_asks_for_is_kept() {
    let date = "Date: Sat, 01 Aug 2026 12:00:00 GMT\r\n";
    let server = Server::new([
        later(429, "Retry-After: 1\r\n"),
        later(503, &format!("{date}Retry-After: Sat, 01 Aug 2026 12:00:01 GMT\r\n")),
        json("{}"),
    ]);
    get(&server).unwrap();
    let [first, second] = two_pauses(&server);
    for pause in [first, second] {
        assert!(pause >= Duration::from_secs(1) && pause < ENOUGH, "{pause:?}");
    }
}

#[test]
fn a_wait_beyond_the_time_limit_fails_at_once() {
    let server = Server::new([later(429, "Retry-After: 120\r\n")]);
    let begin = Instant::now();
    let error = get(&server).unwrap_err();
    assert!(begin.elapsed() < ENOUGH);
    snapshot!(told(&error), @"
    3: cannot get cluster `c1`: too many requests to the API (429 Too Many Requests); it asks to wait 120s, longer than the time limit of 20s
    hint: try again later, or give it more time with `--timeout`
    ");

    let date = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(3600));
    for wait in [date, "9".repeat(40)] {
        let server = Server::new([later(503, &format!("Retry-After: {wait}\r\n"))]);
        let message = get(&server).unwrap_err().to_string();
        let (told, _) = message.split_once(" to wait ").unwrap();
        snapshot!(told, @"cannot get cluster `c1`: the API failed (503 Service Unavailable); it asks");
    }
}

#[test]
fn a_refusal_that_no_wait_changes_stays_what_it_is() {
    for status in [401, 404] {
        let told = [later(status, "Retry-After: 3600\r\n"), later(status, "")]
            .map(|reply| told(&get(&Server::new([reply])).unwrap_err()));
        assert_eq!(told[0], told[1]);
    }
    let search = json(r#"{"data": [{"id": "c1", "name": "train"}]}"#);
    let server = Server::new([later(404, "Retry-After: 3600\r\n"), search, json("{}")]);
    assert_eq!(run(client(&server).find("train")).unwrap().id, "c1");
}

#[test]
fn a_wait_that_is_none_is_passed_over() {
    let server = Server::new([later(429, "Retry-After: soon\r\n"), json("{}")]);
    get(&server).unwrap();
}

#[test]
fn no_answer_ends_with_the_time_limit() {
    let server = Server::new([Reply::Silence]);
    let begin = Instant::now();
    let error =
        run(client_at(&server.url(), Duration::from_millis(700)).cluster("c1")).unwrap_err();
    let elapsed = begin.elapsed();
    assert!(elapsed >= Duration::from_millis(700) && elapsed < ENOUGH, "{elapsed:?}");
    snapshot!(told(&error), @"
    3: cannot get cluster `c1`: no answer within 700ms
    hint: give it more time with `--timeout`, such as `--timeout 2m`
    ");
}

#[test]
fn the_time_limit_is_for_all_tries_together() {
    let server = Server::new([refusal(503, r#"{"detail": "later"}"#), Reply::Silence]);
    let begin = Instant::now();
    let error = run(client_at(&server.url(), Duration::from_secs(1)).cluster("c1")).unwrap_err();
    assert!(begin.elapsed() < ENOUGH, "{:?}", begin.elapsed());
    snapshot!(error.to_string(), @"cannot get cluster `c1`: no answer within 1s; the previous try: the API failed (503 Service Unavailable): later (2 tries)");
}

#[test]
fn no_pause_goes_beyond_the_time_limit() {
    let api = Api::serving([]);
    api.replies_below("/", ApiReply::detail(503, "busy"));
    // The first pause fits, whatever its jitter; the second one does not. Where the machine halts
    // for a moment, the limit ends an answer and no pause: then it is tried again.
    let limit = Duration::from_millis(700);
    let ask = || run(client_at(&api.url(), limit).cluster("c1")).unwrap_err().to_string();
    let told = (0..20).map(|_| ask()).find(|told| told.ends_with("busy (2 tries)"));
    snapshot!(told.unwrap(), @"cannot get cluster `c1`: the API failed (503 Service Unavailable): busy (2 tries)");
}

#[test]
fn a_slow_drip_ends_with_the_time_limit() {
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n".to_vec();
    let pieces = std::iter::once(head).chain((0..500).map(|_| vec![b' '])).collect();
    let server = Server::new([Reply::Drip(pieces, Duration::from_millis(50))]);
    let begin = Instant::now();
    let error = run(client_at(&server.url(), Duration::from_secs(1)).cluster("c1")).unwrap_err();
    assert!(begin.elapsed() < ENOUGH, "{:?}", begin.elapsed());
    let message = error.to_string();
    let (told, bytes) = message.rsplit_once('(').unwrap();
    snapshot!(told, @"cannot get cluster `c1`: incomplete answer after 1s");
    assert!(bytes.ends_with("bytes received)"), "{message}");
}

#[test]
fn a_slow_answer_within_the_time_limit_is_an_answer() {
    let whole = answer(200, "", "{ }");
    let pieces = whole.chunks(10).map(<[u8]>::to_vec).collect();
    let server = Server::new([Reply::Drip(pieces, Duration::from_millis(20))]);
    assert_eq!(get(&server).unwrap(), "{ }");
}

#[test]
fn a_connection_that_breaks_is_tried_again() {
    let server = Server::new((0..3).map(|_| Reply::Last(Vec::new())));
    snapshot!(told(&get(&server).unwrap_err()), @"
    3: cannot get cluster `c1`: the connection broke before an answer came: connection closed before message completed (3 tries)
    hint: check the network, the address in `--api-url`, and HTTPS_PROXY and NO_PROXY if you use a proxy
    ");
}

#[test]
fn a_cut_answer_is_tried_again() {
    let cut = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"data\": ".to_vec();
    let server = Server::new((0..3).map(|_| Reply::Last(cut.clone())));
    snapshot!(told(&get(&server).unwrap_err()), @"
    4: cannot get cluster `c1`: the answer is cut off after 9 of 100 bytes (3 tries)
    hint: try again; a proxy in between may have cut it
    ");

    let chunked =
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{\"data\": \r\n".to_vec();
    let server = Server::new([Reply::Last(chunked), json("{}")]);
    assert_eq!(get(&server).unwrap(), "{}");
}

#[test]
fn a_server_that_comes_up_is_reached() {
    let place = Reserved::new();
    let client = client_at(&format!("http://127.0.0.1:{}", place.port()), Duration::from_secs(20));
    let starting = thread::spawn(move || {
        thread::sleep(Duration::from_millis(80));
        Server::at(place, [json("{}")])
    });
    assert_eq!(run(client.cluster("c1")).unwrap().text, "{}");
    drop(starting.join().unwrap());
}

#[test]
fn a_certificate_is_not_asked_for_twice_unless_nothing_was_done() {
    let ask = |server: &Server| run(client(server).certificate("c1", "ssh-ed25519 AAAA", None));
    for status in [429, 503] {
        let server = Server::new([refusal(status, ""), json("{}")]);
        assert_eq!(ask(&server).unwrap(), "{}");
    }
    for once in [refusal(502, ""), refusal(504, ""), Reply::Last(Vec::new())] {
        let server = Server::new([once]);
        assert_eq!(ask(&server).unwrap_err().failure.kind, Kind::Api);
        assert_eq!(server.requests().len(), 1);
    }
}

#[test]
fn a_certificate_is_asked_for_as_the_contract_says() {
    let server = Server::new([json("{}"), json("{}")]);
    let client = client(&server);
    run(async {
        client.certificate("c/1", "ssh-ed25519 AAAA", Some("2h")).await.unwrap();
        client.certificate("c1", "ssh-ed25519 AAAA", None).await.unwrap();
    });
    let requests = server.requests();
    assert_eq!(requests[0].line, "POST /api/admin/clusters/c%2F1/authorizations/certificate");
    assert_eq!(requests[0].header("content-type"), Some("application/json"));
    assert_eq!(requests[0].header("authorization"), Some("Bearer s3cret-Token"));
    assert_eq!(requests[0].body, r#"{"publicKey":"ssh-ed25519 AAAA","ttl":"2h"}"#);
    assert_eq!(requests[1].body, r#"{"publicKey":"ssh-ed25519 AAAA"}"#);
}
