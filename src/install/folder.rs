//! The disk: the place of the ssh folder, and the files in it.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use nix::unistd::{Uid, User};

use super::fragment::Fragment;
use super::include;
use super::index;
use super::layout::{
    AGAIN, CLUSTERS, FIRST_LOOK, FOLLOW, INDEX, LOCK, Layout, SECOND_LOOK, SHARED,
};
use super::present::Present;
use super::reader::{AS_SSH, Block, ConfigReader, IncludeResolver};
use super::state::{FileKind, FileStem, Follow, Record};
use crate::failure::{Failure, Kind, Outcome};
use crate::fs::{FILE_MAX, FileError, Lock, read_own};
use crate::ssh::process::{self, Ended};
use crate::text::shell;

/// A directory service that does not answer is as good as none.
const GETENT_LIMIT: Duration = Duration::from_secs(2);

fn cannot_read(path: &Path) -> impl FnOnce(io::Error) -> Failure {
    move |error| {
        Failure::message(Kind::Local, format!("cannot read {}: {error}", shell::path(path)))
    }
}

fn no_home() -> Failure {
    Failure::message(Kind::Local, "the home folder is not known; give --ssh-dir")
}

/// The ssh folder, by an absolute path: the one that is `given`, or the `.ssh` of `home`, else of
/// the home folder of the password database.
pub fn ssh_folder(given: Option<&Path>, home: Option<&Path>) -> Outcome<PathBuf> {
    let of_home = |below: &Path| {
        let home = home.map(Path::to_owned).or_else(home_of_user);
        home.map(|home| home.join(below)).ok_or_else(no_home)
    };
    let folder = match given {
        None => of_home(".ssh".as_ref())?,
        // A shell leaves the tilde of `--ssh-dir=~/x` as it is.
        Some(given) => match given.strip_prefix("~") {
            Ok(below) => of_home(below)?,
            Err(_) => given.to_owned(),
        },
    };
    let folder = std::path::absolute(&folder).map_err(cannot_read(&folder))?;
    // `a/../b` is another place where `a` is a link, so only the file system can resolve it.
    if folder.components().any(|part| part == Component::ParentDir) {
        return fs::canonicalize(&folder).map_err(cannot_read(&folder));
    }
    Ok(folder)
}

fn home_of_user() -> Option<PathBuf> {
    let user = User::from_uid(Uid::current()).ok().flatten();
    user.map(|user| user.dir).or_else(home_by_getent)
}

/// A static program knows the users of `/etc/passwd` alone. Those of SSSD or LDAP `getent` knows.
fn home_by_getent() -> Option<PathBuf> {
    let mut getent = Command::new("getent");
    let ended = process::run(getent.args(["passwd", &Uid::current().to_string()]), GETENT_LIMIT);
    let said = ended.ok().filter(Ended::succeeded)?.stdout;
    let home = said.trim_end().split(':').nth(5)?;
    Some(PathBuf::from(home)).filter(|home| home.is_absolute())
}

/// The layout below an ssh folder.
///
/// ssh itself takes the home folder of the password database, whatever `$HOME` says.
pub fn layout(given: Option<&Path>, home: Option<&Path>) -> Outcome<Layout> {
    let folder = ssh_folder(given, home)?;
    // Without an entry in the password database ssh does not run at all.
    let of_user = home_of_user().or_else(|| home.map(Path::to_owned)).ok_or_else(no_home)?;
    let homes: Vec<_> =
        [Some(&*of_user), home].into_iter().flatten().map(|home| home.join(".ssh")).collect();
    let mut same: Vec<PathBuf> = fs::canonicalize(&folder).into_iter().collect();
    if let Some(real) = same.first().cloned() {
        // Several homes may have one ssh folder by links, and a line may name it by any of them.
        let config = crate::fs::contents(&folder.join("config")).ok().flatten().unwrap_or_default();
        let named = include::included(&config).into_iter().map(PathBuf::from);
        let named = named.filter_map(|path| Some(path.parent()?.parent()?.to_owned()));
        let leads_here = |path: &PathBuf| fs::canonicalize(path).is_ok_and(|path| path == real);
        let absolute = named.filter(|path| path.is_absolute());
        same.extend(homes.into_iter().chain(absolute).filter(leads_here));
    }
    same.retain(|path| *path != folder);
    Ok(Layout { ssh_folder: folder, home: of_user, same })
}

/// Returns whether an ssh with this `HOME` finds our files by no line of `config`. The folder of
/// `~/.ssh/config` comes from the password database, but a relative `Include`, and `~`, are resolved
/// below `HOME`.
#[must_use]
pub fn is_hidden_from(layout: &Layout, config: &[u8], home: &Path) -> bool {
    let IncludeResolver { home: of_user, index } = layout.include_resolver();
    let is_same = home == of_user || fs::canonicalize(home).ok() == fs::canonicalize(of_user).ok();
    let resolver = IncludeResolver { home: home.to_owned(), index };
    let mut is_found = is_same;
    ConfigReader { resolver, ..reader(layout) }.walk((&layout.config(), config), &mut |line| {
        is_found |= line.includes_us && line.blocks.iter().all(Block::is_for_every_host);
        !is_found
    });
    !is_found
}

/// Everything that a plan needs to know of the disk.
pub fn read(layout: &Layout) -> Outcome<Present> {
    check_owner(layout)?;
    let config = crate::fs::contents(&layout.config())?;
    Ok(Present { config, ..read_ours(layout)? })
}

/// The same without the user's configuration, which may be what cannot be read.
pub fn read_ours(layout: &Layout) -> Outcome<Present> {
    let mut present = Present {
        config_is_link: layout.config().is_symlink(),
        backup: read_own(&layout.backup())?.map(|(bytes, _)| bytes),
        ..Present::default()
    };
    if !is_there(layout)? {
        return Ok(present);
    }
    let folder = layout.folder();
    for entry in fs::read_dir(&folder).map_err(cannot_read(&folder))? {
        let name = entry.map_err(cannot_read(&folder))?.file_name();
        let name = name.to_string_lossy().into_owned();
        if name == LOCK || is_trace(&name) {
            continue;
        }
        if !is_ours(&name) {
            // What cannot be read is nothing that we kept.
            if FileStem::is_kept(&name)
                && let Ok(Some((bytes, _))) = read_own(&layout.file(&name))
            {
                present.kept.insert(name.clone(), bytes);
            }
            present.foreign.push(name);
            continue;
        }
        let Some((bytes, found)) = read_own(&layout.file(&name))? else { continue };
        if found.mode() & 0o077 != 0 {
            present.loose.insert(name.clone());
        }
        if name == AGAIN && is_recent(layout, &found) {
            present.recent = Fragment::parse(&bytes).names().map(str::to_owned).collect();
        }
        present.files.insert(name, bytes);
    }
    present.foreign.sort();
    let index = present.files.get(INDEX);
    present.folder_is_ours = index.is_some_and(|index| index::says_folder_is_ours(index));
    present.follow = present.files.get(FOLLOW).and_then(|text| Follow::from_json(text));
    Ok(present.with_states())
}

/// The installed clusters, as far as their states can be read: quickly, and without a word.
#[must_use]
pub fn records(layout: &Layout) -> Vec<Record> {
    let stems = installed_stems(layout).unwrap_or_default();
    stems.iter().filter_map(|stem| record(layout, stem)).collect()
}

/// The state of one cluster, if it can be read.
#[must_use]
pub fn record(layout: &Layout, stem: &FileStem) -> Option<Record> {
    let (text, _) = read_own(&layout.part(stem, FileKind::State)).ok()??;
    Record::from_json(&text).ok().filter(|record| record.stem() == *stem)
}

/// The clusters that have a state file, and the subscription, if there is one. No file is opened:
/// ssh may be waiting.
pub fn installed_stems(layout: &Layout) -> Outcome<Vec<FileStem>> {
    if !is_there(layout)? {
        return Ok(Vec::new());
    }
    let files = names(layout).filter_map(|name| FileStem::of_file(&name));
    let mut stems: Vec<_> =
        files.filter(|(_, kind)| *kind == FileKind::State).map(|(stem, _)| stem).collect();
    // Runs that wait for each other must do so in the same order.
    stems.sort();
    Ok(stems)
}

/// The names of the files in our folder, as far as they can be read.
fn names(layout: &Layout) -> impl Iterator<Item = String> {
    let entries = fs::read_dir(layout.folder()).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok())
}

/// Returns whether an ssh may still be at work that started before this file was written.
fn is_recent(layout: &Layout, found: &fs::Metadata) -> bool {
    const MINUTES: Duration = Duration::from_secs(3 * 60);
    age(layout, found) < MINUTES
}

/// The age of a file of ours when the last run began, which wrote its number into the lock then: the
/// clock of the file server, where both times are from, may be far from ours.
fn age(layout: &Layout, found: &fs::Metadata) -> Duration {
    let began = fs::symlink_metadata(layout.file(LOCK)).and_then(|lock| lock.modified());
    let times = began.ok().zip(found.modified().ok());
    times.and_then(|(began, then)| began.duration_since(then).ok()).unwrap_or_default()
}

/// Returns whether our folder is there. Whatever else has its name is refused.
pub fn is_there(layout: &Layout) -> Outcome<bool> {
    Ok(crate::fs::is_own_folder(&layout.folder())?)
}

/// Makes our folder, and the ssh folder where there is none; says whether there was none.
pub fn make(layout: &Layout) -> Result<bool, FileError> {
    let made = crate::fs::make_folder(&layout.ssh_folder)?;
    crate::fs::make_folder(&layout.folder())?;
    crate::fs::tighten_folder(&layout.folder())?;
    Ok(made)
}

/// Removes what runs that were killed left behind. The caller holds the lock.
pub fn clean(layout: &Layout) {
    for path in leftovers(layout).into_iter().chain(emptied(layout)) {
        crate::fs::clean(&path);
    }
    empty_again(layout);
}

/// Empties the file with the hosts that were added, once they are known to whoever starts an ssh:
/// every ssh on this machine reads it.
fn empty_again(layout: &Layout) {
    let path = layout.file(AGAIN);
    let found = fs::symlink_metadata(&path);
    if found.is_ok_and(|found| found.is_file() && found.len() > 0 && !is_recent(layout, &found)) {
        // The next run tries again.
        let _ = crate::fs::replace(&path, &index::again([], &BTreeSet::new()), 0o600);
    }
}

/// Finds what was written down of clusters that are gone, and their empty files. An ssh that
/// read the list before may be about to read one of them, and old releases stop where it is gone by
/// then: so they stay for a while.
fn emptied(layout: &Layout) -> Vec<PathBuf> {
    const A_WHILE: Duration = Duration::from_secs(10);
    let read =
        |name| crate::fs::read(&layout.file(name), FILE_MAX).ok().flatten().unwrap_or_default();
    let mut listed = include::included(&read(CLUSTERS));
    let index = include::included(&read(INDEX));
    let is_live = index.iter().any(|path| path.ends_with(SECOND_LOOK));
    listed.extend(index);
    let has_state = |stem: &FileStem| layout.part(stem, FileKind::State).exists();
    let is_emptied = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let is_unused = match FileStem::of_file(name) {
            Some((stem, FileKind::Refresh | FileKind::RefreshLock)) => return !has_state(&stem),
            Some((stem, kind)) => kind == FileKind::Fragment && !has_state(&stem),
            None => !is_live && [FIRST_LOOK, SECOND_LOOK, AGAIN].contains(&name),
        };
        let is_old = |found: fs::Metadata| found.len() == 0 && age(layout, &found) > A_WHILE;
        is_unused
            && !listed.iter().any(|other| Path::new(other) == path)
            && fs::symlink_metadata(path).is_ok_and(is_old)
    };
    names(layout).map(|name| layout.file(&name)).filter(is_emptied).collect()
}

/// The temporary files of runs that were killed, and of one that is at work.
#[must_use]
pub fn leftovers(layout: &Layout) -> Vec<PathBuf> {
    // A run writes its number into the lock when it begins.
    let fresh = fs::symlink_metadata(layout.file(LOCK)).ok();
    let left_behind =
        |folder: &Path, is_locked| crate::fs::left_behind(folder, is_locked, fresh.as_ref());
    let mut paths = left_behind(&layout.folder(), true);
    paths.extend(left_behind(&layout.ssh_folder, true));
    // Where the user's configuration is a link, other runs may be at work beside its target.
    let real = crate::fs::real_folder(&layout.config()).ok();
    if let Some(real) = real.filter(|real| !is_same_folder(real, &layout.ssh_folder)) {
        paths.extend(left_behind(&real, false));
    }
    paths.sort();
    paths
}

/// Removes the lock, where nothing else of ours is left, and the folders that are empty then: our
/// own, and the ssh folder where we `made` it.
pub fn remove_if_unused(layout: &Layout, lock: &Lock, made: bool) {
    // What cannot be read may be ours.
    let may_be_ours = |entry: io::Result<fs::DirEntry>| {
        entry.map_or(true, |entry| entry.file_name().to_str().is_some_and(is_ours))
    };
    let Ok(mut entries) = fs::read_dir(layout.folder()) else { return };
    if entries.any(may_be_ours) {
        return;
    }
    remove_traces(layout);
    if lock.remove_file().is_ok() {
        // Neither goes while something is in it, such as the lock of a run that waited.
        let removed = fs::remove_dir(layout.folder());
        if made && removed.is_ok() {
            let _ = fs::remove_dir(&layout.ssh_folder);
        }
    }
}

/// Returns whether a file of our folder with this name belongs to what is installed.
fn is_ours(name: &str) -> bool {
    SHARED.contains(&name) || FileStem::of_file(name).is_some_and(|(_, kind)| !kind.is_trace())
}

/// Returns whether it is of use for a while only: a certificate's lock, what a refresh wrote down, or
/// a temporary file.
fn is_trace(name: &str) -> bool {
    FileStem::of_file(name).is_some_and(|(_, kind)| kind.is_trace())
        || crate::fs::is_temporary(name)
}

/// Removes what nothing is left for: the locks of certificates and what refreshes wrote down. Who
/// waits for a lock sees that it is gone.
fn remove_traces(layout: &Layout) {
    for name in names(layout).filter(|name| is_trace(name)) {
        // One that stays keeps the folder there, and harms nobody.
        let _ = fs::remove_file(layout.file(&name));
    }
}

fn is_same_folder(one: &Path, other: &Path) -> bool {
    fs::canonicalize(one).is_ok_and(|one| fs::canonicalize(other).is_ok_and(|other| one == other))
}

/// Refuses another user's folder: a file that root makes there, with mode 0600, stops that user's ssh
/// for every host.
pub fn check_owner(layout: &Layout) -> Outcome<()> {
    let ssh_folder = &layout.ssh_folder;
    // Where there is none yet, it will be made in the home folder of its user.
    let mut places = ssh_folder.ancestors().take(2);
    let Some(found) = places.find_map(|place| fs::metadata(place).ok()) else { return Ok(()) };
    if Uid::effective().is_root() && found.uid() != 0 {
        let message = format!(
            "{} belongs to user {}, who could not read what root puts there; run the command as \
             that user, without sudo",
            shell::path(ssh_folder),
            found.uid()
        );
        return Err(Failure::message(Kind::Install, message));
    }
    Ok(())
}

/// Reads configurations from the disk as ssh does: files in the order of their names, a missing one
/// silent. Our own folder is left out.
#[must_use]
pub fn reader(layout: &Layout) -> ConfigReader<'static> {
    let ours: Vec<PathBuf> =
        [layout.folder()].into_iter().chain(fs::canonicalize(layout.folder())).collect();
    let read = move |pattern: &Path| {
        let paths = pattern.to_str().and_then(|text| glob::glob_with(text, AS_SSH).ok());
        paths
            .into_iter()
            .flatten()
            .flatten()
            .filter(|path| !ours.iter().any(|ours| path.starts_with(ours)))
            .filter_map(|path| {
                let text = crate::fs::read(&path, FILE_MAX).ok()??;
                Some((path, text))
            })
            .collect()
    };
    ConfigReader { resolver: layout.include_resolver(), read: Box::new(read) }
}
