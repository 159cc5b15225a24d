//! The clusters that a run installs: their names, and what becomes of each. What is installed keeps
//! its name.

use std::collections::HashSet;

use crate::cluster::CheckedCluster;
use crate::commands::fetch::{AnswerSource, Fetched};
use crate::commands::installed::{
    ClusterChange, DesiredOutcome, DesiredState, Line, ask_again, names,
};
use crate::commands::openssh;
use crate::failure::{Failure, Kind, OrFail, Outcome};
use crate::install::options::SavedOptions;
use crate::install::present::Installed;
use crate::install::state::{FileStem, Record};
use crate::name::{Id, Slug};
use crate::settings::{InstallSettings, Mode, OptionResolver, Origin, pasted};
use crate::ssh::release::OpenSsh;
use crate::terminal::Terminal;
use crate::text::message::Talk;

/// A cluster that a run is about, with the answer that it is from.
pub(super) type Candidate<'c> = (&'c Fetched, CheckedCluster<'c>);

/// The name that a cluster would like to have.
fn wanted(settings: &InstallSettings, cluster: &CheckedCluster<'_>) -> Option<Slug<'static>> {
    settings.viewing.name.clone().or_else(|| cluster.wanted_name().map(Slug::into_owned))
}

/// The installed clusters that have a name which a newcomer would like, and that were terminated.
pub(super) fn ended_owners(
    settings: &InstallSettings,
    installed: &Installed,
    checked: &[Candidate<'_>],
    resolver: &OptionResolver<'_>,
    terminal: Terminal,
) -> HashSet<String> {
    let mut ended = HashSet::new();
    let mut unknown: Vec<&Record> = Vec::new();
    for (_, owner) in owners(settings, installed, checked) {
        let asked = checked.iter().find(|(_, cluster)| cluster.id() == Some(&owner.id));
        match asked.and_then(|(_, cluster)| cluster.cluster()) {
            Some(cluster) if cluster.is_terminated() => {
                ended.insert(owner.id.to_string());
            }
            Some(_) => {}
            None => unknown.push(owner),
        }
    }
    for (owner, fetched) in unknown.iter().zip(ask_again(&unknown, resolver, terminal)) {
        let is_ended = fetched.clusters().map(|clusters| {
            let mut known = clusters.iter().filter_map(CheckedCluster::cluster);
            known.any(|cluster| cluster.id == owner.id && cluster.is_terminated())
        });
        match is_ended {
            Ok(true) => {
                ended.insert(owner.id.to_string());
            }
            Ok(false) => {}
            Err(failure) => terminal.note(format_args!(
                "{} keeps its name, for it is not known whether cluster {} has ended: {:#}",
                owner.alias(),
                owner.id,
                failure.cause
            )),
        }
    }
    ended
}

/// Newcomers, each with the installed cluster that has the name which it would like.
fn owners<'i>(
    settings: &InstallSettings,
    installed: &'i Installed,
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
    id: Option<Id<'static>>,
    name: Slug<'static>,
    /// The cluster that has this name until now, for it was terminated.
    replaces: Option<Record>,
}

impl<'c> Newcomer<'c> {
    /// Names the clusters of a run. An installed cluster keeps its name; a newcomer gets its own,
    /// unless another has it.
    pub(super) fn named(
        settings: &InstallSettings,
        installed: &Installed,
        checked: Vec<Candidate<'c>>,
        ended: &HashSet<String>,
    ) -> Outcome<Vec<Self>> {
        let is_ended = |owner: &Record| ended.contains(owner.id.as_str());
        let (ended, owners): (Vec<_>, Vec<_>) = owners(settings, installed, &checked)
            .into_iter()
            .partition(|(_, owner)| is_ended(owner));
        if let (Some(name), Some((_, owner))) = (&settings.viewing.name, owners.first()) {
            let (id, alias) = (&owner.id, owner.alias());
            let message =
                format!("the name {name} belongs to cluster {id}, which is installed as {alias}");
            return Err(Failure::message(Kind::Install, message)
                .hint("choose another name, or uninstall that cluster first"));
        }
        let is_replaced = |id: &Id<'_>| ended.iter().any(|(_, old)| old.id == *id);
        let clusters: Vec<_> = checked.iter().map(|(_, cluster)| cluster).collect();
        let names = names(installed, &clusters, |record| is_replaced(&record.id));
        let newcomer = |((fetched, cluster), name): (Candidate<'c>, Option<Slug<'static>>)| {
            let id = cluster.id().map(|id| id.clone().into_owned());
            let replaces = ended.iter().find(|(by, _)| Some(by) == id.as_ref());
            let replaces = replaces.map(|(_, old)| (*old).clone());
            let name = settings.viewing.name.clone().or(name).unwrap_or_else(Slug::prime);
            Self { fetched, cluster, id, name, replaces }
        };
        let newcomers = checked.into_iter().zip(names).map(newcomer);
        Ok(newcomers.filter(|one| !one.id.as_ref().is_some_and(is_replaced)).collect())
    }

    /// The clusters that these take the place of.
    pub(super) fn replaced(newcomers: &[Self]) -> HashSet<Id<'static>> {
        newcomers.iter().filter_map(|one| Some(one.replaces.as_ref()?.id.clone())).collect()
    }

    /// Decides what becomes of it. The `replaced` clusters go with this run.
    pub(super) fn decide(
        self,
        settings: &InstallSettings,
        replaced: &HashSet<Id<'static>>,
        ssh: Option<&OpenSsh>,
        state: &mut DesiredState<'_>,
    ) -> Outcome<()> {
        let Self { fetched, cluster, id, name, replaces } = self;
        let asked = &fetched.asked;
        let old = id.as_ref().and_then(|id| state.installed.of_id(id.as_str()));
        let options =
            settings.viewing.options.apply(old.map(|old| &old.options)).or_fail(Kind::Usage)?;
        let alias = format!("{}.{name}", options.prefix());
        let failed = |failure| match old {
            Some(_) => ClusterChange::Left(failure),
            None => ClusterChange::NotInstalled(failure),
        };
        let others = state.installed.records.values();
        let others =
            others.filter(|other| Some(&other.id) != id.as_ref() && !replaced.contains(&other.id));
        let usable = openssh::check_release(ssh, options.render.layout).and_then(|()| {
            check_short((&name, &alias), (old, &options), others, &mut state.request.talk)
        });
        let source = settings.source_of(match &fetched.source {
            AnswerSource::File(path) => Some(path),
            AnswerSource::Api(_) => None,
        })?;
        let outcome = usable.and_then(|()| state.decide(cluster, name.clone(), source, &options));
        let stem = id.as_ref().map(|id| FileStem::new(&name, id.as_str()));
        let what = match outcome {
            Ok(DesiredOutcome::Put(what)) => {
                if let Some(changes) = old.and_then(|old| options.since(&old.options)) {
                    let would = if settings.mode == Mode::Apply { "" } else { " would change" };
                    let said = format!("options for {alias}{would}: {changes}");
                    state.request.options.push((stem.clone(), said));
                }
                if let Some((by, old)) = id.as_ref().zip(replaces) {
                    remove(&old, by, state);
                }
                what
            }
            Ok(DesiredOutcome::Gone(why)) => {
                let message = format!("{asked} {why}");
                let hint = old.map(|_| {
                    let sync = pasted(state.commands().installed("sync", []));
                    format!("{sync} removes it from your ssh config")
                });
                failed(Failure { hint, ..Failure::message(Kind::Answer, message) })
            }
            // As with `config --all`: one that has no host yet is no failure of the others.
            Ok(DesiredOutcome::Nothing(why))
                if matches!(settings.viewing.source.origin, Origin::All(_)) && old.is_none() =>
            {
                state.request.talk.note(format!("{:#}", why.cause));
                return Ok(());
            }
            Ok(DesiredOutcome::Nothing(failure)) | Err(failure) => failed(failure),
        };
        let cluster = match what {
            ClusterChange::NotInstalled(_) => asked.clone(),
            ClusterChange::Left(_) => old.map_or(alias, Record::alias),
            _ => alias,
        };
        state.request.lines.push(Line { cluster, what, stem });
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

/// Removes a cluster that was terminated, whose name another one has now.
fn remove(old: &Record, by: &Id<'_>, state: &mut DesiredState<'_>) {
    let why = format!(": cluster {} was terminated, and cluster {by} has its name now", old.id);
    let (cluster, stem) = (old.alias(), Some(old.stem()));
    state.request.desired.removed.extend(stem.clone());
    state.request.lines.push(Line { cluster, what: ClusterChange::Removed(why), stem });
}
