//! The only code that writes files: a file is what it was or what it should be, never in between.
//!
//! A new file is made beside its target, brought to the disk, and renamed over it. So a full disk,
//! a signal or a power cut leaves the old file whole, and who reads it meanwhile sees one or the
//! other.

use std::fmt;
use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use nix::unistd::geteuid;
use tempfile::{NamedTempFile, TempDir, TempPath};

/// What a temporary file's name starts with. The dot keeps it out of every `Include` with a `*`.
const TEMPORARY_PREFIX: &str = ".prime-ssh-install-";
/// The same for a file that is written outside of the lock, which nobody else may clean up.
const OUTPUT_PREFIX: &str = ".prime-ssh-output-";
/// What a temporary file's name ends with.
const TEMPORARY_SUFFIX: &str = ".tmp";
/// As many links in a row as Linux itself follows.
const LINKS_MAX: usize = 40;
/// Files are compared a block at a time: a large file need not stand in memory twice.
const BLOCK: usize = 64 * 1024;

/// What [`replace`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// There was no such file; now there is.
    Created,
    /// The file held something else.
    Changed,
    /// The file held these bytes already and was left alone.
    Unchanged,
    /// It is no regular file (a pipe, a terminal, `/dev/null`): the bytes went through it.
    Streamed,
}

/// Why a file was not written. It is as it was.
#[derive(Debug)]
pub struct WriteError {
    path: PathBuf,
    problem: Problem,
}

#[derive(Debug)]
enum Problem {
    /// A link to a place where nothing is.
    Dangling(PathBuf),
    /// A link that leads back to itself.
    Circle,
    /// A folder stands where the file should.
    Folder,
    /// It is another user's, in a folder where everybody may put things.
    Planted(PathBuf),
    /// A pipe, a device or the like stands where a file should.
    NoFile,
    /// The system said no.
    System { step: Step, error: io::Error },
}

/// What was being done when the system said no.
#[derive(Clone, Copy, Debug)]
enum Step {
    Follow,
    Read,
    Open,
    Make,
    Fill,
    Mode,
    Rename,
    Sync,
    Remove,
    MakeFolder,
}

impl WriteError {
    fn system(path: &Path, step: Step) -> impl FnOnce(io::Error) -> Self {
        move |error| Self { path: path.to_owned(), problem: Problem::System { step, error } }
    }

    fn of(path: &Path, problem: Problem) -> Self {
        Self { path: path.to_owned(), problem }
    }

    /// The file that could not be written.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the file or its folder may only be read here, as with dotfiles in a read-only store.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        match &self.problem {
            Problem::System { step: Step::Open | Step::Make | Step::Rename, error } => {
                // A file that is a mount of its own, as in a container, is busy to a rename.
                matches!(
                    error.kind(),
                    ErrorKind::PermissionDenied
                        | ErrorKind::ReadOnlyFilesystem
                        | ErrorKind::ResourceBusy
                )
            }
            _ => false,
        }
    }
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match &self.problem {
            Problem::Dangling(target) => write!(
                f,
                "cannot write {path}: it is a link to {}, which is not there; \
                 make that file, or remove the link",
                target.display()
            ),
            Problem::Circle => {
                write!(f, "cannot write {path}: its links lead in a circle; remove one of them")
            }
            Problem::Folder => write!(f, "cannot write {path}: it is a folder"),
            Problem::Planted(target) => write!(
                f,
                "cannot write {path}: another user put {} there, in a folder where everybody may; \
                 choose a folder of your own",
                target.display()
            ),
            Problem::NoFile => write!(f, "cannot replace {path}: it is no regular file"),
            Problem::System { step, error } => {
                write!(f, "cannot {step} {path}: {}", advice(*step, error))
            }
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Follow => "look at",
            Self::Read => "read",
            Self::Open | Self::Make | Self::Fill => "write",
            Self::Mode => "set the permissions of",
            Self::Rename => "put in place",
            Self::Sync => "bring to the disk",
            Self::Remove => "remove",
            Self::MakeFolder => "make the folder",
        })
    }
}

/// The common failures in words that say what to do; the others in the system's own.
fn advice(step: Step, error: &io::Error) -> String {
    match (error.kind(), step) {
        (ErrorKind::NotFound, Step::Make | Step::MakeFolder) => {
            "its folder does not exist; make it first".to_owned()
        }
        (ErrorKind::NotADirectory, _) => "a part of its path is not a folder".to_owned(),
        (
            ErrorKind::PermissionDenied,
            Step::Make | Step::MakeFolder | Step::Rename | Step::Remove,
        ) => "permission denied: its folder may not be written here; see `ls -ld` of the folder"
            .to_owned(),
        (ErrorKind::PermissionDenied, Step::Open) => {
            "permission denied: this user may only read it; see `ls -l`".to_owned()
        }
        (ErrorKind::PermissionDenied, _) => {
            "permission denied: it may not be used by this user; see `ls -l`".to_owned()
        }
        (ErrorKind::ReadOnlyFilesystem, _) => "its file system is read-only".to_owned(),
        (ErrorKind::StorageFull, _) => "no space is left on its disk".to_owned(),
        (ErrorKind::QuotaExceeded, _) => "this user's disk quota is used up".to_owned(),
        _ => error.to_string(),
    }
}

// No source: the message says all, and the system's own words would follow it as a repetition.
impl std::error::Error for WriteError {}

/// Makes the file at `path` hold `contents`, in one rename.
///
/// A new file gets the mode `new_mode`; one that was there keeps its mode, and its owner where
/// this user may give files away. A link is followed, and its target replaced. What is no regular
/// file is written through, and never renamed over. A hard link does not survive: the other names
/// keep the old contents.
pub fn replace(path: &Path, contents: &[u8], new_mode: u32) -> Result<Written, WriteError> {
    let written = match Target::of(path)? {
        Target::Missing(_) => Written::Created,
        Target::File(target, was) if holds(&target, &was, contents)? => {
            return Ok(Written::Unchanged);
        }
        Target::File(..) => Written::Changed,
        Target::Stream => {
            stream(path, contents)?;
            return Ok(Written::Streamed);
        }
    };
    Staged::named(OUTPUT_PREFIX, path, contents, Mode::Keep { new: new_mode })?.put()?;
    Ok(written)
}

/// Which mode a file has after it was replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The one that it had; for a new file, this one.
    Keep {
        /// The mode of a new file.
        new: u32,
    },
    /// This one in any case.
    Exactly(u32),
}

/// New contents of a file, on the disk beside it: all that is left to do is a rename.
///
/// Where several files change together, all are staged before the first is put in place: a full
/// disk shows while everything is as it was.
#[derive(Debug)]
pub struct Staged {
    target: PathBuf,
    new: TempPath,
}

impl Staged {
    /// Writes the new contents beside the file at `path`, whose links are followed.
    pub fn new(path: &Path, contents: &[u8], mode: Mode) -> Result<Self, WriteError> {
        Self::named(TEMPORARY_PREFIX, path, contents, mode)
    }

    fn named(prefix: &str, path: &Path, contents: &[u8], mode: Mode) -> Result<Self, WriteError> {
        let (target, was) = match Target::of(path)? {
            Target::Missing(target) => (target, None),
            Target::File(target, was) => (target, Some(was)),
            Target::Stream => return Err(WriteError::of(path, Problem::NoFile)),
        };
        if was.is_some() {
            refuse_read_only(&target)?;
        }
        let file = temporary(&target, prefix)?;
        let kept = was.map(|was| keep_owner(&file, &was));
        let mode = match mode {
            Mode::Keep { new } => kept.unwrap_or(new),
            Mode::Exactly(mode) => mode,
        };
        Ok(Self { new: fill(file, contents, mode, &target)?, target })
    }

    /// The file that stands ready, for those who want to read it before it counts.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.new
    }

    /// Puts the new contents in place.
    pub fn put(self) -> Result<(), WriteError> {
        let Self { target, new } = self;
        new.persist(&target)
            .map_err(|failed| WriteError::system(&target, Step::Rename)(failed.error))?;
        sync_folder(&target)
    }
}

/// Whether [`replace`] with these contents would change anything. Writes nothing.
pub fn would_change(path: &Path, contents: &[u8]) -> Result<bool, WriteError> {
    match Target::of(path)? {
        Target::File(target, was) => Ok(!holds(&target, &was, contents)?),
        Target::Missing(_) | Target::Stream => Ok(true),
    }
}

/// Removes the file at `path` for good; a link is removed itself, not what it leads to.
pub fn remove(path: &Path) -> Result<(), WriteError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        result => {
            result.map_err(WriteError::system(path, Step::Remove))?;
            sync_folder(path)
        }
    }
}

/// Makes the folder at `path` with this mode, where it is not there yet; says whether it was not.
/// Its parent must be there.
pub fn make_folder(path: &Path, mode: u32) -> Result<bool, WriteError> {
    match fs::create_dir(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        result => {
            result.map_err(WriteError::system(path, Step::MakeFolder))?;
            fs::set_permissions(path, Permissions::from_mode(mode))
                .map_err(WriteError::system(path, Step::Mode))?;
            sync_folder(path)?;
            Ok(true)
        }
    }
}

/// What the file at `path` holds, its links followed; none where nothing is.
pub fn contents(path: &Path) -> Result<Option<Vec<u8>>, WriteError> {
    match Target::of(path)? {
        Target::Missing(_) => Ok(None),
        Target::File(target, _) => {
            fs::read(target).map(Some).map_err(WriteError::system(path, Step::Read))
        }
        Target::Stream => Err(WriteError::of(path, Problem::NoFile)),
    }
}

/// The folder in which a temporary file for `path` would stand.
pub fn temporary_folder(path: &Path) -> Result<PathBuf, WriteError> {
    match Target::of(path)? {
        Target::Missing(target) | Target::File(target, _) => Ok(folder_of(&target).to_owned()),
        Target::Stream => Err(WriteError::of(path, Problem::NoFile)),
    }
}

/// An empty folder in `folder`, for this user only, gone when dropped.
pub fn scratch_folder(folder: &Path) -> Result<TempDir, WriteError> {
    tempfile::Builder::new()
        .prefix(TEMPORARY_PREFIX)
        .suffix(TEMPORARY_SUFFIX)
        .permissions(Permissions::from_mode(0o700))
        .tempdir_in(folder)
        .map_err(WriteError::system(folder, Step::MakeFolder))
}

/// Removes a temporary file or folder that a run left which was killed. The caller holds the lock.
///
/// What cannot be removed stays: it harms nobody, and the next run tries again.
pub fn clean(path: &Path) {
    let is_folder = fs::symlink_metadata(path).is_ok_and(|found| found.is_dir());
    let _ = if is_folder { fs::remove_dir_all(path) } else { fs::remove_file(path) };
}

/// Makes a folder of ours inaccessible to others.
pub fn tighten_folder(path: &Path) -> Result<(), WriteError> {
    let found = fs::symlink_metadata(path).map_err(WriteError::system(path, Step::Follow))?;
    if found.is_dir() && found.mode() & 0o077 != 0 {
        fs::set_permissions(path, Permissions::from_mode(0o700))
            .map_err(WriteError::system(path, Step::Mode))?;
    }
    Ok(())
}

/// Whether a file of this name is a temporary one of this room, made under the lock.
#[must_use]
pub fn is_temporary(name: &str) -> bool {
    name.starts_with(TEMPORARY_PREFIX) && name.ends_with(TEMPORARY_SUFFIX)
}

/// What a path leads to, once its links are followed.
enum Target {
    /// Nothing: a file can be made here.
    Missing(PathBuf),
    /// A regular file.
    File(PathBuf, Metadata),
    /// Something that takes bytes but has no contents to replace.
    Stream,
}

impl Target {
    fn of(path: &Path) -> Result<Self, WriteError> {
        let mut target = path.to_owned();
        for _ in 0..LINKS_MAX {
            // `/dev/stdout` is a link to here; even where it leads to a file, the one who opened
            // that file goes on writing to it, so it must not be renamed away.
            if target.starts_with("/proc") || target.starts_with("/dev/fd") {
                return Ok(Self::Stream);
            }
            let found = match fs::symlink_metadata(&target) {
                Ok(found) => found,
                Err(error) if error.kind() == ErrorKind::NotFound && target == path => {
                    return Ok(Self::Missing(target));
                }
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    return Err(WriteError::of(path, Problem::Dangling(target)));
                }
                Err(error) => return Err(WriteError::system(path, Step::Follow)(error)),
            };
            if is_planted(&target, &found) {
                return Err(WriteError::of(path, Problem::Planted(target)));
            }
            if found.is_file() {
                return Ok(Self::File(target, found));
            }
            if found.is_dir() {
                return Err(WriteError::of(path, Problem::Folder));
            }
            if !found.is_symlink() {
                return Ok(Self::Stream);
            }
            let link = fs::read_link(&target).map_err(WriteError::system(&target, Step::Follow))?;
            // An absolute link replaces the whole path; the system resolves a `..` in it.
            target = folder_of(&target).join(link);
        }
        Err(WriteError::of(path, Problem::Circle))
    }
}

/// Whether a link or a file is somebody else's in a folder like `/tmp`: the link could lead to any
/// file of this user, and the file would stay theirs. Linux itself follows and opens none such
/// (`proc_sys_fs(5)`, `protected_symlinks` and `protected_regular`), but a rename asks nobody.
fn is_planted(path: &Path, found: &Metadata) -> bool {
    const FOR_EVERYBODY: u32 = 0o1002;
    let is_ours = found.uid() == geteuid().as_raw();
    if is_ours || !(found.is_file() || found.is_symlink()) {
        return false;
    }
    fs::metadata(folder_of(path)).is_ok_and(|folder| {
        folder.mode() & FOR_EVERYBODY == FOR_EVERYBODY && folder.uid() != found.uid()
    })
}

/// The folder that a file stands in; a bare name stands in the current one.
fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Whether the file holds exactly these bytes.
fn holds(path: &Path, found: &Metadata, contents: &[u8]) -> Result<bool, WriteError> {
    let failed = || WriteError::system(path, Step::Read);
    let mut file = File::open(path).map_err(failed())?;
    if found.len() != contents.len() as u64 {
        return Ok(false);
    }
    let mut block = vec![0; BLOCK.min(contents.len())];
    for wanted in contents.chunks(BLOCK) {
        let Some(block) = block.get_mut(..wanted.len()) else { return Ok(false) };
        match file.read_exact(block) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(false),
            result => result.map_err(failed())?,
        }
        if block != wanted {
            return Ok(false);
        }
    }
    Ok(true)
}

/// A file without the write bit is one that its owner does not want changed, though a rename
/// would pass.
fn refuse_read_only(path: &Path) -> Result<(), WriteError> {
    OpenOptions::new().write(true).open(path).map_err(WriteError::system(path, Step::Open))?;
    Ok(())
}

/// A new file beside `target`, readable by this user only, gone when dropped.
fn temporary(target: &Path, prefix: &str) -> Result<NamedTempFile, WriteError> {
    tempfile::Builder::new()
        .prefix(prefix)
        .suffix(TEMPORARY_SUFFIX)
        .permissions(Permissions::from_mode(0o600))
        .tempfile_in(folder_of(target))
        .map_err(WriteError::system(target, Step::Make))
}

/// Gives the new file the owner of the old one where this user may; returns the mode to set.
fn keep_owner(file: &NamedTempFile, was: &Metadata) -> u32 {
    let mode = was.mode() & 0o7777;
    let file = file.as_file();
    let kept = fchown(file, Some(was.uid()), Some(was.gid())).is_ok()
        || fchown(file, None, Some(was.gid())).is_ok();
    // Another group must not get what this one had; it gets what everyone gets.
    if kept { mode } else { mode & !0o6070 | (mode & 0o007) << 3 }
}

/// Fills the new file and brings it to the disk.
fn fill(
    mut file: NamedTempFile,
    contents: &[u8],
    mode: u32,
    target: &Path,
) -> Result<TempPath, WriteError> {
    let failed = |step| WriteError::system(target, step);
    file.write_all(contents).map_err(failed(Step::Fill))?;
    let mode = Permissions::from_mode(mode);
    file.as_file().set_permissions(mode).map_err(failed(Step::Mode))?;
    file.as_file().sync_all().map_err(failed(Step::Fill))?;
    Ok(file.into_temp_path())
}

/// Brings the folder's list of names to the disk, so that a rename outlives a power cut.
fn sync_folder(path: &Path) -> Result<(), WriteError> {
    match File::open(folder_of(path)).and_then(|folder| folder.sync_all()) {
        // A folder that may be written but not read, or a file system that has no such call: the
        // change is made, and more cannot be asked.
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::PermissionDenied | ErrorKind::InvalidInput | ErrorKind::Unsupported
            ) =>
        {
            Ok(())
        }
        result => result.map_err(WriteError::system(path, Step::Sync)),
    }
}

/// Appends: where the shell opened a file for us, what stands in it already stays.
fn stream(path: &Path, contents: &[u8]) -> Result<(), WriteError> {
    let mut file =
        OpenOptions::new().append(true).open(path).map_err(WriteError::system(path, Step::Open))?;
    file.write_all(contents).map_err(WriteError::system(path, Step::Fill))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{FileTypeExt, symlink};
    use std::process::Command;
    use std::thread;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o7777
    }

    /// Every name in the folder, so that a temporary file left behind is seen.
    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_new_file_gets_its_mode_and_an_old_one_keeps_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        assert!(would_change(&path, b"one").unwrap());
        assert_eq!(replace(&path, b"one", 0o600).unwrap(), Written::Created);
        assert_eq!(mode(&path), 0o600);
        assert!(!would_change(&path, b"one").unwrap());

        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        let inode = fs::metadata(&path).unwrap().ino();
        assert_eq!(replace(&path, b"one", 0o600).unwrap(), Written::Unchanged);
        assert_eq!(fs::metadata(&path).unwrap().ino(), inode);
        assert!(would_change(&path, b"two").unwrap());
        assert_eq!(replace(&path, b"two", 0o600).unwrap(), Written::Changed);
        assert_eq!(mode(&path), 0o640);
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(names(folder.path()), ["f"]);
    }

    #[test]
    fn large_files_are_compared_to_their_last_byte() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        let mut contents = vec![b'x'; 3 * BLOCK + 7];
        assert_eq!(replace(&path, &contents, 0o600).unwrap(), Written::Created);
        assert_eq!(replace(&path, &contents, 0o600).unwrap(), Written::Unchanged);
        *contents.last_mut().unwrap() = b'y';
        assert_eq!(replace(&path, &contents, 0o600).unwrap(), Written::Changed);
        assert_eq!(fs::read(&path).unwrap(), contents);
        assert_eq!(replace(&path, b"", 0o600).unwrap(), Written::Changed);
        assert_eq!(replace(&path, b"", 0o600).unwrap(), Written::Unchanged);
    }

    #[test]
    fn links_stay_and_their_target_changes() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::create_dir_all(root.join("dotfiles/deep")).unwrap();
        fs::write(root.join("dotfiles/real"), "old").unwrap();
        symlink("../real", root.join("dotfiles/deep/second")).unwrap();
        symlink("dotfiles/deep/second", root.join("first")).unwrap();
        assert_eq!(replace(&root.join("first"), b"new", 0o600).unwrap(), Written::Changed);
        assert_eq!(fs::read(root.join("dotfiles/real")).unwrap(), b"new");
        assert_eq!(fs::read_link(root.join("first")).unwrap(), Path::new("dotfiles/deep/second"));
        assert_eq!(names(root), ["dotfiles", "first"]);
        assert_eq!(names(&root.join("dotfiles")), ["deep", "real"]);
    }

    #[test]
    fn links_that_lead_nowhere_are_told_and_left() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        symlink("gone", at("dangling")).unwrap();
        symlink("round", at("about")).unwrap();
        symlink("about", at("round")).unwrap();
        let told = |name| replace(&at(name), b"x", 0o600).unwrap_err().to_string();
        assert!(told("dangling").contains("gone, which is not there"), "{}", told("dangling"));
        assert!(told("round").contains("circle"), "{}", told("round"));
        assert!(told("none/f").contains("its folder does not exist"), "{}", told("none/f"));
        fs::write(at("file"), "").unwrap();
        assert!(told("file/f").contains("not a folder"), "{}", told("file/f"));
        assert!(told("").contains("it is a folder"), "{}", told(""));
        assert_eq!(names(folder.path()), ["about", "dangling", "file", "round"]);
    }

    #[test]
    fn what_is_no_regular_file_is_written_through() {
        assert_eq!(replace(Path::new("/dev/null"), b"x", 0o600).unwrap(), Written::Streamed);
        assert!(fs::metadata("/dev/null").unwrap().file_type().is_char_device());

        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let link = folder.path().join("link");
        symlink("pipe", &link).unwrap();
        let reader = thread::spawn({
            let pipe = pipe.clone();
            move || fs::read(pipe).unwrap()
        });
        assert_eq!(replace(&link, b"through", 0o600).unwrap(), Written::Streamed);
        assert_eq!(reader.join().unwrap(), b"through");
        assert!(fs::metadata(&pipe).unwrap().file_type().is_fifo());
    }

    #[test]
    fn an_open_file_of_the_shell_is_added_to() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        fs::write(&path, "before ").unwrap();
        let open = OpenOptions::new().append(true).open(&path).unwrap();
        let descriptor = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&open));
        if Path::new(&descriptor).exists() {
            let written = replace(Path::new(&descriptor), b"ours", 0o600).unwrap();
            assert_eq!(written, Written::Streamed);
            assert_eq!(fs::read(&path).unwrap(), b"before ours");
        }
    }

    #[test]
    fn folders_and_removals() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("inner");
        assert!(make_folder(&inner, 0o700).unwrap());
        assert!(!make_folder(&inner, 0o755).unwrap());
        assert_eq!(mode(&inner), 0o700);
        let path = inner.join("f");
        replace(&path, b"x", 0o600).unwrap();
        remove(&path).unwrap();
        remove(&path).unwrap();
        assert!(names(&inner).is_empty());
        assert!(make_folder(&folder.path().join("a/b"), 0o700).is_err());
    }

    #[test]
    fn temporary_files_are_known_by_their_name() {
        let folder = tempfile::tempdir().unwrap();
        let file = temporary(&folder.path().join("f"), TEMPORARY_PREFIX).unwrap();
        let name = file.path().file_name().unwrap().to_str().unwrap();
        assert!(is_temporary(name) && name.starts_with('.'), "{name}");
        assert!(!is_temporary("config.tmp") && !is_temporary(".prime-ssh-output-x.tmp"));
    }
}
