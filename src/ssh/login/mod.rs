//! Logging in with the ssh of this machine, and doing nothing there: `ssh ALIAS true`.
//!
//! It is the user's own ssh with the user's own configuration, so that whatever stands in the way
//! of theirs stands in the way of this one: keys, agents, proxies, host keys. What differs: nobody
//! is asked anything, nothing is forwarded, and a connection that is open already is not used, for
//! it would say nothing about the next login.

mod jump;
mod log;

use std::collections::HashMap;
use std::env;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::net::IpAddr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

pub use jump::JumpConnection;

use crate::fs;
use crate::ssh::probe::identification::{closed, software, timed_out};
use crate::ssh::probe::limiter::Limiter;
use crate::ssh::probe::{Endpoint, OURSELVES, Probe};
use crate::ssh::process::{self, Group, Running};
use crate::ssh::query;
use crate::ssh::reason::{LOGIN, Reason};
use crate::text::sanitize::excerpt;
use crate::text::shell;

/// The most that is read of a log, from its end.
const LOG_MAX: u64 = 64 * 1024;
/// A login is a handshake and the start of a shell, so that it may take this many times as long as
/// an answer.
const LOGIN_TIMES: u32 = 3;
/// The configuration of the system, which ssh reads behind the user's.
pub const SYSTEM_CONFIG: &str = "/etc/ssh/ssh_config";
/// The most characters of ssh's words that are shown.
const SHOWN: usize = 160;
/// A name for who needs none: the connection stands already. Should it not, nothing is reached.
const NOBODY: &str = "prime-ssh-jump.invalid.";

/// The options on the command line, where they win over every file: they decide what a session
/// does, and not how it is reached.
const OPTIONS: [&str; 12] = [
    "BatchMode=yes",
    "ConnectionAttempts=1",
    // A shared connection of the user's would answer for a host that lets nobody in any more.
    "ControlMaster=no",
    "ControlPath=none",
    // What the user forwards would fail where it is forwarded already, and is none of a check's
    // business.
    "ClearAllForwardings=yes",
    "Tunnel=no",
    "PermitLocalCommand=no",
    // Another command than ours is an error to ssh.
    "RemoteCommand=none",
    // Nothing is written anywhere that the login itself does not need.
    "AddKeysToAgent=no",
    "UpdateHostKeys=no",
    "VisualHostKey=no",
    "FingerprintHash=sha256",
];
/// The same for keywords that ssh knows since 8.7. One that does not know them would stop.
const NEWER_OPTIONS: [&str; 2] = ["ForkAfterAuthentication=no", "StdinNull=no"];
/// The same for who does not say `-N`, which ssh takes for another value of it.
const SESSION: &str = "SessionType=default";

/// The ssh of this machine, for the logins of a run. All it starts ends with it.
#[derive(Clone, Debug)]
pub struct Ssh {
    group: Arc<Group>,
    /// The limit on how many places are asked at once.
    pub limiter: Limiter,
    /// The time for a connection and the other side's first words.
    pub answer: Duration,
    /// For a whole login.
    limit: Duration,
    /// The ssh of this machine.
    program: PathBuf,
    /// The `PATH` on which what ssh starts finds another one before it, which leaves no shared
    /// connection behind: a `ProxyCommand` may start an ssh that our options do not reach. `None`
    /// where it cannot be.
    path: Option<OsString>,
    /// True if ssh knows [`NEWER_OPTIONS`] and [`SESSION`].
    knows_newer: bool,
    /// The configuration that ssh reads by itself, before that of the system.
    user_config: PathBuf,
    /// A file for each configuration, which sets our options before it.
    wrappers: Arc<Mutex<HashMap<Option<PathBuf>, PathBuf>>>,
}

/// The target of a login.
#[derive(Clone, Debug)]
pub struct Target {
    /// The configuration, in place of the one that ssh reads by itself.
    pub config: Option<PathBuf>,
    /// Further arguments of ssh, such as `-o` and an option, or `-p` and a port.
    pub arguments: Vec<String>,
    /// The destination that ssh is given: an alias, an address or a name; it does not start with a
    /// dash.
    pub destination: String,
    /// The address of the destination, if it is known: one address gets few handshakes at a time.
    pub address: Option<IpAddr>,
}

/// The result of a login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// The server's software, if the login came so far.
    pub server: Option<String>,
    /// The time that it took.
    pub took: Duration,
    /// Success, or the reason of the failure.
    pub result: Result<(), Reason>,
}

impl Login {
    /// One that came nowhere, and why.
    #[must_use]
    pub fn failed(reason: Reason) -> Self {
        Self { server: None, took: Duration::ZERO, result: Err(reason) }
    }
}

impl Ssh {
    /// For logins within this limiter, where an answer may take as long as `answer`. `user_config`
    /// is the file that ssh reads by itself.
    #[must_use]
    pub fn new(group: Group, limiter: Limiter, answer: Duration, user_config: PathBuf) -> Self {
        let program = process::on_path("ssh").unwrap_or_else(|| PathBuf::from("ssh"));
        Self {
            path: shadow(&program, &group),
            program,
            group: Arc::new(group),
            limiter,
            answer,
            limit: answer * LOGIN_TIMES,
            knows_newer: query::refusal(SESSION).is_none(),
            user_config,
            wrappers: Arc::default(),
        }
    }

    /// The group of all that is started, and its folder.
    #[must_use]
    pub fn group(&self) -> &Group {
        &self.group
    }

    /// Logs in.
    ///
    /// # Errors
    ///
    /// Where ssh cannot be started; `NotFound` where there is none.
    pub async fn login(&self, target: &Target) -> io::Result<Login> {
        let _at_address = self.limiter.acquire_at(target.address).await;
        let _permit = self.limiter.acquire().await;
        self.run(target, &[]).await
    }

    /// Logs in to a host behind `jump`, to which `JumpConnection::login` was good.
    ///
    /// # Errors
    ///
    /// As [`Ssh::login`].
    pub async fn login_through(
        &self,
        jump: &JumpConnection,
        target: &Target,
        endpoint: &Endpoint,
    ) -> io::Result<Login> {
        let _through = jump.limiter.acquire().await;
        let _permit = self.limiter.acquire().await;
        let proxy = format!("ProxyCommand={}", proxy_command(&jump.socket));
        let mut login = self.run(target, &[&proxy]).await?;
        if let Err(Reason::Closed | Reason::TimedOut(_) | Reason::LoginFailed(_)) = login.result
            && login.server.is_none()
        {
            let unknown = || log::unknown_to_jump(&tail(&jump.log), &target.destination);
            match jump.not_opened(endpoint).map(Reason::JumpCannotConnect).or_else(unknown) {
                Some(reason) => login.result = Err(reason),
                // The jump host still tries.
                None if login.result == Err(Reason::TimedOut(LOGIN)) => {
                    login.result = Err(Reason::JumpCannotConnect("no answer in time".to_owned()));
                }
                None => {}
            }
        }
        Ok(login)
    }

    /// Reads the banner of a host behind `jump`, to which [`JumpConnection::login`] was good: `ssh -W`.
    ///
    /// # Errors
    ///
    /// As [`Ssh::login`].
    pub async fn probe_through(
        &self,
        jump: &JumpConnection,
        endpoint: &Endpoint,
    ) -> io::Result<Probe> {
        let _through = jump.limiter.acquire().await;
        let _permit = self.limiter.acquire().await;
        let mut command = Command::new("ssh");
        command.args(["-F", "/dev/null", "-S"]).arg(&jump.socket).arg("-W");
        let Endpoint { host, port } = endpoint;
        command.arg(format!("[{host}]:{}", port.get())).args(["--", NOBODY]);
        let mut ours = tempfile::tempfile()?;
        ours.write_all(OURSELVES)?;
        ours.rewind()?;
        let start = Instant::now();
        let program = self.group.start(&mut command, ours.into())?;
        let is_clear = |program: &Running| Ok(software(&program.said()?).is_some());
        let ended = program.end_after(self.answer, is_clear).await?;
        let (took, said) = (start.elapsed(), ended.stdout.as_bytes());
        let nothing = || match jump.not_opened(endpoint) {
            Some(words) => Reason::JumpCannotConnect(words),
            None if took >= self.answer => timed_out(said),
            None => closed(said),
        };
        let server = software(said).unwrap_or_else(|| Err(nothing()));
        Ok(Probe { address: None, resolved: None, connected: None, answered: Some(took), server })
    }

    /// Runs `true` on the jump host itself, over the connection that [`JumpConnection::login`] made; what
    /// both took together.
    ///
    /// # Errors
    ///
    /// As [`Ssh::login`].
    pub async fn login_to(&self, jump: &JumpConnection) -> io::Result<Login> {
        let first = jump.login(self).await?;
        if first.result.is_err() {
            return Ok(first.clone());
        }
        let _permit = self.limiter.acquire().await;
        let over = format!("ControlPath={}", quoted(&jump.socket));
        let target = Target {
            config: Some(PathBuf::from("/dev/null")),
            arguments: Vec::new(),
            destination: NOBODY.to_owned(),
            address: None,
        };
        let second = self.run(&target, &[&over]).await?;
        let took = first.took + second.took;
        Ok(Login { server: first.server.clone(), took, result: second.result })
    }

    /// Returns the answer of `ssh -G`, that is what a plain ssh would do for this target with none of
    /// our options; or the reason that it would stop before it connects.
    ///
    /// # Errors
    ///
    /// As [`Ssh::login`].
    pub async fn resolve(&self, target: &Target) -> io::Result<Result<String, Reason>> {
        let mut command = query::question(target.config.as_deref(), None);
        command.args(&target.arguments).args(["--", &target.destination]);
        let ended = self.group.run(&mut command, self.answer).await?;
        if ended.status.is_none() {
            return Ok(Err(Reason::TimedOut(LOGIN)));
        }
        if !ended.succeeded() {
            let words = Some(ended.complaint()).filter(|words| !words.is_empty());
            let words = excerpt(words.unwrap_or("ssh said nothing"), SHOWN);
            return Ok(Err(Reason::SshConfig(words)));
        }
        // A login cannot tell this by itself, as it shares no connection.
        Ok(match query::socket_fault(&ended.stdout) {
            Some(fault) => Err(Reason::SshConfig(fault)),
            None => Ok(ended.stdout),
        })
    }

    async fn run(&self, target: &Target, first: &[&str]) -> io::Result<Login> {
        let log = self.group.path("l");
        let session = self.knows_newer.then_some(SESSION);
        let mut command = self.command(first.iter().copied().chain(session), target, &log)?;
        let start = Instant::now();
        command.args(["--", &target.destination, "true"]);
        let ended = self.group.run(&mut command, self.limit).await?;
        let took = start.elapsed();
        let text = tail(&log);
        // There may be thousands.
        let _ = std::fs::remove_file(&log);
        let result = log::outcome(ended.status, &text);
        Ok(Login { server: log::server(&text), took, result })
    }

    fn command<'o>(
        &self,
        first: impl IntoIterator<Item = &'o str>,
        target: &Target,
        log: &Path,
    ) -> io::Result<Command> {
        let mut command = Command::new(&self.program);
        command.arg0("ssh");
        // ssh takes the first value that it sees.
        for option in first {
            command.args(["-o", option]);
        }
        if let Some(config) = self.wrapper(target.config.as_deref())?.or(target.config.clone()) {
            command.arg("-F").arg(config);
        }
        // No terminal, no agent or display over there, and what it says in a file of its own: on
        // stderr the other side may say what it likes.
        command.args(["-T", "-a", "-x", "-v", "-E"]).arg(log);
        let seconds = self.answer.as_secs() + u64::from(self.answer.subsec_nanos() > 0);
        command.args(["-o", &format!("ConnectTimeout={seconds}")]);
        for option in self.options() {
            command.args(["-o", option]);
        }
        command.args(&target.arguments);
        if let Some(path) = &self.path {
            command.env("PATH", path);
        }
        // Its words are read.
        command.env("LC_ALL", "C").env_remove("SSH_ASKPASS").env_remove("SSH_ASKPASS_REQUIRE");
        Ok(command)
    }

    fn options(&self) -> impl Iterator<Item = &'static str> {
        OPTIONS.into_iter().chain(NEWER_OPTIONS.into_iter().filter(|_| self.knows_newer))
    }

    /// A file that sets our options and reads this configuration behind them: what ssh itself
    /// starts for a `ProxyJump` is told of the file, and not of the command line. So a jump host of
    /// the user's own leaves no shared connection behind, and asks nobody anything. `None` where
    /// a path cannot be named in it.
    fn wrapper(&self, config: Option<&Path>) -> io::Result<Option<PathBuf>> {
        let mut wrappers = self.wrappers.lock().unwrap_or_else(PoisonError::into_inner);
        let key = config.map(Path::to_owned);
        if let Some(wrapper) = wrappers.get(&key) {
            return Ok(Some(wrapper.clone()));
        }
        let mut text = Vec::new();
        for option in self.options() {
            writeln!(text, "{}", option.replacen('=', " ", 1))?;
        }
        match config {
            // ssh does not ask whose file it is that it is told of.
            Some(config) => match fs::read(config, fs::FILE_MAX) {
                Ok(content) => text.extend(content.unwrap_or_default()),
                Err(_) => return Ok(None),
            },
            None => {
                for path in [&self.user_config, Path::new(SYSTEM_CONFIG)] {
                    let Some(line) = include_line(path) else { return Ok(None) };
                    writeln!(text, "{line}")?;
                }
            }
        }
        let wrapper = self.group.write(self.group.path("w"), 0o600, &text)?;
        wrappers.insert(key, wrapper.clone());
        Ok(Some(wrapper))
    }
}

/// Writes an ssh that makes no shared connection to the group's folder; returns the `PATH` with it.
fn shadow(program: &Path, group: &Group) -> Option<OsString> {
    let real = shell::word(program.to_str()?);
    let text = format!("#!/bin/sh\nexec {real} -o ControlMaster=no -o ControlPersist=no \"$@\"\n");
    group.write(group.folder().join("ssh"), 0o700, text.as_bytes()).ok()?;
    let path = env::var_os("PATH")?;
    let folders = [group.folder().to_owned()].into_iter().chain(env::split_paths(&path));
    env::join_paths(folders).ok()
}

/// The way through a shared connection, for ssh to give to a shell.
fn proxy_command(socket: &Path) -> String {
    let socket = shell::word(&without_tokens(socket));
    format!("ssh -F /dev/null -S {socket} -W '[%h]:%p' -- {NOBODY}")
}

/// The line that reads this file, where it is one file to ssh and no pattern.
fn include_line(path: &Path) -> Option<String> {
    let is_plain = |c: char| !c.is_control() && !"\"'\\*?[]%$".contains(c);
    let path = path.to_str().filter(|path| path.starts_with('/') && path.chars().all(is_plain))?;
    Some(format!("Include \"{path}\""))
}

/// A path as the value of an option of ssh's.
fn quoted(path: &Path) -> String {
    format!("\"{}\"", without_tokens(path))
}

/// A path in which ssh expands nothing (`ssh_config(5)`, TOKENS).
fn without_tokens(path: &Path) -> String {
    path.to_string_lossy().replace('%', "%%")
}

/// The last of a log; one that cannot be read says nothing.
fn tail(log: &Path) -> String {
    let read = || -> io::Result<Vec<u8>> {
        let mut file = File::open(log)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(LOG_MAX)))?;
        let mut bytes = Vec::new();
        file.take(LOG_MAX).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    String::from_utf8_lossy(&read().unwrap_or_default()).into_owned()
}
