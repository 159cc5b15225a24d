//! The way of ssh to each host: its configuration, and the jump host.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;

use super::{Hop, ViewedCluster, ViewedHost};
use crate::cluster::{Jump, JumpHost};
use crate::commands::cluster_certificates::{checked, path_of};
use crate::failure::{Kind, OrFail, Outcome};
use crate::install::include::IncludeLine;
use crate::install::layout::Layout;
use crate::render::ssh_config;
use crate::ssh::login::{JumpConnection, SYSTEM_CONFIG, Ssh, Target};
use crate::ssh::probe::Endpoint;
use crate::ssh::probe::limiter::Limiter;
use crate::ssh::process::Group;

/// Starts the group of programs that log in.
pub(in crate::commands) fn ssh(
    limiter: Limiter,
    answer: Duration,
    layout: &Layout,
) -> Outcome<Ssh> {
    let group = Group::new().context("cannot start programs").or_fail(Kind::Local)?;
    Ok(Ssh::new(group, limiter, answer, layout.config()))
}

/// The way of ssh to a host.
#[derive(Clone, Debug)]
pub(super) struct Route {
    /// By itself.
    pub(super) target: Target,
    /// The place where that should lead.
    pub(super) endpoint: Endpoint,
    /// The hosts that it should lead through.
    pub(super) proxy_jump: Option<String>,
    /// The jump host that it is reached through, or that it is.
    pub(super) jump: Option<Arc<JumpConnection>>,
    /// True if it is that jump host.
    pub(super) is_jump: bool,
}

/// The connections to the hosts that lead to those of a cluster; nobody has logged in yet.
pub(in crate::commands) struct JumpConnections {
    /// A target with the configuration and the options for any host of the cluster.
    any: Target,
    bastion: Option<Arc<JumpConnection>>,
    jump: Option<Arc<JumpConnection>>,
}

/// The routes to all hosts of these clusters, in their order.
pub(super) fn routes(
    clusters: &[ViewedCluster<'_>],
    ssh: &Ssh,
    layout: &Layout,
) -> Outcome<Vec<Route>> {
    let mut routes = Vec::new();
    for cluster in clusters {
        let connections = JumpConnections::of(cluster, ssh, layout, None)?;
        routes.extend(cluster.hosts().map(|host| connections.route_to(&host)));
    }
    Ok(routes)
}

impl JumpConnections {
    /// New ones, but for the `bastion` that is logged in to already.
    pub(in crate::commands) fn of(
        cluster: &ViewedCluster<'_>,
        ssh: &Ssh,
        layout: &Layout,
        bastion: Option<Arc<JumpConnection>>,
    ) -> Outcome<Self> {
        let any = any_target(cluster, ssh, layout)?;
        let new = |target, bastion| Arc::new(JumpConnection::new(ssh, target, bastion));
        let bastion = bastion.or_else(|| bastion_of(cluster, &any).map(|target| new(target, None)));
        let jump = jump_of(cluster, &any).map(|target| new(target, bastion.clone()));
        Ok(Self { any, bastion, jump })
    }

    /// The one that hosts with such a hop are reached through.
    pub(in crate::commands) fn of_hop(&self, hop: Hop) -> Option<Arc<JumpConnection>> {
        match hop {
            Hop::None => None,
            Hop::Bastion => self.bastion.clone(),
            Hop::Jump => self.jump.clone(),
        }
    }

    fn route_to(&self, host: &ViewedHost<'_>) -> Route {
        let is_jump = host.is_jump();
        Route {
            target: target(host, &self.any),
            endpoint: host.endpoint(),
            proxy_jump: host.proxy_jump(),
            jump: self.of_hop(if is_jump { Hop::Jump } else { host.hop() }),
            is_jump,
        }
    }
}

/// A target with the configuration and the options for any host of this cluster; of one that is not
/// installed, the configuration is written.
fn any_target(cluster: &ViewedCluster<'_>, ssh: &Ssh, layout: &Layout) -> Outcome<Target> {
    let (config, arguments) = match cluster.record {
        // A plain ssh, as the person's own, where it reads that folder.
        Some(_) => ((!layout.is_read_by_ssh()).then(|| layout.config()), Vec::new()),
        None => as_installed(cluster, ssh, layout)?,
    };
    Ok(Target { config, arguments, destination: String::new(), address: None })
}

/// The configuration that `install` would leave, and options beside it: the fragment comes first, and
/// what it does not say is the user's. What ssh learns of host keys is forgotten afterwards, and what
/// it learned before from a fragment of `config` counts.
fn as_installed(
    cluster: &ViewedCluster<'_>,
    ssh: &Ssh,
    layout: &Layout,
) -> Outcome<(Option<PathBuf>, Vec<String>)> {
    let mut login = cluster.rendering.ssh.clone();
    let fleets = cluster.fleet().map_or(&[][..], std::slice::from_ref);
    if let (Some(own), [fleet]) = (cluster.certificate(layout), fleets) {
        let path = path_of(layout, &own)?;
        login.cluster_certificates.insert(fleet.cluster.id.to_string(), path);
    }
    let group = ssh.group();
    let mut fragment = Vec::new();
    let known = fleets.iter().map(|fleet| ssh_config::patterns(&fleet.alias(), None));
    ssh_config::render(fleets, known, &login, &mut fragment)
        .context("cannot render")
        .or_fail(Kind::Local)?;
    let write = |content: &[u8]| {
        let written = group.write(group.path("c"), 0o600, content);
        written.context("cannot write for ssh").or_fail(Kind::Local)
    };
    let fragment = write(&fragment)?;
    let mut config = String::new();
    for path in [&fragment, &layout.config()] {
        let line = IncludeLine::new(path).or_fail(Kind::Local)?;
        config.extend([line.to_string().as_str(), "\n"]);
    }
    if layout.is_read_by_ssh() {
        config.extend(["Include ", SYSTEM_CONFIG, "\n"]);
    }
    let config = write(config.as_bytes())?;
    let mut options = Vec::new();
    if login.known_hosts.is_none() {
        let new = checked(&group.path("k"))?;
        let known = checked(&layout.ssh_folder.join("known_hosts"))?;
        options.extend(["-o".to_owned(), format!("UserKnownHostsFile=\"{new}\" \"{known}\"")]);
    }
    Ok((Some(config), options))
}

fn target(host: &ViewedHost<'_>, any: &Target) -> Target {
    let address = host.host.host_name.address();
    Target { destination: host.alias(), address, ..any.clone() }
}

/// The jump host of the cluster's workers, where they have one.
fn jump_of(cluster: &ViewedCluster<'_>, any: &Target) -> Option<Target> {
    let fleet = cluster.fleet()?;
    match fleet.jump.as_ref()? {
        Jump::ControlNode(_) => {
            cluster.hosts().find(ViewedHost::is_jump).map(|host| target(&host, any))
        }
        Jump::Via(via) => {
            let bastion = fleet.bastion.iter().filter(|bastion| *bastion != via);
            Some(own_host(via, bastion.map(|bastion| format!("ProxyJump={bastion}")), any))
        }
    }
}

/// The host that leads to all others, where there is one.
fn bastion_of(cluster: &ViewedCluster<'_>, any: &Target) -> Option<Target> {
    Some(own_host(cluster.fleet()?.bastion.as_ref()?, None, any))
}

/// A host of the user's own configuration, or of none.
fn own_host(host: &JumpHost, options: impl IntoIterator<Item = String>, any: &Target) -> Target {
    let option = |option| ["-o".to_owned(), option];
    let mut arguments: Vec<String> = options.into_iter().flat_map(option).collect();
    if let Some(user) = host.user() {
        arguments.extend(["-l".to_owned(), user.to_string()]);
    }
    if let Some(port) = host.port() {
        arguments.extend(["-p".to_owned(), port.get().to_string()]);
    }
    Target { arguments, destination: host.host().to_owned(), ..any.clone() }
}
