//! Commands of this program that messages advise: printed as they work when they are pasted.

use std::ffi::OsString;

use super::context::Context;
use crate::cli::GlobalArgs;
use crate::install::folder;
use crate::install::state::{ApiSource, Record, Source};
use crate::text::shell;

/// Writes commands that mean the same ssh folder and API as this run.
#[derive(Clone, Debug)]
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
        let folder = ssh_dir.as_ref().map(|given| {
            // One that cannot be is told where it is used.
            let folder = folder::ssh_folder(Some(given), self.environment.home());
            folder.unwrap_or_else(|_| given.clone()).into()
        });
        let file = token_file.as_ref();
        let file = file.map(|file| std::path::absolute(file).unwrap_or_else(|_| file.clone()));
        let given = |options: Vec<(&str, Option<OsString>)>| {
            let given =
                options.into_iter().filter_map(|(option, value)| Some([option.into(), value?]));
            given.flatten().collect()
        };
        OwnCommands {
            folder: given(vec![("--ssh-dir", folder)]),
            api: given(vec![
                ("--api-url", api_url.as_ref().map(|url| url.to_string().into())),
                ("--context", context.as_ref().map(Into::into)),
                ("--token-file", file.map(Into::into)),
            ]),
        }
    }
}

impl OwnCommands {
    /// A command about what is installed, which knows where to ask.
    pub fn installed<'w>(
        &self,
        command: &str,
        words: impl IntoIterator<Item = &'w str>,
    ) -> Vec<OsString> {
        self.command(command, words.into_iter().map(OsString::from))
    }

    fn command(&self, command: &str, words: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
        let start = ["prime-ssh".into(), command.into()];
        start.into_iter().chain(self.folder.iter().cloned()).chain(words).collect()
    }

    /// A command about a cluster, installed or of the API that this run asks.
    #[must_use]
    pub fn about(&self, command: &str, id: &str, record: Option<&Record>) -> Vec<OsString> {
        match record {
            Some(_) => self.installed(command, [id]),
            None => self.command(command, self.source_of_listed(id)),
        }
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
        self.command("install", options.into_iter().chain(source.iter().cloned()))
    }
}

/// A command as it stands in a sentence, to be pasted.
pub fn pasted<W: AsRef<std::ffi::OsStr>>(words: impl IntoIterator<Item = W>) -> String {
    format!("`{}`", shell::command(words))
}
