//! The context that every command gets: global options, the environment, the terminal.

use std::path::{Path, PathBuf};

use super::environment::Environment;
use crate::cli::GlobalArgs;
use crate::failure::Outcome;
use crate::install::folder;
use crate::install::layout::Layout;
use crate::terminal::Terminal;

/// The context that every command gets beside its own arguments.
#[derive(Clone, Debug)]
pub struct Context {
    /// The options that every command takes.
    pub global: GlobalArgs,
    /// Variables, the home folder, the current folder.
    pub environment: Environment,
    /// The voice of the program on stderr.
    pub terminal: Terminal,
}

impl Context {
    /// Returns where ssh's files are, and how ssh finds them.
    pub fn layout(&self) -> Outcome<Layout> {
        folder::layout(self.global.ssh_dir.as_deref(), self.environment.home())
    }

    /// Returns whether an API was typed, so that it counts for installed clusters too.
    #[must_use]
    pub fn names_api(&self) -> bool {
        self.global.api_url.is_some() || self.global.context.is_some()
    }

    /// The context of the `prime` CLI that was named.
    pub fn prime_context(&self) -> Outcome<Option<String>> {
        let named = self.environment.variable("PRIME_CONTEXT")?;
        Ok(self.global.context.clone().or(named))
    }
}

/// Returns where our files are below ssh's folder, for those who only read them: finding out how
/// ssh itself finds them takes a look into the password database, and that takes time.
pub fn ssh_layout(ssh_dir: Option<&Path>, environment: &Environment) -> Outcome<Layout> {
    let ssh_folder = folder::ssh_folder(ssh_dir, environment.home())?;
    Ok(Layout { ssh_folder, home: PathBuf::new(), same: Vec::new() })
}
