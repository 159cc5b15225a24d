//! The status of a host: ok or not, why not, and what to do about it.

use serde::Serialize;

use super::reach::Found;
use super::remedy::{self, Remedies};
use super::{ViewedCluster, ViewedHost};
use crate::ssh::login::{Login, Reason};
use crate::ssh::probe::{Probe, ProbeError};

/// The state of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::commands) enum State {
    /// It answers and, where that was tried, lets us in.
    Ok,
    /// It does not.
    Failed,
    /// It was not looked at.
    Skipped,
}

impl State {
    pub(in crate::commands) fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}

/// The reason that a host behind a jump host was skipped.
const BEHIND_JUMP: &str = "behind_jump";

/// A host with what was found there, and what that means.
#[derive(Clone, Debug)]
pub(in crate::commands) struct NodeStatus<'c> {
    pub(in crate::commands) host: ViewedHost<'c>,
    pub(in crate::commands) found: Found,
    pub(in crate::commands) verdict: Verdict,
}

/// The meaning of what was found at a host.
#[derive(Clone, Debug)]
pub(in crate::commands) struct Verdict {
    pub(in crate::commands) state: State,
    /// The reason that it is not ok, in one word for programs.
    pub(in crate::commands) reason: Option<&'static str>,
    /// The same for people.
    pub(in crate::commands) detail: String,
    /// The remedy.
    pub(in crate::commands) remedy: Option<String>,
}

impl Verdict {
    fn new(state: State, reason: &'static str, detail: impl Into<String>) -> Self {
        Self { state, reason: Some(reason), detail: detail.into(), remedy: None }
    }

    fn ok() -> Self {
        Self { reason: None, ..Self::new(State::Ok, "", "") }
    }

    fn failed(reason: &'static str, detail: impl Into<String>) -> Self {
        Self::new(State::Failed, reason, detail)
    }

    fn remedy(self, remedy: impl Into<String>) -> Self {
        Self { remedy: Some(remedy.into()), ..self }
    }
}

impl NodeStatus<'_> {
    pub(in crate::commands) fn is_ok(&self) -> bool {
        self.verdict.state == State::Ok
    }

    /// Returns whether it makes a run fail: it failed, or could not be looked at.
    pub(in crate::commands) fn is_problem(&self) -> bool {
        !self.is_ok() && !self.is_behind_jump()
    }

    /// Returns whether it was skipped for it is behind a jump host, to which nobody was to log in.
    pub(in crate::commands) fn is_behind_jump(&self) -> bool {
        self.verdict.reason == Some(BEHIND_JUMP)
    }

    /// The server's name for itself.
    pub(in crate::commands) fn server(&self) -> Option<&str> {
        let probed = self.probe().and_then(|probe| probe.found.as_ref().ok());
        let logged = || self.found.login.as_ref().and_then(|login| login.server.as_deref());
        probed.map(String::as_str).or_else(logged)
    }

    pub(in crate::commands) fn probe(&self) -> Option<&Probe> {
        self.found.probe.as_ref()
    }
}

/// Judges what was found, and knows what helps.
pub(in crate::commands) struct Judge<'j> {
    pub(in crate::commands) remedies: Remedies<'j>,
    /// True if logins are tried; else `--login` would.
    pub(in crate::commands) logs_in: bool,
}

impl Judge<'_> {
    /// Judges the hosts of a cluster, in their order; `found` says what was found at each.
    pub(in crate::commands) fn statuses<'c>(
        &self,
        cluster: &'c ViewedCluster<'c>,
        mut found: impl FnMut(&ViewedHost<'c>) -> Found,
    ) -> Vec<NodeStatus<'c>> {
        let found: Vec<(ViewedHost<'c>, Found)> =
            cluster.hosts().map(|host| (host, found(&host))).collect();
        let jump = found.iter().find(|(host, _)| host.is_jump());
        let jump = jump.map(|(host, found)| self.status(*host, found.clone(), None));
        let status = |(host, found): (ViewedHost<'c>, Found)| {
            let jump = jump.as_ref().filter(|_| host.host.jumps);
            self.status(host, found, jump)
        };
        found.into_iter().map(status).collect()
    }

    /// Judges one host; `jump` is the one that it is reached through, where that is the cluster's.
    fn status<'c>(
        &self,
        host: ViewedHost<'c>,
        found: Found,
        jump: Option<&NodeStatus<'_>>,
    ) -> NodeStatus<'c> {
        NodeStatus { verdict: self.verdict(&host, &found, jump), host, found }
    }

    fn verdict(
        &self,
        host: &ViewedHost<'_>,
        found: &Found,
        jump: Option<&NodeStatus<'_>>,
    ) -> Verdict {
        if let Some(reason) = &found.jump_failure {
            return self.jump_failed(host, reason, jump);
        }
        let error = found.probe.as_ref().and_then(|probe| probe.found.as_ref().err());
        match (&found.login, error) {
            (None, None) if found.probe.is_none() => not_looked_at(host, jump),
            (None, None) | (Some(Login { result: Ok(()), .. }), _) => Verdict::ok(),
            (None, Some(error)) => self.probe_failed(error),
            // What the probe says of a connection is more exact.
            (Some(Login { result: Err(reason), .. }), Some(error)) if is_of_connection(reason) => {
                self.probe_failed(error)
            }
            (Some(Login { result: Err(reason), .. }), _) => self.login_failed(host, reason),
        }
    }

    fn jump_failed(
        &self,
        host: &ViewedHost<'_>,
        reason: &Reason,
        jump: Option<&NodeStatus<'_>>,
    ) -> Verdict {
        let name = host.jump().unwrap_or_default();
        let detail = format!("not tried: its jump host {name}: {reason}");
        let remedy = match jump {
            // It is told with its own remedy.
            Some(jump) if jump.is_problem() => None,
            Some(jump) => self.login_failed(&jump.host, reason).remedy,
            None => remedy::of_own_host(host, reason)
                .map(ToOwned::to_owned)
                .or_else(|| self.login_failed(host, reason).remedy),
        };
        Verdict { remedy, ..Verdict::new(State::Skipped, "jump_failed", detail) }
    }

    fn probe_failed(&self, error: &ProbeError) -> Verdict {
        let verdict = Verdict::failed(probe_word(error), error.to_string());
        match error {
            ProbeError::NameUnknown(_) | ProbeError::Unreachable(_) | ProbeError::TimedOut(_)
                if !self.logs_in =>
            {
                verdict.remedy(
                    "if your own ssh configuration leads there another way (ProxyJump, \
                     ProxyCommand), --login takes it",
                )
            }
            ProbeError::TurnedAway(_) => verdict.remedy("wait a minute, and check again"),
            _ => verdict,
        }
    }

    /// Judges a host that did not let us in. Of a jump host, `host` is one behind it.
    pub(in crate::commands) fn login_failed(
        &self,
        host: &ViewedHost<'_>,
        reason: &Reason,
    ) -> Verdict {
        let remedies = &self.remedies;
        let verdict = Verdict::failed(login_word(reason), reason.to_string());
        match reason {
            Reason::NoKeyTaken { offered, .. } => match remedies.certificate(host) {
                Some((detail, remedy)) => Verdict::failed("certificate", detail).remedy(remedy),
                None => verdict.remedy(remedies.other_key(host, offered)),
            },
            Reason::KeyLocked(_) => verdict.remedy(remedies.unlock(host)),
            Reason::KeyReadable(_) => verdict.remedy(remedies.close(host)),
            Reason::TooManyKeys { .. } => verdict.remedy(remedies.right_key(host)),
            Reason::HostKeyChanged => verdict.remedy(remedies.forget(host)),
            Reason::HostKeyUnknown => verdict
                .remedy("add its key to the known hosts, or install with `--host-keys accept-new`"),
            // A name that ssh has not been told of.
            Reason::NameUnknown { name, .. } if is_alias_of(host, name) => {
                let detail = format!("ssh does not know {} yet", host.alias());
                Verdict::failed("not_installed", detail).remedy(remedies.install(host))
            }
            Reason::TurnedAway(_) => verdict.remedy("wait a minute, and check again"),
            Reason::TimedOut => verdict.remedy("--probe-timeout gives it more time"),
            _ => verdict,
        }
    }
}

/// A host that nobody looked at.
fn not_looked_at(host: &ViewedHost<'_>, jump: Option<&NodeStatus<'_>>) -> Verdict {
    let Some(name) = host.jump() else {
        return Verdict::new(State::Skipped, "not_asked", "not asked yet");
    };
    match jump {
        Some(jump) if jump.is_problem() => Verdict::new(
            State::Skipped,
            "jump_failed",
            format!("its jump host {name} failed: {}", jump.verdict.detail),
        ),
        _ => Verdict::new(State::Skipped, BEHIND_JUMP, format!("behind {name}")),
    }
}

/// Returns whether it is the alias itself that ssh looked for, or what our last block makes of one.
fn is_alias_of(host: &ViewedHost<'_>, name: &str) -> bool {
    let alias = host.alias();
    name.strip_prefix(&alias).is_some_and(|rest| rest.is_empty() || rest.starts_with(".invalid"))
}

fn is_of_connection(reason: &Reason) -> bool {
    matches!(
        reason,
        Reason::NotConnected(_) | Reason::TimedOut | Reason::Closed | Reason::TurnedAway(_)
    )
}

fn probe_word(error: &ProbeError) -> &'static str {
    match error {
        ProbeError::NameUnknown(_) => "name_unknown",
        ProbeError::Refused => "refused",
        ProbeError::Unreachable(_) => "unreachable",
        ProbeError::TimedOut(_) => "timed_out",
        ProbeError::Closed => "closed",
        ProbeError::Silent => "silent",
        ProbeError::TurnedAway(_) => "turned_away",
        ProbeError::NotSsh(_) => "not_ssh",
        ProbeError::Protocol(_) => "old_protocol",
        ProbeError::FromJump(_) => "jump_cannot_connect",
        ProbeError::Here(_) => "this_machine",
    }
}

fn login_word(reason: &Reason) -> &'static str {
    match reason {
        Reason::NoKeyTaken { .. } => "key_refused",
        Reason::KeyLocked(_) => "key_locked",
        Reason::KeyReadable(_) => "key_readable",
        Reason::TooManyKeys { .. } => "too_many_keys",
        Reason::HostKeyChanged => "host_key_changed",
        Reason::HostKeyUnknown => "host_key_unknown",
        Reason::NameUnknown { .. } => "name_unknown",
        Reason::NotConnected(_) => "not_connected",
        Reason::TimedOut => "login_timed_out",
        Reason::Closed => "closed",
        Reason::TurnedAway(_) => "turned_away",
        Reason::Configuration(_) => "ssh_config",
        Reason::Command(_) => "command_failed",
        Reason::FromJump(_) => "jump_cannot_connect",
        Reason::Other(_) => "login_failed",
    }
}
