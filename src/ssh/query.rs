//! The ssh of this machine, asked what it would do. It is only asked, never told to connect.

use std::io;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::ssh::process::{self, Ended};

/// A name that nobody configures.
pub const UNRELATED: &str = "prime-ssh-check.invalid";
/// The time limit for one call. A configuration's own `Match exec` lines may run anything.
const LIMIT: Duration = Duration::from_secs(5);
/// Set for every ssh that is only asked: a fragment's own command must fetch no certificate then.
const NO_REFRESH: &str = "PRIME_SSH_NO_REFRESH";

/// Asks ssh what it would do for `name` with these `further` options and the configuration in a
/// file, or with the one that it reads by itself: `ssh -G`.
///
/// # Errors
///
/// Where ssh cannot be started; `NotFound` where there is none.
pub fn ask(config: Option<&Path>, further: &[&str], name: &str) -> io::Result<Ended> {
    let mut command = question(config, further.iter().copied());
    process::run(command.args(["--", name]), LIMIT)
}

/// The command that asks it, up to the name.
#[must_use]
pub fn question<'o>(config: Option<&Path>, further: impl IntoIterator<Item = &'o str>) -> Command {
    let mut command = Command::new("ssh");
    command.arg("-G").env(NO_REFRESH, "1");
    if let Some(config) = config {
        command.arg("-F").arg(config);
    }
    let mut says_session = false;
    for option in further {
        says_session |= option.to_ascii_lowercase().starts_with("sessiontype");
        command.args(["-o", option]);
    }
    // ssh says that it allocates no terminal where stdin is none, even under -G.
    command.arg("-T");
    // And it stops where a configuration has `ForkAfterAuthentication yes`, and nobody gives it a
    // command or `-N`, which is a `SessionType` too.
    if !says_session {
        command.arg("-N");
    }
    command
}

/// Asks ssh for its version, which it prints on stderr: `ssh -V`.
///
/// # Errors
///
/// Where ssh cannot be started; `NotFound` where there is none.
pub fn version() -> io::Result<Ended> {
    process::run(Command::new("ssh").arg("-V"), LIMIT)
}

/// Returns why the ssh of this machine refuses `option`, one line of a configuration, in its own
/// words: in a file it would stop for every host. `None` where it takes it, or where there is no
/// ssh to ask.
#[must_use]
pub fn refusal(option: &str) -> Option<String> {
    let ended = ask(Some(Path::new("/dev/null")), &[option], UNRELATED).ok()?;
    let words = ended.stderr.lines().next().unwrap_or_default().trim();
    // The place is ours, and not one that the user knows.
    let told = words.split_once("line 0: ").map_or(words, |(_, told)| told);
    (ended.status.is_some() && !ended.succeeded()).then(|| told.to_owned())
}
