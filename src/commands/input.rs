//! The text of a file, or of standard input.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::{FileExt, FileTypeExt, OpenOptionsExt};
use std::path::Path;
use std::thread;

use anyhow::{Context, bail};
use nix::fcntl::{FcntlArg, OFlag, fcntl};

use crate::failure::{Failure, Kind, OrFail, Outcome};

/// The largest text in bytes, as large as the API's largest answer.
const TEXT_MAX: u64 = 256 * 1024 * 1024;
/// A file of this many bytes is worth a second reader.
const LARGE: u64 = 16 * 1024 * 1024;

/// What messages call a file.
pub(super) fn name_of(path: &Path) -> String {
    if is_stdin(path) { "stdin".to_owned() } else { path.display().to_string() }
}

/// Reads the text of a file; `-` is stdin. `no_text` is the kind of failure if it is not UTF-8.
pub(super) fn read_text(path: &Path, no_text: Kind) -> Outcome<String> {
    let name = name_of(path);
    let bytes = if is_stdin(path) { read_all(io::stdin().lock()) } else { read_file(path) };
    let bytes = bytes.with_context(|| format!("cannot read {name}")).or_fail(Kind::Local)?;
    String::from_utf8(bytes)
        .map_err(|_| Failure::message(no_text, format!("{name} is not UTF-8 text")))
}

/// The bytes of a regular file or a pipe: a device may never end, and a pipe that nobody writes to
/// would block the open.
fn read_file(path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut file =
        OpenOptions::new().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(path)?;
    let found = file.metadata()?;
    let kind = found.file_type();
    if kind.is_fifo() {
        fcntl(&file, FcntlArg::F_SETFL(OFlag::empty()))?;
        return read_all(file);
    }
    if !kind.is_file() {
        bail!(
            "it is {}, not a file or a pipe",
            if kind.is_dir() { "a folder" } else { "a device" }
        );
    }
    let mut bytes = Vec::new();
    match usize::try_from(found.len()) {
        Ok(length) if (LARGE..=TEXT_MAX).contains(&found.len()) => {
            bytes = read_halves(&file, length)?;
            file.seek(SeekFrom::Start(found.len()))?;
        }
        _ => {}
    }
    // All of a small file, and what a large one has grown by meanwhile.
    let rest = read_all(file)?;
    if bytes.is_empty() {
        return Ok(rest);
    }
    bytes.extend_from_slice(&rest);
    Ok(bytes)
}

fn read_all(from: impl Read) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(TEXT_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > TEXT_MAX {
        bail!("it is over {} MiB", TEXT_MAX >> 20);
    }
    Ok(bytes)
}

/// Reads a large file with two threads: most of the time goes into the pages of memory that it is
/// read into, and two threads get twice as many of them.
fn read_halves(file: &File, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    let (front, back) = bytes.split_at_mut(length / 2);
    let middle = front.len() as u64;
    thread::scope(|scope| {
        let reader = scope.spawn(move || file.read_exact_at(back, middle));
        file.read_exact_at(front, 0)?;
        reader.join().unwrap_or_else(|_| Err(io::Error::other("the second reader panicked")))
    })?;
    Ok(bytes)
}

fn is_stdin(path: &Path) -> bool {
    path == Path::new("-")
}
