//! What was found out about a host, judged: is it well, why not, and what to do about it.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use serde::Serialize;

use super::Member;
use super::look::{Found, Tried};
use crate::certificate::identity::Identity;
use crate::cluster::Jump;
use crate::settings::{Check, OptionResolver};
use crate::ssh::login::{Login, Reason};
use crate::ssh::probe::{Probe, ProbeError, Software};
use crate::text::sanitize::needs_escape;
use crate::text::shell;

/// Whether a host is well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    /// It answers and, with `--login`, lets us in.
    Well,
    /// It does not.
    Failing,
    /// It is behind a jump host, which answers; more is known with `--login` only.
    Untried,
}

impl State {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Well => "well",
            Self::Failing => "failing",
            Self::Untried => "untried",
        }
    }
}

/// What there is to say of a host.
#[derive(Clone, Debug)]
pub(super) struct Verdict<'f> {
    pub(super) state: State,
    /// Why it is not well, in one word for programs.
    pub(super) reason: Option<&'static str>,
    /// The same for people.
    pub(super) detail: String,
    /// What to do about it.
    pub(super) remedy: Option<String>,
    pub(super) probe: Option<&'f Probe>,
    pub(super) login: Option<&'f Login>,
}

impl<'f> Verdict<'f> {
    /// The verdicts on all hosts, in their order.
    pub(super) fn of_all(
        hosts: &[Member<'_>],
        found: &'f [Found],
        settings: &Check,
        memory: &OptionResolver<'_>,
    ) -> Vec<Self> {
        let judge = Judge { hosts, found, settings, memory };
        hosts.iter().zip(found).map(|(member, found)| judge.host(member, found)).collect()
    }

    /// What the server calls itself.
    pub(super) fn server(&self) -> Option<&'f str> {
        let probed = self.probe.and_then(|probe| probe.found.as_ref().ok());
        let logged = || self.login.and_then(|login| login.server.as_deref());
        probed.map(Software::as_str).or_else(logged)
    }
}

/// State, reason, detail and remedy.
struct Told {
    state: State,
    reason: Option<&'static str>,
    detail: String,
    remedy: Option<String>,
}

impl Told {
    fn well() -> Self {
        Self { state: State::Well, reason: None, detail: String::new(), remedy: None }
    }

    fn failing(reason: &'static str, detail: impl Into<String>) -> Self {
        let (reason, detail) = (Some(reason), detail.into());
        Self { state: State::Failing, reason, detail, remedy: None }
    }

    fn remedy(self, remedy: impl Into<String>) -> Self {
        Self { remedy: Some(remedy.into()), ..self }
    }
}

struct Judge<'j> {
    hosts: &'j [Member<'j>],
    found: &'j [Found],
    settings: &'j Check,
    memory: &'j OptionResolver<'j>,
}

impl Judge<'_> {
    fn host<'f>(&self, member: &Member<'_>, found: &'f Found) -> Verdict<'f> {
        let Told { state, reason, detail, remedy } = self.told(member, found);
        let login = match &found.login {
            Some(Tried::Login(login)) => Some(login),
            Some(Tried::JumpFailed(_)) | None => None,
        };
        Verdict { state, reason, detail, remedy, probe: found.probe.as_ref(), login }
    }

    fn told(&self, member: &Member<'_>, found: &Found) -> Told {
        let trouble = found.probe.as_ref().and_then(|probe| probe.found.as_ref().err());
        let reason = match &found.login {
            None if member.host.jumps => return self.behind(member),
            None => return trouble.map_or_else(Told::well, |trouble| self.trouble(trouble)),
            Some(Tried::JumpFailed(reason)) => return self.behind_failing(member, reason),
            Some(Tried::Login(Login { result: Ok(()), .. })) => return Told::well(),
            Some(Tried::Login(Login { result: Err(reason), .. })) => reason,
        };
        match trouble {
            // What the probe says of a connection is more exact.
            Some(trouble) if is_about_connecting(reason) => self.trouble(trouble),
            _ => self.reason(member, reason),
        }
    }

    fn trouble(&self, trouble: &ProbeError) -> Told {
        let told = Told::failing(trouble_word(trouble), trouble.to_string());
        match trouble {
            ProbeError::NameUnknown(_) | ProbeError::Unreachable(_) | ProbeError::TimedOut(_)
                if !self.settings.login =>
            {
                told.remedy(
                    "if your own ssh configuration leads there another way (ProxyJump, \
                     ProxyCommand), --login takes it",
                )
            }
            ProbeError::TurnedAway(_) => told.remedy("wait a minute, and check again"),
            _ => told,
        }
    }

    /// Without a login all that is known of a host behind another one is whether that one answers.
    fn behind(&self, member: &Member<'_>) -> Told {
        let jump = member.jump().unwrap_or_default();
        let trouble = self
            .jump_host(member)
            .and_then(|at| self.found.get(at))
            .and_then(|found| found.probe.as_ref().and_then(|probe| probe.found.as_ref().err()));
        match trouble {
            Some(trouble) => {
                Told::failing("jump_failed", format!("its jump host {jump} fails: {trouble}"))
            }
            None => Told {
                state: State::Untried,
                reason: Some("behind_jump"),
                detail: format!("behind {jump}"),
                remedy: None,
            },
        }
    }

    /// The place of the jump host among the hosts, where it is one of them.
    fn jump_host(&self, member: &Member<'_>) -> Option<usize> {
        let Some(Jump::ControlNode(name)) = &member.fleet().jump else { return None };
        self.hosts.iter().position(|other| {
            std::ptr::eq(other.cluster, member.cluster) && other.host.name == *name
        })
    }

    fn behind_failing(&self, member: &Member<'_>, reason: &Reason) -> Told {
        let jump = member.jump().unwrap_or_default();
        let told =
            Told::failing("jump_failed", format!("not tried: its jump host {jump}: {reason}"));
        // One that is checked itself is told with its own remedy.
        match (self.jump_host(member), self.reason(member, reason).remedy) {
            (None, Some(remedy)) => told.remedy(remedy),
            _ => told,
        }
    }

    fn reason(&self, member: &Member<'_>, reason: &Reason) -> Told {
        let told = Told::failing(reason_word(reason), reason.to_string());
        match reason {
            Reason::NoKeyTaken { offered, .. } => {
                self.no_key_taken(member, told, offered.is_empty())
            }
            Reason::KeyLocked(key) => told.remedy(key_locked(&key.name)),
            Reason::KeyReadable(path) => told.remedy(key_readable(path)),
            Reason::TooManyKeys { .. } => {
                told.remedy(format!("name the one that is right: {}", self.with_identity(member)))
            }
            Reason::HostKeyChanged { file, name } => {
                let name = name.as_deref().filter(|name| known_as(member).contains(*name));
                told.remedy(host_key_changed(file.as_deref(), name))
            }
            Reason::HostKeyUnknown => told
                .remedy("add its key to the known hosts, or install with `--host-keys accept-new`"),
            // A name that ssh has not been told of.
            Reason::NameUnknown { name, .. } if is_alias_of(member, name) => {
                let detail = format!("ssh does not know {} yet", member.alias());
                Told::failing("not_installed", detail).remedy(self.not_installed(member))
            }
            Reason::TurnedAway(_) => told.remedy("wait a minute, and check again"),
            Reason::TimedOut => told.remedy("--probe-timeout gives it more time"),
            _ => told,
        }
    }

    fn no_key_taken(&self, member: &Member<'_>, told: Told, has_none: bool) -> Told {
        let cluster = &member.fleet().cluster;
        let layout = &self.settings.viewing.layout;
        if let Some(fault) = member.cluster.certificate_fault(layout, self.memory) {
            let detail = format!("it takes a certificate only: {fault}");
            return Told::failing("certificate", detail)
                .remedy(self.prime_ssh("cert", [cluster.id.as_str()]));
        }
        let install = self.with_identity(member);
        if has_none {
            return told
                .remedy(format!("put a key into the agent (`ssh-add`), or name one: {install}"));
        }
        told.remedy(format!(
            "have this key added to the cluster, or name another one: {install}; \
             `prime-ssh show {}` says which keys it knows",
            cluster.id
        ))
    }

    fn not_installed(&self, member: &Member<'_>) -> String {
        let command = if member.cluster.record.is_some() { "sync" } else { "install" };
        self.prime_ssh(command, [member.fleet().cluster.id.as_str()])
    }

    fn with_identity(&self, member: &Member<'_>) -> String {
        let id = member.fleet().cluster.id.as_str();
        self.prime_ssh("install", ["--identity-file", "PATH", id])
    }

    /// A command of ours, told of the folder of ssh's files where that must be said.
    fn prime_ssh<const N: usize>(&self, command: &str, arguments: [&str; N]) -> String {
        let folder = self.settings.viewing.layout.ssh_folder().display().to_string();
        let named = if self.memory.folder_is_named() { &["--ssh-dir", &*folder][..] } else { &[] };
        pasted(["prime-ssh", command].into_iter().chain(named.iter().copied()).chain(arguments))
    }
}

/// The names by which ssh remembers the host, and the one that it jumps through.
fn known_as(member: &Member<'_>) -> BTreeSet<String> {
    let mut names = BTreeSet::from([member.host.host_key_alias().to_string()]);
    match &member.fleet().jump {
        Some(Jump::Via(via)) if member.host.jumps => {
            let host = via.host();
            names.extend(via.port().map(|port| format!("[{host}]:{port}")));
            names.insert(host);
        }
        Some(Jump::ControlNode(_) | Jump::Via(_)) | None => {}
    }
    names
}

/// A command as it stands in a sentence, to be pasted.
fn pasted<'w>(words: impl IntoIterator<Item = &'w str>) -> String {
    format!("`{}`", shell::command(words))
}

// What ssh's log says of files and names may come from the server, whose lists of methods and last
// words are written into it with their line breaks. So a command names nothing of it that does not
// prove right here: pasted, it would make this machine forget another host's key, or worse.

/// The very command, where the file is one that is there and the name is the host's.
fn host_key_changed(file: Option<&str>, name: Option<&str>) -> String {
    match (file.filter(|file| is_plain_file(file)), name) {
        (Some(file), Some(name)) => format!(
            "someone may be between you and it; if you know that it was set up anew: {}",
            pasted(["ssh-keygen", "-f", file, "-R", name])
        ),
        _ => "someone may be between you and it; `ssh` to it says more".to_owned(),
    }
}

/// The agent's name for a key is no file, and nothing to add.
fn key_locked(key: &str) -> String {
    if is_plain_file(key) {
        return pasted(["ssh-add", key]);
    }
    "unlock it where it is, or put it into the agent with `ssh-add`".to_owned()
}

fn key_readable(path: &str) -> String {
    let is_open = |path: &str| {
        fs::metadata(path).is_ok_and(|found| found.mode() & 0o077 != 0)
            && Identity::is_private_key(Path::new(path))
    };
    if is_plain_file(path) && is_open(path) {
        return pasted(["chmod", "600", path]);
    }
    "take the key away from the others with `chmod 600`".to_owned()
}

fn is_plain_file(path: &str) -> bool {
    path.starts_with('/') && !path.contains(needs_escape) && Path::new(path).is_file()
}

/// Whether it is the alias itself that ssh looked for, or what our last block makes of one.
fn is_alias_of(member: &Member<'_>, name: &str) -> bool {
    let alias = member.alias();
    name.strip_prefix(&alias).is_some_and(|rest| rest.is_empty() || rest.starts_with(".invalid"))
}

fn is_about_connecting(reason: &Reason) -> bool {
    matches!(
        reason,
        Reason::NotConnected(_) | Reason::TimedOut | Reason::Closed | Reason::TurnedAway(_)
    )
}

fn trouble_word(trouble: &ProbeError) -> &'static str {
    match trouble {
        ProbeError::NameUnknown(_) => "name_unknown",
        ProbeError::Refused => "refused",
        ProbeError::Unreachable(_) => "unreachable",
        ProbeError::TimedOut(_) => "timed_out",
        ProbeError::Closed => "closed",
        ProbeError::Silent => "silent",
        ProbeError::TurnedAway(_) => "turned_away",
        ProbeError::NotSsh(_) => "not_ssh",
        ProbeError::Protocol(_) => "old_protocol",
        ProbeError::Here(_) => "this_machine",
    }
}

fn reason_word(reason: &Reason) -> &'static str {
    match reason {
        Reason::NoKeyTaken { .. } => "key_refused",
        Reason::KeyLocked(_) => "key_locked",
        Reason::KeyReadable(_) => "key_readable",
        Reason::TooManyKeys { .. } => "too_many_keys",
        Reason::HostKeyChanged { .. } => "host_key_changed",
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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// A file with this text and mode in a folder of its own.
    fn file(text: &str, mode: u32) -> (tempfile::TempDir, String) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let path = path.to_string_lossy().into_owned();
        (folder, path)
    }

    #[test]
    fn a_command_names_nothing_that_only_the_log_says() {
        const KEY: &str = "-----BEGIN OPENSSH PRIVATE KEY-----\n";
        let (_there, open_key) = file(KEY, 0o644);
        assert_eq!(key_locked(&open_key), format!("`ssh-add {open_key}`"));
        assert_eq!(key_readable(&open_key), format!("`chmod 600 {open_key}`"));
        for forged in ["-D", "-s/tmp/x.so", "me@laptop", "/no/such/file", "/", "a\u{202e}"] {
            assert!(!key_locked(forged).contains(forged), "{forged:?}");
            assert!(!key_readable(forged).contains(&format!("600 {forged}")), "{forged:?}");
        }
        let (_there, program) = file("#!/bin/sh\n", 0o755);
        let (_there, closed_key) = file(KEY, 0o600);
        for path in [program, closed_key] {
            assert!(!key_readable(&path).contains(&path));
        }
        assert!(host_key_changed(Some(&open_key), Some("prime-p0")).contains("-R prime-p0`"));
        assert!(!host_key_changed(Some(&open_key), None).contains(&open_key));
        assert!(!host_key_changed(Some("-D"), Some("prime-p0")).contains("ssh-keygen"));
    }
}
