//! Answers of the API, or cached ones where the user's options allow that.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::fetch::{self, AnswerSource, Fetched};
use super::fleets;
use crate::api::cache::{Cache, CachedResponse, Key};
use crate::api::client::ClusterAnswer;
use crate::api::error::Error as ApiError;
use crate::cli::CacheArgs;
use crate::failure::{Failure, Kind, Outcome};
use crate::settings::{Context, Environment, Origin, Source};
use crate::terminal::Terminal;
use crate::text::time::span;

/// The cache, and its use.
pub(super) struct Caching<'c> {
    args: &'c CacheArgs,
    /// None where no folder is known.
    cache: Option<Cache>,
    terminal: Terminal,
}

/// Answers, and which of them are new.
#[derive(Default)]
pub(super) struct Answers {
    pub(super) fetched: Vec<Fetched>,
    new: Vec<(Key, CachedResponse)>,
}

/// A question with an entry of its own in the cache: for one cluster, or for all.
struct Question {
    key: Key,
    /// The id or name of the one cluster.
    selector: Option<String>,
}

impl<'c> Caching<'c> {
    pub(super) fn new(args: &'c CacheArgs, context: &Context) -> Outcome<Self> {
        if args.refresh && args.offline {
            let message = "--offline never asks the API, but --refresh always does";
            return Err(Failure::message(Kind::Usage, message));
        }
        let cache = folder(&context.environment)?.map(Cache::in_folder);
        if cache.is_none() && (args.cache.is_some() || args.offline) {
            let message = "no folder for cached answers: neither XDG_CACHE_HOME nor HOME is set";
            return Err(Failure::message(Kind::Usage, message));
        }
        Ok(Self { args, cache, terminal: context.terminal })
    }

    /// Reads the files, takes what is cached, or asks the API.
    pub(super) fn answers(&self, source: &Source) -> Outcome<Answers> {
        let mut answers = Answers::default();
        let Some(cache) = self.cache.as_ref().filter(|_| !source.is_files()) else {
            answers.fetched = fetch::all(source, self.terminal)?;
            return Ok(answers);
        };
        let mut open = Vec::new();
        for question in questions(source)? {
            match question.cached_in(cache).filter(|cached| self.takes(cached.age())) {
                Some(cached) => {
                    self.tell_age(&question, cached.age());
                    answers.fetched.extend(cached.answers.into_iter().map(|cached| Fetched {
                        asked: cached.id.clone(),
                        source: AnswerSource::Api(cached.id),
                        result: Ok(cached.text),
                    }));
                }
                None if self.args.offline => return Err(question.nothing_cached()),
                None => open.push(question),
            }
        }
        if !open.is_empty() {
            let fetched = fetch::all(&only(source, &open), self.terminal)
                .map_err(|error| advise_offline(error, cache, &open))?;
            if self.args.cache.is_some() {
                answers.new =
                    open.iter().map(|open| (open.key.clone(), open.entry(&fetched))).collect();
            }
            answers.fetched.extend(fetched);
        }
        Ok(answers)
    }

    /// Writes new answers to the cache, after they were found to be usable: one that is not would
    /// be refused for as long as it is cached.
    pub(super) fn write(&self, answers: &Answers) {
        let Some(cache) = &self.cache else { return };
        for (key, entry) in &answers.new {
            if let Err(error) = cache.write(key, entry) {
                self.terminal.warning(format_args!("cannot cache the answer: {error}"));
            }
        }
    }

    /// Returns whether a cached answer of this age does; of one from a time to come it is not
    /// known.
    fn takes(&self, age: Option<Duration>) -> bool {
        let CacheArgs { cache: max_age, refresh, offline } = *self.args;
        offline || (!refresh && age.zip(max_age).is_some_and(|(age, max)| age <= max))
    }

    fn tell_age(&self, question: &Question, age: Option<Duration>) {
        let age = match age {
            Some(age) => format!("{} ago", span(age)),
            None => "the future, by this machine's clock".to_owned(),
        };
        let told = format_args!("{question}: using the cached answer from {age}");
        if self.args.offline { self.terminal.note(told) } else { self.terminal.detail(told) }
    }
}

/// Returns the folder of the XDG Base Directory Specification: a relative path there counts as none.
fn folder(environment: &Environment) -> Outcome<Option<PathBuf>> {
    let named = environment.variable("XDG_CACHE_HOME")?.map(PathBuf::from);
    let of_home = || environment.home().map(|home| home.join(".cache"));
    let folder = named.filter(|folder| folder.is_absolute()).or_else(of_home);
    Ok(folder.map(|folder| folder.join("prime-ssh")))
}

fn questions(source: &Source) -> Outcome<Vec<Question>> {
    let api = source.endpoint.clone()?;
    let of_cluster = |selector: &String| Question {
        key: Key::of_cluster(&api.address, &api.token, selector),
        selector: Some(selector.clone()),
    };
    Ok(match &source.origin {
        Origin::Files(_) => Vec::new(),
        Origin::Named(selectors) => selectors.iter().map(of_cluster).collect(),
        Origin::All(team) => {
            let key = Key::of_all(&api.address, &api.token, team.as_deref());
            vec![Question { key, selector: None }]
        }
    })
}

/// The same source with these questions only.
fn only(source: &Source, open: &[Question]) -> Source {
    let named: Vec<String> = open.iter().filter_map(|open| open.selector.clone()).collect();
    let origin = if named.is_empty() { source.origin.clone() } else { Origin::Named(named) };
    Source { origin, endpoint: source.endpoint.clone() }
}

/// If the API is down and every answer is cached, says that they can be used.
fn advise_offline(error: ApiError, cache: &Cache, open: &[Question]) -> Failure {
    let cached: Option<Vec<CachedResponse>> =
        open.iter().map(|question| question.cached_in(cache)).collect();
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

impl Question {
    /// Returns the cached answer, if all of it can be parsed.
    fn cached_in(&self, cache: &Cache) -> Option<CachedResponse> {
        let cached = cache.read(&self.key)?;
        let readable =
            |answer: &ClusterAnswer| fleets::checked_answer(&answer.id, &answer.text).is_ok();
        let complete = self.selector.is_none() || cached.answers.len() == 1;
        (complete && cached.answers.iter().all(readable)).then_some(cached)
    }

    /// Returns the entry for the cache.
    fn entry(&self, fetched: &[Fetched]) -> CachedResponse {
        let is_mine =
            |fetched: &&Fetched| self.selector.as_ref().is_none_or(|mine| *mine == fetched.asked);
        let answer = |fetched: &Fetched| match (&fetched.source, &fetched.result) {
            (AnswerSource::Api(id), Ok(text)) => {
                Some(ClusterAnswer { id: id.clone(), text: text.clone() })
            }
            _ => None,
        };
        CachedResponse::new(fetched.iter().filter(is_mine).filter_map(answer).collect())
    }

    fn nothing_cached(&self) -> Failure {
        let message = format!("no cached answer for {self}");
        let hint = "run it once without --offline (PRIME_SSH_OFFLINE), and with --cache DURATION \
         (PRIME_SSH_CACHE)";
        Failure::message(Kind::Api, message).hint(hint)
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.selector.as_deref().unwrap_or("all clusters"))
    }
}
