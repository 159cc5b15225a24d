//! Whole answers: names, order, jumps, what is skipped and what is refused.

use serde_json::{Value, json};

use super::*;
use crate::name::{Slug, id_part};
use crate::text::digest;

/// A connection with the fields that every one needs.
fn connection(host: &str, control: bool) -> Value {
    json!({"podId": format!("pod-{}", digest::hex(host, 4)), "host": host, "user": "ubuntu", "isControlNode": control})
}

fn node(id: &str, name: &str, connections: &[Value]) -> Value {
    json!({"id": id, "name": name, "status": "ACTIVE", "connections": connections})
}

fn cluster(id: &str, name: &str, nodes: &[Value]) -> String {
    json!({"data": {"id": id, "name": name, "nodes": nodes}}).to_string()
}

fn resolve_all<'a>(answers: &'a [String], options: &Options) -> Vec<ResolvedCluster<'a>> {
    resolve(answers.iter().map(|text| CheckedCluster::of(text, "test").unwrap()).collect(), options)
}

/// The last parts of the aliases, in order, of an answer with nothing wrong in it.
fn names(nodes: &[Value]) -> Vec<String> {
    let answer = [cluster("c1", "train", nodes)];
    let resolved = resolve_all(&answer, &Options::default()).remove(0);
    assert_eq!(resolved.refusals, []);
    resolved.fleet.unwrap().hosts.iter().map(|host| host.name.to_string()).collect()
}

fn refused(answer: &str) -> Vec<String> {
    let answer = [answer.to_owned()];
    let resolved = resolve_all(&answer, &Options::default()).remove(0);
    resolved.refusals.iter().map(ToString::to_string).collect()
}

fn jumping(nodes: &[Value], options: &Options) -> Vec<(String, bool)> {
    let answer = [cluster("c1", "train", nodes)];
    let fleet = resolve_all(&answer, options).remove(0).fleet.unwrap();
    fleet.hosts.iter().map(|host| (host.name.to_string(), host.jumps)).collect()
}

#[test]
fn control_nodes_first_then_natural_order() {
    let nodes = [
        node("a", "node-10", &[connection("203.0.113.10", false)]),
        node("b", "node-2", &[connection("203.0.113.2", false)]),
        node("c", "head", &[connection("203.0.113.1", true)]),
    ];
    assert_eq!(names(&nodes), ["head", "node-2", "node-10"]);
    let mut turned = nodes.clone();
    turned.reverse();
    assert_eq!(names(&turned), names(&nodes));
}

#[test]
fn nodes_that_collide_all_get_their_id_part_in_any_order() {
    let mut nodes = vec![
        node("a", "GPU node", &[connection("203.0.113.1", false)]),
        node("b", "gpu-node", &[connection("203.0.113.2", false)]),
        node("c", "other", &[connection("203.0.113.3", false)]),
    ];
    let mut expected = vec![
        format!("gpu-node-{}", id_part("a")),
        format!("gpu-node-{}", id_part("b")),
        "other".into(),
    ];
    expected.sort();
    for _ in 0..3 {
        let mut found = names(&nodes);
        found.sort();
        assert_eq!(found, expected);
        nodes.rotate_left(1);
    }
}

#[test]
fn further_connections_are_told_apart_by_role_or_by_hash() {
    let with_role = |host: &str, port: u16, role: &str| {
        let mut connection = connection(host, false);
        connection["port"] = json!(port);
        connection["role"] = json!(role);
        connection
    };
    let nodes = [
        node(
            "a",
            "n",
            &[
                with_role("203.0.113.1", 2222, "jupyter"),
                with_role("203.0.113.1", 22, "shell"),
                with_role("203.0.113.1", 2223, "shell"),
                with_role("203.0.113.1", 22, "shell"),
            ],
        ),
        node("b", "n-taken", &[connection("203.0.113.2", false)]),
        node(
            "c",
            "m",
            &[
                with_role("203.0.113.3", 22, "x"),
                with_role("203.0.113.3", 23, "y"),
                with_role("203.0.113.3", 24, "y"),
            ],
        ),
        node("d", "n-jupyter", &[connection("203.0.113.4", false)]),
    ];
    let endpoint = |host: &str, port: u16| digest::hex(format!("{host}\n{port}\nubuntu"), 8);
    let mut expected = vec![
        "n".to_owned(),
        // `n-jupyter` is another node's name, and `shell` is what the main connection is too.
        format!("n-{}", endpoint("203.0.113.1", 2222)),
        format!("n-{}", endpoint("203.0.113.1", 2223)),
        "n-taken".into(),
        "n-jupyter".into(),
        "m".into(),
        format!("m-{}", endpoint("203.0.113.3", 23)),
        format!("m-{}", endpoint("203.0.113.3", 24)),
    ];
    expected.sort();
    let mut found = names(&nodes);
    found.sort();
    assert_eq!(found, expected);
    let free = [node(
        "a",
        "n",
        &[with_role("203.0.113.1", 22, "shell"), with_role("203.0.113.1", 23, "Jupyter Lab")],
    )];
    assert_eq!(names(&free), ["n", "n-jupyter-lab"]);
}

#[test]
fn nodes_cannot_take_every_name_of_a_neighbors_connection() {
    let mut second = connection("203.0.113.1", false);
    second["port"] = json!(23);
    let endpoint = "203.0.113.1\n23\nubuntu";
    let mut sly = vec![format!("n-{}", digest::hex(endpoint, 8))];
    sly.extend(
        (2..8).map(|level| format!("n-{}", digest::hex(format!("a\n{endpoint}"), level * 8))),
    );
    let mut nodes = vec![node("a", "n", &[connection("203.0.113.1", false), second])];
    for (at, name) in sly.iter().enumerate() {
        let host = format!("203.0.113.{}", at + 2);
        nodes.push(node(&format!("b{at}"), name, &[connection(&host, false)]));
    }
    let found = names(&nodes);
    let different: std::collections::HashSet<_> = found.iter().collect();
    assert_eq!((found.len(), different.len()), (9, 9), "{found:?}");
    // The name that holds the whole hash is the connection's own; who asked for it is cut.
    assert!(found.contains(&sly[6]));
    assert!(found.iter().any(|name| name.ends_with(&id_part("b6"))), "{found:?}");
}

#[test]
fn the_control_connection_is_the_main_one() {
    let mut second = connection("203.0.113.1", true);
    second["port"] = json!(2222);
    let nodes = [node("a", "n", &[connection("203.0.113.1", false), second])];
    let answer = [cluster("c", "train", &nodes)];
    let fleet = resolve_all(&answer, &Options::default()).remove(0).fleet.unwrap();
    let main = fleet.hosts.iter().find(|host| host.name.as_str() == "n").unwrap();
    assert_eq!((main.port.get(), main.control), (2222, true));
    assert_eq!(fleet.entry().unwrap().name.as_str(), "n");
}

#[test]
fn clusters_of_one_name_all_get_their_id_part() {
    let one = |id| cluster(id, "Train", &[node("n", "n", &[connection("203.0.113.1", true)])]);
    let answers = [one("c1"), one("c2")];
    let found: Vec<String> = resolve_all(&answers, &Options::default())
        .into_iter()
        .map(|resolved| resolved.fleet.unwrap().alias())
        .collect();
    let mut expected =
        [format!("prime.train-{}", id_part("c1")), format!("prime.train-{}", id_part("c2"))];
    expected.sort();
    assert_eq!(found, expected);
}

#[test]
fn a_recorded_name_stays_and_the_newcomer_moves() {
    let one = |id| cluster(id, "train", &[node("n", "n", &[connection("203.0.113.1", true)])]);
    let answers = [one("c1"), one("c2")].map(String::leak);
    let clusters = answers.map(|text| CheckedCluster::of(text, "test").unwrap());
    let recorded = [("c2".parse().unwrap(), "train".parse().unwrap())];
    let names = name_clusters(&clusters.iter().collect::<Vec<_>>(), &recorded);
    let names = names.into_iter().map(|name| name.unwrap().to_string()).collect::<Vec<_>>();
    assert_eq!(names, [format!("train-{}", id_part("c1")), "train".to_owned()]);
}

#[test]
fn workers_at_private_places_jump_through_the_first_public_control_node() {
    let nodes = [
        node("a", "head-1", &[connection("10.0.0.1", true)]),
        node("b", "head-2", &[connection("203.0.113.2", true)]),
        node("c", "w-1", &[connection("10.0.0.3", false)]),
        node("d", "w-2", &[connection("203.0.113.4", false)]),
    ];
    let answer = [cluster("c1", "train", &nodes)];
    let resolved = resolve_all(&answer, &Options::default()).remove(0);
    let fleet = resolved.fleet.unwrap();
    assert_eq!(fleet.jump, Some(Jump::ControlNode("head-2".parse().unwrap())));
    let jumps: Vec<_> = fleet.hosts.iter().map(|h| (h.name.as_str(), h.jumps)).collect();
    assert_eq!(jumps, [("head-1", false), ("head-2", false), ("w-1", true), ("w-2", false)]);
    assert!(
        resolved.notes.iter().any(|note| note.contains("head-1: at a private address")),
        "{:?}",
        resolved.notes
    );

    let options = |jump| Options { jump: Some(jump), ..Options::default() };
    let all = jumping(&nodes, &options(JumpMode::Always));
    assert_eq!(all.iter().filter(|(_, jumps)| *jumps).count(), 2);
    assert!(jumping(&nodes, &options(JumpMode::Never)).iter().all(|(_, jumps)| !jumps));
}

#[test]
fn always_needs_a_control_node_and_a_named_jump_host_that_is_not_ours() {
    let nodes = [node("a", "w-1", &[connection("203.0.113.1", false)])];
    let answer = [cluster("c1", "train", &nodes)];
    let mut options = Options { jump: Some(JumpMode::Always), ..Options::default() };
    let why = |options: &Options| resolve_all(&answer, options).remove(0).fleet.unwrap_err();
    assert_eq!(why(&options), NoFleet::NoControlNode);
    for ours in
        ["prime.train", "prime.train.w-1", "prime.train.x", "203.0.113.1", "a@203.0.113.1:22"]
    {
        options.jump_via = Some(ours.parse().unwrap());
        assert!(matches!(why(&options), NoFleet::BadJumpHost(_)), "{ours}");
    }
    options.jump_via = Some("me@bastion:2222".parse().unwrap());
    assert_eq!(jumping(&nodes, &options), [("w-1".to_owned(), true)]);
}

#[test]
fn a_host_that_others_jump_through_stays_for_that_only() {
    let nodes = [
        node("a", "head", &[connection("203.0.113.1", true)]),
        node("b", "w-1", &[connection("10.0.0.1", false)]),
        node("c", "w-2", &[connection("10.0.0.2", false)]),
    ];
    let answer = [cluster("c1", "train", &nodes)];
    let node = vec![glob::Pattern::new("*-1").unwrap()];
    let filter = HostFilter { node, ..HostFilter::default() };
    let selection = Selection { filter, ..Selection::default() };
    let options = Options { selection, ..Options::default() };
    let fleet = resolve_all(&answer, &options).remove(0).fleet.unwrap();
    let kept: Vec<_> = fleet.hosts.iter().map(|h| (h.name.as_str(), h.jump_only)).collect();
    assert_eq!(kept, [("head", true), ("w-1", false)]);
    assert_eq!(fleet.entry().unwrap().name.as_str(), "head");

    let filter = HostFilter { role: Some("nobody".into()), ..HostFilter::default() };
    let selection = Selection { filter, ..Selection::default() };
    let options = Options { selection, ..Options::default() };
    assert_eq!(
        resolve_all(&answer, &options).remove(0).fleet.unwrap_err(),
        NoFleet::NoneSelected { roles: Vec::new() }
    );
}

#[test]
fn what_left_the_cluster_is_skipped_with_whatever_is_wrong_with_it() {
    let mut gone = node("a", "n-1", &[connection("bad host", false)]);
    gone["terminatedAt"] = json!("2026-08-02T00:00:00Z");
    let mut detached = node("b", "n-2", &[connection("203.0.113.2", false)]);
    detached["isDetached"] = json!(true);
    let mut pending = node("c", "n-3", &[]);
    pending["installationProgress"] = json!(40);
    let nodes = [gone, detached, pending, node("d", "n-1", &[connection("203.0.113.4", true)])];
    let answer = [cluster("c1", "train", &nodes)];
    let resolved = resolve_all(&answer, &Options::default()).remove(0);
    assert_eq!(resolved.refusals, []);
    assert_eq!(
        resolved.skip_notes(),
        [
            "train (c1): skipped n-1: terminated",
            "train (c1): skipped n-2: detached from the cluster",
            "train (c1): skipped n-3: no connection yet, status ACTIVE, installation progress 40",
        ]
    );
    let fleet = resolved.fleet.unwrap();
    assert_eq!((fleet.hosts.len(), fleet.active_nodes), (1, 2));
    let mut options = Options::default();
    options.selection.include_inactive = true;
    let resolved = resolve_all(&answer, &options).remove(0);
    assert_eq!(resolved.refusals.len(), 1);
    // The node that is still in the cluster keeps the plain name.
    let fleet = resolved.fleet.unwrap();
    assert_eq!(fleet.entry().unwrap().name.as_str(), "n-1");
    assert_eq!(fleet.hosts.len(), 2);
}

#[test]
fn every_refusal_has_its_path_and_all_are_told() {
    let answer = json!({"data": {"id": "c/1", "name": "{{ x }}", "gpuCount": -1, "vaultEnabled": "yes", "nodes": [
        {"id": "a", "name": "n\u{202e}", "status": "ACTIVE", "connections": [
            {"podId": "p", "host": "10.0.0.5\n  ProxyCommand x", "user": "-l", "port": "22", "isControlNode": 1},
            {"host": 5, "user": null, "port": 65536},
        ]},
        {"name": null, "connections": [{"podId": "p", "host": "203.0.113.1", "user": "u", "port": 0}]},
    ]}});
    assert_eq!(
        refused(&answer.to_string()),
        [
            r#"data.id: "c/1": `/` is not allowed in an id"#,
            r#"data.name: "{{ x }}": a Jinja marker, which Ansible would run"#,
            "data.gpuCount: -1: not a valid count",
            r#"data.vaultEnabled: "yes": neither true nor false"#,
            r#"data.nodes[0].name: "n\u{202e}": a character that changes the direction of text"#,
            r#"data.nodes[0].connections[0].host: "10.0.0.5\n  ProxyCommand x": control character"#,
            r#"data.nodes[0].connections[0].port: "22": not a whole number"#,
            r#"data.nodes[0].connections[0].user: "-l": a user name cannot start with `-`"#,
            "data.nodes[0].connections[0].isControlNode: 1: neither true nor false",
            "data.nodes[0].connections[1].podId: missing",
            "data.nodes[0].connections[1].host: 5: not a string",
            "data.nodes[0].connections[1].port: 65536: not a port: 1 to 65535",
            "data.nodes[0].connections[1].user: missing",
            "data.nodes[1].id: missing",
            "data.nodes[1].name: missing",
            "data.nodes[1].connections[0].port: 0: not a port: 1 to 65535",
        ]
    );
}

#[test]
fn refusals_beyond_a_thousand_are_counted_only() {
    let answer = [json!({"id": "c", "name": "x", "nodes": vec![json!({}); 5000]}).to_string()];
    let resolved = resolve_all(&answer, &Options::default()).remove(0);
    // Each lacks an id and a name.
    assert_eq!((resolved.refusals.len(), resolved.more_refused), (1000, 9000));
    assert_eq!(resolved.notes, [""; 0]);
}

#[test]
fn a_bare_answer_has_bare_paths() {
    let answer =
        json!({"id": "c", "name": "train", "nodes": [{"id": "", "name": "n"}]}).to_string();
    assert_eq!(refused(&answer), [r#"nodes[0].id: "": empty"#]);
}

#[test]
fn ids_that_known_hosts_would_take_for_one_are_refused_all() {
    let with_pod = |host: &str, pod: &str| {
        let mut connection = connection(host, false);
        connection["podId"] = json!(pod);
        connection
    };
    let nodes = [
        node("a", "n-1", &[with_pod("203.0.113.1", "pod-A")]),
        node("b", "n-2", &[with_pod("203.0.113.2", "pod-a"), with_pod("203.0.113.3", "pod-b")]),
        node("C", "n-3", &[with_pod("203.0.113.4", "pod-c")]),
        node("c", "n-4", &[with_pod("203.0.113.5", "pod-d")]),
        node("d", "n-5", &[with_pod("203.0.113.6", "pod-e"), with_pod("203.0.113.7", "pod-e")]),
    ];
    let answer = cluster("c1", "train", &nodes);
    let paths: Vec<String> =
        refused(&answer).iter().map(|told| told.split(": ").next().unwrap().to_owned()).collect();
    assert_eq!(
        paths,
        [
            "data.nodes[0].connections[0].podId",
            "data.nodes[1].connections[0].podId",
            "data.nodes[2].id",
            "data.nodes[3].id",
        ]
    );
    let answers = [answer];
    let fleet = resolve_all(&answers, &Options::default()).remove(0).fleet.unwrap();
    // The connection that is left of n-2 is its main one now.
    assert!(fleet.hosts.iter().any(|host| host.name.as_str() == "n-2"));
    assert_eq!(fleet.hosts.len(), 3);
}

#[test]
fn a_machine_is_not_the_port_of_another() {
    let at = |pod: &str, port: u16| json!({"podId": pod, "host": "203.0.113.1", "user": "ubuntu", "port": port});
    let key_names = |connections: &[Value]| -> Vec<String> {
        let answers = [cluster("c1", "train", &[node("a", "n-1", connections)])];
        let fleet = resolve_all(&answers, &Options::default()).remove(0).fleet.unwrap();
        fleet.hosts.iter().map(Host::host_key_alias).collect()
    };
    let servers = [at("x", 22), at("x", 2222), at("x-2222", 23)];
    assert_eq!(key_names(&servers), ["prime-x.22", "prime-x-2222", "prime-x.2222"]);
    assert_eq!(key_names(&servers[1..]), ["prime-x-2222", "prime-x"]);
}

#[test]
fn a_cluster_without_a_usable_host_says_why() {
    let why = |answer: Value| {
        let answers = [answer.to_string()];
        resolve_all(&answers, &Options::default()).remove(0).fleet.unwrap_err()
    };
    assert_eq!(why(json!({"id": "c", "name": "x"})), NoFleet::NoHost);
    assert_eq!(why(json!({"id": "c", "name": "x", "nodes": null})), NoFleet::NoHost);
    assert_eq!(why(json!({"id": "c", "name": "x", "terminatedAt": "2026"})), NoFleet::Terminated);
    assert_eq!(why(json!({"name": "x"})), NoFleet::Refused);
}

#[test]
fn names_that_leave_nothing_come_from_the_id() {
    let nodes = [
        node("a", "", &[connection("203.0.113.1", false)]),
        node("b", "none", &[connection("203.0.113.2", false)]),
        node("c", &"long ".repeat(30), &[connection("203.0.113.3", false)]),
    ];
    for name in names(&nodes) {
        assert!(name.parse::<Slug<'_>>().is_ok());
        assert!(["a", "b", "c"].iter().any(|id| name.ends_with(&id_part(id))), "{name}");
    }
}

#[test]
fn a_long_list_is_checked_to_its_end() {
    for many in [255_u32, 256, 257, 1000] {
        let mut nodes: Vec<Value> = (0..many)
            .map(|at| {
                node(
                    &format!("n{at}"),
                    &format!("node-{at}"),
                    &[connection(&format!("10.0.{}.{}", at / 250, at % 250 + 1), false)],
                )
            })
            .collect();
        let answer = [cluster("c1", "train", &nodes)];
        let fleet = resolve_all(&answer, &Options::default()).remove(0).fleet.unwrap();
        let found: Vec<String> = fleet.hosts.iter().map(|host| host.name.to_string()).collect();
        let expected: Vec<String> = (0..many).map(|at| format!("node-{at}")).collect();
        assert_eq!(found, expected);
        let last = nodes.len() - 1;
        nodes[last]["id"] = json!("");
        let path = format!("data.nodes[{last}].id: \"\": empty");
        assert_eq!(refused(&cluster("c1", "train", &nodes)), [path]);
        let cut = &answer[0][..answer[0].len() - 10];
        assert!(CheckedCluster::of(cut, "test").is_err());
    }
}
