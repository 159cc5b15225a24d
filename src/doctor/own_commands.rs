//! Commands of this program that findings advise.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::install::state::{Record, Source};

/// Writes commands that mean the same ssh folder and API as this run.
#[derive(Clone, Debug, Default)]
pub struct OwnCommands {
    /// The folder of `--ssh-dir`, where it was given.
    pub ssh_dir: Option<PathBuf>,
    /// The API that is asked by default.
    pub api_url: Option<String>,
}

impl OwnCommands {
    /// `prime-ssh` with these arguments.
    pub fn words<'w>(&self, arguments: impl IntoIterator<Item = &'w str>) -> Vec<OsString> {
        let mut words: Vec<OsString> = vec!["prime-ssh".into()];
        words.extend(arguments.into_iter().map(Into::into));
        if let Some(folder) = &self.ssh_dir {
            words.extend(["--ssh-dir".into(), folder.into()]);
        }
        words
    }

    /// `prime-ssh sync` for one cluster.
    pub(super) fn sync(&self, alias: &str) -> Vec<OsString> {
        self.words(["sync", alias])
    }

    /// `prime-ssh cert` for an installed cluster.
    pub(super) fn cert(&self, record: &Record, identity: Option<&Path>) -> Vec<OsString> {
        let mut words = self.words(["cert", record.id.as_str()]);
        words.extend(self.api_options(&record.source));
        if let Some(identity) = identity {
            words.extend(["--identity-file".into(), identity.into()]);
        }
        words
    }

    /// `prime-ssh install` for an installed cluster, with one more ssh option; `None` where it came
    /// from standard input.
    pub(super) fn install(&self, record: &Record, ssh_option: &str) -> Option<Vec<OsString>> {
        let mut words = match &record.source {
            Source::Api { .. } => self.words(["install", record.id.as_str()]),
            Source::Input(path) => self.words(["install", "--input", path]),
            Source::Stdin => return None,
        };
        words.extend(self.api_options(&record.source));
        let given = record.options.ssh_option.iter();
        let given = given.map(|option| format!("{}={}", option.keyword(), option.value()));
        let all = given.chain([ssh_option.to_owned()]);
        words.extend(all.map(|option| format!("--ssh-option={option}").into()));
        Some(words)
    }

    /// The options that ask the API that a cluster came from.
    fn api_options(&self, source: &Source) -> Vec<OsString> {
        let Source::Api { url, context, .. } = source else { return Vec::new() };
        let context = context.iter().flat_map(|context| ["--context", context]);
        let url = Some(url).filter(|url| self.api_url.as_ref() != Some(url));
        let url = url.into_iter().flat_map(|url| ["--api-url", url]);
        url.chain(context).map(OsString::from).collect()
    }
}
