//! Answers of the API, or cached ones where the user's options allow that.

use super::fetch::{self, AnswerSource, FetchError, Fetched};
use super::fleets;
use crate::api::cache::{Cache, CachedResponse, Key};
use crate::api::client::ClusterAnswer;
use crate::failure::{Failure, Kind, Outcome};
use crate::settings::{Caching, Origin};
use crate::terminal::Terminal;
use crate::text::time::span;

/// Answers, and which of them are new.
#[derive(Debug)]
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

/// Reads the files, takes what is cached, or asks the API.
pub(super) fn answers(origin: Origin, caching: &Caching, terminal: Terminal) -> Outcome<Answers> {
    let Some(cache) = caching.cache.as_ref().filter(|_| !matches!(origin, Origin::Files(_))) else {
        let fetched = fetch::all(&origin, terminal)?;
        return Ok(Answers { fetched, new: Vec::new() });
    };
    let mut answers = Answers { fetched: Vec::new(), new: Vec::new() };
    let mut open = Vec::new();
    for question in questions(&origin) {
        match question.cached_in(cache).filter(|cached| caching.takes(cached.age())) {
            Some(cached) => {
                question.tell_age(&cached, caching, terminal);
                answers.fetched.extend(cached.answers.into_iter().map(|cached| Fetched {
                    asked: cached.id.clone(),
                    source: AnswerSource::Api(cached.id),
                    result: Ok(cached.text),
                }));
            }
            None if caching.offline => return Err(question.nothing_cached()),
            None => open.push(question),
        }
    }
    if !open.is_empty() {
        let fetched = fetch::all(&only(origin, &open), terminal)
            .map_err(|error| advise_offline(error, cache, &open))?;
        if caching.max_age.is_some() {
            answers.new =
                open.iter().map(|open| (open.key.clone(), open.entry(&fetched))).collect();
        }
        answers.fetched.extend(fetched);
    }
    Ok(answers)
}

impl Answers {
    /// Writes new answers to the cache, after they were found to be usable: one that is not would
    /// be refused for as long as it is cached.
    pub(super) fn write_new(&self, caching: &Caching, terminal: Terminal) {
        let Some(cache) = &caching.cache else { return };
        for (key, entry) in &self.new {
            if let Err(error) = cache.write(key, entry) {
                terminal.warning(format_args!("cannot cache the answer: {error}"));
            }
        }
    }
}

fn questions(origin: &Origin) -> Vec<Question> {
    match origin {
        Origin::Files(_) => Vec::new(),
        Origin::Clusters(api, selectors) => selectors
            .iter()
            .map(|selector| Question {
                key: Key::of_cluster(&api.address, &api.token, selector),
                selector: Some(selector.clone()),
            })
            .collect(),
        Origin::All(api, team) => {
            let key = Key::of_all(&api.address, &api.token, team.as_deref());
            vec![Question { key, selector: None }]
        }
    }
}

/// The same origin with these questions only.
fn only(origin: Origin, open: &[Question]) -> Origin {
    match origin {
        Origin::Clusters(api, _) => {
            let selectors = open.iter().filter_map(|question| question.selector.clone());
            Origin::Clusters(api, selectors.collect())
        }
        other => other,
    }
}

/// If the API is down and every answer is cached, says that they can be used.
fn advise_offline(error: FetchError, cache: &Cache, open: &[Question]) -> Failure {
    let FetchError { failure, is_outage, .. } = error;
    let cached: Option<Vec<CachedResponse>> =
        open.iter().map(|question| question.cached_in(cache)).collect();
    let Some(cached) = cached.filter(|_| is_outage) else { return failure };
    let oldest = cached.iter().filter_map(CachedResponse::age).max().unwrap_or_default();
    let age = span(oldest);
    let cached =
        format!("use the cached answer from {age} ago with --offline or PRIME_SSH_OFFLINE=1");
    let hint = match &failure.hint {
        Some(other) => format!("{other}, or {cached}"),
        None => cached,
    };
    failure.hint(hint)
}

impl Question {
    /// Returns the cached answer, if all of it can be parsed.
    fn cached_in(&self, cache: &Cache) -> Option<CachedResponse> {
        let cached = cache.read(&self.key)?;
        let readable = |answer: &ClusterAnswer| fleets::check(&answer.id, &answer.text).is_ok();
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

    fn tell_age(&self, cached: &CachedResponse, caching: &Caching, terminal: Terminal) {
        let age = match cached.age() {
            Some(age) => format!("{} ago", span(age)),
            None => "the future, by this machine's clock".to_owned(),
        };
        let told = format_args!("{self}: using the cached answer from {age}");
        if caching.offline { terminal.note(told) } else { terminal.detail(told) }
    }

    fn nothing_cached(&self) -> Failure {
        let message = format!("no cached answer for {self}");
        let hint = "run it once without --offline (PRIME_SSH_OFFLINE), and with --cache DURATION \
         (PRIME_SSH_CACHE)";
        Failure::message(Kind::Api, message).hint(hint)
    }
}

impl std::fmt::Display for Question {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.selector.as_deref().unwrap_or("all clusters"))
    }
}
