//! The walk: from what the answers say to the fleets that are rendered.

use std::cmp::Ordering;
use std::collections::{BTreeSet, HashSet};
use std::fmt;

use super::check::{CheckedCluster, Nodes};
use super::data::{Given, Way};
use super::host::{Cluster, Fleet, Host, Skipped, WhySkipped};
use super::ids::refuse_twins;
use super::jump::{Jump, JumpMode, JumpVia};
use super::naming::{Names, cluster_name, name_hosts, natural};
use super::refusal::Refusal;
use crate::name::{Alias, Id, Invalid, Label, Slug, UserName};

/// Which hosts of the answers become part of a fleet, and how they are named and reached.
///
/// What is `None` is as the data say that are read, and has a default where an answer is.
#[derive(Clone, Debug)]
pub struct Options {
    /// The first part of every alias, whatever data say: with theirs they could take over a name
    /// such as `github.com`.
    pub prefix: Slug<'static>,
    /// The login name, in place of the one that the API says.
    pub user: Option<UserName<'static>>,
    /// Which workers jump; by default those of [`JumpMode::Auto`].
    pub jump: Option<JumpMode>,
    /// The host that they jump through, in place of a control node.
    pub jump_via: Option<JumpVia>,
    /// Which hosts.
    pub selection: Selection,
    /// Names that clusters keep, by their id: an installed cluster's name does not move.
    pub recorded: Vec<(Id<'static>, Slug<'static>)>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            prefix: Slug::prime(),
            user: None,
            jump: None,
            jump_via: None,
            selection: Selection::default(),
            recorded: Vec::new(),
        }
    }
}

impl Options {
    /// Whether these options say through what hosts are reached, whatever data say.
    fn say_the_way(&self) -> bool {
        self.jump.is_some() || self.jump_via.is_some()
    }
}

/// Which hosts of a cluster are wanted.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Only those with this role, in any case.
    pub role: Option<String>,
    /// Only control nodes, or only workers.
    pub only: Option<Only>,
    /// Only those whose name or alias fits one of these, unless there are none.
    pub nodes: Vec<glob::Pattern>,
    /// Terminated and detached nodes too.
    pub include_inactive: bool,
}

/// One half of a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Only {
    /// Control nodes.
    Control,
    /// All others.
    Worker,
}

impl Selection {
    fn takes(&self, host: &Host<'_>, alias: &str) -> bool {
        let role_fits = self.role.as_ref().is_none_or(|wanted| {
            let role = host.role.as_ref().map(|role| role.as_str().to_lowercase());
            role == Some(wanted.to_lowercase())
        });
        let half_fits = self.only.is_none_or(|only| (only == Only::Control) == host.control);
        let name_fits = self.nodes.is_empty()
            || self
                .nodes
                .iter()
                .any(|glob| glob.matches(host.name.as_str()) || glob.matches(alias));
        role_fits && half_fits && name_fits
    }

    fn is_everything(&self) -> bool {
        self.role.is_none() && self.only.is_none() && self.nodes.is_empty()
    }
}

/// What became of one answer.
#[derive(Debug)]
pub struct ResolvedCluster<'a> {
    /// What to call the cluster to a person: its name and id as far as they are known.
    pub title: String,
    /// The fleet, or why there is none.
    pub fleet: Result<Fleet<'a>, Unrendered>,
    /// What was refused. The fleet is without the hosts that it belongs to.
    pub refusals: Vec<Refusal>,
    /// How many values were refused beyond those.
    pub more_refused: usize,
    /// What a person should know, beyond the nodes that give no host.
    pub notes: Vec<String>,
    /// What is known of a cluster without a fleet.
    rest: Option<Fleet<'a>>,
}

impl<'a> ResolvedCluster<'a> {
    /// What the answer says of the cluster, fleet or none, unless its own values were refused.
    #[must_use]
    pub fn cluster(&self) -> Option<&Cluster<'a>> {
        self.known().map(|fleet| &fleet.cluster)
    }

    /// The name of the whole cluster, where it has one.
    #[must_use]
    pub fn alias(&self) -> Option<Alias<'_>> {
        self.known().map(Fleet::alias)
    }

    /// The nodes that give no host.
    #[must_use]
    pub fn skipped(&self) -> &[Skipped<'a>] {
        self.known().map_or(&[], |fleet| &fleet.skipped)
    }

    /// How many nodes the answer holds that are neither terminated nor detached.
    #[must_use]
    pub fn nodes_living(&self) -> usize {
        self.known().map_or(0, |fleet| fleet.nodes_living)
    }

    /// A note for each node that gives no host and says why itself: what was refused is told where
    /// it is refused.
    #[must_use]
    pub fn skip_notes(&self) -> Vec<String> {
        if matches!(self.fleet, Err(Unrendered::Terminated)) {
            return Vec::new();
        }
        let loud = self.skipped().iter().filter(|skipped| skipped.why != WhySkipped::Refused);
        let skipped: Vec<&Skipped<'_>> = loud.collect();
        let (told, rest) = skipped.split_at(skipped.len().min(TOLD));
        let title = &self.title;
        let note =
            |skipped: &&Skipped<'_>| format!("{title}: skipped {}: {}", skipped.name, skipped.why);
        let more =
            (!rest.is_empty()).then(|| format!("{title}: skipped {} more nodes", rest.len()));
        told.iter().map(note).chain(more).collect()
    }

    /// The fleet; where there is none, what one would be without its hosts.
    #[must_use]
    pub fn known(&self) -> Option<&Fleet<'a>> {
        self.fleet.as_ref().ok().or(self.rest.as_ref())
    }
}

/// Why there is no fleet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unrendered {
    /// One of the cluster's own values was refused.
    Refused,
    /// The cluster was terminated.
    Terminated,
    /// No node of it has a usable connection.
    NoHost,
    /// It has hosts, but none that is asked for.
    NoneSelected {
        /// The roles that its hosts have, where none has the one that is asked for.
        roles: Vec<String>,
    },
    /// Every worker should jump, and there is no control node to jump through.
    NoControlNode,
    /// The jump host that was named cannot be one.
    BadJumpHost(Invalid),
    /// The data say this jump host, and it is a name of a cluster here.
    ThroughCluster(JumpVia),
}

impl fmt::Display for Unrendered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused => f.write_str("its own values were refused"),
            Self::Terminated => f.write_str("the cluster was terminated"),
            Self::NoHost => f.write_str("no node has a usable connection"),
            Self::NoneSelected { roles } if roles.is_empty() => {
                f.write_str("no host fits --role, --only and --node")
            }
            Self::NoneSelected { roles } => {
                let (told, rest) = roles.split_at(roles.len().min(NAMED));
                let more = if rest.is_empty() { "" } else { ", …" };
                write!(f, "no host has that --role; here are {}{more}", told.join(", "))
            }
            Self::NoControlNode => f.write_str("no usable control node to jump through"),
            Self::BadJumpHost(reason) => reason.fmt(f),
            Self::ThroughCluster(via) => {
                write!(f, "the data lead to it through {via}, a name of a cluster here")
            }
        }
    }
}

impl std::error::Error for Unrendered {}

/// Makes fleets of what the answers say, in the order of (name, id).
#[must_use]
pub fn walk<'a>(
    mut surveys: Vec<CheckedCluster<'a>>,
    options: &Options,
) -> Vec<ResolvedCluster<'a>> {
    for survey in &mut surveys {
        survey.nodes.settle_inactive(options.selection.include_inactive);
    }
    refuse_twins(&mut surveys);
    let names = name_clusters(&surveys.iter().collect::<Vec<_>>(), &options.recorded);
    let aliases = aliases(&surveys, &names, options);
    let mut walked: Vec<_> = surveys
        .into_iter()
        .zip(names)
        .map(|(survey, name)| {
            let id = survey.id().map(|id| id.as_str().to_owned());
            let order = (name.as_ref().map(|name| name.as_str().to_owned()), id);
            (order, walk_one(survey, name, options, &aliases))
        })
        .collect();
    walked.sort_by(|(a, _), (b, _)| a.cmp(b));
    walked.into_iter().map(|(_, walked)| walked).collect()
}

/// The name of each cluster that has one: a recorded one stays, the others are found.
#[must_use]
pub fn name_clusters<'a>(
    surveys: &[&CheckedCluster<'a>],
    recorded: &[(Id<'static>, Slug<'static>)],
) -> Vec<Option<Slug<'a>>> {
    let recorded_for = |id: &Id<'a>| -> Option<Slug<'a>> {
        recorded.iter().find(|(recorded, _)| recorded == id).map(|(_, name)| name.clone())
    };
    let mut names: Names<'a> = Names::default();
    names.take(recorded.iter().map(|(_, name)| name.clone()));
    let newcomers: Vec<(Slug<'a>, &Id<'a>)> = surveys
        .iter()
        .filter_map(|survey| survey.wanted_name().zip(survey.id()))
        .filter(|(_, id)| recorded_for(id).is_none())
        .collect();
    let settled = names.settle(&newcomers, |(slug, id), level| cluster_name(slug, id, level));
    let mut settled = settled.into_iter();
    let ids = surveys.iter().map(|survey| survey.id());
    ids.map(|id| recorded_for(id?).or_else(|| settled.next())).collect()
}

/// The names of the clusters of the run, for those that data say a jump host of.
fn aliases(
    surveys: &[CheckedCluster<'_>],
    names: &[Option<Slug<'_>>],
    options: &Options,
) -> HashSet<String> {
    let is_named = |survey: &CheckedCluster<'_>| {
        survey
            .given
            .as_ref()
            .is_some_and(|given| matches!(given.way, Way::Known(Some(Jump::Via(_)))))
    };
    if options.say_the_way() || !surveys.iter().any(is_named) {
        return HashSet::new();
    }
    names.iter().flatten().map(|name| format!("{}.{name}", options.prefix)).collect()
}

fn walk_one<'a>(
    survey: CheckedCluster<'a>,
    name: Option<Slug<'a>>,
    options: &Options,
    aliases: &HashSet<String>,
) -> ResolvedCluster<'a> {
    let prefix = options.prefix.clone();
    let CheckedCluster { cluster, nodes, mut refusals, label, given, .. } = survey;
    let Nodes { hosts, skipped, failed, refusals: of_nodes, living, .. } = nodes;
    refusals.extend(of_nodes.first);
    let title = cluster.as_ref().map_or(label, title);
    let mut notes = Vec::new();
    let mut rest = None;
    let fleet = match cluster.zip(name) {
        None => Err(Unrendered::Refused),
        Some((cluster, name)) => {
            let mut fleet = Fleet {
                prefix,
                name,
                cluster,
                hosts,
                jump: None,
                nodes_living: living,
                skipped,
                failed,
                entry: 0,
            };
            match choose(&mut fleet, given, options, aliases, &mut notes) {
                Ok(()) => Ok(fleet),
                Err(why) => {
                    fleet.hosts.clear();
                    rest = Some(fleet);
                    Err(why)
                }
            }
        }
    };
    for note in &mut notes {
        note.insert_str(0, &format!("{title}: "));
    }
    ResolvedCluster { title, fleet, refusals, more_refused: of_nodes.more, notes, rest }
}

fn title(cluster: &Cluster<'_>) -> String {
    match cluster.name.as_str() {
        name if name == cluster.id.as_str() => name.to_owned(),
        name => format!("{name} ({})", cluster.id),
    }
}

/// How many skipped nodes are told one by one.
const TOLD: usize = 20;

/// Names, orders and selects the hosts of a fleet that holds all of them, and finds their way in;
/// the names and the order that are `given` stay.
fn choose<'a>(
    fleet: &mut Fleet<'a>,
    given: Option<Given<'a>>,
    options: &Options,
    aliases: &HashSet<String>,
    notes: &mut Vec<String>,
) -> Result<(), Unrendered> {
    if fleet.cluster.terminated && !options.selection.include_inactive {
        return Err(Unrendered::Terminated);
    }
    if fleet.hosts.is_empty() {
        return Err(Unrendered::NoHost);
    }
    if given.is_none() {
        mark_mains(&mut fleet.hosts);
        // Before anything is left out, so that a name does not depend on what is asked for.
        name_hosts(&mut fleet.hosts);
        fleet.hosts.sort_unstable_by(|a, b| {
            b.origin.of_control_node.cmp(&a.origin.of_control_node).then_with(|| by_name(a, b))
        });
    }
    if let Some(Given { prefix, .. }) = given.as_ref().filter(|g| g.prefix != options.prefix) {
        let (name, ours) = (&fleet.name, &options.prefix);
        notes.push(format!(
            "{prefix}.{name} in the data is {ours}.{name} here; `--prefix {prefix}` keeps its names"
        ));
    }
    if let Some(user) = &options.user {
        for host in &mut fleet.hosts {
            host.user = user.clone();
        }
    }
    match given.map(|given| given.way) {
        Some(Way::Known(jump)) if !options.say_the_way() && begins(fleet, jump.as_ref()) => {
            check_given(jump.as_ref(), aliases)?;
            fleet.jump = jump;
        }
        _ => {
            fleet.jump = find_jump(fleet, options)?;
            mark_jumps(fleet, options.jump.unwrap_or_default());
        }
    }
    select(fleet, &options.selection)?;
    match first_control_node(&fleet.hosts) {
        Some(first) => fleet.entry = first,
        None => notes.extend(fleet.entry().map(|host| {
            let (name, to) = (fleet.alias(), fleet.alias_of(host));
            format!("no control node here: {name} leads to {to}")
        })),
    }
    if options.jump.unwrap_or_default() == JumpMode::Auto {
        notes.extend(no_way_in(fleet));
    }
    Ok(())
}

/// The order of two hosts that are both of control nodes, or both not.
fn by_name(a: &Host<'_>, b: &Host<'_>) -> Ordering {
    natural(a.name.as_str(), b.name.as_str())
        .then_with(|| (&a.node, a.port).cmp(&(&b.node, b.port)))
        .then_with(|| (&a.host_name, &a.user).cmp(&(&b.host_name, &b.user)))
}

fn first_control_node(hosts: &[Host<'_>]) -> Option<usize> {
    let control_nodes = hosts.iter().enumerate().filter(|(_, host)| host.control);
    control_nodes.min_by(|(_, a), (_, b)| by_name(a, b)).map(|(at, _)| at)
}

/// Whether the host is there that a way begins at: it may have been refused.
fn begins(fleet: &Fleet<'_>, jump: Option<&Jump<'_>>) -> bool {
    match jump {
        Some(Jump::ControlNode(name)) => fleet.hosts.iter().any(|host| host.name == *name),
        Some(Jump::Via(_)) | None => true,
    }
}

/// A person may lead one cluster through another; data that do so could make a loop of jumps, and
/// that is a fork bomb to ssh.
fn check_given(jump: Option<&Jump<'_>>, aliases: &HashSet<String>) -> Result<(), Unrendered> {
    match jump {
        Some(Jump::Via(via)) if aliases.contains(&via.first_words()) => {
            Err(Unrendered::ThroughCluster(via.clone()))
        }
        _ => Ok(()),
    }
}

/// The first connection of each node, in the order of the survey, is its main one.
fn mark_mains(hosts: &mut [Host<'_>]) {
    let mut node = None;
    for host in hosts {
        host.origin.main = node != Some(host.origin.node);
        node = Some(host.origin.node);
    }
}

fn find_jump<'a>(fleet: &Fleet<'a>, options: &Options) -> Result<Option<Jump<'a>>, Unrendered> {
    let mode = options.jump.unwrap_or_default();
    if mode == JumpMode::Never {
        return Ok(None);
    }
    if let Some(via) = &options.jump_via {
        via.check(&fleet.prefix, &fleet.name, &fleet.hosts).map_err(Unrendered::BadJumpHost)?;
        return Ok(Some(Jump::Via(via.clone())));
    }
    let control = |host: &&Host<'a>| host.control && host.origin.active;
    let public = fleet.hosts.iter().filter(control).find(|host| !host.host_name.is_private());
    let jump = match mode {
        JumpMode::Auto | JumpMode::Never => public,
        JumpMode::Always => public.or_else(|| fleet.hosts.iter().find(control)),
    };
    let workers = fleet.hosts.iter().any(|host| !host.control);
    if mode == JumpMode::Always && workers && jump.is_none() {
        return Err(Unrendered::NoControlNode);
    }
    Ok(jump.map(|host| Jump::ControlNode(host.name.clone())))
}

/// Control nodes are always reached directly, so that no jump leads back to where it came from.
fn mark_jumps(fleet: &mut Fleet<'_>, mode: JumpMode) {
    let any = fleet.jump.is_some();
    for host in &mut fleet.hosts {
        let is_far = mode == JumpMode::Always || host.host_name.is_private();
        host.jumps = any && !host.control && is_far;
    }
}

/// The roles that there are, where no host has the one that is asked for.
fn roles_in_place_of(selection: &Selection, fleet: &Fleet<'_>) -> Vec<String> {
    let Some(wanted) = &selection.role else { return Vec::new() };
    let roles: BTreeSet<&str> =
        fleet.hosts.iter().filter_map(|host| host.role.as_ref()).map(Label::as_str).collect();
    let is_there = roles.iter().any(|role| role.to_lowercase() == wanted.to_lowercase());
    roles.into_iter().filter(|_| !is_there).map(str::to_owned).collect()
}

/// Leaves out what is not asked for, but for the host that others jump through.
fn select(fleet: &mut Fleet<'_>, selection: &Selection) -> Result<(), Unrendered> {
    let chosen: Vec<bool> = fleet
        .hosts
        .iter()
        .map(|host| {
            // Data say of a host that it was not asked for.
            let fits = || selection.takes(host, &fleet.alias_of(host).to_string());
            !host.jump_only && (selection.is_everything() || fits())
        })
        .collect();
    let jumping = fleet.hosts.iter().zip(&chosen).any(|(host, &chosen)| chosen && host.jumps);
    if !chosen.contains(&true) {
        return Err(Unrendered::NoneSelected { roles: roles_in_place_of(selection, fleet) });
    }
    if !jumping {
        fleet.jump = None;
    }
    let jump = match &fleet.jump {
        Some(Jump::ControlNode(name)) => Some(name.clone()),
        _ => None,
    };
    let mut chosen = chosen.into_iter();
    fleet.hosts.retain_mut(|host| {
        host.jump_only = !chosen.next().unwrap_or_default();
        !host.jump_only || Some(&host.name) == jump.as_ref()
    });
    // First, where nobody looks for a host that was asked for; data keep it apart, too.
    let jump_host = fleet.hosts.iter().position(|host| host.jump_only);
    if let Some(front) = jump_host.and_then(|at| fleet.hosts.get_mut(..=at)) {
        front.rotate_right(1);
    }
    Ok(())
}

/// How many names a note lists.
const NAMED: usize = 5;

fn no_way_in(fleet: &Fleet<'_>) -> Option<String> {
    let stranded: Vec<&str> = fleet
        .hosts
        .iter()
        .filter(|host| host.host_name.is_private() && !host.jumps)
        .map(|host| host.name.as_str())
        .collect();
    let (first, rest) = stranded.split_at(stranded.len().min(NAMED));
    let more = if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
    (!first.is_empty()).then(|| {
        format!(
            "{}{more}: at a private address with no jump host; `--jump-via HOST` names one for workers",
            first.join(", ")
        )
    })
}
