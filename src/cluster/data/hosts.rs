//! What can be judged only of all hosts of a cluster together.

use std::collections::{HashMap, HashSet};

use super::super::host::Host;
use super::super::jump::{Jump, JumpVia};
use super::super::refusal::{Refusal, Refusals, quoted};
use super::{Checked, HostData, JUMP_HOST, Named, Way, check_host, place};
use crate::cluster::duplicates;
use crate::name::{Id, Invalid, Slug};

const ALIAS: &str = "alias";
const PROXY_JUMP: &str = "proxy_jump";

/// The hosts of a cluster, and what was refused of them.
pub(super) struct Hosts<'a> {
    pub(super) named: Vec<Named<'a>>,
    pub(super) refusals: Refusals,
    /// The places of those that were refused.
    pub(super) refused: Vec<u32>,
}

impl<'a> Hosts<'a> {
    /// Those of the list, behind the one that is only jumped through.
    pub(super) fn of(list: Checked<Named<'a>>, jump_host: Option<HostData<'a>>) -> Self {
        let Checked { list: mut named, refusals, refused } = list;
        let mut hosts = Self { named: Vec::new(), refusals, refused };
        if let Some(data) = jump_host {
            let mut refusals = Vec::new();
            if let Ok(mut checked) = check_host(&data, JUMP_HOST, &mut refusals) {
                checked.host.jump_only = true;
                named.insert(0, checked);
            }
            hosts.refusals.extend(refusals);
        }
        hosts.named = named;
        hosts
    }

    /// Refuses what does not fit to the cluster of this alias or to the other hosts, and finds the
    /// way to those that jump.
    pub(super) fn judge(&mut self, prefix: &Slug<'a>, name: &Slug<'a>) -> Way<'a> {
        self.refuse(ALIAS, |named| {
            let is_ours = named.of == [prefix.clone(), name.clone()];
            let reason = || Invalid::because(format!("not a name of the cluster {prefix}.{name}"));
            (!is_ours).then(reason)
        });
        let names =
            duplicates::groups(self.named.iter().map(|named| &named.host.name), |name| *name);
        let twice: HashSet<Slug<'a>> = names.into_iter().flatten().cloned().collect();
        self.refuse(ALIAS, |named| {
            let reason = || Invalid::because("the alias of another host too");
            twice.contains(&named.host.name).then(reason)
        });
        self.way(prefix, name)
    }

    /// One way leads to all hosts that jump, and it begins at a host that does not jump itself: a
    /// loop of jumps is a fork bomb to ssh.
    fn way(&mut self, prefix: &Slug<'a>, name: &Slug<'a>) -> Way<'a> {
        let Some(way) = self.named.iter().find_map(|named| named.proxy_jump.clone()) else {
            return Way::Known(None);
        };
        let node = way.strip_prefix(&format!("{prefix}.{name}."));
        let is_there = |node: &str| self.named.iter().any(|named| named.host.name.as_str() == node);
        if !self.refusals.first.is_empty() && node.is_some_and(|node| !is_there(node)) {
            return Way::Lost;
        }
        let jump = self.resolve(&way, node, prefix, name);
        self.refuse(PROXY_JUMP, |named| match &named.proxy_jump {
            None => None,
            Some(_) if named.host.control => {
                Some(Invalid::because("a control node is reached directly"))
            }
            Some(other) if *other != way => {
                Some(Invalid::because("another way than to the other hosts of the cluster"))
            }
            Some(_) => jump.clone().err(),
        });
        Way::Known(jump.ok())
    }

    fn resolve(
        &self,
        way: &str,
        node: Option<&str>,
        prefix: &Slug<'a>,
        name: &Slug<'a>,
    ) -> Result<Jump<'a>, Invalid> {
        let mut hosts = self.named.iter().map(|named| &named.host);
        let Some(node) = node else {
            let via: JumpVia = way.parse()?;
            via.check(prefix, name, hosts)?;
            return Ok(Jump::Via(via));
        };
        let leads_on = |host: &&Host<'a>| host.control && host.is_active() && !host.jumps;
        let through = hosts.find(|host| host.name.as_str() == node);
        through.filter(leads_on).map(|host| Jump::ControlNode(host.name.clone())).ok_or_else(|| {
            Invalid::because("no control node here that is active and reached directly")
        })
    }

    /// Refuses every host that there is something `against`, because of this field.
    fn refuse(&mut self, field: &str, mut against: impl FnMut(&Named<'a>) -> Option<Invalid>) {
        let Self { named, refusals, refused } = self;
        named.retain(|named| {
            let Some(reason) = against(named) else { return true };
            let Named { host, of: [prefix, cluster], proxy_jump } = named;
            let value = match proxy_jump {
                Some(way) if field == PROXY_JUMP => way.to_string(),
                _ => format!("{prefix}.{cluster}.{}", host.name),
            };
            let path = format!("{}.{field}", place(host.origin));
            refusals.extend(vec![Refusal { path, excerpt: quoted(&value), reason }]);
            if !host.jump_only {
                refused.push(host.origin.connection);
            }
            false
        });
    }
}

/// Gives the hosts of each node a number of their own; says how many nodes there are.
pub(super) fn number_nodes(hosts: &mut [Host<'_>]) -> u32 {
    let mut numbers: HashMap<Id<'_>, u32> = HashMap::new();
    let mut next = 0;
    for host in hosts {
        host.origin.node = *numbers.entry(host.node.clone()).or_insert_with(|| {
            next += 1;
            next - 1
        });
    }
    next
}
