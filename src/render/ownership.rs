//! Recognizes the files that this program wrote: those may be replaced without asking.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
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
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct File<'a> {
        #[serde(borrow)]
        all: All<'a>,
    }
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct All<'a> {
        #[serde(borrow)]
        children: BTreeMap<String, Group<'a>>,
    }
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Group<'a> {
        #[serde(borrow)]
        vars: Option<BTreeMap<String, &'a RawValue>>,
        hosts: Option<IgnoredAny>,
    }
    let Ok(File { all }) = serde_json::from_slice(contents) else { return false };
    let is_cluster = |group: &Group<'_>| {
        let vars = group.vars.as_ref();
        vars.is_some_and(|vars| vars.contains_key("prime_cluster_id")) && group.hosts.is_some()
    };
    all.children.values().any(is_cluster)
}
