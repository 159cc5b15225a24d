//! From checked clusters to fleets: every host named, selected, and with the way to it.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

use super::check::{CheckedCluster, Nodes};
use super::duplicate_ids::refuse_duplicates;
use super::jump::{Jump, JumpHost, JumpMode};
use super::model::{Cluster, Fleet, Host, Skipped, WhySkipped};
use super::naming::{name_hosts, name_with_id, natural, unique_names};
use super::options::Options;
use super::refusal::Refusal;
use crate::name::{HostName, Id, Invalid, Port, Slug};
use crate::text::message::first_of;

/// A checked cluster with its options applied.
#[derive(Debug)]
pub struct ResolvedCluster<'a> {
    /// The cluster's name for messages: its name and id as far as they are known.
    pub title: String,
    /// The fleet, or why there is none.
    pub fleet: Result<Fleet<'a>, NoFleet>,
    /// The refused values. The fleet is without the hosts that they belong to.
    pub refusals: Vec<Refusal>,
    /// The number of further refused values.
    pub more_refused: usize,
    /// Notes for the user, beyond those on nodes that give no host.
    pub notes: Vec<String>,
    /// A fleet without hosts, in place of one that could not be made.
    empty_fleet: Option<Box<Fleet<'a>>>,
}

impl<'a> ResolvedCluster<'a> {
    /// The name of the whole cluster, where it has one.
    #[must_use]
    pub fn alias(&self) -> Option<String> {
        self.fleet_or_empty().map(Fleet::alias)
    }

    /// The nodes that give no host.
    #[must_use]
    pub fn skipped(&self) -> &[Skipped<'a>] {
        self.fleet_or_empty().map_or(&[], |fleet| &fleet.skipped)
    }

    /// A note for each node that gives no host and says why itself: what was refused is told where
    /// it is refused.
    #[must_use]
    pub fn skip_notes(&self) -> Vec<String> {
        if matches!(self.fleet, Err(NoFleet::Terminated)) {
            return Vec::new();
        }
        let loud = self.skipped().iter().filter(|skipped| skipped.why != WhySkipped::ValueRefused);
        let title = &self.title;
        let mut notes: Vec<String> = loud
            .map(|skipped| format!("{title}: skipped {}: {}", skipped.name, skipped.explained()))
            .collect();
        if notes.len() > TOLD {
            let more = notes.split_off(TOLD).len();
            notes.push(format!("{title}: skipped {more} more nodes"));
        }
        notes
    }

    /// The fleet; where there is none, an empty one that says what is known of the cluster.
    #[must_use]
    pub fn fleet_or_empty(&self) -> Option<&Fleet<'a>> {
        self.fleet.as_ref().ok().or(self.empty_fleet.as_deref())
    }
}

/// The reason that a cluster gives no fleet.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoFleet {
    /// One of the cluster's own values was refused.
    #[error("its own values were refused")]
    Refused,
    /// The cluster was terminated.
    #[error("the cluster was terminated")]
    Terminated,
    /// No node of it has a usable connection.
    #[error("no node has a usable connection")]
    NoHost,
    /// It has hosts, but none that is asked for.
    #[error("{}", none_selected(roles))]
    NoneSelected {
        /// The roles that its hosts have, if none has the one that is asked for.
        roles: Vec<String>,
    },
    /// Every worker should jump, and there is no control node to jump through.
    #[error("no usable control node to jump through")]
    NoControlNode,
    /// The jump host that was named cannot be one.
    #[error("{0}")]
    BadJumpHost(Invalid),
}

fn none_selected(roles: &[String]) -> String {
    if roles.is_empty() {
        return "no host matches --role, --only, and --node".to_owned();
    }
    format!("no host has that --role; the roles are {}", first_of(roles, NAMED))
}

/// Makes fleets of checked clusters, in the order of (name, id).
#[must_use]
pub fn resolve<'a>(
    mut clusters: Vec<CheckedCluster<'a>>,
    options: &Options,
) -> Vec<ResolvedCluster<'a>> {
    for cluster in &mut clusters {
        cluster.nodes.settle_inactive(options.selection.include_inactive);
    }
    refuse_duplicates(&mut clusters);
    let names = name_clusters(&clusters.iter().collect::<Vec<_>>(), &[]);
    let clusters = clusters.into_iter().zip(names);
    let mut resolved: Vec<_> =
        clusters.map(|(cluster, name)| resolve_named(cluster, name, options)).collect();
    resolved.sort_by_cached_key(|resolved| {
        resolved.fleet_or_empty().map(|fleet| (fleet.name.clone(), fleet.cluster.id.clone()))
    });
    resolved
}

/// Makes a fleet of one cluster by this name, or by its own: whatever other clusters there are.
#[must_use]
pub fn resolve_one<'a>(
    mut cluster: CheckedCluster<'a>,
    name: Option<Slug<'a>>,
    options: &Options,
) -> ResolvedCluster<'a> {
    cluster.nodes.settle_inactive(options.selection.include_inactive);
    refuse_duplicates(std::slice::from_mut(&mut cluster));
    let name = name.or_else(|| cluster.wanted_name());
    resolve_named(cluster, name, options)
}

/// Names each cluster whose own values are usable: a recorded name stays, the others are found.
#[must_use]
pub fn name_clusters<'a>(
    clusters: &[&CheckedCluster<'a>],
    recorded: &[(Id<'static>, Slug<'static>)],
) -> Vec<Option<Slug<'a>>> {
    let by_id: HashMap<&str, &Slug<'static>> =
        recorded.iter().map(|(id, name)| (id.as_str(), name)).collect();
    let recorded_for = |id: &Id<'a>| by_id.get(id.as_str()).map(|&name| name.clone());
    let taken: HashSet<Slug<'a>> = by_id.values().map(|&name| name.clone()).collect();
    let newcomers: Vec<(Slug<'a>, &Id<'a>)> = clusters
        .iter()
        .filter_map(|cluster| cluster.wanted_name().zip(cluster.id()))
        .filter(|(_, id)| recorded_for(id).is_none())
        .collect();
    let named =
        unique_names(&taken, &newcomers, |(slug, id), suffix| name_with_id(slug, id, suffix));
    let mut named = named.into_iter();
    let ids = clusters.iter().map(|cluster| cluster.id());
    ids.map(|id| recorded_for(id?).or_else(|| named.next())).collect()
}

fn resolve_named<'a>(
    checked: CheckedCluster<'a>,
    name: Option<Slug<'a>>,
    options: &Options,
) -> ResolvedCluster<'a> {
    let CheckedCluster { cluster, nodes, mut refusals, label, .. } = checked;
    let Nodes { hosts, skipped, refusals: of_nodes, active_count, .. } = nodes;
    refusals.append(of_nodes);
    let title = cluster.as_ref().map_or(label, title);
    let mut notes = Vec::new();
    let mut empty_fleet = None;
    let fleet = match cluster.zip(name) {
        None => Err(NoFleet::Refused),
        Some((cluster, name)) => {
            let mut fleet = Fleet {
                prefix: options.prefix(),
                name,
                cluster,
                hosts,
                jump: None,
                bastion: options.bastion().cloned(),
                active_nodes: active_count,
                skipped,
                entry: 0,
            };
            match resolve_hosts(&mut fleet, options, &mut notes) {
                Ok(()) => Ok(fleet),
                Err(why) => {
                    fleet.hosts.clear();
                    empty_fleet = Some(Box::new(fleet));
                    Err(why)
                }
            }
        }
    };
    for note in &mut notes {
        note.insert_str(0, &format!("{title}: "));
    }
    let (refusals, more_refused) = (refusals.first, refusals.more);
    ResolvedCluster { title, fleet, refusals, more_refused, notes, empty_fleet }
}

fn title(cluster: &Cluster<'_>) -> String {
    match cluster.name.as_str() {
        name if name == cluster.id.as_str() => name.to_owned(),
        name => format!("{name} ({})", cluster.id),
    }
}

/// The most skipped nodes that are listed one by one.
const TOLD: usize = 20;

/// Names, orders and selects the hosts of a fleet that holds all of them, and finds their way in.
fn resolve_hosts(
    fleet: &mut Fleet<'_>,
    options: &Options,
    notes: &mut Vec<String>,
) -> Result<(), NoFleet> {
    if fleet.cluster.is_terminated() && !options.selection.include_inactive {
        return Err(NoFleet::Terminated);
    }
    let mut skipped = std::mem::take(&mut fleet.skipped);
    skipped.retain(|node| options.selection.may_take(fleet, node));
    fleet.skipped = skipped;
    if fleet.hosts.is_empty() {
        return Err(NoFleet::NoHost);
    }
    mark_mains(&mut fleet.hosts);
    // Before any host is removed, so that a name does not depend on the selection.
    name_hosts(&mut fleet.hosts);
    fleet.hosts.sort_unstable_by(|a, b| {
        b.of_control_node.cmp(&a.of_control_node).then_with(|| by_name(a, b))
    });
    if let Some(user) = &options.user {
        for host in &mut fleet.hosts {
            host.user = user.clone();
        }
    }
    for host in options.jump_via.iter().chain(options.bastion()) {
        check_outside(host, fleet).map_err(NoFleet::BadJumpHost)?;
    }
    fleet.jump = find_jump(fleet, options)?;
    mark_jumps(fleet, options.jump_mode());
    if !options.selection.apply(fleet) {
        return Err(NoFleet::NoneSelected { roles: options.selection.other_roles(fleet) });
    }
    match first_control_node(&fleet.hosts) {
        Some(first) => fleet.entry = first,
        None => notes.extend(fleet.entry().map(|host| {
            let (name, to) = (fleet.alias(), fleet.alias_of(host));
            format!("no control node here: {name} leads to {to}")
        })),
    }
    if options.jump_mode() == JumpMode::Auto && options.bastion().is_none() {
        notes.extend(no_way_in(fleet));
    }
    Ok(())
}

/// The order of two hosts that are both of control nodes, or both not.
fn by_name(a: &Host<'_>, b: &Host<'_>) -> Ordering {
    natural(a.name.as_str(), b.name.as_str())
        .then_with(|| (&a.node.id, a.port).cmp(&(&b.node.id, b.port)))
        .then_with(|| (&a.host_name, &a.user).cmp(&(&b.host_name, &b.user)))
}

fn first_control_node(hosts: &[Host<'_>]) -> Option<usize> {
    let control_nodes = hosts.iter().enumerate().filter(|(_, host)| host.control);
    control_nodes.min_by(|(_, a), (_, b)| by_name(a, b)).map(|(at, _)| at)
}

/// Marks the first connection of each node as its main one.
fn mark_mains(hosts: &mut [Host<'_>]) {
    let mut node = None;
    for host in hosts {
        host.main = node != Some(host.node.index);
        node = Some(host.node.index);
    }
}

fn find_jump<'a>(fleet: &Fleet<'a>, options: &Options) -> Result<Option<Jump<'a>>, NoFleet> {
    if options.jump_mode() == JumpMode::Never {
        return Ok(None);
    }
    if let Some(via) = &options.jump_via {
        return Ok(Some(Jump::Via(via.clone())));
    }
    let controls = || fleet.hosts.iter().filter(|host| host.control && host.is_active());
    let mut jump = controls().find(|host| !host.host_name.is_private());
    if options.jump_mode() == JumpMode::Always || options.bastion().is_some() {
        jump = jump.or_else(|| controls().next());
        let must = options.jump_mode() == JumpMode::Always;
        if must && jump.is_none() && fleet.hosts.iter().any(|host| !host.control) {
            return Err(NoFleet::NoControlNode);
        }
    }
    Ok(jump.map(|host| Jump::ControlNode(host.name.clone())))
}

/// Refuses a jump host that is one of the cluster's own names or endpoints: a host that jumps
/// through itself never stops.
fn check_outside(jump: &JumpHost, fleet: &Fleet<'_>) -> Result<(), Invalid> {
    let host = jump.host();
    let ours = fleet.alias();
    let below = host.strip_prefix(&ours);
    if below.is_some_and(|rest| rest.is_empty() || rest.starts_with('.')) {
        return Err(Invalid::because(format!(
            "{host} is a name of this cluster itself, and a host cannot jump through itself"
        )));
    }
    // An alias in upper case is a name of its own to ssh, but the same one to a resolver.
    let Ok(host) = host.parse::<HostName<'_>>() else { return Ok(()) };
    let port = jump.port().unwrap_or(Port::SSH);
    match fleet.hosts.iter().find(|node| (&node.host_name, node.port) == (&host, port)) {
        Some(node) => Err(Invalid::because(format!(
            "{host} port {port} is node {} itself; `--jump auto` jumps through the control node",
            node.name
        ))),
        None => Ok(()),
    }
}

/// Control nodes are always reached directly, so that no jump leads back to where it came from.
fn mark_jumps(fleet: &mut Fleet<'_>, mode: JumpMode) {
    let any = fleet.jump.is_some();
    for host in &mut fleet.hosts {
        let is_far = mode == JumpMode::Always || host.host_name.is_private();
        host.jumps = any && !host.control && is_far;
    }
}

/// The most names that a note lists.
const NAMED: usize = 5;

fn no_way_in(fleet: &Fleet<'_>) -> Option<String> {
    let stranded: Vec<&str> = fleet
        .hosts
        .iter()
        .filter(|host| host.host_name.is_private() && !host.jumps)
        .map(|host| host.name.as_str())
        .collect();
    (!stranded.is_empty()).then(|| {
        let first = first_of(stranded, NAMED);
        format!(
            "{first}: at a private address with no jump host; `--jump-via HOST` names one for workers"
        )
    })
}
