//! How it is told: calm where all is well, and to be seen where it is not.

use std::fs;

use super::{User, chmod, passwd_home};
use crate::support::api::Api;
use crate::support::process;
use crate::support::sandbox::Sandbox;

#[test]
fn a_healthy_machine_is_told_in_a_few_lines() {
    needs!("ssh");
    let user = User::healthy();
    let before = user.snapshot();
    let ran = user.run(&["doctor"]);
    assert_eq!(user.snapshot(), before);
    snapshot!(ran.stderr, @"all checks passed");
    let stdout = ran.succeeds();
    let home = user.home().to_str().unwrap();
    let own = format!("reads {}/", passwd_home().display());
    let told = stdout
        .replace(home, "/home/me")
        .replace(&own, "reads /home/me/")
        .replace(&user.api.url(), "http://api");
    let in_one_ms = |line: &str| match line.split_once("answers in ") {
        Some((before, _)) => format!("{before}answers in 1 ms\n"),
        None => format!("{line}\n"),
    };
    let told: String = told.lines().map(in_one_ms).collect();
    let version = process::run(process::command("ssh").arg("-V"), b"").stderr;
    let version = version.split([' ', ',']).next().unwrap();
    snapshot!(told.replace(version, "OpenSSH_9.2p1"), @"
    ok    token        from /home/me/.prime/config.json; the API accepts it
    ok    api          http://api answers in [ms]
    ok    ssh          OpenSSH_[version] supports everything that our files use
    ok    shell        /bin/sh runs the commands of ssh
    ok    include      /home/me/ssh/config:1: ssh reads our files for every host
    ok    permissions  only you can change our files, and yours that ssh reads
    ok    files        1 cluster with 3 hosts; no file is missing
    ok    clusters     prime.train is up to date with the API: 3 hosts
    ok    hosts        ssh resolves every name as expected (4 of 4 checked)
    note  include      /home/me/ssh/config: a plain ssh reads /home/me/.ssh/config instead of this file
                       fix: use `ssh -F /home/me/ssh/config`
    ");
    // The list with one row, and each installed cluster.
    assert_eq!(
        user.api.paths().iter().rev().take(2).collect::<Vec<_>>(),
        ["GET /api/admin/clusters/clst01", "GET /api/admin/clusters"]
    );
    let requests = user.api.requests();
    let list = requests.iter().rev().find(|request| request.path.ends_with("clusters")).unwrap();
    assert_eq!(list.query("limit"), Some("1"));
}

#[test]
fn what_is_wrong_stands_last_and_counts() {
    needs!("ssh");
    let user = User::healthy();
    chmod(&user.config(), 0o666);
    fs::remove_file(user.ours(".known_hosts")).unwrap();
    let ran = user.run(&["doctor"]);
    let config = user.config();
    let config = config.display();
    let last: Vec<&str> = ran.stdout.lines().rev().take(2).collect();
    assert_eq!(last[0].trim(), format!("fix: chmod go-w {config}"));
    assert!(last[1].starts_with("wrong    permissions  "), "{}", last[1]);
    let place = ran.stdout.find("warning  files").unwrap();
    assert!(place > ran.stdout.rfind("\nok ").unwrap(), "{}", ran.stdout);
    assert_eq!(ran.stderr, "error: 1 thing is wrong, and 1 warning\n");
    ran.fails(6);

    let plain = user.run(&["doctor", "--format=plain"]).stdout;
    let last: Vec<&str> = plain.lines().last().unwrap().split('\t').collect();
    let command = format!("chmod go-w {config}");
    assert_eq!(last[..2], ["permissions", "wrong"]);
    assert_eq!(last[3..], [&*config.to_string(), "", "", &*command]);
}

#[test]
fn a_narrow_terminal_gets_whole_commands_and_hostile_names_do_nothing() {
    needs!("ssh");
    let user = User::healthy();
    // A file that the user includes, with a name that somebody else chose.
    let name = "m\u{1b}[2Jo\u{202e}re'; touch pwned; '";
    let more = user.write(format!("ssh/conf.d/{name}"), "Host x\n");
    chmod(&more, 0o666);
    let config = fs::read_to_string(user.config()).unwrap();
    fs::write(user.config(), format!("{config}Include {}/*\n", user.ssh("conf.d").display()))
        .unwrap();
    let mut command = user.program(["doctor", "--color=always"]).into_command();
    let ran = process::run_on_terminal(&mut command, 40);
    assert!(
        !ran.stdout.contains("\u{1b}[2J") && !ran.stdout.contains('\u{202e}'),
        "{}",
        ran.stdout
    );
    assert!(ran.stdout.contains("\u{1b}[31mwrong"), "{}", ran.stdout);
    let fixes: Vec<&str> =
        ran.stdout.lines().filter_map(|line| line.trim().strip_prefix("fix: ")).collect();
    let fix = fixes.iter().find(|fix| fix.starts_with("chmod go-w $'")).unwrap();
    user.types(fix).succeeds();
    assert!(!user.path("pwned").exists());
    assert_eq!(user.doctor().of("permissions", ""), Vec::<&serde_json::Value>::new());
    // Words are wrapped where the terminal ends.
    let words = ran.stdout.lines().filter(|line| line.contains("no file is"));
    assert!(words.count() <= 1);
    assert!(!ran.stdout.lines().any(|line| line.contains("1 cluster with 3 hosts; no file")));
}

#[test]
fn an_empty_machine_and_no_token() {
    let sandbox = Sandbox::new();
    let ran = sandbox.prime_ssh(["doctor", "--format=json"]).env("PATH", "/nowhere").run();
    assert_eq!(fs::read_dir(sandbox.home()).unwrap().count(), 0);
    let report = super::Report::read(ran);
    report.finding("ssh", "wrong", "there is no ssh on PATH");
    report.finding("api", "note", "there is no token");
    let token = report.finding("token", "warning", "no API token");
    assert!(token["advice"].as_str().unwrap().contains("prime login"), "{token}");
    report.finding("files", "ok", "no cluster is installed");
    assert_eq!(report.ran.stderr, "error: 1 thing is wrong, and 1 warning\n");

    // Without a home folder in the environment it is the one of the passwd file.
    let program = sandbox.prime_ssh(["doctor", "--format=json", "--ssh-dir", "/nowhere"]);
    let ran = program.env("HOME", "").env("PATH", "/nowhere").run();
    super::Report::read(ran).finding("files", "ok", "no cluster is installed");
    // It takes no argument, and an API that is asked for nothing is not asked.
    let _idle = Api::serving([]).may_be_idle();
    sandbox.prime_ssh(["doctor", "train"]).run().fails(2);
}
