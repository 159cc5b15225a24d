//! The status of a host: ok or not, why not, and what to do about it.

use std::cell::OnceCell;
use std::fmt;

use serde::Serialize;

use super::reach::Found;
use super::{ViewedCluster, ViewedHost};
use crate::certificate::own_keys::OwnKeys;
use crate::settings::ViewSettings;
use crate::ssh::login::Login;
use crate::ssh::reason::{LOGIN, Reason};

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

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
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
        let probed = self.found.probe.as_ref().and_then(|probe| probe.server.as_ref().ok());
        let logged = || self.found.login.as_ref().and_then(|login| login.server.as_deref());
        probed.map(String::as_str).or_else(logged)
    }
}

/// Judges what was found, and knows what helps.
pub(in crate::commands) struct Judge<'j> {
    pub(super) viewing: &'j ViewSettings<'j>,
    /// True if logins are tried; else `--login` would.
    logs_in: bool,
    pub(super) own_keys: OnceCell<OwnKeys>,
}

impl<'j> Judge<'j> {
    pub(in crate::commands) fn new(viewing: &'j ViewSettings<'j>, logs_in: bool) -> Self {
        Self { viewing, logs_in, own_keys: OnceCell::new() }
    }

    /// Judges the hosts of a cluster, in their order; `found` says what was found at each.
    pub(in crate::commands) fn statuses<'c>(
        &self,
        cluster: &'c ViewedCluster<'c>,
        mut found: impl FnMut(&ViewedHost<'c>) -> Found,
    ) -> Vec<NodeStatus<'c>> {
        let found: Vec<(ViewedHost<'c>, Found)> =
            cluster.hosts().map(|host| (host, found(&host))).collect();
        let status = |(host, found): (ViewedHost<'c>, Found), jump| NodeStatus {
            verdict: self.verdict(&host, &found, jump),
            host,
            found,
        };
        let jump = found.iter().find(|(host, _)| host.is_jump());
        let jump = jump.map(|(host, found)| status((*host, found.clone()), None));
        let status = |(host, found): (ViewedHost<'c>, Found)| match &jump {
            Some(jump) if host.is_jump() => jump.clone(),
            jump => status((host, found), jump.as_ref().filter(|_| host.host.jumps)),
        };
        found.into_iter().map(status).collect()
    }

    /// Judges one host; `jump` is the one that it is reached through, where that is the cluster's.
    fn verdict(
        &self,
        host: &ViewedHost<'_>,
        found: &Found,
        jump: Option<&NodeStatus<'_>>,
    ) -> Verdict {
        let is_untried = found.login.is_none() && found.probe.is_none();
        if let Some(jump) = jump.filter(|jump| is_untried && jump.is_problem()) {
            // It is told with its own remedy.
            let (name, why) = (host.proxy_jump().unwrap_or_default(), &jump.verdict.detail);
            let detail = format!("its jump host {name} failed: {why}");
            return Verdict::new(State::Skipped, "jump_failed", detail);
        }
        if let Some(reason) = &found.jump_failure {
            let name = host.proxy_jump().unwrap_or_default();
            let detail = format!("not tried: its jump host {name}: {reason}");
            let remedy = self.failed_jump(host, reason).remedy;
            return Verdict { remedy, ..Verdict::new(State::Skipped, "jump_failed", detail) };
        }
        let probe = found.probe.as_ref().map(|probe| probe.server.as_ref().err());
        match (&found.login, probe) {
            (Some(Login { result: Ok(()), .. }), _) | (None, Some(None)) => Verdict::ok(),
            // What the probe says of a connection is more exact.
            (Some(Login { result: Err(reason), .. }), Some(Some(error)))
                if reason.is_of_connection() =>
            {
                self.failed(host, error)
            }
            (Some(Login { result: Err(reason), .. }), _) | (None, Some(Some(reason))) => {
                self.failed(host, reason)
            }
            (None, None) => match host.proxy_jump() {
                Some(jump) => Verdict::new(State::Skipped, BEHIND_JUMP, format!("behind {jump}")),
                None => Verdict::new(State::Skipped, "not_asked", "not asked yet"),
            },
        }
    }

    /// Judges the jump host before `host`, which did not answer, or did not let us in.
    pub(in crate::commands) fn failed_jump(
        &self,
        host: &ViewedHost<'_>,
        reason: &Reason,
    ) -> Verdict {
        let mut hosts = host.cluster.hosts();
        match hosts.find(|own| host.host.jumps && own.is_jump()) {
            Some(own) => self.failed(&own, reason),
            None => match Self::at_users_host(reason) {
                Some(remedy) => failed(reason.word(), reason.to_string()).remedy(remedy),
                None => self.failed(host, reason),
            },
        }
    }

    /// Judges a host that did not answer, or did not let us in.
    fn failed(&self, host: &ViewedHost<'_>, reason: &Reason) -> Verdict {
        let verdict = failed(reason.word(), reason.to_string());
        match reason {
            // A name that ssh has not been told of.
            Reason::NameUnknown { name, .. } if is_alias_of(host, name) => {
                let detail = format!("ssh does not know {} yet", host.alias());
                failed("not_installed", detail).remedy(self.install(host))
            }
            Reason::NameUnknown { .. } | Reason::Unreachable(_) | Reason::TimedOut(_)
                if !self.logs_in =>
            {
                verdict.remedy(
                    "if your own ssh configuration leads there another way (ProxyJump, \
                     ProxyCommand), --login takes it",
                )
            }
            Reason::TimedOut(LOGIN) => verdict.remedy("--probe-timeout gives it more time"),
            Reason::TurnedAway(_) => verdict.remedy("wait a minute, and check again"),
            Reason::KeyRefused { offered, .. } => match self.certificate(host) {
                Some((detail, remedy)) => failed("certificate", detail).remedy(remedy),
                None => verdict.remedy(self.other_key(host, offered)),
            },
            Reason::KeyLocked(_) => verdict.remedy(self.unlock(host)),
            Reason::KeyReadable => verdict.remedy(self.close(host)),
            Reason::TooManyKeys(_) => {
                let install = host.cluster.install_with_key("PATH", self.viewing.context);
                verdict.remedy(format!("name the right one: {install}"))
            }
            Reason::HostKeyChanged => verdict.remedy(self.forget(host)),
            Reason::HostKeyUnknown => verdict
                .remedy("add its key to the known hosts, or install with `--host-keys accept-new`"),
            _ => verdict,
        }
    }
}

fn failed(reason: &'static str, detail: String) -> Verdict {
    Verdict::new(State::Failed, reason, detail)
}

/// Returns whether it is the alias itself that ssh looked for, or what our last block makes of one.
fn is_alias_of(host: &ViewedHost<'_>, name: &str) -> bool {
    let alias = host.alias();
    name.strip_prefix(&alias).is_some_and(|rest| rest.is_empty() || rest.starts_with(".invalid"))
}
