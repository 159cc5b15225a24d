//! The hosts of a cluster that are wanted.

use std::collections::{BTreeSet, HashSet};

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

use super::jump::Jump;
use super::model::{Fleet, Host, Skipped};
use crate::name::{Label, Slug};
use crate::text::{boolean, serialized};

/// The hosts to select.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[command(next_help_heading = "Host selection")]
#[serde(rename_all = "kebab-case", default)]
pub struct Selection {
    /// By what they are.
    #[command(flatten)]
    #[serde(flatten)]
    pub filter: HostFilter,
    /// Include terminated and detached nodes
    #[arg(long, env = "PRIME_SSH_INCLUDE_INACTIVE", value_parser = boolean::parse)]
    pub include_inactive: bool,
    /// All hosts of a node that has one of them.
    #[arg(skip)]
    #[serde(skip)]
    pub whole_nodes: bool,
    /// Of those, the ones that this takes too.
    #[arg(skip)]
    #[serde(skip)]
    pub among: HostFilter,
}

/// The hosts to select, by what they are.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[command(next_help_heading = "Host selection")]
#[serde(default)]
pub struct HostFilter {
    /// Only hosts with this role
    #[arg(long, env = "PRIME_SSH_ROLE")]
    pub role: Option<String>,
    /// Only control nodes, or only workers
    #[arg(long, value_name = "WHICH", env = "PRIME_SSH_ONLY")]
    pub only: Option<Only>,
    /// Only hosts whose name or alias matches; repeatable
    #[arg(long, value_name = "GLOB", env = "PRIME_SSH_NODE", value_delimiter = ',')]
    #[serde(with = "serialized::list")]
    pub node: Vec<glob::Pattern>,
}

/// `--only`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Only {
    /// Control nodes.
    Control,
    /// All others.
    Worker,
}

impl Only {
    /// Returns whether the host is one of these.
    #[must_use]
    pub fn takes(self, host: &Host<'_>) -> bool {
        (self == Self::Control) == host.control
    }
}

impl Selection {
    /// Removes the hosts that are not wanted, except for the one that others jump through. Returns
    /// whether any is left.
    pub(super) fn apply(&self, fleet: &mut Fleet<'_>) -> bool {
        let mut wanted: Vec<bool> =
            fleet.hosts.iter().map(|host| self.takes(fleet, host)).collect();
        if self.whole_nodes {
            wanted = whole_nodes(fleet, &wanted);
        }
        if !wanted.contains(&true) {
            return false;
        }
        if !fleet.hosts.iter().zip(&wanted).any(|(host, &wanted)| wanted && host.jumps) {
            fleet.jump = None;
        }
        let jump = control_jump(fleet).cloned();
        let mut wanted = wanted.into_iter();
        fleet.hosts.retain_mut(|host| {
            host.jump_only = !wanted.next().unwrap_or_default();
            !host.jump_only || Some(&host.name) == jump.as_ref()
        });
        // First, where nobody looks for a host that was asked for.
        let jump_host = fleet.hosts.iter().position(|host| host.jump_only);
        if let Some(front) = jump_host.and_then(|at| fleet.hosts.get_mut(..=at)) {
            front.rotate_right(1);
        }
        true
    }

    /// Returns whether a node without a host may be wanted. Its role is not known before it has
    /// one.
    pub(super) fn may_take(&self, fleet: &Fleet<'_>, node: &Skipped<'_>) -> bool {
        let alias = fleet.alias_of_skipped(node);
        [&self.filter, &self.among].iter().all(|filter| filter.fits(node.name.as_str(), &alias))
    }

    fn takes(&self, fleet: &Fleet<'_>, host: &Host<'_>) -> bool {
        self.filter.takes(fleet, host) && self.among.takes(fleet, host)
    }

    /// The roles that there are, if no host has the wanted one.
    pub(super) fn other_roles(&self, fleet: &Fleet<'_>) -> Vec<String> {
        let Some(wanted) = self.filter.role.as_ref().or(self.among.role.as_ref()) else {
            return Vec::new();
        };
        let roles: BTreeSet<&str> =
            fleet.hosts.iter().filter_map(|host| host.role.as_ref()).map(Label::as_str).collect();
        if roles.iter().any(|role| role.to_lowercase() == wanted.to_lowercase()) {
            return Vec::new();
        }
        roles.into_iter().map(str::to_owned).collect()
    }
}

impl HostFilter {
    fn fits(&self, name: &str, alias: &str) -> bool {
        let fits = |glob: &glob::Pattern| glob.matches(name) || glob.matches(alias);
        self.node.is_empty() || self.node.iter().any(fits)
    }

    fn takes(&self, fleet: &Fleet<'_>, host: &Host<'_>) -> bool {
        let role_fits = self.role.as_ref().is_none_or(|wanted| {
            let role = host.role.as_ref().map(|role| role.as_str().to_lowercase());
            role == Some(wanted.to_lowercase())
        });
        let kind_fits = self.only.is_none_or(|only| only.takes(host));
        let name_fits =
            self.node.is_empty() || self.fits(host.name.as_str(), &fleet.alias_of(host));
        role_fits && kind_fits && name_fits
    }
}

/// The control node that hosts jump through, by its name.
fn control_jump<'f, 'a>(fleet: &'f Fleet<'a>) -> Option<&'f Slug<'a>> {
    match fleet.jump.as_ref()? {
        Jump::ControlNode(name) => Some(name),
        Jump::Via(_) => None,
    }
}

/// Takes all hosts of the nodes that have a wanted one, or the one that a wanted host jumps through.
fn whole_nodes(fleet: &Fleet<'_>, wanted: &[bool]) -> Vec<bool> {
    let is_jump = |host: &&Host<'_>| Some(&host.name) == control_jump(fleet);
    let hosts = || fleet.hosts.iter().zip(wanted).filter(|(_, wanted)| **wanted);
    let mut nodes: HashSet<u32> = hosts().map(|(host, _)| host.node.index).collect();
    // Those of the same node may jump too.
    if fleet.hosts.iter().any(|host| host.jumps && nodes.contains(&host.node.index)) {
        nodes.extend(fleet.hosts.iter().find(is_jump).map(|host| host.node.index));
    }
    fleet.hosts.iter().map(|host| nodes.contains(&host.node.index)).collect()
}
