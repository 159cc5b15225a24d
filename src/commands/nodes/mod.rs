//! A cluster's nodes as `check`, `wait` and `show` see them: how each host is reached, what was
//! found there, and what that means.

pub(super) mod reach;
pub(super) mod remedy;
pub(super) mod route;
pub(super) mod row;
pub(super) mod status;

use std::collections::HashSet;
use std::ffi::OsString;

use crate::certificate::identity::Identity;
use crate::cluster::{Fleet, Host, Jump, Skipped};
use crate::commands::cluster_certificates::ClusterCertificate;
use crate::install::layout::Layout;
use crate::install::state::Record;
use crate::settings::{OptionResolver, Rendering};
use crate::ssh::probe::Endpoint;

/// A cluster as the person knows it.
#[derive(Debug)]
pub(super) struct ViewedCluster<'a> {
    /// It has no hosts where no node has a connection yet.
    pub(super) fleet: Fleet<'a>,
    pub(super) record: Option<&'a Record>,
    pub(super) rendering: Rendering,
    /// The words that name it behind `prime-ssh install`.
    pub(super) source: Vec<OsString>,
}

impl<'a> ViewedCluster<'a> {
    pub(super) fn hosts(&self) -> impl Iterator<Item = ViewedHost<'_>> {
        self.fleet.hosts.iter().map(move |host| ViewedHost { cluster: self, host })
    }

    /// Those that were asked for: not one that only others are reached through.
    pub(super) fn chosen(&self) -> impl Iterator<Item = ViewedHost<'_>> {
        self.hosts().filter(|host| !host.host.jump_only)
    }

    /// Returns the number of nodes in the cluster that are asked for.
    pub(super) fn nodes(&self) -> usize {
        let active = self.chosen().filter(|host| host.host.is_active());
        let nodes: HashSet<&str> = active.map(|host| host.host.node.id.as_str()).collect();
        nodes.len() + self.without_host().count()
    }

    /// The nodes that should give a host and give none.
    pub(super) fn without_host(&self) -> impl Iterator<Item = &Skipped<'a>> {
        self.fleet.skipped.iter().filter(|node| node.why.is_active())
    }

    /// Our certificate of the cluster, where it is what the cluster asks for.
    pub(super) fn cluster_certificate<'l>(
        &'l self,
        layout: &'l Layout,
    ) -> Option<ClusterCertificate<'l>> {
        let is_ours = self.rendering.ssh.certificates.named.is_none();
        (self.fleet.cluster.vault_enabled && is_ours).then(|| match self.record {
            Some(record) => ClusterCertificate::installed(layout, record),
            None => ClusterCertificate::of(layout, &self.fleet.cluster),
        })
    }

    /// Returns the reason that this certificate lets nobody in.
    pub(super) fn certificate_fault(
        &self,
        layout: &Layout,
        options: &OptionResolver<'_>,
    ) -> Option<String> {
        self.cluster_certificate(layout)?.refusal(self.identity(options).as_ref())
    }

    /// The key that a setting names.
    pub(super) fn identity(&self, options: &OptionResolver<'_>) -> Option<Identity> {
        let path = self.rendering.ssh.identity_file.as_ref()?;
        Identity::read(&options.environment().expand(path)).ok()
    }
}

/// One of its hosts.
#[derive(Clone, Copy, Debug)]
pub(super) struct ViewedHost<'c> {
    pub(super) cluster: &'c ViewedCluster<'c>,
    pub(super) host: &'c Host<'c>,
}

/// The kind of way to a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Hop {
    /// Nothing.
    None,
    /// The bastion alone.
    BastionArg,
    /// The jump host of the cluster's workers.
    Jump,
}

impl<'c> ViewedHost<'c> {
    pub(super) fn fleet(&self) -> &'c Fleet<'c> {
        &self.cluster.fleet
    }

    pub(super) fn alias(&self) -> String {
        self.fleet().alias_of(self.host)
    }

    pub(super) fn endpoint(&self) -> Endpoint {
        Endpoint { host: self.host.host_name.clone().into_owned(), port: self.host.port }
    }

    /// The hosts that it is reached through, as ssh is told.
    pub(super) fn jump(&self) -> Option<String> {
        self.fleet().proxy_jump(self.host)
    }

    /// The kind of way to it.
    pub(super) fn hop(&self) -> Hop {
        match self.fleet().bastion {
            _ if self.host.jumps => Hop::Jump,
            Some(_) => Hop::BastionArg,
            None => Hop::None,
        }
    }

    /// Returns whether others are reached through it.
    pub(super) fn is_jump(&self) -> bool {
        matches!(&self.fleet().jump, Some(Jump::ControlNode(name)) if *name == self.host.name)
    }
}
