//! Where the token does not go: another host, a proxy, a text.

use std::env;
use std::time::Duration;

use prime_ssh::api::client::{ApiEndpoint, Client};
use prime_ssh::api::token::ApiToken;
use prime_ssh::terminal::Terminal;

use crate::support::network::nobody;
use crate::support::process;
use crate::support::snapshot::Transcript;

use super::connections::QUICK_RESOLVER;
use super::server::{Reply, Server, answer, json, refusal};
use super::{TOKEN, client, get, run, told};

/// Names the address that [`alone`] calls.
const ADDRESS: &str = "PRIME_SSH_TEST_CALL";

/// What comes of a call in a process of its own, since the environment is one for all tests: the
/// answer, or exit code, message and hint.
pub fn call_alone(address: &str, environment: &[(&str, &str)]) -> String {
    let mut command = process::command(env::current_exe().unwrap());
    command.args(["--exact", "client::secrecy::alone", "--nocapture", "--quiet"]);
    // The system's own authorities may be missing here; a test that needs others says so.
    let authority = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/client/tls/authority.pem");
    command.env("SSL_CERT_FILE", authority).env(ADDRESS, address);
    let output = command.envs(environment.iter().copied()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    let (_, told) = text.split_once("<<").unwrap();
    told.split_once(">>").unwrap().0.to_owned()
}

/// What other tests run in a process of its own; by itself it does nothing.
#[test]
fn alone() {
    let Ok(address) = env::var(ADDRESS) else { return };
    let (address, token) = (address.parse().unwrap(), ApiToken::new(TOKEN).unwrap());
    let endpoint = ApiEndpoint { address, token, timeout: Duration::from_secs(20) };
    let called = Client::new(endpoint, Terminal::default())
        .and_then(|client| Ok(run(client.cluster("c1"))?))
        .map(|answer| answer.text);
    let told = called.unwrap_or_else(|error| {
        let hint = error.hint.clone().unwrap_or_default();
        format!("{}: {error}\nhint: {hint}", error.kind.exit_code())
    });
    println!("<<{told}>>");
}

fn moved(status: u16, location: &str) -> Reply {
    Reply::Answer(answer(status, &format!("Location: {location}\r\n"), ""))
}

#[test]
fn a_redirect_within_the_api_is_followed() {
    let server = Server::new([moved(307, "/api/admin/clusters/c2?x=y"), json("{}")]);
    assert_eq!(get(&server).unwrap(), "{}");
    let requests = server.requests();
    assert_eq!(requests[1].line, "GET /api/admin/clusters/c2?x=y");
    assert_eq!(requests[1].header("authorization"), Some("Bearer s3cret-Token"));
    assert_eq!(requests[1].header("referer"), None);
}

#[test]
fn a_redirect_to_another_host_is_not_followed() {
    for status in [301, 302, 303, 307, 308] {
        let other = Server::new([]);
        let server = Server::new([moved(status, &format!("{}/steal", other.url()))]);
        let error = get(&server).unwrap_err();
        snapshot!(told(&error), @"
        3: cannot get cluster `c1`: the API redirects to another host, http://127.0.0.1:[port]; not followed, to keep the token safe
        hint: if the API has moved there, set `--api-url`
        ");
        assert_eq!(other.connections(), 0);
    }
}

#[test]
fn another_name_or_scheme_is_another_host() {
    let (port, mut told) = (nobody(), Transcript::default());
    for location in [
        &format!("http://localhost:{port}/x"),
        &format!("https://127.0.0.1:{port}/x"),
        "//evil.example/x",
        "ftp://127.0.0.1/",
    ] {
        let server = Server::new([moved(302, location)]);
        told.add(location, get(&server).unwrap_err());
    }
    snapshot!(told, @"
    --- http://localhost:[port]/x
    cannot get cluster `c1`: the API redirects to another host, http://localhost:[port]; not followed, to keep the token safe
    --- https://127.0.0.1:[port]/x
    cannot get cluster `c1`: the API redirects to another host, https://127.0.0.1:[port]; not followed, to keep the token safe
    --- //evil.example/x
    cannot get cluster `c1`: the API redirects to another host, http://evil.example; not followed, to keep the token safe
    --- ftp://127.0.0.1/
    cannot get cluster `c1`: the API redirects to another host, ftp://127.0.0.1; not followed, to keep the token safe
    ");
}

#[test]
fn a_redirect_in_a_circle_ends() {
    let server = Server::new((0..4).map(|_| moved(302, "/again")));
    snapshot!(told(&get(&server).unwrap_err()), @"
    3: cannot get cluster `c1`: the API redirects in a loop (302 Found)
    hint: check the address in `--api-url`
    ");
}

#[test]
fn a_redirect_that_names_the_token_does_not_show_it() {
    let server = Server::new([moved(302, &format!("http://{TOKEN}.example/{TOKEN}"))]);
    let message = get(&server).unwrap_err().to_string();
    assert!(!message.to_lowercase().contains(&TOKEN.to_lowercase()), "{message}");
    snapshot!(message, @"cannot get cluster `c1`: the API redirects to another host, http://(the token).example; not followed, to keep the token safe");
}

#[test]
fn no_proxy_is_asked_for_this_machine() {
    let proxy = Server::new([]);
    let proxies: Vec<_> =
        ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]
            .map(|name| (name, proxy.url()))
            .into();
    let proxies: Vec<_> = proxies.iter().map(|(name, url)| (*name, url.as_str())).collect();
    for host in ["127.0.0.1", "localhost"] {
        let server = Server::new([json("{}")]);
        let address = format!("http://{host}:{}", server.port());
        assert_eq!(call_alone(&address, &proxies), "{}");
    }
    let server = Server::tls([json("{}")]);
    assert_eq!(call_alone(&format!("https://localhost:{}", server.port()), &proxies), "{}");
    assert_eq!(proxy.connections(), 0);
}

#[test]
fn a_proxy_sees_the_host_and_not_the_token() {
    let refused = || Reply::Last(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n".to_vec());
    let proxy = Server::new((0..3).map(|_| refused()));
    let told = call_alone("https://prime.invalid", &[("HTTPS_PROXY", &proxy.url())]);
    snapshot!(told, @"
    3: cannot get cluster `c1`: cannot connect to https://prime.invalid: tunnel error: proxy authorization required (3 tries)
    hint: check the network, the address in `--api-url`, and HTTPS_PROXY and NO_PROXY if you use a proxy
    ");
    for request in proxy.requests() {
        assert_eq!(request.line, "CONNECT prime.invalid:443");
        assert_eq!(request.header("authorization"), None);
        assert_eq!(request.header("proxy-authorization"), None);
    }
}

#[test]
fn an_answer_with_the_token_in_it_is_refused() {
    let row = format!(r#"{{"data": {{"id": "c1", "name": "{TOKEN}"}}}}"#);
    let server = Server::new([json(row)]);
    let told = told(&get(&server).unwrap_err());
    assert!(!told.contains(TOKEN), "{told}");
    snapshot!(told, @"
    4: cannot get cluster `c1`: the answer contains the API token
    hint: check that `--api-url` names the Prime Intellect API
    ");
}

#[test]
fn a_host_of_no_proxy_is_asked_itself() {
    let proxy = Server::new([]);
    let url = proxy.url();
    let environment = [("HTTPS_PROXY", url.as_str()), ("NO_PROXY", ".invalid"), QUICK_RESOLVER];
    let told = call_alone("https://prime-ssh.invalid", &environment);
    assert!(told.contains("cannot find the host of"), "{told}");
    assert_eq!(proxy.connections(), 0);
}

#[test]
fn the_token_is_in_no_text() {
    let server = Server::new([
        refusal(401, &format!(r#"{{"detail": "{TOKEN}"}}"#)),
        Reply::Last(
            format!("HTTP/1.1 200 {TOKEN}\r\nContent-Length: 9\r\n\r\n{TOKEN}").into_bytes(),
        ),
        Reply::Last(TOKEN.as_bytes().to_vec()),
        moved(302, &format!("http://{TOKEN}@{TOKEN}.example/{TOKEN}?{TOKEN}#{TOKEN}")),
    ]);
    let client = client(&server);
    let mut texts = vec![format!("{client:?}"), format!("{client:#?}")];
    run(async {
        for _ in 0..4 {
            let Err(error) = client.cluster("c1").await else { continue };
            texts.extend([format!("{error:?}"), error.to_string()]);
            texts.extend(error.failure.hint.clone());
            texts.extend(error.failure.detail.clone());
        }
    });
    assert!(texts.len() > 8);
    for text in texts {
        assert!(!text.to_lowercase().contains(&TOKEN.to_lowercase()), "{text}");
    }
}
