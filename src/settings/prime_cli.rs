//! Reads the settings of the `prime` CLI in `~/.prime`: someone who has run `prime login` sets
//! nothing.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::environment::SETTINGS_MAX;
use crate::failure::{Failure, Kind, OrFail, Outcome};
use crate::text::shell;

/// The settings of the `prime` CLI that count here, as they are written. Two are told with the file
/// that they stand in.
#[derive(Default)]
pub(super) struct PrimeCli {
    pub(super) api_key: Option<(String, PathBuf)>,
    pub(super) base_url: Option<(String, PathBuf)>,
    pub(super) team_id: Option<String>,
    pub(super) ssh_key_path: Option<String>,
}

/// One settings file. Other keys are the CLI's own business.
#[derive(Deserialize)]
struct File {
    api_key: Option<String>,
    base_url: Option<String>,
    team_id: Option<String>,
    ssh_key_path: Option<String>,
}

/// The context that the CLI has without a file: the default address.
const PRODUCTION: &str = "production";

impl PrimeCli {
    /// Reads `~/.prime/config.json`, and over it the file of `context`.
    pub(super) fn read(home: Option<&Path>, context: Option<&str>) -> Outcome<Self> {
        let Some(folder) = home.map(|home| home.join(".prime")) else {
            return match context {
                None => Ok(Self::default()),
                Some(name) => Err(Failure::message(
                    Kind::Usage,
                    format!("context {name} is in ~/.prime, but HOME is not set"),
                )),
            };
        };
        let mut settings = Self::of_file(folder.join("config.json"))?.unwrap_or_default();
        if let Some(name) = context {
            settings.lay_over(&folder, name)?;
        }
        Ok(settings)
    }

    fn of_file(path: PathBuf) -> Outcome<Option<Self>> {
        let Some(text) = crate::fs::read(&path, SETTINGS_MAX).or_fail(Kind::Local)? else {
            return Ok(None);
        };
        let file: File = serde_json::from_slice(&text).map_err(|error| {
            // The parser's words may quote the file, and the file holds the token.
            let (line, column) = (error.line(), error.column());
            let message =
                format!("{} is damaged at line {line}, column {column}", shell::path(&path));
            Failure::message(Kind::Local, message).hint("`prime login` writes it again")
        })?;
        let filled = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
        Ok(Some(Self {
            api_key: filled(file.api_key).map(|text| (text, path.clone())),
            base_url: filled(file.base_url).map(|text| (text, path)),
            team_id: filled(file.team_id),
            ssh_key_path: filled(file.ssh_key_path),
        }))
    }

    fn lay_over(&mut self, folder: &Path, name: &str) -> Outcome<()> {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        if name.is_empty() || !name.chars().all(fits) {
            let message = "a context's name has only letters, digits, `_`, and `-`";
            return Err(Failure::message(Kind::Usage, message));
        }
        let path = folder.join("environments").join(format!("{name}.json"));
        let Some(over) = Self::of_file(path.clone())? else {
            if name == PRODUCTION {
                self.base_url = None;
                return Ok(());
            }
            let message = format!("no context {name}: {} does not exist", shell::path(&path));
            return Err(Failure::message(Kind::Usage, message).hint(known_contexts(&path)));
        };
        self.api_key = over.api_key.or(self.api_key.take());
        self.base_url = over.base_url.or(self.base_url.take());
        self.team_id = over.team_id.or(self.team_id.take());
        Ok(())
    }
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
