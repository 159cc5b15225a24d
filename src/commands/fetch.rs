//! Where the clusters come from: saved answers are read, or the API is asked.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::Context;
use tokio::task::JoinSet;

use crate::api::client::{Client, Listed};
use crate::api::error::Error as ApiError;
use crate::failure::{Failure, Kind, OrFail, Outcome};
use crate::settings::{Endpoint, Origin};
use crate::terminal::Terminal;

/// How many clusters are asked for at once.
pub(super) const AT_ONCE: usize = 8;

/// Answers of Get Cluster, unread.
#[derive(Debug)]
pub(super) struct Answers {
    pub(super) answers: Vec<Answer>,
    /// Whether the clusters were named, so that each must give a host.
    pub(super) named: bool,
}

/// One answer of Get Cluster, unread.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) from: AnswerSource,
    pub(super) text: String,
}

/// Where an answer comes from.
#[derive(Debug)]
pub(super) enum AnswerSource {
    /// A file; `-` is stdin.
    File(PathBuf),
    /// The API, asked for the cluster with this id.
    Api(String),
}

/// As a message calls it.
impl fmt::Display for AnswerSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => f.write_str(&name_of(path)),
            Self::Api(id) => f.write_str(id),
        }
    }
}

/// Reads the files, or asks the API. The first failure ends all.
pub(super) fn answers(origin: Origin, terminal: Terminal) -> Outcome<Answers> {
    let named = !matches!(origin, Origin::All(..));
    let fetched = all(origin, terminal).map_err(|missed| missed.failure)?;
    Ok(Answers { answers: fetched.into_iter().map(|(_, answer)| answer).collect(), named })
}

/// The same, each answer with what it was asked for by.
pub(super) fn all(origin: Origin, terminal: Terminal) -> Result<Vec<(String, Answer)>, FetchError> {
    let fetched = fetch(origin, Failures::EndAll, terminal)?;
    fetched.into_iter().map(|Fetched { asked, answer }| Ok((asked, answer?))).collect()
}

/// An answer that came or did not.
#[derive(Debug)]
pub(super) struct Fetched {
    /// What it was asked for by, as a message calls it.
    pub(super) asked: String,
    pub(super) answer: Result<Answer, FetchError>,
}

/// Why an answer did not come.
#[derive(Debug)]
pub(super) struct FetchError {
    pub(super) failure: Failure,
    /// The API knows no such cluster.
    pub(super) is_unknown: bool,
    /// The API could not be asked, or could not tell.
    pub(super) is_outage: bool,
}

impl From<Failure> for FetchError {
    fn from(failure: Failure) -> Self {
        Self { failure, is_unknown: false, is_outage: false }
    }
}

impl From<ApiError> for FetchError {
    fn from(error: ApiError) -> Self {
        let (is_unknown, is_outage) = (error.is_not_found(), error.is_outage());
        Self { failure: error.into(), is_unknown, is_outage }
    }
}

/// Reads the files, or asks the API; what fails for one cluster harms no other. Fails only where
/// it is not known which clusters there are.
pub(super) fn each(origin: Origin, terminal: Terminal) -> Outcome<Vec<Fetched>> {
    fetch(origin, Failures::StandAlone, terminal).map_err(|missed| missed.failure)
}

/// Asks the API for clusters by their ids; what fails for one harms no other.
pub(super) fn each_of(
    endpoint: Endpoint,
    ids: Vec<String>,
    terminal: Terminal,
) -> Outcome<Vec<Fetched>> {
    let message = format!("asking the API for {}", ids.join(", "));
    ask(endpoint, terminal, &message, async |client| {
        Ok(get_each(client, ids, Failures::StandAlone).await)
    })
    .map_err(|missed| missed.failure)
}

/// The clusters that the API lists, or those whose name or id has `search` in it.
pub(super) fn list(
    endpoint: Endpoint,
    search: Option<&str>,
    terminal: Terminal,
) -> Outcome<Vec<Listed>> {
    let listed = ask(endpoint, terminal, "asking the API for its list", async |client| {
        client.clusters(search).await
    });
    listed.map_err(|missed| missed.failure)
}

/// What the failure of one answer means for the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Failures {
    EndAll,
    StandAlone,
}

fn fetch(
    origin: Origin,
    failures: Failures,
    terminal: Terminal,
) -> Result<Vec<Fetched>, FetchError> {
    match origin {
        Origin::Files(paths) => Ok(paths.into_iter().map(|path| read(&path)).collect()),
        Origin::Clusters(endpoint, selectors) => {
            let message = format!("asking the API for {}", selectors.join(", "));
            ask(endpoint, terminal, &message, async |client| {
                Ok(find_each(client, selectors, failures).await)
            })
        }
        Origin::All(endpoint, team) => {
            ask(endpoint, terminal, "asking the API for every cluster", async |client| {
                let mut listed = client.clusters(None).await?;
                if team.is_some() {
                    listed.retain(|cluster| cluster.team_id == team);
                }
                let ids = listed.into_iter().map(|cluster| cluster.id).collect();
                Ok(get_each(client, ids, failures).await)
            })
        }
    }
}

/// Reads one saved answer.
pub(super) fn read(path: &Path) -> Fetched {
    let from = AnswerSource::File(path.to_owned());
    let asked = from.to_string();
    let text = read_text(path, &asked, Kind::Answer);
    let answer = text.map(|text| Answer { from, text }).map_err(FetchError::from);
    Fetched { asked, answer }
}

/// How a message calls a file.
pub(super) fn name_of(path: &Path) -> String {
    if is_stdin(path) { "stdin".to_owned() } else { path.display().to_string() }
}

/// The text of a file; `no_text` is what kind of failure it is where it holds none.
pub(super) fn read_text(path: &Path, name: &str, no_text: Kind) -> Outcome<String> {
    let bytes = if is_stdin(path) {
        let mut bytes = Vec::new();
        io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        read_file(path)
    };
    let bytes = bytes.with_context(|| format!("cannot read {name}")).or_fail(Kind::Local)?;
    String::from_utf8(bytes)
        .map_err(|_| Failure::message(no_text, format!("{name} is not UTF-8 text")))
}

/// A file of this many bytes is worth a second reader.
const LARGE: u64 = 16 * 1024 * 1024;

/// The bytes of a file. Most of the time of a large one goes into the pages of memory that it
/// comes to stand in, and two threads get twice as many of them.
fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let found = file.metadata()?;
    let mut bytes = Vec::new();
    if let Some(length) = usize::try_from(found.len()).ok().filter(|_| found.len() >= LARGE) {
        bytes = vec![0; length];
        let (front, back) = bytes.split_at_mut(length / 2);
        let (middle, reading) = (front.len() as u64, &file);
        thread::scope(|scope| {
            let reader = scope.spawn(move || reading.read_exact_at(back, middle));
            reading.read_exact_at(front, 0)?;
            reader.join().unwrap_or_else(|panicked| std::panic::resume_unwind(panicked))
        })?;
        file.seek(SeekFrom::Start(length as u64))?;
    }
    // The whole of a small one, and what a large one has grown by meanwhile.
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn is_stdin(path: &Path) -> bool {
    path == Path::new("-")
}

/// Runs `work` with a client of its own, and shows that it goes on.
fn ask<T>(
    endpoint: Endpoint,
    terminal: Terminal,
    message: &str,
    work: impl AsyncFnOnce(Client) -> Result<T, ApiError>,
) -> Result<T, FetchError> {
    let client = Client::new(endpoint.address, endpoint.token, endpoint.timeout)?;
    Ok(block_on(terminal.wait_for(message, work(client)))??)
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

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        let (kind, hint, detail) = (error.kind(), error.hint(), error.details());
        Self { kind, lines: error.lines(), cause: error.into(), hint, detail }
    }
}

async fn find_each(client: Client, selectors: Vec<String>, failures: Failures) -> Vec<Fetched> {
    side_by_side(selectors, failures, move |selector| {
        let client = client.clone();
        async move {
            let found = client.find(&selector).await?;
            Ok(Answer { from: AnswerSource::Api(found.id), text: found.text })
        }
    })
    .await
}

async fn get_each(client: Client, ids: Vec<String>, failures: Failures) -> Vec<Fetched> {
    side_by_side(ids, failures, move |id| {
        let client = client.clone();
        async move {
            let text = client.cluster(&id).await?;
            Ok(Answer { from: AnswerSource::Api(id), text })
        }
    })
    .await
}

/// Does `work` for each item, [`AT_ONCE`] at a time.
async fn side_by_side<W>(
    items: Vec<String>,
    failures: Failures,
    work: impl Fn(String) -> W,
) -> Vec<Fetched>
where
    W: Future<Output = Result<Answer, ApiError>> + Send + 'static,
{
    let mut waiting = items.into_iter();
    let mut running = JoinSet::new();
    let start = |running: &mut JoinSet<Fetched>, asked: String| {
        let work = work(asked.clone());
        running.spawn(async move {
            let answer = work.await.map_err(FetchError::from);
            Fetched { asked, answer }
        });
    };
    for item in waiting.by_ref().take(AT_ONCE) {
        start(&mut running, item);
    }
    let mut answers = Vec::new();
    while let Some(joined) = running.join_next().await {
        // A task that panicked ends the program with its own message.
        let fetched = joined.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
        let ends = failures == Failures::EndAll && fetched.answer.is_err();
        answers.push(fetched);
        if ends {
            break;
        }
        if let Some(item) = waiting.next() {
            start(&mut running, item);
        }
    }
    answers
}
