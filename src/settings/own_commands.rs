//! Commands of this program that messages advise: printed as they work when they are pasted.

use std::ffi::OsString;

use super::context::Context;
use crate::cli::GlobalArgs;
use crate::install::folder;
use crate::install::state::{ApiSource, Record, Source};
use crate::text::shell;

/// Writes commands that mean the same ssh folder and API as this run.
#[derive(Clone, Debug, Default)]
pub struct OwnCommands {
    /// `--ssh-dir`, where it was given.
    folder: Vec<OsString>,
    /// The options that say which API is asked, and by whom, where they were given.
    api: Vec<OsString>,
}

impl Context {
    /// The commands that messages advise.
    #[must_use]
    pub fn commands(&self) -> OwnCommands {
        let GlobalArgs { api_url, context, token_file, ssh_dir, .. } = &self.global;
        let mut commands = OwnCommands::default();
        if let Some(given) = ssh_dir {
            // One that cannot be is told where it is used.
            let folder = folder::ssh_folder(Some(given), self.environment.home());
            let folder = folder.unwrap_or_else(|_| given.clone());
            commands.folder = vec!["--ssh-dir".into(), folder.into()];
        }
        if let Some(url) = api_url {
            commands.api.extend(["--api-url".into(), url.to_string().into()]);
        }
        if let Some(context) = context {
            commands.api.extend(["--context".into(), context.into()]);
        }
        if let Some(file) = token_file {
            let file = std::path::absolute(file).unwrap_or_else(|_| file.clone());
            commands.api.extend(["--token-file".into(), file.into()]);
        }
        commands
    }
}

impl OwnCommands {
    /// A command about what is installed, which knows where to ask.
    pub fn installed<'w>(
        &self,
        command: &str,
        words: impl IntoIterator<Item = &'w str>,
    ) -> Vec<OsString> {
        let start = ["prime-ssh".into(), command.into()];
        let words = words.into_iter().map(OsString::from);
        start.into_iter().chain(self.folder.iter().cloned()).chain(words).collect()
    }

    /// A command about a cluster, installed or of the API that this run asks.
    #[must_use]
    pub fn about(&self, command: &str, id: &str, record: Option<&Record>) -> Vec<OsString> {
        let mut words = self.installed(command, []);
        words.extend(match record {
            Some(_) => vec![id.into()],
            None => self.source_of_listed(id),
        });
        words
    }

    /// The words behind `install` that name an installed cluster where it came from; `None` where
    /// that was standard input.
    #[must_use]
    pub fn source_of(&self, record: &Record) -> Option<Vec<OsString>> {
        let words = match &record.source {
            Source::Api(ApiSource { url, context, .. }) => {
                let context = context.iter().flat_map(|context| ["--context", context]);
                ["--api-url", url].into_iter().chain(context).chain([record.id.as_str()]).collect()
            }
            Source::Input(path) => vec!["--input", path],
            Source::Stdin => return None,
        };
        Some(words.into_iter().map(OsString::from).collect())
    }

    /// The words behind `install` that name a cluster of the API that this run asks.
    #[must_use]
    pub fn source_of_listed(&self, id: &str) -> Vec<OsString> {
        self.api.iter().cloned().chain([id.into()]).collect()
    }

    /// `prime-ssh install` with these options, for a cluster that comes from there.
    pub fn install(
        &self,
        options: impl IntoIterator<Item = OsString>,
        source: &[OsString],
    ) -> Vec<OsString> {
        let mut words = self.installed("install", []);
        words.extend(options);
        words.extend(source.iter().cloned());
        words
    }
}

/// A command as it stands in a sentence, to be pasted.
pub fn pasted<W: AsRef<std::ffi::OsStr>>(words: impl IntoIterator<Item = W>) -> String {
    format!("`{}`", shell::command(words))
}
