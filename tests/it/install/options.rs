//! Options are saved as they were typed, and nothing else decides what is installed.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::{Sandbox, small, train};
use crate::support::api::Api;
use crate::support::sandbox::Program;

fn fragment(sandbox: &Sandbox) -> String {
    fs::read_to_string(sandbox.ours(".conf")).unwrap()
}

#[test]
fn options_are_saved_until_others_are_typed() {
    let sandbox = Sandbox::with_ssh_folder();
    let key = sandbox.write("keys/id", "");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    sandbox
        .installing(&train())
        .arg("--user=bob")
        .arg("--identity-file=keys/id")
        .arg("--ssh-option=ServerAliveInterval=7")
        .run()
        .succeeds();
    let first = fragment(&sandbox);
    assert!(first.contains("User bob\n") && first.contains("ServerAliveInterval 7\n"), "{first}");
    assert!(first.contains(&format!("IdentityFile {}\n", key.display())), "{first}");

    // From another folder, by sync as by install.
    fs::create_dir(sandbox.path("elsewhere")).unwrap();
    let mut sync = sandbox.program(["sync", "--quiet"]).into_command();
    assert!(sync.current_dir(sandbox.path("elsewhere")).status().unwrap().success());
    assert_eq!(fragment(&sandbox), first);
    sandbox.install(&train()).succeeds();
    assert_eq!(fragment(&sandbox), first);

    // Others add up, and each can be forgotten.
    let install = |arguments: &[&str]| {
        let ran = arguments.iter().fold(sandbox.installing(&train()), Program::arg).run();
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
    let second = fragment(&sandbox);
    assert!(second.contains("User bob\n") && !second.contains("ProxyJump"), "{second}");
    assert!(second.contains("LogLevel ERROR\n") && !second.contains("Interval 7"), "{second}");
    sandbox.run(&["sync"]).succeeds();
    assert_eq!(fragment(&sandbox), second);
    assert_eq!(install(&["--user=bob"]), "");
    assert_eq!(install(&["--unset=user", "--unset=jump"]), "removed jump never, removed user bob");
    assert!(fragment(&sandbox).contains("ProxyJump"));
    assert_eq!(install(&["--layout=compact"]), "added layout compact");
    assert!(fragment(&sandbox).contains("\nMatch originalhost prime.train.*"));
    sandbox.run(&["sync"]).succeeds();
    assert!(fragment(&sandbox).contains("\nMatch originalhost prime.train.*"));
    snapshot!(install(&["--reset", "--user=eve"]), @"added user eve, removed identity-file [home]/keys/id, removed layout compact, removed ssh-option LogLevel=ERROR");
    let known = sandbox.installing(&train()).arg("--unset=users").run().fails(2);
    assert!(known.contains("not a saved option; those are "), "{known}");
}

#[test]
fn a_state_of_another_release_is_damaged_and_mended_by_installing_again() {
    let sandbox = Sandbox::with_ssh_folder();
    sandbox.install(&train()).succeeds();
    let state = sandbox.ours(".json");
    let text = fs::read_to_string(&state).unwrap();
    let old = text.replace("\"version\": 3", "\"version\": 1");
    fs::write(&state, old.replace("\"name\": \"train\"", "\"alias\": \"prime.train\"")).unwrap();
    snapshot!(sandbox.run(&["sync"]).fails(1), @"
    train-675b1ff5  left as it is
    error: [home]/ssh/prime-ssh/train-675b1ff5.json: of version 1, and this release of prime-ssh reads version 3

    hint: install that cluster again; its hosts stay as they are until then
    ");
    sandbox.install(&train()).succeeds();
    sandbox.run(&["sync"]).succeeds();
}

#[test]
fn variables_decide_nothing_that_stays() {
    let sandbox = Sandbox::with_ssh_folder();
    sandbox.install(&train()).succeeds();
    let plain = fragment(&sandbox);
    let api = Api::serving([train()]).may_be_idle();
    let with_variables = |arguments: &[&str]| {
        sandbox
            .program(arguments)
            .env("PRIME_SSH_USER", "mallory")
            .env("PRIME_SSH_PREFIX", "other")
            .env("PRIME_SSH_OPTION", "ForwardAgent=yes")
            .env("PRIME_SSH_JUMP", "never")
            .env("PRIME_API_BASE_URL", api.url())
            .env("PRIME_CONTEXT", "nowhere")
            .run()
    };
    with_variables(&["sync"]).succeeds();
    assert_eq!(fragment(&sandbox), plain);
    let input = sandbox.saved(&train());
    sandbox
        .program(["install", "--input"])
        .arg(input)
        .env("PRIME_SSH_USER", "mallory")
        .env("PRIME_SSH_OPTION", "ForwardAgent=yes")
        .run()
        .succeeds();
    assert_eq!(fragment(&sandbox), plain);
    assert!(api.requests().is_empty());
}

#[test]
fn sync_asks_where_the_cluster_was_installed_from() {
    let sandbox = Sandbox::with_ssh_folder();
    let first = Api::serving([train()]);
    let second = Api::serving([small("clst02", "other")]);
    sandbox.program(["install", "train"]).asking(&first).run().succeeds();
    sandbox.program(["install", "clst02"]).asking(&second).run().succeeds();
    let asked = |api: &Api| api.paths().len();
    let before = (asked(&first), asked(&second));
    let elsewhere = Api::serving([]).may_be_idle();
    sandbox.program(["sync"]).asking(&elsewhere).run().succeeds();
    assert_eq!((asked(&first), asked(&second)), (before.0 + 1, before.1 + 1));
    assert_eq!(first.paths().last().unwrap(), "GET /api/admin/clusters/clst01");
    sandbox.program(["sync", "other"]).asking(&elsewhere).run().succeeds();
    assert_eq!((asked(&first), asked(&second)), (before.0 + 1, before.1 + 2));
    sandbox.program(["sync", "--api-url", "http://127.0.0.1:1"]).run().fails(2);
}

#[test]
fn a_context_is_saved_with_its_token() {
    let sandbox = Sandbox::with_ssh_folder();
    let api = Api::serving([train()]);
    sandbox.prime_settings(&serde_json::json!({"api_key": "wrong"}));
    let work = serde_json::json!({
        "api_key": crate::support::sandbox::TOKEN, "base_url": api.url(),
    });
    sandbox.write(".prime/environments/work.json", work.to_string());
    sandbox.run(&["install", "train", "--context", "work"]).succeeds();
    sandbox.program(["sync"]).env("PRIME_CONTEXT", "production").run().succeeds();
}

#[test]
fn one_name_for_several_clusters_is_a_mistake() {
    let sandbox = Sandbox::with_ssh_folder();
    let (one, two) = (sandbox.saved(&train()), sandbox.saved(&small("clst02", "other")));
    let program = sandbox.program(["install", "--as", "name", "--input"]).arg(one);
    program.arg("--input").arg(two).run().fails(2);
    sandbox.run(&["install", "--all", "--as", "name"]).fails(2);
    assert!(!sandbox.ssh("prime-ssh").exists());
}

#[test]
fn an_option_that_ssh_does_not_take_is_refused() {
    let sandbox = Sandbox::with_config("Host a\n");
    let before = sandbox.snapshot();
    sandbox.installing(&train()).arg("--ssh-option=Host=x").run().fails(2);
    sandbox.installing(&train()).arg("--known-hosts=a\"b").run().fails(2);
    assert_eq!(sandbox.snapshot(), before);
}

#[test]
fn a_variable_does_not_let_a_refused_value_shrink_what_is_installed() {
    use crate::support::cluster::Node;
    let sandbox = Sandbox::with_ssh_folder();
    sandbox.install(&train()).succeeds();
    let plain = fragment(&sandbox);
    sandbox.saved(&train().node(Node::worker("pod9", "node-9", "bad host")));
    let sync =
        |arguments: &[&str]| sandbox.program(arguments).env("PRIME_SSH_SKIP_INVALID", "1").run();
    snapshot!(sync(&["sync"]).fails(4), @r#"
    prime.train  left as it is
    error: the answer holds values that cannot be used:
      train (clst01): data.nodes[3].connections[0].host: "bad host": a space is not allowed in a DNS name

    hint: `--skip-invalid` leaves out these hosts and renders the rest
    "#);
    assert_eq!(fragment(&sandbox), plain);
    sync(&["sync", "--skip-invalid"]).succeeds();
}

#[test]
fn all_clusters_of_the_api_but_those_that_have_no_host_yet() {
    use crate::support::cluster::{Cluster, Node};
    let sandbox = Sandbox::with_ssh_folder();
    let waiting = Cluster::new("clst03", "waiting").node(Node::new("pod0", "node-0"));
    let api = Api::serving([train(), small("clst02", "other"), waiting]);
    let ran = sandbox.program(["install", "--all"]).asking(&api).run();
    snapshot!(ran.stderr, @"
    note: waiting (clst03): skipped node-0: no connection yet, status ACTIVE, installation progress 100
    note: nothing to install for waiting (clst03): no node has a usable connection
    note: [home]/ssh/config has a new first line: Include [home]/ssh/prime-ssh/config
    prime.other  added: 1 host
    prime.train  added: 3 hosts
    connect with: ssh -F [home]/ssh/config prime.other
    ");
    ran.succeeds();
    assert_eq!(sandbox.all_ours(".conf").len(), 2);
    let none = Api::serving([]);
    sandbox.program(["install", "--all"]).asking(&none).run().fails(4);
    assert_eq!(sandbox.all_ours(".conf").len(), 2);
}

/// Two keys that open nothing.
const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGHmFrmPaJCQrc3gPIEJm0lmYcLjZBzKjWfhDbmBPFbB";
const OTHER_KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJZE8UZGMcXmxkRU4EnzNaQpXi1oyLCkx3SNaHPNn6Ne";

#[test]
fn what_is_wrong_with_the_key_is_said_before_ssh_says_it_in_fewer_words() {
    let sandbox = Sandbox::with_ssh_folder();
    let key = sandbox.write("id", "-----BEGIN OPENSSH PRIVATE KEY-----\n");
    sandbox.write("id.pub", format!("{KEY} me@here\n"));
    let mode = |mode| fs::set_permissions(&key, fs::Permissions::from_mode(mode)).unwrap();
    let knowing = |known: &str| {
        let keys = serde_json::json!([{"id": "k", "role": "ADMIN", "publicKey": known}]);
        let ran =
            sandbox.installing(&train().with("sshKeys", keys)).arg("--identity-file=id").run();
        assert!(ran.status.success(), "{ran:?}");
        ran.stderr
    };
    mode(0o600);
    assert!(!knowing(&format!("{KEY} someone@else\n")).contains("warning"));
    snapshot!(knowing(OTHER_KEY), @"
    warning: the key [home]/id (SHA256:[key]) is not among those of prime.train: it may not let you in
    prime.train  unchanged: 3 hosts
    connect with: ssh -F [home]/ssh/config prime.train
    ");
    assert!(!knowing("no key at all").contains("is not among"));
    mode(0o640);
    snapshot!(knowing(KEY), @"
    warning: identity file [home]/id has mode 0640, and ssh takes no key that others can read: `chmod 600 [home]/id`
    prime.train  unchanged: 3 hosts
    connect with: ssh -F [home]/ssh/config prime.train
    ");
    fs::remove_file(&key).unwrap();
    snapshot!(sandbox.run(&["sync"]).stderr, @"
    warning: identity file [home]/id does not exist
    prime.train  unchanged: 3 hosts
    ");
}
