//! What the remarks between the commands of a `console` block say: it happens.

use super::reader::{Reader, example};
use crate::support::api::Reply;
use crate::support::cluster::{Cluster, Node};

/// Makes it happen. What is wrong with it; empty where nothing is.
pub fn happens(reader: &mut Reader, what: &str) -> String {
    if let Some(what) = what.strip_prefix("an hour later, ") {
        reader.an_hour_passes();
        return happens(reader, what);
    }
    match what {
        "the quick start is done" => reader.has_read_the_quick_start(),
        "node-3 is added" => {
            reader.machine("node-3");
            reader.api.now_serves([example().node(node_3())]);
        }
        "node-3 is terminated" => {
            let gone = node_3().with("status", "TERMINATED").with("terminatedAt", NOON);
            reader.api.now_serves([example().node(gone)]);
        }
        "train is terminated, and created again on other machines" => {
            for node in ["node-0", "node-1", "node-2"] {
                reader.machine(node);
            }
            let gone = example().with("status", "TERMINATED").with("terminatedAt", NOON);
            reader.api.now_serves([gone, example_created_again()]);
        }
        "the new train takes certificates only, which last for 8 hours" => {
            reader.takes_certificates_only(example_created_again());
        }
        "the cluster takes certificates only" => reader.takes_certificates_only(example()),
        "a cluster that takes keys" => reader.takes_keys(),
        "the certificate expires" => reader.certificate_expires(),
        "the work is done" => {}
        "the API is down" => {
            reader.api.fails_with([(); 3].map(|()| Reply::detail(503, "Service unavailable")));
        }
        "node-1 is replaced by another machine at its address" | "node-1 is reinstalled" => {
            reader.machine("node-1");
        }
        _ => return format!("nobody knows how this happens: {what}"),
    }
    String::new()
}

const NOON: &str = "2026-08-02T12:00:00Z";

fn node_3() -> Node {
    Node::worker("pod03", "node-3", "10.0.0.13")
}

/// A cluster of the same name and addresses, and nothing else of the old one.
fn example_created_again() -> Cluster {
    Cluster::new("clst02", "train")
        .node(Node::control("pod10", "node-0", "203.0.113.10"))
        .node(Node::worker("pod11", "node-1", "10.0.0.11"))
        .node(Node::worker("pod12", "node-2", "10.0.0.12").port(2222))
}
