//! What `render --print-data` printed, installed and kept up to date.

use std::fs;
use std::path::PathBuf;

use super::{Desk, small, train, train_later};
use crate::support::cluster::Cluster;

impl Desk {
    /// Prints the data of these clusters to `train.json`, with these options.
    fn print_data(&self, clusters: &[Cluster], options: &[&str]) -> PathBuf {
        let answers = clusters.iter().flat_map(|cluster| ["--input".into(), self.saved(cluster)]);
        let path = self.sandbox.path("train.json");
        let program = self.program(["render", "--print-data", "-o", "train.json"]);
        program.args(answers).args(options).run().succeeds();
        path
    }

    fn sync(&self) -> String {
        let ran = self.run(&["sync"]);
        let told = ran.stderr.clone();
        ran.succeeds();
        told
    }
}

#[test]
fn data_are_installed_and_synced_as_an_answer_is() {
    let desk = Desk::new();
    let other = Desk::with_installed("", &train());
    let data = desk.print_data(&[train()], &[]);
    let install = || desk.program(["install", "--input"]).arg(&data).run();
    install().succeeds();
    let fragments = || {
        [&desk, &other].map(|desk| {
            let text = fs::read_to_string(desk.ours(".conf")).unwrap();
            text.replace(desk.ssh("").to_str().unwrap(), "SSH/")
        })
    };
    let [of_data, of_answer] = fragments();
    assert_eq!(of_data, of_answer);
    assert!(install().stderr.contains("prime.train  unchanged"), "{}", install().stderr);

    desk.print_data(&[train_later()], &[]);
    assert!(desk.sync().contains("prime.train  changed"), "the new data are read");
    other.saved(&train_later());
    other.sync();
    let [of_data, of_answer] = fragments();
    assert_eq!(of_data, of_answer);
    assert!(of_data.contains("10.0.0.111"));
}

#[test]
fn a_file_with_several_clusters_keeps_each_up_to_date() {
    let desk = Desk::new();
    // Of one name, so that each has a part of its id.
    let twin = || small("clst02", "train");
    let data = desk.print_data(&[train(), twin()], &[]);
    desk.program(["install", "--as", "x", "--input"]).arg(&data).run().fails(2);
    assert!(desk.snapshot().is_empty());
    let ran = desk.program(["install", "--input"]).arg(&data).run();
    let told = ran.stderr.clone();
    ran.succeeds();
    let printed = fs::read_to_string(&data).unwrap();
    let aliases: Vec<_> = desk
        .all_ours(".conf")
        .iter()
        .map(|path| {
            let text = fs::read_to_string(path).unwrap();
            let host = text.lines().find_map(|line| line.strip_prefix("Host ")).unwrap();
            host.split(' ').next_back().unwrap().to_owned()
        })
        .collect();
    assert_eq!(aliases.len(), 2, "{told}");
    for alias in &aliases {
        assert!(alias.starts_with("prime.train-"), "{alias}");
        assert!(printed.contains(&format!("\"alias\": \"{alias}\"")), "{alias}");
        assert!(told.contains(alias.as_str()), "{told}");
    }
    desk.run(&["show", &aliases[1]]).succeeds();

    // Alone it would have the plain name; an installed one keeps its own.
    desk.print_data(&[twin()], &[]);
    let ran = desk.run(&["sync"]);
    let told = ran.stderr.clone();
    assert!(told.contains("is about cluster clst02") && told.contains("sync --prune"), "{told}");
    ran.fails(4);
    assert_eq!(desk.all_ours(".conf").len(), 2);
    let ran = desk.run(&["sync", "--prune"]);
    assert!(ran.stderr.contains("not in the data any more"), "{}", ran.stderr);
    ran.succeeds();
    assert_eq!(desk.all_ours(".conf").len(), 1);
    assert!(fs::read_to_string(desk.ours(".conf")).unwrap().contains(" prime.train-"));
}

#[test]
fn options_of_the_person_go_over_those_of_the_data() {
    let desk = Desk::new();
    let data = desk.print_data(&[train()], &["--jump-via", "me@bastion"]);
    let install = |options: &[&str]| {
        desk.program(["install", "--input"]).arg(&data).args(options).run().succeeds();
        fs::read_to_string(desk.ours(".conf")).unwrap()
    };
    let text = install(&[]);
    assert!(text.contains("ProxyJump me@bastion") && text.contains("Host prime.train"), "{text}");
    let text = install(&["--identity-file", "none"]);
    assert!(text.contains("ProxyJump me@bastion") && text.contains("Host prime.train"), "{text}");
    let text = install(&["--jump", "auto", "--prefix", "lab"]);
    assert!(text.contains("ProxyJump lab.train.node-0"), "{text}");
    let text = install(&["--jump-via", "gate.example.net"]);
    assert!(text.contains("ProxyJump gate.example.net"), "{text}");
}

/// Two of them that lead to each other are a fork bomb to ssh.
#[test]
fn data_do_not_lead_through_an_installed_cluster() {
    let desk = Desk::with_installed("", &small("clst02", "gate"));
    let data = desk.print_data(&[train()], &["--jump-via", "prime.gate.head"]);
    let before = desk.snapshot();
    let ran = desk.program(["install", "--input"]).arg(&data).run();
    let told = ran.fails(5);
    assert!(told.contains("prime.gate") && told.contains("--jump-via"), "{told}");
    assert_eq!(desk.snapshot(), before);
    let said = ["install", "--jump-via", "prime.gate.head", "--input"];
    desk.program(said).arg(&data).run().succeeds();

    let desk = Desk::new();
    let own = desk.print_data(&[train()], &["--jump-via", "prime.other.node-1"]);
    let told = desk.program(["install", "--as", "other", "--input"]).arg(&own).run().fails(4);
    assert!(told.contains("prime.other"), "{told}");
}
