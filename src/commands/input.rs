//! The text of a file, or of standard input.

use std::io::{self, Read};
use std::path::Path;

use anyhow::{Context, anyhow};

use crate::failure::{Failure, Kind, OrFail, Outcome};
use crate::fs::{FILE_MAX, read_input};
use crate::text::shell;

/// Returns the name of a file for messages.
pub(super) fn name_of(path: &Path) -> String {
    if is_stdin(path) { "stdin".to_owned() } else { shell::path(path) }
}

/// Reads the text of a file; `-` is stdin. `no_text` is the kind of failure if it is not UTF-8.
pub(super) fn read_text(path: &Path, no_text: Kind) -> Outcome<String> {
    let bytes = if is_stdin(path) {
        read_stdin().context("cannot read stdin").or_fail(Kind::Local)?
    } else {
        read_input(path, FILE_MAX).or_fail(Kind::Local)?
    };
    String::from_utf8(bytes)
        .map_err(|_| Failure::message(no_text, format!("{} is not UTF-8 text", name_of(path))))
}

fn read_stdin() -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    io::stdin().lock().take(FILE_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > FILE_MAX {
        return Err(anyhow!("it is over {} MiB", FILE_MAX >> 20));
    }
    Ok(bytes)
}

fn is_stdin(path: &Path) -> bool {
    path == Path::new("-")
}
