//! `prime-ssh man`: manual pages on stdout or in a folder.

use anyhow::Context;

use crate::cli::ManArgs;
use crate::cli::man_pages::{self, Page};
use crate::failure::{Failure, Kind, OrFail, Outcome};
use crate::terminal;
use crate::text::sanitize::Excerpt;

/// Pages are for everybody on the machine.
const MODE: u32 = 0o644;
/// How much of a word is shown.
const SHOWN: usize = 80;

pub(super) fn run(typed: ManArgs) -> Outcome<()> {
    let pages = man_pages::pages();
    if let Some(folder) = typed.dir {
        for Page { file, text, .. } in &pages {
            crate::fs::replace(&folder.join(file), text.as_bytes(), MODE).or_fail(Kind::Local)?;
        }
        return Ok(());
    }
    let page = pages.iter().find(|page| page.command == typed.command);
    let page = page.ok_or_else(|| {
        let command = typed.command.unwrap_or_default();
        let message = format!("there is no command `{}`", Excerpt::new(&command, SHOWN));
        Failure::message(Kind::Usage, message).hint("`prime-ssh --help` lists the commands")
    })?;
    let printed = terminal::print_data(|to| to.write_all(page.text.as_bytes()));
    printed.context("cannot write to stdout").or_fail(Kind::Local)
}
