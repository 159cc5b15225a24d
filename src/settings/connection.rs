//! Resolves the options for logging in, and the key to log in with.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::context::Context;
use super::environment::Environment;
use crate::cluster::{self, JumpMode};
use crate::failure::{Failure, Kind, Outcome};
use crate::install::options::{RenderArgs, SavedOptions};
use crate::name::LocalPath;
use crate::render::connection::ConnectionOptions;
use crate::render::ssh_option::SshOption;

/// Names the key to log in with, where no option does.
const KEY_PATH: &str = "PRIME_SSH_KEY_PATH";

/// Fails where a jump host is named, and none is to be used.
pub fn check_jump(options: &cluster::Options) -> Outcome<()> {
    if options.jump == Some(JumpMode::Never) && options.jump_via.is_some() {
        let message = "--jump-via names a jump host, but --jump never uses none";
        return Err(Failure::message(Kind::Usage, message));
    }
    Ok(())
}

impl Context {
    /// The options for logging in, and warnings about them.
    pub fn connection_options(
        &self,
        args: &RenderArgs,
        warnings: &mut Vec<String>,
    ) -> Outcome<ConnectionOptions> {
        check_jump(&args.fleet)?;
        let environment = &self.environment;
        let path = |given: &Option<PathBuf>, option: &str| {
            given.as_deref().map(|given| environment.local_path(given, option)).transpose()
        };
        let socket_folder = path(&self.global.ssh_dir, "--ssh-dir")?;
        let home_folder = environment.local_path("~/.ssh".as_ref(), "--ssh-dir")?;
        let is_default =
            |folder: &_| environment.expand(folder) == environment.expand(&home_folder);
        Ok(ConnectionOptions {
            layout: args.layout.unwrap_or_default(),
            short: None,
            home_length: environment.home().map_or(0, |home| home.as_os_str().len()),
            identity_file: self.identity(args.identity_file.as_deref(), warnings)?,
            certificate_file: path(&args.certificate_file, "--certificate-file")?,
            cluster_certificates: BTreeMap::new(),
            known_hosts: path(&args.known_hosts, "--known-hosts")?,
            host_keys: args.host_keys.unwrap_or_default(),
            ssh_options: further_options(&args.ssh_option, environment)?,
            socket_folder: socket_folder.filter(|folder| !is_default(folder)),
        })
    }

    /// The key to log in with: what was typed, else `PRIME_SSH_KEY_PATH`, else the `prime` CLI's own
    /// setting, but only if somebody chose it and the key is there.
    ///
    /// `None` leaves it to ssh, so that people who log in through an agent are not locked out.
    pub(super) fn identity(
        &self,
        typed: Option<&Path>,
        warnings: &mut Vec<String>,
    ) -> Outcome<Option<LocalPath<'static>>> {
        if typed == Some(Path::new("none")) {
            return Ok(None);
        }
        let environment = &self.environment;
        let chosen = match typed {
            Some(path) => Some(environment.local_path(path, "--identity-file")?),
            None => environment.key_path()?,
        };
        if let Some(path) = chosen {
            let (identity, there) = private_half(environment, path);
            if !there {
                warnings.push(format!("identity file {identity} does not exist"));
            }
            return Ok(Some(identity));
        }
        let Some(path) = self.prime()?.ssh_key_path else { return Ok(None) };
        let path =
            environment.local_path(path.as_ref(), "`ssh_key_path` in ~/.prime/config.json")?;
        // The CLI writes this path into its settings whether or not there is such a key.
        let default = environment.local_path("~/.ssh/id_rsa".as_ref(), "the default key")?;
        let is_chosen = environment.expand(&path) != environment.expand(&default);
        let (identity, there) = private_half(environment, path);
        Ok((is_chosen && there).then_some(identity))
    }

    /// The options of a new cluster where none are given: the key that `PRIME_SSH_KEY_PATH` names.
    pub(super) fn fresh_options(&self) -> Outcome<SavedOptions> {
        let identity_file = self.environment.key_path()?.map(|path| path.as_str().into());
        let render = RenderArgs { identity_file, ..RenderArgs::default() };
        Ok(SavedOptions { render, ..SavedOptions::default() })
    }
}

impl Environment {
    fn key_path(&self) -> Outcome<Option<LocalPath<'static>>> {
        let path = self.variable(KEY_PATH)?;
        path.map(|path| self.local_path(path.as_ref(), KEY_PATH)).transpose()
    }
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

/// The options that were typed, else those of the variable, one a line.
fn further_options(typed: &[SshOption], environment: &Environment) -> Outcome<Vec<SshOption>> {
    const NAME: &str = "PRIME_SSH_OPTION";
    let mut options = typed.to_vec();
    if options.is_empty() {
        for line in environment.variable(NAME)?.unwrap_or_default().lines() {
            if !line.trim().is_empty() {
                let option = line
                    .parse()
                    .map_err(|reason| Failure::message(Kind::Usage, format!("{NAME}: {reason}")))?;
                options.push(option);
            }
        }
    }
    for (at, option) in options.iter().enumerate() {
        let again = options.iter().skip(at + 1).any(|other| other.keyword() == option.keyword());
        if again && !option.accumulates() {
            let keyword = option.keyword();
            let message = format!("{keyword} is given twice, but ssh uses only the first");
            return Err(Failure::message(Kind::Usage, message));
        }
    }
    Ok(options)
}
