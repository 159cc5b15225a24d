//! The path of this program, for a command that ssh runs long after this run.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use super::environment::Environment;
use super::install::OptionResolver;
use crate::failure::{Failure, Kind, Outcome};
use crate::install::modes::Exposed;
use crate::name::LocalPath;
use crate::ssh::process;
use crate::text::shell;

/// Returns the path by which this program was called: as it stands on `PATH`, and not the folder of
/// one version that a link there leads to, which the next version replaces.
///
/// Refused where others could put another program in its place: it would run as this user.
pub(super) fn program_path(environment: &Environment) -> Outcome<LocalPath<'static>> {
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
                .map_or_else(|| safer_place(path, environment), |command| format!("`{command}`"));
            return Err(refuse(reason).hint(hint));
        }
    }
    environment.local_path(&path, "this program")
}

/// The user's own folder for programs, below the home folder.
const OWN: &str = ".local/bin";

impl OptionResolver<'_> {
    /// Advises how to run a program from where nobody else can change it.
    #[must_use]
    pub fn safer_place(&self, program: &Path) -> String {
        safer_place(program, self.environment())
    }

    /// The command that copies a program to the user's own folder for programs, and then runs this
    /// with the copy. `None` where there is one already, or where others can change that folder too.
    #[must_use]
    pub fn by_copy(&self, program: &Path, words: &[OsString]) -> Option<String> {
        let copy = copying(program, self.environment())?;
        let words = shell::command(words.get(1..).unwrap_or_default());
        Some(format!("{copy} && ~/{OWN}/prime-ssh {words}"))
    }
}

fn safer_place(program: &Path, environment: &Environment) -> String {
    let advice =
        "run prime-ssh from a folder that, like each folder above it, belongs to you or root";
    match copying(program, environment) {
        Some(copy) => format!("{advice}; this copies it to one: `{copy}`"),
        None => advice.to_owned(),
    }
}

fn copying(program: &Path, environment: &Environment) -> Option<String> {
    let copy = environment.home()?.join(OWN).join("prime-ssh");
    if fs::symlink_metadata(&copy).is_ok() || Exposed::of(&copy).is_some() {
        return None;
    }
    Some(format!("mkdir -p ~/{OWN} && cp {} ~/{OWN}/prime-ssh", shell::path(program)))
}

/// The path by which a shell found this program.
fn called_as() -> Option<PathBuf> {
    let name = std::env::args_os().next()?;
    if Path::new(&name).components().count() > 1 {
        return std::path::absolute(name).ok();
    }
    process::on_path(&name).filter(|path| path.is_absolute())
}
