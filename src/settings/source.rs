//! The clusters that a run is about, and where their answers come from.

use std::path::PathBuf;

use super::endpoint::Endpoint;
use crate::failure::Outcome;

/// The clusters of a run, and the API that is asked for them.
#[derive(Clone, Debug)]
pub struct Source {
    /// The clusters.
    pub origin: Origin,
    /// The API, and who asks. Files need neither, so a missing one is an error only once it is
    /// needed.
    pub endpoint: Outcome<Endpoint>,
}

/// The clusters of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Those of saved answers; `-` is stdin.
    Files(Vec<PathBuf>),
    /// These, by id, name or installed alias.
    Named(Vec<String>),
    /// Every cluster that the API lists, of one team or of all.
    All(Option<String>),
}

impl Source {
    /// Returns whether saved answers are read, and no API is asked.
    #[must_use]
    pub fn is_files(&self) -> bool {
        matches!(self.origin, Origin::Files(_))
    }
}
