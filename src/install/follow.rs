//! The subscription to all clusters of a team: `install --all --follow`.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::options::SavedOptions;

/// The file in our folder that holds it.
pub const FOLLOW: &str = "follow.json";

/// A subscription.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Follow {
    /// The API's address.
    pub url: String,
    /// The context of the `prime` program's settings, for its token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// The team; none for those of all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
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

    /// Whether both are to the same clusters.
    #[must_use]
    pub fn is_of(&self, other: &Self) -> bool {
        (&self.url, &self.context, &self.team) == (&other.url, &other.context, &other.team)
    }

    /// The text of the file.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let mut text = serde_json::to_vec_pretty(self).unwrap_or_default();
        text.push(b'\n');
        text
    }
}
