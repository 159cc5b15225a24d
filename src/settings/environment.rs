//! The environment of the program: variables, the home folder, the current folder, files.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::anyhow;

use crate::failure::{Failure, Kind, Outcome};
use crate::name::LocalPath;
use crate::text::{boolean, sanitize, shell};

/// The largest file of settings, or with a token, in bytes.
pub(super) const SETTINGS_MAX: u64 = 1 << 20;

/// The environment of a run, read once.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    variables: HashMap<OsString, OsString>,
    current: PathBuf,
}

impl Environment {
    /// The environment of this process.
    #[must_use]
    pub fn here() -> Self {
        Self {
            variables: std::env::vars_os().collect(),
            current: std::env::current_dir().unwrap_or_default(),
        }
    }

    /// A variable; an empty one counts as not set.
    pub fn variable(&self, name: &str) -> Outcome<Option<String>> {
        let Some(value) = self.variables.get(&OsString::from(name)).filter(|v| !v.is_empty())
        else {
            return Ok(None);
        };
        match value.to_str() {
            Some(text) => Ok(Some(text.to_owned())),
            None => Err(Failure::message(Kind::Usage, format!("{name} is not UTF-8 text"))),
        }
    }

    /// Returns whether `PRIME_SSH_NO_REFRESH` says that nothing is to be refreshed in passing.
    pub fn refresh_is_off(&self) -> Outcome<bool> {
        const NAME: &str = "PRIME_SSH_NO_REFRESH";
        let value = self.variable(NAME)?.unwrap_or_default();
        boolean::parse(&value).map_err(|why| {
            let message = format!("invalid value '{}' for '{NAME}': {why}", sanitize::name(&value));
            Failure::message(Kind::Usage, message)
        })
    }

    /// The same without the variables that choose a cluster, an API or a rendering option for the
    /// commands of one shell.
    #[must_use]
    pub fn without_variables_of_this_shell(&self) -> Self {
        let stays = |name: &OsString| {
            let name = name.to_string_lossy();
            !name.starts_with("PRIME_") || name == "PRIME_API_KEY"
        };
        let variables = self.variables.iter().filter(|(name, _)| stays(name));
        Self {
            variables: variables.map(|(name, value)| (name.clone(), value.clone())).collect(),
            current: self.current.clone(),
        }
    }

    /// The home folder, where it is known.
    #[must_use]
    pub fn home(&self) -> Option<&Path> {
        self.variables.get(&OsString::from("HOME")).filter(|v| !v.is_empty()).map(Path::new)
    }

    /// Returns where a path of an ssh file leads on this machine.
    #[must_use]
    pub fn expand(&self, path: &LocalPath<'_>) -> PathBuf {
        match (path.as_str().strip_prefix("~/"), self.home()) {
            (Some(below), Some(home)) => home.join(below),
            _ => PathBuf::from(path.as_str()),
        }
    }

    /// A path that was given for `option`, as it can stand in a file of ssh's: a relative one is
    /// relative to the current folder now, and to nothing later.
    pub fn local_path(&self, given: &Path, option: &str) -> Outcome<LocalPath<'static>> {
        let refuse = |reason: String| {
            let source = self.source_of(option, given).unwrap_or_else(|| option.to_owned());
            Failure::message(Kind::Usage, format!("{source}: {reason}"))
        };
        let text = given.to_str().ok_or_else(|| refuse("not UTF-8 text".to_owned()))?;
        if text.is_empty() {
            return Err(refuse("an empty path".to_owned()));
        }
        let absolute = if text.starts_with(['/', '~']) {
            text.to_owned()
        } else {
            let joined = self.current.join(text.strip_prefix("./").unwrap_or(text));
            joined.to_str().ok_or_else(|| refuse("not UTF-8 text".to_owned()))?.to_owned()
        };
        // `a/../b` is another place where `a` is a link, so only the file system can resolve it.
        let parts_up = absolute.split('/').any(|part| part == "..");
        let resolved = if parts_up { std::fs::canonicalize(&absolute).ok() } else { None };
        let resolved = resolved.and_then(|path| path.to_str().map(str::to_owned));
        LocalPath::new(resolved.unwrap_or(absolute)).map_err(|reason| refuse(reason.to_string()))
    }

    /// The variable of an option, where that holds this value: then nobody typed the option.
    fn source_of(&self, option: &str, value: &Path) -> Option<String> {
        let word = option.strip_prefix("--")?.replace('-', "_").to_uppercase();
        let variable = format!("PRIME_SSH_{}", word.trim_start_matches("SSH_"));
        let held = self.variables.get(&OsString::from(&variable));
        held.is_some_and(|held| held.as_os_str() == value).then_some(variable)
    }

    /// An environment for a test.
    #[cfg(test)]
    fn with(variables: &[(&str, &str)], current: &Path) -> Self {
        let variables = variables.iter().map(|(name, value)| (name.into(), value.into())).collect();
        Self { variables, current: current.to_owned() }
    }
}

/// Reads the text of a file or pipe that somebody named.
pub(super) fn read(path: &Path) -> anyhow::Result<String> {
    let bytes = crate::fs::read_input(path, SETTINGS_MAX)?;
    // The error's own words would quote the file, and it may hold the token.
    String::from_utf8(bytes).map_err(|_| anyhow!("{} is not UTF-8 text", shell::path(path)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn local_path(given: &str) -> Result<String, String> {
        let environment = Environment::with(&[("HOME", "/home/me")], Path::new("/here"));
        let path = environment.local_path(given.as_ref(), "--identity-file");
        path.map(|path| path.to_string()).map_err(|failure| failure.to_string())
    }

    #[test]
    fn paths_as_ssh_will_read_them() {
        assert_eq!(local_path("~/.ssh/key").unwrap(), "~/.ssh/key");
        assert_eq!(local_path("/keys/my key").unwrap(), "/keys/my key");
        assert_eq!(local_path("key").unwrap(), "/here/key");
        assert_eq!(local_path("./key").unwrap(), "/here/key");
        // `..` is resolved by the file system, where that is there.
        assert_eq!(local_path("/usr/../usr").unwrap(), "/usr");
        for bad in ["", "~other/key", "/a\"b", "/%d/key", "/nowhere/../key"] {
            assert!(local_path(bad).unwrap_err().starts_with("--identity-file: "), "{bad:?}");
        }
    }

    #[test]
    fn an_empty_variable_is_not_set() {
        let environment = Environment::with(&[("A", ""), ("B", "b")], Path::new("/"));
        assert_eq!(environment.variable("A").unwrap(), None);
        assert_eq!(environment.variable("B").unwrap().as_deref(), Some("b"));
        assert_eq!(environment.home(), None);
    }
}
