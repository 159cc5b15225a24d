//! OpenSSH as the judge: for generated clusters, `ssh -G` gives what the rules say.

mod bastion;
pub mod hostile;
mod layouts;
pub mod plan;
pub mod rules;

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::select;

use self::plan::{ClusterPlan, clusters};
use self::rules::{Expected, Target, expected, is_private, names};
use crate::support::cluster::Cluster;
use crate::support::fragment::Fragment;
use crate::support::process::Ran;
use crate::support::sandbox::Sandbox;
use crate::support::ssh::Resolved;

/// So many cases, or as many as `PROPTEST_CASES` asks for; a failure prints its smallest input.
pub fn cases(few: u32) -> ProptestConfig {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    let cases = asked.unwrap_or(few);
    ProptestConfig { cases, failure_persistence: None, max_shrink_iters: 200, ..Default::default() }
}

proptest! {
    #![proptest_config(cases(96))]

    #[test]
    fn ssh_reads_what_the_rules_say(mut plans in clusters(1..=3), mode in jump_mode()) {
        needs!(proptest "ssh");
        let sandbox = Sandbox::new();
        if mode == "always" {
            // Without a control node there would be no way in.
            for plan in &mut plans {
                plan.nodes[0].connections[0].control = true;
            }
        }
        let answers: Vec<_> = plans.iter().map(ClusterPlan::cluster).collect();
        let text = config(&sandbox, &answers, &["--jump", mode]).succeeds();
        let path = sandbox.write("fragment", &text);
        let compact = config(&sandbox, &answers, &["--jump", mode, "--layout", "compact"]).succeeds();
        Fragment::parse(&compact);
        let compact = sandbox.write("compact", &compact);
        let fragment = Fragment::parse(&text);
        let cluster_names = names(plans.iter().map(|plan| (plan.name.as_str(), plan.id.as_str())));
        let mut aliases: Vec<_> = fragment.aliases().collect();
        let all = aliases.len();
        aliases.sort_unstable();
        aliases.dedup();
        prop_assert_eq!(all, aliases.len(), "a name stands twice");
        let hosts: usize = plans.iter().map(|plan| expected(plan).len()).sum();
        prop_assert_eq!(all, hosts + plans.len(), "the names are the hosts' and the clusters'");
        // A name that is not there, too: it must lead nowhere, and at once.
        let stale = cluster_names.values().map(|name| format!("prime.{name}.no-such-node"));
        let mut resolved = BTreeMap::new();
        for alias in aliases.iter().chain([&"github.com"]) {
            let flat = Resolved::of(&path, alias);
            prop_assert_eq!(&flat, &Resolved::of(&compact, alias));
            resolved.insert((*alias).to_owned(), flat);
        }
        for name in stale {
            for layout in [&path, &compact] {
                let resolved = Resolved::of(layout, &name);
                let nowhere = format!("{name}.invalid.");
                prop_assert_eq!(resolved.get("hostname"), Some(&*nowhere));
                prop_assert_eq!(resolved.get("proxyjump"), None);
            }
        }
        for plan in &plans {
            judge(&resolved, &fragment, plan, &cluster_names[&plan.id], mode);
        }
        prop_assert_eq!(fragment.shared().count(), plans.len());
    }

    #[test]
    fn the_order_of_an_answer_changes_nothing(plans in clusters(1..=2), seed in any::<u64>()) {
        let sandbox = Sandbox::new();
        let mut other = plans.clone();
        shuffle(&mut other, seed);
        let [first, second] = [&plans, &other].map(|plans| {
            let answers: Vec<_> = plans.iter().map(ClusterPlan::cluster).collect();
            config(&sandbox, &answers, &[]).succeeds()
        });
        prop_assert_eq!(first, second);
    }
}

fn jump_mode() -> impl Strategy<Value = &'static str> {
    select(vec!["auto", "auto", "auto", "always", "never"])
}

/// Another order of everything that is a list.
fn shuffle(clusters: &mut [ClusterPlan], seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    random.shuffle(clusters);
    for cluster in clusters {
        random.shuffle(&mut cluster.nodes);
        for node in &mut cluster.nodes {
            random.shuffle(&mut node.connections);
        }
    }
}

/// Writes the answers of these clusters and asks for their fragment.
fn config(sandbox: &Sandbox, clusters: &[Cluster], arguments: &[&str]) -> Ran {
    let mut program = sandbox.prime_ssh(["config"]);
    for (at, cluster) in clusters.iter().enumerate() {
        let file = sandbox.write(format!("answer-{at}.json"), cluster.answer());
        program = program.arg("--input").arg(file);
    }
    for argument in arguments {
        program = program.arg(argument);
    }
    program.run()
}

fn target_of(resolved: &Resolved) -> Target {
    let get = |keyword| resolved.get(keyword).unwrap_or_default().to_owned();
    Target {
        host: get("hostname"),
        port: get("port").parse().unwrap(),
        user: get("user"),
        host_key_alias: get("hostkeyalias"),
    }
}

/// Checks one cluster's part of a fragment against what ssh makes of each of its names.
fn judge(
    resolved: &BTreeMap<String, Resolved>,
    fragment: &Fragment,
    plan: &ClusterPlan,
    name: &str,
    mode: &str,
) {
    let ours = format!("prime.{name}");
    let below = format!("{ours}.");
    let mut expected = expected(plan);
    let node_names = names(plan.nodes_in().map(|node| (node.name.as_str(), node.id.as_str())));
    let is_ours = |name: &String| name.starts_with(&below);
    let blocks: Vec<_> = fragment.hosts().filter(|block| block.names.iter().any(is_ours)).collect();
    assert_eq!(blocks.len(), expected.len(), "as many hosts as there are ways in");

    let mut hosts = Vec::new();
    for block in blocks {
        let (alias, rest) = block.names.split_first().unwrap();
        assert!(rest.is_empty() || rest == [ours.clone()], "{:?}", block.names);
        let host = &resolved[alias];
        let target = target_of(host);
        let at = expected.iter().position(|e| e.target == target);
        let expected = expected.remove(at.unwrap_or_else(|| panic!("{alias}: {target:?}")));
        judge_name(alias.strip_prefix(&below).unwrap(), &expected, &node_names);
        for other in rest {
            assert_eq!(target_of(&resolved[other]), target, "{other}");
        }
        let jump = host.get("proxyjump").filter(|&jump| jump != "none").map(str::to_owned);
        hosts.push(Judged { alias: alias.clone(), jump, expected });
    }
    hosts.sort_by_cached_key(|host| (natural(&host.alias), host.expected.node.clone()));
    judge_jumps(&hosts, mode);
    judge_entry(fragment, &ours, &hosts);
}

/// One host of a fragment: what ssh makes of it, and what it should be.
struct Judged {
    alias: String,
    jump: Option<String>,
    expected: Expected,
}

/// A node's main connection has the node's name; a further one has it in front of its own.
fn judge_name(part: &str, expected: &Expected, node_names: &BTreeMap<String, String>) {
    let node_name = &node_names[&expected.node];
    if expected.main {
        assert_eq!(part, node_name);
    } else {
        let front = &node_name[..node_name.len().min(50)];
        assert!(part.starts_with(front.trim_end_matches('-')), "{part} of {node_name}");
    }
}

/// Workers at private places jump through the first public control node; nobody else jumps.
fn judge_jumps(hosts: &[Judged], mode: &str) {
    let controls = || hosts.iter().filter(|host| host.expected.control);
    let mut through = controls().find(|host| !is_private(&host.expected.target.host));
    if mode == "always" {
        through = through.or_else(|| controls().next());
    }
    for host in hosts {
        let private = is_private(&host.expected.target.host);
        let should = !host.expected.control && (mode == "always" || (mode == "auto" && private));
        let through = through.filter(|_| should).map(|host| &host.alias);
        assert_eq!(host.jump.as_ref(), through, "{}", host.alias);
    }
}

/// `node-2` before `node-10`.
fn natural(name: &str) -> Vec<(u8, u128)> {
    let mut parts = Vec::new();
    let mut rest = name;
    while let Some(&first) = rest.as_bytes().first() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        parts.push(match digits {
            0 => (first, 0),
            _ => (b'0', rest[..digits].parse().expect("no name has so many digits")),
        });
        rest = &rest[digits.max(1)..];
    }
    parts
}

/// The cluster's own name is an extra name of its first control node, or of its first host.
fn judge_entry(fragment: &Fragment, ours: &str, hosts: &[Judged]) {
    let is_entry = |name: &String| name == ours;
    let entries: Vec<_> =
        fragment.hosts().filter(|block| block.names.iter().any(is_entry)).collect();
    let [entry] = entries.as_slice() else { panic!("{ours} leads to {entries:?}") };
    let first = hosts.iter().find(|host| host.expected.control).or(hosts.first());
    assert_eq!(entry.names.first(), first.map(|host| &host.alias));
}
