//! Programs that a test needs and that a machine may lack: without them the test skips, out loud.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{LazyLock, Mutex};

/// Skips the test unless every one of these is here: programs by name, `root`, or `namespaces`.
/// Has to be the first line of the test. `tests/run` brings all programs, so a skip fails it.
#[allow(
    clippy::allow_attributes,
    unused_macros,
    reason = "the unit tests of the library have this file too"
)]
macro_rules! needs {
    ($($name:literal),+) => {
        if crate::support::programs::skips(module_path!(), &[$($name),+]) {
            return;
        }
    };
    // Inside of `proptest!`, where each case has a result.
    (proptest $($name:literal),+) => {
        if crate::support::programs::skips(module_path!(), &[$($name),+]) {
            return Ok(());
        }
    };
}

/// Says on stderr which of these is missing, past the test runner, which keeps what tests print.
#[expect(clippy::disallowed_methods, reason = "a test runner is no terminal of the program's")]
pub fn skips(module: &str, needed: &[&str]) -> bool {
    let missing: Vec<&str> = needed.iter().copied().filter(|name| !is_here(name)).collect();
    if missing.is_empty() {
        return false;
    }
    let thread = std::thread::current();
    // The test runner names the thread after the test, except when it has only the main one.
    let test = thread.name().filter(|name| *name != "main").unwrap_or(module);
    let line = format!("SKIPPED {test}: needs {}\n", missing.join(", "));
    // Once, however many cases a test has; and in one write, so that no two lines mix.
    if SAID.lock().unwrap().insert(line.clone()) {
        std::io::stderr().write_all(line.as_bytes()).unwrap();
    }
    true
}

static SAID: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

fn is_here(name: &str) -> bool {
    match name {
        "root" => nix::unistd::geteuid().is_root(),
        "namespaces" => *NAMESPACES,
        "ansible" => ["oldest", "newest"]
            .iter()
            .all(|which| target().join("ansible").join(which).join("bin/ansible").exists()),
        "ansible-lint" => target().join("ansible-lint/bin/ansible-lint").exists(),
        "clustershell" => target().join("clustershell/bin/nodeset").exists(),
        "maturin" => target().join("maturin/bin/maturin").exists(),
        "readers" => target().join("readers/bin/pyinfra").exists(),
        "node" => in_path("node") && target().join("readers/node_modules/ssh-config").exists(),
        program => in_path(program),
    }
}

/// Whether we may make namespaces, which containers often forbid even to root.
static NAMESPACES: LazyLock<bool> = LazyLock::new(|| {
    let mut command = Command::new("unshare");
    command.args(["--net", "--mount", "--propagation", "private", "--pid", "--fork"]);
    command.args(["--kill-child", "--mount-proc", "ip", "link", "set", "lo", "up"]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
});

fn in_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Debian keeps sshd where only root looks.
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]);
    folders.into_iter().any(|folder| folder.join(program).is_file())
}

/// The build folder, where `tests/run` installs Python's packages: we are in its
/// `<profile>/deps`.
pub fn target() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.ancestors().nth(3).map(Path::to_owned).expect("a test is in target/<profile>/deps")
}
