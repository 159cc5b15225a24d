//! List Clusters: pages, and rows that are none.

use std::fmt::Write;

use prime_ssh::api::error::ApiError;
use prime_ssh::api::list::Listed;
use prime_ssh::failure::Kind;

use super::server::{Reply, Server, json, refusal};
use super::{client, run, told};
use crate::support::snapshot::Transcript;

/// A page of these clusters, named as their number says.
fn page(numbers: impl IntoIterator<Item = usize>) -> Reply {
    page_of(0, numbers)
}

/// The same, of a list that says that it has so many in all.
fn page_of(total: usize, numbers: impl IntoIterator<Item = usize>) -> Reply {
    let mut rows = String::new();
    for number in numbers {
        let comma = if rows.is_empty() { "" } else { "," };
        write!(
            rows,
            r#"{comma}{{"id": "c{number}", "name": "n{number}", "status": "ACTIVE",
                "vaultEnabled": true, "teamId": null, "createdAt": "2026-08-01T00:00:00Z"}}"#
        )
        .unwrap();
    }
    json(format!(r#"{{"total_count": {total}, "offset": 0, "limit": 100, "data": [{rows}]}}"#))
}

fn list(server: &Server, search: Option<&str>) -> Result<Vec<Listed>, ApiError> {
    run(client(server).clusters(search))
}

#[test]
fn all_pages_are_read_until_a_short_one() {
    let server = Server::new([page(0..100), page(100..200), page(200..250)]);
    let listed = list(&server, None).unwrap();
    assert!(listed.iter().map(|row| row.id.clone()).eq((0..250).map(|n| format!("c{n}"))));
    assert_eq!(
        server.lines(),
        [
            "GET /api/admin/clusters?limit=100&offset=0",
            "GET /api/admin/clusters?limit=100&offset=100",
            "GET /api/admin/clusters?limit=100&offset=200",
        ]
    );
}

#[test]
fn an_empty_page_ends_it_too() {
    let server = Server::new([page(0..100), page([])]);
    assert_eq!(list(&server, None).unwrap().len(), 100);
}

#[test]
fn no_row_comes_twice() {
    // A cluster that was made meanwhile moves the others to the next page.
    let server = Server::new([page(0..100), page(99..150)]);
    assert_eq!(list(&server, None).unwrap().len(), 150);
}

#[test]
fn a_row_is_what_the_api_gave() {
    let row = r#"{"data": [
        {"id": "c1", "name": "a\u001b", "status": "X", "teamId": "t", "vaultEnabled": true,
         "createdAt": "then", "gpuName": "H100", "gpuCount": 8, "controller": {"host": 5}},
        {"id": "c2", "name": "", "vaultEnabled": "yes", "teamId": 5, "gpuCount": -1, "controller": [null]}]}"#;
    let server = Server::new([json(row)]);
    let listed = list(&server, None).unwrap();
    let expected = Listed {
        id: "c1".to_owned(),
        name: "a\u{1b}".to_owned(),
        status: "X".to_owned(),
        team_id: Some("t".to_owned()),
        vault_enabled: true,
        created_at: "then".to_owned(),
        gpu_name: Some("H100".to_owned()),
        gpu_count: 8,
        controller: Some(r#"{"host": 5}"#.to_owned()),
        place: 0,
    };
    assert_eq!(listed[0], expected);
    assert_eq!((listed[1].team_id.as_ref(), listed[1].vault_enabled), (None, false));
    assert_eq!((listed[1].controller.as_deref(), listed[1].place), (Some("[null]"), 1));
}

#[test]
fn a_search_is_encoded() {
    let server = Server::new([page([])]);
    list(&server, Some("a b&limit=1#%é")).unwrap();
    assert_eq!(
        server.lines(),
        ["GET /api/admin/clusters?search=a+b%26limit%3D1%23%25%C3%A9&limit=100&offset=0"]
    );
}

#[test]
fn a_list_that_does_not_turn_pages_is_refused() {
    let server = Server::new([page(0..100), page(0..100)]);
    snapshot!(told(&list(&server, None).unwrap_err()), @"
    4: cannot list the clusters: the list does not end after 100 clusters
    hint: check that `--api-url` names the Prime Intellect API
    ");
}

/// A page is full with a hundred rows, and they may all be of one cluster.
#[test]
fn a_list_of_one_cluster_again_and_again_is_refused() {
    let server = Server::new([page([7; 100]), page([7; 100])]);
    snapshot!(told(&list(&server, None).unwrap_err()), @"
    4: cannot list the clusters: the list does not end after 1 cluster
    hint: check that `--api-url` names the Prime Intellect API
    ");
}

#[test]
fn a_list_without_end_is_refused() {
    let server = Server::new((0..1000).map(|n| page(n * 100..(n + 1) * 100)));
    let error = list(&server, None).unwrap_err();
    snapshot!(error, @"cannot list the clusters: the list does not end after 100000 clusters");
}

#[test]
fn a_list_that_lies_about_its_count_ends_all_the_same() {
    // Too small: it goes on until a page is not full.
    let server = Server::new([page_of(5, 0..100), page_of(5, 100..200), page_of(5, 200..201)]);
    assert_eq!(list(&server, None).unwrap().len(), 201);
    // Too large, beyond all numbers: it ends with the page that is not full.
    let short = || page_of(usize::MAX, 100..101);
    let replies = [page_of(usize::MAX >> 1, 0..100)].into_iter().chain((0..8).map(|_| short()));
    let server = Server::new(replies);
    assert_eq!(list(&server, None).unwrap().len(), 101);
    // None at all, or a word.
    for count in [r#""many""#, "-1", "1.5", "null", "[]"] {
        let row = format!(r#"{{"total_count": {count}, "data": [{{"id": "c1", "name": "n"}}]}}"#);
        let server = Server::new([json(row)]);
        assert_eq!(list(&server, None).unwrap().len(), 1);
    }
}

#[test]
fn pages_are_bounded_one_by_one_and_together() {
    let server = Server::new([page(0..101)]);
    snapshot!(list(&server, None).unwrap_err(), @"cannot list the clusters: page 1 of the list is malformed: 101 rows, and at most 100 were asked for");
    let large = |n: usize| {
        let pad = "x".repeat(120_000);
        let rows: Vec<_> = (n * 100..(n + 1) * 100)
            .map(|n| format!(r#"{{"id": "c{n}", "name": "n", "status": "{pad}"}}"#))
            .collect();
        json(format!(r#"{{"data": [{}]}}"#, rows.join(",")))
    };
    let server = Server::new((0..6).map(large));
    snapshot!(list(&server, None).unwrap_err(), @"cannot list the clusters: the answer is larger than 64 MiB");
}

#[test]
fn a_row_that_names_no_cluster_says_where() {
    let mut told = Transcript::default();
    for row in [
        r#"{"name": "a"}"#,
        r#"{"id": 5, "name": "a"}"#,
        r#"{"id": "c", "name": null}"#,
        r#"{"id": "c", "name": ["a"]}"#,
    ] {
        let server =
            Server::new([json(format!(r#"{{"data": [{{"id": "a", "name": "a"}}, {row}]}}"#))]);
        let error = list(&server, None).unwrap_err();
        assert_eq!(error.failure.kind, Kind::Answer);
        told.add(row, error);
    }
    snapshot!(told, @r#"
    --- {"name": "a"}
    cannot list the clusters: page 1 of the list is malformed: data[1]: missing field `id` at line 1 column 49
    --- {"id": 5, "name": "a"}
    cannot list the clusters: page 1 of the list is malformed: data[1].id: invalid type: integer `5`, expected a string at line 1 column 44
    --- {"id": "c", "name": null}
    cannot list the clusters: page 1 of the list is malformed: data[1].name: invalid type: null, expected a string at line 1 column 60
    --- {"id": "c", "name": ["a"]}
    cannot list the clusters: page 1 of the list is malformed: data[1].name: invalid type: sequence, expected a string at line 1 column 56
    "#);
}

#[test]
fn a_page_that_is_none_says_which() {
    let server = Server::new([page(0..100), json(r#"{"data": [5]}"#)]);
    let error = list(&server, None).unwrap_err();
    assert_eq!(error.failure.kind, Kind::Answer);
    snapshot!(error, @"cannot list the clusters: page 2 of the list is malformed: data[0]: invalid type: integer `5`, expected an object at line 1 column 11");

    let server = Server::new([json("<html>")]);
    snapshot!(list(&server, None).unwrap_err(), @"cannot list the clusters: page 1 of the list is malformed: a web page (HTML) instead of JSON");
    let server = Server::new([json(r#"{"data": null}"#)]);
    assert_eq!(list(&server, None).unwrap_err().failure.kind, Kind::Answer);
}

#[test]
fn a_refused_list() {
    let server = Server::new([refusal(404, r#"{"detail": "Not Found"}"#)]);
    snapshot!(told(&list(&server, None).unwrap_err()), @"
    3: cannot list the clusters: the API does not know it (404 Not Found): Not Found
    hint: check that `--api-url` names the Prime Intellect API
    ");
}
