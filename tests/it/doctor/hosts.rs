//! What ssh makes of the names, with whatever stands in the user's own configuration.

use std::fs;
use std::time::Duration;

use serde_json::{Value, json};

use super::User;
use crate::support::cluster::{self, Cluster, Node};
use crate::support::sandbox::Sandbox;

impl User {
    /// Puts `lines` into a file that is included before ours.
    fn with_lines_before(lines: &str) -> Self {
        let user = Self::healthy();
        let before = user.write("ssh/before", lines);
        let config = fs::read_to_string(user.config()).unwrap();
        fs::write(user.config(), format!("Include {}\n{config}", before.display())).unwrap();
        user
    }

    fn with_lines_behind(lines: &str) -> Self {
        let user = Self::healthy();
        let config = fs::read_to_string(user.config()).unwrap();
        fs::write(user.config(), format!("{config}{lines}")).unwrap();
        user
    }
}

#[test]
fn lines_that_come_before_ours_are_named() {
    needs!("ssh");
    for (lines, words, line) in [
        (
            "User me\n",
            "User is me, not ubuntu for prime.train, prime.train.node-0, prime.train.node-1 and 1 more",
            1,
        ),
        ("\nHost *\n  User me\n", "User is me, not ubuntu", 3),
        (
            "Host *.node-2\n  HostName 192.0.2.9\n",
            "HostName is 192.0.2.9, not ours for prime.train.node-2",
            2,
        ),
        (
            "Host *.node-1 !*.node-0\n  Port=2022\n",
            "Port is 2022, not 2222 for prime.train.node-1",
            2,
        ),
        ("Match host *.node-1\n  HostKeyAlias x\n", "HostKeyAlias is x, not ours", 2),
        ("Match originalhost prime.train.node-1\n  User me\n", "User is me", 2),
        ("StrictHostKeyChecking no\n", "StrictHostKeyChecking is no, not accept-new", 1),
        ("UserKnownHostsFile /dev/null\n", "UserKnownHostsFile is /dev/null", 1),
        ("ControlPath ~/.ssh/%C\n", "ControlPath is not ours", 1),
        ("Host *.node-1\n ProxyCommand nc %h %p\n", "ProxyJump is ProxyCommand nc", 2),
        ("Host *.node-1\n ProxyJump bastion\n", "ProxyJump is bastion", 2),
        ("Match exec \"true\"\n User me\n", "User is me", 2),
    ] {
        let user = User::with_lines_before(lines);
        let report = user.doctor();
        let finding = report.finding(
            "hosts",
            if lines.contains("originalhost") { "warning" } else { "wrong" },
            words,
        );
        assert_eq!(finding["file"], user.ssh("before").to_str().unwrap(), "{finding}");
        assert_eq!(finding["line"], line, "{finding}");
        assert!(finding["advice"].is_string(), "{finding}");
        // What it advises: the line below the Include of our files.
        let config = fs::read_to_string(user.config()).unwrap();
        let (include, rest) = config.split_once('\n').unwrap();
        fs::write(user.config(), format!("{rest}Match all\n{include}\n")).unwrap();
        let after = user.doctor();
        after.finding("hosts", "ok", "ssh resolves every name as expected");
    }
}

#[test]
fn what_makes_no_difference_is_no_finding() {
    needs!("ssh");
    for lines in [
        "Host other *.elsewhere\n  User me\n",
        "Host * !prime.*\n  User me\n",
        "Match originalhost other\n  User me\n",
        "Match exec \"false\"\n  User me\n",
        "LogLevel ERROR\nHost *\n  IdentityFile ~/.ssh/second\n",
        "Host prime.train\n  User ubuntu\n",
        "ServerAliveInterval 60\n",
    ] {
        let user = User::with_lines_before(lines);
        let report = user.doctor();
        report.finding("hosts", "ok", "ssh resolves every name as expected");
    }
}

#[test]
fn a_line_that_is_meant_for_our_host_is_a_warning() {
    needs!("ssh");
    let user = User::with_lines_before("Host prime.train.node-1\n  User root\n");
    let report = user.doctor();
    let finding =
        report.finding("hosts", "warning", "User is root, not ubuntu for prime.train.node-1");
    assert_eq!(finding["line"], 2);
    assert!(finding["advice"].as_str().unwrap().contains("your own line"), "{finding}");
}

#[test]
fn what_hosts_are_given_is_told() {
    needs!("ssh");
    let user = User::with_lines_behind("Host *\n  ForwardAgent yes\n");
    let report = user.doctor();
    let finding =
        report.finding("hosts", "warning", "prime.train gets your agent (ForwardAgent yes)");
    assert_eq!((&finding["file"], &finding["line"]), (&json!(user.config()), &json!(5)));
    user.is_cured("hosts", "warning", "gets your agent");
    // The options that it had are still there.
    let user = User::with_lines_behind("Host *\n  ForwardX11 yes\n");
    user.run(&["install", "train", "--user", "root", "--ssh-option", "LogLevel=ERROR"]).succeeds();
    user.is_cured("hosts", "warning", "gets your display");
    let fragment = fs::read_to_string(user.ours(".conf")).unwrap();
    assert!(
        fragment.contains("User root\n") && fragment.contains("LogLevel ERROR\n"),
        "{fragment}"
    );

    let user = User::with_lines_behind("Host *\n  SendEnv LANG PRIME_*\n");
    let report = user.doctor();
    let finding = report.finding("hosts", "warning", "is sent your API token (SendEnv PRIME_*)");
    assert_eq!(finding["line"], 5);
    let user = User::with_lines_behind("Host *\n  ProxyJump gate\n  SendEnv LANG\n");
    let report = user.doctor();
    report.finding("hosts", "note", "prime.train is reached through gate");
    report.finding("hosts", "ok", "ssh resolves every name as expected");
    // Where the cluster's own options say so, it is meant.
    let user = User::healthy();
    user.run(&["install", "train", "--ssh-option", "ForwardAgent=yes"]).succeeds();
    assert_eq!(user.doctor().of("hosts", ""), Vec::<&Value>::new());
}

#[test]
fn a_configuration_at_which_ssh_stops() {
    needs!("ssh");
    let user = User::with_lines_behind("Bogus yes\n");
    let report = user.doctor();
    let words = "ssh stops at your configuration: Bad configuration option: bogus";
    let finding = report.finding("hosts", "wrong", words);
    assert_eq!((&finding["file"], &finding["line"]), (&json!(user.config()), &json!(4)));
    assert!(finding["advice"].as_str().unwrap().contains("`ssh -vG -F "), "{finding}");

    let user = User::healthy();
    let fragment = user.ours(".conf");
    fs::write(&fragment, "Host prime.train\n  Bogus yes\n").unwrap();
    user.doctor().finding("files", "warning", "edited by hand");
    user.is_cured("hosts", "wrong", "Bad configuration option");
    user.doctor().finding("hosts", "ok", "ssh resolves");
}

#[test]
fn a_command_of_the_users_that_hangs() {
    needs!("ssh");
    let user = User::with_lines_behind("Match exec \"sleep 300\"\n  User me\n");
    let report = user.doctor();
    let finding = report.finding("hosts", "wrong", "ssh does not answer in time");
    assert_eq!(finding["line"], 4);
    assert!(report.ran.took < Duration::from_secs(20), "{:?}", report.ran.took);
    // For our names only.
    let user =
        User::with_lines_behind("Match originalhost prime.* exec \"sleep 300\"\n  User me\n");
    let report = user.doctor();
    assert!(!report.of("hosts", "ssh does not answer in time").is_empty());
    assert!(report.ran.took < Duration::from_secs(20), "{:?}", report.ran.took);
}

#[test]
fn of_many_hosts_a_few_are_looked_at() {
    needs!("ssh");
    let mut cluster = Cluster::new("clst01", "train");
    cluster = cluster.node(Node::control("pod0", "head", "203.0.113.10"));
    for node in 0..2000 {
        let address = format!("10.0.{}.{}", node / 250, node % 250 + 1);
        cluster =
            cluster.node(Node::worker(&format!("pod-{node}"), &format!("node-{node}"), &address));
    }
    let user = User::with_api([cluster]);
    user.write("ssh/config", "Host mine\n");
    user.run(&["install", "train"]).succeeds();
    let report = user.doctor();
    report.finding("hosts", "ok", "9 of 2002 checked");
    assert!(report.ran.took < Duration::from_secs(20), "{:?}", report.ran.took);
    // The one that the user's own pattern catches is among them.
    let config = fs::read_to_string(user.config()).unwrap();
    let before = user.write("ssh/before", "Host *.node-1234\n  User me\n");
    fs::write(user.config(), format!("Include {}\n{config}", before.display())).unwrap();
    user.doctor().finding("hosts", "wrong", "User is me, not ubuntu for prime.train.node-1234");
}

#[test]
fn every_layout_is_as_it_should_be() {
    needs!("ssh");
    for layout in ["compact", "flat"] {
        let user = User::healthy();
        user.run(&["install", "train", "--layout", layout]).succeeds();
        user.doctor().finding("hosts", "ok", "4 of 4 checked");
        // A jump of one's own is seen in each.
        let config = fs::read_to_string(user.config()).unwrap();
        let before = "Host *.node-2\n  ProxyJump gate\nMatch all\n";
        fs::write(user.config(), format!("{before}{config}")).unwrap();
        let report = user.doctor();
        report.finding("include", "ok", "ssh reads our files for every host");
        report.finding("hosts", "wrong", "ProxyJump is gate, not ours for prime.train.node-2");
    }
}

#[test]
fn an_include_below_a_block_for_all_is_at_top_level() {
    needs!("ssh");
    let user = User::healthy();
    let config = fs::read_to_string(user.config()).unwrap();
    for block in ["Match all", "Host *", "Host other *", "match ALL"] {
        fs::write(user.config(), format!("Host mine\n  User me\n{block}\n  {config}")).unwrap();
        let report = user.doctor();
        report.finding("include", "ok", "ssh reads our files for every host");
        report.finding("hosts", "ok", "4 of 4 checked");
    }
    for block in ["Host * !prime.train", "Match all originalhost mine", "Host prime.*"] {
        fs::write(user.config(), format!("Host mine\n  User me\n{block}\n  {config}")).unwrap();
        user.doctor().finding("include", "wrong", "in a block only");
    }
}

#[test]
fn a_block_of_ones_own_for_our_names_is_welcome() {
    needs!("ssh");
    let user = User::with_lines_before(
        "Host prime.train prime.train.*\n  LocalForward 6006 localhost:6006\n  ForwardAgent yes\n  \
         SetEnv A=1\n  LogLevel ERROR\n",
    );
    let report = user.doctor();
    report.finding("hosts", "ok", "4 of 4 checked");
    let finding = report.finding("hosts", "note", "gets your agent");
    assert_eq!(finding["command"], Value::Null);
}

#[test]
fn a_socket_with_a_path_that_is_too_long() {
    needs!("ssh");
    let user = User::healthy();
    let fragment = user.ours(".conf");
    let text = fs::read_to_string(&fragment).unwrap();
    let folder = format!("/tmp/{}", "x".repeat(90));
    let long = text.replace("/%r@", "/../%r@").replace(user.ssh("..").to_str().unwrap(), &folder);
    assert_ne!(text, long);
    fs::write(&fragment, &long).unwrap();
    user.is_cured("hosts", "wrong", "the path of the socket is too long");

    // What ssh adds for a moment counts where it makes sockets.
    let folder = format!("/tmp/{}", "x".repeat(75));
    let long = text.replace("/%r@", "/../%r@").replace(user.ssh("..").to_str().unwrap(), &folder);
    fs::write(&fragment, &long).unwrap();
    assert_eq!(user.doctor().of("hosts", "path of the socket"), Vec::<&Value>::new());
    let config = fs::read_to_string(user.config()).unwrap();
    fs::write(user.config(), format!("{config}Host *\n  ControlMaster auto\n")).unwrap();
    user.is_cured("hosts", "wrong", "the path of the socket is too long");
}

#[test]
fn where_no_socket_has_room_none_is_right_and_a_path_of_ones_own_is_not() {
    needs!("ssh");
    let home = Sandbox::called(&"x".repeat(90)).and_ssh_folder();
    let user = User::of(home, [cluster::train()]);
    user.run(&["install", "train"]).succeeds();
    assert!(fs::read_to_string(user.ours(".conf")).unwrap().contains("ControlPath none"));
    user.doctor().finding("hosts", "ok", "4 of 4 checked");
    let config = fs::read_to_string(user.config()).unwrap();
    fs::write(user.config(), format!("Host *\n  ControlPath /tmp/%C\n{config}")).unwrap();
    user.doctor().finding("hosts", "wrong", "ControlPath is not ours");
}

#[test]
fn a_jump_host_of_any_form_is_as_we_say() {
    needs!("ssh");
    for (bastion, via) in [
        ("gate", "other"),
        ("me@gate:2200", "me@other:2200"),
        ("203.0.113.99", "203.0.113.98:22"),
        ("me@203.0.113.99:2200", "me@203.0.113.98"),
        ("me@[2001:db8::9]:2200", "2001:db8::8"),
        ("none", "me@203.0.113.98:2200"),
    ] {
        for layout in ["flat", "compact"] {
            let user = User::with_api([cluster::train()]);
            let options = ["--layout", layout, "--bastion", bastion, "--jump-via", via];
            user.run(&[&["install", "train"], &options[..]].concat()).succeeds();
            user.doctor().finding("hosts", "ok", "4 of 4 checked");
        }
    }
}
