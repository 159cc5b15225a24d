//! The files of `examples/` work as they stand.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::connect::KEY;
use crate::support::ansible::{self, Ansible};
use crate::support::api::Api;
use crate::support::cluster::{Cluster, Node};
use crate::support::process;
use crate::support::programs::target;
use crate::support::sandbox::{Sandbox, TOKEN};
use crate::support::sshd::Sshd;
use crate::support::user::{User, to};

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name)
}

/// A cluster of two sshds that the API serves as `train`, the second behind the first.
struct Site {
    user: User,
    cluster: Cluster,
    api: Api,
    machines: [Sshd; 2],
}

impl Site {
    fn new() -> Self {
        let user = User::with_key_at(KEY);
        let machines = [("node-0", "127.0.0.2"), ("node-1", "127.0.0.3")]
            .map(|(node, address)| user.sshd(node).at(address).start());
        let cluster = Cluster::new("clst01", "train")
            .node(Node::new("pod0", "node-0").connection(to(&machines[0]).control()))
            .node(Node::new("pod1", "node-1").connection(to(&machines[1])));
        let api = Api::serving([cluster.clone()]).may_be_idle();
        Self { user, cluster, api, machines }
    }

    /// One of Ansible's programs, whose worker jumps.
    fn command(&self, ansible: &Ansible, program: &str, inventory: &Path) -> Command {
        let sandbox = &self.user.sandbox;
        let mut command = ansible.command(sandbox, program);
        command
            .env("PRIME_API_BASE_URL", self.api.url())
            .env("PRIME_API_KEY", TOKEN)
            .env("PRIME_SSH_IDENTITY_FILE", &self.user.key)
            .env("PRIME_SSH_KNOWN_HOSTS", sandbox.path("known hosts"))
            .env("PRIME_SSH_JUMP", "always")
            .env("ANSIBLE_INVENTORY_UNPARSED_FAILED", "1")
            .arg("-i")
            .arg(inventory);
        command
    }
}

#[test]
fn the_playbook_leaves_a_file_on_every_node() {
    needs!("sshd", "ansible");
    let site = Site::new();
    let cluster = [site.cluster.clone()];
    let by_itself = ["hosts.yml", "hosts.ini", "hosts.json"]
        .map(|name| site.user.inventory(name, &cluster, &["--jump", "always"]));
    let by_ssh = site.user.inventory("by-ssh.yml", &cluster, &["--use-ssh-config"]);
    let [oldest, newest] = ansible::versions();
    site.play(&oldest, &example("prime-inventory.sh"), SHARING);
    site.play(&newest, &example("prime-inventory.sh"), SHARING);
    for file in &by_itself {
        site.play(&newest, file, SHARING);
    }
    let fragment = site.user.fragment(&["--jump", "always"]);
    site.play(&newest, &by_ssh, &format!("-F {} {SHARING}", fragment.display()));
    let logins = site.machines[0].log().matches("Accepted publickey").count();
    assert!(logins > 1, "the worker is reached through it");
}

/// What Ansible gives to ssh unless somebody says otherwise.
const SHARING: &str = "-C -o ControlMaster=auto -o ControlPersist=60s";

impl Site {
    /// Plays `playbook.yml`, and looks at what it says and leaves.
    #[track_caller]
    fn play(&self, ansible: &Ansible, inventory: &Path, ssh_arguments: &str) {
        let notes = self.user.path("notes");
        fs::create_dir(&notes).unwrap();
        let mut command = self.command(ansible, "ansible-playbook", inventory);
        command.env("ANSIBLE_SSH_ARGS", ssh_arguments).arg(example("playbook.yml"));
        let ran = process::run(command.arg("-e").arg(format!("folder={}", notes.display())), b"");
        assert_eq!(ran.stderr, "", "{}", ran.stdout);
        let text = ran.succeeds();
        assert!(text.contains("16 GPUs on 2 nodes") && text.contains("0 of 8 H100_80GB"), "{text}");
        for (node, control) in [("node-0", true), ("node-1", false)] {
            let note = fs::read_to_string(notes.join(format!("prime-prime.train.{node}.json")));
            let note: Value = serde_json::from_str(&note.unwrap()).unwrap();
            assert_eq!(note["cluster_id"], "clst01");
            assert_eq!(note["control"].to_string().to_lowercase().contains("true"), control);
        }
        fs::remove_dir_all(&notes).unwrap();
    }
}

/// What its strictest profile says of roles and playbooks that are published.
#[test]
fn the_linter_of_ansible_has_nothing_to_say() {
    needs!("ansible-lint");
    let sandbox = Sandbox::new();
    let bin = target().join("ansible-lint/bin");
    let mut lint = process::command(bin.join("ansible-lint"));
    process::clean(&mut lint).current_dir(sandbox.home()).env("HOME", sandbox.home());
    let rest = process::path();
    let path = std::env::join_paths([bin].into_iter().chain(std::env::split_paths(&rest)));
    lint.env("PATH", path.unwrap()).args(["--offline", "--profile=production"]);
    for name in ["playbook.yml", "torchrun.yml"] {
        sandbox.write(name, fs::read(example(name)).unwrap());
        lint.arg(name);
    }
    process::run(&mut lint, b"").succeeds();
}

#[test]
fn torchrun_gets_an_address_and_a_rank_on_every_node() {
    needs!("sshd", "ansible");
    let site = Site::new();
    let sandbox = &site.user.sandbox;
    let torchrun =
        sandbox.script("torchrun", "#!/bin/sh\necho \"rank $NODE_RANK of $NNODES: $*\"\n");
    for ansible in ansible::versions() {
        let mut command = site.command(&ansible, "ansible-playbook", &example("inventory"));
        command.arg(example("torchrun.yml"));
        command.args(["-e", "script=/shared/train.py", "-e"]);
        command.arg(format!("torchrun={}", torchrun.display()));
        let ran = process::run(&mut command, b"");
        assert_eq!(ran.stderr, "", "{}", ran.stdout);
        let text = ran.succeeds();
        for rank in [0, 1] {
            let said = format!(
                "rank {rank} of 2: --nnodes=2 --node-rank={rank} --nproc-per-node=8 --master-addr="
            );
            assert!(text.contains(&said), "{said} should be in {text}");
        }
        let after = |mark: &str| text.split(mark).nth(1).unwrap().split([' ', '"']).next().unwrap();
        assert!(after("--master-addr=").parse::<std::net::Ipv4Addr>().is_ok(), "{text}");
        assert!(text.contains("--master-port=29500 /shared/train.py"), "{text}");
    }
}

#[test]
fn the_folder_makes_groups_of_the_users_own() {
    needs!("ansible");
    let site = Site::new();
    for ansible in ansible::versions() {
        let mut command = site.command(&ansible, "ansible-inventory", &example("inventory"));
        let ran = process::run(command.arg("--list"), b"");
        assert_eq!(ran.stderr, "");
        let list: Value = serde_json::from_str(&ran.succeeds()).unwrap();
        let both = ["prime.train.node-0", "prime.train.node-1"].map(Value::from).to_vec();
        assert_eq!(list["full_node"]["hosts"], Value::from(both.clone()));
        assert_eq!(list["nodes_with_8"]["hosts"], Value::from(both.clone()));
        assert_eq!(list["ready_worker"]["hosts"], Value::from(both[1..].to_vec()));
        // Older ones mark it as a text that is no template.
        let composed = &list["_meta"]["hostvars"]["prime.train.node-0"]["slurm_gres"];
        assert!(composed.to_string().contains("\"gpu:8\""), "{composed}");
    }
}
