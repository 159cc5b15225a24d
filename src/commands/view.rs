//! Clusters as the user knows them: an installed one by its names and options, any other one as
//! `install` without options would make it.

use std::ffi::OsString;

use super::fetch::{self, AnswerSource, Fetched};
use super::fleets::distinct;
use super::installed::{self, ask_again};
use super::nodes::ViewedCluster;
use crate::cluster::{CheckedCluster, Selection, resolve_one};
use crate::failure::{Failure, Kind, OrFail, Outcome};
use crate::install::folder;
use crate::install::layout::Layout;
use crate::install::present::Present;
use crate::install::state::{self, Record};
use crate::name::{Id, Slug};
use crate::settings::{Origin, OwnCommands, Rendering, Source, ViewSettings, pasted};
use crate::terminal::Terminal;

/// The answers for the clusters that a run looks at.
#[derive(Debug)]
pub(super) struct ViewAnswers {
    /// In the order in which they were named. The id is of an installed cluster, which is the one
    /// that is meant of all that a file may hold.
    answers: Vec<(Fetched, Option<Id<'static>>)>,
    /// The clusters that are installed here.
    pub(super) installed: Present,
}

/// Reads what is installed here. A folder that cannot be read is no reason to look at nothing.
pub(super) fn installed_here(layout: &Layout, terminal: Terminal) -> Present {
    match folder::read(layout) {
        Ok(present) => present,
        Err(failure) => {
            terminal.warning(format_args!("it is not known what is installed: {failure}"));
            Present::default()
        }
    }
}

/// Asks for each cluster: for an installed one where it was installed from, for any other one the
/// API that this shell means. What fails for one harms no other.
pub(super) fn ask(viewing: &ViewSettings<'_>) -> Outcome<ViewAnswers> {
    let terminal = viewing.context.terminal;
    let installed = installed_here(&viewing.layout, terminal);
    let answers = match &viewing.source.origin {
        Origin::Named(selectors) => named(selectors, viewing, &installed)?,
        Origin::Files(_) | Origin::All(_) => {
            let fetched = fetch::each(&viewing.source, terminal)?;
            fetched.into_iter().map(|fetched| (fetched, None)).collect()
        }
    };
    Ok(ViewAnswers { answers, installed })
}

fn named(
    selectors: &[String],
    viewing: &ViewSettings<'_>,
    installed: &Present,
) -> Outcome<Vec<(Fetched, Option<Id<'static>>)>> {
    let meant: Vec<_> =
        selectors.iter().map(|selector| asked_of(selector, viewing, installed)).collect();
    let records: Vec<&Record> = meant.iter().filter_map(|meant| meant.ok()).collect();
    let others = meant.iter().filter_map(|meant| meant.err()).map(str::to_owned).collect();
    let mut again = ask_again(&records, viewing.context).into_iter();
    let endpoint = viewing.source.endpoint.clone();
    let others = Source { origin: Origin::Named(others), endpoint };
    let mut found = fetch::each(&others, viewing.context.terminal)?.into_iter();
    let answers = meant.into_iter().filter_map(|meant| match meant {
        Ok(record) => Some((again.next()?, Some(record.id.clone()))),
        Err(_) => Some((found.next()?, None)),
    });
    Ok(answers.collect())
}

/// The installed cluster that is meant, or what to ask the API of this shell for.
fn asked_of<'i>(
    selector: &'i str,
    viewing: &ViewSettings<'_>,
    installed: &'i Present,
) -> Result<&'i Record, &'i str> {
    match installed::called(installed, selector) {
        // Another API's cluster may have the same name, but none has a name that we gave.
        Some(record)
            if viewing.endpoint_is_typed
                || record.source == state::Source::Stdin
                || viewing.waits && record.source.api().is_none() =>
        {
            Err(if record.name.as_str() == selector { selector } else { record.id.as_str() })
        }
        Some(record) => Ok(record),
        None => Err(selector),
    }
}

impl ViewAnswers {
    /// Each cluster once, as it is known here, or why it is not, with its answer.
    pub(super) fn viewed<'a>(
        &'a self,
        viewing: &ViewSettings<'_>,
    ) -> Outcome<Vec<(&'a Fetched, Outcome<ViewedCluster<'a>>)>> {
        let clusters = self.clusters(&viewing.context.commands())?;
        let checked: Vec<&CheckedCluster<'_>> =
            clusters.iter().filter_map(|(_, cluster)| cluster.as_ref().ok()).collect();
        let mut names = names(&checked, viewing, &self.installed).into_iter();
        let mut viewed = Vec::with_capacity(clusters.len());
        for (fetched, cluster) in clusters {
            let cluster = cluster
                .and_then(|cluster| self.view(fetched, cluster, names.next().flatten(), viewing));
            viewed.push((fetched, cluster));
        }
        if matches!(viewing.source.origin, Origin::All(_)) {
            viewed.sort_by_cached_key(|(fetched, cluster)| {
                cluster.as_ref().map_or_else(|_| fetched.asked.clone(), ViewedCluster::alias)
            });
        }
        Ok(viewed)
    }

    /// The checked answers, each cluster once; a file may hold several.
    fn clusters(
        &self,
        commands: &OwnCommands,
    ) -> Outcome<Vec<(&Fetched, Outcome<CheckedCluster<'_>>)>> {
        distinct(self.answers.iter().map(|(fetched, about)| match about {
            Some(id) => {
                let found = installed_cluster(fetched, id, commands);
                (fetched, found.map(|cluster| vec![cluster]))
            }
            None => (fetched, fetched.clusters()),
        }))
    }

    fn view<'a>(
        &'a self,
        fetched: &Fetched,
        cluster: CheckedCluster<'a>,
        name: Option<Slug<'static>>,
        viewing: &ViewSettings<'_>,
    ) -> Outcome<ViewedCluster<'a>> {
        let id = cluster.id().map(|id| id.clone().into_owned());
        let record = id.as_ref().and_then(|id| self.installed.of_id(id.as_str()));
        let source = install_words(record, fetched, id.as_ref(), &viewing.context.commands());
        let mut rendering = rendering(record, viewing)?;
        let selection = &mut rendering.fleet.selection;
        if viewing.waits {
            *selection = Selection::default();
        }
        selection.among = viewing.filter.clone();
        Ok(ViewedCluster {
            resolved: resolve_one(cluster, name, &rendering.fleet),
            record,
            rendering,
            source,
        })
    }
}

/// The words that name a cluster behind `prime-ssh install`.
fn install_words(
    record: Option<&Record>,
    fetched: &Fetched,
    id: Option<&Id<'_>>,
    commands: &OwnCommands,
) -> Vec<OsString> {
    let installed = record.and_then(|record| commands.source_of(record));
    installed.unwrap_or_else(|| match &fetched.source {
        AnswerSource::File(path) if !fetch::is_stdin(path) => vec!["--input".into(), path.into()],
        // It cannot be read again.
        AnswerSource::File(_) => vec!["--input".into(), "FILE".into()],
        AnswerSource::Api(asked) => {
            commands.source_of_listed(id.map_or(asked.as_str(), |id| id.as_str()))
        }
    })
}

/// The installed cluster in an answer, which may hold others.
fn installed_cluster<'a>(
    fetched: &'a Fetched,
    id: &Id<'_>,
    commands: &OwnCommands,
) -> Outcome<CheckedCluster<'a>> {
    let install = pasted(commands.installed("install", ["--input", "FILE"]));
    let hint = || format!("{install} says where it is read from now on");
    let found = fetched.cluster(id, &fetched.asked).map_err(|failure| match failure.hint {
        None => failure.hint(hint()),
        Some(_) => failure,
    });
    found?.ok_or_else(|| {
        let message = format!("{} does not hold cluster {id}, {}", fetched.source, fetched.asked);
        Failure::message(Kind::Answer, message).hint(hint())
    })
}

/// Resolves the options that a cluster is rendered with.
fn rendering(record: Option<&Record>, viewing: &ViewSettings<'_>) -> Outcome<Rendering> {
    let prime_context = match record {
        Some(record) => record.source.context().map(str::to_owned),
        None => viewing.context.prime_context()?,
    };
    let options = viewing.options.apply(record.map(|record| &record.options));
    viewing.context.rendering(&options.or_fail(Kind::Usage)?, prime_context.as_deref())
}

/// Names clusters: by their recorded names, or by those that they would get.
fn names(
    clusters: &[&CheckedCluster<'_>],
    viewing: &ViewSettings<'_>,
    installed: &Present,
) -> Vec<Option<Slug<'static>>> {
    if let Some(name) = &viewing.name {
        return clusters.iter().map(|_| Some(name.clone())).collect();
    }
    installed::names(installed, clusters, |_| false)
}
