//! What the remarks between the commands of a `console` block say: it happens.

use super::world::World;

/// Makes it happen. What is wrong with it; empty where nothing is.
pub fn happens(world: &mut World, what: &str) -> String {
    let _ = world;
    format!("nobody knows how this happens: {what}")
}
