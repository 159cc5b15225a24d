//! A test in a process that has a network, mounts and process numbers of its own: it may do there
//! what the machine should not see, and everything that it starts ends with it.

use std::time::Duration;

use super::process;

/// Set in that process.
const INSIDE: &str = "PRIME_SSH_TESTS_INSIDE";
/// How long such a test may take, however busy the machine is.
const LIMIT: Duration = Duration::from_secs(600);

/// Runs the rest of a test alone. `test` is its whole name. Needs root.
#[track_caller]
pub fn alone(test: &str, rest: impl FnOnce()) {
    if std::env::var_os(INSIDE).is_some() {
        return rest();
    }
    let mut command = process::tied("unshare");
    command.args(["--net", "--mount", "--propagation", "private"]);
    command.args(["--pid", "--fork", "--kill-child", "--mount-proc", "--"]);
    command.arg(std::env::current_exe().unwrap());
    command.args([test, "--exact", "--ignored", "--nocapture"]);
    let mut child = command.env(INSIDE, "1").spawn().unwrap();
    let status = process::wait(&mut child, LIMIT);
    assert!(status.is_some_and(|status| status.success()), "{test}: {status:?}");
}
