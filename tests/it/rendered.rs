//! Whole fragments, as they are read and compared by people, and the README's word on them.

use std::time::Duration;

use crate::support::api::Api;
use crate::support::cluster::{self, Cluster, Connection, Node};
use crate::support::process::{self, Background};
use crate::support::sandbox::Sandbox;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// One cluster with everything that a fragment can hold.
fn everything() -> Cluster {
    Cluster::new("clst02", "Llama 3 {run}")
        .node(Node::control("n0", "Head", "203.0.113.10").user("admin"))
        .node(Node::worker("n1", "node-10", "10.0.0.11").port(2222))
        .node(Node::worker("n2", "node-2", "fd00::2"))
        .node(Node::worker("n3", "spare", "worker-3.example.com"))
        .node(
            Node::worker("n4", "spare", "worker-4.example.com")
                .connection(Connection::to("worker-4.example.com").with("port", 2200)),
        )
}

#[test]
fn a_fragment_with_all_that_it_can_hold() {
    let sandbox = Sandbox::new();
    sandbox.write("cluster.json", everything().answer());
    sandbox.write("my keys/id", "");
    let ran = sandbox
        .prime_ssh(["config", "--input", "cluster.json", "--identity-file", "~/my keys/id"])
        .args(["--certificate-file", "~/id-cert.pub", "--known-hosts", "~/known"])
        .args(["--host-keys", "strict", "--prefix", "gpu", "--ssh-option", "connecttimeout=5"])
        .run();
    snapshot!(ran.succeeds());
}

#[test]
fn the_output_in_the_readme_is_the_programs() {
    let readme = std::fs::read_to_string(format!("{ROOT}/README.md")).unwrap();
    let input = format!("{ROOT}/examples/cluster.json");
    let printed = Sandbox::new().prime_ssh(["config", "--input", &input]).run().succeeds();
    assert!(readme.contains(&format!("/cluster.json\n{printed}```\n")), "{printed}");
}

#[test]
fn interrupted_it_leaves_the_file_as_it_was() {
    let api = Api::slow([cluster::train()], Duration::from_secs(20));
    let sandbox = Sandbox::new();
    let file = sandbox.write("out/train.conf", "# as it was\n");
    let mut command =
        sandbox.prime_ssh(["config", "train", "-o", "out/train.conf"]).asking(&api).into_command();
    let mut running = Background::start(&mut command);
    process::until("it has asked", || !api.requests().is_empty());
    let interrupt =
        process::command("kill").args(["-INT", &running.id().to_string()]).status().unwrap();
    assert!(interrupt.success());
    process::until("it has ended", || running.has_ended());
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "# as it was\n");
    assert_eq!(std::fs::read_dir(file.parent().unwrap()).unwrap().count(), 1);
}
