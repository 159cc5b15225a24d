//! What was found at each place that was asked so far.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use crate::commands::nodes::look::{self, Found};
use crate::commands::nodes::route::{self, Setup};
use crate::commands::nodes::{ViewedCluster, ViewedHost};
use crate::failure::Outcome;
use crate::install::layout::Layout;
use crate::ssh::login::{Jump, Reason, Ssh};
use crate::ssh::probe::Endpoint;
use crate::ssh::probe::limiter::{Limiter, within_file_limit};

/// How long one place may take to answer.
const ANSWER: Duration = Duration::from_secs(5);
/// How many places are asked at once.
const AT_ONCE: usize = 64;

/// A place, and whether it is behind the cluster's jump host.
type Place = (Endpoint, bool);

/// What was found, from one answer of the API to the next.
pub(super) struct ProbeResults {
    found: HashMap<Place, Found>,
    limiter: Limiter,
    ssh: Option<Ssh>,
    /// The jump host that is logged in to, with where that was, and how often there was a new one.
    jump: Option<(Arc<Jump>, Option<Endpoint>)>,
    logins: usize,
}

impl ProbeResults {
    /// Nothing yet.
    pub(super) fn new() -> Self {
        let limiter = Limiter::new(within_file_limit(AT_ONCE));
        Self { found: HashMap::new(), limiter, ssh: None, jump: None, logins: 0 }
    }

    /// What is known of these hosts.
    pub(super) fn of(&self, hosts: &[ViewedHost<'_>]) -> Vec<Found> {
        hosts.iter().map(|host| self.found.get(&place(host)).cloned().unwrap_or_default()).collect()
    }

    /// How many nodes are up.
    pub(super) fn nodes_up(&self, hosts: &[ViewedHost<'_>]) -> usize {
        self.up(hosts).len()
    }

    fn up<'h>(&self, hosts: &'h [ViewedHost<'_>]) -> HashSet<&'h str> {
        let is_up = |host: &&ViewedHost<'_>| {
            let probe = self.found.get(&place(host)).and_then(|found| found.probe.as_ref());
            host.host.is_active() && probe.is_some_and(|probe| probe.found.is_ok())
        };
        hosts.iter().filter(is_up).map(|host| host.host.node.id.as_str()).collect()
    }

    /// The hosts of nodes that are not known to be up.
    fn open<'h>(&self, hosts: &[ViewedHost<'h>], behind: bool) -> Vec<ViewedHost<'h>> {
        let up = self.up(hosts);
        let is_open = |host: &&ViewedHost<'h>| {
            host.host.is_active()
                && host.host.jumps == behind
                && !up.contains(host.host.node.id.as_str())
        };
        hosts.iter().filter(is_open).copied().collect()
    }

    /// Asks the hosts that are reached without a jump host.
    pub(super) async fn probe_direct(&mut self, hosts: &[ViewedHost<'_>]) {
        let open = self.open(hosts, false);
        let found = &mut self.found;
        look::probe_direct(&open, &self.limiter, ANSWER, |at, new| {
            if let Some(host) = open.get(at) {
                found.insert(place(host), new);
            }
        })
        .await;
    }

    /// Asks those behind the jump host through one login to it. That lasts from one look to the
    /// next; where it is over, or failed, there is a new one.
    pub(super) async fn probe_through(
        &mut self,
        cluster: &ViewedCluster<'_>,
        hosts: &[ViewedHost<'_>],
        layout: &Layout,
    ) -> Outcome<()> {
        let open = self.open(hosts, true);
        for host in &open {
            self.found.remove(&place(host));
        }
        let own = hosts.iter().find(|host| host.is_jump());
        let answers = |host: &ViewedHost<'_>| {
            let probe = self.found.get(&place(host)).and_then(|found| found.probe.as_ref());
            probe.is_some_and(|probe| probe.found.is_ok())
        };
        if open.is_empty() || own.is_some_and(|own| !answers(own)) {
            return Ok(());
        }
        let Some((ssh, jump)) = self.jump(cluster, own.map(ViewedHost::endpoint), layout)? else {
            return Ok(());
        };
        let found = &mut self.found;
        let endpoints = open.iter().map(ViewedHost::endpoint).collect();
        look::probe_through(endpoints, &jump, &ssh, |at, new| {
            if let Some(host) = open.get(at) {
                found.insert(place(host), new);
            }
        })
        .await
    }

    fn jump(
        &mut self,
        cluster: &ViewedCluster<'_>,
        at: Option<Endpoint>,
        layout: &Layout,
    ) -> Outcome<Option<(Ssh, Arc<Jump>)>> {
        let ssh = match &self.ssh {
            Some(ssh) => ssh.clone(),
            None => route::ssh(self.limiter.clone(), ANSWER, layout)?,
        };
        self.ssh = Some(ssh.clone());
        if let Some((jump, was_at)) = &self.jump
            && *was_at == at
            && jump.is_connected()
        {
            return Ok(Some((ssh, Arc::clone(jump))));
        }
        self.logins += 1;
        let setup = Setup::of(cluster, self.logins, &ssh, layout)?;
        let Some(target) = setup.jump_of(cluster) else { return Ok(None) };
        let jump = Arc::new(Jump::new(&ssh, target, self.logins));
        self.jump = Some((Arc::clone(&jump), at));
        Ok(Some((ssh, jump)))
    }

    /// The jump host that refused our login, with the reason, and the host whose settings count
    /// there: itself, where it is one of the cluster's.
    pub(super) fn refusal<'h>(
        &self,
        hosts: &[ViewedHost<'h>],
    ) -> Option<(String, &Reason, ViewedHost<'h>)> {
        let refused = hosts.iter().find_map(|host| {
            let reason = self.found.get(&place(host))?.jump_failure.as_ref()?;
            Some((host.jump()?, reason, *host)).filter(|_| reason.is_refusal())
        });
        let own = hosts.iter().find(|host| host.is_jump()).copied();
        refused.map(|(name, reason, host)| (name, reason, own.unwrap_or(host)))
    }
}

fn place(host: &ViewedHost<'_>) -> Place {
    (host.endpoint(), host.host.jumps)
}
