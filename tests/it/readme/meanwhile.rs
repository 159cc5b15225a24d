//! What the remarks between the commands of a `console` block say: it happens.

use super::world::World;

/// Makes it happen. What is wrong with it; empty where nothing is.
pub fn happens(world: &mut World, what: &str) -> String {
    match what {
        "node-1 is replaced by another machine at its address" => world.replaces_node_1(),
        _ => return format!("nobody knows how this happens: {what}"),
    }
    String::new()
}
