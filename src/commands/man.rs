//! `prime-ssh man`: a manual page in `man`, on stdout, or all of them in a directory.

use std::io::Write;
use std::process::{Command, Stdio};

use super::output;
use crate::cli::ManArgs;
use crate::cli::man_pages::{self, Page};
use crate::failure::{Failure, Kind, OrFail, Outcome};
use crate::terminal;
use crate::text::sanitize;

/// Pages are for everybody on the machine.
const MODE: u32 = 0o644;

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
        let message = format!("no such command: `{}`", sanitize::name(&command));
        Failure::message(Kind::Usage, message).hint("see `prime-ssh --help` for the commands")
    })?;
    if terminal::stdout_is_terminal() && open(&page.text) {
        return Ok(());
    }
    output::print(|to| to.write_all(page.text.as_bytes()))
}

/// Opens a page in `man`; not every `man` can, and then nothing is shown.
fn open(text: &str) -> bool {
    let mut man = Command::new("man");
    man.args(["-l", "-"]).stdin(Stdio::piped()).stderr(Stdio::null());
    let Ok(mut man) = man.spawn() else { return false };
    if let Some(mut stdin) = man.stdin.take() {
        // A reader that ends early has seen enough.
        let _ = stdin.write_all(text.as_bytes());
    }
    man.wait().is_ok_and(|status| status.success())
}
