//! What can be wrong before an answer: no name, no server, no HTTP, no trust.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

use prime_ssh::failure::Kind;

use super::secrecy::call_alone;
use super::server::{Reply, Server, json};
use super::{client_at, get, run, told};
use crate::support::network::nobody;
use crate::support::snapshot::Transcript;

/// Where there is no resolver, it should not be waited for.
pub const QUICK_RESOLVER: (&str, &str) = ("RES_OPTIONS", "timeout:1 attempts:1");

const ENOUGH: Duration = Duration::from_secs(20);

#[test]
fn a_refused_connection_is_tried_three_times() {
    let address = format!("http://127.0.0.1:{}", nobody());
    let begin = Instant::now();
    let error = run(client_at(&address, ENOUGH).cluster("c1")).unwrap_err();
    // The two pauses, at their shortest.
    assert!(begin.elapsed() > Duration::from_millis(700), "{:?}", begin.elapsed());
    assert_eq!(error.failure.kind, Kind::Api);
    snapshot!(told(&error), @"
    3: cannot get cluster `c1`: cannot connect to http://127.0.0.1:[port]: connection refused (3 tries)
    hint: check the network, the address in `--api-url`, and HTTPS_PROXY and NO_PROXY if you use a proxy
    ");
    let details = error.failure.detail.unwrap();
    assert!(details.starts_with("error sending request: "), "{details}");
    assert!(details.contains("tcp connect error"), "{details}");
}

#[test]
fn a_name_that_is_none_is_told_as_that() {
    let address = "https://prime-ssh.invalid";
    let told = call_alone(address, &[QUICK_RESOLVER]);
    // What the resolver says, depends on the machine.
    let (start, rest) = told.split_once(".invalid: ").unwrap();
    let (_, end) = rest.split_once(" (").unwrap();
    snapshot!(format!("{start}.invalid: … ({end}"), @"
    3: cannot get cluster `c1`: cannot find the host of https://prime-ssh.invalid: … (3 tries)
    hint: check the network, the address in `--api-url`, and HTTPS_PROXY and NO_PROXY if you use a proxy
    ");
}

#[test]
fn an_answer_that_is_no_http() {
    let tls_alert = b"\x15\x03\x01\x00\x02\x02\x46".to_vec();
    let huge = [b"HTTP/1.1 200 OK\r\nX: ".to_vec(), vec![b'x'; 1024 * 1024]].concat();
    let many = ["HTTP/1.1 200 OK\r\n".to_owned(), "X: x\r\n".repeat(1000)].concat().into_bytes();
    let lengths = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}".to_vec();
    let mut said = Transcript::default();
    for (title, garbage) in [
        ("a TLS alert", tls_alert),
        ("ssh", b"SSH-2.0-OpenSSH_9.9\r\n".to_vec()),
        ("a huge header", huge),
        ("many headers", many),
        ("two lengths", lengths),
    ] {
        let server = Server::new([Reply::Last(garbage)]);
        let error = get(&server).unwrap_err();
        assert_eq!(error.failure.kind, Kind::Api);
        said.add(title, told(&error));
        assert_eq!(server.requests().len(), 1);
    }
    snapshot!(said, @"
    --- a TLS alert
    3: cannot get cluster `c1`: the server at http://127.0.0.1:[port] does not speak HTTP: invalid HTTP version parsed
    hint: check the scheme and the port in `--api-url`
    --- ssh
    3: cannot get cluster `c1`: the server at http://127.0.0.1:[port] does not speak HTTP: invalid HTTP version parsed
    hint: check the scheme and the port in `--api-url`
    --- a huge header
    3: cannot get cluster `c1`: the server at http://127.0.0.1:[port] does not speak HTTP: message head is too large
    hint: check the scheme and the port in `--api-url`
    --- many headers
    3: cannot get cluster `c1`: the server at http://127.0.0.1:[port] does not speak HTTP: message head is too large
    hint: check the scheme and the port in `--api-url`
    --- two lengths
    3: cannot get cluster `c1`: the server at http://127.0.0.1:[port] does not speak HTTP: invalid content-length parsed
    hint: check the scheme and the port in `--api-url`
    ");
}

#[test]
fn an_answer_that_is_no_tls() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let serving = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.read_exact(&mut [0; 16]).unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
    });
    let told = call_alone(&format!("https://127.0.0.1:{port}"), &[]);
    serving.join().unwrap();
    snapshot!(told, @"
    3: cannot get cluster `c1`: no secure connection (TLS) to https://127.0.0.1:[port]: the server there does not speak TLS
    hint: check the scheme and the port in `--api-url`
    ");
}

#[test]
fn an_authority_of_ssl_cert_file_is_trusted() {
    let server = Server::tls([json(r#"{"data": {}}"#)]);
    let url = format!("https://localhost:{}", server.port());
    assert_eq!(call_alone(&url, &[("SSL_CERT_FILE", &pem("authority"))]), r#"{"data": {}}"#);
    assert_eq!(server.requests()[0].header("authorization"), Some("Bearer s3cret-Token"));
}

#[test]
fn an_unknown_authority_is_not_trusted() {
    let server = Server::tls([]);
    let url = format!("https://localhost:{}", server.port());
    snapshot!(call_alone(&url, &[("SSL_CERT_FILE", &pem("other-authority"))]), @"
    3: cannot get cluster `c1`: no secure connection (TLS) to https://localhost:[port]: its certificate is from an authority that this machine does not know
    hint: if a proxy signs with its own authority, set SSL_CERT_FILE to that authority's file
    ");
}

#[test]
fn a_certificate_for_another_host_is_not_trusted() {
    let server = Server::tls([]);
    let url = format!("https://127.0.0.1:{}", server.port());
    snapshot!(call_alone(&url, &[("SSL_CERT_FILE", &pem("authority"))]), @r#"
    3: cannot get cluster `c1`: no secure connection (TLS) to https://127.0.0.1:[port]: invalid peer certificate: certificate not valid for name "127.0.0.1"; certificate is only valid for DnsName("localhost")
    hint: check the address in `--api-url`, and this machine's clock
    "#);
}

#[test]
fn a_folder_of_authorities_is_read_only_without_its_bundle() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = folder.path().join("bundle.crt");
    std::fs::copy(pem("other-authority"), &bundle).unwrap();
    // What is in the folder counts where the folder alone is named, and not beside its bundle.
    std::fs::copy(pem("authority"), folder.path().join("0a0a0a0a.0")).unwrap();
    let [file, dir] = [bundle.to_str().unwrap(), folder.path().to_str().unwrap()];
    for (environment, is_known) in [
        (&[("SSL_CERT_DIR", dir)][..], true),
        (&[("SSL_CERT_FILE", file)], false),
        (&[("SSL_CERT_FILE", file), ("SSL_CERT_DIR", dir)], false),
    ] {
        let replies = is_known.then(|| json("{}"));
        let server = Server::tls(replies);
        let url = format!("https://localhost:{}", server.port());
        let told = call_alone(&url, environment);
        assert_eq!(told == "{}", is_known, "{told}");
    }
}

#[test]
fn no_authorities_at_all_are_told_before_any_call() {
    snapshot!(call_alone("https://localhost:1", &[("SSL_CERT_FILE", "/nowhere/at/all.pem")]), @"
    1: cannot call the API: this machine's list of certificate authorities is empty
    hint: install the system's `ca-certificates`, or set SSL_CERT_FILE to such a file
    ");
    // A plain address of this machine needs none.
    let server = Server::new([json("{}")]);
    assert_eq!(call_alone(&server.url(), &[("SSL_CERT_FILE", "/nowhere/at/all.pem")]), "{}");
}

fn pem(name: &str) -> String {
    format!("{}/tests/it/client/tls/{name}.pem", env!("CARGO_MANIFEST_DIR"))
}
