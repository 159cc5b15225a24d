//! A test in a process that has a network, mounts and process numbers of its own: it may do there
//! what the machine should not see, and everything that it starts ends with it.

use std::io::{Read, Seek};
use std::process::Stdio;
use std::time::Duration;

use super::process;

/// Set in that process: the part of the test that it is for.
const INSIDE: &str = "PRIME_SSH_TESTS_INSIDE";
/// How long such a part may take, however busy the machine is.
const LIMIT: Duration = Duration::from_secs(600);

/// Runs a part of a test alone: `test` is the test's whole name, and `part` no other part's. The
/// test is run again for it, and does nothing else then. Needs root.
#[track_caller]
pub fn alone(test: &str, part: &str, run: impl FnOnce()) {
    if let Some(inside) = std::env::var_os(INSIDE) {
        if inside == part {
            run();
        }
        return;
    }
    let mut command = process::tied("unshare");
    command.args(["--net", "--mount", "--propagation", "private"]);
    command.args(["--pid", "--fork", "--kill-child", "--mount-proc", "--"]);
    command.arg(std::env::current_exe().unwrap());
    command.args([test, "--exact", "--nocapture"]);
    let mut said = tempfile::tempfile().unwrap();
    command.stdout(said.try_clone().unwrap()).stderr(said.try_clone().unwrap());
    let mut child = command.env(INSIDE, part).stdin(Stdio::null()).spawn().unwrap();
    let status = process::wait(&mut child, LIMIT);
    if !status.is_some_and(|status| status.success()) {
        let mut words = String::new();
        said.rewind().unwrap();
        said.read_to_string(&mut words).unwrap();
        panic!("{part}: {status:?}\n{words}");
    }
}
