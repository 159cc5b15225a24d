//! The way of ssh to each host: its configuration, and the jump host.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;

use super::{Hop, ViewedCluster, ViewedHost};
use crate::cluster::{self, JumpHost};
use crate::commands::cluster_certificates::{checked, path_of};
use crate::failure::{Kind, OrFail, Outcome};
use crate::install::include::IncludeLine;
use crate::install::layout::Layout;
use crate::render::ssh_config;
use crate::ssh::login::{Jump, SYSTEM_CONFIG, Ssh, Target};
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
pub(in crate::commands) struct Route {
    /// By itself.
    pub(in crate::commands) target: Target,
    /// The jump host that it is reached through, or that it is.
    pub(in crate::commands) jump: Option<Arc<Jump>>,
}

/// The routes to all hosts of these clusters, in their order.
pub(in crate::commands) fn routes(
    clusters: &[ViewedCluster<'_>],
    ssh: &Ssh,
    layout: &Layout,
) -> Outcome<Vec<Route>> {
    let mut routes = Vec::new();
    for (number, cluster) in clusters.iter().enumerate() {
        let any = any_target(cluster, number, ssh, layout)?;
        let new = |target, number, bastion| Arc::new(Jump::new(ssh, target, number, bastion));
        let bastion = bastion_of(cluster, &any);
        let bastion = bastion.map(|target| new(target, clusters.len() + number, None));
        let jump = jump_of(cluster, &any).map(|target| new(target, number, bastion.clone()));
        routes.extend(cluster.hosts().map(|host| {
            let jump = match host.hop() {
                Hop::Jump => jump.clone(),
                _ if host.is_jump() => jump.clone(),
                Hop::Bastion => bastion.clone(),
                Hop::None => None,
            };
            Route { target: target(&host, &any), jump }
        }));
    }
    Ok(routes)
}

/// A target with the configuration and the options for any host of this cluster; of one that is not
/// installed, the configuration is written. `number` tells it from the others of the run.
pub(in crate::commands) fn any_target(
    cluster: &ViewedCluster<'_>,
    number: usize,
    ssh: &Ssh,
    layout: &Layout,
) -> Outcome<Target> {
    let (config, arguments) = match cluster.record {
        // A plain ssh, as the person's own, where it reads that folder.
        Some(_) => ((!layout.is_read_by_ssh()).then(|| layout.config()), Vec::new()),
        None => as_installed(cluster, number, ssh, layout)?,
    };
    Ok(Target { config, arguments, destination: String::new(), address: None })
}

/// The configuration that `install` would leave, and options beside it: the fragment comes first, and
/// what it does not say is the user's. What ssh learns of host keys is forgotten afterwards, and what
/// it has learnt before from a fragment of `config` counts.
fn as_installed(
    cluster: &ViewedCluster<'_>,
    number: usize,
    ssh: &Ssh,
    layout: &Layout,
) -> Outcome<(Option<PathBuf>, Vec<String>)> {
    let mut login = cluster.rendering.ssh.clone();
    let fleets = cluster.fleet().map_or(&[][..], std::slice::from_ref);
    if let (Some(own), [fleet]) = (cluster.certificate(layout), fleets) {
        let path = path_of(layout, &own)?;
        login.certificates.by_cluster.insert(fleet.cluster.id.to_string(), path);
    }
    let group = ssh.group();
    let mut fragment = Vec::new();
    ssh_config::render(fleets, &login, &mut fragment)
        .context("cannot render")
        .or_fail(Kind::Local)?;
    let write = |name: String, content: &[u8]| {
        group.write(&name, 0o600, content).context("cannot write for ssh").or_fail(Kind::Local)
    };
    let fragment = write(format!("c{number}"), &fragment)?;
    let mut config = String::new();
    for path in [&fragment, &layout.config()] {
        let line = IncludeLine::new(path).or_fail(Kind::Local)?;
        config.extend([line.to_string().as_str(), "\n"]);
    }
    if layout.is_read_by_ssh() {
        config.extend(["Include ", SYSTEM_CONFIG, "\n"]);
    }
    let config = write(format!("c{number}.config"), config.as_bytes())?;
    let mut options = Vec::new();
    if login.known_hosts.is_none() {
        let new = checked(&group.path(&format!("k{number}")))?;
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
pub(in crate::commands) fn jump_of(cluster: &ViewedCluster<'_>, any: &Target) -> Option<Target> {
    let fleet = cluster.fleet()?;
    match fleet.jump.as_ref()? {
        cluster::Jump::ControlNode(_) => {
            cluster.hosts().find(ViewedHost::is_jump).map(|host| target(&host, any))
        }
        cluster::Jump::Via(via) => {
            let bastion = fleet.bastion.iter().filter(|bastion| *bastion != via);
            Some(own_host(via, bastion.map(|bastion| format!("ProxyJump={bastion}")), any))
        }
    }
}

/// The host that leads to all others, where there is one.
pub(in crate::commands) fn bastion_of(cluster: &ViewedCluster<'_>, any: &Target) -> Option<Target> {
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
