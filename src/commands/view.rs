//! Clusters as the person knows them: an installed one by its names and options, any other one as
//! `install` without options would make it.

use super::fetch::{self, CameFrom, Fetched, Missed};
use super::gather;
use super::installed::{self, ask_again};
use crate::failure::{Failure, Kind, Outcome};
use crate::fleet::{Survey, Walked, name_clusters, walk};
use crate::install::folder;
use crate::install::layout::Layout;
use crate::install::plan::Installed;
use crate::install::state::{Record, Source};
use crate::name::Slug;
use crate::settings::{Memory, Origin, Remembered, Rendering, Viewing, Which};
use crate::terminal::Terminal;

/// What was answered for the clusters that a run looks at.
#[derive(Debug)]
pub(super) struct Asked {
    /// In the order in which they were named.
    answers: Vec<Fetched>,
    /// What is installed here.
    pub(super) installed: Installed,
}

/// One cluster that was asked for.
#[derive(Debug)]
pub(super) struct View<'a> {
    /// What it was asked for by, as a message calls it.
    pub(super) asked: &'a str,
    /// What there is to see, or why nothing.
    pub(super) seen: Outcome<Seen<'a>>,
}

/// A cluster as the person knows it.
#[derive(Debug)]
pub(super) struct Seen<'a> {
    /// Its hosts, or why there are none, with what was refused and what a person should know.
    pub(super) walked: Walked<'a>,
    /// As what it is installed here.
    pub(super) record: Option<&'a Record>,
    /// How it is rendered.
    pub(super) rendering: Rendering,
}

/// What is installed here. What stands in the way of knowing is no reason to look at nothing.
pub(super) fn installed_here(layout: &Layout, terminal: Terminal) -> Installed {
    match folder::read(layout) {
        Ok(present) => present.installed(),
        Err(error) => {
            terminal.warning(format_args!("it is not known what is installed: {error}"));
            Installed::default()
        }
    }
}

/// Asks for each cluster: for an installed one where it was installed from, for any other one the
/// API that this shell means. What fails for one harms no other.
pub(super) fn ask(viewing: &Viewing, memory: &Memory<'_>, terminal: Terminal) -> Outcome<Asked> {
    let installed = installed_here(&viewing.layout, terminal);
    let answers = match &viewing.which {
        Which::Files(paths) => paths.iter().map(|path| fetch::read(path)).collect(),
        Which::All(team) => {
            let endpoint = viewing.endpoint.as_ref().map_err(Failure::again)?.clone();
            fetch::each(Origin::All(endpoint, team.clone()), terminal)?
        }
        Which::Named(selectors) => named(selectors, viewing, &installed, memory, terminal)?,
    };
    Ok(Asked { answers, installed })
}

fn named(
    selectors: &[String],
    viewing: &Viewing,
    installed: &Installed,
    memory: &Memory<'_>,
    terminal: Terminal,
) -> Outcome<Vec<Fetched>> {
    let (mut records, mut others) = (Vec::new(), Vec::new());
    let mut places = Vec::new();
    for selector in selectors {
        match asked_of(selector, viewing, installed) {
            Ok(record) => {
                places.push((true, records.len()));
                records.push(record);
            }
            Err(selector) => {
                places.push((false, others.len()));
                others.push(selector.to_owned());
            }
        }
    }
    let again = ask_again(&records, memory, terminal);
    let again = again.into_iter().map(|c| Fetched { asked: c.asked, answer: c.answer });
    let found = find(others, viewing, terminal)?;
    let (mut again, mut found): (Vec<_>, Vec<_>) =
        (again.map(Some).collect(), found.into_iter().map(Some).collect());
    let taken = places.into_iter().filter_map(|(is_record, at)| {
        let from = if is_record { &mut again } else { &mut found };
        from.get_mut(at)?.take()
    });
    Ok(taken.collect())
}

/// The installed cluster that is meant, or what to ask the API of this shell for.
pub(super) fn asked_of<'i>(
    selector: &'i str,
    viewing: &Viewing,
    installed: &'i Installed,
) -> Result<&'i Record, &'i str> {
    match installed::called(installed, selector) {
        // Another API's cluster may have the same name, but none has our alias.
        Some(record) if viewing.endpoint_is_typed || record.source == Source::Stdin => {
            Err(if record.alias() == selector { record.id.as_str() } else { selector })
        }
        Some(record) => Ok(record),
        None => Err(selector),
    }
}

/// The answers for these clusters, by id or name, in their order.
fn find(selectors: Vec<String>, viewing: &Viewing, terminal: Terminal) -> Outcome<Vec<Fetched>> {
    if selectors.is_empty() {
        return Ok(Vec::new());
    }
    match &viewing.endpoint {
        Ok(endpoint) => {
            let origin = Origin::Clusters(endpoint.clone(), selectors.clone());
            let mut fetched = fetch::each(origin, terminal)?;
            let place = |asked: &str| selectors.iter().position(|selector| selector == asked);
            fetched.sort_by_key(|fetched| place(&fetched.asked));
            Ok(fetched)
        }
        Err(failure) => {
            let missed = |asked| Fetched { asked, answer: Err(Missed::from(failure.again())) };
            Ok(selectors.into_iter().map(missed).collect())
        }
    }
}

impl Asked {
    /// Each cluster once, as it is known here.
    pub(super) fn views<'a>(
        &'a self,
        viewing: &Viewing,
        memory: &Memory<'_>,
    ) -> Outcome<Vec<View<'a>>> {
        let surveys = self.surveys(&viewing.which)?;
        let checked: Vec<&Survey<'_>> =
            surveys.iter().filter_map(|(_, survey)| survey.as_ref().ok()).collect();
        let mut names = names(&checked, viewing, &self.installed).into_iter();
        let mut views = Vec::with_capacity(surveys.len());
        for (asked, survey) in surveys {
            let seen = survey.and_then(|survey| {
                let name = names.next().flatten().map(Slug::into_owned);
                self.see(survey, name, viewing, memory)
            });
            views.push(View { asked, seen });
        }
        if matches!(viewing.which, Which::All(_)) {
            views.sort_by_cached_key(View::alias);
        }
        Ok(views)
    }

    /// The checked answers, each cluster once; a file may hold the data of several, of which an
    /// installed cluster is one.
    fn surveys(&self, which: &Which) -> Outcome<Vec<(&str, Outcome<Survey<'_>>)>> {
        let mut surveys: Vec<(&str, Outcome<Survey<'_>>)> = Vec::with_capacity(self.answers.len());
        for Fetched { asked, answer } in &self.answers {
            let answer = answer.as_ref().map_err(|missed| missed.failure.again());
            match answer.and_then(|answer| Ok((&answer.from, gather::surveys_of(answer)?))) {
                Err(failure) => surveys.push((asked, Err(failure))),
                Ok((from, mut found)) => {
                    if let (Which::Named(_), CameFrom::File(_)) = (which, from)
                        && let Some(record) = installed::called(&self.installed, asked)
                        && let Err(failure) = keep(&mut found, record, from)
                    {
                        surveys.push((asked, Err(failure)));
                    }
                    for survey in found {
                        let earlier = surveys.iter().filter_map(|(_, other)| other.as_ref().ok());
                        if !gather::is_again(&survey, earlier, from)? {
                            surveys.push((asked, Ok(survey)));
                        }
                    }
                }
            }
        }
        Ok(surveys)
    }

    fn see<'a>(
        &'a self,
        survey: Survey<'a>,
        name: Option<Slug<'static>>,
        viewing: &Viewing,
        memory: &Memory<'_>,
    ) -> Outcome<Seen<'a>> {
        let id = survey.id().map(|id| id.clone().into_owned());
        let record = id.as_ref().and_then(|id| self.installed.of_id(id.as_str()));
        let mut rendering = rendering(record, viewing, memory)?;
        rendering.walk.recorded = id.zip(name).into_iter().collect();
        let label = survey.label().to_owned();
        let walked = walk(vec![survey], &rendering.walk).pop();
        let nothing = || Failure::message(Kind::Answer, format!("{label}: no answer"));
        Ok(Seen { walked: walked.ok_or_else(nothing)?, record, rendering })
    }
}

/// Keeps the installed cluster of those that a file holds; whatever is wrong with one that has no
/// id is told.
fn keep(found: &mut Vec<Survey<'_>>, record: &Record, from: &CameFrom) -> Outcome<()> {
    found.retain(|survey| survey.id().is_none_or(|id| *id == record.id));
    if found.is_empty() {
        let (alias, id) = (record.alias(), &record.id);
        let message = format!("{alias} is cluster {id}, and {from} holds others");
        return Err(Failure::message(Kind::Answer, message));
    }
    Ok(())
}

/// How a cluster is rendered.
pub(super) fn rendering(
    record: Option<&Record>,
    viewing: &Viewing,
    memory: &Memory<'_>,
) -> Outcome<Rendering> {
    let context = match record.map(|record| &record.source) {
        Some(Source::Api { context, .. }) => context.as_deref(),
        Some(Source::Input(_) | Source::Stdin) => None,
        None => viewing.context.as_deref(),
    };
    let remembered = match (&viewing.typed, record) {
        (Some(typed), _) => typed.clone(),
        (None, Some(record)) => Remembered::of(record),
        (None, None) => viewing.fresh.clone(),
    };
    memory.rendering(&remembered, context)
}

/// What clusters are called: by their recorded names, or by those that they would get.
pub(super) fn names<'a>(
    surveys: &[&Survey<'a>],
    viewing: &Viewing,
    installed: &Installed,
) -> Vec<Option<Slug<'a>>> {
    if let Some(name) = &viewing.name {
        return surveys.iter().map(|_| Some(name.clone())).collect();
    }
    name_clusters(surveys, &installed::recorded(installed, surveys, |_| false))
}

impl View<'_> {
    /// The cluster's alias, or what it was asked for by where that is not known.
    pub(super) fn alias(&self) -> String {
        let alias = self.seen.as_ref().ok().and_then(|seen| seen.walked.alias());
        alias.map_or_else(|| self.asked.to_owned(), |alias| alias.to_string())
    }
}
