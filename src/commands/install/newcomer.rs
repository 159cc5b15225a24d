//! One of the clusters that a run installs: what becomes of it.

use crate::cluster::CheckedCluster;
use crate::commands::installed::{
    CheckedCandidate, ClusterChange, DesiredOutcome, DesiredState, InstallRequest, Line, Names,
};
use crate::commands::openssh;
use crate::failure::{Failure, Kind, OrFail, Outcome};
use crate::install::options::SavedOptions;
use crate::install::plan::{Desired, Installed};
use crate::install::state::{FileStem, Record};
use crate::name::{Id, Slug};
use crate::settings::{Install, Mode, Origin, pasted};
use crate::ssh::release::OpenSsh;
use crate::text::message::Talk;

/// One cluster of this run, with the name that it is to have.
pub(super) struct Newcomer<'s> {
    id: Option<Id<'static>>,
    name: Slug<'static>,
    names: &'s Names,
}

impl<'s> Newcomer<'s> {
    pub(super) fn new(
        cluster: &CheckedCluster<'_>,
        name: Option<Slug<'static>>,
        names: &'s Names,
    ) -> Self {
        let id = cluster.id().map(|id| id.clone().into_owned());
        Self { id, name: name.unwrap_or_else(Slug::prime), names }
    }

    /// Adds what becomes of it.
    pub(super) fn decide(
        self,
        (candidate, cluster): CheckedCandidate<'_>,
        settings: &Install,
        desired: &mut DesiredState<'_>,
        ssh: Option<&OpenSsh>,
        request: &mut InstallRequest,
    ) -> Outcome<()> {
        let Self { id, name, names } = &self;
        if names.replaced.iter().any(|(_, old)| Some(&old.id) == id.as_ref()) {
            return Ok(());
        }
        let asked = &candidate.fetched.asked;
        let old = id.as_ref().and_then(|id| desired.installed.of_id(id.as_str()));
        let options = settings.options.apply(old.map(|old| &old.options)).or_fail(Kind::Usage)?;
        let alias = format!("{}.{name}", options.prefix());
        let failed = |failure| match old {
            Some(_) => ClusterChange::Left(failure),
            None => ClusterChange::NotInstalled(failure),
        };
        let usable = openssh::check_release(ssh, options.render.layout).and_then(|()| {
            self.check_short(&alias, &options, desired.installed, &mut request.talk)
        });
        let source = candidate.source.clone();
        let outcome =
            usable.and_then(|()| desired.outcome(cluster, name.clone(), source, &options));
        let what = match outcome {
            Ok(DesiredOutcome::Put(put, what)) => {
                if let Some(changes) = old.and_then(|old| options.since(&old.options)) {
                    let would = if settings.mode == Mode::Apply { "" } else { " would change" };
                    request.talk.note(format!("options for {alias}{would}: {changes}"));
                }
                request.desired.push(put);
                remove_replaced(id.as_ref(), names, request);
                what
            }
            Ok(DesiredOutcome::Gone(why)) => {
                let message = format!("{asked} {why}");
                let hint = old.map(|_| {
                    let sync = pasted(desired.commands().installed("sync", []));
                    format!("{sync} removes it from your ssh config")
                });
                failed(Failure { hint, ..Failure::message(Kind::Answer, message) })
            }
            // As with `config --all`: one that has no host yet is no failure of the others.
            Ok(DesiredOutcome::Nothing(why))
                if matches!(settings.source.origin, Origin::All(_)) && old.is_none() =>
            {
                request.talk.note(format!("{:#}", why.cause));
                return Ok(());
            }
            Ok(DesiredOutcome::Nothing(failure)) | Err(failure) => failed(failure),
        };
        let cluster = match what {
            ClusterChange::NotInstalled(_) => asked.clone(),
            _ => alias,
        };
        let stem = id.as_ref().map(|id| FileStem::new(name, id.as_str()));
        request.lines.push(Line { cluster, what, stem });
        Ok(())
    }

    /// A short name is of one cluster alone, and so is its meaning for our own commands.
    fn check_short(
        &self,
        alias: &str,
        options: &SavedOptions,
        installed: &Installed,
        talk: &mut Talk,
    ) -> Outcome<()> {
        let is_replaced = |other: &Record| self.names.replaced.iter().any(|(_, old)| old == other);
        let others = installed.records.iter().map(|(_, other)| other);
        let others = others.filter(|other| Some(&other.id) != self.id.as_ref());
        for other in others.filter(|other| !is_replaced(other)) {
            let (id, owner) = (&other.id, other.alias());
            if other.options.short.as_ref() == Some(&self.name) {
                let name = &self.name;
                talk.warn(format!(
                    "`ssh {name}` leads to {owner}, which has that short name, and not to {alias}"
                ));
            }
            let Some(short) = &options.short else { continue };
            if other.is_called(short.as_str()) {
                let message = format!(
                    "the short name {short} is a name of cluster {id}, installed as {owner}"
                );
                return Err(Failure::message(Kind::Install, message)
                    .hint("choose another one: `--short NAME`"));
            }
        }
        Ok(())
    }
}

/// The cluster whose name a newcomer has now, for it was terminated.
fn remove_replaced(newcomer: Option<&Id<'_>>, names: &Names, request: &mut InstallRequest) {
    for (by, old) in names.replaced.iter().filter(|(by, _)| Some(by) == newcomer) {
        request.desired.push(Desired::Remove(old.stem()));
        request.lines.push(Line {
            cluster: old.alias(),
            what: ClusterChange::Removed(format!(
                ": cluster {} was terminated, and cluster {by} has its name now",
                old.id
            )),
            stem: Some(old.stem()),
        });
    }
}
