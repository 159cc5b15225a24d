//! The files of ours that are not of one cluster: the index, which the user's configuration
//! includes, and what it leads to.
//!
//! Other programs read them too, and each takes less than OpenSSH does: so the index holds no `Host`
//! and no `Match` line, and names files by their absolute paths.

use std::collections::BTreeSet;

use super::fragment::{self, Fragment};
use super::include::{IncludeLine, Unwritable};
use super::layout::{CLUSTERS, FIRST_LOOK, LAST, Layout, SECOND_LOOK};
use super::state::{FileKind, FileStem};
use crate::name::Slug;
use crate::render::ssh_config;

/// The first line of each.
pub(super) const HEADER: &str = "# Written by prime-ssh. Changes here are lost.\n";

/// The line of our index for the run that takes everything away again, which is another one.
const FOLDER_HEADER: &str =
    "# The folder above was made by prime-ssh, and goes with the last cluster.\n";

/// Returns whether the index says that the ssh folder was made by us.
pub(super) fn says_folder_is_ours(index: &[u8]) -> bool {
    index.split_inclusive(|&byte| byte == b'\n').any(|line| line == FOLDER_HEADER.as_bytes())
}

/// The index.
pub(super) fn index(
    layout: &Layout,
    folder_is_ours: bool,
    is_live: bool,
) -> Result<Vec<u8>, Unwritable> {
    let mut text = HEADER.to_owned();
    if folder_is_ours {
        text.push_str(FOLDER_HEADER);
    }
    if is_live {
        push(&mut text, &layout.include_look(FIRST_LOOK)?);
    }
    push(&mut text, &IncludeLine::new(&layout.file(CLUSTERS))?);
    if is_live {
        push(&mut text, &layout.include_look(SECOND_LOOK)?);
    }
    push(&mut text, &IncludeLine::new(&layout.file(LAST))?);
    Ok(text.into_bytes())
}

/// The hosts that were added in the last minutes, for an ssh that has read the clusters' files
/// already. All hosts once more would cost every ssh on this machine time.
pub(super) fn again<'f>(
    fragments: impl IntoIterator<Item = &'f [u8]>,
    names: &BTreeSet<String>,
) -> Vec<u8> {
    let mut text = HEADER.as_bytes().to_owned();
    for fragment in fragments {
        text.extend(fragment::only(fragment, names));
    }
    text.extend(b"Host *\n");
    text
}

/// The list of the clusters' files.
pub(super) fn clusters<'s>(
    layout: &Layout,
    stems: impl IntoIterator<Item = &'s FileStem>,
) -> Result<Vec<u8>, Unwritable> {
    let mut text = HEADER.to_owned();
    for stem in stems {
        push(&mut text, &IncludeLine::new(&layout.file(&stem.file(FileKind::Fragment)))?);
    }
    Ok(text.into_bytes())
}

fn push(text: &mut String, line: &IncludeLine) {
    text.push_str(line.as_str());
    text.push('\n');
}

/// The file that is read last: a name of these patterns that no cluster's file has leads nowhere.
///
/// The subscription has the names of clusters that are to come.
pub(super) fn last(
    clusters: impl IntoIterator<Item = String>,
    subscription: Option<&Slug<'_>>,
) -> Vec<u8> {
    let mut text = HEADER.as_bytes().to_owned();
    // Writing into memory does not fail, and the aliases were checked.
    let _ = ssh_config::render_stale(clusters, &mut text);
    if let Some(prefix) = subscription {
        let lines = format!("Host {prefix}.* !{prefix}.*.*.*\n  HostName %h.invalid.\nHost *\n");
        text.extend(lines.into_bytes());
    }
    text
}

/// The patterns of the cluster with this file, for one whose state cannot be read.
pub(super) fn patterns_in(fragment: &[u8]) -> Option<String> {
    let fragment = Fragment::parse(fragment);
    let (alias, _) = fragment.hosts.first()?.alias()?.rsplit_once('.')?;
    Some(ssh_config::patterns(alias, None))
}
