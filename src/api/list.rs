//! List Clusters: all of its pages, several at once.

use std::collections::HashSet;
use std::time::{Duration, SystemTime};

use futures_util::stream::{FuturesUnordered, StreamExt};
use reqwest::Url;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use tokio::time::Instant;

use super::client::{Call, Client, Reply};
use super::error::{ApiError, Operation};
use super::wire::{self, Malformed};
use crate::text::message::counted;
use crate::text::time;

/// Rows of one page: the most that the API gives.
pub(super) const PAGE: usize = 100;
/// Pages before a list counts as endless.
const PAGES_MAX: usize = 1000;
/// Pages that are asked for at once.
const AT_ONCE: usize = 8;
/// The largest page in bytes, after decompression.
const PAGE_MAX: usize = 16 * 1024 * 1024;
/// The same for all pages together.
const LIST_MAX: usize = 64 * 1024 * 1024;

/// One row of List Clusters, as `AdminClusterSummary`. The texts are as the API gave them:
/// unchecked; what is of the wrong type counts as left out, but for the id and the name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all(deserialize = "camelCase"))]
#[expect(missing_docs, reason = "the fields are the contract's")]
pub struct Listed {
    pub name: String,
    pub id: String,
    /// Empty where the API gives none.
    #[serde(default, deserialize_with = "given")]
    pub status: String,
    #[serde(default, deserialize_with = "given")]
    pub team_id: Option<String>,
    #[serde(default, deserialize_with = "given")]
    pub vault_enabled: bool,
    /// Empty where the API gives none.
    #[serde(default, deserialize_with = "given", serialize_with = "moment")]
    pub created_at: String,
    #[serde(default, deserialize_with = "given")]
    pub gpu_name: Option<String>,
    /// 0 where the API gives none.
    #[serde(default, deserialize_with = "given")]
    pub gpu_count: u32,
    /// The JSON of the connection to its control node, unread: an odd one must not spoil the page.
    #[serde(default, deserialize_with = "unread", skip_serializing)]
    pub controller: Option<String>,
    /// Its place in the list, all pages counted through, from 0.
    #[serde(skip)]
    pub place: usize,
}

impl Listed {
    /// Returns whether the cluster is of this team; `None` is everyone's.
    #[must_use]
    pub fn is_of(&self, team: Option<&str>) -> bool {
        team.is_none() || self.team_id.as_deref() == team
    }
}

/// Proof that the API answered and took the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pong {
    /// The time that it took, connecting included.
    pub took: Duration,
    /// The API's clock, to the second, where the answer tells it.
    pub date: Option<SystemTime>,
}

/// One page.
#[derive(Default, Deserialize)]
pub(super) struct Page {
    #[serde(deserialize_with = "wire::rows")]
    pub(super) data: Vec<Listed>,
    /// The number of rows on all pages.
    #[serde(default, deserialize_with = "given")]
    total_count: Option<usize>,
    #[serde(skip)]
    bytes: usize,
}

/// Reads a value of the right type; any other is as good as none.
fn given<'de, T: Default + DeserializeOwned, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
    let json = <&RawValue>::deserialize(from)?;
    Ok(serde_json::from_str(json.get()).unwrap_or_default())
}

fn unread<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    let json = Option::<&RawValue>::deserialize(from)?;
    Ok(json.map(|json| json.get().to_owned()))
}

fn moment<S: Serializer>(text: &str, to: S) -> Result<S::Ok, S::Error> {
    time::moment(text).serialize(to)
}

impl Client {
    /// Returns whether the API answers and takes the token: one row of the list.
    pub async fn ping(&self) -> Result<Pong, ApiError> {
        let start = Instant::now();
        let call = Call::get(Operation::Clusters, self.page_url(None, 0, 1));
        let Reply { text, date } = self.call(&call).await?;
        let took = start.elapsed();
        page(&text, 0)?;
        Ok(Pong { took, date })
    }

    /// Every cluster of List Clusters, or those whose name or id has `search` in it: all pages, and
    /// none twice, in the API's order. It leaves out terminated ones.
    ///
    /// The first page says how many clusters there are, so that the others can be asked for
    /// together. A list that says less goes on until a page is not full, and one that says more
    /// ends with such a page.
    pub async fn clusters(&self, search: Option<&str>) -> Result<Vec<Listed>, ApiError> {
        let mut listed: Vec<Listed> = Vec::new();
        let (mut seen, mut bytes) = (HashSet::new(), 0);
        let (mut next, mut wanted, mut is_ended) = (0, 1, false);
        let mut asked = FuturesUnordered::new();
        loop {
            while next < wanted && asked.len() < AT_ONCE && !is_ended {
                asked.push(self.page(search, next * PAGE));
                next += 1;
            }
            let Some(page) = asked.next().await else { break };
            let Page { data: rows, total_count: total, bytes: length } = page?;
            bytes += length;
            if bytes > LIST_MAX {
                return Err(ApiError::too_large(LIST_MAX).of(&Operation::Clusters, 1));
            }
            let (is_full, before) = (rows.len() == PAGE, listed.len());
            listed.extend(rows.into_iter().filter(|row| seen.insert(row.id.clone())));
            is_ended |= !is_full;
            // A full page of what we have already: the API does not turn pages.
            let repeats = is_full && listed.len() == before;
            if repeats || (!is_ended && next == PAGES_MAX) {
                let message =
                    format!("the list does not end after {}", counted(listed.len(), "cluster"));
                return Err(ApiError::no_answer(message).of(&Operation::Clusters, 1));
            }
            let pages = total.map_or(0, |total| total.div_ceil(PAGE));
            wanted = pages.max(if asked.is_empty() { next + 1 } else { wanted }).min(PAGES_MAX);
        }
        listed.sort_by_key(|row| row.place);
        Ok(listed)
    }

    /// One page of the list; a short one is the last.
    pub(super) async fn page(&self, search: Option<&str>, offset: usize) -> Result<Page, ApiError> {
        let call = Call::get(Operation::Clusters, self.page_url(search, offset, PAGE));
        let text = self.call(&call.at_most(PAGE_MAX)).await?.text;
        page(&text, offset)
    }

    fn page_url(&self, search: Option<&str>, offset: usize, limit: usize) -> Url {
        let mut url = self.endpoint.address.call(["api", "admin", "clusters"]);
        let mut query = url.query_pairs_mut();
        if let Some(search) = search {
            query.append_pair("search", search);
        }
        query.append_pair("limit", &limit.to_string()).append_pair("offset", &offset.to_string());
        drop(query);
        url
    }
}

/// Reads one page; `offset` is where it begins.
pub(super) fn page(text: &str, offset: usize) -> Result<Page, ApiError> {
    let what = format!("page {} of the list is malformed", offset / PAGE + 1);
    let malformed = |why| ApiError::malformed(&what, &why).of(&Operation::Clusters, 1);
    let mut page: Page = wire::read(text).map_err(malformed)?;
    let rows = page.data.len();
    if rows > PAGE {
        let what = format!("{rows} rows, and at most {PAGE} were asked for");
        return Err(malformed(Malformed::Wrong(what)));
    }
    for (row, place) in page.data.iter_mut().zip(offset..) {
        row.place = place;
    }
    page.bytes = text.len();
    Ok(page)
}
