use std::os::unix::fs::{FileTypeExt, symlink};
use std::process::Command;
use std::thread;
use std::time::{Duration, SystemTime};

use nix::unistd::Uid;

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
    let mut left = left_behind(folder.path());
    left.sort();
    assert_eq!(left, [at(".prime-ssh-install-old.tmp"), at(".prime-ssh-output-old.tmp")]);

    // Only what any run may make, for this one does not hold the lock.
    replace(&at("f"), b"x", 0o600).unwrap();
    assert_eq!(left_behind(folder.path()), [at(".prime-ssh-install-old.tmp")]);
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
    for maker in [Maker::Holder, Maker::Anyone] {
        let file = maker.file(&folder.path().join("f")).unwrap();
        let name = file.path().file_name().unwrap().to_str().unwrap();
        assert!(is_temporary(name) && name.starts_with('.'), "{name}");
    }
    assert!(!is_temporary("config.tmp") && !is_temporary(".prime-ssh-output-x"));
}
