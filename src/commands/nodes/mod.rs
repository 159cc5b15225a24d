//! A cluster's nodes as `check`, `wait` and `show` see them: how each host is reached, what was
//! found there, and what that means.

pub(super) mod reach;
mod remedy;
pub(super) mod report;
pub(super) mod route;
pub(super) mod status;

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};

use crate::certificate::PublicKey;
use crate::certificate::file::CertificateFile;
use crate::certificate::identity::Identity;
use crate::cluster::{Fleet, Host, Jump, ResolvedCluster, Skipped};
use crate::commands::cluster_certificates::{fault, file_of};
use crate::install::layout::Layout;
use crate::install::state::Record;
use crate::settings::{Context, Rendering, ViewSettings, pasted};
use crate::ssh::probe::Endpoint;

/// A cluster as the person knows it.
#[derive(Debug)]
pub(super) struct ViewedCluster<'a> {
    /// Its hosts, or why there are none, with what was refused and what a person should know.
    pub(super) resolved: ResolvedCluster<'a>,
    /// Its record, if it is installed here.
    pub(super) record: Option<&'a Record>,
    /// The options that it is rendered with.
    pub(super) rendering: Rendering,
    /// The words that name it behind `prime-ssh install`.
    pub(super) source: Vec<OsString>,
}

impl<'a> ViewedCluster<'a> {
    /// The fleet, without hosts where no node has a usable one; `None` where one of the cluster's own
    /// values was refused.
    pub(super) fn fleet(&self) -> Option<&Fleet<'a>> {
        self.resolved.fleet_or_empty()
    }

    /// The cluster's alias, or its name for messages where it has none.
    pub(super) fn alias(&self) -> String {
        self.resolved.alias().unwrap_or_else(|| self.resolved.title.clone())
    }

    pub(super) fn hosts(&self) -> impl Iterator<Item = ViewedHost<'_>> {
        self.fleet().into_iter().flat_map(move |fleet| {
            fleet.hosts.iter().map(move |host| ViewedHost { cluster: self, fleet, host })
        })
    }

    /// The hosts that were asked for, without those that others only jump through.
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
    pub(super) fn without_host(&self) -> impl Iterator<Item = (&Fleet<'a>, &Skipped<'a>)> {
        let fleet = self.fleet().into_iter();
        let nodes = fleet.flat_map(|fleet| fleet.skipped.iter().map(move |node| (fleet, node)));
        nodes.filter(|(_, node)| node.is_active())
    }

    /// The file of our certificate, where that is what the cluster asks for.
    pub(super) fn certificate(&self, layout: &Layout) -> Option<CertificateFile> {
        let cluster = &self.fleet()?.cluster;
        let takes_ours = self.rendering.ssh.takes_ours(cluster);
        takes_ours.then(|| file_of(layout, cluster, self.record))
    }

    /// Returns the reason that this certificate lets nobody in.
    pub(super) fn certificate_fault(&self, viewing: &ViewSettings<'_>) -> Option<String> {
        fault(&self.certificate(&viewing.layout)?, self.key(viewing.context).as_ref())
    }

    /// The command that installs it with another key, for a sentence.
    pub(super) fn install_with_key(&self, key: impl AsRef<OsStr>, context: &Context) -> String {
        let option = ["--identity-file".into(), key.as_ref().to_owned()];
        pasted(context.commands().install(option, &self.source))
    }

    /// The key that a setting names.
    pub(super) fn key(&self, context: &Context) -> Option<PublicKey> {
        let path = self.rendering.ssh.identity_file.as_ref()?;
        Identity::public_half(&context.environment.expand(path))
    }
}

/// One of its hosts.
#[derive(Clone, Copy, Debug)]
pub(super) struct ViewedHost<'c> {
    pub(super) cluster: &'c ViewedCluster<'c>,
    pub(super) fleet: &'c Fleet<'c>,
    pub(super) host: &'c Host<'c>,
}

/// The kind of way to a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Hop {
    /// Nothing.
    None,
    /// The bastion alone.
    Bastion,
    /// The jump host of the cluster's workers.
    Jump,
}

impl ViewedHost<'_> {
    pub(super) fn alias(&self) -> String {
        self.fleet.alias_of(self.host)
    }

    pub(super) fn endpoint(&self) -> Endpoint {
        Endpoint { host: self.host.host_name.clone().into_owned(), port: self.host.port }
    }

    /// The hosts that it is reached through, as ssh is told.
    pub(super) fn proxy_jump(&self) -> Option<String> {
        self.fleet.proxy_jump(self.host)
    }

    /// The kind of way to it.
    pub(super) fn hop(&self) -> Hop {
        match self.fleet.bastion {
            _ if self.host.jumps => Hop::Jump,
            Some(_) => Hop::Bastion,
            None => Hop::None,
        }
    }

    /// Returns whether others are reached through it.
    pub(super) fn is_jump(&self) -> bool {
        matches!(&self.fleet.jump, Some(Jump::ControlNode(name)) if *name == self.host.name)
    }
}
