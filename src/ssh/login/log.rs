//! Finds the reason that a login failed in ssh's log (`-v`, `LC_ALL=C`).
//!
//! It decides what a person is told and nothing else: whether a login was good is in ssh's exit
//! code. What the other side said stands in that log too, so that nothing is taken from it but
//! words to show.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use nix::sys::signal::Signal;

use crate::ssh::probe::TURNED_AWAY;
use crate::ssh::reason::{LOGIN, OfferedKey, Reason};
use crate::text::sanitize::{excerpt, in_sentence};

/// The most characters that are shown of an unknown line.
const SHOWN: usize = 160;
/// The exit code of ssh itself; every other one is that of the remote command.
const FAILED: i32 = 255;

/// Returns the result of a run of ssh that should have logged in and done nothing.
pub(super) fn outcome(status: Option<ExitStatus>, log: &str) -> Result<(), Reason> {
    if status.and_then(|status| status.signal()) == Some(Signal::SIGXFSZ as i32) {
        return Err(Reason::LoginFailed("the server sends endless output".to_owned()));
    }
    match status.map(|status| status.code()) {
        None => Err(Reason::TimedOut(LOGIN)),
        Some(Some(0)) => Ok(()),
        Some(Some(code)) if code != FAILED => Err(Reason::CommandFailed(code)),
        Some(_) => Err(of_log(log)),
    }
}

/// Returns the reason that ssh could not log in.
pub(super) fn of_log(log: &str) -> Reason {
    let log = Log::new(log);
    None.or_else(|| log.host_key())
        .or_else(|| log.configuration())
        .or_else(|| log.authentication())
        .or_else(|| log.turned_away())
        .or_else(|| log.connection())
        .unwrap_or_else(|| log.last_words())
}

/// Returns the server's software, if the login came so far.
pub(super) fn server(log: &str) -> Option<String> {
    let said = log.lines().find_map(|line| line.strip_prefix("debug1: Remote protocol version "));
    let (_, software) = said?.split_once(", remote software version ")?;
    Some(excerpt(software.trim_end(), 60))
}

/// Returns the reason of a failed connection if ssh knows the cluster and not this alias: it asked
/// the jump host for the name that our last block makes of such an alias.
pub(super) fn unknown_to_jump(log: &str, alias: &str) -> Option<Reason> {
    let name = format!("{alias}.invalid.");
    let why = not_opened(log, &format!(" for {name} port "))?;
    Some(Reason::NameUnknown { name, why })
}

/// Returns the jump host's words about the last channel to this place, from the log of the
/// connection to it: the words are on one line, and the channel's target is on a later one.
pub(super) fn not_opened(log: &str, place: &str) -> Option<String> {
    let mut ended = None;
    for line in log.lines().rev() {
        let named = line.strip_prefix("debug1: channel ").and_then(|rest| rest.split_once(": "));
        match named {
            Some((channel, what)) if what.starts_with("free: ") && what.contains(place) => {
                ended = Some(channel);
            }
            // Numbers are used again.
            Some((channel, what)) if what.starts_with("new ") && ended == Some(channel) => {
                ended = None;
            }
            _ => {}
        }
        let opened =
            line.strip_prefix("channel ").and_then(|rest| rest.split_once(": open failed: "));
        if let Some((channel, words)) = opened
            && ended == Some(channel)
        {
            let words = words.strip_prefix("connect failed: ").unwrap_or(words);
            return Some(in_sentence(words, SHOWN));
        }
    }
    None
}

/// The lines of a log that are ssh's own: what a server sends as its last word may have any form.
struct Log<'l> {
    lines: Vec<&'l str>,
}

impl<'l> Log<'l> {
    fn new(log: &'l str) -> Self {
        let mut lines = Vec::new();
        for line in log.lines().map(str::trim_end) {
            lines.push(line);
            if line.starts_with("Received disconnect from ") {
                break;
            }
        }
        Self { lines }
    }

    fn any(&self, holds: &str) -> bool {
        self.lines.iter().any(|line| line.contains(holds))
    }

    fn behind(&self, start: &str) -> impl Iterator<Item = &'l str> {
        self.lines.iter().filter_map(move |line| line.strip_prefix(start))
    }

    fn host_key(&self) -> Option<Reason> {
        if self.any("REMOTE HOST IDENTIFICATION HAS CHANGED") {
            return Some(Reason::HostKeyChanged);
        }
        let strict = self.any("host key is known for ") && self.any("requested strict checking");
        strict.then_some(Reason::HostKeyUnknown)
    }

    fn authentication(&self) -> Option<Reason> {
        let offered: Vec<_> =
            self.behind("debug1: Offering public key: ").filter_map(offered_key).collect();
        if self.any("Too many authentication failures") {
            return Some(Reason::TooManyKeys(offered.len()));
        }
        let denied = self.lines.iter().find_map(|line| line.split_once(": Permission denied ("));
        let (_, takes) = denied?;
        if self.behind("Permissions ").any(|rest| rest.ends_with("' are too open.")) {
            return Some(Reason::KeyReadable);
        }
        let mut accepted = self.behind("debug1: Server accepts key: ");
        if let Some(key) = accepted.find_map(offered_key) {
            return Some(Reason::KeyLocked(key));
        }
        let takes = shown(takes.trim_end_matches(['.', ')']));
        Some(Reason::KeyRefused { offered, takes })
    }

    fn configuration(&self) -> Option<Reason> {
        let is_told = |line: &&&str| {
            line.starts_with("Bad owner or permissions on ")
                || (line.contains(": line ") || line.contains(" line "))
                    && (line.contains("Bad configuration option")
                        || line.contains("missing argument")
                        || line.contains("unsupported option")
                        || line.contains("extra arguments"))
        };
        let line = self.lines.iter().filter(|line| !line.starts_with("debug")).find(is_told)?;
        Some(Reason::SshConfig(shown(line)))
    }

    fn turned_away(&self) -> Option<Reason> {
        let words = TURNED_AWAY.into_iter().find(|words| self.any(words))?;
        Some(Reason::TurnedAway(words.to_owned()))
    }

    fn connection(&self) -> Option<Reason> {
        if let Some(rest) = self.behind("ssh: Could not resolve hostname ").next() {
            let (name, why) = rest.split_once(": ").unwrap_or((rest, "unknown"));
            return Some(Reason::NameUnknown { name: shown(name), why: in_sentence(why, SHOWN) });
        }
        if let Some(rest) = self.behind("ssh: connect to host ").next() {
            let words = rest.rsplit_once(": ").map_or(rest, |(_, words)| words);
            return Some(match words {
                "Connection timed out" => Reason::TimedOut(LOGIN),
                "Connection refused" => Reason::Refused,
                words => Reason::Unreachable(in_sentence(words, SHOWN)),
            });
        }
        if self.any("Connection timed out during banner exchange")
            || self
                .lines
                .iter()
                .any(|l| l.starts_with("Connection to ") && l.ends_with("timed out"))
        {
            return Some(Reason::TimedOut(LOGIN));
        }
        let closed =
            ["Connection closed by ", "Connection reset by ", "kex_exchange_identification: "];
        let is_closed = |line: &&str| closed.iter().any(|start| line.starts_with(start));
        self.lines.iter().any(is_closed).then_some(Reason::Closed)
    }

    fn last_words(&self) -> Reason {
        let own = |line: &&&str| {
            let noise = ["debug", "OpenSSH_", "Transferred: ", "Bytes per second: ", "Warning: "];
            !line.is_empty() && !noise.iter().any(|start| line.starts_with(start))
        };
        let last = self.lines.iter().rev().find(own);
        Reason::LoginFailed(last.map_or_else(|| "ssh said nothing".to_owned(), |line| shown(line)))
    }
}

fn shown(text: &str) -> String {
    excerpt(text, SHOWN)
}

/// `/home/me/.ssh/id ED25519 SHA256:… explicit agent`.
fn offered_key(text: &str) -> Option<OfferedKey> {
    let at = text.rfind(" SHA256:")?;
    let (before, behind) = text.split_at_checked(at)?;
    let (name, _kind) = before.rsplit_once(' ')?;
    let fingerprint = behind.split_whitespace().next()?;
    Some(OfferedKey { name: shown(name), fingerprint: shown(fingerprint) })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The logs are those of OpenSSH 9.2p1, shortened.
    fn told(log: &str) -> String {
        of_log(log).to_string()
    }

    const OFFERED: &str = "debug1: Offering public key: /home/me/my key ED25519 SHA256:R+Mw explicit\n\
        debug1: Authentications that can continue: publickey\n";

    #[test]
    fn keys_that_are_not_accepted() {
        let denied = "root@203.0.113.10: Permission denied (publickey,password).\n";
        assert_eq!(
            told(&format!("{OFFERED}{denied}")),
            "the key /home/me/my key (SHA256:R+Mw) is not accepted"
        );
        assert_eq!(
            told(&format!("{OFFERED}{}{denied}", OFFERED.replace("my key", "b"))),
            "no key is accepted: /home/me/my key (SHA256:R+Mw), /home/me/b (SHA256:R+Mw)"
        );
        assert_eq!(told(denied), "no key to offer; the server accepts publickey,password");
        let locked = OFFERED.replace("Offering public key", "Server accepts key");
        assert!(told(&format!("{OFFERED}{locked}{denied}")).contains("it has a passphrase"));
        let open = "Permissions 0644 for '/home/me/my key' are too open.\n";
        assert_eq!(
            told(&format!("{OFFERED}{locked}{open}{denied}")),
            "others can read a key, so ssh does not use it"
        );
        let many =
            "Received disconnect from 203.0.113.10 port 22:2: Too many authentication failures\n";
        assert_eq!(
            told(&format!("{}{many}Disconnected from 203.0.113.10 port 22\n", OFFERED.repeat(6))),
            "too many authentication failures: 6 keys offered"
        );
    }

    #[test]
    fn host_keys() {
        let changed = "@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\n\
            Add correct host key in /home/me/a b:c to get rid of this message.\n\
            Offending ED25519 key in /home/me/a b:c:2\n\
            Host key for prime-pod0 has changed and you have requested strict checking.\n\
            Host key verification failed.\n";
        assert_eq!(of_log(changed), Reason::HostKeyChanged);
        let strict = "No ED25519 host key is known for prime-pod0 and you have requested strict \
            checking.\nHost key verification failed.\n";
        assert_eq!(of_log(strict), Reason::HostKeyUnknown);
    }

    #[test]
    fn connections() {
        let refused = "ssh: connect to host 203.0.113.10 port 22: Connection refused\n";
        assert_eq!(told(refused), "connection refused");
        let late = "ssh: connect to host 203.0.113.10 port 22: Connection timed out\n";
        assert_eq!(of_log(late), Reason::TimedOut(LOGIN));
        assert_eq!(
            of_log("Connection timed out during banner exchange\n"),
            Reason::TimedOut(LOGIN)
        );
        let name = "ssh: Could not resolve hostname a.b.invalid.: Name or service not known\n";
        assert_eq!(told(name), "a.b.invalid. does not resolve: name or service not known");
        let closed = "kex_exchange_identification: Connection closed by remote host\n\
            Connection closed by 203.0.113.10 port 22\n";
        assert_eq!(of_log(closed), Reason::Closed);
        let busy = "kex_exchange_identification: banner line 0: Exceeded MaxStartups\n";
        assert!(told(&format!("{busy}{closed}")).ends_with("Exceeded MaxStartups"));
    }

    #[test]
    fn what_ssh_itself_stumbles_over() {
        let bad = "/home/me/.ssh/config: line 1: Bad configuration option: bogus\n\
            /home/me/.ssh/config: terminating, 1 bad configuration options\n";
        assert_eq!(
            told(bad),
            "ssh refuses its configuration: /home/me/.ssh/config: line 1: Bad configuration option: \
             bogus"
        );
        let owner = "Bad owner or permissions on /home/me/.ssh/config\n";
        assert!(told(owner).ends_with("Bad owner or permissions on /home/me/.ssh/config"));
        let other = "OpenSSH_9.2p1\nUnable to negotiate with 1.2.3.4 port 22: no matching key\n";
        assert_eq!(told(other), "Unable to negotiate with 1.2.3.4 port 22: no matching key");
        assert_eq!(told(""), "ssh said nothing");
    }

    #[test]
    fn a_server_cannot_put_words_into_the_mouth_of_ssh() {
        let forged = "Received disconnect from 203.0.113.10 port 22:11: bye\u{1b}[2J\n\
            @    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\n\
            Offending ED25519 key in /etc/passwd:2\n";
        let told = told(forged);
        assert!(told.starts_with("Received disconnect") && !told.contains('\u{1b}'), "{told}");
    }

    #[test]
    fn a_server_that_sends_without_end_is_told_as_such() {
        let ended = ExitStatus::from_raw(Signal::SIGXFSZ as i32);
        let log = "Authenticated to 203.0.113.10 using \"publickey\".\n";
        let told = outcome(Some(ended), log).unwrap_err().to_string();
        assert_eq!(told, "the server sends endless output");
    }

    #[test]
    fn what_the_server_calls_itself() {
        let log = "debug1: Local version string SSH-2.0-OpenSSH_9.2p1\n\
            debug1: Remote protocol version 2.0, remote software version OpenSSH_8.9p1 Ubuntu-3\n";
        assert_eq!(server(log).unwrap(), "OpenSSH_8.9p1 Ubuntu-3");
        assert_eq!(server("debug1: x\n"), None);
    }

    #[test]
    fn what_the_jump_host_said_about_one_of_many() {
        let log = "debug1: channel_connect_stdio_fwd: 10.0.0.11:22\n\
            debug1: channel 2: new stdio-forward [stdio-forward] (inactive timeout: 0)\n\
            debug1: channel_connect_stdio_fwd: 10.0.0.12:22\n\
            debug1: channel 4: new stdio-forward [stdio-forward] (inactive timeout: 0)\n\
            channel 4: open failed: administratively prohibited: open failed\n\
            channel 2: open failed: connect failed: Connection refused\n\
            debug1: channel 2: free: direct-tcpip: listening port 0 for 10.0.0.11 port 22, connect \
            from 127.0.0.1 port 65535 to UNKNOWN port 65536, nchannels 3\n\
            debug1: channel 4: free: direct-tcpip: listening port 0 for 10.0.0.12 port 22, connect \
            from 127.0.0.1 port 65535 to UNKNOWN port 65536, nchannels 3\n\
            debug1: channel 2: new stdio-forward [stdio-forward] (inactive timeout: 0)\n\
            debug1: channel 2: free: direct-tcpip: listening port 0 for 10.0.0.13 port 22, connect \
            from 127.0.0.1 port 65535 to UNKNOWN port 65536, nchannels 3\n";
        let told = |host: &str| not_opened(log, &format!(" for {host} port 22,"));
        assert_eq!(told("10.0.0.11").unwrap(), "connection refused");
        assert_eq!(told("10.0.0.12").unwrap(), "administratively prohibited: open failed");
        assert_eq!((told("10.0.0.13"), told("10.0.0.1")), (None, None));
    }
}
