//! The clusters and the subscription that a run wants.

use std::collections::{BTreeMap, BTreeSet};

use super::follow::Follow;
use super::present::{Installed, Present};
use super::state::{FileKind, FileStem, Record};

/// The clusters and the subscription that a run wants. Other clusters stay as they are.
#[derive(Clone, Debug, Default)]
pub struct Desired {
    /// The clusters to install, each with the fragment that ssh is to read. The plan fills in the
    /// fingerprint of that.
    pub put: Vec<(Record, Vec<u8>)>,
    /// The clusters of which nothing is to stay.
    pub removed: Vec<FileStem>,
    /// The subscription.
    pub follow: Option<Follow>,
}

impl Desired {
    /// Everything as it is.
    #[must_use]
    pub fn unchanged(present: &Present) -> Self {
        Self { follow: present.follow.clone(), ..Self::default() }
    }

    /// The record of a cluster afterwards, as far as its state can be read.
    #[must_use]
    pub fn record<'d>(&'d self, stem: &FileStem, installed: &'d Installed) -> Option<&'d Record> {
        let put = self.put.iter().map(|(record, _)| record).find(|record| record.stem() == *stem);
        put.or_else(|| installed.records.get(stem))
    }

    /// The fragments that ssh reads afterwards: those of the index and those with a state, but for
    /// what is removed or comes under a new name.
    #[must_use]
    pub fn fragments<'d>(
        &'d self,
        present: &'d Present,
        installed: &Installed,
    ) -> BTreeMap<FileStem, &'d [u8]> {
        let records = installed.records.keys();
        let damaged = installed.damaged.iter().map(|(stem, _)| stem);
        let mut stems: BTreeSet<FileStem> = present.indexed();
        stems.extend(records.chain(damaged).cloned());
        for stem in installed.superseded.iter().chain(&self.removed) {
            stems.remove(stem);
        }
        for (record, _) in &self.put {
            if let Some(old) = installed.of_id(record.id.as_str()) {
                stems.remove(&old.stem());
            }
        }
        let kept = |stem: FileStem| {
            let fragment = present.part(&stem, FileKind::Fragment)?;
            Some((stem, fragment))
        };
        let mut fragments: BTreeMap<_, _> = stems.into_iter().filter_map(kept).collect();
        fragments.extend(self.put.iter().map(|(record, text)| (record.stem(), &**text)));
        fragments
    }
}
