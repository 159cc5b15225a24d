//! Where a rendered text goes: stdout, a file, or nowhere.

use std::io::{self, Write};

use anyhow::Context;

use crate::failure::{Failure, Kind, OrFail, Outcome};
use crate::settings::Output;
use crate::terminal;

/// Files that this program makes are nobody else's business.
const MODE: u32 = 0o600;

/// Renders to where the text belongs.
pub(super) fn deliver(
    output: &Output,
    render: impl Fn(&mut dyn Write) -> io::Result<()>,
) -> Outcome<()> {
    match output {
        Output::Stdout => {
            terminal::print_data(render).context("cannot write to stdout").or_fail(Kind::Local)
        }
        Output::File(path) => {
            crate::fs::write_output(path, &bytes(render)?, MODE).or_fail(Kind::Local)
        }
        Output::Check(path) => {
            if crate::fs::would_change(path, &bytes(render)?).or_fail(Kind::Local)? {
                let message = format!("{} would change", path.display());
                return Err(Failure::message(Kind::WouldChange, message));
            }
            Ok(())
        }
    }
}

fn bytes(render: impl Fn(&mut dyn Write) -> io::Result<()>) -> Outcome<Vec<u8>> {
    let mut bytes = Vec::new();
    render(&mut bytes).context("cannot render").or_fail(Kind::Local)?;
    Ok(bytes)
}
