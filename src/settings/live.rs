//! The command by which ssh itself brings clusters up to date, and whether it can.

use std::path::Path;

use super::install::{OptionResolver, Rendering};
use super::prime_cli::PrimeCli;
use super::program_path::program_path;
use crate::api::token::ApiToken;
use crate::failure::{Failure, Kind, Outcome};
use crate::install::live::RefreshCommand;
use crate::install::options::SavedOptions;
use crate::install::state::{ApiSource, Record, Source};
use crate::name::LocalPath;

impl OptionResolver<'_> {
    /// The command by which ssh brings the clusters of this ssh folder up to date.
    pub fn refresh_command(&self, ssh_folder: &Path) -> Outcome<RefreshCommand> {
        let program = program_path(self.environment())?;
        RefreshCommand::new(&program, ssh_folder).map_err(|reason| {
            let message = format!("--live is not possible here: its command has {reason}");
            Failure::message(Kind::Install, message)
        })
    }

    /// Fails where ssh could not bring this cluster up to date by itself. `takes_certificate`: it
    /// lets nobody in without one.
    pub fn check_live(
        &self,
        record: &Record,
        rendering: &Rendering,
        takes_certificate: bool,
    ) -> Outcome<()> {
        let refuse = |why: &str| {
            let message = format!("--live is not possible for {}: {why}", record.alias());
            Failure::message(Kind::Install, message)
        };
        if takes_certificate && rendering.ssh.identity_file.is_none() {
            return Err(refuse("a certificate is made for a key, and no setting names one")
                .hint("name yours: --identity-file, or `prime config set-ssh-key-path`"));
        }
        match &record.source {
            Source::Stdin => Err(refuse("standard input or a pipe cannot be read again")
                .hint("save it: `prime-ssh install --input FILE --live`")),
            Source::Input(_) => Ok(()),
            Source::Api(ApiSource { context, .. }) => {
                self.check_lasting_token(&record.alias(), context.as_deref(), &record.options)
            }
        }
    }

    /// Fails where ssh would find no token by itself. `title` is what it is for.
    pub fn check_lasting_token(
        &self,
        title: &str,
        context: Option<&str>,
        options: &SavedOptions,
    ) -> Outcome<()> {
        if self.has_lasting_token(context, options.token_file.as_ref())? {
            return Ok(());
        }
        let message = format!(
            "--live is not possible for {title}: the API token is only in PRIME_API_KEY, which \
             programs outside this shell do not see"
        );
        Err(Failure::message(Kind::Install, message)
            .hint("run `prime login`, or give --token-file FILE"))
    }

    /// Returns whether there is a token that a program without this shell's variables finds.
    pub fn has_lasting_token(
        &self,
        context: Option<&str>,
        file: Option<&LocalPath<'_>>,
    ) -> Outcome<bool> {
        let environment = self.environment();
        Ok(match file {
            Some(file) => environment
                .read(&environment.expand(file))
                .is_ok_and(|text| ApiToken::new(&text).is_some()),
            None => PrimeCli::read(environment, context)?.api_key.is_some(),
        })
    }
}
