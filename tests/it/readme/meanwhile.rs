//! What the remarks between the commands of a `console` block say: it happens.

use super::world::{World, example};
use crate::support::api::Reply;
use crate::support::cluster::{Cluster, Node};

/// Makes it happen. What is wrong with it; empty where nothing is.
pub fn happens(world: &mut World, what: &str) -> String {
    match what {
        "node-3 is added" => world.api.now_serves([with_node_3()]),
        "the cluster takes certificates only" => world.takes_certificates_only(),
        "the certificate expires" => world.certificate_expires(),
        "the API is down" => {
            world.api.fails_with([(); 3].map(|()| Reply::detail(503, "Service unavailable")));
        }
        "node-1 is replaced by another machine at its address" => world.replaces_node_1(),
        _ => return format!("nobody knows how this happens: {what}"),
    }
    String::new()
}

fn with_node_3() -> Cluster {
    example().node(Node::worker("pod03", "node-3", "10.0.0.13"))
}
