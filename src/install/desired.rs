//! What a run wants of the ssh folder.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::present::Present;
use super::state::{FileKind, FileStem, Follow, Record};

/// The clusters and the subscription that a run wants. Other clusters stay as they are.
#[derive(Clone, Debug, Default)]
pub struct Desired {
    /// The clusters to install.
    pub put: BTreeMap<FileStem, DesiredCluster>,
    /// The clusters of which nothing is to stay.
    pub removed: BTreeSet<FileStem>,
    /// The subscription.
    pub follow: Option<Follow>,
}

/// A cluster to install.
#[derive(Clone, Debug)]
pub struct DesiredCluster {
    /// Its record. The plan fills in the fingerprint of the fragment.
    pub record: Record,
    /// The fragment that ssh is to read.
    pub fragment: Vec<u8>,
    /// The key whose certificate ssh renews by itself, where it does.
    pub certificate_key: Option<PathBuf>,
    /// The cluster that was terminated, and goes for this one, which gets its name.
    pub replaces: Option<FileStem>,
}

impl Desired {
    /// Everything as it is.
    #[must_use]
    pub fn unchanged(present: &Present) -> Self {
        Self { follow: present.follow.clone(), ..Self::default() }
    }

    /// The record of a cluster afterwards, as far as its state can be read.
    #[must_use]
    pub fn record<'d>(&'d self, stem: &FileStem, present: &'d Present) -> Option<&'d Record> {
        let put = self.put.get(stem).map(|put| &put.record);
        put.or_else(|| present.records.get(stem))
    }

    /// The fragments that ssh reads afterwards: those of the index and those with a state, but for
    /// what is removed or comes under a new name.
    #[must_use]
    pub fn fragments<'d>(&'d self, present: &'d Present) -> BTreeMap<FileStem, &'d [u8]> {
        let damaged = present.damaged.iter().map(|(stem, _)| stem);
        let mut stems: BTreeSet<FileStem> = present.indexed();
        stems.extend(present.records.keys().chain(damaged).cloned());
        for stem in present.superseded.iter().chain(&self.removed) {
            stems.remove(stem);
        }
        for put in self.put.values() {
            if let Some(old) = present.of_id(put.record.id.as_str()) {
                stems.remove(&old.stem());
            }
        }
        let kept = |stem: FileStem| {
            let fragment = present.part(&stem, FileKind::Fragment)?;
            Some((stem, fragment))
        };
        let mut fragments: BTreeMap<_, _> = stems.into_iter().filter_map(kept).collect();
        fragments.extend(self.put.iter().map(|(stem, put)| (stem.clone(), &*put.fragment)));
        fragments
    }
}
