//! The user's shell: ssh runs jumps and renewals with it, and says nothing where it runs no
//! commands.

use std::io;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::{Check, Finding};
use crate::ssh::process::{self, Ended};

/// What ssh uses where `SHELL` is not set (`_PATH_BSHELL`).
pub(super) const DEFAULT: &str = "/bin/sh";
/// The exit code of a shell that runs commands.
const ANSWER: i32 = 42;
/// A shell starts fast, but its startup files may do anything.
pub(super) const LIMIT: Duration = Duration::from_secs(5);

/// Lets the shell run a command as ssh does, where ssh needs one.
#[must_use]
pub fn examine(shell: Option<&Path>, is_needed: bool) -> Option<Finding> {
    let shell = shell.unwrap_or(DEFAULT.as_ref());
    // Its startup files may write something, so it is not started for nothing.
    is_needed.then(|| {
        let mut command = Command::new(shell);
        judge(shell, &process::run(command.args(["-c", &format!("exit {ANSWER}")]), LIMIT))
    })
}

fn judge(shell: &Path, answer: &io::Result<Ended>) -> Finding {
    let shown = crate::text::shell::path(shell);
    let why = match answer {
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
        let state = |shell: &str| examine(Some(shell.as_ref()), true).unwrap().state;
        assert_eq!(state("/bin/sh"), State::Ok);
        assert_eq!(examine(None, true).unwrap().state, State::Ok);
        for shell in ["/bin/false", "/bin/true", "/nowhere", "/etc/passwd", "/"] {
            assert_eq!(state(shell), State::Wrong, "{shell}");
        }
        assert_eq!(examine(Some("/bin/false".as_ref()), false), None);
    }
}
