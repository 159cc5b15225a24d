//! The program as an inventory script: what Ansible sees of the API, and of its failures.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::script;
use crate::support::ansible::{self, Ansible};
use crate::support::api::{Api, Reply};
use crate::support::cluster::{self, Cluster, Node};
use crate::support::process::{self, Ran};
use crate::support::sandbox::{Program, Sandbox, TOKEN};
use crate::support::snapshot::Transcript;

/// `prime-ssh --list` for these clusters, as Ansible calls it.
fn list(sandbox: &Sandbox, api: &Api, clusters: &str) -> Program {
    sandbox.prime_ssh(["--list"]).asking(api).env("PRIME_SSH_CLUSTERS", clusters)
}

fn hosts(ran: Ran) -> Vec<String> {
    assert_eq!(ran.stderr, "", "stderr stays silent");
    let list: Value = serde_json::from_str(&ran.succeeds()).unwrap();
    list["_meta"]["hostvars"].as_object().unwrap().keys().cloned().collect()
}

/// Its stderr, which is one line; stdout is empty.
#[track_caller]
fn line(ran: Ran, code: i32) -> String {
    assert_eq!(ran.stdout, "", "never an inventory");
    let told = ran.fails(code);
    assert_eq!(told.lines().count(), 1, "{told}");
    told
}

#[test]
fn the_clusters_are_said_and_never_all_by_accident() {
    let sandbox = Sandbox::new();
    let other = Cluster::new("clst02", "Eval").node(Node::control("pod9", "n", "203.0.113.9"));
    let api = Api::serving([cluster::train(), other]);
    let both = ["prime.eval.n", "prime.train.node-0", "prime.train.node-1", "prime.train.node-2"];
    assert_eq!(hosts(list(&sandbox, &api, "train").run()), both[1..]);
    assert_eq!(hosts(list(&sandbox, &api, "clst02, train,").run()), both);
    assert_eq!(hosts(list(&sandbox, &api, "all").run()), both);
    let told = line(sandbox.prime_ssh(["--list"]).run(), 2);
    for nobody in ["", " ", ","] {
        assert_eq!(line(list(&sandbox, &api, nobody).run(), 2), told);
    }
    snapshot!(told, @"error: PRIME_SSH_CLUSTERS is not set: clusters by id or name, with commas between, or `all`");
    let host = sandbox.prime_ssh(["--host", "prime.eval.n"]).asking(&api);
    let text = host.env("PRIME_SSH_CLUSTERS", "all").run().succeeds();
    assert!(text.starts_with("{\"ansible_host\":\"203.0.113.9\""), "{text}");
}

#[test]
fn a_failure_is_one_line() {
    let sandbox = Sandbox::new();
    let poisoned = cluster::train().node(Node::worker("pod3", "x", "10.0.0.1\n").user("-l"));
    let api = Api::serving([poisoned.with("id", "clst03").with("name", "bad"), cluster::train()]);
    let mut told = Transcript::default();
    let mut fails = |title: &str, code, program: Program| {
        told.add(title, line(program.run(), code));
    };
    let train = || list(&sandbox, &api, "train");
    fails("a bad token", 3, train().env("PRIME_API_KEY", "another"));
    fails("no such cluster", 3, list(&sandbox, &api, "nowhere"));
    fails("refused values", 4, list(&sandbox, &api, "bad"));
    fails("a bad variable", 2, train().env("PRIME_SSH_JUMP", "x"));
    fails("a bad option", 2, train().arg("--no-such-option"));
    api.replies_on("/api/admin/clusters/clst01", Reply::detail(401, "Authorization failed"));
    fails("the list is answered, the cluster is not", 3, train());
    fails("the same for all", 3, list(&sandbox, &api, "all"));
    snapshot!(told);
    let skipping = list(&sandbox, &api, "bad").env("PRIME_SSH_SKIP_INVALID", "1");
    assert_eq!(hosts(skipping.run()).len(), 3, "what is left out is no talk either");
}

#[test]
fn a_slow_api_ends_the_run_in_time() {
    let sandbox = Sandbox::new();
    let api = Api::slow([cluster::train()], Duration::from_secs(40));
    let ran = list(&sandbox, &api, "train").env("PRIME_SSH_TIMEOUT", "1s").run();
    assert!(ran.took < Duration::from_secs(20), "{:?}", ran.took);
    snapshot!(line(ran, 3), @"error: cannot get cluster `train`: no answer within 1s; give it more time with `--timeout`, such as `--timeout 2m`");
}

/// A user with a playbook, who asks this API.
struct Operator<'a> {
    sandbox: &'a Sandbox,
    api: &'a Api,
}

impl Operator<'_> {
    /// `ansible-playbook` over a wrapper: the program itself is large with its debug symbols, and
    /// Ansible reads it as text where it fails.
    fn plays(&self, ansible: &Ansible, playbook: &Path) -> Command {
        let wrapper = script(self.sandbox, "hosts.sh", "train");
        let mut command = ansible.command(self.sandbox, "ansible-playbook");
        command
            .env("PRIME_API_BASE_URL", self.api.url())
            .env("PRIME_API_KEY", TOKEN)
            .env("PRIME_SSH_TIMEOUT", "2s")
            .arg("-i")
            .arg(wrapper)
            .arg(playbook);
        command
    }

    fn playbook(&self, between: &str) -> PathBuf {
        let text = format!(
            "- hosts: prime_train\n  gather_facts: false\n  connection: local\n  tasks:\n  \
             - {{debug: {{msg: 'first {{{{ groups.prime_train | length }}}}'}}, run_once: true}}\n  \
             - {between}\n  - meta: refresh_inventory\n\
             - hosts: prime_train\n  gather_facts: false\n  connection: local\n  tasks:\n  \
             - {{debug: {{msg: 'then {{{{ groups.prime_train | length }}}}'}}, run_once: true}}\n"
        );
        self.sandbox.write("play.yml", text)
    }
}

/// A task that waits until the test has changed the API.
fn waiting(sandbox: &Sandbox) -> String {
    let (here, go) = (sandbox.path("here"), sandbox.path("go"));
    format!(
        "{{command: \"sh -c 'touch {}; while ! test -e {}; do sleep 0.05; done'\", run_once: true}}",
        here.display(),
        go.display()
    )
}

/// Runs a playbook, and changes something while it waits.
fn play(operator: &Operator<'_>, mut command: Command, change: impl FnOnce()) -> Ran {
    for file in ["here", "go"] {
        let _ = std::fs::remove_file(operator.sandbox.path(file));
    }
    std::thread::scope(|scope| {
        let ran = scope.spawn(|| process::run(&mut command, b""));
        let here = operator.sandbox.path("here");
        process::until("the first play", || here.exists() || ran.is_finished());
        change();
        operator.sandbox.write("go", "");
        ran.join().unwrap()
    })
}

#[test]
fn a_node_that_joins_is_seen_in_mid_run() {
    needs!("ansible");
    for ansible in ansible::versions() {
        let sandbox = Sandbox::new();
        let api = Api::serving([cluster::train()]);
        let operator = Operator { sandbox: &sandbox, api: &api };
        let playbook = operator.playbook(&waiting(&sandbox));
        let joined = cluster::train().node(Node::worker("pod3", "node-3", "10.0.0.13"));
        let command = operator.plays(&ansible, &playbook);
        let text = play(&operator, command, || api.now_serves([joined])).succeeds();
        assert!(text.contains("first 3") && text.contains("then 4"), "{text}");
    }
}

#[test]
fn a_token_that_ends_in_mid_run_ends_the_run() {
    needs!("ansible");
    for ansible in ansible::versions() {
        let sandbox = Sandbox::new();
        let api = Api::serving([cluster::train()]);
        let operator = Operator { sandbox: &sandbox, api: &api };
        let playbook = operator.playbook(&waiting(&sandbox));
        let mut command = operator.plays(&ansible, &playbook);
        command.env("ANSIBLE_INVENTORY_UNPARSED_FAILED", "1");
        let refusal = Reply::detail(401, "Authorization failed");
        let ran = play(&operator, command, || {
            for path in ["/api/admin/clusters/train", "/api/admin/clusters"] {
                api.replies_on(path, refusal.clone());
            }
        });
        assert!(ran.stdout.contains("first 3") && !ran.stdout.contains("then"), "{ran:#?}");
        assert!(!ran.status.success(), "{ran:#?}");
        let told = ran.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(told.contains("(401 Unauthorized)"), "{told}");
    }
}

#[test]
fn an_api_that_is_down_is_told_and_ends_a_pipeline() {
    needs!("ansible");
    let sandbox = Sandbox::new();
    let api = Api::serving([cluster::train()]);
    let operator = Operator { sandbox: &sandbox, api: &api };
    let playbook = operator.playbook("debug:");
    for ansible in ansible::versions() {
        api.fails_with((0..9).map(|_| Reply::detail(503, "busy").header("retry-after", "0")));
        let mut command = operator.plays(&ansible, &playbook);
        command.env("ANSIBLE_INVENTORY_UNPARSED_FAILED", "1");
        let ran = process::run(&mut command, b"");
        assert!(!ran.status.success() && !ran.stdout.contains("first"), "{ran:#?}");
        let told = ran.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(told.contains("(503 Service Unavailable)"), "{told}");
        api.fails_with([]);
    }
}

#[test]
fn a_mistyped_cluster_is_said_before_anything_else() {
    needs!("ansible");
    let sandbox = Sandbox::new();
    let api = Api::serving([cluster::train()]);
    let wrapper = script(&sandbox, "hosts.sh", "trian");
    for ansible in ansible::versions() {
        for enabled in [None, Some("script")] {
            let mut command = ansible.command(&sandbox, "ansible");
            command.env("PRIME_API_BASE_URL", api.url()).env("PRIME_API_KEY", TOKEN);
            command.envs(enabled.map(|plugins| ("ANSIBLE_INVENTORY_ENABLED", plugins)));
            command.args(["all", "--list-hosts", "-i"]).arg(&wrapper);
            let ran = process::run(&mut command, b"");
            let told = ran.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
            let warnings: Vec<&str> =
                told.split("[WARNING]: ").filter(|part| !part.is_empty()).collect();
            let line = "error: cannot get cluster `trian`: no cluster has this id or name";
            assert!(warnings[0].contains(line), "{told}");
            let ours = warnings.iter().filter(|warning| warning.contains("error: ")).count();
            assert_eq!(ours, 1, "said once: {told}");
            // A plugin for YAML or INI that was asked to read it, too, says so after it.
            let plugins = warnings.iter().filter(|warning| warning.contains("plugin")).count();
            assert!(enabled.is_none() || plugins <= 1, "{told}");
        }
    }
}
