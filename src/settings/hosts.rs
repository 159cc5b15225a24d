//! Resolves the options that hosts are rendered with.

use std::path::PathBuf;

use super::environment::Environment;
use super::identity;
use super::precedence::Settings;
use crate::cluster::{self, JumpMode};
use crate::failure::{Failure, Kind, Outcome};
use crate::install::options::RenderArgs;
use crate::render::connection::{Certificates, ConnectionOptions};
use crate::render::ssh_option::SshOption;

/// Fails where a jump host is named, and none is to be used.
pub fn check_jump(options: &cluster::Options) -> Outcome<()> {
    if options.jump == Some(JumpMode::Never) && options.jump_via.is_some() {
        let message = "--jump-via names a jump host, but --jump never uses none";
        return Err(Failure::message(Kind::Usage, message));
    }
    Ok(())
}

impl Settings {
    /// The options for logging in, and warnings about them.
    pub fn connection_options(
        &self,
        args: &RenderArgs,
        warnings: &mut Vec<String>,
    ) -> Outcome<ConnectionOptions> {
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
            identity_file: identity::resolve(args.identity_file.as_deref(), self, warnings)?,
            certificates: Certificates {
                named: path(&args.certificate_file, "--certificate-file")?,
                ..Certificates::default()
            },
            known_hosts: path(&args.known_hosts, "--known-hosts")?,
            host_keys: args.host_keys.unwrap_or_default(),
            ssh_options: further_options(&args.ssh_option, environment)?,
            socket_folder: socket_folder.filter(|folder| !is_default(folder)),
        })
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
