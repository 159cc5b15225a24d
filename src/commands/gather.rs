//! From where the clusters come from to their fleets: fetch or read, check, walk, and tell what a
//! person should know.

use std::io::Read;
use std::path::Path;

use anyhow::Context;
use tokio::task::JoinSet;

use crate::api::client::Client;
use crate::api::error::Error as ApiError;
use crate::failure::{Failure, Kind, OrFail, Outcome};
use crate::fleet::{self, Fleet, Survey, Unrendered, Walked, walk};
use crate::settings::{Endpoint, Origin};
use crate::terminal::Terminal;

/// How many clusters are asked for at once.
const AT_ONCE: usize = 8;

/// Answers of Get Cluster, unread.
#[derive(Debug)]
pub(super) struct Answers {
    answers: Vec<Answer>,
    /// Whether the clusters were named, so that each must give a host.
    named: bool,
}

#[derive(Debug)]
struct Answer {
    from: From,
    text: String,
}

/// Where an answer comes from.
#[derive(Debug)]
enum From {
    /// A file; the text is how a message calls it.
    File(String),
    /// The API, asked for the cluster with this id.
    Api(String),
}

/// Reads the files, or asks the API.
pub(super) fn answers(origin: Origin, terminal: Terminal) -> Outcome<Answers> {
    let (answers, named) = match origin {
        Origin::Files(paths) => {
            (paths.iter().map(|path| read(path)).collect::<Outcome<_>>()?, true)
        }
        Origin::Clusters(endpoint, selectors) => {
            let message = format!("asking the API for {}", selectors.join(", "));
            (ask(endpoint, terminal, &message, |client| find_each(client, selectors))?, true)
        }
        Origin::All(endpoint, team) => {
            let message = "asking the API for every cluster";
            (ask(endpoint, terminal, message, |client| fetch_all(client, team))?, false)
        }
    };
    Ok(Answers { answers, named })
}

fn read(path: &Path) -> Outcome<Answer> {
    let stdin = path == Path::new("-");
    let name = if stdin { "stdin".to_owned() } else { path.display().to_string() };
    let bytes = if stdin {
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        std::fs::read(path)
    };
    let bytes = bytes.with_context(|| format!("cannot read {name}")).or_fail(Kind::Local)?;
    let text = String::from_utf8(bytes)
        .map_err(|_| Failure::message(Kind::Answer, format!("{name} is not UTF-8 text")))?;
    Ok(Answer { from: From::File(name), text })
}

/// Runs `work` with a client of its own, and shows that it goes on.
fn ask<W>(
    endpoint: Endpoint,
    terminal: Terminal,
    message: &str,
    work: impl FnOnce(Client) -> W,
) -> Outcome<Vec<Answer>>
where
    W: Future<Output = Result<Vec<Answer>, ApiError>>,
{
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start")
        .or_fail(Kind::Local)?;
    let client = Client::new(endpoint.address, endpoint.token, endpoint.timeout)?;
    let done = runtime.block_on(terminal.wait_for(message, work(client)));
    // A look-up of a name cannot be interrupted, and the time limit holds for it too.
    runtime.shutdown_background();
    Ok(done?)
}

impl std::convert::From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        let (kind, hint) = (error.kind(), error.hint());
        Self { kind, cause: error.into(), hint }
    }
}

async fn find_each(client: Client, selectors: Vec<String>) -> Result<Vec<Answer>, ApiError> {
    side_by_side(selectors, move |selector| {
        let client = client.clone();
        async move {
            let found = client.find(&selector).await?;
            Ok(Answer { from: From::Api(found.id), text: found.text })
        }
    })
    .await
}

async fn fetch_all(client: Client, team: Option<String>) -> Result<Vec<Answer>, ApiError> {
    let mut listed = client.clusters(None).await?;
    if team.is_some() {
        listed.retain(|cluster| cluster.team_id == team);
    }
    let ids = listed.into_iter().map(|cluster| cluster.id).collect();
    side_by_side(ids, move |id| {
        let client = client.clone();
        async move {
            let text = client.cluster(&id).await?;
            Ok(Answer { from: From::Api(id), text })
        }
    })
    .await
}

/// Does `work` for each item, [`AT_ONCE`] at a time. The first failure ends all.
async fn side_by_side<W>(
    items: Vec<String>,
    work: impl Fn(String) -> W,
) -> Result<Vec<Answer>, ApiError>
where
    W: Future<Output = Result<Answer, ApiError>> + Send + 'static,
{
    let mut waiting = items.into_iter();
    let mut running = JoinSet::new();
    for item in waiting.by_ref().take(AT_ONCE) {
        running.spawn(work(item));
    }
    let mut answers = Vec::new();
    while let Some(joined) = running.join_next().await {
        // A task that panicked ends the program with its own message.
        answers.push(joined.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))?);
        if let Some(item) = waiting.next() {
            running.spawn(work(item));
        }
    }
    Ok(answers)
}

/// Checks and walks the answers. What was refused is told, and ends the run unless `skip_invalid`.
pub(super) fn fleets<'a>(
    answers: &'a Answers,
    options: &fleet::Options,
    skip_invalid: bool,
    terminal: Terminal,
) -> Outcome<Vec<Fleet<'a>>> {
    let walked = walk(surveys(&answers.answers)?, options);
    tell_refusals(&walked, skip_invalid, terminal)?;
    let mut fleets = Vec::new();
    let mut last_failure = None;
    for Walked { title, fleet, notes, .. } in walked {
        for note in notes {
            terminal.note(note);
        }
        match fleet {
            Ok(fleet) => fleets.push(fleet),
            Err(why) => {
                let failure = unrendered(&title, &why);
                if ends_the_run(&why, answers.named) {
                    return Err(failure);
                }
                terminal.note(format_args!("left out {title}: {why}"));
                last_failure = Some(failure);
            }
        }
    }
    if fleets.is_empty() {
        return Err(last_failure.unwrap_or_else(|| {
            Failure::message(Kind::Answer, "nothing to render: the API lists no cluster")
                .hint("`--team any` asks for the clusters of every team")
        }));
    }
    Ok(fleets)
}

/// Whether a cluster without a fleet ends the run: one that was named does, unless what is wrong
/// with it has been told as a refusal; one of `--all` does only where the options are wrong for it.
fn ends_the_run(why: &Unrendered, named: bool) -> bool {
    match why {
        Unrendered::Refused => false,
        Unrendered::NoControlNode | Unrendered::BadJumpHost(_) => true,
        Unrendered::Terminated | Unrendered::NoHost | Unrendered::NoneSelected => named,
    }
}

/// Checks each answer. The same cluster twice is one where the API was asked by two of its names,
/// and a mistake where there are two files of it.
fn surveys(answers: &[Answer]) -> Outcome<Vec<Survey<'_>>> {
    let mut surveys: Vec<Survey<'_>> = Vec::with_capacity(answers.len());
    for Answer { from, text } in answers {
        let survey = match from {
            From::File(name) => Survey::of(text, name).map_err(|malformed| {
                let failure = Failure::message(Kind::Answer, format!("{name}: {malformed}"));
                failure.hint("--input takes what the API answers to Get Cluster, as JSON")
            })?,
            From::Api(asked) => {
                let survey = Survey::of(text, asked)
                    .map_err(|malformed| ApiError::malformed_cluster(asked, malformed))?;
                if let Some(answered) = survey.id().filter(|id| id.as_str() != asked) {
                    return Err(ApiError::other_cluster(asked, answered.as_str()).into());
                }
                survey
            }
        };
        match surveys.iter().find(|other| survey.id().is_some() && other.id() == survey.id()) {
            None => surveys.push(survey),
            Some(other) => {
                if let From::File(name) = from {
                    let message = format!("{} and {name} are of one cluster", other.label());
                    return Err(Failure::message(Kind::Usage, message));
                }
            }
        }
    }
    Ok(surveys)
}

/// How many refusals are told one by one.
const TOLD: usize = 20;

fn tell_refusals(walked: &[Walked<'_>], skip_invalid: bool, terminal: Terminal) -> Outcome<()> {
    let several = walked.len() > 1;
    let lines: Vec<String> = walked
        .iter()
        .flat_map(|walked| walked.refusals.iter().map(move |refusal| (walked, refusal)))
        .map(
            |(walked, refusal)| {
                if several { format!("{}: {refusal}", walked.title) } else { refusal.to_string() }
            },
        )
        .collect();
    if lines.is_empty() {
        return Ok(());
    }
    let (told, rest) = lines.split_at(lines.len().min(TOLD));
    let more = if rest.is_empty() { String::new() } else { format!("\n  and {} more", rest.len()) };
    let told = format!("\n  {}{more}", told.join("\n  "));
    if skip_invalid {
        terminal.warning(format_args!("left out what holds a refused value:{told}"));
        return Ok(());
    }
    Err(Failure::message(
        Kind::Answer,
        format!("the answer holds values that cannot be used:{told}"),
    )
    .hint("`--skip-invalid` leaves out these hosts and renders the rest"))
}

fn unrendered(title: &str, why: &Unrendered) -> Failure {
    let kind = match why {
        Unrendered::BadJumpHost(_) => Kind::Usage,
        _ => Kind::Answer,
    };
    let failure = Failure::message(kind, format!("nothing to render for {title}: {why}"));
    match why {
        Unrendered::NoHost | Unrendered::Terminated => {
            failure.hint("`--include-inactive` renders terminated and detached nodes too")
        }
        Unrendered::NoControlNode => failure.hint("name a jump host: `--jump-via HOST`"),
        _ => failure,
    }
}
