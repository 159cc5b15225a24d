//! Recognizes the files that this program wrote: those may be replaced without asking.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

/// Stands in a comment of the first line of every text that can hold one.
const MARKER: &[u8] = b"Written by prime-ssh";
/// Somebody may have put a line or two of their own before it.
const LINES: usize = 5;

/// Returns whether a file with these contents may be replaced: nothing is in it, or we wrote it.
#[must_use]
pub fn is_ours(contents: &[u8]) -> bool {
    let has_marker = |line: &[u8]| line.windows(MARKER.len()).any(|part| part == MARKER);
    contents.iter().all(u8::is_ascii_whitespace)
        || contents.split(|byte| *byte == b'\n').take(LINES).any(has_marker)
        || is_our_inventory(contents)
}

/// JSON has no comments, so a static inventory is known by its shape: `all` with nothing but groups,
/// one of them with the variables of a cluster.
fn is_our_inventory(contents: &[u8]) -> bool {
    type Map<T> = BTreeMap<String, T>;
    let file = serde_json::from_slice::<Map<Map<Map<Map<&RawValue>>>>>(contents);
    let all = file.ok().filter(|file| file.len() == 1).and_then(|mut file| file.remove("all"));
    let children = all.filter(|all| all.len() == 1).and_then(|mut all| all.remove("children"));
    let is_cluster = |group: &Map<&RawValue>| {
        let has_id = |vars: &&RawValue| vars.get().contains("\"prime_cluster_id\":");
        group.get("vars").is_some_and(has_id) && group.contains_key("hosts")
    };
    children.is_some_and(|children| children.values().any(is_cluster))
}
