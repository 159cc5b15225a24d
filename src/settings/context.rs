//! The context that every command gets, and what it says of clusters and of the API: the command line
//! wins, then the environment, then the files of the `prime` CLI.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::environment::{Environment, read};
use super::prime_cli::PrimeCli;
use crate::api::address::ApiUrl;
use crate::api::client::ApiEndpoint;
use crate::api::token::{ApiToken, TokenSource};
use crate::cli::{GlobalArgs, SourceArgs};
use crate::failure::{Failure, Kind, OrFail, Outcome};
use crate::install::folder;
use crate::install::layout::Layout;
use crate::install::options::SavedOptions;
use crate::install::state::{ApiSource, Record};
use crate::terminal::Terminal;
use crate::text::shell;

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

/// The clusters of a run, and the API that is asked for them.
#[derive(Clone, Debug)]
pub struct Source {
    /// The clusters.
    pub origin: Origin,
    /// The API, and who asks. Files need neither, so a missing one is an error only once it is
    /// needed.
    pub endpoint: Outcome<ApiEndpoint>,
}

impl Source {
    /// Returns whether saved answers are read, and no API is asked.
    #[must_use]
    pub fn is_files(&self) -> bool {
        matches!(self.origin, Origin::Files(_))
    }
}

/// The clusters of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Those of saved answers; `-` is stdin.
    Files(Vec<PathBuf>),
    /// These, by id, name or installed alias.
    Named(Vec<String>),
    /// Every cluster that the API lists, of one team or of all.
    All(Option<String>),
}

/// The API, and who asks: either may be missing.
#[derive(Clone, Debug)]
pub struct Access {
    /// The API's address.
    pub address: Outcome<ApiUrl>,
    /// The token, and where it was found.
    pub token: Outcome<Option<(ApiToken, TokenSource)>>,
    /// The time for one call with all its tries.
    pub timeout: Duration,
}

impl Access {
    /// The API and the token, or why not.
    pub fn endpoint(self) -> Outcome<ApiEndpoint> {
        let (token, _) = self.token?.ok_or_else(no_token)?;
        Ok(ApiEndpoint { address: self.address?, token, timeout: self.timeout })
    }
}

/// Returns the failure of a run without a token.
#[must_use]
pub fn no_token() -> Failure {
    Failure::message(Kind::Usage, "no API token").hint(
        "run `prime login`, set PRIME_API_KEY, or give --token-file FILE; none is needed for \
         --input FILE: a saved answer, or what someone else's `prime-ssh export` printed",
    )
}

impl Context {
    /// Returns where ssh's files are, and how ssh finds them.
    pub fn layout(&self) -> Outcome<Layout> {
        folder::layout(self.global.ssh_dir.as_deref(), self.environment.home())
    }

    /// Returns where our files are below ssh's folder, for those who only read them: finding out how
    /// ssh itself finds them takes a look into the password database, and that takes time.
    pub fn layout_for_reading(&self) -> Outcome<Layout> {
        let ssh_dir = self.global.ssh_dir.as_deref();
        let ssh_folder = folder::ssh_folder(ssh_dir, self.environment.home())?;
        Ok(Layout { ssh_folder, home: PathBuf::new(), same: Vec::new() })
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

    /// The settings of the `prime` CLI.
    pub(super) fn prime(&self) -> Outcome<PrimeCli> {
        PrimeCli::read(self.environment.home(), self.prime_context()?.as_deref())
    }

    /// The context for what is installed. Of the environment it has the home folder and the token:
    /// what was installed must not depend on the shell of the next run.
    pub(super) fn for_installed(&self, prime_context: Option<&str>) -> Self {
        let context = prime_context.map(str::to_owned);
        Self {
            global: GlobalArgs { context, ..self.global.clone() },
            environment: self.environment.without_variables_of_this_shell(),
            terminal: self.terminal,
        }
    }

    /// Resolves which clusters are meant, and the API that is asked for them.
    pub fn source(&self, args: &SourceArgs) -> Outcome<Source> {
        let mut source = self.source_as_typed(args)?;
        if let Origin::Named(named) = &mut source.origin {
            *named = self.without_aliases(std::mem::take(named))?;
        }
        if !source.is_files() {
            source.endpoint = Ok(source.endpoint?);
        }
        Ok(source)
    }

    /// The same with the clusters as they were typed, and an API that may be missing.
    pub(super) fn source_as_typed(&self, args: &SourceArgs) -> Outcome<Source> {
        let origin = if args.api.all {
            Origin::All(self.team(args.api.team.clone())?)
        } else if args.input.is_empty() {
            Origin::Named(args.api.clusters.clone())
        } else {
            Origin::Files(args.input.clone())
        };
        Ok(Source { origin, endpoint: self.endpoint() })
    }

    /// Replaces the alias of an installed cluster, or its short name, by its id from our files: the
    /// API knows ids and names.
    pub fn without_aliases(&self, mut clusters: Vec<String>) -> Outcome<Vec<String>> {
        for record in folder::records(&self.layout_for_reading()?) {
            let is_ours = |word: &&mut String| {
                record.is_called(word.as_str()) && record.name.as_str() != word.as_str()
            };
            for cluster in clusters.iter_mut().filter(is_ours) {
                *cluster = record.id.to_string();
            }
        }
        Ok(clusters)
    }

    /// The team whose clusters `--all` means; `None` is everyone's.
    pub fn team(&self, typed: Option<String>) -> Outcome<Option<String>> {
        let team = typed.or(self.environment.variable("PRIME_TEAM_ID")?);
        let team = if team.is_none() { self.prime()?.team_id } else { team };
        Ok(team.filter(|team| team != "any"))
    }

    /// The API, and who asks.
    pub fn endpoint(&self) -> Outcome<ApiEndpoint> {
        self.access()?.endpoint()
    }

    /// The API, and who asks; either may be missing.
    pub fn access(&self) -> Outcome<Access> {
        let prime = self.prime()?;
        let token = self.token(prime.api_key);
        Ok(Access { address: self.address(prime.base_url), token, timeout: self.global.timeout })
    }

    fn address(&self, of_prime: Option<(String, PathBuf)>) -> Outcome<ApiUrl> {
        if let Some(address) = &self.global.api_url {
            return Ok(address.clone());
        }
        for name in ["PRIME_API_BASE_URL", "PRIME_BASE_URL"] {
            if let Some(text) = self.environment.variable(name)? {
                return text
                    .parse()
                    .map_err(|reason| Failure::message(Kind::Usage, format!("{name}: {reason}")));
            }
        }
        let Some((text, path)) = of_prime else {
            return ApiUrl::DEFAULT.parse().or_fail(Kind::Usage);
        };
        text.parse().map_err(|reason| {
            let message = format!("{}: `base_url`: {reason}", shell::path(&path));
            Failure::message(Kind::Local, message)
        })
    }

    fn token(
        &self,
        of_prime: Option<(String, PathBuf)>,
    ) -> Outcome<Option<(ApiToken, TokenSource)>> {
        let (text, from, source) = if let Some(path) = &self.global.token_file {
            if is_token(path) {
                let message =
                    "the value of --token-file is not a file; it looks like the token itself";
                return Err(Failure::message(Kind::Usage, message)
                    .hint("give a file that holds the token, or set PRIME_API_KEY"));
            }
            let text = read(path).or_fail(Kind::Local)?;
            (text, shell::path(path), TokenSource::File(path.clone()))
        } else if let Some(text) = self.environment.variable("PRIME_API_KEY")? {
            (text, "PRIME_API_KEY".to_owned(), TokenSource::Variable)
        } else if let Some((text, path)) = of_prime {
            (text, shell::path(&path), TokenSource::Settings(path))
        } else {
            return Ok(None);
        };
        let token = ApiToken::new(&text).ok_or_else(|| {
            let message = format!("{from} holds no token: it is empty, or has spaces in it");
            Failure::message(Kind::Usage, message)
        })?;
        Ok(Some((token, source)))
    }

    /// The access to the API of what is installed, of which something may be missing; with the token
    /// in a file of its own, unless another file is named for this run.
    pub fn access_to(&self, api: &ApiSource, options: &SavedOptions) -> Outcome<Access> {
        let ApiSource { url, context, .. } = api;
        let address: ApiUrl = url.parse().map_err(|reason| {
            Failure::message(Kind::Local, format!("the saved address {url:?}: {reason}"))
        })?;
        let mut installed = self.for_installed(context.as_deref());
        let own = options.token_file.as_ref().map(|path| self.environment.expand(path));
        installed.global.token_file = installed.global.token_file.or(own);
        installed.global.api_url = Some(address);
        installed.access()
    }

    /// The API that an installed cluster is asked for at, with the token that is in its own file.
    pub fn endpoint_of(&self, record: &Record) -> Outcome<ApiEndpoint> {
        let Some(api) = record.source.api() else {
            let message = format!("{} was not installed from an API", record.alias());
            return Err(Failure::message(Kind::Local, message));
        };
        self.access_to(api, &record.options)?.endpoint()
    }
}

/// Returns whether somebody took a token for the path of a file, which messages would show: there
/// is no such file, and the API's tokens look so.
fn is_token(path: &Path) -> bool {
    let looks_so = |text: &str| {
        let is_long =
            text.len() >= 32 && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        text.starts_with("pit_") || is_long
    };
    path.to_str().is_some_and(looks_so) && !path.exists()
}
