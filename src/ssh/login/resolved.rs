//! The answer of `ssh -G`: what a plain ssh would do for a target, and what would stop it before it
//! connects.

use std::path::Path;

use super::Reason;
use crate::ssh::process::Ended;
use crate::text::sanitize::excerpt;

/// The longest path of a socket, in bytes, and what ssh adds to it for a moment.
const SOCKET_PATH_MAX: usize = if cfg!(target_os = "macos") { 103 } else { 107 };
const SOCKET_SUFFIX: usize = 17;
/// The most characters of ssh's words that are shown.
const SHOWN: usize = 160;

/// The answer of `ssh -G`.
#[derive(Clone, Debug)]
pub struct Resolved(String);

impl Resolved {
    /// Returns ssh's answer, or the reason that ssh would stop. A login cannot tell the latter by
    /// itself, as it shares no connection.
    pub(super) fn of(ended: &Ended) -> Result<Self, Reason> {
        if ended.status.is_none() {
            return Err(Reason::TimedOut);
        }
        if !ended.succeeded() {
            let words = ended.stderr.lines().map(str::trim).find(|line| !line.is_empty());
            let words = excerpt(words.unwrap_or("ssh said nothing"), SHOWN);
            return Err(Reason::Configuration(words));
        }
        let resolved = Self(ended.stdout.clone());
        match resolved.socket_fault() {
            Some(fault) => Err(Reason::Configuration(fault)),
            None => Ok(resolved),
        }
    }

    /// The value of a keyword, which `ssh -G` writes in lower case.
    #[must_use]
    pub fn value(&self, keyword: &str) -> Option<&str> {
        let mut lines = self.0.lines().filter_map(|line| line.split_once(' '));
        lines.find_map(|(name, value)| (name == keyword).then_some(value))
    }

    /// Returns the reason that ssh could not share a connection as it is told to, which ends it.
    fn socket_fault(&self) -> Option<String> {
        let path = self.value("controlpath").filter(|path| *path != "none")?;
        let is_made = self.value("controlmaster").is_some_and(|value| value != "false");
        let max = SOCKET_PATH_MAX - if is_made { SOCKET_SUFFIX } else { 0 };
        let shown = excerpt(path, SHOWN);
        if path.len() > max {
            return Some(format!("ControlPath {shown} is longer than {max} bytes"));
        }
        let folder = Path::new(path).parent().filter(|_| is_made)?;
        (!folder.is_dir()).then(|| format!("ControlPath {shown} is in a folder that is not there"))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::ExitStatus;

    use super::*;

    fn resolved(stdout: &str) -> Result<Resolved, Reason> {
        let stdout = format!("host prime.train\nport 22\n{stdout}\n");
        Resolved::of(&Ended {
            status: Some(ExitStatus::from_raw(0)),
            stdout,
            stderr: String::new(),
        })
    }

    #[test]
    fn a_socket_that_cannot_be_made() {
        let long = |length: usize| format!("controlpath /tmp/{}", "x".repeat(length - 5));
        assert_eq!(resolved(&long(SOCKET_PATH_MAX)).unwrap().value("port"), Some("22"));
        assert!(resolved(&long(SOCKET_PATH_MAX + 1)).is_err());
        let shared = |line: &str| resolved(&format!("{line}\ncontrolmaster auto"));
        assert!(shared(&long(SOCKET_PATH_MAX - SOCKET_SUFFIX)).is_ok());
        let told = shared(&long(SOCKET_PATH_MAX - SOCKET_SUFFIX + 1)).unwrap_err().to_string();
        assert!(told.ends_with("is longer than 90 bytes") || cfg!(target_os = "macos"), "{told}");
        assert!(shared("controlpath /no/such/folder/x").is_err());
        assert!(resolved("controlpath /no/such/folder/x\ncontrolmaster false").is_ok());
    }
}
