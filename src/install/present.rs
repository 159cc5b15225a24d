//! The ssh folder as it was found on the disk.

use std::collections::{BTreeMap, BTreeSet};

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
    /// The files of our folder that are ours, by name.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Those of them that others than this user may read or write.
    pub loose: BTreeSet<String>,
    /// All else in our folder, by name; edits by hand that were kept are there too.
    pub foreign: Vec<String>,
    /// Those edits, as far as they can be read.
    pub kept: BTreeMap<String, Vec<u8>>,
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
        let states = self.stems().filter(|(_, kind)| *kind == FileKind::State);
        for (stem, kind) in states.collect::<Vec<_>>() {
            match Record::from_json(self.part(&stem, kind).unwrap_or_default()) {
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
    pub fn part(&self, stem: &FileStem, kind: FileKind) -> Option<&[u8]> {
        self.files.get(&stem.file(kind)).map(Vec::as_slice)
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
