//! The user's shell: ssh runs jumps and renewals with it, and says nothing where it runs no
//! commands.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::snapshot::{InstalledCluster, Snapshot};
use super::{Check, Finding};
use crate::ssh::process::{self, Ended};

/// The exit code of a shell that runs commands.
const ANSWER: i32 = 42;
/// A shell starts fast, but its startup files may do anything.
pub(super) const LIMIT: Duration = Duration::from_secs(5);

/// Lets the shell run a command as ssh does, where ssh needs one: its startup files may write
/// something, so it is not started for nothing.
#[must_use]
pub fn examine(snapshot: &Snapshot) -> Option<Finding> {
    snapshot
        .clusters
        .iter()
        .any(InstalledCluster::needs_a_shell)
        .then(|| try_out(&snapshot.shell()))
}

fn try_out(shell: &Path) -> Finding {
    let mut command = Command::new(shell);
    let answer = process::run(command.args(["-c", &format!("exit {ANSWER}")]), LIMIT);
    let shown = crate::text::shell::path(shell);
    let why = match &answer {
        Ok(Ended { status: Some(status), .. }) if status.code() == Some(ANSWER) => {
            return Finding::ok(Check::Shell, format_args!("{shown} runs the commands of ssh"));
        }
        Ok(Ended { status: None, .. }) => "does not answer in time".to_owned(),
        Ok(_) => "does not run commands".to_owned(),
        Err(error) => format!("cannot be started: {error}"),
    };
    let what = format!("SHELL is {shown}, which {why}: jumps and renewals fail");
    Finding::wrong(Check::Shell, what).run(["export", "SHELL=/bin/sh"])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::State;

    #[test]
    fn a_shell_is_one_that_runs_commands() {
        let state = |shell: &str| try_out(shell.as_ref()).state;
        assert_eq!(state("/bin/sh"), State::Ok);
        for shell in ["/bin/false", "/bin/true", "/nowhere", "/etc/passwd", "/"] {
            assert_eq!(state(shell), State::Wrong, "{shell}");
        }
    }
}
