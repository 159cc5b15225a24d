//! The subscription to all clusters of a team: `install --all --follow`.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::options::SavedOptions;
use super::state::ApiSource;

/// The file in our folder that holds it.
pub const FOLLOW: &str = "follow.json";

/// A subscription.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Follow {
    /// The API, and the team.
    pub source: ApiSource,
    /// The options that a new cluster gets.
    #[serde(default)]
    pub options: SavedOptions,
    /// Ids of clusters that were uninstalled by name: they stay away.
    #[serde(default)]
    pub excluded: BTreeSet<String>,
}

impl Follow {
    /// Reads the file. One that is damaged is as good as none.
    #[must_use]
    pub fn from_json(text: &[u8]) -> Option<Self> {
        serde_json::from_slice(text).ok()
    }

    /// The text of the file.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let mut text = serde_json::to_vec_pretty(self).unwrap_or_default();
        text.push(b'\n');
        text
    }
}
