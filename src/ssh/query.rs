//! The ssh of this machine, asked what it would do. It is only asked, never told to connect.

use std::io;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::ssh::process::{self, Ended};
use crate::text::sanitize::excerpt;

/// A name that nobody configures.
pub const UNRELATED: &str = "prime-ssh-check.invalid";
/// The time limit for one call. A configuration's own `Match exec` lines may run anything.
const LIMIT: Duration = Duration::from_secs(5);
/// The longest path of a socket, in bytes (`sockaddr_un`), and what ssh adds to it while it makes one:
/// a dot and 16 characters.
const SOCKET_PATH_MAX: usize = if cfg!(target_os = "macos") { 103 } else { 107 };
const SOCKET_SUFFIX: usize = 17;
/// The most characters of a path that are shown.
const SHOWN: usize = 160;
/// Set for every ssh that is only asked: a fragment's own command must fetch no certificate then.
const NO_REFRESH: &str = "PRIME_SSH_NO_REFRESH";

/// Asks ssh what it would do for `name` with the configuration in a file, or with the one that it
/// reads by itself: `ssh -G`.
///
/// # Errors
///
/// Where ssh cannot be started; `NotFound` where there is none.
pub fn ask(config: Option<&Path>, name: &str) -> io::Result<Ended> {
    process::run(question(config, None).args(["--", name]), LIMIT)
}

/// The command that asks it, up to the name; with one more option.
#[must_use]
pub fn question(config: Option<&Path>, option: Option<&str>) -> Command {
    let mut command = Command::new("ssh");
    command.arg("-G").env(NO_REFRESH, "1");
    if let Some(config) = config {
        command.arg("-F").arg(config);
    }
    if let Some(option) = option {
        command.args(["-o", option]);
    }
    // ssh says that it allocates no terminal where stdin is none, even under -G.
    command.arg("-T");
    // And it stops where a configuration has `ForkAfterAuthentication yes`, and nobody gives it a
    // command or `-N`, which is a `SessionType` too.
    if option.is_none_or(|option| !option.to_ascii_lowercase().starts_with("sessiontype")) {
        command.arg("-N");
    }
    command
}

/// Returns whether ssh takes the owners and modes of all files that it reads by itself.
#[must_use]
pub fn takes_its_files() -> bool {
    let ended = ask(None, UNRELATED);
    ended.is_ok_and(|ended| ended.succeeded() || !ended.stderr.contains("Bad owner or permissions"))
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
    let mut command = question(Some(Path::new("/dev/null")), Some(option));
    let ended = process::run(command.args(["--", UNRELATED]), LIMIT).ok()?;
    let words = ended.complaint();
    // The place is ours, and not one that the user knows.
    let told = words.split_once("line 0: ").map_or(words, |(_, told)| told);
    (ended.status.is_some() && !ended.succeeded()).then(|| told.to_owned())
}

/// Returns the value of a keyword in an answer of `ssh -G`, which writes keywords in lower case.
#[must_use]
pub fn value<'a>(answer: &'a str, keyword: &str) -> Option<&'a str> {
    let mut lines = answer.lines().filter_map(|line| line.split_once(' '));
    lines.find_map(|(name, value)| (name == keyword).then_some(value))
}

/// Returns a list of jump hosts in one spelling: `ssh -G` puts every address into brackets, which only
/// an IPv6 address needs.
#[must_use]
pub fn jump_hosts(list: &str) -> String {
    let hop = |text: &str| match text.split_once(']') {
        Some((start, port)) if !start.contains(':') => start.replacen('[', "", 1) + port,
        _ => text.to_owned(),
    };
    list.split(',').map(hop).collect::<Vec<_>>().join(",")
}

/// Returns the longest path of a socket for shared connections, in bytes. `is_made`: ssh makes such
/// sockets, and does not only look for them.
#[must_use]
pub fn socket_path_max(is_made: bool) -> usize {
    SOCKET_PATH_MAX - if is_made { SOCKET_SUFFIX } else { 0 }
}

/// Returns the reason that ssh, which gave this answer, could not share a connection as it is told
/// to, which ends it.
#[must_use]
pub fn socket_fault(answer: &str) -> Option<String> {
    let path = value(answer, "controlpath").filter(|path| *path != "none")?;
    let is_made = value(answer, "controlmaster").is_some_and(|value| value != "false");
    let max = socket_path_max(is_made);
    let shown = excerpt(path, SHOWN);
    if path.len() > max {
        return Some(format!("ControlPath {shown} is longer than {max} bytes"));
    }
    let folder = Path::new(path).parent().filter(|_| is_made)?;
    (!folder.is_dir()).then(|| format!("ControlPath {shown} is in a folder that is not there"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jump_host_is_the_same_in_brackets_and_without() {
        for (text, expected) in [
            ("[203.0.113.9]", "203.0.113.9"),
            ("me@[203.0.113.9]:2200,gate", "me@203.0.113.9:2200,gate"),
            ("me@[fd00::1]:2200", "me@[fd00::1]:2200"),
            ("me@gate:2200", "me@gate:2200"),
        ] {
            assert_eq!(jump_hosts(text), expected);
        }
    }

    #[test]
    fn a_socket_that_cannot_be_made() {
        let fault = |lines: &str| socket_fault(&format!("port 22\n{lines}\n"));
        let long = |length: usize| format!("controlpath /tmp/{}", "x".repeat(length - 5));
        assert_eq!(fault(&long(SOCKET_PATH_MAX)), None);
        assert!(fault(&long(SOCKET_PATH_MAX + 1)).is_some());
        let shared = |line: &str| fault(&format!("{line}\ncontrolmaster auto"));
        assert_eq!(shared(&long(SOCKET_PATH_MAX - SOCKET_SUFFIX)), None);
        let told = shared(&long(SOCKET_PATH_MAX - SOCKET_SUFFIX + 1)).unwrap();
        assert!(told.ends_with("is longer than 90 bytes") || cfg!(target_os = "macos"), "{told}");
        assert!(shared("controlpath /no/such/folder/x").is_some());
        assert_eq!(fault("controlpath /no/such/folder/x\ncontrolmaster false"), None);
    }
}
