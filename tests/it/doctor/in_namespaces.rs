//! The ssh folder that ssh itself reads, and the system's own configuration behind it: in mounts
//! that only the test sees.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{Report, chmod, passwd_home};
use crate::support::api::Api;
use crate::support::cluster;
use crate::support::mounts::Mounts;
use crate::support::process::{self, Ran};
use crate::support::sandbox::{Sandbox, TOKEN, copy_program};

/// A user whose home folder is that of the password database, in mounts that only the test sees.
struct AtHome {
    sandbox: Sandbox,
    mounts: Mounts,
    home: PathBuf,
    program: PathBuf,
    _api: Api,
}

impl AtHome {
    fn new() -> Self {
        let sandbox = Sandbox::new();
        let api = Api::serving([cluster::train()]).may_be_idle();
        let (mounts, home) = (Mounts::new(), passwd_home());
        for folder in ["home", "home/.ssh", "home/.prime"] {
            fs::create_dir_all(sandbox.path(folder)).unwrap();
            chmod(&sandbox.path(folder), 0o700);
        }
        let settings = json!({"base_url": api.url(), "api_key": TOKEN});
        sandbox.write("home/.prime/config.json", settings.to_string());
        sandbox.write("home/.ssh/config", "Host mine\n");
        // The program stands where the namespace still shows it.
        let program = sandbox.path("prime-ssh");
        copy_program(&program);
        let system = sandbox.write("etc/ssh_config", "Host *\n  SendEnv LANG\n");
        mounts.bind(system.parent().unwrap(), "/etc/ssh".as_ref());
        mounts.bind(&sandbox.path("home"), &home);
        Self { sandbox, mounts, home, program, _api: api }
    }

    /// A file of the home folder.
    fn own(&self, relative: &str) -> PathBuf {
        self.sandbox.path("home").join(relative)
    }

    /// The program or another one, with this value of `HOME`.
    fn runs(&self, program: &Path, arguments: &[&str], home: &Path) -> Ran {
        let mut command = self.mounts.command(program);
        command.args(arguments).env("HOME", home).env("PATH", std::env::var("PATH").unwrap());
        process::run(&mut command, b"")
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        self.runs(&self.program, arguments, &self.home)
    }

    #[track_caller]
    fn doctor(&self) -> Report {
        Report::read(self.run(&["doctor", "--format=json"]))
    }
}

#[test]
fn what_a_plain_ssh_makes_of_the_names() {
    needs!("namespaces");
    let user = AtHome::new();
    let system = user.sandbox.path("etc/ssh_config");
    user.run(&["install", "train"]).succeeds();
    let report = user.doctor();
    assert_eq!(report.unwell(), Vec::<String>::new(), "{report:#?}");
    report.finding("hosts", "ok", "4 of 4 checked");

    fs::write(&system, "Host *\n  SendEnv LANG\n  ForwardAgent yes\n").unwrap();
    let report = user.doctor();
    let finding = report.finding("hosts", "warning", "gets your agent (ForwardAgent yes)");
    assert_eq!((&finding["file"], &finding["line"]), (&json!("/etc/ssh/ssh_config"), &json!(3)));
    let command = finding["command"].as_str().unwrap();
    let words: Vec<&str> = command.strip_prefix("prime-ssh ").unwrap().split(' ').collect();
    user.run(&words).succeeds();
    assert_eq!(user.doctor().unwell(), Vec::<String>::new());

    // Of a group that nobody else is in, each ssh has its own opinion.
    chmod(&user.own(".ssh/config"), 0o664);
    let asked = user.runs("ssh".as_ref(), &["-G", "prime.train"], &user.home);
    let stops = asked.stderr.contains("Bad owner or permissions");
    let report = user.doctor();
    assert_eq!(report.unwell().is_empty(), !stops, "{report:#?}");
    let installed = user.run(&["install", "train", "--user", "root"]);
    assert_eq!(installed.stderr.contains("has mode 0664"), stops, "{installed:#?}");
    assert!(installed.status.success(), "{installed:#?}");

    // ssh itself stops at what others could write, and then for every host.
    chmod(&user.own(".ssh/config"), 0o666);
    let report = user.doctor();
    report.finding("permissions", "wrong", "has mode 0666");
    report.finding("hosts", "wrong", "ssh stops at your configuration: Bad owner or permissions");
}

/// The `Include` argument of the finding's advice put first, as a user does it.
fn with_first_line(config: &str, advice: &Value) -> String {
    let (_, line) = advice.as_str().unwrap().split_once("Include ").unwrap();
    format!("Include {line}\n{config}")
}

#[test]
fn another_home_hides_a_relative_include() {
    needs!("namespaces");
    let user = AtHome::new();
    user.run(&["install", "train"]).succeeds();
    let config = fs::read_to_string(user.own(".ssh/config")).unwrap();
    // As `sudo` and containers leave it.
    let elsewhere = user.sandbox.path("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    let host_name = || {
        let arguments = ["-G", "prime.train.node-1"];
        let told = user.runs("ssh".as_ref(), &arguments, &elsewhere).succeeds();
        told.lines().find_map(|line| line.strip_prefix("hostname ")).unwrap().to_owned()
    };
    let doctor = || {
        let folder = user.home.join(".ssh");
        let arguments = ["doctor", "--format=json", "--ssh-dir", folder.to_str().unwrap()];
        Report::read(user.runs(&user.program, &arguments, &elsewhere))
    };
    for relative in ["Include prime-ssh/config\n", "Include ~/.ssh/prime-ssh/*fig\n"] {
        fs::write(user.own(".ssh/config"), config.replace("Include prime-ssh/config\n", relative))
            .unwrap();
        assert_eq!(host_name(), "prime.train.node-1", "ssh knows nothing of it");
        let report = doctor();
        let words = format!("HOME is {}, so ssh looks", elsewhere.display());
        let finding = report.finding("include", "wrong", &words);
        assert_eq!(finding["line"], 1);
        assert_eq!(report.of("hosts", ""), Vec::<&Value>::new());
        fs::write(user.own(".ssh/config"), with_first_line("Host mine\n", &finding["advice"]))
            .unwrap();
        assert_eq!(host_name(), "10.0.0.11");
        let report = doctor();
        report.finding("include", "ok", "ssh reads our files");
        report.finding("hosts", "ok", "4 of 4 checked");
    }
    // The same folder by another path is the same.
    let link = user.sandbox.path("link");
    std::os::unix::fs::symlink(&user.home, &link).unwrap();
    fs::write(user.own(".ssh/config"), &config).unwrap();
    let report = Report::read(user.runs(&user.program, &["doctor", "--format=json"], &link));
    report.finding("include", "ok", "ssh reads our files");
    report.finding("hosts", "ok", "4 of 4 checked");
}
