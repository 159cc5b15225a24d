//! The clusters that a run installs: their names, and what becomes of each. What is installed keeps
//! its name.

use std::collections::{HashMap, HashSet};

use crate::cluster::CheckedCluster;
use crate::commands::fetch::{AnswerSource, Fetched};
use crate::commands::installed::{ClusterChange, DesiredState, Line, ask_again, names};
use crate::commands::openssh;
use crate::failure::{Failure, Kind, OrFail, Outcome};
use crate::install::options::SavedOptions;
use crate::install::present::Present;
use crate::install::state::{FileStem, Record};
use crate::name::{Id, Slug};
use crate::settings::{InstallSettings, Origin, pasted};
use crate::ssh::release::OpenSsh;
use crate::text::message::Talk;

/// A cluster that a run is about, with the answer that it is from.
pub(super) type Candidate<'c> = (&'c Fetched, CheckedCluster<'c>);

/// The name that a cluster would like to have.
fn wanted(settings: &InstallSettings<'_>, cluster: &CheckedCluster<'_>) -> Option<Slug<'static>> {
    settings.viewing.name.clone().or_else(|| cluster.wanted_name().map(Slug::into_owned))
}

/// The installed clusters that have a name which a newcomer would like, and that were terminated.
pub(super) fn ended_owners(
    settings: &InstallSettings<'_>,
    installed: &Present,
    checked: &[Candidate<'_>],
) -> HashSet<Id<'static>> {
    let context = settings.viewing.context;
    let mut ended = HashSet::new();
    let mut unknown: Vec<&Record> = Vec::new();
    for (_, owner) in owners(settings, installed, checked) {
        let asked = checked.iter().find(|(_, cluster)| cluster.id() == Some(&owner.id));
        match asked.and_then(|(_, cluster)| cluster.cluster.as_ref()) {
            Some(cluster) if cluster.is_terminated() => _ = ended.insert(owner.id.clone()),
            Some(_) => {}
            None => unknown.push(owner),
        }
    }
    for (owner, fetched) in unknown.iter().zip(ask_again(&unknown, context)) {
        let is_ended = fetched.clusters().map(|clusters| {
            let mut known = clusters.iter().filter_map(|cluster| cluster.cluster.as_ref());
            known.any(|cluster| cluster.id == owner.id && cluster.is_terminated())
        });
        match is_ended {
            Ok(true) => _ = ended.insert(owner.id.clone()),
            Ok(false) => {}
            Err(failure) => context.terminal.note(format_args!(
                "{} keeps its name, for it is not known whether cluster {} has ended: {failure}",
                owner.alias(),
                owner.id
            )),
        }
    }
    ended
}

/// Newcomers, each with the installed cluster that has the name which it would like.
fn owners<'i>(
    settings: &InstallSettings<'_>,
    installed: &'i Present,
    checked: &[Candidate<'_>],
) -> Vec<(Id<'static>, &'i Record)> {
    let mut owners = Vec::new();
    for (_, cluster) in checked {
        let (Some(id), Some(name)) = (cluster.id(), wanted(settings, cluster)) else { continue };
        let is_newcomer = installed.of_id(id.as_str()).is_none() || settings.viewing.name.is_some();
        let mut records = installed.records.values();
        let owner = records.find(|record| record.name == name && record.id != *id);
        if let Some(owner) = owner.filter(|_| is_newcomer) {
            owners.push((id.clone().into_owned(), owner));
        }
    }
    owners
}

/// One cluster of this run, with the name that it is to have.
pub(super) struct Newcomer<'c> {
    fetched: &'c Fetched,
    cluster: CheckedCluster<'c>,
    name: Slug<'static>,
    /// The installed cluster that was terminated, and had this name.
    replaces: Option<Record>,
}

impl<'c> Newcomer<'c> {
    /// Names the clusters of a run. An installed cluster keeps its name; a newcomer gets its own,
    /// unless another has it that has not `ended`.
    pub(super) fn named(
        settings: &InstallSettings<'_>,
        installed: &Present,
        checked: Vec<Candidate<'c>>,
        ended: &HashSet<Id<'static>>,
    ) -> Outcome<Vec<Self>> {
        let mut replaced = HashMap::new();
        for (by, owner) in owners(settings, installed, &checked) {
            if ended.contains(&owner.id) {
                replaced.insert(by, owner.clone());
            } else if let Some(name) = &settings.viewing.name {
                let (id, alias) = (&owner.id, owner.alias());
                let message = format!(
                    "the name {name} belongs to cluster {id}, which is installed as {alias}"
                );
                return Err(Failure::message(Kind::Install, message)
                    .hint("choose another name, or uninstall that cluster first"));
            }
        }
        let clusters: Vec<_> = checked.iter().map(|(_, cluster)| cluster).collect();
        let names = names(installed, &clusters, |record| ended.contains(&record.id));
        let newcomer = |((fetched, cluster), name): (Candidate<'c>, Option<Slug<'static>>)| {
            let name = settings.viewing.name.clone().or(name).unwrap_or_else(Slug::prime);
            let old = cluster.id().and_then(|id| replaced.remove(id));
            Self { fetched, cluster, name, replaces: old }
        };
        let newcomers = checked.into_iter().zip(names).map(newcomer);
        let stays = |one: &Self| !one.cluster.id().is_some_and(|id| ended.contains(id));
        Ok(newcomers.filter(stays).collect())
    }

    /// Decides what becomes of it. The clusters that have `ended` stand in nobody's way.
    pub(super) fn decide(
        self,
        settings: &InstallSettings<'_>,
        ended: &HashSet<Id<'static>>,
        ssh: Option<&OpenSsh>,
        state: &mut DesiredState<'_>,
    ) -> Outcome<()> {
        let Self { fetched, cluster, name, replaces } = self;
        let asked = &fetched.asked;
        let id = cluster.id().map(|id| id.clone().into_owned());
        let old = id.as_ref().and_then(|id| state.present.of_id(id.as_str()));
        let options =
            settings.viewing.options.apply(old.map(|old| &old.options)).or_fail(Kind::Usage)?;
        let alias = format!("{}.{name}", options.prefix());
        let others = state.present.records.values();
        let others =
            others.filter(|other| Some(&other.id) != id.as_ref() && !ended.contains(&other.id));
        let usable = openssh::check_release(ssh, options.render.layout)
            .and_then(|()| check_short((&name, &alias), (old, &options), others, &mut state.talk));
        let source = settings.source_of(match &fetched.source {
            AnswerSource::File(path) => Some(path),
            AnswerSource::Api(_) => None,
        })?;
        let outcome = usable.and_then(|()| state.decide(cluster, name.clone(), source, &options));
        let stem = id.as_ref().map(|id| FileStem::new(&name, id.as_str()));
        let failure = match outcome {
            Ok(ClusterChange::Removed(_)) => {
                let message = format!("{asked} was terminated");
                let hint = old.map(|_| {
                    let sync = pasted(state.context.commands().installed("sync", []));
                    format!("{sync} removes it from your ssh config")
                });
                Failure { hint, ..Failure::message(Kind::Answer, message) }
            }
            // As with `config --all`: one that has no host yet is no failure of the others.
            Ok(ClusterChange::NotInstalled(why))
                if matches!(settings.viewing.source.origin, Origin::All(_)) =>
            {
                state.talk.note(why);
                return Ok(());
            }
            Ok(ClusterChange::NotInstalled(failure)) | Err(failure) => failure,
            Ok(what) => {
                // Another that wants the same name may have removed it.
                let is_first = |old: &Record| state.desired.removed.insert(old.stem());
                if let Some((by, old)) = id.as_ref().zip(replaces.filter(is_first)) {
                    let why = format!(
                        ": cluster {} was terminated, and cluster {by} has its name now",
                        old.id
                    );
                    let (what, stem) = (ClusterChange::Removed(why), Some(old.stem()));
                    state.lines.push(Line { cluster: old.alias(), what, stem });
                }
                state.lines.push(Line { cluster: alias, what, stem });
                return Ok(());
            }
        };
        state.lines.push(Line::failed(old, asked.clone(), stem, failure));
        Ok(())
    }
}

/// A short name is of one cluster alone, and so is its meaning for our own commands. What a cluster
/// has already, it keeps, as with `sync`.
fn check_short<'r>(
    (name, alias): (&Slug<'_>, &str),
    (old, options): (Option<&Record>, &SavedOptions),
    others: impl Iterator<Item = &'r Record>,
    talk: &mut Talk,
) -> Outcome<()> {
    let had = old.and_then(|old| old.options.short.as_ref());
    let new = options.short.as_ref().filter(|short| had != Some(short));
    for other in others {
        let (id, owner) = (&other.id, other.alias());
        if other.options.short.as_ref() == Some(name) {
            talk.warn(format!(
                "`ssh {name}` leads to {owner}, which has that short name, and not to {alias}"
            ));
        }
        let Some(short) = new else { continue };
        if other.is_called(short.as_str()) {
            let message =
                format!("the short name {short} is a name of cluster {id}, installed as {owner}");
            return Err(
                Failure::message(Kind::Install, message).hint("choose another one: `--short NAME`")
            );
        }
    }
    Ok(())
}
