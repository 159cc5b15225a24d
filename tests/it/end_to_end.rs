//! From one command to a shell on each machine: a served API, real sshds as nodes, real ssh.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::api::Api;
use crate::support::cluster::{Cluster, Node};
use crate::support::network::Namespace;
use crate::support::process::{self, Background};
use crate::support::ssh;
use crate::support::sshd::Sshd;
use crate::support::user::{User, logins, me, to};

#[test]
fn each_node_of_a_cluster_is_reached() {
    needs!("sshd");
    let user = User::new();
    let control = user.sshd("node-0").at("127.0.0.2").start();
    let first = user.sshd("node-1").at("127.0.0.3").port(control.port).start();
    let second = user.sshd("node-2").at("127.0.1.7").start();
    let cluster = Cluster::new("clst01", "Train")
        .node(Node::new("pod1", "node-1").connection(to(&first)))
        .node(Node::new("pod0", "node-0").connection(to(&control).control()))
        .node(Node::new("pod2", "node-2").connection(to(&second)));
    let config = user.config_of([cluster], &[]);
    for (alias, node) in [
        ("prime.train.node-0", "node-0"),
        ("prime.train.node-1", "node-1"),
        ("prime.train.node-2", "node-2"),
        ("prime.train", "node-0"),
    ] {
        assert_eq!(ssh::node_at(&config, alias), node, "{alias}");
    }
    assert_eq!(logins(&control), 2, "public nodes are reached without a jump");
}

#[test]
fn a_cluster_is_found_by_its_name() {
    needs!("sshd");
    let user = User::new();
    let control = user.sshd("node-0").start();
    let node = || Node::new("pod0", "node-0").connection(to(&control).control());
    let api = Api::serving([
        Cluster::new("clst01", "train-eu").node(node()),
        Cluster::new("clst02", "train").node(node()),
    ]);
    let program = user.prime_ssh(["config", "train", "--api-url", &api.url()]);
    let text = program.run().succeeds();
    assert!(text.contains("Host prime.train.node-0 prime.train\n"), "{text}");
    assert!(!text.contains("train-eu"), "{text}");
    assert_eq!(
        api.paths(),
        [
            "GET /api/admin/clusters/train",
            "GET /api/admin/clusters",
            "GET /api/admin/clusters/clst02"
        ]
    );
    let list = &api.requests()[1];
    assert_eq!((list.query("search"), list.query("limit")), (Some("train"), Some("100")));
}

#[test]
fn a_worker_is_reached_through_the_control_node() {
    needs!("sshd");
    let user = User::new();
    let control = user.sshd("node-0").at("127.0.0.2").start();
    let worker = user.sshd("node-1").at("127.0.0.3").start();
    let cluster = Cluster::new("clst01", "train")
        .node(Node::new("pod0", "node-0").connection(to(&control).control()))
        .node(Node::new("pod1", "node-1").connection(to(&worker)));
    let config = user.config_of([cluster], &["--jump", "always"]);
    assert_eq!(ssh::node_at(&config, "prime.train.node-1"), "node-1");
    assert_eq!((logins(&control), logins(&worker)), (1, 1));
}

#[test]
fn a_name_that_is_no_more_fails_at_once() {
    needs!("sshd");
    let user = User::new();
    let control = user.sshd("node-0").start();
    let cluster = Cluster::new("clst01", "train")
        .node(Node::new("pod0", "node-0").connection(to(&control).control()));
    let config = user.config_of([cluster], &[]);
    let ran = ssh::on(&config, "prime.train.node-9", "true");
    assert!(ran.took < Duration::from_secs(20), "{ran:?}");
    let told = ran.fails(255);
    assert!(told.contains("prime.train.node-9.invalid"), "{told}");
    assert_eq!(logins(&control), 0);
}

#[test]
fn a_host_key_belongs_to_the_machine_and_not_to_its_address() {
    needs!("sshd");
    let user = User::new();
    let alias = "prime.train.node-0";
    let config = |machine: &str, sshd: &Sshd| {
        let node = Node::new(machine, "node-0").connection(to(sshd).control());
        user.config_of([Cluster::new("clst01", "train").node(node)], &[])
    };
    let before = user.sshd("before").start();
    assert_eq!(ssh::node_at(&config("pod0", &before), alias), "before");
    let port = before.port;
    drop(before);

    let after = user.sshd("after").port(port).start();
    let told = ssh::on(&config("pod0", &after), alias, "true").fails(255);
    assert!(told.contains("REMOTE HOST IDENTIFICATION HAS CHANGED"), "{told}");
    assert_eq!(ssh::node_at(&config("pod7", &after), alias), "after");
    let strict = ["--host-keys", "strict"];
    let node = Node::new("pod8", "node-0").connection(to(&after).control());
    let config = user.config_of([Cluster::new("clst01", "train").node(node)], &strict);
    let told = ssh::on(&config, alias, "true").fails(255);
    assert!(told.contains("Host key verification failed"), "{told}");
}

/// Two clusters, each with its own machine at 10.0.0.11 behind its own control node.
struct Overlap {
    user: User,
    client: Namespace,
    control_nodes: [Sshd; 2],
    workers: [Sshd; 2],
    _networks: [Namespace; 2],
}

const WORKER: &str = "10.0.0.11";

impl Overlap {
    fn new() -> Self {
        let user = User::new();
        let client = Namespace::new();
        let networks = [Namespace::new(), Namespace::new()];
        let place = |at: usize, host: u8| format!("198.18.{at}.{host}");
        for (at, network) in networks.iter().enumerate() {
            let addresses = [1, 2].map(|host| format!("{}/24", place(at, host)));
            client.link(&format!("to-{at}"), &addresses[0], network, &addresses[1]);
            network.address(&format!("{WORKER}/32"));
        }
        let start = |at: usize, node: &str, address: &str| {
            user.sshd(&format!("{node}-{at}")).at(address).inside(&networks[at]).start()
        };
        let control_nodes = [0, 1].map(|at| start(at, "control", &place(at, 2)));
        let workers = [0, 1].map(|at| start(at, "worker", WORKER));
        Self { user, client, control_nodes, workers, _networks: networks }
    }

    fn clusters(&self) -> [Cluster; 2] {
        [0, 1].map(|at| {
            let pod = |node: &str| format!("{node}-{at}");
            Cluster::new(&format!("clst{at}"), &format!("train-{at}"))
                .node(
                    Node::new(&pod("control"), "node-0")
                        .connection(to(&self.control_nodes[at]).control()),
                )
                .node(Node::new(&pod("worker"), "node-1").connection(to(&self.workers[at])))
        })
    }

    /// The config of a user who includes the fragment first and has these lines below.
    fn user_config(&self, fragment: &Path, below: &str) -> PathBuf {
        let include = format!("Include {}\n{below}", fragment.display());
        self.user.write("config", include)
    }

    fn ssh(&self, config: &Path) -> Command {
        ssh::without_surroundings(self.client.command("ssh"), config)
    }

    fn node_at(&self, config: &Path, alias: &str) -> String {
        let mut ssh = self.ssh(config);
        process::run(ssh.args([alias, "echo $PRIME_NODE"]), b"").succeeds().trim_end().to_owned()
    }

    /// Holds a shared connection to a host open.
    fn master(&self, config: &Path, alias: &str) -> Background {
        let master = Background::start(self.ssh(config).args(["-N", alias]).stderr(Stdio::null()));
        process::until("the shared connection", || {
            process::run(self.ssh(config).args(["-O", "check", alias]), b"").status.success()
        });
        master
    }
}

const SHARING: &str = "Host *\nControlMaster auto\n";

#[test]
fn in_namespaces_each_command_runs_on_its_own_machine() {
    needs!("namespaces");
    let overlap = Overlap::new();
    let fragment = overlap.user.config_of(overlap.clusters(), &[]);
    let sockets = overlap.user.home().display();
    for control_path in ["", "ControlPath HOME/%C\n", "ControlPath HOME/%r@%h:%p\n"] {
        let below = format!("{SHARING}{}", control_path.replace("HOME", &sockets.to_string()));
        let config = overlap.user_config(&fragment, &below);
        let before = logins(&overlap.workers[0]);
        let _master = overlap.master(&config, "prime.train-0.node-1");
        for (alias, node) in [
            ("prime.train-0.node-1", "worker-0"),
            ("prime.train-1.node-1", "worker-1"),
            ("prime.train-0", "control-0"),
            ("prime.train-1", "control-1"),
        ] {
            assert_eq!(overlap.node_at(&config, alias), node, "{alias} with {below}");
        }
        assert_eq!(logins(&overlap.workers[0]), before + 1, "the open connection is used again");
    }
}

/// What our ControlPath is for: without it, this very setting reaches the wrong machine.
#[test]
fn in_namespaces_without_our_control_path_the_wrong_machine_answers() {
    needs!("namespaces");
    let overlap = Overlap::new();
    let fragment = overlap.user.config_of(overlap.clusters(), &[]);
    let ours = std::fs::read_to_string(&fragment).unwrap();
    let mut without = String::new();
    for line in ours.lines().filter(|line| !line.starts_with("  ControlPath ")) {
        writeln!(without, "{line}").unwrap();
    }
    assert!(without.len() < ours.len());
    let fragment = overlap.user.write("without", without);
    let sockets = overlap.user.home().display();
    let below = format!("{SHARING}ControlPath {sockets}/%r@%h:%p\n");
    let config = overlap.user_config(&fragment, &below);
    let _master = overlap.master(&config, "prime.train-0.node-1");
    assert_eq!(overlap.node_at(&config, "prime.train-1.node-1"), "worker-0");
}

#[test]
fn in_namespaces_a_host_of_the_users_own_config_is_the_way_in() {
    needs!("namespaces");
    let overlap = Overlap::new();
    let worker = Node::new("worker", "node-1").connection(to(&overlap.workers[1]));
    let cluster = Cluster::new("clst9", "lone").node(worker);
    let fragment = overlap.user.config_of([cluster], &["--jump-via", "bastion"]);
    let bastion = &overlap.control_nodes[1];
    let key = overlap.user.key.display();
    let known = overlap.user.path("known_hosts");
    let below = format!(
        "Host bastion\nHostName {}\nUser {}\nIdentityFile {key}\nStrictHostKeyChecking accept-new\n\
         UserKnownHostsFile {}\n",
        bastion.address,
        me(),
        known.display(),
    );
    let config = overlap.user_config(&fragment, &below);
    assert_eq!(overlap.node_at(&config, "prime.lone.node-1"), "worker-1");
    assert_eq!(logins(bastion), 1);
}
