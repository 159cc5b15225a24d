//! What was found out about a host, judged: is it ok, why not, and what to do about it.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde::Serialize;

use super::ViewedHost;
use super::look::Found;
use crate::certificate::identity::Identity;
use crate::certificate::own_keys::{fitting, own_keys};
use crate::install::layout::Layout;
use crate::install::state::FileKind;
use crate::settings::OptionResolver;
use crate::ssh::login::{Login, Reason};
use crate::ssh::probe::{Probe, ProbeError};
use crate::ssh::process;
use crate::text::shell;

/// How long `ssh-keygen` may take to look into a file.
const KEYGEN_LIMIT: Duration = Duration::from_secs(3);

/// How a host is.
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

/// Why a host that is behind a jump host was skipped.
const BEHIND_JUMP: &str = "behind_jump";

/// What there is to say of a host.
#[derive(Clone, Debug)]
pub(in crate::commands) struct HostStatus<'f> {
    pub(in crate::commands) state: State,
    /// Why it is not ok, in one word for programs.
    pub(in crate::commands) reason: Option<&'static str>,
    /// The same for people.
    pub(in crate::commands) detail: String,
    /// What to do about it.
    pub(in crate::commands) remedy: Option<String>,
    pub(in crate::commands) probe: Option<&'f Probe>,
    pub(in crate::commands) login: Option<&'f Login>,
}

impl<'f> HostStatus<'f> {
    fn new(state: State, reason: &'static str, detail: impl Into<String>) -> Self {
        let (reason, detail) = (Some(reason), detail.into());
        Self { state, reason, detail, remedy: None, probe: None, login: None }
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

    /// Whether it makes a run fail: it failed, or could not be looked at.
    pub(in crate::commands) fn is_problem(&self) -> bool {
        self.state != State::Ok && !self.is_behind_jump()
    }

    /// Whether it was skipped for it is behind a jump host, to which nobody was to log in.
    pub(in crate::commands) fn is_behind_jump(&self) -> bool {
        self.reason == Some(BEHIND_JUMP)
    }

    /// What the server calls itself.
    pub(in crate::commands) fn server(&self) -> Option<&'f str> {
        let probed = self.probe.and_then(|probe| probe.found.as_ref().ok());
        let logged = || self.login.and_then(|login| login.server.as_deref());
        probed.map(String::as_str).or_else(logged)
    }
}

/// Judges what was found, and knows what helps. Commands and paths that it advises come from our
/// own settings and state: what ssh logged may be a server's words.
pub(in crate::commands) struct Judge<'j> {
    pub(in crate::commands) layout: &'j Layout,
    pub(in crate::commands) options: &'j OptionResolver<'j>,
    /// Whether logins are tried, or what would: `--login`.
    pub(in crate::commands) logs_in: bool,
}

impl Judge<'_> {
    /// How these hosts are, in their order.
    pub(in crate::commands) fn hosts<'f>(
        &self,
        hosts: &[ViewedHost<'_>],
        found: &'f [Found],
    ) -> Vec<HostStatus<'f>> {
        let cluster = |host: &ViewedHost<'_>| host.fleet().cluster.id.to_string();
        let of_jumps = hosts.iter().zip(found).filter(|(host, _)| host.is_jump());
        let jumps: HashMap<String, (ViewedHost<'_>, HostStatus<'_>)> = of_jumps
            .map(|(host, found)| (cluster(host), (*host, self.host(host, found, None))))
            .collect();
        let status = |host: &ViewedHost<'_>, found: &'f Found| {
            let jump = if host.host.jumps { jumps.get(&cluster(host)) } else { None };
            let (probe, login) = (found.probe.as_ref(), found.login.as_ref());
            HostStatus { probe, login, ..self.host(host, found, jump) }
        };
        hosts.iter().zip(found).map(|(host, found)| status(host, found)).collect()
    }

    /// `jump` is the host that it is reached through, where that is one of the cluster's.
    fn host<'f>(
        &self,
        host: &ViewedHost<'_>,
        found: &Found,
        jump: Option<&(ViewedHost<'_>, HostStatus<'_>)>,
    ) -> HostStatus<'f> {
        if let Some(reason) = &found.jump_failure {
            return self.jump_failed(host, reason, jump);
        }
        let error = found.probe.as_ref().and_then(|probe| probe.found.as_ref().err());
        match (&found.login, error) {
            (None, None) if found.probe.is_none() => {
                not_looked_at(host, jump.map(|(_, status)| status))
            }
            (None, None) | (Some(Login { result: Ok(()), .. }), _) => HostStatus::ok(),
            (None, Some(error)) => self.probe_failed(error),
            // What the probe says of a connection is more exact.
            (Some(Login { result: Err(reason), .. }), Some(error)) if is_of_connection(reason) => {
                self.probe_failed(error)
            }
            (Some(Login { result: Err(reason), .. }), _) => self.login_failed(host, reason),
        }
    }

    fn jump_failed<'f>(
        &self,
        host: &ViewedHost<'_>,
        reason: &Reason,
        jump: Option<&(ViewedHost<'_>, HostStatus<'_>)>,
    ) -> HostStatus<'f> {
        let name = host.jump().unwrap_or_default();
        let detail = format!("not tried: its jump host {name}: {reason}");
        let status = HostStatus::new(State::Skipped, "jump_failed", detail);
        let remedy = match jump {
            // It is told with its own remedy.
            Some((_, of_jump)) if of_jump.is_problem() => None,
            Some((jump, _)) => self.login_failed(jump, reason).remedy,
            // What we know of host keys is not that host's.
            None if *reason == Reason::HostKeyChanged => Some(format!("`ssh {name}` says more")),
            None => self.login_failed(host, reason).remedy,
        };
        HostStatus { remedy, ..status }
    }

    fn probe_failed<'f>(&self, error: &ProbeError) -> HostStatus<'f> {
        let status = HostStatus::failed(probe_word(error), error.to_string());
        match error {
            ProbeError::NameUnknown(_) | ProbeError::Unreachable(_) | ProbeError::TimedOut(_)
                if !self.logs_in =>
            {
                status.remedy(
                    "if your own ssh configuration leads there another way (ProxyJump, \
                     ProxyCommand), --login takes it",
                )
            }
            ProbeError::TurnedAway(_) => status.remedy("wait a minute, and check again"),
            _ => status,
        }
    }

    /// How a host is that did not let us in. Of a jump host, `host` is one behind it.
    pub(in crate::commands) fn login_failed<'f>(
        &self,
        host: &ViewedHost<'_>,
        reason: &Reason,
    ) -> HostStatus<'f> {
        let status = HostStatus::failed(login_word(reason), reason.to_string());
        match reason {
            Reason::NoKeyTaken { offered, .. } => {
                self.no_key_taken(host, status, offered.is_empty())
            }
            Reason::KeyLocked(_) => status.remedy(self.unlock(host)),
            Reason::KeyReadable(_) => status.remedy(self.close(host)),
            Reason::TooManyKeys { .. } => {
                status.remedy(format!("name the right one: {}", self.with_identity(host)))
            }
            Reason::HostKeyChanged => status.remedy(self.forget(host)),
            Reason::HostKeyUnknown => status
                .remedy("add its key to the known hosts, or install with `--host-keys accept-new`"),
            // A name that ssh has not been told of.
            Reason::NameUnknown { name, .. } if is_alias_of(host, name) => {
                let detail = format!("ssh does not know {} yet", host.alias());
                HostStatus::failed("not_installed", detail).remedy(self.install(host))
            }
            Reason::TurnedAway(_) => status.remedy("wait a minute, and check again"),
            Reason::TimedOut => status.remedy("--probe-timeout gives it more time"),
            _ => status,
        }
    }

    fn no_key_taken<'f>(
        &self,
        host: &ViewedHost<'_>,
        status: HostStatus<'f>,
        has_none: bool,
    ) -> HostStatus<'f> {
        let id = host.fleet().cluster.id.as_str();
        if let Some(fault) = host.cluster.certificate_fault(self.layout, self.options) {
            let detail = format!("it takes a certificate only: {fault}");
            return HostStatus::failed("certificate", detail).remedy(self.command("cert", [id]));
        }
        if let Some(remedy) = self.other_key(host) {
            return status.remedy(remedy);
        }
        let install = self.with_identity(host);
        if has_none {
            return status
                .remedy(format!("put a key into the agent (`ssh-add`), or name one: {install}"));
        }
        status.remedy(format!(
            "have this key added to the cluster, or name another one: {install}; \
             `prime-ssh show {id}` lists the keys that it lets in"
        ))
    }

    /// A key of the person's own that the cluster lets in, where a setting names another one.
    fn other_key(&self, host: &ViewedHost<'_>) -> Option<String> {
        let own = own_keys(&self.layout.read_by_ssh());
        let key = fitting(&own, &host.fleet().cluster.ssh_keys)?;
        let set = host.cluster.identity(self.options);
        if set.is_some_and(|set| set.public_key == key.public_key) {
            return None;
        }
        let file = key.file.as_ref()?.to_str()?;
        let id = host.fleet().cluster.id.as_str();
        let install = self.command("install", ["--identity-file", file, id]);
        Some(format!("the cluster lets in another key of yours, {}: {install}", key.name()))
    }

    fn install(&self, host: &ViewedHost<'_>) -> String {
        let command = if host.cluster.record.is_some() { "sync" } else { "install" };
        self.command(command, [host.fleet().cluster.id.as_str()])
    }

    fn with_identity(&self, host: &ViewedHost<'_>) -> String {
        let id = host.fleet().cluster.id.as_str();
        self.command("install", ["--identity-file", "PATH", id])
    }

    /// The key that a setting names, as this machine calls it.
    fn own_key(&self, host: &ViewedHost<'_>) -> Option<PathBuf> {
        let path = host.cluster.rendering.ssh.identity_file.as_ref()?;
        Some(self.options.environment().expand(path)).filter(|path| path.is_file())
    }

    fn unlock(&self, host: &ViewedHost<'_>) -> String {
        match self.own_key(host) {
            Some(path) => pasted(["ssh-add".as_ref(), path.as_os_str()]),
            None => "unlock it where it is, or put it into the agent with `ssh-add`".to_owned(),
        }
    }

    fn close(&self, host: &ViewedHost<'_>) -> String {
        let is_open = |path: &PathBuf| {
            fs::metadata(path).is_ok_and(|found| found.mode() & 0o077 != 0)
                && Identity::is_private_key(path)
        };
        match self.own_key(host).filter(is_open) {
            Some(path) => pasted(["chmod".as_ref(), "600".as_ref(), path.as_os_str()]),
            None => "take the key away from the others with `chmod 600`".to_owned(),
        }
    }

    fn forget(&self, host: &ViewedHost<'_>) -> String {
        let name = host.host.host_key_alias();
        match self.known_hosts(host).filter(|file| remembers(file, &name)) {
            Some(file) => {
                let words = ["ssh-keygen".as_ref(), "-f".as_ref(), file.as_os_str()];
                format!(
                    "someone may be between you and it; if you know that it was set up anew: {}",
                    pasted(words.into_iter().chain(["-R".as_ref(), name.as_ref()]))
                )
            }
            None => "someone may be between you and it; `ssh` to it says more".to_owned(),
        }
    }

    /// The file that should remember its host key.
    fn known_hosts(&self, host: &ViewedHost<'_>) -> Option<PathBuf> {
        let cluster = host.cluster;
        let file = match (&cluster.rendering.ssh.known_hosts, cluster.record) {
            (Some(path), _) => self.options.environment().expand(path),
            (None, Some(record)) => self.layout.file(&record.stem().file(FileKind::KnownHosts)),
            (None, None) => self.layout.ssh_folder().join("known_hosts"),
        };
        Some(file).filter(|file| file.is_file())
    }

    /// A command of ours, told of the folder of ssh's files where that must be said.
    fn command<const N: usize>(&self, command: &str, arguments: [&str; N]) -> String {
        let folder = self.layout.ssh_folder().display().to_string();
        let named = if self.options.folder_is_named() { &["--ssh-dir", &*folder][..] } else { &[] };
        pasted(["prime-ssh", command].into_iter().chain(named.iter().copied()).chain(arguments))
    }
}

/// A host that nobody looked at.
fn not_looked_at<'f>(host: &ViewedHost<'_>, jump: Option<&HostStatus<'_>>) -> HostStatus<'f> {
    let Some(name) = host.jump() else {
        return HostStatus::new(State::Skipped, "not_asked", "not asked yet");
    };
    match jump {
        Some(jump) if jump.is_problem() => HostStatus::new(
            State::Skipped,
            "jump_failed",
            format!("its jump host {name} failed: {}", jump.detail),
        ),
        _ => HostStatus::new(State::Skipped, BEHIND_JUMP, format!("behind {name}")),
    }
}

/// A command as it stands in a sentence, to be pasted.
fn pasted<W: AsRef<OsStr>>(words: impl IntoIterator<Item = W>) -> String {
    format!("`{}`", shell::command(words))
}

/// Whether this file remembers a key by this name.
fn remembers(file: &Path, name: &str) -> bool {
    let mut command = Command::new("ssh-keygen");
    let found = process::run(command.args(["-F", name, "-f"]).arg(file), KEYGEN_LIMIT);
    found.is_ok_and(|ended| ended.succeeded())
}

/// Whether it is the alias itself that ssh looked for, or what our last block makes of one.
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
