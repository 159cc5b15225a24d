//! Answers of Get Cluster: from files, or from the API.

use std::fmt;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use futures_util::{StreamExt, stream};

use crate::api::client::{ApiEndpoint, Client, ClusterAnswer};
use crate::api::error::ApiError;
use crate::api::list::Listed;
use crate::failure::{Failure, Kind, OrFail, Outcome};
use crate::fs::{FILE_MAX, read_input};
use crate::settings::{Origin, Source};
use crate::terminal::Terminal;
use crate::text::shell;

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
            Self::File(path) => f.write_str(&name_of(path)),
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

/// Fetches every answer that comes; what fails for one cluster that is named harms no other. Fails
/// only if it is not known which clusters there are.
pub(super) fn each(source: &Source, terminal: Terminal) -> Outcome<Vec<Fetched>> {
    Ok(fetch(source, false, terminal)?)
}

/// Fetches the answers for these ids; what fails for one harms no other.
pub(super) fn each_of(
    endpoint: Outcome<ApiEndpoint>,
    ids: &[String],
    terminal: Terminal,
) -> Vec<Fetched> {
    let message = format!("asking the API for {}", ids.join(", "));
    let answers = ask(endpoint, terminal, &message, async |client| {
        Ok(at_once(ids, false, async |id| client.cluster(id).await).await)
    });
    answers.unwrap_or_else(|error| not_asked(ids, &error))
}

/// The clusters that the API lists, or those whose name or id has `search` in it.
pub(super) fn list(
    endpoint: ApiEndpoint,
    search: Option<&str>,
    terminal: Terminal,
) -> Outcome<Vec<Listed>> {
    let message = "asking the API for its list";
    Ok(ask(Ok(endpoint), terminal, message, async |client| client.clusters(search).await)?)
}

/// Reads one file.
pub(super) fn read(path: PathBuf) -> Fetched {
    let result = read_text(&path, Kind::Answer).map_err(ApiError::from);
    Fetched { asked: name_of(&path), source: AnswerSource::File(path), result }
}

/// Reads the text of a file; `-` is stdin. `no_text` is the kind of failure if it is not UTF-8.
pub(super) fn read_text(path: &Path, no_text: Kind) -> Outcome<String> {
    let bytes =
        if is_stdin(path) { read_stdin() } else { read_input(path, FILE_MAX).map_err(Into::into) };
    String::from_utf8(bytes.or_fail(Kind::Local)?)
        .map_err(|_| Failure::message(no_text, format!("{} is not UTF-8 text", name_of(path))))
}

fn read_stdin() -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let stdin = io::stdin().lock();
    stdin.take(FILE_MAX + 1).read_to_end(&mut bytes).context("cannot read stdin")?;
    if bytes.len() as u64 > FILE_MAX {
        return Err(anyhow!("cannot read stdin: it is over {} MiB", FILE_MAX >> 20));
    }
    Ok(bytes)
}

/// Returns the name of a file for messages.
pub(super) fn name_of(path: &Path) -> String {
    if is_stdin(path) { "stdin".to_owned() } else { shell::path(path) }
}

/// Returns whether a path that was typed is standard input.
pub(super) fn is_stdin(path: &Path) -> bool {
    path == Path::new("-")
}

fn fetch(source: &Source, stops_early: bool, terminal: Terminal) -> Result<Vec<Fetched>, ApiError> {
    let endpoint = source.endpoint.clone();
    match &source.origin {
        Origin::Files(paths) => Ok(paths.iter().cloned().map(read).collect()),
        Origin::Named(selectors) if selectors.is_empty() => Ok(Vec::new()),
        Origin::Named(selectors) => {
            let message = format!("asking the API for {}", selectors.join(", "));
            let answers = ask(endpoint, terminal, &message, async |client| {
                Ok(at_once(selectors, stops_early, async |name| client.find(name).await).await)
            });
            Ok(answers.unwrap_or_else(|error| not_asked(selectors, &error)))
        }
        Origin::All(team) => {
            let message = "asking the API for every cluster";
            ask(endpoint, terminal, message, async |client| {
                let mut listed = client.clusters(None).await?;
                listed.retain(|cluster| cluster.is_of(team.as_deref()));
                let ids: Vec<_> = listed.into_iter().map(|cluster| cluster.id).collect();
                Ok(at_once(&ids, stops_early, async |id| client.cluster(id).await).await)
            })
        }
    }
}

fn not_asked(asked: &[String], error: &ApiError) -> Vec<Fetched> {
    asked.iter().map(|asked| Fetched::not_asked(asked.clone(), &error.failure)).collect()
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
pub(super) fn ask<T>(
    endpoint: Outcome<ApiEndpoint>,
    terminal: Terminal,
    message: &str,
    work: impl AsyncFnOnce(Client) -> Result<T, ApiError>,
) -> Result<T, ApiError> {
    let client = Client::new(endpoint?, terminal)?;
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
