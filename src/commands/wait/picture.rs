//! What is known of a cluster's nodes: what the API said last, and which of them answered so far.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::cluster::{Fleet, Host, Jump, NoFleet, ResolvedCluster, WhySkipped};
use crate::name::Port;
use crate::ssh::probe::pace::{self, Limiter};
use crate::ssh::probe::{self, Endpoint, ProbeError, Software};

/// How long one place may take to answer.
const ANSWER: Duration = Duration::from_secs(5);
/// How many places are asked at once.
const AT_ONCE: usize = 64;

/// The nodes of a cluster as the API said last.
#[derive(Debug, Default)]
pub(super) struct Picture {
    /// `prime.train`.
    pub(super) alias: String,
    pub(super) id: String,
    pub(super) is_terminated: bool,
    /// How many nodes are in the cluster.
    pub(super) living: usize,
    /// Those of them that have a connection.
    pub(super) nodes: Vec<Node>,
    /// Those of them that have none.
    pub(super) unconnected: Vec<Unconnected>,
    /// Why none of them can be reached, where that is so.
    no_way: Option<String>,
    /// Why the API did not say anything newer.
    pub(super) outage: Option<String>,
}

/// A node with a connection.
#[derive(Debug)]
pub(super) struct Node {
    id: String,
    pub(super) ways: Vec<Way>,
    /// Why its installation failed, where it did.
    failure: Option<String>,
}

/// One host of it.
#[derive(Debug)]
pub(super) struct Way {
    pub(super) alias: String,
    pub(super) destination: String,
    /// What it is reached through.
    pub(super) jump: Option<String>,
    /// Where to ask whether it is up: at the host itself, or at its jump host. None where that is
    /// a name that only ssh knows.
    endpoint: Option<Endpoint>,
}

/// A node without a connection.
#[derive(Debug)]
pub(super) struct Unconnected {
    pub(super) name: String,
    pub(super) why: String,
    is_refused: bool,
    failure: Option<String>,
}

impl Unconnected {
    /// Whether nothing is wrong with it but that it takes its time.
    pub(super) fn is_on_its_way(&self) -> bool {
        self.failure.is_none() && !self.is_refused
    }
}

impl Picture {
    /// What an answer says.
    pub(super) fn of(resolved: &ResolvedCluster<'_>) -> Self {
        let Some(fleet) = resolved.known() else { return Self::default() };
        Self {
            alias: fleet.alias().to_string(),
            id: fleet.cluster.id.to_string(),
            is_terminated: fleet.cluster.is_terminated(),
            living: fleet.nodes_living,
            nodes: nodes(fleet),
            unconnected: unconnected(fleet),
            no_way: match &resolved.fleet {
                Err(why @ NoFleet::NoControlNode) => Some(why.to_string()),
                _ => None,
            },
            outage: None,
        }
    }

    /// The installations that failed on nodes that are not up: of which node, and why.
    pub(super) fn failures<'p>(&'p self, known: &'p Known) -> impl Iterator<Item = Failed<'p>> {
        let down = self.nodes.iter().filter(|node| !known.is_up(node));
        let connected = down.filter_map(|node| {
            let name = node.ways.first().map_or(&node.id, |way| &way.alias);
            Some(Failed { name, why: node.failure.as_ref()? })
        });
        let unconnected = self.unconnected.iter();
        connected.chain(
            unconnected
                .filter_map(|node| Some(Failed { name: &node.name, why: node.failure.as_ref()? })),
        )
    }

    /// How many nodes are up.
    pub(super) fn up(&self, known: &Known) -> usize {
        self.nodes.iter().filter(|node| known.is_up(node)).count()
    }

    /// `prime.train: 1 of 3 nodes is up`.
    pub(super) fn count(&self, known: &Known) -> String {
        let up = self.up(known);
        let are = if up == 1 || self.living == 1 { "is" } else { "are" };
        let nodes = if self.living == 1 { "node" } else { "nodes" };
        format!("{}: {up} of {} {nodes} {are} up", self.alias, self.living)
    }

    /// The same with what the others are waited for, as long as it says something new.
    pub(super) fn state(&self, known: &Known) -> String {
        let failed = self.failures(known).count();
        let waiting = self.unconnected.iter().filter(|node| node.is_on_its_way()).count();
        let refused = self.unconnected.iter().filter(|node| node.is_refused).count();
        let down = |node: &&Node| !known.is_up(node) && node.failure.is_none();
        let silent = self.nodes.iter().filter(down).count();
        let mut others = Vec::new();
        for (count, one, several) in [
            (silent, "does not answer yet", "do not answer yet"),
            (waiting, "has no connection yet", "have no connection yet"),
            (refused, "has a value that is refused", "have values that are refused"),
            (failed, "failed to install", "failed to install"),
        ] {
            if count > 0 {
                others.push(format!("{count} {}", if count == 1 { one } else { several }));
            }
        }
        let others = (!others.is_empty()).then(|| others.join(", "));
        let outage = self.outage.as_ref().map(|outage| format!("no news, for {outage}"));
        let state = [Some(self.count(known)), others, outage];
        state.into_iter().flatten().collect::<Vec<_>>().join("; ")
    }

    /// What is missing, a line a node that is not up.
    pub(super) fn missing(&self, known: &Known) -> Vec<String> {
        let mut lines = Vec::new();
        for node in self.nodes.iter().filter(|node| !known.is_up(node)) {
            for way in &node.ways {
                lines.push(format!("{}: {}", way.alias, Says(way, known)));
            }
        }
        lines.extend(self.unconnected.iter().map(|node| format!("{}: {}", node.name, node.why)));
        lines.extend(self.no_way.iter().chain(&self.outage).cloned());
        if lines.is_empty() {
            lines.push("no further node is in the cluster".to_owned());
        }
        lines
    }

    /// A jump host that nobody but ssh can find.
    pub(super) fn unasked_jump(&self) -> Option<&str> {
        let ways = self.nodes.iter().flat_map(|node| &node.ways);
        ways.filter(|way| way.endpoint.is_none()).find_map(|way| way.jump.as_deref())
    }

    /// The places that must be asked: each of a node that is not known to be up.
    fn open(&self, known: &Known) -> Vec<Endpoint> {
        let down = self.nodes.iter().filter(|node| !known.is_up(node));
        down.flat_map(|node| &node.ways).filter_map(|way| way.endpoint.clone()).collect()
    }
}

/// A node whose installation failed.
pub(super) struct Failed<'p> {
    pub(super) name: &'p str,
    pub(super) why: &'p str,
}

fn nodes(fleet: &Fleet<'_>) -> Vec<Node> {
    let mut nodes: Vec<Node> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for host in fleet.hosts.iter().filter(|host| host.is_active()) {
        let id = host.node.id.to_string();
        let at = *places.entry(id.clone()).or_insert_with(|| {
            let failure = host.node.failure.as_ref().map(ToString::to_string);
            nodes.push(Node { id, ways: Vec::new(), failure });
            nodes.len() - 1
        });
        if let Some(node) = nodes.get_mut(at) {
            node.ways.push(Way {
                alias: fleet.alias_of(host).to_string(),
                destination: host.destination().to_string(),
                jump: fleet.proxy_jump(host).map(|jump| jump.to_string()),
                endpoint: endpoint(fleet, host),
            });
        }
    }
    nodes
}

/// Where to ask whether a host is up.
fn endpoint(fleet: &Fleet<'_>, host: &Host<'_>) -> Option<Endpoint> {
    let at =
        |host: &Host<'_>| Endpoint { host: host.host_name.clone().into_owned(), port: host.port };
    match fleet.jump.as_ref().filter(|_| host.jumps) {
        None => Some(at(host)),
        Some(Jump::ControlNode(name)) => fleet.hosts.iter().find(|host| host.name == *name).map(at),
        Some(Jump::Via(via)) => {
            Some(Endpoint { host: via.address()?.clone(), port: via.port().unwrap_or(Port::SSH) })
        }
    }
}

fn unconnected(fleet: &Fleet<'_>) -> Vec<Unconnected> {
    let living = fleet.skipped.iter().filter(|skipped| skipped.why.is_living());
    living
        .map(|skipped| Unconnected {
            name: skipped.name.to_string(),
            why: skipped.why.to_string(),
            is_refused: skipped.why == WhySkipped::Refused,
            failure: match &skipped.why {
                WhySkipped::NoConnection { failure, .. } => {
                    failure.as_ref().map(ToString::to_string)
                }
                _ => None,
            },
        })
        .collect()
}

/// What was found at each place that was asked.
#[derive(Debug)]
pub(super) struct Known {
    found: HashMap<Endpoint, Result<Software, ProbeError>>,
    pace: Limiter,
}

impl Known {
    /// Nothing yet.
    pub(super) fn nothing() -> Self {
        Self { found: HashMap::new(), pace: Limiter::new(pace::at_most(AT_ONCE)) }
    }

    /// Asks at each place of a node that is not known to be up; what is not answered at `until`
    /// stays as it is.
    pub(super) async fn ask(&mut self, picture: &Picture, until: Instant) {
        let open = picture.open(self);
        let found = &mut self.found;
        let told = |at: usize, probe: &probe::Probe| {
            if let Some(endpoint) = open.get(at) {
                found.insert(endpoint.clone(), probe.found.clone());
            }
        };
        // What came in time has been told.
        let _ = timeout_at(until, probe::all(&open, &self.pace, ANSWER, told)).await;
    }

    fn is_up(&self, node: &Node) -> bool {
        node.ways.iter().any(|way| self.is_up_by(way) == Some(true))
    }

    /// Whether it is up this way; `None` where nobody asked yet.
    pub(super) fn is_up_by(&self, way: &Way) -> Option<bool> {
        match &way.endpoint {
            None => Some(true),
            Some(endpoint) => self.found.get(endpoint).map(Result::is_ok),
        }
    }

    /// What answers there, or why nothing does.
    pub(super) fn found(&self, way: &Way) -> Option<&Result<Software, ProbeError>> {
        self.found.get(way.endpoint.as_ref()?)
    }
}

/// What was found out about a way, in words.
pub(super) struct Says<'k>(pub(super) &'k Way, pub(super) &'k Known);

impl fmt::Display for Says<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(way, known) = self;
        if let Some(jump) = &way.jump {
            write!(f, "behind {jump}: ")?;
        }
        match known.found(way) {
            Some(Ok(software)) => software.fmt(f),
            Some(Err(trouble)) => trouble.fmt(f),
            None if way.endpoint.is_none() => f.write_str("not asked, for only ssh knows the way"),
            None => f.write_str("not asked yet"),
        }
    }
}
