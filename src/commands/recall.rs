//! Answers of the API that may be kept ones, as the user wants it.

use super::fetch::{self, Answer, AnswerSource, Answers, FetchError};
use super::gather;
use crate::api::cache::{self, Cache, CachedResponse, Key};
use crate::failure::{Failure, Kind, Outcome};
use crate::settings::{Caching, Origin};
use crate::terminal::Terminal;
use crate::text::time::span;

/// Answers, and which of them are new.
#[derive(Debug)]
pub(super) struct Recalled {
    pub(super) answers: Answers,
    new: Vec<(Key, CachedResponse)>,
}

/// What the API can be asked, and its answers kept for: one cluster, or all.
struct Question {
    key: Key,
    /// The id or name of the one cluster.
    selector: Option<String>,
}

/// Reads the files, takes what is kept, or asks the API.
pub(super) fn answers(origin: Origin, caching: &Caching, terminal: Terminal) -> Outcome<Recalled> {
    let (Some(cache), false) = (&caching.cache, matches!(origin, Origin::Files(_))) else {
        return Ok(Recalled { answers: fetch::answers(origin, terminal)?, new: Vec::new() });
    };
    let named = !matches!(origin, Origin::All(..));
    let (mut answers, mut open) = (Vec::new(), Vec::new());
    for question in questions(&origin) {
        match question.kept_in(cache).filter(|kept| caching.takes(kept.age())) {
            Some(kept) => {
                question.tell(&kept, caching, terminal);
                answers.extend(kept.answers.into_iter().map(Answer::from));
            }
            None if caching.offline => return Err(question.nothing_kept()),
            None => open.push(question),
        }
    }
    let mut new = Vec::new();
    if !open.is_empty() {
        let fetched = fetch::all(only(origin, &open), terminal)
            .map_err(|missed| advised(missed, cache, &open))?;
        if caching.max_age.is_some() {
            new = open.iter().map(|open| (open.key.clone(), open.kept_of(&fetched))).collect();
        }
        answers.extend(fetched.into_iter().map(|(_, answer)| answer));
    }
    Ok(Recalled { answers: Answers { answers, named }, new })
}

impl Recalled {
    /// Keeps the new answers. This is for answers that were found to be usable: one that is not
    /// would be refused for as long as it is kept.
    pub(super) fn keep(&self, caching: &Caching, terminal: Terminal) {
        for (cache, (key, kept)) in
            caching.cache.iter().flat_map(|c| self.new.iter().map(move |n| (c, n)))
        {
            if let Err(error) = cache.write(key, kept) {
                terminal.warning(format_args!("the answer is not kept: {error}"));
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

/// The same, for the questions that are open.
fn only(origin: Origin, open: &[Question]) -> Origin {
    match origin {
        Origin::Clusters(api, _) => {
            let selectors = open.iter().filter_map(|question| question.selector.clone());
            Origin::Clusters(api, selectors.collect())
        }
        other => other,
    }
}

/// Where the API is down and an answer of before is there, that can be used.
fn advised(missed: FetchError, cache: &Cache, open: &[Question]) -> Failure {
    let FetchError { failure, is_outage, .. } = missed;
    let kept: Option<Vec<CachedResponse>> =
        open.iter().map(|question| question.kept_in(cache)).collect();
    let Some(kept) = kept.filter(|_| is_outage) else { return failure };
    let oldest = kept.iter().filter_map(CachedResponse::age).max().unwrap_or_default();
    let mut hint = format!(
        "an answer of {} ago is kept: --offline, or PRIME_SSH_OFFLINE=1, uses it",
        span(oldest)
    );
    if let Some(other) = &failure.hint {
        hint = format!("{hint}; else {other}");
    }
    failure.hint(hint)
}

impl Question {
    /// What is kept for it. Answers that cannot be read are as good as none.
    fn kept_in(&self, cache: &Cache) -> Option<CachedResponse> {
        let kept = cache.read(&self.key)?;
        let readable = |answer: &cache::Answer| gather::survey(&answer.id, &answer.text).is_ok();
        let complete = self.selector.is_none() || kept.answers.len() == 1;
        (complete && kept.answers.iter().all(readable)).then_some(kept)
    }

    /// What is to be kept of the answers.
    fn kept_of(&self, fetched: &[(String, Answer)]) -> CachedResponse {
        let is_mine = |asked: &String| self.selector.as_ref().is_none_or(|mine| mine == asked);
        let answers = fetched.iter().filter(|(asked, _)| is_mine(asked));
        CachedResponse::new(answers.filter_map(|(_, answer)| answer.kept()).collect())
    }

    fn tell(&self, kept: &CachedResponse, caching: &Caching, terminal: Terminal) {
        let age = match kept.age() {
            Some(age) => format!("{} ago", span(age)),
            None => "a time to come, as this machine's clock says".to_owned(),
        };
        let told = format_args!("{self}: the answer of {age}, kept in the cache");
        if caching.offline { terminal.note(told) } else { terminal.detail(told) }
    }

    fn nothing_kept(&self) -> Failure {
        let message = format!("no answer is kept for {self}");
        let hint = "leave out --offline (PRIME_SSH_OFFLINE), and give --cache DURATION \
                    (PRIME_SSH_CACHE) for answers to be kept";
        Failure::message(Kind::Api, message).hint(hint)
    }
}

impl std::fmt::Display for Question {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.selector {
            Some(selector) => selector.fmt(f),
            None => f.write_str("all clusters"),
        }
    }
}

impl From<cache::Answer> for Answer {
    fn from(kept: cache::Answer) -> Self {
        Self { from: AnswerSource::Api(kept.id), text: kept.text }
    }
}

impl Answer {
    /// As it is kept; an answer from a file is not.
    fn kept(&self) -> Option<cache::Answer> {
        match &self.from {
            AnswerSource::Api(id) => {
                Some(cache::Answer { id: id.clone(), text: self.text.clone() })
            }
            AnswerSource::File(_) => None,
        }
    }
}
