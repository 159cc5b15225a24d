//! The results of the probes so far, by the place that was asked.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use super::Waiter;
use crate::commands::nodes::reach::{self, Found};
use crate::commands::nodes::route::{self, JumpConnections};
use crate::commands::nodes::{Hop, ViewedCluster, ViewedHost};
use crate::failure::Outcome;
use crate::ssh::login::{JumpConnection, Ssh};
use crate::ssh::probe::{Endpoint, Probe};
use crate::ssh::reason::Reason;

/// The time for one place to answer.
const ANSWER: Duration = Duration::from_secs(5);
/// The results at the places of a cluster, from one answer of the API to the next.
#[derive(Default)]
pub(super) struct ProbeResults {
    /// By the place, and what it is reached through.
    found: HashMap<(Endpoint, Hop), Found>,
    /// The jump hosts that are logged in to, with where that was.
    jumps: HashMap<Hop, (Arc<JumpConnection>, Option<Endpoint>)>,
}

impl ProbeResults {
    /// Returns what is known of this host.
    pub(super) fn of(&self, host: &ViewedHost<'_>) -> Found {
        self.found.get(&place(host)).cloned().unwrap_or_default()
    }

    fn add(&mut self, host: Option<&ViewedHost<'_>>, found: Found) {
        self.found.extend(host.map(|host| (place(host), found)));
    }

    fn answers(&self, host: &ViewedHost<'_>) -> bool {
        let probe = self.found.get(&place(host)).and_then(|found| found.probe.as_ref());
        probe.is_some_and(Probe::is_ok)
    }

    /// The ids of the nodes that are up, of those that should have one of these hosts.
    pub(super) fn up<'h>(&self, hosts: impl Iterator<Item = ViewedHost<'h>>) -> HashSet<&'h str> {
        let is_up = |host: &ViewedHost<'h>| host.host.is_active() && self.answers(host);
        hosts.filter(is_up).map(|host| host.host.node.id.as_str()).collect()
    }

    /// The hosts of nodes that are not known to be up.
    fn open<'h>(&self, cluster: &'h ViewedCluster<'h>, hop: Hop) -> Vec<ViewedHost<'h>> {
        let up = self.up(cluster.hosts());
        let is_open = |host: &ViewedHost<'h>| {
            host.host.is_active() && host.hop() == hop && !up.contains(host.host.node.id.as_str())
        };
        cluster.hosts().filter(is_open).collect()
    }

    /// The jump host that refused our login, with the reason, and a host behind it.
    pub(super) fn refusal<'h>(
        &self,
        cluster: &'h ViewedCluster<'h>,
    ) -> Option<(String, &Reason, ViewedHost<'h>)> {
        cluster.hosts().find_map(|host| {
            let reason = self.found.get(&place(&host))?.jump_failure.as_ref()?;
            Some((host.proxy_jump()?, reason, host)).filter(|_| reason.is_refusal())
        })
    }
}

impl Waiter<'_> {
    /// Asks the hosts of nodes that are not known to be up, of those that are reached so. Behind a
    /// jump host that takes one login to it. It lasts from one look to the next; where it is over, or
    /// failed, there is a new one.
    pub(super) async fn probe(
        &self,
        hop: Hop,
        cluster: &ViewedCluster<'_>,
        results: &mut ProbeResults,
    ) -> Outcome<()> {
        let open = results.open(cluster, hop);
        if hop == Hop::None {
            reach::probe_direct(&open, &self.limiter, ANSWER, |at, new| {
                results.add(open.get(at), new);
            })
            .await;
            return Ok(());
        }
        for host in &open {
            results.found.remove(&place(host));
        }
        let own = cluster.hosts().find(|host| hop == Hop::Jump && host.is_jump());
        if open.is_empty() || own.is_some_and(|own| !results.answers(&own)) {
            return Ok(());
        }
        let at = own.as_ref().map(ViewedHost::endpoint);
        let ssh = self.ssh()?;
        let Some(jump) = self.jump(hop, cluster, at, ssh, results)? else { return Ok(()) };
        let endpoints = open.iter().map(ViewedHost::endpoint).collect();
        reach::probe_through(endpoints, &jump, ssh, |at, new| results.add(open.get(at), new)).await
    }

    fn ssh(&self) -> Outcome<&Ssh> {
        if let Some(ssh) = self.ssh.get() {
            return Ok(ssh);
        }
        let ssh = route::ssh(self.limiter.clone(), ANSWER, &self.viewing.layout)?;
        Ok(self.ssh.get_or_init(|| ssh))
    }

    fn jump(
        &self,
        hop: Hop,
        cluster: &ViewedCluster<'_>,
        at: Option<Endpoint>,
        ssh: &Ssh,
        results: &mut ProbeResults,
    ) -> Outcome<Option<Arc<JumpConnection>>> {
        let connected = |hop| results.jumps.get(&hop).filter(|(jump, _)| jump.is_connected());
        if let Some((jump, was_at)) = connected(hop)
            && *was_at == at
        {
            return Ok(Some(Arc::clone(jump)));
        }
        let bastion = connected(Hop::Bastion).map(|(bastion, _)| Arc::clone(bastion));
        let new = JumpConnections::of(cluster, ssh, &self.viewing.layout, bastion)?;
        for (hop, at) in [(Hop::Bastion, None), (hop, at)] {
            results.jumps.extend(new.of_hop(hop).map(|jump| (hop, (jump, at))));
        }
        Ok(new.of_hop(hop))
    }
}

fn place(host: &ViewedHost<'_>) -> (Endpoint, Hop) {
    (host.endpoint(), host.hop())
}
