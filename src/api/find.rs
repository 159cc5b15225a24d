//! From what a person typed to one cluster: an id, or a name.

use super::client::{Client, Fetched, Listed, check_segment};
use super::error::{Asked, Cause, Error, Near};

/// How many clusters an error names.
const NAMED: usize = 10;

impl Client {
    /// The cluster whose id or name is `selector`: one request where it is an id.
    ///
    /// Where the API knows no such id, the list is searched: an id or an exact name wins, then a
    /// name that differs in case only. None or several are an error that names the near ones.
    pub async fn find(&self, selector: &str) -> Result<Fetched, Error> {
        let asked = || Asked::Cluster(selector.to_owned());
        check_segment(selector).map_err(|why| Error::new(asked(), Cause::Selector(why)))?;
        match self.cluster(selector).await {
            Ok(text) => return Ok(Fetched { id: selector.to_owned(), text }),
            Err(error) if error.is_unknown_id() => {}
            Err(error) => return Err(error),
        }
        let listed = self.clusters(Some(selector)).await?;
        let id = choose(selector, &listed).map_err(|cause| Error::new(asked(), cause))?;
        match self.cluster(id).await {
            Ok(text) => Ok(Fetched { id: id.to_owned(), text }),
            Err(error) if error.is_unknown_id() => {
                Err(Error::new(asked(), Cause::Vanished { id: id.to_owned() }))
            }
            Err(error) => Err(error),
        }
    }
}

/// The id of the one cluster of the list that is meant.
fn choose<'l>(selector: &str, listed: &'l [Listed]) -> Result<&'l str, Cause> {
    if let Some(cluster) = listed.iter().find(|cluster| cluster.id == selector) {
        return Ok(&cluster.id);
    }
    let folded = selector.to_lowercase();
    let exact: Vec<_> = listed.iter().filter(|cluster| cluster.name == selector).collect();
    let alike = || listed.iter().filter(|cluster| cluster.name.to_lowercase() == folded).collect();
    let matching: Vec<_> = if exact.is_empty() { alike() } else { exact };
    match matching.as_slice() {
        [] => {
            let (near, more) = named(listed);
            Err(Cause::NoSuchCluster { near, more })
        }
        [cluster] => Ok(&cluster.id),
        several => {
            let (near, more) = named(several.iter().copied());
            Err(Cause::Several { near, more })
        }
    }
}

/// The first of them by name, and how many are left out.
fn named<'l>(clusters: impl IntoIterator<Item = &'l Listed>) -> (Vec<Near>, usize) {
    let mut near: Vec<_> = clusters
        .into_iter()
        .map(|cluster| Near { name: cluster.name.clone(), id: cluster.id.clone() })
        .collect();
    near.sort();
    let more = near.len().saturating_sub(NAMED);
    near.truncate(NAMED);
    (near, more)
}
