//! Reaches hosts side by side: whether they answer, and let us in.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::ViewedHost;
use super::route::Route;
use crate::failure::{Failure, Kind, Outcome};
use crate::ssh::login::{Jump, Login, Ssh, Target};
use crate::ssh::probe::limiter::Limiter;
use crate::ssh::probe::{self, Endpoint, Probe};
use crate::ssh::query::value;
use crate::ssh::reason::Reason;

/// The findings at a host.
#[derive(Clone, Debug, Default)]
pub(in crate::commands) struct Found {
    /// Its answer. Of a host behind a jump host only where that one let us in.
    pub(in crate::commands) probe: Option<Probe>,
    /// The login; nothing of one that was not tried.
    pub(in crate::commands) login: Option<Login>,
    /// The reason that the jump host let nobody in, so that nobody looked.
    pub(in crate::commands) jump_failure: Option<Reason>,
}

impl Found {
    fn of_login(login: Login) -> Self {
        Self { login: Some(login), ..Self::default() }
    }
}

/// The hosts that are reached without a jump host, each with its place among all.
fn direct(hosts: &[ViewedHost<'_>]) -> impl Iterator<Item = (usize, Endpoint)> {
    let direct = hosts.iter().enumerate().filter(|(_, host)| host.jump().is_none());
    direct.map(|(at, host)| (at, host.endpoint()))
}

/// Asks those hosts that are reached without a jump host whether they answer.
pub(in crate::commands) async fn probe_direct(
    hosts: &[ViewedHost<'_>],
    limiter: &Limiter,
    limit: Duration,
    mut done: impl FnMut(usize, Found),
) {
    probe::all(direct(hosts), limiter, limit, |at, probe| {
        done(at, Found { probe: Some(probe), ..Found::default() });
    })
    .await;
}

/// Asks hosts behind a jump host whether they answer, through one login to it.
pub(in crate::commands) async fn probe_through(
    endpoints: Vec<Endpoint>,
    jump: &Arc<Jump>,
    ssh: &Ssh,
    done: impl FnMut(usize, Found),
) -> Outcome<()> {
    let mut tasks = JoinSet::new();
    for (at, endpoint) in endpoints.into_iter().enumerate() {
        let (ssh, jump) = (ssh.clone(), Arc::clone(jump));
        tasks.spawn(async move {
            let found = match &jump.login(&ssh).await?.result {
                Ok(()) => {
                    let probe = Some(ssh.probe_through(&jump, &endpoint).await?);
                    Found { probe, ..Found::default() }
                }
                Err(reason) => Found { jump_failure: Some(reason.clone()), ..Found::default() },
            };
            Ok((at, found))
        });
    }
    all(tasks, done).await
}

/// Passes on the end of each task.
async fn all(
    mut tasks: JoinSet<io::Result<(usize, Found)>>,
    mut done: impl FnMut(usize, Found),
) -> Outcome<()> {
    while let Some(ended) = tasks.join_next().await {
        let (at, found) = ended.unwrap_or_else(|error| Err(error.into())).map_err(cannot_log_in)?;
        done(at, found);
    }
    Ok(())
}

/// Logs in to each host, by its route. `done` hears of each.
pub(in crate::commands) async fn log_in(
    hosts: &[ViewedHost<'_>],
    routes: &[Route],
    ssh: &Ssh,
    limiter: &Limiter,
    limit: Duration,
    done: impl FnMut(usize, Found),
) -> Outcome<()> {
    let mut tasks = JoinSet::new();
    let mut start = |at: usize, probe: Option<Probe>| {
        let Some((host, route)) = hosts.get(at).zip(routes.get(at)) else { return };
        let (ssh, route, endpoint) = (ssh.clone(), route.clone(), host.endpoint());
        let (proxy_jump, is_jump) = (host.jump(), host.is_jump());
        tasks.spawn(async move {
            let found = log_in_to(&ssh, route, &endpoint, proxy_jump.as_deref(), is_jump, probe);
            Ok((at, found.await?))
        });
    };
    for (at, host) in hosts.iter().enumerate() {
        if host.jump().is_some() {
            start(at, None);
        }
    }
    probe::all(direct(hosts), limiter, limit, |at, probe| start(at, Some(probe))).await;
    all(tasks, done).await
}

fn cannot_log_in(error: io::Error) -> Failure {
    let is_missing = error.kind() == io::ErrorKind::NotFound;
    let failure = Failure::new(Kind::Local, anyhow::Error::from(error).context("cannot run ssh"));
    if !is_missing {
        return failure;
    }
    failure.hint("a login needs the `ssh` program; `check` without --login needs none")
}

/// Logs in to one host, which ssh should reach through `proxy_jump`. `is_jump`: the jump host of the
/// route is this host itself.
async fn log_in_to(
    ssh: &Ssh,
    route: Route,
    endpoint: &Endpoint,
    proxy_jump: Option<&str>,
    is_jump: bool,
    probe: Option<Probe>,
) -> io::Result<Found> {
    let resolved = match ssh.resolve(&route.target).await? {
        Ok(resolved) => resolved,
        Err(reason) => return Ok(Found { probe, ..Found::of_login(Login::failed(reason)) }),
    };
    let is_ours = leads_through(&resolved, proxy_jump);
    let found = match route.jump.as_ref().filter(|_| is_ours) {
        Some(jump) => through(ssh, jump, &route.target, endpoint, is_jump).await?,
        // Nobody is there, and the user's own configuration leads to the same place.
        None if probe.as_ref().is_some_and(|probe| !probe.is_ok())
            && is_ours
            && leads_to(&resolved, endpoint) =>
        {
            Found::default()
        }
        None => {
            let address = probe.as_ref().and_then(|probe| probe.address);
            Found::of_login(ssh.login(&Target { address, ..route.target }).await?)
        }
    };
    Ok(Found { probe, ..found })
}

/// Logs in to a host behind a jump host, or to that jump host itself.
async fn through(
    ssh: &Ssh,
    jump: &Jump,
    target: &Target,
    endpoint: &Endpoint,
    is_jump: bool,
) -> io::Result<Found> {
    let own_failure = jump.login(ssh).await?.result.clone().err().filter(|_| !is_jump);
    let jump_failure = jump.bastion_failure(ssh).await?.or(own_failure);
    if jump_failure.is_some() {
        return Ok(Found { jump_failure, ..Found::default() });
    }
    Ok(Found::of_login(if is_jump {
        ssh.login_to(jump).await?
    } else {
        ssh.login_through(jump, target, endpoint).await?
    }))
}

/// Returns whether a plain ssh would go through this jump host, or through none: the user's own
/// configuration may lead another way.
fn leads_through(resolved: &str, proxy_jump: Option<&str>) -> bool {
    let value = |keyword| value(resolved, keyword).filter(|value| *value != "none");
    // `ssh -G` puts an address into brackets.
    let plain = |jump: &str| jump.replace(['[', ']'], "");
    value("proxyjump").map(plain) == proxy_jump.map(plain) && value("proxycommand").is_none()
}

/// Returns whether it would connect to this place.
fn leads_to(resolved: &str, endpoint: &Endpoint) -> bool {
    let port = endpoint.port.get().to_string();
    value(resolved, "hostname") == Some(endpoint.host.as_str())
        && value(resolved, "port") == Some(&port)
}
