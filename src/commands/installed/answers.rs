//! Installed clusters are asked for again, where they were asked for the first time: what the API, or
//! a file, says of each now.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::apply::Applying;
use super::desired::DesiredBuilder;
use super::names;
use super::summary::{ClusterChange, Line};
use crate::commands::fetch::{self, Fetched};
use crate::failure::{Failure, Kind, Outcome};
use crate::install::layout::Layout;
use crate::install::present::Present;
use crate::install::state::{ApiSource, FileKind, FileStem, Follow, Record, Source};
use crate::name::id_part;
use crate::settings::{Context, pasted};
use crate::text::{sanitize, shell};

/// Asks for installed clusters, each where its state says; what fails for one harms no other.
///
/// The answers are in the order of the records.
pub(in crate::commands) fn ask_again(records: &[&Record], context: &Context) -> Vec<Fetched> {
    let mut endpoints: BTreeMap<_, (&Record, Vec<String>)> = BTreeMap::new();
    for record in records {
        if let Some(ApiSource { url, context, .. }) = record.source.api() {
            let key = (url, context, record.options.token_file.as_ref());
            let (_, ids) = endpoints.entry(key).or_insert_with(|| (*record, Vec::new()));
            ids.push(record.id.to_string());
        }
    }
    let mut answers: Vec<Fetched> = Vec::new();
    for (record, ids) in endpoints.into_values() {
        answers.extend(fetch::each_of(context.endpoint_of(record), &ids, context.terminal));
    }
    let mut answer_for = |record: &Record| match &record.source {
        Source::Api(_) => {
            let at = answers.iter().position(|fetched| fetched.asked == record.id.as_str());
            at.map(|at| answers.swap_remove(at))
        }
        Source::Input(path) => Some(fetch::read(PathBuf::from(path))),
        Source::Stdin => None,
    };
    let answer = |record: &&Record| {
        let fetched = answer_for(record).unwrap_or_else(|| {
            Fetched::not_asked(record.id.to_string(), &from_stdin(record, context))
        });
        Fetched { asked: record.alias(), ..fetched }
    };
    records.iter().map(answer).collect()
}

fn from_stdin(record: &Record, context: &Context) -> Failure {
    let alias = record.alias();
    let message =
        format!("{alias} was installed from standard input or a pipe, which cannot be read again");
    let install = pasted(context.commands().installed("install", ["--input", "FILE"]));
    Failure::message(Kind::Local, message)
        .hint(format!("{install} brings it up to date from now on"))
}

/// Installed clusters, with what was answered for them.
pub(in crate::commands) struct InstalledAnswers {
    answers: Vec<(Record, Fetched)>,
    newcomers: Option<Newcomers>,
    /// What nothing could be asked about: a state or a list that cannot be read.
    failed: Vec<Line>,
}

impl InstalledAnswers {
    /// Asks for these clusters, and for those that are new to the subscription where it is among
    /// them.
    pub(in crate::commands) fn of(
        before: Present,
        stems: &[FileStem],
        applying: &Applying<'_>,
    ) -> Self {
        let Applying { layout, context, .. } = *applying;
        let is_meant = |stem: &FileStem| stems.contains(stem);
        let damaged = before.damaged.iter().filter(|(stem, _)| is_meant(stem));
        let mut failed: Vec<Line> =
            damaged.map(|(stem, damage)| left_damaged(layout, stem, damage)).collect();
        let stem = FileStem::subscription();
        let follow = before.follow.clone().filter(|_| is_meant(&stem));
        let newcomers = match follow.map(|follow| Newcomers::ask(follow, &before, context)) {
            Some(Err(failure)) => {
                let (cluster, what) = ("new clusters".to_owned(), ClusterChange::Left(failure));
                failed.push(Line { cluster, what, stem: Some(stem) });
                None
            }
            Some(Ok(newcomers)) => Some(newcomers),
            None => None,
        };
        let records = before.records.into_iter().filter(|(stem, _)| is_meant(stem));
        let records: Vec<Record> = records.map(|(_, record)| record).collect();
        let answers = ask_again(&records.iter().collect::<Vec<_>>(), context);
        Self { answers: records.into_iter().zip(answers).collect(), newcomers, failed }
    }

    pub(in crate::commands) fn is_empty(&self) -> bool {
        self.answers.is_empty() && self.newcomers.is_none() && self.failed.is_empty()
    }

    /// Decides what becomes of the clusters.
    pub(in crate::commands) fn decide(self, builder: &mut DesiredBuilder<'_>, prune: bool) {
        builder.lines.extend(self.failed);
        for (record, fetched) in &self.answers {
            // Another run may have changed or removed it meanwhile.
            let Some(record) = builder.present.of_id(record.id.as_str()) else { continue };
            let (cluster, stem) = (record.alias(), record.stem());
            let what = decide_installed(builder, record, fetched, prune)
                .unwrap_or_else(ClusterChange::Left);
            if matches!(what, ClusterChange::Removed(_)) {
                builder.desired.removed.insert(stem.clone());
            }
            builder.lines.push(Line { cluster, what, stem: Some(stem) });
        }
        if let Some(newcomers) = &self.newcomers {
            newcomers.decide(builder);
            builder.checked_new = true;
        }
    }
}

/// The clusters of a subscription that are not installed, with what was answered for them.
pub(in crate::commands) struct Newcomers {
    follow: Follow,
    answers: Vec<Fetched>,
}

impl Newcomers {
    /// Asks for them.
    pub(in crate::commands) fn ask(
        follow: Follow,
        present: &Present,
        context: &Context,
    ) -> Outcome<Self> {
        let Follow { source, options, excluded } = &follow;
        let endpoint = context.access_to(source, options)?.endpoint()?;
        let mut listed = fetch::list(endpoint.clone(), None, context.terminal)?;
        // One whose state is damaged is installed, and has options of its own that are not known.
        let is_damaged = |id: &str| {
            let part = id_part(id);
            present.damaged.iter().any(|(stem, _)| stem.parts().1 == part)
        };
        listed.retain(|cluster| {
            cluster.is_of(source.team.as_deref())
                && present.of_id(&cluster.id).is_none()
                && !is_damaged(&cluster.id)
                && !excluded.contains(&cluster.id)
        });
        let ids: Vec<String> = listed.into_iter().map(|cluster| cluster.id).collect();
        let answers = match ids.as_slice() {
            [] => Vec::new(),
            ids => fetch::each_of(Ok(endpoint), ids, context.terminal),
        };
        Ok(Self { follow, answers })
    }

    /// Adds the clusters that are new, with the options of the subscription. One that cannot be
    /// installed is no failure of the others.
    pub(in crate::commands) fn decide(&self, builder: &mut DesiredBuilder<'_>) {
        let Self { follow, answers } = self;
        let mut found = Vec::new();
        for fetched in answers {
            match fetched.clusters() {
                Ok(clusters) => found.extend(clusters.into_iter().map(|c| (fetched, c))),
                Err(failure) => builder.talk.note(left_out(fetched, &failure)),
            }
        }
        let clusters: Vec<_> = found.iter().map(|(_, cluster)| cluster).collect();
        let removed = &builder.desired.removed;
        let is_removed = |record: &Record| removed.contains(&record.stem());
        let names = names(builder.present, &clusters, is_removed);
        for ((fetched, cluster), name) in found.into_iter().zip(names) {
            let (Some(name), Some(id)) = (name, cluster.id().map(ToString::to_string)) else {
                continue;
            };
            let alias = format!("{}.{name}", follow.options.prefix());
            let stem = Some(FileStem::new(&name, &id));
            let source = Source::Api(follow.source.clone());
            match builder.decide(cluster, name, source, &follow.options) {
                Ok(ClusterChange::Removed(_)) => {}
                Ok(ClusterChange::NotInstalled(failure)) | Err(failure) => {
                    builder.talk.note(left_out(fetched, &failure));
                }
                Ok(what) => builder.lines.push(Line { cluster: alias, what, stem }),
            }
        }
    }
}

fn left_out(fetched: &Fetched, failure: &Failure) -> String {
    format!("{} is not installed: {}", sanitize::name(&fetched.asked), failure.in_short())
}

/// Decides what becomes of one installed cluster.
pub(in crate::commands) fn decide_installed(
    builder: &mut DesiredBuilder<'_>,
    record: &Record,
    fetched: &Fetched,
    prune: bool,
) -> Outcome<ClusterChange> {
    let (why, failure) = if let Err(error) = &fetched.result
        && error.is_not_found()
    {
        ("is not known to the API", (*error.failure).clone())
    } else if let Some(cluster) = fetched.cluster(&record.id, &record.alias())? {
        let (name, source) = (record.name.clone(), record.source.clone());
        return builder.decide(cluster, name, source, &record.options);
    } else {
        let message = format!("{} does not hold cluster {}", fetched.source, record.id);
        ("is not in the file any more", Failure::message(Kind::Answer, message))
    };
    if prune {
        return Ok(ClusterChange::Removed(format!(": cluster {} {why}", record.id)));
    }
    let sync = pasted(builder.context.commands().installed("sync", ["--prune", &*record.alias()]));
    Err(failure.hint(format!("if it is gone for good, {sync} removes it")))
}

fn left_damaged(layout: &Layout, stem: &FileStem, damage: &str) -> Line {
    let path = layout.part(stem, FileKind::State);
    let failure = Failure::message(Kind::Local, format!("{}: {damage}", shell::path(&path)))
        .hint("install that cluster again; its hosts stay as they are until then");
    let what = ClusterChange::Left(failure);
    Line { cluster: stem.to_string(), what, stem: Some(stem.clone()) }
}
