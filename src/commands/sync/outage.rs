//! An API that is slow or down is so for all of its clusters: whoever waited for it in vain for one of
//! them does not wait again for the next.

use crate::fs::FILE_MAX;
use crate::install::folder;
use crate::install::follow::{FOLLOW, Follow};
use crate::install::layout::Layout;
use crate::install::refresh::{self, RefreshState};
use crate::install::state::{FileKind, FileStem, Record};
use crate::text::time;

/// Returns the last try for another cluster of the same API, or for its list, if it failed a moment ago
/// and somebody waited for it. `of`: the cluster; none for the subscription.
pub(super) fn of_same_api(layout: &Layout, of: Option<&FileStem>) -> Option<RefreshState> {
    let now = time::now();
    let stems = folder::installed_stems(layout).ok()?.into_iter().map(Some);
    let others = stems.chain([None]).filter(|other| other.as_ref() != of);
    let mut failed = others.filter_map(|other| {
        let state = RefreshState::read(layout, &refresh::name(other.as_ref()));
        (state.is_pausing(now) && state.kept_waiting()).then_some((other, state))
    });
    let first = failed.next()?;
    let api = api(layout, of)?;
    let is_same =
        |(other, _): &(Option<FileStem>, _)| self::api(layout, other.as_ref()) == Some(api.clone());
    [first].into_iter().chain(failed).find(is_same).map(|(_, state)| state)
}

/// The API that a cluster was installed from, or that the subscription asks.
fn api(layout: &Layout, of: Option<&FileStem>) -> Option<String> {
    let read = |name: &str| crate::fs::read(&layout.file(name), FILE_MAX).ok().flatten();
    let source = match of {
        Some(stem) => {
            Record::from_json(&read(&stem.file(FileKind::State))?).ok()?.source.api()?.clone()
        }
        None => Follow::from_json(&read(FOLLOW)?)?.source,
    };
    Some(source.url)
}
