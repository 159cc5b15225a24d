//! From an id or a name to one cluster.

use prime_ssh::api::client::ClusterAnswer;
use prime_ssh::api::error::ApiError;
use prime_ssh::failure::Kind;

use super::server::{Reply, Server, json, refusal};
use super::{client, message, run, told};
use crate::support::snapshot::Transcript;

fn find(server: &Server, selector: &str) -> Result<ClusterAnswer, ApiError> {
    run(client(server).find(selector))
}

fn unknown() -> Reply {
    refusal(404, r#"{"detail": "Cluster not found"}"#)
}

/// A list of these ids and names.
fn list<'a>(rows: impl IntoIterator<Item = (&'a str, &'a str)>) -> Reply {
    let rows: Vec<_> =
        rows.into_iter().map(|(id, name)| serde_json::json!({ "id": id, "name": name })).collect();
    json(serde_json::json!({ "data": rows }).to_string())
}

#[test]
fn an_id_is_one_request() {
    let server = Server::new([json("{}")]);
    let found = find(&server, "clst01").unwrap();
    assert_eq!((found.id.as_str(), found.text.as_str()), ("clst01", "{}"));
    assert_eq!(server.lines(), ["GET /api/admin/clusters/clst01"]);
}

#[test]
fn a_name_is_searched_for() {
    for unknown in [unknown(), refusal(422, r#"{"errors": []}"#)] {
        let server =
            Server::new([unknown, list([("c9", "training"), ("c1", "train")]), json("{}")]);
        assert_eq!(find(&server, "train").unwrap().id, "c1");
        assert_eq!(
            server.lines(),
            [
                "GET /api/admin/clusters/train",
                "GET /api/admin/clusters?search=train&limit=100&offset=0",
                "GET /api/admin/clusters/c1",
            ]
        );
    }
}

#[test]
fn a_name_without_end_is_near_nothing() {
    let long = "train".repeat(1_000_000);
    let rows = [("c1", long.as_str()), ("c2", "training")];
    let selector = "trainin".repeat(100);
    let server = Server::new([unknown(), list([]), list(rows)]);
    let begin = std::time::Instant::now();
    find(&server, &selector).unwrap_err();
    let server = Server::new([unknown(), list([]), list(rows)]);
    let message = message(&find(&server, "trainin").unwrap_err());
    snapshot!(message, @"
    cannot get cluster `trainin`: no cluster has this id or name; similar names:
      training (c2)
    ");
    assert!(begin.elapsed() < std::time::Duration::from_secs(5), "{:?}", begin.elapsed());
}

#[test]
fn an_exact_name_wins_over_case() {
    let rows = [("c1", "Train"), ("c2", "train"), ("c3", "TRAIN")];
    for (selector, id) in [("train", "c2"), ("TRAIN", "c3")] {
        let server = Server::new([unknown(), list(rows), json("{}")]);
        assert_eq!(find(&server, selector).unwrap().id, id);
    }
}

#[test]
fn the_start_of_an_id_is_enough_where_no_other_starts_so() {
    let rows = [("cmf0x8a1b2", "eval"), ("cmf0x8a1zz", "train"), ("0-cmf0x8a1z", "x")];
    let server = Server::new([unknown(), list(rows), json("{}")]);
    assert_eq!(find(&server, "cmf0x8a1z").unwrap().id, "cmf0x8a1zz");
    let server = Server::new([unknown(), list(rows)]);
    let message = message(&find(&server, "cmf0x8a1").unwrap_err());
    assert!(message.contains("eval (cmf0x8a1b2)") && message.contains("train"), "{message}");
    assert!(message.contains("several ids start like this:"), "{message}");
    // Fewer characters may be a name that somebody mistyped.
    let server = Server::new([unknown(), list(rows)]);
    find(&server, "cmf0x8a").unwrap_err();
}

#[test]
fn case_is_passed_over_where_one_is_meant() {
    for (name, selector) in [("Train-A", "tRAIN-a"), ("GRÖSSE", "grösse")] {
        let server = Server::new([unknown(), list([("c1", name)]), json("{}")]);
        assert_eq!(find(&server, selector).unwrap().id, "c1");
    }
}

#[test]
fn an_id_in_the_list_wins_over_a_name() {
    let rows = [("c1", "c2"), ("c2", "other")];
    let server = Server::new([unknown(), list(rows), json("{}")]);
    assert_eq!(find(&server, "c2").unwrap().id, "c2");
}

#[test]
fn several_of_one_name_are_told_by_id() {
    let mut several = Transcript::default();
    for (rows, selector) in [
        ([("c2", "train"), ("c1", "train"), ("c3", "TRAIN")], "train"),
        ([("c2", "train"), ("c1", "train"), ("c3", "TRAINING")], "Train"),
    ] {
        let server = Server::new([unknown(), list(rows)]);
        let error = find(&server, selector).unwrap_err();
        several.add(selector, told(&error));
    }
    snapshot!(several, @"
    --- train
    3: cannot get cluster `train`: several clusters have this name:
      train (c1)
      train (c2)
    hint: give the id instead of the name
    --- Train
    3: cannot get cluster `Train`: several clusters have this name:
      train (c1)
      train (c2)
    hint: give the id instead of the name
    ");
}

#[test]
fn none_is_told_with_the_near_ones() {
    let server = Server::new([unknown(), list([("c2", "training"), ("c1", "pre-train")])]);
    snapshot!(told(&find(&server, "train").unwrap_err()), @"
    3: cannot get cluster `train`: no cluster has this id or name; similar names:
      pre-train (c1)
      training (c2)
    hint: `prime-ssh list` shows ids and names; for a terminated cluster, give its id
    ");
}

#[test]
fn a_mistyped_name_is_told_with_what_it_may_mean() {
    let near = [("c1", "inference"), ("c2", "Train-2"), ("c3", "train"), ("c4", "storage")];
    let server = Server::new([unknown(), list([]), list(near)]);
    let message = message(&find(&server, "trian").unwrap_err());
    snapshot!(message, @"
    cannot get cluster `trian`: no cluster has this id or name; similar names:
      train (c3)
      Train-2 (c2)
    ");
    assert_eq!(server.lines()[2], "GET /api/admin/clusters?limit=100&offset=0");

    for nothing in [list([]), list([("c1", "inference")]), refusal(500, "")] {
        let server = Server::new([unknown(), list([]), nothing]);
        let error = find(&server, "trian").unwrap_err();
        snapshot!(error.to_string(), @"cannot get cluster `trian`: no cluster has this id or name");
    }
}

#[test]
fn ten_near_ones_are_enough() {
    let names: Vec<_> = (10..30).map(|n| (format!("c{n}"), format!("train-{n}\u{1b}"))).collect();
    let rows = names.iter().map(|(id, name)| (id.as_str(), name.as_str()));
    let server = Server::new([unknown(), list(rows)]);
    let message = message(&find(&server, "train").unwrap_err());
    snapshot!(message, @r"
    cannot get cluster `train`: no cluster has this id or name; similar names:
      train-10\u{1b} (c10)
      train-11\u{1b} (c11)
      train-12\u{1b} (c12)
      train-13\u{1b} (c13)
      train-14\u{1b} (c14)
      train-15\u{1b} (c15)
      train-16\u{1b} (c16)
      train-17\u{1b} (c17)
      train-18\u{1b} (c18)
      train-19\u{1b} (c19)
      and 10 more
    ");
}

#[test]
fn what_is_gone_a_moment_later_is_told() {
    let server = Server::new([unknown(), list([("c1", "train")]), unknown()]);
    snapshot!(told(&find(&server, "train").unwrap_err()), @"
    3: cannot get cluster `train`: the list has it (id `c1`), but the API no longer knows it: it may have just been terminated
    hint: try again
    ");
}

#[test]
fn an_id_of_the_list_that_leads_elsewhere_is_refused() {
    for id in ["..", ".", "", "a\nb"] {
        let server = Server::new([unknown(), list([(id, "train")])]);
        let error = find(&server, "train").unwrap_err();
        assert_eq!(error.failure.kind, Kind::Answer, "{id:?}");
    }
}

#[test]
fn other_failures_are_not_taken_for_a_name() {
    for status in [401, 403, 500] {
        let server = Server::new([refusal(status, "")]);
        assert_eq!(find(&server, "train").unwrap_err().failure.kind, Kind::Api);
    }
    let server = Server::new([unknown(), refusal(403, "")]);
    let message = message(&find(&server, "train").unwrap_err());
    snapshot!(message, @"cannot list the clusters: the token lacks the permission (403 Forbidden)");
}

#[test]
fn what_can_be_no_cluster_is_not_asked_for() {
    let (server, mut told) = (Server::new([]), Transcript::default());
    for selector in ["", ".", "..", "a\u{1b}b", "\t..", "a\u{202e}b", &"x".repeat(1025)] {
        let error = find(&server, selector).unwrap_err();
        assert_eq!(error.failure.kind, Kind::Usage, "{selector:?}");
        told.add(selector.get(..40).unwrap_or(selector).escape_debug(), error);
    }
    snapshot!(told);
}

#[test]
fn a_selector_is_one_segment() {
    let server = Server::new([unknown(), list([]), list([]), unknown(), list([]), list([])]);
    assert!(find(&server, "../a?b#c").is_err());
    assert!(find(&server, "my cluster/é").is_err());
    assert_eq!(
        server.lines(),
        [
            "GET /api/admin/clusters/..%2Fa%3Fb%23c",
            "GET /api/admin/clusters?search=..%2Fa%3Fb%23c&limit=100&offset=0",
            "GET /api/admin/clusters?limit=100&offset=0",
            "GET /api/admin/clusters/my%20cluster%2F%C3%A9",
            "GET /api/admin/clusters?search=my+cluster%2F%C3%A9&limit=100&offset=0",
            "GET /api/admin/clusters?limit=100&offset=0",
        ]
    );
}
