//! `--cache`, `--refresh` and `--offline`: answers that are kept.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::thread;

use crate::support::api::{Api, Reply};
use crate::support::cluster::{self, Node};
use crate::support::process::Ran;
use crate::support::sandbox::{Program, Sandbox, TOKEN};

/// A user whose answers are kept below their home folder.
struct User {
    sandbox: Sandbox,
    api: Api,
}

impl User {
    fn new() -> Self {
        Self { sandbox: Sandbox::new(), api: Api::serving([cluster::train()]) }
    }

    fn program(&self, arguments: &[&str]) -> Program {
        let program = self.sandbox.prime_ssh(["inventory", "train"]).asking(&self.api);
        program.args(arguments)
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        self.program(arguments).run()
    }

    fn asked(&self) -> usize {
        self.api.requests().len()
    }

    /// The files that are kept.
    fn files(&self) -> Vec<PathBuf> {
        let folder = self.sandbox.path(".cache/prime-ssh");
        let entries = fs::read_dir(folder).into_iter().flatten();
        entries.map(|entry| entry.unwrap().path()).collect()
    }

    fn only_file(&self) -> PathBuf {
        let [file] = self.files().try_into().expect("one answer is kept");
        file
    }

    fn grows(&self) {
        self.api.now_serves([cluster::train().node(Node::worker("pod3", "node-3", "10.0.0.13"))]);
    }

    fn is_down(&self, reply: &Reply) {
        for path in ["/api/admin/clusters", "/api/admin/clusters/train"] {
            self.api.replies_on(path, reply.clone());
        }
    }
}

/// How old the kept answers become: their own word for when they came is set back.
fn set_back(file: &PathBuf, seconds: u64) {
    let mut kept: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    kept["at"] = (kept["at"].as_u64().unwrap() - seconds).into();
    fs::write(file, kept.to_string()).unwrap();
}

#[test]
fn nothing_is_kept_unless_it_is_asked_for() {
    let user = User::new();
    user.run(&[]).succeeds();
    user.run(&["--refresh"]).succeeds();
    assert_eq!(user.files(), Vec::<PathBuf>::new());
}

#[test]
fn a_kept_answer_is_used_until_it_is_too_old() {
    let user = User::new();
    let first = user.run(&["--cache", "1h"]).succeeds();
    let asked = user.asked();
    user.grows();
    let ran = user.run(&["--cache", "1h"]);
    assert_eq!(ran.stderr, "");
    assert_eq!((ran.succeeds(), user.asked()), (first.clone(), asked));
    set_back(&user.only_file(), 3601);
    let newer = user.run(&["--cache", "1h"]).succeeds();
    assert!(newer != first && newer.contains("node-3"), "{newer}");
    assert_eq!(user.asked(), 2 * asked);
    // Without --cache the API is asked as ever.
    user.run(&[]).succeeds();
    assert_eq!(user.asked(), 3 * asked);
}

#[test]
fn what_is_kept_is_private_and_holds_no_token() {
    let user = User::new();
    user.program(&["--list"]).env("PRIME_SSH_CACHE", "5m").run().succeeds();
    let file = user.only_file();
    assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(file.parent().unwrap()).unwrap().mode() & 0o777, 0o700);
    let text = fs::read_to_string(&file).unwrap();
    assert!(!text.contains(TOKEN) && !file.to_str().unwrap().contains(TOKEN), "{text}");
    // Another token sees another's answers as little as another API does.
    let asked = user.asked();
    user.program(&["--cache", "5m"]).env("PRIME_API_KEY", "another").run().fails(3);
    assert!(user.asked() > asked);
    user.program(&["--offline"]).env("PRIME_API_KEY", "another").run().fails(3);
    let elsewhere = user.sandbox.path("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    user.program(&["--cache", "5m"]).env("XDG_CACHE_HOME", &elsewhere).run().succeeds();
    assert_eq!(fs::read_dir(elsewhere.join("prime-ssh")).unwrap().count(), 1);
}

#[test]
fn refreshing_asks_however_new_the_answer_is() {
    let user = User::new();
    user.run(&["--cache", "1h"]).succeeds();
    user.grows();
    assert!(user.run(&["--cache", "1h", "--refresh"]).succeeds().contains("node-3"));
    assert!(user.run(&["--cache", "1h"]).succeeds().contains("node-3"), "the new one is kept");
    user.run(&["--refresh", "--offline"]).fails(2);
}

#[test]
fn offline_takes_what_is_there_and_says_how_old_it_is() {
    let user = User::new();
    snapshot!(user.run(&["--offline"]).fails(3), @"
    error: no cached answer for train

    hint: run it once without --offline (PRIME_SSH_OFFLINE), and with --cache DURATION (PRIME_SSH_CACHE)
    ");
    assert_eq!(user.asked(), 0);
    let first = user.run(&["--cache", "5m"]).succeeds();
    let asked = user.asked();
    set_back(&user.only_file(), 3 * 3600 + 1);
    let ran = user.run(&["--offline"]);
    snapshot!(ran.stderr, @"note: train: using the cached answer from 3 h ago");
    assert_eq!((ran.succeeds(), user.asked()), (first, asked));
    let ran = user.program(&["--list"]).env("PRIME_SSH_OFFLINE", "1").run();
    assert_eq!(ran.stderr, "", "Ansible would show it as an error");
    ran.succeeds();
}

#[test]
fn an_api_that_is_down_leads_to_what_is_kept() {
    let user = User::new();
    user.run(&["--cache", "1s"]).succeeds();
    set_back(&user.only_file(), 12 * 60 + 1);
    user.is_down(&Reply::detail(503, "busy").header("retry-after", "0"));
    let told = user.run(&["--cache", "5m"]).fails(3);
    assert_eq!(user.run(&[]).fails(3), told);
    snapshot!(told, @"
    error: cannot get cluster `train`: the API failed (503 Service Unavailable): busy (3 tries)

    hint: this is not your fault; try again later, or use the cached answer from 12 min ago with --offline or PRIME_SSH_OFFLINE=1
    ");
    // To Ansible, in one line.
    snapshot!(user.run(&["--list"]).fails(3), @"error: cannot get cluster `train`: the API failed (503 Service Unavailable): busy (3 tries); this is not your fault; try again later, or use the cached answer from 12 min ago with --offline or PRIME_SSH_OFFLINE=1");
    user.run(&["--offline"]).succeeds();
}

#[test]
fn an_api_that_refuses_leads_to_nothing() {
    for status in [401, 403, 404] {
        let user = User::new();
        user.run(&["--cache", "1s"]).succeeds();
        set_back(&user.only_file(), 60);
        user.is_down(&Reply::detail(status, "no"));
        let told = user.run(&["--cache", "5s"]).fails(3);
        assert!(!told.contains("is kept") && !told.contains("offline"), "{told}");
    }
}

#[test]
fn a_damaged_file_is_replaced() {
    let whole = {
        let user = User::new();
        user.run(&["--cache", "1h"]).succeeds();
        fs::read_to_string(user.only_file()).unwrap()
    };
    let other = whole.replace("\"id\":\"clst01\"", "\"id\":\"clst02\"");
    let html = whole.replace("{\\\"", "<html>");
    for damage in [String::new(), whole[..whole.len() / 2].to_owned(), "{}".into(), other, html] {
        let user = User::new();
        let first = user.run(&["--cache", "1h"]).succeeds();
        let (asked, file) = (user.asked(), user.only_file());
        fs::write(&file, &damage).unwrap();
        user.run(&["--offline"]).fails(3);
        assert_eq!(user.run(&["--cache", "1h"]).succeeds(), first);
        assert_eq!(user.asked(), 2 * asked, "{damage}");
        assert_eq!(user.run(&["--cache", "1h"]).succeeds(), first);
        assert_eq!(user.asked(), 2 * asked, "it is whole again");
        assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o600);
    }
}

#[test]
fn an_answer_that_is_refused_is_not_kept() {
    let user = User::new();
    user.api.now_serves([cluster::train().node(Node::worker("pod3", "x", "10.0.0.1\n"))]);
    user.run(&["--cache", "1h"]).fails(4);
    assert_eq!(user.files(), Vec::<PathBuf>::new());
    user.is_down(&Reply::new(200, "<html>a login portal</html>"));
    user.run(&["--cache", "1h"]).fails(4);
    assert_eq!(user.files(), Vec::<PathBuf>::new());
}

#[test]
fn all_clusters_are_one_answer() {
    let user = User::new();
    let all = |arguments: &[&str]| {
        let program = user.sandbox.prime_ssh(["inventory", "--all"]).asking(&user.api);
        program.args(arguments).run()
    };
    let first = all(&["--cache", "1h"]).succeeds();
    let asked = user.asked();
    assert_eq!(all(&["--cache", "1h"]).succeeds(), first);
    assert_eq!(all(&["--offline"]).succeeds(), first);
    assert_eq!(user.asked(), asked);
    all(&["--cache", "1h", "--team", "team01"]).succeeds();
    assert!(user.asked() > asked, "the clusters of one team are another question");
}

#[test]
fn a_cache_that_cannot_be_written_is_no_failure() {
    let user = User::new();
    user.sandbox.write(".cache", "a file where the folder should be");
    let ran = user.run(&["--cache", "1h"]);
    snapshot!(ran.stderr, @"warning: cannot cache the answer: cannot create the folder [home]/.cache/prime-ssh: a part of its path is not a folder");
    ran.succeeds();
}

#[test]
fn runs_side_by_side_keep_whole_answers() {
    let user = User::new();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| user.run(&["--cache", "1h", "--refresh"]).succeeds());
        }
    });
    let asked = user.asked();
    user.run(&["--cache", "1h"]).succeeds();
    assert_eq!(user.asked(), asked);
    user.only_file();
}
