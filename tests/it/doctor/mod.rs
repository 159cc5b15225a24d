//! `doctor`: each fault made for real, its fix applied by typing what is printed, and nothing
//! changed by looking.

mod certificates;
mod files;
mod hosts;
mod in_namespaces;
mod live;
mod never_hangs;
mod outside;
mod quoted;
mod report;

use std::collections::BTreeMap;
use std::fs;
use std::ops::Deref;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::api::Api;
use crate::support::cluster::{self, Cluster};
use crate::support::process::{self, Ran};
use crate::support::remedy;
use crate::support::sandbox::{Program, Sandbox};

/// A home folder with an ssh folder in it that is not the one of the passwd file, logged in at an
/// API of its own.
struct User {
    sandbox: Sandbox,
    api: Api,
}

impl Deref for User {
    type Target = Sandbox;

    fn deref(&self) -> &Sandbox {
        &self.sandbox
    }
}

/// What a path holds, its mode, and when it was changed.
type Snapshot = BTreeMap<PathBuf, (Vec<u8>, u32, i64, i64)>;

impl User {
    /// Nothing is installed.
    fn with_api(clusters: impl IntoIterator<Item = Cluster>) -> Self {
        Self::of(Sandbox::with_ssh_folder(), clusters)
    }

    fn of(sandbox: Sandbox, clusters: impl IntoIterator<Item = Cluster>) -> Self {
        let user = Self { sandbox, api: Api::serving(clusters).may_be_idle() };
        chmod(user.home(), 0o700);
        user.prime_settings(&json!({"base_url": user.api.url()}));
        user
    }

    /// A cluster of three nodes is installed, and all is well.
    fn healthy() -> Self {
        Self::with_config("Host mine\n  User me\n")
    }

    /// The same with this configuration of the user's own.
    fn with_config(config: &str) -> Self {
        let user = Self::with_api([cluster::train()]);
        user.write("ssh/config", config);
        user.run(&["install", "train"]).succeeds();
        user
    }

    /// What the doctor finds, who changes nothing.
    #[track_caller]
    fn doctor(&self) -> Report {
        self.examined(self.program(["doctor", "--format=json"]))
    }

    #[track_caller]
    fn examined(&self, program: Program) -> Report {
        let before = self.snapshot();
        let ran = program.run();
        assert_eq!(self.snapshot(), before, "it changes nothing");
        Report::read(ran)
    }

    /// All that is in the home folder.
    fn snapshot(&self) -> Snapshot {
        let mut snapshot = Snapshot::new();
        collect(self.home(), &mut snapshot);
        snapshot
    }

    /// Types what is printed.
    #[track_caller]
    fn types(&self, command: &str) -> Ran {
        let mut shell = remedy::shell(self.home(), command);
        process::run(&mut shell, b"")
    }

    /// The doctor finds this, and after its commands were typed nothing of it any more.
    #[track_caller]
    fn is_cured(&self, check: &str, state: &str, words: &str) {
        let report = self.doctor();
        let finding = report.finding(check, state, words);
        let command =
            finding["command"].as_str().unwrap_or_else(|| panic!("no command: {finding}"));
        self.types(command).succeeds();
        let after = self.doctor();
        assert_eq!(after.of(check, words), Vec::<&Value>::new(), "after {command}: {after:#?}");
    }
}

/// What the doctor found.
#[derive(Debug)]
struct Report {
    ran: Ran,
    findings: Vec<Value>,
}

impl Report {
    #[track_caller]
    fn read(ran: Ran) -> Self {
        let text: Value = serde_json::from_str(&ran.stdout)
            .unwrap_or_else(|error| panic!("no JSON: {error}: {ran:#?}"));
        assert_eq!(text["schema_version"], 1);
        let findings = text["findings"].as_array().unwrap().clone();
        let is_wrong = findings.iter().any(|finding| finding["state"] == "wrong");
        assert_eq!(ran.status.code(), Some(if is_wrong { 6 } else { 0 }), "{ran:#?}");
        assert_eq!(text["state"] == "wrong", is_wrong);
        for finding in &findings {
            remedy::assert_parses(finding["command"].as_str().unwrap_or_default());
            for command in remedy::commands(finding["advice"].as_str().unwrap_or_default()) {
                remedy::assert_parses(&command);
            }
        }
        Self { ran, findings }
    }

    /// The findings of a check with these words in it, but for those that are well.
    fn of(&self, check: &str, words: &str) -> Vec<&Value> {
        let mut found: Vec<_> = self.findings.iter().collect();
        found.retain(|finding| {
            finding["check"] == check
                && finding["state"] != "ok"
                && finding["what"].as_str().unwrap().contains(words)
        });
        found
    }

    /// The only finding of a check, in this state and with these words.
    #[track_caller]
    fn finding(&self, check: &str, state: &str, words: &str) -> &Value {
        let fits = |finding: &&Value| {
            finding["check"] == check
                && finding["state"] == state
                && finding["what"].as_str().unwrap().contains(words)
        };
        let found: Vec<_> = self.findings.iter().filter(fits).collect();
        assert_eq!(found.len(), 1, "{check} {state} {words:?} in {:#?}", self.findings);
        found[0]
    }

    /// Each check with its state, in order; what is well is left out.
    fn unwell(&self) -> Vec<String> {
        let unwell = self.findings.iter().filter(|finding| finding["state"] != "ok");
        unwell
            .map(|f| format!("{} {}", f["state"].as_str().unwrap(), f["check"].as_str().unwrap()))
            .collect()
    }
}

/// The home folder of the password database, which ssh takes.
fn passwd_home() -> PathBuf {
    let user = nix::unistd::User::from_uid(nix::unistd::Uid::current()).unwrap();
    user.unwrap().dir
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn collect(folder: &Path, snapshot: &mut Snapshot) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let found = fs::symlink_metadata(&path).unwrap();
        let contents =
            if found.is_file() { fs::read(&path).unwrap_or_default() } else { Vec::new() };
        snapshot.insert(path.clone(), (contents, found.mode(), found.mtime(), found.mtime_nsec()));
        if found.is_dir() {
            collect(&path, snapshot);
        }
    }
}
