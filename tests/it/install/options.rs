//! Options are remembered as they were typed, and nothing else decides what is installed.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::{Desk, small, train};
use crate::support::api::Api;
use crate::support::sandbox::Program;

fn fragment(desk: &Desk) -> String {
    fs::read_to_string(desk.ours(".conf")).unwrap()
}

#[test]
fn options_are_remembered_until_others_are_typed() {
    let desk = Desk::new();
    let key = desk.sandbox.write("keys/id", "");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    desk.installing(&train())
        .arg("--user=bob")
        .arg("--identity-file=keys/id")
        .arg("--ssh-option=ServerAliveInterval=7")
        .run()
        .succeeds();
    let first = fragment(&desk);
    assert!(first.contains("User bob\n") && first.contains("ServerAliveInterval 7\n"), "{first}");
    assert!(first.contains(&format!("IdentityFile {}\n", key.display())), "{first}");

    // From another folder, by sync as by install.
    fs::create_dir(desk.sandbox.path("elsewhere")).unwrap();
    let mut sync = desk.program(["sync", "--quiet"]).into_command();
    assert!(sync.current_dir(desk.sandbox.path("elsewhere")).status().unwrap().success());
    assert_eq!(fragment(&desk), first);
    desk.install(&train()).succeeds();
    assert_eq!(fragment(&desk), first);

    // Others add up, and each can be forgotten.
    let install = |arguments: &[&str]| {
        let ran = arguments.iter().fold(desk.installing(&train()), Program::arg).run();
        assert!(ran.status.success(), "{ran:?}");
        let told = ran.stderr.lines().find_map(|line| line.split_once("options for prime.train: "));
        told.map(|(_, told)| told.to_owned()).unwrap_or_default()
    };
    let told = install(&["--jump=never", "--ssh-option=LogLevel=ERROR"]);
    assert_eq!(
        told,
        "added jump never, \
         changed ssh-option from ServerAliveInterval=7 to LogLevel=ERROR"
    );
    let second = fragment(&desk);
    assert!(second.contains("User bob\n") && !second.contains("ProxyJump"), "{second}");
    assert!(second.contains("LogLevel ERROR\n") && !second.contains("Interval 7"), "{second}");
    desk.run(&["sync"]).succeeds();
    assert_eq!(fragment(&desk), second);
    assert_eq!(install(&["--user=bob"]), "");
    assert_eq!(install(&["--unset=user", "--unset=jump"]), "removed jump never, removed user bob");
    assert!(fragment(&desk).contains("ProxyJump"));
    assert_eq!(install(&["--layout=compact"]), "added layout compact");
    assert!(fragment(&desk).contains("\nMatch originalhost prime.train.*"));
    desk.run(&["sync"]).succeeds();
    assert!(fragment(&desk).contains("\nMatch originalhost prime.train.*"));
    let told = install(&["--reset", "--user=eve"]);
    assert!(told.starts_with("added user eve, removed identity-file "), "{told}");
    let known = desk.installing(&train()).arg("--unset=users").run().fails(2);
    assert!(known.contains("not a remembered option; those are "), "{known}");
}

#[test]
fn a_state_of_another_release_is_damaged_and_mended_by_installing_again() {
    let desk = Desk::new();
    desk.install(&train()).succeeds();
    let state = desk.ours(".json");
    let text = fs::read_to_string(&state).unwrap();
    let old = text.replace("\"version\": 2", "\"version\": 1");
    fs::write(&state, old.replace("\"name\": \"train\"", "\"alias\": \"prime.train\"")).unwrap();
    let told = desk.run(&["sync"]).fails(1);
    assert!(told.contains("of version 1") && told.contains("install that cluster again"), "{told}");
    desk.install(&train()).succeeds();
    desk.run(&["sync"]).succeeds();
}

#[test]
fn variables_decide_nothing_that_stays() {
    let desk = Desk::new();
    desk.install(&train()).succeeds();
    let plain = fragment(&desk);
    let api = Api::serving([train()]).may_be_idle();
    let with_variables = |arguments: &[&str]| {
        desk.program(arguments)
            .env("PRIME_SSH_USER", "mallory")
            .env("PRIME_SSH_PREFIX", "other")
            .env("PRIME_SSH_OPTION", "ForwardAgent=yes")
            .env("PRIME_SSH_JUMP", "never")
            .env("PRIME_API_BASE_URL", api.url())
            .env("PRIME_CONTEXT", "nowhere")
            .run()
    };
    with_variables(&["sync"]).succeeds();
    assert_eq!(fragment(&desk), plain);
    let input = desk.saved(&train());
    desk.program(["install", "--input"])
        .arg(input)
        .env("PRIME_SSH_USER", "mallory")
        .env("PRIME_SSH_OPTION", "ForwardAgent=yes")
        .run()
        .succeeds();
    assert_eq!(fragment(&desk), plain);
    assert!(api.requests().is_empty());
}

#[test]
fn sync_asks_where_the_cluster_was_installed_from() {
    let desk = Desk::new();
    let first = Api::serving([train()]);
    let second = Api::serving([small("clst02", "other")]);
    desk.program(["install", "train"]).asking(&first).run().succeeds();
    desk.program(["install", "clst02"]).asking(&second).run().succeeds();
    let asked = |api: &Api| api.paths().len();
    let before = (asked(&first), asked(&second));
    let elsewhere = Api::serving([]).may_be_idle();
    desk.program(["sync"]).asking(&elsewhere).run().succeeds();
    assert_eq!((asked(&first), asked(&second)), (before.0 + 1, before.1 + 1));
    assert_eq!(first.paths().last().unwrap(), "GET /api/admin/clusters/clst01");
    desk.program(["sync", "other"]).asking(&elsewhere).run().succeeds();
    assert_eq!((asked(&first), asked(&second)), (before.0 + 1, before.1 + 2));
    desk.program(["sync", "--api-url", "http://127.0.0.1:1"]).run().fails(2);
}

#[test]
fn a_context_is_remembered_with_its_token() {
    let desk = Desk::new();
    let api = Api::serving([train()]);
    desk.sandbox.prime_settings(&serde_json::json!({"api_key": "wrong"}));
    let work = serde_json::json!({
        "api_key": crate::support::sandbox::TOKEN, "base_url": api.url(),
    });
    desk.sandbox.write(".prime/environments/work.json", work.to_string());
    desk.run(&["install", "train", "--context", "work"]).succeeds();
    desk.program(["sync"]).env("PRIME_CONTEXT", "production").run().succeeds();
}

#[test]
fn one_name_for_several_clusters_is_a_mistake() {
    let desk = Desk::new();
    let (one, two) = (desk.saved(&train()), desk.saved(&small("clst02", "other")));
    let program = desk.program(["install", "--as", "name", "--input"]).arg(one);
    program.arg("--input").arg(two).run().fails(2);
    desk.run(&["install", "--all", "--as", "name"]).fails(2);
    assert!(!desk.ssh("prime-ssh").exists());
}

#[test]
fn an_option_that_ssh_does_not_take_is_refused() {
    let desk = Desk::with_config("Host a\n");
    let before = desk.snapshot();
    desk.installing(&train()).arg("--ssh-option=Host=x").run().fails(2);
    desk.installing(&train()).arg("--known-hosts=a\"b").run().fails(2);
    assert_eq!(desk.snapshot(), before);
}

#[test]
fn a_variable_does_not_let_a_refused_value_shrink_what_is_installed() {
    use crate::support::cluster::Node;
    let desk = Desk::new();
    desk.install(&train()).succeeds();
    let plain = fragment(&desk);
    desk.saved(&train().node(Node::worker("pod9", "node-9", "bad host")));
    let sync =
        |arguments: &[&str]| desk.program(arguments).env("PRIME_SSH_SKIP_INVALID", "1").run();
    assert!(sync(&["sync"]).fails(4).contains("train (clst01): data.nodes[3]"));
    assert_eq!(fragment(&desk), plain);
    sync(&["sync", "--skip-invalid"]).succeeds();
}

#[test]
fn all_clusters_of_the_api_but_those_that_have_no_host_yet() {
    use crate::support::cluster::{Cluster, Node};
    let desk = Desk::new();
    let waiting = Cluster::new("clst03", "waiting").node(Node::new("pod0", "node-0"));
    let api = Api::serving([train(), small("clst02", "other"), waiting]);
    let ran = desk.program(["install", "--all"]).asking(&api).run();
    assert!(
        ran.stderr.contains("waiting (clst03): no node has a usable connection"),
        "{}",
        ran.stderr
    );
    ran.succeeds();
    assert_eq!(desk.all_ours(".conf").len(), 2);
    let none = Api::serving([]);
    desk.program(["install", "--all"]).asking(&none).run().fails(4);
    assert_eq!(desk.all_ours(".conf").len(), 2);
}

/// Two keys that open nothing.
const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGHmFrmPaJCQrc3gPIEJm0lmYcLjZBzKjWfhDbmBPFbB";
const OTHER_KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJZE8UZGMcXmxkRU4EnzNaQpXi1oyLCkx3SNaHPNn6Ne";

#[test]
fn what_is_wrong_with_the_key_is_said_before_ssh_says_it_in_fewer_words() {
    let desk = Desk::new();
    let key = desk.sandbox.write("id", "");
    desk.sandbox.write("id.pub", format!("{KEY} me@here\n"));
    let mode = |mode| fs::set_permissions(&key, fs::Permissions::from_mode(mode)).unwrap();
    let knowing = |known: &str| {
        let keys = serde_json::json!([{"id": "k", "role": "ADMIN", "publicKey": known}]);
        let ran = desk.installing(&train().with("sshKeys", keys)).arg("--identity-file=id").run();
        assert!(ran.status.success(), "{ran:?}");
        ran.stderr
    };
    mode(0o600);
    assert!(!knowing(&format!("{KEY} someone@else\n")).contains("warning"));
    let told = knowing(OTHER_KEY);
    assert!(told.contains("is not among those of prime.train"), "{told}");
    assert!(told.contains("(SHA256:"), "{told}");
    assert!(!knowing("no key at all").contains("is not among"));
    mode(0o640);
    let told = knowing(KEY);
    assert!(told.contains("mode 0640") && told.contains("chmod 600"), "{told}");
    fs::remove_file(&key).unwrap();
    let told = desk.run(&["sync"]).stderr;
    assert!(told.contains("id.pub") || told.contains("does not exist"), "{told}");
}
