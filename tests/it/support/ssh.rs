//! The real ssh client, with nothing of the machine's own: no config, no agent, no terminal.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use super::process::{self, Ran};

/// `ssh -F CONFIG`, prepared to run without asking anybody anything.
pub fn ssh(config: &Path) -> Command {
    without_surroundings(process::command("ssh"), config)
}

/// The same for an ssh that another program starts, as `nsenter … ssh`.
pub fn without_surroundings(mut ssh: Command, config: &Path) -> Command {
    ssh.env_remove("SSH_AUTH_SOCK").env_remove("DISPLAY").env_remove("SSH_ASKPASS");
    ssh.arg("-F").arg(config).args(["-o", "BatchMode=yes"]);
    ssh
}

/// Runs a command on the host behind an alias.
#[track_caller]
pub fn on(config: &Path, alias: &str, command: &str) -> Ran {
    process::run(ssh(config).args([alias, command]), b"")
}

/// Which sshd answers at this alias: the node's name that [`super::sshd::Sshd`] was given.
#[track_caller]
pub fn node_at(config: &Path, alias: &str) -> String {
    on(config, alias, "echo $PRIME_NODE").succeeds().trim_end().to_owned()
}

/// What ssh makes of an alias: `ssh -G`, keywords in lower case, each with its values in order.
#[derive(Debug, PartialEq)]
pub struct Resolved(BTreeMap<String, Vec<String>>);

impl Resolved {
    #[track_caller]
    pub fn of(config: &Path, alias: &str) -> Self {
        Self::by(&mut ssh(config), alias)
    }

    /// The same with one variable in ssh's environment.
    #[track_caller]
    pub fn with_env(config: &Path, alias: &str, name: &str, value: &Path) -> Self {
        Self::by(ssh(config).env(name, value), alias)
    }

    #[track_caller]
    fn by(ssh: &mut Command, alias: &str) -> Self {
        let text = process::run(ssh.args(["-G", alias]), b"").succeeds();
        let mut values = BTreeMap::<_, Vec<_>>::new();
        for line in text.lines() {
            let (keyword, value) = line.split_once(' ').unwrap_or((line, ""));
            values.entry(keyword.to_owned()).or_default().push(value.to_owned());
        }
        Self(values)
    }

    /// The only value of a keyword; `None` where ssh has none.
    pub fn get(&self, keyword: &str) -> Option<&str> {
        match self.all(keyword) {
            [] => None,
            [value] => Some(value),
            values => panic!("{keyword} has several values: {values:?}"),
        }
    }

    /// Every value of a keyword that can stand more than once.
    pub fn all(&self, keyword: &str) -> &[String] {
        self.0.get(keyword).map_or(&[], Vec::as_slice)
    }
}
