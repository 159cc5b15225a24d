//! The ssh folder as it was found on the disk, and what a run wants of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::include;
use super::layout::CLUSTERS;
use super::state::{FileKind, FileStem, Follow, Record};

/// The ssh folder as it was found on the disk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Present {
    /// True if the ssh folder was made by us.
    pub folder_is_ours: bool,
    /// The user's configuration.
    pub config: Option<Vec<u8>>,
    /// True if it is reached through a link, which is the user's own.
    pub config_is_link: bool,
    /// The same of before our first change to it.
    pub backup: Option<Vec<u8>>,
    /// The files of our folder that are ours, by name, and those that we kept aside.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Those of them that others than this user may read or write.
    pub loose: BTreeSet<String>,
    /// All else in our folder, by name.
    pub foreign: Vec<String>,
    /// The hosts that were added in the last minutes.
    pub recent: BTreeSet<String>,
    /// The subscription to clusters that are to come.
    pub follow: Option<Follow>,
    /// The installed clusters whose state can be read, in the order of their names.
    pub records: BTreeMap<FileStem, Record>,
    /// Those whose state cannot, and why.
    pub damaged: Vec<(FileStem, String)>,
    /// Second files of a cluster, left by a run that was killed while it gave it another name.
    pub superseded: Vec<FileStem>,
}

impl Present {
    /// The record of the cluster with this id.
    #[must_use]
    pub fn of_id(&self, id: &str) -> Option<&Record> {
        self.records.values().find(|record| record.id.as_str() == id)
    }

    /// Reads the states of the clusters.
    #[must_use]
    pub fn with_states(mut self) -> Self {
        let indexed = self.indexed();
        let states = self.stems().filter(|(_, part)| *part == FileKind::State);
        for (stem, part) in states.collect::<Vec<_>>() {
            match Record::from_json(self.part(&stem, part).unwrap_or_default()) {
                // Under another name than its own it is a copy that somebody made.
                Ok(record) if record.stem() != stem => {
                    let state = record.stem().file(FileKind::State);
                    self.damaged.push((stem, format!("a copy of {state}")));
                }
                Ok(record) => {
                    let same = self.of_id(record.id.as_str()).map(Record::stem);
                    // What ssh reads is what counts.
                    if same.is_none() || indexed.contains(&stem) {
                        if let Some(other) = same {
                            self.records.remove(&other);
                            self.superseded.push(other);
                        }
                        self.records.insert(stem, record);
                    } else {
                        self.superseded.push(stem);
                    }
                }
                Err(damage) => self.damaged.push((stem, damage)),
            }
        }
        self
    }

    /// One file of a cluster.
    #[must_use]
    pub fn part(&self, stem: &FileStem, part: FileKind) -> Option<&[u8]> {
        self.files.get(&stem.file(part)).map(Vec::as_slice)
    }

    /// Every cluster of which any file is there, readable or not.
    #[must_use]
    pub fn all_stems(&self) -> BTreeSet<FileStem> {
        self.stems().map(|(stem, _)| stem).collect()
    }

    pub(super) fn stems(&self) -> impl Iterator<Item = (FileStem, FileKind)> {
        let known = self.files.keys().filter_map(|name| FileStem::of_file(name));
        known.filter(|(stem, kind)| {
            !stem.is_subscription() && (*kind != FileKind::Fragment || !self.is_emptied(stem))
        })
    }

    /// Returns whether the file of a cluster is empty, which is all that a removed one leaves until
    /// a later run.
    pub(super) fn is_emptied(&self, stem: &FileStem) -> bool {
        self.part(stem, FileKind::Fragment).is_some_and(<[u8]>::is_empty)
            && self.part(stem, FileKind::State).is_none()
    }

    /// The clusters whose files ssh reads.
    #[must_use]
    pub fn indexed(&self) -> BTreeSet<FileStem> {
        let list = self.files.get(CLUSTERS).map(Vec::as_slice).unwrap_or_default();
        include::included(list)
            .iter()
            .filter_map(|path| FileStem::of_file(path.rsplit('/').next()?))
            .map(|(stem, _)| stem)
            .filter(|stem| self.part(stem, FileKind::Fragment).is_some() && !self.is_emptied(stem))
            .collect()
    }
}

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
