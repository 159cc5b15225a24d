//! List Clusters: all of its pages, several at once.

use std::collections::HashSet;
use std::time::{Duration, SystemTime};

use futures_util::stream::{FuturesUnordered, StreamExt};
use jiff::Timestamp;
use reqwest::Url;
use serde::Serialize;
use tokio::time::Instant;

use super::client::{Call, Client, Reply};
use super::error::{Cause, Error, Operation};
use super::wire::{self, Malformed, Page, Summary, Value};
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

/// One row of List Clusters. The texts are as the API gave them: unchecked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the fields are the contract's")]
pub struct Listed {
    pub name: String,
    pub id: String,
    /// Empty where the API gives none.
    pub status: String,
    pub team_id: Option<String>,
    pub vault_enabled: bool,
    /// None where the API gives no moment.
    pub created_at: Option<Timestamp>,
    pub gpu_name: Option<String>,
    /// 0 where the API gives none.
    pub gpu_count: u32,
    /// The JSON of the connection to its control node, unread.
    #[serde(skip)]
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
#[derive(Default)]
pub(super) struct ListPage {
    pub(super) listed: Vec<Listed>,
    /// The number of rows on all pages, as the API says it.
    total: Option<usize>,
    bytes: usize,
}

impl Client {
    /// Returns whether the API answers and takes the token: one row of the list.
    pub async fn ping(&self) -> Result<Pong, Error> {
        let start = Instant::now();
        let call = Call::get(Operation::Clusters, self.page_url(None, 0, 1));
        let Reply { text, date } = self.call(&call).await?;
        let took = start.elapsed();
        page(&text, 0).map_err(|cause| Error::new(Operation::Clusters, cause))?;
        Ok(Pong { took, date })
    }

    /// Every cluster of List Clusters, or those whose name or id has `search` in it: all pages, and
    /// none twice, in the API's order. It leaves out terminated ones.
    ///
    /// The first page says how many clusters there are, so that the others can be asked for
    /// together. A list that says less goes on until a page is not full, and one that says more
    /// ends with such a page.
    pub async fn clusters(&self, search: Option<&str>) -> Result<Vec<Listed>, Error> {
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
            let ListPage { listed: rows, total, bytes: length } = page?;
            bytes += length;
            if bytes > LIST_MAX {
                return Err(Error::new(Operation::Clusters, Cause::too_large(LIST_MAX)));
            }
            let (is_full, before) = (rows.len() == PAGE, listed.len());
            listed.extend(rows.into_iter().filter(|row| seen.insert(row.id.clone())));
            is_ended |= !is_full;
            // A full page of what we have already: the API does not turn pages.
            let repeats = is_full && listed.len() == before;
            if repeats || (!is_ended && next == PAGES_MAX) {
                let message =
                    format!("the list does not end after {}", counted(listed.len(), "cluster"));
                return Err(Error::new(Operation::Clusters, Cause::no_answer(message)));
            }
            let pages = total.map_or(0, |total| total.div_ceil(PAGE));
            wanted = pages.max(if asked.is_empty() { next + 1 } else { wanted }).min(PAGES_MAX);
        }
        listed.sort_by_key(|row| row.place);
        Ok(listed)
    }

    /// One page of the list; a short one is the last.
    pub(super) async fn page(
        &self,
        search: Option<&str>,
        offset: usize,
    ) -> Result<ListPage, Error> {
        let call = Call::get(Operation::Clusters, self.page_url(search, offset, PAGE));
        let text = self.call(&call.at_most(PAGE_MAX)).await?.text;
        page(&text, offset).map_err(|cause| Error::new(Operation::Clusters, cause))
    }

    fn page_url(&self, search: Option<&str>, offset: usize, limit: usize) -> Url {
        let mut url = self.address.call(["api", "admin", "clusters"]);
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
fn page(text: &str, offset: usize) -> Result<ListPage, Cause> {
    let what = format!("page {} of the list is malformed", offset / PAGE + 1);
    let malformed = |malformed| Cause::malformed(&what, &malformed);
    let Page { data, total_count } = wire::page(text).map_err(malformed)?;
    if data.len() > PAGE {
        let reason = format!("{} rows, and at most {PAGE} were asked for", data.len());
        return Err(malformed(Malformed::Wrong { path: String::new(), reason }));
    }
    let total = match total_count {
        Value::Integer(total) => usize::try_from(total).ok(),
        _ => None,
    };
    let rows = data.into_iter().enumerate();
    let listed = rows.map(|(index, row)| listed(row, index, offset)).collect::<Result<_, _>>();
    Ok(ListPage { listed: listed.map_err(malformed)?, total, bytes: text.len() })
}

fn listed(row: Summary<'_>, index: usize, offset: usize) -> Result<Listed, Malformed> {
    let text = |value: Value<'_>, field: &str| {
        value.required().map(str::to_owned).map_err(|reason| Malformed::Wrong {
            path: format!("data[{index}].{field}"),
            reason: reason.to_owned(),
        })
    };
    let given = |value: Value<'_>| value.text().map(str::to_owned);
    Ok(Listed {
        id: text(row.id, "id")?,
        name: text(row.name, "name")?,
        status: given(row.status).unwrap_or_default(),
        team_id: given(row.team_id),
        vault_enabled: row.vault_enabled == Value::Bool(true),
        created_at: row.created_at.text().and_then(time::moment),
        gpu_name: given(row.gpu_name),
        gpu_count: match row.gpu_count {
            Value::Integer(count) => u32::try_from(count).unwrap_or_default(),
            _ => 0,
        },
        controller: row.controller.map(|controller| controller.get().to_owned()),
        place: offset + index,
    })
}
