//! What the clusters of an install are called: what is installed keeps its name.

use std::collections::HashSet;

use super::answer::{Candidate, ask_again};
use crate::cluster::{CheckedCluster, name_clusters};
use crate::failure::{Failure, Kind, Outcome};
use crate::install::plan::Installed;
use crate::install::state::Record;
use crate::name::{Id, Slug, id_part};
use crate::settings::{Install, OptionResolver};
use crate::terminal::Terminal;

/// A candidate with its answer, checked.
pub(in crate::commands) type CheckedCandidate<'c> = (&'c Candidate, CheckedCluster<'c>);

/// The name that a cluster would like to have.
fn wanted(settings: &Install, cluster: &CheckedCluster<'_>) -> Option<Slug<'static>> {
    settings.name.clone().or_else(|| cluster.wanted_name().map(Slug::into_owned))
}

/// The installed clusters that have a name which a newcomer would like, and that were terminated.
pub(in crate::commands) fn ended_owners(
    settings: &Install,
    installed: &Installed,
    checked: &[CheckedCandidate<'_>],
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
    for (owner, candidate) in unknown.iter().zip(ask_again(&unknown, resolver, terminal)) {
        let is_ended = candidate.fetched.clusters().map(|clusters| {
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
    settings: &Install,
    installed: &'i Installed,
    checked: &[CheckedCandidate<'_>],
) -> Vec<(Id<'static>, &'i Record)> {
    let mut owners = Vec::new();
    for (_, cluster) in checked {
        let (Some(id), Some(name)) = (cluster.id(), wanted(settings, cluster)) else { continue };
        let is_newcomer = installed.of_id(id.as_str()).is_none() || settings.name.is_some();
        let mut records = installed.records.iter().map(|(_, record)| record);
        let owner = records.find(|record| record.name == name && record.id != *id);
        if let Some(owner) = owner.filter(|_| is_newcomer) {
            owners.push((id.clone().into_owned(), owner));
        }
    }
    owners
}

/// What the clusters of this run are called.
#[derive(Debug)]
pub(in crate::commands) struct Names {
    /// In the order of the clusters.
    pub(in crate::commands) names: Vec<Option<Slug<'static>>>,
    /// Which newcomer has the name of which cluster that was terminated.
    pub(in crate::commands) replaced: Vec<(Id<'static>, Record)>,
}

impl Names {
    /// An installed cluster keeps its name. A newcomer gets its own, unless another has it.
    pub(in crate::commands) fn choose(
        settings: &Install,
        installed: &Installed,
        checked: &[CheckedCandidate<'_>],
        ended: &HashSet<String>,
    ) -> Outcome<Self> {
        let owners = owners(settings, installed, checked);
        let is_ended = |record: &Record| ended.contains(record.id.as_str());
        if let Some(name) = &settings.name
            && let Some((_, owner)) = owners.iter().find(|(_, owner)| !is_ended(owner))
        {
            let (id, alias) = (&owner.id, owner.alias());
            let message =
                format!("the name {name} belongs to cluster {id}, which is installed as {alias}");
            return Err(Failure::message(Kind::Install, message)
                .hint("choose another name, or uninstall that cluster first"));
        }
        let replaced: Vec<_> = owners
            .into_iter()
            .filter(|(_, owner)| is_ended(owner))
            .map(|(newcomer, owner)| (newcomer, owner.clone()))
            .collect();
        let names = if let Some(name) = &settings.name {
            checked.iter().map(|_| Some(name.clone())).collect()
        } else {
            let is_replaced = |record: &Record| replaced.iter().any(|(_, old)| old.id == record.id);
            let checked: Vec<_> = checked.iter().map(|(_, cluster)| cluster).collect();
            let recorded = recorded(installed, &checked, is_replaced);
            let names = name_clusters(&checked, &recorded);
            names.into_iter().map(|name| name.map(Slug::into_owned)).collect()
        };
        Ok(Self { names, replaced })
    }
}

/// The names that are given, damaged states included: their file names still say them.
pub(in crate::commands) fn recorded(
    installed: &Installed,
    checked: &[&CheckedCluster<'_>],
    is_replaced: impl Fn(&Record) -> bool,
) -> Vec<(Id<'static>, Slug<'static>)> {
    let records = installed.records.iter().map(|(_, record)| record);
    let mut recorded: Vec<_> = records
        .filter(|record| !is_replaced(record))
        .map(|record| (record.id.clone(), record.name.clone()))
        .collect();
    for (stem, _) in &installed.damaged {
        let (name, part) = stem.parts();
        let ids = checked.iter().filter_map(|cluster| cluster.id());
        let id = ids.into_iter().find(|id| id_part(id.as_str()) == part).cloned();
        let id = id.map_or_else(|| Id::new(part.to_owned()), |id| Ok(id.into_owned()));
        if let (Ok(id), Ok(name)) = (id, Slug::new(name.to_owned())) {
            recorded.push((id, name));
        }
    }
    recorded
}
