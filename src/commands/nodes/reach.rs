//! Reaches hosts side by side: whether they answer, and let us in.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::route::{self, Route};
use super::{ViewedCluster, ViewedHost};
use crate::failure::{Failure, Kind, Outcome};
use crate::install::layout::Layout;
use crate::ssh::login::{JumpConnection, Login, Ssh, Target};
use crate::ssh::probe::limiter::Limiter;
use crate::ssh::probe::{self, Endpoint, Probe};
use crate::ssh::query::{jump_hosts, value};
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

/// Asks those hosts that are reached without a jump host whether they answer.
pub(in crate::commands) async fn probe_direct(
    hosts: &[ViewedHost<'_>],
    limiter: &Limiter,
    limit: Duration,
    mut done: impl FnMut(usize, Found),
) {
    let direct = hosts.iter().enumerate().filter(|(_, host)| host.proxy_jump().is_none());
    let direct = direct.map(|(at, host)| (at, host.endpoint()));
    probe::all(direct, limiter, limit, |at, probe| {
        done(at, Found { probe: Some(probe), ..Found::default() });
    })
    .await;
}

/// Asks hosts behind a jump host whether they answer, through one login to it.
pub(in crate::commands) async fn probe_through(
    endpoints: Vec<Endpoint>,
    jump: &Arc<JumpConnection>,
    ssh: &Ssh,
    done: impl FnMut(usize, Found),
) -> Outcome<()> {
    let mut tasks = JoinSet::new();
    for (at, endpoint) in endpoints.into_iter().enumerate() {
        let (ssh, jump) = (ssh.clone(), Arc::clone(jump));
        tasks.spawn(async move {
            let jump_failure = jump.failure(&ssh).await?;
            let probe = match jump_failure {
                None => Some(ssh.probe_through(&jump, &endpoint).await?),
                Some(_) => None,
            };
            Ok((at, Found { probe, jump_failure, ..Found::default() }))
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

/// Logs in to all hosts of these clusters. One that needs no jump host is asked before whether it
/// answers.
pub(in crate::commands) async fn log_in(
    clusters: &[ViewedCluster<'_>],
    ssh: &Ssh,
    layout: &Layout,
    done: impl FnMut(usize, Found),
) -> Outcome<()> {
    let routes = route::routes(clusters, ssh, layout)?;
    let mut tasks = JoinSet::new();
    let mut start = |at: usize, route: Route, probe: Option<Probe>| {
        let ssh = ssh.clone();
        tasks.spawn(async move { Ok((at, log_in_by(&ssh, route, probe).await?)) });
    };
    let mut direct = BTreeMap::new();
    for (at, route) in routes.into_iter().enumerate() {
        match route.proxy_jump {
            Some(_) => start(at, route, None),
            None => _ = direct.insert(at, route),
        }
    }
    let endpoints: Vec<_> =
        direct.iter().map(|(at, route)| (*at, route.endpoint.clone())).collect();
    probe::all(endpoints, &ssh.limiter, ssh.answer, |at, probe| {
        if let Some(route) = direct.remove(&at) {
            start(at, route, Some(probe));
        }
    })
    .await;
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

/// Logs in to one host; `probe` is its answer, where it was asked.
async fn log_in_by(ssh: &Ssh, route: Route, probe: Option<Probe>) -> io::Result<Found> {
    let resolved = match ssh.resolve(&route.target).await? {
        Ok(resolved) => resolved,
        Err(reason) => return Ok(Found { probe, ..Found::of_login(Login::failed(reason)) }),
    };
    let is_ours = leads_through(&resolved, route.proxy_jump.as_deref());
    let found = match route.jump.as_ref().filter(|_| is_ours) {
        Some(jump) => through(ssh, jump, &route).await?,
        // Nobody is there, and the user's own configuration leads to the same place.
        None if probe.as_ref().is_some_and(|probe| !probe.is_ok())
            && is_ours
            && leads_to(&resolved, &route.endpoint) =>
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
async fn through(ssh: &Ssh, jump: &JumpConnection, route: &Route) -> io::Result<Found> {
    let Route { target, endpoint, is_jump, .. } = route;
    let jump_failure =
        if *is_jump { jump.bastion_failure(ssh).await? } else { jump.failure(ssh).await? };
    if jump_failure.is_some() {
        return Ok(Found { jump_failure, ..Found::default() });
    }
    Ok(Found::of_login(if *is_jump {
        ssh.login_to(jump).await?
    } else {
        ssh.login_through(jump, target, endpoint).await?
    }))
}

/// Returns whether a plain ssh would go through this jump host, or through none: the user's own
/// configuration may lead another way.
fn leads_through(resolved: &str, proxy_jump: Option<&str>) -> bool {
    let value = |keyword| value(resolved, keyword).filter(|value| *value != "none");
    value("proxyjump").map(jump_hosts) == proxy_jump.map(jump_hosts)
        && value("proxycommand").is_none()
}

/// Returns whether it would connect to this place.
fn leads_to(resolved: &str, endpoint: &Endpoint) -> bool {
    let port = endpoint.port.get().to_string();
    value(resolved, "hostname") == Some(endpoint.host.as_str())
        && value(resolved, "port") == Some(&port)
}
