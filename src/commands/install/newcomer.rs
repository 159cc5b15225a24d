//! The clusters that a run installs: their names, and what becomes of each. What is installed keeps
//! its name.

use std::collections::HashSet;

use crate::cluster::CheckedCluster;
use crate::commands::fetch::{AnswerSource, Fetched};
use crate::commands::installed::{ClusterChange, DesiredBuilder, Line, ask_again, names};
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

/// A run that installs clusters.
pub(super) struct InstallRun<'s> {
    settings: &'s InstallSettings<'s>,
    /// The ssh of this machine.
    ssh: Option<OpenSsh>,
    /// The installed clusters that were terminated, and have a name that a newcomer would like.
    ended: HashSet<Id<'static>>,
}

impl<'s> InstallRun<'s> {
    /// Asks for the installed clusters that have a name which one of `checked` would like.
    pub(super) fn new(
        settings: &'s InstallSettings<'s>,
        ssh: Option<OpenSsh>,
        installed: &Present,
        checked: &[Candidate<'_>],
    ) -> Self {
        let mut run = Self { settings, ssh, ended: HashSet::new() };
        let context = settings.clusters.context;
        let (ended, mut unknown) = (&mut run.ended, Vec::new());
        for owner in owners(settings, installed, checked) {
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
        run
    }

    /// Decides what becomes of the clusters of a run. An installed one keeps its name; a newcomer
    /// gets its own, unless another has it that has not ended.
    pub(super) fn decide(
        &self,
        checked: Vec<Candidate<'_>>,
        builder: &mut DesiredBuilder<'_>,
    ) -> Outcome<()> {
        let typed = &self.settings.clusters.name;
        let has_ended = |id: &Id<'_>| self.ended.contains(id);
        let owners = || owners(self.settings, builder.present, &checked).into_iter();
        if let Some(name) = typed
            && let Some(owner) = owners().find(|owner| !has_ended(&owner.id))
        {
            let (id, alias) = (&owner.id, owner.alias());
            let message =
                format!("the name {name} belongs to cluster {id}, which is installed as {alias}");
            return Err(Failure::message(Kind::Install, message)
                .hint("choose another name, or uninstall that cluster first"));
        }
        let clusters: Vec<_> = checked.iter().map(|(_, cluster)| cluster).collect();
        let names = names(builder.present, &clusters, |record| has_ended(&record.id));
        for ((fetched, cluster), name) in checked.into_iter().zip(names) {
            // One that ended makes room for the one that gets its name.
            if !cluster.id().is_some_and(has_ended) {
                let name = typed.clone().or(name).unwrap_or_else(Slug::prime);
                self.decide_one(fetched, cluster, &name, builder)?;
            }
        }
        Ok(())
    }

    fn decide_one(
        &self,
        fetched: &Fetched,
        cluster: CheckedCluster<'_>,
        name: &Slug<'static>,
        builder: &mut DesiredBuilder<'_>,
    ) -> Outcome<()> {
        let (settings, asked) = (self.settings, &fetched.asked);
        let id = cluster.id().map(|id| id.clone().into_owned());
        let old = id.as_ref().and_then(|id| builder.present.of_id(id.as_str()));
        let options =
            settings.clusters.options.apply(old.map(|old| &old.options)).or_fail(Kind::Usage)?;
        let alias = format!("{}.{name}", options.prefix());
        let others =
            builder.present.records.values().filter(|other| Some(&other.id) != id.as_ref());
        let (ended, others): (Vec<_>, Vec<_>) =
            others.partition(|other| self.ended.contains(&other.id));
        let usable =
            openssh::check_release(self.ssh.as_ref(), options.render.layout).and_then(|()| {
                check_short((name, &alias), (old, &options), &others, &mut builder.talk)
            });
        let source = settings.source_of(match &fetched.source {
            AnswerSource::File(path) => Some(path),
            AnswerSource::Api(_) => None,
        })?;
        let outcome = usable.and_then(|()| builder.decide(cluster, name.clone(), source, &options));
        let stem = id.as_ref().map(|id| FileStem::new(name, id.as_str()));
        let failure = match outcome {
            Ok(ClusterChange::Removed(_)) => {
                let message = format!("{asked} was terminated");
                let hint = old.map(|_| {
                    let sync = pasted(builder.context.commands().installed("sync", []));
                    format!("{sync} removes it from your ssh config")
                });
                Failure { hint, ..Failure::message(Kind::Answer, message) }
            }
            // As with `config --all`: one that has no host yet is no failure of the others.
            Ok(ClusterChange::NotInstalled(why))
                if matches!(settings.clusters.source.origin, Origin::All(_)) =>
            {
                builder.talk.note(why);
                return Ok(());
            }
            Ok(ClusterChange::NotInstalled(failure)) | Err(failure) => failure,
            Ok(what) => {
                let put = stem.as_ref().and_then(|stem| builder.desired.put.get_mut(stem));
                let replaced = ended.into_iter().find(|old| old.name == *name);
                if let Some((put, old)) = put.zip(replaced) {
                    let why = format!(
                        ": cluster {} was terminated, and cluster {} has its name now",
                        old.id, put.record.id
                    );
                    put.replaces = Some(old.stem());
                    builder.desired.removed.insert(old.stem());
                    let (what, stem) = (ClusterChange::Removed(why), Some(old.stem()));
                    builder.lines.push(Line { cluster: old.alias(), what, stem });
                }
                builder.lines.push(Line { cluster: alias, what, stem });
                return Ok(());
            }
        };
        builder.lines.push(Line::failed(old, asked.clone(), stem, failure));
        Ok(())
    }
}

/// The installed clusters that have a name which a newcomer would like.
fn owners<'i>(
    settings: &InstallSettings<'_>,
    installed: &'i Present,
    checked: &[Candidate<'_>],
) -> Vec<&'i Record> {
    let wanted = |(_, cluster): &Candidate<'_>| {
        let id = cluster.id()?.clone().into_owned();
        let own = cluster.wanted_name().filter(|_| installed.of_id(id.as_str()).is_none());
        let name = settings.clusters.name.clone().or(own.map(Slug::into_owned))?;
        Some((id, name))
    };
    let wanted: Vec<_> = checked.iter().filter_map(wanted).collect();
    let is_owner =
        |record: &&Record| wanted.iter().any(|(id, name)| record.name == *name && record.id != *id);
    installed.records.values().filter(is_owner).collect()
}

/// A short name is of one cluster alone, and so is its meaning for our own commands. What a cluster
/// has already, it keeps, as with `sync`.
fn check_short(
    (name, alias): (&Slug<'_>, &str),
    (old, options): (Option<&Record>, &SavedOptions),
    others: &[&Record],
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
