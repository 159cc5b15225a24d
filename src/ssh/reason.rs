//! The reasons that a host does not answer, or lets nobody in.

use std::fmt;

use crate::text::message::counted;

/// The steps that can be late.
pub(super) const RESOLVING: &str = "the name did not resolve in time";
pub(super) const CONNECTING: &str = "connecting took too long";
/// A whole login that was late.
pub const LOGIN: &str = "the login took too long";

/// The reason that a host does not answer, or lets nobody in. All texts are sanitized.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// The name has no address, in the resolver's words.
    #[error("{name} does not resolve: {why}")]
    NameUnknown {
        /// The name.
        name: String,
        /// The reason.
        why: String,
    },
    /// Nobody listens on the port.
    #[error("connection refused")]
    Refused,
    /// There is no route to the address, in the system's words.
    #[error("unreachable: {0}")]
    Unreachable(String),
    /// This step was not done when the time was over.
    #[error("{0}")]
    TimedOut(&'static str),
    /// The server closed the connection before anyone had logged in.
    #[error("the server closed the connection before a login")]
    Closed,
    /// The server took the connection, and had not said a line when the time was over.
    #[error("connected, but no SSH banner came")]
    Silent,
    /// The server talks to nobody now, in its words: too many have not logged in yet, or too many
    /// from our address have failed to.
    #[error("the SSH server turns us away: {0}")]
    TurnedAway(String),
    /// It speaks another language, which starts like this.
    #[error("not an SSH server{}", says(.0))]
    NotSsh(String),
    /// It speaks this version of the protocol, and no ssh of today does.
    #[error("it speaks SSH {0}, which no current ssh does")]
    OldProtocol(String),
    /// The jump host could not connect to it, in the words of ssh there.
    #[error("the jump host cannot connect to it: {0}")]
    JumpCannotConnect(String),
    /// This machine could not ask, in the system's words.
    #[error("this machine could not ask: {0}")]
    ThisMachine(String),
    /// The server takes none of the keys.
    #[error("{}", key_refused(.offered, .takes))]
    KeyRefused {
        /// Those that ssh offered.
        offered: Vec<OfferedKey>,
        /// The ways to log in that the server knows: `publickey,password`.
        takes: String,
    },
    /// The server takes this key, and ssh could not use it: it has a passphrase, and no agent
    /// holds it, or the agent refused.
    #[error(
        "the server would accept the key {}, but it cannot be used: it has a passphrase that \
         nobody can be asked for, or the agent refused",
        .0.name
    )]
    KeyLocked(OfferedKey),
    /// Others can read a key, so that ssh does not use it. Its path is not told: a server could have
    /// written the line that names it.
    #[error("others can read a key, so ssh does not use it")]
    KeyReadable,
    /// The server had enough before the right key came; the number of keys that were offered.
    #[error("too many authentication failures: {} offered", counted(*.0, "key"))]
    TooManyKeys(usize),
    /// The host key is not the one that is remembered.
    #[error("the host key has changed")]
    HostKeyChanged,
    /// The host key is not known, and only known ones are taken.
    #[error("the host key is unknown, and only known keys are accepted")]
    HostKeyUnknown,
    /// ssh does not take its own configuration.
    #[error("ssh refuses its configuration: {0}")]
    SshConfig(String),
    /// The login was good, and the command over there ended with this code.
    #[error("logged in, but {}", ended(*.0))]
    CommandFailed(i32),
    /// Something else, in ssh's last words.
    #[error("{0}")]
    LoginFailed(String),
}

impl Reason {
    /// Returns the reason in one word, for programs.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::NameUnknown { .. } => "name_unknown",
            Self::Refused => "refused",
            Self::Unreachable(_) => "unreachable",
            Self::TimedOut(_) => "timed_out",
            Self::Closed => "closed",
            Self::Silent => "silent",
            Self::TurnedAway(_) => "turned_away",
            Self::NotSsh(_) => "not_ssh",
            Self::OldProtocol(_) => "old_protocol",
            Self::JumpCannotConnect(_) => "jump_cannot_connect",
            Self::ThisMachine(_) => "this_machine",
            Self::KeyRefused { .. } => "key_refused",
            Self::KeyLocked(_) => "key_locked",
            Self::KeyReadable => "key_readable",
            Self::TooManyKeys(_) => "too_many_keys",
            Self::HostKeyChanged => "host_key_changed",
            Self::HostKeyUnknown => "host_key_unknown",
            Self::SshConfig(_) => "ssh_config",
            Self::CommandFailed(_) => "command_failed",
            Self::LoginFailed(_) => "login_failed",
        }
    }

    /// Returns whether no waiting changes it: the server, or the ssh of this machine, refused the
    /// login.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::KeyRefused { .. }
                | Self::KeyLocked(_)
                | Self::KeyReadable
                | Self::TooManyKeys(_)
                | Self::HostKeyChanged
                | Self::HostKeyUnknown
                | Self::SshConfig(_)
                | Self::CommandFailed(_)
        )
    }

    /// Returns whether a login came no further than a probe does.
    #[must_use]
    pub fn is_of_connection(&self) -> bool {
        matches!(
            self,
            Self::Refused
                | Self::Unreachable(_)
                | Self::TimedOut(_)
                | Self::Closed
                | Self::TurnedAway(_)
        )
    }
}

fn says(start: &str) -> String {
    if start.is_empty() { String::new() } else { format!(": it says `{start}`") }
}

fn key_refused(offered: &[OfferedKey], takes: &str) -> String {
    match offered {
        [] => format!("no key to offer; the server accepts {takes}"),
        [key] => format!("the key {key} is not accepted"),
        keys => {
            let keys: Vec<_> = keys.iter().map(ToString::to_string).collect();
            format!("no key is accepted: {}", keys.join(", "))
        }
    }
}

fn ended(code: i32) -> String {
    match code {
        127 => "found no `true` command".to_owned(),
        code => format!("`true` exited with {code}"),
    }
}

/// A key that ssh offered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferedKey {
    /// Its file, or what the agent calls it.
    pub name: String,
    /// `SHA256:…`.
    pub fingerprint: String,
}

impl fmt::Display for OfferedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, self.fingerprint)
    }
}
