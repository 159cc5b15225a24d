//! The command by which ssh itself brings clusters up to date long after this run, and whether it
//! can.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use super::context::Context;
use super::environment::{Environment, read};
use super::install::Rendering;
use crate::api::token::ApiToken;
use crate::failure::{Failure, Kind, Outcome};
use crate::install::live::RefreshCommand;
use crate::install::options::SavedOptions;
use crate::install::permissions::Exposed;
use crate::install::state::{ApiSource, Record, Source};
use crate::name::LocalPath;
use crate::ssh::process;
use crate::text::shell;

impl Context {
    /// The command by which ssh brings the clusters of this ssh folder up to date.
    pub fn refresh_command(&self, ssh_folder: &Path) -> Outcome<RefreshCommand> {
        let program = program_path(&self.environment)?;
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
        if takes_certificate && record.renews_certificate() && rendering.ssh.identity_file.is_none()
        {
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
        let Some(file) = file else {
            return Ok(self.for_installed(context).prime()?.api_key.is_some());
        };
        let text = read(&self.environment.expand(file));
        Ok(text.is_ok_and(|text| ApiToken::new(&text).is_some()))
    }
}

/// Returns the path by which this program was called: as it stands on `PATH`, and not the folder of
/// one version that a link there leads to, which the next version replaces.
///
/// Refused where others could put another program in its place: it would run as this user.
fn program_path(environment: &Environment) -> Outcome<LocalPath<'static>> {
    let refuse = |reason: String| Failure::message(Kind::Install, reason);
    let running = std::env::current_exe()
        .map_err(|error| refuse(format!("cannot find the path of this program: {error}")))?;
    let is_running = |path: &PathBuf| fs::canonicalize(path).is_ok_and(|path| path == running);
    let path = called_as().filter(is_running).unwrap_or_else(|| running.clone());
    for path in [&path, &running] {
        if let Some(exposed) = Exposed::of(path) {
            let reason = format!("{exposed}, and ssh would run what they put there");
            let hint = exposed
                .remedy()
                .map_or_else(|| environment.safer_place(path), |command| format!("`{command}`"));
            return Err(refuse(reason).hint(hint));
        }
    }
    environment.local_path(&path, "this program")
}

/// The user's own folder for programs, below the home folder.
const OWN: &str = ".local/bin";

impl Environment {
    /// Advises how to run a program from where nobody else can change it.
    #[must_use]
    pub fn safer_place(&self, program: &Path) -> String {
        let advice =
            "run prime-ssh from a folder that, like each folder above it, belongs to you or root";
        match self.copying(program) {
            Some(copy) => format!("{advice}; this copies it to one: `{copy}`"),
            None => advice.to_owned(),
        }
    }

    /// The command that copies a program to the user's own folder for programs, and then runs this
    /// with the copy. `None` where there is one already, or where others can change that folder too.
    #[must_use]
    pub fn by_copy(&self, program: &Path, words: &[OsString]) -> Option<String> {
        let copy = self.copying(program)?;
        let words = shell::command(words.get(1..).unwrap_or_default());
        Some(format!("{copy} && ~/{OWN}/prime-ssh {words}"))
    }

    fn copying(&self, program: &Path) -> Option<String> {
        let copy = self.home()?.join(OWN).join("prime-ssh");
        if fs::symlink_metadata(&copy).is_ok() || Exposed::of(&copy).is_some() {
            return None;
        }
        Some(format!("mkdir -p ~/{OWN} && cp {} ~/{OWN}/prime-ssh", shell::path(program)))
    }
}

/// The path by which a shell found this program.
fn called_as() -> Option<PathBuf> {
    let name = std::env::args_os().next()?;
    if Path::new(&name).components().count() > 1 {
        return std::path::absolute(name).ok();
    }
    process::on_path(&name).filter(|path| path.is_absolute())
}
