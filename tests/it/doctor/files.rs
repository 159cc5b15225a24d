//! What is below the ssh folder: the line of ours, owners and modes, our files.

use std::fs;
use std::os::unix::fs::symlink;

use super::{User, chmod};
use crate::support::process;

#[test]
fn a_line_of_ours_that_is_gone_or_counts_for_some_only() {
    needs!("ssh");
    let user = User::healthy();
    let with = fs::read_to_string(user.config()).unwrap();
    let (line, without) = with.split_once('\n').unwrap();
    fs::write(user.config(), without).unwrap();
    user.is_cured("include", "wrong", "no line includes our files");
    fs::write(user.config(), format!("{without}{line}\n")).unwrap();
    user.is_cured("include", "wrong", "in a block only");
    let report = user.doctor();
    let finding = report.finding("include", "warning", "applies to some hosts only");
    assert_eq!(finding["line"], 4);
    assert!(finding["advice"].as_str().unwrap().contains("remove that line"), "{finding}");
    fs::write(user.config(), &with).unwrap();

    fs::write(user.config(), format!("LogLevel ERROR\n{with}")).unwrap();
    let report = user.doctor();
    let finding = report.finding("include", "note", "`loglevel` comes before our files");
    assert_eq!(finding["line"], 1);
    report.finding("include", "ok", "ssh reads our files for every host");

    // In a file that the user's own includes, it counts as well.
    let more = user.write("ssh/more", format!("{line}\n"));
    fs::write(user.config(), format!("Include {}\n{without}", more.display())).unwrap();
    let report = user.doctor();
    let finding = report.finding("include", "ok", "ssh reads our files for every host");
    assert_eq!(finding["file"], more.to_str().unwrap());
    report.finding("hosts", "ok", "ssh resolves every name as expected");

    fs::remove_file(user.config()).unwrap();
    user.is_cured("include", "wrong", "no line includes our files");
}

/// As dotfiles in a read-only store: `sync` could not write the line either, so it is no advice.
#[test]
fn a_configuration_that_may_only_be_read_gets_its_line_by_hand() {
    needs!("ssh");
    let user = User::healthy();
    let with = fs::read_to_string(user.config()).unwrap();
    let (line, without) = with.split_once('\n').unwrap();
    fs::create_dir(user.path("store")).unwrap();
    let store = user.write("store/config", without);
    fs::remove_file(user.config()).unwrap();
    symlink(&store, user.config()).unwrap();
    let run = |arguments: &[&str]| {
        let program = user.program(arguments).without_root();
        chmod(&store, 0o444);
        chmod(store.parent().unwrap(), 0o555);
        program.run()
    };
    let report = super::Report::read(run(&["doctor", "--format=json"]));
    let finding = report.finding("include", "wrong", "no line includes our files");
    assert_eq!(finding["command"], serde_json::Value::Null, "{finding}");
    let advice = finding["advice"].as_str().unwrap();
    assert!(advice.contains("cannot write this file"), "{finding}");
    let (_, advised) = advice.split_once("first line: ").unwrap();
    assert_eq!(advised, line, "what `install` would write");
    // `sync` says the same, and is no way out.
    let told = run(&["sync"]);
    assert!(told.stderr.contains(line), "{}", told.stderr);
    chmod(store.parent().unwrap(), 0o755);
    chmod(&store, 0o644);
    fs::write(&store, format!("{advised}\n{without}")).unwrap();
    let report = super::Report::read(run(&["doctor", "--format=json"]));
    report.finding("include", "ok", "ssh reads our files for every host");
    chmod(store.parent().unwrap(), 0o755);
}

#[test]
fn files_and_folders_that_others_may_write_or_read() {
    needs!("ssh");
    let user = User::healthy();
    let more = user.write("ssh/more", "Host other\n");
    let config = fs::read_to_string(user.config()).unwrap();
    fs::write(user.config(), format!("{config}Include {}\n", more.display())).unwrap();
    for path in [
        user.config(),
        more,
        user.ours("/config"),
        user.ours(".conf"),
        user.ours(".json"),
        user.ours(".known_hosts"),
    ] {
        chmod(&path, 0o666);
        user.is_cured("permissions", "wrong", "has mode 0666");
        chmod(&path, 0o600);
    }
    for path in [user.ssh(""), user.ssh("prime-ssh")] {
        chmod(&path, 0o777);
        user.is_cured("permissions", "wrong", "has mode 0777");
    }
    for path in [user.ours(".conf"), user.ours(".known_hosts")] {
        chmod(&path, 0o644);
    }
    user.is_cured("permissions", "note", "others can read");
    user.doctor().finding("permissions", "ok", "only you can change");
}

#[test]
fn a_file_of_somebody_else() {
    needs!("ssh");
    let user = User::healthy();
    if std::os::unix::fs::chown(user.config(), Some(65534), None).is_err() {
        // Whoever is not root cannot be in this position.
        return;
    }
    user.is_cured("permissions", "wrong", "belongs to user 65534");
}

#[test]
fn files_of_ours_that_are_missing() {
    needs!("ssh");
    let user = User::healthy();
    for (ending, state, words) in [
        (".conf", "wrong", "has no file for ssh, so ssh knows none of its names"),
        (".known_hosts", "warning", "the host keys of prime.train are gone"),
        ("/config", "wrong", "it is missing from the index"),
    ] {
        fs::remove_file(user.ours(ending)).unwrap();
        user.is_cured("files", state, words);
        assert_eq!(user.doctor().unwell(), ["note include"], "{ending}");
    }
    fs::write(user.ours("/config"), "# nothing\n").unwrap();
    user.is_cured("files", "wrong", "it is missing from the index");
    let index = fs::read_to_string(user.ours("/config")).unwrap();
    let list = fs::read_to_string(user.ours("/clusters")).unwrap();
    fs::write(user.ours("/clusters"), format!("{list}Include gone-01234567.conf\n")).unwrap();
    user.is_cured("files", "warning", "it is not as it was written");
    fs::write(user.ours("/config"), format!("{index}Host mine\n")).unwrap();
    user.is_cured("files", "warning", "it is not as it was written");
    assert_eq!(user.doctor().unwell(), ["note include"]);
}

#[test]
fn files_of_ours_that_somebody_edited_or_left() {
    needs!("ssh");
    let user = User::healthy();
    let fragment = user.ours(".conf");
    let text = fs::read_to_string(&fragment).unwrap();
    fs::write(&fragment, text.replace("ConnectTimeout 15", "ConnectTimeout 60")).unwrap();
    user.is_cured("files", "warning", "prime.train was edited by hand");
    user.is_cured("files", "note", "a copy that was kept of an edited file");
    user.write("ssh/prime-ssh/.prime-ssh-install-x1.tmp", "x");
    user.is_cured("files", "note", "it was left by a run that was killed");
    user.write("ssh/prime-ssh/old-01234567.known_hosts", "x");
    user.is_cured("files", "note", "it was left by a run that was killed");
    for name in ["notes.txt", "notes.bak"] {
        let notes = user.write(format!("ssh/prime-ssh/{name}"), "mine");
        let report = user.doctor();
        let finding = report.finding("files", "note", "it is not ours");
        assert!(finding["command"].is_null(), "{finding}");
        fs::remove_file(notes).unwrap();
    }
    assert_eq!(user.doctor().unwell(), ["note include"]);

    let state = user.ours(".json");
    let text = fs::read_to_string(&state).unwrap();
    for damage in ["{", "", "\0\u{ff}", &text.replace("clst01", "../../x\u{1b}[2J")] {
        fs::write(&state, damage).unwrap();
        let report = user.doctor();
        let finding = report.finding("files", "wrong", "the state of train-675b1ff5 is damaged");
        assert!(finding["advice"].as_str().unwrap().contains("install that cluster again"));
        assert!(!report.ran.stdout.contains('\u{1b}'));
    }
    fs::remove_file(&state).unwrap();
    user.doctor().finding("files", "warning", "it has no state file");
    user.run(&["install", "train"]).succeeds();
    assert_eq!(user.doctor().unwell(), ["note include"]);
}

#[test]
fn what_stays_when_all_is_gone() {
    needs!("ssh");
    let user = User::healthy();
    let line = fs::read_to_string(user.config()).unwrap();
    fs::write(user.config(), format!("# mine\n{line}")).unwrap();
    user.run(&["uninstall", "--all"]).succeeds();
    let report = user.doctor();
    report.finding("files", "note", "from before the first install");
    fs::write(user.config(), &line).unwrap();
    let report = user.doctor();
    report.finding("include", "note", "but no cluster is installed");
    user.write("ssh/prime-ssh/.prime-ssh-install-x1.tmp", "x");
    chmod(&user.ssh("prime-ssh"), 0o700);
    user.is_cured("files", "note", "it was left by a run that was killed");
}

/// The line that includes our files is right, though the file of the only cluster is gone.
#[test]
fn a_line_is_of_use_while_a_cluster_is_installed() {
    needs!("ssh");
    let user = User::healthy();
    fs::remove_file(user.ours(".conf")).unwrap();
    let report = user.doctor();
    report.finding("files", "wrong", "has no file for ssh");
    assert!(!report.ran.stdout.contains("no cluster is installed"), "{}", report.ran.stdout);
    user.run(&["sync"]).succeeds();
    user.doctor().finding("include", "ok", "ssh reads our files for every host");
}

#[test]
fn what_stands_in_our_way() {
    needs!("ssh");
    let user = User::healthy();
    let fragment = user.ours(".conf");
    let elsewhere = user.path("elsewhere");
    fs::rename(&fragment, &elsewhere).unwrap();
    symlink(&elsewhere, &fragment).unwrap();
    user.doctor().finding("files", "wrong", "a link, not a regular file");
    fs::remove_file(&fragment).unwrap();
    fs::create_dir(&fragment).unwrap();
    user.doctor().finding("files", "wrong", "a folder, not a regular file");
    fs::remove_dir_all(user.ssh("prime-ssh")).unwrap();
    symlink("/nowhere", user.ssh("prime-ssh")).unwrap();
    user.doctor().finding("files", "wrong", "a link, not a folder");
}

#[test]
fn another_run_at_work_is_told_and_not_waited_for() {
    needs!("ssh");
    let user = User::healthy();
    user.write("ssh/prime-ssh/.prime-ssh-install-x1.tmp", "x");
    let lock = fs::File::open(user.ssh("prime-ssh/lock")).unwrap();
    lock.lock().unwrap();
    let report = user.doctor();
    report.finding("files", "note", "another run of prime-ssh is at work");
    assert_eq!(report.of("files", "killed"), Vec::<&serde_json::Value>::new());
    drop(lock);
    user.doctor().finding("files", "note", "it was left by a run that was killed");
}

#[test]
fn what_may_not_be_read_is_told() {
    needs!("ssh");
    let user = User::healthy();
    chmod(&user.config(), 0o000);
    let doctor = user.program(["doctor", "--format=json"]).without_root();
    let report = super::Report::read(doctor.run());
    let finding = report.finding("include", "wrong", "cannot read");
    assert_eq!(finding["file"], user.config().to_str().unwrap());
    chmod(&user.config(), 0o600);
    chmod(&user.ours(".conf"), 0o000);
    let doctor = user.program(["doctor", "--format=json"]).without_root();
    super::Report::read(doctor.run()).finding("files", "wrong", "cannot read");
    // A home folder that may only be read is no trouble to those who only read.
    chmod(&user.ours(".conf"), 0o600);
    for folder in ["", "prime-ssh"] {
        chmod(&user.ssh(folder), 0o500);
    }
    chmod(user.home(), 0o500);
    let doctor = user.program(["doctor", "--format=json"]);
    let mut command = doctor.without_root().into_command();
    chmod(user.home(), 0o500);
    let report = super::Report::read(process::run(&mut command, b""));
    assert_eq!(report.unwell(), ["note include"]);
    chmod(user.home(), 0o700);
}
