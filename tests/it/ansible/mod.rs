//! Ansible as the judge: what it makes of each inventory, and which machines it reaches with them.

mod connect;
mod examples;
mod formats;
mod hostile;
mod live;
mod options;

use std::path::PathBuf;

use crate::support::cluster::Cluster;
use crate::support::sandbox::Sandbox;

/// Files that all should load to the same, from saved answers of these clusters, and a script that
/// answers from them.
struct Inventories {
    files: Vec<PathBuf>,
}

impl Inventories {
    /// `arguments` are for each of them.
    #[track_caller]
    fn of(sandbox: &Sandbox, clusters: &[Cluster], arguments: &[&str]) -> Self {
        let mut all: Vec<_> = arguments.iter().map(|&argument| argument.to_owned()).collect();
        for (at, cluster) in clusters.iter().enumerate() {
            let file = sandbox.write(format!("answer-{at}.json"), cluster.answer());
            all.extend(["--input".to_owned(), file.to_str().unwrap().to_owned()]);
        }
        let mut files = Vec::new();
        for name in ["hosts.yml", "hosts.ini", "hosts.json"] {
            let file = sandbox.path(name);
            let program = sandbox.prime_ssh(["inventory", "-o", name]);
            let program = program.args(&all);
            assert_eq!(program.run().succeeds(), "");
            files.push(file);
        }
        let quoted: Vec<_> = all.iter().map(|argument| format!("'{argument}'")).collect();
        files.push(script(sandbox, "hosts.sh", &quoted.join(" ")));
        Self { files }
    }
}

/// A wrapper around `prime-ssh inventory` with these arguments, as a shell reads them.
fn script(sandbox: &Sandbox, name: &str, arguments: &str) -> PathBuf {
    let text = format!("#!/bin/sh\nexec prime-ssh inventory {arguments} \"$@\"\n");
    sandbox.script(name, text)
}
