//! What was found below the ssh folder: read once, for all examinations.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::install::folder::{self, FolderError};
use crate::install::fragment::Fragment;
use crate::install::layout::Layout;
use crate::install::plan::{Installed, Plan, Present, plan};
use crate::install::reading::{Line, walk};
use crate::install::state::{FileKind, FileStem, Record};

/// What was found below the ssh folder.
#[derive(Debug)]
pub struct Disk {
    /// Where everything is.
    pub layout: Layout,
    /// The user's configuration; what is wrong with it is told as text.
    pub config: Result<Option<Vec<u8>>, String>,
    /// Our files.
    pub ours: Result<Ours, FolderError>,
    /// Temporary files of runs that were killed, or that are at work.
    pub leftovers: Vec<PathBuf>,
}

/// Our files, and what they say.
#[derive(Debug)]
pub struct Ours {
    /// What is there.
    pub present: Present,
    /// The installed clusters.
    pub installed: Installed,
    /// What a run would mend that wishes for nothing.
    pub mending: Option<Plan>,
    /// Those of which ssh has a fragment to read.
    pub clusters: Vec<Cluster>,
}

/// An installed cluster, and what ssh is told of it.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// What is remembered of it.
    pub record: Record,
    /// The fragment's file.
    pub fragment: PathBuf,
    /// What the fragment says.
    pub outline: Fragment,
}

impl Disk {
    /// Reads it. Nothing there is nothing wrong.
    #[must_use]
    pub fn read(layout: Layout) -> Self {
        let config = crate::fs::contents(&layout.config()).map_err(|error| error.to_string());
        let ours = folder::check_owner(&layout).and_then(|()| folder::read_ours(&layout));
        let text = config.as_ref().ok().cloned().flatten();
        let ours = ours.map(|present| Ours::of(&layout, Present { config: text, ..present }));
        let leftovers = folder::leftovers(&layout);
        Self { layout, config, ours, leftovers }
    }

    /// The installed clusters that ssh has something to read of.
    #[must_use]
    pub fn clusters(&self) -> &[Cluster] {
        self.ours.as_ref().map_or(&[], |ours| &ours.clusters)
    }

    /// Whether ssh should know any name of ours.
    #[must_use]
    pub fn is_in_use(&self) -> bool {
        self.ours.as_ref().is_ok_and(|ours| !ours.expected().is_empty())
    }

    /// Calls `visit` for each line of the user's configuration, from file to file, as
    /// [`walk`] does.
    pub fn walk(&self, visit: &mut dyn FnMut(&Line<'_>) -> bool) {
        let Ok(Some(config)) = &self.config else { return };
        let mut read = folder::read_matching(&self.layout);
        walk((&self.layout.config(), config), &self.layout.include_resolver(), &mut read, visit);
    }

    /// Every file that the user's configuration includes, our own aside.
    #[must_use]
    pub fn included(&self) -> BTreeSet<PathBuf> {
        let config = self.layout.config();
        let mut files = BTreeSet::new();
        self.walk(&mut |line| {
            if line.file != config {
                files.insert(line.file.to_owned());
            }
            true
        });
        files
    }

    /// Where a path of an ssh file leads: to ssh `~` is the home folder of the password database.
    #[must_use]
    pub fn expand(&self, path: &str) -> Option<PathBuf> {
        let is_absolute = path.starts_with('/') || path.starts_with("~/");
        let include_resolver = self.layout.include_resolver();
        // What else ssh expands, only ssh knows.
        let is_plain = is_absolute && !path.contains(['%', '$']);
        is_plain.then(|| include_resolver.resolve(path.as_bytes())).flatten()
    }
}

impl Ours {
    fn of(layout: &Layout, present: Present) -> Self {
        let installed = present.installed();
        let mending = plan(layout, &present, Vec::new()).ok();
        let cluster = |(stem, record): &(FileStem, Record)| {
            let text = present.part(stem, FileKind::Fragment)?;
            let fragment = layout.file(&stem.file(FileKind::Fragment));
            Some(Cluster { record: record.clone(), fragment, outline: Fragment::parse(text) })
        };
        let clusters = installed.records.iter().filter_map(cluster).collect();
        Self { present, installed, mending, clusters }
    }

    /// The clusters that ssh should read.
    #[must_use]
    pub fn expected(&self) -> &[FileStem] {
        self.mending.as_ref().map_or(&[], |plan| &plan.clusters)
    }
}

impl Cluster {
    /// Its alias.
    #[must_use]
    pub fn alias(&self) -> String {
        self.record.alias()
    }

    /// Whether ssh renews its certificate by itself.
    #[must_use]
    pub fn is_renewed(&self) -> bool {
        !self.outline.commands.is_empty()
    }
}

/// Files of one kind, for a message: the first, and how many more.
#[must_use]
pub fn listed(paths: &[&Path]) -> String {
    match paths {
        [] => String::new(),
        [only] => only.display().to_string(),
        [first, rest @ ..] => format!("{} and {} more", first.display(), rest.len()),
    }
}
