//! Delivers a rendered text: to stdout, to a file, or nowhere.

use std::fs::canonicalize;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::cli::OutputArgs;
use crate::failure::{Failure, Kind, OrFail, Outcome};
use crate::fs;
use crate::render::ownership::is_ours;
use crate::settings::Context;
use crate::terminal;

/// The mode of new files: nobody else's business.
const MODE: u32 = 0o600;

/// The files that may be replaced.
#[derive(Debug)]
pub(super) enum Overwrite {
    Any,
    /// Those that are empty or that we wrote.
    Ours,
    /// Any, but below this ssh folder only those.
    OursBelow(PathBuf),
}

impl Overwrite {
    /// The rule for what only we write, such as a fragment for ssh.
    pub(super) fn ours(force: bool) -> Self {
        if force { Self::Any } else { Self::Ours }
    }

    /// The rule for what any other tool may write, too.
    pub(super) fn as_tools_do(context: &Context) -> Outcome<Self> {
        let layout = context.layout_for_reading()?;
        Ok(Self::OursBelow(layout.ssh_folder))
    }

    /// Refuses to replace a file by `new` that is somebody else's work.
    fn check(&self, path: &Path, new: &[u8]) -> Outcome<()> {
        let hint = match self {
            Self::Ours => {
                "to add hosts to your ssh config, run `prime-ssh install`; \
                 to replace this file anyway, add --force"
            }
            Self::OursBelow(ssh_folder) if is_below(path, ssh_folder) => {
                "choose another file, or remove this one first; \
                 to add hosts to your ssh config, run `prime-ssh install`"
            }
            Self::OursBelow(_) | Self::Any => return Ok(()),
        };
        // What cannot be read cannot be written either, and writing says why; or it is no file.
        let old = fs::contents(path).ok().flatten().unwrap_or_default();
        if old == new || is_ours(&old) {
            return Ok(());
        }
        let message = format!("{} was not written by prime-ssh: not replaced", path.display());
        Err(Failure::message(Kind::Local, message).hint(hint))
    }
}

/// Returns whether a path leads below the ssh folder, or below one that has its usual name.
fn is_below(path: &Path, ssh_folder: &Path) -> bool {
    let Ok(folder) = fs::real_folder(path) else { return false };
    let folder = canonicalize(&folder).unwrap_or(folder);
    folder.components().any(|part| part.as_os_str() == ".ssh")
        || canonicalize(ssh_folder).is_ok_and(|ssh_folder| folder.starts_with(ssh_folder))
}

/// Renders to where the text belongs.
pub(super) fn deliver(
    OutputArgs { output, check }: &OutputArgs,
    overwrite: &Overwrite,
    render: impl Fn(&mut dyn Write) -> io::Result<()>,
) -> Outcome<()> {
    let Some(path) = output else {
        return print(render);
    };
    if path == Path::new("-") {
        let message = "`-o -` would write to a file called `-`";
        return Err(Failure::message(Kind::Usage, message)
            .hint("leave out `-o` to write to stdout; `./-` is that file"));
    }
    let mut text = Vec::new();
    render(&mut text).context("cannot render").or_fail(Kind::Local)?;
    overwrite.check(path, &text)?;
    if !check {
        return fs::write_output(path, &text, MODE).or_fail(Kind::Local);
    }
    if fs::would_change(path, &text).map_err(|error| error.of_typed("file")).or_fail(Kind::Local)? {
        let message = format!("{} would change", path.display());
        return Err(Failure::message(Kind::WouldChange, message));
    }
    Ok(())
}

/// Prints to stdout.
pub(super) fn print(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Outcome<()> {
    terminal::print_data(write).context("cannot write to stdout").or_fail(Kind::Local)
}
