//! The ssh folder as it was found, read once for all examinations.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::fs::FileError;
use crate::install::desired::Desired;
use crate::install::folder;
use crate::install::fragment::Fragment;
use crate::install::layout::{FIRST_LOOK, Layout};
use crate::install::live;
use crate::install::plan::{Plan, plan};
use crate::install::present::Present;
use crate::install::reader::Line;
use crate::install::refresh::RefreshState;
use crate::install::state::{FileKind, FileStem, Record};
use crate::settings::{Context, OwnCommands};
use crate::ssh::login::SYSTEM_CONFIG;

/// The shell where `SHELL` is not set (`_PATH_BSHELL`).
const DEFAULT_SHELL: &str = "/bin/sh";

/// The ssh folder as it was found.
#[derive(Debug)]
pub struct Snapshot {
    /// The paths.
    pub layout: Layout,
    /// The reason that the user's configuration cannot be read.
    pub config_error: Option<FileError>,
    /// The user's configuration, and our files; none where `unreadable` says why.
    pub present: Present,
    /// The reason that our folder cannot be read.
    pub unreadable: Option<Failure>,
    /// The changes that a `sync` without news would make.
    pub repair: Plan,
    /// The clusters with a file for ssh.
    pub clusters: Vec<InstalledCluster>,
    /// Temporary files of runs that were killed, or are still running.
    pub leftovers: Vec<PathBuf>,
    /// The commands that are advised.
    pub commands: OwnCommands,
    /// The surroundings of this run.
    pub context: Context,
}

/// An installed cluster with its file for ssh.
#[derive(Clone, Debug)]
pub struct InstalledCluster {
    /// Its record.
    pub record: Record,
    /// The path of its file for ssh.
    pub path: PathBuf,
    /// That file, parsed.
    pub fragment: Fragment,
    /// The commands that ssh runs before it connects.
    pub commands: Vec<String>,
    /// The last try to bring it up to date; nothing where ssh does not.
    pub refresh: RefreshState,
}

impl Snapshot {
    /// Reads it; what is not there is no error.
    #[must_use]
    pub fn read(layout: Layout, context: Context) -> Self {
        let (config, config_error) = match crate::fs::contents(&layout.config()) {
            Ok(config) => (config, None),
            Err(error) => (None, Some(error)),
        };
        let ours = folder::check_owner(&layout).and_then(|()| folder::read_ours(&layout));
        let (present, unreadable) = match ours {
            Ok(present) => (present, None),
            Err(error) => (Present::default(), Some(error)),
        };
        let present = Present { config, ..present };
        let repair = plan(&layout, &present, &Desired::unchanged(&present), None);
        let cluster = |(stem, record): (&FileStem, &Record)| {
            let text = present.part(stem, FileKind::Fragment)?;
            let path = layout.part(stem, FileKind::Fragment);
            let look = present.files.get(FIRST_LOOK).map(Vec::as_slice).unwrap_or_default();
            let (fragment, commands) =
                (Fragment::parse(text), live::commands(look, &record.alias()));
            let is_live = !commands.is_empty() || record.options.live.is_some();
            let refresh =
                if is_live { RefreshState::read(&layout, stem) } else { RefreshState::default() };
            Some(InstalledCluster { record: record.clone(), path, fragment, commands, refresh })
        };
        Self {
            clusters: present.records.iter().filter_map(cluster).collect(),
            leftovers: folder::leftovers(&layout),
            commands: context.commands(),
            repair: repair.unwrap_or_default(),
            layout,
            config_error,
            present,
            unreadable,
            context,
        }
    }

    /// The text of the user's configuration, as far as there is one.
    #[must_use]
    pub fn config(&self) -> &[u8] {
        self.present.config.as_deref().unwrap_or_default()
    }

    /// Calls `visit` for each line of the user's configuration, from file to file.
    pub fn visit_config(&self, visit: &mut dyn FnMut(&Line<'_>) -> bool) {
        folder::reader(&self.layout).walk((&self.layout.config(), self.config()), visit);
    }

    /// Calls `visit` for each line of the system's configuration, where a plain ssh reads it after
    /// the user's.
    pub fn visit_system_config(&self, visit: &mut dyn FnMut(&Line<'_>) -> bool) {
        let path = Path::new(SYSTEM_CONFIG);
        if !self.layout.is_read_by_ssh() {
            return;
        }
        let Ok(Some(text)) = crate::fs::contents(path) else { return };
        folder::reader(&self.layout).walk((path, &text), visit);
    }

    /// The configuration to name with `-F`; `None` for the one that ssh reads by itself.
    #[must_use]
    pub fn named_config(&self) -> Option<PathBuf> {
        (!self.layout.is_read_by_ssh()).then(|| self.layout.config())
    }

    /// The shell by which ssh runs commands.
    #[must_use]
    pub fn shell(&self) -> PathBuf {
        let named = self.context.environment.variable("SHELL").ok().flatten();
        named.map_or_else(|| DEFAULT_SHELL.into(), PathBuf::from)
    }

    /// Every file that the user's configuration includes, except our own.
    #[must_use]
    pub fn included(&self) -> BTreeSet<PathBuf> {
        let config = self.layout.config();
        let mut files = BTreeSet::new();
        self.visit_config(&mut |line| {
            if line.file != config {
                files.insert(line.file.to_owned());
            }
            true
        });
        files
    }

    /// The paths that a cluster's hosts have for a keyword such as `identityfile`.
    pub fn paths<'a>(
        &'a self,
        cluster: &'a InstalledCluster,
        keyword: &'a str,
    ) -> impl Iterator<Item = PathBuf> + 'a {
        cluster.fragment.all(keyword).filter_map(|path| self.expand(path))
    }

    /// A path in an ssh file, expanded; `None` where only ssh can do that.
    #[must_use]
    pub fn expand(&self, path: &str) -> Option<PathBuf> {
        let is_absolute = path.starts_with('/') || path.starts_with("~/");
        let is_plain = is_absolute && !path.contains(['%', '$']);
        is_plain.then(|| self.layout.include_resolver().resolve(path.as_bytes())).flatten()
    }
}

impl InstalledCluster {
    /// Returns whether ssh runs a command that renews the certificate of its own that the cluster
    /// takes.
    #[must_use]
    pub fn is_renewed(&self) -> bool {
        !self.commands.is_empty() && self.refresh.certificate_key.is_some()
    }

    /// Returns whether ssh needs the user's shell for a host: to run a command, or to jump.
    #[must_use]
    pub fn needs_a_shell(&self) -> bool {
        !self.commands.is_empty() || self.fragment.all("proxyjump").any(|jump| jump != "none")
    }
}
