//! Clusters as the person knows them: an installed one by its names and options, any other one as
//! `install` without options would make it.

use super::fetch::{self, Answer, FetchError, Fetched};
use super::gather;
use super::installed::{self, ask_again};
use crate::cluster::{CheckedCluster, ResolvedCluster, name_clusters, walk};
use crate::failure::{Failure, Kind, OrFail, Outcome};
use crate::install::folder;
use crate::install::layout::Layout;
use crate::install::plan::Installed;
use crate::install::state::{Record, Source};
use crate::name::{Id, Slug};
use crate::settings::{OptionResolver, Origin, Rendering, Viewing, Which};
use crate::terminal::Terminal;

/// What was answered for the clusters that a run looks at.
#[derive(Debug)]
pub(super) struct Asked {
    /// In the order in which they were named.
    answers: Vec<Answered>,
    /// What is installed here.
    pub(super) installed: Installed,
}

/// What was answered to one question.
#[derive(Debug)]
struct Answered {
    fetched: Fetched,
    /// The one cluster that was asked about, of all that a file may hold.
    about: Option<Id<'static>>,
}

impl From<Fetched> for Answered {
    fn from(fetched: Fetched) -> Self {
        Self { fetched, about: None }
    }
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
    pub(super) walked: ResolvedCluster<'a>,
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
pub(super) fn ask(
    viewing: &Viewing,
    memory: &OptionResolver<'_>,
    terminal: Terminal,
) -> Outcome<Asked> {
    let installed = installed_here(&viewing.layout, terminal);
    let answers = match &viewing.which {
        Which::Files(paths) => paths.iter().map(|path| fetch::read(path).into()).collect(),
        Which::All(team) => {
            let endpoint = viewing.endpoint.as_ref().map_err(Failure::again)?.clone();
            let fetched = fetch::each(Origin::All(endpoint, team.clone()), terminal)?;
            fetched.into_iter().map(Answered::from).collect()
        }
        Which::Named(selectors) => named(selectors, viewing, &installed, memory, terminal)?,
    };
    Ok(Asked { answers, installed })
}

fn named(
    selectors: &[String],
    viewing: &Viewing,
    installed: &Installed,
    memory: &OptionResolver<'_>,
    terminal: Terminal,
) -> Outcome<Vec<Answered>> {
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
    let again = again.into_iter().zip(&records).map(|(candidate, record)| Answered {
        fetched: Fetched { asked: candidate.asked, answer: candidate.answer },
        about: Some(record.id.clone()),
    });
    let found = find(others, viewing, terminal)?.into_iter().map(Answered::from);
    let (mut again, mut found): (Vec<_>, Vec<_>) =
        (again.map(Some).collect(), found.map(Some).collect());
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
            let missed = |asked| Fetched { asked, answer: Err(FetchError::from(failure.again())) };
            Ok(selectors.into_iter().map(missed).collect())
        }
    }
}

impl Asked {
    /// Each cluster once, as it is known here.
    pub(super) fn views<'a>(
        &'a self,
        viewing: &Viewing,
        memory: &OptionResolver<'_>,
    ) -> Outcome<Vec<View<'a>>> {
        let surveys = self.surveys()?;
        let checked: Vec<&CheckedCluster<'_>> =
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

    /// The checked answers, each cluster once; a file may hold the data of several.
    fn surveys(&self) -> Outcome<Vec<(&str, Outcome<CheckedCluster<'_>>)>> {
        let mut surveys: Vec<(&str, Outcome<CheckedCluster<'_>>)> =
            Vec::with_capacity(self.answers.len());
        for Answered { fetched: Fetched { asked, answer }, about } in &self.answers {
            let answer = answer.as_ref().map_err(|missed| missed.failure.again());
            match answer
                .and_then(|answer| Ok((&answer.from, found_in(answer, about.as_ref(), asked)?)))
            {
                Err(failure) => surveys.push((asked, Err(failure))),
                Ok((from, found)) => {
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
        survey: CheckedCluster<'a>,
        name: Option<Slug<'static>>,
        viewing: &Viewing,
        memory: &OptionResolver<'_>,
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

/// How a cluster is rendered.
pub(super) fn rendering(
    record: Option<&Record>,
    viewing: &Viewing,
    memory: &OptionResolver<'_>,
) -> Outcome<Rendering> {
    let context = match record.map(|record| &record.source) {
        Some(Source::Api { context, .. }) => context.as_deref(),
        Some(Source::Input(_) | Source::Stdin) => None,
        None => viewing.context.as_deref(),
    };
    let options = viewing.options.apply(record.map(|record| &record.options));
    memory.rendering(&options.or_fail(Kind::Usage)?, context)
}

/// What clusters are called: by their recorded names, or by those that they would get.
pub(super) fn names<'a>(
    surveys: &[&CheckedCluster<'a>],
    viewing: &Viewing,
    installed: &Installed,
) -> Vec<Option<Slug<'a>>> {
    if let Some(name) = &viewing.name {
        return surveys.iter().map(|_| Some(name.clone())).collect();
    }
    name_clusters(surveys, &installed::recorded(installed, surveys, |_| false))
}

/// What an answer holds: the one cluster that it was asked about, or all.
fn found_in<'a>(
    answer: &'a Answer,
    about: Option<&Id<'_>>,
    asked: &str,
) -> Outcome<Vec<CheckedCluster<'a>>> {
    let found = gather::surveys_of(answer)?;
    let Some(id) = about else { return Ok(found) };
    match gather::pick(found, id) {
        Ok(survey) => Ok(vec![survey]),
        Err(other) => Err(other
            .failure(&answer.from, asked, id)
            .hint("`prime-ssh install --input FILE` says where it is read from now on")),
    }
}

impl View<'_> {
    /// The cluster's alias, or what it was asked for by where that is not known.
    pub(super) fn alias(&self) -> String {
        let alias = self.seen.as_ref().ok().and_then(|seen| seen.walked.alias());
        alias.map_or_else(|| self.asked.to_owned(), |alias| alias.to_string())
    }
}
