//! The harness against itself: what it says about the real ssh must be so.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};

use serde_json::Value;

use crate::support::api::{Api, Reply};
use crate::support::cluster::{self, Cluster};
use crate::support::network::Namespace;
use crate::support::process;
use crate::support::sandbox::{Sandbox, TOKEN};
use crate::support::ssh::{self, Resolved};
use crate::support::sshd::Sshd;

/// Status, head and body of one answer.
fn call(api: &Api, method: &str, target: &str, body: &str) -> (u16, String, Value) {
    let mut stream = TcpStream::connect(api.url().trim_start_matches("http://")).unwrap();
    write!(
        stream,
        "{method} {target} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head.to_owned(), serde_json::from_str(body).unwrap())
}

fn get(api: &Api, target: &str) -> (u16, Value) {
    let (status, _, body) = call(api, "GET", target, "");
    (status, body)
}

#[test]
fn the_api_keeps_its_contract() {
    let clusters = (0..25).map(|i| Cluster::new(&format!("c{i:02}"), &format!("Job {i}")));
    let api = Api::serving(clusters.chain([cluster::train()]));
    let (status, answer) = get(&api, "/api/admin/clusters/clst01");
    assert_eq!((status, &answer["data"]["name"]), (200, &"train".into()));
    let (status, page) = get(&api, "/api/admin/clusters?search=job+2&limit=4&offset=2");
    assert_eq!((status, &page["total_count"]), (200, &6.into()));
    assert_eq!(page["data"].as_array().unwrap().len(), 4);
    let (_, page) = get(&api, "/api/admin/clusters");
    assert_eq!(page["data"].as_array().unwrap().len(), 20);
    assert_eq!(get(&api, "/api/admin/clusters?limit=101").0, 422);
    assert_eq!(get(&api, "/api/admin/clusters/nowhere").0, 404);
    assert_eq!(api.requests().len(), 5);
}

#[test]
fn the_api_gives_prepared_replies() {
    let api = Api::serving([cluster::train()]);
    api.fails_with([Reply::detail(503, "busy").header("retry-after", "1")]);
    let (status, head, _) = call(&api, "GET", "/api/admin/clusters/clst01", "");
    assert!(status == 503 && head.contains("retry-after: 1"), "{head}");
    assert_eq!(get(&api, "/api/admin/clusters/clst01").0, 200);
    api.replies_on("/api/admin/clusters/clst01/x", Reply::new(201, "{}"));
    assert_eq!(call(&api, "POST", "/api/admin/clusters/clst01/x", "{\"a\":1}").0, 201);
    assert_eq!(api.requests()[2].body, "{\"a\":1}");
}

#[test]
fn an_sshd_says_which_node_it_is() {
    needs!("sshd");
    let sandbox = Sandbox::new();
    let key = sandbox.ssh_key(".ssh/id_ed25519");
    let sshd = Sshd::of(&sandbox, "node-7").at("127.0.1.7").lets_in(&key).start();
    let config = sandbox.write(
        "config",
        format!(
            "Host x\nHostName {}\nPort {}\nIdentityFile {}\nStrictHostKeyChecking accept-new\nUserKnownHostsFile {}\n",
            sshd.address,
            sshd.port,
            key.display(),
            sandbox.path("known_hosts").display()
        ),
    );
    assert_eq!(ssh::node_at(&config, "x"), "node-7");
    assert_eq!(Resolved::of(&config, "x").get("hostname"), Some("127.0.1.7"));
    assert!(sshd.log().contains("Accepted publickey"), "{}", sshd.log());
}

#[test]
fn in_namespaces_one_address_is_two_machines() {
    needs!("namespaces");
    let sandbox = Sandbox::new();
    let (client, a, b) = (Namespace::new(), Namespace::new(), Namespace::new());
    client.link("a", "198.18.1.1/24", &a, "198.18.1.2/24");
    client.link("b", "198.18.2.1/24", &b, "198.18.2.2/24");
    a.address("10.0.0.11/32");
    b.address("10.0.0.11/32");
    let _a = Sshd::of(&sandbox, "a").at("10.0.0.11").inside(&a).start();
    let _b = Sshd::of(&sandbox, "b").at("10.0.0.11").inside(&b).start();
    let key_seen_from = |namespace: &Namespace| {
        let mut scan = namespace.command("ssh-keyscan");
        process::run(scan.args(["-T", "5", "10.0.0.11"]), b"").stdout
    };
    let (key_of_a, key_of_b) = (key_seen_from(&a), key_seen_from(&b));
    assert!(key_of_a.contains("ssh-ed25519") && key_of_b.contains("ssh-ed25519"));
    assert_ne!(key_of_a, key_of_b);
    assert_eq!(key_seen_from(&client), "");
}
