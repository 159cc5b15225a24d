//! What `render --print-data` printed gives the same text as the answer that it was made from.

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::schema::Schema;
use crate::oracle::cases;
use crate::oracle::plan::{ClusterPlan, clusters};
use crate::support::process::Ran;
use crate::support::sandbox::Sandbox;

/// Options that say which hosts, and what they are reached through.
fn options() -> impl Strategy<Value = Vec<&'static str>> {
    let each: Vec<&[&str]> = vec![
        &["--only", "worker"],
        &["--role", "worker"],
        &["--node", "*node-1*,worker*"],
        &["--include-inactive"],
        &["--prefix", "lab"],
        &["--user", "someone"],
    ];
    let way: Vec<&[&str]> = vec![
        &[],
        &["--jump", "always"],
        &["--jump", "never"],
        &["--jump-via", "me@Bastion:2222"],
        &["--jump", "always", "--jump-via", "gate.example.net"],
    ];
    (subsequence(each, 0..=2), select(way)).prop_map(|(mut chosen, way)| {
        chosen.push(way);
        chosen.concat()
    })
}

/// Runs a command on saved answers or data.
fn run(sandbox: &Sandbox, command: &[&str], files: &[PathBuf], options: &[&str]) -> Ran {
    let inputs = files.iter().flat_map(|file| [Path::new("--input"), file]);
    sandbox.prime_ssh(command).args(inputs).args(options).run()
}

const COMMANDS: [&[&str]; 4] = [
    &["config"],
    &["inventory", "--format", "yaml"],
    &["inventory", "--format", "ini"],
    &["render", "--print-data"],
];

proptest! {
    #![proptest_config(cases(24))]

    #[test]
    fn data_give_the_same_text(plans in clusters(1..=3), options in options()) {
        let (sandbox, schema) = (Sandbox::new(), Schema::new());
        let answers: Vec<_> = plans.iter().map(ClusterPlan::cluster).enumerate()
            .map(|(at, cluster)| sandbox.write(format!("{at}.json"), cluster.answer()))
            .collect();
        let printed = run(&sandbox, &["render", "--print-data"], &answers, &options);
        if printed.status.code() == Some(4) {
            // No host fits these options.
            return Ok(());
        }
        let printed = printed.succeeds();
        schema.judge(&printed);
        let data = [sandbox.write("data.json", printed)];
        // Neither a node that left the cluster nor another first word is taken from data unasked.
        let mut said = options.iter().position(|option| *option == "--prefix")
            .map_or_else(Vec::new, |_| vec!["--prefix", "lab"]);
        said.extend(options.iter().copied().filter(|option| *option == "--include-inactive"));
        for command in COMMANDS {
            let of_answers = run(&sandbox, command, &answers, &options).succeeds();
            let of_data = run(&sandbox, command, &data, &said).succeeds();
            prop_assert_eq!(&of_answers, &of_data, "{:?} {:?}", command, options);
            let again = run(&sandbox, command, &data, &options).succeeds();
            prop_assert_eq!(&of_answers, &again, "{:?} {:?}, said again", command, options);
        }
    }

    /// What is chosen when data are read is what would have been chosen when they were printed.
    #[test]
    fn it_does_not_matter_when_hosts_are_chosen(plans in clusters(1..=2), options in options()) {
        let sandbox = Sandbox::new();
        let answers: Vec<_> = plans.iter().map(ClusterPlan::cluster).enumerate()
            .map(|(at, cluster)| sandbox.write(format!("{at}.json"), cluster.answer()))
            .collect();
        let all = run(&sandbox, &["render", "--print-data", "--include-inactive"], &answers, &[]);
        let data = [sandbox.write("data.json", all.succeeds())];
        let [of_answers, of_data] =
            [&answers[..], &data].map(|files| run(&sandbox, &["config"], files, &options));
        prop_assert_eq!(of_answers.status.code(), of_data.status.code(), "{}", of_data.stderr);
        prop_assert_eq!(of_answers.stdout, of_data.stdout, "{:?}", options);
    }
}
