//! The files of ours that are not of one cluster: the index, which the user's configuration
//! includes, and what it leads to.
//!
//! Other programs read them too, and each takes less than OpenSSH does: so the index holds no `Host`
//! and no `Match` line, and names files by their absolute paths.

use super::fragment::Fragment;
use super::include::{IncludeLine, Unwritable};
use super::layout::{CLUSTERS, LAST, Layout};
use super::state::{FileKind, FileStem};
use crate::render::ssh_config;

/// The first line of each.
const HEADER: &str = "# Written by prime-ssh. Changes here are lost.\n";

/// The line of our index for the run that takes everything away again, which is another one.
const FOLDER_HEADER: &str =
    "# The folder above was made by prime-ssh, and goes with the last cluster.\n";

/// Whether the index says that the ssh folder was made by us.
pub(super) fn says_folder_is_ours(index: &[u8]) -> bool {
    index.split_inclusive(|&byte| byte == b'\n').any(|line| line == FOLDER_HEADER.as_bytes())
}

/// The index.
pub(super) fn index(layout: &Layout, folder_is_ours: bool) -> Result<Vec<u8>, Unwritable> {
    let mut text = HEADER.to_owned();
    if folder_is_ours {
        text.push_str(FOLDER_HEADER);
    }
    for name in [CLUSTERS, LAST] {
        push(&mut text, &IncludeLine::new(&layout.file(name))?);
    }
    Ok(text.into_bytes())
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

/// The file that is read last: a name below an alias that no cluster's file has leads nowhere.
pub(super) fn last(aliases: impl IntoIterator<Item = String>) -> Vec<u8> {
    let mut text = HEADER.as_bytes().to_owned();
    // Writing into memory does not fail, and the aliases were checked.
    let _ = ssh_config::render_stale(aliases, &mut text);
    text
}

/// The alias of the cluster with this file, for one whose state cannot be read.
pub(super) fn alias_in(fragment: &[u8]) -> Option<String> {
    let fragment = Fragment::parse(fragment);
    let (alias, _) = fragment.hosts.first()?.alias()?.rsplit_once('.')?;
    Some(alias.to_owned())
}
