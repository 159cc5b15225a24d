use std::fs::OpenOptions;
use std::os::unix::fs::{FileTypeExt, symlink};
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::{Duration, SystemTime};

use nix::unistd::Uid;

use super::replace::BLOCK;
use super::temporary::Maker;
use super::*;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}

fn make_pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
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
    let inode = || fs::metadata(&path).unwrap().ino();
    assert!(would_change(&path, b"one").unwrap());
    replace(&path, b"one", 0o600).unwrap();
    assert_eq!((mode(&path), would_change(&path, b"one").unwrap()), (0o600, false));

    fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
    let before = inode();
    replace(&path, b"one", 0o600).unwrap();
    assert_eq!(inode(), before, "equal contents are not written again");
    assert!(would_change(&path, b"two").unwrap());
    replace(&path, b"two", 0o600).unwrap();
    assert_ne!(inode(), before);
    assert_eq!((mode(&path), contents(&path).unwrap()), (0o640, Some(b"two".to_vec())));
    assert_eq!(names(folder.path()), ["f"]);
}

#[test]
fn large_files_are_compared_to_their_last_byte() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("f");
    let mut large = vec![b'x'; 3 * BLOCK + 7];
    replace(&path, &large, 0o600).unwrap();
    assert!(!would_change(&path, &large).unwrap());
    *large.last_mut().unwrap() = b'y';
    assert!(would_change(&path, &large).unwrap() && would_change(&path, b"").unwrap());
    replace(&path, b"", 0o600).unwrap();
    assert!(!would_change(&path, b"").unwrap());
}

/// No read waits, and none goes on for ever.
#[test]
fn only_regular_files_up_to_a_limit_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("file"), "12345678").unwrap();
    symlink("file", at("link")).unwrap();
    make_pipe(&at("pipe"));
    let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
    for name in ["file", "link"] {
        assert_eq!(read(&at(name), 8).unwrap().unwrap(), b"12345678");
        let told = read(&at(name), 7).unwrap_err().to_string();
        assert!(told.ends_with("it is larger than 0 KiB"), "{told}");
    }
    assert!(read(&at("none"), 8).unwrap().is_none() && read(&at("file/x"), 8).unwrap().is_none());
    assert_eq!(read_own(&at("file")).unwrap().unwrap().0, b"12345678");
    assert!(read_own(&at("link")).unwrap_err().to_string().contains("it is a link, not"));
    for (path, kind) in [
        (at("pipe"), "pipe"),
        (at("socket"), "socket"),
        (at(""), "folder"),
        (PathBuf::from("/dev/zero"), "device"),
        (PathBuf::from("/dev/full"), "device"),
    ] {
        for error in [read(&path, 8).unwrap_err(), read_own(&path).unwrap_err()] {
            assert!(error.to_string().contains(&format!("it is a {kind}, not")), "{error}");
        }
    }
}

#[test]
fn a_pipe_that_was_named_is_read_up_to_its_end_or_the_limit() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    make_pipe(&pipe);
    for (limit, expected) in [(8, Some(b"12345678".to_vec())), (7, None)] {
        let writer = thread::spawn({
            let pipe = pipe.clone();
            move || fs::write(pipe, "12345678")
        });
        assert_eq!(read_input(&pipe, limit).ok(), expected);
        let _ = writer.join().unwrap();
    }
    let told = read_input(Path::new("/dev/zero"), 8).unwrap_err().to_string();
    assert!(told.contains("it is a device, not"), "{told}");
    assert!(read_input(&folder.path().join("none"), 8).is_err());
}

#[test]
fn links_stay_and_their_target_changes() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    fs::create_dir_all(root.join("dotfiles/deep")).unwrap();
    fs::write(root.join("dotfiles/real"), "old").unwrap();
    symlink("../real", root.join("dotfiles/deep/second")).unwrap();
    symlink("dotfiles/deep/second", root.join("first")).unwrap();
    replace(&root.join("first"), b"new", 0o600).unwrap();
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
    assert!(told("dangling").contains("gone, which does not exist"), "{}", told("dangling"));
    assert!(told("round").contains("symlink loop"), "{}", told("round"));
    assert!(told("none/f").contains("its folder does not exist"), "{}", told("none/f"));
    fs::write(at("file"), "").unwrap();
    assert!(told("file/f").contains("not a folder"), "{}", told("file/f"));
    assert!(told("").contains("it is a folder"), "{}", told(""));
    symlink(folder.path(), at("here")).unwrap();
    replace(&at("here/new"), b"x", 0o600).unwrap();
    fs::remove_file(at("new")).unwrap();
    fs::remove_file(at("here")).unwrap();
    assert_eq!(names(folder.path()), ["about", "dangling", "file", "round"]);
}

#[test]
fn what_is_no_regular_file_is_written_through() {
    write_output(Path::new("/dev/null"), b"x", 0o600).unwrap();
    assert!(replace(Path::new("/dev/null"), b"x", 0o600).unwrap_err().is_refusal());
    assert!(fs::metadata("/dev/null").unwrap().file_type().is_char_device());

    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    make_pipe(&pipe);
    let link = folder.path().join("link");
    symlink("pipe", &link).unwrap();
    let reader = thread::spawn({
        let pipe = pipe.clone();
        move || fs::read(pipe).unwrap()
    });
    write_output(&link, b"through", 0o600).unwrap();
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
        write_output(Path::new(&descriptor), b"ours", 0o600).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"before ours");
    }
}

#[test]
fn folders_and_removals() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("inner");
    assert!(make_folder(&inner).unwrap());
    assert!(!make_folder(&inner).unwrap());
    assert_eq!(mode(&inner), 0o700);
    let path = inner.join("f");
    replace(&path, b"x", 0o600).unwrap();
    remove(&path).unwrap();
    remove(&path).unwrap();
    assert!(names(&inner).is_empty());
    assert!(make_folder(&folder.path().join("a/b")).is_err());
}

#[test]
fn what_killed_runs_left_is_cleared_where_nobody_can_be_at_it() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let long_ago = SystemTime::now() - Duration::from_secs(2 * 60 * 60);
    let leave = |name: &str| {
        let file = File::create(at(name)).unwrap();
        file.set_modified(long_ago).unwrap();
    };
    for name in [
        ".prime-ssh-output-old.tmp",
        ".prime-ssh-install-old.tmp",
        ".prime-ssh-output-mine",
        "prime-ssh-output-.tmp",
        "of-the-user",
    ] {
        leave(name);
    }
    fs::write(at(".prime-ssh-output-new.tmp"), "").unwrap();
    symlink("of-the-user", at(".prime-ssh-output-link.tmp")).unwrap();
    fs::create_dir(at(".prime-ssh-output-folder.tmp")).unwrap();
    let fresh = fs::metadata(at(".prime-ssh-output-new.tmp")).unwrap();
    let left_behind = |is_locked| left_behind(folder.path(), is_locked, Some(&fresh));
    let mut left = left_behind(true);
    left.sort();
    assert_eq!(left, [at(".prime-ssh-install-old.tmp"), at(".prime-ssh-output-old.tmp")]);
    assert_eq!(left_behind(false), [at(".prime-ssh-output-old.tmp")]);

    // Only what any run may make, for this one does not hold the lock.
    replace(&at("f"), b"x", 0o600).unwrap();
    assert_eq!(left_behind(true), [at(".prime-ssh-install-old.tmp")]);
    assert_eq!(names(folder.path()).len(), 8);
    if Uid::effective().is_root() {
        leave(".prime-ssh-output-other.tmp");
        std::os::unix::fs::chown(at(".prime-ssh-output-other.tmp"), Some(65534), None).unwrap();
        replace(&at("f"), b"y", 0o600).unwrap();
        assert!(at(".prime-ssh-output-other.tmp").exists(), "it is another user's");
    }
}

#[test]
fn temporary_files_are_known_by_their_name() {
    let folder = tempfile::tempdir().unwrap();
    for maker in [Maker::LockHolder, Maker::AnyRun] {
        let file = maker.file(&folder.path().join("f")).unwrap();
        let name = file.path().file_name().unwrap().to_str().unwrap();
        assert!(is_temporary(name) && name.starts_with('.'), "{name}");
    }
    assert!(!is_temporary("config.tmp") && !is_temporary(".prime-ssh-output-x"));
}

/// Two homes may share one configuration by links: then each has a lock of its own, and neither run
/// may take the files of the other for left behind.
#[test]
fn what_is_staged_where_a_link_leads_belongs_to_no_lock() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for name in ["home", "dotfiles"] {
        fs::create_dir(at(name)).unwrap();
    }
    fs::write(at("dotfiles/config"), "old").unwrap();
    symlink("../dotfiles/config", at("home/config")).unwrap();
    let stage = |name| Staged::new(&at(name), b"new", Mode::Exactly(0o600)).unwrap();
    let (linked, own) = (stage("home/config"), stage("home/other"));
    assert!(left_behind(&at("dotfiles"), true, None).is_empty());
    assert_eq!(left_behind(&at("home"), true, None), [own.path()]);
    linked.put().unwrap();
    assert_eq!(fs::read(at("dotfiles/config")).unwrap(), b"new");
}
