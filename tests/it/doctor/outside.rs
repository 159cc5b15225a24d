//! What is around: the token, the API, its clock, ssh, the shell.

use std::fs;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::{User, chmod};
use crate::support::api::{Api, Reply};
use crate::support::cluster::{self, Cluster, Node};
use crate::support::sandbox::TOKEN;

const LIST: &str = "/api/admin/clusters";

#[test]
fn the_token_is_named_by_where_it_stands() {
    needs!("ssh");
    let user = User::healthy();
    let settings = user.path(".prime/config.json");
    let words = format!("from {}; the API accepts it", settings.display());
    user.doctor().finding("token", "ok", &words);
    let doctor = || user.program(["doctor", "--format=json"]);
    let report = user.examined(doctor().env("PRIME_API_KEY", TOKEN));
    report.finding("token", "ok", "from PRIME_API_KEY; the API accepts it");
    let file = user.write("token", TOKEN);
    let report = user.examined(doctor().arg("--token-file").arg(&file));
    let words = format!("from {} (--token-file); the API accepts it", file.display());
    report.finding("token", "ok", &words);

    let report = user.examined(doctor().env("PRIME_API_KEY", "of-yesterday"));
    let finding = report.finding("token", "wrong", "the API rejected the token");
    assert!(finding["advice"].as_str().unwrap().contains("create a new token"), "{finding}");
    assert!(!report.ran.stdout.contains("of-yesterday"));
    report.finding("api", "ok", "answers");
    report.finding("clusters", "note", "prime.train was not compared");

    let report = user.examined(doctor().arg("--token-file").arg("missing"));
    report.finding("token", "wrong", "cannot read missing");
    fs::write(&settings, "{\"api_key\": ").unwrap();
    let report = user.doctor();
    report.finding("token", "wrong", "is damaged at line 1");
    fs::remove_file(&settings).unwrap();
    // What is installed was asked for with a token.
    user.doctor().finding("token", "wrong", "no API token");
}

#[test]
fn a_token_that_others_can_read() {
    needs!("ssh");
    let user = User::healthy();
    let settings = user.path(".prime/config.json");
    chmod(&settings, 0o644);
    assert_eq!(user.doctor().of("token", ""), Vec::<&Value>::new(), "the home folder is closed");
    chmod(user.home(), 0o755);
    user.is_cured("token", "warning", "others on this machine can read the token");
}

#[test]
fn an_api_that_is_not_there_or_not_well() {
    needs!("ssh");
    let user = User::healthy();
    let doctor = || user.program(["doctor", "--format=json"]);
    user.api.replies_on(LIST, Reply::detail(500, "oops"));
    let report = user.doctor();
    report.finding("api", "wrong", "the API failed (500 Internal Server Error): oops");
    report.finding("token", "note", "not tried");
    report.finding("clusters", "note", "its API could not be asked");
    report.finding("hosts", "ok", "ssh resolves every name as expected");
    let report = user.examined(doctor().args(["--api-url", "http://127.0.0.1:1"]));
    let finding = report.finding("api", "wrong", "cannot connect to http://127.0.0.1:1");
    assert!(finding["advice"].is_string(), "{finding}");
    let report = user.examined(doctor().env("PRIME_API_BASE_URL", "nonsense"));
    report.finding("api", "wrong", "PRIME_API_BASE_URL");
}

#[test]
fn a_slow_api_does_not_hold_us_up() {
    needs!("ssh");
    let user = User::healthy();
    let slow = Api::slow([cluster::train()], Duration::from_secs(20)).may_be_idle();
    let doctor = user.program(["doctor", "--format=json", "--timeout=1s"]);
    let report = user.examined(doctor.env("PRIME_API_BASE_URL", slow.url()));
    report.finding("api", "wrong", "no answer within 1s");
    assert!(report.ran.took < Duration::from_secs(15), "{:?}", report.ran.took);
}

#[test]
fn a_clock_that_goes_wrong() {
    needs!("ssh");
    let user = User::healthy();
    let rows = json!({"data": [], "total_count": 0, "offset": 0, "limit": 1, "status": "success"});
    let ahead = |seconds: i64| {
        let now = SystemTime::now();
        let offset = Duration::from_secs(seconds.unsigned_abs());
        let date = if seconds < 0 { now - offset } else { now + offset };
        Reply::new(200, rows.to_string()).header("date", &httpdate::fmt_http_date(date))
    };
    // By how much the API's clock is ahead. Before it is asked, almost a minute may pass on a busy
    // machine: no row is close to a limit (30 and 600 seconds), or depends on less than an hour.
    for (seconds, state, words) in [
        (25, "ok", "agrees with the API's"),
        (300, "warning", "behind the API's, and certificates depend on it"),
        (-4 * 3600 - 30, "wrong", "this machine's clock is 4 h"),
    ] {
        // The list comes first.
        user.api.fails_with([ahead(seconds)]);
        user.doctor().finding("clock", state, words);
    }
}

#[test]
fn installed_clusters_that_are_not_as_the_api_says() {
    needs!("ssh");
    let user = User::healthy();
    let later = cluster::train().node(Node::worker("pod3", "node-3", "10.0.0.13"));
    user.api.now_serves([later.clone()]);
    user.is_cured("clusters", "warning", "prime.train is out of date: 1 host added");
    user.api.now_serves([Cluster::new("clst01", "train")]);
    let report = user.doctor();
    report.finding("clusters", "warning", "no node has a usable connection");
    // Each value that is refused, not only that there are some.
    user.api.now_serves([cluster::train().node(Node::worker("pod4", "node-4", "a b"))]);
    let report = user.doctor();
    report.finding("clusters", "warning", "data.nodes[3].connections[0].host");
    user.api.now_serves([later.with("terminatedAt", "2026-08-02T00:00:00Z")]);
    user.is_cured("clusters", "wrong", "prime.train was terminated");
    user.doctor().finding("files", "ok", "no cluster is installed");

    let user = User::healthy();
    user.api.now_serves([]);
    user.is_cured("clusters", "wrong", "the API does not know prime.train any more");

    let user = User::with_api([cluster::train()]);
    let install = user.program(["install", "--input", "-"]);
    install.stdin(cluster::train().answer()).run().succeeds();
    let report = user.doctor();
    report.finding("clusters", "note", "it was installed from standard input");
    report.finding("hosts", "ok", "4 of 4 checked");
}

#[test]
fn clusters_of_another_context_are_asked_for_there() {
    needs!("ssh");
    let user = User::healthy();
    let eval = Cluster::new("clst02", "eval").node(Node::control("p", "n", "203.0.113.7"));
    let other = Api::serving([eval]);
    let keys = json!({"api_key": TOKEN, "base_url": other.url()});
    user.write(".prime/environments/work.json", keys.to_string());
    user.run(&["install", "eval", "--context", "work"]).succeeds();
    let report = user.doctor();
    report.finding("token", "ok", "of context work, from");
    report.finding("api", "ok", &other.url());
    report.finding("api", "ok", &user.api.url());
    report.finding("clusters", "ok", "prime.eval is up to date with the API: 1 host");
    drop(other);
    let report = user.doctor();
    report.finding("clusters", "ok", "prime.train is up to date with the API: 3 hosts");
    report.finding("clusters", "note", "prime.eval was not compared: its API could not be asked");
}

#[test]
fn an_ssh_that_is_too_old_or_none() {
    needs!("ssh");
    let user = User::healthy();
    for (script, state, words) in [
        ("echo OpenSSH_7.6p1, OpenSSL 1.0.2n >&2", "ok", "supports everything that our files use"),
        (
            "echo OpenSSH_7.5p1, OpenSSL 1.0.2n >&2",
            "wrong",
            "ssh is OpenSSH_7.5p1 here, and these files need",
        ),
        ("echo SomeSSH_1.0 >&2", "note", "not an OpenSSH of a known version: SomeSSH_1.0"),
        ("echo broken library >&2; exit 127", "wrong", "ssh does not work: broken library"),
    ] {
        user.script("bin/ssh", format!("#!/bin/sh\n{script}\n"));
        let bin = user.path("bin");
        let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
        let report = user.examined(user.program(["doctor", "--format=json"]).env("PATH", path));
        report.finding("ssh", state, words);
    }
    let report = user.examined(user.program(["doctor", "--format=json"]).env("PATH", "/nowhere"));
    report.finding("ssh", "wrong", "there is no ssh on PATH");
    assert_eq!(report.of("hosts", ""), Vec::<&Value>::new());
}

#[test]
fn a_shell_that_runs_nothing() {
    needs!("ssh");
    let user = User::healthy();
    let doctor =
        |shell: &str| user.examined(user.program(["doctor", "--format=json"]).env("SHELL", shell));
    let report = doctor("/bin/false");
    let finding =
        report.finding("shell", "wrong", "SHELL is /bin/false, which does not run commands");
    assert_eq!(finding["command"], "export SHELL=/bin/sh");
    doctor("/nowhere").finding("shell", "wrong", "cannot be started");
    doctor("/bin/sh").finding("shell", "ok", "runs the commands of ssh");
    // Where nothing jumps and nothing is renewed, ssh needs none.
    let user = User::with_api([Cluster::new("clst01", "solo").node(Node::control(
        "pod0",
        "n",
        "203.0.113.10",
    ))]);
    user.run(&["install", "solo"]).succeeds();
    let doctor = user.program(["doctor", "--format=json"]).env("SHELL", "/bin/false");
    assert_eq!(user.examined(doctor).of("shell", ""), Vec::<&Value>::new());
}
