//! The files of ours that are not of one cluster: the index, which the user's configuration
//! includes, and what it leads to.
//!
//! Other programs read them too, and each takes less than OpenSSH does: so the index holds no `Host`
//! and no `Match` line, and names files by their absolute paths.

use std::collections::BTreeSet;

use super::fragment::{self, Fragment};
use super::include::IncludeLine;
use super::layout::{CLUSTERS, FIRST_LOOK, LAST, Layout, SECOND_LOOK};
use super::state::{FileKind, FileStem};
use crate::name::{Invalid, Slug};
use crate::render::connection::ConnectionOptions;
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

/// The index. The path of a look begins with `~` where that is possible: some programs that refuse any
/// `Match` do not expand it, and so go on.
pub(super) fn index(
    layout: &Layout,
    folder_is_ours: bool,
    is_live: bool,
) -> Result<Vec<u8>, Invalid> {
    let [first, second] = [FIRST_LOOK, SECOND_LOOK]
        .map(|look| is_live.then(|| IncludeLine::new(&layout.named_by_ssh(look))));
    let [clusters, last] = [CLUSTERS, LAST].map(|name| IncludeLine::new(&layout.file(name)));
    let header = if folder_is_ours { FOLDER_HEADER } else { "" };
    let lines = text(first.into_iter().chain([clusters]).chain(second).chain([last]))?;
    Ok(format!("{HEADER}{header}{lines}").into_bytes())
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
) -> Result<Vec<u8>, Invalid> {
    let line = |stem: &FileStem| IncludeLine::new(&layout.part(stem, FileKind::Fragment));
    Ok((HEADER.to_owned() + &text(stems.into_iter().map(line))?).into_bytes())
}

fn text(lines: impl Iterator<Item = Result<IncludeLine, Invalid>>) -> Result<String, Invalid> {
    lines.map(|line| Ok(format!("{}\n", line?))).collect()
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
    let _ = ssh_config::render(&[], clusters, &ConnectionOptions::default(), &mut text);
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
