//! Installed clusters as they are to be now: what the API, or a file, says of each.

use super::answer::{Candidate, ask_again};
use super::apply::InstallRequest;
use super::desired::{DesiredOutcome, DesiredState};
use super::names::recorded;
use super::summary::{ClusterChange, Line};
use crate::cluster::name_clusters;
use crate::commands::fetch::{self, FetchError};
use crate::failure::{Failure, Kind, Outcome};
use crate::install::follow::Follow;
use crate::install::layout::Layout;
use crate::install::plan::{Desired, Installed, Present};
use crate::install::state::{Damage, FileKind, FileStem, Record, Source};
use crate::name::Slug;
use crate::settings::{OptionResolver, pasted};
use crate::terminal::Terminal;
use crate::text::shell;

/// Installed clusters, with what was answered for them.
pub(in crate::commands) struct Asked {
    records: Vec<Record>,
    candidates: Vec<Candidate>,
    damaged: Vec<Line>,
    follow: Option<Follow>,
    newcomers: Vec<Candidate>,
}

impl Asked {
    /// Asks for these clusters, where each was installed from.
    pub(in crate::commands) fn of(
        before: &Present,
        stems: &[FileStem],
        follow: Option<Follow>,
        layout: &Layout,
        resolver: &OptionResolver<'_>,
        terminal: Terminal,
    ) -> Self {
        let installed = before.installed();
        let newcomers =
            follow.as_ref().map(|follow| newcomers(follow, &installed, resolver, terminal));
        let Installed { records, damaged, .. } = installed;
        let is_meant = |stem: &FileStem| stems.contains(stem);
        let records: Vec<Record> = records
            .into_iter()
            .filter(|(stem, _)| is_meant(stem))
            .map(|(_, record)| record)
            .collect();
        let damaged = damaged.iter().filter(|(stem, _)| is_meant(stem));
        let mut damaged: Vec<Line> =
            damaged.map(|(stem, damage)| left_damaged(layout, stem, damage)).collect();
        let newcomers = newcomers.unwrap_or(Ok(Vec::new())).unwrap_or_else(|failure| {
            let what = ClusterChange::Left(failure);
            damaged.push(Line { cluster: "new clusters".to_owned(), what, stem: None });
            Vec::new()
        });
        let candidates = ask_again(&records.iter().collect::<Vec<_>>(), resolver, terminal);
        Self { records, candidates, damaged, follow, newcomers }
    }

    pub(in crate::commands) fn is_empty(&self) -> bool {
        self.records.is_empty() && self.damaged.is_empty() && self.follow.is_none()
    }

    /// What becomes of the clusters.
    pub(in crate::commands) fn request(
        mut self,
        desired: &mut DesiredState<'_>,
        prune: bool,
    ) -> InstallRequest {
        let lines = std::mem::take(&mut self.damaged);
        let mut request = InstallRequest { lines, ..InstallRequest::default() };
        for (record, candidate) in self.records.iter().zip(&self.candidates) {
            // Another run may have changed or removed it meanwhile.
            let Some(record) = desired.installed.of_id(record.id.as_str()) else { continue };
            let cluster = record.alias();
            let what = match bring(desired, record, candidate, prune) {
                Ok(DesiredOutcome::Put(put, what)) => {
                    request.desired.push(put);
                    what
                }
                Ok(DesiredOutcome::Gone(why)) => {
                    request.desired.push(Desired::Remove(record.stem()));
                    ClusterChange::Removed(format!(": cluster {} {why}", record.id))
                }
                Ok(DesiredOutcome::Nothing(failure)) | Err(failure) => ClusterChange::Left(failure),
            };
            request.lines.push(Line { cluster, what, stem: Some(record.stem()) });
        }
        self.add_newcomers(desired, &mut request);
        request.talk.append(desired.take_talk());
        request
    }

    /// The clusters that are new, with the options of the subscription. One that cannot be installed
    /// is no failure of the others.
    fn add_newcomers(&self, desired: &mut DesiredState<'_>, request: &mut InstallRequest) {
        let Some(follow) = &self.follow else { return };
        let mut found = Vec::new();
        for candidate in &self.newcomers {
            match candidate.fetched.clusters() {
                Ok(clusters) => found.extend(clusters.into_iter().map(|c| (candidate, c))),
                Err(failure) => request.talk.note(not_installed(candidate, &failure)),
            }
        }
        let clusters: Vec<_> = found.iter().map(|(_, cluster)| cluster).collect();
        let removed = |record: &Record| {
            let stem = record.stem();
            request.desired.iter().any(|one| matches!(one, Desired::Remove(gone) if *gone == stem))
        };
        let recorded = recorded(desired.installed, &clusters, removed);
        let names = name_clusters(&clusters, &recorded);
        let names: Vec<_> = names.into_iter().map(|name| name.map(Slug::into_owned)).collect();
        for ((candidate, cluster), name) in found.into_iter().zip(names) {
            let (Some(name), Some(id)) = (name, cluster.id().map(ToString::to_string)) else {
                continue;
            };
            let alias = format!("{}.{name}", follow.options.prefix());
            let stem = Some(FileStem::new(&name, &id));
            match desired.outcome(cluster, name, candidate.source.clone(), &follow.options) {
                Ok(DesiredOutcome::Put(put, what)) => {
                    request.desired.push(put);
                    request.lines.push(Line { cluster: alias, what, stem });
                }
                Ok(DesiredOutcome::Gone(_)) => {}
                Ok(DesiredOutcome::Nothing(failure)) | Err(failure) => {
                    request.talk.note(not_installed(candidate, &failure));
                }
            }
        }
    }
}

fn not_installed(candidate: &Candidate, failure: &Failure) -> String {
    format!("{} is not installed: {:#}", candidate.fetched.asked, failure.cause)
}

/// Asks for the clusters of a subscription that are not installed.
fn newcomers(
    follow: &Follow,
    installed: &Installed,
    resolver: &OptionResolver<'_>,
    terminal: Terminal,
) -> Outcome<Vec<Candidate>> {
    let Follow { source, options, excluded } = follow;
    let endpoint = resolver.endpoint(source, options.token_file.as_ref())?;
    let mut listed = fetch::list(endpoint.clone(), None, terminal)?;
    listed.retain(|cluster| {
        (source.team.is_none() || cluster.team_id == source.team)
            && installed.of_id(&cluster.id).is_none()
            && !excluded.contains(&cluster.id)
    });
    let ids: Vec<String> = listed.into_iter().map(|cluster| cluster.id).collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let fetched = fetch::each_of(endpoint, &ids, terminal)?;
    let candidate = |fetched| Candidate { source: Source::Api(source.clone()), fetched };
    Ok(fetched.into_iter().map(candidate).collect())
}

/// What becomes of one installed cluster.
pub(in crate::commands) fn bring(
    desired: &mut DesiredState<'_>,
    record: &Record,
    candidate: &Candidate,
    prune: bool,
) -> Outcome<DesiredOutcome> {
    let fetched = &candidate.fetched;
    let prune_hint = || {
        let sync = pasted(desired.commands().installed("sync", ["--prune", &*record.alias()]));
        format!("if it is gone for good, {sync} removes it")
    };
    match &fetched.result {
        Err(FetchError { is_unknown: true, .. }) if prune => {
            return Ok(DesiredOutcome::Gone("is not known to the API"));
        }
        Err(FetchError { failure, is_unknown: true, .. }) => {
            return Err(failure.again().hint(prune_hint()));
        }
        Ok(_) | Err(_) => {}
    }
    match fetched.cluster(&record.id, &record.alias())? {
        Some(cluster) => {
            let (name, source) = (record.name.clone(), record.source.clone());
            desired.outcome(cluster, name, source, &record.options)
        }
        None if prune => Ok(DesiredOutcome::Gone("is not in the file any more")),
        None => {
            let message = format!("{} does not hold cluster {}", fetched.source, record.id);
            Err(Failure::message(Kind::Answer, message).hint(prune_hint()))
        }
    }
}

fn left_damaged(layout: &Layout, stem: &FileStem, damage: &Damage) -> Line {
    let path = layout.file(&stem.file(FileKind::State));
    let failure = Failure::message(Kind::Local, format!("{}: {damage}", shell::path(&path)))
        .hint("install that cluster again; its hosts stay as they are until then");
    let what = ClusterChange::Left(failure);
    Line { cluster: stem.to_string(), what, stem: Some(stem.clone()) }
}
