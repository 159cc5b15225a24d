//! `prime-ssh man`: manual pages on stdout or in a folder.

use anyhow::Context as _;

use crate::cli::ManArgs;
use crate::cli::man_pages::{self, Page};
use crate::failure::{Failure, Kind, OrFail, Outcome};
use crate::terminal;
use crate::text::sanitize::Shown;

/// Pages are for everybody on the machine.
const MODE: u32 = 0o644;
/// How much of a word is shown.
const SHOWN: usize = 80;

pub(super) fn run(args: ManArgs) -> Outcome<()> {
    let pages = man_pages::pages().or_fail(Kind::Local)?;
    if let Some(folder) = args.dir {
        for Page { file, text, .. } in &pages {
            crate::fs::replace(&folder.join(file), text.as_bytes(), MODE).or_fail(Kind::Local)?;
        }
        return Ok(());
    }
    let page = pages.iter().find(|page| page.command == args.command);
    let page = page.ok_or_else(|| {
        let command = args.command.unwrap_or_default();
        let message = format!("there is no command `{}`", Shown::new(&command, SHOWN));
        Failure::message(Kind::Usage, message).hint("`prime-ssh --help` lists the commands")
    })?;
    let printed = terminal::print(|to| to.write_all(page.text.as_bytes()));
    printed.context("cannot write to stdout").or_fail(Kind::Local)
}
