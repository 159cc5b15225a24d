//! Reads the settings of the `prime` CLI in `~/.prime`: someone who has run `prime login` sets
//! nothing.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::environment::Environment;
use crate::api::address::ApiUrl;
use crate::api::token::ApiToken;
use crate::failure::{Failure, Kind, Outcome};
use crate::text::shell;

/// The settings of the `prime` CLI that count here.
#[derive(Debug, Default)]
pub(super) struct PrimeCli {
    /// The token, and the file that it stands in.
    pub(super) api_key: Option<(ApiToken, PathBuf)>,
    pub(super) base_url: Option<ApiUrl>,
    pub(super) team_id: Option<String>,
    pub(super) ssh_key_path: Option<String>,
}

/// One settings file. Other keys are the CLI's own business.
#[derive(Default, Deserialize)]
struct File {
    api_key: Option<String>,
    base_url: Option<String>,
    team_id: Option<String>,
    ssh_key_path: Option<String>,
}

/// The context that the CLI has without a file: the default address.
const PRODUCTION: &str = "production";

impl PrimeCli {
    /// Reads `~/.prime/config.json`, and over it the file of `context`, else of `PRIME_CONTEXT`.
    pub(super) fn read(environment: &Environment, context: Option<&str>) -> Outcome<Self> {
        let named = environment.variable("PRIME_CONTEXT")?;
        let context = context.map(str::to_owned).or(named);
        let Some(folder) = environment.home().map(|home| home.join(".prime")) else {
            return match context {
                None => Ok(Self::default()),
                Some(name) => Err(Failure::message(
                    Kind::Usage,
                    format!("context {name} is in ~/.prime, but HOME is not set"),
                )),
            };
        };
        let path = folder.join("config.json");
        let file = read_file(environment, &path)?.unwrap_or_default();
        let mut settings = Self::of(file, &path)?;
        if let Some(name) = context {
            settings.lay_over(environment, &folder, &name)?;
        }
        Ok(settings)
    }

    fn of(file: File, path: &Path) -> Outcome<Self> {
        let filled = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
        let refuse = |key: &str, reason: &str| {
            let message = format!("{}: `{key}`: {reason}", shell::path(path));
            Failure::message(Kind::Local, message)
        };
        let api_key = match filled(file.api_key) {
            None => None,
            Some(text) => {
                let token = ApiToken::new(&text);
                let token =
                    token.ok_or_else(|| refuse("api_key", "no token: it has spaces in it"))?;
                Some((token, path.to_owned()))
            }
        };
        let base_url = filled(file.base_url)
            .map(|text| text.parse().map_err(|reason| refuse("base_url", &format!("{reason}"))))
            .transpose()?;
        let (team_id, ssh_key_path) = (filled(file.team_id), filled(file.ssh_key_path));
        Ok(Self { api_key, base_url, team_id, ssh_key_path })
    }

    fn lay_over(&mut self, environment: &Environment, folder: &Path, name: &str) -> Outcome<()> {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        if name.is_empty() || !name.chars().all(fits) {
            let message = "a context's name has only letters, digits, `_`, and `-`";
            return Err(Failure::message(Kind::Usage, message));
        }
        let path = folder.join("environments").join(format!("{name}.json"));
        let Some(file) = read_file(environment, &path)? else {
            if name == PRODUCTION {
                self.base_url = None;
                return Ok(());
            }
            let message = format!("no context {name}: {} does not exist", shell::path(&path));
            return Err(Failure::message(Kind::Usage, message).hint(known_contexts(&path)));
        };
        let over = Self::of(file, &path)?;
        self.api_key = over.api_key.or(self.api_key.take());
        self.base_url = over.base_url.or(self.base_url.take());
        self.team_id = over.team_id.or(self.team_id.take());
        Ok(())
    }
}

fn read_file(environment: &Environment, path: &Path) -> Outcome<Option<File>> {
    let Some(text) = environment.read_if_there(path)? else { return Ok(None) };
    serde_json::from_str(&text).map(Some).map_err(|error| {
        // The parser's words may quote the file, and the file holds the token.
        let (line, column) = (error.line(), error.column());
        let message = format!("{} is damaged at line {line}, column {column}", shell::path(path));
        Failure::message(Kind::Local, message).hint("`prime login` writes it again")
    })
}

fn known_contexts(missing: &Path) -> String {
    let folder = missing.parent().and_then(|folder| std::fs::read_dir(folder).ok());
    let mut names: Vec<String> = folder
        .into_iter()
        .flatten()
        .filter_map(|entry| PathBuf::from(entry.ok()?.file_name()).to_str().map(str::to_owned))
        .filter_map(|name| name.strip_suffix(".json").map(str::to_owned))
        .chain([PRODUCTION.to_owned()])
        .collect();
    names.sort();
    names.dedup();
    format!("the contexts are: {}", names.join(", "))
}
