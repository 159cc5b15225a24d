//! From what a person typed to one cluster: an id, or a name.

use reqwest::StatusCode;

use super::client::{Client, ClusterAnswer, check_segment};
use super::error::{ApiError, Operation};
use super::list::{Listed, PAGE};
use super::server_text::shown;
use crate::failure::Kind;
use crate::name::is_start_of_id;
use crate::text::message::Message;

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
    pub async fn find(&self, selector: &str) -> Result<ClusterAnswer, ApiError> {
        let failed = |error: ApiError| error.of(&Operation::Cluster(selector.to_owned()), 1);
        check_segment(selector).map_err(|why| {
            let message = format!("not an id or a name: {why}");
            failed(ApiError::new(Kind::Usage, message, "give the id or the name of a cluster"))
        })?;
        match self.cluster(selector).await {
            Err(error) if error.is_unknown_id() => {}
            found => return found,
        }
        let listed = self.clusters(Some(selector)).await?;
        if listed.is_empty() {
            return Err(failed(self.no_such(selector).await));
        }
        let id = choose(selector, &listed).map_err(failed)?;
        match self.cluster(id).await {
            Err(error) if error.is_unknown_id() => {
                let message = format!(
                    "the list has it (id `{}`), but the API no longer knows it: it may have just \
                     been terminated",
                    shown(id)
                );
                Err(failed(ApiError::new(Kind::Api, message, "try again")))
            }
            found => found,
        }
    }

    /// Names the clusters that a mistyped name might mean, the likeliest first; one page is enough of
    /// a guess, and a guess that fails is none.
    async fn no_such(&self, selector: &str) -> ApiError {
        let listed = self.page(None, 0).await.unwrap_or_default().data;
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
        no_such_cluster(similar.into_iter().map(|(_, cluster)| cluster).collect())
    }
}

/// Returns the id of the one listed cluster that `selector` names.
fn choose<'l>(selector: &str, listed: &'l [Listed]) -> Result<&'l str, ApiError> {
    let folded = selector.to_lowercase();
    let starts_so = |cluster: &&Listed| is_start_of_id(selector, &cluster.id);
    let steps: [&dyn Fn(&&Listed) -> bool; 4] = [
        &|cluster| cluster.id == selector,
        &|cluster| cluster.name == selector,
        &|cluster| cluster.name.to_lowercase() == folded,
        &starts_so,
    ];
    let mut found = steps.iter().map(|step| listed.iter().filter(step).collect::<Vec<_>>());
    match found.find(|found| !found.is_empty()).unwrap_or_default().as_slice() {
        [] => Err(no_such_cluster(by_name(listed.iter().collect()))),
        [cluster] => Ok(&cluster.id),
        several => {
            let (message, hint) = if several.iter().all(starts_so) {
                ("several ids start like this:", "give more of the id, or the name")
            } else {
                ("several clusters have this name:", "give the id instead of the name")
            };
            let message = naming(message, by_name(several.to_vec()));
            Err(ApiError::new(Kind::Api, message, hint))
        }
    }
}

fn by_name(mut clusters: Vec<&Listed>) -> Vec<&Listed> {
    clusters.sort_by_key(|cluster| (&cluster.name, &cluster.id));
    clusters
}

fn no_such_cluster(similar: Vec<&Listed>) -> ApiError {
    let end = if similar.is_empty() { "" } else { "; similar names:" };
    let message = naming(&format!("no cluster has this id or name{end}"), similar);
    let hint = "`prime-ssh list` shows ids and names; for a terminated cluster, give its id";
    ApiError { status: Some(StatusCode::NOT_FOUND), ..ApiError::new(Kind::Api, message, hint) }
}

/// A message that names the first of these clusters.
fn naming(text: &str, clusters: Vec<&Listed>) -> Message {
    let line = |cluster: &Listed| format!("{} ({})", shown(&cluster.name), shown(&cluster.id));
    Message::with_first(text, NAMED, clusters.into_iter().map(line), 0)
}
