//! A look at all hosts side by side.

use std::io;
use std::time::Duration;

use tokio::task::JoinSet;

use super::Member;
use super::logins::{Logins, Way};
use crate::failure::{Failure, Kind, Outcome};
use crate::ssh::login::{Login, Reason, Ssh, Target};
use crate::ssh::probe::pace::Limiter;
use crate::ssh::probe::{self, Endpoint, Probe};
use crate::terminal::progress::Count;

/// What was found out about a host.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    /// Whether it answers; nothing of one behind a jump host.
    pub(super) probe: Option<Probe>,
    /// Whether it lets us in; nothing of one that was not tried.
    pub(super) login: Option<Tried>,
}

/// What became of a login.
#[derive(Clone, Debug)]
pub(super) enum Tried {
    /// It was tried.
    Login(Login),
    /// It was not, for the jump host let nobody in.
    JumpFailed(Reason),
}

/// How many hosts are tried.
pub(super) fn tried(hosts: &[Member<'_>], logins: Option<&Logins>) -> usize {
    hosts.iter().filter(|member| logins.is_some() || !member.host.jumps).count()
}

/// Looks at each host; `count` learns of each that is done.
pub(super) async fn at(
    hosts: &[Member<'_>],
    logins: Option<&Logins>,
    pace: &Limiter,
    limit: Duration,
    count: &Count,
) -> Outcome<Vec<Found>> {
    let mut found = vec![Found::default(); hosts.len()];
    let mut running = Running { tasks: JoinSet::new(), count };
    let ways = logins.iter().flat_map(|logins| logins.ways.iter().map(|way| (&logins.ssh, way)));
    for (at, (ssh, way)) in ways.enumerate() {
        if !matches!(way, Way::Direct(_)) {
            running.start(at, ssh, way, None);
        }
    }
    let direct: Vec<(usize, Endpoint)> = hosts
        .iter()
        .enumerate()
        .filter(|(_, member)| !member.host.jumps)
        .map(|(at, member)| (at, member.endpoint()))
        .collect();
    let endpoints: Vec<_> = direct.iter().map(|(_, endpoint)| endpoint.clone()).collect();
    let probes = probe::all(&endpoints, pace, limit, |nth, probe| {
        let Some((at, endpoint)) = direct.get(nth) else { return };
        match logins.and_then(|logins| Some((&logins.ssh, logins.ways.get(*at)?))) {
            None => count.one_done(),
            Some((ssh, way @ Way::Direct(_))) => {
                running.start(*at, ssh, way, Some((endpoint.clone(), probe.clone())));
            }
            Some(_) => {}
        }
    })
    .await;
    for ((at, _), probe) in direct.iter().zip(probes) {
        if let Some(found) = found.get_mut(*at) {
            found.probe = Some(probe);
        }
    }
    while let Some((at, login)) = running.next().await {
        let login = login.map_err(cannot_log_in)?;
        if let Some(found) = found.get_mut(at) {
            found.login = login;
        }
    }
    Ok(found)
}

fn cannot_log_in(error: io::Error) -> Failure {
    let is_missing = error.kind() == io::ErrorKind::NotFound;
    let failure = Failure::new(Kind::Local, anyhow::Error::from(error).context("cannot run ssh"));
    if !is_missing {
        return failure;
    }
    failure.hint("--login needs the `ssh` program; without it, `check` asks whether hosts answer")
}

/// The logins that are under way.
struct Running<'c> {
    tasks: JoinSet<(usize, io::Result<Option<Tried>>)>,
    count: &'c Count,
}

impl Running<'_> {
    fn start(&mut self, at: usize, ssh: &Ssh, way: &Way, probed: Option<(Endpoint, Probe)>) {
        let (ssh, way, count) = (ssh.clone(), way.clone(), self.count.clone());
        self.tasks.spawn(async move {
            let login = match way {
                Way::Direct(target) => direct(&ssh, target, probed).await,
                Way::AsJump(jump) => ssh.login_to(&jump).await.map(Tried::Login).map(Some),
                Way::Through(jump, target, endpoint) => match jump.login(&ssh).await {
                    Err(error) => Err(error),
                    Ok(Login { result: Err(reason), .. }) => {
                        Ok(Some(Tried::JumpFailed(reason.clone())))
                    }
                    Ok(_) => {
                        let login = ssh.login_through(&jump, &target, &endpoint).await;
                        login.map(Tried::Login).map(Some)
                    }
                },
            };
            count.one_done();
            (at, login)
        });
    }

    async fn next(&mut self) -> Option<(usize, io::Result<Option<Tried>>)> {
        let ended = self.tasks.join_next().await?;
        // A task that panicked ends the program with its own message.
        Some(ended.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic())))
    }
}

/// Logs in where an SSH server answered; where none did, only if the user's own configuration leads
/// somewhere else than we looked.
async fn direct(
    ssh: &Ssh,
    mut target: Target,
    probed: Option<(Endpoint, Probe)>,
) -> io::Result<Option<Tried>> {
    if let Some((endpoint, probe)) = probed {
        target.address = probe.address;
        if !probe.is_well() && !leads_elsewhere(&ssh.ask(&target).await?, &endpoint) {
            return Ok(None);
        }
    }
    ssh.login(&target).await.map(Tried::Login).map(Some)
}

/// Whether ssh would not connect to this place by itself, as `ssh -G` says.
fn leads_elsewhere(asked: &str, endpoint: &Endpoint) -> bool {
    let (host, port) = (endpoint.host.to_string(), endpoint.port.get().to_string());
    asked.lines().filter_map(|line| line.split_once(' ')).any(|(keyword, value)| match keyword {
        "proxyjump" | "proxycommand" => value != "none",
        "hostname" => value != host,
        "port" => value != port,
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::Port;

    #[test]
    fn a_way_of_the_users_own() {
        let endpoint = Endpoint { host: "203.0.113.10".parse().unwrap(), port: Port::SSH };
        let asked = "host prime.train\nhostname 203.0.113.10\nport 22\nproxyusefdpass no\n";
        assert!(!leads_elsewhere(asked, &endpoint));
        for line in ["proxyjump gate", "proxycommand nc %h %p"] {
            assert!(leads_elsewhere(&format!("{asked}{line}\n"), &endpoint), "{line}");
        }
        assert!(leads_elsewhere(&asked.replace(".10", ".11"), &endpoint));
        assert!(leads_elsewhere(&asked.replace("22", "23"), &endpoint));
        assert!(!leads_elsewhere(&format!("{asked}proxycommand none\n"), &endpoint));
    }
}
