//! Answers of Get Cluster: from files, or from the API.

use std::fmt;
use std::path::PathBuf;

use anyhow::Context;
use futures_util::{StreamExt, stream};

use super::input;
use crate::api::client::{Client, ClusterAnswer};
use crate::api::error::Error as ApiError;
use crate::api::list::Listed;
use crate::failure::{Failure, Kind, OrFail, Outcome};
use crate::settings::{Endpoint, Origin, Source};
use crate::terminal::Terminal;

/// The most clusters that are asked for at once.
pub(super) const AT_ONCE: usize = 8;

/// An answer of Get Cluster, unparsed, or why there is none.
#[derive(Debug)]
pub(super) struct Fetched {
    /// The name of what was asked for, for messages: a file, an id, a name.
    pub(super) asked: String,
    /// The source of the answer.
    pub(super) source: AnswerSource,
    /// The text, or why there is none.
    pub(super) result: Result<String, ApiError>,
}

impl Fetched {
    /// The API that this was to be asked of cannot be asked.
    pub(super) fn not_asked(asked: String, failure: &Failure) -> Self {
        let source = AnswerSource::Api(asked.clone());
        Self { asked, source, result: Err(failure.clone().into()) }
    }
}

/// The source of an answer.
#[derive(Debug)]
pub(super) enum AnswerSource {
    /// A file; `-` is stdin.
    File(PathBuf),
    /// The API, asked for this id.
    Api(String),
}

impl fmt::Display for AnswerSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => f.write_str(&input::name_of(path)),
            Self::Api(id) => f.write_str(id),
        }
    }
}

/// Fetches every answer, in the order of the questions. Fails at the first that does not come.
pub(super) fn all(source: &Source, terminal: Terminal) -> Result<Vec<Fetched>, ApiError> {
    let mut all = Vec::new();
    for fetched in fetch(source, true, terminal)? {
        let text = fetched.result?;
        all.push(Fetched { result: Ok(text), ..fetched });
    }
    Ok(all)
}

/// Fetches every answer that comes. Fails only if it is not known which clusters there are.
pub(super) fn each(source: &Source, terminal: Terminal) -> Outcome<Vec<Fetched>> {
    Ok(fetch(source, false, terminal)?)
}

/// Fetches the answers for these ids; what fails for one harms no other.
pub(super) fn each_of(
    endpoint: Endpoint,
    ids: &[String],
    terminal: Terminal,
) -> Outcome<Vec<Fetched>> {
    let message = format!("asking the API for {}", ids.join(", "));
    Ok(ask(endpoint, terminal, &message, async |client| {
        Ok(at_once(ids, false, async |id| client.cluster(id).await).await)
    })?)
}

/// The clusters that the API lists, or those whose name or id has `search` in it.
pub(super) fn list(
    endpoint: Endpoint,
    search: Option<&str>,
    terminal: Terminal,
) -> Outcome<Vec<Listed>> {
    let message = "asking the API for its list";
    Ok(ask(endpoint, terminal, message, async |client| client.clusters(search).await)?)
}

/// Reads one file.
pub(super) fn read(path: PathBuf) -> Fetched {
    let result = input::read_text(&path, Kind::Answer).map_err(ApiError::from);
    Fetched { asked: input::name_of(&path), source: AnswerSource::File(path), result }
}

fn fetch(source: &Source, stops_early: bool, terminal: Terminal) -> Result<Vec<Fetched>, ApiError> {
    match &source.origin {
        Origin::Files(paths) => Ok(paths.iter().cloned().map(read).collect()),
        Origin::Named(selectors) => {
            let message = format!("asking the API for {}", selectors.join(", "));
            ask(source.endpoint.clone()?, terminal, &message, async |client| {
                let find = async |selector: &str| client.find(selector).await;
                Ok(at_once(selectors, stops_early, find).await)
            })
        }
        Origin::All(team) => {
            let message = "asking the API for every cluster";
            ask(source.endpoint.clone()?, terminal, message, async |client| {
                let mut listed = client.clusters(None).await?;
                listed.retain(|cluster| cluster.is_of(team.as_deref()));
                let ids: Vec<_> = listed.into_iter().map(|cluster| cluster.id).collect();
                Ok(at_once(&ids, stops_early, async |id| client.cluster(id).await).await)
            })
        }
    }
}

/// Asks for each of these, [`AT_ONCE`] at a time, in this order.
async fn at_once(
    selectors: &[String],
    stops_early: bool,
    ask: impl AsyncFn(&str) -> Result<ClusterAnswer, ApiError>,
) -> Vec<Fetched> {
    let ask = &ask;
    let fetch = |asked: String| async move {
        let (id, result) = match ask(&asked).await {
            Ok(answer) => (answer.id, Ok(answer.text)),
            Err(error) => (asked.clone(), Err(error)),
        };
        Fetched { asked, source: AnswerSource::Api(id), result }
    };
    let mut answers = stream::iter(selectors.to_vec()).map(fetch).buffered(AT_ONCE);
    let mut all = Vec::new();
    while let Some(fetched) = answers.next().await {
        let stops = stops_early && fetched.result.is_err();
        all.push(fetched);
        if stops {
            break;
        }
    }
    all
}

/// Runs `work` with a client of its own, and shows that it goes on.
fn ask<T>(
    endpoint: Endpoint,
    terminal: Terminal,
    message: &str,
    work: impl AsyncFnOnce(Client) -> Result<T, ApiError>,
) -> Result<T, ApiError> {
    let client = endpoint.client(terminal)?;
    block_on(terminal.wait_for(message, work(client)))?
}

/// Runs `work` to its end on this thread.
pub(super) fn block_on<T>(work: impl Future<Output = T>) -> Outcome<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start")
        .or_fail(Kind::Local)?;
    let done = runtime.block_on(work);
    // A look-up of a name cannot be interrupted, and the time limit holds for it too.
    runtime.shutdown_background();
    Ok(done)
}
