//! The certificate of each cluster, for every output.

use std::collections::BTreeMap;

use crate::cluster::Cluster;
use crate::name::LocalPath;

/// The certificates to log in with.
#[derive(Clone, Debug, Default)]
pub struct Certificates {
    /// The one that was named, for every cluster.
    pub named: Option<LocalPath<'static>>,
    /// Those of clusters that let nobody in without, by the cluster's id.
    pub own: BTreeMap<String, LocalPath<'static>>,
}

impl Certificates {
    /// The certificate that this cluster's hosts are shown.
    #[must_use]
    pub fn of(&self, cluster: &Cluster<'_>) -> Option<&LocalPath<'static>> {
        self.named.as_ref().or_else(|| self.own.get(cluster.id.as_str()))
    }
}
