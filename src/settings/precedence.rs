//! Decides which source of a setting wins: the command line, else the environment, else the files of
//! the `prime` CLI.

use std::path::Path;

use super::context::{Context, ssh_layout};
use super::endpoint::{Access, Endpoint};
use super::environment::Environment;
use super::prime_cli::PrimeCli;
use super::source::{Origin, Source};
use crate::api::address::ApiUrl;
use crate::api::token::{ApiToken, TokenSource};
use crate::cli::{GlobalArgs, SourceArgs};
use crate::failure::{Failure, Kind, OrFail, Outcome};
use crate::install::folder;
use crate::install::layout::Layout;
use crate::text::shell;

/// The sources of settings, read once; each method resolves one setting.
#[derive(Debug)]
pub struct Settings {
    pub(super) global: GlobalArgs,
    pub(super) environment: Environment,
    pub(super) prime: PrimeCli,
}

impl Settings {
    /// Reads the files of the `prime` CLI.
    pub fn read(context: &Context) -> Outcome<Self> {
        let (global, environment) = (context.global.clone(), context.environment.clone());
        let prime = PrimeCli::read(&environment, global.context.as_deref())?;
        Ok(Self { global, environment, prime })
    }

    /// The settings for what is installed. Of the environment they know the home folder and the
    /// token: what was installed must not depend on the shell of the next run.
    pub(super) fn of_installed(context: &Context, prime_context: Option<&str>) -> Outcome<Self> {
        let environment = context.environment.without_variables_of_this_shell();
        let prime = PrimeCli::read(&environment, prime_context)?;
        Ok(Self { global: context.global.clone(), environment, prime })
    }

    /// Resolves which clusters are meant, and the API that is asked for them.
    pub fn source(&self, args: &SourceArgs) -> Outcome<Source> {
        let origin = match self.origin(args)? {
            Origin::Files(paths) => {
                return Ok(Source { origin: Origin::Files(paths), endpoint: self.endpoint() });
            }
            Origin::Named(named) => Origin::Named(self.without_aliases(named)?),
            Origin::All(team) => Origin::All(team),
        };
        Ok(Source { origin, endpoint: Ok(self.endpoint()?) })
    }

    /// Resolves which clusters are meant, as they were typed.
    pub(super) fn origin(&self, args: &SourceArgs) -> Outcome<Origin> {
        Ok(if args.api.all {
            Origin::All(self.team(args.api.team.clone())?)
        } else if args.input.is_empty() {
            Origin::Named(args.api.clusters.clone())
        } else {
            Origin::Files(args.input.clone())
        })
    }

    /// Replaces the alias of an installed cluster, or its short name, by its id from our files: the
    /// API knows ids and names.
    pub fn without_aliases(&self, mut clusters: Vec<String>) -> Outcome<Vec<String>> {
        for record in folder::records(&self.ssh_layout()?) {
            let is_ours = |word: &&mut String| {
                record.is_called(word.as_str()) && record.name.as_str() != word.as_str()
            };
            for cluster in clusters.iter_mut().filter(is_ours) {
                *cluster = record.id.to_string();
            }
        }
        Ok(clusters)
    }

    /// Returns where our files are, for those who only read them.
    pub(super) fn ssh_layout(&self) -> Outcome<Layout> {
        ssh_layout(self.global.ssh_dir.as_deref(), &self.environment)
    }

    /// The team whose clusters `--all` means; `None` is everyone's.
    pub fn team(&self, typed: Option<String>) -> Outcome<Option<String>> {
        let team = typed.or(self.environment.variable("PRIME_TEAM_ID")?);
        let team = team.or_else(|| self.prime.team_id.clone());
        Ok(team.filter(|team| team != "any"))
    }

    /// The API, and who asks; either may be missing.
    #[must_use]
    pub fn access(&self) -> Access {
        Access { address: self.address(), token: self.token(), timeout: self.global.timeout }
    }

    /// The API, and who asks.
    pub fn endpoint(&self) -> Outcome<Endpoint> {
        self.access().endpoint()
    }

    fn address(&self) -> Outcome<ApiUrl> {
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
        match &self.prime.base_url {
            Some(address) => Ok(address.clone()),
            None => ApiUrl::DEFAULT.parse().or_fail(Kind::Usage),
        }
    }

    /// The token, and where it was found.
    pub(super) fn token(&self) -> Outcome<Option<(ApiToken, TokenSource)>> {
        let usable = |text: &str, from: &str| {
            ApiToken::new(text).ok_or_else(|| {
                Failure::message(
                    Kind::Usage,
                    format!("{from} holds no token: it is empty, or has spaces in it"),
                )
            })
        };
        if let Some(path) = &self.global.token_file {
            if is_token(path) {
                let message =
                    "the value of --token-file is not a file; it looks like the token itself";
                return Err(Failure::message(Kind::Usage, message)
                    .hint("give a file that holds the token, or set PRIME_API_KEY"));
            }
            let text = self.environment.read(path).or_fail(Kind::Local)?;
            let token = usable(&text, &shell::path(path))?;
            return Ok(Some((token, TokenSource::File(path.clone()))));
        }
        if let Some(text) = self.environment.variable("PRIME_API_KEY")? {
            return Ok(Some((usable(&text, "PRIME_API_KEY")?, TokenSource::Variable)));
        }
        let token = self.prime.api_key.clone();
        Ok(token.map(|(token, path)| (token, TokenSource::Settings(path))))
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
