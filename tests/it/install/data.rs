//! What `export` printed, installed and kept up to date.

use std::fs;
use std::path::PathBuf;

use super::{Desk, small, train, train_later};
use crate::support::cluster::Cluster;

impl Desk {
    /// Exports these clusters to `train.json`.
    fn export(&self, clusters: &[Cluster]) -> PathBuf {
        let answers = clusters.iter().flat_map(|cluster| ["--input".into(), self.saved(cluster)]);
        let path = self.sandbox.path("train.json");
        let program = self.program(["export", "-o", "train.json"]);
        program.args(answers).run().succeeds();
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
fn an_exported_file_is_installed_and_synced_as_an_answer_is() {
    let desk = Desk::new();
    let other = Desk::with_installed("", &train());
    let data = desk.export(&[train()]);
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

    desk.export(&[train_later()]);
    assert!(desk.sync().contains("prime.train  changed"), "the new file is read");
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
    let data = desk.export(&[train(), twin()]);
    desk.program(["install", "--as", "x", "--input"]).arg(&data).run().fails(2);
    assert!(desk.snapshot().is_empty());
    let ran = desk.program(["install", "--input"]).arg(&data).run();
    let told = ran.stderr.clone();
    ran.succeeds();
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
        assert!(told.contains(alias.as_str()), "{told}");
    }
    desk.run(&["show", &aliases[1]]).succeeds();

    // Alone it would have the plain name; an installed one keeps its own.
    desk.export(&[twin()]);
    let told = desk.run(&["sync", "--prune"]).fails(4);
    assert!(told.contains("is about cluster clst02"), "{told}");
    // A list that lacks a cluster says that it is gone.
    desk.export(&[twin(), small("clst03", "eval")]);
    let ran = desk.run(&["sync"]);
    let told = ran.stderr.clone();
    assert!(told.contains("does not hold cluster clst01"), "{told}");
    assert!(told.contains(" --prune prime."), "{told}");
    ran.fails(4);
    assert_eq!(desk.all_ours(".conf").len(), 2);
    let ran = desk.run(&["sync", "--prune"]);
    assert!(ran.stderr.contains("not in the file any more"), "{}", ran.stderr);
    ran.succeeds();
    assert_eq!(desk.all_ours(".conf").len(), 1);
    assert!(fs::read_to_string(desk.ours(".conf")).unwrap().contains(" prime.train-"));
}
