//! The changes that lead from what is there to what should be there.
//!
//! All of it is pure. The same plan is shown as a diff, checked by ssh, and applied.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::desired::{Desired, DesiredCluster};
use super::fragment::Fragment;
use super::include::{self, Found, IncludeLine};
use super::layout::{
    AGAIN, CLUSTERS, FIRST_LOOK, FOLLOW, INDEX, LAST, Layout, SECOND_LOOK, SHARED,
};
use super::live::RefreshCommand;
use super::present::Present;
use super::state::{FileKind, FileStem, Follow, Record, fingerprint};
use super::{index, known_hosts};
use crate::name::Invalid;
use crate::text::message::Talk;

/// The owner of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// Ours: mode 0600, never a link.
    Ours,
    /// The user's: its mode stays, and so do links.
    User,
    /// The backup of the user's: made and changed only together with it.
    Backup,
}

/// One file that is not yet as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The path.
    pub path: PathBuf,
    /// The owner.
    pub owner: Owner,
    /// The contents; none where it is not there.
    pub before: Option<Vec<u8>>,
    /// The contents afterwards; none where it is to go. As before where only its mode is wrong.
    pub after: Option<Vec<u8>>,
}

impl Change {
    /// Returns whether it is the file with a cluster's hosts.
    #[must_use]
    pub fn is_of_hosts(&self) -> bool {
        FileStem::of_file(self.name()).is_some_and(|(_, kind)| kind == FileKind::Fragment)
    }

    /// Returns whether ssh may be about to read it by an `Include` of ours.
    #[must_use]
    pub fn is_included(&self) -> bool {
        self.owner == Owner::Ours && (self.is_of_hosts() || SHARED.contains(&self.name()))
    }

    fn name(&self) -> &str {
        self.path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
    }
}

/// The changes of one run, in an order in which ssh works after each of them.
#[derive(Debug, Default)]
pub struct Plan {
    /// The files that change.
    pub changes: Vec<Change>,
    /// The clusters that ssh reads afterwards.
    pub clusters: Vec<FileStem>,
    /// The line that the user's configuration gets.
    pub new_line: Option<IncludeLine>,
    /// Facts that a person should know.
    pub talk: Talk,
}

/// Plans how `present` becomes what is desired.
///
/// `refresh` is what ssh runs before it connects; without it, where nobody knows it, the files that
/// say so stay as they are.
pub fn plan(
    layout: &Layout,
    present: &Present,
    desired: &Desired,
    refresh: Option<&RefreshCommand>,
) -> Result<Plan, Invalid> {
    let fragments = desired.fragments(present);
    let mut planner = Planner {
        layout,
        present,
        desired,
        refresh,
        going: going(present, desired, &fragments),
        fragments,
        added: BTreeSet::new(),
        plan: Plan::default(),
    };
    for (stem, cluster) in &desired.put {
        planner.put(stem, cluster);
    }
    for stem in &desired.removed {
        planner.keep_edited(stem);
    }
    planner.tighten();
    planner.index_and_config()?;
    planner.removals();
    planner.plan.clusters = planner.fragments.into_keys().collect();
    Ok(planner.plan)
}

/// The clusters of which nothing stays: those that are removed, those that come under another name,
/// and what runs left behind that were killed.
fn going(
    present: &Present,
    desired: &Desired,
    fragments: &BTreeMap<FileStem, &[u8]>,
) -> BTreeSet<FileStem> {
    let of_put = |put: &DesiredCluster| Some(present.of_id(put.record.id.as_str())?.stem());
    let orphans = present.all_stems().into_iter().filter(|stem| {
        // A certificate alone is no leftover: a fragment elsewhere may name it.
        let has = |kind| present.part(stem, kind).is_some();
        let mut leftovers =
            [FileKind::Fragment, FileKind::KnownHosts, FileKind::FormerKnownHosts].into_iter();
        leftovers.any(has) && !has(FileKind::State)
    });
    let mut going: BTreeSet<FileStem> = desired.put.values().filter_map(of_put).collect();
    going.extend(desired.removed.iter().chain(&present.superseded).cloned());
    going.extend(orphans);
    going.retain(|stem| !fragments.contains_key(stem));
    going
}

struct Planner<'a> {
    layout: &'a Layout,
    present: &'a Present,
    desired: &'a Desired,
    refresh: Option<&'a RefreshCommand>,
    /// The fragments that ssh reads afterwards.
    fragments: BTreeMap<FileStem, &'a [u8]>,
    going: BTreeSet<FileStem>,
    /// The names of hosts that are new.
    added: BTreeSet<String>,
    plan: Plan,
}

impl Planner<'_> {
    /// The state goes before the fragment, so that a fragment always has one.
    fn put(&mut self, stem: &FileStem, DesiredCluster { record, fragment, .. }: &DesiredCluster) {
        let present = self.present;
        let old = present.of_id(record.id.as_str());
        let old_stem = old.map_or_else(|| stem.clone(), Record::stem);
        let was = present.part(&old_stem, FileKind::Fragment);
        let wrote = was.is_some_and(|was| old.is_some_and(|old| old.wrote(was)));
        let fragments = match (old, was) {
            (Some(old), Some(was)) if wrote && was == *fragment => old.fragments.clone(),
            (_, Some(was)) if wrote => vec![fingerprint(fragment), fingerprint(was)],
            _ => vec![fingerprint(fragment)],
        };
        // Without a state and in no index, it is what a run left behind that was killed.
        let is_damaged = present.damaged.iter().any(|(at, _)| at == stem);
        let is_leftover = old.is_none() && !present.indexed().contains(stem) && !is_damaged;
        // A cluster that a person installs is none that an ssh at work has looked for.
        let is_looked_for = old.is_some() || present.follow.is_some();
        if let Some(was) = was
            && !wrote
            && was != *fragment
            && !is_leftover
        {
            self.keep_aside(&old_stem, was);
        }
        let earlier = was.map(Fragment::parse).unwrap_or_default();
        let new = Fragment::parse(fragment);
        if is_looked_for {
            self.added.extend(new.new_names(&earlier).into_iter().map(str::to_owned));
        }
        let seen = present.part(&old_stem, FileKind::KnownHosts);
        let seen = seen.or_else(|| present.part(stem, FileKind::KnownHosts)).unwrap_or_default();
        let seen = known_hosts::with_renamed(seen, &new.renamed_keys(&earlier));
        let record = Record { fragments, ..record.clone() };
        self.ours(&stem.file(FileKind::KnownHosts), Some(seen));
        self.ours(&stem.file(FileKind::State), Some(record.to_json()));
        self.ours(&stem.file(FileKind::Fragment), Some(fragment.clone()));
        self.carry_certificate(stem);
    }

    /// The certificate of a cluster goes by its name, also where it was there before the cluster
    /// was installed or renamed.
    fn carry_certificate(&mut self, stem: &FileStem) {
        let present = self.present;
        let mut missing = present.part(stem, FileKind::Certificate).is_none();
        let others = present.stems().filter(|(other, kind)| {
            *kind == FileKind::Certificate && other != stem && other.parts().1 == stem.parts().1
        });
        for (other, kind) in others {
            if std::mem::take(&mut missing) {
                let certificate = present.part(&other, kind).map(<[u8]>::to_owned);
                self.ours(&stem.file(kind), certificate);
            }
            if !self.going.contains(&other) {
                self.ours(&other.file(kind), None);
            }
        }
    }

    fn keep_edited(&mut self, stem: &FileStem) {
        if let Some(was) = self.present.part(stem, FileKind::Fragment)
            && self.present.records.get(stem).is_some_and(|record| !record.wrote(was))
        {
            self.keep_aside(stem, was);
        }
    }

    /// Keeps what a person wrote into a fragment of ours, under a name that says what it holds. By
    /// now something else may have that name, such as a copy that was edited in its turn.
    fn keep_aside(&mut self, stem: &FileStem, was: &[u8]) {
        let fragment = stem.file(FileKind::Fragment);
        let present = self.present;
        let mut counter = 0;
        let aside = loop {
            let aside = stem.kept(was, counter);
            if present.kept.get(&aside).is_some_and(|kept| kept == was) {
                break aside;
            }
            if !present.foreign.contains(&aside) {
                self.ours(&aside, Some(was.to_owned()));
                break aside;
            }
            counter += 1;
        };
        let [fragment, aside] = [fragment, aside].map(|name| self.layout.file(&name));
        self.plan.talk.warn(format!(
            "{} was edited by hand; kept as {}",
            fragment.display(),
            aside.display()
        ));
    }

    /// Files of ours that nobody speaks of still get their mode back.
    fn tighten(&mut self) {
        let present = self.present;
        for name in &present.loose {
            let stem = FileStem::of_file(name);
            let stays = stem.is_some_and(|(stem, _)| self.fragments.contains_key(&stem));
            let path = self.layout.file(name);
            if stays && !self.plan.changes.iter().any(|change| change.path == path) {
                self.ours(name, present.files.get(name).cloned());
            }
        }
    }

    /// Returns whether nothing of ours is to stay.
    fn is_over(&self) -> bool {
        self.fragments.is_empty() && self.desired.follow.is_none()
    }

    /// What comes is read before it counts; what goes stops counting before it is gone.
    fn index_and_config(&mut self) -> Result<(), Invalid> {
        if self.is_over() {
            self.leave_config()?;
            for name in SHARED.into_iter().chain([FOLLOW]) {
                self.ours(name, None);
            }
            return Ok(());
        }
        let follow = self.desired.follow.as_ref();
        let prefix = follow.map(|follow| follow.options.prefix());
        let patterns: Vec<_> = self.fragments.keys().filter_map(|at| self.patterns(at)).collect();
        self.ours(FOLLOW, follow.map(Follow::to_json));
        self.ours(LAST, Some(index::last(patterns, prefix.as_ref())));
        let is_live = self.looks()?;
        self.ours(CLUSTERS, Some(index::clusters(self.layout, self.fragments.keys())?));
        self.ours(INDEX, Some(index::index(self.layout, self.present.folder_is_ours, is_live)?));
        if !is_live {
            // See `folder::clean`.
            for name in [FIRST_LOOK, SECOND_LOOK, AGAIN] {
                let after = self.present.files.get(name).map(|_| Vec::new());
                self.ours(name, after);
            }
        }
        self.join_config()?;
        for stem in self.fragments.keys() {
            if !self.desired.put.contains_key(stem)
                && self.present.part(stem, FileKind::State).is_none()
            {
                let path = self.layout.part(stem, FileKind::Fragment);
                self.plan.talk.warn(format!(
                    "{} has no state beside it, so nothing brings it up to date: install that \
                     cluster again",
                    path.display()
                ));
            }
        }
        Ok(())
    }

    /// The files by which ssh brings clusters up to date; says whether there are any.
    fn looks(&mut self) -> Result<bool, Invalid> {
        let was_live = self.present.files.get(FIRST_LOOK).is_some_and(|text| !text.is_empty());
        let Some(command) = self.refresh else { return Ok(was_live) };
        let follow = self.desired.follow.as_ref().filter(|follow| follow.options.live.is_some());
        let records =
            self.fragments.keys().filter_map(|stem| self.desired.record(stem, self.present));
        let clusters: Vec<_> =
            records.filter_map(|record| Some((record, record.options.live?))).collect();
        let new = follow.map(|follow| follow.options.prefix());
        if clusters.is_empty() && new.is_none() {
            return Ok(false);
        }
        let again = IncludeLine::new(&self.layout.file(AGAIN))?;
        let first = command.first_look(&clusters);
        let second = command.second_look(&clusters, new.as_ref(), &again);
        self.again();
        self.ours(FIRST_LOOK, Some(first));
        self.ours(SECOND_LOOK, Some(second));
        Ok(true)
    }

    /// The hosts that are new. The file stays as it is where no host changes.
    fn again(&mut self) {
        let is_fragment = |change: &Change| change.is_of_hosts() && change.before != change.after;
        let is_there = self.present.files.get(AGAIN).is_some_and(|text| !text.is_empty());
        let changes = !self.desired.removed.is_empty() || self.plan.changes.iter().any(is_fragment);
        if is_there && !changes {
            return;
        }
        let names = &self.added | &self.present.recent;
        let text = index::again(self.fragments.values().copied(), &names);
        self.ours(AGAIN, Some(text));
    }

    /// The patterns of the names of a cluster that ssh reads afterwards.
    fn patterns(&self, stem: &FileStem) -> Option<String> {
        let record = self.desired.record(stem, self.present);
        record.map(Record::patterns).or_else(|| index::patterns_in(self.fragments.get(stem)?))
    }

    /// Puts our line into the user's configuration, unless one is there.
    fn join_config(&mut self) -> Result<(), Invalid> {
        let config = self.present.config.as_deref();
        let found = include::find(config.unwrap_or_default(), &self.layout.include_resolver());
        let is_in = found.iter().any(|found| found.block.is_none());
        for Found { line, block } in found {
            let Some(block) = block else { continue };
            self.plan.talk.warn(format!(
                "{}:{line} includes our file for some hosts only (the block of line {block}): \
                 remove that line, ours at the top does it for all",
                self.layout.config().display()
            ));
        }
        if !is_in {
            let line = self.layout.include_line()?;
            if let Some(config) = config {
                self.change(self.layout.backup(), Owner::Backup, Some(config.to_owned()));
            }
            let config = line.put_in(config.unwrap_or_default());
            self.plan.new_line = Some(line);
            self.change(self.layout.config(), Owner::User, Some(config));
        }
        Ok(())
    }

    /// Takes our line out of the user's configuration, and the file with it where we made it.
    fn leave_config(&mut self) -> Result<(), Invalid> {
        let Some(config) = &self.present.config else { return Ok(()) };
        let mut left = config.clone();
        for line in self.layout.own_lines()? {
            while let Some(without) = line.taken_out_of(&left) {
                left = without;
            }
        }
        let path = self.layout.config();
        for Found { line, .. } in include::find(&left, &self.layout.include_resolver()) {
            self.plan.talk.note(format!(
                "{}:{line} still includes our file, which goes away: remove that line",
                path.display()
            ));
        }
        // Had it been there before us, there were a backup of it, however empty.
        let made_by_us = left.is_empty()
            && !config.is_empty()
            && self.present.backup.is_none()
            && !self.present.config_is_link;
        let is_as_before = self.present.backup.as_ref() == Some(&left);
        self.change(path.clone(), Owner::User, (!made_by_us).then_some(left));
        if is_as_before {
            self.change(self.layout.backup(), Owner::Backup, None);
        } else if self.present.backup.is_some() {
            self.plan.talk.note(format!(
                "{} stays: {} was edited since it was made",
                self.layout.backup().display(),
                path.display()
            ));
        }
        Ok(())
    }

    /// The state goes first: what is left of a run that was killed is then known for a leftover.
    fn removals(&mut self) {
        let is_over = self.is_over();
        let mut going = std::mem::take(&mut self.going);
        if is_over {
            let files = self.present.files.keys().filter_map(|name| FileStem::of_file(name));
            let emptied = files.map(|(stem, _)| stem).filter(|stem| self.present.is_emptied(stem));
            going.extend(emptied);
        }
        for stem in going {
            self.ours(&stem.file(FileKind::State), None);
            // An ssh that read the list a moment ago may be about to read it: see `folder::clean`.
            let fragment = self.present.part(&stem, FileKind::Fragment);
            let after = fragment.filter(|_| !is_over).map(|_| Vec::new());
            self.ours(&stem.file(FileKind::Fragment), after);
            for kind in [FileKind::KnownHosts, FileKind::FormerKnownHosts, FileKind::Certificate] {
                self.ours(&stem.file(kind), None);
            }
        }
        if is_over && !self.present.foreign.is_empty() {
            let paths = self.present.foreign.iter().map(|name| self.layout.file(name));
            let paths: Vec<String> = paths.map(|path| path.display().to_string()).collect();
            self.plan.talk.note(format!("not ours, and left: {}", paths.join(", ")));
        }
    }

    fn ours(&mut self, name: &str, after: Option<Vec<u8>>) {
        let before = self.present.files.get(name).cloned();
        let loose = after.is_some() && self.present.loose.contains(name);
        if before != after || loose {
            let path = self.layout.file(name);
            self.plan.changes.push(Change { path, owner: Owner::Ours, before, after });
        }
    }

    fn change(&mut self, path: PathBuf, owner: Owner, after: Option<Vec<u8>>) {
        let before = match owner {
            Owner::Backup => self.present.backup.clone(),
            Owner::User | Owner::Ours => self.present.config.clone(),
        };
        if before != after {
            self.plan.changes.push(Change { path, owner, before, after });
        }
    }
}

#[cfg(test)]
mod tests;
