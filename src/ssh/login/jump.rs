//! A jump host: logged in to once, and all that is behind it is reached over that one connection.

use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::OnceCell;
use tokio::time::sleep;

use super::{Login, Ssh, Target, log};
use crate::ssh::probe::Endpoint;
use crate::ssh::probe::limiter::{AT_ONE_ADDRESS, Limiter};
use crate::ssh::process::Running;
use crate::ssh::reason::{LOGIN, Reason};

/// The pause between two looks at the connection.
const POLL: Duration = Duration::from_millis(10);

/// The connection to a jump host. The first one who needs it logs in; all others wait for that.
#[derive(Debug)]
pub struct JumpConnection {
    pub(super) target: Target,
    /// The socket of the shared connection.
    pub(super) socket: PathBuf,
    pub(super) log: PathBuf,
    /// Handshakes at a time through it: its sshd does not count them, but those behind it do.
    pub(super) limiter: Limiter,
    /// The one to the host that leads to it.
    bastion: Option<Arc<JumpConnection>>,
    /// The result of the one login, and the connection that it made: it ends with the group, as all
    /// of its programs.
    connected: OnceCell<(Login, Option<Mutex<Running>>)>,
}

impl JumpConnection {
    /// One that nobody has logged in for yet.
    #[must_use]
    pub fn new(ssh: &Ssh, target: Target, bastion: Option<Arc<Self>>) -> Self {
        Self {
            target,
            socket: ssh.group.path("j"),
            log: ssh.group.path("l"),
            limiter: Limiter::new(AT_ONE_ADDRESS),
            bastion,
            connected: OnceCell::new(),
        }
    }

    /// Logs in, unless that has been done, and says what became of it.
    pub async fn login(&self, ssh: &Ssh) -> io::Result<&Login> {
        let (login, _) = self.connected.get_or_try_init(|| self.connect(ssh)).await?;
        Ok(login)
    }

    /// Returns why it lets nobody through: it refuses the login, or the bastion before it does.
    pub async fn failure(&self, ssh: &Ssh) -> io::Result<Option<Reason>> {
        let of_bastion = self.bastion_failure(ssh).await?;
        Ok(of_bastion.or(self.login(ssh).await?.result.clone().err()))
    }

    /// Returns why the bastion before it lets nobody through, where the login failed: ssh's own words
    /// do not tell.
    pub async fn bastion_failure(&self, ssh: &Ssh) -> io::Result<Option<Reason>> {
        match &self.bastion {
            Some(bastion) if self.login(ssh).await?.result.is_err() => {
                Ok(bastion.login(ssh).await?.result.clone().err())
            }
            _ => Ok(None),
        }
    }

    /// Returns whether the login was good, and lasts.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        let connection = self.connected.get().and_then(|(_, connection)| connection.as_ref());
        connection.is_some_and(|connection| {
            let mut connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
            matches!(connection.status(), Ok(None))
        })
    }

    /// Returns why no connection from here to this place came about, in the jump host's words.
    pub(super) fn not_opened(&self, to: &Endpoint) -> Option<String> {
        let place = format!(" for {} port {},", to.host, to.port.get());
        log::not_opened(&super::tail(&self.log), &place)
    }

    async fn connect(&self, ssh: &Ssh) -> io::Result<(Login, Option<Mutex<Running>>)> {
        let _at_address = ssh.limiter.acquire_at(self.target.address).await;
        let _permit = ssh.limiter.acquire().await;
        let mut command = ssh.command([], &self.target, &self.log)?;
        command.arg("-M").arg("-S").arg(&self.socket).args(["-o", "ControlPersist=no", "-N"]);
        let start = Instant::now();
        let mut connection =
            ssh.group.start(command.args(["--", &self.target.destination]), Stdio::null())?;
        // ssh puts the socket there once it has logged in.
        let mut status = connection.status()?;
        while status.is_none() && !self.socket.exists() && start.elapsed() < ssh.limit {
            sleep(POLL).await;
            status = connection.status()?;
        }
        let took = start.elapsed();
        let text = super::tail(&self.log);
        let server = log::server(&text);
        if status.is_none() && self.socket.exists() {
            return Ok((Login { server, took, result: Ok(()) }, Some(Mutex::new(connection))));
        }
        let result = Err(match status {
            None => Reason::TimedOut(LOGIN),
            Some(_) => log::of_log(&text),
        });
        connection.end()?;
        Ok((Login { server, took, result }, None))
    }
}
