//! Resolves the key to log in with.

use std::path::Path;

use super::context::Context;
use super::environment::Environment;
use super::precedence::Settings;
use super::prime_cli::PrimeCli;
use crate::failure::Outcome;
use crate::install::options::{RenderArgs, SavedOptions};
use crate::name::LocalPath;

/// The key to log in with: what was typed, else `PRIME_SSH_KEY_PATH`, else the `prime` CLI's own
/// setting, but only if somebody chose it and the key is there.
///
/// `None` leaves it to ssh, so that people who log in through an agent are not locked out.
pub(super) fn resolve(
    typed: Option<&Path>,
    settings: &Settings,
    warnings: &mut Vec<String>,
) -> Outcome<Option<LocalPath<'static>>> {
    let environment = &settings.environment;
    let named = environment.variable("PRIME_SSH_KEY_PATH")?;
    let chosen = match (typed, &named) {
        (Some(path), _) if path == Path::new("none") => return Ok(None),
        (Some(path), _) => environment.local_path(path, "--identity-file")?,
        (None, Some(path)) => environment.local_path(path.as_ref(), "PRIME_SSH_KEY_PATH")?,
        (None, None) => return from_prime_cli(environment, &settings.prime),
    };
    let (identity, there) = private_half(environment, chosen);
    if !there {
        warnings.push(format!("identity file {identity} does not exist"));
    }
    Ok(Some(identity))
}

/// The CLI writes `~/.ssh/id_rsa` into its settings whether or not there is such a key.
fn from_prime_cli(
    environment: &Environment,
    prime: &PrimeCli,
) -> Outcome<Option<LocalPath<'static>>> {
    let Some(path) = &prime.ssh_key_path else { return Ok(None) };
    let path = environment.local_path(path.as_ref(), "`ssh_key_path` in ~/.prime/config.json")?;
    let default = environment.local_path("~/.ssh/id_rsa".as_ref(), "the default key")?;
    if environment.expand(&path) == environment.expand(&default) {
        return Ok(None);
    }
    let (identity, there) = private_half(environment, path);
    Ok(there.then_some(identity))
}

/// `X.pub` means `X` where that is there, and stays where only the public half is: then an agent
/// or a hardware key has the private one. Also says whether the file is there.
fn private_half(environment: &Environment, path: LocalPath<'static>) -> (LocalPath<'static>, bool) {
    let is_there = |path: &LocalPath<'_>| environment.expand(path).is_file();
    let private = path.as_str().strip_suffix(".pub").map(|text| LocalPath::new(text.to_owned()));
    match private {
        Some(Ok(private)) if is_there(&private) => (private, true),
        _ => {
            let there = is_there(&path);
            (path, there)
        }
    }
}

/// The options of a new cluster where none are given: the key that `PRIME_SSH_KEY_PATH` names.
pub(super) fn fresh_options(context: &Context) -> Outcome<SavedOptions> {
    const NAME: &str = "PRIME_SSH_KEY_PATH";
    let environment = &context.environment;
    let path = environment.variable(NAME)?;
    let path = path.map(|path| environment.local_path(path.as_ref(), NAME)).transpose()?;
    let identity_file = path.map(|path| path.as_str().into());
    let render = RenderArgs { identity_file, ..RenderArgs::default() };
    Ok(SavedOptions { render, ..SavedOptions::default() })
}
