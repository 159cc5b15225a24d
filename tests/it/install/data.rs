//! What `export` printed, installed and kept up to date.

use std::fs;
use std::path::PathBuf;

use super::{Sandbox, small, train, train_later};
use crate::support::cluster::Cluster;

impl Sandbox {
    /// Exports these clusters to `train.json`.
    fn export(&self, clusters: &[Cluster]) -> PathBuf {
        let answers = clusters.iter().flat_map(|cluster| ["--input".into(), self.saved(cluster)]);
        let path = self.path("train.json");
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
    let sandbox = Sandbox::with_ssh_folder();
    let other = Sandbox::with_installed("", &train());
    let data = sandbox.export(&[train()]);
    let install = || sandbox.program(["install", "--input"]).arg(&data).run();
    install().succeeds();
    let fragments = || {
        [&sandbox, &other].map(|sandbox| {
            let text = fs::read_to_string(sandbox.ours(".conf")).unwrap();
            text.replace(sandbox.ssh("").to_str().unwrap(), "SSH/")
        })
    };
    let [of_data, of_answer] = fragments();
    assert_eq!(of_data, of_answer);
    assert!(install().stderr.contains("prime.train  unchanged"), "{}", install().stderr);

    sandbox.export(&[train_later()]);
    assert!(sandbox.sync().contains("prime.train  changed"), "the new file is read");
    other.saved(&train_later());
    other.sync();
    let [of_data, of_answer] = fragments();
    assert_eq!(of_data, of_answer);
    assert!(of_data.contains("10.0.0.111"));
}

#[test]
fn a_file_with_several_clusters_keeps_each_up_to_date() {
    let sandbox = Sandbox::with_ssh_folder();
    // Of one name, so that each has a part of its id.
    let of_one_name = || small("clst02", "train");
    let data = sandbox.export(&[train(), of_one_name()]);
    sandbox.program(["install", "--as", "x", "--input"]).arg(&data).run().fails(2);
    assert!(sandbox.snapshot().is_empty());
    let ran = sandbox.program(["install", "--input"]).arg(&data).run();
    let told = ran.stderr.clone();
    ran.succeeds();
    let aliases: Vec<_> = sandbox
        .all_ours(".conf")
        .iter()
        .map(|path| {
            let text = fs::read_to_string(path).unwrap();
            let host = text.lines().find_map(|line| line.strip_prefix("Host ")).unwrap();
            host.split(' ').next_back().unwrap().to_owned()
        })
        .collect();
    assert_eq!(aliases.len(), 2, "{told}");
    assert!(aliases.iter().all(|alias| alias.starts_with("prime.train-")), "{aliases:?}");
    snapshot!(told, @"
    note: [home]/ssh/config has a new first line: Include [home]/ssh/prime-ssh/config
    prime.train-4ad7a492  added: 1 host
    prime.train-675b1ff5  added: 3 hosts
    connect with: ssh -F [home]/ssh/config prime.train-4ad7a492
    ");
    sandbox.run(&["show", &aliases[1]]).succeeds();

    // Alone it would have the plain name; an installed one keeps its own.
    sandbox.export(&[of_one_name()]);
    snapshot!(sandbox.run(&["sync", "--prune"]).fails(4), @"
    prime.train-4ad7a492  unchanged: 1 host
    prime.train-675b1ff5  left as it is
    error: [home]/train.json is about cluster clst02, and prime.train-675b1ff5 is cluster clst01
    error: 1 of 2 clusters was left as it was
    ");
    // A list that lacks a cluster says that it is gone.
    sandbox.export(&[of_one_name(), small("clst03", "eval")]);
    let ran = sandbox.run(&["sync"]);
    snapshot!(ran.stderr.clone(), @"
    prime.train-4ad7a492  unchanged: 1 host
    prime.train-675b1ff5  left as it is
    error: [home]/train.json does not hold cluster clst01

    hint: if it is gone for good, `prime-ssh sync --ssh-dir [home]/ssh --prune prime.train-675b1ff5` removes it
    error: 1 of 2 clusters was left as it was
    ");
    ran.fails(4);
    assert_eq!(sandbox.all_ours(".conf").len(), 2);
    let ran = sandbox.run(&["sync", "--prune"]);
    snapshot!(ran.stderr, @"
    prime.train-4ad7a492  unchanged: 1 host
    prime.train-675b1ff5  removed: cluster clst01 is not in the file any more
    ");
    ran.succeeds();
    assert_eq!(sandbox.all_ours(".conf").len(), 1);
    assert!(fs::read_to_string(sandbox.ours(".conf")).unwrap().contains(" prime.train-"));
}
