//! Answers of the API, or cached ones where the user's options allow that.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::fetch::{self, AnswerSource, Fetched};
use super::fleets;
use crate::api::cache::{CacheFile, CachedResponse};
use crate::api::client::ClusterAnswer;
use crate::api::error::ApiError;
use crate::cli::CacheArgs;
use crate::failure::{Failure, Kind, Outcome};
use crate::settings::{Context, Environment, Origin, Source};
use crate::terminal::Terminal;
use crate::text::time::span;

/// Answers, and where those belong in the cache that are new.
pub(super) struct Answers {
    pub(super) fetched: Vec<Fetched>,
    new: Vec<Question>,
}

/// A question with an entry of its own in the cache: for one cluster, or for all.
struct Question {
    file: CacheFile,
    /// The id or name of the one cluster, or that it is about all.
    asked: String,
}

/// Reads the files, takes what is cached, or asks the API: for all clusters of the run, where the
/// cached answer for one does not do.
pub(super) fn answers(args: &CacheArgs, source: &Source, context: &Context) -> Outcome<Answers> {
    let terminal = context.terminal;
    let folder = folder(args, &context.environment)?;
    let Some(folder) = folder.filter(|_| !source.is_files()) else {
        return Ok(Answers { fetched: fetch::all(source, terminal)?, new: Vec::new() });
    };
    let questions = questions(source, &folder)?;
    let cached: Result<Vec<CachedResponse>, &Question> =
        questions.iter().map(|question| cached(question, source).ok_or(question)).collect();
    match cached {
        Ok(cached) if cached.iter().all(|cached| takes(args, cached.age())) => {
            for (Question { asked, .. }, cached) in questions.iter().zip(&cached) {
                let told = format_args!("{asked}: using the cached answer from {}", when(cached));
                if args.offline { terminal.note(told) } else { terminal.detail(told) }
            }
            let answers = cached.into_iter().flat_map(|cached| cached.answers);
            let fetched = answers.map(|ClusterAnswer { id, text }| Fetched {
                asked: id.clone(),
                source: AnswerSource::Api(id),
                result: Ok(text),
            });
            Ok(Answers { fetched: fetched.collect(), new: Vec::new() })
        }
        Err(Question { asked, .. }) if args.offline => Err(nothing_cached(asked)),
        cached => {
            let fetched =
                fetch::all(source, terminal).map_err(|error| advise_offline(error, cached.ok()))?;
            let new = if args.cache.is_some() { questions } else { Vec::new() };
            Ok(Answers { fetched, new })
        }
    }
}

impl Answers {
    /// Writes new answers to the cache, after they were found to be usable: one that is not would
    /// be refused for as long as it is cached.
    pub(super) fn write(&self, terminal: Terminal) {
        let Self { fetched, new } = self;
        // One for each question, or all of them for the only one.
        let size = if new.len() == 1 { fetched.len().max(1) } else { 1 };
        for (question, fetched) in new.iter().zip(fetched.chunks(size)) {
            let entry = CachedResponse::new(fetched.iter().filter_map(answer).collect());
            if let Err(error) = question.file.write(&entry) {
                terminal.warning(format_args!("cannot cache the answer: {error}"));
            }
        }
    }
}

/// Returns whether a cached answer of this age does; of one from a time to come it is not known.
fn takes(args: &CacheArgs, age: Option<Duration>) -> bool {
    let CacheArgs { cache: max_age, refresh, offline } = *args;
    offline || (!refresh && age.zip(max_age).is_some_and(|(age, max)| age <= max))
}

fn when(cached: &CachedResponse) -> String {
    match cached.age() {
        Some(age) => format!("{} ago", span(age)),
        None => "the future, by this machine's clock".to_owned(),
    }
}

/// Fails where the options contradict each other.
pub(super) fn check(args: &CacheArgs) -> Outcome<()> {
    if args.refresh && args.offline {
        let message = "--offline never asks the API, but --refresh always does";
        return Err(Failure::message(Kind::Usage, message));
    }
    Ok(())
}

/// Returns the folder of the XDG Base Directory Specification, where one is known: a relative path
/// there counts as none. Fails where the cache is asked for and there is none.
fn folder(args: &CacheArgs, environment: &Environment) -> Outcome<Option<PathBuf>> {
    let named = environment.variable("XDG_CACHE_HOME")?.map(PathBuf::from);
    let of_home = || environment.home().map(|home| home.join(".cache"));
    let folder = named.filter(|folder| folder.is_absolute()).or_else(of_home);
    if folder.is_none() && (args.cache.is_some() || args.offline) {
        let message = "no folder for cached answers: neither XDG_CACHE_HOME nor HOME is set";
        return Err(Failure::message(Kind::Usage, message));
    }
    Ok(folder.map(|folder| folder.join("prime-ssh")))
}

fn questions(source: &Source, folder: &Path) -> Outcome<Vec<Question>> {
    let api = source.endpoint.clone()?;
    let about = |asked: &str, question: &[&str]| Question {
        file: CacheFile::of(folder, &api.address, &api.token, question),
        asked: asked.to_owned(),
    };
    Ok(match &source.origin {
        Origin::Files(_) => Vec::new(),
        Origin::Named(named) => named.iter().map(|name| about(name, &["cluster", name])).collect(),
        Origin::All(Some(team)) => vec![about("all clusters", &["team", team])],
        Origin::All(None) => vec![about("all clusters", &["all"])],
    })
}

/// Returns the cached answer, if all of it can be parsed.
fn cached(question: &Question, source: &Source) -> Option<CachedResponse> {
    let cached = question.file.read()?;
    let readable =
        |answer: &ClusterAnswer| fleets::checked_answer(&answer.id, &answer.text).is_ok();
    let complete = matches!(source.origin, Origin::All(_)) || cached.answers.len() == 1;
    (complete && cached.answers.iter().all(readable)).then_some(cached)
}

/// The answer of the API, as it is cached.
fn answer(fetched: &Fetched) -> Option<ClusterAnswer> {
    let (AnswerSource::Api(id), Ok(text)) = (&fetched.source, &fetched.result) else { return None };
    Some(ClusterAnswer { id: id.clone(), text: text.clone() })
}

/// If the API is down and every answer is cached, says that they can be used.
fn advise_offline(error: ApiError, cached: Option<Vec<CachedResponse>>) -> Failure {
    let Some(cached) = cached.filter(|_| error.is_outage) else { return error.into() };
    let age = span(cached.iter().filter_map(CachedResponse::age).max().unwrap_or_default());
    let cached =
        format!("use the cached answer from {age} ago with --offline or PRIME_SSH_OFFLINE=1");
    let hint = match &error.failure.hint {
        Some(other) => format!("{other}, or {cached}"),
        None => cached,
    };
    Failure::from(error).hint(hint)
}

fn nothing_cached(asked: &str) -> Failure {
    let hint = "run it once without --offline (PRIME_SSH_OFFLINE), and with --cache DURATION \
         (PRIME_SSH_CACHE)";
    Failure::message(Kind::Api, format!("no cached answer for {asked}")).hint(hint)
}
