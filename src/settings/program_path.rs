//! The path of this program, for a command that ssh runs long after this run.

use std::fs;
use std::path::{Path, PathBuf};

use super::environment::Environment;
use crate::failure::{Failure, Kind, Outcome};
use crate::install::modes::writable_by_others;
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
        if let Some(writable) = writable_by_others(path) {
            let writable = shell::path(writable);
            let reason =
                format!("others can write to {writable}, and ssh would run what they put there");
            return Err(refuse(reason).hint(format!("`chmod go-w {writable}`")));
        }
    }
    environment.local_path(&path, "this program")
}

/// The path by which a shell found this program.
fn called_as() -> Option<PathBuf> {
    let name = std::env::args_os().next()?;
    if Path::new(&name).components().count() > 1 {
        return std::path::absolute(name).ok();
    }
    process::on_path(&name).filter(|path| path.is_absolute())
}
