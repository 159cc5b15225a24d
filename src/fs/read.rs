//! Reading files: regular ones only, up to a limit, and without ever waiting for one that we did
//! not expect to wait for.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Cursor, ErrorKind, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::libc::{O_NOCTTY, O_NOFOLLOW, O_NONBLOCK};

use super::error::{Action, FileError, Problem};

/// The limit for files of our own and for configurations: more than the API's largest answer makes.
pub const FILE_MAX: u64 = 256 << 20;

/// Reads a regular file of at most `limit` bytes, links followed; `None` where there is none.
pub fn read(path: &Path, limit: u64) -> Result<Option<Vec<u8>>, FileError> {
    let opened = open(path, OpenOptions::new().read(true), Links::Followed, Action::Read)?;
    opened.map(|(file, found)| read_open(path, file, &found, limit)).transpose()
}

/// The same for a file of ours, with what the system knows of it: a link in its place is refused.
pub fn read_own(path: &Path) -> Result<Option<(Vec<u8>, Metadata)>, FileError> {
    let opened = open(path, OpenOptions::new().read(true), Links::Refused, Action::Read)?;
    let Some((file, found)) = opened else { return Ok(None) };
    Ok(Some((read_open(path, file, &found, FILE_MAX)?, found)))
}

/// Opens a regular file, links followed, of which only a part is wanted.
pub fn open_regular(path: &Path) -> Result<Option<File>, FileError> {
    let opened = open(path, OpenOptions::new().read(true), Links::Followed, Action::Read)?;
    Ok(opened.map(|(file, _)| file))
}

/// The longest wait for a writer to a pipe.
const WRITER: Duration = Duration::from_secs(5);

/// Reads a file that somebody named: also a pipe, such as the `<(command)` of a shell, which is
/// waited for as long as somebody has it open for writing.
pub fn read_input(path: &Path, limit: u64) -> Result<Vec<u8>, FileError> {
    let failed = || FileError::system(path, Action::Read);
    let found = fs::metadata(path).map_err(failed())?;
    if found.file_type().is_fifo() {
        let pipe = open_pipe(path).map_err(failed())?;
        return read_open(path, pipe, &found, limit);
    }
    let bytes = read(path, limit).map_err(|error| error.of_typed("file or pipe"))?;
    bytes.ok_or_else(|| failed()(ErrorKind::NotFound.into()))
}

/// Opens a pipe and waits for its writer, which a plain open would do without end.
fn open_pipe(path: &Path) -> io::Result<impl Read> {
    let mut pipe = OpenOptions::new().read(true).custom_flags(O_NONBLOCK).open(path)?;
    let deadline = Instant::now() + WRITER;
    let mut first = [0];
    let first = loop {
        match pipe.read(&mut first) {
            // Nobody writes to it yet, or not any more.
            Ok(0) if Instant::now() < deadline => thread::sleep(Duration::from_millis(20)),
            Ok(length) => break first.into_iter().take(length),
            Err(error) if error.kind() == ErrorKind::WouldBlock => break first.into_iter().take(0),
            Err(error) => return Err(error),
        }
    };
    fcntl(&pipe, FcntlArg::F_SETFL(OFlag::empty())).map_err(io::Error::from)?;
    Ok(Cursor::new(first.collect::<Vec<u8>>()).chain(pipe))
}

/// The treatment of a link in the place of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Links {
    Followed,
    Refused,
}

/// Opens a regular file. Nothing else is waited for, be it a pipe without a writer or a device.
pub(super) fn open(
    path: &Path,
    options: &mut OpenOptions,
    links: Links,
    action: Action,
) -> Result<Option<(File, Metadata)>, FileError> {
    let no_links = if links == Links::Refused { O_NOFOLLOW } else { 0 };
    let opened = options.custom_flags(O_NONBLOCK | O_NOCTTY | no_links).open(path);
    match opened.and_then(|file| Ok((file.metadata()?, file))) {
        Ok((found, file)) if found.is_file() => Ok(Some((file, found))),
        Ok((found, _)) => Err(FileError::not_regular(path, action, found.file_type())),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Ok(None)
        }
        // A socket, a refused link, and a folder that should be written cannot be opened at all.
        Err(error) => {
            let found = match links {
                Links::Followed => fs::metadata(path),
                Links::Refused => fs::symlink_metadata(path),
            };
            Err(match found {
                Ok(found) if !found.is_file() => {
                    FileError::not_regular(path, action, found.file_type())
                }
                _ => FileError::system(path, action)(error),
            })
        }
    }
}

fn read_open(
    path: &Path,
    file: impl Read,
    found: &Metadata,
    limit: u64,
) -> Result<Vec<u8>, FileError> {
    let mut bytes = Vec::with_capacity(usize::try_from(found.len().min(limit)).unwrap_or(0));
    let length = file
        .take(limit.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(FileError::system(path, Action::Read))?;
    if length as u64 > limit {
        return Err(FileError::new(path, Action::Read, Problem::TooLarge(limit)));
    }
    Ok(bytes)
}
