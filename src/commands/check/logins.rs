//! How ssh gets to each host: with which configuration, and by which jump host.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;

use super::Member;
use super::clusters::Cluster;
use crate::cluster;
use crate::commands::certificates::checked;
use crate::failure::{Kind, OrFail, Outcome};
use crate::install::include::IncludeLine;
use crate::install::layout::Layout;
use crate::render::ssh_config;
use crate::settings::Check;
use crate::ssh::login::{Destination, Jump, Ssh, Target};
use crate::ssh::probe::Endpoint;
use crate::ssh::probe::pace::Limiter;
use crate::ssh::process::Group;

/// The system's own configuration, which ssh reads behind the user's.
const OF_THE_SYSTEM: &str = "Include /etc/ssh/ssh_config\n";

/// The logins of a run: a way for each host, in their order.
#[derive(Debug)]
pub(super) struct Logins {
    pub(super) ssh: Ssh,
    pub(super) ways: Vec<Way>,
}

/// How ssh gets to a host.
#[derive(Clone, Debug)]
pub(super) enum Way {
    /// By itself.
    Direct(Target),
    /// It is the jump host of others.
    AsJump(Arc<Jump>),
    /// Through a jump host, which connects to this place.
    Through(Arc<Jump>, Target, Endpoint),
}

impl Logins {
    /// Finds the ways, and writes the configuration for clusters that are not installed.
    pub(super) fn prepare(
        clusters: &[Cluster<'_>],
        settings: &Check,
        pace: Limiter,
    ) -> Outcome<Self> {
        let group = Group::new().context("cannot start programs").or_fail(Kind::Local)?;
        let ssh = Ssh::new(group, pace, settings.probe_timeout);
        let mut ways = Vec::new();
        for (number, cluster) in clusters.iter().enumerate() {
            let setup = Setup::of(cluster, number, &ssh, &settings.viewing.layout)?;
            let jump = jump(cluster, &setup, number, &ssh);
            ways.extend(super::members(cluster).map(|member| way(&member, &setup, jump.as_ref())));
        }
        Ok(Self { ssh, ways })
    }
}

/// What ssh is given for the hosts of one cluster.
struct Setup {
    config: Option<PathBuf>,
    options: Vec<String>,
}

impl Setup {
    fn of(cluster: &Cluster<'_>, number: usize, ssh: &Ssh, layout: &Layout) -> Outcome<Self> {
        if cluster.record.is_some() {
            // A plain ssh, as the person's own, where it reads that folder.
            let config = (!layout.is_read_by_ssh()).then(|| layout.config());
            return Ok(Self { config, options: Vec::new() });
        }
        Self::as_installed(cluster, number, ssh, layout)
    }

    /// The configuration that `install` would leave: the fragment comes first, and what it does not
    /// say is the user's. What ssh learns of host keys is forgotten afterwards, and what it has
    /// learnt before from a fragment of `config` counts.
    fn as_installed(
        cluster: &Cluster<'_>,
        number: usize,
        ssh: &Ssh,
        layout: &Layout,
    ) -> Outcome<Self> {
        let mut login = cluster.rendering.ssh.clone();
        if let Some(own) = cluster.own_certificate(layout) {
            let id = cluster.fleet.cluster.id.to_string();
            login.certificates.own.insert(id, own.path()?);
        }
        let group = ssh.group();
        let mut fragment = Vec::new();
        ssh_config::render(std::slice::from_ref(&cluster.fleet), &login, &mut fragment)
            .context("cannot render")
            .or_fail(Kind::Local)?;
        let write = |name: String, content: &[u8]| {
            group.write(&name, content).context("cannot write for ssh").or_fail(Kind::Local)
        };
        let fragment = write(format!("c{number}"), &fragment)?;
        let mut config = String::new();
        for path in [&fragment, &layout.config()] {
            let line = IncludeLine::new(path).or_fail(Kind::Local)?;
            config.push_str(line.as_str());
            config.push('\n');
        }
        if layout.is_read_by_ssh() {
            config.push_str(OF_THE_SYSTEM);
        }
        let config = write(format!("c{number}.config"), config.as_bytes())?;
        let mut options = Vec::new();
        if login.known_hosts.is_none() {
            let new = checked(&group.path(&format!("k{number}")))?;
            let known = checked(&layout.ssh_folder().join("known_hosts"))?;
            options.push(format!("UserKnownHostsFile=\"{new}\" \"{known}\""));
        }
        Ok(Self { config: Some(config), options })
    }

    fn target(&self, member: &Member<'_>) -> Target {
        Target {
            config: self.config.clone(),
            options: self.options.clone(),
            destination: Destination::alias(member.alias()),
            address: member.host.host_name.address(),
        }
    }
}

/// The jump host of the cluster's workers, where they have one.
fn jump(cluster: &Cluster<'_>, setup: &Setup, number: usize, ssh: &Ssh) -> Option<Arc<Jump>> {
    let target = match cluster.fleet.jump.as_ref()? {
        cluster::Jump::ControlNode(name) => {
            setup.target(&super::members(cluster).find(|member| member.host.name == *name)?)
        }
        // A host of the user's own configuration, or of none.
        cluster::Jump::Via(via) => Target {
            config: setup.config.clone(),
            options: Vec::new(),
            destination: Destination {
                host: via.host(),
                user: via.user().map(ToString::to_string),
                port: via.port(),
            },
            address: None,
        },
    };
    Some(Arc::new(Jump::new(ssh, target, number)))
}

fn way(member: &Member<'_>, setup: &Setup, jump: Option<&Arc<Jump>>) -> Way {
    let target = setup.target(member);
    let is_jump = match &member.fleet().jump {
        Some(cluster::Jump::ControlNode(name)) => *name == member.host.name,
        _ => false,
    };
    match jump {
        Some(jump) if member.host.jumps => Way::Through(jump.clone(), target, member.endpoint()),
        Some(jump) if is_jump => Way::AsJump(jump.clone()),
        _ => Way::Direct(target),
    }
}
