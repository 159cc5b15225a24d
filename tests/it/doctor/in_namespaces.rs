//! The ssh folder that ssh itself reads, and the system's own configuration behind it: in mounts
//! that only the test sees.

use std::fs;

use serde_json::json;

use super::{Report, chmod, passwd_home};
use crate::support::api::Api;
use crate::support::cluster;
use crate::support::mounts::Mounts;
use crate::support::process::{self, Ran};
use crate::support::sandbox::{Sandbox, TOKEN, copy_program};

#[test]
fn what_a_plain_ssh_makes_of_the_names() {
    needs!("namespaces");
    let sandbox = Sandbox::new();
    let api = Api::serving([cluster::train()]);
    let (mounts, home) = (Mounts::new(), passwd_home());
    let own = |relative: &str| sandbox.path("home").join(relative);
    for folder in ["", ".ssh", ".prime"] {
        fs::create_dir_all(own(folder)).unwrap();
        chmod(&own(folder), 0o700);
    }
    let settings = json!({"base_url": api.url(), "api_key": TOKEN});
    fs::write(own(".prime/config.json"), settings.to_string()).unwrap();
    fs::write(own(".ssh/config"), "Host mine\n").unwrap();
    // The program stands where the namespace still shows it.
    let program = sandbox.path("prime-ssh");
    copy_program(&program);
    let system = sandbox.write("etc/ssh_config", "Host *\n  SendEnv LANG\n");
    mounts.bind(system.parent().unwrap(), "/etc/ssh".as_ref());
    mounts.bind(&sandbox.path("home"), &home);
    let run = |arguments: &[&str]| -> Ran {
        let mut command = mounts.command(&program);
        command.args(arguments).env("HOME", &home);
        command.env("PATH", std::env::var("PATH").unwrap());
        process::run(&mut command, b"")
    };
    run(&["install", "train"]).succeeds();
    let report = Report::read(run(&["doctor", "--format=json"]));
    assert_eq!(report.unwell(), Vec::<String>::new(), "{report:#?}");
    report.finding("hosts", "ok", "3 of 4 checked");

    fs::write(&system, "Host *\n  SendEnv LANG\n  ForwardAgent yes\n").unwrap();
    let report = Report::read(run(&["doctor", "--format=json"]));
    let finding = report.finding("hosts", "warning", "gets your agent (ForwardAgent yes)");
    assert_eq!((&finding["file"], &finding["line"]), (&json!("/etc/ssh/ssh_config"), &json!(3)));
    let command = finding["command"].as_str().unwrap();
    let words: Vec<&str> = command.strip_prefix("prime-ssh ").unwrap().split(' ').collect();
    run(&words).succeeds();
    assert_eq!(Report::read(run(&["doctor", "--format=json"])).unwell(), Vec::<String>::new());

    // ssh itself stops at what others could write, and then for every host.
    fs::set_permissions(own(".ssh/config"), std::os::unix::fs::PermissionsExt::from_mode(0o666))
        .unwrap();
    let report = Report::read(run(&["doctor", "--format=json"]));
    report.finding("permissions", "wrong", "has mode 0666");
    report.finding("hosts", "wrong", "ssh stops at your configuration: Bad owner or permissions");
}
