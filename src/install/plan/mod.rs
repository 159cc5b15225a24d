//! What is there, what should be there, and the changes that lead from one to the other.
//!
//! All of it is pure. The same plan is shown as a diff, checked by ssh, and carried out.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::follow::{FOLLOW, Follow};
use super::fragment::Fragment;
use super::include::{self, Found, IncludeLine, Unwritable};
use super::layout::{AGAIN, CLUSTERS, FIRST_LOOK, INDEX, LAST, Layout, SECOND_LOOK, SHARED};
use super::live::{Live, RefreshCommand};
pub use super::present::{Installed, Present};
use super::state::{FileKind, FileStem, Record, fingerprint};
use super::{index, known_hosts};

/// What a run wants of one cluster. What it does not speak of stays as it is.
#[derive(Clone, Debug)]
pub enum Desired {
    /// It is to be installed with this fragment.
    Put {
        /// What to remember of it; the plan itself fills in the fragment's fingerprint.
        record: Box<Record>,
        /// What ssh is to read.
        fragment: Vec<u8>,
    },
    /// Nothing of it is to stay.
    Remove(FileStem),
    /// This is to be the subscription.
    Follow(Option<Box<Follow>>),
}

/// Whose a file is.
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
    /// Where it is.
    pub path: PathBuf,
    /// Whose it is.
    pub owner: Owner,
    /// What it holds; none where it is not there.
    pub before: Option<Vec<u8>>,
    /// What it is to hold; none where it is to go. As before where only its mode is wrong.
    pub after: Option<Vec<u8>>,
    /// Whether ssh may be about to read it.
    pub is_included: bool,
}

impl Change {
    /// Whether it is the file with a cluster's hosts.
    #[must_use]
    pub fn is_of_hosts(&self) -> bool {
        let name = self.path.file_name().and_then(|name| name.to_str());
        name.and_then(FileStem::of_file).is_some_and(|(_, kind)| kind == FileKind::Fragment)
    }
}

/// What a person should know of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// A fragment was edited since we wrote it, and is kept under another name.
    KeptAside {
        /// The fragment.
        fragment: PathBuf,
        /// What it is called now.
        aside: PathBuf,
    },
    /// The user's configuration gets our line.
    LineAdded(IncludeLine),
    /// An `Include` of ours that counts for some hosts only.
    InBlock(Found),
    /// An `Include` of ours that a person wrote, and that we leave.
    LeftIn(Found),
    /// The backup stays, since the configuration was edited meanwhile.
    BackupStays(PathBuf),
    /// What is in our folder and not ours stays.
    Foreign(Vec<PathBuf>),
    /// A fragment without its state: nobody can bring it up to date.
    Stateless(PathBuf),
}

/// The changes of one run, in an order in which ssh works after each of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The files that change.
    pub changes: Vec<Change>,
    /// The clusters that ssh reads afterwards.
    pub clusters: Vec<FileStem>,
    /// What a person should know.
    pub notes: Vec<Note>,
}

/// Plans how `present` becomes what is desired.
///
/// `refresh` is what ssh runs before it connects; without it, where nobody knows it, the files that
/// say so stay as they are.
pub fn plan(
    layout: &Layout,
    present: &Present,
    desired: Vec<Desired>,
    refresh: Option<&RefreshCommand>,
) -> Result<Plan, Unwritable> {
    let mut planner = Planner {
        layout,
        present,
        refresh,
        installed: present.installed(),
        follow: present.follow.clone(),
        added: BTreeSet::new(),
        plan: Plan::default(),
        coming: Vec::new(),
        going: Vec::new(),
    };
    let clusters = planner.clusters_afterwards(&desired);
    for one in desired {
        match one {
            Desired::Put { record, fragment } => planner.put(*record, fragment),
            Desired::Remove(stem) => planner.remove(stem),
            Desired::Follow(follow) => planner.follow = follow.map(|follow| *follow),
        }
    }
    planner.tighten(&clusters);
    planner.index_and_config(&clusters)?;
    planner.removals(&clusters);
    planner.plan.clusters = clusters.into_iter().collect();
    Ok(planner.plan)
}

struct Planner<'a> {
    layout: &'a Layout,
    present: &'a Present,
    refresh: Option<&'a RefreshCommand>,
    installed: Installed,
    follow: Option<Follow>,
    /// The names of hosts that are new.
    added: BTreeSet<String>,
    plan: Plan,
    coming: Vec<Record>,
    going: Vec<FileStem>,
}

impl Planner<'_> {
    /// Which clusters ssh reads afterwards: those of the index and those with a state, but for
    /// what is removed or comes under a new name.
    fn clusters_afterwards(&self, desired: &[Desired]) -> BTreeSet<FileStem> {
        let has_fragment = |stem: &&FileStem| self.present.part(stem, FileKind::Fragment).is_some();
        let mut clusters = self.present.indexed();
        let records = self.installed.records.iter().map(|(stem, _)| stem);
        let damaged = self.installed.damaged.iter().map(|(stem, _)| stem);
        clusters.extend(records.chain(damaged).filter(has_fragment).cloned());
        for stem in &self.installed.superseded {
            clusters.remove(stem);
        }
        for one in desired {
            match one {
                Desired::Remove(stem) => {
                    clusters.remove(stem);
                }
                Desired::Put { record, .. } => {
                    if let Some(old) = self.installed.of_id(record.id.as_str()) {
                        clusters.remove(&old.stem());
                    }
                    clusters.insert(record.stem());
                }
                Desired::Follow(_) => {}
            }
        }
        clusters
    }

    /// The state goes before the fragment, so that a fragment always has one.
    fn put(&mut self, mut record: Record, fragment: Vec<u8>) {
        let present = self.present;
        let stem = record.stem();
        let old = self.installed.of_id(record.id.as_str()).cloned();
        let old_stem = old.as_ref().map_or_else(|| stem.clone(), Record::stem);
        let was = present.part(&old_stem, FileKind::Fragment);
        let wrote = was.is_some_and(|was| old.as_ref().is_some_and(|old| old.wrote(was)));
        record.fragments = match (&old, was) {
            (Some(old), Some(was)) if wrote && was == fragment => old.fragments.clone(),
            (_, Some(was)) if wrote => vec![fingerprint(&fragment), fingerprint(was)],
            _ => vec![fingerprint(&fragment)],
        };
        // Without a state and in no index, it is what a run left behind that was killed.
        let is_damaged = self.installed.damaged.iter().any(|(at, _)| *at == stem);
        let is_leftover = old.is_none() && !present.indexed().contains(&stem) && !is_damaged;
        if let Some(was) = was
            && !wrote
            && was != fragment
            && !is_leftover
        {
            self.keep_aside(&old_stem, was);
        }
        let earlier = was.map(Fragment::parse).unwrap_or_default();
        let new = Fragment::parse(&fragment);
        // A cluster that a person installs is none that an ssh at work has looked for.
        if old.is_some() || present.follow.is_some() {
            self.added.extend(new.new_names(&earlier).into_iter().map(str::to_owned));
        }
        let seen = present.part(&old_stem, FileKind::KnownHosts);
        let seen = seen.or_else(|| present.part(&stem, FileKind::KnownHosts)).unwrap_or_default();
        let seen = known_hosts::with_renamed(seen, &new.renamed_keys(&earlier));
        self.ours(&stem.file(FileKind::KnownHosts), Some(seen));
        self.ours(&stem.file(FileKind::State), Some(record.to_json()));
        self.ours(&stem.file(FileKind::Fragment), Some(fragment));
        if old_stem != stem {
            self.going.push(old_stem);
        }
        self.carry_certificate(&stem);
        self.coming.push(record);
    }

    /// The certificate of a cluster goes by its name, also where it was there before the cluster
    /// was installed or renamed.
    fn carry_certificate(&mut self, stem: &FileStem) {
        let present = self.present;
        let mut missing = present.part(stem, FileKind::Certificate).is_none();
        let others = present.stems().filter(|(other, part)| {
            *part == FileKind::Certificate && other != stem && other.parts().1 == stem.parts().1
        });
        for (other, part) in others {
            if std::mem::take(&mut missing) {
                let certificate = present.part(&other, part).map(<[u8]>::to_owned);
                self.ours(&stem.file(part), certificate);
            }
            if !self.going.contains(&other) {
                self.ours(&other.file(part), None);
            }
        }
    }

    fn remove(&mut self, stem: FileStem) {
        let record = self.installed.records.iter().find(|(at, _)| *at == stem);
        if let Some(was) = self.present.part(&stem, FileKind::Fragment)
            && record.is_some_and(|(_, record)| !record.wrote(was))
        {
            self.keep_aside(&stem, was);
        }
        self.going.push(stem);
    }

    /// Keeps what a person wrote into a fragment of ours, under the first name that is free.
    fn keep_aside(&mut self, stem: &FileStem, was: &[u8]) {
        let fragment = stem.file(FileKind::Fragment);
        let names = (1..).map(|count| match count {
            1 => format!("{fragment}.bak"),
            _ => format!("{fragment}.bak-{count}"),
        });
        let is_free = |name: &String| match self.present.files.get(name) {
            Some(kept) => kept == was,
            None => !self.present.foreign.contains(name),
        };
        let Some(aside) = names.into_iter().find(is_free) else { return };
        self.ours(&aside, Some(was.to_owned()));
        self.plan.notes.push(Note::KeptAside {
            fragment: self.layout.file(&fragment),
            aside: self.layout.file(&aside),
        });
    }

    /// Files of ours that nobody speaks of still get their mode back.
    fn tighten(&mut self, clusters: &BTreeSet<FileStem>) {
        for name in &self.present.loose {
            let stays = FileStem::of_file(name).is_some_and(|(stem, _)| clusters.contains(&stem));
            let path = self.layout.file(name);
            if stays && !self.plan.changes.iter().any(|change| change.path == path) {
                self.ours(name, self.present.files.get(name).cloned());
            }
        }
    }

    /// What comes is read before it counts; what goes stops counting before it is gone.
    fn index_and_config(&mut self, clusters: &BTreeSet<FileStem>) -> Result<(), Unwritable> {
        let include_resolver = self.layout.include_resolver();
        let config = self.present.config.as_deref();
        let found = include::find(config.unwrap_or_default(), &include_resolver);
        let (in_block, at_top): (Vec<_>, Vec<_>) =
            found.into_iter().partition(|found| found.block.is_some());
        let line = self.layout.include(INDEX)?;
        if self.is_over(clusters) {
            self.leave_config(config)?;
            for name in SHARED.into_iter().chain([FOLLOW]) {
                self.ours(name, None);
            }
            return Ok(());
        }
        let prefix = self.follow.as_ref().map(|follow| follow.options.prefix());
        let patterns: Vec<_> = clusters.iter().filter_map(|stem| self.patterns(stem)).collect();
        self.ours(FOLLOW, self.follow.as_ref().map(Follow::to_json));
        self.ours(LAST, Some(index::last(patterns, prefix.as_ref())));
        let is_live = self.looks(clusters)?;
        self.ours(CLUSTERS, Some(index::clusters(self.layout, clusters)?));
        self.ours(INDEX, Some(index::index(self.layout, self.present.folder_is_ours, is_live)?));
        if !is_live {
            // See `folder::clean`.
            for name in [FIRST_LOOK, SECOND_LOOK, AGAIN] {
                let after = self.present.files.get(name).map(|_| Vec::new());
                self.ours(name, after);
            }
        }
        self.plan.notes.extend(in_block.into_iter().map(Note::InBlock));
        if at_top.is_empty() {
            if let Some(config) = config {
                self.change(self.layout.backup(), Owner::Backup, Some(config.to_owned()));
            }
            let config = line.put_in(config.unwrap_or_default());
            self.plan.notes.push(Note::LineAdded(line));
            self.change(self.layout.config(), Owner::User, Some(config));
        }
        let has_state = |stem: &FileStem| {
            self.coming.iter().any(|record| record.stem() == *stem)
                || self.present.part(stem, FileKind::State).is_some()
        };
        for stem in clusters.iter().filter(|stem| !has_state(stem)) {
            let path = self.layout.file(&stem.file(FileKind::Fragment));
            self.plan.notes.push(Note::Stateless(path));
        }
        Ok(())
    }

    /// Whether nothing of ours is to stay.
    fn is_over(&self, clusters: &BTreeSet<FileStem>) -> bool {
        clusters.is_empty() && self.follow.is_none()
    }

    /// The files by which ssh brings clusters up to date; says whether there are any.
    fn looks(&mut self, clusters: &BTreeSet<FileStem>) -> Result<bool, Unwritable> {
        let was_live = self.present.files.get(FIRST_LOOK).is_some_and(|text| !text.is_empty());
        let Some(command) = self.refresh else { return Ok(was_live) };
        let records = clusters.iter().filter_map(|stem| self.record(stem));
        let live = Live {
            clusters: records.filter_map(|record| Some((record, record.options.live?))).collect(),
            subscription: self
                .follow
                .as_ref()
                .filter(|follow| follow.options.live.is_some())
                .map(|follow| follow.options.prefix()),
        };
        if live.is_empty() {
            return Ok(false);
        }
        let again = IncludeLine::new(&self.layout.file(AGAIN))?;
        let first = live.first_look(command);
        let second = live.second_look(command, &again);
        self.again(clusters);
        self.ours(FIRST_LOOK, Some(first));
        self.ours(SECOND_LOOK, Some(second));
        Ok(true)
    }

    /// The hosts that are new. The file stays as it is where no host changes.
    fn again(&mut self, clusters: &BTreeSet<FileStem>) {
        let is_fragment = |change: &Change| change.is_of_hosts() && change.before != change.after;
        let is_there = self.present.files.get(AGAIN).is_some_and(|text| !text.is_empty());
        let changes = !self.going.is_empty() || self.plan.changes.iter().any(is_fragment);
        if is_there && !changes {
            return;
        }
        let mut names = std::mem::take(&mut self.added);
        names.extend(self.present.recent.iter().cloned());
        let fragments: Vec<Vec<u8>> =
            clusters.iter().filter_map(|stem| self.fragment(stem)).collect();
        let text = index::again(fragments.iter().map(Vec::as_slice), &names);
        self.ours(AGAIN, Some(text));
    }

    /// The file of a cluster as it is afterwards.
    fn fragment(&self, stem: &FileStem) -> Option<Vec<u8>> {
        let path = self.layout.file(&stem.file(FileKind::Fragment));
        let change = self.plan.changes.iter().find(|change| change.path == path);
        match change {
            Some(change) => change.after.clone(),
            None => self.present.part(stem, FileKind::Fragment).map(<[u8]>::to_owned),
        }
    }

    /// The record of a cluster as it is afterwards.
    fn record(&self, stem: &FileStem) -> Option<&Record> {
        let coming = self.coming.iter().find(|record| record.stem() == *stem);
        coming.or_else(|| {
            let mut records = self.installed.records.iter();
            records.find(|(at, _)| at == stem).map(|(_, record)| record)
        })
    }

    /// The patterns of the names of a cluster that ssh reads afterwards.
    fn patterns(&self, stem: &FileStem) -> Option<String> {
        let in_file = || index::patterns_in(self.present.part(stem, FileKind::Fragment)?);
        self.record(stem).map(Record::patterns).or_else(in_file)
    }

    /// Takes our line out of the user's configuration, and the file with it where we made it.
    fn leave_config(&mut self, config: Option<&[u8]>) -> Result<(), Unwritable> {
        let Some(config) = config else { return Ok(()) };
        let mut left = config.to_owned();
        for line in self.layout.own_lines()? {
            while let Some(without) = line.taken_out_of(&left) {
                left = without;
            }
        }
        let written_by_others = include::find(&left, &self.layout.include_resolver());
        self.plan.notes.extend(written_by_others.into_iter().map(Note::LeftIn));
        // Had it been there before us, there were a backup of it, however empty.
        let made_by_us = left.is_empty()
            && !config.is_empty()
            && self.present.backup.is_none()
            && !self.present.config_is_link;
        let is_as_before = self.present.backup.as_ref() == Some(&left);
        self.change(self.layout.config(), Owner::User, (!made_by_us).then_some(left));
        if is_as_before {
            self.change(self.layout.backup(), Owner::Backup, None);
        } else if self.present.backup.is_some() {
            self.plan.notes.push(Note::BackupStays(self.layout.backup()));
        }
        Ok(())
    }

    /// The state goes first: what is left of a run that was killed is then known for a leftover.
    fn removals(&mut self, clusters: &BTreeSet<FileStem>) {
        let mut going = std::mem::take(&mut self.going);
        let orphans = self.present.all_stems().into_iter().filter(|stem| {
            // A certificate alone is no leftover: a fragment elsewhere may name it.
            let has = |part| self.present.part(stem, part).is_some();
            let mut leftovers =
                [FileKind::Fragment, FileKind::KnownHosts, FileKind::FormerKnownHosts].into_iter();
            let is_left_over = leftovers.any(has);
            !clusters.contains(stem) && is_left_over && !has(FileKind::State)
        });
        going.extend(orphans);
        going.extend(self.installed.superseded.iter().cloned());
        let is_over = self.is_over(clusters);
        if is_over {
            let files = self.present.files.keys().filter_map(|name| FileStem::of_file(name));
            let emptied = files.map(|(stem, _)| stem).filter(|stem| self.present.is_emptied(stem));
            going.extend(emptied);
        }
        going.retain(|stem| !clusters.contains(stem));
        going.sort();
        going.dedup();
        for stem in going {
            self.ours(&stem.file(FileKind::State), None);
            // An ssh that read the list a moment ago may be about to read it: see `folder::clean`.
            let fragment = self.present.part(&stem, FileKind::Fragment);
            let after = fragment.filter(|_| !is_over).map(|_| Vec::new());
            self.ours(&stem.file(FileKind::Fragment), after);
            for part in FileKind::ALL {
                if !matches!(part, FileKind::State | FileKind::Fragment) {
                    self.ours(&stem.file(part), None);
                }
            }
        }
        if is_over && !self.present.foreign.is_empty() {
            let paths = self.present.foreign.iter().map(|name| self.layout.file(name));
            self.plan.notes.push(Note::Foreign(paths.collect()));
        }
    }

    fn ours(&mut self, name: &str, after: Option<Vec<u8>>) {
        let before = self.present.files.get(name).cloned();
        let loose = after.is_some() && self.present.loose.contains(name);
        if before != after || loose {
            let path = self.layout.file(name);
            let is_fragment = FileStem::of_file(name).is_some_and(|(_, k)| k == FileKind::Fragment);
            let is_included = is_fragment || SHARED.contains(&name);
            self.plan.changes.push(Change { path, owner: Owner::Ours, before, after, is_included });
        }
    }

    fn change(&mut self, path: PathBuf, owner: Owner, after: Option<Vec<u8>>) {
        let before = match owner {
            Owner::Backup => self.present.backup.clone(),
            Owner::User | Owner::Ours => self.present.config.clone(),
        };
        if before != after {
            self.plan.changes.push(Change { path, owner, before, after, is_included: false });
        }
    }
}

#[cfg(test)]
mod tests;
