//! The case that `HOME` is not the home folder of the password database: ssh finds the user's
//! configuration by that, and what it includes by `HOME`.

use std::path::PathBuf;

use crate::failure::{Kind, OrFail, Outcome};
use crate::install::folder;
use crate::install::include::IncludeLine;
use crate::install::layout::{INDEX, Layout};
use crate::settings::Context;
use crate::text::shell;

/// The consequence.
pub(super) enum OtherHome {
    /// ssh reads the configuration of another folder.
    ReadsAnother,
    /// ssh reads this one, does not find what it includes, and would by this line.
    Hides { home: PathBuf, absolute: IncludeLine },
}

impl OtherHome {
    /// The consequence for this folder; `None` where ssh finds our files, or where the folder was
    /// named.
    pub(super) fn of(layout: &Layout, context: &Context) -> Outcome<Option<Self>> {
        if !layout.is_read_by_ssh() {
            let is_named = context.global.ssh_dir.is_some();
            return Ok((!is_named).then_some(Self::ReadsAnother));
        }
        let Some(home) = context.environment.home() else { return Ok(None) };
        let config = crate::fs::contents(&layout.config()).or_fail(Kind::Install)?;
        let ours = layout.include(INDEX).or_fail(Kind::Install)?;
        let config = ours.put_in(&config.unwrap_or_default());
        if !folder::is_hidden_from(layout, &config, home) {
            return Ok(None);
        }
        let absolute = IncludeLine::new(&layout.file(INDEX)).or_fail(Kind::Install)?;
        Ok(Some(Self::Hides { home: home.to_owned(), absolute }))
    }

    pub(super) fn warning(&self, layout: &Layout) -> String {
        let (config, read) = (layout.config(), layout.read_by_ssh());
        match self {
            Self::ReadsAnother => format!(
                "ssh reads {}, whatever HOME says, and this installs into {}: use `{}`, or install \
                 with `{}`",
                read.display(),
                layout.ssh_folder().display(),
                shell::command(["ssh".as_ref(), "-F".as_ref(), config.as_os_str()]),
                shell::command(["--ssh-dir".as_ref(), read.as_os_str()])
            ),
            Self::Hides { home, absolute } => format!(
                "HOME is {}, so ssh looks below it for our files, and will know none of the names; \
                 make this the first line of {}: {absolute}",
                home.display(),
                config.display()
            ),
        }
    }
}
