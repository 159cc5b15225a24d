//! A test in a process that has a network, mounts and process numbers of its own: it may do there
//! what the machine should not see, and everything that it starts ends with it.

use std::io::{Read, Seek};
use std::process::Stdio;
use std::time::{Duration, SystemTime};

use super::process;

/// Set in that process: the part of the test that it is for.
const INSIDE: &str = "PRIME_SSH_TESTS_INSIDE";
/// How long such a part may take, however busy the machine is.
const LIMIT: Duration = Duration::from_secs(600);

/// Runs a test alone: `test` is its whole name. It is run again for that, and does nothing else
/// then. Needs namespaces.
#[track_caller]
pub fn alone(test: &str, run: impl Fn()) {
    each_alone(test, None, &["all".to_owned()], |_| run());
}

/// Runs each part of a test alone, whatever becomes of the others. With `day`, a time in Unix
/// seconds, the clock starts there, for which `faketime` is needed.
#[track_caller]
pub fn each_alone(test: &str, day: Option<u64>, parts: &[String], run: impl Fn(&str)) {
    if let Ok(inside) = std::env::var(INSIDE) {
        return run(&inside);
    }
    let failures: Vec<_> = parts.iter().filter_map(|part| start(test, day, part).err()).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Runs one part. What it printed, where it fails.
fn start(test: &str, day: Option<u64>, part: &str) -> Result<(), String> {
    let mut command = process::tied("unshare");
    command.args(["--net", "--mount", "--propagation", "private"]);
    command.args(["--pid", "--fork", "--kill-child", "--mount-proc", "--"]);
    if let Some(day) = day {
        // faketime names its shared memory by process numbers, which are not unique here.
        let script = "mount -t tmpfs tmpfs /dev/shm && exec faketime -f \"$@\"";
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
        let offset = format!("{:+}", day.cast_signed() - now.cast_signed());
        command.args(["sh", "-c", script, "sh", &offset]);
    }
    command.arg(std::env::current_exe().unwrap()).args([test, "--exact", "--nocapture"]);
    // What a script asks a test for.
    command.envs(std::env::vars().filter(|(name, _)| name.starts_with("PRIME_SSH_TESTS_")));
    let mut said = tempfile::tempfile().unwrap();
    command.stdout(said.try_clone().unwrap()).stderr(said.try_clone().unwrap());
    let mut child = command.env(INSIDE, part).stdin(Stdio::null()).spawn().unwrap();
    let status = process::wait(&mut child, LIMIT);
    if status.is_some_and(|status| status.success()) {
        return Ok(());
    }
    let mut words = String::new();
    said.rewind().unwrap();
    said.read_to_string(&mut words).unwrap();
    Err(format!("{part}: {status:?}\n{words}"))
}
