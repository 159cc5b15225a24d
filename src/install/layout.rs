//! The places of our files below the ssh folder, and the lines that tell ssh of them.

use std::path::{Path, PathBuf};

use super::include::IncludeLine;
use super::reader::IncludeResolver;
use super::state::{FileKind, FileStem};
use crate::name::Invalid;
use crate::text::shell;

/// Our folder's name below the ssh folder.
const FOLDER: &str = "prime-ssh";
/// The file in our folder that the user's configuration includes.
pub const INDEX: &str = "config";
/// The file in our folder that includes the clusters' files.
pub const CLUSTERS: &str = "clusters";
/// The file in our folder that is read last.
pub const LAST: &str = "last";
/// The file in our folder that keeps the clusters' files fresh: it is read before them.
pub const FIRST_LOOK: &str = "look-1";
/// The file in our folder that looks for a name which they do not know.
pub const SECOND_LOOK: &str = "look-2";
/// The file in our folder with the hosts that were added in the last minutes.
pub const AGAIN: &str = "again";
/// The files of ours that ssh reads and that are of no cluster.
pub const SHARED: [&str; 6] = [INDEX, CLUSTERS, LAST, FIRST_LOOK, SECOND_LOOK, AGAIN];
/// The file in our folder that holds the subscription.
pub const FOLLOW: &str = "follow.json";
/// The file in our folder whose lock is the right to change things.
pub const LOCK: &str = "lock";

/// The places of all files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The folder that holds the user's configuration, by an absolute path.
    pub ssh_folder: PathBuf,
    /// The user's home in the password database: below it ssh looks for `.ssh`.
    pub home: PathBuf,
    /// Other absolute paths that lead to the ssh folder.
    pub same: Vec<PathBuf>,
}

impl Layout {
    /// The folder that ssh itself reads.
    #[must_use]
    pub fn read_by_ssh(&self) -> PathBuf {
        self.home.join(".ssh")
    }

    /// Returns whether a plain `ssh` reads the configuration in this folder.
    #[must_use]
    pub fn is_read_by_ssh(&self) -> bool {
        let read = self.read_by_ssh();
        self.ssh_folder == read || self.same.contains(&read)
    }

    /// The command that connects to a name of ours.
    #[must_use]
    pub fn ssh_command(&self, name: &str) -> String {
        if self.is_read_by_ssh() {
            return shell::command(["ssh", name]);
        }
        let config = self.config();
        shell::command(["ssh".as_ref(), "-F".as_ref(), config.as_os_str(), name.as_ref()])
    }

    /// The user's configuration.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.ssh_folder.join("config")
    }

    /// The user's configuration of before our first change to it.
    #[must_use]
    pub fn backup(&self) -> PathBuf {
        self.ssh_folder.join("config.prime-ssh.bak")
    }

    /// Our folder.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        self.ssh_folder.join(FOLDER)
    }

    /// A file in our folder.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    /// One of a cluster's files there.
    #[must_use]
    pub fn part(&self, stem: &FileStem, kind: FileKind) -> PathBuf {
        self.file(&stem.file(kind))
    }

    /// The line for the user's configuration, which includes all that is ours.
    pub fn include_line(&self) -> Result<IncludeLine, Invalid> {
        self.include_path(&self.file(INDEX))
    }

    /// Every form of the line of ours in the user's configuration: relative, and absolute for those
    /// whose `$HOME` is elsewhere, by each path that leads to our folder.
    pub fn own_lines(&self) -> Result<Vec<IncludeLine>, Invalid> {
        let absolute = self.include_resolver().index;
        let absolute = absolute.iter().filter_map(|index| IncludeLine::new(index).ok());
        Ok([self.include_line()?].into_iter().chain(absolute).collect())
    }

    /// The line that includes a file below the ssh folder: relative to that folder where it is
    /// ssh's own, so that a shared home may move; else absolute.
    pub fn include_path(&self, path: &Path) -> Result<IncludeLine, Invalid> {
        let relative = path.strip_prefix(&self.ssh_folder).ok().filter(|_| self.is_read_by_ssh());
        IncludeLine::new(relative.unwrap_or(path))
    }

    /// A file of our folder as ssh's own files name it: below `~` where that is the same, so that
    /// a shared home may move; else absolute.
    #[must_use]
    pub fn named_by_ssh(&self, name: &str) -> PathBuf {
        if self.is_read_by_ssh() {
            Path::new("~/.ssh").join(FOLDER).join(name)
        } else {
            self.file(name)
        }
    }

    /// Finds what an `Include` names as ssh does.
    #[must_use]
    pub fn include_resolver(&self) -> IncludeResolver {
        let folders = self.same.iter().chain([&self.ssh_folder]);
        let mut index: Vec<_> = folders.map(|folder| folder.join(FOLDER).join(INDEX)).collect();
        if self.is_read_by_ssh() {
            index.push(self.read_by_ssh().join(FOLDER).join(INDEX));
        }
        IncludeResolver { home: self.home.clone(), index }
    }
}
