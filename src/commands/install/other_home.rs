//! Warnings where `HOME` is not the home folder of the password database: ssh finds the user's
//! configuration by that, and what it includes by `HOME`.

use crate::failure::{Kind, OrFail, Outcome};
use crate::install::folder;
use crate::install::include::IncludeLine;
use crate::install::layout::{INDEX, Layout};
use crate::settings::Context;
use crate::text::shell;

/// Warns where ssh reads the configuration of another folder, and nobody named this one.
pub(super) fn reads_another(layout: &Layout, context: &Context) -> Option<String> {
    if layout.is_read_by_ssh() || context.global.ssh_dir.is_some() {
        return None;
    }
    let (config, read) = (layout.config(), layout.read_by_ssh());
    Some(format!(
        "ssh reads {}, whatever HOME says, and this installs into {}: use `{}`, or install with `{}`",
        read.display(),
        layout.ssh_folder().display(),
        shell::command(["ssh".as_ref(), "-F".as_ref(), config.as_os_str()]),
        shell::command(["--ssh-dir".as_ref(), read.as_os_str()])
    ))
}

/// Warns where ssh reads the configuration of this folder, and does not find what it includes.
pub(super) fn hides(layout: &Layout, context: &Context) -> Outcome<Option<String>> {
    let home = context.environment.home().filter(|_| layout.is_read_by_ssh());
    let Some(home) = home else { return Ok(None) };
    let config = crate::fs::contents(&layout.config()).or_fail(Kind::Install)?;
    let ours = layout.include(INDEX).or_fail(Kind::Install)?;
    if !folder::is_hidden_from(layout, &ours.put_in(&config.unwrap_or_default()), home) {
        return Ok(None);
    }
    let absolute = IncludeLine::new(&layout.file(INDEX)).or_fail(Kind::Install)?;
    Ok(Some(format!(
        "HOME is {}, so ssh looks below it for our files, and will know none of the names; make this \
         the first line of {}: {absolute}",
        home.display(),
        layout.config().display()
    )))
}
