//! From what a person typed to one cluster: an id, or a name.

use super::client::{Client, ClusterAnswer, check_segment};
use super::error::{Cause, Error, Operation, Similar};
use super::list::{Listed, PAGE};
use crate::name::is_start_of_id;

/// The most clusters that an error names.
const NAMED: usize = 10;
/// The longest name that is compared with what was typed, in bytes.
const LONGEST: usize = 1024;
/// The similarity from which a name counts as near, from 0 to 1.
const SIMILAR: f64 = 0.8;

impl Client {
    /// The cluster whose id or name is `selector`: one request where it is an id.
    ///
    /// Where the API knows no such id, the list is searched: an id or an exact name wins, then a
    /// name that differs in case only, then the start of an id. None or several are an error that
    /// names the near ones.
    pub async fn find(&self, selector: &str) -> Result<ClusterAnswer, Error> {
        let operation = || Operation::Cluster(selector.to_owned());
        check_segment(selector).map_err(|why| Error::new(operation(), Cause::Selector(why)))?;
        match self.cluster(selector).await {
            Err(error) if error.is_unknown_id() => {}
            found => return found,
        }
        let listed = self.clusters(Some(selector)).await?;
        if listed.is_empty() {
            let near = self.similar(selector).await;
            return Err(Error::new(operation(), Cause::NoSuchCluster(near)));
        }
        let id = choose(selector, &listed).map_err(|cause| Error::new(operation(), cause))?;
        match self.cluster(id).await {
            Err(error) if error.is_unknown_id() => {
                Err(Error::new(operation(), Cause::Vanished(id.to_owned())))
            }
            found => found,
        }
    }

    /// Clusters that a mistyped name might mean, the likeliest first; one page is enough of a guess,
    /// and a guess that fails is none.
    async fn similar(&self, selector: &str) -> Similar {
        let listed = self.page(None, 0).await.unwrap_or_default().listed;
        let folded = selector.to_lowercase();
        let likeness = |text: &str| strsim::jaro_winkler(&folded, &text.to_lowercase());
        // The comparison takes the product of the lengths, and an API can send anything.
        let comparable = |cluster: &&Listed| cluster.name.len().max(cluster.id.len()) <= LONGEST;
        let mut similar: Vec<_> = listed
            .iter()
            .filter(comparable)
            .take(PAGE)
            .map(|cluster| (likeness(&cluster.name).max(likeness(&cluster.id)), cluster))
            .filter(|(likeness, _)| *likeness > SIMILAR)
            .collect();
        similar.sort_by(|(one, _), (other, _)| other.total_cmp(one));
        Similar::of(similar.into_iter().map(|(_, cluster)| cluster))
    }
}

/// The id of the one cluster of the list that is meant.
fn choose<'l>(selector: &str, listed: &'l [Listed]) -> Result<&'l str, Cause> {
    if let Some(cluster) = listed.iter().find(|cluster| cluster.id == selector) {
        return Ok(&cluster.id);
    }
    let folded = selector.to_lowercase();
    let exact: Vec<_> = listed.iter().filter(|cluster| cluster.name == selector).collect();
    let filtered = |is_meant: &dyn Fn(&&Listed) -> bool| -> Vec<&Listed> {
        listed.iter().filter(is_meant).collect()
    };
    let in_any_case = |cluster: &&Listed| cluster.name.to_lowercase() == folded;
    let starts_so = |cluster: &&Listed| is_start_of_id(selector, &cluster.id);
    let steps = [exact, filtered(&in_any_case), filtered(&starts_so)];
    match steps.iter().find(|found| !found.is_empty()).map_or(&[][..], Vec::as_slice) {
        [] => Err(Cause::NoSuchCluster(Similar::of(by_name(listed.iter().collect())))),
        [cluster] => Ok(&cluster.id),
        several => Err(Cause::Several(Similar::of(by_name(several.to_vec())))),
    }
}

fn by_name(mut clusters: Vec<&Listed>) -> Vec<&Listed> {
    clusters.sort_by_key(|cluster| (&cluster.name, &cluster.id));
    clusters
}

impl Similar {
    fn of<'l>(clusters: impl IntoIterator<Item = &'l Listed>) -> Self {
        let pair = |cluster: &Listed| (cluster.name.clone(), cluster.id.clone());
        let mut named: Vec<_> = clusters.into_iter().map(pair).collect();
        let more = named.len().saturating_sub(NAMED);
        named.truncate(NAMED);
        Self { named, more }
    }
}
